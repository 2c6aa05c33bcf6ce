"""Guidance of picture and sound towards each other: walk away from what each would be without the other.

v = v_text + (s - 1) (v_together - v_apart); the picture of v_apart is predicted while the sound is hidden, its sound
while the picture is hidden. This is the modality guidance of LTX-2 (arXiv:2601.03233), which hides by cutting
cross-attention; one transformer over all tokens has none to cut, so the other stream is replaced by pure noise at
timestep 1, which is how UniDiffuser predicts a marginal (arXiv:2303.06555, section 3). The network has learnt that: a
share of its training has different timesteps for picture and sound.

Legend: B batch, C channels, T' H' W' video latents, L audio latents.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ConfigError
from .flow import Velocity

MAX_COUPLING = 20.0
NOISE_SEED_OFFSET = 3       # after those of the first noise, a sampler's own and the sketch

Streams = tuple[Tensor, Tensor]     # video (B, C, T', H', W') and audio (B, C, L)


def check_coupling(coupling: float) -> None:
    """Refuse a strength that leads nowhere.

    Raises:
        ConfigError: coupling is not a number from 0 to 20.
    """
    if not (math.isfinite(coupling) and 0 <= coupling <= MAX_COUPLING):
        raise ConfigError(f"coupling={coupling} is out of range; use 0 to {MAX_COUPLING:g}, 1 is as learnt")


def hiding_noise(video: Tensor, audio: Tensor, seed: int) -> Streams:
    """What hides the streams: noise in their shapes, the same in every step."""
    generator = torch.Generator().manual_seed((seed + NOISE_SEED_OFFSET) % (1 << 64))
    video_noise, audio_noise = (torch.randn(x.shape, generator=generator).to(x) for x in (video, audio))
    return video_noise, audio_noise


def apart(predict: Callable[[Streams, tuple[bool, bool]], Streams], video: Tensor, audio: Tensor,
          noise: Streams) -> Streams:
    """The picture as predicted without its sound, and the sound without its picture.

    Args:
        predict: noisy streams and which of them are hidden -> predictions of both, velocities or clean latents.
    """
    [alone_video, _] = predict((video, noise[1]), (False, True))
    [_, alone_audio] = predict((noise[0], audio), (True, False))
    return alone_video, alone_audio


def couple(guided: Streams, together: Streams, alone: Streams, coupling: float) -> Streams:
    """`guided` + (coupling - 1) (`together` - `alone`), for velocities or clean latents alike."""
    video, audio = (g + (coupling - 1) * (t - a) for g, t, a in zip(guided, together, alone, strict=True))
    return video, audio


def coupled_velocity(guided: Velocity, plain: Velocity, coupling: float, seed: int) -> Velocity:
    """The velocity of `guidance.guided_velocity`, with picture and sound following each other more strictly.

    Args:
        guided: with guidance by text; plain: of the positive prompt alone.
        coupling: 0 to 20; 1 = as learnt (no further evaluation), more = two further evaluations a step.
        seed: the one that the clip's noise was drawn with.

    Raises:
        ConfigError: coupling out of range.
    """
    check_coupling(coupling)
    if coupling == 1:
        return guided

    def velocity(video: Tensor, audio: Tensor, t_video: Tensor, t_audio: Tensor) -> Streams:
        def predict(streams: Streams, hidden: tuple[bool, bool]) -> Streams:
            times = (torch.ones_like(t) if hide else t for t, hide in zip((t_video, t_audio), hidden, strict=True))
            return plain(*streams, *times)

        alone = apart(predict, video, audio, hiding_noise(video, audio, seed))
        times = (t_video, t_audio)
        return couple(guided(video, audio, *times), plain(video, audio, *times), alone, coupling)

    return velocity
