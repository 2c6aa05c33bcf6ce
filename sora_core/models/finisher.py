"""Finishing of decoded frames: the sketch says to the pixel where things are, so that is where they are shown.

A latent of 48 numbers stands for eight frames of 16 x 16 pixels: what moves fast comes out of it smeared, with ghosts
where it was. The finisher sees each decoded frame beside the clip's first and the drawn sketch. Where nothing is
it may keep the first frame, so that what is still doesn't flicker, and behind things of the first frame what lay around
them; where a thing is it may take the sketch's colour; everywhere it corrects. It starts from those rules as priors and
learns the rest: shading, shadows, cameras.

Legend: B batch, T frames, H W pixels, s pixels a side of a cell (4), y x cells.
"""

from __future__ import annotations

from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import VideoVAEConfig
from .sketch import DRAWN

KEEP, KEEP_TOUCHED = 2.0, -3.0       # logits of how much of the first frame to keep, before anything is learnt
FLAT, FLAT_COVERED = -6.0, 0.0       # and of how much of the sketch's flat colour to take
REACH = 9                            # pixels a side of the square in which a thing touches what is around it


class CellBlock(nn.Module):
    """Residual block of two 3x3 convolutions at a quarter of the resolution, frame by frame."""

    def __init__(self, width: int, operations: ModuleType, **factory: object) -> None:
        super().__init__()
        self.conv_in = operations.Conv2d(width, width, 3, padding=1, **factory)
        self.conv_out = operations.Conv2d(width, width, 3, padding=1, **factory)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_out(F.silu(self.conv_in(F.silu(x))))


class Finisher(nn.Module):
    """Decoded frames, the first of them and the drawn sketch -> frames."""

    def __init__(self, config: VideoVAEConfig, operations: ModuleType, **factory: object) -> None:
        super().__init__()
        self.side, width = config.cell_size, config.finisher_width
        cell, made = self.side ** 2, 3 + 1 + 1          # values of a pixel that are made: correction, keep, flat
        self.conv_in = operations.Conv2d((3 + DRAWN) * cell, width, 3, padding=1, **factory)
        self.first_in = operations.Conv2d((3 + 1) * cell, width, 3, padding=1, bias=False, **factory)
        self.blocks = nn.ModuleList(CellBlock(width, operations, **factory) for _ in range(config.finisher_depth))
        self.conv_out = operations.Conv2d(width, made * cell, 3, padding=1, **factory)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Start with the priors alone. A meta device is left alone."""
        for layer in (self.conv_out, *(block.conv_out for block in self.blocks)):
            for parameter in (layer.weight, layer.bias):
                if parameter is not None and not parameter.is_meta:
                    parameter.zero_()

    def forward(self, shown: Tensor, drawing: Tensor, first: Tensor, first_drawing: Tensor) -> Tensor:
        """Finish frames.

        Args:
            shown: decoded, `(B, 3, T, H, W)` in [-1, 1], H and W multiples of s.
            drawing: of `sketch.draw_bodies` for the same frames, `(B, 4, T, H, W)`.
            first, first_drawing: of the clip's first frame, T = 1.

        Returns:
            `(B, 3, T, H, W)`, not clamped.
        """
        b, _, t = shown.shape[:3]
        dtype = self.conv_in.weight.dtype
        first_cover = first_drawing[:, -1:]
        is_other = (shown != first).flatten(3).any(-1).any(1)[:, None, :, None, None]       # than the first frame
        first = uncovered(first[:, :, 0].float(), _around(first_cover.float())[:, :, 0])[:, :, None]
        each = torch.cat([shown.to(dtype), drawing.to(dtype)], dim=1).transpose(1, 2).flatten(0, 1)     # (B T, 7, H, W)
        once = torch.cat([first[:, :, 0].to(dtype), first_cover[:, :, 0].to(dtype)], dim=1)             # (B, 4, H, W)
        x = self.conv_in(F.pixel_unshuffle(each, self.side))
        x = x + self.first_in(F.pixel_unshuffle(once, self.side)).repeat_interleave(t, 0)
        for block in self.blocks:
            x = block(x)
        made = F.pixel_shuffle(self.conv_out(F.silu(x)), self.side).unflatten(0, (b, t)).transpose(1, 2).float()
        cover = drawing[:, -1:].float()
        touched = _around(cover)
        keep = torch.sigmoid(made[:, 3:4] + KEEP + (KEEP_TOUCHED - KEEP) * touched)
        flat = torch.sigmoid(made[:, 4:5] + FLAT + (FLAT_COVERED - FLAT) * cover)
        shown = shown.float()
        shown = shown + is_other * keep * (first.float() - shown)
        return shown + flat * (drawing[:, :3].float() - shown) + made[:, :3]


def _around(cover: Tensor) -> Tensor:
    """`(B, 1, T, H, W)`: what is covered, and a few pixels around."""
    for reach in ((1, REACH, 1), (1, 1, REACH)):            # a square, one direction after the other
        cover = F.max_pool3d(cover, reach, 1, tuple(side // 2 for side in reach))
    return cover


def uncovered(picture: Tensor, cover: Tensor) -> Tensor:
    """A picture `(B, 3, H, W)` without what covers it `(B, 1, H, W)`: there, what lies around is spread inwards.

    Source: Gortler et al. 1996, The Lumigraph, section 3.4 (push and pull over a pyramid).
    """
    known = 1 - cover
    if min(picture.shape[2:]) > 1 and bool((known < 1).any()):
        smaller = F.avg_pool2d(known, 2, ceil_mode=True)
        spread = F.avg_pool2d(picture * known, 2, ceil_mode=True) / smaller.clamp(min=1e-6)
        below = uncovered(spread, 1 - (smaller * 4).clamp(max=1))
        below = F.interpolate(below, size=picture.shape[2:], mode="bilinear", align_corners=False)
        return picture * known + below * (1 - known)
    return picture
