"""ComfyUI's IMAGE, AUDIO and LATENT <-> core tensors; the only place where they are converted.

Legend: core video is float (B, 3, T, H, W) in [-1, 1], core sound float (B, C, N) in [-1, 1]. IMAGE is (B * T, H, W, 3)
in [0, 1], AUDIO is {"waveform": (1, C, B * N), "sample_rate": hertz}. A LATENT holds video latents (B, C, T', H', W')
and audio latents (B, C, L) as one NestedTensor in "samples"; beside them travels the clip's plan, for the decoders.
"""

from __future__ import annotations

from typing import Any

import torch
from comfy.nested_tensor import NestedTensor
from torch import Tensor

from ..sora_core.config import AudioVAEConfig, VideoVAEConfig
from ..sora_core.errors import MediaError, SoraError
from ..sora_core.plan import MODEL_FRAME_RATE, Plan
from ..sora_core.shapes import audio_samples, video_frames, video_latent_frames

PLAN = "sora_plan"


def image_from_video(video_BCTHW: Tensor) -> Tensor:
    """Core video -> IMAGE; the clips of a batch follow one another, as ComfyUI's own VAE Decode has it."""
    return video_BCTHW.movedim(1, -1).add(1).mul(0.5).clamp(0, 1).flatten(0, 1)


def video_from_image(image_THWC: Tensor) -> Tensor:
    """IMAGE -> core video of one clip; an alpha channel is left out.

    Raises:
        MediaError: not an IMAGE.
    """
    if image_THWC.ndim != 4 or image_THWC.shape[-1] < 3 or 0 in image_THWC.shape:
        raise MediaError(f"an image of shape {tuple(image_THWC.shape)} can't be used; connect an IMAGE in colour")
    return image_THWC[..., :3].float().mul(2).sub(1).clamp(-1, 1).movedim(-1, 0).unsqueeze(0)


def audio_from_sound(sound_BCN: Tensor, sample_rate: int) -> dict[str, Any]:
    """Core sound -> AUDIO of one sound; those of a batch follow one another as their pictures do."""
    return {"waveform": sound_BCN.float().movedim(0, 1).flatten(1)[None], "sample_rate": sample_rate}


def latent_from_streams(video: Tensor, audio: Tensor, plan: Plan, sample_rate: int) -> dict[str, Any]:
    """Video and audio latents and the plan that they follow -> LATENT."""
    return {"samples": NestedTensor((video, audio)), PLAN: plan, "sample_rate": sample_rate}


def streams_from_latent(latent: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    """LATENT -> (video latents or None, audio latents or None); it may hold both, or either alone."""
    samples = latent["samples"]
    streams = samples.unbind() if samples.is_nested else [samples]
    video = next((stream for stream in streams if stream.ndim == 5), None)
    audio = next((stream for stream in streams if stream.ndim == 3), None)
    return video, audio


def video_stream(latent: dict[str, Any]) -> Tensor:
    """The video latents of a LATENT.

    Raises:
        SoraError: it holds none.
    """
    video, _ = streams_from_latent(latent)
    if video is None:
        raise SoraError("the latent holds no video; connect the one that comes out of the sampler")
    return video


def audio_stream(latent: dict[str, Any]) -> Tensor:
    """The audio latents of a LATENT.

    Raises:
        SoraError: it holds none.
    """
    _, audio = streams_from_latent(latent)
    if audio is None:
        raise SoraError("the latent holds no sound; start from Sora Empty Latent and connect what the sampler makes")
    return audio


def plan_of(latent: dict[str, Any], video_config: VideoVAEConfig, audio_config: AudioVAEConfig) -> Plan | None:
    """The plan that the latents were made for; where other nodes have cut, joined or resized them since, all of them.

    None: there is no video to plan by, and no plan came along.
    """
    plan: Plan | None = latent.get(PLAN)
    video, _ = streams_from_latent(latent)
    if video is None:
        return plan
    k, side = video_config.temporal_compression, video_config.spatial_compression
    grid = tuple(video.shape[2:])
    if plan is not None:
        planned = (video_latent_frames(plan.model_frames, k), plan.model_height // side, plan.model_width // side)
        if planned == grid:
            return plan
    frames, height, width = video_frames(grid[0], k), grid[1] * side, grid[2] * side
    return Plan(frames, MODEL_FRAME_RATE, width, height, frames, width, height,
                audio_samples(frames, MODEL_FRAME_RATE, audio_config.sample_rate))


def fit_length(sound_BCN: Tensor, samples: int) -> Tensor:
    """Cut, or fill with silence, to exactly `samples`."""
    missing = max(0, samples - sound_BCN.shape[-1])
    return torch.nn.functional.pad(sound_BCN[..., :samples], (0, missing))
