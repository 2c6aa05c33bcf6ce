"""Sora Save Clip and Sora Verify in a real ComfyUI."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from sora_core.media import read_clip, read_tags, write_clip
from sora_core.trust.verify import verify

pytestmark = pytest.mark.comfyui


def node(kind: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def graph(prefix: str = "video/kept", **given: Any) -> dict[str, Any]:
    return {"load": node("LoadVideo", file="given.mp4"),
            "save": node("SoraSaveClip", video=["load", 0], filename_prefix=prefix,
                         **{"sign": "never", "handle": "", **given})}


@pytest.fixture(scope="module")
def given(server: Any) -> Path:
    (server.base / "input").mkdir(exist_ok=True)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 128), indexing="ij")
    video = torch.stack([x, y, 0.3 * x * y])[None, :, None].repeat(1, 1, 36, 1, 1)
    tone = 0.2 * torch.sin(torch.arange(72000) / 48000 * 6.28 * 500)[None, None].expand(1, 2, -1)
    path = server.base / "input" / "given.mp4"
    write_clip(path, video, tone, frame_rate=Fraction(24), sample_rate=48000)
    return path


def test_a_clip_is_saved_marked_and_gives_its_graph_back(server: Any, given: Path) -> None:
    paths = []
    for seed in range(2):
        run = server.run(graph(handle="me" if seed else ""), workflow={"nodes": [], "version": 0.4})
        assert run.status == "success", run.messages
        paths += server.saved(run)
    assert [path.name for path in paths] == ["kept_00001_.mp4", "kept_00002_.mp4"]
    tags = read_tags(paths[0])
    assert json.loads(tags["prompt"])["save"]["class_type"] == "SoraSaveClip"
    assert json.loads(tags["workflow"])["nodes"] == []
    clip = read_clip(paths[0])
    assert clip.video.shape == (1, 3, 36, 96, 128) and clip.waveform.shape[1] == 2 and clip.sample_rate == 48000


@pytest.mark.parametrize("kind, suffix", [("mov", ".mov"), ("wav (sound alone)", ".wav"),
                                          ("flac (sound alone)", ".flac")])
def test_other_kinds_are_saved_and_marked(server: Any, given: Path, kind: str, suffix: str) -> None:
    run = server.run(graph("kinds", kind=kind))
    assert run.status == "success", run.messages
    (path,) = (server.base / "output").glob(f"kinds_*{suffix}")
    assert verify(path).is_marked and verify(path).has_picture == (suffix == ".mov")


def test_what_was_saved_is_verified(server: Any, given: Path) -> None:
    (path,) = server.saved(server.run(graph("checked")))
    (server.base / "input" / "saved.mp4").write_bytes(path.read_bytes())
    for name, is_marked in (("saved.mp4", True), ("given.mp4", False)):
        run = server.run({"load": node("LoadVideo", file=name), "check": node("SoraVerify", video=["load", 0]),
                          "tree": node("PreviewImage", images=["check", 3])})
        assert run.status == "success", run.messages
        assert run.outputs["tree"]["images"]
        text = run.outputs["check"]["text"][0]
        assert ("mark in the colours: found" in text) == is_marked and "in short: " in text


@pytest.mark.parametrize("prefix", ["../../x", "/etc/x", "a\0b", "n" * 300, "CON", "..", "", "x<img onerror=1>"])
def test_names_stay_in_the_output_folder(server: Any, given: Path, prefix: str) -> None:
    run = server.run(graph(prefix))
    assert run.status == "success", run.messages
    output = (server.base / "output").resolve()
    assert all(output in path.resolve().parents and path.is_file() for path in server.saved(run))


def test_bad_settings_get_a_sentence(server: Any, given: Path) -> None:
    run = server.run(graph(handle="two words"))
    assert run.status == "error" and "use 1 to 24 of" in run.error
    made = {"image": node("EmptyImage", width=64, height=64, batch_size=8, color=255),
            "video": node("CreateVideo", images=["image", 0], fps=24.0),
            "check": node("SoraVerify", video=["video", 0])}
    run = server.run(made)
    assert run.status == "error" and "save it, and connect Load Video" in run.error
