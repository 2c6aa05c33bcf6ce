"""The straight path from noise to data, and how to walk it.

x_t = (1 - t) x_0 + t noise with t = sigma in [0, 1]; the velocity is noise - x_0 (flow matching, arXiv:2210.02747,
eq. 23; rectified flow, arXiv:2209.03003, eq. 1). The numbers are those of ComfyUI's `simple` scheduler and of its
`euler` and `lcm` samplers on its `FLOW` model type, so that both roads give the same clip from the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError

DEFAULT_STEPS = 8
DEFAULT_GUIDANCE_SCALE = 2.0
SHIFT = 3.0            # of the schedule towards noise, arXiv:2403.03206, eq. 23
MAX_STEPS = 1000
TABLE = 1000           # ComfyUI's schedulers pick from a table of so many sigmas

DEFAULT_SAMPLER = "euler"

# (video, audio, timestep_video, timestep_audio) -> (velocity_video, velocity_audio)
Velocity = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def shift_sigma(t: Tensor, shift: float) -> Tensor:
    """Move `t` in [0, 1] towards noise: shift t / (1 + (shift - 1) t)."""
    return shift * t / (1 + (shift - 1) * t)


def schedule(steps: int, shift: float = SHIFT) -> Tensor:
    """Falling sigmas `(steps + 1,)` from 1 to 0.

    Raises:
        ConfigError: steps out of 1..1000.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_STEPS:
        raise ConfigError(f"steps={steps} is out of range; use 1 to {MAX_STEPS}")
    table = shift_sigma(torch.arange(1, TABLE + 1, dtype=torch.float32) / TABLE, shift)
    picks = [TABLE - 1 - int(step * TABLE / steps) for step in range(steps)]
    return torch.cat([table[picks], torch.zeros(1)])


@dataclass(frozen=True)
class Given:
    """What is known of a clip beforehand; the rest is generated around it.

    Attributes:
        video: clean latents `(B, C, T', H', W')`; audio: `(B, C, L)`.
        video_mask: `(B, T', H', W')`, 1 = generate, 0 = given; audio_mask: `(B, L)`.
    """

    video: Tensor
    audio: Tensor
    video_mask: Tensor
    audio_mask: Tensor


# (noisy latents, clean latents, sigma, next sigma) -> less noisy latents, for (video, audio)
Advance = Callable[[tuple[Tensor, Tensor], tuple[Tensor, Tensor], float, float], tuple[Tensor, Tensor]]


def euler(velocity: Velocity, video: Tensor, audio: Tensor, sigmas: Tensor, *, seed: int = 0,
          given: Given | None = None, on_progress: Callable[[int, int], None] | None = None) -> tuple[Tensor, Tensor]:
    """Walk from noise to data along the velocities with Euler's method.

    Args:
        velocity: predicts noise - data; a timestep of 0 marks latents that are given.
        video: noise `(B, C, T', H', W')`; audio: noise `(B, C, L)`; both float32.
        sigmas: from `schedule`.
        seed: of nothing here; samplers share one signature.
        given: latents to keep, or None.
        on_progress: called with (step, steps) after each step; may raise to cancel.

    Raises:
        ConfigError: the latents stop being finite (NaN in the weights or an impossible guidance scale).
    """

    def advance(noisy: tuple[Tensor, Tensor], clean: tuple[Tensor, Tensor], sigma: float,
                following: float) -> tuple[Tensor, Tensor]:
        video, audio = (x + (x - x0) / sigma * (following - sigma) for x, x0 in zip(noisy, clean, strict=True))
        return video, audio

    return _walk(velocity, video, audio, sigmas, advance, given, on_progress)


def lcm(velocity: Velocity, video: Tensor, audio: Tensor, sigmas: Tensor, *, seed: int = 0,
        given: Given | None = None, on_progress: Callable[[int, int], None] | None = None) -> tuple[Tensor, Tensor]:
    """Jump to clean latents at each step and add fresh noise of the next level: errors of early steps are forgotten.

    Source: multistep consistency sampling, arXiv:2303.01469, algorithm 1. Arguments as for `euler`; `seed` is the one
    that the first noise was drawn with, 0 to 2**64 - 1.
    """
    generator = torch.Generator().manual_seed((seed + 1) % (1 << 64))   # as ComfyUI: not the first noise again

    def advance(noisy: tuple[Tensor, Tensor], clean: tuple[Tensor, Tensor], sigma: float,
                following: float) -> tuple[Tensor, Tensor]:
        if following == 0:
            return clean
        sizes = [x.numel() for x in clean]
        fresh = torch.randn(sum(sizes), generator=generator).split(sizes)   # one draw for both, as ComfyUI packs them
        video, audio = ((1 - following) * x0 + following * noise.view(x0.shape).to(x0.device)
                        for x0, noise in zip(clean, fresh, strict=True))
        return video, audio

    return _walk(velocity, video, audio, sigmas, advance, given, on_progress)


SAMPLERS = {"lcm": lcm, "euler": euler}


def _walk(velocity: Velocity, video: Tensor, audio: Tensor, sigmas: Tensor, advance: Advance, given: Given | None,
          on_progress: Callable[[int, int], None] | None) -> tuple[Tensor, Tensor]:
    steps = len(sigmas) - 1
    for step in range(steps):
        sigma, following = float(sigmas[step]), float(sigmas[step + 1])
        t_video = torch.full((video.shape[0],), sigma, device=video.device)
        t_audio = t_video
        if given is not None:
            t_video, t_audio = sigma * given.video_mask, sigma * given.audio_mask
            video, audio = _keep(video, audio, given)
        v_video, v_audio = velocity(video, audio, t_video, t_audio)
        clean = (video - sigma * v_video, audio - sigma * v_audio)
        if given is not None:
            clean = _keep(*clean, given)
        video, audio = advance((video, audio), clean, sigma, following)
        if not math.isfinite(float(video.sum() + audio.sum())):
            raise ConfigError(f"the latents stopped being numbers at step {step + 1} of {steps}; "
                              "lower the guidance scale or use another checkpoint")
        if on_progress is not None:
            on_progress(step + 1, steps)
    return video, audio


def _keep(video: Tensor, audio: Tensor, given: Given) -> tuple[Tensor, Tensor]:
    keep_video, keep_audio = given.video_mask[:, None], given.audio_mask[:, None]
    return (video * keep_video + given.video * (1 - keep_video), audio * keep_audio + given.audio * (1 - keep_audio))
