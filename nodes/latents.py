"""Sora Empty Latent: room for a clip of picture and sound, for the sampler to fill."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..sora_core.config import AudioVAEConfig, TransformerConfig, VideoVAEConfig
from ..sora_core.given import nothing_given
from ..sora_core.plan import MIN_SIDE, MODEL_FRAME_RATE, MODEL_HEIGHT, MODEL_WIDTH, make_plan
from ..sora_core.shapes import MAX_SECONDS, MAX_SIDE
from .convert import MAX_BATCH, latent_from_given

VIDEO, AUDIO = VideoVAEConfig(), AudioVAEConfig()
MULTIPLE = VIDEO.spatial_compression * TransformerConfig().patch_size


def seconds_input() -> io.Input:
    """Length of the clip to be made."""
    return io.Float.Input("seconds", default=4.0, min=0.05, max=MAX_SECONDS, step=0.05, round=0.001,
                          tooltip=f"Length in seconds, 0.05 to {MAX_SECONDS:g}. The embedded model learnt clips of 4 "
                                  "seconds and is at its best there.")


def frame_rate_input() -> io.Input:
    """Frames per second of the clip to be made."""
    return io.Float.Input("frame_rate", default=float(MODEL_FRAME_RATE), min=1.0, max=120.0, step=1.0, round=0.001,
                          tooltip=f"Frames per second, 1 to 120. The model makes {MODEL_FRAME_RATE}; other rates take "
                                  "the frames that are nearest in time.")


def batch_input() -> io.Input:
    """Clips to make at once."""
    return io.Int.Input("batch_size", default=1, min=1, max=MAX_BATCH,
                        tooltip=f"Clips to make at once, 1 to {MAX_BATCH}.")


class SoraEmptyLatent(io.ComfyNode):
    """Length and size of the clip -> LATENT with a video and an audio stream."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraEmptyLatent",
            display_name="Sora Empty Latent",
            category="Sora/latent",
            description="How long and how large the clip shall be. Picture and sound are made together. Sizes that the "
                        "model doesn't know are made at the nearest that it does, and resized by Sora Decode.",
            search_aliases=["sora", "empty latent video", "t2v", "duration"],
            inputs=[
                seconds_input(),
                io.Int.Input("width", default=MODEL_WIDTH, min=MIN_SIDE, max=MAX_SIDE, step=2,
                             tooltip=f"Width in pixels, even, {MIN_SIDE} to {MAX_SIDE}. The embedded model knows "
                                     "128 x 128, 160 x 96 and 96 x 160; other sizes are resized from the nearest of "
                                     "these shapes."),
                io.Int.Input("height", default=MODEL_HEIGHT, min=MIN_SIDE, max=MAX_SIDE, step=2,
                             tooltip=f"Height in pixels, even, {MIN_SIDE} to {MAX_SIDE}."),
                frame_rate_input(),
                batch_input(),
            ],
            outputs=[io.Latent.Output("latent", tooltip="Connect to a sampler's latent image.")],
        )

    @classmethod
    def execute(cls, seconds: float, width: int, height: int, frame_rate: float, batch_size: int) -> io.NodeOutput:
        return io.NodeOutput(empty_latent(seconds, width, height, frame_rate, batch_size))


def empty_latent(seconds: float, width: int, height: int, frame_rate: float = float(MODEL_FRAME_RATE),
                 batch_size: int = 1) -> dict[str, Any]:
    """A LATENT of which nothing is given; errors as `make_plan`."""
    plan = make_plan(seconds=seconds, width=width, height=height, frame_rate=frame_rate, multiple=MULTIPLE,
                     sample_rate=AUDIO.sample_rate)
    return latent_from_given(nothing_given(plan, VIDEO, AUDIO), plan, AUDIO.sample_rate, batch_size)
