"""Families of people: walking, running, jumping and waving."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..camera import follow
from ..performance import Event, Performance
from ..scenes.scene import Scene, Setting
from .cast import Person, draw_person
from .curves import clock, ease
from .feet import Plant
from .gestures import look, stand, wave
from .leap import Ground, Leap, leap
from .look import calm_face
from .perform import perform
from .plan import Act, solve
from .stride import MANNERS, Step, along, closed, on_the_grid, plants_of, travel

SECONDS = 4.0
_VIEWS = ("front", "front", "angled", "low")


def steps_heard(plants: dict[str, list[Plant]], floor: str, strength: float) -> list[Event]:
    """A sound for every foot that comes down."""
    return [
        Event(plant.down_s, "step", strength, plant.place, "sole", floor)
        for side in plants.values() for plant in side if 0 <= plant.down_s < SECONDS
    ]


def watched(rng: np.random.Generator, setting: Setting, tall_m: float, span_m: float, aim_x: float = 0.0) -> Setting:
    """The setting with a camera that sees people of this stature over `span_m`."""
    names = tuple(name for name in _VIEWS)
    return setting.with_view(rng, span_m=span_m, aim=(aim_x, 0.0, 0.46 * span_m - 0.04 * tall_m), names=names)


def followed(setting: Setting, performance: Performance) -> Setting:
    """The setting with the camera going along with somebody."""
    points = performance.centre[:, :3].copy()
    return replace(setting, view=follow(setting.view, points))


def draw_walk(rng: np.random.Generator, setting: Setting, is_running: bool = False, person: Person | None = None
              ) -> Scene:
    """Somebody crosses the picture, comes and stops (and waves), or goes away with the camera following."""
    person = person or draw_person(rng)
    build, time = person.build, clock(SECONDS)
    tall, low = build.height_m, setting.gravity < 5
    manner = str(rng.choice(list(MANNERS), p=(0.34, 0.2, 0.12, 0.12, 0.10, 0.12))) if not is_running else "calm"
    size = (tall / 1.72) ** 0.5
    side = -1 if rng.random() < 0.5 else 1
    yaw = 0.0 if side > 0 else np.pi
    pace = {"tired": 0.8, "sneaking": 0.7, "brisk": 1.2}.get(manner, 1.0) * float(rng.uniform(0.92, 1.08))
    if is_running:
        beat, length = 0.33 / size * (1.35 if low else 1.0), 0.62 * tall * float(rng.uniform(0.9, 1.15))
        plot = str(rng.choice(("follow", "cross", "cross")))
    else:
        beat, length = 0.52 * size / pace**0.5, 0.41 * tall * pace**0.5
        plot = str(rng.choice(("cross", "stop", "stop and wave", "follow"), p=(0.4, 0.2, 0.2, 0.2)))
    beat = round(beat * 240) / 240
    speed = length / beat
    width = (0.05 if is_running else 0.09) * tall
    first_side = "l" if rng.random() < 0.5 else "r"
    count = int(5.2 / beat) + 3
    span = max(1.45 * tall, 2.0) * float(rng.uniform(1.0, 1.2))
    if plot == "cross":
        span = min(max(span, 0.6 * speed * SECONDS), 2.1 * tall)
        plot = "follow" if 0.5 * speed * SECONDS > 1.15 * span * setting.view.width / setting.view.height else plot
    setting = watched(rng, setting, tall, span)
    half = setting.view.half_width_m
    start = {"cross": max(-0.85 * half, -0.5 * speed * SECONDS),
             "follow": -0.5 * speed * SECONDS, "stop": -0.85 * half, "stop and wave": -0.9 * half}[plot]
    stopping = plot.startswith("stop")
    if stopping:
        reach = float(rng.uniform(-0.1, 0.25)) * half - start
        count = max(4, min(int(round(reach / length)) + 2, int((2.1 if "wave" in plot else 2.8) / beat)))
    steps = along(np.array([side * (start - length), 0.0]), yaw, length, count, -1.0 * beat, beat, width, first_side)
    if stopping:
        steps = closed(steps, beat)
        if plot == "stop and wave" and not is_running:
            steps = _turned(steps, -np.pi / 2 + side * float(rng.uniform(0.0, 0.5)), beat, tall)
    steps = on_the_grid(steps)
    plan = travel(build, time, steps, MANNERS[manner], rng, is_running=is_running, gravity=setting.gravity)
    end = max(step.time_s for step in steps)
    if plot == "stop and wave":
        wave(plan, str(rng.choice(("l", "r"))), end - 0.1, min(SECONDS + 0.3, end + 2.3), rng)
    elif rng.random() < 0.4:
        look(plan, [(0.8, 0.0), (1.4, -side * 0.7), (2.2, -side * 0.7), (2.8, 0.0)])
    plants = plants_of(steps, build, SECONDS, is_running=is_running)
    force = {"tired": 0.35, "sneaking": 0.08, "brisk": 0.5}.get(manner, 0.4) + 0.3 * is_running
    performance = perform(solve(plan), person.flesh(), calm_face(rng, time), name=person.name,
                          events=steps_heard(plants, setting.floor, force), facts=person.facts())
    if plot == "follow":
        setting = followed(setting, performance)
    facts = {"action": "run" if is_running else "walk", "plot": plot, "manner": manner, "way": side}
    return _scene("run" if is_running else "walk", setting, person, performance, facts)


def _turned(steps: list[Step], yaw: float, beat: float, tall: float) -> list[Step]:
    """Two small steps more that turn the body to a new direction on the spot."""
    last, before = steps[-1], steps[-2]
    middle = 0.5 * (np.array(last.place) + np.array(before.place))
    left = np.array([-np.sin(yaw), np.cos(yaw)])
    more = []
    for number, side in enumerate((before.side, last.side)):
        place = middle + left * (1 if side == "l" else -1) * 0.06 * tall
        more.append(Step(side, (float(place[0]), float(place[1])), yaw + (0.12 if side == "l" else -0.12),
                         last.time_s + beat * (1.0 + 0.8 * number)))
    return [*steps, *more]


def draw_run(rng: np.random.Generator, setting: Setting) -> Scene:
    """Somebody runs through the picture, or along with the camera."""
    return draw_walk(rng, setting, is_running=True)


def draw_jump(rng: np.random.Generator, setting: Setting, person: Person | None = None) -> Scene:
    """Somebody jumps once or twice: straight, with legs spread, knees up, or forward."""
    person = person or draw_person(rng)
    build, time = person.build, clock(SECONDS)
    tall = build.height_m
    slow = min((9.81 / setting.gravity) ** 0.5, 2.2)
    pose = str(rng.choice(("straight", "star", "tuck", "straight")))
    yaw = float(rng.choice((0.0, np.pi, -np.pi / 2)) + rng.uniform(-0.5, 0.5)) if pose != "star" else (
        -np.pi / 2 + float(rng.uniform(-0.3, 0.3)))
    count = 1 if slow > 1.5 else int(rng.choice((1, 2)))
    ahead = float(rng.choice((0.0, 0.0, 0.5))) * tall / 1.7 if abs(np.sin(yaw)) < 0.6 else 0.0
    leaps, at = [], float(rng.uniform(0.9, 1.2))
    for _ in range(count):
        length = round(float(rng.uniform(0.42, 0.56)) * (tall / 1.7) ** 0.5 * slow * 240) / 240
        leaps.append(Leap(round(at * 240) / 240, length, pose, 0, ahead))
        at += length + float(rng.uniform(1.05, 1.2))
    way = np.cos(yaw)
    start = (-0.5 * ahead * count * way, 0.0)
    setting = watched(rng, setting, tall, max(1.95 * tall, 2.2) + 0.35 * (slow > 1.5))
    plan = leap(build, time, leaps, Ground(start, yaw), rng, setting.gravity)
    act = solve(plan)
    performance = perform(act, person.flesh(), _effort(rng, time, leaps), name=person.name,
                          events=landings(act, leaps, setting.floor), facts=person.facts())
    rises = [round(float(act.centre[flight.first: flight.last, 2].max() - act.centre[flight.first, 2]), 3)
             for flight in plan.flights]
    facts = {"action": "jump", "pose": pose, "count": count, "ahead": ahead > 0, "rise_m": rises,
             "way": int(np.sign(way)) if ahead else 0}
    return _scene("jump", setting, person, performance, facts)


def landings(act: Act, leaps: list[Leap], floor: str) -> list[Event]:
    """The push and the landing of every jump; the landing is as hard as the fall was fast."""
    events = []
    for one, flight in zip(leaps, act.plan.flights, strict=True):
        for at, first, kind, share in ((one.at_s, flight.first, "step", 0.25), (one.at_s + one.seconds, flight.last,
                                                                               "land", 1.0)):
            place = 0.5 * (act.plan.feet["l"].ankle[first] + act.plan.feet["r"].ankle[first])
            speed = 0.5 * one.seconds * act.plan.gravity
            events.append(Event(at, kind, float(np.clip(share * speed / 4.5, 0.05, 1)), tuple(place), "sole", floor))
    return events


def _effort(rng: np.random.Generator, time: np.ndarray, leaps: list[Leap]):  # noqa: ANN202
    """A face that opens its mouth a little in the air."""
    face = calm_face(rng, time)
    mouth = sum(0.5 * ease(time, one.at_s - 0.1, one.at_s + 0.1) * (1 - ease(time, one.at_s + one.seconds,
                one.at_s + one.seconds + 0.3)) for one in leaps)
    return replace(face, mouth=np.asarray(mouth), brows=face.brows + 0.6 * np.asarray(mouth))


def draw_wave(rng: np.random.Generator, setting: Setting, person: Person | None = None) -> Scene:
    """Somebody stands, looks at us and waves."""
    person = person or draw_person(rng)
    build, time = person.build, clock(SECONDS)
    setting = watched(rng, setting, build.height_m, max(1.35 * build.height_m, 1.7))
    plan = stand(build, time, (float(rng.uniform(-0.25, 0.25)) * setting.view.half_width_m, 0.0),
                 -np.pi / 2 + float(rng.uniform(-0.35, 0.35)), rng, gravity=setting.gravity)
    start, both = float(rng.uniform(0.4, 1.0)), bool(rng.random() < 0.2)
    for side in ("l", "r") if both else (str(rng.choice(("l", "r"))),):
        wave(plan, side, start, start + float(rng.uniform(2.3, 3.0)), rng)
    face = replace(calm_face(rng, time), brows=0.5 * ease(time, start, start + 0.4),
                   width=1.15 + 0.3 * ease(time, start, start + 0.5))
    performance = perform(solve(plan), person.flesh(), face, name=person.name, facts=person.facts())
    return _scene("wave", setting, person, performance, {"action": "wave", "both": both})


def _scene(family: str, setting: Setting, person: Person, performance: Performance, facts: dict[str, Any]) -> Scene:
    return Scene(family, setting, figures=(performance,),
                 facts={**facts, "people": [person.facts()], "cast": (person,)})
