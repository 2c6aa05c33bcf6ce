"""The prompts of a suite: drawn from a grammar of this file's own, with a seed that no training uses.

A third are new combinations or out of range: a floor in a place where the world never has it, a box that rolls, a
crowd, four things; a basket on a beach, five stacked boxes, two people. The families beyond balls and boxes have a
suite of their own, so that the other suites stay what they were.
"""

from __future__ import annotations

import numpy as np

from . import deeds
from .facts import DRAWN, read_claims

SEED = 4242
SUITES = {"quick": (28, 8, 4), "full": (340, 100, 60), "families": (36, 12, 6)}
"""Prompts in distribution, new combinations, out of range."""
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black", "cyan")
MATERIALS = ("wooden", "metal", "stone", "rubber", "glass", "plastic")
FLOORS = {"wood": "a wooden floor", "concrete": "a concrete floor", "grass": "the grass", "carpet": "a carpet",
          "sand": "the sand", "tile": "a tiled floor", "ice": "the ice"}
PLACES = {"room": "in a room", "gym": "in a gym", "studio": "in a studio", "yard": "in a yard", "park": "in a park",
          "beach": "on a beach", "rink": "in an ice rink"}
LIGHTS = {"day": "in daylight", "dusk": "at dusk", "night": "at night"}
CAMERAS = ("Seen from the front", "Seen from above", "Low angle shot", "Seen at an angle")
FAMILIES = {"drop": 0.36, "roll": 0.18, "collide": 0.16, "throw": 0.20, "slide": 0.10}
SOFT = ("sand",)
STREET = {"street": "on a street"}
MADE = ("is shot into the hoop", "goes through the hoop", "drops through the net", "swishes through the basket")
MISSED = ("bounces off the rim and misses", "hits the board and does not go in", "rebounds off the rim, a missed shot",
          "flies past the hoop and misses")
STACKS = ("a stack of two boxes", "a tower of three boxes", "three stacked boxes", "a pile of two cubes")
SCENES = ("made", "missed", "topple", "pendulum", "ramp", "billiards", "goal", "walk", "run")
PEOPLE = ("a man", "a woman", "a boy", "a girl", "a child")
GARMENTS = ("shirt", "jacket", "dress")


class _Writer:
    """Draws one prompt."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def pick(self, options: tuple[str, ...] | list[str]) -> str:
        return str(options[self.rng.integers(len(options))])

    def thing(self, kind: str, taken: tuple[str, ...] = ()) -> str:
        """A colour, mostly a material, sometimes a size, and the noun, with its article."""
        words = [self.pick([name for name in COLOURS if name not in taken])]
        if self.rng.random() < 0.6:
            words.append(self.pick(MATERIALS))
        if self.rng.random() < 0.25:
            words.insert(0, self.pick(("small", "large")))
        text = " ".join([*words, kind])
        return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"

    def kind(self) -> str:
        return "ball" if self.rng.random() < 0.7 else "box"

    def colour(self, text: str) -> tuple[str, ...]:
        return tuple(word for word in text.split() if word in COLOURS)

    def scene(self) -> tuple[str, str]:
        place = self.pick(tuple(DRAWN))
        return place, self.pick(sorted(DRAWN[place]))

    def around(self, text: str, place: str) -> str:
        """Sometimes a place, a light, a camera."""
        style = self.rng.random()
        if style > 0.45:
            text += f" {PLACES[place]}"
        if style > 0.7:
            text += f" {LIGHTS[self.pick(tuple(LIGHTS))]}"
        return f"{self.pick(CAMERAS)}: {text}" if style > 0.88 else text

    def event(self, family: str, floor: str) -> str:
        """What happens, on a floor."""
        way, on = self.pick(("left", "right")), FLOORS[floor]
        away = "right" if way == "left" else "left"
        if family == "drop":
            end = self.pick((" and bounces", "")) if floor not in SOFT else ""
            if self.rng.random() < 0.2:
                one = self.thing("ball")
                return f"{one} and {self.thing(self.kind(), self.colour(one))} fall onto {on}"
            return f"{self.thing(self.kind() if not end else 'ball')} {self.pick(('drops', 'falls'))} onto {on}{end}"
        if family == "throw":
            return f"{self.thing(self.kind())} is thrown in from the {way} and lands on {on}"
        if family == "slide":
            return f"{self.thing('box')} slides over {on} to the {away}"
        one = self.thing("ball")
        if family == "collide":
            return f"{one} rolls across {on} and hits {self.thing('ball', self.colour(one))}"
        if self.rng.random() < 0.35:
            return f"{one} rolls over {on} from the {way} and hits {self.thing('box', self.colour(one))}"
        return f"{one} rolls across {on} from {way} to {away}"

    def ordinary(self) -> str:
        place, floor = self.scene()
        family = str(self.rng.choice(list(FAMILIES), p=list(FAMILIES.values())))
        return self.around(self.event(family, floor), place)

    def combination(self) -> str:
        """Parts that the world has, together as it never has them."""
        if self.rng.random() < 0.6:
            place = self.pick(tuple(DRAWN))
            floor = self.pick([name for name in FLOORS if name not in DRAWN[place]])
            return f"{self.event(self.pick(('drop', 'roll', 'throw')), floor)} {PLACES[place]}"
        place, floor = self.scene()
        if self.rng.random() < 0.5:
            return f"{self.thing('box')} rolls across {FLOORS[floor]} {PLACES[place]}"
        one = self.thing("ball")
        other = self.thing("ball", self.colour(one))
        return f"{one} and {other} are thrown in from the left and land on {FLOORS[floor]}"

    def beyond(self) -> str:
        """More things than the world ever has."""
        place, floor = self.scene()
        names: list[str] = []
        for _ in range(4):
            names.append(self.thing(self.kind(), self.colour(" ".join(names))))
        return f"{', '.join(names[:-1])} and {names[-1]} fall onto {FLOORS[floor]} {PLACES[place]}"


class _FamilyWriter(_Writer):
    """Draws prompts about shots, stacks, pendulums, ramps, billiards, goals and people, the families by turns."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.count = 0

    def scene_of(self, name: str) -> str:
        """What happens in a scene, without its place."""
        way, ball = self.pick(("left", "right")), self.thing("ball")
        if name in ("made", "missed"):
            noun = self.pick(("a basketball", "an orange basketball", f"{self.thing_coloured('basketball')}"))
            return f"{noun} {self.pick(MADE if name == 'made' else MISSED)}"
        if name == "topple":
            return f"{ball} {self.pick(('is thrown at', 'hits'))} {self.pick(STACKS)}, and the boxes fall"
        if name == "pendulum":
            return f"{ball} {self.pick(('swings on a rod to and fro', 'swings like a pendulum'))}"
        if name == "ramp":
            return f"{ball} rolls down {self.pick(('a ramp', 'a slope', 'an inclined board'))}"
        if name == "billiards":
            other = self.pick([colour for colour in COLOURS if colour not in ("white", "green", "black")])
            return f"a white ball hits {'an' if other[0] in 'aeiou' else 'a'} {other} ball on a billiard table"
        if name == "goal":
            return f"{self.thing_coloured('football')} {self.pick(('is kicked into the goal', 'flies past the goal'))}"
        verb = self.pick(("walks", "strolls", "walks briskly") if name == "walk" else ("runs", "jogs", "sprints"))
        who, colour = self.pick(PEOPLE), self.pick(COLOURS)
        return (f"{who} in {'an' if colour[0] in 'aeiou' else 'a'} {colour} {self.pick(GARMENTS)} {verb} from {way} to "
                f"{'right' if way == 'left' else 'left'}")

    def thing_coloured(self, noun: str) -> str:
        """A colour and a noun."""
        colour = self.pick(COLOURS)
        return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {noun}"

    def ordinary(self) -> str:
        name = SCENES[self.count % len(SCENES)]
        self.count += 1
        text, family = self.scene_of(name), {"made": "basketball", "missed": "basketball"}.get(name, name)
        places = sorted(deeds.DRAWN.get(family, DRAWN))
        return f"{text} {(PLACES | STREET)[self.pick(places)]}" if self.rng.random() < 0.5 else text

    def combination(self) -> str:
        """A family in a place that it never has."""
        name = ("made", "missed", "billiards", "goal")[self.count % 4]
        self.count += 1
        own = deeds.DRAWN[{"made": "basketball", "missed": "basketball"}.get(name, name)]
        return f"{self.scene_of(name)} {PLACES[self.pick([place for place in PLACES if place not in own])]}"

    def beyond(self) -> str:
        """More than the families ever have."""
        return self.pick((f"two basketballs {self.pick(('fly into the hoop', 'bounce off the rim and miss'))} in a gym",
                          f"{self.thing('ball')} is thrown at a stack of {self.pick(('five', 'six'))} boxes, and the "
                          f"boxes fall", f"two people run {self.pick(('to the left', 'to the right'))}",
                          f"two pendulums with {self.pick(COLOURS)} balls swing to and fro"))


def suite_prompts(suite: str) -> list[str]:
    """The prompts of a suite, always the same ones, all different."""
    counts = dict(zip(("in distribution", "new combination", "out of range"), SUITES[suite], strict=True))
    is_other = suite == "families"
    writer = (_FamilyWriter if is_other else _Writer)(np.random.default_rng(SEED))
    makers = {"in distribution": writer.ordinary, "new combination": writer.combination, "out of range": writer.beyond}
    found: list[str] = []
    for kind, count in counts.items():
        end = len(found) + count
        while len(found) < end:
            prompt = makers[kind]()
            group = deeds.distribution_of(prompt) if is_other else read_claims(prompt).distribution
            if prompt not in found and group == kind:
                found.append(prompt)
    return found
