"""Picture and sound files in. Files may be hostile: the container is chosen by its first bytes and pinned, no other
file or network address is ever opened, and sizes are checked against a budget before anything is decoded.

With media.py, which writes and through which all of this is used, the only place that speaks to FFmpeg (PyAV).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
import torch
from torch import Tensor

from .errors import MediaError

HDR_CURVES = (16, 18)        # SMPTE 2084 and ARIB STD-B67
MAX_PIXELS = 1 << 25         # of one picture: 8192 x 4096
MAX_BYTES = 2 << 30          # of one decoded clip as float32
MAX_HOLD = 16                # times that a frame of a variable rate may be repeated, on average
_PICTURES = ((b"\x89PNG\r\n\x1a\n", 0, "png_pipe"), (b"\xff\xd8\xff", 0, "jpeg_pipe"), (b"WEBP", 8, "webp_pipe"))
_CLIPS = ((b"ftyp", 4, "mov"), (b"\x1aE\xdf\xa3", 0, "matroska"), (b"AVI ", 8, "avi"))
_SOUNDS = ((b"WAVE", 8, "wav"), (b"fLaC", 0, "flac"), (b"OggS", 0, "ogg"), (b"ID3", 0, "mp3"), (b"\xff\xfb", 0, "mp3"))
_FAULTS = (av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError)


class DecodedClip(NamedTuple):
    """A clip in memory: video (1, 3, T, H, W) and waveform (1, C, N) in [-1, 1]; no waveform for a silent file."""

    video: Tensor
    waveform: Tensor | None
    frame_rate: Fraction
    sample_rate: int | None


def read_image(path: str | Path) -> Tensor:
    """A PNG, JPEG or WebP picture as a clip of one frame: (1, 3, 1, H, W) in [-1, 1].

    Transparent pictures are laid on black, with a warning; a JPEG's orientation is honoured.

    Raises:
        MediaError: missing, not a picture, truncated, or larger than `MAX_PIXELS`.
    """
    with _opened(path, _PICTURES, "picture file (PNG, JPEG or WebP)") as container:
        stream = _video_stream(container, path)
        _check_budget(stream, path, frames=1)
        frame = next(iter(container.decode(stream)), None)
        if frame is None or frame.is_corrupt:
            raise MediaError(f"{str(path)!r} is cut short or damaged; save it again")
        return _to_tensor([_pixels(frame, path)])


def read_clip(path: str | Path, *, max_bytes: int = MAX_BYTES) -> DecodedClip:
    """A video file with its sound, at its own size and rates; the sound starts with the first frame.

    Frames of a variable rate are laid on a grid of the average rate.

    Raises:
        MediaError: missing, not a video, truncated, HDR, or larger than `max_bytes` as float32.
    """
    with _opened(path, _CLIPS, "video file (MP4, MOV, MKV, WebM or AVI)") as container:
        stream = _video_stream(container, path)
        rate = Fraction(stream.average_rate or stream.guessed_rate or 0)
        if not 0 < rate <= 1000:
            raise MediaError(f"{str(path)!r} has no frame rate; save it again")
        limit = _check_budget(stream, path, frames=stream.frames or 1, max_bytes=max_bytes)
        sound = container.streams.audio[0] if container.streams.audio else None
        if sound is not None and sound.codec_context is None:
            raise MediaError(f"the sound of {str(path)!r} has no decoder; save it as AAC")
        pictures, samples = _decode(container, stream, sound, path, limit)
    if not pictures:
        raise MediaError(f"{str(path)!r} holds no frame; save it again")
    video = _to_tensor(_on_grid(pictures, rate, limit))
    waveform = _join(samples, start=pictures[0][0])
    return DecodedClip(video, waveform, rate, sound.rate if waveform is not None else None)


def read_tags(path: str | Path) -> dict[str, str]:
    """The container tags of a video file."""
    with _opened(path, _CLIPS, "video file") as container:
        return dict(container.metadata)


def has_variable_rate(path: str | Path) -> bool:
    """Whether some frames of a video file are shown half as long again as others, by the times that it holds."""
    with _opened(path, _CLIPS, "video file") as container:
        stream = _video_stream(container, path)
        times = np.sort([packet.pts for packet in container.demux(stream) if packet.pts is not None])
    steps = np.diff(times)
    return len(steps) > 0 and bool(steps.max() > 1.5 * max(steps.min(), 1))


class Piece(NamedTuple):
    """One decoded piece of a file: a frame (H, W, 3) of bytes, or samples (C, n) in [-1, 1]; the other is None."""

    seconds: float
    pixels: np.ndarray | None
    samples: np.ndarray | None


class Stream(NamedTuple):
    """What a file holds, and its pieces in order; `pieces` can be walked through once."""

    frame_rate: Fraction | None
    sample_rate: int | None
    pieces: Iterator[Piece]


@contextmanager
def opened_stream(path: str | Path) -> Iterator[Stream]:
    """Open a video or sound file for reading piece by piece, so that memory doesn't grow with the length.

    Raises:
        MediaError: missing, neither video nor sound, damaged, or its frames are larger than `MAX_PIXELS`.
    """
    with _opened(path, _CLIPS + _SOUNDS, "video or sound file") as container:
        video = None
        if any(stream.codec_context is not None and not stream.disposition & 0x400      # a cover picture is no video
               for stream in container.streams.video):
            video = _video_stream(container, path)
            _check_budget(video, path, frames=1)
        sound = container.streams.audio[0] if container.streams.audio else None
        if sound is not None and sound.codec_context is None:
            sound = None
        if video is None and sound is None:
            raise MediaError(f"{str(path)!r} holds no picture and no sound that can be decoded; save it again")
        rate = Fraction(video.average_rate or video.guessed_rate or 0) if video is not None else None
        if rate is not None and not 0 < rate <= 1000:
            raise MediaError(f"{str(path)!r} has no frame rate; save it again")
        yield Stream(rate, sound.rate if sound is not None else None, _pieces(container, video, sound, path))


def _pieces(container: Any, video: Any, sound: Any, path: str | Path) -> Iterator[Piece]:
    layout = "mono" if sound is not None and sound.codec_context.channels == 1 else "stereo"
    resampler = av.AudioResampler("fltp", layout, sound.rate) if sound is not None else None
    for frame in container.decode([stream for stream in (video, sound) if stream is not None]):
        if isinstance(frame, av.AudioFrame):
            for part in resampler.resample(frame):
                yield Piece(part.time or 0.0, None, part.to_ndarray())
        else:
            yield Piece(frame.time or 0.0, _pixels(frame, path), None)


def first_bytes(stream: BinaryIO) -> bytes:
    """The 16 bytes that say what kind of file it is; of a signed FLAC, those behind the ID3 tag that holds it."""
    start = stream.read(16)
    if start[:3] == b"ID3" and len(start) == 16:
        stream.seek(10 + sum((byte & 0x7F) << 7 * (3 - i) for i, byte in enumerate(start[6:10])))
        behind = stream.read(16)
        return behind if behind[:4] == b"fLaC" else start
    return start


@contextmanager
def _opened(path: str | Path, kinds: tuple[tuple[bytes, int, str], ...], wanted: str) -> Iterator[Any]:
    """An input container whose format is pinned by its first bytes; every fault becomes one sentence."""
    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
    try:
        file = Path(os.path.realpath(path))
        if not file.is_file():
            raise MediaError(f"no file at {str(path)!r}; choose a {wanted}")
        with open(file, "rb") as stream:
            start = first_bytes(stream)
            kind = next((name for magic, at, name in kinds if start[at:at + len(magic)] == magic), None)
            if kind == "mov" and _is_cut_short(stream, file.stat().st_size):
                raise MediaError(f"{str(path)!r} is cut short; copy it again")
        if kind is None:
            raise MediaError(f"{str(path)!r} is no {wanted}; choose one")
        with av.open(f"file:{file}", format=kind, options=options, metadata_errors="replace") as container:
            yield container
    except MediaError:
        raise
    except _FAULTS as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{str(path)!r} is damaged or can't be read ({reason}); save it again") from None


def _is_cut_short(stream: Any, size: int) -> bool:
    """Whether an MP4's last box ends beyond the file: FFmpeg would play what is left without a word."""
    at = 0
    while at + 8 <= size:
        stream.seek(at)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:                                      # 0: up to the end of the file
            return length != 0
        at += length
    return at != size


def _video_stream(container: Any, path: str | Path) -> Any:
    stream = container.streams.video[0] if container.streams.video else None
    if stream is None or stream.codec_context is None:    # decoding without a context can crash the process
        raise MediaError(f"{str(path)!r} has no picture that can be decoded; save it again")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS), "err_detect": "explode"}
    if stream.codec_context.color_trc in HDR_CURVES:
        raise MediaError(f"{str(path)!r} is HDR, which isn't supported; convert it to standard range")
    return stream


def _check_budget(stream: Any, path: str | Path, *, frames: int, max_bytes: int = MAX_BYTES) -> int:
    """Refuse what won't fit before decoding it; returns the largest number of frames that does."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height <= 0:                                 # FFmpeg gave up on it, perhaps for its size
        raise MediaError(f"{str(path)!r} is damaged, cut short or larger than {MAX_PIXELS:,} pixels; save it again")
    limit = max_bytes // (width * height * 12)
    if width * height > MAX_PIXELS or frames > limit:
        raise MediaError(f"{str(path)!r} is {width}x{height} with {frames} frames, which is "
                         f"{width * height * frames * 12:,} bytes decoded, more than {max_bytes:,}; make it smaller")
    return limit


def _decode(container: Any, stream: Any, sound: Any, path: str | Path,
            limit: int) -> tuple[list[tuple[float, np.ndarray]], list[tuple[float, np.ndarray, int]]]:
    pictures: list[tuple[float, np.ndarray]] = []
    samples: list[tuple[float, np.ndarray, int]] = []
    layout = "mono" if sound is not None and sound.codec_context.channels == 1 else "stereo"
    resampler = av.AudioResampler("fltp", layout, sound.rate) if sound is not None else None
    size = None
    for frame in container.decode([stream, sound] if sound is not None else [stream]):
        if isinstance(frame, av.AudioFrame):
            samples += [(part.time or 0.0, part.to_ndarray(), part.sample_rate) for part in resampler.resample(frame)]
            continue
        pixels = _pixels(frame, path)
        size = size or pixels.shape
        if pixels.shape != size or len(pictures) >= limit:
            raise MediaError(f"{str(path)!r} changes its size or is longer than it says; save it again")
        pictures.append((frame.time if frame.time is not None else float(len(pictures)), pixels))
    return pictures, samples


def _pixels(frame: Any, path: str | Path) -> np.ndarray:
    """One decoded frame as (H, W, 3) bytes, upright."""
    if frame.width * frame.height > MAX_PIXELS:
        raise MediaError(f"{str(path)!r} is {frame.width}x{frame.height}; make it smaller")
    if any(component.is_alpha for component in frame.format.components):
        rgba = frame.to_ndarray(format="rgba").astype(np.float32)
        if rgba[..., 3].min() < 255:
            warnings.warn(f"{Path(path).name} is transparent; it is laid on black", stacklevel=3)
        pixels = (rgba[..., :3] * rgba[..., 3:] / 255).round().astype(np.uint8)
    else:
        pixels = frame.to_ndarray(format="rgb24")
    return np.rot90(pixels, round(getattr(frame, "rotation", 0) / 90) % 4)


def _on_grid(pictures: list[tuple[float, np.ndarray]], rate: Fraction, limit: int) -> list[np.ndarray]:
    """Hold each frame until the next one is due; the identity for a file of constant rate."""
    start, step = pictures[0][0], float(1 / rate)
    total = 1 + round((pictures[-1][0] - start) / step)
    if total > min(limit, MAX_HOLD * len(pictures)):
        raise MediaError(f"the frames' times leave a gap of most of {total} frames; save the clip at a constant rate")
    grid, at = [], 0
    for k in range(total):
        while at + 1 < len(pictures) and pictures[at + 1][0] - start <= (k + 0.5) * step:
            at += 1
        grid.append(pictures[at][1])
    return grid


def _to_tensor(pictures: list[np.ndarray]) -> Tensor:
    stacked_THWC = torch.from_numpy(np.ascontiguousarray(np.stack(pictures)))
    return stacked_THWC.permute(3, 0, 1, 2)[None].float().div_(127.5).sub_(1).contiguous()    # (1, 3, T, H, W)


def _join(samples: list[tuple[float, np.ndarray, int]], *, start: float) -> Tensor | None:
    if not samples:
        return None
    waveform_CN = np.concatenate([block for _, block, _ in samples], axis=1)
    lead = round((start - samples[0][0]) * samples[0][2])
    waveform_CN = waveform_CN[:, lead:] if lead > 0 else np.pad(waveform_CN, ((0, 0), (-lead, 0)))
    return torch.from_numpy(np.ascontiguousarray(waveform_CN))[None].clamp(-1, 1)
