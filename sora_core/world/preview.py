"""The true world for a prompt or a family: a contact sheet and a film with sound, to look at.

Legend: T frames, H W pixels, N samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import ConfigError
from ..media import check_writable, write_clip, write_image
from .camera import FRAME_RATE
from .wish import TRIES, find_scene

SHOWN = 8
MOST_SEEDS = 64
STRIP_HEIGHT = 40                   # pixels of a clip's spectrogram on the sheet
LOUDEST_DB, QUIETEST_DB = -20.0, -90.0


def parse_seeds(text: str) -> list[int]:
    """"3", "0..8" (both ends count) or "1,4,9" as numbers.

    Raises:
        ConfigError: not such a text, or more than 64.
    """
    try:
        first, dots, last = text.partition("..")
        seeds = list(range(int(first), int(last) + 1)) if dots else [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or len(seeds) > MOST_SEEDS or min(seeds) < 0 or max(seeds) >= TRIES:
        raise ConfigError(f"--seeds {text!r} names no seeds; use a range such as 0..8, at most {MOST_SEEDS} of them")
    return seeds


def preview(wish: str, seeds: list[int], output: Path, *, width: int = 256, height: int = 256) -> tuple[Path, Path]:
    """Render the true world.

    Args:
        wish: a family's name or a prompt.
        seeds: one clip each.
        output: an `.mp4`; the contact sheet has its name with `.png`.
        width, height: pixels of a clip.

    Returns:
        The film and the sheet.

    Raises:
        PromptError: the world has no such scene.
        ResourceError: nothing can be drawn on this machine.
    """
    from .pool import NUM_SAMPLES, SAMPLE_RATE, record_scene
    from .render import Stage
    from .sound import synthesise_clip

    output = check_writable(output)
    scenes = [(seed, find_scene(wish, seed, width, height)) for seed in seeds]
    frames, sounds = [], []
    with Stage(width, height) as stage:
        for seed, scene in scenes:
            scene, motion, record = record_scene(seed, scene)
            frames.append(stage.render(scene, motion))
            sounds.append(synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE))
    seconds = len(frames[0]) / FRAME_RATE
    sounds = [np.pad(sound, (0, max(0, round(seconds * SAMPLE_RATE) - len(sound)))) for sound in sounds]
    waveform = torch.from_numpy(np.concatenate(sounds).astype(np.float32))[None, None].clamp(-1, 1)
    write_clip(output, _chunks(frames), waveform, frame_rate=Fraction(FRAME_RATE), sample_rate=SAMPLE_RATE,
               metadata={"title": wish})
    sheet = output.with_suffix(".png")
    rows = [sheet_row(clip, sound, SAMPLE_RATE) for clip, sound in zip(frames, sounds, strict=True)]
    picture = torch.from_numpy(np.concatenate(rows)).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
    write_image(sheet, picture)
    return output, sheet


def _chunks(clips: list[np.ndarray]) -> Iterator[Any]:
    for frames in clips:
        yield torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def sheet_row(frames: np.ndarray, sound: np.ndarray, sample_rate: int) -> np.ndarray:
    """Eight frames side by side over the spectrogram of the sound, (H + STRIP_HEIGHT, SHOWN * W, 3) uint8."""
    picks = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
    pictures = np.concatenate([frames[pick] for pick in picks], axis=1)
    return np.concatenate([pictures, _spectrogram(sound, sample_rate, pictures.shape[1])])


def _spectrogram(sound: np.ndarray, sample_rate: int, width: int) -> np.ndarray:
    """(STRIP_HEIGHT, width, 3) uint8 grey picture, low notes below, 60 Hz to half the sample rate."""
    size = 512
    starts = np.linspace(0, len(sound) - 1, width).astype(int)
    padded = np.pad(sound, (size // 2, size))
    power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(size)] * np.hanning(size), axis=1)) ** 2
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = np.searchsorted(hertz, np.geomspace(60, sample_rate / 2, STRIP_HEIGHT + 1))
    bands = [power[:, low: max(high, low + 1)].max(1) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    level = 10 * np.log10(np.stack(bands[::-1]) / (size / 4) ** 2 + 1e-12)
    grey = np.clip((level - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB), 0, 1)
    return np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)
