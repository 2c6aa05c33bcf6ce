"""A scene before it is simulated: bodies with a start, a place, a light and a camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..materials import COLOURS, MATERIALS
from ..places import PLACE_WEIGHTS, PLACES, View, draw_view
from ..record import ObjectRecord

Vector = tuple[float, float, float]
SIZES_M: dict[str, float] = {"small": 0.180, "medium": 0.235, "large": 0.300}


@dataclass(frozen=True)
class Body:
    """One body and its start: metres, metres per second, radians per second (spin in the body's frame)."""

    record: ObjectRecord
    position: Vector
    quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    velocity: Vector = (0.0, 0.0, 0.0)
    spin: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Setting:
    """Where a clip is filmed. `tint` colours the backdrop; `light_jitter` turns the lamp a little."""

    place: str
    floor: str
    light: str
    view: View
    tint: Vector
    light_jitter: tuple[float, float]


@dataclass(frozen=True)
class Scene:
    """A setting and what moves in it. `wall_x` is where a side wall stands, or None."""

    family: str
    setting: Setting
    bodies: tuple[Body, ...]
    wall_x: float | None = None

    @property
    def floor(self) -> str:
        return self.setting.floor

    @property
    def view(self) -> View:
        return self.setting.view


def draw_setting(rng: np.random.Generator, width: int, height: int) -> Setting:
    """Draw a place with its floor, light and camera."""
    name = str(rng.choice(list(PLACES), p=list(PLACE_WEIGHTS.values())))
    place = PLACES[name]
    tint = place.tints[rng.integers(len(place.tints))]
    jitter = (float(rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.15, 0.15)))
    return Setting(
        name, str(rng.choice(place.floors)), str(rng.choice(place.lights)), draw_view(rng, width, height), tint, jitter
    )


def draw_object(
    rng: np.random.Generator,
    kind: str,
    *,
    taken: tuple[str, ...] = (),
    materials: tuple[str, ...] = tuple(MATERIALS),
    sizes: tuple[str, ...] = ("small", "medium", "medium", "large"),
) -> ObjectRecord:
    """Draw colour (none of `taken`), material and size of a body."""
    colour = str(rng.choice([name for name in COLOURS if name not in taken]))
    material, size = str(rng.choice(materials)), str(rng.choice(sizes))
    radius = SIZES_M[size] * float(rng.uniform(0.95, 1.05)) * (0.9 if kind == "box" else 1.0)
    volume = 8 * radius**3 if kind == "box" else 4 / 3 * math.pi * radius**3
    return ObjectRecord(kind, colour, material, size, radius, MATERIALS[material].density * volume)


def yaw_quaternion(angle: float) -> tuple[float, float, float, float]:
    """Rotation about the vertical by `angle` radians."""
    return (math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2))


def random_quaternion(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A uniformly random rotation."""
    w, x, y, z = rng.normal(size=4)
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    return (w / norm, x / norm, y / norm, z / norm)
