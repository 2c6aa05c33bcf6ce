"""Several things at once, many of them alike: they fall side by side, go across the floor together, or meet."""

from __future__ import annotations

import numpy as np

from ..course import Course, courses
from ..record import ObjectRecord
from ..tell_matter import sound as sound_of_one
from ..words import COLOURS, FRENCH_COLOURS, KINDS, MATERIALS, SIZES, Teller, with_article
from .family import Family
from .matter import dropped, rolling, sliding_speed
from .piles import arrival_speed
from .scene import Body, Scene, Setting, draw_object, make_object, random_quaternion, yaw_quaternion

_NUMBERS = ("no", "one", "two", "three", "four", "five")
_PLURALS = {"ball": ("balls", "balls", "spheres"), "box": ("boxes", "boxes", "cubes", "blocks")}
_FRENCH_NUMBERS = ("", "un", "deux", "trois", "quatre", "cinq")
_FRENCH_PLURALS = {"ball": ("balles", "boules"), "box": ("bo\u00eetes",)}
_ROOM = {"ball": 2.3, "box": 3.0}     # from one to the next, in radii, so that they don't begin inside one another


def group(rng: np.random.Generator, setting: Setting) -> Scene:
    """Two to five bodies, mostly in one or two sorts."""
    half = setting.view.half_width_m
    count = int(rng.choice([2, 3, 4, 5], p=[0.4, 0.3, 0.18, 0.12]))
    choice = rng.random()
    if choice < 0.2:
        return Scene("group", setting, _meeting(rng, setting, _things(rng, 2, half)), is_calm=True)
    if choice < 0.7:
        return Scene("group", setting, _falling(rng, setting, _things(rng, count, 1.84 * half / count)))
    kind = "ball" if rng.random() < 0.7 else "box"
    return Scene("group", setting, _going(rng, setting, _things(rng, count, 1.25 * half / (count - 1), kind)),
                 is_calm=True)


def _things(rng: np.random.Generator, count: int, room_m: float, kind: str | None = None) -> list[ObjectRecord]:
    """All alike, of two sorts one after the other, or each of its own; each has so many metres of room."""
    sizes = ("small", "small", "medium") if count == 2 else ("small",)
    style, sorts = rng.random(), [count]
    if style >= 0.45:
        first = int(rng.integers(1, count))
        sorts = [first, count - first] if style < 0.8 and count > 2 else [1] * count
    made: list[ObjectRecord] = []
    for number in sorts:
        record = draw_object(rng, kind or ("ball" if rng.random() < 0.6 else "box"), sizes=sizes,
                             taken=tuple(other.colour for other in made))
        radius = min(record.radius_m, room_m / _ROOM[record.kind])
        made += number * [make_object(record.kind, record.colour, record.material, record.size, radius)]
    return made


def _places(rng: np.random.Generator, setting: Setting, count: int) -> list[float]:
    half = setting.view.half_width_m
    return [(2 * (i + 0.5) / count - 1) * half * 0.92 + float(rng.uniform(-0.01, 0.01)) for i in range(count)]


def _falling(rng: np.random.Generator, setting: Setting, things: list[ObjectRecord]) -> tuple[Body, ...]:
    return tuple(dropped(rng, setting, record, x, float(rng.uniform(-0.12, 0.12)))
                 for record, x in zip(things, _places(rng, setting, len(things)), strict=True))


def _going(rng: np.random.Generator, setting: Setting, things: list[ObjectRecord]) -> tuple[Body, ...]:
    """Side by side across the picture, the first ahead, so that nobody runs into another."""
    half, side = setting.view.half_width_m, -1.0 if rng.random() < 0.5 else 1.0
    ahead, reach = np.linspace(0.35, -0.9, len(things)), float(rng.uniform(0.6, 1.2)) * half
    return tuple(_sent(rng, setting, record, side * float(place) * half, side, reach)
                 for record, place in zip(things, ahead, strict=True))


def _meeting(rng: np.random.Generator, setting: Setting, things: list[ObjectRecord]) -> tuple[Body, ...]:
    """Two that go toward each other and would come further than to the middle."""
    half, side = setting.view.half_width_m, -1.0 if rng.random() < 0.5 else 1.0
    return tuple(_sent(rng, setting, record, -toward * (half - 0.7 * record.radius_m), toward,
                       float(rng.uniform(1.2, 1.9)) * half)
                 for record, toward in zip(things, (side, -side), strict=True))


def _sent(rng: np.random.Generator, setting: Setting, record: ObjectRecord, x: float, side: float,
          reach: float) -> Body:
    """A ball that rolls or a box that slides to `side` and comes about so many metres far."""
    depth = float(rng.uniform(-0.1, 0.1)) * record.radius_m
    if record.kind == "ball":
        speed = arrival_speed(setting, reach, float(rng.uniform(0.0, 0.1)))
        return rolling(record, x, depth, (side * speed, 0.0), np.array(random_quaternion(rng)))
    return Body(record, (x, depth, record.radius_m), yaw_quaternion(float(rng.uniform(-0.4, 0.4))),
                (side * sliding_speed(setting, record, reach), 0.0, 0.0))


# Words


def _sorts(teller: Teller) -> list[tuple[ObjectRecord, int]]:
    """What there is and how many of it."""
    found: list[tuple[ObjectRecord, int]] = []
    for body in teller.scene.bodies:
        if found and found[-1][0] == body.record:
            found[-1] = (body.record, found[-1][1] + 1)
        else:
            found.append((body.record, 1))
    return found


def _names(teller: Teller) -> str:
    """All of them in words, such as "a red cube and two blue rubber balls"."""
    sorts = _sorts(teller)
    is_various = len(sorts) == len(teller.scene.bodies)
    if is_various and len({record.kind for record, _ in sorts}) == 1 and teller.chance(0.25):
        kind, colours = sorts[0][0].kind, [teller.pick(*COLOURS.get(r.colour, (r.colour,))) for r, _ in sorts]
        plural = f"{_NUMBERS[len(sorts)]} {teller.pick(*_PLURALS[kind])}"
        return plural if teller.chance(0.5) else f"{plural}, {_listed([with_article(c, 'a') for c in colours])} one"
    brief = len(sorts) > 2 or teller.chance(0.4)
    names = []
    for record, count in sorts:
        words = [_NUMBERS[count]] if count > 1 else []
        if not brief and teller.chance(0.3):
            words.append(teller.pick(*SIZES[record.size]))
        words.append(teller.pick(*COLOURS.get(record.colour, (record.colour,))))
        if not brief and teller.chance(0.7):
            words.append(teller.pick(*MATERIALS[record.material]))
        words.append(teller.pick(*(_PLURALS if count > 1 else KINDS)[record.kind]))
        text = " ".join(word for word in words if word)
        names.append(text if count > 1 else with_article(text, teller.pick("a", "a", "a", "one")))
    return _listed(names)


def _listed(names: list[str], word: str = "and") -> str:
    return f" {word} ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _course(teller: Teller) -> list[Course]:
    if "courses" not in teller.kept:
        teller.kept["courses"] = courses(teller.scene, teller.motion, teller.tracks)
    return teller.kept["courses"]


def tell(teller: Teller) -> str:
    """One English sentence."""
    course, names, floor = _course(teller), _names(teller), teller.floor()
    if all(it.is_falling for it in course):
        verb = teller.pick("fall onto", "drop onto", "fall on", "drop on", "land on", "fall down onto",
                           "are dropped onto", "fall at the same time onto")
        if not all(it.bounces for it in course):
            return f"{names} {verb} {floor}"
        return teller.pick(f"{names} bounce on {floor}", f"{names} {verb} {floor} and bounce",
                           f"{names} {verb} {floor} and all bounce" if len(course) > 2 else
                           f"{names} {verb} {floor} and both bounce",
                           f"{names} are bouncing on {floor}", f"{names} bounce up and down on {floor}")
    if course[0].direction * course[1].direction < 0 or course[0].hit == 1:
        return _met(teller, names, floor)
    verb = teller.pick("roll", "are rolling") if teller.scene.bodies[0].record.kind == "ball" else teller.pick(
        "slide", "are sliding", "glide")
    way = course[0].direction
    side, other = ("left", "right") if way < 0 else ("right", "left")
    toward = teller.pick(f" to the {side}", f" from {other} to {side}", "", "") if way else ""
    end = teller.pick(" and stop", " and come to rest", "") if all(it.ends_still for it in course) else ""
    return f"{names} {verb} {teller.pick('across', 'over', 'along')} {floor}{toward}{end}"


def _met(teller: Teller, names: str, floor: str) -> str:
    kinds = {body.record.kind for body in teller.scene.bodies}
    verb = "move" if len(kinds) == 2 else "roll" if kinds == {"ball"} else teller.pick("slide", "slide", "glide")
    if _course(teller)[0].hit != 1:
        return f"{names} {verb} toward each other on {floor}"
    return teller.pick(f"{names} {verb} toward each other and collide", f"{names} collide on {floor}",
                       f"{names} {verb} into each other on {floor}", f"{names} hit each other",
                       f"{names} {verb} across {floor} and crash into each other", f"{names} bump into each other")


def tell_french(teller: Teller) -> str:
    """One French sentence."""
    course, names = _course(teller), []
    for record, count in _sorts(teller):
        if count == 1:
            names.append(teller.thing_french([body.record for body in teller.scene.bodies].index(record)))
            continue
        noun = teller.pick(*_FRENCH_PLURALS[record.kind])
        colour = FRENCH_COLOURS[record.colour][1]
        plural = colour if colour.endswith("s") or record.colour in ("orange", "cyan") else colour + "s"
        names.append(f"{_FRENCH_NUMBERS[count]} {noun} {plural}")
    verb = "tombent" if all(it.is_falling for it in course) else (
        "roulent" if teller.scene.bodies[0].record.kind == "ball" else "glissent")
    end = " et rebondissent" if verb == "tombent" and all(it.bounces for it in course) else ""
    return f"{_listed(names, 'et')} {verb} sur {teller.floor_french()}{end}"


def sound(teller: Teller) -> str:
    """A note on what is heard."""
    return sound_of_one(teller).replace("as it rolls", "as they roll").replace("it scrapes", "they scrape").replace(
        "as it lands", "as they land").replace("each time it lands", "each time they land").replace(
        "when it hits", "when they hit")


FAMILIES = (Family("group", 0.16, group, tell, tell_french, sound),)
