"""A synthetic checkpoint of all five networks, small enough that every test of the whole path takes a moment."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import torch

import sora_core.world  # noqa: F401, before any test imports MuJoCo: see load_triton there
from sora_core.checkpoint import save_checkpoint
from sora_core.config import (
    AudioVAEConfig,
    Config,
    SketcherConfig,
    TextEncoderConfig,
    TransformerConfig,
    VideoVAEConfig,
)
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.sketcher import Sketcher
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.tokenizer import train_tokenizer
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE

os.environ.setdefault("SORACORE_HOME", tempfile.mkdtemp(prefix="soracore-"))   # keys of tests, not the user's

TINY: dict[str, Config] = {
    "transformer": TransformerConfig(video_channels=8, audio_channels=4, text_width=16, width=32, depth=2, num_heads=2),
    "sketcher": SketcherConfig(video_channels=8, text_width=16, width=32, depth=1, num_heads=2),
    "text_encoder": TextEncoderConfig(vocabulary_size=360, width=16, depth=1, num_heads=2, max_tokens=64),
    "video_vae": VideoVAEConfig(latent_channels=8, context_width=8, cell_width=8, cell_depth=1),
    "audio_vae": AudioVAEConfig(latent_channels=4, width=16, depth=1),
}
FACTORIES = {"transformer": SoraTransformer, "sketcher": Sketcher, "text_encoder": TextEncoder, "video_vae": VideoVAE,
             "audio_vae": AudioVAE}


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sharded checkpoint of untrained, tiny networks. Never write to it."""
    folder = tmp_path_factory.mktemp("tiny")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = {name: FACTORIES[name](config).state_dict() for name, config in TINY.items()}
    vocabulary = train_tokenizer(["a red ball drops onto the wooden floor", "a blue box falls"] * 3, 350).to_json()
    save_checkpoint(folder / "tiny.safetensors", config=TINY, tensors=tensors, vocabulary=vocabulary,
                    training={"steps": 0}, shard_bytes=100_000)
    return folder
