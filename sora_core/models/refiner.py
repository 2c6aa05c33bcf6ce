"""Convolutions on the latent grid that make neighbouring tokens agree.

Tokens carry meaning over the whole clip; where exactly an outline runs is a local matter that convolutions learn from
far fewer clips, since every place of every frame teaches the same weights (as in hourglass transformers,
arXiv:2401.11605, section 4).

Legend: B batch, C latent channels, T' H' W' video latents, R width, D token width, p patch size.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import TransformerConfig
from .guide import Guide

BLOCKS = 2


class LocalRefiner(nn.Module):
    """Noisy latents and the tokens' opinion of them -> a further correction of the clean latents."""

    def __init__(self, config: TransformerConfig, *, operations: Any, dtype: torch.dtype | None,
                 device: torch.device | None) -> None:
        super().__init__()
        tensor = {"dtype": dtype, "device": device}
        channels, width = config.video_channels, config.refiner_width
        self.patch_size = config.patch_size
        self.token_in = operations.Linear(config.width, 2 * width * config.patch_size ** 2, **tensor)
        self.latent_in = operations.Conv2d(2 * channels, width, 3, padding=1, **tensor)
        self.guide_in = operations.Conv2d(4 * channels, width, 3, padding=1, bias=False, **tensor)
        self.time_mix = operations.Conv2d(3 * width, width, 1, **tensor)
        self.conv = operations.Conv2d(width, width, 3, padding=1, **tensor)
        self.blocks = nn.ModuleList(RefinerBlock(width, operations, **tensor) for _ in range(BLOCKS))
        self.out = operations.Conv2d(width, channels, 3, padding=1, **tensor)
        self.forget = operations.Conv2d(width, 1, 3, padding=1, **tensor)
        self.hold = operations.Conv2d(width, 1, 3, padding=1, **tensor)

    def forward(self, video: Tensor, tokens: Tensor, guide: Guide | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Correct the latents, and say where the first frame is to be forgotten and where it is to be kept.

        Args:
            video: noisy, `(B, C, T', H', W')`; tokens: normalised, `(B, T' H'/p W'/p, D)`.

        Returns:
            Corrections `(B, C, T', H', W')`, and two shares `(B, 1, T', H', W')`. What is corrected is a difference
            from the first frame: the first share is how much of that frame to take away, 1 where a thing was and has
            gone; the second is how much of the difference to leave out, 1 where all is still.
        """
        b, c, t, h, w = video.shape
        p = self.patch_size
        video = video.to(tokens.dtype)
        x = self.latent_in(_beside_first(video))                               # (B T', R, H', W')
        if guide is not None:
            x = x + self.guide_in(_beside_first(guide.video.to(tokens.dtype)))
        advice = self.token_in(tokens).view(b * t, h // p, w // p, -1, p, p)
        scale, shift = advice.permute(0, 3, 1, 4, 2, 5).reshape(b * t, -1, h, w).chunk(2, dim=1)
        x = F.silu(x * (1 + scale) + shift).view(b, t, -1, h, w)
        y = x.flatten(0, 1) + self.conv(F.silu(self.time_mix(_beside_neighbours(x))))
        for block in self.blocks:
            y = block(y.view(b, t, -1, h, w))
        y = F.silu(y)
        out, forget, hold = (layer(y).view(b, t, -1, h, w).transpose(1, 2)
                             for layer in (self.out, self.forget, self.hold))
        return out, forget, hold


class RefinerBlock(nn.Module):
    """Residual block that looks one latent frame back and ahead, and at the eight cells around."""

    def __init__(self, width: int, operations: Any, **tensor: Any) -> None:
        super().__init__()
        self.time_mix = operations.Conv2d(3 * width, width, 1, **tensor)
        self.conv = operations.Conv2d(width, width, 3, padding=1, **tensor)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T', R, H', W')` -> `(B T', R, H', W')`."""
        return x.flatten(0, 1) + self.conv(F.silu(self.time_mix(F.silu(_beside_neighbours(x)))))


def _beside_neighbours(x: Tensor) -> Tensor:
    """`(B, T', R, H', W')` -> `(B T', 3 R, H', W')`: the frame before, the frame, the frame after, or zeros."""
    around = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
    return torch.cat([around[:, :-2], x, around[:, 2:]], dim=2).flatten(0, 1)


def _beside_first(x: Tensor) -> Tensor:
    """`(B, C, T', H', W')` -> `(B T', 2 C, H', W')`: each latent frame beside the first, which it differs from."""
    return torch.cat([x, x[:, :, :1].expand_as(x)], dim=1).transpose(1, 2).flatten(0, 1)
