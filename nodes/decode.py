"""Sora Decode: the sampler's video latents as frames, piece by piece, so that memory doesn't grow with the length."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..sora_core.config import AudioVAEConfig
from .adapter_vae import decode_planned, require_ours
from .convert import plan_of, video_stream


class SoraDecode(io.ComfyNode):
    """LATENT and the video VAE -> IMAGE and its frame rate."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraDecode",
            display_name="Sora Decode",
            category="Sora/decode",
            description="Makes the frames of the clip, exactly as many as were asked for. ComfyUI's own VAE Decode "
                        "works too; it also gives the few frames that fill the last latent.",
            search_aliases=["sora", "vae decode", "latent to video", "frames"],
            inputs=[
                io.Latent.Input("samples", tooltip="What the sampler has made."),
                io.Vae.Input("vae", tooltip="The video_vae of Sora Checkpoint Loader."),
            ],
            outputs=[
                io.Image.Output("images", tooltip="The frames in order."),
                io.Float.Output("frame_rate", tooltip="Frames per second; connect to Create Video's fps."),
            ],
        )

    @classmethod
    def execute(cls, samples: dict[str, Any], vae: Any) -> io.NodeOutput:
        latents = video_stream(samples)
        plan = plan_of(samples, require_ours(vae, "video").config, AudioVAEConfig())
        return io.NodeOutput(decode_planned(vae, latents, plan), float(plan.frame_rate))
