"""Seconds <-> frames <-> latents <-> samples. All of that arithmetic is here and nowhere else.

Legend: a video of 1 + k * (T' - 1) frames has T' latent frames, k = `temporal_compression`: the first latent
frame holds the first frame alone (so that a still image is a clip of one frame), each further one holds k frames.
"""

from __future__ import annotations

import math
from fractions import Fraction

from .errors import ConfigError

MAX_SECONDS = 60.0
MIN_FRAME_RATE, MAX_FRAME_RATE = 1, 120
MAX_SIDE = 4096
SKETCH_CHANNELS = 20     # of video latents, after those of the picture, see `models/carried.py`


def to_frame_rate(value: float | int | str | Fraction) -> Fraction:
    """The exact frame rate, 1..120 frames per second; 23.976 becomes 24000/1001 and so on."""
    try:
        rate = Fraction(value) if isinstance(value, (str, Fraction)) else Fraction(value).limit_denominator(100000)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        raise ConfigError(f"frame rate {value!r} is not a number; use one between "
                          f"{MIN_FRAME_RATE} and {MAX_FRAME_RATE}, such as 24") from None
    if not MIN_FRAME_RATE <= rate <= MAX_FRAME_RATE:
        raise ConfigError(f"frame rate {value} is out of range; use {MIN_FRAME_RATE} to {MAX_FRAME_RATE}")
    ntsc = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return ntsc if rate.denominator != 1 and abs(rate - ntsc) < Fraction(1, 1000) else rate


def num_frames(seconds: float, frame_rate: Fraction) -> int:
    """Frames that fill `seconds`, to the nearest frame, at least one."""
    if not (isinstance(seconds, (int, float, Fraction)) and math.isfinite(seconds) and 0 < seconds <= MAX_SECONDS):
        raise ConfigError(f"seconds={seconds} is out of range; use more than 0 and at most {MAX_SECONDS:g}")
    return max(1, round(Fraction(seconds).limit_denominator(100000) * frame_rate))


def video_latent_frames(frames: int, temporal_compression: int) -> int:
    """Latent frames that hold `frames` frames (the last one may hold a few more than were asked for)."""
    return 1 + math.ceil((frames - 1) / temporal_compression)


def video_frames(latent_frames: int, temporal_compression: int) -> int:
    """Frames that `latent_frames` decode to."""
    return 1 + temporal_compression * (latent_frames - 1)


def audio_samples(frames: int, frame_rate: Fraction, sample_rate: int) -> int:
    """Samples that last exactly as long as `frames` frames, rounded to the nearest sample."""
    return round(frames * sample_rate / frame_rate)


def audio_latent_frames(samples: int, samples_per_latent: int) -> int:
    """Audio latents that hold `samples` samples (the last one may hold more)."""
    return max(1, math.ceil(samples / samples_per_latent))


def video_latent_times(latent_frames: int, temporal_compression: int, frame_rate: float) -> list[float]:
    """The middle of each video latent frame, in seconds."""
    k = temporal_compression
    return [0.5 / frame_rate] + [(k * (i - 0.5) + 1) / frame_rate for i in range(1, latent_frames)]


def audio_latent_times(latent_frames: int, samples_per_latent: int, sample_rate: int) -> list[float]:
    """The middle of each audio latent, in seconds."""
    return [(i + 0.5) * samples_per_latent / sample_rate for i in range(latent_frames)]


def check_size(width: int, height: int, multiple: int) -> None:
    """Refuse a size that is not a multiple of `multiple`, naming the nearest ones that are."""
    for name, side in (("width", width), ("height", height)):
        if not multiple <= side <= MAX_SIDE:
            raise ConfigError(f"{name}={side} is out of range; use {multiple} to {MAX_SIDE}, a multiple of {multiple}")
        if side % multiple:
            low = side // multiple * multiple
            raise ConfigError(f"{name}={side} is not a multiple of {multiple}; use {low} or {low + multiple}")
