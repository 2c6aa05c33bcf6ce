"""Which of several sketches is painted: the one that keeps the laws, is sure of what it shows and does as it was told.

Between two things that it could show the network sometimes draws half of each, a ball with the shadow of a player; its
traits say so, being neither -1 nor 1.

Legend: B batch, K slots, T frames.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.sketch import Sketch
from ..wishes import ALL, FALLS, MADE, MISSED, STANDING, Wishes
from .falling import FRAME_RATE, Flight, find_flights
from .joints import bodies
from .laws import HIT
from .sizes import wrong_sizes

TOUCHING = 0.3          # of the sum of two radii: no further apart than this while they hit each other
ALLOWED_OVERLAP = 0.15  # of the sum of two radii: outlines seen at an angle cross a little
FASTER = 1.05           # of the speed before a bounce: more is gained from nowhere
SET_GOING = 0.015       # so far, at least, each of two goes that have met; 97 % of true ones do
SURE_TRAITS = [0, 1, 5]     # present, box, part of a figure
NET, NEARLY = 1.2, 1.15  # length of the net, and how far aside a ball is missed for sure, in halves of the rim's width
ALLOWED_DOUBT, DOUBT = 0.2, 3.0     # of a trait's distance from -1 or 1; weight of what is beyond
LIMBS_REACH, GIANT = 0.6, 0.4   # 97 % of true dogs' heads are nearer, all people's limbs; and what nobody's bars exceed
SIZE = 0.2              # weight of each step from one size to the next; no reason to draw more sketches by itself
OUTSIDE = 0.3           # weight of the share of the clip in which a thing isn't in the picture
ALLOWED_TILT, TILTED = 0.15, 3.0    # of a box that lies still; 97 % of true ones tilt less. Weight of what is beyond
FALLEN = 0.8            # of its radius: what comes down by more has fallen from what it stood on
DROP = 0.12             # of the unit: what comes down by less hasn't fallen; each of 2,122 true falls is higher
LAST = 12               # frames in which something lies still or doesn't
STILL = 0.002           # movement from one frame to the next below which it does
ABOVE = 0.3             # weight of a thing that begins above the picture; no reason to draw more sketches
GOOD_ENOUGH = 0.5       # fewer objections than this are none


def objections(sketch: Sketch, wishes: Wishes, aspect: float = 1.0) -> Tensor:
    """What speaks against each sketch of a batch, `(B,)`, 0 = nothing; each wish that isn't met counts 1.

    `aspect` is the picture's width over its height.
    """
    against = overlap(sketch) + doubt(sketch) + rebounds(sketch) + TILTED * tilt(sketch)
    against = against + ABOVE * begins_above(sketch, aspect) + OUTSIDE * outside(sketch, aspect)
    if wishes.meeting:
        against = against + (~meets(sketch)).float()
    if wishes.things:
        against = against + sketch.is_part.any(1).float()
    if wishes.body:
        against = against + (bodies(sketch) != wishes.body).float()
    if any(thing.is_part for thing in wishes.named):
        against = against + misshapen(sketch) + OUTSIDE * outside(sketch, aspect, sketch.is_part)
    if wishes.things and any(thing.size for thing in wishes.named):
        against = against + SIZE * wrong_sizes(sketch, wishes.named, aspect)
    if wishes.stack:
        against = against + (stacks(sketch) != wishes.stack).float()
    if wishes.falls:
        against = against + (~falls(sketch, everything=wishes.falls == ALL)).float()
    if wishes.shot:
        against = against + (shots(sketch) != wishes.shot).float()
    return against


def overlap(sketch: Sketch) -> Tensor:
    """How far bodies run into each other beyond what outlines may, `(B,)`, in sums of their radii."""
    worst = torch.zeros(len(sketch.stage))
    for _, _, both, crossing in _pairs(sketch):
        worst = torch.maximum(worst, crossing.amax(1) * both)
    return (worst - ALLOWED_OVERLAP).clamp(min=0)


def begins_above(sketch: Sketch, aspect: float) -> Tensor:
    """1 where a thing begins above the picture, `(B,)`: one in eight falls does in the world, half of those drawn."""
    return (sketch.is_thing & (sketch.states[:, :, 0, 1] < -0.5 / aspect ** 0.5)).any(1).float()


def outside(sketch: Sketch, aspect: float, which: Tensor | None = None) -> Tensor:
    """The share of the clip in which the middle of the thing that is seen least is out of the picture, `(B,)`.

    `which` `(B, K)` are the slots that count, things unless it is given.
    """
    half = 0.5 * torch.tensor([aspect ** 0.5, aspect ** -0.5])
    is_out = (sketch.states[..., :2].abs() > half).any(-1) & (sketch.is_thing if which is None else which)[..., None]
    return is_out.float().mean(2).amax(1)


def misshapen(sketch: Sketch) -> Tensor:
    """How far a figure's limbs are off its trunk, in its halves, beyond what is allowed; 1 more where it is a giant.

    The trunk is the first slot. `(B,)`, 0 where there is no figure there.
    """
    reach = sketch.states[..., 2:].unflatten(-1, (3, 2)).norm(dim=-1).amax(-1)              # (B, K, T)
    places = sketch.states[..., :2]
    gaps = (places[:, 1:] - places[:, :1]).norm(dim=-1) - reach[:, 1:] - reach[:, :1]
    gaps = (gaps / reach[:, :1].mean(2, keepdim=True).clamp(min=1e-6)).quantile(0.9, dim=2)
    is_limb = sketch.is_part[:, 1:] & sketch.is_part[:, :1]
    off = ((gaps - LIMBS_REACH).clamp(0, 1) * is_limb).amax(1)
    return off + ((reach.median(2).values > GIANT) & sketch.is_part).any(1).float()


def tilt(sketch: Sketch) -> Tensor:
    """How much a box that has come to rest stands on a corner, beyond what is allowed, `(B,)`.

    A box that lies on a face has upright edges, and those are upright in the picture. Tilt is the sine of their angle.
    """
    edges = sketch.states[:, :, -LAST:, 2:].unflatten(-1, (3, 2))                           # (B, K, T, 3, 2)
    lean = (edges[..., 0].abs() / edges.norm(dim=-1).clamp(min=1e-6)).amin(-1).mean(2)      # (B, K)
    is_still = sketch.states[:, :, -LAST:, :2].diff(dim=2).norm(dim=-1).amax(2) < STILL
    is_box = sketch.is_thing & (sketch.traits[..., 1] > 0)
    return ((lean - ALLOWED_TILT).clamp(min=0) * (is_box & is_still)).amax(1)


def meets(sketch: Sketch) -> Tensor:
    """Whether two things hit each other and both go from there, `(B,)`."""
    hits = F.max_pool1d(sketch.hits, 3, stride=1, padding=1)
    met = torch.zeros(len(sketch.stage), dtype=torch.bool)
    for i, j, both, crossing in _pairs(sketch):
        touch = (torch.minimum(hits[:, i], hits[:, j]) > HIT) & (crossing > -TOUCHING)      # (B, T)
        since = touch.cumsum(1).bool()
        moved = torch.ones(len(met), dtype=torch.bool)
        for slot in (i, j):
            place = sketch.states[:, slot, :, :2]
            start = place[torch.arange(len(met)), touch.int().argmax(1)]                    # (B, 2)
            moved &= ((place - start[:, None]).norm(dim=-1) * since).amax(1) > SET_GOING
        met |= both & touch.any(1) & moved
    return met


def rebounds(sketch: Sketch) -> Tensor:
    """How much faster something leaves the floor than it came, beyond what is allowed, `(B,)`, at most 1.

    What another thing hits at that moment may be thrown up.
    """
    worst = torch.zeros(len(sketch.stage))
    for row in range(len(worst)):
        flights = find_flights(sketch, row)
        hits = sketch.hits[row] > HIT
        for before, after in itertools.pairwise(flights):
            if before.slot != after.slot or not 0 <= after.start - before.stop <= 1:
                continue
            others = hits[:, max(0, before.stop - 1):after.start + 2].any(1)
            others[before.slot] = False
            came, left = _speeds(sketch, row, before)[1], -_speeds(sketch, row, after)[0]
            if not bool(others.any()) and came > 0:
                worst[row] = max(float(worst[row]), left / came - FASTER)
    return worst.clamp(0, 1)


def _speeds(sketch: Sketch, row: int, flight: Flight) -> tuple[float, float]:
    """Downward speeds at the beginning and at the end of a flight, units a second."""
    y = sketch.states[row, flight.slot, :, 1]
    duration = (flight.stop - flight.start) / FRAME_RATE
    mean, change = float(y[flight.stop] - y[flight.start]) / duration, 0.5 * flight.acceleration * duration
    return mean - change, mean + change


def doubt(sketch: Sketch) -> Tensor:
    """How unsure the network was of what there is, `(B,)`."""
    unsure = (1 - sketch.traits[..., SURE_TRAITS].abs()).amax(-1) * (sketch.traits[..., 0] > 0)
    return DOUBT * (unsure.amax(1) - ALLOWED_DOUBT).clamp(min=0)


def shots(sketch: Sketch) -> Tensor:
    """How a shot at a basket ends, `(B,)`: MADE, MISSED, or 0 where there is no basket or it can't be told.

    A board and the rim that hangs on it are parts of a figure; a shot is made when the ball sinks between the rim's
    sides at its height and at the lower end of the net, and missed when it sinks elsewhere or not at all. (True of
    189 of 189 made shots and 163 of 190 missed ones: in the picture a ball may pass before the rim.)
    """
    ends = torch.zeros(len(sketch.stage), dtype=torch.int64)
    for row in range(len(ends)):
        parts, balls = (slots[row].nonzero()[:, 0].tolist() for slots in (sketch.is_part, sketch.is_thing))
        if len(parts) != 2 or not balls:
            continue
        rim, (x, y) = sketch.states[row, parts[1]], sketch.states[row, balls[0], :, :2].unbind(1)
        rim_x, rim_y = rim[:, :2].median(0).values
        half = rim[:, 2::2].abs().amax(1).median()
        near = [float((at - rim_x).abs() / half) for at in (_sinking(x, y, rim_y), _sinking(x, y, rim_y + NET * half))]
        ends[row] = MADE if max(near) < 1 else MISSED if near[0] > NEARLY else 0
    return ends


def falls(sketch: Sketch, *, everything: bool) -> Tensor:
    """Whether one of the things, or each of them, comes down in the picture by `DROP` or more, `(B,)`."""
    y = sketch.states[..., 1]                                                       # (B, K, T)
    sinks = (y - y.cummin(2).values).amax(2) >= DROP
    return (sinks | ~sketch.is_thing).all(1) if everything else (sinks & sketch.is_thing).any(1)


def stacks(sketch: Sketch) -> Tensor:
    """What becomes of boxes that stand on one another, `(B,)`: FALLS where one comes down, STANDING where none does.

    0 where no two boxes stand so. (True of 550 of 600 stacks that fell and of 127 of 128 that didn't.)
    """
    is_box = sketch.is_thing & (sketch.traits[..., 1] > 0)
    x, y = sketch.states[..., 0], sketch.states[..., 1]
    stacked = torch.zeros(is_box.shape, dtype=torch.bool)
    for i, j in itertools.permutations(range(is_box.shape[1]), 2):
        reach = sketch.radii[:, i, 0] + sketch.radii[:, j, 0]
        beside, above = (x[:, i, 0] - x[:, j, 0]).abs() / reach, (y[:, j, 0] - y[:, i, 0]) / reach
        stacked[:, i] |= is_box[:, i] & is_box[:, j] & (beside < 0.6) & (above > 0.5) & (above < 1.5)
    sinks = (y[..., -LAST:].mean(2) - y[..., 0]) / sketch.radii[..., 0].clamp(min=1e-6) > FALLEN
    return torch.where((stacked & sinks).any(1), FALLS, STANDING) * stacked.any(1)


def _sinking(x: Tensor, y: Tensor, height: Tensor) -> Tensor:
    """Where a path `(T,)` first sinks through a height, infinity if it never does."""
    sinks = ((y[:-1] <= height) & (height < y[1:])).nonzero()[:, 0]
    if not len(sinks):
        return torch.tensor(torch.inf)
    at = int(sinks[0])
    return x[at] + (height - y[at]) / (y[at + 1] - y[at]) * (x[at + 1] - x[at])


def _pairs(sketch: Sketch) -> list[tuple[int, int, Tensor, Tensor]]:
    """Two slots, whether both hold a thing `(B,)`, and how far those cross, `(B, T)`, in sums of their radii."""
    is_thing, places, radii = sketch.is_thing, sketch.states[..., :2], sketch.radii
    return [(i, j, is_thing[:, i] & is_thing[:, j],
             1 - (places[:, i] - places[:, j]).norm(dim=-1) / (radii[:, i] + radii[:, j]).clamp(min=1e-6))
            for i, j in itertools.combinations(range(is_thing.shape[1]), 2)]
