"""The sketch that comes before the picture, under any of ComfyUI's samplers, and the latents that carry it.

Legend: B batch, C latent channels, T' H' W' video latents, L audio latents. "Packed" is ComfyUI's flat form of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.utils
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..sora_core.cameos.casting import dress
from ..sora_core.config import TransformerConfig
from ..sora_core.models.carried import sketch_of, with_sketch
from ..sora_core.models.sketch import Sketch
from ..sora_core.models.sketcher import Sketcher
from ..sora_core.sampling.sketching import draw_sketch
from ..sora_core.shapes import SKETCH_CHANNELS, video_frames
from ..sora_core.wishes import NO_WISHES, Wishes
from .adapter_text import ROLES, WISHES
from .convert import whole_mask

SKETCH = "sora_sketch"      # the wrapper's key; and under this name a conditioning has its sketch while it is sampled
AS_NOISE = 0.99             # a sampler that begins at this sigma or a higher one keeps nothing of the latents; some
                            # schedulers begin lower, with an empty latent too

Conditions = dict[str, list[dict[str, Any]]]


def sketch_first(patcher: Any, config: TransformerConfig, sketcher: Sketcher) -> None:
    """Let a MODEL sketch before it paints, and its latents carry the sketch.

    Args:
        sketcher: on the processor, where a sketch takes a moment and comes out the same everywhere.
    """
    patcher.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, SKETCH, Sketching(config, sketcher))


@dataclass(frozen=True)
class Sketching:
    """Stands around ComfyUI's outer sampling function, which sees the channels of picture and sound alone."""

    config: TransformerConfig
    sketcher: Sketcher

    def __call__(self, executor: Any, noise: Tensor, latent_image: Tensor, sampler: Any, sigmas: Tensor,
                 denoise_mask: Tensor | None = None, callback: Callable[..., None] | None = None,
                 disable_pbar: bool = False, seed: int | None = None, latent_shapes: list[Any] | None = None) -> Tensor:
        channels = self.config.video_channels
        if latent_shapes is None or len(latent_shapes[0]) != 5 or \
                latent_shapes[0][1] not in (channels, channels + SKETCH_CHANNELS):
            return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed,
                            latent_shapes=latent_shapes)    # the model refuses such latents in words
        carried = comfy.utils.unpack_latents(latent_image, latent_shapes)[0][:, channels:]
        shapes = [torch.Size((latent_shapes[0][0], channels, *latent_shapes[0][2:])), *latent_shapes[1:]]
        noise, latent_image, denoise_mask = (
            None if packed is None else _without_sketch(packed, latent_shapes, channels)
            for packed in (noise, latent_image, denoise_mask))
        starts = comfy.utils.unpack_latents(latent_image, shapes)
        masks = ([torch.ones_like(start) for start in starts] if denoise_mask is None
                 else comfy.utils.unpack_latents(denoise_mask, shapes))
        is_noisy = bool(comfy.utils.unpack_latents(noise, shapes)[0].any())
        is_anew = is_noisy and (float(sigmas[0]) >= AS_NOISE or not bool(starts[0].any()))
        sketches = {}
        if len(shapes) == 2:        # a picture alone is made without one, as Train LoRA has it
            sketches = self._sketches(executor.class_obj.conds, starts[0], masks, is_anew, is_noisy, seed or 0, carried)
        if sketches and carried.shape[1]:
            drawn = next(iter(sketches.values()))
            carried = with_sketch(starts[0], drawn, self.config.temporal_compression)[:, channels:]
        elif is_anew and bool((masks[0] == 1).all()):
            carried = torch.zeros_like(carried)     # nothing is left of the clip that it belonged to

        def outer(packed: Tensor) -> Tensor:
            video, *sound = comfy.utils.unpack_latents(packed, shapes)
            return _packed([torch.cat([video, carried.to(video)], dim=1), *sound])

        def report(step: int, clean: Tensor, noisy: Tensor, steps: int) -> None:
            callback(step, outer(clean), outer(noisy), steps)

        executor.class_obj.conds = {name: [{**entry, SKETCH: sketches.get(name)} for entry in entries]
                                    for name, entries in executor.class_obj.conds.items()}
        return outer(executor(noise, latent_image, sampler, sigmas, denoise_mask, None if callback is None else report,
                              disable_pbar, seed, latent_shapes=shapes))

    def _sketches(self, conditions: Conditions, start: Tensor, masks: list[Tensor], is_anew: bool, is_noisy: bool,
                  seed: int, carried: Tensor) -> dict[str, Sketch]:
        """The sketch of each kind of conditioning but the negative one; none where the clip is given without one.

        A given first frame is sketched from. Where more is given, or an older clip is only partly made anew, or a
        second sampler goes on from a first, what moves is there already: in the sketch that the latents carry, if any.
        """
        names = [name for name, entries in conditions.items()
                 if name != "negative" and entries and _is_text(entries[0], self.config)]
        video_mask, audio_mask = masks
        is_given = bool((video_mask[:, :, 1:] < 1).any()) or bool((audio_mask < 1).any())
        known = sketch_of(carried, self.config.temporal_compression) if is_given or not is_anew else None
        if known is not None:
            return dict.fromkeys(names, known)
        if is_given or (is_noisy and not is_anew):
            return {}
        has_picture = not bool(video_mask[:, :, 0].any())
        batch, _, latents, height, width = start.shape
        sketches = {}
        for name in names:
            entries, negative = conditions[name], conditions.get("negative") or [{}]
            drawn = draw_sketch(
                self.sketcher, _text(entries[0]), _text(negative[0]) if _is_text(negative[0], self.config) else None,
                frames=video_frames(latents, self.config.temporal_compression), aspect=width / height, seed=seed,
                wishes=wishes_of(entries[0]),
                picture=start[:, :, 0].float().cpu() if has_picture else None, batch_size=batch)
            sketches[name] = dress(drawn, entries[0].get(ROLES, ()))
        return sketches


def _without_sketch(packed: Tensor, shapes: list[Any], channels: int) -> Tensor:
    video, *sound = comfy.utils.unpack_latents(packed, shapes)
    return _packed([video[:, :channels], *sound])


def _packed(streams: list[Tensor]) -> Tensor:
    """As ComfyUI's samplers have them: a picture alone isn't packed."""
    return streams[0] if len(streams) == 1 else comfy.utils.pack_latents(streams)[0]


def _is_text(entry: dict[str, Any], config: TransformerConfig) -> bool:
    text = entry.get("cross_attn")
    return text is not None and text.shape[-1] == config.text_width


def _text(entry: dict[str, Any]) -> Tensor:
    """Text states (1, L, D) of a conditioning, on the processor, without padding."""
    text = entry["cross_attn"][:1].float().cpu()
    return text[:, whole_mask(text, entry.get("attention_mask"))[0].bool()]


def wishes_of(entry: dict[str, Any]) -> Wishes:
    """What the words of a conditioning say; an encoder of another kind tells nothing."""
    return Wishes.from_numbers(entry[WISHES][0].tolist()) if WISHES in entry else NO_WISHES
