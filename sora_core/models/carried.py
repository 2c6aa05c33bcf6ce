"""Latents that carry their sketch: beside the channels of the picture a few more that say where each thing is.

A latent holds eight frames in one, so a fast thing is smeared over them; the sketch knows its place in every frame. So
that the decoder can use that wherever latents are taken - cut, saved, or joined by other nodes -, they carry it: the
numbers of its eight frames, laid out over the cells of each latent frame, and two by which they are known to be whole.
Latents that were resized, mixed or made by others carry nothing that passes, and are decoded without.

Legend: B batch, C latent channels, K slots, T frames, t latent frames, f frames in one (8), H W pixels, h w cells.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..shapes import SKETCH_CHANNELS
from .sketch import DRAWN, LOOK, LOOKS, SLOTS, STAGE, STATES, TRAITS, Sketch, draw_bodies

_SIGN = 0.5             # that there is a sketch
_LOOK_NUMBERS = LOOKS * 3 * LOOK * LOOK
_TOLERANCE = 1e-3       # of the check numbers, which other programs may have rounded


def with_sketch(latents: Tensor, sketch: Sketch | None, frames: int = 8) -> Tensor:
    """Latents `(B, C, t, h, w)` of the picture -> `(B, C + SKETCH_CHANNELS, t, h, w)`.

    Args:
        sketch: of at least `1 + frames * (t - 1)` frames, or None; a grid too small to hold it carries none either.
        frames: in a latent.
    """
    b, _, t, h, w = latents.shape
    room = SKETCH_CHANNELS * h * w
    carried = torch.zeros(b, t, room)
    if sketch is not None:
        part = sketch.frames(0, 1 + frames * (t - 1))
        states = torch.cat([part.states[:, :, :1].expand(-1, -1, frames - 1, -1), part.states], dim=2)
        hits = F.pad(part.hits, (frames - 1, 0))
        numbers = torch.cat([states.unflatten(2, (t, frames)).transpose(1, 2).flatten(2),          # (B, t, K f 8)
                             hits.unflatten(2, (t, frames)).transpose(1, 2).flatten(2),
                             *(whole.flatten(1)[:, None].expand(-1, t, -1)
                               for whole in (part.traits, part.stage, part.dressed()))], dim=-1).float().cpu()
        numbers = torch.cat([numbers, torch.full((b, t, 1), _SIGN), _check(numbers)[..., None]], dim=-1)
        if numbers.shape[-1] <= room:
            carried[..., :numbers.shape[-1]] = numbers
    carried = carried.view(b, t, SKETCH_CHANNELS, h, w).transpose(1, 2)
    return torch.cat([latents, carried.to(latents)], dim=1)


def sketch_of(carried: Tensor, frames: int = 8) -> Sketch | None:
    """The sketch that the last channels `(B, SKETCH_CHANNELS, t, h, w)` of latents carry.

    None where any latent frame lacks it, and where clips of different things have been joined.
    """
    numbers, is_whole = _numbers(carried, frames)
    if not bool(is_whole.all()):
        return None
    states, hits, *whole = _parts(numbers, frames)                          # (B, t, K, f, 8) and so on
    if any(bool((part != part[:, :1]).any()) for part in whole):
        return None
    return Sketch(states.transpose(1, 2).flatten(2, 3)[:, :, frames - 1:],
                  hits.transpose(1, 2).flatten(2, 3)[:, :, frames - 1:], *(part[:, 0] for part in whole))


def draw_carried(carried: Tensor, height: int, width: int, frames: int = 8) -> tuple[Tensor, Tensor]:
    """What `sketch.draw_bodies` draws of the sketch that latents carry.

    Returns:
        `(B, 4, f t, H, W)`, and which of these frames are drawn, `(B, f t)`; the others are zeros. The first frame of a
        clip stands eight times, as in its latent.
    """
    numbers, is_whole = _numbers(carried, frames)
    b, t = is_whole.shape
    drawing = torch.zeros(b * t, DRAWN, frames, height, width)
    if bool(is_whole.any()):
        rows = is_whole.flatten()
        sketch = Sketch(*(part.flatten(0, 1)[rows] for part in _parts(numbers, frames)))
        drawing[rows] = draw_bodies(sketch, height, width)
    drawing = drawing.unflatten(0, (b, t)).transpose(1, 2).flatten(2, 3)
    return drawing.to(carried.device), is_whole.repeat_interleave(frames, 1).to(carried.device)


def carried_colours(carried: Tensor, frames: int = 8) -> Tensor:
    """Red, green and blue of the things of the sketch that latents carry, `(B, K, 3)`, 2 where there is none."""
    numbers, is_whole = _numbers(carried, frames)
    traits = _parts(numbers, frames)[2][:, 0] if bool(is_whole.any()) else torch.zeros(len(numbers), SLOTS, TRAITS)
    colours = torch.where(traits[..., :1] > 0, traits[..., 2:5].clamp(-1, 1), torch.full((3,), 2.0))
    return colours.to(carried.device)


def _numbers(carried: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Numbers `(B, t, n)` as they were carried, and whether they are whole `(B, t)`."""
    b, _, t = carried.shape[:3]
    numbers = carried.detach().float().cpu().transpose(1, 2).flatten(2)
    count = SLOTS * frames * (STATES + 1) + SLOTS * TRAITS + STAGE + _LOOK_NUMBERS
    if numbers.shape[-1] < count + 2:
        return numbers, torch.zeros(b, t, dtype=torch.bool)
    numbers, sign, check = numbers[..., :count], numbers[..., count], numbers[..., count + 1]
    size = numbers.abs().mean(-1)
    is_whole = ((sign - _SIGN).abs() < _TOLERANCE) & ((check - _check(numbers)).abs() < _TOLERANCE * size)
    return numbers, is_whole & torch.isfinite(numbers).all(-1)


def _check(numbers: Tensor) -> Tensor:
    """`(B, t, n)` -> `(B, t)`: a sum that tells the numbers' order too, and the mean of two sketches from a sketch."""
    return (numbers * torch.arange(numbers.shape[-1]).cos() + numbers.square()).mean(-1)


def _parts(numbers: Tensor, frames: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Numbers `(B, t, n)` -> states `(B, t, K, f, 8)`, hits `(B, t, K, f)`, traits `(B, t, K, 6)`, stage, looks."""
    sizes = [SLOTS * frames * STATES, SLOTS * frames, SLOTS * TRAITS, STAGE, _LOOK_NUMBERS]
    states, hits, traits, stage, looks = numbers.split(sizes, dim=-1)
    return (states.unflatten(-1, (SLOTS, frames, STATES)), hits.unflatten(-1, (SLOTS, frames)),
            traits.unflatten(-1, (SLOTS, TRAITS)), stage, looks.unflatten(-1, (LOOKS, 3, LOOK, LOOK)))
