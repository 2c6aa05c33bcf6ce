"""Pictures later in a clip whose first frame is still to be made, under any of ComfyUI's samplers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.utils
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..sora_core.sampling.anchors import Anchors
from .adapter_checks import check_conditionings

KEY = "sora_anchors"        # of the wrappers, and the attribute of a guider while it runs


def hold_pictures(patcher: Any) -> None:
    """Let a MODEL keep pictures that are given later than an unknown first frame."""
    patcher.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, _around_sampling)
    patcher.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, KEY, _around_prediction)


def _around_sampling(executor: Any, noise: Tensor, latent_image: Tensor, sampler: Any, sigmas: Tensor,
                     denoise_mask: Tensor | None = None, callback: Callable[..., None] | None = None,
                     disable_pbar: bool = False, seed: int | None = None,
                     latent_shapes: list[Any] | None = None) -> Tensor:
    def run() -> Tensor:
        return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed,
                        latent_shapes=latent_shapes)

    check_conditionings(executor.class_obj.conds)
    if denoise_mask is None or latent_shapes is None or len(latent_shapes) != 2 or len(latent_shapes[0]) != 5:
        return run()
    device = executor.class_obj.model_patcher.load_device
    anchors = Anchors.find(*(comfy.utils.unpack_latents(packed.to(device), latent_shapes)[0]
                             for packed in (latent_image, denoise_mask)))
    if anchors is None:
        return run()
    setattr(executor.class_obj, KEY, anchors)
    try:
        video, audio = comfy.utils.unpack_latents(run(), latent_shapes)
    finally:
        delattr(executor.class_obj, KEY)
    return comfy.utils.pack_latents([anchors.finished(video.to(device)).to(video), audio])[0]


def _around_prediction(executor: Any, x: Tensor, timestep: Tensor, model_options: dict[str, Any] | None = None,
                       seed: int | None = None) -> Tensor:
    anchors: Anchors | None = getattr(executor.class_obj, KEY, None)
    if anchors is None:
        return executor(x, timestep, model_options or {}, seed)
    shapes = executor.class_obj.inner_model.latent_shapes
    video, audio = comfy.utils.unpack_latents(x, shapes)
    clean = executor(comfy.utils.pack_latents([anchors.shown(video), audio])[0], timestep, model_options or {}, seed)
    video, audio = comfy.utils.unpack_latents(clean, shapes)
    return comfy.utils.pack_latents([anchors.pull(video, float(timestep.max())), audio])[0]
