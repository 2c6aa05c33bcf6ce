"""What a person gives of a clip - pictures, a beginning, the picture or the sound - as latents and their masks.

Legend: B batch, C channels, T H W frames and pixels, T' H' W' video latents, N samples, L audio latents. Encoders are
passed as functions, so that the command line and ComfyUI's memory management share this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import AudioVAEConfig, VideoVAEConfig
from .errors import ConfigError
from .models.video_vae import from_changes, to_changes
from .plan import MODEL_FRAME_RATE, Plan, fit, model_frame
from .sampling.flow import Given
from .shapes import SKETCH_CHANNELS, audio_latent_frames, audio_samples, video_latent_frames

Encode = Callable[[Tensor], Tensor]     # video (1, 3, T, H, W) -> (1, C, T', H', W'), or sound (1, 1, N) -> (1, C, L)


def nothing_given(plan: Plan, video: VideoVAEConfig, audio: AudioVAEConfig) -> Given:
    """Zeros of the plan's shapes, all of them to be generated; with the channels that carry a sketch."""
    frames = video_latent_frames(plan.model_frames, video.temporal_compression)
    rows, columns = (side // video.spatial_compression for side in (plan.model_height, plan.model_width))
    length = audio_latent_frames(plan.known_samples + plan.num_samples, audio.samples_per_latent)
    return Given(torch.zeros(1, video.latent_channels + SKETCH_CHANNELS, frames, rows, columns),
                 torch.zeros(1, audio.latent_channels, length),
                 torch.ones(1, frames, rows, columns), torch.ones(1, length))


def parse_positions(text: str, num_images: int, plan: Plan) -> list[int]:
    """Frame numbers such as "12, 48, -1" -> frames of the file, one for each image; negative ones count from the end.

    Raises:
        ConfigError: not whole numbers, not as many as there are images, or outside of the clip.
    """
    words = [word for word in text.replace(",", " ").split() if word]
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        raise ConfigError(f"positions {text[:40]!r} are not frame numbers; write whole numbers such as "
                          "12, 48, -1") from None
    if len(numbers) != num_images:
        raise ConfigError(f"there are {num_images} images and {len(numbers)} positions; give each image one position")
    for number in numbers:
        if not -plan.num_frames <= number < plan.num_frames:
            raise ConfigError(f"position {number} is outside of the clip; use {-plan.num_frames} to "
                              f"{plan.num_frames - 1}")
    return [number % plan.num_frames for number in numbers]


def given_pictures(pictures: Iterable[tuple[int, Tensor]], start: Given, *, plan: Plan, temporal_compression: int,
                   encode: Encode) -> Given:
    """`start`, of which no picture is given yet, with pictures at some of its frames.

    The first frame has a latent of its own. Any other picture is held for the frames that share its latent, since less
    can't be given. Where the first frame itself is to be generated, later latents, which are differences from it, stand
    beside a stand-in for it: `from_changes` tells what they shall show.

    Args:
        pictures: pairs of a frame of the file and a picture (1, 3, 1, H, W) of any size, resized and cropped to fit.

    Raises:
        ConfigError: no picture, or two for one latent.
    """
    pictures = sorted(pictures, key=lambda pair: pair[0])
    if not pictures:
        raise ConfigError("there is no picture to start from; connect first_image, last_image or images")
    places: dict[int, Tensor] = {}
    for frame, picture in pictures:
        place = video_latent_frames(1 + model_frame(frame, plan), temporal_compression) - 1
        if place in places:
            raise ConfigError(f"frame {frame} is too near to another given picture; keep them "
                              f"{float(temporal_compression / MODEL_FRAME_RATE):.2g} seconds apart")
        places[place] = _encode_held(picture, place > 0, plan, temporal_compression, encode)
    first = places.get(0, next(iter(places.values())))
    each = first.repeat(1, 1, start.video.shape[2], 1, 1).to(start.video)       # what is to be generated starts still
    mask = start.video_mask.clone()
    for place, latent in places.items():
        each[:, :, place:place + 1], mask[:, place] = latent, 0
    return replace(start, video=to_changes(each), video_mask=mask)


def given_video(video_BCTHW: Tensor, start: Given, *, encode: Encode) -> Given:
    """`start` with the whole picture given, or, where the clip goes on from it, its beginning.

    Args:
        video_BCTHW: (1, 3, T, H, W), whole latents of generated frames, already of the generated size.
    """
    known = encode(video_BCTHW).to(start.video)
    video, mask = start.video.clone(), start.video_mask.clone()
    count = known.shape[2]
    video[:, :, :count], mask[:, :count] = known, 0
    return replace(start, video=video, video_mask=mask)


def given_sound(sound_B1N: Tensor, start: Given, *, samples_per_latent: int, encode: Encode,
                whole: bool = True) -> Given:
    """`start` with the sound given from its beginning on.

    Args:
        sound_B1N: (1, 1, N) at the model's rate.
        whole: silence follows to the end; else only the latents that the sound fills are given.
    """
    length = start.audio.shape[-1]
    if whole:
        sound_B1N, count = F.pad(sound_B1N, (0, max(0, length * samples_per_latent - sound_B1N.shape[-1]))), length
    else:
        count = min(length, sound_B1N.shape[-1] // samples_per_latent)
    if count == 0:
        return start
    audio, mask = start.audio.clone(), start.audio_mask.clone()
    audio[..., :count] = encode(sound_B1N[..., :length * samples_per_latent])[..., :count].to(audio)
    mask[:, :count] = 0
    return replace(start, audio=audio, audio_mask=mask)


def sound_of_tail(sound_B1N: Tensor, plan: Plan, num_frames: int, sample_rate: int) -> Tensor:
    """Of the sound of a clip of `num_frames` frames, what belongs to the end that the plan goes on from."""
    stop = audio_samples(num_frames, plan.frame_rate, sample_rate)
    heard = F.pad(sound_B1N, (plan.known_samples, max(0, stop - sound_B1N.shape[-1])))  # as long as its picture
    return heard[..., stop:stop + plan.known_samples]


def frames_that_fit(video_chunks: Sequence[Tensor], plan: Plan) -> Tensor:
    """Pieces of a video of any size -> one (1, 3, T, H, W) of the generated size, resized and cropped."""
    return torch.cat([fit(chunk, plan.model_width, plan.model_height) for chunk in video_chunks], dim=2)


def _encode_held(picture: Tensor, is_held: bool, plan: Plan, temporal_compression: int, encode: Encode) -> Tensor:
    """One latent (1, C, 1, H', W'), for itself, of a picture that is the first frame or held for a whole latent."""
    still = fit(picture, plan.model_width, plan.model_height)
    if not is_held:
        return encode(still)
    return from_changes(encode(still.expand(-1, -1, 1 + temporal_compression, -1, -1)))[:, :, 1:2]
