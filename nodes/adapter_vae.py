"""The autoencoders as ComfyUI's VAE, with streaming decode, and the loops that our own decoders run.

Legend: B batch, C channels, T H W frames and pixels, t h w video latents, N samples, L audio latents.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import comfy.model_management as memory
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.utils
import torch
from torch import Tensor

from ..sora_core.checkpoint import Checkpoint, build
from ..sora_core.config import AudioVAEConfig, VideoVAEConfig
from ..sora_core.errors import ResourceError, SoraError
from ..sora_core.models.audio_vae import AudioVAE
from ..sora_core.models.carried import with_sketch
from ..sora_core.models.video_vae import CHUNK_CELLS, VideoVAE
from ..sora_core.pipeline import decode_video
from ..sora_core.plan import Plan, finish
from ..sora_core.shapes import SKETCH_CHANNELS, video_frames, video_latent_frames
from .convert import image_from_video

SAMPLE_BYTES = 4
# Numbers for a pixel that are alive at once, at most, while frames are finished by their sketch; counted by PyTorch's
# profiler (tests/comfyui/inside_memory.py).
FINISHED_NUMBERS, NUMBER_BYTES = 44, 4


class SoraVideoVAE(VideoVAE):
    """The same network with the two ways in which ComfyUI may ask for less memory."""

    comfy_has_chunked_io = True

    def decode_output_shape(self, latents_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Of the buffer that ComfyUI's VAE Decode hands to `decode`."""
        b, _, t, h, w = latents_shape
        side = self.config.spatial_compression
        return b, 3, video_frames(t, self.config.temporal_compression), h * side, w * side

    def encode(self, video_BCTHW: Tensor, device: Any = None) -> Tensor:
        """Latents that carry no sketch, with room for one, so that they can be joined with generated ones."""
        return with_sketch(super().encode(video_BCTHW if device is None else video_BCTHW.to(device)), None)

    def decode(self, latents_BCthw: Tensor, output_buffer: Tensor | None = None) -> Tensor:
        """The clip, written piece by piece into the buffer if there is one."""
        if output_buffer is None:
            return torch.cat(list(decode_video(self, latents_BCthw)), dim=2)
        start = 0
        for chunk in decode_video(self, latents_BCthw):
            output_buffer[:, :, start:start + chunk.shape[2]].copy_(chunk)
            start += chunk.shape[2]
        return output_buffer

    def decode_tiled(self, latents_BCthw: Tensor, tile_x: int | None = None, tile_y: int | None = None,
                     **_: Any) -> Tensor:
        """The same values as `decode`, a square of the picture at a time; tile sides are in latents."""
        sides = [side for side in (tile_x, tile_y) if side]
        tile = min(sides) * self.config.spatial_compression if sides else None
        return torch.cat(list(self.decode_stream(latents_BCthw, tile=tile)), dim=2)

    def encode_tiled(self, video_BCTHW: Tensor, **_: Any) -> Tensor:
        """Patches don't see their neighbours, so there is nothing to tile."""
        return self.encode(video_BCTHW)


class SoraAudioVAE(AudioVAE):
    """The same network for sounds of any number of channels, as ComfyUI's VAE Encode Audio gives them."""

    def encode(self, waveform_BCN: Tensor) -> Tensor:
        """As `AudioVAE.encode`; channels are averaged."""
        has_channels = waveform_BCN.ndim == 3 and waveform_BCN.shape[1] > 1
        return super().encode(waveform_BCN.mean(dim=1, keepdim=True) if has_channels else waveform_BCN)


def video_vae_from_checkpoint(checkpoint: Checkpoint) -> comfy.sd.VAE:
    """The checkpoint's video autoencoder as a VAE."""
    plain = build(checkpoint, "video_vae", VideoVAE)
    config: VideoVAEConfig = plain.config
    k, side = config.temporal_compression, config.spatial_compression
    hidden = (config.cell_width * 3 * side ** 2 // config.cell_size ** 2) * k    # numbers per latent cell being decoded

    def decode_bytes(shape: tuple[int, ...], dtype: torch.dtype) -> int:
        b, t, h, w = _places(shape, "latent")
        plain = min(b * t * h * w, 2 * CHUNK_CELLS) * hidden * memory.dtype_size(dtype)
        if shape[1] == config.latent_channels:
            return plain
        finished = max(min(b * t * h * w, CHUNK_CELLS), b * h * w) * k * side ** 2
        return max(plain, finished * FINISHED_NUMBERS * NUMBER_BYTES)

    def encode_bytes(shape: tuple[int, ...], dtype: torch.dtype) -> int:
        b, frames, height, width = _places(shape, "picture")
        return 3 * b * 3 * (frames + k) * height * width * memory.dtype_size(dtype)

    return _native(
        plain, SoraVideoVAE, latent_dim=3, latent_channels=config.latent_channels + SKETCH_CHANNELS,
        output_channels=3,
        upscale_ratio=(lambda t: video_frames(t, k), side, side),
        downscale_ratio=(lambda frames: video_latent_frames(frames, k), side, side),
        upscale_index_formula=(k, side, side), downscale_index_formula=(k, side, side), handles_tiling=True,
        memory_used_decode=decode_bytes, memory_used_encode=encode_bytes)


def audio_vae_from_checkpoint(checkpoint: Checkpoint) -> comfy.sd.VAE:
    """The checkpoint's audio autoencoder and vocoder as a VAE."""
    plain = build(checkpoint, "audio_vae", AudioVAE)
    config: AudioVAEConfig = plain.config

    def sound_bytes(samples: int) -> int:
        return samples * (config.width // config.hop_length + 8) * 8 * SAMPLE_BYTES

    return _native(
        plain, SoraAudioVAE, latent_dim=1, latent_channels=config.latent_channels, output_channels=1,
        upscale_ratio=config.samples_per_latent, downscale_ratio=config.samples_per_latent,
        audio_sample_rate=config.sample_rate, crop_input=False,
        process_input=lambda sound: sound, process_output=lambda sound: sound,
        memory_used_decode=lambda shape, dtype: sound_bytes(shape[0] * shape[-1] * config.samples_per_latent),
        memory_used_encode=lambda shape, dtype: sound_bytes(shape[0] * shape[-1]))


def _places(shape: tuple[int, ...], name: str) -> tuple[int, int, int, int]:
    """B, T, H and W of a shape (B, C, T, H, W); ComfyUI asks how much memory it takes before the network sees it.

    Raises:
        SoraError: not such a tensor.
    """
    if len(shape) != 5:
        raise SoraError(f"a {name} of shape {tuple(shape)} doesn't fit Sora's video VAE; connect what belongs to the "
                        "Sora model, or another VAE")
    return shape[0], shape[2], shape[3], shape[4]


def require_ours(vae: Any, kind: str) -> torch.nn.Module:
    """The network inside a VAE of the given kind, "video" or "audio".

    Raises:
        SoraError: it is another model's, or of the other kind.
    """
    module = getattr(vae, "first_stage_model", None)
    if not isinstance(module, VideoVAE if kind == "video" else AudioVAE):
        raise SoraError(f"this is not Sora's {kind} VAE; connect the {kind}_vae of Sora Checkpoint Loader")
    return module


def decode_planned(vae: Any, latents_BCthw: Tensor, plan: Plan) -> Tensor:
    """Video latents -> IMAGE (B * frames, H, W, 3).

    Raises:
        ResourceError: more than fits into memory.
    """
    needed = latents_BCthw.shape[0] * plan.num_frames * plan.height * plan.width * 3 * vae.vae_output_dtype().itemsize
    free = memory.get_free_memory(vae.output_device)
    if needed > free:
        raise ResourceError(f"the frames need {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; make a "
                            "shorter or smaller clip, or use Sora Text To Video, which writes as it goes")
    images = torch.empty(latents_BCthw.shape[0], plan.num_frames, plan.height, plan.width, 3,
                         device=vae.output_device, dtype=vae.vae_output_dtype())
    done = 0
    for chunk in planned_chunks(vae, latents_BCthw, plan):
        images[:, done:done + chunk.shape[2]].copy_(image_from_video(chunk).unflatten(0, chunk.shape[0:3:2]))
        done += chunk.shape[2]
    return images.flatten(0, 1)


def planned_chunks(vae: Any, latents_BCthw: Tensor, plan: Plan) -> Iterator[Tensor]:
    """Video latents -> core video, piece by piece, showing progress; Stop works between pieces."""
    module = require_ours(vae, "video")
    memory.load_models_gpu([vae.patcher], memory_required=vae.memory_used_decode(latents_BCthw.shape, vae.vae_dtype),
                           force_full_load=vae.disable_offload)
    bar = comfy.utils.ProgressBar(plan.num_frames)
    done = 0
    chunks = decode_video(module, latents_BCthw.to(device=vae.device, dtype=vae.vae_dtype))
    for chunk in finish(chunks, plan):
        yield chunk
        done += chunk.shape[2]
        bar.update_absolute(done)


def encode_video(vae: Any, video_BCTHW: Tensor) -> Tensor:
    """Core video of one clip (1, 3, T, H, W) -> video latents."""
    require_ours(vae, "video")
    return vae.encode(image_from_video(video_BCTHW))


def encode_sound(vae: Any, sound_B1N: Tensor) -> Tensor:
    """Core sound (1, 1, N) at the model's rate -> audio latents."""
    require_ours(vae, "audio")
    return vae.encode(sound_B1N.movedim(1, -1))


def decode_audio(vae: Any, latents_BCL: Tensor) -> Tensor:
    """Audio latents -> sound (B, 1, N)."""
    return vae.decode(latents_BCL).movedim(-1, 1)


def _native(plain: torch.nn.Module, network: type[torch.nn.Module], **fields: Any) -> comfy.sd.VAE:
    """A `comfy.sd.VAE` around a network of ours: its constructor knows only its own, so the fields are set after it."""
    vae = _empty_vae()
    for name, value in {"disable_offload": True, "working_dtypes": [torch.float32], **fields}.items():
        setattr(vae, name, value)
    vae.device, vae.output_device = memory.vae_device(), memory.intermediate_device()
    vae.vae_dtype = memory.vae_dtype(vae.device, vae.working_dtypes)
    offload = memory.vae_offload_device()
    module = network(plain.config, operations=comfy.ops.disable_weight_init, dtype=vae.vae_dtype, device=offload)
    vae.first_stage_model = module.eval().requires_grad_(False)
    memory.archive_model_dtypes(module)
    vae.patcher = comfy.model_patcher.CoreModelPatcher(module, load_device=vae.device, offload_device=offload)
    state = {key: value.to(vae.vae_dtype) if value.is_floating_point() else value
             for key, value in plain.state_dict().items()}
    module.load_state_dict(state, assign=vae.patcher.is_dynamic())
    if memory.is_device_cpu(vae.device):
        module.to(memory_format=torch.channels_last)    # convolutions are twice as fast there
    vae.model_size()
    return vae


def _empty_vae() -> comfy.sd.VAE:
    """A VAE with every default set and no network; the warning that it has none would only puzzle people."""
    root = logging.getLogger()
    root.addFilter(_not_about_missing_weights)
    try:
        return comfy.sd.VAE(sd={})
    finally:
        root.removeFilter(_not_about_missing_weights)


def _not_about_missing_weights(record: logging.LogRecord) -> bool:
    return "No VAE weights detected" not in record.getMessage()
