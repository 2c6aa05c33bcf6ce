"""The mark of the sound that survives noise and music: keyed lattices in the loudness of its tiles.

The spectrum is cut into tiles of a twentieth of a second by a semitone, and the loudness of each is moved towards
the nearest point of a lattice of one decibel with a keyed offset. What is heard doesn't disturb such a mark (Chen and
Wornell, "Quantization index modulation", 2001; moved part of the way only, after the same), so that loud moments carry
it as well as quiet ones, and they stand out of noise and music. A change of volume turns all lattices alike. A change
of speed or pitch breaks it: for those there is the other mark, watermark_audio.py.

Legend: C channels, N samples; F frames of the short-time transform, K its frequencies; b bands, t tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from . import stft
from .keys import uniform

TILE_SECONDS = 0.05
PERIOD = 128                          # tiles
LOWEST_HZ = 300.0
BANDS_PER_OCTAVE = 12
BANDS = 60                            # up to 9.6 kHz
STEP_DB = 1.0
SHARE = 0.6                           # of the way to the lattice that is gone: the steps can be wider then
ITERATIONS = 3                        # of the correction, because tiles overlap
FLOOR_DB = -70.0                      # under the loudest tile: what is quieter is silence
FINE = 6                              # starts tried in a tile
NEAR = 6                              # of them each way are a start as it was written
# What a tile is heard against, of which the detector thinks when it weighs it: as shares of the mean power of the whole
# sound, of the median of its band, where noise shows, and of its upper quartile, where music does.
OF_MEAN, OF_MEDIAN, OF_QUARTILE = (0.0, 0.01), (0.3, 3.0), (0.1,)


@dataclass(frozen=True)
class LoudnessMatch:
    """The best of `tries` starts: chance is at most tries * exp(-z**2 / 2)."""

    z: float
    tries: int


def mark_loudness(waveform_CN: np.ndarray, sample_rate: int, key: bytes) -> np.ndarray:
    """Mark a sound: float (C, N) in [-1, 1] -> float64 (C, N), a change about 33 dB under it; silence stays silent."""
    size, hop = stft.sizes(sample_rate)
    number = waveform_CN.shape[-1]
    if number < size:
        return waveform_CN
    spectrum_CFK = stft.transform(waveform_CN, size, hop)
    before_tb, is_heard = _loudness(spectrum_CFK, size, sample_rate, 0.0)
    wanted = before_tb / STEP_DB - np.resize(offsets(key).T, before_tb.shape)
    target_tb = before_tb + (np.round(wanted) - wanted) * STEP_DB * SHARE
    tile_F = np.clip((stft.middles(spectrum_CFK.shape[1], size, hop) / sample_rate / TILE_SECONDS).astype(int), 0,
                     len(before_tb) - 1)
    hertz = np.arange(size // 2 + 1) * sample_rate / size
    band_K = np.floor(BANDS_PER_OCTAVE * np.log2(np.maximum(hertz, 1) / LOWEST_HZ)).astype(int)
    band_K = np.where((band_K < 0) | (band_K >= BANDS), BANDS, band_K)
    gains_tb = np.zeros((len(before_tb), BANDS + 1))        # what lies outside the bands isn't touched
    marked_CN = waveform_CN
    for _ in range(ITERATIONS):
        missing = target_tb - _loudness(stft.transform(marked_CN, size, hop), size, sample_rate, 0.0)[0]
        gains_tb[:, :BANDS] += np.where(is_heard, missing, 0)
        np.clip(gains_tb, -STEP_DB, STEP_DB, out=gains_tb)
        change = 10 ** (gains_tb[tile_F][:, band_K] / 20) - 1
        marked_CN = waveform_CN + stft.inverse(spectrum_CFK * change, number, size, hop)
    return marked_CN


def detect_loudness(waveform_CN: np.ndarray, sample_rate: int, keys: list[bytes]
                    ) -> list[tuple[LoudnessMatch, LoudnessMatch]]:
    """Look for the lattices of some keys.

    Returns:
        For each key the best where it was written and the best of all starts; z = 0 for less than half a second.
    """
    if waveform_CN.shape[-1] < sample_rate / 2 or not np.any(waveform_CN):
        return [(LoudnessMatch(0.0, 1),) * 2 for _ in keys]
    size, hop = stft.sizes(sample_rate)
    spectrum_CFK = stft.transform(waveform_CN, size, hop)
    surfaces = np.stack([_surface(spectrum_CFK, size, sample_rate, part / FINE * TILE_SECONDS, keys)
                         for part in range(FINE)], axis=-1)                     # (keys, weights, starts, parts)
    surfaces = surfaces.reshape(*surfaces.shape[:2], -1)
    near = np.concatenate([surfaces[..., :NEAR + 1], surfaces[..., -NEAR:]], axis=-1)
    tries = [int(np.prod(part.shape[1:])) for part in (near, surfaces)]
    return [(LoudnessMatch(float(near[k].max()), tries[0]), LoudnessMatch(float(surfaces[k].max()), tries[1]))
            for k in range(len(keys))]


@cache
def offsets(key: bytes) -> np.ndarray:
    """Where the lattices lie, in steps (b, t)."""
    return uniform(key, "sound loudness", BANDS * PERIOD).reshape(BANDS, PERIOD)


def _surface(spectrum_CFK: np.ndarray, size: int, sample_rate: int, start: float, keys: list[bytes]) -> np.ndarray:
    """Agreement in standard deviations if tile 0 of the pattern lies at each tile, (keys, weights, PERIOD).

    Over keys the phases are independent and uniform; as nobody knows the volume, its length counts, which exceeds z
    with a chance of exp(-z**2 / 2).
    """
    loudness_tb, is_heard = _loudness(spectrum_CFK, size, sample_rate, start)
    power_tb = 10 ** (loudness_tb / 10)
    mean = (np.abs(spectrum_CFK) ** 2).sum(axis=0).mean() * _cells(size, sample_rate)
    median, quartile = np.quantile(power_tb, (0.5, 0.75), axis=0)
    phases = np.exp(2j * np.pi * loudness_tb / STEP_DB)
    weights = []
    for noise in [share * level for shares, level in ((OF_MEAN, mean), (OF_MEDIAN, median), (OF_QUARTILE, quartile))
                  for share in shares]:
        # The loudness of a tile errs by two standard deviations of the noise, over the root of its cells, relatively.
        variance = 4 * (10 / np.log(10)) ** 2 * noise / np.maximum(power_tb, 1e-30) / _freedom()
        weights.append(np.where(is_heard, np.exp(-2 * np.pi ** 2 * variance / STEP_DB ** 2), 0.0))
    length = -(-len(phases) // PERIOD) * PERIOD
    folded = np.stack([np.pad(weight * phases, ((0, length - len(phases)), (0, 0))).reshape(-1, PERIOD, BANDS).sum(0)
                       for weight in weights])
    # The spread of the sum over keys: tiles a period apart share their offset, and so add before they are squared.
    spread = np.sqrt((np.abs(folded) ** 2).sum(axis=(1, 2)) / 2) + 1e-12
    spectrum = np.fft.fft(folded, axis=1)
    found = []
    for key in keys:
        wanted = np.fft.fft(np.exp(2j * np.pi * offsets(key)).T, axis=0)
        found.append(np.abs(np.fft.ifft((spectrum * np.conj(wanted)).sum(axis=2), axis=1)) / spread[:, None])
    return np.stack(found)


def _loudness(spectrum_CFK: np.ndarray, size: int, sample_rate: int, start: float) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of each tile in dB, and whether it can be heard, (t, b); the first begins at `start` seconds."""
    power_FK = (np.abs(spectrum_CFK) ** 2).sum(axis=0)
    edges = _edges(size, sample_rate)
    power_Fb = np.diff(_until(power_FK.T, edges), axis=0).T
    hop = size // 4
    seconds = (len(power_FK) - 1) * hop / sample_rate - size / sample_rate
    count = max(1, int(np.ceil((seconds - start) / TILE_SECONDS)))
    at = ((start + np.arange(count + 1) * TILE_SECONDS) * sample_rate + size / 2) / hop + 0.5       # see stft.middles
    power_tb = np.diff(_until(power_Fb, np.clip(at, 0, len(power_Fb))), axis=0)
    loudness = 10 * np.log10(power_tb + 1e-20)
    return loudness, loudness > loudness.max() + FLOOR_DB


def _until(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Sum of rows before each (fractional) place."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    left = np.clip(at.astype(int), 0, len(values) - 1)
    return sums[left] + (at - left)[:, None] * values[left]


def _edges(size: int, sample_rate: int) -> np.ndarray:
    """Edges of the bands, in places of the transform."""
    hertz = LOWEST_HZ * 2 ** (np.arange(BANDS + 1) / BANDS_PER_OCTAVE)
    return np.clip(hertz * size / sample_rate + 0.5, 0, size // 2 + 1)


def _cells(size: int, sample_rate: int) -> np.ndarray:
    """Cells of the transform in a tile of each band."""
    return np.maximum(np.diff(_edges(size, sample_rate)), 1e-6) * TILE_SECONDS * sample_rate / (size // 4)


def _freedom() -> np.ndarray:
    """Independent numbers in a tile of each band: twice its width times its length."""
    edges = LOWEST_HZ * 2 ** (np.arange(BANDS + 1) / BANDS_PER_OCTAVE)
    return 2 * np.diff(edges) * TILE_SECONDS
