"""Clips of one's own to learn from: a folder of video files with captions and sound, or WebDataset tar shards.

A caption is looked for in `prompts.json` (file name -> text), in a text file of the clip's name, then in the tags that
`generate` writes; in a tar, in the JSON or text of the clip's name. What can't be used is left out, and every fault is
counted by name. The rest is brought to the networks' rate and nearest size, cut into pieces of at most four seconds,
and encoded into the same cache that clips of the world go into.

Legend: n clips, C channels, T frames, T' H' W' video latents, L audio latents, N samples.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..captions import decode_text, find_caption, read_prompts
from ..errors import MediaError, ResourceError
from ..media import opened_stream, read_clip
from ..models.audio_vae import AudioVAE
from ..models.sketch import SLOTS, STAGE, STATES, TRAITS
from ..models.video_vae import VideoVAE
from ..plan import MODEL_FRAME_RATE, fit, frames_to_model, model_size
from ..resample import resample

VIDEOS, SOUNDS, TEXTS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"), (".wav", ".flac"), (".json", ".txt")
LATENTS = 13                      # of a piece, at most: four seconds
LEAST_LATENTS = 2                 # of a piece: nine frames; less is a picture
MAX_MEMBER_BYTES = 1 << 29        # of one file in a tar
SAMPLE_RATE = 24000               # of the sound autoencoder
KEY_BYTES = 1 << 16               # at either end of a file, that tell whether it is the same
MULTIPLE = 32                     # pixels that sides of the networks' pictures are multiples of
LATIN = "not UTF-8, read as Latin-1"
CAPTION_KEYS = ("captions", "caption", "prompt", "text")


@dataclass
class Faults:
    """What was wrong, by kind, with the names of the clips."""

    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        """Note a fault of a clip."""
        self.names.setdefault(kind, []).append(name)

    def lines(self) -> list[str]:
        """One line a kind: what, how many, the first of them."""
        return [f"{kind}: {len(names)} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
                for kind, names in sorted(self.names.items())]


@dataclass(frozen=True)
class Source:
    """Where clips come from: a video file with what is known of it, or a tar."""

    path: Path
    caption: str = ""

    @property
    def key(self) -> str:
        """Changes when the file, looked at at both ends, or its caption do."""
        size = self.path.stat().st_size
        digest = hashlib.sha256(f"{self.path.name} {size} {self.caption}".encode("utf-8", "replace"))
        with open(self.path, "rb") as file:
            digest.update(file.read(KEY_BYTES))
            file.seek(max(0, size - KEY_BYTES))
            digest.update(file.read(KEY_BYTES))
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class OwnClip:
    """A piece of a clip as the networks take it: video `(1, 3, T, H, W)` and sound `(1, 1, N)` in [-1, 1] or None."""

    name: str
    captions: list[str]
    video: Tensor
    sound: Tensor | None


def find_sources(folder: Path, faults: Faults) -> list[Source]:
    """The clips of a folder that have captions, and its tars, in order.

    Raises:
        ResourceError: there is no such folder, or nothing in it that can be used.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ResourceError(f"no folder at {str(folder)!r}; name a folder of MP4 files with a text file beside each")
    prompts = read_prompts(folder, faults.add, LATIN)
    sources = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix.lower() == ".tar":
            sources.append(Source(path))
        elif path.suffix.lower() in VIDEOS:
            if not path.stat().st_size:
                faults.add("0 bytes, skipped", path.name)
            elif caption := find_caption(path, prompts, faults.add, LATIN):
                sources.append(Source(path, caption))
            else:
                faults.add("no caption, skipped", path.name)
    if not sources:
        more = f" ({'; '.join(faults.lines())})" if faults.names else ""
        raise ResourceError(f"no clip with a caption in {str(folder)!r}{more}; put MP4 files there, and beside each a "
                            ".txt file of its name that says what is seen and heard")
    return sources


def read_source(source: Source, faults: Faults) -> Iterator[OwnClip]:
    """The pieces of a video file's clip, or of all clips of a tar; faults are noted, never raised."""
    if source.path.suffix.lower() == ".tar":
        yield from _read_tar(source.path, faults)
    else:
        yield from _read_video(source.path, None, [source.caption], source.path.name, faults)


def _read_video(path: Path, sound_path: Path | None, captions: list[str], name: str,
                faults: Faults) -> Iterator[OwnClip]:
    try:
        with warnings.catch_warnings():                                 # of transparency, which hurts nobody here
            warnings.simplefilter("ignore", UserWarning)
            clip = read_clip(path)
        waveform, rate = (clip.waveform, clip.sample_rate) if sound_path is None else _read_sound(sound_path)
    except MediaError as error:
        faults.add("cut short, skipped" if "cut short" in str(error) else "unreadable, skipped", name)
        return
    frames = frames_to_model(clip.video.shape[2], clip.frame_rate)
    if len(frames) <= 8 * (LEAST_LATENTS - 1):
        faults.add("a single frame, skipped" if clip.video.shape[2] == 1 else "fewer than 9 frames, skipped", name)
        return
    if clip.frame_rate != MODEL_FRAME_RATE:
        faults.add("another frame rate, nearest frames in time taken", name)
    width, height = model_size(clip.video.shape[-1], clip.video.shape[-2], MULTIPLE)
    if (clip.video.shape[-1], clip.video.shape[-2]) != (width, height):
        faults.add(f"another size, resized and cropped to {width}x{height}", name)
    if waveform is None:
        faults.add("no sound", name)
    else:
        waveform = resample(waveform.mean(1, keepdim=True), int(rate), SAMPLE_RATE)
    for start in range(0, len(frames) - 8 * (LEAST_LATENTS - 1), 8 * (LATENTS - 1) + 1):
        latents = min(LATENTS, 1 + (len(frames) - start - 1) // 8)
        if latents < LEAST_LATENTS:
            break
        piece = frames[start:start + 1 + 8 * (latents - 1)]
        video = fit(clip.video[:, :, piece], width, height)
        yield OwnClip(name, captions, video, None if waveform is None else _cut(waveform, start, len(piece)))


def _cut(waveform: Tensor, first_frame: int, frames: int) -> Tensor:
    """The sound of some frames, as long as all but the first; silence where the file has ended."""
    begin, length = (round(Fraction(count * SAMPLE_RATE) / MODEL_FRAME_RATE) for count in (first_frame, frames - 1))
    part = waveform[..., begin:begin + length]
    return torch.nn.functional.pad(part, (0, length - part.shape[-1]))


def _read_sound(path: Path) -> tuple[Tensor | None, int | None]:
    with opened_stream(path) as stream:
        parts = [torch.from_numpy(piece.samples.copy()) for piece in stream.pieces if piece.samples is not None]
        return (torch.cat(parts, dim=1)[None].clamp(-1, 1), stream.sample_rate) if parts else (None, None)


def _read_tar(path: Path, faults: Faults) -> Iterator[OwnClip]:
    """Members of one name without suffix are one clip; they follow each other, as WebDataset has it."""
    try:
        with tarfile.open(path) as tar, tempfile.TemporaryDirectory() as folder:
            key, members = "", {}
            for member in tar:
                if not member.isfile():
                    continue
                stem, _, suffix = member.name.rpartition(".")
                if stem != key:
                    yield from _read_sample(f"{path.name}/{key}", members, Path(folder), faults)
                    key, members = stem, {}
                if member.size > MAX_MEMBER_BYTES:
                    faults.add("larger than 512 MiB, skipped", f"{path.name}/{member.name}")
                elif f".{suffix.lower()}" in VIDEOS + SOUNDS + TEXTS:
                    members[f".{suffix.lower()}"] = tar.extractfile(member).read()
            yield from _read_sample(f"{path.name}/{key}", members, Path(folder), faults)
    except (tarfile.TarError, OSError, EOFError) as error:
        faults.add("a damaged tar, read as far as it goes", f"{path.name} ({error})")


def _read_sample(name: str, members: dict[str, bytes], folder: Path, faults: Faults) -> Iterator[OwnClip]:
    if not members:
        return
    video = next((suffix for suffix in VIDEOS if suffix in members), None)
    captions = _captions_of_json(members.get(".json", b""), name, faults)
    if not captions and ".txt" in members:
        captions = [decode_text(members[".txt"], name, faults.add, LATIN)]
    captions = [" ".join(text.split()) for text in captions if text.strip()]
    if video is None or not captions:
        faults.add("no video file, skipped" if video is None else "no caption, skipped", name)
        return
    if not members[video]:
        faults.add("0 bytes, skipped", name)
        return
    sound = next((suffix for suffix in SOUNDS if suffix in members), None)
    paths = {suffix: folder / f"clip{suffix}" for suffix in (video, sound) if suffix is not None}
    for suffix, path in paths.items():
        path.write_bytes(members[suffix])
    yield from _read_video(paths[video], paths.get(sound), captions, name, faults)


def _captions_of_json(data: bytes, name: str, faults: Faults) -> list[str]:
    if not data:
        return []
    try:
        values = json.loads(decode_text(data, name, faults.add, LATIN))
    except (ValueError, RecursionError):
        faults.add("damaged JSON", name)
        return []
    for key in CAPTION_KEYS:
        found = values.get(key) if isinstance(values, dict) else None
        texts = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        if texts := [text for text in texts if isinstance(text, str)]:
            return texts
    return []


@torch.inference_mode()
def cache_folder(folder: Path, cache: Path, video_vae: VideoVAE, audio_vae: AudioVAE, faults: Faults, *,
                 keep_silent: bool = False) -> int:
    """Encode the clips that the cache lacks, as `data.cache_latents` does, without twins and with empty sketches.

    Args:
        keep_silent: also take clips without sound; their audio latents are not numbers.

    Returns:
        How many pieces of clips the cache holds of this folder now.

    Raises:
        ResourceError: nothing in the folder can be used, or the cache can't be written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    count = 0
    for source in find_sources(folder, faults):
        name = f"shard-own-{source.key}"
        if not (there := sorted(cache.glob(f"{name}-*.safetensors"))):
            groups: dict[tuple[int, ...], list[tuple[Tensor, Tensor, list[str]]]] = {}
            for clip in read_source(source, faults):
                if clip.sound is None and not keep_silent:
                    continue
                video = video_vae.encode(clip.video)
                rows = groups.setdefault(tuple(video.shape[1:]), [])
                rows.append((video, _encode_sound(clip, audio_vae), clip.captions))
            paths = [cache / f"{name}-{i}.safetensors" for i in range(len(groups))]
            for path, rows in reversed(list(zip(paths, groups.values(), strict=True))):     # the first one last
                _write_shard(path, rows)
            there = paths
        count += sum(_num_clips(path) for path in there)
    if not count:
        raise ResourceError(f"no clip of {str(folder)!r} can be used ({'; '.join(faults.lines())}); add others")
    return count


def _encode_sound(clip: OwnClip, audio_vae: AudioVAE) -> Tensor:
    if clip.sound is not None:
        return audio_vae.encode(clip.sound)
    samples = round(Fraction((clip.video.shape[2] - 1) * SAMPLE_RATE) / MODEL_FRAME_RATE)
    return torch.full_like(audio_vae.encode(torch.zeros(1, 1, samples)), torch.nan)


def _write_shard(path: Path, rows: list[tuple[Tensor, Tensor, list[str]]]) -> None:
    video, audio = (torch.cat([row[i] for row in rows]).bfloat16().contiguous() for i in (0, 1))
    n, channels, latents, height, width = video.shape
    traits = torch.zeros(n, SLOTS, TRAITS)
    traits[..., 0] = -1                                                     # no thing is there: nobody knows any
    frames = 1 + 8 * (latents - 1)
    tensors: dict[str, Any] = {
        "video": video, "audio": audio, "guide": torch.zeros(n, 2 * channels, latents, height, width).bfloat16(),
        "states": torch.zeros(n, SLOTS, frames, STATES), "hits": torch.zeros(n, SLOTS, frames), "traits": traits,
        "stage": torch.zeros(n, STAGE)}
    beside = path.with_suffix(".tmp")
    try:
        save_file(tensors, beside, metadata={"captions": json.dumps([row[2] for row in rows])})
        os.replace(beside, path)
    except OSError as error:
        raise ResourceError(f"{path.name} can't be written ({error}); free some space") from None
    finally:
        beside.unlink(missing_ok=True)


def _num_clips(path: Path) -> int:
    with safe_open(path, "pt") as file:
        return file.get_slice("video").get_shape()[0]
