"""The law of figures: a limb hangs on its trunk, at one and the same place of it.

A figure of a sketch is a trunk and up to four limbs, each a bar that begins at its joint. The network that sketches
draws them one beside the other; here each limb's beginning is put where it mostly is on the trunk. Of a whole figure it
is known besides where that can be, and how long a limb is at most: what nine of ten of the world's people, dogs, cats
and birds keep to. A person's hand or foot, which reaches for something or stands, stays where it was drawn; an animal's
legs, head and tail go along with their joints.

Legend: B batch, K slots, T frames, L limbs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..models.sketch import Sketch
from ..things import BEAST, BIRD, PERSON


@dataclass(frozen=True)
class Limb:
    """Where a limb begins along its trunk (0 = hips or tail, 1 = crown or chest), at least, usually and at most; how
    far aside of its axis at most; how long it is at most. In lengths of the trunk; of 1,400 true figures."""

    least: float
    usual: float
    most: float
    aside: float
    length: float


_LEG, _ARM = Limb(-0.04, 0.0, 0.04, 0.13, 1.12), Limb(0.46, 0.53, 0.59, 0.24, 0.95)
ANATOMY = {
    PERSON: (_LEG, _LEG, _ARM, _ARM),
    BEAST: (Limb(0.92, 1.0, 1.08, 0.14, 1.2), Limb(-0.08, 0.0, 0.09, 0.14, 1.1), Limb(1.2, 1.3, 1.5, 0.6, 0.62),
            Limb(-0.18, -0.16, -0.14, 0.14, 1.1)),
    BIRD: (Limb(0.4, 0.49, 0.57, 0.14, 1.0), Limb(0.4, 0.49, 0.57, 0.14, 1.0), Limb(0.23, 0.28, 0.36, 0.36, 0.3),
           Limb(0.23, 0.29, 0.36, 0.36, 0.3)),
}
ROUND_END = 0.5     # a bar reaches so far beyond its joint, in its own radii, see `world/sketch.py`
ASIDE = 1.2         # farther from the trunk's axis than this share of the usual distance, or of its radius, is no joint


def jointed(sketch: Sketch, given: int = 0) -> Sketch:
    """The same with limbs that hang on their trunks, the first part of a figure in each sketch.

    Args:
        given: so many first frames stay as they are.
    """
    states = sketch.states.clone()
    for row, is_part in enumerate(sketch.is_part):
        slots = is_part.nonzero()[:, 0]
        if len(slots) > 1:
            limbs = _hung(states[row, slots[0]], states[row, slots[1:]], bool(given))
            states[row, slots[1:], given:] = limbs[:, given:]
    return replace(sketch, states=states)


def bodies(sketch: Sketch) -> Tensor:
    """PERSON, BEAST or BIRD, `(B,)`, by where its limbs mostly begin; 0 where there is no whole figure."""
    found = torch.zeros(len(sketch.traits), dtype=torch.int64)
    for row, is_part in enumerate(sketch.is_part):
        if bool(is_part.all()):
            trunk, limbs = sketch.states[row, 0], sketch.states[row, 1:]
            start, axis, squared = _axis(trunk)
            found[row] = _body((((_bar(limbs)[0] - start) * axis).sum(-1) / squared).median(1).values)
    return found


def _body(along: Tensor) -> int:
    """The body whose limbs begin the nearest to these `(4,)` shares of the trunk."""
    usual = {body: torch.tensor([limb.usual for limb in limbs]) for body, limbs in ANATOMY.items()}
    return min(usual, key=lambda body: float((along - usual[body]).abs().sum()))


def _axis(trunk: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where a trunk `(T, 8)` begins and how it goes on `(T, 2)`, and its squared length `(T,)`."""
    start, end, _ = _bar(trunk)
    axis = end - start
    return start, axis, axis.square().sum(-1).clamp(min=1e-6)


def _hung(trunk: Tensor, limbs: Tensor, goes_on: bool) -> Tensor:
    """`(T, 8)` and `(L, T, 8)` -> the limbs with their joints on the trunk; where they go on from a given beginning, as
    they were there."""
    start, axis, squared = _axis(trunk)
    aside = torch.stack([axis[:, 1], -axis[:, 0]], dim=-1)
    drawn, tip, radius = _bar(limbs)                                                # (L, T, 2), (L, T)
    reach = drawn - start
    along = ((reach * axis).sum(-1) / squared).median(1, keepdim=True).values       # share of the axis
    across = (reach * aside).sum(-1) / squared
    usual = across.abs().median(1, keepdim=True).values
    most = ASIDE * torch.maximum(usual, trunk[:, 2:4].norm(dim=-1) / squared.sqrt())
    body = _body(along[:, 0]) if len(limbs) == len(ANATOMY[PERSON]) and not goes_on else None
    if body is not None:
        least, highest, farthest, longest = torch.tensor(
            [(limb.least, limb.most, limb.aside, limb.length) for limb in ANATOMY[body]]).T[..., None]
        along, most = along.clamp(least, highest), most.minimum(farthest)
    joint = start + along[..., None] * axis + across.clamp(-most, most)[..., None] * aside
    if body is not None:
        tip = tip if body == PERSON else tip + joint - drawn
        far = (tip - joint).norm(dim=-1) / squared.sqrt().median()
        tip = joint + (tip - joint) * (longest / far.clamp(min=1e-6)).clamp(max=1)[..., None]
    half = 0.5 * (tip - joint)
    length = half.norm(dim=-1, keepdim=True)
    turn = half / length.clamp(min=1e-6)
    half = turn * torch.maximum(length + ROUND_END * radius[..., None], radius[..., None])
    side = radius[..., None] * torch.stack([turn[..., 1], -turn[..., 0]], dim=-1)
    return torch.cat([0.5 * (joint + tip), side, half, limbs[..., 6:]], dim=-1)


def _bar(states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where bars `(..., 8)` begin and end, without their round ends, `(..., 2)`; and their radii `(...)`."""
    place, half, radius = states[..., :2], states[..., 4:6], states[..., 2:4].norm(dim=-1)
    length = half.norm(dim=-1)
    inner = half * ((length - ROUND_END * radius).clamp(min=0) / length.clamp(min=1e-6))[..., None]
    return place - inner, place + inner, radius
