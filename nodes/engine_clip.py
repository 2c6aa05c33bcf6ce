"""Sora Clip For Engine: a given clip at the size, rate and length that an engine can take."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import comfy.utils
import torch
from comfy_api.latest import io
from torch import Tensor

from ..sora_core.engines.facts import ENGINES, EXTEND, engine_of
from ..sora_core.engines.kitchen import CROP, PAD
from ..sora_core.engines.sizes import MAX_ASKED, MIN_ASKED, covering_frames, fit_size, frames_at_rate
from ..sora_core.errors import MediaError
from .convert import clip_from_video, even_size, fit_length

SILENT_RATE = 44100


class SoraEngineClip(io.ComfyNode):
    """VIDEO -> IMAGE and AUDIO of equal length, and their numbers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraEngineClip",
            display_name="Sora Clip For Engine",
            category="Sora/video",
            description="Fits a clip to an engine: its frame rate by the nearest frames, its size by cropping or "
                        "padding, its length by what the engine can take. Sora Engine Video uses it inside.",
            search_aliases=["sora", "resize video", "frame rate", "fit"],
            inputs=[
                io.Video.Input("video", tooltip="The clip, up to 60 seconds."),
                io.Combo.Input("engine", options=list(ENGINES), tooltip="The engine that shall take it."),
                io.Int.Input("width", default=0, min=0, max=MAX_ASKED, step=2,
                             tooltip="Pixels, up to 4096; 0 is the clip's own, or nearest to it."),
                io.Int.Input("height", default=0, min=0, max=MAX_ASKED, step=2,
                             tooltip="The same of the height, up to 4096."),
                io.Float.Input("frame_rate", default=0.0, min=0.0, max=120.0, step=1.0, round=0.001,
                               tooltip="Frames a second, up to 120; 0 is the clip's own."),
                io.Int.Input("at_least", default=1, min=1, max=4096,
                             tooltip="Frames that the clip must have, 1 to 4096, else there is an error."),
                io.Boolean.Input("legal_length", default=False,
                                 tooltip="Whether to hold the last frame until the engine can take the length."),
                io.Combo.Input("fit", options=[CROP, PAD], default=CROP,
                               tooltip="What becomes of another shape; nothing is ever stretched."),
            ],
            outputs=[
                io.Image.Output("images", tooltip="The frames."),
                io.Audio.Output("audio", tooltip="The sound, silence if there is none, as long as the frames."),
                io.Int.Output("num_frames", tooltip="How many frames."),
                io.Int.Output("width", tooltip="Their width."),
                io.Int.Output("height", tooltip="Their height."),
                io.Float.Output("frame_rate", tooltip="Frames a second."),
                io.Float.Output("seconds", tooltip="How long the clip is, without what covers it."),
            ],
        )

    @classmethod
    def execute(cls, video: Any, engine: str, width: int, height: int, frame_rate: float, at_least: int,
                legal_length: bool, fit: str) -> io.NodeOutput:
        clip, law = clip_from_video(video), engine_of(engine).law_of(EXTEND)
        rate = Fraction(frame_rate).limit_denominator(1001) if frame_rate else clip.frame_rate
        picks = frames_at_rate(len(clip.images), clip.frame_rate, rate)
        seconds = len(picks) / rate
        if legal_length:
            picks += [picks[-1]] * (covering_frames(law, len(picks)) - len(picks))
        if len(picks) < at_least:
            raise MediaError(f"the clip has {len(picks)} frames at {float(rate):g} a second and {engine} needs "
                             f"{at_least} to go on from; connect a longer one")
        if not width or not height:
            own = even_size(clip.images)
            width, height = own if not legal_length else fit_size(
                law, *(min(MAX_ASKED, max(MIN_ASKED, side)) for side in own))
        images = fitted(clip.images[torch.tensor(picks)], width, height, fit)
        audio = sound_of(clip.audio, len(picks) / rate)
        return io.NodeOutput(images, audio, len(picks), width, height, float(rate), float(seconds))


def fitted(images_THWC: Tensor, width: int, height: int, fit: str) -> Tensor:
    """Frames of another size with their shape kept: cropped in the middle, or with black at the edges."""
    own_height, own_width = images_THWC.shape[1:3]
    if (own_width, own_height) == (width, height):
        return images_THWC[..., :3]
    moved = images_THWC[..., :3].movedim(-1, 1)
    if fit == CROP:
        return comfy.utils.common_upscale(moved, width, height, "bilinear", "center").movedim(1, -1)
    scale = min(width / own_width, height / own_height)
    across, down = max(1, round(own_width * scale)), max(1, round(own_height * scale))
    small = comfy.utils.common_upscale(moved, across, down, "bilinear", "disabled")
    left, top = (width - across) // 2, (height - down) // 2
    edges = (left, width - across - left, top, height - down - top)
    return torch.nn.functional.pad(small, edges).movedim(1, -1)


def sound_of(audio: dict[str, Any] | None, seconds: Fraction) -> dict[str, Any]:
    """The sound of exactly that length; silence where there is none."""
    rate = SILENT_RATE if audio is None else audio["sample_rate"]
    waveform = torch.zeros(1, 2, 1) if audio is None else audio["waveform"]
    return {"waveform": fit_length(waveform, max(1, round(seconds * rate))), "sample_rate": rate}
