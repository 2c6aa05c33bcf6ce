"""The balls and boxes that a prompt names, of what kind and colour, and how many; or the one figure and its clothes.

The network that sketches knows such words better than it obeys them, above all words that it has never seen side by
side. What they say for sure is therefore given to it, and it draws the rest around that (as layouts read from a prompt
guide a painter, arXiv:2305.13655).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

Colour = tuple[float, float, float]

BALLS = r"(?:(?:basket|foot)?ball|sphere)s?"
BOXES = r"(?:box|boxes|(?:cube|block)s?)"
NOUN = rf"(?:{BALLS}|{BOXES})"
NUMBERS = {"a": 1, "an": 1, "one": 1, "single": 1, "another": 1, "second": 1, "two": 2, "three": 3,
           "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5}
MOST = 5            # things in a sketch
COLOURS: dict[str, Colour] = {
    "red": (0.86, 0.07, 0.08), "orange": (0.98, 0.48, 0.04), "yellow": (0.98, 0.87, 0.10), "green": (0.08, 0.62, 0.17),
    "blue": (0.08, 0.24, 0.86), "purple": (0.50, 0.13, 0.70), "pink": (0.98, 0.48, 0.70), "white": (0.97, 0.97, 0.96),
    "black": (0.07, 0.07, 0.08), "cyan": (0.10, 0.80, 0.85),
    # Those were learnt; these are given as numbers alone.
    "grey": (0.50, 0.50, 0.52), "brown": (0.45, 0.26, 0.12), "gold": (0.88, 0.66, 0.14), "silver": (0.72, 0.74, 0.77),
    "teal": (0.05, 0.50, 0.50), "navy": (0.05, 0.10, 0.42), "maroon": (0.48, 0.05, 0.10), "lime": (0.60, 0.90, 0.12),
    "magenta": (0.90, 0.10, 0.72), "beige": (0.90, 0.82, 0.66), "lavender": (0.74, 0.62, 0.90),
    "indigo": (0.26, 0.10, 0.60), "olive": (0.46, 0.46, 0.10), "copper": (0.72, 0.42, 0.20),
}
"""Names of colours and their sRGB values in [0, 1]."""
SAME = {"turquoise": "cyan", "aqua": "cyan", "violet": "purple", "gray": "grey", "golden": "gold", "crimson": "red",
        "scarlet": "red", "tan": "beige", "cream": "beige", "fuchsia": "magenta", "bronze": "copper", "azure": "blue",
        "emerald": "green", "rose": "pink", "amber": "orange", "burgundy": "maroon"}
SHADES = {"dark": (0.0, 0.45), "deep": (0.0, 0.3), "light": (1.0, 0.4), "pale": (1.0, 0.5)}
"""What a shade mixes into a colour, and how much of it."""
_COLOUR = rf"(?:(?:{'|'.join(SHADES)})\s+)?(?:{'|'.join([*COLOURS, *SAME])})"
GLASS_PALE = 0.28   # so much white is mixed into the colour of things of glass
_NO_ADJECTIVE = (rf"{'|'.join(NUMBERS)}|the|this|that|its?|their|his|her|each|other|of|on|onto|in|into|at|and|with|"
                 "dozen|to|is|are|by|from|off|over|under|as|while|then|it|they|toward|towards|against|near|hits?|rolls?|falls?")
_WORDS = rf"((?:(?!(?:{_NO_ADJECTIVE})\b)[a-z-]+,?\s+){{0,5}}?)"
_NAME = re.compile(rf"\b({'|'.join(NUMBERS)})\s+{_WORDS}({NOUN})\b")
_BARE = re.compile(rf"(?:^|[,.:;&]|\band|\bwith)\s*(){_WORDS}({NOUN})\b")
_ONE = re.compile(rf"(?:[^a-z0-9]|\b(?:and|an?|one|ones|the|other|is)\b)*"
                  rf"({_COLOUR})\b(?!\s+{NOUN}\b)")
_ANOTHER = re.compile(rf"\banother\b(?:\s+one)?(?!\s+{_WORDS}{NOUN}\b)")
UNCOUNTED = (r"pendulum|swing|\brod\b|\brope\b|billiard|pool|table|tower|stack|pile|window|domino|several|many|some\b|"
             r"\brow\s+of\b|dozen|\b(?:six|seven|eight|nine|ten|\d{2,}|[6-9])\s+(?:[a-z-]+\s+){0,4}" + NOUN + r"\b")
_OBJECT = re.compile(
    r"\s*\b(?:(?:past|after|over|at|with|to|towards?|into|onto|on|in|near|behind|around|for|by|against|and|of)\s+)?"
    rf"(?:the|his|her|its|their|some|{'|'.join(NUMBERS)})\s+{_WORDS}{NOUN}\b", re.IGNORECASE)
PEOPLE = r"man|woman|boy|girl|child|kid|person|gymnast|skater|dancer|runner|jumper(?=\s+(?:in|jumps|lands))"
ANIMALS = r"dog|cat|bird"
TOPS = r"shirt|t-shirt|tee|sweater|jumper|jacket|jersey|hoodie|coat|dress|leotard|top|blouse"
TROUSERS = r"trousers|pants|jeans|shorts|leggings|skirt"
NOT_ALONE = (r"\b(?:several|people|men|women|children|dogs|cats|birds|each\s+other|another|"
             r"basket\w*|hoop|goal\w*|keeper|football|soccer|player|ramp|pendulum|billiards?|and\s+(?:an?|the|his|her)\s+"
             rf"(?:[a-z-]+\s+){{0,2}}(?:{PEOPLE}|{ANIMALS}))\b")
PERSON, BEAST, BIRD = 1, 2, 3       # bodies that figures have; a beast is a dog or a cat
SMALL, LARGE = -1, 1
SIZES = {SMALL: r"\b(?:small|little|tiny)\b", LARGE: r"\b(?:large|big|huge)\b"}


@dataclass(frozen=True)
class Thing:
    """A ball, a box, or a part of a figure that words name.

    Attributes:
        is_box: so are parts of figures.
        colour: sRGB in [0, 1], None where none is named.
        size: SMALL, LARGE, or 0 where none is named.
        is_part: of a figure: its trunk, its legs, its arms or wings, in this order.
    """

    is_box: bool
    colour: Colour | None = None
    size: int = 0
    is_part: bool = False


def named_things(prompt: str) -> tuple[Thing, ...]:
    """The balls and boxes of a prompt in the order of its words, () where there are none or it isn't sure how many.

    There may be others beside them where `are_counted` says so.
    """
    text = " ".join(prompt.lower().split())
    names = [match for pattern in (_NAME, _BARE) for match in pattern.finditer(text)]
    names = [match for match in names if match[1] or not any(other[1] and other.start() < match.end() <= other.end()
                                                             for other in names)]
    names = [match for match in names if not text[:match.start()].endswith("the ")] or names
    if not names and (the := re.search(rf"\bthe\s+{_WORDS}({NOUN})\b", text)) and not the[2].endswith("s"):
        return (_thing(the[1], the[2]),)
    if any(not number and noun.endswith("s") for number, _, noun in (match.groups() for match in names)):
        return ()                                       # "balls bounce"
    found: list[tuple[int, list[Thing]]] = []
    for match in sorted(names, key=lambda match: match.end()):
        thing = _thing(match[2], match[3])
        is_one_of_those = match[1] == "one" and thing.colour is None and any(
            before.is_box == thing.is_box for _, several in found for before in several)
        if not is_one_of_those:
            found.append((match.end(), NUMBERS.get(match[1], 1) * [thing]))
    things = _without_repeats(text, found)
    for match in _ANOTHER.finditer(text):
        if not text[:match.start()].endswith("one ") and things:
            things.append(Thing(things[-1].is_box))
    return tuple(things) if len(things) <= MOST else ()


def are_counted(prompt: str) -> bool:
    """Whether a prompt tells of no other things than those that `named_things` finds, such as a tower or a rod."""
    return not re.search(UNCOUNTED, prompt.lower())


def named_figure(prompt: str) -> tuple[Thing, ...]:
    """The five parts of the one figure that a prompt is about, () where there are none, several, or things first.

    The model has learnt figures and things, but hardly both in one clip: whoever is named first is shown.
    """
    text = " ".join(prompt.lower().split())
    first = re.search(rf"\b(?:{PEOPLE}|{ANIMALS}|{NOUN})\b", text)
    if first is None or re.fullmatch(NOUN, first[0]):
        return ()
    people, animals = (set(re.findall(rf"\b({nouns})\b", text)) for nouns in (PEOPLE, ANIMALS))
    if len(people) + len(animals) != 1 or re.search(NOT_ALONE, text):
        return ()
    if animals:
        fur = re.search(rf"\b({_COLOUR})(?:\s+(?!and)[a-z-]+)?\s+(?:{ANIMALS})\b", text)
        colour = _colour(fur[1]) if fur else None
        rest = None if "bird" in animals else colour        # its wings and its beak
        return tuple(Thing(True, part, is_part=True) for part in (colour, colour, colour, rest, rest))
    top, legs = (_worn(text, clothes) for clothes in (TOPS, TROUSERS))
    plain = re.search(rf"\b(?:in|wearing)\s+({_COLOUR})(?!\s+(?:and\b|light|[a-z-]*\s*(?:{TROUSERS})))", text)
    if top is None and plain:
        top = _colour(plain[1])
    return tuple(Thing(True, part, is_part=True) for part in (top, legs, legs, None, None))


def asked_body(prompt: str) -> int:
    """PERSON, BEAST or BIRD where a prompt is about one figure, as `named_figure` finds it, else 0."""
    if not named_figure(prompt):
        return 0
    text = prompt.lower()
    return PERSON if re.search(rf"\b(?:{PEOPLE})\b", text) else BIRD if re.search(r"\bbird\b", text) else BEAST


def without_things(prompt: str) -> str:
    """A prompt about a figure without its balls and boxes: "a boy runs after a red ball" -> "a boy runs"."""
    return _OBJECT.sub("", prompt)


def _worn(text: str, clothes: str) -> Colour | None:
    """The colour of what is worn; of two, most of the first."""
    match = re.search(rf"\b({_COLOUR})(?:\s+and\s+({_COLOUR}))?(?:\s+(?!and\b|{_COLOUR})[a-z-]+)?\s+(?:{clothes})\b",
                      text)
    if match is None:
        return None
    first, second = _colour(match[1]), _colour(match[2] or "")
    return first if second is None else tuple(0.65 * a + 0.35 * b for a, b in zip(first, second, strict=True))


def _without_repeats(text: str, found: list[tuple[int, list[Thing]]]) -> list[Thing]:
    """All that is named (where its name ends, what it is), each once.

    "Two balls, a red and a blue one" are two, and so are "two balls, a red ball and a blue ball".
    """
    things: list[Thing] = []
    i = 0
    while i < len(found):
        end, several = found[i]
        i += 1
        if len(several) > 1 and several[0].colour is None:
            goes_on = re.match(r"\s*[,:(\u2013-]", text[end:]) is not None
            following = [thing for _, others in found[i:i + len(several)] for thing in others] if goes_on else []
            colours = _listed_colours(text[end:]) if goes_on else []
            if len(colours) == len(several):
                several = [replace(thing, colour=colour) for thing, colour in zip(several, colours, strict=True)]
            elif [thing.is_box for thing in following] == [thing.is_box for thing in several]:
                several = following
                i += len(several)
        things += several
    return things


def _listed_colours(text: str) -> list[Colour]:
    """The colours with which a text begins: ", one red and one dark blue, roll" has two."""
    colours, at = [], 0
    while (match := _ONE.match(text, at)) is not None:
        colours.append(_colour(match[1]))
        at = match.end()
    return [colour for colour in colours if colour is not None]


def _thing(words: str, noun: str) -> Thing:
    colour = _colour(words)
    if colour is not None and re.search(r"\bglass\b", words):
        colour = _mixed(colour, 1.0, GLASS_PALE)
    size = next((size for size, sign in SIZES.items() if re.search(sign, words)), 0)
    return Thing(re.fullmatch(BOXES, noun) is not None, colour, size)


def _colour(words: str) -> Colour | None:
    """The last colour that is named, in its shade."""
    listed = re.findall(r"[a-z]+", words)
    for i in reversed(range(len(listed))):
        name = SAME.get(listed[i], listed[i])
        if name in COLOURS:
            shade = SHADES.get(listed[i - 1]) if i else None
            return _mixed(COLOURS[name], *shade) if shade else COLOURS[name]
    return None


def _mixed(colour: Colour, other: float, share: float) -> Colour:
    red, green, blue = (value + share * (other - value) for value in colour)
    return red, green, blue
