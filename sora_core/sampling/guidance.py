"""Classifier-free guidance: walk away from what the negative prompt would give (arXiv:2207.12598, eq. 6).

Only while there is more noise than `GUIDED_FROM`: what is seen is decided there; later, guidance adds flicker and costs
half of the time (a limited interval: arXiv:2404.07724, section 3).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError
from ..models.guide import Guide
from ..models.transformer import SoraTransformer
from .flow import Velocity

MAX_GUIDANCE_SCALE = 100.0
GUIDED_FROM = 0.45      # timestep


def is_guided_at(timestep: float) -> bool:
    """Whether there is guidance at a timestep (the same number as sigma)."""
    return timestep >= GUIDED_FROM


def guided_velocity(transformer: SoraTransformer, positive: Tensor, negative: Tensor, guidance_scale: float,
                    frame_rate: float, guide: Guide | None = None) -> Velocity:
    """The velocity towards `positive` and away from `negative`; one pass of the network for both.

    Args:
        positive: text states `(1, L, D)`; negative: `(1, L', D)`.
        guidance_scale: 1 = follow the prompt as it was learnt (one evaluation a step), more = more strictly.
        guide: the sketch to paint over, or None; the unwanted never sees it, so it is followed more strictly too.

    Raises:
        ConfigError: guidance_scale is not a number from 0 to 100.
    """
    if not (math.isfinite(guidance_scale) and 0 <= guidance_scale <= MAX_GUIDANCE_SCALE):
        raise ConfigError(f"guidance_scale={guidance_scale} is out of range; use 1 to {MAX_GUIDANCE_SCALE:g}")
    states = [positive] if guidance_scale == 1 else [positive, negative]
    states = [state.to(transformer.text_in.weight.dtype) for state in states]   # the transformer computes in this type
    length = max(state.shape[1] for state in states)
    text = torch.cat([F.pad(state, (0, 0, 0, length - state.shape[1])) for state in states])
    mask = torch.stack([torch.arange(length) < state.shape[1] for state in states])
    if guide is not None and len(states) == 2:
        guide = guide.beside_none()

    def velocity(video: Tensor, audio: Tensor, t_video: Tensor, t_audio: Tensor) -> tuple[Tensor, Tensor]:
        is_guided = is_guided_at(max(float(t_video.max()), float(t_audio.max())))
        copies = len(states) if is_guided else 1
        outputs = transformer(
            *(x.repeat(copies, *[1] * (x.ndim - 1)) for x in (video, audio)),
            timestep_video=t_video.repeat(copies, *[1] * (t_video.ndim - 1)),
            timestep_audio=t_audio.repeat(copies, *[1] * (t_audio.ndim - 1)),
            text=text[:copies], text_mask=mask[:copies], frame_rate=torch.full((copies,), float(frame_rate)),
            guide=None if guide is None else guide[:copies])
        if copies == 1:
            return outputs
        wanted, unwanted = zip(*(x.chunk(2) for x in outputs), strict=True)
        v_video, v_audio = (u + guidance_scale * (w - u) for w, u in zip(wanted, unwanted, strict=True))
        return v_video, v_audio

    return velocity
