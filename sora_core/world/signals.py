"""Filters and noise for sound that is made from numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def low_pass(signal: np.ndarray, cutoff_hz: float, sample_rate: int) -> np.ndarray:
    """Causal one-pole low-pass applied twice, along the last axis, by its impulse response (no pre-echo)."""
    pole = np.exp(-2 * np.pi * min(cutoff_hz, 0.45 * sample_rate) / sample_rate)
    length = min(len(signal), max(8, int(np.ceil(np.log(1e-4) / np.log(pole)))))
    index = np.arange(length)
    response = (1 - pole) ** 2 * (index + 1) * pole**index
    return convolve(signal, response)


def convolve(signal: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Causal convolution cut to the length of the signal."""
    size = fast_length(len(signal) + len(response))
    return np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[: len(signal)]


@lru_cache(maxsize=64)
def fast_length(least: int) -> int:
    """Smallest 2^a 3^b 5^c that is at least `least`: fast for an FFT."""
    best = 1 << (least - 1).bit_length()
    for five in (1, 5, 25, 125):
        for three in (1, 3, 9, 27, 81):
            size = five * three
            while size < least:
                size *= 2
            best = min(best, size)
    return best


def band_noise(rng: np.random.Generator, centre_hz: float, num_samples: int, sample_rate: int) -> np.ndarray:
    """Noise of standard deviation 1 around a frequency, about two octaves wide."""
    size = fast_length(num_samples)
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)
    octaves = np.log2(np.maximum(hertz, 1.0) / centre_hz)
    # White noise has a white spectrum: it is drawn there, which saves the way back.
    white = rng.standard_normal(2 * len(hertz)).view(np.complex128)
    spectrum = white * np.exp(-0.5 * octaves**2)
    noise = np.fft.irfft(spectrum, size)[:num_samples]
    return noise / (noise.std() + 1e-9)
