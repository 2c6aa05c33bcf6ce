"""Files: what is written plays back, what is read may be hostile, and nothing half-written is ever left."""

from __future__ import annotations

import math
import os
import random
import struct
import warnings
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from sora_core import media
from sora_core.errors import MediaError, ResourceError

RATE = 24000


def picture(frames: int = 25, height: int = 48, width: int = 64) -> Tensor:
    """A smooth picture with a bright square that moves, (1, 3, T, H, W)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    video = torch.stack([0.5 * x, 0.5 * y, -0.4 * x * y])[None, :, None].repeat(1, 1, frames, 1, 1)
    for t in range(frames):
        video[:, :, t, 8:24, t:t + 16] = 0.8
    return video


def tone(samples: int) -> Tensor:
    return 0.5 * torch.sin(torch.arange(samples) * 2 * math.pi * 440 / RATE)[None, None]


def write(path: Path, **kwargs: object) -> int:
    values = {"video": picture(), "waveform": tone(25000), "frame_rate": Fraction(24), "sample_rate": RATE}
    return media.write_clip(path, **{**values, **kwargs})


def png(width: int, height: int, *, colour_type: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\0" + bytes(width * (4 if colour_type == 6 else 3))
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write(path, metadata={"title": "h\u00e9llo \U0001f600 \u05d0", "prompt": '{"a": 1}'})
    return path


def test_round_trip(clip: Path) -> None:
    back = media.read_clip(clip)
    assert back.video.shape == (1, 3, 25, 48, 64) and back.frame_rate == 24 and back.sample_rate == RATE
    assert -10 * math.log10((back.video - picture()).square().mean() / 4) > 30
    assert (back.waveform[..., :25000] - tone(25000)).square().mean() < 1e-4
    assert media.read_tags(clip)["title"] == "h\u00e9llo \U0001f600 \u05d0"
    assert media.read_tags(clip)["prompt"] == '{"a": 1}'


def test_plays_anywhere(clip: Path) -> None:
    with av.open(str(clip)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt, sound.codec_context.name) == ("h264", "yuv420p", "aac")
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert sound.duration * sound.time_base == video.duration * video.time_base == Fraction(25, 24)
    data = clip.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat"), "the index must come first"


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(24000, 1001), Fraction(12), Fraction(60)])
def test_sound_is_as_long_as_the_picture(tmp_path: Path, rate: Fraction) -> None:
    for samples in (10, 25000, 90000):
        write(tmp_path / "a.mp4", frame_rate=rate, waveform=tone(samples))
        with av.open(str(tmp_path / "a.mp4")) as container:
            lengths = [stream.duration * stream.time_base for stream in container.streams]
        assert abs(lengths[0] - 25 / rate) < Fraction(1, 1000) and abs(lengths[0] - lengths[1]) < Fraction(1, 1000)


def test_chunks_and_whole_give_the_same_file(tmp_path: Path) -> None:
    write(tmp_path / "whole.mp4")
    for size in (1, 7, 25):
        assert write(tmp_path / "chunks.mp4", video=iter(picture().split(size, dim=2))) == 25
        if size == 25:
            assert (tmp_path / "chunks.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
        chunks, whole = (media.read_clip(tmp_path / f"{name}.mp4").video for name in ("chunks", "whole"))
        assert torch.equal(chunks, whole)


def test_silent_stereo_and_one_frame(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", waveform=None, sample_rate=None)
    assert media.read_clip(tmp_path / "a.mp4").waveform is None
    write(tmp_path / "a.mp4", waveform=tone(25000).repeat(1, 2, 1))
    assert media.read_clip(tmp_path / "a.mp4").waveform.shape[1] == 2
    assert write(tmp_path / "a.mp4", video=picture(1)) == 1
    assert media.read_clip(tmp_path / "a.mp4").video.shape[2] == 1


@pytest.mark.parametrize(("change", "words"), [
    ({"video": picture(2, 48, 63)}, "width=63"),
    ({"video": picture(2, 47, 64)}, "height=47"),
    ({"video": picture(2, 4, 64)[..., :4, :]}, "height=4"),
    ({"video": torch.zeros(1, 1, 2, 48, 64)}, "expected"),
    ({"video": torch.zeros(3, 48, 64)}, "expected"),
    ({"video": iter(())}, "no frame"),
    ({"video": iter([picture(2), picture(2, 64, 64)])}, "size changes"),
    ({"video": torch.full((1, 3, 2, 48, 64), float("nan"))}, "not numbers"),
    ({"waveform": torch.full((1, 1, 9), float("inf"))}, "not numbers"),
    ({"waveform": torch.zeros(1, 6, 9)}, "1 or 2"),
    ({"waveform": torch.zeros(2, 9)}, "1 or 2"),
    ({"sample_rate": 7}, "sample rate 7"),
    ({"metadata": {"a": "\ud800"}}, "tag"),
    ({"metadata": {"a": "\0"}}, "tag"),
])
def test_bad_clips_write_nothing(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(MediaError, match=words):
        write(tmp_path / "a.mp4", **change)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.avi", "a", "a.mp4.txt", "none/a.mp4", "a\0.mp4", "x" * 300 + ".mp4"])
def test_bad_outputs(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError):
        media.check_writable(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_output_that_is_a_folder_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "d.mp4").mkdir()
    (tmp_path / "f").write_text("")
    for path in (tmp_path / "d.mp4", tmp_path / "f" / "a.mp4"):
        with pytest.raises(MediaError):
            media.check_writable(path)


def test_files_of_killed_processes_are_swept(tmp_path: Path) -> None:
    old, fresh, other = (tmp_path / name for name in (".a-00000000.part", ".a-11111111.part", ".b-00000000.part"))
    for file in (old, fresh, other):
        file.write_bytes(b"half")
    for file in (old, other):
        os.utime(file, (0, 0))
    write(tmp_path / "a.mp4", video=picture(1))
    assert sorted(tmp_path.iterdir()) == sorted([fresh, other, tmp_path / "a.mp4"])


@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_nothing_is_left_when_the_source_fails(tmp_path: Path, fault: type[BaseException]) -> None:
    def chunks() -> Iterator[Tensor]:
        yield picture(8)
        raise fault

    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(fault):
        write(tmp_path / "a.mp4", video=chunks())
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_full_disk(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    torch.manual_seed(0)
    noise = torch.rand(1, 3, 20, 128, 128) * 2 - 1
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(ResourceError, match="no room left"):
            write(tmp_path / "a.mp4", video=noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(64, 32))
    assert torch.equal(media.read_image(tmp_path / "a.png"), torch.full((1, 3, 1, 32, 64), -1.0))
    (tmp_path / "b.png").write_bytes(png(64, 32, colour_type=6))
    with pytest.warns(UserWarning, match="transparent"):
        media.read_image(tmp_path / "b.png")


def test_picture_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(6000, 6000))
    with pytest.raises(MediaError, match="pixels"):
        media.read_image(tmp_path / "a.png")


def test_truncated_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (32, 48, 3), dtype=np.uint8), format="rgb24")
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 48, 32, "rgb24", Fraction(1, 1)
    data = b"".join(bytes(packet) for packet in encoder.encode(frame) + encoder.encode(None))
    (tmp_path / "whole.png").write_bytes(data)
    assert media.read_image(tmp_path / "whole.png").shape == (1, 3, 1, 32, 48)
    for share in range(0, 99, 7):
        (tmp_path / "a.png").write_bytes(data[:len(data) * share // 100])
        with pytest.raises(MediaError):
            media.read_image(tmp_path / "a.png")


def test_truncated_clips(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    for share in range(100):
        (tmp_path / "a.mp4").write_bytes(data[:len(data) * share // 100])
        with pytest.raises(MediaError):
            media.read_clip(tmp_path / "a.mp4")


def test_damaged_clips_never_escape(clip: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    for _ in range(40):
        data = bytearray(clip.read_bytes())
        for _ in range(rng.randint(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "a.mp4").write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                back = media.read_clip(tmp_path / "a.mp4", max_bytes=64 << 20)
        except MediaError:
            continue
        assert torch.isfinite(back.video).all() and back.video.nbytes <= 64 << 20


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + b"a" * 99, b"ffconcat version 1.0\nfile /etc/passwd\n",
                                  b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", b"<html></html>"])
def test_other_files_in_disguise(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    for read in (media.read_clip, media.read_image):
        with pytest.raises(MediaError, match="is no "):
            read(path)


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/a.mp4", "/nonexistent/a.mp4", ".", "a\0b", "pipe:0", "-"])
def test_no_such_file(path: str) -> None:
    with pytest.raises(MediaError):
        media.read_clip(path)


def test_clip_bomb(clip: Path) -> None:
    with pytest.raises(MediaError, match="make it smaller"):
        media.read_clip(clip, max_bytes=48 * 64 * 12 * 24)
