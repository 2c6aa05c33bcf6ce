"""Who plays: men, women, boys and girls, dressed at random, and how one speaks of them in English and French."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .body import Build
from .look import Flesh, Look, draw_look, dress
from .patterns import Cloth

KINDS = ("man", "woman", "boy", "girl")
NAMES = {
    "man": ("Adam", "Ben", "Carl", "David", "Felix", "Henry", "Leo", "Max", "Oscar", "Tom"),
    "woman": ("Alice", "Bella", "Clara", "Diana", "Emma", "Julia", "Lena", "Maria", "Nina", "Sara"),
    "boy": ("Billy", "Danny", "Jimmy", "Nick", "Sam", "Tim"),
    "girl": ("Amy", "Katie", "Lily", "Molly", "Penny", "Susie"),
}
_STATURE_M = {"man": (1.66, 1.86), "woman": (1.56, 1.74), "boy": (1.12, 1.38), "girl": (1.10, 1.36)}
_HEAD = {"man": 1.30, "woman": 1.32, "boy": 1.62, "girl": 1.64}
_GARMENTS = {
    "everyday": ("shirt", "sweater", "jumper"), "shorts": ("T-shirt", "shirt"), "dress": ("dress",),
    "leotard": ("leotard",), "suit": ("jacket", "jersey"),
}
_PATTERNS = {"plain": "", "stripes": "striped", "hoops": "striped", "checks": "checked", "dots": "dotted",
             "diamonds": "patterned", "patches": "patchy", "waves": "wavy"}
_STYLES = {"bun": "hair in a bun", "ponytail": "a ponytail", "long": "long {} hair", "short": "short {} hair",
           "curls": "curly {} hair", "cap": "a cap", "bald": "a bald head"}
FRENCH_KINDS = {"man": ("un homme", "m"), "woman": ("une femme", "f"), "boy": ("un gar\u00e7on", "m"),
                "girl": ("une fillette", "f")}
_FRENCH_GARMENTS = {"everyday": ("chemise", "f"), "shorts": ("t-shirt", "m"), "dress": ("robe", "f"),
                    "leotard": ("justaucorps", "m"), "suit": ("veste", "f")}
_FRENCH_COLOURS = {
    "red": ("rouge", "rouge"), "orange": ("orange", "orange"), "yellow": ("jaune", "jaune"),
    "green": ("vert", "verte"), "blue": ("bleu", "bleue"), "purple": ("violet", "violette"), "pink": ("rose", "rose"),
    "white": ("blanc", "blanche"), "black": ("noir", "noire"), "cyan": ("turquoise", "turquoise"),
}
_FRENCH_PATTERNS = {"plain": "", "stripes": " \u00e0 rayures", "hoops": " \u00e0 rayures", "checks": " \u00e0 carreaux",
                    "dots": " \u00e0 pois", "diamonds": " \u00e0 motifs", "patches": " \u00e0 taches",
                    "waves": " \u00e0 vagues"}


@dataclass(frozen=True, eq=False)
class Person:
    """One player.

    Attributes:
        kind: one of ``KINDS``.
        name: a first name.
        build, look: body and clothes.
        role: "" or "gymnast" or "skater".
    """

    kind: str
    name: str
    build: Build
    look: Look
    role: str = ""

    def flesh(self) -> Flesh:
        """The parts to draw."""
        return dress(self.build, self.look)

    def facts(self) -> dict[str, Any]:
        """What a caption may say, JSON-able."""
        look = self.look
        return {"kind": self.kind, "name": self.name, "role": self.role, "hair": look.hair, "hair_style": look.style,
                "outfit": look.outfit, "colour": look.top.colour, "pattern": look.top.pattern,
                "second_colour": look.top.second, "bottom": look.bottom.colour, "glasses": look.has_glasses,
                "height_m": round(self.build.height_m, 2)}


def draw_person(rng: np.random.Generator, kinds: tuple[str, ...] = KINDS, role: str = "",
                taken: tuple[Person, ...] = ()) -> Person:
    """Draw somebody whose name and top differ from those of `taken`."""
    kind = str(rng.choice(kinds))
    low, high = _STATURE_M[kind]
    tall = float(rng.uniform(low, high)) * (0.95 if role == "gymnast" else 1.0)
    girth = float(rng.uniform(1.15, 1.4)) * (1.35 if tall < 1.4 else 1.0)
    wide = float(rng.uniform(1.0, 1.12)) if kind == "man" else float(rng.uniform(0.90, 1.0))
    build = Build(tall, 22.5 * tall**2 * float(rng.uniform(0.92, 1.15)), girth, _HEAD[kind], wide)
    name = str(rng.choice([name for name in NAMES[kind] if name not in {one.name for one in taken}]))
    look = draw_look(rng, role)
    while any(look.top.colour == one.look.top.colour for one in taken) or (kind in ("man", "boy") and look.outfit in (
            "dress", "leotard")) or (kind in ("man", "boy") and look.style == "bun"):
        look = draw_look(rng, "" if kind in ("man", "boy") else role)
    if kind in ("man", "boy") and role:
        look = _sporty(look, role)
    return Person(kind, name, build, look, role)


def _sporty(look: Look, role: str) -> Look:
    """What a boy who does gymnastics or skates wears."""
    from dataclasses import replace

    return replace(look, outfit="shorts" if role == "gymnast" else "suit", is_on_skates=role == "skater",
                   style="short" if look.style in ("long", "cap") else look.style)


def _cloth(cloth: Cloth, pick) -> str:  # noqa: ANN001
    """A cloth in words: "red", "red striped", "red and white striped"."""
    pattern = _PATTERNS[cloth.pattern]
    if not pattern:
        return cloth.colour
    return pick(f"{cloth.colour} {pattern}", f"{cloth.colour} and {cloth.second} {pattern}", cloth.colour)


def told(person: Person, teller, article: str = "a", brief: bool = False) -> str:  # noqa: ANN001
    """Somebody in words, such as "a girl in a red striped dress"; details are left out at random.

    Args:
        person: who.
        teller: picks words: has ``pick`` and ``chance``.
        article: "a" or "the".
        brief: only the noun and a colour.
    """
    noun = person.kind
    if person.role and teller.chance(0.75):
        noun = {"gymnast": "gymnast", "skater": teller.pick("figure skater", "skater")}[person.role]
    elif teller.chance(0.12):
        noun = "person" if person.kind in ("man", "woman") else teller.pick("child", "kid")
    text = f"{article} {noun}"
    if article == "the" or (brief and teller.chance(0.5)) or teller.chance(0.08):
        return text
    look = person.look
    garment = teller.pick(*_GARMENTS[look.outfit])
    cloth = _cloth(look.top, teller.pick)
    if teller.chance(0.25):
        text += f" wearing {with_a(f'{cloth} {garment}')}"
    else:
        text += f" in {with_a(f'{cloth} {garment}')}" if teller.chance(0.7) else f" in {look.top.colour}"
    if not brief and look.outfit in ("everyday", "suit") and teller.chance(0.3):
        text += f" and {_cloth(look.bottom, teller.pick)} trousers"
    elif not brief and teller.chance(0.3):
        text += f" with {_hair(look)}"
    elif not brief and look.has_glasses and teller.chance(0.6):
        text += " with glasses"
    return text


def _hair(look: Look) -> str:
    words = _STYLES[look.style].format(look.hair)
    return f"{look.hair} {words}" if look.style == "bun" else words


def with_a(text: str) -> str:
    """The text with "a" or "an" before it."""
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def told_french(person: Person, teller) -> str:  # noqa: ANN001
    """Somebody in French words."""
    noun, gender = FRENCH_KINDS[person.kind]
    if person.role and teller.chance(0.7):
        words = {"gymnast": ("un gymnaste", "une gymnaste"), "skater": ("un patineur", "une patineuse")}[person.role]
        noun = words[int(gender == "f")]
    if teller.chance(0.15):
        return noun
    look = person.look
    if teller.chance(0.3):
        return f"{noun} en {_FRENCH_COLOURS[look.top.colour][0]}"
    garment, kind = _FRENCH_GARMENTS[look.outfit]
    article = "une" if kind == "f" else "un"
    return f"{noun} en {garment} {_FRENCH_COLOURS[look.top.colour][int(kind == 'f')]}" if teller.chance(0.5) else (
        f"{noun} avec {article} {garment} {_FRENCH_COLOURS[look.top.colour][int(kind == 'f')]}"
        f"{_FRENCH_PATTERNS[look.top.pattern]}")
