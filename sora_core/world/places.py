"""Where a clip is filmed: places and lights."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]
GRAVITY = 9.81
"""On Earth, in metres per second squared."""


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
        gravity: metres per second squared.
    """

    floors: tuple[str, ...]
    backdrop: str
    distance_m: float
    tints: tuple[Colour, ...]
    is_indoor: bool
    lights: tuple[str, ...] = ("day", "day", "day", "dusk", "night")
    gravity: float = GRAVITY


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
    "street": Place(("asphalt",), "street", 7.0, _WHITE, False),
    "moon": Place(("dust",), "stars", 14.0, _WHITE, False, ("day",), 1.62),
}
"""Place names; a floor listed twice is drawn twice as often."""

PLACE_WEIGHTS: dict[str, float] = {
    "room": 0.34, "gym": 0.10, "studio": 0.14, "yard": 0.11, "park": 0.12, "beach": 0.10, "rink": 0.09,
}
"""Places that a scene is drawn in unless it names its own."""
RARE_PLACES = ("street", "moon")
"""Places that only a varied scene is moved to."""


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
