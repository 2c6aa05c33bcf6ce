"""Sora Image To Video: pictures that the clip shall show, at its beginning, its end or anywhere."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..sora_core.given import given_pictures, nothing_given, parse_positions
from ..sora_core.plan import MIN_SIDE, MODEL_FRAME_RATE, Plan, make_plan
from ..sora_core.shapes import MAX_SIDE
from .adapter_vae import encode_video, require_ours
from .convert import latent_from_given, one_picture, video_from_image
from .latents import AUDIO, MULTIPLE, batch_input, frame_rate_input, seconds_input


def size_inputs(without: str) -> list[io.Input]:
    """Width and height, of which 0 means: the shape of the picture."""
    return [io.Int.Input(name, default=0, min=0, max=MAX_SIDE, step=2,
                         tooltip=f"{name.capitalize()} in pixels, even, {MIN_SIDE} to {MAX_SIDE}; 0 for both takes "
                                 f"{without}. The picture is cropped to fit, never stretched.")
            for name in ("width", "height")]


def plan_like(picture: Tensor | None, seconds: float, width: int, height: int, frame_rate: float) -> Plan:
    """The plan of a clip of that size, or, where both are 0, of the shape of the picture."""
    asked = (None, None) if width == height == 0 else (width, height)
    return make_plan(seconds=seconds, width=asked[0], height=asked[1], frame_rate=frame_rate, multiple=MULTIPLE,
                     sample_rate=AUDIO.sample_rate, image=picture)


class SoraImageToVideo(io.ComfyNode):
    """First, last or any frames -> LATENT with its noise mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraImageToVideo",
            display_name="Sora Image To Video",
            category="Sora/latent",
            description="Room for a clip that shows your pictures where you want them. The embedded model has learnt "
                        "to go on from a first picture; a picture elsewhere stays for a third of a second.",
            search_aliases=["sora", "i2v", "image to video", "first frame", "last frame", "keyframe"],
            inputs=[
                io.Vae.Input("video_vae", tooltip="The video_vae of Sora Checkpoint Loader."),
                io.Image.Input("first_image", optional=True, tooltip="The clip begins with this picture."),
                io.Image.Input("last_image", optional=True, tooltip="The clip ends with this picture."),
                io.Image.Input("images", optional=True,
                               tooltip="More pictures, as a batch; say under positions where each belongs."),
                io.String.Input("positions", default="",
                                tooltip="A frame number for each of images, separated by commas: 0 is the first frame, "
                                        "-1 the last. Keep them a third of a second apart."),
                seconds_input(),
                *size_inputs("the shape of the first picture"),
                frame_rate_input(),
                batch_input(),
            ],
            outputs=[io.Latent.Output("latent", tooltip="Connect to a sampler's latent image.")],
        )

    @classmethod
    def execute(cls, video_vae: Any, positions: str, seconds: float, width: int, height: int, frame_rate: float,
                batch_size: int, first_image: Tensor | None = None, last_image: Tensor | None = None,
                images: Tensor | None = None) -> io.NodeOutput:
        latent = latent_of_pictures(video_vae, first_image, last_image, images, positions, seconds=seconds, width=width,
                                    height=height, frame_rate=frame_rate, batch_size=batch_size)
        return io.NodeOutput(latent)


def latent_of_pictures(vae: Any, first_image: Tensor | None, last_image: Tensor | None = None,
                       images: Tensor | None = None, positions: str = "", *, seconds: float, width: int = 0,
                       height: int = 0, frame_rate: float = float(MODEL_FRAME_RATE),
                       batch_size: int = 1) -> dict[str, Any]:
    """A LATENT in which those pictures are given; errors as `given_pictures`."""
    config = require_ours(vae, "video").config
    first = None if first_image is None else one_picture(first_image, "first_image")
    last = None if last_image is None else one_picture(last_image, "last_image")
    more = [] if images is None else list(video_from_image(images).split(1, dim=2))
    some = next((picture for picture in (first, *more, last) if picture is not None), None)
    plan = plan_like(some, seconds, width, height, frame_rate)
    pairs = [*zip(parse_positions(positions, len(more), plan), more, strict=True)]
    pairs += [] if last is None else [(plan.num_frames - 1, last)]
    pairs += [] if first is None else [(0, first)]
    given = given_pictures(pairs, nothing_given(plan, config, AUDIO), plan=plan, encode=partial(encode_video, vae),
                           temporal_compression=config.temporal_compression)
    return latent_from_given(given, plan, AUDIO.sample_rate, batch_size)
