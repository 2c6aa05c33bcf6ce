"""Where and how a clip is filmed: places, lights and cameras."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Place:
    """One location.

    Attributes:
        floors: floors that it may have.
        backdrop: name of the picture behind the scene, see ``textures.backdrop``.
        distance_m: how far behind the middle of the scene the backdrop stands.
        tints: colours of the backdrop, one is drawn per clip.
        is_indoor: whether a side wall may stand in the scene.
        lights: lights that it may have.
    """

    floors: tuple[str, ...]
    backdrop: str
    distance_m: float
    tints: tuple[Colour, ...]
    is_indoor: bool
    lights: tuple[str, ...] = ("day", "day", "day", "dusk", "night")


_WHITE: tuple[Colour, ...] = ((1.0, 1.0, 1.0),)

PLACES: dict[str, Place] = {
    "room": Place(
        ("wood", "wood", "carpet", "tile"), "wall", 1.7,
        ((0.92, 0.88, 0.78), (0.72, 0.82, 0.90), (0.78, 0.86, 0.76), (0.90, 0.80, 0.78), (0.82, 0.82, 0.84)), True,
    ),
    "gym": Place(("wood",), "gym", 2.4, ((0.85, 0.88, 0.95), (0.95, 0.90, 0.80)), True),
    "studio": Place(
        ("concrete", "tile", "wood"), "studio", 2.6, ((0.80, 0.80, 0.82), (0.62, 0.66, 0.72), (0.86, 0.84, 0.80)), True,
    ),
    "yard": Place(("concrete",), "brick", 2.2, ((1.0, 0.92, 0.88), (0.92, 0.92, 0.94)), True),
    "park": Place(("grass",), "hills", 9.0, _WHITE, False),
    "beach": Place(("sand",), "sea", 9.0, _WHITE, False),
    "rink": Place(("ice",), "boards", 2.6, _WHITE, False),
}
"""Place names; a floor listed twice is drawn twice as often."""

PLACE_WEIGHTS: dict[str, float] = {
    "room": 0.34, "gym": 0.10, "studio": 0.14, "yard": 0.11, "park": 0.12, "beach": 0.10, "rink": 0.09,
}


@dataclass(frozen=True)
class Light:
    """The light of a clip: one lamp with a shadow, and light from everywhere.

    Attributes:
        direction: where the lamp's rays go, before jitter.
        diffuse: colour of the lamp.
        ambient: colour of the light from everywhere.
        sky, wall: tints of an outdoor and an indoor backdrop.
    """

    direction: Colour
    diffuse: Colour
    ambient: Colour
    sky: Colour
    wall: Colour


LIGHTS: dict[str, Light] = {
    "day": Light((-0.30, 0.45, -1.0), (0.55, 0.54, 0.50), (0.50, 0.51, 0.53), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "dusk": Light((-0.75, 0.45, -0.85), (0.62, 0.46, 0.27), (0.50, 0.44, 0.42), (1.0, 0.66, 0.45), (1.0, 0.93, 0.84)),
    "night": Light((0.25, 0.40, -1.0), (0.54, 0.55, 0.60), (0.34, 0.36, 0.45), (0.13, 0.17, 0.32), (0.44, 0.47, 0.64)),
}


@dataclass(frozen=True)
class CameraStyle:
    """How a named camera looks at the scene: degrees downwards, degrees sideways, height of the aim."""

    pitch_deg: float
    yaw_deg: float
    aim: float


CAMERAS: dict[str, CameraStyle] = {
    "front": CameraStyle(7.0, 0.0, 0.36),
    "high": CameraStyle(34.0, 0.0, 0.27),
    "low": CameraStyle(-9.0, 0.0, 0.44),
    "angled": CameraStyle(17.0, 26.0, 0.34),
}
CAMERA_WEIGHTS: dict[str, float] = {"front": 0.45, "high": 0.2, "low": 0.17, "angled": 0.18}

FIELD_OF_VIEW_DEG = 36.0


@dataclass(frozen=True)
class View:
    """A placed camera.

    Attributes:
        name: its style in ``CAMERAS``.
        position: (3,) metres.
        rotation: (3, 3) columns are the camera's right, up and backward axes in the world.
        width, height: pixels.
        span_m: height of the picture at the middle of the scene in metres.
    """

    name: str
    position: np.ndarray
    rotation: np.ndarray
    width: int
    height: int
    span_m: float

    @property
    def half_width_m(self) -> float:
        """Half the width of the picture at the middle of the scene, in metres."""
        return 0.5 * self.span_m * self.width / self.height

    def project(self, points: np.ndarray, radius_m: np.ndarray | float) -> np.ndarray:
        """Project world points to the screen.

        Args:
            points: (..., 3) in metres.
            radius_m: radius of a body at each point, broadcastable to (...,).

        Returns:
            (..., 4): x right and y down in [-1, 1] inside the picture, radius as a share of half the height,
            and 1 where the point is inside the picture.
        """
        local = (points - self.position) @ self.rotation
        depth = np.maximum(-local[..., 2], 1e-6)
        focal = 1.0 / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
        x = focal * local[..., 0] / depth * self.height / self.width
        y = -focal * local[..., 1] / depth
        seen = (np.abs(x) <= 1) & (np.abs(y) <= 1) & (local[..., 2] < 0)
        return np.stack([x, y, focal * radius_m / depth, seen], axis=-1)


def draw_view(rng: np.random.Generator, width: int, height: int) -> View:
    """Draw a camera style and place it, with a little jitter."""
    name = str(rng.choice(list(CAMERAS), p=list(CAMERA_WEIGHTS.values())))
    style = CAMERAS[name]
    aspect = width / height
    span_m = (1.75 if aspect == 1 else 1.58 if aspect > 1 else 2.05) * rng.uniform(0.96, 1.06)
    pitch = math.radians(style.pitch_deg + rng.uniform(-2.0, 2.0))
    side = 1.0 if rng.random() < 0.5 else -1.0
    yaw = math.radians(side * style.yaw_deg + rng.uniform(-2.0, 2.0))
    distance = 0.5 * span_m / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    backward = np.array([-math.sin(yaw) * math.cos(pitch), -math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    up = np.cross(backward, right)
    aim = np.array([0.0, 0.0, style.aim * span_m])
    position = aim + distance * backward
    position[2] = max(position[2], 0.10)
    return View(name, position, np.stack([right, up, backward], axis=1), width, height, span_m)
