"""Blocks that the text encoder and the transformer share.

Legend: B batch, L tokens, D width, H heads, K channels a head. `operations` is `torch.nn` or ComfyUI's drop-in
for it (`comfy.ops`), so that its memory management and LoRA patches reach every layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6


def rms_norm(x: Tensor) -> Tensor:
    """Root-mean-square normalisation over the last axis, without weights. Source: arXiv:1910.07467, eq. 4."""
    return F.rms_norm(x, (x.shape[-1],), eps=EPSILON)


def sinusoidal_embedding(values: Tensor, width: int, max_period: float = 10000.0) -> Tensor:
    """`(...)` -> `(..., width)` cosines and sines. Source: Vaswani et al. 2017, section 3.5."""
    half = width // 2
    frequencies = torch.exp(-math.log(max_period) * torch.arange(half, device=values.device) / half)
    angles = values.float().unsqueeze(-1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def rotary_angles(positions: Tensor, ranges: list[tuple[int, float, float]]) -> Tensor:
    """Angles for rotary positions over several axes.

    Args:
        positions: `(..., axes)`, in any unit.
        ranges: per axis (channel pairs, lowest, highest angular frequency in radians per unit).

    Returns:
        `(..., K / 2)` in radians, K twice the sum of the pairs. Source: RoFormer, arXiv:2104.09864, eq. 15.
    """
    parts = []
    for axis, (pairs, low, high) in enumerate(ranges):
        steps = torch.linspace(0, 1, pairs, device=positions.device)
        frequencies = low * (high / low) ** steps
        parts.append(positions[..., axis:axis + 1].float() * frequencies)
    return torch.cat(parts, dim=-1)


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn channel pairs (i, i + K/2) of `x` `(B, H, L, K)` by angles given as `(B or 1, 1, L, K / 2)`."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=-1)


def initialise(network: nn.Module, *, embedding_std: float, zero: Iterable[nn.Module]) -> None:
    """Initial values for training: Xavier for linear layers (Glorot & Bengio 2010, eq. 16), normal for embeddings.

    Args:
        zero: layers whose weights and biases are zero, so that what they add begins as nothing.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=embedding_std)
    for module in zero:
        nn.init.zeros_(module.weight)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)


class Attention(nn.Module):
    """Multi-head self-attention with query-key normalisation (arXiv:2302.05442, section 2.2) and rotary positions."""

    def __init__(self, width: int, num_heads: int, *, operations: Any, dtype: torch.dtype | None,
                 device: torch.device | None) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = operations.Linear(width, 3 * width, bias=False, dtype=dtype, device=device)
        self.out = operations.Linear(width, width, bias=False, dtype=dtype, device=device)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """`x` `(B, L, D)`; `rotary` cosines and sines; `mask` `(B, 1, 1, L)`, true where a token may be looked at."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.num_heads, width // self.num_heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, L, K)
        query = rotate(rms_norm(query), *rotary).to(value.dtype)
        key = rotate(rms_norm(key), *rotary).to(value.dtype)
        y = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    """SwiGLU. Source: arXiv:2002.05202, eq. 6."""

    def __init__(self, width: int, hidden: int, *, operations: Any, dtype: torch.dtype | None,
                 device: torch.device | None) -> None:
        super().__init__()
        self.gate = operations.Linear(width, 2 * hidden, bias=False, dtype=dtype, device=device)
        self.out = operations.Linear(hidden, width, bias=False, dtype=dtype, device=device)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.gate(x).chunk(2, dim=-1)
        return self.out(F.silu(gate) * value)
