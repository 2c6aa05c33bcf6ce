"""Video autoencoder: a linear encoder fitted in seconds, a convolutional decoder that repairs what it loses.

Legend: B batch, C latent channels, T H W frames and pixels, t h w latent frames and latent cells (lower case),
K frames in a latent (8), f one of them, P pixels a side of a latent (16), s pixels a side of a decoder cell (4).

Encoding is one matrix (a KLT, that is PCA, of patches of 8 frames x 16 x 16 pixels), so latents are known before any
network is trained, never drift, and cost nothing. Decoding starts at that matrix's transpose and adds what a network
sees in the neighbouring latents: moving outlines, no seams. It is causal: latent k reads latents <= k only.
Everything that is specific to the data (means, scales) is folded into weights, so nobody else has to know them.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import VideoVAEConfig
from ..errors import ConfigError
from ..shapes import SKETCH_CHANNELS, check_size, video_latent_frames
from .carried import carried_colours, draw_carried
from .finisher import CellBlock, Finisher
from .steady import State as SteadyColours
from .steady import steadied

CONTEXT_DEPTH = 3        # residual blocks on the latent grid; each also looks one latent frame back
CHUNK_CELLS = 256        # latent cells (times batch) to decode at once where one latent frame has fewer: fits caches
TILE_CELLS = 1024        # a latent frame of more cells than this is decoded in tiles
# A clip's first frame (B, 3, 1, H, W), the sketch in it (B, 4, 1, H, W), its things' colours, and the steady ones
First = tuple[Tensor, Tensor, Tensor, SteadyColours | None]
State = list[Tensor]     # what each context block remembers of the latest latent frame: (B, context_width, h, w)


class ContextBlock(nn.Module):
    """Residual block on the latent grid: mixes with the latent frame before, then with the eight neighbours."""

    def __init__(self, width: int, operations: ModuleType, **factory: object) -> None:
        super().__init__()
        self.norm = operations.LayerNorm(width, **factory)
        self.mix = operations.Conv2d(2 * width, width, 1, **factory)
        self.conv = operations.Conv2d(width, width, 3, padding=1, **factory)
        self.project = operations.Conv2d(width, width, 1, **factory)

    def forward(self, x: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (B, t, C, h, w) and the memory (B, C, h, w) or None -> the same shape and the new memory."""
        y = self.norm(x.movedim(2, -1)).movedim(-1, 2)
        first = torch.zeros_like(y[:, :1]) if before is None else before.to(y.dtype)[:, None]
        shifted = torch.cat([first, y[:, :-1]], dim=1)
        z = torch.cat([y, shifted], dim=2).flatten(0, 1)                      # (B*t, 2C, h, w)
        z = F.silu(self.conv(F.silu(self.mix(z))))
        return x + self.project(z).view_as(x), y[:, -1]


class VideoVAE(nn.Module):
    """Video (B, 3, T, H, W) in [-1, 1] <-> latents (B, C, t, h, w) with about unit variance.

    T = 1 + 8 k, H = 16 h, W = 16 w (with the default configuration). `encoder` and `base` are set once by
    `training.video_vae.fit_klt` and stay frozen; only the correction is trained.
    """

    def __init__(self, config: VideoVAEConfig, *, operations: ModuleType = nn, dtype: torch.dtype | None = None,
                 device: torch.device | str | None = None) -> None:
        super().__init__()
        if config.spatial_compression % config.cell_size:
            raise ConfigError(f"VideoVAEConfig.cell_size={config.cell_size} does not divide spatial_compression="
                              f"{config.spatial_compression}; use a divisor of it")
        self.config = config
        factory = {"dtype": dtype, "device": device}
        frames, side, width = config.temporal_compression, config.spatial_compression, config.cell_width
        self.cells = side // config.cell_size                    # a side of a latent
        self.cell_values = 3 * config.cell_size ** 2             # numbers in one cell of one frame
        patch = frames * self.cells ** 2 * self.cell_values
        self.encoder = operations.Linear(patch, config.latent_channels, **factory)
        self.base = operations.Linear(config.latent_channels, patch, **factory)

        context = config.context_width
        self.context_in = operations.Conv2d(config.latent_channels, context, 3, padding=1, **factory)
        self.context_blocks = nn.ModuleList(
            ContextBlock(context, operations, **factory) for _ in range(CONTEXT_DEPTH))
        self.features = width // 2
        self.to_cells = operations.Linear(context, frames * self.cells ** 2 * self.features, **factory)
        self.cell_in = operations.Conv2d(self.cell_values + self.features, width, 3, padding=1, **factory)
        self.cell_blocks = nn.ModuleList(CellBlock(width, operations, **factory) for _ in range(config.cell_depth))
        self.cell_out = operations.Conv2d(width, self.cell_values, 3, padding=1, **factory)
        self.finisher = Finisher(config, operations, **factory)
        self.reset_parameters()

    @property
    def adamw_parameters(self) -> tuple[str, ...]:
        """Prefixes of parameters that AdamW trains: all of them (convolutions and projections)."""
        return ("",)

    @property
    def halo(self) -> int:
        """Latent cells of surroundings that a decoded latent cell depends on."""
        cells = 2 + 2 * self.config.cell_depth
        return 1 + CONTEXT_DEPTH + -(-cells // self.cells)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Start as the bare KLT: every residual branch and the correction are zero. A meta device is left alone."""
        for block in self.context_blocks:
            last = (block.project.weight, block.project.bias)
            _zero(*last)
        for block in self.cell_blocks:
            _zero(block.conv_out.weight, block.conv_out.bias)
        _zero(self.cell_out.weight, self.cell_out.bias)
        self.finisher.reset_parameters()

    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Latents of a clip: the first frame, then what differs from it (see `to_changes`).

        Args:
            video_BCTHW: (B, 3, T, H, W) in [-1, 1], H and W multiples of 16; the last frame is repeated to fill the
                last latent.
        Returns:
            (B, C, t, h, w) float, t = 1 + ceil((T - 1) / 8).
        Raises:
            ConfigError: not such a video.
        """
        return to_changes(self.encode_each(video_BCTHW))

    def encode_each(self, video_BCTHW: Tensor) -> Tensor:
        """As `encode`, but each latent frame for itself."""
        if video_BCTHW.ndim != 5 or video_BCTHW.shape[1] != 3 or video_BCTHW.shape[2] < 1:
            raise ConfigError(f"a video of shape {tuple(video_BCTHW.shape)} can't be encoded; use (B, 3, T, H, W)")
        frames = self.config.temporal_compression
        check_size(video_BCTHW.shape[-1], video_BCTHW.shape[-2], self.config.spatial_compression)
        video = video_BCTHW.to(self.encoder.weight.dtype)
        num_latents = video_latent_frames(video.shape[2], frames)
        missing = frames * num_latents - (video.shape[2] + frames - 1)
        video = torch.cat([video[:, :, :1].expand(-1, -1, frames - 1, -1, -1), video,
                           video[:, :, -1:].expand(-1, -1, missing, -1, -1)], dim=2)
        chunks = [self.encoder(self.to_patches(part)) for part in video.split(frames, dim=2)]
        return torch.cat(chunks, dim=1).movedim(-1, 1).float()

    def to_patches(self, video_BCTHW: Tensor) -> Tensor:
        """(B, 3, 8 t, H, W) -> (B, t, h, w, patch), in the order frame, cell row, cell column, channel, y, x."""
        b, _, t, h, w = video_BCTHW.shape
        k, n, s = self.config.temporal_compression, self.cells, self.config.cell_size
        x = video_BCTHW.reshape(b, 3, t // k, k, h // (n * s), n, s, w // (n * s), n, s)
        return x.permute(0, 2, 4, 7, 3, 5, 8, 1, 6, 9).flatten(4)   # b t h w (k n n 3 s s)

    def decode(self, latents_BCthw: Tensor) -> Tensor:
        """The whole clip at once, (B, 3, 1 + 8 (t - 1), H, W) float in [-1, 1]; see `decode_stream`."""
        return torch.cat(list(self.decode_stream(latents_BCthw)), dim=2)

    def decode_stream(self, latents_BCthw: Tensor, tile: int | None = None) -> Iterator[Tensor]:
        """The clip in pieces of a few frames, so that memory doesn't grow with its length.

        Args:
            latents_BCthw: (B, C, t, h, w), t >= 1; or (B, C + SKETCH_CHANNELS, t, h, w), which carry their sketch, and
                what moves is sharper.
            tile: side in pixels of the squares decoded on their own (with surroundings enough that the result is the
                same); None decides by the size.
        Yields:
            (B, 3, T', H, W) float in [-1, 1]; the first piece has 1 + 8 k frames, the others 8 k.
        Raises:
            ConfigError: latents of another model, or a tile that is not a multiple of 16.
        """
        self._check_latents(latents_BCthw)
        latents_BCthw, carried = latents_BCthw.tensor_split([self.config.latent_channels], dim=1)
        latents_BCthw = from_changes(latents_BCthw)
        b, _, t, h, w = latents_BCthw.shape
        side = self._tile_cells(tile, h, w)
        tiles = [(y, x) for y in range(0, h, side) for x in range(0, w, side)]
        reach = self.halo
        states: list[State | None] = [None] * len(tiles)
        first: First | None = None
        carries = bool(carried.any())       # zeros are no sketch
        step = max(1, CHUNK_CELLS // (b * min(h, side + 2 * reach) * min(w, side + 2 * reach)))
        scale = self.config.spatial_compression
        for start in range(0, t, step):
            chunk = latents_BCthw[:, :, start:start + step]
            parts = []
            for index, (y, x) in enumerate(tiles):
                top, left = max(0, y - reach), max(0, x - reach)
                around = chunk[..., top:y + side + reach, left:x + side + reach]
                part, states[index] = self.decode_chunk(around, states[index])
                part = part[..., (y - top) * scale:(y - top + side) * scale, :]
                parts.append(part[..., (x - left) * scale:(x - left + side) * scale].clamp(-1, 1).float())
            columns = -(-w // side)
            rows = [torch.cat(parts[i:i + columns], dim=-1) for i in range(0, len(parts), columns)]
            shown = torch.cat(rows, dim=-2)
            if carries:
                shown, first = self._finish(shown, carried[:, :, start:start + step], first)
            yield shown

    def decode_chunk(self, latents_BCthw: Tensor, state: State | None = None,
                     frames: Tensor | None = None) -> tuple[Tensor, State]:
        """Decode some latent frames given the memory of those before; None means that a clip starts here.

        Args:
            latents_BCthw: each latent frame for itself, as from `encode_each`.
            frames: which of the chunk's frames to decode, int64; None decodes all. Neighbouring frames teach the
                decoder nearly the same, so training skips most of them.
        Returns:
            Video (B, 3, T, H, W), not clamped, T = 8 t, or 8 t - 7 at the start of a clip; and the memory for the next
            chunk.
        """
        latents = latents_BCthw.to(self.base.weight.dtype)
        b, _, t, h, w = latents.shape
        k, n, s = self.config.temporal_compression, self.cells, self.config.cell_size
        features, state_after = self._context(latents, state)
        base = self.base(latents.movedim(1, -1)).view(b, t, h, w, k, n, n, self.cell_values)
        cells = torch.cat([base, features.view(b, t, h, w, k, n, n, self.features)], dim=-1)
        cells = cells.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, t * k, h * n, w * n, -1)   # b T y x c
        if state is None:   # the first latent holds one frame eight times over
            cells = torch.cat([cells[:, :k].mean(dim=1, keepdim=True), cells[:, k:]], dim=1)
        if frames is not None:
            cells = cells[:, frames]
        cells = cells.flatten(0, 1).movedim(-1, 1)                                          # (B*T, c, y, x)
        x = self.cell_in(cells)
        for block in self.cell_blocks:
            x = block(x)
        x = cells[:, :self.cell_values] + self.cell_out(F.silu(x))
        return F.pixel_shuffle(x, s).view(b, -1, 3, h * n * s, w * n * s).transpose(1, 2), state_after

    def _context(self, latents: Tensor, state: State | None) -> tuple[Tensor, State]:
        b, _, t, h, w = latents.shape
        x = self.context_in(latents.transpose(1, 2).flatten(0, 1)).view(b, t, -1, h, w)
        after = []
        for index, block in enumerate(self.context_blocks):
            x, memory = block(x, None if state is None else state[index])
            after.append(memory)
        return self.to_cells(F.silu(x).movedim(2, -1)), after

    def _finish(self, shown: Tensor, carried: Tensor, first: First | None) -> tuple[Tensor, First]:
        """Decoded frames with what the latents' sketch knows, and what is to be remembered of the first."""
        drawing, is_drawn = draw_carried(carried, *shown.shape[3:], self.config.temporal_compression)
        drawing, is_drawn = drawing[:, :, -shown.shape[2]:], is_drawn[:, -shown.shape[2]:]   # 1 at first
        if first is None:
            first = shown[:, :, :1], drawing[:, :, :1], carried_colours(carried), None
        if bool(is_drawn.any()):
            finished = self.finisher(shown, drawing, *first[:2]).clamp(-1, 1).float()
            finished, steady = steadied(finished, drawing, *first[2:])
            first = *first[:3], steady
            shown = torch.where(is_drawn[:, None, :, None, None], finished, shown)
        return shown, first

    def _check_latents(self, latents: Tensor) -> None:
        channels = self.config.latent_channels
        if latents.ndim != 5 or latents.shape[1] not in (channels, channels + SKETCH_CHANNELS) or 0 in latents.shape:
            raise ConfigError(f"video latents of shape {tuple(latents.shape)} don't fit this model; "
                              f"use (B, {channels}, T, H, W)")

    def _tile_cells(self, tile: int | None, h: int, w: int) -> int:
        scale = self.config.spatial_compression
        if tile is None:
            return max(h, w) if h * w <= TILE_CELLS else max(1, int(TILE_CELLS ** 0.5) - 2 * self.halo)
        check_size(tile, tile, scale)
        return tile // scale


def to_changes(latents_BCthw: Tensor) -> Tensor:
    """Latents of frames, each for itself -> the first, and the others as differences from it.

    What stands still becomes zero, so that a generator draws the scene once and then only what happens in it, as
    video codecs do with a key frame.
    """
    first = latents_BCthw[:, :, :1]
    return torch.cat([first, latents_BCthw[:, :, 1:] - first], dim=2)


def from_changes(latents_BCthw: Tensor) -> Tensor:
    """The inverse of `to_changes`."""
    first = latents_BCthw[:, :, :1]
    return torch.cat([first, latents_BCthw[:, :, 1:] + first], dim=2)


def _zero(*parameters: Tensor | None) -> None:
    for parameter in parameters:
        if parameter is not None and not parameter.is_meta:
            parameter.zero_()
