"""Shots at a basket, made and missed: what happens is up to the ball, the rim and the board."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..materials import COLOURS
from ..performance import Event
from ..physics import STEP_S, Motion
from ..record import FIRST_PROP
from ..words import FRENCH_COLOURS, Teller
from .family import Family
from .piles import side_of
from .scene import (
    Bar,
    Body,
    Outline,
    Prop,
    Scene,
    Setting,
    Solid,
    axis_quaternion,
    make_object,
    plain,
    random_quaternion,
)

RIM_RADIUS_M = 0.27
"""Inside radius of the rim."""
TUBE_M = 0.016
BALL_RADIUS_M = 0.165
_SEGMENTS = 18
_STRANDS = 12
_PLACES = ("gym", "gym", "gym", "yard", "street", "park")
BOARD, RIM = FIRST_PROP, FIRST_PROP - 1


def basketball(rng: np.random.Generator, setting: Setting) -> Scene:
    """A ball is shot at a basket: well aimed, short, long, or off the board."""
    height, side = float(rng.uniform(1.25, 1.40)), side_of(rng)
    low_gravity = setting.gravity < 5
    setting = setting.with_view(rng, span_m=float(rng.uniform(2.30, 2.45)), aim=(0.0, 0.0, 1.0),
                                names=("front", "front", "low", "angled"))
    half = setting.view.half_width_m
    centre = np.array([side * (half - RIM_RADIUS_M - 0.28), 0.0, height])
    colour = "orange" if rng.random() < 0.55 else str(rng.choice(list(COLOURS)))
    ball = make_object("ball", colour, "rubber", "small", BALL_RADIUS_M, mass_kg=0.6)
    start = np.array([-side * (half - float(rng.uniform(0.1, 0.3))), 0.0, float(rng.uniform(0.55, 0.80))])
    target, wish = _target(rng, centre, side)
    time = float(rng.uniform(0.80, 0.95)) * (2.0 if low_gravity else 1.0)
    velocity = (target - start) / time + np.array([0.0, 0.0, 0.5 * setting.gravity * time])
    spin = (0.0, -side * float(rng.uniform(2.0, 7.0)), 0.0)
    body = Body(ball, tuple(start), random_quaternion(rng), tuple(velocity), spin)
    board = str(rng.choice(("white", "white", "black", "blue", "red")))
    rim = str(rng.choice(("red", "orange", "red", "blue")))
    facts = {"rim_m": [round(float(v), 4) for v in centre], "aimed": wish}
    return Scene("basketball", setting, (body,), props=_hoop(centre, side, board, rim), facts=facts)


def _target(rng: np.random.Generator, centre: np.ndarray, side: float) -> tuple[np.ndarray, str]:
    """Where the ball's middle should be at the height of the rim or at the board, and what that is meant to be."""
    wish = str(rng.choice(("in", "rim", "board", "short"), p=(0.34, 0.34, 0.22, 0.10)))
    toward = np.array([side, 0.0, 0.0])
    if wish == "in":
        return centre + toward * float(rng.normal(0, 0.025)) + (0.0, float(rng.normal(0, 0.02)), 0.0), wish
    if wish == "rim":
        reach = RIM_RADIUS_M + float(rng.uniform(0.0, 0.10))
        angle = float(rng.uniform(-1.3, 1.3)) + (math.pi if rng.random() < 0.75 else 0.0)
        return centre + reach * np.array([side * math.cos(angle), math.sin(angle), 0.0]), wish
    if wish == "board":
        up = float(rng.uniform(0.34, 0.70))
        return centre + toward * (RIM_RADIUS_M + 0.06 - BALL_RADIUS_M) + (0.0, float(rng.uniform(-0.2, 0.2)), up), wish
    return centre - toward * (RIM_RADIUS_M + BALL_RADIUS_M + float(rng.uniform(0.1, 0.3))), wish


def _hoop(centre: np.ndarray, side: float, board: str, rim: str) -> tuple[Prop, ...]:
    """Board, rim, a net that takes the ball's speed sideways, and a pole that nothing touches."""
    board_x = centre[0] + side * (RIM_RADIUS_M + 0.09)
    board_z = centre[2] + 0.27
    plate = Solid(plain(board, specular=0.3), (0.025, 0.46, 0.33), (board_x, 0.0, board_z))
    mark = plain(rim if board != rim else "white")
    marks = [Solid(mark, (0.004, half_y, half_z), (board_x - side * 0.026, y, z), collides=False)
             for half_y, half_z, y, z in ((0.16, 0.012, 0, centre[2] + 0.10), (0.16, 0.012, 0, centre[2] + 0.36),
                                          (0.012, 0.13, -0.15, centre[2] + 0.23),
                                          (0.012, 0.13, 0.15, centre[2] + 0.23))]
    radius = RIM_RADIUS_M + TUBE_M
    ring = []
    for i in range(_SEGMENTS):
        angle = 2 * math.pi * (i + 0.5) / _SEGMENTS
        turn = _level(angle + math.pi / 2)
        place = (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle), centre[2])
        ring.append(Solid(plain(rim, shape="capsule", specular=0.6), (TUBE_M, math.pi * radius / _SEGMENTS, 0.0), place,
                          turn))
    arm = Solid(plain(rim), (0.06, 0.03, TUBE_M), (board_x - side * 0.06, 0.0, centre[2]))
    steel = plain((0.35, 0.37, 0.42), shape="cylinder", specular=0.4)
    pole_x = board_x + side * 0.22
    pole = Solid(steel, (0.045, 0.5 * board_z, 0.0), (pole_x, 0.0, 0.5 * board_z), collides=False)
    stay = Solid(plain((0.35, 0.37, 0.42)), (0.11, 0.03, 0.03), (board_x + side * 0.11, 0.0, board_z), collides=False)
    return (
        Prop("board", (plate, *marks), "wood", 0.85,
             outlines=(Outline(COLOURS[board], plate.size, plate.position),)),
        Prop("rim", (*ring, arm), "metal", 0.75,
             outlines=(Bar(COLOURS[rim], tuple(centre), (0.0, 0.0, -side * TUBE_M), (-side * radius, 0.0, 0.0),
                           (0.0, -radius, 0.0)),)),
        Prop("net", tuple(_net(centre)), "plastic", 0.1), Prop("pole", (pole, stay)),
    )


def _level(angle: float) -> tuple[float, float, float, float]:
    """The turn of a tube's axis (z) into the horizontal, at an angle to x."""
    half = angle / 2
    w, z = math.cos(half), math.sin(half)
    a, b, c, d = axis_quaternion("y", math.pi / 2)
    return (w * a - z * d, w * b - z * c, w * c + z * b, w * d + z * a)


def _net(centre: np.ndarray) -> list[Solid]:
    """Strands that cross on their way down from the rim to a narrower mouth."""
    strands = []
    white = plain((0.95, 0.95, 0.93), specular=0.0, emission=0.15)
    levels = [(RIM_RADIUS_M, 0.0), (0.82 * RIM_RADIUS_M, -0.14), (0.70 * RIM_RADIUS_M, -0.29)]
    for (top, high), (bottom, low) in zip(levels[:-1], levels[1:], strict=True):
        for i in range(_STRANDS):
            for turn in (-0.5, 0.5):
                one, two = (2 * math.pi * (i + shift) / _STRANDS for shift in (0.0, turn))
                start = centre + (top * math.cos(one), top * math.sin(one), high)
                end = centre + (bottom * math.cos(two), bottom * math.sin(two), low)
                strands.append(between(white, start, end, 0.007, collides=turn > 0))
    return strands


def between(part: Any, start: np.ndarray, end: np.ndarray, radius: float, collides: bool = False) -> Solid:
    """A thin rod (a box: cheap to draw) from one point to another."""
    way = end - start
    length = float(np.linalg.norm(way))
    x, y, z = way / length
    half = math.sqrt(max(0.0, (1 + z) / 2))
    turn = (half, -y / (2 * half), x / (2 * half), 0.0) if half > 1e-6 else (0.0, 1.0, 0.0, 0.0)
    return Solid(part, (radius, radius, 0.5 * length), tuple(0.5 * (start + end)), turn, collides)


def crossing_step(scene: Scene, motion: Motion) -> int | None:
    """Step at which the ball's middle falls through the rim's circle, or None."""
    centre = np.array(scene.facts["rim_m"])
    z = motion.poses[:, 0, 2] - centre[2]
    for step in np.flatnonzero((z[:-1] > 0) & (z[1:] <= 0)):
        away = motion.poses[step, 0, :2] - centre[:2]
        if np.hypot(*away) < RIM_RADIUS_M:
            return int(step)
    return None


def _facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    step = crossing_step(scene, motion)
    touched = [touch[3] for touch in motion.touches if touch[3] <= FIRST_PROP and (step is None or touch[0] < step)]
    facts = scene.facts | {"made": step is not None, "rim_hits": touched.count(RIM), "board_hits": touched.count(BOARD)}
    if step is not None:
        at = tuple(float(v) for v in motion.poses[step, 0, :3])
        facts |= {"made_s": round(step * STEP_S, 4),
                  "events": [Event(step * STEP_S, "swish", 0.8, at, "rubber", "net")]}
    return facts


def _tell(teller: Teller) -> str:
    facts = teller.facts
    noun = ("basketball", "basketball", "ball")
    ball = teller.thing(0, noun=noun) if teller.chance(0.7) else teller.pick("a basketball", "the basketball")
    hoop = teller.pick("the hoop", "the basket")
    off_board, off_rim = facts["board_hits"] > 0, facts["rim_hits"] > 0
    if facts["made"]:
        if off_board and teller.chance(0.7):
            return teller.pick(f"{ball} bounces off the backboard into {hoop}", f"{ball} goes in off the board")
        if off_rim and teller.chance(0.6):
            return teller.pick(f"{ball} hits the rim and drops in", f"{ball} touches the rim and falls through {hoop}")
        if not off_rim and not off_board and teller.chance(0.4):
            return teller.pick(f"{ball} swishes through {hoop}", f"{ball} drops cleanly through the net")
        return teller.pick(f"{ball} is shot into {hoop}", f"{ball} flies through {hoop}",
                           f"{ball} goes through {hoop}",
                           f"a made basketball shot: {ball} falls through the net", f"{ball} goes in", "a shot goes in")
    miss = teller.pick("and misses", "and does not go in", "and the shot is missed")
    if off_board and off_rim:
        return teller.pick(f"{ball} hits the board and the rim {miss}", f"{ball} bounces off the rim {miss}")
    if off_board:
        return teller.pick(f"{ball} bounces off the backboard {miss}", f"{ball} hits the board {miss}",
                           f"a missed shot: {ball} rebounds off the backboard")
    if off_rim:
        return teller.pick(f"{ball} bounces off the rim {miss}", f"{ball} hits the rim {miss}",
                           f"a missed shot: {ball} rebounds off the rim", f"{ball} rattles off the rim {miss}")
    return teller.pick(f"{ball} flies past {hoop}", f"{ball} misses {hoop}", f"an airball: {ball} misses {hoop}")


def _french(teller: Teller) -> str:
    facts = teller.facts
    colour = FRENCH_COLOURS[teller.scene.bodies[0].record.colour][0]
    ball = teller.pick("un ballon de basket", f"un ballon {colour}", f"le ballon {colour}")
    if facts["made"]:
        return ball + teller.pick(" entre dans le panier", " passe \u00e0 travers le panier", " tombe dans le panier")
    if facts["rim_hits"]:
        return ball + " rebondit sur le cercle et n'entre pas"
    if facts["board_hits"]:
        return ball + " rebondit sur le panneau et n'entre pas"
    return ball + " manque le panier"


def _sound(teller: Teller) -> str:
    facts = teller.facts
    if facts["rim_hits"] and teller.chance(0.6):
        return teller.pick("the clang of the rim", "the rim rings")
    if facts["made"]:
        return teller.pick("the swish of the net", "the net swishes")
    if facts["board_hits"]:
        return teller.pick("a thud off the board", "a knock on the board")
    return "the ball thumps down"


FAMILIES = (Family("basketball", 0.16, basketball, _tell, _french, _sound, _PLACES, _facts),)
