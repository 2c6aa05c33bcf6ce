"""Sizes that are named: how wrong a sketch has them, and the same sketch with the right ones.

In the world a large thing is 1.3 times as large as a medium one, and that as a small one; on the screen, too, since its
cameras stand at similar distances. A thing that is made larger or smaller around its lowest point moves as before:
free flight knows no size, and it touches the floor where it did.

Legend: B batch, K slots, T frames.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..models.sketch import COLOUR, Sketch
from ..things import Thing

# Middle radii of medium balls and boxes in a square picture, and the logarithm from one size to the next; in narrower
# and wider pictures they go with the fourth root of width over height (16,384 sketches of the world).
BALL_RADIUS, BOX_RADIUS, STEP = 0.130, 0.119, 0.255
ALLOWED = 0.5           # steps between what is named and what is seen


def wrong_sizes(sketch: Sketch, named: tuple[Thing, ...], aspect: float) -> Tensor:
    """By how many steps from small to medium to large things differ from what is named, `(B,)`, in sum."""
    wrong = torch.zeros(len(sketch.stage))
    for thing in named:
        if thing.size:
            wrong += (_steps(sketch, thing, aspect)[1].abs() - ALLOWED).clamp(0, 2)
    return wrong


def resized(sketch: Sketch, named: tuple[Thing, ...], aspect: float) -> Sketch:
    """The same in which things are as large as is named; of use where they don't touch each other."""
    states = sketch.states.clone()
    rows = torch.arange(len(states))
    for thing in named:
        if not thing.size:
            continue
        slot, steps = _steps(sketch, thing, aspect)
        factor = torch.where(steps.abs() > ALLOWED, (-STEP * steps).exp(), torch.ones_like(steps)).view(-1, 1, 1)
        own = states[rows, slot]                                                            # (B, T, 8)
        reach = own[..., 3::2].abs().sum(-1, keepdim=True).median(1, keepdim=True).values   # down from the middle
        reach = torch.where(sketch.traits[rows, slot, 1].view(-1, 1, 1) > 0, reach, own[..., 2:3].abs())
        own[..., 2:] *= factor
        own[..., 1:2] += (1 - factor) * reach
        states[rows, slot] = own
    return replace(sketch, states=states)


def _steps(sketch: Sketch, thing: Thing, aspect: float) -> tuple[Tensor, Tensor]:
    """The slot `(B,)` that is most like a thing, and how many steps larger than named that is, `(B,)`."""
    usual = torch.where(sketch.traits[..., 1] > 0, BOX_RADIUS, BALL_RADIUS) / aspect ** 0.25        # (B, K)
    steps = (sketch.radii.median(2).values / usual).clamp(min=1e-3).log() / STEP
    colour = torch.tensor(thing.colour or (0.5, 0.5, 0.5)) * 2 - 1
    unlike = (sketch.traits[..., COLOUR] - colour).square().sum(-1) * (thing.colour is not None)
    unlike = unlike + 100 * ~(sketch.is_thing & ((sketch.traits[..., 1] > 0) == thing.is_box))
    slot = unlike.argmin(1)
    return slot, steps[torch.arange(len(slot)), slot] - thing.size
