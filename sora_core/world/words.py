"""Words for places, lights, cameras and things, in English and French, and the teller that picks among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .scenes.scene import Scene

if TYPE_CHECKING:
    from .physics import Motion

FLOORS = {
    "wood": ("a wooden floor", "the wooden floor", "a wood floor", "wooden planks", "a parquet floor"),
    "concrete": ("a concrete floor", "concrete", "the concrete ground", "hard concrete"),
    "grass": ("grass", "the grass", "a green lawn", "a grassy field"),
    "carpet": ("a carpet", "the carpet", "a red carpet", "a soft carpet"),
    "sand": ("sand", "the sand", "soft sand", "a sandy beach"),
    "tile": ("a tiled floor", "the tile floor", "white tiles", "a tile floor"),
    "ice": ("ice", "the ice", "an ice rink", "slippery ice"),
    "asphalt": ("asphalt", "the asphalt", "the road", "a paved road"),
    "dust": ("moon dust", "the dusty ground", "grey dust"),
}
PLACES = {
    "room": ("in a room", "indoors", "inside a house", "in a plain room"),
    "gym": ("in a gym", "in a sports hall", "in a gymnasium"),
    "studio": ("in a studio", "in an empty studio", "against a plain backdrop"),
    "yard": ("in a yard", "in front of a brick wall", "in a courtyard"),
    "park": ("in a park", "outdoors", "in a meadow"),
    "beach": ("on a beach", "at the beach", "by the sea"),
    "rink": ("in an ice rink", "at an ice rink"),
    "street": ("in a street", "in a city street", "on the street"),
    "moon": ("on the moon", "in low gravity on the moon", "on the surface of the moon"),
}
INDOORS = ("room", "gym", "studio", "rink")
LIGHTS = {
    "day": ("in daylight", "in bright light", "on a clear day", "in the daytime"),
    "dusk": ("at dusk", "in warm evening light", "at sunset"),
    "night": ("at night", "in dim blue light", "after dark"),
}
CAMERAS = {
    "front": ("Static camera, front view", "Seen from the front", "The camera does not move", "Eye-level shot"),
    "high": ("Seen from above", "High angle shot", "The camera looks down from above"),
    "low": ("Low angle shot", "Seen from near the ground", "A low camera close to the floor"),
    "angled": ("Seen at an angle", "Three-quarter view", "The camera looks from the side"),
}
MOVES = {
    "pan": ("The camera pans", "A slow pan", "Panning shot"),
    "tilt": ("The camera tilts", "A slow tilt", "Tilting shot"),
    "dolly in": ("The camera moves closer", "Dolly in", "The camera pushes in slowly"),
    "dolly out": ("The camera moves back", "Dolly out", "The camera pulls back slowly"),
    "orbit": ("The camera circles the scene", "Orbiting camera", "The camera moves around the scene"),
    "handheld": ("Handheld camera", "Shaky handheld shot", "Filmed by hand"),
    "cuts": ("Several shots", "The film cuts between views", "A sequence of shots"),
    "follow": ("The camera follows along", "Tracking shot"),
}
STYLES = {
    "cartoon": ("as a cartoon", "in cartoon style", "cartoon"),
    "noir": ("in black and white, film noir", "as film noir", "in noir style, black and white"),
    "clay": ("made of clay", "in claymation style", "as a clay model"),
    "pixel art": ("as pixel art", "in pixel art style", "like an old video game, pixel art"),
}
AIRS = {
    "rain": ("it rains", "rain falls", "in the rain"),
    "wind": ("a strong wind blows", "the wind howls", "it is windy"),
    "waves": ("waves break on the shore", "the sea roars"),
    "crickets": ("crickets chirp", "one hears crickets"),
    "crowd": ("a crowd murmurs", "one hears a crowd"),
}
KINDS = {"ball": ("ball", "ball", "ball", "sphere"), "box": ("box", "box", "cube", "block")}
SIZES = {"small": ("small", "little", "tiny"), "medium": ("", "medium-sized"), "large": ("large", "big", "huge")}
MATERIALS = {"wood": ("wooden", "wooden", "wood"), "metal": ("metal", "metal", "steel"), "stone": ("stone", "stone"),
             "rubber": ("rubber", "rubber"), "glass": ("glass", "glass"), "plastic": ("plastic", "plastic"),
             "resin": ("",)}
COLOURS = {"cyan": ("cyan", "turquoise"), "purple": ("purple", "purple", "violet")}

FRENCH_FLOORS = {
    "wood": ("un plancher en bois", "le parquet", "un parquet"), "concrete": ("le b\u00e9ton", "un sol en b\u00e9ton"),
    "grass": ("l'herbe", "la pelouse", "une pelouse"), "carpet": ("un tapis", "le tapis"), "sand": ("le sable",),
    "tile": ("le carrelage", "un sol carrel\u00e9"), "ice": ("la glace",),
    "asphalt": ("l'asphalte", "la route"), "dust": ("la poussi\u00e8re grise",),
}
FRENCH_PLACES = {
    "room": ("dans une pi\u00e8ce", "\u00e0 l'int\u00e9rieur"), "gym": ("dans un gymnase", "dans une salle de sport"),
    "studio": ("dans un studio",), "yard": ("dans une cour", "devant un mur de briques"),
    "park": ("dans un parc", "dans un pr\u00e9"), "beach": ("sur une plage", "\u00e0 la plage", "au bord de la mer"),
    "rink": ("dans une patinoire",), "street": ("dans une rue", "dans la rue"), "moon": ("sur la lune",),
}
FRENCH_LIGHTS = {"day": ("en plein jour", "le jour"), "dusk": ("au cr\u00e9puscule", "au coucher du soleil"),
                 "night": ("la nuit", "de nuit")}
FRENCH_CAMERAS = {"front": ("Vue de face", "Plan fixe"), "high": ("Vue en plong\u00e9e", "Vue d'en haut"),
                  "low": ("Contre-plong\u00e9e", "Vue au ras du sol"), "angled": ("Vue de trois quarts",)}
FRENCH_MOVES = {
    "pan": ("Panoramique",), "tilt": ("Panoramique vertical",), "dolly in": ("Travelling avant",),
    "dolly out": ("Travelling arri\u00e8re",), "orbit": ("La cam\u00e9ra tourne autour de la sc\u00e8ne",),
    "handheld": ("Cam\u00e9ra \u00e0 l'\u00e9paule",), "cuts": ("Plusieurs plans",), "follow": ("Travelling",),
}
FRENCH_STYLES = {"cartoon": ("en dessin anim\u00e9",), "noir": ("en noir et blanc, film noir",),
                 "clay": ("en p\u00e2te \u00e0 modeler",), "pixel art": ("en pixel art",)}
FRENCH_AIRS = {"rain": ("il pleut", "sous la pluie"), "wind": ("le vent souffle",), "waves": ("on entend les vagues",),
               "crickets": ("les grillons chantent",), "crowd": ("on entend la foule",)}
FRENCH_KINDS = {"ball": (("balle", "f"), ("boule", "f"), ("ballon", "m")),
                "box": (("bo\u00eete", "f"), ("cube", "m"), ("bloc", "m"))}
FRENCH_SIZES = {"small": ("petit", "petite"), "medium": ("", ""), "large": ("grand", "grande")}
FRENCH_MATERIALS = {"wood": "en bois", "metal": "en m\u00e9tal", "stone": "en pierre", "rubber": "en caoutchouc",
                    "glass": "en verre", "plastic": "en plastique", "resin": ""}
FRENCH_COLOURS = {
    "red": ("rouge", "rouge"), "orange": ("orange", "orange"), "yellow": ("jaune", "jaune"),
    "green": ("vert", "verte"), "blue": ("bleu", "bleue"), "purple": ("violet", "violette"), "pink": ("rose", "rose"),
    "white": ("blanc", "blanche"), "black": ("noir", "noire"), "cyan": ("turquoise", "turquoise"),
}


@dataclass
class Teller:
    """Picks words for one clip.

    Attributes:
        rng: draws the words.
        scene, motion: what is told.
        tracks: (frames, things, 4), see ``record.ClipRecord``.
        facts: what the family measured.
        style: 0 to 1, drawn anew for each wording; below 0.1 a wording is brief.
        kept: what a family has worked out once for all wordings.
        known: bodies that were told of before.
    """

    rng: np.random.Generator
    scene: Scene
    motion: Motion
    tracks: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)
    style: float = 0.5
    kept: dict[str, Any] = field(default_factory=dict)
    known: frozenset[int] = frozenset()

    def pick(self, *options: str) -> str:
        """One of several."""
        return str(options[self.rng.integers(len(options))])

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return bool(self.rng.random() < share)

    def thing(self, index: int, article: str = "a", brief: bool = False, noun: tuple[str, ...] = ()) -> str:
        """A body in words: its colour nearly always, its material mostly, its size sometimes.

        Args:
            index: of the body.
            article: "a" (also makes "an"), "the" or "".
            brief: colour alone.
            noun: nouns to pick from, by default those of its kind.
        """
        item = self.scene.bodies[index].record
        words = []
        if index in self.known and article == "a":
            article, brief = "the", True
        if not brief and self.chance(0.35) and not noun:
            words.append(self.pick(*SIZES[item.size]))
        if not self.chance(0.03):
            words.append(self.pick(*COLOURS.get(item.colour, (item.colour,))))
        if not brief and self.chance(0.85) and not noun:
            words.append(self.pick(*MATERIALS[item.material]))
        words.append(self.pick(*(noun or KINDS.get(item.kind, (item.kind,)))))
        text = " ".join(word for word in words if word)
        return with_article(text, article)

    def way(self, index: int) -> str:
        """Which way a body goes on the screen: "left", "right", or "" for neither."""
        seen = self.tracks[self.tracks[:, index, 3] > 0, index, 0]
        shift = float(seen[-1] - seen[0]) if len(seen) > 1 else 0.0
        return "" if abs(shift) < 0.2 else "right" if shift > 0 else "left"

    def colour(self, index: int) -> str:
        """The colour of a body in words."""
        name = self.scene.bodies[index].record.colour
        return self.pick(*COLOURS.get(name, (name,)))

    def floor(self) -> str:
        """The floor in words."""
        return self.pick(*FLOORS[self.scene.floor])

    def thing_french(self, index: int, article: str = "un", noun: tuple[tuple[str, str], ...] = ()) -> str:
        """A body in French words; `article` "un" or "le" or ""; `noun` are (noun, "m" or "f")."""
        item = self.scene.bodies[index].record
        if index in self.known and article == "un":
            article = "le"
        nouns = noun or FRENCH_KINDS.get(item.kind, FRENCH_KINDS["box"])
        word, gender = nouns[self.rng.integers(len(nouns))]
        column = int(gender == "f")
        words = [{"un": ("un", "une"), "le": ("le", "la"), "": ("", "")}[article][column]]
        if self.chance(0.3) and not noun:
            words.append(FRENCH_SIZES[item.size][column])
        words.append(word)
        if not self.chance(0.03):
            words.append(FRENCH_COLOURS[item.colour][column])
        if self.chance(0.7) and not noun:
            words.append(FRENCH_MATERIALS[item.material])
        return " ".join(word for word in words if word)

    def floor_french(self) -> str:
        """The floor in French words."""
        return self.pick(*FRENCH_FLOORS[self.scene.floor])

    def place(self) -> tuple[str, str]:
        """Place and light in words."""
        setting = self.scene.setting
        where, when = self.pick(*PLACES[setting.place]), self.pick(*LIGHTS[setting.light])
        if setting.place in INDOORS and when == "on a clear day":
            when = "in daylight"
        return where, "" if setting.place == "moon" else when

    def camera(self) -> str:
        """The camera in words: how it moves, or else from where it looks."""
        view = self.scene.view
        return self.pick(*(MOVES[view.move] if view.move else CAMERAS[view.name]))

    def camera_french(self) -> str:
        """The camera in French words."""
        view = self.scene.view
        return self.pick(*(FRENCH_MOVES[view.move] if view.move else FRENCH_CAMERAS[view.name]))


def with_article(text: str, article: str) -> str:
    """A noun phrase with its article: "a" becomes "an" where it must."""
    if article == "a" and text[0] in "aeiou":
        article = "an"
    return f"{article} {text}".strip()
