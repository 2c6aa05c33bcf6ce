"""A scene before it is simulated: bodies with a start, what stands around, a place, a light and a camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..camera import CAMERAS, View, draw_view
from ..materials import COLOURS, COMMON_MATERIALS, MATERIALS
from ..performance import Part, Performance
from ..places import PLACE_WEIGHTS, PLACES
from ..record import ObjectRecord

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
SIZES_M: dict[str, float] = {"small": 0.180, "medium": 0.235, "large": 0.300}
_UPRIGHT = (1.0, 0.0, 0.0, 0.0)
_USUAL_SPAN_M = 1.75


@dataclass(frozen=True)
class Solid:
    """A part with its size (MuJoCo's half sizes) and its pose in what it belongs to.

    `look` is "ball_" or "box_" and the name of a material whose texture it shows, or "".
    """

    part: Part
    size: Vector
    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = _UPRIGHT
    collides: bool = True
    look: str = ""


@dataclass(frozen=True)
class Joint:
    """What a body may do if it isn't free: "hinge" about an axis through an anchor in the world, or "slide" along it.

    Attributes:
        kind: "hinge" or "slide".
        axis: in the world, of length 1.
        anchor: metres; of no meaning for a slide.
        damping: N m s or N s/m.
    """

    kind: str
    axis: Vector
    anchor: Vector = (0.0, 0.0, 0.0)
    damping: float = 0.0


@dataclass(frozen=True)
class Body:
    """One body and its start: metres, metres per second, radians per second (spin in the body's frame).

    Without `solids` it is a ball, or a box, cylinder or capsule of its record's half sizes. A body with a joint starts
    with `velocity[0]` as the joint's own speed (rad/s or m/s).
    """

    record: ObjectRecord
    position: Vector
    quaternion: Quaternion = _UPRIGHT
    velocity: Vector = (0.0, 0.0, 0.0)
    spin: Vector = (0.0, 0.0, 0.0)
    solids: tuple[Solid, ...] = ()
    joint: Joint | None = None


@dataclass(frozen=True)
class Outline:
    """A box that stands for a prop, or a part of a body, in the model's sketch.

    Attributes:
        colour: sRGB.
        half_m: half edges.
        position, quaternion: in the world, or in the body `of`.
        of: index of the body that it moves with, or None.
    """

    colour: Vector
    half_m: Vector
    position: Vector
    quaternion: Quaternion = _UPRIGHT
    of: int | None = None


@dataclass(frozen=True)
class Bar:
    """A box that stands for a part of a prop in the model's sketch and hangs on its first part, as a limb on a trunk.

    Attributes:
        colour: sRGB.
        position: its middle, metres.
        across, along, depth: half-edges in the world, metres. `along` leads away from what it hangs on; `across` is
            thin and at a right angle to it in the picture, see `sampling/joints.py`.
    """

    colour: Vector
    position: Vector
    across: Vector
    along: Vector
    depth: Vector


@dataclass(frozen=True)
class Prop:
    """Something that stands still, such as a ramp, a board or a rim.

    Attributes:
        name: for the record.
        solids: its parts, in the world.
        material: of all of it, see ``materials.MATERIALS``; "" if it can't be touched.
        bounce: factor on a body's own bounce.
        is_ground: bodies roll and slide on it, as on a floor.
        outlines: how the sketch shows it: as parts of a figure that stands still, which nothing makes fall.
    """

    name: str
    solids: tuple[Solid, ...]
    material: str = ""
    bounce: float = 0.9
    is_ground: bool = False
    outlines: tuple[Outline | Bar, ...] = ()


@dataclass(frozen=True)
class Water:
    """Water in a tank around the middle of the scene.

    Attributes:
        half_m: half its width (x) and half its depth (y).
        bottom_m: height of the tank's ground.
        level_m: height of the surface while nothing is in it.
    """

    half_m: tuple[float, float]
    bottom_m: float
    level_m: float


@dataclass(frozen=True)
class Setting:
    """Where a clip is filmed. `tint` colours the backdrop; `light_jitter` turns the lamp a little.

    `air` is what is in the air ("rain", "wind", "waves", "crickets", "crowd") and `style` how the film looks
    ("cartoon", "noir", "clay", "pixel art"), both "" mostly.
    """

    place: str
    floor: str
    light: str
    view: View
    tint: Vector
    light_jitter: tuple[float, float]
    air: str = ""
    style: str = ""

    @property
    def gravity(self) -> float:
        """Metres per second squared."""
        return PLACES[self.place].gravity

    @property
    def depth_m(self) -> float:
        """How far behind the middle of the scene the backdrop stands; farther where more is seen."""
        return PLACES[self.place].distance_m * max(1.0, self.view.span_m / _USUAL_SPAN_M / 1.2)

    def with_view(
        self, rng: np.random.Generator, *, span_m: float, aim: Vector | None = None,
        names: tuple[str, ...] = tuple(CAMERAS), jitter: float = 1.0,
    ) -> Setting:
        """The same setting filmed by another camera, see ``camera.draw_view``."""
        view = draw_view(rng, self.view.width, self.view.height, span_m=span_m, aim=aim, names=names, jitter=jitter)
        return replace(self, view=view)


@dataclass(frozen=True)
class Shot:
    """A part of a film that is cut from several scenes.

    Attributes:
        scene: what is seen, a clip of its own.
        first, last: frames of the film, `last` not included.
        skip: frames of the scene's clip that lie before its first frame.
        cast: for each of its bodies, the index among the film's.
    """

    scene: Scene
    first: int
    last: int
    skip: int = 0
    cast: tuple[int, ...] = ()

    @property
    def frames(self) -> slice:
        """Its frames in its scene's own clip."""
        return slice(self.skip, self.skip + self.last - self.first)


@dataclass(frozen=True)
class Scene:
    """A setting and what moves in it.

    Attributes:
        family: name of its family.
        setting: place, light and camera.
        bodies: what physics moves.
        wall_x: where a side wall stands, or None.
        props: what stands still.
        figures: what moves by itself.
        is_calm: bodies stand on the floor from the start: a springy stand would rattle.
        breaks: index of the prop that goes to pieces when it is hit, or None; its pieces are the last `pieces` bodies.
        pieces: how many bodies are pieces.
        outlines: more boxes for the sketch.
        neighbours: a body may touch this many that come after it; fewer are faster.
        ground_m: height of what the bodies stand on, for their shadows.
        facts: what the family knows of its own draw.
        water: what bodies fall into, or None.
        shots: what the film is cut from; then the rest is put together from them, see ``sequence.film``.
    """

    family: str
    setting: Setting
    bodies: tuple[Body, ...] = ()
    wall_x: float | None = None
    props: tuple[Prop, ...] = ()
    figures: tuple[Performance, ...] = ()
    is_calm: bool = False
    breaks: int | None = None
    pieces: int = 0
    outlines: tuple[Outline, ...] = ()
    neighbours: int = 99
    ground_m: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    water: Water | None = None
    shots: tuple[Shot, ...] = ()

    @property
    def floor(self) -> str:
        return self.setting.floor

    @property
    def view(self) -> View:
        return self.setting.view


def draw_setting(rng: np.random.Generator, width: int, height: int, places: tuple[str, ...] = ()) -> Setting:
    """Draw a place with its floor, light and camera; `places` to draw from, the usual ones by default."""
    if places:
        name = str(rng.choice(places))
    else:
        name = str(rng.choice(list(PLACE_WEIGHTS), p=list(PLACE_WEIGHTS.values())))
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
    materials: tuple[str, ...] = COMMON_MATERIALS,
    sizes: tuple[str, ...] = ("small", "medium", "medium", "large"),
) -> ObjectRecord:
    """Draw colour (none of `taken`), material and size of a ball or a box."""
    colour = str(rng.choice([name for name in COLOURS if name not in taken]))
    material, size = str(rng.choice(materials)), str(rng.choice(sizes))
    radius = SIZES_M[size] * float(rng.uniform(0.95, 1.05)) * (0.9 if kind == "box" else 1.0)
    return make_object(kind, colour, material, size, radius)


def make_object(
    kind: str, colour: str, material: str, size: str, radius_m: float, half_m: Vector | None = None,
    mass_kg: float | None = None,
) -> ObjectRecord:
    """A record with the mass that follows from its volume, unless one is given."""
    if half_m is not None:
        volume = 8 * half_m[0] * half_m[1] * half_m[2]
    else:
        volume = 8 * radius_m**3 if kind == "box" else 4 / 3 * math.pi * radius_m**3
    return ObjectRecord(kind, colour, material, size, radius_m, mass_kg or MATERIALS[material].density * volume, half_m)


def plain(colour: str | Vector, **look: Any) -> Part:
    """A box-shaped part in a named or given colour; `look` are fields of `Part`."""
    return Part(look.pop("shape", "box"), COLOURS[colour] if isinstance(colour, str) else colour, **look)


def yaw_quaternion(angle: float) -> Quaternion:
    """Rotation about the vertical by `angle` radians."""
    return (math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2))


def axis_quaternion(axis: str, angle: float) -> Quaternion:
    """Rotation about "x", "y" or "z" by `angle` radians."""
    values = [math.cos(angle / 2), 0.0, 0.0, 0.0]
    values[1 + "xyz".index(axis)] = math.sin(angle / 2)
    return (values[0], values[1], values[2], values[3])


def random_quaternion(rng: np.random.Generator) -> Quaternion:
    """A uniformly random rotation."""
    w, x, y, z = rng.normal(size=4)
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    return (w / norm, x / norm, y / norm, z / norm)
