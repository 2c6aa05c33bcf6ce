"""Legal sizes and lengths: the nearest thing to what was asked that an engine can make, or a clear refusal.

An engine's latents stand for blocks of pixels and of frames, so that width and height are multiples of something and
the number of frames is `frame_step * k + frame_offset`. The picture is never stretched: the size that is chosen has the
asked aspect within `ASPECT_TOLERANCE`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ..errors import ConfigError

ASPECT_TOLERANCE = 0.02
MIN_ASKED, MAX_ASKED = 64, 4096         # pixels of a side that may be asked for
MIN_SECONDS, MAX_SECONDS = 0.1, 60.0


@dataclass(frozen=True)
class Law:
    """What an engine can make.

    `usual_frames` is the range that it was trained on or that its templates use: outside it one may go, with a warning.
    """

    multiple: int                       # of width and height
    max_pixels: int                     # width * height
    frame_step: int
    frame_offset: int
    max_frames: int                     # that its nodes take
    max_seconds: float                  # that it can make at once
    rates: tuple[int, ...]              # frames a second; the first is what the engine is best at
    usual_frames: tuple[int, int]
    rounds_up: bool = False             # the engine's own node takes the next length, never the one before

    @property
    def min_side(self) -> int:
        return max(MIN_ASKED, self.multiple)

    def describe(self) -> str:
        """One line for people."""
        low, high = (frames / self.rates[0] for frames in self.usual_frames)
        rates = " or ".join(str(rate) for rate in self.rates)
        return (f"sides of {self.multiple} pixels' multiples up to {self.max_pixels / 1e6:.2g} megapixels, "
                f"{self.frame_step}k+{self.frame_offset} frames, {rates} frames a second, at its best "
                f"{low:.3g} to {high:.3g} s, at most {self.max_seconds:.3g} s")


@dataclass(frozen=True)
class Canvas:
    """A legal clip."""

    width: int
    height: int
    frames: int
    rate: int

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def fit_canvas(law: Law, *, width: int, height: int, seconds: float, rate: int | None = None,
               extra_frames: int = 0) -> Canvas:
    """The legal clip nearest to what was asked.

    Args:
        width, height: pixels, 64..4096.
        seconds: 0.1..60.
        rate: frames a second, or None for what the engine is best at; the nearest of those it can is taken.
        extra_frames: frames that are made beside the asked ones, such as those that an extension overlaps.

    Raises:
        ConfigError: out of range, or nothing legal has this aspect or length.
    """
    fitted = fit_size(law, width, height)
    chosen = nearest_rate(law, rate)
    return Canvas(*fitted, fit_frames(law, seconds, chosen, extra_frames), chosen)


def fit_size(law: Law, width: int, height: int) -> tuple[int, int]:
    """The legal size of nearest area whose aspect is within 2 % of the asked one.

    Raises:
        ConfigError: a side out of 64..4096, or no legal size has this aspect.
    """
    for name, side in (("width", width), ("height", height)):
        if not MIN_ASKED <= side <= MAX_ASKED:
            raise ConfigError(f"{name}={side} can't be used; choose {MIN_ASKED} to {MAX_ASKED} pixels")
    wanted, area = width / height, width * height
    if not width % law.multiple and not height % law.multiple and area <= law.max_pixels and \
            min(width, height) >= law.min_side:
        return width, height
    found: list[tuple[float, float, int, int]] = []
    for across in range(law.min_side, MAX_ASKED + 1, law.multiple):
        exact = across / wanted / law.multiple
        for down in {math.floor(exact) * law.multiple, math.ceil(exact) * law.multiple}:
            if not law.min_side <= down <= MAX_ASKED or across * down > law.max_pixels:
                continue
            error = abs(across / down / wanted - 1)
            if error <= ASPECT_TOLERANCE:
                found.append((abs(math.log(across * down / area)), error, across, down))
    if not found:
        raise ConfigError(f"no size that this engine can make has the shape of {width} x {height}; choose a shape "
                          f"nearer to a square, with sides that are multiples of {law.multiple}")
    return min(found)[2:]


def nearest_rate(law: Law, rate: int | None) -> int:
    """The engine's rate that is nearest to the asked one; None asks for its best."""
    return law.rates[0] if rate is None else min(law.rates, key=lambda known: (abs(known - rate), known))


def fit_frames(law: Law, seconds: float, rate: int, extra_frames: int = 0) -> int:
    """The legal number of frames nearest to `seconds`, plus `extra_frames`.

    Raises:
        ConfigError: out of 0.1..60 s, or longer than the engine can make.
    """
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ConfigError(f"seconds={seconds:g} can't be used; choose {MIN_SECONDS:g} to {MAX_SECONDS:g}")
    asked = Fraction(seconds).limit_denominator(10_000) * rate + extra_frames
    step = max(Fraction(0), (asked - law.frame_offset) / law.frame_step)
    count = math.ceil(step) if law.rounds_up else round(step)
    frames = law.frame_step * count + law.frame_offset
    if frames < law.frame_offset + law.frame_step and law.frame_offset == 1:
        frames = law.frame_offset + law.frame_step      # a single frame is no clip
    if frames > law.max_frames or frames > law.max_seconds * rate:
        longest = min(law.max_frames, law.max_seconds * rate - law.frame_step) / rate - extra_frames / rate
        raise ConfigError(f"{seconds:g} s is longer than this engine can make at once; choose at most {longest:.3g} s, "
                          "and extend the clip afterwards")
    return frames


def covering_frames(law: Law, frames: int) -> int:
    """The smallest legal number of frames that covers a clip of `frames`, at the engine's best rate.

    Raises:
        ConfigError: the clip is longer than the engine can make.
    """
    count = max(0, -((law.frame_offset - frames) // law.frame_step))
    covered = law.frame_step * count + law.frame_offset
    longest = min(law.max_frames, int(law.max_seconds * law.rates[0]))
    if covered > longest:
        raise ConfigError(f"the clip has {frames} frames at {law.rates[0]} a second and this engine can take at most "
                          f"{longest}; cut it, for example with Video Slice")
    return covered


def frames_at_rate(num_frames: int, rate: Fraction, new_rate: Fraction) -> list[int]:
    """Of a clip at one rate, the frame nearest in time to each frame at another; the clip lasts as long as before."""
    count = max(1, round(num_frames * new_rate / rate))
    return [min(num_frames - 1, round(frame * rate / new_rate)) for frame in range(count)]
