"""Sora Audio Synthesis: the sampler's audio latents as sound, as long as the picture."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..sora_core.config import VideoVAEConfig
from .adapter_vae import decode_audio, require_ours
from .convert import audio_from_sound, audio_stream, fit_length, plan_of


class SoraAudioSynthesis(io.ComfyNode):
    """LATENT and the audio VAE -> AUDIO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraAudioSynthesis",
            display_name="Sora Audio Synthesis",
            category="Sora/audio",
            description="Makes the sound of the clip, exactly as long as its picture. ComfyUI's own VAE Decode Audio "
                        "works too; it turns loud clips down and gives the length of whole latents.",
            search_aliases=["sora", "vae decode audio", "sound", "vocoder", "foley"],
            inputs=[
                io.Latent.Input("samples", tooltip="What the sampler has made."),
                io.Vae.Input("vae", tooltip="The audio_vae of Sora Checkpoint Loader."),
            ],
            outputs=[io.Audio.Output("audio", tooltip="Connect to Create Video's audio.")],
        )

    @classmethod
    def execute(cls, samples: dict[str, Any], vae: Any) -> io.NodeOutput:
        config = require_ours(vae, "audio").config
        sound = decode_audio(vae, audio_stream(samples))
        plan = plan_of(samples, VideoVAEConfig(), config)
        sound = sound if plan is None else fit_length(sound, plan.num_samples)
        return io.NodeOutput(audio_from_sound(sound, config.sample_rate))
