"""What a figure hands over to picture, sound and words: its parts in every frame, its noises, its voice, its lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SHAPES = ("sphere", "ellipsoid", "capsule", "box", "cylinder", "triangle")
"""Shapes of parts; sizes are MuJoCo's half sizes, the axis of capsule and cylinder is the part's z. The corners of a
triangle are the part's place, and from there its size's first and second number along its x and y."""


@dataclass(frozen=True, eq=False)
class Part:
    """One drawn solid.

    Attributes:
        shape: one of ``SHAPES``.
        colour: sRGB in [0, 1]; multiplies the texture.
        texture: (64, 64, 3) uint8 for all six sides or (6, 64, 64, 3) for each, in the order of ``render.FACES``, or
            None; at most 16 different ones in a clip.
        specular, shininess: strength and sharpness of the highlight, 0 to 1.
        alpha: opacity, 0 to 1.
        emission: light of its own, 0 to 1.
    """

    shape: str
    colour: tuple[float, float, float]
    texture: np.ndarray | None = None
    specular: float = 0.1
    shininess: float = 0.3
    alpha: float = 1.0
    emission: float = 0.0


@dataclass(frozen=True)
class Event:
    """A noise with a cause.

    Attributes:
        time_s: onset in seconds from the first frame.
        kind: "step", "land", "clap", "flap", ...
        strength: 0 to 1.
        position: where it sounds, metres.
        material: what strikes, such as "sole".
        on: what is struck, such as a floor's name.
    """

    time_s: float
    kind: str
    strength: float
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    material: str = ""
    on: str = ""


@dataclass(frozen=True, eq=False)
class Voice:
    """Sound that a figure makes with its throat: (n,) float32 mono at 24 kHz from `time_s` on."""

    time_s: float
    samples: np.ndarray
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Line:
    """What a figure says, from when to when, and each phoneme's (time_s, name, opening of the mouth 0 to 1)."""

    speaker: str
    text: str
    start_s: float
    end_s: float
    phonemes: tuple[tuple[float, str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Member:
    """A part of a figure as the model's sketch shows it: a straight bar.

    Attributes:
        ends: (F, 2, 3) metres.
        radius_m: half its width.
        colour: sRGB.
    """

    ends: np.ndarray
    radius_m: float
    colour: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Performance:
    """One figure's part in a clip of F frames.

    Attributes:
        name: who it is, for the record.
        parts: P drawn solids.
        poses: (F, P, 7) position in metres and quaternion w x y z.
        sizes: (F, P, 3) half sizes; a part of size 0 isn't drawn.
        shades: (F, k, 4) soft shadows: x, y, z of the ground under it, radius.
        centre: (F, 4) a sphere around all of it.
        events, voices, lines: what is heard.
        facts: what is true of it, JSON-able.
        members: its trunk, then pairs of limbs or what else shows best what it does.
    """

    name: str
    parts: tuple[Part, ...]
    poses: np.ndarray
    sizes: np.ndarray
    shades: np.ndarray
    centre: np.ndarray
    events: tuple[Event, ...] = ()
    voices: tuple[Voice, ...] = ()
    lines: tuple[Line, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
