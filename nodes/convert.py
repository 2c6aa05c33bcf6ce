"""ComfyUI's IMAGE, AUDIO and LATENT <-> core tensors; the only place where they are converted.

Legend: core video is float (B, 3, T, H, W) in [-1, 1], core sound float (B, C, N) in [-1, 1]. IMAGE is (B * T, H, W, 3)
in [0, 1], AUDIO is {"waveform": (1, C, B * N), "sample_rate": hertz}. A LATENT holds video latents (B, C, T', H', W')
and audio latents (B, C, L) as one NestedTensor in "samples"; beside them travels the clip's plan, for the decoders.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import comfy.model_management
import torch
from comfy.nested_tensor import NestedTensor
from comfy_api.latest import InputImpl
from torch import Tensor

from ..sora_core.config import AudioVAEConfig, VideoVAEConfig
from ..sora_core.errors import ConfigError, MediaError, SoraError
from ..sora_core.given import frames_that_fit
from ..sora_core.plan import MODEL_FRAME_RATE, Plan, last_frame_before
from ..sora_core.resample import resample
from ..sora_core.sampling.flow import Given
from ..sora_core.shapes import MAX_SECONDS, audio_samples, video_frames, video_latent_frames

PLAN = "sora_plan"
FRAMES_AT_ONCE = 16     # that are resized together
MAX_BATCH = 64


class Streams(NestedTensor):
    """Picture and sound as ComfyUI's NestedTensor, with what its nodes for batches ask of a tensor.

    A sampler hands on a plain NestedTensor, so such nodes work before it and not behind it.
    """

    def _copy(self) -> Streams:
        return Streams(self.tensors)

    def clone(self) -> Streams:
        return self.apply_operation(None, lambda stream, _: stream.clone())

    def repeat(self, *times: Any) -> Streams:
        """`times` for every axis of the picture; only the first, of the batch, may be other than 1.

        Raises:
            SoraError: repeating anything but whole clips.
        """
        batch, *others = times[0] if isinstance(times[0], (tuple, list)) else times
        if any(other != 1 for other in others):
            raise SoraError("picture and sound can only be repeated as whole clips; separate them first")
        return self.apply_operation(None, lambda stream, _: stream.repeat(batch, *[1] * (stream.ndim - 1)))


class Clip(NamedTuple):
    """What a VIDEO holds: IMAGE (T, H, W, 3), AUDIO or None, and its frame rate."""

    images: Tensor
    audio: dict[str, Any] | None
    frame_rate: Fraction


def image_from_video(video_BCTHW: Tensor) -> Tensor:
    """Core video -> IMAGE; the clips of a batch follow one another, as ComfyUI's own VAE Decode has it."""
    return video_BCTHW.movedim(1, -1).add(1).mul_(0.5).clamp_(0, 1).flatten(0, 1)


def video_from_image(image_THWC: Tensor) -> Tensor:
    """IMAGE -> core video of one clip; an alpha channel is left out.

    Raises:
        MediaError: not an IMAGE, or not of numbers.
    """
    check_image(image_THWC)
    return image_THWC[..., :3].float().mul(2).sub(1).clamp(-1, 1).movedim(-1, 0).unsqueeze(0)


def check_image(image_THWC: Any) -> None:
    """Refuse what is no IMAGE.

    Raises:
        MediaError: not a colour picture, empty, or not of numbers.
    """
    if not isinstance(image_THWC, Tensor) or image_THWC.ndim != 4 or image_THWC.shape[-1] < 3 or 0 in image_THWC.shape:
        found = tuple(image_THWC.shape) if isinstance(image_THWC, Tensor) else type(image_THWC).__name__
        raise MediaError(f"an image of shape {found} can't be used; connect an IMAGE in colour")
    if not bool(torch.isfinite(image_THWC).all()):
        raise MediaError("the image holds values that are not numbers; look at the node that makes it")


def one_picture(image_THWC: Tensor, name: str) -> Tensor:
    """IMAGE of one picture -> core video (1, 3, 1, H, W).

    Raises:
        MediaError: not an IMAGE, or more than one picture.
    """
    video = video_from_image(image_THWC)
    if video.shape[2] != 1:
        raise MediaError(f"{name} holds {video.shape[2]} pictures; connect one, for example through Image From Batch")
    return video


def even_size(image_THWC: Tensor) -> tuple[int, int]:
    """Width and height of an IMAGE as a file of the same size can have them: even."""
    return image_THWC.shape[2] // 2 * 2, image_THWC.shape[1] // 2 * 2


def fitting_video(image_THWC: Tensor, picks: list[int], plan: Plan) -> Tensor:
    """The frames `picks` of an IMAGE as core video of the generated size, a few at a time."""
    pieces = torch.tensor(picks).split(FRAMES_AT_ONCE)
    return frames_that_fit([video_from_image(image_THWC[piece]) for piece in pieces], plan)


def sound_from_audio(audio: Any, sample_rate: int) -> Tensor:
    """AUDIO of any rate and number of channels -> core sound (1, 1, N) at `sample_rate`; channels are averaged.

    Raises:
        MediaError: not an AUDIO, empty, several at once, not of numbers, or longer than a clip can be.
    """
    waveform = audio.get("waveform") if isinstance(audio, dict) else None
    if not isinstance(waveform, Tensor) or waveform.ndim != 3 or "sample_rate" not in audio:
        raise MediaError("this is not a sound; connect an AUDIO, for example of Load Audio")
    if 0 in waveform.shape:
        raise MediaError("the audio holds no samples; connect a sound that lasts longer than 0 seconds")
    if waveform.shape[0] != 1:
        raise MediaError(f"the audio holds {waveform.shape[0]} sounds at once; connect one")
    rate = audio["sample_rate"]
    if isinstance(rate, (int, float)) and waveform.shape[-1] > (MAX_SECONDS + 1) * rate > 0:
        raise MediaError(f"the audio lasts {waveform.shape[-1] / rate:.0f} seconds; cut it to at most "
                         f"{MAX_SECONDS:g}, for example with Trim Audio Duration")
    if not bool(torch.isfinite(waveform).all()):
        raise MediaError("the audio holds values that are not numbers; look at the node that makes it")
    mono = waveform.float().mean(dim=1, keepdim=True)
    return resample(mono, rate, sample_rate).clamp(-1, 1)


def clip_from_video(video: Any, last_seconds: float | None = None) -> Clip:
    """VIDEO -> its frames, sound and rate, of its last seconds only or, as None, of all of it.

    Raises:
        MediaError: not a VIDEO, without a frame, or longer than a clip can be.
    """
    if not hasattr(video, "get_components"):
        raise MediaError("this is not a video; connect a VIDEO, for example of Load Video or Create Video")
    seconds = video.get_duration()
    if last_seconds is None and seconds > MAX_SECONDS + 0.5:
        raise MediaError(f"the video lasts {seconds:.0f} seconds; cut it to at most {MAX_SECONDS:g}, for example with "
                         "Video Slice")
    parts = None
    if last_seconds is not None and seconds > last_seconds + 1 and isinstance(video, InputImpl.VideoFromFile):
        start = last_frame_before(seconds - last_seconds, video.get_frame_rate())
        parts = video.as_trimmed(start, seconds - start, strict_duration=False).get_components()
    if parts is None or len(parts.images) == 0:     # the sound may outlast the picture
        parts = video.get_components()
    check_image(parts.images)
    has_sound = parts.audio is not None and parts.audio["waveform"].numel() > 0
    return Clip(parts.images, parts.audio if has_sound else None, Fraction(parts.frame_rate))


def audio_from_sound(sound_BCN: Tensor, sample_rate: int) -> dict[str, Any]:
    """Core sound -> AUDIO of one sound; those of a batch follow one another as their pictures do."""
    return {"waveform": sound_BCN.float().movedim(0, 1).flatten(1)[None], "sample_rate": sample_rate}


def latent_from_streams(video: Tensor, audio: Tensor, plan: Plan, sample_rate: int) -> dict[str, Any]:
    """Video and audio latents and the plan that they follow -> LATENT."""
    return {"samples": Streams((video, audio)), PLAN: plan, "sample_rate": sample_rate}


def latent_from_given(given: Given, plan: Plan, sample_rate: int, batch_size: int = 1) -> dict[str, Any]:
    """What is given of a clip -> LATENT with its noise mask (1 = generate); nothing given needs no mask.

    Raises:
        ConfigError: no such batch size; a link may bring any.
    """
    if not 1 <= batch_size <= MAX_BATCH:
        raise ConfigError(f"batch_size={batch_size} is out of range; use 1 to {MAX_BATCH}")
    device = comfy.model_management.intermediate_device()

    def batch(stream: Tensor) -> Tensor:
        return stream.repeat(batch_size, *[1] * (stream.ndim - 1)).to(device)

    latent = latent_from_streams(batch(given.video), batch(given.audio), plan, sample_rate)
    masks = [batch(mask[:, None]) for mask in (given.video_mask, given.audio_mask)]     # one for all channels
    if not all(bool(mask.all()) for mask in masks):
        latent["noise_mask"] = Streams(masks)
    return latent


def unnested(samples: Any) -> list[Tensor]:
    """The streams of a LATENT's samples.

    Raises:
        SoraError: there aren't as many of one as of the other.
    """
    streams = list(samples.unbind()) if samples.is_nested else [samples]
    if len({len(stream) for stream in streams}) > 1:
        clips = " and ".join(str(len(stream)) for stream in streams)
        raise SoraError(f"the latent's picture and sound are batches of {clips} clips; make both with one "
                        "Sora Empty Latent")
    return streams


def streams_from_latent(latent: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    """LATENT -> (video latents or None, audio latents or None); it may hold both, or either alone.

    Raises:
        SoraError: they are numbers no more, or there aren't as many pictures as sounds.
    """
    streams = unnested(latent["samples"])
    if not all(bool(torch.isfinite(stream).all()) for stream in streams):
        raise SoraError("the latent holds values that are not numbers; lower the sampler's cfg or use another model")
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


def whole_mask(text: Tensor, mask: Tensor | None) -> Tensor:
    """The mask (B, L), int64, of text states (B, L, D); words that other nodes have joined on count as real."""
    ones = torch.ones(text.shape[:2], dtype=torch.long, device=text.device)
    if mask is not None:
        known = mask[:len(text), :text.shape[1]].to(ones)
        ones[:, :known.shape[1]] = known
    return ones


def fit_length(sound_BCN: Tensor, samples: int) -> Tensor:
    """Cut, or fill with silence, to exactly `samples`."""
    missing = max(0, samples - sound_BCN.shape[-1])
    return torch.nn.functional.pad(sound_BCN[..., :samples], (0, missing))
