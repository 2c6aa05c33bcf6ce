"""Finished files in: MP4s with their prompts from a folder, and what is wrong with those that can't be judged.

A prompt is looked for in `prompts.json` (file name -> prompt), then in a text file of the clip's name, then in the tags
that `generate` writes. What is broken is left out and counted by name; nothing is judged silently on less than it has.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .. import captions
from ..errors import MediaError, ResourceError
from ..media import has_variable_rate, read_clip

SUFFIXES = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi")
LEAST_FRAMES = 12                   # half a second: less can't be judged
LATIN = "text is not UTF-8: read as Latin-1"
LARGEST_SIDE = 192                  # pixels: larger pictures are halved until they fit, trackers see no more in them


@dataclass(frozen=True)
class Clip:
    """A clip in memory.

    Attributes:
        name: the file's name.
        prompt: what was asked for, or "" if nobody knows.
        frames: (T, H, W, 3) float32 in [0, 1].
        sound: (N,) float32 mono in [-1, 1], empty for a silent file.
        frame_rate: frames a second.
        sample_rate: samples a second, 0 for a silent file.
    """

    name: str
    prompt: str
    frames: np.ndarray
    sound: np.ndarray
    frame_rate: float
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.frames) / self.frame_rate


@dataclass
class Warnings:
    """Named warnings, counted, with the files that they are about."""

    files: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        """Note that a file has a fault of a kind."""
        self.files.setdefault(kind, []).append(name)

    @property
    def counts(self) -> Counter[str]:
        """How many files have each fault."""
        return Counter({kind: len(names) for kind, names in self.files.items()})


def find_clips(folder: Path) -> list[Path]:
    """The video files of a folder, in order.

    Raises:
        ResourceError: there is no such folder, or none in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ResourceError(f"no folder at {str(folder)!r}; name a folder of MP4 files")
    paths = sorted(path for path in folder.iterdir()
                   if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    if not paths:
        raise ResourceError(f"no video file in {str(folder)!r}; put MP4 files there")
    return paths


def read_prompts(folder: Path, warnings: Warnings) -> dict[str, str]:
    """File name -> prompt from `prompts.json`, empty where there is none or it can't be read."""
    return captions.read_prompts(folder, warnings.add, LATIN)


def find_prompt(path: Path, prompts: dict[str, str], warnings: Warnings) -> str:
    """The prompt of a clip, or "" with a warning."""
    prompt = captions.find_caption(path, prompts, warnings.add, LATIN)
    if not prompt:
        warnings.add("no prompt: adherence not judged", path.name)
    return prompt


def read(path: Path, prompt: str, warnings: Warnings) -> Clip | None:
    """One file, or None with a warning if it can't be judged at all."""
    path = Path(path)
    if path.is_file() and not path.stat().st_size:
        warnings.add("empty file: skipped", path.name)
        return None
    try:
        clip = read_clip(path)
    except MediaError as error:
        kind = "cut short: skipped" if "cut short" in str(error) else "unreadable: skipped"
        warnings.add(kind, path.name)
        return None
    video = clip.video[0].permute(1, 2, 3, 0)                               # (T, H, W, 3)
    frames = ((video + 1) / 2).numpy()
    if len(frames) < LEAST_FRAMES:
        warnings.add("fewer than 12 frames: skipped", path.name)
        return None
    if clip.waveform is None:
        warnings.add("no sound: sound not judged", path.name)
    if has_variable_rate(path):
        warnings.add("variable frame rate: laid on a grid of the mean rate", path.name)
    if max(frames.shape[1:3]) > LARGEST_SIDE:
        warnings.add("large picture: shrunk", path.name)
    if frames.shape[1] % 2 or frames.shape[2] % 2:
        warnings.add("odd size: judged as it is", path.name)
    sound = np.zeros(0, np.float32) if clip.waveform is None else clip.waveform[0].mean(0).numpy()
    return Clip(path.name, prompt, _smaller(frames), sound, float(clip.frame_rate), int(clip.sample_rate or 0))


def _smaller(frames: np.ndarray) -> np.ndarray:
    """Average blocks of pixels until no side is longer than `LARGEST_SIDE`; odd sizes lose their last row or column."""
    factor = -(-max(frames.shape[1:3]) // LARGEST_SIDE)
    if factor == 1:
        return frames
    count, height, width, _ = frames.shape
    height, width = height // factor, width // factor
    cut = frames[:, : height * factor, : width * factor]
    return cut.reshape(count, height, factor, width, factor, 3).mean((2, 4), dtype=np.float32)
