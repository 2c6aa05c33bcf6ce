"""One gravity for a whole sketch: whatever flies free falls with the same acceleration, after every bounce.

`laws.lawful` gives each flight a constant acceleration of its own. The network draws them within a fifth of what they
should be; in the world there is one, and the size that a thing has on the screen tells how far away it is and with it
how fast it falls there.

Legend: B batch, K slots, T frames; s a second. Lengths are the sketch's, y down.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..models.sketch import Sketch
from ..plan import MODEL_FRAME_RATE
from .laws import HIT

FRAME_RATE = float(MODEL_FRAME_RATE)
LEAST_FRAMES = 4        # of a flight
PARABOLIC = 0.006       # root mean square distance from a parabola, at most
USUAL, USUAL_SPREAD = 5.3, 0.10     # gravity on the screen where the network learnt, and its relative spread
LEAST = 2.1             # acceleration of a flight: what falls more slowly rolls, slides, leans or swings
DRAWN_SPREAD = 0.18     # of a drawn flight's acceleration
UNUSUAL = 0.45          # logarithm of the ratio from which on another gravity than the usual one is meant
EARTH = 9.81            # m/s^2
SIZES_M = (0.18, 0.235, 0.30)       # radii of the balls that the network learnt from; half a box's edge is 0.9 of them
BOX_SHARE, SIZE_SPREAD = 0.9, 0.05
FORESHORTENED = 0.3     # seen from above a fall shows less by this share for each unit of the floor above the middle


@dataclass(frozen=True)
class Flight:
    """Thing `slot` flies from frame `start` to frame `stop`, with a downward acceleration that was drawn."""

    slot: int
    start: int
    stop: int
    acceleration: float
    has_start: bool     # begins at a hit
    has_stop: bool      # ends at a hit


def falling(sketch: Sketch, given: int = 0, *, keeps_first: bool = False,
            before: list[float | None] | None = None) -> Sketch:
    """The same with one gravity in each clip: flights keep their ends and their duration, their height changes.

    Args:
        given: so many first frames stay as they are.
        keeps_first: the first frame stays as it is; otherwise things may begin higher or lower.
        before: the `gravities` of what this goes on from; None finds them anew.
    """
    states = sketch.states.clone()
    for row in range(len(states)):
        flights = find_flights(sketch, row)
        if not flights:
            continue
        gravity = (before[row] if before else None) or gravity_of(sketch, row, flights)
        keeps = keeps_first or bool(sketch.is_part[row].any())         # what is thrown leaves a hand
        for flight in flights:
            if flight.start >= given - 1:
                path = states[row, flight.slot, flight.start:flight.stop + 1, :2]
                path.copy_(_parabola(path, gravity, flight, keeps))
    return replace(sketch, states=states)


def gravities(sketch: Sketch) -> list[float | None]:
    """The gravity of each clip of a batch as its flights have it, None where nothing flies."""
    found = [[flight.acceleration for flight in find_flights(sketch, row)] for row in range(len(sketch.stage))]
    return [statistics.median(accelerations) if accelerations else None for accelerations in found]


def find_flights(sketch: Sketch, row: int) -> list[Flight]:
    """The parabolas between hits of the things, not the figures, of one clip of a batch."""
    flights = []
    for slot in sketch.is_thing[row].nonzero()[:, 0].tolist():
        is_hit = (sketch.hits[row, slot] > HIT).tolist()
        y = sketch.states[row, slot, :, 1].double()
        start, frames = 0, len(is_hit)
        for frame in range(1, frames):
            if not (is_hit[frame] or frame == frames - 1):
                continue
            if frame - start >= LEAST_FRAMES:
                acceleration = _acceleration(y[start:frame + 1])
                if acceleration is not None and acceleration > LEAST:
                    flights.append(Flight(slot, start, frame, acceleration, is_hit[start], is_hit[frame]))
            if is_hit[frame]:
                start = frame
    return flights


def gravity_of(sketch: Sketch, row: int, flights: list[Flight]) -> float:
    """The most probable acceleration of all flights of one clip, units a second squared.

    Among people and things that stand around the camera may be anywhere: there only what was drawn counts. Otherwise
    what was drawn, what is usual and what the things' sizes say are averaged by their spreads (of logarithms; C. M.
    Bishop 2006, Pattern Recognition and Machine Learning, section 2.3.3).
    """
    weights = torch.tensor([float(flight.stop - flight.start) ** 2 for flight in flights])     # long ones tell more
    logs = torch.tensor([math.log(flight.acceleration) for flight in flights])
    drawn = float((weights * logs).sum() / weights.sum())
    usual = math.log(USUAL)
    if bool(sketch.is_part[row].any()) or abs(drawn - usual) > UNUSUAL:
        return math.exp(drawn)
    trusts = [USUAL_SPREAD ** -2, len(flights) * DRAWN_SPREAD ** -2]
    guess = (trusts[0] * usual + trusts[1] * drawn) / sum(trusts)
    above = max(0.0, -float(sketch.stage[row, :2].mean()))
    told = [min((math.log(EARTH * _radius(sketch, row, slot) * (1 - FORESHORTENED * above) / size)
                 for size in SIZES_M), key=lambda value: abs(value - guess))
            for slot in sorted({flight.slot for flight in flights})]
    trusts.append(len(told) * SIZE_SPREAD ** -2)
    best = (sum(trusts[:2]) * guess + trusts[2] * sum(told) / len(told)) / sum(trusts)
    return math.exp(best)


def _radius(sketch: Sketch, row: int, slot: int) -> float:
    """Of a ball, or of the ball that a box counts as."""
    return max(float(sketch.radii[row, slot].median()), 1e-3) / (BOX_SHARE if sketch.traits[row, slot, 1] > 0 else 1.0)


def _acceleration(y: Tensor) -> float | None:
    """Of a path `(T,)` that is a parabola, else None. Both ends are left out where there is enough: hits blur them."""
    inner = y[1:-1] if len(y) > LEAST_FRAMES + 3 else y
    time = torch.arange(len(inner), dtype=inner.dtype) / FRAME_RATE
    powers = torch.stack([torch.ones_like(time), time, time.square()], dim=1)
    found = torch.linalg.lstsq(powers, inner[:, None]).solution
    if float((powers @ found - inner[:, None]).square().mean().sqrt()) > PARABOLIC:
        return None
    return 2 * float(found[2])


def _parabola(path: Tensor, gravity: float, flight: Flight, keeps_first: bool) -> Tensor:
    """The flight `(T, 2)` between the same ends with another gravity; along the floor its speed is constant.

    One that is under way when the clip begins keeps its speed instead of its start, so that what is dropped from rest
    is dropped from rest. One that nothing ends goes on as it began.
    """
    time = torch.arange(len(path), dtype=path.dtype) / FRAME_RATE
    left, duration = time - time[-1], float(time[-1])
    change = 0.5 * (gravity - flight.acceleration)
    x, y = path.unbind(1)
    if flight.has_stop and (flight.has_start or keeps_first):
        y = y + change * time * left
    elif flight.has_stop:
        # The start's speed is as drawn: what is added has none there, and is nothing at the end.
        y = y + change * (time.square() - duration ** 2)
    else:
        y = y + change * time.square()
    return torch.stack([x[0] + (x[-1] - x[0]) * time / duration, y], dim=1)
