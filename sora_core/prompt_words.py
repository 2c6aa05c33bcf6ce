"""Words that the embedded model hasn't learnt, and those nearest to them that it has.

Its text encoder has seen some six hundred different words. A crate means nothing to it; a box does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .setting import WORDS
from .things import COLOURS, NOUN, SAME, SHADES, named_figure

_NEAREST = {
    # things
    "box": "crate package parcel carton dice suitcase book brick chest briefcase gift_box car truck bus",
    "boxes": "crates packages parcels cartons suitcases books bricks cars trucks",
    "ball": "marble orb globe bead tennis_ball beach_ball bowling_ball ping-pong_ball ping_pong_ball bouncy_ball "
            "golf_ball cannonball snowball apple lemon tomato peach coconut melon pumpkin egg balloon pearl bubble",
    "football": "soccer_ball", "footballs": "soccer_balls",
    "balls": "marbles orbs globes beads tennis_balls beach_balls bowling_balls ping-pong_balls bouncy_balls golf_balls "
             "snowballs apples lemons tomatoes peaches coconuts melons pumpkins eggs balloons pearls bubbles",
    "stone ball": "pebble boulder rock", "stone balls": "pebbles boulders rocks",
    "man": "guy gentleman grandfather bloke", "woman": "lady grandmother", "boy": "lad",
    "dog": "puppy hound terrier labrador wolf fox horse pony", "golden dog": "golden_retriever",
    "cat": "kitten kitty tiger",
    "bird": "sparrow pigeon crow parrot duck seagull eagle owl chicken dove",
    # materials and sizes
    "wooden": "oak timber bamboo plywood", "metal": "iron aluminium aluminum brass chrome", "glass": "crystal",
    "rubber": "bouncy squishy", "stone": "granite ceramic", "small": "mini miniature",
    "large": "giant enormous gigantic massive oversized",
    # what happens
    "falls": "plummets plunges descends comes_down crashes_down",
    "falling": "plummeting plunging descending", "fall": "plummet plunge descend come_down",
    "bouncing": "hopping", "rolls": "trundles", "rolling": "trundling",
    "slides": "skids slips drives", "sliding": "skidding slipping gliding", "slide": "skid",
    "hits": "slams_into smashes_into bangs_into runs_into rams collides_into impacts",
    "hit": "slam_into smash_into bang_into run_into impact", "is thrown": "is_tossed is_hurled is_flung is_lobbed",
    "is dropped": "is_let_go is_released", "walks": "wanders saunters paces ambles marches",
    "runs": "races dashes rushes gallops jogs sprints", "running": "jogging sprinting galloping",
    "jumps": "leaps_up hops_up skips",
    # floors, places, light
    "a wooden floor": "hardwood hardwood_floor laminate", "wooden floor": "floorboards",
    "concrete": "cement", "road": "tarmac pavement", "lawn": "turf", "carpet": "rug", "sand": "desert dunes dune",
    "tile floor": "marble_floor linoleum kitchen_floor bathroom_floor", "ice": "snow frozen_lake",
    "ground": "dirt soil earth",
    "room": "living_room bedroom kitchen office hallway bathroom classroom basement attic",
    "gym": "arena stadium", "courtyard": "backyard patio", "park": "garden forest countryside",
    "beach": "seaside coast", "street": "alley avenue", "studio": "laboratory lab",
    "in a street": "down_the_street down_the_road down_a_street down_a_road along_the_street along_a_street",
    "on a beach": "down_the_beach along_the_beach",
    "at dusk": "at_twilight at_sunrise at_dawn at_golden_hour in_the_evening",
    "at night": "at_midnight in_the_dark by_moonlight under_the_stars",
    "in daylight": "at_noon in_the_morning in_the_sunshine in_sunlight in_the_afternoon",
}
NEAREST = {words.replace("_", " "): known for known, listed in _NEAREST.items() for words in listed.split()}
"""Unknown words, and the known ones that stand for them."""
_UNKNOWN = re.compile(r"\b(" + "|".join(sorted(map(re.escape, NEAREST), key=len, reverse=True)) + r")\b", re.IGNORECASE)


_THING = rf"(?:an?|the|one|two|three|four)\s+(?:[\w-]+,?\s+){{0,4}}?{NOUN}"
_PILE = r"(?:an?|the)\s+(?:\w+\s+)?(?:stack|tower|pile)(?:\s+of\s+(?:\w+\s+){0,2}(?:boxes|cubes|blocks))?"
_PASSIVE = re.compile(rf"\b({_THING}|{_PILE})\s+(?:is|are|gets|get)\s+"
                      rf"(hit|struck|(?:knocked|pushed)\s+(?:over|down)|toppled)\s+by\s+({_THING})\b", re.IGNORECASE)


def active(text: str, read: dict[str, str]) -> str:
    """Who hits named before whom it hits, as the model has learnt it; what is changed goes to `read`."""
    def turned(match: re.Match[str]) -> str:
        hit, deed, hitter = match.groups()
        topples = not re.fullmatch("hit|struck", deed, re.IGNORECASE)
        read[f"{deed.lower()} by"] = "hits"
        hitter = hitter[0].upper() + hitter[1:] if hit[0].isupper() else hitter
        return f"{hitter} hits {hit[0].lower()}{hit[1:]}" + (" and knocks everything over" if topples else "")

    return _PASSIVE.sub(turned, text)


_BEAST = re.compile(r"\b(?:dog|cat)\b", re.IGNORECASE)
_NO_BEASTS_DEED = re.compile(r"\b(?:jump|leap|hop|skip|danc|climb)(?:s|es)\b", re.IGNORECASE)
_ACROSS = re.compile(r"\b(?:runs|walks)\b(?=[^.;]*\bfrom\s+(?:the\s+)?(?:left|right)\b)", re.IGNORECASE)


def beastly(text: str, read: dict[str, str]) -> str:
    """A dog or a cat doing what the model has seen one do; for the rest it would show a person. As `active`."""
    if not _BEAST.search(text) or not named_figure(text):
        return text

    def trots(match: re.Match[str]) -> str:
        return read.setdefault(match[0].lower(), "trots")

    return _ACROSS.sub(trots, _NO_BEASTS_DEED.sub(trots, text))


def known_words(text: str) -> tuple[str, dict[str, str]]:
    """A prompt in which words that the model hasn't learnt are those nearest to them, and which those were."""
    read: dict[str, str] = {}
    text = active(text, read)

    def nearest(match: re.Match[str]) -> str:
        return read.setdefault(match[0].lower(), NEAREST[match[0].lower()])

    known = beastly(_UNKNOWN.sub(nearest, text), read)
    return (re.sub(r"\b([Aa])n (?=[^\Waeiou])", r"\1 ", known) if read else text), read


# Learnt, though they aren't single tokens; and words that matter little.
_KNOWN = set("sized level quarter four five same spheres come slide slides glide glides sitting standing kicks".split())
_SMALL = set(
    "that this there their they them what which while when where whose with within without into onto "
    "upon from then than have has had been being were would could should will very just some also "
    "each every both over under until after before between during again more most much many such "
    "other about around are".split())


def unlearnt_words(text: str, count_tokens: Callable[[str], int]) -> list[str]:
    """Words of a prompt that mean nothing to the model, each once, in their order.

    A word of its training is one token; of any other it sees pieces. Where a clip plays is told apart from the words.
    """
    if count_tokens("the") > 1:
        return []           # a vocabulary of letters, which tells no words apart
    known = _KNOWN | _SMALL | {*COLOURS, *SAME, *SHADES}
    words = dict.fromkeys(re.findall(r"[a-z]{3,}", WORDS.sub(" ", text.lower())))
    return [word for word in words if word not in known and count_tokens(word) > 1]
