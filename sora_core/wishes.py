"""What a prompt says of the course of things: which they are, which way they go, whether they meet.

The network that sketches knows words better than it obeys them. Which things there are is given to it; the rest can be
checked, and a sketch that goes against it is turned or left for another. As for the way: the world is the same in a
mirror, and so is what the sketcher has learnt; left and right are the one fact that a mirror changes, so a sketch that
goes the wrong way is mirrored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .models.sketch import Sketch
from .setting import FIELDS, UNSAID, Setting, completed, read_setting
from .things import MOST, NOUN, Thing, are_counted, asked_body, named_figure, named_things

WAY = r"\b(?:to|toward|towards|into)\s+(?:the\s+|its\s+)?{side}(?:[\s-]*hand\s+side)?\b|\b{side}wards?\b"
START = r"\bfrom\s+(?:the\s+)?(?:far\s+)?{side}\b|\b{side}\s+to\s+{other}\b"
THING = rf"(?:\w+\s+){{0,4}}(?:{NOUN}|others?)"
MEETING = (r"\b(?:collid\w*|collisions?)\b"
           r"|\bhit(?:s|ting)?\s+(?:each\s+other|one\s+another|another|(?:an?|the)\s+" + THING + r")\b"
           r"|\b(?:crash|bump|strik|struck|knock|smash)\w*|\b(?:hit|run|roll)s?\s+into\b")
WITH_A_PLACE = (r"\b(?:crash|bump|strik|struck|knock|smash|hit|run|roll)\w*\s+(?:(?:into|against|on|onto|off)\s+)?"
                r"(?:the|an?)\s+(?:\w+\s+){0,2}(?:wall|floor|ground)\b")
NOT_THINGS = (r"\b(?:m[ae]n|wom[ae]n|child|children|boy|girl|person|people|kid|lady|guy|human|some(?:one|body)|he|she|"
              r"they|player|(?:goal)?keeper|gymnast|skater|dancer|athlete|juggler|baby|dog|puppy|cat|kitten|bird|animal|"
              r"hand|foot|hoop|basket\w*|rim|backboard|goal|football|soccer|ramp|slope|board|plank|inclined?)(?:s|es)?\b")
BASKETBALL = r"basket|hoop|\brim\b|backboard|\bshot\b|airball"
GOES_IN = (r"into (the |a )?(hoop|basket|net)|through (the |a )?(hoop|basket|net)|\bgoes in\b|falls through|drops in\b|"
           r"swish|\bin off the board|\bscores\b|made (basketball )?shot")
GOES_ASTRAY = (r"\bmiss(es|ed)?\b|(does|do|did) not go in|airball|rebounds? off|rattles? off|flies past|"
               r"bounces? off the (rim|hoop)(?! and (drops|falls|goes) in)")
STACK = r"\b(?:stack|stacked|tower|pile)\b"
STANDS = (r"\bmisses\b|\bstays?\b|\bstill stands?\b|nothing falls|do(?:es)? not (?:fall|topple)|"
          r"without (?:falling|toppling)")
TOPPLES = r"\btoppl\w+|\bover\b|\btumbl\w+|\bfalls?\b|\bfalling\b|\bknock\w*|\bcollaps\w+|\bdown\b"
FRONT, HIGH, LOW, ANGLED = 1, 2, 3, 4       # where the camera looks from
VIEWS = {
    FRONT: r"\b(?:front(?:al)? view|from the front|eye[- ]level)\b",
    HIGH: r"\b(?:(?:seen|viewed?|shot|filmed) from above|top[- ]down|bird'?s[- ]eye|overhead|high angle|looks down)\b",
    LOW: r"\b(?:low[- ]angle|near the ground|low camera|worm'?s[- ]eye)\b",
    ANGLED: r"\b(?:at an angle|three[- ]quarter|from the side|side view)\b",
}
MADE, MISSED = 1, -1        # how a shot at a basket ends
FALLS, STANDING = 1, -1     # what becomes of a stack of boxes
FALL_DOWN = (r"\b(?:fall(?:s|ing)?|drop(?:s|ped|ping)?|plummets?|plunges?)\b"
             r"(?!\s+(?:over|off|apart|asleep|in\s+love|toward|like\s+dominoe?s))")
ANY, ALL = 1, 2             # how many of the things fall
PART = 2.0
NOTICED = 0.05      # movement, in units of the sketch, below which a thing stands still
WATCHED = 40        # frames of which the movement counts; later things may have bounced back


@dataclass(frozen=True)
class Wishes:
    """What a sketch shall be like.

    Attributes:
        direction: 1 = things go to the right, -1 = to the left, 0 = either way.
        meeting: two things shall touch.
        shot: at a basket, MADE or MISSED; 0 = either, or none.
        things: there are balls and boxes and nobody beside.
        view: where the camera looks from, FRONT, HIGH, LOW or ANGLED; 0 = from anywhere.
        stack: of boxes, FALLS or STANDING in the end; 0 = either, or none.
        falls: ANY or ALL of the things that are named come down from above; 0 = not said.
        body: of the one figure, `things.PERSON`, `BEAST` or `BIRD`; 0 = not said.
        named: balls and boxes that there are, at most `things.MOST`, or the parts of a figure; () = not said.
        alone: there is nothing else than that.
        setting: where it plays, for the painter.
    """

    direction: int = 0
    meeting: bool = False
    shot: int = 0
    things: bool = False
    view: int = 0
    stack: int = 0
    falls: int = 0
    body: int = 0
    named: tuple[Thing, ...] = ()
    alone: bool = False
    setting: Setting = UNSAID

    def to_numbers(self) -> list[float]:
        """As a row of equally many numbers for any wishes."""
        rows = [_thing_numbers(thing) for thing in self.named] + (MOST - len(self.named)) * [[0.0] * 6]
        numbers = (self.direction, self.meeting, self.shot, self.things, self.view, self.stack, self.falls,
                   self.body, self.alone, *self.setting)
        return [float(number) for number in (*numbers, *sum(rows, []))]

    @staticmethod
    def from_numbers(numbers: Sequence[float]) -> Wishes:
        """The inverse of `to_numbers`."""
        first = 9 + FIELDS
        direction, meeting, shot, things, view, stack, falls, body, alone, *setting = (int(n) for n in numbers[:first])
        rows = [numbers[i:i + 6] for i in range(first, len(numbers), 6)]
        named = tuple(Thing(kind > 0, (red, green, blue) if has_colour else None, int(size), kind == PART)
                      for kind, size, has_colour, red, green, blue in rows if kind)
        return Wishes(direction, bool(meeting), shot, bool(things), view, stack, falls, body, named, bool(alone),
                      tuple(setting))


NO_WISHES = Wishes()


def read_wishes(prompt: str) -> Wishes:
    """The wishes that a prompt's words hold."""
    text = prompt.lower()
    meets = bool(re.search(MEETING, re.sub(WITH_A_PLACE, "", text)))
    things = bool(re.search(rf"\b{NOUN}\b", text)) and not re.search(NOT_THINGS, text)
    named, figure = named_things(prompt), named_figure(prompt)
    alone = bool(figure) or (things and bool(named) and are_counted(prompt))
    return Wishes(travel_direction(prompt), meets, asked_shot(prompt), things, asked_view(prompt), asked_stack(prompt),
                  asked_fall(prompt) if alone and not figure else 0, asked_body(prompt), figure or named, alone,
                  completed(read_setting(prompt)))


def _thing_numbers(thing: Thing) -> list[float]:
    """Kind (-1 ball, 1 box, 2 part of a figure; 0 none), size, whether a colour is named, that colour."""
    kind = PART if thing.is_part else 1.0 if thing.is_box else -1.0
    return [kind, float(thing.size), float(thing.colour is not None), *(thing.colour or (0.0, 0.0, 0.0))]


def asked_view(prompt: str) -> int:
    """FRONT, HIGH, LOW or ANGLED where a prompt says where the camera looks from, else 0."""
    text = prompt.lower()
    return next((view for view, words in VIEWS.items() if re.search(words, text)), 0)


def asked_shot(prompt: str) -> int:
    """MADE or MISSED where a prompt is about a shot at a basket and says so, else 0."""
    text = " ".join(prompt.lower().split())
    if not re.search(BASKETBALL, text):
        return 0
    return MISSED if re.search(GOES_ASTRAY, text) else MADE if re.search(GOES_IN, text) else 0


def asked_stack(prompt: str) -> int:
    """FALLS or STANDING where a prompt is about a stack of boxes and says what becomes of it, else 0."""
    text = " ".join(prompt.lower().split())
    if not re.search(STACK, text):
        return 0
    return STANDING if re.search(STANDS, text) else FALLS if re.search(TOPPLES, text) else 0


def asked_fall(prompt: str) -> int:
    """ALL where all things of a prompt are told to fall, ANY where one is, else 0."""
    text = " ".join(prompt.lower().split())
    if re.search(STACK, text) or not (found := re.search(FALL_DOWN, text)):
        return 0
    return ALL if found[0] in ("fall", "drop") or re.search(r"\b(?:both|all)\b", text) else ANY


def travel_direction(prompt: str) -> int:
    """1 where the words say that something goes to the right, -1 to the left, 0 where they say neither or both."""
    text = prompt.lower()
    rightward = _says(text, "right", "left")
    leftward = _says(text, "left", "right")
    return int(rightward) - int(leftward)


def _says(text: str, side: str, other: str) -> bool:
    return bool(re.search(WAY.format(side=side), text) or re.search(START.format(side=other, other=side), text))


def turned(sketch: Sketch, direction: int) -> Sketch:
    """The sketches of a batch, those mirrored in which the first thing that moves goes against `direction`."""
    if direction == 0:
        return sketch
    rows = []
    for row in range(len(sketch.stage)):
        one = sketch[row:row + 1]
        x = one.states[0, :, :, 0]
        moves = (x[:, min(WATCHED, x.shape[1] - 1)] - x[:, 0]) * (one.traits[0, :, 0] > 0)      # (K,)
        movers = moves[moves.abs() > NOTICED]
        rows.append(one.mirrored() if len(movers) and float(movers[0]) * direction < 0 else one)
    return Sketch.join(rows)
