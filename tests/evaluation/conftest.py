"""A small synthetic film studio: discs and squares on a floor, and clicks, all of known places and times."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from sora_core.evaluation.geometry import GRAVITY, Camera
from sora_core.media import write_clip

SIDE, RATE, SAMPLE_RATE = 96, 24, 24000
FRONT = Camera("front", 7.0, 0.0, SIDE, SIDE)
FLOOR_ROW = 58


def backdrop() -> np.ndarray:
    """(SIDE, SIDE, 3): a light wall over a brown floor with soft planks."""
    picture = np.empty((SIDE, SIDE, 3), np.float32)
    picture[:FLOOR_ROW] = (0.72, 0.70, 0.64)
    picture[FLOOR_ROW:] = (0.55, 0.36, 0.22)
    picture[FLOOR_ROW::6] *= 0.97
    return picture


def draw(picture: np.ndarray, x: float, y: float, radius: float, colour: tuple[float, float, float],
         kind: str = "ball") -> None:
    """Draw an anti-aliased disc or square in place."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    away = np.hypot(columns - x, rows - y) if kind == "ball" else np.maximum(abs(columns - x), abs(rows - y))
    cover = np.clip(radius + 0.5 - away, 0, 1)[..., None]
    picture[:] = picture * (1 - cover) + cover * np.array(colour, np.float32)


def to_pixels(x_m: np.ndarray, z_m: np.ndarray, camera: Camera = FRONT) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of Camera.to_metres, by Newton's method on its own numbers."""
    x, y = np.full_like(z_m, SIDE / 2.0), np.full_like(z_m, SIDE / 2.0)
    for _ in range(12):
        gx, gz, scale = camera.to_metres(x, y)
        x, y = x + (x_m - gx) / scale, y - (z_m - gz) / scale
    return x, y


def bouncing(gravity: float = GRAVITY, kept: float = 0.8, frames: int = 60,
             height: float = 1.1, radius: float = 0.2) -> tuple[np.ndarray, list[float]]:
    """Height of the middle of a bouncing ball (T,), and its impacts in seconds."""
    fine, impacts = 4000, []
    z, v, step = height, 0.0, 1 / fine
    heights = []
    for tick in range(int(frames / RATE * fine)):
        if tick % (fine // RATE) == 0 and len(heights) < frames:
            heights.append(z)
        v -= gravity * step
        z += v * step
        if z < radius and v < 0:
            impacts.append(tick / fine)
            z, v = radius, -kept * v
    return np.array((heights + [z] * frames)[:frames]), impacts


def film(heights: np.ndarray, x_m: float = 0.1, colour: tuple[float, float, float] = (0.80, 0.07, 0.08),
         pixels: float = 10.0) -> np.ndarray:
    """(T, SIDE, SIDE, 3) of a ball at these heights."""
    x, y = to_pixels(np.full_like(heights, x_m), heights)
    frames = np.stack([backdrop()] * len(heights))
    for frame, column, row in zip(frames, x, y, strict=True):
        draw(frame, column, row, pixels, colour)
    return frames


def clicks(times: list[float], seconds: float, hertz: float = 500.0) -> np.ndarray:
    """(N,) damped tones that start at these times, over a faint noise."""
    sound = np.random.default_rng(0).normal(0, 4e-4, round(seconds * SAMPLE_RATE))
    for time_s in times:
        first = round(time_s * SAMPLE_RATE)
        local = np.arange(len(sound) - first) / SAMPLE_RATE
        sound[first:] += 0.4 * np.sin(2 * np.pi * hertz * local) * np.exp(-local / 0.03)
    return sound.astype(np.float32)


def save(path: Path, frames: np.ndarray, sound: np.ndarray | None, prompt: str | None = None) -> Path:
    """Write an MP4."""
    video = torch.from_numpy(frames.astype(np.float32)).permute(3, 0, 1, 2)[None] * 2 - 1
    waveform = None if sound is None else torch.from_numpy(sound)[None, None]
    write_clip(path, video, waveform, frame_rate=Fraction(RATE), sample_rate=None if sound is None else SAMPLE_RATE,
               metadata={"title": prompt} if prompt else None)
    return path


@pytest.fixture(scope="session")
def studio() -> dict[str, Callable]:
    """The functions of this file, since test files can't import it."""
    return {"backdrop": backdrop, "draw": draw, "to_pixels": to_pixels, "bouncing": bouncing, "film": film,
            "clicks": clicks, "save": save}


@pytest.fixture(scope="session")
def bounce(studio: dict[str, Callable]) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """A red ball that drops and bounces: frames, sound, impacts."""
    heights, impacts = bouncing()
    return film(heights), clicks(impacts, len(heights) / RATE), impacts
