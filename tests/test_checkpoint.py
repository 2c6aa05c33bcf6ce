"""Each hostile test attacks one property of the checkpoint reader."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sora_core import checkpoint as disk
from sora_core.config import AudioVAEConfig, TextEncoderConfig, VideoVAEConfig
from sora_core.errors import CheckpointError, ResourceError


class Net(nn.Module):
    """A network small enough to know by heart."""

    def __init__(self, config: Any = None, *, operations: Any = nn, device: str | None = None,
                 dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.a = operations.Linear(3, 4, device=device, dtype=dtype)
        self.b = operations.Linear(4, 2, device=device, dtype=dtype)


def save(path: Path, **kwargs: Any) -> list[Path]:
    torch.manual_seed(0)
    values: dict[str, Any] = {"config": {"video_vae": VideoVAEConfig(), "text_encoder": TextEncoderConfig()},
                              "tensors": {"video_vae": Net().state_dict(), "text_encoder": Net().state_dict()},
                              "vocabulary": {"merges": [["a", "b"], ["\u00e9", " x"]]}, "training": {"steps": 3}}
    return disk.save_checkpoint(path, **{**values, **kwargs})


def rewrite(path: Path, edit: Any) -> None:
    """Change the header of a file by `edit(header)`, or replace its text if `edit` returns a string."""
    data = path.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    text = edit(header)
    text = (text if isinstance(text, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[end:])


def refuses(path: Path, words: str) -> str:
    with pytest.raises(CheckpointError, match=words) as caught:
        disk.load_checkpoint(path)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 600
    return text


def test_round_trip(tmp_path: Path) -> None:
    path, = save(tmp_path / "x.safetensors")
    loaded = disk.load_checkpoint(path)
    assert loaded.config == {"video_vae": VideoVAEConfig(), "text_encoder": TextEncoderConfig()}
    assert loaded.vocabulary == {"merges": [["a", "b"], ["\u00e9", " x"]]}
    assert loaded.training == {"steps": 3} and loaded.licence == disk.LICENCE
    assert len(loaded.hash) == 64 and loaded.short_hash == loaded.hash[:16]
    net = disk.build(loaded, "video_vae", Net)
    assert torch.equal(net.a.weight, loaded.tensors["video_vae"]["a.weight"])
    assert not net.training and not net.a.weight.requires_grad


def test_header_without_weights(tmp_path: Path) -> None:
    path, = save(tmp_path / "x.safetensors")
    header = disk.read_header(path)
    assert header.shapes["video_vae.a.weight"] == (4, 3) and header.training == {"steps": 3}


def test_same_weights_same_bytes(tmp_path: Path) -> None:
    files = [save(tmp_path / f"{name}.safetensors")[0].read_bytes() for name in "abc"]
    assert files[0] == files[1] == files[2]


def test_shards_of_any_size_hold_the_same(tmp_path: Path) -> None:
    whole = disk.load_checkpoint(save(tmp_path / "a" / "x.safetensors")[0])
    for size in (1, 40, 64, 100, 10**6):
        files = save(tmp_path / "b" / "x.safetensors", shard_bytes=size)
        assert sorted(files) == sorted((tmp_path / "b").iterdir()), "older shards must go"
        parts = disk.load_checkpoint(tmp_path / "b")
        for component, tensors in whole.tensors.items():
            assert all(torch.equal(tensors[key], parts.tensors[component][key]) for key in tensors)


def test_half_precision_is_upcast(tmp_path: Path) -> None:
    tensors = {key: value.bfloat16() for key, value in Net().state_dict().items()}
    path, = save(tmp_path / "x.safetensors", config={"video_vae": VideoVAEConfig()}, tensors={"video_vae": tensors})
    loaded = disk.load_checkpoint(path)
    assert loaded.tensors["video_vae"]["a.weight"].dtype == torch.bfloat16
    assert disk.build(loaded, "video_vae", Net).a.weight.dtype == torch.float32
    assert disk.build(loaded, "video_vae", Net, dtype=torch.bfloat16).a.weight.dtype == torch.bfloat16


def test_missing_shard(tmp_path: Path) -> None:
    files = save(tmp_path / "x.safetensors", shard_bytes=50)
    files[1].unlink()
    refuses(tmp_path, f"shard 2 of {len(files)} is missing")
    refuses(files[0], "shard 2 of")


def test_shard_twice_and_foreign_shard(tmp_path: Path) -> None:
    files = save(tmp_path / "x.safetensors", shard_bytes=50)
    (tmp_path / "copy.safetensors").write_bytes(files[0].read_bytes())
    refuses(tmp_path, "there twice")
    (tmp_path / "copy.safetensors").unlink()
    other = save(tmp_path / "o" / "x.safetensors", shard_bytes=50, tensors={
        "video_vae": Net().state_dict(), "text_encoder": {"a": torch.zeros(40)}})
    files[0].write_bytes(other[0].read_bytes())
    refuses(tmp_path, "different checkpoints")


@pytest.mark.parametrize("data", [b"", b"\0", b"\0" * 8, b"\xff" * 64, b"<html></html>" * 9,
                                  struct.pack("<Q", 50 << 20)])
def test_not_safetensors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    refuses(path, "not safetensors|cut short")


def test_pickle_and_zip_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(pickle.dumps({"a": 1}))
    refuses(path, "pickle or zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"x")
    refuses(path, "pickle or zip")


def test_no_file(tmp_path: Path) -> None:
    refuses(tmp_path / "none.safetensors", "no checkpoint at")
    refuses(tmp_path, "holds no [.]safetensors")
    refuses(Path("a\0b"), "no checkpoint at")


def test_truncated_anywhere(tmp_path: Path) -> None:
    path, = save(tmp_path / "x.safetensors")
    data = path.read_bytes()
    for share in range(0, 100, 3):
        path.write_bytes(data[:len(data) * share // 100])
        refuses(path, "safetensors")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_never_escape(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path, = save(tmp_path_factory.mktemp("flip") / "x.safetensors")
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        loaded = disk.load_checkpoint(path)
    except CheckpointError:
        return
    assert all(torch.isfinite(t).all() for part in loaded.tensors.values() for t in part.values())


def test_header_too_large_and_too_many_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, = save(tmp_path / "x.safetensors", training={"note": "x" * (2 << 20)})
    refuses(path, "cut short")
    monkeypatch.setattr(disk, "MAX_TENSORS", 3)
    refuses(save(tmp_path / "y.safetensors")[0], "at most 3")


def test_duplicate_keys(tmp_path: Path) -> None:
    path, = save(tmp_path / "x.safetensors")
    rewrite(path, lambda header: "{" + json.dumps(header)[1:-1] + ', "video_vae.a.bias": {}}')
    refuses(path, "stored twice")


def test_foreign_newer_and_damaged(tmp_path: Path) -> None:
    edits = [
        (lambda h: h.pop("__metadata__"), "not a SoraCore checkpoint"),
        (lambda h: h["__metadata__"].update(format="pt"), "not a SoraCore checkpoint"),
        (lambda h: h["__metadata__"].update(format_version="2"), "newer SoraCore"),
        (lambda h: h["__metadata__"].update(format_version="x"), "format version"),
        (lambda h: h["__metadata__"].update(shard="0/0"), "shard number"),
        (lambda h: h["__metadata__"].update(config="{"), "not JSON"),
        (lambda h: h["__metadata__"].update(config='{"video_vae": {"cell_depth": NaN}}'), "NaN"),
        (lambda h: h["__metadata__"].update(config='{"video_vae": {"cell_depth": -1}}'), "out of range"),
        (lambda h: h["__metadata__"].update(config='{"video_vae": {"cell_depth": 1000000000}}'), "out of range"),
        (lambda h: h["__metadata__"].update(config='{"video_vae": {"colour": 1}}'), "unknown key 'colour'"),
        (lambda h: h["__metadata__"].update(config='{"discriminator": {}}'), "unknown network"),
        (lambda h: h["__metadata__"].update(config='{"text_encoder": {}}'), "belongs to no network"),
        (lambda h: h["__metadata__"].update(config="[" * 100000), "JSON"),
        (lambda h: h["__metadata__"].update(vocabulary="[]"), "vocabulary"),
        (lambda h: h["__metadata__"].update(training="1e999"), "training"),
    ]
    for edit, words in edits:
        path, = save(tmp_path / "x.safetensors")
        rewrite(path, lambda header, edit=edit: edit(header) and None)
        refuses(path, words)


def test_non_finite_weights_are_refused_both_ways(tmp_path: Path) -> None:
    tensors = {"a": torch.zeros(4)}
    config = {"video_vae": VideoVAEConfig()}
    path, = save(tmp_path / "x.safetensors", config=config, tensors={"video_vae": tensors})
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<f", float("nan")))
    refuses(path, "video_vae.a .*not finite")
    with pytest.raises(CheckpointError, match="not finite"):
        save(path, config=config, tensors={"video_vae": {"a": torch.tensor([float("inf")])}})


def test_mismatches_are_listed(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.zeros(9, 9), "a.bias": torch.zeros(4, dtype=torch.int64)} | {
        f"z{i}": torch.zeros(1) for i in range(9)}
    path, = save(tmp_path / "x.safetensors", config={"video_vae": VideoVAEConfig()}, tensors={"video_vae": tensors})
    loaded = disk.load_checkpoint(path)
    with pytest.raises(CheckpointError, match=r"b.weight is missing; b.bias is missing; z0 is unknown.* and 8 more"):
        disk.build(loaded, "video_vae", Net)
    with pytest.raises(CheckpointError, match="has no audio_vae"):
        disk.build(loaded, "audio_vae", Net)


def test_huge_configuration_allocates_nothing(tmp_path: Path) -> None:
    class Huge(nn.Module):
        def __init__(self, config: Any, *, operations: Any, device: str | None = None) -> None:
            super().__init__()
            assert device == "meta", "built for real before its shapes were checked"
            self.a = nn.Linear(1 << 20, 1 << 20, device=device)

    path, = save(tmp_path / "x.safetensors", config={"audio_vae": AudioVAEConfig(width=1 << 20)},
                 tensors={"audio_vae": Net().state_dict()})
    with pytest.raises(CheckpointError, match="doesn't fit"):
        disk.build(disk.load_checkpoint(path), "audio_vae", Huge)
    deep, = save(tmp_path / "y.safetensors", config={"audio_vae": AudioVAEConfig(depth=1 << 20)},
                 tensors={"audio_vae": Net().state_dict()})
    with pytest.raises(CheckpointError, match="more layers"):
        disk.build(disk.load_checkpoint(deep), "audio_vae", Huge)


def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, = save(tmp_path / "x.safetensors")
    before = path.read_bytes()

    def full(*_: Any) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "save", full)
    with pytest.raises(ResourceError, match="No space left"):
        save(path, training={"steps": 4})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
