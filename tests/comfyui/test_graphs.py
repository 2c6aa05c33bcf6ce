"""Every graph that ships, and the blueprint, run to their end by a real ComfyUI on small untrained networks."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import av
import pytest

from .editor import flatten
from .graphs import BLUEPRINT, SUBGRAPHS, VERSIONS, WORKFLOWS, blueprint, graphs
from .test_workflow import read

# Frames, width and height of what comes out, where every clip is as short and small as `quick` makes it. AAC pads the
# sound of the clip that lip sync listens to, so that its picture lasts a frame longer.
RESULTS = {
    "text_to_video": (24, 64, 64), "text_to_video_app": (96, 128, 128), "image_to_video": (24, 128, 128),
    "cameo_from_a_picture": (24, 64, 64),
    "extend_video": (96 + 12, 128, 128), "foley_for_a_silent_clip": (96, 128, 128),
    "lip_sync_to_a_voice": (97, 128, 128), "lora_of_your_clips": (24, 64, 64), "chain_with_core_nodes": (24, 192, 192),
}
SHORT = {
    "SoraEmptyLatent": {"seconds": 1.0, "width": 64, "height": 64}, "SoraImageToVideo": {"seconds": 1.0},
    "SoraExtendVideo": {"seconds": 0.5, "tail_seconds": 0.5}, "SoraTextToVideo": {"size": "128x128", "duration": 4},
}

pytestmark = pytest.mark.comfyui


def quick(prompt: dict[str, Any]) -> dict[str, Any]:
    """The same prompt on the tiny checkpoint, with two steps and short clips; a still stays a still."""
    for entry in prompt.values():
        inputs = entry["inputs"]
        if "checkpoint" in inputs:
            inputs["checkpoint"] = "tiny.safetensors"
        if isinstance(inputs.get("steps"), int):
            inputs["steps"] = 2
        shorter = dict(SHORT.get(entry["class_type"], {}))
        if inputs.get("seconds", 1.0) < 0.1:
            shorter.pop("seconds")
        inputs |= shorter
    return prompt


def shipped(name: str) -> dict[str, Any]:
    return json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))


def check(server: Any, run: Any, workflow: dict[str, Any], frames: int, width: int, height: int) -> None:
    """One MP4 with the picture, the sound and the graph that it should have."""
    assert run.status == "success", run.messages
    (path,) = [file for file in server.saved(run) if file.suffix == ".mp4"]
    pictures, sound, tags = read(path)
    assert len(pictures) == frames and pictures[0].shape == (height, width, 3)
    wanted = frames * 24000 // 24
    # AAC fills its last packet; a picture made for a sound lasts until the frame in which the sound ends.
    assert wanted - 1000 <= sound.shape[-1] <= wanted + 2048
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert container.streams.video[0].average_rate == 24 and container.streams.audio[0].rate == 24000
        assert container.streams.video[0].codec_context.name == "h264"
    assert json.loads(tags["workflow"]) == workflow and json.loads(tags["prompt"])


def test_all_of_them_are_offered(server: Any) -> None:
    offered = [name for name in server.get("/workflow_templates")["soracore"] if not name.startswith("engine_")]
    assert sorted(offered) == sorted(RESULTS)
    for name in RESULTS:
        picture = server.read(f"/api/workflow_templates/soracore/{name}.jpg")
        assert picture.startswith(b"\xff\xd8") and len(picture) < 60_000


@pytest.mark.parametrize("name", RESULTS)
def test_the_graph_runs_to_its_end(server: Any, name: str) -> None:
    workflow = shipped(name)
    run = server.run(quick(server.to_api(flatten(workflow))), workflow=workflow)
    check(server, run, workflow, *RESULTS[name])


def test_the_blueprint_is_listed_and_runs(server: Any) -> None:
    listed = server.get("/global_subgraphs")
    (number,) = [key for key, entry in listed.items() if entry["name"] == BLUEPRINT]
    given = json.loads(server.get(f"/global_subgraphs/{number}")["data"])
    assert given == json.loads((SUBGRAPHS / f"{BLUEPRINT}.json").read_text(encoding="utf-8"))
    (outer,) = given["nodes"]
    workflow = {**given, "nodes": [outer, {
        "id": 2, "type": "SaveVideo", "mode": 0, "inputs": [{"name": "video", "type": "VIDEO", "link": 1}],
        "outputs": [], "widgets_values": ["video/blueprint", "auto", "auto", "auto"]}], "links": [
            [1, outer["id"], 0, 2, 0, "VIDEO"]]}
    run = server.run(quick(server.to_api(flatten(workflow))), workflow=workflow)
    check(server, run, workflow, 24, 64, 64)


def test_the_shipped_files_are_what_their_source_writes(server: Any) -> None:
    """After a change of the nodes or of the recipes: python -m tests.comfyui.graphs OBJECT_INFO.json."""
    types = server.get("/object_info")
    types["SoraCheckpointLoader"]["input"]["required"]["checkpoint"][1]["options"] = ["sora-nano (embedded)"]
    for file, graph in graphs(types).items():
        assert json.loads((WORKFLOWS / file).read_text(encoding="utf-8")) == json.loads(json.dumps(graph)), file
    written = json.loads((SUBGRAPHS / f"{BLUEPRINT}.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(blueprint(types)))


@pytest.mark.parametrize("name", RESULTS)
def test_every_node_says_where_it_comes_from_and_none_hides_another(server: Any, name: str) -> None:
    types = server.get("/object_info")
    nodes = shipped(name)["nodes"]
    for node in nodes:
        if node["type"] == "MarkdownNote":
            assert len(node["widgets_values"][0]) > 100
            continue
        pack = "soracore" if node["type"].startswith("Sora") else "comfy-core"
        assert node["type"] in types
        assert (node["properties"]["cnr_id"], node["properties"]["ver"]) == (pack, VERSIONS[pack])
    assert any(node["type"] == "MarkdownNote" for node in nodes)
    for one, other in combinations(nodes, 2):
        apart = [one["pos"][axis] + one["size"][axis] <= other["pos"][axis] - (30 if axis else 0)
                 or other["pos"][axis] + other["size"][axis] <= one["pos"][axis] - (30 if axis else 0)
                 for axis in (0, 1)]
        assert any(apart), f"{one['type']} and {other['type']} overlap"


def test_the_app_shows_prompt_size_and_seconds() -> None:
    graph = shipped("text_to_video_app")
    nodes = {str(node["id"]): node for node in graph["nodes"]}
    assert graph["extra"]["linearMode"] is True
    shown = graph["extra"]["linearData"]
    assert [name for _, name in shown["inputs"]] == ["prompt", "size", "duration"]
    for number, name in shown["inputs"]:
        assert any(slot["name"] == name for slot in nodes[number]["inputs"])
    assert [nodes[number]["type"] for number in shown["outputs"]] == ["SaveVideo"]
