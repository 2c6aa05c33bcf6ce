"""A ramp that something rolls or slides down, and a pendulum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..materials import COLOURS, COMMON_MATERIALS, MATERIALS
from ..physics import FRAME_RATE, STEPS_PER_FRAME, Motion
from ..render import body_part
from ..words import FRENCH_COLOURS, Teller
from .family import Family
from .piles import side_of
from .scene import (
    Body,
    Joint,
    Outline,
    Prop,
    Scene,
    Setting,
    Solid,
    axis_quaternion,
    draw_object,
    make_object,
    plain,
    random_quaternion,
    yaw_quaternion,
)

_DEPTH_M = 0.34


def ramp(rng: np.random.Generator, setting: Setting) -> Scene:
    """A ball rolls, or a box slides, down a ramp and on over the floor; sometimes into a box that rests there."""
    setting = setting.with_view(rng, span_m=float(rng.uniform(1.75, 2.0)), names=("front", "low", "angled"))
    half, side = setting.view.half_width_m, side_of(rng)
    angle, length = math.radians(float(rng.uniform(14, 29))), float(rng.uniform(0.62, 0.85)) * half
    is_box = bool(rng.random() < 0.3)
    colour = str(rng.choice(list(COLOURS)))
    low_x = -side * half + side * (2 * length * math.cos(angle) + 0.02)
    down = np.array([side * math.cos(angle), 0.0, -math.sin(angle)])
    normal = np.array([side * math.sin(angle), 0.0, math.cos(angle)])
    thick = 0.03
    centre = np.array([low_x, 0.0, 0.0]) - down * length - normal * thick
    turn = axis_quaternion("y", side * angle)
    slab = Solid(plain(colour, specular=0.2), (length, _DEPTH_M, thick), tuple(centre), turn, look="box_plastic")
    high = np.array([low_x, 0.0, 0.0]) - down * (2 * length - 0.1) - normal * 2 * thick
    tall = max(0.5 * float(high[2]), 0.02)
    post = Solid(plain("black"), (0.03, _DEPTH_M, tall), (high[0], 0.0, tall), collides=False)
    prop = Prop("ramp", (slab, post), "wood", is_ground=True,
                outlines=(Outline(COLOURS[colour], slab.size, slab.position, slab.quaternion),))
    start = np.array([low_x, 0.0, 0.0]) - down * (2 * length - float(rng.uniform(0.12, 0.3)))
    if is_box:
        slippery = tuple(name for name in COMMON_MATERIALS if MATERIALS[name].friction < 0.75 * math.tan(angle))
        is_box = bool(slippery)
    record = draw_object(rng, "box" if is_box else "ball", taken=(colour,), sizes=("small",),
                         **({"materials": slippery} if is_box else {}))
    place = start + normal * (record.radius_m + 1e-3)
    bodies = [Body(record, tuple(place), turn if is_box else random_quaternion(rng))]
    if rng.random() < 0.4:
        other = draw_object(rng, "box", taken=(colour, record.colour), sizes=("small",))
        reach = low_x + side * (other.radius_m + record.radius_m + float(rng.uniform(0.15, 0.45)))
        bodies.append(Body(other, (reach, 0.0, other.radius_m), yaw_quaternion(float(rng.uniform(-0.25, 0.25)))))
    return Scene("ramp", setting, tuple(bodies), props=(prop,), is_calm=True, facts={"ramp": colour})


def _ramp_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    heights = motion.poses[:, 0, 2] - scene.bodies[0].record.radius_m
    return scene.facts | {
        "reaches_floor": bool(heights.min() < 0.02),
        "hits_box": any(touch[2:] == (0, 1) for touch in motion.touches),
        "ends_still": bool(np.linalg.norm(motion.velocities[-240:, 0, :3], axis=1).max() < 0.08),
    }


def _tell_ramp(teller: Teller) -> str:
    facts, is_ball = teller.facts, teller.scene.bodies[0].record.kind == "ball"
    name = facts["ramp"]
    slope = teller.pick("a ramp", "a slope", f"{'an' if name[0] in 'aeiou' else 'a'} {name} ramp", "an inclined board")
    verb = teller.pick(*(("rolls down", "runs down", "rolls down") if is_ball else ("slides down", "glides down")))
    text = f"{teller.thing(0)} {verb} {slope}"
    if facts["hits_box"]:
        return text + teller.pick(" and hits ", " and bumps into ", " into ") + teller.thing(1)
    if not facts["reaches_floor"]:
        return text
    if facts["ends_still"] and teller.chance(0.6):
        return text + teller.pick(" and comes to rest on the floor", " and stops")
    on = teller.floor()
    return text + teller.pick(f" onto {on}", f" and on over {on}", "", " and rolls away" if is_ball else "")


def _french_ramp(teller: Teller) -> str:
    facts, is_ball = teller.facts, teller.scene.bodies[0].record.kind == "ball"
    text = f"{teller.thing_french(0)} {'roule' if is_ball else 'glisse'} le long d'une rampe " + (
        FRENCH_COLOURS[facts["ramp"]][1])
    return text + (f" et heurte {teller.thing_french(1)}" if facts["hits_box"] else "")


def _ramp_sound(teller: Teller) -> str:
    if teller.facts["hits_box"] and teller.chance(0.5):
        return teller.pick("a knock at the end", "the sound of the hit")
    return teller.pick("a rumble on the board", "a rolling sound that grows") if (
        teller.scene.bodies[0].record.kind == "ball") else teller.pick("a scraping sound", "it scrapes down")


# A pendulum


def pendulum(rng: np.random.Generator, setting: Setting) -> Scene:
    """A ball swings on a rod, alone or into a box."""
    setting = setting.with_view(rng, span_m=float(rng.uniform(1.8, 2.0)), names=("front", "low", "high"))
    side = side_of(rng)
    ball = draw_object(rng, "ball", sizes=("small", "medium") if rng.random() < 0.5 else ("small",))
    with_box = bool(rng.random() < 0.4)
    length = float(rng.uniform(0.75, 1.05))
    top = length + ball.radius_m + (0.03 if with_box else float(rng.uniform(0.08, 0.35)))
    angle = -side * math.radians(float(rng.uniform(28, 62)))
    anchor = np.array([float(rng.uniform(-0.12, 0.12)), 0.0, top])
    place = anchor + length * np.array([math.sin(angle), 0.0, -math.cos(angle)])
    rod_turn = axis_quaternion("y", -angle)
    middle = 0.5 * (anchor - place)
    dark = plain((0.25, 0.25, 0.27), shape="capsule", specular=0.6)
    rod = Solid(dark, (0.014, 0.5 * length, 0.0), tuple(middle), rod_turn, collides=False)
    bob = Solid(body_part(ball), (ball.radius_m, 0.0, 0.0), look=f"ball_{ball.material}")
    damping = ball.mass_kg * length**2 * float(rng.uniform(0.05, 0.30))
    joint = Joint("hinge", (0.0, 1.0, 0.0), tuple(anchor), damping)
    bodies = [Body(ball, tuple(place), solids=(bob, rod), joint=joint)]
    if with_box:
        box = draw_object(rng, "box", taken=(ball.colour,), sizes=("small",))
        x = anchor[0] + side * (0.06 + box.radius_m + ball.radius_m * 0.9)
        bodies.append(Body(box, (x, 0.0, box.radius_m), yaw_quaternion(float(rng.uniform(-0.2, 0.2)))))
    wide = setting.view.half_width_m * 0.92
    steel = plain((0.45, 0.46, 0.50), shape="capsule", specular=0.5)
    across = Solid(steel, (0.022, wide, 0.0), (0.0, 0.0, top), axis_quaternion("y", math.pi / 2))
    posts = [Solid(steel, (0.022, 0.5 * top, 0.0), (s * wide, 0.0, 0.5 * top)) for s in (-1, 1)]
    outline = Outline((0.25, 0.25, 0.27), (0.014, 0.014, 0.5 * length), tuple(middle), rod_turn, of=0)
    return Scene("pendulum", setting, tuple(bodies), props=(Prop("stand", (across, *posts)),), is_calm=True,
                 outlines=(outline,), facts={"length_m": round(length, 3), "angle_deg": round(math.degrees(angle), 1)})


def _pendulum_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    anchor = scene.bodies[0].joint.anchor if scene.bodies[0].joint else (0.0, 0.0, 0.0)
    x = motion.poses[:, 0, 0] - anchor[0]
    passes = np.flatnonzero(np.diff(np.sign(x[:: STEPS_PER_FRAME // 4])) != 0)
    return scene.facts | {"swings": int(len(passes)), "hits_box": any(touch[2:] == (0, 1) for touch in motion.touches),
                          "passes_s": [round(float(p) / (4 * FRAME_RATE), 3) for p in passes]}


def _tell_pendulum(teller: Teller) -> str:
    ball = teller.thing(0)
    start = teller.pick(f"{ball} swings on a rod", f"a pendulum with {ball} swings", f"{ball} swings like a pendulum",
                        f"{ball} hangs from a bar and swings", f"a swinging pendulum with {ball}")
    if teller.facts["hits_box"]:
        return start + teller.pick(" and hits ", " and knocks against ", " into ") + teller.thing(1)
    return start + teller.pick(" to and fro", " back and forth", " from side to side", "")


def _french_pendulum(teller: Teller) -> str:
    text = teller.pick(f"{teller.thing_french(0)} se balance au bout d'une tige",
                       f"un pendule avec {teller.thing_french(0)} oscille")
    return text + (f" et heurte {teller.thing_french(1)}" if teller.facts["hits_box"] else "")


def _pendulum_sound(teller: Teller) -> str:
    return teller.pick("a knock when it hits", "the sound of the hit") if teller.facts["hits_box"] else ""


# Billiards


def billiards(rng: np.random.Generator, setting: Setting) -> Scene:
    """A white ball rolls over a table into others, which run against the cushions."""
    table = float(rng.uniform(0.42, 0.5))
    setting = setting.with_view(rng, span_m=float(rng.uniform(1.5, 1.62)), aim=(0.0, 0.0, table), names=("high",))
    long, wide = min(0.86 * setting.view.half_width_m, 1.05), 0.46
    felt = str(rng.choice(("green", "green", "green", "blue", "red")))
    cloth = tuple(0.62 * value for value in COLOURS[felt])
    wood, gap, rail = (0.36, 0.20, 0.11), 0.055, 0.10
    top = Solid(plain(cloth, specular=0.0), (long, wide, 0.05), (0.0, 0.0, table - 0.05))
    rails = [Solid(plain(wood, specular=0.3), (long + 2 * gap, gap, 0.07 + 0.5 * rail),
                   (0.0, s * (wide + gap), table - 0.07 + 0.5 * rail)) for s in (-1, 1)]
    rails += [Solid(plain(wood, specular=0.3), (gap, wide, 0.07 + 0.5 * rail),
                    (s * (long + gap), 0.0, table - 0.07 + 0.5 * rail)) for s in (-1, 1)]
    legs = [Solid(plain(wood), (0.05, 0.05, 0.5 * table), (a * long, b * wide, 0.5 * table - 0.08), collides=False)
            for a in (-1, 1) for b in (-1, 1)]
    props = (Prop("table", (top, *legs), "rubber", 0.5, is_ground=True), Prop("cushion", tuple(rails), "rubber", 0.85))
    radius, side = 0.085, side_of(rng)
    count = int(rng.choice([1, 2, 5], p=[0.3, 0.4, 0.3]))
    names = [name for name in COLOURS if name not in ("white", felt)]
    colours = [str(name) for name in rng.choice(names, count, replace=False)]

    def ball(colour: str) -> Any:
        return make_object("ball", colour, "resin", "small", radius, mass_kg=0.6)

    x, y = side * float(rng.uniform(0.05, 0.45)) * long, float(rng.uniform(-0.12, 0.12))
    spots = [(x, y)]
    for row, column in ((1, -0.5), (1, 0.5), (2, -1), (2, 1))[: count - 1] if count != 2 else ():
        spots.append((x + side * row * radius * 1.76, y + 2.03 * column * radius))
    if count == 2:
        spots.append((x + side * float(rng.uniform(2.2, 3.2)) * radius, y + float(rng.uniform(-2.2, 2.2)) * radius))
    start = (-side * 0.82 * long, float(rng.uniform(-0.2, 0.2)))
    aim = np.array([x - start[0], y - start[1] + float(rng.uniform(-0.9, 0.9)) * radius])
    velocity = aim / np.linalg.norm(aim) * float(rng.uniform(1.5, 2.9))
    bodies = [_ball_on(ball("white"), *start, table, tuple(velocity))]
    bodies += [Body(ball(colour), (px, py, table + radius)) for colour, (px, py) in zip(colours, spots, strict=True)]
    return Scene("billiards", setting, tuple(bodies), props=props, is_calm=True, ground_m=table,
                 facts={"felt": felt, "balls": count + 1})


def _ball_on(record: Any, x: float, y: float, height: float, velocity: tuple[float, ...]) -> Body:
    spin = (-velocity[1] / record.radius_m, velocity[0] / record.radius_m, 0.0)
    return Body(record, (x, y, height + record.radius_m), velocity=(velocity[0], velocity[1], 0.0), spin=spin)


def _billiard_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    meetings = [touch for touch in motion.touches if touch[3] >= 0]
    cushions = [touch for touch in motion.touches if touch[3] == -4]
    moved = np.linalg.norm(motion.poses[-1, 1:, :2] - motion.poses[0, 1:, :2], axis=1) > 0.05
    return scene.facts | {"meetings": len(meetings), "cushions": len(cushions), "moved": int(moved.sum())}


def _tell_billiards(teller: Teller) -> str:
    facts = teller.facts
    cue = teller.pick("a white ball", "the cue ball", "a white billiard ball")
    others = {2: f"{with_a(teller.colour(1))} ball"}.get(facts["balls"], "the other balls")
    if facts["balls"] == 3:
        others = f"{with_a(teller.colour(1))} and {with_a(teller.colour(2))} ball"
    where = teller.pick("on a billiard table", f"on a {facts['felt']} billiard table", "on a pool table")
    if not facts["meetings"]:
        return f"{cue} rolls past {others} {where}"
    if facts["balls"] == 3 and facts["moved"] == 1:
        others = "one of two balls"
    verb = teller.pick("hits", "strikes", "knocks into", "rolls into")
    if facts["balls"] > 3 and facts["moved"] > 3:
        return teller.pick(f"{cue} breaks the rack {where}", f"{cue} {verb} {others} {where} and they scatter")
    end = teller.pick(", which bounces off the cushion", " and they bounce off the cushions", "") if (
        facts["cushions"] > 1 and facts["balls"] == 2) else ""
    return f"{cue} {verb} {others} {where}{end}"


def with_a(word: str) -> str:
    """A word with its indefinite article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _french_billiards(teller: Teller) -> str:
    facts = teller.facts
    where = teller.pick("sur une table de billard", "sur un billard")
    if not facts["meetings"]:
        return f"une bille blanche roule {where}"
    colour = FRENCH_COLOURS[teller.scene.bodies[1].record.colour][1]
    others = f"une bille {colour}" if facts["balls"] == 2 else "les autres billes"
    return f"la bille blanche heurte {others} {where}"


def _billiard_sound(teller: Teller) -> str:
    return teller.pick("the click of billiard balls", "a hard clack as the balls meet", "clicks and rolling")


FAMILIES = (
    Family("ramp", 0.10, ramp, _tell_ramp, _french_ramp, _ramp_sound, facts=_ramp_facts),
    Family("pendulum", 0.08, pendulum, _tell_pendulum, _french_pendulum, _pendulum_sound, facts=_pendulum_facts),
    Family("billiards", 0.08, billiards, _tell_billiards, _french_billiards, _billiard_sound, ("room", "studio"),
           _billiard_facts),
)
