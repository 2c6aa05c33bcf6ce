"""Curves over time that a body follows: keys that are joined smoothly, steps that ease, things that lag behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RATE_HZ = 240
"""Samples of a motion per second: ten to a frame."""
STEP_S = 1.0 / RATE_HZ


def clock(seconds: float) -> np.ndarray:
    """The times of a motion in seconds, both ends included."""
    return np.arange(round(seconds * RATE_HZ) + 1) * STEP_S


def keyed(time: np.ndarray, keys: Sequence[tuple]) -> np.ndarray:
    """A curve through keys with continuous speed; it rests at the ends and at turning points.

    Args:
        time: (T,) seconds.
        keys: (time, value) or (time, value, slope) in order of time; values may be arrays of one shape.

    Returns:
        (T, ...) values; before the first and after the last key they stay.

    Source: F. N. Fritsch, J. Butland, "A method for constructing local monotone piecewise cubic interpolants", 1984.
    """
    at = np.array([key[0] for key in keys], float)
    values = np.stack([np.asarray(key[1], float) for key in keys])
    if len(keys) == 1:
        return np.broadcast_to(values[0], (len(time), *values.shape[1:])).copy()
    gap = np.diff(at).reshape(-1, *(1,) * (values.ndim - 1))
    rise = np.diff(values, axis=0) / gap
    slopes = np.zeros_like(values)
    before, after = rise[:-1], rise[1:]
    weight = (gap[1:] + 2 * gap[:-1]) / (3 * (gap[1:] + gap[:-1]))
    mean = before * after / np.where(before * after > 0, weight * after + (1 - weight) * before, 1.0)
    slopes[1:-1] = np.where(before * after > 0, mean, 0.0)
    for index, key in enumerate(keys):
        if len(key) > 2:
            slopes[index] = key[2]
    return hermite(time, at, values, slopes)


def hermite(time: np.ndarray, at: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Cubic Hermite curve through (K, ...) values with (K, ...) slopes at (K,) times; constant outside."""
    inside = np.clip(time, at[0], at[-1])
    index = np.clip(np.searchsorted(at, inside, side="right") - 1, 0, len(at) - 2)
    shape = (-1, *(1,) * (values.ndim - 1))
    gap = (at[index + 1] - at[index]).reshape(shape)
    u = ((inside - at[index]).reshape(shape)) / gap
    return (
        (1 + 2 * u) * (1 - u) ** 2 * values[index] + u * (1 - u) ** 2 * gap * slopes[index]
        + u * u * (3 - 2 * u) * values[index + 1] + u * u * (u - 1) * gap * slopes[index + 1]
    )


def ease(time: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 before `start`, 1 after `end`, with no jerk at either (T. Flash, N. Hogan 1985: minimum jerk)."""
    u = np.clip((time - start) / max(end - start, 1e-6), 0, 1)
    return u**3 * (10 - 15 * u + 6 * u * u)


def pulse(time: np.ndarray, centre: float, width: float) -> np.ndarray:
    """A bump of height 1 that is `width` seconds wide at its foot."""
    u = np.clip((time - centre) / (0.5 * width), -1, 1)
    return (1 - u * u) ** 2


def lag(track: np.ndarray, seconds: float, damping: float = 0.7) -> np.ndarray:
    """Let a (T, ...) track follow itself as on a spring: later, and with some overshoot if damping is below 1.

    Args:
        track: what is followed.
        seconds: how far behind it is, roughly.
        damping: 1 just doesn't overshoot; 0.5 swings visibly.
    """
    omega = 2 * damping / max(seconds, 1e-6)
    place, speed = track[0].astype(float).copy() if track.ndim > 1 else float(track[0]), 0.0 * track[0]
    result = np.empty(track.shape)
    for index in range(len(track)):
        speed = speed + STEP_S * (omega * omega * (track[index] - place) - 2 * damping * omega * speed)
        place = place + STEP_S * speed
        result[index] = place
    return result


def smooth(track: np.ndarray, seconds: float) -> np.ndarray:
    """Average a (T, ...) track over a Hann window of this length; the ends are held."""
    half = max(int(0.5 * seconds * RATE_HZ), 1)
    window = np.hanning(2 * half + 3)[1:-1]
    padded = np.concatenate([np.repeat(track[:1], half, 0), track, np.repeat(track[-1:], half, 0)])
    flat = padded.reshape(len(padded), -1)
    rows = [np.convolve(flat[:, column], window / window.sum(), "valid") for column in range(flat.shape[1])]
    return np.stack(rows, -1).reshape(track.shape)


def wander(rng: np.random.Generator, time: np.ndarray, seconds: float = 1.5) -> np.ndarray:
    """A slow random curve about 0 with a size of about 1: nobody stands quite still."""
    phases, rates = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.5, 1.8, 4) / seconds
    return sum(np.sin(2 * np.pi * rate * time + phase) for rate, phase in zip(rates, phases, strict=True)) / 2.0
