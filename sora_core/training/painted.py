"""Clips as the transformer paints them, for the video decoder to learn from.

A true clip's latents are half covered with noise and painted anew over the true sketch, or all but its first frame is
painted from nothing. What comes out shows the same clip, nearly pixel for pixel, with the faults that painted latents
have; a decoder that has seen them, and knows the sketch, mends them.

Legend: B batch, C latent channels, T H W frames and pixels, T' H' W' video latents.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from ..checkpoint import Checkpoint, build
from ..errors import ConfigError
from ..models.guide import Guide, hit_features
from ..models.sketch import Sketch
from ..models.text_encoder import TextEncoder
from ..models.tokenizer import Tokenizer
from ..models.transformer import SoraTransformer
from ..sampling.flow import DEFAULT_GUIDANCE_SCALE, Given, euler, schedule
from ..sampling.guidance import guided_velocity
from ..setting import read_setting
from .data import read_sketch, sketched

LEAST_NOISE, MOST_NOISE = 0.15, 0.5     # the timestep that painting starts from; more would change what is shown
STEPS, STEPS_ANEW = 4, 6
FRAME_RATE = 24.0


class PaintedClips:
    """Random clips of a pool and what the transformer makes of them."""

    def __init__(self, files: list[Path], cache: Path, checkpoint: Checkpoint) -> None:
        self.files = [file for file in files if (Path(cache) / file.name).exists()]
        if not self.files:
            raise ConfigError(f"{cache} holds no latents of these clips; name the --cache that the transformer's "
                              "training made")
        self.cache = Path(cache)
        self.transformer = build(checkpoint, "transformer", SoraTransformer).requires_grad_(False)
        self.text_encoder = build(checkpoint, "text_encoder", TextEncoder).requires_grad_(False)
        self.tokenizer = Tokenizer.from_json(checkpoint.vocabulary)

    def draw(self, rng: np.random.Generator, anew_share: float = 0.0) -> tuple[Tensor, Tensor, Sketch]:
        """One clip: the true video `(1, 3, T, H, W)` in [-1, 1], painted latents `(1, C, T', H', W')`, the true sketch.

        Args:
            anew_share: of the clips, that keep nothing but their first frame and are painted from noise.
        """
        file = self.files[int(rng.integers(len(self.files)))]
        with safe_open(self.cache / file.name, "pt") as cached:
            captions = json.loads(cached.metadata()["captions"])
            row = int(rng.integers(len(captions)))
            latents, sound, drawn = (cached.get_slice(name)[row:row + 1].float()
                                     for name in ("video", "audio", "guide"))
            sketch = read_sketch(cached)[row:row + 1]
        count = len(captions) // 2      # those after the half are mirrored
        with safe_open(file, "pt") as shard:
            place = sketched(json.loads(shard.metadata()["records"]))[row % count]
            video = shard.get_slice("video")[place:place + 1]
        video = video.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        guide = Guide(drawn, hit_features(sketch, sound.shape[2]), torch.tensor([read_setting(*captions[row])]))
        is_anew = anew_share > 0 and rng.random() < anew_share
        painted = self._paint(latents, sound, guide, str(rng.choice(captions[row])), rng, is_anew)
        return video.flip(-1) if row >= count else video, painted, sketch

    @torch.no_grad()
    def _paint(self, latents: Tensor, sound: Tensor, guide: Guide, text: str, rng: np.random.Generator,
               is_anew: bool) -> Tensor:
        ids, nothing = (torch.tensor([self.tokenizer.encode(words)]) for words in (text, ""))
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        start = 1.0 if is_anew else float(rng.uniform(LEAST_NOISE, MOST_NOISE))
        sigmas = torch.linspace(start, 0, STEPS + 1)
        noisy, noisy_sound = ((1 - start) * x + start * torch.randn(x.shape, generator=generator)
                              for x in (latents, sound))
        given = None
        if is_anew:
            sigmas = schedule(STEPS_ANEW)
            video_mask = torch.ones(latents[:, 0].shape)
            video_mask[:, 0] = 0
            given = Given(latents, sound, video_mask, torch.ones(sound[:, 0].shape))
        with torch.autocast("cpu", torch.bfloat16):
            wanted, unwanted = (self.text_encoder(x, torch.ones_like(x, dtype=torch.bool)) for x in (ids, nothing))
            scale = DEFAULT_GUIDANCE_SCALE if is_anew else 1.0
            velocity = guided_velocity(self.transformer, wanted, unwanted, scale, FRAME_RATE, guide)
            return euler(velocity, noisy, noisy_sound, sigmas, given=given)[0]
