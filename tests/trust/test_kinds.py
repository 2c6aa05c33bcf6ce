"""Kinds of files: what can carry a signature is signed, what can't is refused before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sora_core import media
from sora_core.errors import MediaError
from sora_core.trust.manifest import read_signature
from sora_core.trust.verify import verify

from .conftest import RATE, SAMPLE_RATE, provenance, save, scene, sound


@pytest.fixture(autouse=True)
def extra() -> None:
    pytest.importorskip("c2pa", reason="the extra provenance isn't installed")


def never() -> Iterator[Tensor]:
    raise AssertionError("frames were asked for")
    yield


@pytest.mark.parametrize("suffix", [".mov", ".wav", ".flac"])
def test_a_file_of_any_kind_is_signed_and_marked(tmp_path: Path, suffix: str) -> None:
    frames = scene(24).split(7, dim=2) if suffix == ".mov" else never()
    count = media.write_clip(tmp_path / f"a{suffix}", frames, sound(4.0), frame_rate=RATE, sample_rate=SAMPLE_RATE,
                             provenance=provenance())
    assert count == (24 if suffix == ".mov" else 0)
    found = verify(tmp_path / f"a{suffix}")
    assert found.has_picture == (suffix == ".mov") and found.has_sound and found.is_marked
    assert found.signature.is_intact and found.signature.is_trusted and not found.disagreements
    data = bytearray((tmp_path / f"a{suffix}").read_bytes())
    data[-len(data) // 3 if suffix == ".wav" else data.index(b"mdat") + 200 if suffix == ".mov" else -50] ^= 1
    (tmp_path / f"b{suffix}").write_bytes(data)
    assert not read_signature(tmp_path / f"b{suffix}").is_intact


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("channels, rate, number", [(1, 24000, 10_000), (2, 44100, 4608), (2, 96000, 1)])
def test_sound_alone_comes_back_to_the_sample(tmp_path: Path, suffix: str, channels: int, rate: int,
                                              number: int) -> None:
    wave = torch.rand(1, channels, number, generator=torch.Generator().manual_seed(0)) - 0.5
    media.write_clip(tmp_path / f"a{suffix}", never(), wave, frame_rate=RATE, sample_rate=rate)
    with media.opened_stream(tmp_path / f"a{suffix}") as stream:
        assert stream.sample_rate == rate
        back = torch.cat([torch.from_numpy(piece.samples) for piece in stream.pieces], dim=1)
    assert back.shape == wave.shape[1:] and (back - wave[0]).abs().max() < 1 / 32000


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_kinds_that_carry_no_signature_are_refused_before_frames(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(MediaError, match="can't carry a signature"):
        media.write_clip(tmp_path / f"a{suffix}", never(), None, frame_rate=RATE, provenance=provenance())
    assert not any(tmp_path.glob("*.webm")) and not any(tmp_path.glob("*.mkv"))


def test_a_sound_file_needs_sound(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no sound to write"):
        media.write_clip(tmp_path / "a.wav", never(), None, frame_rate=RATE)


def test_numbers_are_counted_for_each_kind(tmp_path: Path) -> None:
    names = [media.write_numbered(tmp_path, "a", never(), sound(0.1), frame_rate=RATE, sample_rate=SAMPLE_RATE,
                                  suffix=suffix).name for suffix in (".wav", ".flac", ".wav")]
    assert names == ["a_00001_.wav", "a_00001_.flac", "a_00002_.wav"]


def test_a_film_in_mov_can_be_a_parent(tmp_path: Path) -> None:
    from sora_core.trust.manifest import Ingredient

    parent = save(tmp_path / "parent.mov", scene(24), sound(1.0))
    child = save(tmp_path / "child.mp4", scene(24), sound(1.0), ingredients=[Ingredient(parent, "parentOf")])
    assert read_signature(child).lineage["made_from"][0]["state"] == "signed"
