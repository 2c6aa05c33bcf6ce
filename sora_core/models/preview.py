"""A quick look at video latents while they are being made: the linear part of the video autoencoder alone.

Legend: B batch, C latent channels, t h w latent frames and cells, H W pixels. It costs one small matrix product, so it
can be shown after every step of the sampler.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import VideoVAEConfig
from .video_vae import from_changes

MOMENTS = 4     # of the clip, shown as a sheet of two by two


class LatentPreview:
    """Latents of one clip -> a sheet of a few of its moments.

    Args:
        weight: `base.weight` of the video autoencoder, (8 x 16 x 16 x 3, C) in the order of `VideoVAE.to_patches`.
        bias: `base.bias`.
        config: of the same autoencoder.
    """

    def __init__(self, weight: Tensor, bias: Tensor, config: VideoVAEConfig) -> None:
        per_frame = weight.shape[0] // config.temporal_compression
        self.weight = weight[-per_frame:].detach().float().cpu()    # the last frame of each latent: pixels x C
        self.bias = bias[-per_frame:].detach().float().cpu()
        self.cells = config.spatial_compression // config.cell_size
        self.cell_size = config.cell_size

    def __call__(self, latents_BCthw: Tensor) -> Tensor:
        """The first clip of (B, C, t, h, w) -> (1, 3, H, W) in [-1, 1]: four moments in two rows, or the only one."""
        frames = latents_BCthw.shape[2]
        count = MOMENTS if frames >= MOMENTS else 1
        moments = torch.linspace(0, frames - 1, count).round().long().tolist()
        channels = self.weight.shape[1]     # a sketch that is carried behind them isn't shown
        pictures = self.frames(from_changes(latents_BCthw[:1, :channels])[0, :, moments])
        if count == 1:
            return pictures
        rows = [torch.cat(list(pictures[i:i + 2]), dim=-1) for i in range(0, count, 2)]
        return torch.cat(rows, dim=-2)[None]

    def frames(self, latents_Cthw: Tensor) -> Tensor:
        """(C, t, h, w), each for itself -> (t, 3, H, W) in [-1, 1]: the last frame that each latent holds."""
        self.weight, self.bias = self.weight.to(latents_Cthw.device), self.bias.to(latents_Cthw.device)
        pixels = F.linear(latents_Cthw.movedim(0, -1).float(), self.weight, self.bias)      # t h w (n n 3 s s)
        t, h, w, _ = pixels.shape
        n, s = self.cells, self.cell_size
        pixels = pixels.view(t, h, w, n, n, 3, s, s).permute(0, 5, 1, 3, 6, 2, 4, 7)        # t 3 h n s w n s
        return pixels.reshape(t, 3, h * n * s, w * n * s).clamp(-1, 1)
