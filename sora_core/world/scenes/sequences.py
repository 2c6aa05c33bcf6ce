"""Films of two or three shots: the same thing, or the same person, in one place and light, from other cameras."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..camera import FRAME_RATE, NUM_FRAMES
from ..figures.cast import FRENCH_KINDS, Person, draw_person
from ..figures.people import draw_jump, draw_walk, draw_wave
from ..figures.talk import draw_talk
from ..materials import FLOORS, MATERIALS
from ..physics import Motion
from ..record import ObjectRecord
from ..sequence import film, shown
from ..words import Teller
from .family import Family
from .piles import arrival_speed, rolling_ball, side_of
from .scene import Body, Scene, Setting, Shot, draw_object, random_quaternion, yaw_quaternion

_VIEWS = ("front", "high", "low", "angled")
_LINES = ("Hello!", "Here I am.", "What a day!", "Look at that!", "Hi there!", "I made it!", "Not bad at all.")


def _fall(rng: np.random.Generator, setting: Setting, thing: ObjectRecord, side: float) -> Scene:
    x = -side * float(rng.uniform(0.0, 0.4)) * setting.view.half_width_m
    top = (0.72 if setting.view.name == "high" else 0.82) * setting.view.span_m
    height = max(top - 1.1 * thing.radius_m, thing.radius_m + 0.45)
    drift = (side * float(rng.uniform(0.0, 0.25)), 0.0, 0.0)
    spin = tuple(float(v) for v in rng.normal(0, 1.2 if thing.kind == "ball" else 0.35, 3))
    return Scene("drop", setting, (Body(thing, (x, 0.0, height), random_quaternion(rng), drift, spin),))


def _fly(rng: np.random.Generator, setting: Setting, thing: ObjectRecord, side: float) -> Scene:
    half = setting.view.half_width_m
    height = thing.radius_m + float(rng.uniform(0.35, 0.6)) * setting.view.span_m
    velocity = (side * float(rng.uniform(0.6, 1.0)) * half / 0.9, 0.0, float(rng.uniform(0.2, 1.0)))
    spin = tuple(float(v) for v in rng.normal(0, 2.0, 3))
    start = (-side * (half - 0.6 * thing.radius_m), 0.0, height)
    return Scene("throw", setting, (Body(thing, start, random_quaternion(rng), velocity, spin),))


def _go(rng: np.random.Generator, setting: Setting, thing: ObjectRecord, side: float,
        other: ObjectRecord | None = None) -> Scene:
    """It rolls, or slides, across the floor; into `other` if there is one."""
    half = setting.view.half_width_m
    start = -side * (half - 0.8 * thing.radius_m)
    distance, left = 2 * half, float(rng.uniform(0.1, 0.5))
    bodies = []
    if other is not None:
        x = side * float(rng.uniform(0.1, 0.4)) * half
        distance, left = abs(x - start), float(rng.uniform(0.8, 1.5))
        bodies.append(Body(other, (x, 0.0, other.radius_m), yaw_quaternion(float(rng.uniform(-0.3, 0.3)))))
    if thing.kind == "ball":
        speed = arrival_speed(setting, distance, left)
        body = rolling_ball(thing, start, 0.0, (side * speed, 0.0), turn=random_quaternion(rng))
    else:
        friction = MATERIALS[thing.material].friction * FLOORS[setting.floor].friction
        speed = math.sqrt(2 * friction * setting.gravity * (distance if other else 0.6 * distance) + left**2)
        turn = yaw_quaternion(float(rng.uniform(-0.4, 0.4)))
        body = Body(thing, (start, 0.0, thing.radius_m), turn, (side * speed, 0.0, 0.0))
    return Scene("roll" if thing.kind == "ball" else "slide", setting, (body, *bodies), is_calm=True)


def of_a_thing(rng: np.random.Generator, setting: Setting) -> Scene:
    """It falls or flies in, then rolls or slides, then meets a box: two or three of these."""
    kind = "ball" if rng.random() < 0.8 else "box"
    thing = draw_object(rng, kind, sizes=("small", "medium"))
    box = draw_object(rng, "box", taken=(thing.colour,), sizes=("small",))
    side, count = side_of(rng), int(rng.choice((2, 3), p=(0.65, 0.35)))
    makers: list[Callable[..., Scene]] = [_fly if rng.random() < 0.5 else _fall, _go]
    meets = count == 3 or rng.random() < 0.4
    makers = [*makers, _go] if count == 3 else makers
    views = [str(name) for name in rng.permutation(_VIEWS)]
    parts = []
    for number, make in enumerate(makers):
        filmed = setting.with_view(rng, span_m=float(rng.uniform(1.5, 1.85)), names=(views[number],))
        more = {"other": box} if meets and number == len(makers) - 1 else {}
        parts.append((make(rng, filmed, thing, side, **more), 0))
    each = NUM_FRAMES / len(makers)
    cuts = [round(each * (i + 1) + float(rng.uniform(-3, 3))) for i in range(len(makers) - 1)]
    return film("sequence", parts, cuts)


def _walks(rng: np.random.Generator, setting: Setting, person: Person, is_running: bool) -> tuple[Scene, int, int]:
    while True:                         # until somebody walks on all the time: three in five do
        scene = draw_walk(rng, setting, is_running, person)
        if scene.facts["plot"] in ("cross", "follow"):
            return scene, 4, 40


def _jumps(rng: np.random.Generator, setting: Setting, person: Person) -> tuple[Scene, int, int]:
    while True:
        scene = draw_jump(rng, setting, person)
        lands = [event.time_s for event in scene.figures[0].events if event.kind == "land"]
        if len(lands) == 1 and lands[0] < 2.4:
            skip = max(0, round((lands[0] - 1.2) * FRAME_RATE))
            return scene, skip, math.ceil((lands[0] + 0.3) * FRAME_RATE) - skip


def _says(seed: int, rng: np.random.Generator, setting: Setting) -> tuple[Scene, int, int]:
    scene = draw_talk(np.random.default_rng(seed), setting, text=str(rng.choice(_LINES)))
    line = scene.figures[0].lines[0]
    skip = max(0, round((line.start_s - 0.3) * FRAME_RATE))
    return scene, skip, math.ceil((line.end_s + 0.25) * FRAME_RATE) - skip


def of_a_person(rng: np.random.Generator, setting: Setting) -> Scene:
    """Somebody walks or runs, then jumps, waves or says something."""
    seed = int(rng.integers(1 << 62))
    person = draw_person(np.random.default_rng(seed))        # whom `draw_talk` draws from this seed, too
    first = _walks(rng, setting, person, bool(rng.random() < 0.35))
    act = str(rng.choice(("jump", "wave", "talk")))
    second = {"jump": lambda: _jumps(rng, setting, person), "talk": lambda: _says(seed, rng, setting),
              "wave": lambda: (draw_wave(rng, setting, person), 10, 44)}[act]()
    cut = int(np.clip(NUM_FRAMES - second[2] - int(rng.integers(2, 8)), first[2], 62))
    skip = min(second[1], cut)          # so that its clip lasts to the end
    return film("sequence", [first[:2], (second[0], skip)], [cut])


def sequence(rng: np.random.Generator, setting: Setting) -> Scene:
    """A film of a thing or of a person."""
    return of_a_thing(rng, setting) if rng.random() < 0.6 else of_a_person(rng, setting)


def _told(teller: Teller) -> list[tuple[Teller, Shot]]:
    """A teller for each shot, which knows whom the shots before it have shown."""
    from ..pool import tracks_of
    from .families import FAMILIES as ALL

    tellers, known = [], set()
    for shot, whole in zip(teller.scene.shots, teller.motion.shots, strict=True):
        motion = shown(shot, whole)
        tracks = tracks_of(shot.scene, whole)[shot.frames]
        again = frozenset(i for i, index in enumerate(shot.cast) if index in known)
        facts = ALL[shot.scene.family].facts(shot.scene, motion)
        style = max(teller.style, 0.2)
        tellers.append((Teller(teller.rng, shot.scene, motion, tracks, facts, style, known=again), shot))
        known |= set(shot.cast)
    return tellers


def _named_again(teller: Teller, french: bool) -> Teller:
    """The same person once more: by a handle, as characters have it."""
    kind = teller.scene.facts["cast"][0].kind
    noun, gender = FRENCH_KINDS[kind]
    noun = noun.split(" ", 1)[1]
    article = "l'" if noun[0] in "aeh" else "le " if gender == "m" else "la "
    handle = f"{article}{noun}" if french else teller.pick(f"the {kind}", f"the same {kind}")
    return replace(teller, scene=replace(teller.scene, facts={**teller.scene.facts, "handle": handle}))


def _tell_shots(teller: Teller, french: bool) -> list[str]:
    from .families import FAMILIES as ALL

    texts = []
    for number, (one, shot) in enumerate(_told(teller)):
        if number and shot.scene.figures:
            one = _named_again(one, french)
        family = ALL[shot.scene.family]
        texts.append((family.tell_french if french else family.tell)(one))
    return texts


def _tell(teller: Teller) -> str:
    first, *more = _tell_shots(teller, french=False)
    return " ".join([first, *(f". {teller.pick('Then', 'Cut to:', 'Next shot:', 'Cut:', 'Then')} {text}"
                              for text in more)])


def _french(teller: Teller) -> str:
    first, *more = _tell_shots(teller, french=True)
    return " ".join([first, *(f". {teller.pick('Puis', 'Plan suivant :')} {text}" for text in more)])


def _sound(teller: Teller) -> str:
    from .families import FAMILIES as ALL

    heard = [ALL[shot.scene.family].sound(one) for one, shot in _told(teller)[:1]]
    return heard[0]


def _facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    from .families import FAMILIES as ALL

    acts = [ALL[shot.scene.family].facts(shot.scene, shown(shot, whole))
            for shot, whole in zip(scene.shots, motion.shots, strict=True)]
    return {"shots": [shot.scene.family for shot in scene.shots], "acts": acts,
            "cuts_s": [round(shot.first / FRAME_RATE, 4) for shot in scene.shots[1:]]}


FAMILIES = (Family("sequence", 0.10, sequence, _tell, _french, _sound, facts=_facts),)
