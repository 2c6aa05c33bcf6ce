"""The transformer as ComfyUI's MODEL, so that its samplers, schedulers, guiders, previews, LoRA and offloading work.

Legend: B batch, C latent channels, T' H' W' video latents, L audio latents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_management as memory
import comfy.model_patcher
import comfy.ops
import comfy.supported_models_base
import comfy.utils
import torch
import torch.nn.functional as F
from comfy.cli_args import args
from torch import Tensor

from ..sora_core.checkpoint import Checkpoint, build, load_checkpoint
from ..sora_core.config import AudioVAEConfig, TransformerConfig
from ..sora_core.errors import SoraError
from ..sora_core.models.guide import Guide
from ..sora_core.models.preview import LatentPreview
from ..sora_core.models.sketcher import Sketcher
from ..sora_core.models.transformer import SoraTransformer, like_video, velocity_to
from ..sora_core.models.video_vae import VideoVAE
from ..sora_core.pipeline import has_fast_bfloat16
from ..sora_core.plan import MODEL_FRAME_RATE
from ..sora_core.sampling.flow import SHIFT
from ..sora_core.shapes import SKETCH_CHANNELS, audio_latent_frames, audio_samples, to_frame_rate, video_frames
from .adapter_anchors import hold_pictures
from .adapter_sketch import sketch_first
from .adapter_vae import video_vae_from_checkpoint
from .adapter_windows import GUIDE, continue_long
from .convert import whole_mask

AUDIO = AudioVAEConfig()
# Numbers that are alive at once, at most, counted by PyTorch's profiler (tests/comfyui/inside_memory.py): of the
# transformer's width for a token, and of the refiner's for a video latent's cell.
TOKEN_ACTIVATIONS, CELL_ACTIVATIONS = 50, 16


class SoraDiffusion(SoraTransformer):
    """The same network, called as ComfyUI calls a diffusion model."""

    compute_dtype = torch.float32   # of the matrix products; weights of another type are cast by `operations`

    def forward(self, x: Any, timestep: tuple[Tensor, Tensor], context: Tensor, control: Any = None,
                transformer_options: dict[str, Any] | None = None, attention_mask: Tensor | None = None,
                frame_rate: float = float(MODEL_FRAME_RATE), guide_video: Tensor | None = None,
                guide_audio: Tensor | None = None, guide_setting: Tensor | None = None,
                **_: Any) -> list[Tensor] | Tensor:
        """`x` is [video (B, C, T', H', W'), audio (B, C, L)], `timestep` one per stream, in [0, 1].

        Or `x` is the video alone, as other nodes' latents and Train LoRA have it; then so is the velocity.
        """
        if isinstance(x, Tensor):
            both = [x, self._unknown_sound(x, frame_rate)]
            return self(both, (timestep[0], torch.ones_like(timestep[1])), context, control, transformer_options,
                        attention_mask, frame_rate)[0]
        video, audio = x
        channels = self.config.video_channels
        if video.shape[1] > channels:       # where no sampler of ComfyUI stands around: no sketch is known there
            inner = self([video[:, :channels], audio], timestep, context, control, transformer_options, attention_mask,
                         frame_rate, guide_video, guide_audio, guide_setting)
            carried = video[:, channels:]
            to_nothing = velocity_to(carried, torch.zeros_like(carried), like_video(timestep[0]))
            return [torch.cat([inner[0], to_nothing], dim=1), inner[1]]
        if attention_mask is None:
            attention_mask = torch.ones(context.shape[:2], dtype=torch.long, device=context.device)
        rate = torch.full((video.shape[0],), float(frame_rate), device=video.device)
        guide = None
        if guide_video is not None and guide_audio is not None and guide_setting is not None:
            guide = Guide(guide_video, guide_audio, guide_setting)
        return list(super().forward(video, audio, timestep_video=timestep[0], timestep_audio=timestep[1],
                                    text=context.to(self.compute_dtype), text_mask=attention_mask.bool(),
                                    frame_rate=rate, guide=guide))

    def _unknown_sound(self, video: Tensor, frame_rate: float) -> Tensor:
        """Noise in place of a sound that nobody knows, `(B, C, L)`; at timestep 1 it says nothing about the picture.

        Source: Bao et al. 2023, One Transformer Fits All Distributions in Multi-Modal Diffusion at Scale, section 3.2.
        """
        frames = video_frames(video.shape[2], self.config.temporal_compression)
        samples = audio_samples(frames, to_frame_rate(frame_rate), AUDIO.sample_rate)
        shape = (1, self.config.audio_channels, audio_latent_frames(samples, AUDIO.samples_per_latent))
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        return noise.to(video).expand(len(video), -1, -1)


class SoraLatentFormat(comfy.latent_formats.LatentFormat):
    """What ComfyUI knows of our video latents. They are normalised inside the autoencoder: nothing to scale here."""

    latent_dimensions = 3
    latent_rgb_factors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]    # of what the preview has made


class SoraConfig(comfy.supported_models_base.BASE):
    """ComfyUI's description of the model family."""

    unet_extra_config: dict[str, Any] = {}
    latent_format = SoraLatentFormat
    sampling_settings = {"shift": SHIFT}
    supported_inference_dtypes = [torch.bfloat16, torch.float32]


class PaddedText(comfy.conds.CONDRegular):
    """Text states (B, L, D) or their mask (B, L); a shorter text is padded, so that two prompts share one pass."""

    def can_concat(self, other: PaddedText) -> bool:
        one, two = self.cond.shape, other.cond.shape
        return one[0] == two[0] and one[2:] == two[2:] and self.cond.device == other.cond.device

    def concat(self, others: list[PaddedText]) -> Tensor:
        texts = [self.cond, *(other.cond for other in others)]
        length = max(text.shape[1] for text in texts)
        return torch.cat([F.pad(text, (0, 0) * (text.ndim - 2) + (0, length - text.shape[1])) for text in texts])


class SoraModel(comfy.model_base.BaseModel):
    """A flow model over two streams, with a timestep per token where a noise mask is given."""

    def __init__(self, description: SoraConfig, config: TransformerConfig) -> None:
        super().__init__(description, comfy.model_base.ModelType.FLOW)
        self.config = config

    def get_dtype_inference(self) -> torch.dtype:
        """Of the latents on their way in: never rounded, since the velocity is their difference to clean ones."""
        return torch.float32

    def extra_conds(self, **given: Any) -> dict[str, Any]:
        shapes = self._check(given.get("latent_shapes"), given.get("cross_attn"))
        out = super().extra_conds(**given)
        if len(shapes) > 1:
            out["latent_shapes"] = comfy.conds.CONDConstant(shapes)
        text = given["cross_attn"]
        out["c_crossattn"] = PaddedText(text)
        out["attention_mask"] = PaddedText(whole_mask(text, given.get("attention_mask")))
        out["frame_rate"] = comfy.conds.CONDConstant(float(given.get("frame_rate", MODEL_FRAME_RATE)))
        if given.get(GUIDE) is not None:
            out["guide_video"] = comfy.conds.CONDRegular(given[GUIDE].video)
            out["guide_audio"] = comfy.conds.CONDRegular(given[GUIDE].audio)
            out["guide_setting"] = comfy.conds.CONDRegular(given[GUIDE].setting)
        if given.get("denoise_mask") is not None:
            masks = comfy.utils.unpack_latents(given["denoise_mask"], shapes)
            for name, mask in zip(("video_mask", "audio_mask"), masks, strict=False):
                out[name] = comfy.conds.CONDRegular(mask[:, 0])
        return out

    def _check(self, shapes: list[Any] | None, text: Tensor | None) -> list[Any]:
        """Refuse latents and conditionings of other models in words, before they fail in a matrix product."""
        video, audio = self.config.video_channels, self.config.audio_channels
        wanted = [(known, audio)[:count] for known in (video, video + SKETCH_CHANNELS) for count in (1, 2)]
        if shapes is None or len(shapes[0]) != 5 or tuple(shape[1] for shape in shapes) not in wanted:
            raise SoraError("this latent doesn't fit the Sora model, which makes picture and sound together; "
                            "connect Sora Empty Latent to the sampler")
        patch = self.config.patch_size
        if shapes[0][3] % patch or shapes[0][4] % patch:
            multiple = patch * self.config.spatial_compression
            raise SoraError(f"this latent's width or height is not a multiple of {multiple} pixels; "
                            "make it with Sora Empty Latent")
        if text is None or text.shape[-1] != self.config.text_width:
            raise SoraError("this conditioning was made by another model's text encoder; "
                            "use the clip of the same Sora Checkpoint Loader")
        return shapes

    def process_timestep(self, timestep: Tensor, video_mask: Tensor | None = None, audio_mask: Tensor | None = None,
                         **_: Any) -> tuple[Tensor, Tensor]:
        """ComfyUI's timestep (B,) -> one in [0, 1] per stream; a token that the mask keeps has 0, which means given."""
        noise = timestep / getattr(self.model_sampling, "multiplier", 1.0)

        def per_token(mask: Tensor | None) -> Tensor:
            return noise if mask is None else mask.float() * noise.view(-1, *[1] * (mask.ndim - 1))

        return per_token(video_mask), per_token(audio_mask)

    def scale_latent_inpaint(self, latent_image: Tensor, **_: Any) -> Tensor:
        """What is given is shown to the model as it is, without noise."""
        return latent_image


def model_from_checkpoint(checkpoint: Checkpoint, source: str | None, vae: Any, disable_dynamic: bool = False) -> Any:
    """The checkpoint's transformer as a ModelPatcher.

    Args:
        source: the path to load it again from, None for the embedded one.
        vae: its video VAE, which long clips need at their joins.
    """
    plain = build(checkpoint, "transformer", SoraTransformer)
    description = _description(plain.config, _preview(checkpoint))
    device, offload = memory.get_torch_device(), memory.unet_offload_device()
    dtype, compute_dtype = _dtypes(device, description.supported_inference_dtypes)
    description.set_inference_dtype(dtype, None if compute_dtype == dtype else compute_dtype)
    model = SoraModel(description, plain.config)
    operations = comfy.ops.pick_operations(dtype, description.manual_cast_dtype)
    model.diffusion_model = SoraDiffusion(plain.config, operations=operations, dtype=dtype, device=offload)
    model.diffusion_model.compute_dtype = compute_dtype
    model.diffusion_model.eval().requires_grad_(False)
    memory.archive_model_dtypes(model.diffusion_model)
    patcher_type = comfy.model_patcher.ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher
    patcher = patcher_type(model, load_device=device, offload_device=offload)
    state = {key: value.to(dtype) for key, value in plain.state_dict().items()}
    model.diffusion_model.load_state_dict(state, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (load_model, (source,))
    # Each stands around the next: the sketch is of the whole clip, pictures are held in each window.
    sketch_first(patcher, plain.config, build(checkpoint, "sketcher", Sketcher))
    continue_long(patcher, plain.config, vae, build(checkpoint, "video_vae", VideoVAE))
    hold_pictures(patcher)
    return patcher


def load_model(source: str | None, disable_dynamic: bool = False) -> Any:
    """Build the MODEL afresh; ComfyUI calls this for training, compiling and several GPUs."""
    checkpoint = load_checkpoint(source)
    return model_from_checkpoint(checkpoint, source, video_vae_from_checkpoint(checkpoint), disable_dynamic)


def _dtypes(device: torch.device, supported: list[torch.dtype]) -> tuple[torch.dtype, torch.dtype]:
    """Types of the weights and of the arithmetic: ComfyUI's choice, but on a processor the same as without ComfyUI."""
    if memory.is_device_cpu(device):
        dtype = torch.bfloat16 if has_fast_bfloat16() and not args.fp32_unet else torch.float32
        return dtype, dtype
    dtype = memory.unet_dtype(device, supported_dtypes=supported)
    return dtype, memory.unet_manual_cast(dtype, device, supported) or dtype


def _description(config: TransformerConfig, preview: Callable[[Tensor], Tensor] | None) -> SoraConfig:
    description = SoraConfig({"image_model": "soracore", "disable_unet_model_creation": True})
    form = description.latent_format
    form.latent_channels = config.video_channels + SKETCH_CHANNELS
    form.spacial_downscale_ratio = config.spatial_compression
    form.temporal_downscale_ratio = config.temporal_compression
    form.latent_rgb_factors_reshape = preview
    if preview is None:
        form.latent_rgb_factors = None
    # ComfyUI reckons with 0.01 MiB times this factor per number in the packed latents and byte of the type; a token is
    # `video_channels * patch_size ** 2` of those numbers.
    cells = config.patch_size ** 2
    alive = max(config.width * TOKEN_ACTIVATIONS, cells * config.refiner_width * CELL_ACTIVATIONS)
    description.memory_usage_factor = alive / (config.video_channels * cells) / (0.01 * 1024 * 1024)
    return description


def _preview(checkpoint: Checkpoint) -> Callable[[Tensor], Tensor] | None:
    tensors = checkpoint.tensors.get("video_vae", {})
    if "base.weight" not in tensors or "base.bias" not in tensors:
        return None
    return LatentPreview(tensors["base.weight"], tensors["base.bias"], checkpoint.config["video_vae"])
