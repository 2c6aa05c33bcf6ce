"""LoRA: small changes of the transformer's weights, from a file, at a strength.

The layout is ComfyUI's: `diffusion_model.LAYER.lora_down.weight` and `.lora_up.weight` (or `.lora_A.` and `.lora_B.`,
as others write them) with an optional `.alpha`, so that files made here load there and the other way round.
Source: Hu et al. 2021, LoRA, arXiv:2106.09685, section 4.1.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .checkpoint import read_tensors
from .errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from .pipeline import Models

PREFIX = "diffusion_model."
DOWN, UP, ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"
ALIASES = {".lora_A.weight": DOWN, ".lora_B.weight": UP}
MAX_STRENGTH = 10.0


@dataclass(frozen=True)
class LoRA:
    """Changes of weights by the layer's name in the transformer, and the file's sha256."""

    layers: dict[str, tuple[Tensor, Tensor, float]]     # down (R, ...), up (D, R, ...), factor
    hash: str

    def change(self, layer: str) -> Tensor:
        """What is added to the layer's weight at strength 1, as a matrix, float32."""
        down, up, factor = self.layers[layer]
        return factor * (up.float().flatten(1) @ down.float().flatten(1))


def parse_spec(text: str) -> tuple[str, float]:
    """`FILE` or `FILE:STRENGTH` -> path and strength; a colon within a path is left alone.

    Raises:
        ConfigError: a strength that is not a number from -10 to 10.
    """
    path, colon, number = text.rpartition(":")
    if not colon or number.endswith(".safetensors"):
        return text, 1.0
    try:
        strength = float(number)
    except ValueError:
        strength = math.nan
    if not -MAX_STRENGTH <= strength <= MAX_STRENGTH:
        raise ConfigError(f"the strength {number!r} of {path!r} is not a number from {-MAX_STRENGTH:g} to "
                          f"{MAX_STRENGTH:g}; write FILE:0.8")
    return path, strength


def read_lora(path: str | Path) -> LoRA:
    """Read a LoRA of the transformer.

    Raises:
        CheckpointError: not safetensors, damaged, or not a LoRA of this kind of network.
    """
    tensors, _, digest = read_tensors(path)
    name = Path(path).name
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        ending = next((ending for ending in (DOWN, UP, ALPHA, *ALIASES) if key.endswith(ending)), None)
        if ending is None or not key.startswith(PREFIX):
            raise CheckpointError(f"{name} holds {key!r}, which is not part of a LoRA of the transformer; use one that "
                                  "was trained on this model")
        parts.setdefault(key[len(PREFIX):-len(ending)], {})[ALIASES.get(ending, ending)] = value
    layers = {}
    for layer, part in parts.items():
        if DOWN not in part or UP not in part or part[UP].ndim < 2 or part[UP].shape[1] != part[DOWN].shape[0]:
            raise CheckpointError(f"{name} is not whole at {layer}; use an undamaged LoRA")
        rank = part[DOWN].shape[0]
        alpha = part[ALPHA].flatten() if ALPHA in part else torch.tensor([rank])
        layers[layer] = (part[DOWN], part[UP], float(alpha[0]) / rank)
    return LoRA(layers, digest)


@torch.no_grad()
def with_loras(models: Models, specs: Sequence[tuple[str, float]]) -> Models:
    """Models whose transformer is changed by LoRAs, each at its strength; 0 changes nothing, not even the hash.

    Args:
        specs: paths and strengths, as `parse_spec` gives them.

    Raises:
        CheckpointError: a file that can't be used, or is of another model.
    """
    for path, strength in specs:
        lora = read_lora(path)
        transformer = copy.deepcopy(models.transformer)
        weights = transformer.state_dict()
        for layer, (down, up, _) in lora.layers.items():
            weight = weights.get(f"{layer}.weight")
            if weight is None or weight.shape[0] != up.shape[0] or weight[0].numel() != down[0].numel():
                raise CheckpointError(f"{Path(path).name} doesn't fit this model at {layer}; use a LoRA that was "
                                      "trained on it")
            change = strength * lora.change(layer).view(weight.shape)
            weight.copy_((weight.float() + change).to(weight.dtype))
        if strength:
            digest = hashlib.sha256(f"{models.hash} {lora.hash} {strength!r}".encode()).hexdigest()
            models = replace(models, transformer=transformer, hash=digest)
    return models
