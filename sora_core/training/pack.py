"""Put separately trained networks together into one checkpoint, in half precision and small shards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from ..checkpoint import load_checkpoint, save_checkpoint
from ..config import COMPONENTS
from ..errors import CheckpointError

SHARD_BYTES = 15 << 20


def pack(parts: Iterable[Path], output: Path) -> list[Path]:
    """Merge checkpoints; of a network that several hold, the last one wins.

    Args:
        parts: checkpoints that together hold all four networks.
        output: `NAME.safetensors`, written as shards of at most 15 MiB in bfloat16.

    Raises:
        CheckpointError: a network is missing.
    """
    config, tensors, training, vocabulary = {}, {}, {}, None
    for part in parts:
        checkpoint = load_checkpoint(part)
        for name in checkpoint.config:
            config[name] = checkpoint.config[name]
            tensors[name] = {key: value.to(torch.bfloat16) if value.is_floating_point() else value
                             for key, value in checkpoint.tensors[name].items()}
            training[name] = checkpoint.training.get(name, checkpoint.training)
        if "text_encoder" in checkpoint.config:
            vocabulary = checkpoint.vocabulary
    missing = sorted(set(COMPONENTS) - set(config))
    if missing:
        raise CheckpointError(f"no part holds the {missing[0]}; name a checkpoint that does")
    return save_checkpoint(output, config=config, tensors=tensors, vocabulary=vocabulary, training=training,
                           shard_bytes=SHARD_BYTES)
