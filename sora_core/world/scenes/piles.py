"""Things that stand and fall: a stack of boxes that a ball topples, and a row of dominoes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..materials import COLOURS, FLOORS
from ..physics import Motion, rotate
from ..record import ObjectRecord
from ..words import FRENCH_COLOURS, Teller
from .family import Family
from .scene import Body, Scene, Setting, axis_quaternion, draw_object, make_object, random_quaternion, yaw_quaternion

_LIGHT = ("plastic", "plastic", "wood")
_HEAVY = ("metal", "stone", "wood", "rubber")
_PUSH = 5 / 7


def side_of(rng: np.random.Generator) -> float:
    """-1 or 1."""
    return -1.0 if rng.random() < 0.5 else 1.0


def rolling_ball(record: ObjectRecord, x: float, y: float, velocity: tuple[float, float], rest_m: float = 0.0,
                 turn: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)) -> Body:
    """A ball that rolls without slipping on ground at height `rest_m`."""
    world_spin = np.array([-velocity[1], velocity[0], 0.0]) / record.radius_m
    spin = rotate(np.array([turn[0], -turn[1], -turn[2], -turn[3]]), world_spin)
    return Body(record, (x, y, rest_m + record.radius_m), turn, (velocity[0], velocity[1], 0.0),
                tuple(float(v) for v in spin))


def arrival_speed(setting: Setting, distance: float, at_target: float) -> float:
    """Start speed of a rolling ball that still has `at_target` m/s after `distance` m of floor."""
    return math.sqrt(at_target**2 + 2 * FLOORS[setting.floor].rolling * setting.gravity * _PUSH * distance)


def fallen(motion: Motion, first: int, last: int, tilt: float = 0.6) -> list[int]:
    """Bodies from `first` to before `last` that lie otherwise at the end than at the start.

    `tilt` is the cosine of the least angle; a body that is a third of its height lower has fallen, too.
    """
    start, end = motion.poses[0, first:last], motion.poses[-1, first:last]
    up = np.array([0.0, 0.0, 1.0])
    own_start = rotate(start[:, 3:] * (1, -1, -1, -1), np.repeat(up[None], last - first, axis=0))
    now = rotate(end[:, 3:], own_start)
    return [first + i for i in range(last - first)
            if now[i, 2] < tilt or end[i, 2] < start[i, 2] - 0.33 * start[i, 2]]


# A stack of boxes


def topple(rng: np.random.Generator, setting: Setting) -> Scene:
    """A ball is thrown at, or rolls against, a stack of two or three boxes."""
    half, side = setting.view.half_width_m, side_of(rng)
    count = 2 if rng.random() < 0.75 else 3
    boxes: list[Body] = []
    x, top = side * float(rng.uniform(0.0, 0.35)) * half, 0.0
    size = "medium" if count == 2 and rng.random() < 0.5 else "small"
    for _ in range(count):
        record = draw_object(rng, "box", taken=tuple(b.record.colour for b in boxes), materials=_LIGHT, sizes=(size,))
        shift = float(rng.normal(0, 0.012))
        yaw = yaw_quaternion(float(rng.uniform(-0.2, 0.2)))
        boxes.append(Body(record, (x + shift, 0.0, top + record.radius_m), yaw))
        top += 2 * record.radius_m
    ball = draw_object(rng, "ball", taken=tuple(b.record.colour for b in boxes), sizes=("small", "medium"),
                       materials=_HEAVY)
    start = -side * (half - 0.6 * ball.radius_m)
    distance = abs(x - start) - boxes[-1].record.radius_m - ball.radius_m
    if rng.random() < 0.7:
        height, low = top - float(rng.uniform(0.3, 1.0)) * boxes[-1].record.radius_m, ball.radius_m + 0.25
        time = float(rng.uniform(0.26, 0.42)) * max(distance, 0.5)
        z = float(rng.uniform(low, max(low + 0.05, 0.8 * top)))
        rise = (height - z) / time + 0.5 * setting.gravity * time
        body = Body(ball, (start, 0.0, z), random_quaternion(rng), (side * distance / time, 0.0, rise),
                    tuple(float(v) for v in rng.normal(0, 1.5, 3)))
        thrown = True
    else:
        speed = arrival_speed(setting, distance, float(rng.uniform(2.2, 3.6)))
        body, thrown = rolling_ball(ball, start, 0.0, (side * speed, 0.0), turn=random_quaternion(rng)), False
    return Scene("topple", setting, (body, *boxes), is_calm=True, facts={"stacked": count, "thrown": thrown})


def _topple_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    hit = any(0 in touch[2:] and max(touch[2:]) > 0 for touch in motion.touches)
    return scene.facts | {"hit": hit, "fallen": len(fallen(motion, 1, len(scene.bodies)))}


def _tell_topple(teller: Teller) -> str:
    facts, ball = teller.facts, teller.thing(0)
    number = {2: "two", 3: "three"}[facts["stacked"]]
    stack = teller.pick(f"a stack of {number} boxes", f"a tower of {number} boxes", f"{number} stacked boxes",
                        f"a pile of {number} cubes")
    if facts["stacked"] == 2 and teller.chance(0.4):
        stack = f"{teller.thing(2)} on top of {teller.thing(1)}"
    if not facts["hit"]:
        verb = teller.pick("is thrown at", "flies toward") if facts["thrown"] else "rolls toward"
        return f"{ball} {verb} {stack} and misses"
    if facts["thrown"]:
        start = teller.pick(f"{ball} is thrown at {stack}", f"{ball} flies into {stack}", f"{ball} hits {stack}")
    else:
        start = teller.pick(f"{ball} rolls into {stack}", f"{ball} rolls against {stack}", f"{ball} hits {stack}")
    is_one = stack.startswith(("a stack", "a tower", "a pile"))
    if facts["fallen"] == 0:
        them = "it" if is_one else "them"
        return start + teller.pick(", which stays standing" if is_one else ", which stay standing",
                                   ", and nothing falls", f" but does not topple {them}")
    if facts["fallen"] == 1 and facts["stacked"] > 1:
        return start + teller.pick(" and knocks one off", " and one box falls", ", and one of them tumbles down")
    return start + teller.pick(" and topples it" if is_one else " and knocks them over", " and knocks everything over",
                               ", and the boxes tumble down", ", and the boxes fall")


def _french_topple(teller: Teller) -> str:
    facts, ball = teller.facts, teller.thing_french(0)
    number = {2: "deux", 3: "trois"}[facts["stacked"]]
    stack = teller.pick(f"une pile de {number} bo\u00eetes", f"une tour de {number} cubes")
    verb = "est lanc\u00e9e vers" if not facts["hit"] else teller.pick("heurte", "percute")
    if not facts["hit"]:
        return f"{ball} arrive vers {stack} et la manque"
    end = {0: ", qui reste debout", 1: " et en fait tomber une partie"}.get(facts["fallen"], " et la renverse")
    return f"{ball} {verb} {stack}{end}"


def _topple_sound(teller: Teller) -> str:
    return teller.pick("the clatter of falling boxes", "a crash as the boxes fall", "a loud clatter") if (
        teller.facts["fallen"]) else teller.pick("a knock as they meet", "the sound of the hit")


# Dominoes


def dominoes(rng: np.random.Generator, setting: Setting) -> Scene:
    """A row of dominoes; the first is pushed over, or a ball rolls into it."""
    setting = setting.with_view(rng, span_m=float(rng.uniform(1.9, 2.1)), names=("front", "high", "angled"))
    half, side = setting.view.half_width_m, side_of(rng)
    tall, thick = float(rng.uniform(0.20, 0.26)), float(rng.uniform(0.030, 0.042))
    wide = 0.5 * tall
    gap = float(rng.uniform(0.62, 0.9)) * tall
    with_ball = bool(rng.random() < 0.55)
    room = (2 * half - 0.35 - (0.55 if with_ball else 0.0)) / gap
    count = int(np.clip(room, 4, 11))
    bend = float(rng.normal(0, 0.25))
    material = str(rng.choice(("wood", "plastic", "stone")))
    names = list(COLOURS)
    colours = [str(rng.choice(names))] * count
    if rng.random() < 0.6:
        colours = [str(rng.choice(names)) for _ in range(count)] if rng.random() < 0.5 else (
            [str(c) for c in rng.choice(names, 2, replace=False)] * count)[:count]
    first_x = -side * 0.5 * gap * (count - 1) + (side * 0.25 if with_ball else 0.0)
    bodies: list[Body] = []
    for i in range(count):
        share = i / (count - 1) - 0.5
        record = make_object("domino", colours[i], material, "small", tall, (thick, wide, tall), 0.25)
        yaw = bend * share * 1.2
        place = (first_x + side * i * gap, bend * gap * count * 0.25 * (4 * share * share - 1) * 0.5, tall)
        bodies.append(Body(record, place, yaw_quaternion(yaw)))
    if with_ball:
        ball = draw_object(rng, "ball", taken=(colours[0],), sizes=("small",), materials=("rubber", "metal", "wood"))
        ball = make_object("ball", ball.colour, ball.material, "small", 0.13)
        start = first_x - side * float(rng.uniform(0.55, 0.8))
        distance = abs(first_x - start) - thick - ball.radius_m
        speed = arrival_speed(setting, distance, float(rng.uniform(1.1, 1.6)))
        bodies.insert(0, rolling_ball(ball, start, bodies[0].position[1], (side * speed, 0.0)))
    else:
        lean = side * float(rng.uniform(0.30, 0.36))
        first = bodies[0]
        # Tipped about its far lower edge, so that it stands on that edge.
        edge = side * thick
        x = first.position[0] + edge - edge * math.cos(lean) + tall * math.sin(lean)
        z = abs(edge) * math.sin(abs(lean)) + tall * math.cos(lean)
        bodies[0] = Body(first.record, (x, first.position[1], z), axis_quaternion("y", lean))
    return Scene("dominoes", setting, tuple(bodies), is_calm=True, neighbours=3,
                 facts={"dominoes": count, "ball": with_ball, "colours": len(set(colours))})


def _domino_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    first = int(scene.facts["ball"])
    down = fallen(motion, first, len(scene.bodies), 0.8)
    return scene.facts | {"fallen": len(down), "all": len(down) >= scene.facts["dominoes"] - (not scene.facts["ball"])}


def _tell_dominoes(teller: Teller) -> str:
    facts = teller.facts
    first = int(facts["ball"])
    count = {4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten", 11: "eleven"}[
        facts["dominoes"]]
    colour = teller.colour(first) if facts["colours"] == 1 else teller.pick("colourful", "coloured")
    many = teller.chance(0.2)
    row = f"{count} {colour} dominoes in a row" if many else teller.pick(
        f"a row of {colour} dominoes", f"a line of {count} {colour} dominoes", "a row of dominoes",
        f"a chain of {colour} dominoes")
    falls, topples, stays = ("fall", "topple", "stay") if many else ("falls", "topples", "stays")
    end = teller.pick("one after another", "one by one", "in a chain") if facts["all"] else teller.pick(
        "partly", "but not all of it")
    way = teller.way(0) if facts["ball"] else ""
    if facts["ball"] and facts["fallen"]:
        came = f" to the {way}" if way and teller.chance(0.3) else ""
        return teller.pick(f"{teller.thing(0)} rolls{came} into {row}, which {falls} {end}",
                           f"{teller.thing(0)} knocks over {row} {end}",
                           f"{teller.thing(0)} rolls{came} against {row} and they fall {end}")
    if facts["ball"]:
        return f"{teller.thing(0)} rolls into {row}, which {stays} standing"
    return teller.pick(f"{row} {falls} {end}", f"{row} {topples} over {end}",
                       f"the first domino tips and {row} {falls} {end}")


def _french_dominoes(teller: Teller) -> str:
    facts = teller.facts
    colour = ""
    if facts["colours"] == 1:
        colour = " " + FRENCH_COLOURS[teller.scene.bodies[int(facts["ball"])].record.colour][0].rstrip("s") + "s"
        colour = {" oranges": " orange", " turquoises": " turquoise"}.get(colour, colour)
    row = teller.pick(f"une rang\u00e9e de dominos{colour}", f"une file de dominos{colour}")
    end = teller.pick("l'un apr\u00e8s l'autre", "un par un") if facts["all"] else "en partie"
    if facts["ball"]:
        return f"{teller.thing_french(0)} roule contre {row}, qui tombent {end}" if facts["fallen"] else (
            f"{teller.thing_french(0)} roule contre {row}, qui restent debout")
    return f"{row} tombent {end}"


def _domino_sound(teller: Teller) -> str:
    return teller.pick("the rattle of falling dominoes", "a quick series of clicks", "click after click")


FAMILIES = (
    Family("topple", 0.10, topple, _tell_topple, _french_topple, _topple_sound, facts=_topple_facts),
    Family("dominoes", 0.08, dominoes, _tell_dominoes, _french_dominoes, _domino_sound,
           ("room", "room", "gym", "studio", "yard", "street"), _domino_facts),
)
