"""What stays in memory, what is open to see, and what can go wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sora_core.engines.facts import ENGINES, LTX_25

from ..graphs import WORKFLOWS
from .conftest import graph, node
from .shipped import NATIVE, graphs, native

pytestmark = pytest.mark.comfyui


def names(ran: list[str]) -> set[str]:
    return {name.rpartition(".")[2] for name in ran}


def kept(engines: Any, name: str) -> dict[str, Any]:
    return load_file(engines.base / "output" / f"{name}.safetensors")


def test_a_new_seed_loads_nothing_and_the_same_prompt_does_nothing(engines: Any) -> None:
    engines.trace(graph("MiniMax-H3", seed=99))     # so that LTX has to be loaded
    _, first = engines.trace(graph("LTX-2.5", seed=100))
    assert len([name for name in first if "load_" in name]) == 5
    _, new = engines.trace(graph("LTX-2.5", seed=101))
    assert names(new) == {"video", "noise", "sample", "half", "larger", "second_start", "second_sample", "streams",
                          "decode", "decode_sound", "file", "told"}
    _, again = engines.trace(graph("LTX-2.5", seed=101))
    assert again == []
    run, after = engines.trace(graph("LTX-2.5", seed=102))
    assert run.status == "success" and not any("load" in name for name in after) and "sample" in names(after)


def test_best_of_four_at_the_next_seed_tries_one_more(engines: Any) -> None:
    prompt = graph("LTX-2.5", best_of=4, judge_step=3, seed=20)
    run, first = engines.trace(prompt)
    assert run.status == "success", run.messages
    assert len([name for name in first if ".sample_" in name]) == 4
    (report,) = run.outputs["told"]["text"]
    assert "4 candidates, judged after 3 of 8 steps: 17 steps instead of 8" in report and "was judged best" in report
    prompt["video"]["inputs"]["seed"] = 21
    _, new = engines.trace(prompt)
    assert [name for name in new if ".sample_" in name] == ["video.0.0.sample_3"]


def test_the_best_of_several_is_the_clip_that_its_seed_alone_gives(engines: Any) -> None:
    """With euler, going on after the look changes nothing: at MiniMax-H3, whose graph is one sampler."""
    prompt = graph("MiniMax-H3", best_of=2, judge_step=2, seed=30)
    prompt["keep"] = node("TinyKeep", latent=["video", 1], name="best")
    run, _ = engines.trace(prompt)
    assert run.status == "success", run.messages
    seed = int(run.outputs["told"]["text"][0].split("Seed ")[1].split()[0])
    opened = engines.post("/sora/engine_graph", {"prompt": graph("MiniMax-H3", seed=seed), "node": "video"})["prompt"]
    sampler = next(entry for entry in opened.values() if entry["class_type"] == "KSamplerSelect")
    sampler["inputs"]["sampler_name"] = "euler"
    end = next(name for name, entry in opened.items() if entry["class_type"] == "SamplerCustomAdvanced")
    opened["keep"] = node("TinyKeep", latent=[end, 0], name="alone")
    assert engines.trace(opened)[0].status == "success"
    best, alone = kept(engines, "best"), kept(engines, "alone")
    for stream in best:
        assert float((best[stream] - alone[stream]).abs().max()) < 1e-5 * float(alone[stream].abs().max())


@pytest.mark.parametrize(("engine", "mode"), [("LTX-2.5", "text"), ("MiniMax-H3", "first image")])
def test_the_opened_graph_gives_the_same_latents(engines: Any, engine: str, mode: str) -> None:
    prompt = graph(engine, mode, seed=40)
    prompt["keep"] = node("TinyKeep", latent=["video", 1], name="inside")
    assert engines.trace(prompt)[0].status == "success"
    prompt["keep"]["inputs"]["name"] = "opened"
    opened = engines.post("/sora/engine_graph", {"prompt": prompt, "node": "video"})["prompt"]
    kinds = {entry["class_type"] for entry in opened.values()}
    assert not kinds & {"SoraEngine", "SoraEngineVideo"}
    assert {kind for kind in kinds if kind.startswith("Sora")} <= {"SoraEngineClip"}
    run, _ = engines.trace(opened)
    assert run.status == "success", run.messages
    inside, outside = kept(engines, "inside"), kept(engines, "opened")
    assert inside.keys() == outside.keys() and all(bool((inside[key] == outside[key]).all()) for key in inside)


@pytest.mark.parametrize(("change", "words"), [
    ({"node": "engine"}, "this node can't be opened"), ({"node": "nobody"}, "there is no node nobody"),
    ({"prompt": 3}, "this is no graph"), ({"seed": ["told", 0]}, "seed is connected"),
])
def test_what_cannot_be_opened_is_a_sentence(engines: Any, change: dict[str, Any], words: str) -> None:
    prompt = graph("LTX-2.5", **({"seed": change["seed"]} if "seed" in change else {}))
    answer = engines.post("/sora/engine_graph", {"prompt": prompt, "node": "video", **change})
    assert words in answer["error"]


def test_the_shipped_graphs_are_what_the_recipes_write(engines: Any) -> None:
    """After a change: python -m tests.comfyui.engines.shipped graphs OBJECT_INFO.json."""
    for file, workflow in graphs(engines.get("/object_info")).items():
        shipped = json.loads((WORKFLOWS / file).read_text(encoding="utf-8"))
        assert shipped == json.loads(json.dumps(workflow)), file
        for entry in shipped["nodes"]:
            for model in entry["properties"].get("models", []):
                assert model["url"].endswith(model["name"]) and model["name"] in json.dumps(entry["widgets_values"])


@pytest.mark.parametrize("name", NATIVE)
def test_a_shipped_graph_queues_what_its_recipe_says(engines: Any, name: str) -> None:
    recipe, _, _ = native(name)
    queued = list(engines.to_api(json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))).values())
    queued = [entry for entry in queued if entry["class_type"] not in ("SaveVideo", "LoadImage", "LoadAudio")]
    assert [entry["class_type"] for entry in queued] == [kind for kind, _ in recipe.nodes.values()]
    for entry, (_, inputs) in zip(queued, recipe.nodes.values(), strict=True):
        assert set(inputs) <= set(entry["inputs"])
        values = {key: value for key, value in inputs.items() if isinstance(value, str | int | float)}
        assert values.items() <= entry["inputs"].items()


def test_a_shipped_graph_runs(engines: Any) -> None:
    prompt = engines.to_api(json.loads((WORKFLOWS / "engine_ltx_2_5.json").read_text(encoding="utf-8")))
    for entry in prompt.values():
        if entry["class_type"] == "EmptyLTXVLatentVideo":
            entry["inputs"] |= {"width": 64, "height": 64, "length": 9}
        if entry["class_type"] == "LTXVEmptyLatentAudio":
            entry["inputs"]["frames_number"] = 9
    run, _ = engines.trace(prompt)
    assert run.status == "success", run.messages
    assert engines.saved(run)[0].suffix == ".mp4"


def test_a_missing_file_says_where_to_get_it(engines: Any) -> None:
    folder = engines.base / "models" / "vae"
    file = folder / "ltx-2.5-audio-vae-bf16.safetensors"
    file.rename(folder / "away")
    try:
        run, ran = engines.trace(graph("LTX-2.5", seed=60))
    finally:
        (folder / "away").rename(file)
    assert run.error == (f"LTX-2.5 needs models/vae/{file.name}, which isn't there; download it from "
                         f"{LTX_25.file('audio_vae').url} (accept the licence on that page first)")
    assert not any("load_" in name for name in ran)
    assert engines.trace(graph("LTX-2.5", seed=60))[0].status == "success"


def test_a_file_that_was_chosen_and_is_gone_is_named(engines: Any) -> None:
    run, _ = engines.trace(graph("LTX-2.5", files={"video_vae": "gone.safetensors"}))
    assert run.error == "LTX-2.5 needs models/vae/gone.safetensors, which isn't there; choose another file"


def test_a_file_of_another_name_is_found_by_its_header(engines: Any) -> None:
    folder = engines.base / "models" / "vae"
    file = folder / "ltx-2.5-video-vae-bf16.safetensors"
    file.rename(folder / "my favourite.safetensors")
    try:
        run, _ = engines.trace(graph("LTX-2.5", seed=61))
    finally:
        (folder / "my favourite.safetensors").rename(file)
    assert run.status == "success", run.messages


@pytest.mark.parametrize(("make", "words"), [
    (lambda file: shutil.copy(file.with_name("wan2.2_ti2v_5B_fp16.safetensors"), file),
     "holds Wan 2.2 5B, not an LTX model with sound; choose another file"),
    (lambda file: file.write_bytes(file.read_bytes()[:-900_000]), "is cut off at 0.00596 of 0.00686 GB; download it"),
])
def test_a_wrong_or_broken_file_is_named_before_anything_loads(engines: Any, make: Any, words: str) -> None:
    file = engines.base / "models" / "diffusion_models" / LTX_25.file("model").name
    whole = file.read_bytes()
    try:
        make(file)
        run, ran = engines.trace(graph("LTX-2.5", seed=62))
    finally:
        file.write_bytes(whole)
    assert run.failed_node == "SoraEngine" and words in run.error and not any("load_" in name for name in ran)
    assert engines.trace(graph("LTX-2.5", seed=62))[0].status == "success"


def test_too_little_memory_is_said_before_anything_loads(engines: Any) -> None:
    run, ran = engines.trace(graph("LTX-2.5", seed=63, files={"memory_limit": 0.01}))
    assert "would take about" in run.error and "memory_limit is 0.01; choose a smaller size" in run.error
    assert not any("load_" in name for name in ran)
    weights = sum(path.stat().st_size for path in _files(engines)) / (1 << 30)
    big = graph("LTX-2.5", seed=63, files={"memory_limit": weights + 1}, width=1920, height=1088, seconds=10.0)
    run, ran = engines.trace(big)
    assert run.failed_node == "SoraEngineVideo" and "choose a smaller size" in run.error
    assert not any("load_" in name for name in ran)


def _files(engines: Any) -> list[Path]:
    return [engines.base / "models" / file.place for file in LTX_25.files]


def test_a_comfyui_without_the_nodes_is_told_so(engines: Any) -> None:
    assert engines.trace({"f": node("TinyForget", kind="LTXVLatentUpsampler", back=False)})[0].status == "success"
    try:
        run, ran = engines.trace(graph("LTX-2.5", seed=64))
    finally:
        engines.trace({"f": node("TinyForget", kind="LTXVLatentUpsampler", back=True)})
    assert run.error == "this ComfyUI has no node LTXVLatentUpsampler, which LTX-2.5 needs; update ComfyUI"
    assert not any("load_" in name for name in ran)
    assert engines.trace(graph("LTX-2.5", seed=64))[0].status == "success"


def test_stop_stops_inside_and_the_next_run_works(engines: Any) -> None:
    run, _ = engines.trace(graph("MiniMax-H3", seed=65, files={}), stop_at=".sample")
    assert any(kind == "execution_interrupted" for kind, _ in run.messages)
    run, ran = engines.trace(graph("MiniMax-H3", seed=65, files={}))
    assert run.status == "success" and not any("load_" in name for name in ran)


def test_an_engine_must_come_from_its_node(engines: Any) -> None:
    prompt = graph("LTX-2.5")
    prompt |= {"clip": node("LoadVideo", file="clip.mp4"), "name": node("GetVideoComponents", video=["clip", 0])}
    prompt["engine"]["inputs"]["engine"] = ["name", 4]      # any choice that another node makes
    run, _ = engines.trace(prompt)
    assert "must be set on the node itself" in run.error


def test_what_engines_need_is_listed(engines: Any) -> None:
    listed = {entry["engine"]: entry for entry in engines.get("/sora/engines")}
    assert set(listed) == set(ENGINES) and listed["LTX-2.5"]["files"][0]["gated"]
