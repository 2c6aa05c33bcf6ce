"""Characters: one person, animal or thing that references show, dressed in textures drawn without end.

A clip speaks of it by its handle ("@mila waves"), so that what it looks like must be taken from the references. Those
show it in other poses, lights and places and by other cameras than the clip: copying pixels doesn't help.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..performance import Event, Part, Performance
from ..scenes.scene import Scene, Setting, draw_setting
from ..words import Teller
from . import animals, people, tell
from .animals import Animal, draw_animal
from .cast import NAMES, Person, draw_person
from .curves import STEP_S, clock
from .patterns import draw_wild_cloth
from .rotation import to_quaternion, turn

SECONDS = 4.0
NUM_REFERENCES = 3
_PLACES = ("room", "gym", "studio", "yard", "park", "beach")
_BOUNCE = 0.72


@dataclass(frozen=True, eq=False)
class Thing:
    """A ball or a box in a wild cloth: radius, or half the edge, in metres."""

    shape: str
    radius_m: float
    part: Part

    def facts(self) -> dict[str, Any]:
        """What a caption may say, JSON-able."""
        return {"kind": "ball" if self.shape == "sphere" else "box", "radius_m": round(self.radius_m, 3)}


def draw_cast(rng: np.random.Generator) -> Person | Animal | Thing:
    """Draw somebody or something that nobody has seen."""
    kind = str(rng.choice(("person", "dog", "cat", "thing"), p=(0.5, 0.15, 0.15, 0.2)))
    if kind == "person":
        person = draw_person(rng)
        top = draw_wild_cloth(rng)
        bottom = top if person.look.outfit in ("dress", "leotard") else draw_wild_cloth(rng)
        return replace(person, look=replace(person.look, top=top, bottom=bottom, shoes=draw_wild_cloth(rng)))
    if kind == "thing":
        shape = str(rng.choice(("sphere", "box")))
        radius = float(rng.uniform(0.14, 0.26))
        return Thing(shape, radius, Part(shape, (1.0, 1.0, 1.0), draw_wild_cloth(rng).texture, 0.2))
    animal = draw_animal(rng, kind)
    cloth = draw_wild_cloth(rng)
    return replace(animal, cloth=cloth, belly=tuple(float(c) for c in rng.uniform(0.1, 1.0, 3)), coat="patched")


def play(rng: np.random.Generator, setting: Setting, cast: Person | Animal | Thing) -> Scene:
    """A clip of somebody or something given: what it does is drawn."""
    if isinstance(cast, Person):
        plot = str(rng.choice(("walk", "wave", "jump", "run"), p=(0.35, 0.3, 0.2, 0.15)))
        if plot in ("walk", "run"):
            return people.draw_walk(rng, setting, plot == "run", cast)
        return {"wave": people.draw_wave, "jump": people.draw_jump}[plot](rng, setting, cast)
    if isinstance(cast, Animal):
        return animals.draw_beast(rng, setting, cast.kind, cast)
    return _bounce(rng, setting, cast)


def draw_character(rng: np.random.Generator, setting: Setting) -> Scene:
    """A clip of a character with a handle."""
    cast = draw_cast(rng)
    names = NAMES[cast.kind] if isinstance(cast, Person) else ("Bobo", "Coco", "Fips", "Kiko", "Luna", "Momo", "Pip",
                                                                "Tiki", "Zuzu")
    scene = play(rng, setting, cast)
    handle = "@" + str(rng.choice(names)).lower()
    return replace(scene, family="character", facts={**scene.facts, "handle": handle, "plays": scene.family})


def references(scene: Scene, seed: int, count: int = NUM_REFERENCES) -> tuple[tuple[Scene, int], ...]:
    """Scenes and frames for pictures of a clip's character elsewhere, to be drawn with ``Stage.still``.

    Args:
        scene: a clip of a character, from ``draw_character``.
        seed: of the clip; the same seed gives the same references.
        count: how many.

    Returns:
        (scene, frame) each: never in the place or the light of the clip, nor in each other's place.
    """
    cast, found, taken = scene.facts["cast"][0], [], {scene.setting.place}
    view = scene.view
    for number in range(count):
        rng = np.random.default_rng([seed, 77, number])
        places = [name for name in _PLACES if name not in taken]
        setting = draw_setting(rng, view.width, view.height, tuple(places))
        while setting.light == scene.setting.light:
            setting = draw_setting(rng, view.width, view.height, tuple(places))
        taken.add(setting.place)
        other = play(rng, setting, cast)
        found.append((other, _seen(other, rng)))
    return tuple(found)


def _seen(scene: Scene, rng: np.random.Generator) -> int:
    """A frame in which the character is well inside the picture."""
    centre = scene.figures[0].centre
    screen = scene.view.project_frames(centre[:, :3], centre[:, 3])
    inside = np.flatnonzero((np.abs(screen[:, 0]) < 0.55) & (np.abs(screen[:, 1]) < 0.75))
    return int(rng.choice(inside)) if len(inside) else int(np.argmin(np.abs(screen[:, 0])))


def _bounce(rng: np.random.Generator, setting: Setting, thing: Thing) -> Scene:
    """A thing that falls in from aside and bounces on, or lies and turns slowly on the spot."""
    time, radius = clock(SECONDS), thing.radius_m
    span = max(1.75, 7 * radius)
    setting = setting.with_view(rng, span_m=span, aim=(0.0, 0.0, 0.42 * span), names=("front", "angled", "high"))
    side = -1 if rng.random() < 0.5 else 1
    half = setting.view.half_width_m
    rest = radius if thing.shape == "sphere" else radius * 1.02
    place = np.zeros((len(time), 3))
    place[:, 0] = -side * 0.8 * half + side * float(rng.uniform(0.28, 0.42)) * half * time
    height, speed, events = rest + float(rng.uniform(0.4, 0.65)) * span, 0.0, []
    for index in range(len(time)):
        place[index, 2] = height
        height, speed = height + speed * STEP_S - 0.5 * setting.gravity * STEP_S**2, speed - setting.gravity * STEP_S
        if height < rest and speed < 0:
            if speed < -0.25:
                events.append(Event(index * STEP_S, "land", float(np.clip(-speed / 5, 0.05, 1)), tuple(place[index]),
                                    "sole", setting.floor))
            height, speed = rest, -_BOUNCE * speed if speed < -0.25 else 0.0
    start = rng.normal(0, 1.5, 3)
    axis = np.array([0.0, side * 1.0, 0.0]) if thing.shape == "sphere" else np.array([0.0, 0.0, 1.0])
    rate = float(np.gradient(place[:, 0], time)[0] / radius) * side if thing.shape == "sphere" else 0.6
    tilt = turn(start) if thing.shape == "sphere" else np.eye(3)
    turns = turn(axis * (rate * time)[:, None]) @ tilt
    frames = np.arange(0, len(time), 10)
    poses = np.concatenate([place[frames], to_quaternion(turns[frames])], -1)[:, None]
    size = np.full((len(frames), 1, 3), radius)
    shade = np.column_stack([place[frames, :2], np.zeros(len(frames)), np.full(len(frames), radius)])[:, None]
    reach = radius if thing.shape == "sphere" else radius * 3**0.5
    performance = Performance("thing", (thing.part,), poses, size, shade,
                              np.column_stack([place[frames], np.full(len(frames), reach)]), tuple(events),
                              facts=thing.facts())
    facts = {"action": "bounce", "way": side, "cast": (thing,), "things": [thing.facts()]}
    return Scene("thing", setting, figures=(performance,), facts=facts)


def character(teller: Teller) -> str:
    """What a character does, by its handle."""
    words = {"walk": tell.walk, "run": tell.run, "jump": tell.jump, "wave": tell.wave, "dog": animals.beast,
             "cat": animals.beast, "thing": _thing}
    return words[teller.scene.facts["plays"]](teller)


def personnage(teller: Teller) -> str:
    """What a character does, in French."""
    words = {"walk": tell.marche, "run": tell.court, "jump": tell.saute, "wave": tell.salue, "dog": animals.bete,
             "cat": animals.bete, "thing": _chose}
    return words[teller.scene.facts["plays"]](teller)


def character_heard(teller: Teller) -> str:
    """What is heard of a character."""
    plays = teller.scene.facts["plays"]
    if plays in ("dog", "cat"):
        return animals.beast_heard(teller)
    return {"wave": tell.silence, "jump": tell.landing, "thing": tell.landing}.get(plays, tell.steps)(teller)


def _thing(teller: Teller) -> str:
    act = teller.pick("bounces", "falls and bounces", "bounces along", "drops in and bounces")
    return f"{tell.called(teller)} {act} {tell.way(teller) if teller.chance(0.6) else ''}"


def _chose(teller: Teller) -> str:
    return f"{tell.called(teller)} rebondit"
