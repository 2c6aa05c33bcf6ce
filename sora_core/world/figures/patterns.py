"""Cloths and hides: colours that have names, and patterns drawn at random without end.

Textures are (64, 64, 3) uint8 and are laid on every side of a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..materials import COLOURS

SIDE = 64
PATTERNS = ("plain", "stripes", "hoops", "checks", "dots", "diamonds", "patches", "waves")
_PATTERN_SHARES = (0.0, 0.20, 0.20, 0.16, 0.16, 0.10, 0.08, 0.10)


@dataclass(frozen=True, eq=False)
class Cloth:
    """A cloth: `colour` and `pattern` are what a caption may say of it, `second` the pattern's other colour."""

    colour: str
    pattern: str
    second: str
    tint: tuple[float, float, float]
    texture: np.ndarray | None = None


def draw_cloth(rng: np.random.Generator, *, plain: float = 0.55, other_than: str = "") -> Cloth:
    """Draw a cloth; `plain` is the chance of one colour."""
    names = [name for name in COLOURS if name != other_than]
    colour, second = (str(name) for name in rng.choice(names, 2, replace=False))
    if rng.random() < plain:
        return Cloth(colour, "plain", colour, COLOURS[colour])
    pattern = str(rng.choice(PATTERNS, p=_PATTERN_SHARES))
    return Cloth(colour, pattern, second, (1.0, 1.0, 1.0),
                 paint(rng, pattern, np.array(COLOURS[colour]), np.array(COLOURS[second])))


def draw_wild_cloth(rng: np.random.Generator) -> Cloth:
    """A cloth without end of choice: two patterns over each other, in any three colours."""
    colours = rng.uniform(0.05, 1.0, (3, 3))
    first, second = (str(name) for name in rng.choice(PATTERNS[1:], 2, replace=False))
    picture = paint(rng, first, colours[0], colours[1])
    over = paint(rng, second, np.zeros(3), np.ones(3))[..., :1] > 127
    picture = np.where(over & (rng.random() < 0.8), (255 * colours[2]).round().astype(np.uint8), picture)
    names = {name: ((np.array(value) - picture.mean((0, 1)) / 255) ** 2).sum() for name, value in COLOURS.items()}
    return Cloth(min(names, key=names.get), first, second, (1.0, 1.0, 1.0), picture.astype(np.uint8))


def paint(rng: np.random.Generator, pattern: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A pattern of two sRGB colours, (64, 64, 3) uint8."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    count = int(rng.integers(2, 5))
    phase = float(rng.uniform(0, 1))
    share = float(rng.uniform(0.3, 0.5))
    if pattern == "stripes":
        mask = (across * count + phase) % 1 < share
    elif pattern == "hoops":
        mask = (down * count + phase) % 1 < share
    elif pattern == "checks":
        mask = ((across * count).astype(int) + (down * count).astype(int)) % 2 == 0
    elif pattern == "dots":
        mask = ((across * count + phase) % 1 - 0.5) ** 2 + ((down * count) % 1 - 0.5) ** 2 < 0.075
    elif pattern == "diamonds":
        mask = np.abs((across * count) % 1 - 0.5) + np.abs((down * count) % 1 - 0.5) < 0.33
    elif pattern == "waves":
        mask = (down * count + 0.18 * np.sin(2 * np.pi * (across * 2 + phase))) % 1 < share
    elif pattern == "patches":
        mask = blotches(rng) > 0.25
    else:
        mask = np.zeros((SIDE, SIDE), bool)
    picture = np.where(mask[..., None], second, first)
    return (255 * picture).round().astype(np.uint8)


def blotches(rng: np.random.Generator) -> np.ndarray:
    """A soft random field of about unit size that repeats at its edges, (64, 64)."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] * (2 * np.pi / SIDE)
    field = np.zeros((SIDE, SIDE))
    for _ in range(9):
        fx, fy = rng.integers(-3, 4, 2)
        field += np.sin(fx * across + fy * down + rng.uniform(0, 2 * np.pi)) / (1 + 0.4 * np.hypot(fx, fy))
    return field - field.mean()
