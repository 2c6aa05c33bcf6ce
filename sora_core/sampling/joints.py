"""The law of figures: a limb hangs on its trunk, at one and the same place of it.

A figure of a sketch is a trunk and up to four limbs, each a bar that begins at its joint. The network that sketches
draws them one beside the other; here each limb's beginning is put where it mostly is on the trunk, and its end, which
touches the ground or reaches for something, stays where it was drawn.

Legend: B batch, K slots, T frames, L limbs.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..models.sketch import Sketch

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
            limbs = _hung(states[row, slots[0]], states[row, slots[1:]])
            states[row, slots[1:], given:] = limbs[:, given:]
    return replace(sketch, states=states)


def _hung(trunk: Tensor, limbs: Tensor) -> Tensor:
    """`(T, 8)` and `(L, T, 8)` -> the limbs with their joints on the trunk."""
    start, end, _ = _bar(trunk)                                                     # (T, 2)
    axis = end - start
    squared = axis.square().sum(-1).clamp(min=1e-6)                                 # (T,)
    aside = torch.stack([axis[:, 1], -axis[:, 0]], dim=-1)
    joint, tip, radius = _bar(limbs)                                                # (L, T, 2), (L, T)
    reach = joint - start
    along = ((reach * axis).sum(-1) / squared).median(1, keepdim=True).values       # share of the axis
    across = (reach * aside).sum(-1) / squared
    usual = across.abs().median(1, keepdim=True).values
    most = ASIDE * torch.maximum(usual, trunk[:, 2:4].norm(dim=-1) / squared.sqrt())
    joint = start + along[..., None] * axis + across.clamp(-most, most)[..., None] * aside
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
