"""Which way a prompt says that things go, and sketches that go that way.

The world is the same in a mirror, and so is what the sketcher has learnt; whether a thing goes to the left or to the
right is the one fact that a mirror changes. So it need not be learnt: a sketch that goes the wrong way is mirrored.
"""

from __future__ import annotations

import re

from .models.sketch import Sketch

WAY = r"\b(?:to|toward|towards|into)\s+(?:the\s+|its\s+)?{side}(?:[\s-]*hand\s+side)?\b|\b{side}wards?\b"
START = r"\bfrom\s+(?:the\s+)?(?:far\s+)?{side}\b|\b{side}\s+to\s+{other}\b"
NOTICED = 0.05      # movement, in units of the sketch, below which a thing stands still
WATCHED = 40        # frames of which the movement counts; later things may have bounced back


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
