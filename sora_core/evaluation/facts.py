"""What a prompt claims, as facts that can be judged one by one.

The vocabulary is that of the world's captions, the reading is this file's own. Words that it doesn't know make no
facts; a prompt without facts isn't judged on adherence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

COLOURS = {name: name for name in ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black",
                                   "cyan")} | {"turquoise": "cyan", "violet": "purple"}
KINDS = {"ball": "ball", "balls": "ball", "sphere": "ball", "spheres": "ball", "box": "box", "boxes": "box",
         "cube": "box", "cubes": "box", "block": "box", "blocks": "box"}
SIZES = {"small": "small", "little": "small", "tiny": "small", "large": "large", "big": "large", "huge": "large",
         "medium-sized": "medium", "medium": "medium"}
MATERIALS = {"wooden": "wood", "wood": "wood", "metal": "metal", "steel": "metal", "stone": "stone",
             "rubber": "rubber", "glass": "glass", "plastic": "plastic"}
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "both": 2}
FLOORS = {
    "wood": r"wood(en)? floor|planks|parquet", "concrete": r"concrete", "grass": r"\bgrass|lawn", "carpet": r"carpet",
    "sand": r"\bsand\b|sandy", "tile": r"\btile(s|d)?\b",
    "ice": r"\bice\b(?! rink)|(on|onto|over|across|along) an ice rink",
}
PLACES = {
    "room": r"in a (plain )?room|indoors|inside a house", "gym": r"\bgym|sports hall",
    "studio": r"studio|plain backdrop",
    "yard": r"yard|brick wall", "park": r"\bpark\b|meadow", "beach": r"\bbeach\b|by the sea",
    "rink": r"ice rink|\brink\b", "outdoors": r"outdoors",
}
LIGHTS = {"day": r"daylight|bright light|clear day|daytime", "dusk": r"\bdusk\b|evening light|sunset",
          "night": r"at night|dim blue light|after dark"}
CAMERAS = {"front": r"front view|from the front|eye-level", "high": r"from above|high angle|looks down",
           "low": r"low angle|near the ground|low camera", "angled": r"at an angle|three-quarter|from the side",
           "static": r"static camera|camera does not move"}
NO_BOUNCE = r"(does|do|did) not bounce|without bouncing|stops? dead|stays? there|lies still|with a thud"
OFF_WALL = r"bounces? off (the|a) wall"
ACTIONS = {
    "fall": r"\bdrop(s|ped)?\b|\bfalls?\b|\blands?\b|\bfalling\b|\bdropping\b",
    "fly in": r"\bfl(y|ies) in\b|\bthrown in\b|\bsails? in\b|\bcom(es|e) flying in\b",
    "roll": r"\brolls?\b|\brolling\b(?! sound)", "slide": r"\bslid(es?|ing)\b|\bglid(es?|ing)\b",
    "hit thing": r"\b(hits?|bumps? into|strikes?|knocks? into|collides? with|crash(es)? into|into) "
                 r"(a|an|each|another)\b(?! wall)|\bcollide\b",
    "hit wall": r"(hits?|against|into|off) (the|a) wall\b",
    "stop": r"comes? to rest|slows? to a stop|(?<!dead)\band stops\b(?! dead)|to a stop",
    "leave": r"out of view|leaves the frame|out of the picture",
}
BOUNCES = (("bounce many", r"several times|again and again|keeps? bouncing|up and down"),
           ("bounce few", r"a few times|lower each time|bounces? to a stop"),
           ("bounce once", r"bounces? once|bounces? a little|one small bounce"))
DIRECTIONS = {"right": r"from (the )?left|(to|toward|towards) the right|left to right",
              "left": r"from (the )?right|(to|toward|towards) the left|right to left"}
DRAWN = {"room": {"wood", "carpet", "tile"}, "gym": {"wood"}, "studio": {"concrete", "tile", "wood"},
         "yard": {"concrete"}, "park": {"grass"}, "beach": {"sand"}, "rink": {"ice"}}
"""Places with the floors that the world draws there: other pairs are new combinations."""


@dataclass(frozen=True)
class Thing:
    """One thing that a prompt names; None where it says nothing."""

    kind: str
    colour: str | None = None
    material: str | None = None
    size: str | None = None


@dataclass(frozen=True)
class Claims:
    """All that a prompt claims.

    Attributes:
        things: in order of mention.
        count: how many things there are, or None.
        actions: names of `ACTIONS`, of `BOUNCES`, "bounce", "no bounce", "rest".
        direction: "left" or "right" of the first thing's way, or None.
        floor, place, light, camera: names, or None.
        has_hit_sound: whether a knock, clang or thud is asked for.
    """

    things: tuple[Thing, ...]
    count: int | None
    actions: frozenset[str]
    direction: str | None
    floor: str | None
    place: str | None
    light: str | None
    camera: str | None
    has_hit_sound: bool

    @property
    def distribution(self) -> str:
        """"in distribution", "new combination" or "out of range", against what the world draws."""
        if (self.count or 0) > 3 or (self.count == 3 and "hit thing" in self.actions):
            return "out of range"
        kinds = {thing.kind for thing in self.things}
        pair_is_new = self.place in DRAWN and self.floor is not None and self.floor not in DRAWN[self.place]
        odd = ("roll" in self.actions and kinds == {"box"}) or ("slide" in self.actions and kinds == {"ball"})
        crowd = "fly in" in self.actions and (self.count or 0) > 1
        return "new combination" if pair_is_new or odd or crowd else "in distribution"


def read_claims(prompt: str) -> Claims:
    """What a prompt claims, in the words of the world's captions."""
    text = " ".join(prompt.lower().split())
    things, count = _things(text)
    bare = re.sub(OFF_WALL, "hits the wall", text)
    actions = {name for name, pattern in ACTIONS.items() if re.search(pattern, bare)}
    if things and (count or 0) < 2:
        actions.discard("hit thing")                # "hits a grassy field"
    if re.search(NO_BOUNCE, bare):
        actions.add("no bounce")
    told = re.sub(r"(does|do) not bounce|without bouncing|at every bounce", "", bare)
    if re.search(r"\bbounc(e|es|ing)\b|small bounce", told):
        actions.add("bounce")
        actions |= {name for name, pattern in BOUNCES if re.search(pattern, told)}
    if re.search(r"\brests\b|lies still on", text) and not actions & {"fall", "fly in"}:
        actions.add("rest")
    sound = re.search(r"clang|clank|clink|knock|thump|thud|clack|\btap\b|sound of the hit", text)
    return Claims(things, count, frozenset(actions), _one(DIRECTIONS, text), _one(FLOORS, text), _one(PLACES, text),
                  _one(LIGHTS, text), _one(CAMERAS, text), bool(sound))


def _one(patterns: dict[str, str], text: str) -> str | None:
    """The only name whose pattern is found; None where there is none or the text names two."""
    found = [name for name, pattern in patterns.items() if re.search(pattern, text)]
    return found[0] if len(found) == 1 else None


def _things(text: str) -> tuple[tuple[Thing, ...], int | None]:
    """The things that are named, each once, and their number."""
    words = re.findall(r"[a-z][a-z-]*|[,.;:]", text)
    things: list[Thing] = []
    group = 0
    for at, word in enumerate(words):
        if word not in KINDS:
            continue
        thing, number, is_back = _phrase(words, at)
        if number > 1 and not (thing.colour or thing.material or thing.size):
            group = max(group, number)              # "two balls, a red one ...": told apart later
            continue
        if is_back and (not thing.colour or any(_is_same(thing, old) for old in things)):
            continue
        things += [thing] * number
    count = max(len(things), group) or None
    return tuple(things), count


def _phrase(words: list[str], at: int) -> tuple[Thing, int, bool]:
    """The thing whose noun stands at `at`, how many of it, and whether it refers back ("the ball")."""
    facts: dict[str, str] = {}
    number, is_back = 1, False
    for word in reversed(words[max(at - 5, 0): at]):
        if word in SIZES:
            facts.setdefault("size", SIZES[word])
        elif word in COLOURS:
            facts.setdefault("colour", COLOURS[word])
        elif word in MATERIALS:
            facts.setdefault("material", MATERIALS[word])
        elif word in NUMBERS:
            number = NUMBERS[word]
            break
        else:
            is_back = word == "the"
            break
    return Thing(KINDS[words[at]], **facts), number, is_back


def _is_same(one: Thing, other: Thing) -> bool:
    return one.kind == other.kind and one.colour in (None, other.colour)
