"""What goes wrong turns the right node red with one sentence, and the server goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

WORKFLOW = Path(__file__).resolve().parents[2] / "workflows" / "text_to_video.json"

pytestmark = pytest.mark.comfyui


def nan_weights(good: Path, bad: Path) -> None:
    with safe_open(good, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - not a dict
        metadata = stream.metadata()
    tensors["transformer.video_in.weight"][0, 0] = float("nan")
    save_file(tensors, bad, metadata)


def newer_format(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes().replace(b'"format_version":"1"', b'"format_version":"9"', 1))


def cut_short(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes()[:-1000])


def foreign(_: Path, bad: Path) -> None:
    bad.write_bytes(b"PK\x03\x04" + b"0" * 100)


BROKEN = [(nan_weights, "not finite"), (newer_format, "newer SoraCore"), (cut_short, "cut short"),
          (foreign, "never opened")]


@pytest.mark.parametrize(("spoil", "words"), BROKEN, ids=[spoil.__name__ for spoil, _ in BROKEN])
def test_a_bad_checkpoint_turns_the_loader_red(server: Any, tiny: Path, spoil: Callable[[Path, Path], None],
                                               words: str) -> None:
    name = f"{spoil.__name__}.safetensors"
    spoil(tiny, server.checkpoints / name)
    prompt = server.to_api(json.loads(WORKFLOW.read_text()))
    loader = next(entry for entry in prompt.values() if entry["class_type"] == "SoraCheckpointLoader")
    loader["inputs"]["checkpoint"] = name
    run = server.run(prompt)
    assert run.status == "error" and run.failed_node == "SoraCheckpointLoader"
    assert words in run.error and "\n" not in run.error


def test_a_missing_checkpoint_is_named_before_anything_runs(server: Any) -> None:
    prompt = {"1": {"class_type": "SoraCheckpointLoader", "inputs": {"checkpoint": "elsewhere.safetensors"}},
              "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": ""}},
              "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}}}
    answer = server.post("/prompt", {"prompt": prompt})
    assert "there is no checkpoint 'elsewhere.safetensors'" in json.dumps(answer["node_errors"])


def test_a_prompt_that_is_too_long_turns_the_text_node_red(server: Any) -> None:
    prompt = {"1": {"class_type": "SoraCheckpointLoader", "inputs": {"checkpoint": "tiny.safetensors"}},
              "2": {"class_type": "SoraTextEncode", "inputs": {"clip": ["1", 1], "prompt": "ball " * 2000}},
              "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}}}
    run = server.run(prompt)
    assert run.failed_node == "SoraTextEncode" and "the prompt has 10,000 characters; use at most" in run.error


def test_only_our_checkpoints_are_offered(server: Any, tiny: Path) -> None:
    save_file({}, server.checkpoints / "other.safetensors", {"format": "pt"})
    shards = server.checkpoints / "sharded"
    shards.mkdir()
    (shards / "part.safetensors").write_bytes(tiny.read_bytes())
    options = server.get("/object_info/SoraCheckpointLoader")["SoraCheckpointLoader"]["input"]["required"]
    offered = options["checkpoint"][1]["options"]
    assert offered[0] == "sora-nano (embedded)" and "tiny.safetensors" in offered
    assert "other.safetensors" not in offered
