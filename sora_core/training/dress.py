"""What the things and the figures of a true clip wear, so that the painter learns to paint a sketch that is dressed.

A cameo dresses the slots of a sketch (`Sketch.looks`). In training the clip itself is what dresses it: the pixels that
lie on a slot are gathered over all frames where they belong on it, as one peels a texture off a moving body, and its
light is taken off, since a cameo's picture was taken in another.

Legend: B batch, K slots, T frames, H W pixels, S rows and columns of a look.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.sketch import COLOUR, LOOK, LOOKS, SLOTS, UNDRESSED, Sketch, person_head, worn_axes

_LEAST_SEEN = 0.15          # of the frames, in which a part of a slot lies in the picture
_MOST_LIGHT, _LEAST_LIGHT, _MOST_TINT = 3.0, 0.7, 1.4
_INSIDE = 0.9               # of a ball's radius, and
_WITHIN = 0.6               # of a limb's width: beyond it shows what is behind


def true_looks(sketch: Sketch, video: Tensor, is_tinted: bool = False) -> Tensor:
    """Looks `(B, LOOKS, 3, S, S)` of true clips `(B, 3, T, H, W)` in [-1, 1], see `Sketch.looks`.

    Each is the median over the frames. What the light does to the slots (by `traits`, which tell colours as they are in
    white light) is divided out: how bright it is, and where `is_tinted`, as at night, its colour too.
    """
    looks = torch.full((len(video), LOOKS, 3, LOOK, LOOK), UNDRESSED)
    for row, (states, traits) in enumerate(zip(sketch.states.float(), sketch.traits.float(), strict=True)):
        shown = {slot: states[slot] for slot in range(SLOTS) if traits[slot, 0] > 0}
        if (head := person_head(states, traits)) is not None:
            shown[SLOTS] = head
        peeled = {slot: look for slot, state in shown.items()
                  if (look := _peeled(video[row], state, bool(traits[min(slot, SLOTS - 1), 1] > 0) and slot < SLOTS,
                                      slot == SLOTS or bool(traits[slot, 5] > 0))) is not None}
        if peeled:
            looks[row, list(peeled)] = _in_white_light(torch.stack(list(peeled.values())), traits[
                [slot for slot in peeled if slot < SLOTS], COLOUR], is_tinted)
    return looks


def _in_white_light(looks: Tensor, colours: Tensor, is_tinted: bool) -> Tensor:
    """Looks `(n, 3, S, S)`, the first of which have in white light the `colours` `(m, 3)` in the mean, in that
    light."""
    seen, own = ((x.clamp(-1, 1) + 1).sum(0) + 0.1 for x in (looks[:len(colours)].mean((2, 3)), colours))
    gain = own / seen
    if len(colours):
        both = gain.log().mean().exp().clamp(_LEAST_LIGHT, _MOST_LIGHT)
        tint = (gain / gain.log().mean().exp()).clamp(1 / _MOST_TINT, _MOST_TINT) if is_tinted else torch.ones(3)
        looks = (looks + 1) * (both * tint)[:, None, None] - 1
    return looks.clamp(-1, 1)


def _peeled(video: Tensor, state: Tensor, is_box: bool, is_part: bool) -> Tensor | None:
    """Median colours `(3, S, S)` on a slot with `state` `(T, 8)`; None where it is hardly in the picture."""
    frames, height, width = video.shape[1:]
    axes = worn_axes(state[:frames], is_box, is_part)                                       # (T, 2, 2)
    unit = (height * width) ** 0.5
    step = (torch.arange(LOOK) + 0.5) * 2 / LOOK - 1
    row, column = torch.meshgrid(step, step, indexing="ij")
    if is_part:
        column = column * _WITHIN
    if not is_box:                                    # corners of a disc's square show what is nearest on the disc
        far = (row.square() + column.square()).sqrt().clamp(min=_INSIDE) / _INSIDE
        row, column = row / far, column / far
    on_slot = torch.stack([column, row], dim=-1).view(1, -1, 2)                             # (1, S S, 2)
    places = state[:frames, None, :2] + on_slot @ axes                                      # (T, S S, 2)
    grid = places * unit / torch.tensor([width / 2, height / 2])
    seen = (grid.abs() < 1).all(-1)                                                         # (T, S S)
    if float(seen.float().mean(0).min()) < _LEAST_SEEN:
        return None
    found = F.grid_sample(video.transpose(0, 1), grid[:, :, None], align_corners=False)[..., 0]      # (T, 3, S S)
    found = torch.where(seen[:, None], found, torch.nan)
    return found.nanmedian(0).values.view(3, LOOK, LOOK)
