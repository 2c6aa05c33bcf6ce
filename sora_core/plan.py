"""From what was asked for to what the networks make: sizes, rates and lengths, checked before anything is loaded.

The networks make 24 frames a second at about the area they were trained at. Any other size, rate and length is met
exactly on the way out: larger or smaller pictures are resized and cropped, other rates pick the nearest frame in time
(so that things fall as fast as they should), longer clips are continued in latent space.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from . import shapes
from .errors import ConfigError

MODEL_FRAME_RATE = Fraction(24)     # the rate of every clip that the networks learnt from
MODEL_WIDTH = MODEL_HEIGHT = 128
LARGEST_AREA, SMALLEST_AREA = 1.1, 0.7      # of the trained area, within which a shape is generated as it is
MIN_SIDE = 32
MAX_SEED = (1 << 64) - 1
MOST_CUT_AWAY = 16                  # times the picture's area that may be resized only to be cut away
MARGIN = 8                          # pixels around the middle of such a picture
RESIZE_BYTES = 128 << 20            # of one piece of resized frames


@dataclass(frozen=True)
class Plan:
    """What to generate, and what to make of it."""

    num_frames: int             # of the file
    frame_rate: Fraction        # of the file
    width: int                  # of the file
    height: int
    model_frames: int           # at MODEL_FRAME_RATE, as many as the file's time needs
    model_width: int
    model_height: int
    num_samples: int            # of sound, exactly as long as the picture
    known_frames: int = 0       # generated frames before the file's first: the end of the clip that it goes on from
    known_samples: int = 0      # the same of the sound

    @property
    def seconds(self) -> float:
        return float(self.num_frames / self.frame_rate)


def make_plan(*, seconds: float, width: int | None, height: int | None, frame_rate: float | str | Fraction,
              multiple: int, sample_rate: int, image: Tensor | None = None) -> Plan:
    """Check what was asked for and decide what to generate.

    Args:
        seconds: more than 0, at most 60.
        width, height: even numbers from 32 to 4096; None takes the trained size, or the shape of `image`.
        frame_rate: 1..120.
        multiple: the networks' sizes are multiples of this.
        image: first frame (1, 3, 1, H, W), or None.

    Raises:
        ConfigError: one of them is out of range; the sentence names the nearest that will do.
    """
    rate = shapes.to_frame_rate(frame_rate)
    frames = shapes.num_frames(seconds, rate)
    if image is not None and width is None and height is None:
        width, height = model_size(image.shape[-1], image.shape[-2], multiple)
    width, height = MODEL_WIDTH if width is None else width, MODEL_HEIGHT if height is None else height
    check_even("width", width)
    check_even("height", height)
    model_width, model_height = model_size(width, height, multiple)
    return Plan(frames, rate, width, height, 1 + _nearest(frames - 1, rate), model_width, model_height,
                shapes.audio_samples(frames, rate, sample_rate))


def plan_continuation(*, seconds: float, tail_seconds: float, num_frames: int, width: int, height: int,
                      frame_rate: float | str | Fraction, temporal_compression: int, multiple: int,
                      sample_rate: int) -> Plan:
    """What to generate so that the file goes on where a clip of `num_frames` frames ends.

    The end of that clip is given in whole latents, so `known_frames` of them are 1 + a multiple of
    `temporal_compression`, and the last is the clip's last frame. The file begins one frame later.

    Args:
        seconds: of the file, without what is given.
        tail_seconds: how much of the clip's end to give, at most.

    Raises:
        ConfigError: as `make_plan`, or no tail at all.
    """
    plan = make_plan(seconds=seconds, width=width, height=height, frame_rate=frame_rate, multiple=multiple,
                     sample_rate=sample_rate)
    if not 0 < tail_seconds <= shapes.MAX_SECONDS:
        raise ConfigError(f"tail_seconds={tail_seconds} is out of range; use more than 0 and at most "
                          f"{shapes.MAX_SECONDS:g}")
    there = min(Fraction(tail_seconds).limit_denominator(100000) * MODEL_FRAME_RATE - 1,
                (num_frames - 1) * MODEL_FRAME_RATE / plan.frame_rate)
    known = 1 + temporal_compression * max(0, math.floor(there / temporal_compression))
    before = Fraction(known - 1) / MODEL_FRAME_RATE + 1 / plan.frame_rate
    return replace(plan, model_frames=known + _nearest(plan.num_frames, plan.frame_rate), known_frames=known,
                   known_samples=round(before * sample_rate))


def fit_seconds(num_samples: int, sample_rate: int, frame_rate: float | str | Fraction) -> Fraction:
    """How long a clip lasts whose frames cover a sound, at most what a clip may last."""
    rate = shapes.to_frame_rate(frame_rate)
    frames = max(1, math.ceil(Fraction(num_samples, sample_rate) * rate - Fraction(1, 100)))
    return min(Fraction(frames) / rate, Fraction(shapes.MAX_SECONDS))


def frames_to_model(num_frames: int, frame_rate: Fraction) -> list[int]:
    """Of a clip at another rate, the frame that is nearest in time to each frame at `MODEL_FRAME_RATE`."""
    return [min(num_frames - 1, _round(frame * frame_rate / MODEL_FRAME_RATE))
            for frame in range(1 + _nearest(num_frames - 1, frame_rate))]


def tail_to_model(num_frames: int, frame_rate: Fraction, known_frames: int) -> list[int]:
    """The same of its last `known_frames` frames at `MODEL_FRAME_RATE`; the last is the clip's last."""
    return [max(0, num_frames - 1 - _round(back * frame_rate / MODEL_FRAME_RATE))
            for back in range(known_frames - 1, -1, -1)]


def last_frame_before(seconds: float, frame_rate: Fraction) -> float:
    """The time, in seconds, at which the frame that is shown at `seconds` begins."""
    return float(math.floor(max(0, Fraction(seconds)) * frame_rate) / frame_rate)


def model_frame(frame: int, plan: Plan) -> int:
    """The generated frame that shows a frame of the file."""
    if plan.known_frames:
        return plan.known_frames - 1 + _nearest(frame + 1, plan.frame_rate)
    return _nearest(frame, plan.frame_rate)


def check_even(name: str, side: int) -> None:
    """Refuse a side that H.264 (4:2:0) can't hold, naming the nearest ones that it can."""
    if isinstance(side, bool) or not isinstance(side, int) or not MIN_SIDE <= side <= shapes.MAX_SIDE:
        raise ConfigError(f"{name}={side} is out of range; use an even number from {MIN_SIDE} to {shapes.MAX_SIDE}")
    if side % 2:
        raise ConfigError(f"{name}={side} is odd; use {side - 1} or {side + 1}")


def check_seed(seed: int) -> None:
    """Refuse what a 64-bit generator can't be started with."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed={seed!r} is out of range; use a whole number from 0 to {MAX_SEED}")


def model_size(width: int, height: int, multiple: int) -> tuple[int, int]:
    """The (width, height) to generate for a picture of `width` x `height`: itself where the networks know its area,
    else the shape of the trained area that comes nearest to its aspect."""
    area = MODEL_WIDTH * MODEL_HEIGHT
    low, high = SMALLEST_AREA * area, LARGEST_AREA * area
    if width % multiple == 0 and height % multiple == 0 and low <= width * height <= high:
        return width, height
    sides = range(multiple, int(high // multiple) + 1, multiple)
    candidates = [(w, h) for w in sides for h in sides if low <= w * h <= high]
    return min(candidates, key=lambda size: (abs(math.log(size[0] * height / (size[1] * width))), -size[0] * size[1]))


def fit(video_BCTHW: Tensor, width: int, height: int) -> Tensor:
    """Resize to cover `width` x `height` and cut the middle; nothing is ever stretched."""
    old_height, old_width = video_BCTHW.shape[-2:]
    if (old_width, old_height) == (width, height):
        return video_BCTHW
    scale = max(width / old_width, height / old_height)
    size = (max(height, round(old_height * scale)), max(width, round(old_width * scale)))
    rows, columns = (min(old, math.ceil(new / scale) + MARGIN)
                     for old, new in ((old_height, height), (old_width, width)))
    is_long = size[0] * size[1] > MOST_CUT_AWAY * height * width
    if is_long and (rows, columns) != (old_height, old_width):      # its middle is enough
        top, left = (old_height - rows) // 2, (old_width - columns) // 2
        return fit(video_BCTHW[..., top:top + rows, left:left + columns], width, height)
    frames = video_BCTHW.transpose(1, 2).flatten(0, 1)                                      # (B T, C, H, W)
    frames = F.interpolate(frames, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    frames = frames[..., top:top + height, left:left + width]
    return frames.unflatten(0, (video_BCTHW.shape[0], -1)).transpose(1, 2)


def finish(chunks: Iterable[Tensor], plan: Plan) -> Iterator[Tensor]:
    """Turn chunks of generated frames into the file's frames: its rate, its length, its size; memory stays flat."""
    at = written = 0
    most = max(1, RESIZE_BYTES // (plan.width * plan.height * 12))
    for chunk in chunks:
        picks: list[int] = []
        while written < plan.num_frames and model_frame(written, plan) < at + chunk.shape[2]:
            picks.append(model_frame(written, plan) - at)
            written += 1
        at += chunk.shape[2]
        for some in torch.tensor(picks, dtype=torch.long).split(most):
            if len(some):
                yield fit(chunk[:, :, some], plan.width, plan.height)
        if written == plan.num_frames:
            return


def _nearest(frame: int, frame_rate: Fraction) -> int:
    """The generated frame that is nearest in time to a frame of the file (the earlier one of two)."""
    return _round(frame * MODEL_FRAME_RATE / frame_rate)


def _round(value: Fraction) -> int:
    """To the nearest whole number, the lower one of two."""
    return math.ceil(value - Fraction(1, 2))
