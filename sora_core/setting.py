"""Where a clip plays: the floor, the place, the light, the style and the air that a prompt names.

The painter knows the words for them, but where it has never seen them beside the others (five balls on grass) it
follows them less. So they are told to it apart from the words too, one number each, as classes are (a label embedding
that modulates every token: arXiv:2212.09748, section 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NAMES: dict[str, dict[str, str]] = {
    "floor": {
        "wood": r"(wood(en)?|hardwood) floor|floorboards|\bplanks\b|parquet|plancher",
        "concrete": r"\bconcrete\b(?! (ball|box|cube|block|sphere))|cement|stone floor|sidewalk|b\u00e9ton",
        "grass": r"\bgrass|\blawn\b|\bturf\b|\bherbe\b|pelouse", "carpet": r"\bcarpet|\brug\b|\btapis\b",
        "sand": r"\bsand\b|\bsandy\b|\bdunes?\b|\bdesert\b|\bsable\b",
        "tile": r"\btile(s|d)?\b|\bmarble floor|linoleum|carrel",
        "ice": r"\bice\b(?! (cube|cream|block|ball|skat))|\bicy\b|\bsnowy?\b|\bfrozen\b|\bglace\b|patinoire",
        "asphalt": r"asphalt|\broad\b|tarmac|\bla route\b", "dust": r"\bdust|poussi\u00e8re",
    },
    "place": {
        "room": r"\b(bed|class|bath)?room\b|\bindoors\b|\bhouse\b|\bkitchen\b|\boffice\b|\bpi\u00e8ce\b|"
                r"l'int\u00e9rieur",
        "gym": r"\bgym(nasium)?\b|sports hall|\b(basketball|tennis) court\b|\barena\b|gymnase|salle de sport",
        "studio": r"\bstudio\b|plain backdrop",
        "yard": r"\b(court|back)?yard\b|brick wall|\bpatio\b|\bcour\b|briques",
        "park": r"\bpark\b|\bmeadow\b|\boutdoors\b|\bgarden\b|\bforest\b|\bcountryside\b|\bhills\b|\bparc\b|"
                r"\bpr\u00e9\b",
        "beach": r"\bbeach\b(?! ball)|by the sea\b|\bseaside\b|\bsea ?shore\b|\bcoast\b|\bplage\b|bord de la mer",
        "rink": r"\brink\b|patinoire", "street": r"\bstreet\b|\balley\b|\bavenue\b|\brue\b",
        "moon": r"\bthe moon\b|\bmoon dust|\blunar\b|\blune\b",
    },
    "light": {
        "day": r"daylight|bright light|clear day|daytime|\bsunny\b|sunlight|sunshine|\bmorning\b|"
               r"\b(after)?noon\b|\bmidday\b|plein jour|\ble jour\b|(?<!du )\bsoleil\b",
        "dusk": r"\bdusk\b|\bdawn\b|\bevening\b|sunset|sunrise|twilight|golden hour|cr\u00e9puscule|coucher du soleil",
        "night": r"\bnight(time)?\b|dim blue light|after dark|midnight|moonli|in the dark\b|starry|\bla nuit\b|de nuit",
    },
    "style": {
        "cartoon": r"cartoon|dessin anim\u00e9",
        "noir": r"\bnoir style\b|film noir|black[- ]and[- ]white (film|movie|style)|black and white, film|"
                r"noir et blanc",
        "clay": r"\bclay|p\u00e2te \u00e0 modeler", "pixel art": r"pixel[- ]art",
    },
    "air": {
        "rain": r"\brain(s|y|ing)?\b|\bpleut\b|\bpluie\b", "wind": r"\bwind(y)?\b|\bvent\b",
        "waves": r"\bwaves (break|crash|roll|lap)|\bocean waves|(sound|roar) of (the )?waves|\bsea roars|\bvagues\b",
        "crickets": r"\bcrickets\b|grillons",
        "crowd": r"\bcrowd\b|\baudience\b|\bfoule\b",
    },
}
"""What can be told, and the words for each, English and French."""
FIELDS = len(NAMES)
COUNT = 1 + sum(len(words) for words in NAMES.values())
"""Different numbers, 0 for "not said" among them."""
_FIRST = [1 + sum(len(words) for words in list(NAMES.values())[:field]) for field in range(FIELDS)]

BELONG = (("grass", "park"), ("sand", "beach"), ("ice", "rink"), ("asphalt", "street"), ("dust", "moon"),
          ("concrete", "yard"), ("wood", "gym"))
"""Floors and places of which the world has no other for the place; the last two floors lie in other places too."""
ELSEWHERE = ("concrete", "wood")

Setting = tuple[int, ...]
UNSAID: Setting = (0,) * FIELDS
WORDS = re.compile("|".join(pattern for words in NAMES.values() for pattern in words.values()), re.IGNORECASE)
"""All that tells where a clip plays."""


def read_setting(*texts: str) -> Setting:
    """A number for each of `NAMES`, 0 where nothing, or more than one thing, is said of it.

    Args:
        texts: wordings of the same clip.
    """
    text = " ".join(" ".join(texts).lower().split())
    found = ([bool(re.search(pattern, text)) for pattern in words.values()] for words in NAMES.values())
    return tuple(first + said.index(True) if sum(said) == 1 else 0
                 for first, said in zip(_FIRST, found, strict=True))


def completed(setting: Setting) -> Setting:
    """The floor that a place has where none is said, and the place where a floor lies: one makes the other surer."""
    floor, place, *others = setting
    names = names_of(setting)
    for its_floor, its_place in BELONG:
        if not floor and names.get("place") == its_place:
            floor = number_of("floor", its_floor)
        if not place and names.get("floor") == its_floor and its_floor not in ELSEWHERE:
            place = number_of("place", its_place)
    return (floor, place, *others)


def number_of(field: str, name: str) -> int:
    """The number of a name, such as "grass" of "floor"."""
    return _FIRST[list(NAMES).index(field)] + list(NAMES[field]).index(name)


def names_of(setting: Iterable[int]) -> dict[str, str]:
    """What a setting says, in words, such as `{"floor": "grass"}`."""
    every = [(field, name) for field, words in NAMES.items() for name in words]
    return dict(every[number - 1] for number in setting if number)
