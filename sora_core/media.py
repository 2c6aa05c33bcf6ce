"""Picture and sound files: the only place that speaks to FFmpeg (PyAV), and one of two that leave the layout law.

Files are written beside their final place, verified by decoding, then renamed. Files that are read may be hostile:
the container is chosen by its first bytes and pinned, no other file or network address is ever opened, and sizes are
checked against a budget before anything is decoded.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from torch import Tensor

from .errors import MediaError, ResourceError
from .shapes import MAX_SIDE, audio_samples

CRF = 16                     # visually lossless for pictures this small; libx264's scale is 0 (best) to 51
AUDIO_BITS = 128_000         # a second
KEYFRAME_SECONDS = 2         # so that players can jump
BT709 = 1                    # FFmpeg's number for its primaries, transfer curve and matrix
HDR_CURVES = (16, 18)        # SMPTE 2084 and ARIB STD-B67
AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
MAX_PIXELS = 1 << 25         # of one picture: 8192 x 4096
MAX_BYTES = 2 << 30          # of one decoded clip as float32
MAX_HOLD = 16                # times that a frame of a variable rate may be repeated, on average
STALE_SECONDS = 24 * 3600    # a temporary file of that age has no owner any more
_PICTURES = ((b"\x89PNG\r\n\x1a\n", 0, "png_pipe"), (b"\xff\xd8\xff", 0, "jpeg_pipe"), (b"WEBP", 8, "webp_pipe"))
_CLIPS = ((b"ftyp", 4, "mov"), (b"\x1aE\xdf\xa3", 0, "matroska"), (b"AVI ", 8, "avi"))
_FAULTS = (av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError)


class DecodedClip(NamedTuple):
    """A clip in memory: video (1, 3, T, H, W) and waveform (1, C, N) in [-1, 1]; no waveform for a silent file."""

    video: Tensor
    waveform: Tensor | None
    frame_rate: Fraction
    sample_rate: int | None


def check_writable(path: str | Path) -> Path:
    """Find out before a long computation whether a clip can be written to `path`.

    Returns:
        The path, absolute.

    Raises:
        MediaError: not an `.mp4`, the folder doesn't exist, or it can't be written.
        ResourceError: the disk is full.
    """
    path = Path(path)
    if "\0" in str(path) or path.suffix.lower() != ".mp4":
        raise MediaError(f"output {str(path)!r} must be a file name that ends in .mp4")
    path = path.absolute()
    if os.path.isdir(path):
        raise MediaError(f"output {str(path)!r} is a folder; name a file in it")
    if not os.path.isdir(path.parent):
        raise MediaError(f"the folder {str(path.parent)!r} doesn't exist; create it or choose another output")
    with _writing(path), suppress(FileNotFoundError):
        os.stat(path)                                       # a name that is too long, or a folder that is a file
    with _beside(path) as temporary, _writing(path), open(temporary, "wb") as stream:
        stream.write(bytes(1 << 16))
        stream.flush()
        os.fsync(stream.fileno())
    return path


def write_clip(path: str | Path, video: Tensor | Iterable[Tensor], waveform: Tensor | None, *,
               frame_rate: Fraction, sample_rate: int | None = None,
               metadata: Mapping[str, str] | None = None) -> int:
    """Write an MP4 (H.264, AAC) that plays anywhere; the sound is cut or padded to last exactly as the picture.

    Args:
        path: ends in `.mp4`; replaced only when the new file is whole.
        video: (1, 3, T, H, W) in [-1, 1], or chunks of it along T, so that memory doesn't grow with the length.
        waveform: (1, C, N) in [-1, 1], C = 1 or 2; None writes a silent file.
        frame_rate: frames a second.
        sample_rate: samples a second.
        metadata: container tags, as ComfyUI writes and reads them.

    Returns:
        The number of frames written.

    Raises:
        MediaError: odd sizes, no frames, values that are not numbers, or a folder that can't be written.
        ResourceError: the disk is full, or FFmpeg lacks the encoder.
    """
    path = check_writable(path)
    tags = {str(key): str(value) for key, value in (metadata or {}).items()}
    _check_tags(tags)
    _check_waveform(waveform, sample_rate)
    chunks = [video] if isinstance(video, Tensor) else video
    with _beside(path) as temporary:
        with _writing(path):
            count = _encode(temporary, chunks, waveform, frame_rate, sample_rate, tags)
            with open(temporary, "r+b") as stream:
                os.fsync(stream.fileno())
            _verify(temporary, count)
            os.replace(temporary, path)
    return count


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


def write_image(path: str | Path, picture: Tensor) -> None:
    """Write one picture (1, 3, 1, H, W) in [-1, 1] as a PNG, beside and renamed."""
    path = Path(path)
    pixels = ((picture[0, :, 0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).contiguous()
    with _beside(path) as temporary, _writing(path):
        codec = av.CodecContext.create("png", "w")
        codec.height, codec.width, codec.pix_fmt, codec.time_base = *pixels.shape[:2], "rgb24", Fraction(1)
        frame = av.VideoFrame.from_ndarray(pixels.numpy(), format="rgb24")
        temporary.write_bytes(b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)]))
        os.replace(temporary, path)


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


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new empty file in the folder of `path` that is gone afterwards; so are those of processes that were killed."""
    temporary = path.with_name(f".{path.stem[:64]}-{secrets.token_hex(4)}.part")
    with _writing(path):
        for old in path.parent.glob(f".{glob.escape(path.stem[:64])}-{'[0-9a-f]' * 8}.part"):
            if time.time() - old.stat().st_mtime > STALE_SECONDS:
                old.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say in one sentence why a file can't be written."""
    try:
        yield
    except (MediaError, ResourceError):
        raise
    except av.codec.codec.UnknownCodecError as error:
        raise ResourceError(f"this FFmpeg has no encoder {error}; install PyAV from its own wheels") from None
    except (av.FFmpegError, OSError) as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ResourceError(f"no room left to write {str(path)!r}; free some space or choose another folder"
                                ) from None
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{str(path)!r} can't be written ({reason}); choose another output") from None


def _encode(target: Path, chunks: Iterable[Tensor], waveform: Tensor | None, frame_rate: Fraction,
            sample_rate: int | None, tags: dict[str, str]) -> int:
    options = {"movflags": "use_metadata_tags+faststart", "fflags": "+bitexact"}
    if sample_rate is not None:
        options["movie_timescale"] = str(sample_rate)       # so that the sound's edit list is exact to the sample
    count = 0
    with av.open(f"file:{target}", "w", format="mp4", options=options) as container:
        container.metadata.update(tags)
        picture = sound = None
        for chunk in chunks:
            if picture is None:
                picture = _add_picture(container, chunk, frame_rate)
                sound = _Sound(container, waveform, sample_rate) if waveform is not None else None
            for frame in _frames(chunk, picture, count):
                container.mux(picture.encode(frame))
                count += 1
            if sound is not None:
                sound.write(audio_samples(count, frame_rate, sample_rate))
        if picture is None or count == 0:
            raise MediaError("there is no frame to write; ask for a longer clip")
        container.mux(picture.encode(None))
        if sound is not None:
            sound.close()
    return count


def _add_picture(container: Any, chunk: Tensor, frame_rate: Fraction) -> Any:
    if chunk.ndim != 5 or chunk.shape[0] != 1 or chunk.shape[1] != 3:
        raise MediaError(f"video of shape {tuple(chunk.shape)} can't be written; (1, 3, T, H, W) is expected")
    height, width = chunk.shape[-2:]
    for name, side in (("width", width), ("height", height)):
        if side % 2 or not 16 <= side <= MAX_SIDE:
            raise MediaError(f"{name}={side} can't be written as H.264; use an even number from 16 to {MAX_SIDE}")
    options = {"crf": str(CRF), "preset": "medium", "x264-params": "mbtree=0"}     # its tree isn't deterministic
    stream = container.add_stream("libx264", rate=frame_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.gop_size = max(1, round(KEYFRAME_SECONDS * frame_rate))
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = int(ColorRange.MPEG)
    context.time_base = 1 / frame_rate
    return stream


def _frames(chunk: Tensor, stream: Any, first: int) -> Iterator[Any]:
    """Frames of a chunk (1, 3, t, H, W), converted with the BT.709 matrix that the file declares."""
    if tuple(chunk.shape[-2:]) != (stream.height, stream.width):
        raise MediaError(f"the size changes from {stream.width}x{stream.height} within the clip; keep one size")
    if not bool(torch.isfinite(chunk).all()):
        raise MediaError("the picture holds values that are not numbers; try another seed or checkpoint")
    pixels_THWC = ((chunk[0].float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0)
    for i, array in enumerate(pixels_THWC.contiguous().cpu().numpy()):
        frame = av.VideoFrame.from_ndarray(array, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base = first + i, stream.codec_context.time_base
        yield frame


class _Sound:
    """Feeds a waveform to the encoder as far as the picture has come."""

    def __init__(self, container: Any, waveform: Tensor, sample_rate: int) -> None:
        self.container, self.written = container, 0
        self.layout = "mono" if waveform.shape[1] == 1 else "stereo"
        self.array_CN = np.ascontiguousarray(waveform[0].detach().float().clamp(-1, 1).cpu().numpy())
        self.stream = container.add_stream("aac", rate=sample_rate, layout=self.layout)
        self.stream.codec_context.bit_rate = AUDIO_BITS

    def write(self, until: int) -> None:
        block = self.array_CN[:, self.written:until]
        block = np.pad(block, ((0, 0), (0, until - self.written - block.shape[1])))
        if block.shape[1]:
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self.layout)
            frame.sample_rate, frame.pts = self.stream.rate, self.written
            frame.time_base = Fraction(1, self.stream.rate)
            self.container.mux(self.stream.encode(frame))
        self.written = until

    def close(self) -> None:
        self.container.mux(self.stream.encode(None))


def _check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        try:
            sound = "\0" not in key + value and (key + value).encode("utf-8") is not None
        except UnicodeEncodeError:
            sound = False
        if not sound:
            raise MediaError(f"the tag {key!r} holds characters that a file can't; remove them")


def _check_waveform(waveform: Tensor | None, sample_rate: int | None) -> None:
    if waveform is None:
        return
    if waveform.ndim != 3 or waveform.shape[0] != 1 or waveform.shape[1] not in (1, 2):
        raise MediaError(f"sound of shape {tuple(waveform.shape)} can't be written; (1, 1 or 2, N) is expected")
    if sample_rate not in AAC_RATES:
        raise MediaError(f"sample rate {sample_rate} can't be written as AAC; use 24000, 44100, 48000 or another of "
                         f"{AAC_RATES}")
    if not bool(torch.isfinite(waveform).all()):
        raise MediaError("the sound holds values that are not numbers; try another seed or checkpoint")


def _verify(path: Path, count: int) -> None:
    """Decode the first and the last frame of a file that we wrote."""
    with av.open(f"file:{path}", format="mov", options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.video[0]
        first = next(container.decode(stream), None)
        if stream.duration:
            container.seek(stream.duration, stream=stream, backward=True)
        *_, last = (None, *container.decode(stream))
        if first is None or last is None or stream.frames != count:
            raise MediaError(f"the finished file doesn't play back ({stream.frames} of {count} frames); try again")


@contextmanager
def _opened(path: str | Path, kinds: tuple[tuple[bytes, int, str], ...], wanted: str) -> Iterator[Any]:
    """An input container whose format is pinned by its first bytes; every fault becomes one sentence."""
    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
    try:
        file = Path(os.path.realpath(path))
        if not file.is_file():
            raise MediaError(f"no file at {str(path)!r}; choose a {wanted}")
        with open(file, "rb") as stream:
            start = stream.read(16)
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
