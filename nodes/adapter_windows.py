"""Clips longer than the model was trained on, window after window, under any of ComfyUI's samplers.

Legend: B batch, C latent channels, T' H' W' video latents, L audio latents. "Packed" is ComfyUI's flat form of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.samplers
import comfy.utils
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..sora_core.config import TransformerConfig
from ..sora_core.models.guide import Guide
from ..sora_core.models.video_vae import VideoVAE, from_changes, to_changes
from ..sora_core.plan import MODEL_FRAME_RATE
from ..sora_core.sampling.flow import Given
from ..sora_core.sampling.guidance import is_guided_at
from ..sora_core.sampling.sketching import window_guides
from ..sora_core.sampling.windows import Window, plan_windows, walk_windows
from .adapter_sketch import SKETCH, Conditions, wishes_of

KEY = "sora_windows"
GUIDE = "sora_guide"        # under this name a conditioning carries the sketch to the model, as it reads it


def continue_long(patcher: Any, config: TransformerConfig, vae: Any, plain_vae: VideoVAE) -> None:
    """Let a MODEL paint over sketches, and make clips longer than it was trained on.

    Args:
        vae: the video VAE, which shows the model the frame that a window starts from.
        plain_vae: the same on the processor, which encodes sketches.
    """
    patcher.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, Windows(config, vae, plain_vae))
    patcher.set_model_sampler_calc_cond_batch_function(predict_where_guided)


def predict_where_guided(given: dict[str, Any]) -> list[Tensor]:
    """ComfyUI's predictions for each kind of conditioning; where there is no guidance, the first for all of them."""
    conds, sigma = given["conds"], given["sigma"]
    is_guided = is_guided_at(float(sigma.max()))
    found = comfy.samplers.calc_cond_batch(given["model"], conds if is_guided else conds[:1], given["input"], sigma,
                                           given["model_options"])
    return found if is_guided else found * len(conds)


@dataclass(frozen=True)
class Windows:
    """Stands around ComfyUI's outer sampling function and calls it once for each window."""

    config: TransformerConfig
    vae: Any
    plain_vae: VideoVAE

    def __call__(self, executor: Any, noise: Tensor, latent_image: Tensor, sampler: Any, sigmas: Tensor,
                 denoise_mask: Tensor | None = None, callback: Callable[..., None] | None = None,
                 disable_pbar: bool = False, seed: int | None = None, latent_shapes: list[Any] | None = None) -> Tensor:
        if latent_shapes is None or len(latent_shapes) != 2 or len(latent_shapes[0]) != 5:
            return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed,
                            latent_shapes=latent_shapes)    # the model refuses such latents in words
        guider = executor.class_obj
        conditions: Conditions = guider.conds
        rate = self.config.audio_latent_rate * self.config.temporal_compression / float(MODEL_FRAME_RATE)
        windows = plan_windows(latent_shapes[0][2], latent_shapes[1][2], rate)
        side = self.config.spatial_compression
        guides = {name: window_guides(entries[0][SKETCH], windows, self.plain_vae,
                                      *(side * n for n in latent_shapes[0][3:]), wishes_of(entries[0]).setting)
                  for name, entries in conditions.items() if entries and entries[0].get(SKETCH) is not None}
        if len(windows) == 1:
            guider.conds = _with_guides(conditions, guides, 0, latent_shapes)
            return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed,
                            latent_shapes=latent_shapes)
        noises = comfy.utils.unpack_latents(noise, latent_shapes)
        starts = comfy.utils.unpack_latents(latent_image, latent_shapes)
        masks = ([torch.ones_like(start) for start in starts] if denoise_mask is None
                 else comfy.utils.unpack_latents(denoise_mask, latent_shapes))
        each_start = [from_changes(starts[0]), starts[1]]
        shown = [torch.zeros_like(start) for start in starts]

        def walk(video: Tensor, audio: Tensor, given: Given | None, number: int) -> tuple[Tensor, Tensor]:
            window = windows[number]
            start, mask = _given_too(_cut(each_start, window), _cut(masks, window), given)
            packed, shapes = comfy.utils.pack_latents(start)
            free = given is None and denoise_mask is None
            guider.conds = _with_guides(conditions, guides, number, shapes)
            made = executor(comfy.utils.pack_latents([video, audio])[0], packed, sampler, sigmas,
                            None if free else comfy.utils.pack_latents(mask)[0],
                            None if callback is None else _report(callback, shown, window, shapes, number, windows),
                            disable_pbar, seed, latent_shapes=shapes)
            made_video, made_audio = comfy.utils.unpack_latents(made.to(noise.device), shapes)
            return made_video, made_audio

        return comfy.utils.pack_latents(list(walk_windows(walk, *noises, windows, still=self._still)))[0]

    def _still(self, latents: Tensor) -> Tensor:
        """Latents (B, C, t, H', W') -> one latent of their last frame alone, (B, C, 1, H', W')."""
        frames = self.vae.decode(latents)[:, -1:]                                       # (B, 1, H, W, 3)
        return torch.cat([self.vae.encode(frame) for frame in frames]).to(latents)[:, :latents.shape[1]]


def _with_guides(conditions: Conditions, guides: dict[str, list[Guide]], number: int,
                 shapes: list[Any]) -> Conditions:
    """Copies of the conditionings, each with a window's sketch or zeros, so that all go through the model at once."""
    (batch, channels, frames, height, width), sounds = shapes[0], shapes[1][2]
    none = Guide.none(batch, channels, frames, height, width, sounds)
    return {name: [{**entry, GUIDE: guides[name][number] if name in guides else none} for entry in entries]
            for name, entries in conditions.items()}


def _cut(streams: list[Tensor], window: Window) -> list[Tensor]:
    return [streams[0][:, :, slice(*window.video)], streams[1][:, :, slice(*window.audio)]]


def _given_too(start: list[Tensor], mask: list[Tensor], given: Given | None) -> tuple[list[Tensor], list[Tensor]]:
    """What the clip so far gives to a window, beside what the person has given."""
    if given is None:
        return [to_changes(start[0]), start[1]], mask
    free = [given.video_mask[:, None], given.audio_mask[:, None]]
    known = [given.video, given.audio]
    start = [to_changes(torch.cat([given.video[:, :, :1], start[0][:, :, 1:]], dim=2)), start[1]]
    return ([s * f + k * (1 - f) for s, f, k in zip(start, free, known, strict=True)],
            [m * f for m, f in zip(mask, free, strict=True)])


def _report(callback: Callable[..., None], shown: list[Tensor], window: Window, shapes: list[Any], number: int,
            windows: list[Window]) -> Callable[..., None]:
    """Progress over all windows, with the whole clip as far as it has come."""

    def report(step: int, clean: Tensor, noisy: Tensor, steps: int) -> None:
        video, audio = comfy.utils.unpack_latents(clean, shapes)
        if window.video[0] > 0:     # from differences from the window's first frame to those from the clip's
            video = from_changes(video) - shown[0][:, :, :1]
        for whole, part in zip(_cut(shown, window), (video, audio), strict=True):
            whole.copy_(part)
        packed = comfy.utils.pack_latents(shown)[0]
        callback(number * steps + step, packed, packed, steps * len(windows))

    return report
