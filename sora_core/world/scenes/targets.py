"""Bowling, and kicks at a goal with a keeper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..materials import COLOURS
from ..physics import STEP_S, Motion
from ..record import FIRST_PROP
from ..words import FRENCH_COLOURS, Teller
from .basketball import between
from .family import Family
from .piles import arrival_speed, fallen, rolling_ball, side_of
from .scene import (
    Bar,
    Body,
    Joint,
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

PIN_M = 0.40
"""Height of a pin."""


def _pin(stripe: str) -> tuple[Solid, ...]:
    """A pin about its middle: a belly, a neck and a head, with a coloured collar."""
    white = {"shape": "ellipsoid", "specular": 0.6, "shininess": 0.6}
    cream = (0.96, 0.95, 0.90)
    half = 0.5 * PIN_M
    return (
        Solid(plain(cream, shape="cylinder"), (0.046, 0.5 * half, 0.0), (0, 0, -0.5 * half)),
        Solid(plain(cream, **(white | {"shape": "capsule"})), (0.032, 0.30 * half, 0.0), (0, 0, 0.45 * half)),
        Solid(plain(cream, **white), (0.066, 0.066, 0.125), (0, 0, -0.38 * half), collides=False),
        Solid(plain(cream, **(white | {"shape": "sphere"})), (0.044, 0.0, 0.0), (0, 0, half - 0.044)),
        Solid(plain(stripe, shape="cylinder"), (0.036, 0.014, 0.0), (0, 0, 0.42 * half), collides=False),
    )


def bowling(rng: np.random.Generator, setting: Setting) -> Scene:
    """A heavy ball rolls into three, six or ten pins, away from the camera or from the side."""
    away = bool(rng.random() < 0.6)
    rows = int(rng.choice([2, 3, 4], p=[0.3, 0.4, 0.3]))
    gap = 0.25
    if away:
        setting = setting.with_view(rng, span_m=1.75, aim=(0.0, 0.15, 0.28), names=("high",), jitter=0.7)
        ahead, across = np.array([0.0, 1.0]), np.array([1.0, 0.0])
        head, start = np.array([0.0, 0.5]), np.array([float(rng.uniform(-0.15, 0.15)), -0.55])
    else:
        setting = setting.with_view(rng, span_m=1.85, names=("front", "angled", "high"))
        side, half = side_of(rng), setting.view.half_width_m
        ahead, across = np.array([side, 0.0]), np.array([0.0, 1.0])
        head = np.array([side * float(rng.uniform(0.05, 0.2)) * half, 0.0])
        start = np.array([-side * (half - 0.1), float(rng.uniform(-0.08, 0.08))])
    spots = [head + ahead * row * gap * 0.87 + across * (k - row / 2) * gap
             for row in range(rows) for k in range(row + 1)]
    colour = str(rng.choice([name for name in COLOURS if name != "white"]))
    ball = make_object("ball", colour, "plastic", "small", 0.15, mass_kg=4.5)
    aim = head + across * float(rng.normal(0, 0.16)) + ahead * 0.2
    way = (aim - start) / np.linalg.norm(aim - start)
    speed = arrival_speed(setting, float(np.linalg.norm(head - start)), float(rng.uniform(1.5, 2.6)))
    bodies = [rolling_ball(ball, *start, tuple(speed * way), turn=random_quaternion(rng))]
    stripe = str(rng.choice(("red", "red", "blue", "green")))
    bodies += [Body(make_object("pin", "white", "wood", "small", 0.5 * PIN_M, (0.06, 0.06, 0.5 * PIN_M), 0.45),
                    (*spot, 0.5 * PIN_M), solids=_pin(stripe)) for spot in spots]
    return Scene("bowling", setting, tuple(bodies), is_calm=True, facts={"pins": len(spots), "away": away})


def _bowling_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    down = fallen(motion, 1, len(scene.bodies), 0.7)
    hit = any(touch[2] == 0 and touch[3] > 0 for touch in motion.touches)
    return scene.facts | {"fallen": len(down), "strike": len(down) == scene.facts["pins"], "hit": hit}


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _tell_bowling(teller: Teller) -> str:
    facts = teller.facts
    ball = teller.thing(0, noun=("bowling ball", "bowling ball", "ball"))
    pins = teller.pick(f"{_NUMBERS[facts['pins']]} pins", "the pins", "the bowling pins")
    if not facts["hit"]:
        return f"{ball} rolls past {pins}"
    verb = teller.pick("rolls into", "hits", "crashes into", "strikes")
    if facts["strike"]:
        return teller.pick(f"{ball} knocks over all {_NUMBERS[facts['pins']]} pins", f"a strike: {ball} {verb} {pins}",
                           f"{ball} {verb} {pins} and they all fall")
    if facts["fallen"] == 0:
        return f"{ball} {verb} {pins} but none falls"
    number = _NUMBERS[facts["fallen"]]
    return teller.pick(f"{ball} {verb} {pins} and {number} {'falls' if facts['fallen'] == 1 else 'fall'}",
                       f"{ball} knocks over {number} of {_NUMBERS[facts['pins']]} pins")


def _french_bowling(teller: Teller) -> str:
    facts = teller.facts
    ball = f"une boule de bowling {FRENCH_COLOURS[teller.scene.bodies[0].record.colour][1]}"
    if not facts["hit"]:
        return f"{ball} passe \u00e0 c\u00f4t\u00e9 des quilles"
    if facts["strike"]:
        return f"{ball} renverse toutes les quilles"
    return f"{ball} {teller.pick('heurte', 'percute')} les quilles" + (
        " et en renverse une" if facts["fallen"] == 1 else " et en renverse plusieurs" if facts["fallen"] else "")


def _bowling_sound(teller: Teller) -> str:
    if teller.facts["fallen"]:
        return teller.pick("the crash of the pins", "a loud clatter of pins", "pins clatter")
    return "the rumble of the ball"


# A goal and its keeper

GOAL_HALF_M, GOAL_HEIGHT_M, GOAL_Y_M = 1.05, 0.95, 0.9
KEEPER_M = (0.16, 0.10, 0.42)


def goal(rng: np.random.Generator, setting: Setting) -> Scene:
    """A ball is kicked at a goal; the keeper glides to one side and may save it."""
    setting = setting.with_view(rng, span_m=float(rng.uniform(2.25, 2.45)), aim=(0.0, 0.4, 0.62),
                                names=("front", "high"), jitter=0.8)
    colour = "white" if rng.random() < 0.5 else str(rng.choice(list(COLOURS)))
    ball = make_object("ball", colour, "rubber", "small", 0.14, mass_kg=0.45)
    start = np.array([float(rng.uniform(-0.6, 0.6)), -0.85, 0.14])
    wide = rng.random() < 0.15
    reach = GOAL_HALF_M - 0.25 if not wide else GOAL_HALF_M + 0.4
    x = float(rng.uniform(-reach, reach))
    if wide:
        x = side_of(rng) * float(rng.uniform(GOAL_HALF_M - 0.05, reach))
    target = np.array([x, GOAL_Y_M, float(rng.uniform(0.2, 0.75))])
    time = float(rng.uniform(0.55, 0.8)) * (1.5 if setting.gravity < 5 else 1.0)
    velocity = (target - start) / time + np.array([0.0, 0.0, 0.5 * setting.gravity * time])
    guess = x if rng.random() < 0.55 else -x if rng.random() < 0.7 else 0.0
    keeper_x = float(rng.normal(0, 0.12))
    shift = float(np.clip(guess - keeper_x, -0.75, 0.75))
    jersey = str(rng.choice([name for name in ("red", "yellow", "blue", "green", "orange", "purple")
                             if name != colour]))
    # On a slide with damping c, a body of mass m and speed v goes m v / c in all.
    mass, damping = 40.0, 110.0
    speed = shift * damping / mass
    record = make_object("keeper", jersey, "rubber", "large", KEEPER_M[2], KEEPER_M, mass)
    keeper = Body(record, (keeper_x, GOAL_Y_M - 0.15, KEEPER_M[2]), velocity=(speed, 0.0, 0.0), solids=_keeper(jersey),
                  joint=Joint("slide", (1.0, 0.0, 0.0), damping=damping))
    body = Body(ball, tuple(start), random_quaternion(rng), tuple(velocity), tuple(rng.normal(0, 3, 3)))
    outline = Outline(COLOURS[jersey], KEEPER_M, (0.0, 0.0, 0.0), of=1)
    return Scene("goal", setting, (body, keeper), props=_goal_props(), outlines=(outline,), facts={"keeper": jersey})


def _keeper(jersey: str) -> tuple[Solid, ...]:
    """A plain figure with arms spread, about its middle."""
    skin = (0.86, 0.64, 0.50)
    low, high = -KEEPER_M[2], KEEPER_M[2]
    legs = [Solid(plain((0.12, 0.12, 0.16), shape="capsule"), (0.062, 0.15, 0.0), (s * 0.085, 0, low + 0.21),
                  axis_quaternion("y", -s * 0.10)) for s in (-1, 1)]
    arms = [Solid(plain(jersey, shape="capsule"), (0.045, 0.15, 0.0), (s * 0.26, 0, 0.15),
                  axis_quaternion("y", s * 0.95)) for s in (-1, 1)]
    hands = [Solid(plain("white", shape="sphere"), (0.062, 0.0, 0.0), (s * 0.40, 0, 0.25)) for s in (-1, 1)]
    trunk = Solid(plain(jersey, shape="ellipsoid"), (0.15, 0.10, 0.22), (0, 0, 0.06))
    head = Solid(plain(skin, shape="sphere"), (0.105, 0.0, 0.0), (0, 0, high - 0.105))
    hair = Solid(plain((0.16, 0.10, 0.06), shape="ellipsoid"), (0.108, 0.108, 0.07), (0, 0.012, high - 0.06),
                 collides=False)
    return (*legs, trunk, *arms, *hands, head, hair)


def _goal_props() -> tuple[Prop, ...]:
    """Posts and bar, and a net that stops the ball."""
    white = plain("white", shape="capsule", specular=0.4)
    tube, y, back = 0.035, GOAL_Y_M, GOAL_Y_M + 0.55
    posts = [Solid(white, (tube, 0.5 * GOAL_HEIGHT_M, 0.0), (s * (GOAL_HALF_M + tube), y, 0.5 * GOAL_HEIGHT_M))
             for s in (-1, 1)]
    bar = Solid(white, (tube, GOAL_HALF_M + tube, 0.0), (0.0, y, GOAL_HEIGHT_M + tube),
                axis_quaternion("y", math.pi / 2))
    thread = plain((0.92, 0.93, 0.95), specular=0.0)
    strings = []
    for x in np.linspace(-GOAL_HALF_M, GOAL_HALF_M, 15):
        top, low = np.array([x, back, 0.8 * GOAL_HEIGHT_M]), np.array([x, back, 0.0])
        strings += [between(thread, low, top, 0.006), between(thread, top, np.array([x, y, GOAL_HEIGHT_M]), 0.006)]
    for z in np.linspace(0.1, 0.8, 6) * GOAL_HEIGHT_M:
        strings.append(between(thread, np.array([-GOAL_HALF_M, back, z]), np.array([GOAL_HALF_M, back, z]), 0.006))
    clear = plain("white", alpha=0.0)
    walls = [Solid(clear, (GOAL_HALF_M, 0.03, 0.5 * GOAL_HEIGHT_M), (0.0, back + 0.03, 0.45 * GOAL_HEIGHT_M)),
             Solid(clear, (GOAL_HALF_M, 0.30, 0.02), (0.0, y + 0.30, GOAL_HEIGHT_M + 0.03))]
    walls += [Solid(clear, (0.03, 0.27, 0.45 * GOAL_HEIGHT_M),
                    (s * (GOAL_HALF_M + 0.04), y + 0.3, 0.45 * GOAL_HEIGHT_M)) for s in (-1, 1)]
    frame = [Bar(COLOURS["white"], bar.position, (0.0, 0.0, -tube), (bar.size[1], 0.0, 0.0), (0.0, -tube, 0.0))]
    frame += [Bar(COLOURS["white"], post.position, (tube, 0.0, 0.0), (0.0, 0.0, -post.size[1]), (0.0, -tube, 0.0))
              for post in posts]
    return (Prop("post", (*posts, bar), "metal", 0.7, outlines=tuple(frame)),
            Prop("net", (*walls, *strings), "rubber", 0.06))


def crossed_line(scene: Scene, motion: Motion) -> int | None:
    """Step at which the ball's middle is over the goal line between the posts and under the bar, or None."""
    x, y, z = motion.poses[:, 0, :3].T
    inside = (y[1:] > GOAL_Y_M + 0.05) & (y[:-1] <= GOAL_Y_M + 0.05) & (np.abs(x[1:]) < GOAL_HALF_M) & (
        z[1:] < GOAL_HEIGHT_M)
    steps = np.flatnonzero(inside)
    return int(steps[0]) if len(steps) else None


def _goal_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    step = crossed_line(scene, motion)
    saved = any(touch[2:] == (0, 1) for touch in motion.touches) and step is None
    posts = [touch for touch in motion.touches if touch[3] == FIRST_PROP]
    facts = scene.facts | {"goal": step is not None, "saved": saved, "post": bool(posts)}
    return facts | ({"goal_s": round(step * STEP_S, 4)} if step is not None else {})


def _tell_goal(teller: Teller) -> str:
    facts = teller.facts
    ball = teller.thing(0, noun=("ball", "football", "soccer ball")) if teller.chance(0.7) else teller.pick(
        "a football", "a soccer ball", "the ball")
    keeper = teller.pick("the goalkeeper", "the keeper", f"a goalkeeper in {facts['keeper']}")
    if facts["goal"]:
        return teller.pick(f"{ball} is kicked into the goal", f"{ball} flies past {keeper} into the net",
                           f"{ball} flies into the goal and {keeper} misses it", f"a penalty kick: {ball} goes in")
    if facts["saved"]:
        return teller.pick(f"{keeper} saves {ball}", f"{ball} is kicked at the goal and {keeper} blocks it",
                           f"{keeper} stops {ball}", f"a penalty kick: {keeper} makes the save")
    if facts["post"]:
        return teller.pick(f"{ball} hits the post", f"{ball} bounces off the goal post", f"{ball} strikes the woodwork")
    return teller.pick(f"{ball} flies past the goal", f"{ball} is kicked wide of the goal", f"{ball} misses the goal")


def _french_goal(teller: Teller) -> str:
    facts = teller.facts
    ball = teller.pick("un ballon", f"un ballon {FRENCH_COLOURS[teller.scene.bodies[0].record.colour][0]}")
    if facts["goal"]:
        return teller.pick(f"{ball} entre dans le but", f"{ball} passe le gardien et finit dans le filet")
    if facts["saved"]:
        return teller.pick(f"le gardien arr\u00eate {ball}", f"{ball} est repouss\u00e9 par le gardien")
    return f"{ball} heurte le poteau" if facts["post"] else f"{ball} passe \u00e0 c\u00f4t\u00e9 du but"


def _goal_sound(teller: Teller) -> str:
    if teller.facts["post"]:
        return "the ring of the post"
    return teller.pick("a dull thump", "the thump of the ball") if teller.facts["saved"] else ""


FAMILIES = (
    Family("bowling", 0.09, bowling, _tell_bowling, _french_bowling, _bowling_sound,
           ("gym", "room", "studio", "street"), _bowling_facts),
    Family("goal", 0.10, goal, _tell_goal, _french_goal, _goal_sound, ("park", "park", "beach", "street", "gym"),
           _goal_facts),
)
