"""Weight files told apart by their headers alone, and broken ones named."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sora_core.engines.facts import ENGINES
from sora_core.engines.headers import TITLES, check_file, kind_of
from sora_core.errors import CheckpointError


def saved(path: Path, *names: str, shape: tuple[int, ...] = (4,)) -> Path:
    save_file({name: torch.zeros(shape) for name in names}, path)
    return path


def kind(path: Path) -> str | None:
    return kind_of(path, path.stat().st_size, path.stat().st_mtime_ns)


@pytest.mark.parametrize(("names", "found"), [
    (("adaln_single.emb.timestep_embedder.linear_1.bias", "audio_adaln_single.linear.weight"), "ltx-av"),
    (("model.diffusion_model.adaln_single.emb.timestep_embedder.linear_1.bias",), "ltx"),
    (("video_patch_proj.weight", "audio_patch_proj.weight"), "minimax-h3"),
    (("decoder.middle.0.residual.0.gamma",), "wan 2.1 vae"),
    (("diffusion_model.a.lora_A.weight",), "lora"), (("something.else",), None),
])
def test_signs(tmp_path: Path, names: tuple[str, ...], found: str | None) -> None:
    assert kind(saved(tmp_path / "a.safetensors", *names)) == found


@pytest.mark.parametrize(("inputs", "found"), [(16, "wan t2v"), (36, "wan i2v"), (48, "wan 5b"), (99, "wan")])
def test_wan_by_its_input_channels(tmp_path: Path, inputs: int, found: str) -> None:
    tensors = {"head.modulation": torch.zeros(1), "patch_embedding.weight": torch.zeros(2, inputs, 1, 2, 2)}
    save_file(tensors, tmp_path / "w.safetensors")
    assert kind(tmp_path / "w.safetensors") == found


def test_another_model_under_the_right_name_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "ltx-2.5.safetensors", "video_patch_proj.weight", "audio_patch_proj.weight")
    with pytest.raises(CheckpointError, match="holds MiniMax-H3, not an LTX model with sound; choose another file"):
        check_file(path, "ltx-av")
    assert check_file(path, "minimax-h3") == path.stat().st_size


def test_what_is_unknown_passes(tmp_path: Path) -> None:
    assert check_file(saved(tmp_path / "new.safetensors", "brand.new"), "ltx-av") > 0


def test_a_cut_off_file_says_how_much_is_there(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.safetensors", "video_patch_proj.weight", shape=(1000,))
    for size in (path.stat().st_size - 100, 40, 9):
        with path.open("rb+") as stream:
            stream.truncate(size)
        with pytest.raises(CheckpointError, match=r"is cut off at .* GB; download it again"):
            check_file(path, "minimax-h3")


@pytest.mark.parametrize("data", [b"", b"short", b"<html>not found</html>" * 9, struct.pack("<Q", 2) + b"[]",
                                  struct.pack("<Q", 9) + b'{"a": 12}', struct.pack("<Q", 4) + b"\xff\xfe\x00\x00"])
def test_what_is_no_safetensors_file_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match="no safetensors file; download it again"):
        check_file(tmp_path / "m.safetensors", "ltx-av")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    assert kind(saved(path, "video_patch_proj.weight", "audio_patch_proj.weight")) == "minimax-h3"
    assert kind(saved(path, "decoder.middle.0.residual.0.gamma")) == "wan 2.1 vae"


def test_every_kind_has_words() -> None:
    assert {file.kind for engine in ENGINES.values() for file in engine.files} <= set(TITLES)
    assert json.dumps(TITLES).isascii()
