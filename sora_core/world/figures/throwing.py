"""Families of throwing: one person throws a ball, another catches it; and somebody who stumbles and falls.

The ball is in the hand, then on a parabola, then in the other's hands. Legend: T times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..materials import COLOURS
from ..performance import Event, Part, Performance
from ..scenes.scene import Scene, Setting
from ..words import Teller
from .body import INDEX, rest
from .cast import Person, draw_person
from .curves import RATE_HZ, clock, ease, keyed, lag, pulse, wander
from .gestures import stand
from .look import calm_face
from .people import steps_heard, watched
from .perform import perform
from .plan import Act, Grip, Plan, solve
from .rotation import about
from .stride import MANNERS, along, on_the_grid, plants_of, travel
from .tell import qui, sens, who

SECONDS = 4.0
_PALM = 0.55


def _thrower(rng: np.random.Generator, person: Person, time: np.ndarray, x: float, yaw: float, release: float,
             gravity: float) -> Act:
    """Stands with one foot before the other, draws the arm back, and throws: hips first, then chest, arm and hand."""
    build = person.build
    plan = stand(build, time, (x, 0.0), yaw, rng, gravity=gravity)
    back, through = release - 0.42, release + 0.32
    turn = np.radians(lag(keyed(time, [(back - 0.55, 0.0), (back, -32.0), (release - 0.06, 16.0), (through, 24.0),
                                       (through + 0.8, 0.0)]), 0.05, 0.8))
    plan.angles["twist"] = plan.angles["twist"] + turn
    plan.angles["look"] = plan.angles["look"] - 0.9 * turn
    plan.angles["bend"] = plan.angles["bend"] + np.radians(keyed(time, [
        (back - 0.5, 0.0), (back, -9.0), (release, 10.0), (through, 20.0), (through + 0.9, 0.0)]))
    shift = keyed(time, [(back - 0.5, 0.0), (back, -0.045), (release, 0.06), (through + 0.2, 0.07),
                         (through + 1.0, 0.0)])
    dip = keyed(time, [(back - 0.5, 0.0), (back, -0.02), (release, -0.03), (through + 0.9, 0.0)])
    plan.pelvis[:, 0] += np.cos(yaw) * build.height_m * shift
    plan.pelvis[:, 2] += build.height_m * dip
    keys = {
        "shoulder_r": [(back - 0.6, -2), (back, 20), (release - 0.16, 60), (release, 112), (through, 40),
                       (through + 0.9, -2)],
        "spread_r": [(back - 0.6, 9), (back, 78), (release - 0.16, 66), (release, 22), (through, 4),
                     (through + 0.9, 9)],
        "turn_r": [(back - 0.6, 0), (back, -70), (release - 0.16, -62), (release, -6), (through, 20),
                   (through + 0.9, 0)],
        "elbow_r": [(back - 0.6, 40), (back, 95), (release - 0.16, 100), (release, 24), (through, 22),
                    (through + 0.9, 14)],
        "wrist_r": [(back - 0.6, 6), (back, -30), (release - 0.10, -45), (release + 0.05, 30), (through + 0.6, 8)],
        "shoulder_l": [(back - 0.5, -2), (back, 62), (release, 10), (through, -22), (through + 0.9, -2)],
        "spread_l": [(back - 0.5, 9), (back, 24), (release, 22), (through + 0.9, 9)],
    }
    for name, values in keys.items():
        plan.angles[name] = np.radians(keyed(time, values)) + 0.01 * wander(rng, time)
    return solve(plan)


def _palm(act: Act, side: str, at: int) -> np.ndarray:
    """(3,) middle of a palm."""
    hand = INDEX[f"hand_{side}"]
    middle = np.array([0.03, 0.0, -_PALM * act.plan.build.size("hand")])
    return act.body.joints[at, hand] + act.body.rotations[at, hand] @ middle


def draw_catch(rng: np.random.Generator, setting: Setting) -> Scene:
    """One throws a ball, and the other catches it with both hands, or misses it and looks after it."""
    first = draw_person(rng)
    alike = ("man", "woman") if first.kind in ("man", "woman") else ("boy", "girl")
    second = draw_person(rng, alike, taken=(first,))
    time, tall = clock(SECONDS), max(first.build.height_m, second.build.height_m)
    side = -1 if rng.random() < 0.5 else 1
    gap = float(rng.uniform(0.75, 0.95)) * tall
    radius = float(rng.uniform(0.055, 0.085)) * tall / 1.4
    release = round(float(rng.uniform(1.15, 1.45)) * RATE_HZ) / RATE_HZ
    yaw = 0.0 if side > 0 else np.pi
    act = _thrower(rng, first, time, -side * gap, yaw, release, setting.gravity)
    leave = round(release * RATE_HZ)
    start = _palm(act, "r", leave)
    height = 0.70 * second.build.height_m
    goal = np.array([side * (gap - 0.32 * second.build.height_m), start[1] * 0.2, height])
    flight = round(float(rng.uniform(0.55, 0.75)) * min((9.81 / setting.gravity) ** 0.5, 1.6) * RATE_HZ) / RATE_HZ
    meets = round((release + flight) * RATE_HZ)
    speed = (goal - start) / flight + np.array([0, 0, 0.5 * setting.gravity * flight])
    catcher = _catcher(rng, second, time, side * gap, yaw + np.pi, goal, time[meets], radius, setting.gravity)
    ball = np.empty((len(time), 3))
    for at in range(leave + 1):
        ball[at] = _palm(act, "r", at)
    since = (time[leave:meets + 1] - release)[:, None]
    ball[leave:meets + 1] = start + speed * since - np.array([0, 0, 0.5 * setting.gravity]) * since**2
    grip = 0.5 * np.array([_palm(catcher, "l", at) + _palm(catcher, "r", at) for at in range(meets, len(time))])
    settle = np.exp(-(time[meets:] - time[meets]) / 0.03)[:, None]
    ball[meets:] = grip + (ball[meets] - grip[0]) * settle
    span = max(2 * gap + 0.9 * tall, 1.5 * tall)
    setting = watched(rng, setting, tall, span)
    events = [Event(float(time[meets]), "clap", 0.5, tuple(goal), "hand", "")]
    faces = [calm_face(rng, time), calm_face(rng, time)]
    one = perform(act, first.flesh(), faces[0], name=first.name, facts=first.facts())
    glad = replace(faces[1], width=1.1 + 0.3 * ease(time, time[meets], time[meets] + 0.3))
    two = perform(catcher, second.flesh(), glad, name=second.name, events=events, facts=second.facts())
    colour = str(rng.choice(list(COLOURS)))
    thing = _ball(ball, radius, colour, speed, leave, meets)
    facts: dict[str, Any] = {
        "action": "throw and catch", "way": side, "colour": colour, "release_s": release,
        "caught_s": float(time[meets]), "speed": [round(float(v), 3) for v in speed],
        "people": [first.facts(), second.facts()], "cast": (first, second)}
    return Scene("catch", setting, figures=(one, two, thing), facts=facts)


def _catcher(rng: np.random.Generator, person: Person, time: np.ndarray, x: float, yaw: float, goal: np.ndarray,
             meets_s: float, radius: float, gravity: float) -> Act:
    """Stands ready, reaches out with both hands, and gives way with the ball."""
    plan = stand(person.build, time, (x, 0.0), yaw, rng, gravity=gravity)
    build = person.build
    ready = lag(ease(time, meets_s - 0.9, meets_s - 0.35), 0.06, 0.75)
    give = pulse(time, meets_s + 0.14, 0.5)
    calm = 1 - 0.7 * ease(time, meets_s + 0.4, meets_s + 1)
    plan.pelvis[:, 2] -= build.height_m * (0.045 * ready + 0.02 * give) * calm
    plan.pelvis[:, 0] += np.cos(yaw) * build.height_m * (0.02 * ready - 0.03 * give)
    plan.angles["bend"] = plan.angles["bend"] + 0.10 * ready - 0.10 * give
    left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    hold = goal - ahead * 0.13 * build.height_m + np.array([0, 0, -0.10 * build.height_m])
    way = goal + (hold - goal) * ease(time, meets_s, meets_s + 0.32)[:, None]
    palm = _PALM * build.size("hand")
    for side, out in (("l", 1.0), ("r", -1.0)):
        wide = radius + 0.012 + 0.05 * (1 - ease(time, meets_s - 0.08, meets_s))
        wrist = way + left * (out * wide)[:, None] - ahead * palm
        plan.grips[side] = Grip(wrist, np.clip(ready, 0, 1))
        plan.angles[f"wrist_{side}"] = plan.angles[f"wrist_{side}"] - 0.15 * ready
    return solve(plan)


def _ball(place: np.ndarray, radius: float, colour: str, speed: np.ndarray, leave: int, meets: int) -> Performance:
    frames = np.arange(0, len(place), 10)
    spin = np.clip((frames - leave) / RATE_HZ, 0, (meets - leave) / RATE_HZ) * -8.0 * np.sign(speed[0])
    quaternion = np.stack([np.cos(spin / 2), 0 * spin, np.sin(spin / 2), 0 * spin], -1)
    poses = np.concatenate([place[frames], quaternion], -1)[:, None]
    shade = np.column_stack([place[frames, :2], np.zeros(len(frames)), np.full(len(frames), radius)])[:, None]
    return Performance("ball", (Part("sphere", COLOURS[colour], None, 0.3),), poses,
                       np.full((len(frames), 1, 3), radius), shade,
                       np.column_stack([place[frames], np.full(len(frames), radius)]))


def draw_stumble(rng: np.random.Generator, setting: Setting) -> Scene:
    """Somebody walks, trips, falls forward on hands and knees, and stays there for a moment."""
    person = draw_person(rng)
    build, time, tall = person.build, clock(SECONDS), person.build.height_m
    side = -1 if rng.random() < 0.5 else 1
    yaw = 0.0 if side > 0 else np.pi
    beat = round(0.50 * (tall / 1.72) ** 0.5 * RATE_HZ) / RATE_HZ
    length = 0.42 * tall
    count = 4
    trip = -beat + beat * (count - 1)
    start = -side * tall * float(rng.uniform(1.08, 1.16))
    steps = on_the_grid(along(np.array([start, 0.0]), yaw, length, count, -beat, beat, 0.09 * tall))
    plan = travel(build, time, steps, MANNERS["brisk"], rng, gravity=setting.gravity)
    fall, events = _fallen(plan, person, yaw, trip, setting)
    act = solve(fall)
    span = max(1.95 * tall, 2.2)
    setting = watched(rng, setting, tall, span)
    plants = plants_of(steps, build, SECONDS)
    events = [event for event in steps_heard(plants, setting.floor, 0.5) if event.time_s < trip + 0.05] + events
    face = calm_face(rng, time)
    shock = ease(time, trip + 0.05, trip + 0.25) * (1 - 0.6 * ease(time, trip + 1.2, trip + 1.8))
    face = replace(face, mouth=0.6 * shock, brows=face.brows + 0.9 * shock)
    performance = perform(act, person.flesh(), face, name=person.name, events=events, facts=person.facts())
    facts = {"action": "stumble", "way": side, "trip_s": round(trip, 3), "people": [person.facts()], "cast": (person,)}
    return Scene("stumble", setting, figures=(performance,), facts=facts)


def _fallen(plan: Plan, person: Person, yaw: float, trip: float, setting: Setting) -> tuple[Plan, list[Event]]:
    """A walk whose last step is caught: the body topples over its feet, arms forward, and lands on knees and hands."""
    build, time, tall = person.build, plan.time, person.build.height_m
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    knees, hands = trip + 0.62, trip + 0.72
    share = ease(time, trip, trip + 0.25)[:, None]
    begin = round(trip * RATE_HZ)
    ankle = 0.5 * (plan.feet["l"].ankle[begin] + plan.feet["r"].ankle[begin]) * np.array([1, 1, 0])
    kneel = ankle + ahead * 0.62 * build.size("shank")
    height = keyed(time, [(trip, plan.pelvis[begin, 2]), (knees - 0.02, 0.30 * tall, -2.0 * tall / 1.7),
                          (knees + 0.14, 0.235 * tall), (knees + 0.5, 0.255 * tall)])
    forward = keyed(time, [(trip, float((plan.pelvis[begin] - ankle) @ ahead)), (knees, 0.50 * tall),
                           (knees + 0.5, 0.52 * tall)])
    goal = ankle + forward[:, None] * ahead + height[:, None] * np.array([0, 0, 1])
    pelvis = plan.pelvis * (1 - share) + share * goal
    pitch = keyed(time, [(trip - 0.1, 0.05), (trip + 0.3, 0.45), (hands, 1.25), (hands + 0.3, 1.32), (hands + 1, 1.28)])
    blend = ease(time, trip - 0.15, trip + 0.12)
    root = np.where((time < trip - 0.15)[:, None, None], plan.root,
                    about(2, np.full(len(time), yaw)) @ about(1, pitch * blend + 0.03 * (1 - blend)))
    angles = {name: value * (1 - blend) for name, value in plan.angles.items()}
    calm = rest(len(time), elbow=20)
    grips = {}
    for side, out in (("l", 1.0), ("r", -1.0)):
        left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        shoulder_x = 0.52 * tall + 0.27 * tall
        wrist = ankle + ahead * (shoulder_x + 0.02 * tall) + left * out * 0.12 * tall + np.array([0, 0, 0.032 * tall])
        held = ease(time, trip + 0.25, hands)
        grips[side] = Grip(np.broadcast_to(wrist, (len(time), 3)), held)
        angles[f"shoulder_{side}"] = angles[f"shoulder_{side}"] + np.radians(70) * blend
        angles[f"elbow_{side}"] = angles[f"elbow_{side}"] + calm[f"elbow_{side}"] * blend
        angles[f"wrist_{side}"] = np.radians(-78) * held
        angles[f"spread_{side}"] = angles[f"spread_{side}"] + 0.25 * pulse(time, trip + 0.2, 0.5)
    angles["nod"] = angles["nod"] - 0.55 * ease(time, trip, hands) + 0.25 * pulse(time, hands + 0.1, 0.4)
    feet = {}
    for side, foot in plan.feet.items():
        out = 1.0 if side == "l" else -1.0
        left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        lie = ankle + left * out * 0.05 * tall + ahead * (0.52 * tall - 0.86 * build.size("shank")) + np.array(
            [0, 0, 0.75 * build.size("foot") * 0.72])
        move = ease(time, trip + 0.15, knees)
        rotation = about(2, np.full(len(time), yaw)) @ about(1, 1.35 * move)
        before, last = (time < trip + 0.1)[:, None], foot.ankle[round((trip + 0.1) * RATE_HZ)]
        feet[side] = replace(foot, ankle=np.where(before, foot.ankle, last + move[:, None] * (lie - last)),
                             rotation=np.where(before[:, :, None], foot.rotation, rotation),
                             is_down=foot.is_down & before[:, 0])
    events = [Event(knees, "land", 0.8, tuple(kneel), "sole", setting.floor),
              Event(hands, "hand", 0.7, tuple(ankle + ahead * 0.8 * tall), "hand", setting.floor)]
    return replace(plan, pelvis=pelvis, root=root, angles=angles, feet=feet, grips=grips), events


def catch(teller: Teller) -> str:
    """A throw and a catch."""
    facts = teller.scene.facts
    ball = teller.pick(f"a {facts['colour']} ball", "a ball") if facts["colour"] != "orange" else teller.pick(
        "an orange ball", "a ball")
    return teller.pick(
        f"{who(teller)} throws {ball} to {who(teller, 1)}, who catches it",
        f"{who(teller)} throws {ball} and {who(teller, 1)} catches it with both hands",
        f"{who(teller, 1)} catches {ball} that {who(teller)} throws",
        f"{who(teller)} and {who(teller, 1)} play catch with {ball}",
    )


def attrape(teller: Teller) -> str:
    """A throw and a catch, in French."""
    return f"{qui(teller)} lance une balle et {qui(teller, 1)} l'attrape"


def catch_heard(teller: Teller) -> str:
    """What is heard of a catch."""
    return teller.pick("the slap of a caught ball", "a short slap as the ball is caught")


def stumble(teller: Teller) -> str:
    """A fall."""
    where = teller.pick("", " along", f" across {teller.floor()}")
    end = teller.pick(", stumbles and falls", ", trips and falls on hands and knees", ", stumbles and falls forward")
    return f"{who(teller)} {teller.pick('walks', 'goes', 'hurries')}{where}{end}"


def trebuche(teller: Teller) -> str:
    """A fall, in French."""
    return f"{qui(teller)} marche {sens(teller)}, tr\u00e9buche et tombe"


def stumble_heard(teller: Teller) -> str:
    """What is heard of a fall."""
    return teller.pick("a heavy thump and a slap of hands", "footsteps, then the thump of a fall")
