"""The marks of the sound: keyed, small changes of loudness over time and pitch.

One is a lattice (sound_lattice.py), which noise and music leave whole; the other, here, bears changes of speed and
pitch. Together they stay 30 dB under the programme.

The spectrum is cut into tiles of a twentieth of a second by a semitone, and each is made a little louder or softer by a
keyed pattern that repeats every 6.4 seconds. Quiet tiles carry most: there a change of 2 dB costs almost no power, so
that the whole stays 30 dB under the programme. A change of speed only shifts and stretches such a pattern, a change of
pitch only shifts it, so the detector finds both by correlating over all shifts, for each of some time scales.
Source of the idea: Kirovski and Malvar, "Spread-spectrum watermarking of audio signals", 2003.

Legend: C channels, N samples; F frames of the short-time transform, K its frequencies; b bands, t tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from . import stft
from .keys import uniform
from .sound_lattice import mark_loudness

TILE_SECONDS = 0.05
PERIOD = 128                          # tiles
LOWEST_HZ = 400.0
BANDS_PER_OCTAVE = 12
BANDS = 54                            # up to 9 kHz
LOUDEST_DB = 2.0                      # change of a tile
POWER_DB = -31.8                     # of the intended change, under the programme; overlap leaves 1.3 dB less
MOST = 10 ** -3.01                    # power of both marks, of the programme's
HALF = 2                              # steps of the detector in a tile
REACH = 5                             # bands that pitch may be off
PADDED = BANDS + 2 * REACH
FLOOR_DB = -100.0                     # under the loudest tile: what is quieter is silence
TIME_SCALES = np.concatenate([[1.0], np.exp(np.delete(np.arange(-25, 26), 25) * 0.01)])


@dataclass(frozen=True)
class SoundMatch:
    """Where the pattern was found: heard `scale` times slower and `bands` semitones higher than it was written."""

    z: float
    scale: float
    bands: int


def mark_audio(waveform_CN: np.ndarray, sample_rate: int, key: bytes) -> np.ndarray:
    """Mark a sound.

    Args:
        waveform_CN: float (C, N) in [-1, 1].
        sample_rate: samples a second.
        key: whose mark.

    Returns:
        The marked sound, float32 (C, N). Silence stays silent, and so unmarked.
    """
    marked_CN = mark_loudness(mark_tiles(waveform_CN, sample_rate, key), sample_rate, key)
    change = marked_CN - waveform_CN
    power = float((change ** 2).sum())
    if power:
        change = change * min(1.0, (float((waveform_CN.astype(np.float64) ** 2).sum()) * MOST / power) ** 0.5)
    return np.clip(waveform_CN + change, -1, 1).astype(np.float32)


def mark_tiles(waveform_CN: np.ndarray, sample_rate: int, key: bytes) -> np.ndarray:
    """Make tiles louder or softer by the key's pattern: float (C, N) -> float64 (C, N)."""
    size, hop = stft.sizes(sample_rate)
    number = waveform_CN.shape[-1]
    if number < size:
        return waveform_CN.astype(np.float64)
    spectrum_CFK = stft.transform(waveform_CN, size, hop)
    tile_F, band_K = _places(spectrum_CFK.shape[1], size, hop, sample_rate)
    signs = np.concatenate([pattern(key), np.zeros((1, PERIOD))])[band_K][:, tile_F % PERIOD].T       # (F, K)
    power_tb, counted = _tiles((np.abs(spectrum_CFK) ** 2).sum(axis=0), tile_F, band_K)
    change = _loudness(power_tb, counted, float((np.abs(spectrum_CFK) ** 2).sum()))[tile_F][:, band_K]
    return waveform_CN + stft.inverse(spectrum_CFK * (10 ** (signs * change / 20) - 1), number, size, hop)


def detect_audio(waveform_CN: np.ndarray, sample_rate: int, keys: list[bytes], *,
                 search: bool = True) -> list[tuple[SoundMatch, SoundMatch]]:
    """Look for the patterns of some keys in a sound.

    Returns:
        For each key the match at the speed and pitch that it was written at, and the best of all; z = 0 for silence and
        for less than half a second.
    """
    size, hop = stft.sizes(sample_rate)
    if waveform_CN.shape[-1] < sample_rate / 2:
        return [(SoundMatch(0.0, 1.0, 0),) * 2 for _ in keys]
    bands_Fb = _bands(stft.transform(waveform_CN, size, hop), size, sample_rate)
    plain: list[list[SoundMatch]] = [[] for _ in keys]
    best: list[list[SoundMatch]] = [[] for _ in keys]
    for scale in TIME_SCALES if search else (1.0,):
        spectrum = _folded(bands_Fb, scale, hop / sample_rate)
        for k, key in enumerate(keys):
            surface = np.fft.irfft2(spectrum * np.conj(_reference(key)), s=(PADDED, PERIOD * HALF))
            surface /= np.sqrt((surface ** 2).mean()) + 1e-12
            near = np.concatenate([surface[:REACH + 1], surface[-REACH:]])
            row = int(near.max(axis=1).argmax())
            best[k].append(SoundMatch(float(near.max()), float(scale), row if row <= REACH else row - 2 * REACH - 1))
            if scale == 1.0:
                plain[k].append(SoundMatch(float(surface[0].max()), 1.0, 0))
    return [tuple(max(matches, key=lambda match: match.z) for matches in pair)
            for pair in zip(plain, best, strict=True)]


@cache
def pattern(key: bytes) -> np.ndarray:
    """Louder (1) or softer (-1) for each tile, (b, t)."""
    return np.where(uniform(key, "sound", BANDS * PERIOD) < 0.5, -1.0, 1.0).reshape(BANDS, PERIOD)


@cache
def _reference(key: bytes) -> np.ndarray:
    signs = np.zeros((PADDED, PERIOD * HALF))
    signs[:BANDS] = _whiten(np.repeat(pattern(key), HALF, axis=1))
    return np.fft.rfft2(signs)


def _places(frames: int, size: int, hop: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The tile of each frame and the band of each frequency; BANDS where there is none."""
    middle = stft.middles(frames, size, hop) / sample_rate
    tile_F = np.clip(np.floor(middle / TILE_SECONDS).astype(int), 0, None)
    hertz = np.arange(size // 2 + 1) * sample_rate / size
    band_K = np.floor(BANDS_PER_OCTAVE * np.log2(np.maximum(hertz, 1) / LOWEST_HZ)).astype(int)
    return tile_F, np.where((band_K < 0) | (band_K >= BANDS), BANDS, band_K)


def _tiles(power_FK: np.ndarray, tile_F: np.ndarray, band_K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean power and number of cells of each tile, (t, b + 1)."""
    sums = np.zeros((tile_F.max() + 1, BANDS + 1))
    counts = np.zeros_like(sums)
    np.add.at(sums, (tile_F[:, None], band_K[None]), power_FK)
    np.add.at(counts, (tile_F[:, None], band_K[None]), 1.0)
    return sums / np.maximum(counts, 1), counts


def _loudness(power_tb: np.ndarray, counts_tb: np.ndarray, total: float) -> np.ndarray:
    """Change of each tile in dB: the louder a tile, the smaller, and the whole within its budget."""
    counts = counts_tb.copy()
    counts[:, BANDS] = 0                                    # what lies outside the bands isn't touched
    shape = (power_tb + 1e-12 * power_tb.max() + 1e-30) ** -0.25
    budget = total * 10 ** (POWER_DB / 10)
    low, high = 0.0, LOUDEST_DB / shape.min()
    for _ in range(50):
        middle = (low + high) / 2
        change = np.minimum(LOUDEST_DB, middle * shape)
        spent = ((np.log(10) / 20 * change) ** 2 * power_tb * counts).sum()
        low, high = (middle, high) if spent <= budget else (low, middle)
    return np.minimum(LOUDEST_DB, low * shape)


def _bands(spectrum_CFK: np.ndarray, size: int, sample_rate: int) -> np.ndarray:
    """Loudness of each band in dB, (F, b)."""
    power_FK = (np.abs(spectrum_CFK) ** 2).sum(axis=0)
    hertz = np.arange(size // 2 + 1) * sample_rate / size
    centres = LOWEST_HZ * 2 ** ((np.arange(BANDS) + 0.5) / BANDS_PER_OCTAVE)
    width = np.maximum(centres * (2 ** (0.5 / BANDS_PER_OCTAVE) - 2 ** (-0.5 / BANDS_PER_OCTAVE)),
                       sample_rate / size)
    weights = np.clip(1 - np.abs(hertz[:, None] - centres[None]) / width[None], 0, None)
    power_Fb = power_FK @ weights
    return 10 * np.log10(power_Fb + 10 ** (FLOOR_DB / 10) * power_Fb.max() + 1e-20)


def _folded(bands_Fb: np.ndarray, scale: float, hop_seconds: float) -> np.ndarray:
    """Whitened tiles of a sound that was slowed `scale` times, folded to one period: their spectrum."""
    step = TILE_SECONDS / HALF * scale / hop_seconds                # in frames
    count = int(len(bands_Fb) // step)
    edges = np.arange(count + 1) * step
    sums = np.concatenate([np.zeros((1, BANDS)), np.cumsum(bands_Fb, axis=0)])
    left = np.minimum(edges.astype(int), len(sums) - 2)
    at = sums[left] + (edges - left)[:, None] * (sums[left + 1] - sums[left])
    tiles_bt = _whiten(np.diff(at, axis=0).T / step)
    period = PERIOD * HALF
    tiles_bt = np.pad(tiles_bt, ((0, 0), (0, -count % period)))
    folded = np.zeros((PADDED, period))
    folded[:BANDS] = tiles_bt.reshape(BANDS, -1, period).sum(axis=1)
    return np.fft.rfft2(folded)


def _whiten(tiles_bt: np.ndarray) -> np.ndarray:
    """Take away what is smooth over time and pitch, and clip what is large."""
    rest = tiles_bt - _box(tiles_bt, 3, axis=1, stride=HALF)
    rest = rest - _box(rest, 5, axis=0)
    limit = 2.0 * np.median(np.abs(rest), axis=1, keepdims=True) + 1e-9
    return np.clip(rest, -limit, limit) / np.maximum(limit, 0.1)


def _box(tiles: np.ndarray, size: int, *, axis: int, stride: int = 1) -> np.ndarray:
    """Mean of `size` neighbours that are `stride` apart."""
    reach = size // 2 * stride
    padded = np.pad(tiles, [(reach, reach) if axis == other else (0, 0) for other in (0, 1)], mode="edge")
    return sum(padded.take(range(i * stride, i * stride + tiles.shape[axis]), axis=axis) for i in range(size)) / size
