"""Hits in a sound: when, how loud, how bright and how long they ring.

An onset is a rise of the short-time spectrum over several bands at once that stands out from its surroundings; its
time is refined on the waveform to where the energy starts to rise.

Source: spectral flux and adaptive threshold as in J. P. Bello et al. 2005, "A Tutorial on Onset Detection in Music
Signals", sections III-A and IV-B.

Legend: N samples, F frequency bins, L hops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HOP_S = 0.004
WINDOW_S = 0.016
FLOOR = 1e-4                        # amplitude of a bin: what is below -80 dB counts as silence
SURROUNDINGS_S = 0.12
LEAST_FLUX = 0.16                   # mean rise of the logarithm over all bins
APART_S = 0.045
BIRDS_HZ = 2600                     # a whistle starts without a rise below this


@dataclass(frozen=True)
class Onset:
    """One hit.

    Attributes:
        time_s: seconds from the start of the clip.
        strength: mean rise of the log spectrum.
        loudness_db: level of the 40 ms that follow, dB of full scale.
        rise_db: that level over the 40 ms before.
        brightness_hz: centre of the spectrum of what the hit adds.
        ring_s: time until it has fallen by 20 dB, or until the next hit.
    """

    time_s: float
    strength: float
    loudness_db: float
    rise_db: float
    brightness_hz: float
    ring_s: float


def spectrogram(sound: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float]:
    """Amplitudes (L, F) of windows of 16 ms and the hop in seconds; window l is centred on l hops."""
    hop, size = max(1, round(HOP_S * sample_rate)), max(8, round(WINDOW_S * sample_rate))
    padded = np.pad(sound, (size // 2, size))
    count = 1 + len(sound) // hop
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[: (count - 1) * hop + 1: hop]
    window = np.hanning(size)
    return np.abs(np.fft.rfft(windows * window, axis=1)).astype(np.float32) * (2 / window.sum()), hop / sample_rate


def find_onsets(sound: np.ndarray, sample_rate: int) -> list[Onset]:
    """All hits of a mono sound (N,) in [-1, 1], in order of time; none for a silent one."""
    if sample_rate < 4000 or len(sound) < sample_rate // 10:
        return []
    amplitudes, hop = spectrogram(sound, sample_rate)
    flux = _flux(amplitudes, sample_rate)
    reach = round(SURROUNDINGS_S / hop)
    padded = np.pad(flux, reach, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    threshold = LEAST_FLUX + 1.6 * np.median(around, axis=1)
    apart = round(APART_S / hop)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(flux, apart), 2 * apart + 1)
    peaks = np.flatnonzero((flux > threshold) & (flux >= near.max(1)))
    times = [_refine(sound, sample_rate, peak * hop) for peak in peaks]
    found = []
    for index, (peak, time_s) in enumerate(zip(peaks, times, strict=True)):
        end_s = times[index + 1] if index + 1 < len(times) else len(sound) / sample_rate
        found.append(_describe(sound, sample_rate, amplitudes, hop, time_s, end_s, float(flux[peak])))
    return [onset for onset in found if onset.rise_db > 1.0]


def _flux(amplitudes: np.ndarray, sample_rate: int) -> np.ndarray:
    """(L,) mean rise of the logarithm against the louder of two earlier windows, below the birds."""
    hertz = np.linspace(0, sample_rate / 2, amplitudes.shape[1])
    logs = np.log(np.maximum(amplitudes, 4 * FLOOR))
    before = np.maximum(np.roll(logs, 2, axis=0), np.roll(logs, 3, axis=0))
    rise = np.maximum(logs - before, 0)
    rise[:3] = 0
    low = rise[:, hertz < BIRDS_HZ].mean(1)
    whole = rise.mean(1)
    return np.where(low > 0.25 * whole, 0.5 * (low + whole), 0.0)


def _refine(sound: np.ndarray, sample_rate: int, time_s: float) -> float:
    """Where within 20 ms the energy starts to rise: the largest ratio of the next 4 ms to the last 6 ms."""
    ahead, behind = round(0.004 * sample_rate), round(0.006 * sample_rate)
    first = max(round((time_s - 0.016) * sample_rate), behind)
    last = min(round((time_s + 0.008) * sample_rate), len(sound) - ahead)
    if last <= first:
        return time_s
    energy = np.concatenate([[0.0], np.cumsum(sound[first - behind: last + ahead].astype(np.float64) ** 2)])
    at = np.arange(last - first) + behind
    after = (energy[at + ahead] - energy[at]) / ahead
    before = (energy[at] - energy[at - behind]) / behind
    best = int(np.argmax((after + 1e-9) / (before + 1e-7)))
    return (first + best) / sample_rate


def _describe(sound: np.ndarray, sample_rate: int, amplitudes: np.ndarray, hop: float, time_s: float, end_s: float,
              strength: float) -> Onset:
    def level(start_s: float, stop_s: float) -> float:
        part = sound[max(round(start_s * sample_rate), 0): max(round(stop_s * sample_rate), 1)]
        return 10 * np.log10(float(np.mean(np.square(part, dtype=np.float64))) + 1e-10) if len(part) else -100.0

    loud, quiet = level(time_s, time_s + 0.04), level(time_s - 0.044, time_s - 0.004)
    at = min(round(time_s / hop) + 3, len(amplitudes) - 1)
    added = np.maximum(amplitudes[at] - amplitudes[max(at - 8, 0)], 0) ** 2
    hertz = np.linspace(0, sample_rate / 2, amplitudes.shape[1])
    ring = end_s - time_s
    for step in range(2, int(ring / 0.02)):
        if level(time_s + 0.02 * step, time_s + 0.02 * (step + 1)) < loud - 20:
            ring = 0.02 * step
            break
    return Onset(time_s, strength, loud, loud - quiet, float((added * hertz).sum() / (added.sum() + 1e-12)), ring)
