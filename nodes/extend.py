"""Sora Extend Video: the end of a clip, with its sound, for the model to go on from."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io

from ..sora_core.given import given_sound, given_video, nothing_given, sound_of_tail
from ..sora_core.plan import plan_continuation, tail_to_model
from ..sora_core.shapes import MAX_SECONDS
from .adapter_vae import encode_sound, encode_video, require_ours
from .convert import clip_from_video, even_size, fitting_video, latent_from_given, sound_from_audio
from .latents import MULTIPLE


class SoraExtendVideo(io.ComfyNode):
    """The tail of a VIDEO with its sound -> LATENT with its noise mask; our decoders then give only what is new."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraExtendVideo",
            display_name="Sora Extend Video",
            category="Sora/latent",
            description="Lets a video go on, with its sound. Sora Decode and Sora Audio Synthesis then give what is "
                        "new, at the video's own size and frame rate: join it with Batch Images and Audio Concat.",
            search_aliases=["sora", "extend", "continue video", "longer", "v2v"],
            inputs=[
                io.Vae.Input("video_vae", tooltip="The video_vae of Sora Checkpoint Loader."),
                io.Vae.Input("audio_vae", tooltip="The audio_vae of Sora Checkpoint Loader."),
                io.Video.Input("video", tooltip="The clip that shall go on; if it is silent, sound begins then."),
                io.Float.Input("seconds", default=2.5, min=0.05, max=MAX_SECONDS, step=0.05, round=0.001,
                               tooltip=f"Seconds to add, 0.05 to {MAX_SECONDS:g}. The embedded model is at its best "
                                       "where these and tail_seconds make 4 seconds together."),
                io.Float.Input("tail_seconds", default=1.5, min=0.05, max=MAX_SECONDS, step=0.05, round=0.001,
                               tooltip="Seconds of the video's end to go on from, 0.05 to 60, in steps of a third: "
                                       "more keeps the motion, very little only the last frame."),
            ],
            outputs=[io.Latent.Output("latent", tooltip="Connect to a sampler's latent image.")],
        )

    @classmethod
    def execute(cls, video_vae: Any, audio_vae: Any, video: Any, seconds: float, tail_seconds: float) -> io.NodeOutput:
        picture, sound = require_ours(video_vae, "video").config, require_ours(audio_vae, "audio").config
        clip = clip_from_video(video, last_seconds=tail_seconds + 1)
        width, height = even_size(clip.images)
        plan = plan_continuation(seconds=seconds, tail_seconds=tail_seconds, num_frames=len(clip.images), width=width,
                                 height=height, frame_rate=clip.frame_rate, multiple=MULTIPLE,
                                 temporal_compression=picture.temporal_compression, sample_rate=sound.sample_rate)
        picks = tail_to_model(len(clip.images), plan.frame_rate, plan.known_frames)
        given = given_video(fitting_video(clip.images, picks, plan), nothing_given(plan, picture, sound),
                            encode=partial(encode_video, video_vae))
        if clip.audio is not None:
            heard = sound_of_tail(sound_from_audio(clip.audio, sound.sample_rate), plan, len(clip.images),
                                  sound.sample_rate)
            given = given_sound(heard, given, samples_per_latent=sound.samples_per_latent, whole=False,
                                encode=partial(encode_sound, audio_vae))
        return io.NodeOutput(latent_from_given(given, plan, sound.sample_rate))
