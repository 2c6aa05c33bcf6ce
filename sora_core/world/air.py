"""What sounds in the air of a place: rain, wind, waves, crickets, a crowd."""

from __future__ import annotations

import numpy as np

from .signals import band_noise, fast_length

LEVELS_DB = {"rain": -34.0, "wind": -33.0, "waves": -31.0, "crickets": -38.0, "crowd": -34.0}
"""Loudness of each, dB of full scale (RMS)."""


def air_bed(kind: str, seed: int, num_samples: int, sample_rate: int) -> np.ndarray:
    """The bed of a clip, (num_samples,); silence for "".

    Args:
        kind: "rain", "wind", "waves", "crickets", "crowd" or "".
        seed: of the clip.
    """
    if not kind:
        return np.zeros(num_samples)
    rng = np.random.default_rng([seed, 5])
    time = np.arange(num_samples) / sample_rate
    sound = {"rain": _rain, "wind": _wind, "waves": _waves, "crickets": _crickets, "crowd": _crowd}[kind](
        rng, time, sample_rate)
    return 10 ** (LEVELS_DB[kind] / 20) * sound / (sound.std() + 1e-9)


def _rain(rng: np.random.Generator, time: np.ndarray, rate: int) -> np.ndarray:
    """A steady hiss with single drops in it."""
    sound = band_noise(rng, 4200.0, len(time), rate) + 0.5 * band_noise(rng, 1300.0, len(time), rate)
    for start in rng.integers(0, len(time), 90):
        local = np.arange(min(240, len(time) - start)) / rate
        sound[start: start + len(local)] += rng.uniform(1, 5) * np.sin(
            2 * np.pi * rng.uniform(1800, 5200) * local) * np.exp(-local / 0.003)
    return sound


def _slow(rng: np.random.Generator, time: np.ndarray, low: float, high: float) -> np.ndarray:
    """A slow swell between 0 and 1."""
    total = sum(np.sin(2 * np.pi * rng.uniform(low, high) * time + rng.uniform(0, 6.28)) for _ in range(3))
    return 0.5 + total / 6


def _wind(rng: np.random.Generator, time: np.ndarray, rate: int) -> np.ndarray:
    """Low noise, and a whistle that comes and goes with it."""
    gust = _slow(rng, time, 0.15, 0.6)
    return band_noise(rng, 220.0, len(time), rate) * (0.4 + gust) + 0.35 * gust**2 * band_noise(
        rng, 900.0, len(time), rate)


def _waves(rng: np.random.Generator, time: np.ndarray, rate: int) -> np.ndarray:
    """Surf: noise that swells slowly and hisses as it breaks."""
    phase = 2 * np.pi * time / rng.uniform(3.0, 5.0) + rng.uniform(0, 6.28)
    swell = (0.5 + 0.5 * np.sin(phase)) ** 2
    late = (0.5 + 0.5 * np.sin(phase - 0.9)) ** 4
    return (0.25 + swell) * band_noise(rng, 420.0, len(time), rate) + 0.7 * late * band_noise(
        rng, 3000.0, len(time), rate)


def _crickets(rng: np.random.Generator, time: np.ndarray, rate: int) -> np.ndarray:
    """Two or three crickets, each a tone chopped into chirps."""
    sound = 0.05 * band_noise(rng, 500.0, len(time), rate)
    for _ in range(int(rng.integers(2, 4))):
        hertz, beat, trill = rng.uniform(3900, 4900), rng.uniform(1.6, 2.6), rng.uniform(26, 34)
        chirp = np.clip(np.sin(2 * np.pi * beat * time + rng.uniform(0, 6.28)) * 3, 0, 1)
        sound += rng.uniform(0.4, 1) * chirp * (0.5 - 0.5 * np.cos(2 * np.pi * trill * time)) * np.sin(
            2 * np.pi * hertz * time)
    return sound


def _crowd(rng: np.random.Generator, time: np.ndarray, rate: int) -> np.ndarray:
    """Many voices at once: noise with the bands of vowels, each swelling by itself at the pace of syllables."""
    sound = np.zeros(len(time))
    for formant in (320.0, 520.0, 700.0, 1100.0, 1700.0):
        for _ in range(3):
            syllables = np.clip(_slow(rng, time, 1.5, 5.5), 0.05, 1) ** 2
            sound += syllables * _narrow(rng, formant * rng.uniform(0.85, 1.15), len(time), rate) * (400 / formant)
    return sound


def _narrow(rng: np.random.Generator, hertz: float, count: int, rate: int) -> np.ndarray:
    """Noise about a quarter octave wide, of standard deviation 1."""
    size = fast_length(count)
    bins = np.fft.rfftfreq(size, 1 / rate)
    shape = np.exp(-0.5 * (np.log2(np.maximum(bins, 1.0) / hertz) / 0.12) ** 2)
    noise = np.fft.irfft(rng.standard_normal(2 * len(bins)).view(np.complex128) * shape, size)[:count]
    return noise / (noise.std() + 1e-9)
