"""A small bidirectional transformer over subwords: the words of a prompt to states that the video model reads.

Legend: B batch, L tokens, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..config import TextEncoderConfig
from .layers import Attention, FeedForward, rms_norm, rotary_angles


class TextBlock(nn.Module):
    def __init__(self, config: TextEncoderConfig, **factory: Any) -> None:
        super().__init__()
        self.attention = Attention(config.width, config.num_heads, **factory)
        self.feed_forward = FeedForward(config.width, config.width * 2, **factory)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        x = x + self.attention(rms_norm(x), rotary, mask)
        return x + self.feed_forward(rms_norm(x))


class TextEncoder(nn.Module):
    """Token ids to states, trained together with the transformer that reads them."""

    adamw_parameters = fast_parameters = ("embedding",)

    def __init__(self, config: TextEncoderConfig, *, operations: Any = nn, dtype: torch.dtype | None = None,
                 device: torch.device | None = None) -> None:
        super().__init__()
        factory = {"operations": operations, "dtype": dtype, "device": device}
        self.config = config
        self.embedding = operations.Embedding(config.vocabulary_size, config.width, dtype=dtype, device=device)
        self.blocks = nn.ModuleList(TextBlock(config, **factory) for _ in range(config.depth))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """`ids` `(B, L)` int64 and `mask` `(B, L)`, true at real tokens -> states `(B, L, D)`, zero at padding."""
        x = self.embedding(ids)  # (B, L, D)
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(-1)  # (L, 1)
        pairs = self.config.width // self.config.num_heads // 2
        angles = rotary_angles(positions, [(pairs, 1e-3, 1.0)])
        rotary = (angles.cos().to(x.dtype), angles.sin().to(x.dtype))
        for block in self.blocks:
            x = block(x, rotary, mask[:, None, None, :])
        return rms_norm(x) * mask.unsqueeze(-1).to(x.dtype)
