"""Voices of animals, synthesised: a source that buzzes, a throat that resonates.

Each returns float32 mono at 24 kHz that starts with its cause.
Source: the source-filter model of W. T. Fitch, M. D. Hauser, "Unpacking honesty: vertebrate vocal production" (2003).
"""

from __future__ import annotations

import numpy as np

from .foley import SAMPLE_RATE, band, low_pass

BARK_S, CHIRP_S = 0.22, 0.12


def _buzz(pitch_hz: np.ndarray, harmonics: int, tilt: float) -> np.ndarray:
    """A periodic source of gliding pitch with harmonics that fall by `tilt`, (n,)."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    sound = np.zeros(len(pitch_hz))
    for number in range(1, harmonics + 1):
        sound += np.sin(number * phase) * number**-tilt * (number * pitch_hz < 0.45 * SAMPLE_RATE)
    return sound


def _throat(sound: np.ndarray, formants: list[tuple[np.ndarray, float, float]]) -> np.ndarray:
    """Resonances that may glide: (centre in Hz (n,), width in Hz, level), by two-pole filters in blocks of 2.7 ms."""
    block, result = 64, np.zeros(len(sound))
    for centre, width, level in formants:
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        one = two = 0.0
        out = np.empty(len(sound))
        for start in range(0, len(sound), block):
            angle = 2 * np.cos(2 * np.pi * centre[start] / SAMPLE_RATE) * radius
            for index in range(start, min(start + block, len(sound))):
                value = (1 - radius) * sound[index] + angle * one - radius * radius * two
                two, one = one, value
                out[index] = value
        result += level * out / (np.abs(out).max() + 1e-9)
    return result


def bark(rng: np.random.Generator, size: float = 1.0) -> np.ndarray:
    """One bark; `size` 0.5 for a small dog (high and short) to 1.5 for a large one."""
    count = round(BARK_S * (0.75 + 0.25 * size) * SAMPLE_RATE)
    u = np.linspace(0, 1, count)
    top = 560 / size * float(rng.uniform(0.92, 1.1))
    pitch = top * (0.55 + 0.45 * np.sin(np.pi * np.clip(u * 1.15 + 0.1, 0, 1)) ** 0.8)
    source = _buzz(pitch, 14, 0.7) + 1.3 * rng.standard_normal(count) * (0.4 + 0.6 * u)
    open_hz = 900 / size**0.4 * (0.7 + 0.5 * np.sin(np.pi * u))
    sound = _throat(source, [(open_hz, 160, 1.0), (1.9 * open_hz, 260, 0.6), (0 * u + 3100, 500, 0.22)])
    envelope = np.minimum(u / 0.06, 1) * np.clip((1 - u) / 0.55, 0, 1) ** 1.3
    return _levelled(sound * envelope, 0.5)


def meow(rng: np.random.Generator, seconds: float = 0.75) -> np.ndarray:
    """One meow: it rises, opens from "mi" to "a" and closes to "u"."""
    count = round(seconds * SAMPLE_RATE)
    u = np.linspace(0, 1, count)
    base = float(rng.uniform(430, 560))
    pitch = base * (1 + 0.42 * np.sin(np.pi * u**0.75) - 0.22 * u) * (1 + 0.012 * np.sin(2 * np.pi * 6.5 * u * seconds))
    source = _buzz(pitch, 16, 0.9) + 0.05 * rng.standard_normal(count)
    first = np.interp(u, [0, 0.12, 0.45, 0.8, 1], [400, 600, 1150, 900, 520])
    second = np.interp(u, [0, 0.15, 0.5, 1], [2500, 2300, 1800, 1000])
    sound = _throat(source, [(first, 110, 1.0), (second, 180, 0.55), (0 * u + 3600, 300, 0.2)])
    envelope = np.minimum(u / 0.10, 1) * np.clip((1 - u) / 0.35, 0, 1)
    return _levelled(sound * envelope, 0.38)


def chirp(rng: np.random.Generator, count: int = 3) -> np.ndarray:
    """A few short whistles that leap and fall, as sparrows make."""
    pieces = []
    for _ in range(count):
        length = round(float(rng.uniform(0.06, 0.11)) * SAMPLE_RATE)
        u = np.linspace(0, 1, length)
        high = float(rng.uniform(3400, 4800))
        pitch = high * (1 + float(rng.uniform(-0.2, 0.35)) * np.sin(np.pi * u) - 0.25 * u)
        pieces += [_buzz(pitch, 2, 2.2) * np.sin(np.pi * u) ** 1.2, np.zeros(round(0.05 * SAMPLE_RATE))]
    return _levelled(np.concatenate(pieces), 0.22)


def pant(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """A dog that breathes with its mouth open."""
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    breath = np.maximum(np.sin(2 * np.pi * 3.3 * time), 0) ** 1.5 + 0.6 * np.maximum(-np.sin(2 * np.pi * 3.3 * time), 0)
    return _levelled(band(rng, 1500, count, 0.8) * breath, 0.05)


def _levelled(sound: np.ndarray, peak: float) -> np.ndarray:
    sound = sound - low_pass(sound, 60.0)
    return (peak * sound / (np.abs(sound).max() + 1e-9)).astype(np.float32)
