"""The short-time Fourier transform that both marks of the sound work in.

Legend: C channels, N samples; F frames, K frequencies.
"""

from __future__ import annotations

import numpy as np

WINDOW_SECONDS = 0.0427


def sizes(sample_rate: int) -> tuple[int, int]:
    """Window and hop in samples."""
    size = 2 ** round(np.log2(sample_rate * WINDOW_SECONDS))
    return size, size // 4


def transform(waveform_CN: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Complex (C, F, K); the first frame begins one window before the sound."""
    padded = np.pad(waveform_CN.astype(np.float64), ((0, 0), (size, size + hop)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[:, ::hop]
    return np.fft.rfft(frames * _window(size), axis=-1)


def inverse(spectrum_CFK: np.ndarray, number: int, size: int, hop: int) -> np.ndarray:
    """The sound (C, number) of a transform."""
    frames = np.fft.irfft(spectrum_CFK, n=size, axis=-1) * (_window(size) / 2)
    count = frames.shape[1]
    result = np.zeros((len(frames), (count + 4) * hop))
    for part in range(4):                                   # frames that don't overlap are laid down together
        chosen = frames[:, part::4]
        flat = chosen.reshape(len(frames), -1)
        result[:, part * hop:part * hop + flat.shape[1]] += flat
    return result[:, size:size + number]


def middles(frames: int, size: int, hop: int) -> np.ndarray:
    """The sample in the middle of each frame (F,)."""
    return np.arange(frames) * hop - size / 2


def _window(size: int) -> np.ndarray:
    """Square root of Hann: times itself, hopped by a quarter, it adds up to two."""
    return np.sin(np.pi * (np.arange(size) + 0.5) / size)
