"""Balls and boxes that drop, roll, collide, are thrown, and slide."""

from __future__ import annotations

import math

import numpy as np

from ..materials import FLOORS, MATERIALS
from ..places import PLACES
from ..record import ObjectRecord
from ..tell_matter import ACTIONS
from .family import Family
from .piles import arrival_speed
from .scene import Body, Scene, Setting, draw_object, random_quaternion, yaw_quaternion


def _top(setting: Setting) -> float:
    """Height of the upper edge of the picture at the middle of the scene, in metres."""
    style_aim = {"front": 0.85, "high": 0.76, "low": 0.93, "angled": 0.82}
    return style_aim[setting.view.name] * setting.view.span_m


def _side(rng: np.random.Generator) -> float:
    return -1.0 if rng.random() < 0.5 else 1.0


def _kind(rng: np.random.Generator, ball_share: float = 0.7) -> str:
    return "ball" if rng.random() < ball_share else "box"


def _turn(rng: np.random.Generator, kind: str) -> tuple[float, float, float, float]:
    """A ball is turned anyhow; a box mostly stands nearly straight, sometimes on a corner."""
    if kind == "ball" or rng.random() < 0.4:
        return random_quaternion(rng)
    return yaw_quaternion(float(rng.uniform(-0.6, 0.6)))


def dropped(rng: np.random.Generator, setting: Setting, record: ObjectRecord, x: float, y: float) -> Body:
    """A body in the air, mostly in the picture, that falls at (`x`, `y`)."""
    low, high = record.radius_m + 0.45, _top(setting) - 1.1 * record.radius_m
    height = float(rng.uniform(max(low, 0.62 * high), max(high, low + 0.1)))
    if rng.random() < 0.15:
        height = float(rng.uniform(high + 0.3, high + 1.0))
    spin = tuple(float(v) for v in rng.normal(0, 1.2 if record.kind == "ball" else 0.35, 3))
    velocity = (float(rng.normal(0, 0.10)), float(rng.normal(0, 0.04)), 0.0)
    return Body(record, (x, y, height), _turn(rng, record.kind), velocity, spin)


def drop(rng: np.random.Generator, setting: Setting) -> Scene:
    """One to three bodies fall side by side."""
    half = setting.view.half_width_m
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.25, 0.05] if half > 0.8 else [0.85, 0.15, 0.0]))
    sizes = ("small", "medium", "medium", "large") if count == 1 else ("small",) if count == 3 else ("small", "medium")
    bodies: list[Body] = []
    for i in range(count):
        record = draw_object(rng, _kind(rng), taken=tuple(b.record.colour for b in bodies), sizes=sizes)
        if count == 1:
            x = float(rng.uniform(-0.45, 0.45)) * half
        else:
            x = (2 * (i + 0.5) / count - 1) * half * 0.95 + float(rng.uniform(-0.04, 0.04))
        bodies.append(dropped(rng, setting, record, x, float(rng.uniform(-0.15, 0.15))))
    return Scene("drop", setting, tuple(bodies))


def rolling(record: ObjectRecord, x: float, y: float, velocity: tuple[float, float], turn: np.ndarray) -> Body:
    """A ball that rolls without slipping; `turn` is its starting rotation as a quaternion."""
    quaternion = tuple(float(v) for v in turn)
    world_spin = np.array([-velocity[1], velocity[0], 0.0]) / record.radius_m
    w, axis = quaternion[0], -np.array(quaternion[1:])
    cross = 2 * np.cross(axis, world_spin)
    spin = world_spin + w * cross + np.cross(axis, cross)
    return Body(
        record, (x, y, record.radius_m), quaternion, (velocity[0], velocity[1], 0.0), tuple(float(v) for v in spin)
    )


def sliding_speed(setting: Setting, box: ObjectRecord, distance: float) -> float:
    """Start speed of a box that slides so many metres."""
    friction = MATERIALS[box.material].friction * FLOORS[setting.floor].friction
    return math.sqrt(2 * friction * setting.gravity * distance)


def _beyond(start: float, side: float, moving: ObjectRecord, resting: ObjectRecord, x: float) -> float:
    """Keep a resting body at least a little way ahead of one that starts at `start` and moves to `side`."""
    reach = moving.radius_m + resting.radius_m * (1.4 if resting.kind == "box" else 1.0)
    reach *= 1.3 if moving.kind == "box" else 1.0
    return side * max(side * x, side * start + reach + 0.1)


def roll(rng: np.random.Generator, setting: Setting) -> Scene:
    """A ball rolls across the floor: past, to a stop, into a box, or into a side wall."""
    half, side = setting.view.half_width_m, _side(rng)
    ball = draw_object(rng, "ball")
    turn = np.array(random_quaternion(rng))
    start = -side * (half - 0.8 * ball.radius_m + float(rng.uniform(-0.1, 0.2)))
    choice, depth = rng.random(), float(rng.uniform(-0.15, 0.15))
    if choice < 0.34:
        box = draw_object(rng, "box", taken=(ball.colour,), sizes=("small", "medium"))
        target = _beyond(start, side, ball, box, side * float(rng.uniform(0.1, 0.5)) * half)
        speed = arrival_speed(setting, abs(target - start), float(rng.uniform(0.7, 1.5)))
        bodies = (
            rolling(ball, start, depth, (side * speed, 0.0), turn),
            Body(box, (target, depth, box.radius_m), yaw_quaternion(float(rng.uniform(-0.35, 0.35)))),
        )
        return Scene("roll", setting, bodies, is_calm=True)
    if choice < 0.56 and PLACES[setting.place].is_indoor:
        wall_x = side * half * float(rng.uniform(0.66, 0.8))
        speed = arrival_speed(setting, abs(wall_x - start), float(rng.uniform(0.7, 1.5)))
        body = rolling(ball, start, depth, (side * speed, 0.0), turn)
        return Scene("roll", setting, (body,), wall_x, is_calm=True)
    drift = float(rng.uniform(-0.12, 0.12))
    speed = arrival_speed(setting, half, float(rng.uniform(0.1, 0.55)))
    return Scene("roll", setting, (rolling(ball, start, depth, (side * speed, drift), turn),))


def collide(rng: np.random.Generator, setting: Setting) -> Scene:
    """Two balls roll toward each other, or one strikes a resting ball."""
    half, side = setting.view.half_width_m, _side(rng)
    sizes = ("small", "medium") if half < 0.8 else ("small", "medium", "medium", "large")
    one = draw_object(rng, "ball", sizes=sizes)
    two = draw_object(rng, "ball", taken=(one.colour,), sizes=sizes)
    turn_one, turn_two = np.array(random_quaternion(rng)), np.array(random_quaternion(rng))
    start = -side * (half - 0.7 * one.radius_m)
    offset = float(rng.uniform(-0.12, 0.12)) * one.radius_m
    if rng.random() < 0.55:
        meet = float(rng.uniform(-0.2, 0.2)) * half
        at_target = float(rng.uniform(0.5, 1.0))
        speed = arrival_speed(setting, abs(meet - start), at_target)
        other_start = side * (half - 0.7 * two.radius_m)
        other = arrival_speed(setting, abs(other_start - meet), at_target * float(rng.uniform(0.7, 1.2)))
        second = rolling(two, other_start, offset, (-side * other, 0.0), turn_two)
    else:
        target = _beyond(start, side, one, two, side * float(rng.uniform(-0.05, 0.35)) * half)
        speed = arrival_speed(setting, abs(target - start), float(rng.uniform(0.6, 1.3)))
        second = Body(two, (target, offset, two.radius_m), tuple(float(v) for v in turn_two))
    first = rolling(one, start, 0.0, (side * speed, 0.0), turn_one)
    return Scene("collide", setting, (first, second))


def throw(rng: np.random.Generator, setting: Setting) -> Scene:
    """A body flies in from one side, lands and bounces on across the picture."""
    half, side = setting.view.half_width_m, _side(rng)
    record = draw_object(rng, _kind(rng, 0.85))
    top = _top(setting)
    start = -side * (half - 0.6 * record.radius_m + (0.3 if rng.random() < 0.3 else 0.0))
    height = float(rng.uniform(record.radius_m + 0.3, max(0.75 * top, record.radius_m + 0.4)))
    room = max(top - height - 1.0 * record.radius_m, 0.0)
    rise = float(rng.uniform(0.0, 1.0)) * math.sqrt(2 * setting.gravity * room)
    speed = side * float(rng.uniform(0.45, 1.05)) * half / 0.9
    spin = tuple(float(v) for v in rng.normal(0, 2.0, 3))
    velocity = (speed, float(rng.normal(0, 0.06)), rise)
    body = Body(record, (start, float(rng.uniform(-0.1, 0.1)), height), _turn(rng, record.kind), velocity, spin)
    return Scene("throw", setting, (body,))


def slide(rng: np.random.Generator, setting: Setting) -> Scene:
    """A box slides over the floor and comes to rest, or bumps into a resting box."""
    half, side = setting.view.half_width_m, _side(rng)
    box = draw_object(rng, "box", materials=("wood", "metal", "glass", "plastic"))
    start = -side * (half - 0.7 * box.radius_m)
    bump = rng.random() < 0.35
    reach = float(rng.uniform(0.8, 1.5)) * half
    bodies = []
    if bump:
        other = draw_object(rng, "box", taken=(box.colour,), sizes=("small", "medium"))
        target = _beyond(start, side, box, other, side * float(rng.uniform(0.0, 0.35)) * half)
        reach = abs(target - start) + float(rng.uniform(0.1, 0.4))
        bodies.append(Body(other, (target, 0.0, other.radius_m), yaw_quaternion(float(rng.uniform(-0.3, 0.3)))))
    speed = sliding_speed(setting, box, reach)
    yaw = yaw_quaternion(float(rng.uniform(-0.5, 0.5)))
    bodies.insert(0, Body(box, (start, 0.0, box.radius_m), yaw, (side * speed, 0.0, 0.0)))
    return Scene("slide", setting, tuple(bodies), is_calm=True)


FAMILIES = (
    Family("drop", 0.36, drop, *ACTIONS),
    Family("roll", 0.18, roll, *ACTIONS),
    Family("collide", 0.16, collide, *ACTIONS),
    Family("throw", 0.20, throw, *ACTIONS),
    Family("slide", 0.10, slide, *ACTIONS),
)
