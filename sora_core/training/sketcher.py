"""What the network that sketches learns from: rows of sketches, some given, and the loss on the others."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..models.sketch import COLOUR, SLOTS, STATES, TRAITS, Sketch
from ..models.sketcher import FRAMES, STATE_SCALE, Sketcher
from ..sampling.flow import shift_sigma
from .data import SketchPool

SCALE_POWER = 0.7           # of the standard deviation, as for the latents: small components count less, but count
BEGINNING_SHARE = 0.12      # of the sketches: their beginning is given, so that clips can be continued
THINGS_SHARE = 0.5          # of the sketches: what some or all things are is given, as where words name them
ALL_SHARE, SLOT_SHARE, COLOUR_SHARE = 0.6, 0.5, 0.75    # of those: all slots at once; else of the slots; their colours
FLOOR_SHARE = 0.2           # of the sketches: where the floor ends is given, as where words say how it is seen
PICTURE_SHARE = 0.3         # of the clips that have a picture: the first frame is given
WORDS_SHARE = 0.2           # of the timesteps are nearly 1, where there is nothing to go by but the words
UNIFORM_SHARE = 0.25        # of the timesteps, before the shift; the rest is logit-normal
SHIFT = 1.5                 # to noise: all rows of a thing say where it goes, so only much noise leaves that to words
JERK_WEIGHT = 300.0         # of errors in the paths' third differences: rows of eight frames must fit their neighbours
STAGE_WEIGHT, FIRST_WEIGHT, TRAIT_WEIGHT = 4.0, 3.0, 12.0    # few numbers that say much: what it is and its colour
ABSENT_WEIGHT = 0.05        # of where things are that aren't there
LARGEST = 12.0              # of a row's numbers: more is a jump, such as of what passes the camera
SMALLEST_WEIGHTED = 0.05    # the loss is that of the velocity, (error of the data / t)^2, with t no smaller than this


@torch.no_grad()
def fit_paths(sketcher: Sketcher, pool: SketchPool, most: int = 4096) -> float:
    """Set the principal components of paths of eight frames. Returns the share of the variance that they keep."""
    sketch = pool.sketch[:most]
    present = sketch.traits[..., 0] > 0
    paths = STATE_SCALE * sketch.states[:, :, 1:].reshape(*present.shape, -1, FRAMES * sketch.states.shape[-1])
    paths = paths[present].flatten(0, 1).double()
    mean = paths.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((paths - mean).T))
    kept = sketcher.config.path_components
    sketcher.mean.copy_(mean)
    sketcher.basis.copy_(vectors.flip(1)[:, :kept])
    sketcher.scale.copy_(values.flip(0)[:kept].clamp(min=1e-10).sqrt() ** SCALE_POWER)
    return float(values.flip(0)[:kept].sum() / values.sum())


def sketch_loss(sketcher: Sketcher, sketch: Sketch, aspect: Tensor, text: Tensor, text_mask: Tensor, picture: Tensor,
                has_picture: Tensor, generator: torch.Generator) -> Tensor:
    """Flow matching on rows.

    Args:
        sketch: B sketches; aspect: `(B,)`; text: states `(B, L, D)`; text_mask: `(B, L)`.
        picture: latent of the first frame `(B, C, h, w)`, looked at where `has_picture` `(B,)`.
    """
    rows = sketcher.to_rows(sketch).clamp(-LARGEST, LARGEST)                                # (B, N, S)
    b, n, _ = rows.shape
    t = torch.sigmoid(torch.randn(b, generator=generator))
    t = torch.where(torch.rand(b, generator=generator) < UNIFORM_SHARE, torch.rand(b, generator=generator), t)
    t = shift_sigma(t, SHIFT).clamp(1e-3, 1)
    nearly_all_noise = 1 - 0.1 * torch.rand(b, generator=generator) ** 2
    t = torch.where(torch.rand(b, generator=generator) < WORDS_SHARE, nearly_all_noise, t)
    timestep = t[:, None].repeat(1, n)
    frames = (n - 1) // SLOTS
    known = torch.randint(1, frames, (b,), generator=generator)
    is_beginning = torch.rand(b, generator=generator) < BEGINNING_SHARE
    timestep[is_beginning[:, None] & (sketcher.row_frames(frames) < known[:, None])] = 0
    noise = torch.randn(rows.shape, generator=generator)
    at = timestep[..., None]
    mask = sketcher.row_mask(frames)
    noisy = ((1 - at) * rows + at * noise) * mask
    is_given = draw_given(rows, generator)
    velocity = sketcher(sketcher.given(noisy, rows, is_given), timestep, text=text, text_mask=text_mask,
                        aspect=aspect, picture=picture, picture_mask=has_picture)
    weight = (at / at.clamp(min=SMALLEST_WEIGHTED)) ** 2
    is_sketched = (sketch.traits[..., 0] > 0).any(1)[:, None, None]      # clips of one's own have no sketch
    asked = row_importance(sketcher, frames) * row_presence(sketch, frames, rows.shape[-1]) * (at > 0) * is_sketched
    asked = asked * ~is_given
    error = velocity - (noise - rows)
    jerk = _path_error(sketcher, error * at).diff(n=3, dim=2) * (sketch.traits[..., 0] > 0)[..., None, None]
    jerk_loss = ((1 - t).view(-1, 1, 1, 1) * jerk ** 2).mean()
    return (error ** 2 * weight * asked).sum() / asked.sum().clamp(min=1) + JERK_WEIGHT * jerk_loss


def draw_given(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Which numbers of rows `(B, N, S)` are given: bool of that shape; traits of things, the floor's ends."""
    b, frames = len(rows), (rows.shape[1] - 1) // SLOTS
    has_things, has_all = (torch.rand(b, 1, generator=generator) < share for share in (THINGS_SHARE, ALL_SHARE))
    slots = has_things & (has_all | (torch.rand(b, SLOTS, generator=generator) < SLOT_SHARE))
    coloured = slots & (torch.rand(b, SLOTS, generator=generator) < COLOUR_SHARE)
    is_colour = torch.zeros(TRAITS, dtype=torch.bool)
    is_colour[COLOUR] = True
    is_given = torch.zeros(rows.shape, dtype=torch.bool)
    traits = torch.where(is_colour, coloured[..., None], slots[..., None])                  # (B, K, 6)
    is_given[:, 1::frames, STATES + 1:STATES + 1 + TRAITS] = traits
    is_given[:, 0, :2] = torch.rand(b, 1, generator=generator) < FLOOR_SHARE
    return is_given


def _path_error(sketcher: Sketcher, rows: Tensor) -> Tensor:
    """Errors of rows as errors of what they say, `(B, K, T, 8)`, in the units of rows."""
    things = rows[:, 1:].unflatten(1, (SLOTS, -1))
    later = things[:, :, 1:, :sketcher.config.path_components] * sketcher.scale @ sketcher.basis.T
    return torch.cat([things[:, :, :1, :STATES], later.flatten(2).unflatten(2, (-1, STATES))], dim=2)


def row_importance(sketcher: Sketcher, frames: int) -> Tensor:
    """`(N, S)` how much each number counts; 0 where a row has none."""
    weight = sketcher.row_mask(frames)
    weight[0] *= STAGE_WEIGHT
    for slot in range(SLOTS):
        first = weight[1 + slot * frames]
        first[:STATES] *= FIRST_WEIGHT
        first[STATES + 1:] *= TRAIT_WEIGHT
    return weight


def row_presence(sketch: Sketch, frames: int, row: int) -> Tensor:
    """`(B, N, S)` small in the rows of empty slots, but for the number that says that they are empty."""
    there = torch.where(sketch.traits[..., 0] > 0, 1.0, ABSENT_WEIGHT)                      # (B, K)
    things = there[:, :, None, None].repeat(1, 1, frames, row)
    things[:, :, 0, STATES + 1] = 1
    return torch.cat([torch.ones(len(there), 1, row), things.flatten(1, 2)], dim=1)


def picture_choice(clips: int, others: int, rng: np.random.Generator) -> Tensor:
    """`(clips + others,)` which sketches are drawn from a given first frame; only clips have one."""
    return torch.from_numpy(np.concatenate([rng.random(clips) < PICTURE_SHARE, np.zeros(others, bool)]))
