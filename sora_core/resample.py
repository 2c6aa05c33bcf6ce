"""Sound at another sample rate, band-limited; picture at another frame rate is `plan`'s work.

Legend: B batch, C channels, N samples.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import MediaError

ZEROS = 24                  # zero crossings of the sinc on either side
ROLLOFF = 0.945             # of the lower Nyquist frequency: where the filter begins to fall
BETA = 10.0                 # of the Kaiser window: aliases stay below -100 dB
MAX_FILTERS = 1 << 26       # numbers in all filters of a ratio
MAX_RATIO = 64              # of two sample rates


def resample(sound_BCN: Tensor, rate: int, new_rate: int) -> Tensor:
    """Sound at `new_rate`, band-limited, of the same duration to a sample.

    Source: band-limited interpolation with a windowed sinc (J. O. Smith, "Digital Audio Resampling", CCRMA, 2002).

    Args:
        sound_BCN: (B, C, N) float, N >= 1.
        rate, new_rate: samples a second, more than 0.
    Returns:
        (B, C, ceil(N new_rate / rate)).
    Raises:
        MediaError: rates that are not positive whole numbers or too far apart.
    """
    for value in (rate, new_rate):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or int(value) != value or value <= 0:
            raise MediaError(f"a sample rate of {value!r} can't be used; use a whole number of samples a second")
    if max(rate, new_rate) > MAX_RATIO * min(rate, new_rate):
        raise MediaError(f"sound at {rate} samples a second can't be used at {new_rate}; save it at 8000 to 96000")
    if rate == new_rate:
        return sound_BCN
    rate, new_rate = int(rate), int(new_rate)
    step = math.gcd(rate, new_rate)
    down, up = rate // step, new_rate // step
    if up * (down + 2 * ZEROS * max(1, down // up)) > MAX_FILTERS:
        raise MediaError(f"sound at {rate} samples a second can't be used at {new_rate}; save it at a usual rate, "
                         "such as 44100 or 48000")
    length = -(-sound_BCN.shape[-1] * up // down)
    kernels, reach = _kernels(down, up)
    padded = F.pad(sound_BCN.flatten(0, -2)[:, None].double(), (reach, reach + down + kernels.shape[-1]))
    phases = F.conv1d(padded, kernels.to(padded.device), stride=down)           # (B C, up, steps)
    return phases.transpose(1, 2).flatten(1)[:, :length].to(sound_BCN.dtype).unflatten(0, sound_BCN.shape[:-1])


def _kernels(down: int, up: int) -> tuple[Tensor, int]:
    """A filter for each of the `up` places in a step of `down` samples, (up, 1, taps), and how far back it begins."""
    cutoff = ROLLOFF * min(1.0, up / down)                  # of the old Nyquist frequency
    reach = math.ceil(ZEROS / cutoff)
    taps = torch.arange(-reach, reach + down + 1, dtype=torch.float64)
    times = taps - (torch.arange(up, dtype=torch.float64) * down / up)[:, None]
    window = torch.special.i0(BETA * (1 - (times * cutoff / ZEROS).clamp(-1, 1) ** 2).sqrt()) \
        / torch.special.i0(torch.tensor(BETA, dtype=torch.float64))
    kernels = cutoff * torch.sinc(times * cutoff) * window * (times.abs() * cutoff < ZEROS)
    return (kernels / kernels.sum(1, keepdim=True))[:, None], reach     # a constant stays exactly what it is
