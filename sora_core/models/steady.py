"""Things keep their colour: eight frames come out of one latent, and with the next latent a thing's shade would jump.

The sketch says which pixels show which thing. Its mean colour may drift, as light and shadow have it, but not step.

Legend: B batch, T frames, H W pixels, K things.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .sketch import DRAWN

DRIFT = 0.12            # share of the way from the steady colour to a frame's own that is gone each frame
LEAST_PIXELS = 12       # of a thing; fewer don't tell its colour
SAME = 1e-3             # colours that differ by less are of one thing

State = tuple[Tensor, Tensor]       # steady colours (B, K, 3), and which have been seen (B, K)


@torch.autocast("cpu", enabled=False)      # colours rounded to eight bits of mantissa would step again
def steadied(frames: Tensor, drawing: Tensor, colours: Tensor,
             state: State | None) -> tuple[Tensor, State | None]:
    """Frames whose things drift in colour instead of stepping.

    Args:
        frames: `(B, 3, T, H, W)` in [-1, 1]; drawing: of `sketch.draw_bodies` for them, `(B, 4, T, H, W)`.
        colours: `(B, K, 3)` as drawn, 2 for slots without a thing; things of the same colour are one here.
        state: as returned for the frames before, or None.
    """
    colours = colours[:, (colours <= 1).all(-1).any(0)]         # slots without a thing in any clip have none
    b, k = colours.shape[:2]
    if k == 0:
        return frames, state
    if state is None:
        state = frames.new_zeros(b, k, 3), frames.new_zeros(b, k, dtype=torch.bool)
    steady, known = state
    flat, cover = drawing.split([3, DRAWN - 3], dim=1)
    left, shows = cover[:, 0] > 1 - SAME, []        # where a soft edge mixes two colours it belongs to neither
    for colour in colours.unbind(1):
        shows.append(left & ((flat - colour.view(b, 3, 1, 1, 1)).abs().amax(1) < SAME))
        left = left & ~shows[-1]
    shows = torch.stack(shows, dim=1).float()                                               # (B, K, T, H, W)
    pixels = shows.sum((3, 4))                                                              # (B, K, T)
    means = torch.einsum("bcthw,bkthw->bktc", frames, shows) / pixels.clamp(min=1)[..., None]
    steps = []
    for t in range(frames.shape[2]):
        mean, is_seen = means[:, :, t], pixels[:, :, t] >= LEAST_PIXELS
        followed = torch.where(known[..., None], steady + DRIFT * (mean - steady), mean)
        steady = torch.where(is_seen[..., None], followed, steady)
        known = known | is_seen
        steps.append(torch.where(is_seen[..., None], steady - mean, torch.zeros_like(mean)))
    change = torch.einsum("bktc,bkthw->bcthw", torch.stack(steps, dim=2), shows)
    # A soft edge follows what lies within, as far as it is covered.
    inside = shows.amax(1, keepdim=True)
    near = F.avg_pool3d(change, (1, 3, 3), 1, (0, 1, 1)) / F.avg_pool3d(inside, (1, 3, 3), 1, (0, 1, 1)).clamp(min=0.1)
    change = change + (1 - inside) * cover * near
    return (frames + change).clamp(-1, 1), (steady, known)
