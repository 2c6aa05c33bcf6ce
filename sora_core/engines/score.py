"""A cheap judge of candidates: does it move, smoothly, and is it heard when something happens?

It ranks tries of one prompt by one engine; it says nothing about whether the prompt was followed. `evaluation/` holds
the instrument for finished clips.

Legend: T frames, H height, W width, C channels, N samples.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

HALF_MOTION = 0.02          # mean change per frame, of 1, at which motion counts half
NOISE_RATIO = 3 ** 0.5      # of second to first differences where every frame is independent of the last
MAX_LAG = 1                 # frames that a sound may come early or late
SIDE = 64                   # pixels that are looked at; blurry x0 holds no more


def motion_score(frames_THWC: Tensor) -> float:
    """0..1: how much moves, less what flickers. A still is 0, and so is noise.

    Args:
        frames_THWC: (T, H, W, 3) in [0, 1].
    """
    small = _small(frames_THWC)
    if len(small) < 3:
        return 0.0
    change = small.diff(dim=0)
    first, second = float(change.abs().mean()), float(change.diff(dim=0).abs().mean())
    if first == 0:
        return 0.0
    return first / (first + HALF_MOTION) * max(0.0, 1 - second / first / NOISE_RATIO)


def cause_score(frames_THWC: Tensor, sound_CN: Tensor) -> float:
    """0..1: how well the onsets of the sound go with sudden changes of the picture, within a frame's time.

    Args:
        frames_THWC: (T, H, W, 3) in [0, 1].
        sound_CN: (C, N), of the same duration.
    """
    small = _small(frames_THWC)
    if len(small) < 4 or sound_CN.shape[-1] < len(small):
        return 0.0
    moved = small.diff(dim=0).abs().mean(dim=(1, 2, 3))
    happened = moved.diff().abs()                                           # (T - 2,): between changes
    loud = F.adaptive_avg_pool1d(sound_CN.float().abs().mean(dim=0)[None, None], len(small))[0, 0]
    heard = loud.diff().clamp(min=0)[1:]                                    # (T - 2,): onsets
    return max(0.0, *(_correlation(happened, heard.roll(lag)) for lag in range(-MAX_LAG, MAX_LAG + 1)))


def _small(frames_THWC: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(frames_THWC[..., :3].float().movedim(-1, 1), SIDE) if len(frames_THWC) else \
        torch.zeros(0, 3, SIDE, SIDE)


def _correlation(one: Tensor, other: Tensor) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(one.norm() * other.norm())
    return float(one @ other) / scale if scale > 1e-9 else 0.0
