"""Whether a clip shows what its prompt claims, fact by fact.

Prompted things are matched with tracked ones so that kind and colour agree best; then every claim is judged from
tracks, background and sound. What can't be told with confidence is None and counts neither way.

Legend: T frames; metres and seconds in the upright plane of the scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from .events import REST_SPEED, Course
from .facts import Claims, Thing
from .onsets import Onset
from .statistics import Scene
from .tracker import Track, Tracking

SIZES_M = {"small": 0.180, "medium": 0.235, "large": 0.300}     # radius of a ball; a box's half edge is 0.9 of it
SIZE_EDGES_M = (0.205, 0.266)
BALL_DISC, BOX_DISC = 1.035, 1.40   # radius of the disc as large as a thing looks, over its radius or half edge
SURE, SURE_MATERIAL, EXCLUDED = 0.6, 0.95, 0.25     # probabilities: of what is seen, of what is asked
LEAST_SHARE_SEEN = 0.15
FALL_M = 0.14
RISE_M, FAINT_RISE_M, PLAIN_RISE_M = 0.030, 0.004, 0.10     # of a bounce that counts, may be one, can't be overlooked
SIDEWAYS_M = 0.13
WAY_SHARE = 0.09                    # of the picture's width: a way that has a direction
MEETING = 1.30                      # of the sum of two radii
LOOSE = {"outdoors": ("park", "beach", "yard")}
MOST_MATCHED = 4


@dataclass(frozen=True)
class Fact:
    """One judged claim: what about, what was asked, what is seen, and whether they agree (None: can't be told)."""

    about: str
    asked: str
    seen: str
    holds: bool | None


@dataclass(frozen=True)
class Look:
    """What a tracked thing looks (and sounds) like: probabilities by name."""

    colour: dict[str, float]
    kind: dict[str, float]
    material: dict[str, float]


def judge(claims: Claims, tracking: Tracking, courses: list[Course], looks: list[Look], scene: Scene,
          onsets: list[Onset], frame_rate: float) -> list[Fact]:
    """Judge every claim of a prompt."""
    facts: list[Fact] = []
    pairs = _match(claims.things, tracking.tracks, looks)
    for thing, number in zip(claims.things, pairs, strict=True):
        facts += _thing_facts(thing, number, tracking, courses, looks)
    if claims.count:
        seen = _count(tracking)
        facts.append(Fact("count", str(claims.count), str(seen), seen == claims.count))
    facts += _scene_facts(claims, scene)
    order = [number for number in pairs if number is not None]
    rest = [number for number in range(len(tracking.tracks)) if number not in order]
    facts += _action_facts(claims, [*order, *rest], tracking, courses, frame_rate)
    if claims.has_hit_sound:
        clear = [onset for onset in onsets if onset.rise_db > 8]
        facts.append(Fact("sound", "a hit", f"{len(clear)} hits", bool(clear)))
    return facts


def _match(things: tuple[Thing, ...], tracks: tuple[Track, ...], looks: list[Look]) -> list[int | None]:
    """For each named thing the track that it fits best, or None."""
    slots: list[int | None] = sorted(range(len(tracks)), key=lambda n: -tracks[n].seen.sum())[:MOST_MATCHED]
    slots += [None] * len(things)
    best, chosen = -np.inf, [None] * len(things)
    for order in set(permutations(slots, min(len(things), len(slots)))) if len(things) <= MOST_MATCHED else ():
        score = sum(_fit(thing, number, tracks, looks) for thing, number in zip(things, order, strict=True))
        if score > best:
            best, chosen = score, list(order)
    return chosen


def _fit(thing: Thing, number: int | None, tracks: tuple[Track, ...], looks: list[Look]) -> float:
    if number is None:
        return -1.0
    look = looks[number]
    colour = look.colour.get(thing.colour, 0.0) if thing.colour else 0.5
    return colour + 0.6 * look.kind.get(thing.kind, 0.0) + 0.4 * float(tracks[number].seen.mean())


def _count(tracking: Tracking) -> int:
    """Things that are seen for some time, twins included."""
    count = 0
    for item in tracking.tracks:
        if item.seen.mean() > LEAST_SHARE_SEEN:
            count += 1 + int(np.quantile(item.twins[item.seen], 0.7))
    return count


def _best(probabilities: dict[str, float]) -> str:
    return max(probabilities, key=probabilities.get)


def _is(asked: str, said: dict[str, float], sure: float) -> bool | None:
    """Whether something is as asked, by the probabilities of what it may be: None where it may well be something else,
    or nobody can tell."""
    if _best(said) == asked:
        return True
    return False if said[_best(said)] > sure and said.get(asked, 0.0) < EXCLUDED else None


def _thing_facts(thing: Thing, number: int | None, tracking: Tracking, courses: list[Course],
                 looks: list[Look]) -> list[Fact]:
    asked = [("thing", thing.kind), ("colour", thing.colour), ("material", thing.material), ("size", thing.size)]
    if number is None:
        return [Fact(about, name, "nothing", False) for about, name in asked if name]
    look = looks[number]
    kind, colour, material = _best(look.kind), _best(look.colour), _best(look.material)
    facts = [Fact("thing", thing.kind, kind, kind == thing.kind)]
    if thing.colour:
        facts.append(Fact("colour", thing.colour, colour, _is(thing.colour, look.colour, SURE)))
    if thing.material:
        facts.append(Fact("material", thing.material, material, _is(thing.material, look.material, SURE_MATERIAL)))
    if thing.size:
        facts.append(_size_fact(thing, courses[number]))
    return facts


def _size_fact(thing: Thing, course: Course) -> Fact:
    radius = course.radius / (0.9 * BOX_DISC if thing.kind == "box" else BALL_DISC)
    low, high = SIZE_EDGES_M
    seen = "small" if radius < low else "large" if radius > high else "medium"
    unsure = min(abs(radius / low - 1), abs(radius / high - 1)) < 0.05
    return Fact("size", thing.size, f"{seen} ({radius:.2f} m)", None if unsure else seen == thing.size)


def _scene_facts(claims: Claims, scene: Scene) -> list[Fact]:
    facts = []
    for about, asked, said in (("floor", claims.floor, scene.floor), ("place", claims.place, scene.place),
                               ("light", claims.light, scene.light), ("camera", claims.camera, scene.cameras)):
        if asked is None or (about == "camera" and asked == "static"):
            continue
        seen = _best(said)
        facts.append(Fact(about, asked, seen, seen in LOOSE.get(asked, ()) or _is(asked, said, SURE)))
    return facts


def _action_facts(claims: Claims, order: list[int], tracking: Tracking, courses: list[Course],
                  frame_rate: float) -> list[Fact]:
    """Judge what is said to happen; a claim holds if one of the named things does it."""
    if not order:
        names = [*sorted(claims.actions), *([f"to the {claims.direction}"] if claims.direction else [])]
        return [Fact("action", name, "nothing", False) for name in names]
    facts = []
    seen = [courses[number] for number in order]
    bounces = [_bounces(courses[number]) for number in order]
    most = max(bounces)
    may_bounce = any(_highest(course) > FAINT_RISE_M for course in seen)
    tests = {
        "fall": any(_falls(course) for course in seen),
        "fly in": any(_flies(course) for course in seen),
        "bounce": _any(most >= 1, may_bounce), "bounce many": _any(most >= 3, most == 2 and may_bounce),
        "bounce few": _any(most >= 2, most == 1 or may_bounce),
        "bounce once": _any(any(1 <= count <= 2 for count in bounces), may_bounce),
        "no bounce": _any(min(bounces) == 0, all(_highest(course) < PLAIN_RISE_M for course in seen)),
        "roll": any(_travels(course, tracking) for course in seen),
        "slide": any(_travels(course, tracking) for course in seen),
        "hit thing": _meets(order, tracking),
        "hit wall": any(_turns(course) for course in seen),
        "stop": any(_stands(course, frame_rate) for course in seen),
        "leave": any(_leaves(tracking.tracks[number]) for number in order),
        "rest": any(np.nanmax(course.x) - np.nanmin(course.x) < 0.06 for course in seen if np.isfinite(course.x).any()),
    }
    for name in sorted(claims.actions):
        detail = f"{most} bounces" if "bounce" in name else "seen" if tests[name] else "not seen"
        facts.append(Fact("action", name, detail, None if tests[name] is None else bool(tests[name])))
    if claims.direction:
        ways = [_way(tracking.tracks[number], tracking.size[0]) for number in order]
        way = next((way for way in ways if way), "neither")
        facts.append(Fact("action", f"to the {claims.direction}", way, claims.direction in ways))
    return facts


def _falls(course: Course) -> bool:
    """Comes down by more than a hand: from its highest to what follows."""
    z = course.z[np.isfinite(course.z)]
    return len(z) > 3 and bool(np.maximum.accumulate(z)[-1] - z[np.argmax(z):].min() > FALL_M)


def _flies(course: Course) -> bool:
    """Crosses the air sideways: from where it is first seen to where it first comes near the floor."""
    seen = np.flatnonzero(np.isfinite(course.z))
    if len(seen) < 4:
        return False
    floor = np.nanmin(course.z)
    low = np.flatnonzero(course.z[seen] < floor + 0.35 * course.radius)
    first, down = seen[0], seen[low[0]]
    return bool(course.z[seen[: low[0] + 1]].max() - floor > 0.6 * course.radius
                and abs(course.x[down] - course.x[first]) > SIDEWAYS_M)


def _bounces(course: Course) -> int:
    """Visible rises after an impact on the floor."""
    count = 0
    impacts = [impact for impact in course.impacts if impact.on == "floor"]
    for impact in impacts:
        count += impact.after[1] > np.sqrt(2 * 9.81 * RISE_M)
    return count


def _highest(course: Course) -> float:
    """How high a thing rises, in metres, by the fastest way up that an impact on the floor gives it."""
    return max((max(impact.after[1], 0.0) ** 2 / (2 * 9.81) for impact in course.impacts if impact.on == "floor"),
               default=0.0)


def _any(is_seen: bool, is_unsure: bool) -> bool | None:
    """Seen, not seen, or None where too little is to be seen to tell."""
    return True if is_seen else None if is_unsure else False


def _travels(course: Course, tracking: Tracking) -> bool:
    x = course.x[np.isfinite(course.x)]
    z = course.z[np.isfinite(course.z)]
    return len(x) > 3 and bool(np.ptp(x) > 0.12 and np.ptp(x) > 0.8 * np.ptp(z))


def _way(item: Track, width: int) -> str | None:
    x = item.x[item.seen]
    step = float(np.median(x[-3:]) - np.median(x[:3])) if len(x) > 5 else 0.0
    return None if abs(step) < WAY_SHARE * width else "right" if step > 0 else "left"


def _meets(order: list[int], tracking: Tracking) -> bool:
    for at, first in enumerate(order):
        for second in order[at + 1:]:
            one, other = tracking.tracks[first], tracking.tracks[second]
            both = one.seen & other.seen
            away = np.hypot(one.x - other.x, one.y - other.y)[both] / (one.radius + other.radius)
            if len(away) and (away.min() < MEETING or (one.near & other.near).any()):
                return True
    return False


def _turns(course: Course) -> bool:
    """Whether the way to the side turns back, or a wall stops it."""
    x = course.x[np.isfinite(course.x)]
    if any(impact.on == "wall" and abs(impact.kick_x) > 0.4 for impact in course.impacts):
        return True
    ends = max(abs(x[-1] - x[0]), 0.0) if len(x) > 6 else 0.0
    return len(x) > 6 and bool(np.ptp(x) > ends + 0.06)


def _stands(course: Course, frame_rate: float) -> bool:
    last = round(frame_rate / 4)
    x, z = course.x[-last:], course.z[-last:]
    if not np.isfinite(x).all():
        return False
    return bool(max(np.ptp(x), np.ptp(z)) * frame_rate / last < 1.5 * REST_SPEED)


def _leaves(item: Track) -> bool:
    return bool(not item.seen[-3:].any() or item.cut[-3:].any())
