"""A ball thrown at a window: the pane goes to pieces, or holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mujoco
import numpy as np

from ..breaking import break_time_s
from ..camera import place_view
from ..performance import Event, Part
from ..physics import Motion
from ..words import Teller
from .family import Family
from .piles import side_of
from .scene import Body, Prop, Scene, Setting, Solid, draw_object, make_object, plain, random_quaternion

_THICK_M = 0.008
_GLASS = (0.70, 0.86, 0.92)


def window(rng: np.random.Generator, setting: Setting) -> Scene:
    """A pane in a frame, seen at an angle; a ball flies at it from the left or the right."""
    side = side_of(rng)
    base = setting.with_view(rng, span_m=float(rng.uniform(1.85, 2.05)), names=("angled",)).view
    yaw, pitch = -side * float(rng.uniform(0.75, 0.95)), float(rng.uniform(0.12, 0.3))
    view = place_view("angled", yaw, pitch, base.span_m, np.array([0.0, 0.0, 0.66]), base.width, base.height)
    setting = replace(setting, view=view)
    half_y, half_z, middle = float(rng.uniform(0.36, 0.46)), float(rng.uniform(0.34, 0.44)), 0.72
    colour = str(rng.choice(("white", "white", "red", "green", "blue", "black")))
    pane = Prop("window", (Solid(plain(_GLASS, specular=1.0, shininess=0.9, alpha=0.38), (_THICK_M, half_y, half_z),
                                 (0.0, 0.0, middle)),), "glass", 0.8)
    ball = draw_object(rng, "ball", materials=("rubber", "stone", "metal", "wood"), sizes=("small",))
    ball = make_object("ball", ball.colour, ball.material, "small", 0.15)
    gentle = rng.random() < 0.2
    start = np.array([-side * 0.95, 0.0, float(rng.uniform(0.5, 0.9))])
    target = np.array([0.0, float(rng.uniform(-0.5, 0.5)) * half_y, middle + float(rng.uniform(-0.4, 0.4)) * half_z])
    time = float(rng.uniform(0.5, 0.62)) if gentle else float(rng.uniform(0.26, 0.4))
    velocity = (target - start) / time + np.array([0.0, 0.0, 0.5 * setting.gravity * time])
    body = Body(ball, tuple(start), random_quaternion(rng), tuple(velocity), tuple(rng.normal(0, 3, 3)))
    pieces = _pieces(rng, half_y, half_z, middle)
    return Scene("window", setting, (body, *pieces), props=(pane, _frame(half_y, half_z, middle, colour)),
                 breaks=0, pieces=len(pieces), facts={"frame": colour, "pieces": len(pieces)})


def _frame(half_y: float, half_z: float, middle: float, colour: str) -> Prop:
    """Four bars around the pane, on two feet."""
    bar, part = 0.035, plain(colour, specular=0.2)
    solids = [Solid(part, (0.04, half_y + 2 * bar, bar), (0, 0, middle + s * (half_z + bar))) for s in (-1, 1)]
    solids += [Solid(part, (0.04, bar, half_z), (0, s * (half_y + bar), middle)) for s in (-1, 1)]
    low = middle - half_z - 2 * bar
    solids += [Solid(part, (0.04, bar, 0.5 * low), (0, s * (half_y + bar), 0.5 * low)) for s in (-1, 1)]
    solids += [Solid(part, (0.16, bar, 0.02), (0, s * (half_y + bar), 0.02)) for s in (-1, 1)]
    return Prop("frame", tuple(solids), "wood", 0.7)


def _pieces(rng: np.random.Generator, half_y: float, half_z: float, middle: float) -> list[Body]:
    """Triangles that tile the pane: a grid with shaken corners, each cell cut in two."""
    columns, rows = 4, 4
    y = np.linspace(-half_y, half_y, columns + 1)[:, None] + np.zeros(rows + 1)
    z = np.linspace(-half_z, half_z, rows + 1) + np.zeros((columns + 1, 1))
    shake_y, shake_z = half_y / columns * 0.6, half_z / rows * 0.6
    y[1:-1] += rng.uniform(-shake_y, shake_y, (columns - 1, rows + 1))
    z[:, 1:-1] += rng.uniform(-shake_z, shake_z, (columns + 1, rows - 1))
    corners = np.stack([np.zeros_like(y), y, z + middle], axis=-1)
    glass = Part("triangle", _GLASS, specular=1.0, shininess=0.9, alpha=0.5)
    found = []
    for i in range(columns):
        for k in range(rows):
            square = [corners[i, k], corners[i + 1, k], corners[i + 1, k + 1], corners[i, k + 1]]
            cut = ((0, 1, 2), (0, 2, 3)) if rng.random() < 0.5 else ((0, 1, 3), (1, 2, 3))
            found += [_piece(glass, np.array([square[c] for c in three])) for three in cut]
    return found


def _piece(glass: Part, corners: np.ndarray) -> Body:
    """One triangle as a body about its middle: drawn as it is, touched as a thin plate of its size."""
    # The longest side is the base, so that the third corner stands over it.
    longest = int(np.argmax(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)))
    corners = np.roll(corners, -longest, axis=0)
    middle = corners.mean(0)
    one, two = corners[1] - corners[0], corners[2] - corners[0]
    area = 0.5 * float(np.linalg.norm(np.cross(one, two)))
    edge = 0.5 * float(np.sqrt(area))
    # The triangle lies in the plane of y and z; its own axes are x along `one` and y across it.
    length = float(np.linalg.norm(one))
    along = one / length
    normal = np.array([1.0, 0.0, 0.0])
    across = np.cross(normal, along)
    # MuJoCo's triangle has a right angle; a slanted one is made of two.
    foot, height = float(two @ along), float(two @ across)
    base = corners[0] + foot * along - middle
    turn = _turn(along, across, normal)
    back = _turn(-along, across, -normal)
    drawn = []
    for reach, sense in ((length - foot, turn), (foot, back)):
        if reach > 1e-3:
            drawn.append(Solid(glass, (reach, height, 0.0), tuple(base), sense, collides=False))
    plate = Solid(plain(_GLASS, alpha=0.0), (0.006, edge, edge))
    record = make_object("piece", "cyan", "glass", "small", edge, (0.006, edge, edge), 2500 * 0.006 * area)
    return Body(record, tuple(middle), solids=(plate, *drawn))


def _turn(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[float, float, float, float]:
    """The quaternion of a right-handed set of axes."""
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, np.stack([x, y, z], axis=1).ravel())
    return (float(quaternion[0]), float(quaternion[1]), float(quaternion[2]), float(quaternion[3]))


def _facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    time = break_time_s(motion)
    facts = scene.facts | {"broken": time is not None}
    if time is None or motion.broken_at is None:
        return facts
    place = tuple(float(v) for v in motion.poses[motion.broken_at, 0, :3])
    return facts | {"broken_s": round(time, 4), "events": [Event(time, "shatter", 0.9, place, "glass", "glass")]}


def _tell(teller: Teller) -> str:
    ball = teller.thing(0)
    pane = teller.pick("a window", "a window pane", "a pane of glass", "the window")
    if teller.facts["broken"]:
        return teller.pick(f"{ball} smashes through {pane}", f"{ball} breaks {pane}", f"{ball} shatters {pane}",
                           f"{ball} flies into {pane}, which shatters",
                           f"{pane} breaks to pieces as {ball} flies into it")
    if any(touch[3] == -3 for touch in teller.motion.touches):
        return teller.pick(f"{ball} bounces off {pane}, which holds", f"{ball} hits {pane} without breaking it")
    return teller.pick(f"{ball} hits a window frame", f"{ball} flies at {pane}")


def _french(teller: Teller) -> str:
    ball = teller.thing_french(0)
    if teller.facts["broken"]:
        return teller.pick(f"{ball} brise une vitre", f"{ball} traverse une fen\u00eatre qui vole en \u00e9clats")
    return f"{ball} rebondit contre une vitre"


def _sound(teller: Teller) -> str:
    return teller.pick("glass shatters", "the crash of breaking glass", "tinkling glass") if (
        teller.facts["broken"]) else "a knock on the glass"


FAMILIES = (
    Family("window", 0.06, window, _tell, _french, _sound, ("yard", "room", "street", "studio", "park"), _facts),
)
