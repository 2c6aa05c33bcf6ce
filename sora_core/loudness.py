"""How loud a sound is to people, and making it as loud as wanted without clipping on the way to the ear.

Source: ITU-R BS.1770-4, annex 1 (K-weighting, gating) and annex 2 (true peak).
Legend: B batch, C channels, N samples.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import ConfigError, MediaError
from .resample import resample

BLOCK_SECONDS, BLOCK_STEP = 0.4, 0.1            # gating blocks overlap by three quarters
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0     # LUFS; LU below the mean of what passed the first
OFFSET = -0.691                                 # dB: so that 997 Hz at 0 dBFS in one channel reads -3.01 LUFS
TRUE_PEAK_CEILING = -1.0                        # dBTP
OVERSAMPLING = 4
MAX_GAIN = 40.0                                 # dB: a nearly silent clip isn't turned into a roar of noise
LOOK_AHEAD_SECONDS = 0.005                      # of the limiter
QUIETEST_TARGET = -50.0                         # LUFS
RINGING_SECONDS = 0.5                           # after which the high-pass has fallen below -400 dB


def loudness(sound_BCN: Tensor, sample_rate: int) -> Tensor:
    """Integrated loudness, (B,) float64 in LUFS; -inf for silence.

    A sound shorter than one gating block (0.4 s) is one block.

    Raises:
        MediaError: no samples, more than two channels, or values that are not numbers.
    """
    _check(sound_BCN)
    weighted = _k_weighted(sound_BCN.double(), sample_rate)
    block = min(round(BLOCK_SECONDS * sample_rate), weighted.shape[-1])
    step = min(round(BLOCK_STEP * sample_rate), block)
    power = weighted.square().unfold(-1, block, step).mean(-1).sum(1)           # (B, blocks), all channels weigh 1
    levels = OFFSET + 10 * power.log10()
    return torch.stack([_gated(*pair) for pair in zip(power, levels, strict=True)])


def true_peak(sound_BCN: Tensor, sample_rate: int) -> Tensor:
    """The highest point of the wave between samples too, (B,) in dBTP; -inf for silence."""
    _check(sound_BCN)
    return 20 * _envelope(sound_BCN.double(), sample_rate).amax(-1).log10()


def normalise(sound_BCN: Tensor, sample_rate: int, target: float, ceiling: float = TRUE_PEAK_CEILING) -> Tensor:
    """The sound at a loudness of `target` LUFS, and never above `ceiling` dBTP.

    Peaks that would pass the ceiling are turned down for a few milliseconds, so a sound that is one short bang may
    stay quieter than the target. Silence stays silent.

    Args:
        sound_BCN: (B, C, N) float in [-1, 1], C = 1 or 2.
        target: -50 to 0 LUFS.
    Raises:
        ConfigError: target out of range.
        MediaError: as `loudness`.
    """
    if not (math.isfinite(target) and QUIETEST_TARGET <= target <= 0):
        raise ConfigError(f"loudness={target} LUFS is out of range; use {QUIETEST_TARGET:g} to 0, such as -16")
    gain = (target - loudness(sound_BCN, sample_rate)).clamp(max=MAX_GAIN)
    gain = torch.where(gain.isfinite(), 10 ** (gain / 20), torch.zeros_like(gain))      # (B,)
    return _limited(sound_BCN.double() * gain[:, None, None], sample_rate, ceiling).to(sound_BCN.dtype)


def _check(sound: Tensor) -> None:
    if sound.ndim != 3 or 0 in sound.shape or sound.shape[1] > 2:
        raise MediaError(f"a sound of shape {tuple(sound.shape)} has no loudness; use (B, C, N) of one or two channels")
    if not bool(torch.isfinite(sound).all()):
        raise MediaError("the sound holds values that are not numbers; make it again")


def _gated(power: Tensor, levels: Tensor) -> Tensor:
    """Mean over the blocks that are loud enough, in LUFS."""
    heard = levels >= ABSOLUTE_GATE
    if not bool(heard.any()):
        return torch.full((), -math.inf, dtype=power.dtype, device=power.device)
    gate = OFFSET + 10 * power[heard].mean().log10() + RELATIVE_GATE
    return OFFSET + 10 * power[heard & (levels > gate)].mean().log10()


def _k_weighted(sound: Tensor, sample_rate: int) -> Tensor:
    """Both filters as one multiplication of spectra: exact, since the padding outlasts their ringing."""
    length = sound.shape[-1]
    padded = length + round(RINGING_SECONDS * sample_rate)
    z = torch.exp(-2j * math.pi * torch.arange(padded // 2 + 1, dtype=torch.float64) / padded)  # e^(-i omega)
    response = torch.ones_like(z)
    for numerator, denominator in _k_filters(sample_rate):
        response = response * sum(b * z ** k for k, b in enumerate(numerator)) \
            / sum(a * z ** k for k, a in enumerate(denominator))
    spectrum = torch.fft.rfft(sound, n=padded) * response.to(sound.device)
    return torch.fft.irfft(spectrum, n=padded)[..., :length]


def _k_filters(sample_rate: int) -> list[tuple[list[float], list[float]]]:
    """The two biquads for any sample rate: the analogue prototypes of which BS.1770's tables are the 48 kHz samples.

    Source: B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145 (2018).
    """
    k, q = math.tan(math.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high ** 0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = ([(high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0],
             [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return [shelf, ([1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])]


def _envelope(sound: Tensor, sample_rate: int) -> Tensor:
    """The largest magnitude of all channels at and around each sample, between samples too: (B, N)."""
    fine = resample(sound, sample_rate, OVERSAMPLING * sample_rate).abs().amax(1)               # (B, 4 N)
    between = F.max_pool1d(F.pad(fine, (OVERSAMPLING - 1, 0))[:, None], 2 * OVERSAMPLING - 1, OVERSAMPLING,
                           ceil_mode=True)[:, 0, :sound.shape[-1]]
    return torch.maximum(between, sound.abs().amax(1))


def _limited(sound: Tensor, sample_rate: int, ceiling: float) -> Tensor:
    """Turned down, smoothly and in time, wherever the wave would pass the ceiling."""
    top = 10 ** (ceiling / 20)
    reach = max(1, round(LOOK_AHEAD_SECONDS * sample_rate))
    needed = (top / _envelope(sound, sample_rate).clamp(min=top))[:, None]                      # (B, 1, N), 1 = leave
    lowest = -F.max_pool1d(F.pad(-needed, (2 * reach, 2 * reach), value=-1.0), 2 * reach + 1, 1)
    window = torch.hann_window(2 * reach + 3, periodic=False, dtype=sound.dtype, device=sound.device)[1:-1]
    gain = F.conv1d(lowest, (window / window.sum())[None, None])        # a mean of minima that all reach the peak
    sound = sound * gain
    peak = _envelope(sound, sample_rate).amax(-1)                       # the gain moves: what still passes, by a hair
    return sound * (top / peak.clamp(min=top))[:, None, None]
