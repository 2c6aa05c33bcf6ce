"""Sora Lip Sync: a sound, for the model to make the picture that it belongs to."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..sora_core.config import VideoVAEConfig
from ..sora_core.errors import MediaError
from ..sora_core.given import given_pictures, given_sound, nothing_given
from ..sora_core.plan import fit_seconds
from .adapter_vae import encode_sound, encode_video, require_ours
from .convert import latent_from_given, one_picture, sound_from_audio
from .image_to_video import plan_like, size_inputs
from .latents import VIDEO, frame_rate_input


class SoraLipSync(io.ComfyNode):
    """AUDIO, and perhaps a first picture -> LATENT with the sound given and the picture to be made."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraLipSync",
            display_name="Sora Lip Sync",
            category="Sora/latent",
            description="Makes the picture that belongs to a voice or any other sound. Join the new frames with your "
                        "own sound in Create Video. The embedded model knows things that land, but no speaker yet.",
            search_aliases=["sora", "lipsync", "lip sync", "audio to video", "a2v", "talking head", "voice"],
            inputs=[
                io.Vae.Input("audio_vae", tooltip="The audio_vae of Sora Checkpoint Loader."),
                io.Audio.Input("audio", tooltip="The voice or sound, up to 60 seconds, at any sample rate; channels "
                                                "are mixed. The clip lasts as long."),
                io.Vae.Input("video_vae", optional=True,
                             tooltip="The video_vae of Sora Checkpoint Loader; needed for first_image only."),
                io.Image.Input("first_image", optional=True, tooltip="The clip begins with this picture."),
                *size_inputs("the shape of first_image, or else 128 x 128"),
                frame_rate_input(),
            ],
            outputs=[io.Latent.Output("latent", tooltip="Connect to a sampler's latent image.")],
        )

    @classmethod
    def execute(cls, audio_vae: Any, audio: Any, width: int, height: int, frame_rate: float, video_vae: Any = None,
                first_image: Tensor | None = None) -> io.NodeOutput:
        config = require_ours(audio_vae, "audio").config
        sound = sound_from_audio(audio, config.sample_rate)
        first = None if first_image is None else one_picture(first_image, "first_image")
        plan = plan_like(first, fit_seconds(sound.shape[-1], config.sample_rate, frame_rate), width, height, frame_rate)
        given = given_sound(sound, nothing_given(plan, _config(video_vae, first), config),
                            samples_per_latent=config.samples_per_latent, encode=partial(encode_sound, audio_vae))
        if first is not None:
            given = given_pictures([(0, first)], given, plan=plan, encode=partial(encode_video, video_vae),
                                   temporal_compression=video_vae.first_stage_model.config.temporal_compression)
        return io.NodeOutput(latent_from_given(given, plan, config.sample_rate))


def _config(video_vae: Any, first: Tensor | None) -> VideoVAEConfig:
    if video_vae is not None:
        return require_ours(video_vae, "video").config
    if first is not None:
        raise MediaError("first_image can't be read without video_vae; connect that of Sora Checkpoint Loader")
    return VIDEO
