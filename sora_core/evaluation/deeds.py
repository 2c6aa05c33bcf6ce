"""Families beyond balls and boxes on a floor: what their prompts ask for, and whether it is seen.

Each family has one deed or two that the trackers can tell: a shot goes in, a stack falls, a pendulum swings, somebody
crosses the picture. Materials, numbers and places aren't judged there, since what stands around is no thing that moves.

Legend: T frames, H W pixels; x right and y down.
"""

from __future__ import annotations

import re

import numpy as np

from ..regions import regions
from .adherence import EXCLUDED, Fact, Look
from .facts import COLOURS, PLACES
from .gait import WALKS, asked_way, walking
from .measures import Verdict
from .shots import asked_outcome, shot
from .tracker import Track, Tracking

PATTERNS = (
    ("basketball", r"basketball|backboard|\bhoop\b|airball|\bbasket\b"), ("billiards", r"billiard|pool table|cue ball"),
    ("pendulum", r"pendulum|\bswings?\b"), ("ramp", r"\bramp\b|\bslope\b|inclined board"),
    ("topple", r"\b(stack|tower|pile)\b|stacked"), ("goal", r"\bgoal(keeper)?\b|\bkeeper\b"), ("people", WALKS),
)
TRUE_FAMILIES = ("basketball", "billiards", "pendulum", "ramp", "topple", "goal", "walk", "run")
"""Families of the world that these are validated on."""
ELSEWHERE = {"pendulum": "a ball swings like a pendulum", "ramp": "a ball rolls down a ramp",
             "people": "somebody walks", "basketball": "a basketball goes through the hoop"}
"""Prompts that must not be true of clips of other families."""
DRAWN = {"basketball": {"gym", "yard", "street", "park"}, "billiards": {"room", "studio"},
         "goal": {"park", "beach", "street", "gym"}}
"""Places of families that have places of their own."""
BEYOND = r"\b(two|three|four|five) (basketballs|pendulums|people|men|women|goalkeepers)\b|\b(five|six) (boxes|cubes)\b"
HERO = rf"\b({'|'.join(COLOURS)})( [a-z]+)? (ball|basketball|football|box|cube)\b"
LEAST_SEEN, LONG = 8, 0.5           # frames; share of the clip
SWING, DOWN, ASIDE, MOVED = 0.06, 0.08, 0.12, 0.04      # of the picture's width; height; width; width
STILL_PIXELS = 1.5
STOOD, FELL = 0.12, 0.25            # of its height: so much lower its top may be, must be
ENDS = 8                            # frames
LEAST_STACK = 0.008                 # of the picture's area


def family_of(prompt: str) -> str | None:
    """The name of the family that a prompt is about, or None if it is about balls and boxes."""
    text = " ".join(prompt.lower().split())
    return next((name for name, pattern in PATTERNS if re.search(pattern, text)), None)


def distribution_of(prompt: str) -> str:
    """As `facts.Claims.distribution`, for a prompt about one of these families."""
    text, family = " ".join(prompt.lower().split()), family_of(prompt)
    if re.search(BEYOND, text):
        return "out of range"
    place = next((name for name, pattern in (*PLACES.items(), ("street", r"\bstreet\b")) if re.search(pattern, text)),
                 None)
    return "new combination" if family in DRAWN and place and place not in DRAWN[family] else "in distribution"


def judge_deeds(prompt: str, frames: np.ndarray, tracking: Tracking, looks: list[Look],
                frame_rate: float) -> tuple[list[Fact], dict[str, Verdict]]:
    """The facts of a prompt about one of these families, and the verdicts "shot" and "feet" where they apply."""
    text, family = " ".join(prompt.lower().split()), family_of(prompt)
    facts, verdicts = [], {}
    hero = re.search(HERO, text)
    if hero and family != "people":
        facts.append(_colour_fact(COLOURS[hero[1]], tracking, looks))
    if family == "basketball":
        verdicts["shot"] = shot(tracking)
        asked, seen = asked_outcome(prompt), verdicts["shot"].values["outcome"]
        if asked:
            facts.append(Fact("shot", asked, seen or "can't be told", None if seen is None else seen == asked))
    elif family == "people":
        verdicts["feet"] = walking(frames, tracking, frame_rate)
        asked, seen = asked_way(prompt), verdicts["feet"].values["way"]
        facts.append(Fact("person", "somebody walks", "nobody" if seen is None else "somebody", seen is not None))
        if asked:
            facts.append(Fact("way", f"to the {asked}", seen or "neither", seen == asked if seen else None))
    else:
        facts += _deed_facts(family, text, tracking)
    return facts, verdicts


def _colour_fact(colour: str, tracking: Tracking, looks: list[Look]) -> Fact:
    """Whether something has a colour; what is missing must not be one of things that are seen for a short time only."""
    shown = [look.colour for item, look in zip(tracking.tracks, looks, strict=True) if item.seen.sum() >= LEAST_SEEN]
    is_sure = all(item.seen.mean() > LONG for item in tracking.tracks)
    best = [max(said, key=said.get) for said in shown]
    likely = max((said.get(colour, 0.0) for said in shown), default=0.0)
    return Fact("colour", colour, ", ".join(best) or "nothing",
                True if colour in best else False if likely < EXCLUDED and is_sure else None)


def _deed_facts(family: str | None, text: str, tracking: Tracking) -> list[Fact]:
    """The deed of a family by its tracks; a wording that leaves it open asks for nothing."""
    width, height = tracking.size
    tracks = [item for item in tracking.tracks if item.seen.sum() >= LEAST_SEEN]
    if family == "pendulum":
        return [_seen("swings", any(_turns(item, SWING * width) >= 2 for item in tracks))]
    if family == "ramp":
        return [_seen("comes down", any(_goes_down(item, DOWN * height, ASIDE * width) for item in tracks))]
    if family == "billiards":
        return [_seen("is set going", any(_starts(item, MOVED * width) for item in tracks))]
    if family == "goal":
        return [_seen("is kicked", any(_way(item) > MOVED * width for item in tracks))]
    if family == "topple" and re.search(r"misses|stays? standing|nothing falls|does not topple", text):
        fell = _falls(tracking)
        return [Fact("deed", "stands", "can't be told" if fell is None else "falls" if fell else "stands",
                     None if fell is None else not fell)]
    if family == "topple" and re.search(r"topples|over\b|tumble|\bfalls?\b|knocks", text):
        fell = _falls(tracking)
        return [Fact("deed", "falls", "can't be told" if fell is None else "falls" if fell else "stands", fell)]
    return []


def _seen(name: str, is_seen: bool) -> Fact:
    return Fact("deed", name, "seen" if is_seen else "not seen", is_seen)


def _turns(item: Track, least: float) -> int:
    """How often a thing turns back sideways, each way by at least so many pixels."""
    turns, way, mark = 0, 0, None
    for x in item.x[item.seen]:
        mark = x if mark is None else mark
        if way == 0 and abs(x - mark) > least:
            way, mark = (1 if x > mark else -1), x
        elif way and (x - mark) * way > 0:
            mark = x
        elif way and abs(x - mark) > least:
            turns, way, mark = turns + 1, -way, x
    return turns


def _goes_down(item: Track, down: float, aside: float) -> bool:
    x, y = item.x[item.seen], item.y[item.seen]
    return bool(((y - np.median(y[:4]) > down) & (np.abs(x - np.median(x[:4])) > aside)).sum() >= 3)


def _way(item: Track) -> float:
    """The longest distance from where a thing is first seen, in pixels."""
    x, y = item.x[item.seen], item.y[item.seen]
    return float(np.hypot(x - x[0], y - y[0]).max())


def _starts(item: Track, least: float) -> bool:
    """Whether a thing lies still first and is elsewhere later."""
    x, y = item.x[item.seen], item.y[item.seen]
    moved = np.hypot(x - np.median(x[:6]), y - np.median(y[:6]))
    return bool(moved[:6].max() < STILL_PIXELS and moved.max() > least)


def _falls(tracking: Tracking) -> bool | None:
    """Whether the top of what stands there at first is lower at the end, also beside it; None where nothing stands, or
    in between."""
    things = tracking.layers.things
    found = regions(things[:ENDS].all(0)[None])
    large = np.flatnonzero(found.area > LEAST_STACK * things[0].size)
    if not len(large):
        return None
    left, top, right, bottom = found.box[large[found.box[large, 1].argmin()]]
    high = bottom - top
    around = things[-ENDS:, :, max(left - high, 0): right + high].any(2)
    tops = np.where(around.any(1), around.argmax(1), bottom)
    lower = float(np.median(tops) - top) / high
    return False if lower < STOOD else True if lower > FELL else None
