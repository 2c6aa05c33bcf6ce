"""Sora Cameo, Sora Save Cameo and Sora Load Cameo in a real ComfyUI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sora_core.cameos.consent import revoke
from sora_core.cameos.file import load_cameo
from sora_core.media import read_clip, write_image
from sora_core.trust.verify import verify

from ..cameos.drawn import ball, person

pytestmark = pytest.mark.comfyui


def node(kind: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def cameo(image: str, handle: str, kind: str, granted_by: str = "", **more: Any) -> dict[str, Any]:
    return node("SoraCameo", image=[image, 0], handle=handle, kind=kind, granted_by=granted_by, **more)


@pytest.fixture(scope="module")
def pictures(server: Any) -> dict[str, Any]:
    """Nodes that load the pictures of a girl and of a ball."""
    folder = server.base / "input"
    folder.mkdir(exist_ok=True)
    write_image(folder / "girl.png", person().picture())
    write_image(folder / "toy.png", ball().picture())
    return {"girl": node("LoadImage", image="girl.png"), "toy": node("LoadImage", image="toy.png")}


def clip(prompt: str, cameos: list[Any], handle: str = "", prefix: str = "cameo") -> dict[str, Any]:
    """A short clip of the embedded model, saved."""
    return {"loader": node("SoraCheckpointLoader", checkpoint="sora-nano (embedded)"),
            "text": node("SoraTextEncode", clip=["loader", 1], prompt=prompt, cameos=cameos),
            "none": node("SoraTextEncode", clip=["loader", 1], prompt=""),
            "room": node("SoraEmptyLatent", seconds=0.7, width=128, height=128, frame_rate=24.0, batch_size=1),
            "made": node("KSampler", model=["loader", 0], positive=["text", 0], negative=["none", 0],
                         latent_image=["room", 0], seed=5, steps=2, cfg=2.0, sampler_name="euler", scheduler="simple",
                         denoise=1.0),
            "frames": node("SoraDecode", samples=["made", 0], vae=["loader", 2]),
            "video": node("CreateVideo", images=["frames", 0], fps=24.0),
            "save": node("SoraSaveClip", video=["video", 0], filename_prefix=prefix, sign="when possible",
                         handle=handle)}


def doll_clip(*image: Any, prefix: str = "doll") -> dict[str, Any]:
    """A picture for a second, saved and signed: a manifest without the time that a clip takes."""
    return {"many": node("RepeatImageBatch", image=[*image], amount=24),
            "video": node("CreateVideo", images=["many", 0], fps=24.0),
            "save": node("SoraSaveClip", video=["video", 0], filename_prefix=prefix, sign="when possible", handle="")}


def told(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The cameos and the sources that a clip's manifest names."""
    signature = verify(path).signature
    if signature is None or signature.state != "found":
        pytest.skip("the extra provenance isn't installed here, or not for ComfyUI's Python")
    assert signature.is_intact
    return signature.facts.get("cameos", []), signature.lineage["made_from"]


def run(server: Any, graph: dict[str, Any]) -> Path:
    """The MP4 that a graph saves."""
    done = server.run(graph)
    assert done.status == "success", done.messages
    return next(path for path in server.saved(done) if path.suffix == ".mp4")


def test_a_person_is_shown_named_and_marked(server: Any, pictures: dict[str, Any]) -> None:
    made = {**pictures, "cameo": cameo("girl", "mila", "girl", "her mother")}
    shown, bare = (run(server, made | clip("@mila waves", ["cameo", 0], handle)) for handle in ("", "-"))
    findings = verify(shown)
    if findings.signature is not None and findings.signature.state == "found":      # ComfyUI's Python has the extra
        told = str(findings.to_dict())
        assert "@mila.png" in told and "her mother" in told
        (known,) = findings.signature.facts["cameos"]
        assert known["handle"] == "mila" and known["kind"] == "girl" and len(known["sha256"]) == 64
    difference = (read_clip(shown).video - read_clip(bare).video).abs().amax((0, 1, 2))
    assert float(difference.max()) > 0.5, "her handle stands in the picture"
    assert float(difference.median()) < 0.1, "and nothing else differs"


def test_a_ball_wears_its_picture_and_words_alone_dont(server: Any, pictures: dict[str, Any]) -> None:
    made = {**pictures, "cameo": cameo("toy", "bobo", "ball")}
    worn = read_clip(run(server, made | clip("@bobo rolls on a wooden floor", ["cameo", 0]))).video[0, :, 0]
    blue = (worn[2] - worn[0]) > 0.25
    red = (worn[0] - worn[2]) > 0.7
    assert int(blue.sum()) > 20 and int(red.sum()) > 20, "half of it is red, half blue"


def test_cameos_are_chained_and_the_doll_is_a_picture(server: Any, pictures: dict[str, Any]) -> None:
    done = server.run({**pictures, "one": cameo("toy", "bobo", "ball"),
                       "two": cameo("toy", "kiste", "box", cameos=["one", 0]),
                       "loader": node("SoraCheckpointLoader", checkpoint="sora-nano (embedded)"),
                       "text": node("SoraTextEncode", clip=["loader", 1], prompt="@bobo hits @kiste",
                                    cameos=["two", 0]),
                       "doll": node("SaveImage", images=["two", 1], filename_prefix="doll")})
    assert done.status == "success", done.messages
    assert len(server.saved(done)) >= 1 and "not shown" not in str(done.outputs).lower()


def test_what_is_kept_is_loaded_until_it_is_taken_back(server: Any, pictures: dict[str, Any]) -> None:
    done = server.run({**pictures, "cameo": cameo("girl", "kept", "girl", "her mother"),
                       "save": node("SoraSaveCameo", cameos=["cameo", 0])})
    assert done.status == "success", done.messages
    name = "kept.cameo.safetensors"
    (path,) = [found for found in server.base.rglob(name)]
    loading = {"load": node("SoraLoadCameo", cameo=name), "doll": node("SaveImage", images=["load", 1],
                                                                       filename_prefix="doll")}
    assert server.run(loading).status == "success"
    revoke(load_cameo(path, may_show=False).identifier)
    answer = server.post("/prompt", {"prompt": loading})
    assert "taken back" in json.dumps(answer["node_errors"]), "refused before anything is sampled"


@pytest.mark.parametrize(("inputs", "words"), [
    ({"kind": "girl", "granted_by": ""}, "needs their leave"),
    ({"kind": "girl", "granted_by": "her mother", "until": "2001-01-01"}, "ended on 2001-01-01"),
    ({"kind": "ball", "handle": "two words"}, "can't be written in a prompt"),
])
def test_what_may_not_be_gets_a_sentence(server: Any, pictures: dict[str, Any], inputs: dict[str, str],
                                         words: str) -> None:
    made = cameo("girl", "mila", "girl", "x")
    made["inputs"] |= inputs
    done = server.run({**pictures, "cameo": made, "doll": node("PreviewImage", images=["cameo", 1])})
    assert done.status == "error" and words in done.error


def test_two_pictures_at_once_and_a_mask_of_another_size_get_a_sentence(server: Any, pictures: dict[str, Any]) -> None:
    two = node("RepeatImageBatch", image=["toy", 0], amount=2)
    done = server.run({**pictures, "two": two, "cameo": cameo("two", "bobo", "ball"),
                       "doll": node("PreviewImage", images=["cameo", 1])})
    assert done.status == "error" and "holds 2 pictures" in done.error
    mask = node("SolidMask", value=1.0, width=64, height=64)
    done = server.run({**pictures, "mask": mask, "cameo": cameo("toy", "bobo", "ball", mask=["mask", 0]),
                       "doll": node("PreviewImage", images=["cameo", 1])})
    assert done.status == "error" and "same size" in done.error


def test_the_manifest_tells_who_is_shown_and_who_allowed_it(server: Any, pictures: dict[str, Any]) -> None:
    graph = {**pictures, "one": cameo("toy", "toby", "ball"),
             "two": cameo("girl", "tilda", "girl", "her mother", cameos=["one", 0], until="2999-12-31")}
    cameos, sources = told(run(server, graph | doll_clip("two", 1)))
    assert [(known["handle"], known["kind"], known["grant"]["by"]) for known in cameos] == [
        ("tilda", "girl", "her mother"), ("toby", "ball", "")]
    assert cameos[0]["grant"]["until"] == "2999-12-31" and all(len(known["sha256"]) == 64 for known in cameos)
    assert [(source["title"], source["relationship"]) for source in sources] == [
        ("@tilda.png", "componentOf"), ("@toby.png", "componentOf")]
    assert "by leave of her mother" in sources[0]["grant"] and sources[1]["grant"] == "no person is shown"


def test_of_two_with_one_handle_the_manifest_tells_the_one_that_is_shown(server: Any, pictures: dict[str, Any]) -> None:
    graph = {**pictures, "one": cameo("toy", "both", "ball"),
             "two": cameo("girl", "both", "girl", "her mother", cameos=["one", 0])}
    cameos, _ = told(run(server, graph | doll_clip("two", 1, prefix="chain")))
    assert [known["kind"] for known in cameos] == ["girl"]
    graph = {**pictures, "one": graph["one"], "two": cameo("girl", "both", "girl", "her mother"),
             "beside": node("ImageBatch", image1=["one", 1], image2=["two", 1])}
    cameos, sources = told(run(server, graph | doll_clip("beside", 0, prefix="beside")))
    assert sorted(known["kind"] for known in cameos) == ["ball", "girl"] and len(sources) == 2


def test_what_comfyui_takes_from_an_equal_node_is_told_too(server: Any, pictures: dict[str, Any]) -> None:
    for name in ("here", "there"):
        graph = {**pictures, name: cameo("girl", "moved", "girl", "her mother")}
        cameos, _ = told(run(server, graph | doll_clip(name, 1, prefix=name)))
        assert [known["handle"] for known in cameos] == ["moved"]


def test_another_picture_under_the_same_handle_is_another_cameo(server: Any, pictures: dict[str, Any]) -> None:
    hashes = []
    for name in ("toy", "girl", "toy"):
        graph = {"picture": pictures[name], "cameo": cameo("picture", "turn", "ball")}
        (known,), _ = told(run(server, graph | doll_clip("cameo", 1, prefix=f"turn{len(hashes)}")))
        hashes.append(known["picture_sha256"])
    assert hashes[0] == hashes[2] != hashes[1]


@pytest.mark.parametrize("is_one_node", [False, True])
def test_one_that_is_taken_back_while_comfyui_runs_is_not_sampled(server: Any, pictures: dict[str, Any],
                                                                  is_one_node: bool) -> None:
    handle = f"gone{is_one_node:d}"
    graph = {**pictures, "cameo": cameo("girl", handle, "girl", "her mother"),
             "keep": node("SoraSaveCameo", cameos=["cameo", 0])}
    if is_one_node:
        graph |= {"made": node("SoraTextToVideo", model="sora-2", prompt=f"@{handle} waves", size="128x128", duration=4,
                               checkpoint="tiny.safetensors", steps=1, seed=1, cameos=["keep", 0]),
                  "save": node("SoraSaveClip", video=["made", 0], filename_prefix=handle, sign="never", handle="")}
    else:
        graph |= clip(f"@{handle} waves", ["keep", 0], prefix=handle)
        graph["loader"]["inputs"]["checkpoint"] = "tiny.safetensors"
    run(server, graph)
    (path,) = server.base.rglob(f"{handle}.cameo.safetensors")
    revoke(load_cameo(path, may_show=False).identifier)
    if is_one_node:
        graph["save"]["inputs"]["filename_prefix"] = f"{handle}-again"      # of the clip that ComfyUI still has
    else:
        graph["made"]["inputs"]["seed"] = 2
    done = server.run(graph)
    assert done.status == "error" and "taken back" in done.error and "\n" not in done.error
    assert done.failed_node == ("SoraTextToVideo" if is_one_node else "SoraTextEncode") and not done.previews


def test_links_to_something_else_are_refused(server: Any, pictures: dict[str, Any]) -> None:
    graph = {**pictures, "loader": node("SoraCheckpointLoader", checkpoint="tiny.safetensors"),
             "text": node("SoraTextEncode", clip=["loader", 1], prompt="@bobo rolls", cameos=["toy", 0]),
             "shown": node("PreviewAny", source=["text", 0])}
    answer = server.post("/prompt", {"prompt": graph})
    assert "received_type(IMAGE) mismatch input_type(SORA_CAMEOS)" in json.dumps(answer["node_errors"])
    graph["either"] = node("ComfySwitchNode", switch=True, on_true=["toy", 0], on_false=["toy", 0])
    graph["text"]["inputs"]["cameos"] = ["either", 0]           # whose output may be anything
    done = server.run(graph)
    assert done.failed_node == "SoraTextEncode" and "these are no cameos; connect Sora Cameo" in done.error
