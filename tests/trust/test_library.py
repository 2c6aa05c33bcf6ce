"""The library: an excerpt of two seconds finds its clip; bad indexes and bad files are told in one sentence."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import torch

from sora_core import media
from sora_core.cli import main
from sora_core.errors import MediaError, ResourceError
from sora_core.trust import library
from sora_core.trust.fingerprint import distance
from sora_core.trust.library import Library

from .conftest import RATE, SAMPLE_RATE, save, scene, sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    for seed in range(3):
        video = scene(96, 64, 64, seed=seed).roll(9 * seed, dims=3)
        save(tmp_path / "clips" / f"{seed}.mp4", video, sound(4.0, seed=seed), signature="none")
    return tmp_path / "clips"


def test_an_excerpt_finds_its_clip_by_picture_or_sound(folder: Path, tmp_path: Path) -> None:
    whole = media.read_clip(folder / "1.mp4")
    silent, blind = tmp_path / "silent.mp4", tmp_path / "blind.mp4"
    smaller = torch.nn.functional.interpolate(whole.video[0, :, 30:78].transpose(0, 1), (48, 48))
    media.write_clip(silent, smaller.transpose(0, 1)[None], None, frame_rate=RATE)
    media.write_clip(blind, torch.zeros(1, 3, 48, 32, 32), whole.waveform[..., 30_123:78_123], frame_rate=RATE,
                     sample_rate=SAMPLE_RATE)
    with Library() as known:
        assert known.index(folder) == (3, [])
        assert known.index(folder) == (0, [])
        by_picture, by_sound = known.find(silent), known.find(blind)
        assert Path(by_picture[0].path).name == Path(by_sound[0].path).name == "1.mp4"
        assert (by_picture[0].by, by_sound[0].by) == ("picture", "sound")
        assert abs(by_sound[0].seconds - 1.25) < 0.2
        payload = int(by_sound[0].payload, 16)
        assert str((folder / "1.mp4").resolve()) in known.with_payload(payload)


def test_a_stranger_finds_nothing(folder: Path, tmp_path: Path) -> None:
    noise = torch.rand(1, 3, 48, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    media.write_clip(tmp_path / "x.mp4", noise, sound(2.0, seed=99), frame_rate=RATE, sample_rate=SAMPLE_RATE)
    with Library() as known:
        known.index(folder)
        assert known.find(tmp_path / "x.mp4") == []


def test_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    index = str(tmp_path / "i.sqlite")
    assert main(["library", "--index", index, "index", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == "3 clips read, 1 left out\n" and "broken.mp4" in err
    assert main(["library", "--index", index, "find", "--json", str(folder / "2.mp4")]) == 0
    assert Path(json.loads(capsys.readouterr().out)[0]["path"]).name == "2.mp4"
    assert main(["verify", "--json", str(folder / "2.mp4")]) == 0
    assert json.loads(capsys.readouterr().out)["marks"][0]["found"] == "yes"
    assert main(["verify", str(folder / "broken.mp4")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_bad_indexes_are_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(b"not a database at all" * 100)
    with pytest.raises(ResourceError, match="is damaged .* index again"):
        Library(bad)
    newer = tmp_path / "newer.sqlite"
    sqlite3.connect(newer).execute("pragma user_version = 9")
    with pytest.raises(ResourceError, match="update SoraCore"):
        Library(newer)
    with pytest.raises(ResourceError, match="choose another with --index"):
        Library(bad / "below.sqlite")
    with Library(tmp_path / "a.sqlite") as known, pytest.raises(MediaError, match="is no folder"):
        known.index(tmp_path / "nowhere")
    monkeypatch.setattr(library, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(tmp_path / "b.sqlite")
    holder.execute("begin exclusive")
    with pytest.raises(ResourceError, match="in use by another program"):
        Library(tmp_path / "b.sqlite")
    holder.close()


def test_odd_names_are_only_text(tmp_path: Path) -> None:
    odd = tmp_path / "a'; drop table clip; --.mp4"
    save(odd, scene(24), sound(1.0), signature="none")
    with Library(tmp_path / "a.sqlite") as known:
        assert known.add(odd) and not known.add(odd)


def test_distance_counts_bits() -> None:
    import numpy as np

    one = np.array([0, 2 ** 64 - 1, 5], np.uint64)
    assert distance(one, np.array([0, 0, 4], np.uint64)).tolist() == [0, 64, 1]
