"""Picture and sound files: with media_read.py, whose readers are used through here, the only place that speaks to
FFmpeg (PyAV), and one of two that leave the layout law.

Files are written beside their final place, verified by decoding, then renamed. Marks are put in before encoding and the
signature after muxing: that order is a trap, so `write_clip` alone calls both.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from torch import Tensor

from .errors import MediaError, ResourceError
from .media_read import (
    DecodedClip,
    Piece,
    Stream,
    has_variable_rate,
    opened_stream,
    read_clip,
    read_image,
    read_tags,
)
from .shapes import MAX_SIDE, audio_samples

__all__ = ["DecodedClip", "Piece", "Stream", "check_writable", "has_variable_rate", "opened_stream", "read_clip",
           "read_image", "read_tags", "write_clip", "write_image", "write_numbered"]

CRF = 16                     # visually lossless for pictures this small; libx264's scale is 0 (best) to 51
AUDIO_BITS = 128_000         # a second
KEYFRAME_SECONDS = 2         # so that players can jump
FILMS = {".mp4": "mp4", ".mov": "mov"}                      # files that carry a signature: suffix -> container
SOUNDS = {".wav": ("wav", "pcm_s16le"), ".flac": ("flac", "flac")}     # ... of sound alone: suffix -> container, codec
BLOCK_SAMPLES = 4096         # of a sound file written at once
BT709 = 1                    # FFmpeg's number for its primaries, transfer curve and matrix
AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
STALE_SECONDS = 24 * 3600    # a temporary file of that age has no owner any more


class Marker(Protocol):
    """What `write_clip` asks of `trust.provenance.Provenance`."""

    def check(self) -> None:
        """Raise before anything is computed if the clip couldn't be signed in the end."""

    def mark_video(self, chunks: Iterable[Tensor], frame_rate: Fraction) -> Iterable[Tensor]:
        """The same frames, marked: chunks (1, 3, t, H, W)."""

    def mark_audio(self, waveform: Tensor, sample_rate: int) -> Tensor:
        """The same sound, marked: (1, C, N)."""

    def sign(self, path: Path, suffix: str) -> None:
        """Sign a finished file in place that will be called by that suffix."""


def check_writable(path: str | Path) -> Path:
    """Find out before a long computation whether a clip can be written to `path`.

    Returns:
        The path, absolute.

    Raises:
        MediaError: no kind of file that can carry a signature, the folder doesn't exist, or it can't be written.
        ResourceError: the disk is full.
    """
    path = Path(path)
    if "\0" in str(path) or path.suffix.lower() not in (*FILMS, *SOUNDS):
        why = ", for WebM and Matroska can't carry a signature" if path.suffix.lower() in (".webm", ".mkv") else ""
        raise MediaError(f"output {str(path)!r} must be a file name that ends in .mp4, or .mov, .wav or .flac{why}")
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
               metadata: Mapping[str, str] | None = None, provenance: Marker | None = None) -> int:
    """Write a film (H.264, AAC) that plays anywhere; the sound is cut or padded to last exactly as the picture.

    Args:
        path: ends in `.mp4` or `.mov`, or in `.wav` or `.flac` for the sound alone, when no frame is asked for;
            replaced only when the new file is whole.
        video: (1, 3, T, H, W) in [-1, 1], or chunks of it along T, so that memory doesn't grow with the length.
        waveform: (1, C, N) in [-1, 1], C = 1 or 2; None writes a silent file.
        frame_rate: frames a second.
        sample_rate: samples a second.
        metadata: container tags, as ComfyUI writes and reads them.
        provenance: marks picture and sound before they are encoded, and signs the file once it is whole; see trust/.

    Returns:
        The number of frames written, 0 in a file of sound alone.

    Raises:
        MediaError: odd sizes, no frames, values that are not numbers, or a folder that can't be written.
        ResourceError: the disk is full, or FFmpeg lacks the encoder.
    """
    path = check_writable(path)
    tags = {str(key): str(value) for key, value in (metadata or {}).items()}
    _check_tags(tags)
    suffix = path.suffix.lower()
    if suffix in SOUNDS and waveform is None:
        raise MediaError(f"there is no sound to write into {str(path)!r}; name a .mp4")
    _check_waveform(waveform, sample_rate, AAC_RATES if suffix in FILMS else None)
    chunks = [video] if isinstance(video, Tensor) else video
    if provenance is not None:
        provenance.check()
        chunks = provenance.mark_video(chunks, frame_rate)
        waveform = provenance.mark_audio(waveform, sample_rate) if waveform is not None else None
    with _beside(path) as temporary:
        with _writing(path):
            if suffix in FILMS:
                count = _encode(temporary, chunks, waveform, frame_rate, sample_rate, tags, FILMS[suffix])
                _verify(temporary, count)
            else:
                count = 0
                _encode_sound(temporary, waveform, sample_rate, tags, *SOUNDS[suffix])
            if provenance is not None:
                provenance.sign(temporary, suffix)
            with open(temporary, "r+b") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
    return count


def write_numbered(folder: str | Path, prefix: str, *args: Any, suffix: str = ".mp4", **kwargs: Any) -> Path:
    """`write_clip` to the first free of PREFIX_00001_.mp4, PREFIX_00002_.mp4, ...; no file is ever replaced.

    Returns:
        The path that was taken.
    """
    whole = Path(folder) / f".{prefix[:64]}-{secrets.token_hex(8)}{suffix}"
    try:
        write_clip(whole, *args, **kwargs)
        with _writing(whole):
            for number in range(1, 100_000):
                path = Path(folder) / f"{prefix}_{number:05}_{suffix}"
                if not path.exists() and _take(whole, path):
                    return path
    finally:
        whole.unlink(missing_ok=True)
    raise MediaError(f"{str(folder)!r} holds 99,999 clips named {prefix!r}; use another name")


def _take(whole: Path, path: Path) -> bool:
    """Give a file another name unless that is taken, even by a process that is faster."""
    try:
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError:                                         # a file system without links: reserve, then rename
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        os.replace(whole, path)
    return True


def write_image(path: str | Path, picture: Tensor) -> None:
    """Write one picture (1, 3, 1, H, W) in [-1, 1] as a PNG, beside and renamed."""
    path = Path(path)
    with _beside(path) as temporary, _writing(path):
        temporary.write_bytes(png_of(picture))
        os.replace(temporary, path)


def png_of(picture: Tensor) -> bytes:
    """A picture (1, 3, 1, H, W) in [-1, 1] as the bytes of a PNG file."""
    pixels = ((picture[0, :, 0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).contiguous()
    codec = av.CodecContext.create("png", "w")
    codec.height, codec.width, codec.pix_fmt, codec.time_base = *pixels.shape[:2], "rgb24", Fraction(1)
    frame = av.VideoFrame.from_ndarray(pixels.numpy(), format="rgb24")
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


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
            sample_rate: int | None, tags: dict[str, str], kind: str) -> int:
    options = {"movflags": "use_metadata_tags+faststart", "fflags": "+bitexact"}
    if sample_rate is not None:
        options["movie_timescale"] = str(sample_rate)       # so that the sound's edit list is exact to the sample
    count = 0
    with av.open(f"file:{target}", "w", format=kind, options=options) as container:
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


def _encode_sound(target: Path, waveform: Tensor, sample_rate: int, tags: dict[str, str], kind: str,
                  codec: str) -> None:
    """A file of sound alone, 16 bits a sample."""
    layout = "mono" if waveform.shape[1] == 1 else "stereo"
    levels_CN = (waveform[0].detach().float().clamp(-1, 1) * 32767).round().to(torch.int16).cpu()
    if levels_CN.shape[1] == 0:
        raise MediaError("there is no sound to write; ask for a longer clip")
    with av.open(f"file:{target}", "w", format=kind, options={"fflags": "+bitexact"}) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=sample_rate, layout=layout, format="s16")
        size = stream.codec_context.frame_size or BLOCK_SAMPLES
        for at in range(0, levels_CN.shape[1], size):
            block = levels_CN[:, at:at + size].T.reshape(1, -1).contiguous().numpy()
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, at, Fraction(1, sample_rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


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


def _check_waveform(waveform: Tensor | None, sample_rate: int | None, rates: tuple[int, ...] | None) -> None:
    if waveform is None:
        return
    if waveform.ndim != 3 or waveform.shape[0] != 1 or waveform.shape[1] not in (1, 2):
        raise MediaError(f"sound of shape {tuple(waveform.shape)} can't be written; (1, 1 or 2, N) is expected")
    if sample_rate is None or rates is not None and sample_rate not in rates:
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
