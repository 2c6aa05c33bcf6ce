"""Sora Guider: how strictly the clip follows the prompt, and how strictly picture and sound follow each other."""

from __future__ import annotations

import math
from typing import Any

import comfy.conds
import comfy.samplers
import comfy.utils
from comfy_api.latest import io
from torch import Tensor

from ..sora_core.errors import ConfigError
from ..sora_core.sampling.coupling import MAX_COUPLING, Streams, apart, check_coupling, couple, hiding_noise
from ..sora_core.sampling.flow import DEFAULT_GUIDANCE_SCALE
from ..sora_core.sampling.guidance import MAX_GUIDANCE_SCALE
from .adapter_model import SoraModel
from .convert import unnested

AS_LEARNT = 1.0
SMALLEST_SIGMA = 1e-6


def coupling_input(**options: Any) -> io.Input:
    """How strictly picture and sound follow each other."""
    return io.Float.Input("coupling", default=AS_LEARNT, min=0.0, max=MAX_COUPLING, step=0.1, round=0.01,
                          tooltip="How strictly picture and sound follow each other, 0 to 20: 1 is as learnt; more, "
                                  "such as 2 or 3, takes twice as long.", **options)


class SoraGuider(io.ComfyNode):
    """MODEL and conditionings -> GUIDER."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraGuider",
            display_name="Sora Guider",
            category="Sora/sampling",
            description="Two strengths instead of one cfg: for the prompt, and for picture and sound to belong "
                        "together. For Sampler Custom Advanced.",
            search_aliases=["sora", "cfg", "guidance", "modality guidance", "sync", "audio video coupling"],
            inputs=[
                io.Model.Input("model", tooltip="The model of Sora Checkpoint Loader."),
                io.Conditioning.Input("positive", tooltip="What shall be seen and heard, from Sora Text Encode."),
                io.Conditioning.Input("negative", tooltip="What to move away from; empty text is usual."),
                io.Float.Input("text", default=DEFAULT_GUIDANCE_SCALE, min=0.0, max=MAX_GUIDANCE_SCALE, step=0.1,
                               round=0.01, tooltip="How strictly to follow the prompt, 0 to 100, as KSampler's cfg: 1 "
                                                   "is as learnt and twice as fast."),
                coupling_input(),
            ],
            outputs=[io.Guider.Output("guider", tooltip="Connect to Sampler Custom Advanced.")],
        )

    @classmethod
    def execute(cls, model: Any, positive: Any, negative: Any, text: float, coupling: float) -> io.NodeOutput:
        return io.NodeOutput(make_guider(model, positive, negative, text, coupling))


def make_guider(model: Any, positive: Any, negative: Any, text: float, coupling: float) -> comfy.samplers.CFGGuider:
    """A GUIDER of those strengths.

    Raises:
        ConfigError: one of them is out of range, or the model isn't ours.
    """
    if not isinstance(getattr(model, "model", None), SoraModel):
        raise ConfigError("this is another model; connect the model of Sora Checkpoint Loader, or use CFGGuider")
    if not (math.isfinite(text) and 0 <= text <= MAX_GUIDANCE_SCALE):
        raise ConfigError(f"text={text} is out of range; use 0 to {MAX_GUIDANCE_SCALE:g}")
    check_coupling(coupling)
    guider = CoupledGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(text)
    guider.coupling = coupling
    return guider


class CoupledGuider(comfy.samplers.CFGGuider):
    """ComfyUI's guider, and after it the step of `sora_core.sampling.coupling`."""

    coupling = AS_LEARNT

    def sample(self, noise: Any, latent_image: Any, *args: Any, **options: Any) -> Any:
        """ComfyUI's, after a look at what it would stumble over."""
        unnested(latent_image)
        return super().sample(noise, latent_image, *args, **options)

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: dict[str, Any] | None = None,
                      seed: int | None = None) -> Tensor:
        options = comfy.model_patcher.create_model_options_clone(model_options or {})
        if self.coupling != AS_LEARNT:
            options.setdefault("sampler_post_cfg_function", []).append(lambda args: self._coupled(args, seed or 0))
        return super().predict_noise(x, timestep, options, seed)

    def _coupled(self, given: dict[str, Any], seed: int) -> Tensor:
        """ComfyUI's prediction of the clean, packed latents, coupled."""
        shapes, x = self.inner_model.latent_shapes, given["input"]
        if len(shapes) != 2:        # a picture alone has nothing to be coupled with
            return given["denoised"]
        video, audio = comfy.utils.unpack_latents(x, shapes)

        def predict(streams: Streams, hidden: tuple[bool, bool]) -> Streams:
            conditions = _at_pure_noise(given["cond"], given["sigma"], shapes, hidden)
            packed, _ = comfy.utils.pack_latents(list(streams))
            [clean] = comfy.samplers.calc_cond_batch(given["model"], [conditions], packed, given["sigma"],
                                                     given["model_options"])
            return tuple(comfy.utils.unpack_latents(clean, shapes))

        alone = apart(predict, video, audio, hiding_noise(video, audio, seed))
        guided, together = (tuple(comfy.utils.unpack_latents(given[name], shapes))
                            for name in ("denoised", "cond_denoised"))
        return comfy.utils.pack_latents(list(couple(guided, together, alone, self.coupling)))[0]


def _at_pure_noise(conditions: list[dict[str, Any]], sigma: Tensor, shapes: list[Any],
                   hidden: tuple[bool, bool]) -> list[dict[str, Any]]:
    """The conditions with masks that put the hidden stream's timestep, mask times sigma, at 1."""
    masks = {}
    for name, shape, hide in zip(("video_mask", "audio_mask"), shapes, hidden, strict=True):
        if hide:
            mask = (1 / sigma.clamp(min=SMALLEST_SIGMA)).view(-1, *[1] * (len(shape) - 2)).expand(-1, *shape[2:])
            masks[name] = comfy.conds.CONDRegular(mask)
    return [{**entry, "model_conds": {**entry["model_conds"], **masks}} for entry in conditions]
