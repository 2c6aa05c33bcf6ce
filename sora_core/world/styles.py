"""How a film looks, and what falls through its air: worked into finished frames, or into what is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .camera import FRAME_RATE
from .performance import Part
from .scenes.scene import Scene

_PIXEL_SIDE = 4
_LEVELS = 5


def clay(part: Part) -> Part:
    """A part as if it were modelled in clay: dull, softer in colour, without a texture."""
    colour = tuple(float(0.82 * value + 0.10) for value in part.colour)
    return replace(part, colour=colour, texture=None, specular=0.05, shininess=0.05, alpha=max(part.alpha, 0.9))


def apply_style(frames: np.ndarray, style: str) -> np.ndarray:
    """Frames (F, H, W, 3) uint8 in a style: "cartoon", "noir", "pixel art"; others are left as they are."""
    if style == "cartoon":
        return _cartoon(frames)
    if style == "noir":
        return _noir(frames)
    if style == "pixel art":
        return _pixels(frames)
    return frames


def _cartoon(frames: np.ndarray) -> np.ndarray:
    """Few flat, strong colours and dark outlines."""
    result = np.empty_like(frames)
    for start in range(0, len(frames), 16):
        block = frames[start: start + 16].astype(np.float32) / 255
        grey = block.mean(-1, keepdims=True)
        flat = np.clip(np.round((grey + 1.45 * (block - grey)) * _LEVELS) / _LEVELS, 0, 1)
        edge = np.zeros(block.shape[:3], np.float32)
        edge[:, :-1] += np.abs(block[:, 1:] - block[:, :-1]).sum(-1)
        edge[:, :, :-1] += np.abs(block[:, :, 1:] - block[:, :, :-1]).sum(-1)
        line = np.clip((edge - 0.22) * 4.0, 0, 0.85)[..., None]
        result[start: start + 16] = np.round(255 * flat * (1 - line))
    return result


def _noir(frames: np.ndarray) -> np.ndarray:
    """Black and white, hard contrast, dark corners."""
    height, width = frames.shape[1:3]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    corners = np.clip(1.15 - 0.45 * (x * x + y * y), 0, 1).astype(np.float32)
    grey = frames.astype(np.float32) @ np.array([0.35, 0.45, 0.20], np.float32) / 255
    hard = np.clip(0.5 + 1.55 * (grey - 0.47), 0, 1) * corners
    return np.repeat(np.round(255 * hard).astype(np.uint8)[..., None], 3, axis=-1)


def _pixels(frames: np.ndarray) -> np.ndarray:
    """Coarse pixels of few colours."""
    count, height, width, _ = frames.shape
    rows, columns = height // _PIXEL_SIDE, width // _PIXEL_SIDE
    cut = frames[:, : rows * _PIXEL_SIDE, : columns * _PIXEL_SIDE]
    coarse = cut.reshape(count, rows, _PIXEL_SIDE, columns, _PIXEL_SIDE, 3).mean((2, 4), dtype=np.float32)
    coarse = np.round(np.round(coarse / 36.4) * 36.4).clip(0, 255).astype(np.uint8)
    result = frames.copy()
    result[:, : rows * _PIXEL_SIDE, : columns * _PIXEL_SIDE] = coarse.repeat(_PIXEL_SIDE, 1).repeat(_PIXEL_SIDE, 2)
    return result


def draw_air(frames: np.ndarray, scene: Scene) -> np.ndarray:
    """Rain over the picture, where it rains."""
    if scene.setting.air != "rain":
        return frames
    count, height, width, _ = frames.shape
    rng = np.random.default_rng(int(1e6 * abs(scene.setting.light_jitter[0])))
    drops = max(12, height * width // 420)
    x, start = rng.uniform(0, width, drops), rng.uniform(0, height, drops)
    near = rng.uniform(0.6, 1.4, drops)
    length, speed = np.maximum(3, 0.055 * height * near), 1.5 * height * near / FRAME_RATE * 2.2
    result = (frames.astype(np.float32) * 0.9 + 8).astype(np.uint8)
    for index in range(count):
        top = (start + index * speed) % (1.2 * height) - 0.1 * height
        for step in range(int(length.max())):
            rows, columns = (top + step).astype(int), (x - 0.12 * (top + step)).astype(int) % width
            shown = (step < length) & (rows >= 0) & (rows < height)
            pixels = result[index, rows[shown], columns[shown]].astype(np.uint16)
            result[index, rows[shown], columns[shown]] = (pixels * 3 + 215) // 4
    return result
