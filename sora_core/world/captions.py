"""Tells what happened in a clip, in varied and true words.

A caption is built from the simulated facts alone: a body "bounces" only if it was seen to leave the floor again, and
left and right are those of the picture. Facts may be left out, never made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .physics import NUM_FRAMES, STEP_S, Motion
from .record import FLOOR, WALL
from .scenes.scene import Scene

NUM_CAPTIONS = 6

_FLOORS = {
    "wood": ("a wooden floor", "the wooden floor", "a wood floor", "wooden planks", "a parquet floor"),
    "concrete": ("a concrete floor", "concrete", "the concrete ground", "hard concrete"),
    "grass": ("grass", "the grass", "a green lawn", "a grassy field"),
    "carpet": ("a carpet", "the carpet", "a red carpet", "a soft carpet"),
    "sand": ("sand", "the sand", "soft sand", "a sandy beach"),
    "tile": ("a tiled floor", "the tile floor", "white tiles", "a tile floor"),
    "ice": ("ice", "the ice", "an ice rink", "slippery ice"),
}
_PLACES = {
    "room": ("in a room", "indoors", "inside a house", "in a plain room"),
    "gym": ("in a gym", "in a sports hall", "in a gymnasium"),
    "studio": ("in a studio", "in an empty studio", "against a plain backdrop"),
    "yard": ("in a yard", "in front of a brick wall", "in a courtyard"),
    "park": ("in a park", "outdoors", "in a meadow"),
    "beach": ("on a beach", "at the beach", "by the sea"),
    "rink": ("in an ice rink", "at an ice rink"),
}
_LIGHTS = {
    "day": ("in daylight", "in bright light", "on a clear day", "in the daytime"),
    "dusk": ("at dusk", "in warm evening light", "at sunset"),
    "night": ("at night", "in dim blue light", "after dark"),
}
_CAMERAS = {
    "front": ("Static camera, front view", "Seen from the front", "The camera does not move", "Eye-level shot"),
    "high": ("Seen from above", "High angle shot", "The camera looks down from above"),
    "low": ("Low angle shot", "Seen from near the ground", "A low camera close to the floor"),
    "angled": ("Seen at an angle", "Three-quarter view", "The camera looks from the side"),
}
_KINDS = {"ball": ("ball", "ball", "ball", "sphere"), "box": ("box", "box", "cube", "block")}
_SIZES = {"small": ("small", "little", "tiny"), "medium": ("", "medium-sized"), "large": ("large", "big", "huge")}
_MATERIALS = {"wood": ("wooden", "wooden", "wood"), "metal": ("metal", "metal", "steel"), "stone": ("stone", "stone"),
              "rubber": ("rubber", "rubber"), "glass": ("glass", "glass"), "plastic": ("plastic", "plastic")}
_COLOURS = {"cyan": ("cyan", "turquoise"), "purple": ("purple", "purple", "violet")}
_RINGING = {"metal": ("a metallic clang", "a ringing clank"), "glass": ("a bright clink", "a glassy clink"),
            "wood": ("a wooden knock", "a hollow knock"), "plastic": ("a light plastic tap", "a hollow tap"),
            "stone": ("a heavy knock", "a stony clack"), "rubber": ("a rubbery thump", "a dull thump")}
_THUDS = ("a soft thud", "a dull thud", "a muffled thump")
_SOFT_FLOORS = ("grass", "carpet", "sand")


@dataclass(frozen=True)
class Course:
    """What one body did.

    Attributes:
        bounces: how often it visibly left the floor again after landing.
        highest_m: highest clearance after the first landing.
        is_falling: started in the air.
        direction: -1 moved to the left of the picture, 1 to the right, 0 neither.
        is_resting: lay still from the start until touched, or all the time.
        ends_still: is at rest in the last quarter second.
        leaves: is outside the picture at the end, having been inside.
        hit: index of the first body it touched, or None.
        hit_wall: touched a side wall.
        tips: a box that ended on another side than it started or tumbled.
    """

    bounces: int
    highest_m: float
    is_falling: bool
    direction: int
    is_resting: bool
    ends_still: bool
    leaves: bool
    hit: int | None
    hit_wall: bool
    tips: bool


def courses(scene: Scene, motion: Motion, tracks: np.ndarray) -> list[Course]:
    """Judge from the motion what each body did."""
    return [_course(scene, motion, tracks[:, i], i) for i in range(len(scene.bodies))]


def _course(scene: Scene, motion: Motion, track: np.ndarray, index: int) -> Course:
    body = scene.bodies[index]
    floor_times = [t * STEP_S for t, _, a, b in motion.touches if a == index and b == FLOOR]
    others = [b if a == index else a for _, _, a, b in motion.touches if b >= 0 and index in (a, b)]
    height = motion.poses[:, index, 2] - body.record.radius_m
    in_air = motion.floor_force[index] <= 0
    bounces, highest = _count_bounces(height, in_air)
    seen = np.flatnonzero(track[:, 3] > 0)
    shift = float(track[seen[-1], 0] - track[seen[0], 0]) if len(seen) > 1 else 0.0
    speed = np.linalg.norm(motion.velocities[:, index, :3], axis=1)
    quaternion = motion.poses[:, index, 3:]
    up = 1 - 2 * (quaternion[:, 1] ** 2 + quaternion[:, 2] ** 2)
    return Course(
        bounces=bounces,
        highest_m=highest,
        is_falling=bool(height[0] > 0.15 and floor_times),
        direction=0 if abs(shift) < 0.2 else int(np.sign(shift)),
        is_resting=bool(speed[0] < 0.05 and height[0] < 0.05),
        ends_still=bool(speed[-240:].max() < 0.08),
        leaves=bool(len(seen) and seen[-1] < NUM_FRAMES - 1 and abs(track[-1, 0]) > 1),
        hit=others[0] if others else None,
        hit_wall=any(a == index and b == WALL for _, _, a, b in motion.touches),
        tips=body.record.kind == "box" and bool(up.max() - up.min() > 0.5),
    )


def _count_bounces(height: np.ndarray, in_air: np.ndarray) -> tuple[int, float]:
    """Flights after the first landing that rise at least 4 cm, and the highest rise.

    The rise is taken from the flight time, so that a tumbling box counts by what its centre does.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], in_air.astype(int), [0]])))
    flights = edges.reshape(-1, 2)
    rises = [
        float(height[a:b + 1].max() - height[a]) for a, b in flights if a > 0 and (b - a) * STEP_S > 0.09
    ]
    rises = [rise for rise in rises if rise > 0.04]
    return len(rises), max(rises, default=0.0)


class _Teller:
    """Draws one wording."""

    def __init__(self, rng: np.random.Generator, scene: Scene, course: list[Course]) -> None:
        self.rng, self.scene, self.course = rng, scene, course

    def pick(self, *options: str) -> str:
        return str(options[self.rng.integers(len(options))])

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def thing(self, index: int, article: str = "a", brief: bool = False) -> str:
        """A body in words: its colour nearly always, its material mostly, its size sometimes."""
        item = self.scene.bodies[index].record
        words = []
        if not brief and self.chance(0.35):
            words.append(self.pick(*_SIZES[item.size]))
        if not self.chance(0.03):
            words.append(self.pick(*_COLOURS.get(item.colour, (item.colour,))))
        if not brief and self.chance(0.85):
            words.append(self.pick(*_MATERIALS[item.material]))
        words.append(self.pick(*_KINDS[item.kind]))
        text = " ".join(word for word in words if word)
        if article == "a" and text[0] in "aeiou":
            article = "an"
        return f"{article} {text}".strip()

    def floor(self) -> str:
        return self.pick(*_FLOORS[self.scene.floor])

    def toward(self, index: int) -> str:
        way = self.course[index].direction
        if not way:
            return ""
        left, right = ("right", "left") if way < 0 else ("left", "right")
        return self.pick(f"from {left} to {right}", f"to the {right}", f"toward the {right}", f"from the {left}")

    # Each action returns (present, progressive) forms; a form starts with the verb.

    def landing(self, index: int) -> str:
        """How a falling body meets the floor, e.g. "drops onto a wooden floor and bounces"."""
        it, item = self.course[index], self.scene.bodies[index].record
        thrown = self.scene.family == "throw"
        if thrown:
            start = self.pick("flies in", "is thrown in", "sails in", "comes flying in")
            if it.direction and self.chance(0.8):
                start += f" from the {'left' if it.direction > 0 else 'right'}"
            start += self.pick(f", lands on {self.floor()}", f" and hits {self.floor()}", f" onto {self.floor()}")
        else:
            start = self.pick("drops onto", "falls onto", "drops on", "falls down onto", "lands on", "drops to",
                              "is dropped onto", "falls on") + " " + self.floor()
        return start + self.after(it, item.kind)

    def after(self, it: Course, kind: str) -> str:
        if it.bounces >= 4 and it.highest_m > 0.3:
            return self.pick(" and bounces", " and bounces", " and bounces several times", " and bounces high",
                             ", bouncing again and again", " and keeps bouncing", " and bounces up and down")
        if it.bounces >= 2:
            ending = ("and bounces to a stop",) if it.ends_still else ("and bounces lower each time",)
            return " " + self.pick("and bounces", "and bounces", "and bounces a few times", *ending)
        if it.bounces == 1:
            return self.pick(" and bounces once", " and bounces a little", " with one small bounce")
        if kind == "box" and it.tips:
            return self.pick(" and tumbles", " and tips over", " and tumbles over")
        if it.ends_still and not it.direction:
            return self.pick(" and stays there", " with a thud", " and lies still", " and does not bounce",
                             " and stops dead")
        return self.pick(" without bouncing", " and does not bounce")

    def travel(self, index: int) -> str:
        """How a body moves over the floor, e.g. "rolls across the grass from left to right"."""
        it, item = self.course[index], self.scene.bodies[index].record
        verbs = ("rolls", "rolls", "is rolling") if item.kind == "ball" else ("slides", "slides", "glides")
        verb = self.pick(*verbs)
        path = self.pick("across", "over", "along") + " " + self.floor()
        way = self.toward(index)
        text = f"{verb} {path}" + (f" {way}" if way and self.chance(0.75) else "")
        if it.hit is not None or it.hit_wall:
            return text
        if it.leaves and self.chance(0.6):
            return text + self.pick(" and out of view", " and leaves the frame", " out of the picture")
        if it.ends_still and self.chance(0.8):
            return text + self.pick(" and stops", " and comes to rest", " and slows to a stop")
        return text

    def meeting(self, index: int) -> str:
        it = self.course[index]
        other = self.course[it.hit]
        text = self.travel(index)
        if other.is_resting:
            target = self.thing(it.hit)
            text += self.pick(" and hits ", " and bumps into ", " and strikes ", " into ", " and knocks into ") + target
            if other.direction and self.chance(0.4):
                text += self.pick(", pushing it away", ", which moves off")
            return text
        return text + self.pick(" and hits ", " and collides with ", " and crashes into ") + self.thing(it.hit)

    def both(self) -> str:
        one, two = self.thing(0), self.thing(1)
        if self.chance(0.5):
            one, two = two, one
        return self.pick(
            f"{one} and {two} roll toward each other and collide",
            f"{one} and {two} collide on {self.floor()}",
            f"{one} rolls into {two} on {self.floor()}",
            f"two balls, {one} and {two}, roll across {self.floor()} and hit each other",
            f"{one} and {two} roll across {self.floor()} and bump into each other",
        )

    def single(self, index: int) -> str:
        it = self.course[index]
        if it.is_falling:
            return f"{self.thing(index)} {self.landing(index)}"
        if it.is_resting and it.hit is None:
            return f"{self.thing(index)} {self.pick('rests', 'lies still')} on {self.floor()}"
        if it.hit_wall:
            wall = self.pick(" and hits the wall", " and bounces off the wall", " against a wall and rolls back"
                             if it.direction == 0 else " and hits a wall", " into the wall")
            return f"{self.thing(index)} {self.travel(index)}{wall}"
        return f"{self.thing(index)} {self.travel(index)}"

    def falling(self) -> str:
        """Several bodies that fall side by side."""
        course, count = self.course, len(self.course)
        names = [self.thing(i, brief=count > 2 or self.chance(0.3)) for i in range(count)]
        listed = ", ".join(names[:-1]) + " and " + names[-1]
        if all(it.bounces > 0 for it in course):
            end = self.pick(" and bounce", " and bounce", " and both bounce" if count == 2 else " and all bounce")
        elif not any(it.bounces for it in course):
            end = self.pick("", " and do not bounce", " and stay there" if all(i.ends_still for i in course) else "")
        else:
            end = ""
        if count == 2 and (not end or self.chance(0.4)):
            return f"{self.single(0)} while {self.single(1)}" if self.chance(0.4) else (
                f"{self.single(0)}, and {self.single(1)}")
        verb = self.pick("drop onto", "fall onto", "land on", "fall on")
        return f"{listed} {verb} {self.floor()}{end}"

    def core(self) -> str:
        moving = [i for i, it in enumerate(self.course) if not it.is_resting]
        if len(self.course) == 1:
            return self.single(0)
        if all(it.is_falling for it in self.course):
            return self.falling()
        if len(moving) == 2 and self.course[0].hit == 1:
            return self.both()
        first = moving[0] if moving else 0
        if self.course[first].hit is not None:
            return f"{self.thing(first)} {self.meeting(first)}"
        rest = 1 - first
        return f"{self.single(first)} near {self.thing(rest)}"

    def brief(self) -> str:
        """A few words, such as "red ball bounces"."""
        it, item = self.course[0], self.scene.bodies[0].record
        name = self.thing(0, article="", brief=self.chance(0.6))
        if len(self.course) > 1:
            return self.core()
        if it.is_falling and it.bounces:
            return f"{name} {self.pick('bounces', 'bouncing', 'drops and bounces', 'bouncing on ' + self.floor())}"
        if it.is_falling:
            verb = self.pick("flies in" if self.scene.family == "throw" else "falls", "lands")
            return f"{name} {verb} on {self.floor()}"
        verbs = ("rolls", "rolling") if item.kind == "ball" else ("slides", "sliding")
        end = " into a wall" if it.hit_wall else f" on {self.floor()}"
        return f"{name} {self.pick(*verbs)}{end}"

    def sound(self) -> str:
        """A note on the sound of the first body's touch, or nothing."""
        it, item = self.course[0], self.scene.bodies[0].record
        if it.is_falling:
            soft = self.scene.floor in _SOFT_FLOORS
            noise = self.pick(*(_THUDS if soft else _RINGING[item.material]))
            often = ("each time it lands", "at every bounce")
            when = self.pick(*(often if it.bounces else ("as it lands", "when it hits")))
            return f"{noise} {when}" if len(self.course) == 1 else f"the sound of {noise.split(' ', 1)[1]}s"
        if it.hit is not None:
            return self.pick("a knock as they meet", "the sound of the hit", "a clack when they touch")
        if it.hit_wall:
            return self.pick("a knock against the wall", "a thump as it hits the wall")
        rolls = item.kind == "ball"
        return self.pick("a quiet rumble as it rolls", "a soft rolling sound") if rolls else self.pick(
            "a scraping sound", "it scrapes over the floor")

    def tell(self) -> str:
        setting = self.scene.setting
        style = self.rng.random()
        if style < 0.10:
            return self.brief()
        text = self.core()
        where, when = self.pick(*_PLACES[setting.place]), self.pick(*_LIGHTS[setting.light])
        if setting.place in ("room", "gym", "studio", "rink") and when == "on a clear day":
            when = "in daylight"
        if where.split()[-1] in text:
            where = ""
        text = self.around(style, text, where, when)
        return " ".join(text.split()).replace(" .", ".").replace(" ,", ",")

    def around(self, style: float, text: str, where: str, when: str) -> str:
        """Add place, light, camera or sound to the core of a caption."""
        setting = self.scene.setting
        if style < 0.45:
            return text
        if style < 0.60:
            return f"{text} {where}"
        if style < 0.72:
            return f"{text} {where} {when}" if self.chance(0.6) else f"{text} {when}"
        if style < 0.80:
            return f"{where} {when}, {text}" if self.chance(0.5) or not where else f"{where}, {text}"
        camera = self.pick(*_CAMERAS[setting.view.name])
        if style < 0.86:
            return f"{camera}: {text}"
        if style < 0.93:
            return f"{text}; {self.sound()}"
        return f"{text} {where} {when}. {camera}. {self.sound().capitalize()}"


def _finish(rng: np.random.Generator, text: str) -> str:
    """Vary capitals and the full stop; sometimes write carelessly."""
    style = rng.random()
    if style < 0.42:
        return text[0].lower() + text[1:]
    if style < 0.84:
        text = text[0].upper() + text[1:]
        return text if text.endswith(".") else text + "."
    if style < 0.92:
        return text[0].upper() + text[1:]
    if style < 0.97:
        return text.lower().replace(",", "").replace(".", "")
    return text.upper()


def captions(rng: np.random.Generator, scene: Scene, motion: Motion, tracks: np.ndarray) -> tuple[str, ...]:
    """Write ``NUM_CAPTIONS`` different wordings of a clip."""
    teller = _Teller(rng, scene, courses(scene, motion, tracks))
    found: dict[str, None] = {}
    for _ in range(40 * NUM_CAPTIONS):
        found[_finish(rng, teller.tell())] = None
        if len(found) == NUM_CAPTIONS:
            break
    return tuple(found)
