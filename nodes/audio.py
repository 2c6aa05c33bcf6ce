"""Sora Audio Synthesis: the sampler's audio latents as sound, as long as the picture."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..sora_core.config import VideoVAEConfig
from ..sora_core.loudness import QUIETEST_TARGET, normalise
from .adapter_vae import decode_audio, require_ours
from .convert import audio_from_sound, audio_stream, fit_length, plan_of

AS_MADE = 0.0       # no clip can be that loud, so it stands for "leave it"


def loudness_input() -> io.Input:
    """How loud the clip shall be."""
    return io.Float.Input("loudness", default=AS_MADE, min=QUIETEST_TARGET, max=AS_MADE, step=1.0, round=0.1,
                          optional=True,
                          tooltip="Loudness of the whole clip in LUFS, -50 to 0; 0 leaves it as made, so that a soft "
                                  "landing stays softer than a hard one. -14 or -16 is usual on the net, -23 on "
                                  "television. Peaks stay below -1 dBTP.")


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
                loudness_input(),
            ],
            outputs=[io.Audio.Output("audio", tooltip="Connect to Create Video's audio.")],
        )

    @classmethod
    def execute(cls, samples: dict[str, Any], vae: Any, loudness: float = AS_MADE) -> io.NodeOutput:
        return io.NodeOutput(audio_of_latent(samples, vae, loudness))


def audio_of_latent(latent: dict[str, Any], vae: Any, loudness: float = AS_MADE) -> dict[str, Any]:
    """AUDIO of a LATENT's sound, as long as its picture and, unless `AS_MADE`, at a loudness in LUFS."""
    config = require_ours(vae, "audio").config
    sound = decode_audio(vae, audio_stream(latent))
    plan = plan_of(latent, VideoVAEConfig(), config)
    if plan is not None:
        sound = fit_length(sound[..., plan.known_samples:], plan.num_samples)
    if loudness != AS_MADE:
        sound = normalise(sound, config.sample_rate, loudness)
    return audio_from_sound(sound, config.sample_rate)
