"""Sora Foley: a silent clip, for the model to make its sound."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..sora_core.errors import MediaError
from ..sora_core.given import given_video, nothing_given
from ..sora_core.plan import MODEL_FRAME_RATE, frames_to_model, make_plan
from ..sora_core.shapes import to_frame_rate
from .adapter_vae import encode_video, require_ours
from .convert import Clip, check_image, clip_from_video, even_size, fitting_video, latent_from_given
from .latents import AUDIO, MULTIPLE


class SoraFoley(io.ComfyNode):
    """VIDEO, or IMAGE and its frame rate -> LATENT with the picture given and the sound to be made."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraFoley",
            display_name="Sora Foley",
            category="Sora/latent",
            description="Makes the sound that belongs to a silent clip: the model sees the picture and fills in what "
                        "is heard. Join the new sound with your own frames in Create Video.",
            search_aliases=["sora", "foley", "video to audio", "v2a", "sound effects"],
            inputs=[
                io.Vae.Input("video_vae", tooltip="The video_vae of Sora Checkpoint Loader."),
                io.Video.Input("video", optional=True,
                               tooltip="The clip, up to 60 seconds; its own sound is ignored."),
                io.Image.Input("images", optional=True, tooltip="Or its frames in order, with their frame_rate."),
                io.Float.Input("frame_rate", default=float(MODEL_FRAME_RATE), min=1.0, max=120.0, step=1.0, round=0.001,
                               optional=True, tooltip="Frames per second of images, 1 to 120; a video has its own."),
            ],
            outputs=[io.Latent.Output("latent", tooltip="Connect to a sampler's latent image.")],
        )

    @classmethod
    def execute(cls, video_vae: Any, video: Any = None, images: Tensor | None = None,
                frame_rate: float = float(MODEL_FRAME_RATE)) -> io.NodeOutput:
        config = require_ours(video_vae, "video").config
        clip = _clip(video, images, frame_rate)
        rate = to_frame_rate(clip.frame_rate)
        width, height = even_size(clip.images)
        plan = make_plan(seconds=len(clip.images) / rate, width=width, height=height, frame_rate=rate,
                         multiple=MULTIPLE, sample_rate=AUDIO.sample_rate)
        picture = fitting_video(clip.images, frames_to_model(len(clip.images), rate), plan)
        given = given_video(picture, nothing_given(plan, config, AUDIO), encode=partial(encode_video, video_vae))
        return io.NodeOutput(latent_from_given(given, plan, AUDIO.sample_rate))


def _clip(video: Any, images: Tensor | None, frame_rate: float) -> Clip:
    if (video is None) == (images is None):
        raise MediaError("connect either video or images, so that there is one clip to make the sound of")
    if images is None:
        return clip_from_video(video)
    check_image(images)
    return Clip(images, None, to_frame_rate(frame_rate))
