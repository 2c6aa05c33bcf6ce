"""Noises that are no contact of two bodies: steps, claps, wings, breaking glass, and the voices of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .signals import band_noise, low_pass

if TYPE_CHECKING:
    from .record import ClipRecord, EventRecord

_VOICE_RATE = 24000
_SOFT = {"grass": 0.30, "carpet": 0.16, "sand": 0.35, "dust": 0.25, "ice": 0.8, "rubber": 0.2}


def noises(record: ClipRecord, num_samples: int, sample_rate: int) -> np.ndarray:
    """Sum of all events and voices of a clip, (num_samples,), without the place's echo."""
    from .figures.foley import event_sound

    sound = np.zeros(num_samples)
    for number, event in enumerate(record.events):
        rng = np.random.default_rng([record.seed, 7, number])
        made = event_sound(event, record.floor, rng, sample_rate)
        _mix(sound, _noise(event, record.floor, rng, sample_rate) if made is None else made, event.time_s, sample_rate)
    for time_s, _, samples in record.voices:
        if sample_rate != _VOICE_RATE:
            places = np.arange(int(len(samples) * sample_rate / _VOICE_RATE)) * (_VOICE_RATE / sample_rate)
            samples = np.interp(places, np.arange(len(samples)), samples)
        _mix(sound, samples, time_s, sample_rate)
    return sound


def _mix(sound: np.ndarray, part: np.ndarray, time_s: float, sample_rate: int) -> None:
    start = round(time_s * sample_rate)
    if 0 <= start < len(sound):
        length = min(len(part), len(sound) - start)
        sound[start: start + length] += part[:length]


def _burst(rng: np.random.Generator, length_s: float, decay_s: float, cutoff_hz: float, rate: int) -> np.ndarray:
    """A burst of noise of peak 1 that begins at once and dies away."""
    count = round(length_s * rate)
    noise = low_pass(rng.standard_normal(count) * np.exp(-np.arange(count) / (decay_s * rate)), cutoff_hz, rate)
    return noise / (np.abs(noise).max() + 1e-9)


def _noise(event: EventRecord, floor: str, rng: np.random.Generator, rate: int) -> np.ndarray:
    """One event as (n,) samples that start at its onset; silence for a kind that has no sound."""
    level = float(np.clip(event.strength, 0, 1)) ** 0.7
    soft = _SOFT.get(event.on or floor, 1.0)
    if event.kind in ("step", "land", "hand"):
        heavy = {"step": 0.16, "land": 0.4, "hand": 0.2}[event.kind]
        thump = _burst(rng, 0.25, 0.030, 160, rate)
        click = _burst(rng, 0.25, 0.006 + 0.02 * (1 - soft), 800 + 4200 * soft, rate)
        return level * heavy * (thump + (0.25 + 0.75 * soft) * click)
    if event.kind == "clap":
        return level * 0.5 * _burst(rng, 0.2, 0.012, 5000, rate)
    if event.kind in ("swish", "net"):
        return level * _swish(rng, rate)
    if event.kind == "flap":
        return level * 0.22 * _burst(rng, 0.2, 0.05, 700, rate)
    if event.kind == "shatter":
        return level * _shatter(rng, rate)
    if event.kind == "splash":
        return level * _splash(rng, level, rate)
    return np.zeros(1)


def _swish(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A ball through a net: a short hiss that swells at once and dies."""
    count = round(0.28 * rate)
    time = np.arange(count) / rate
    hiss = band_noise(rng, 3800.0, count, rate)
    return 0.20 * hiss * np.minimum(time / 0.004, 1) * np.exp(-time / 0.07)


def _splash(rng: np.random.Generator, level: float, rate: int) -> np.ndarray:
    """A slap, spray that falls back, and bubbles, each a sine at Minnaert's pitch that rises as it nears the surface.

    Source: K. van den Doel, "Physically based models for liquid sounds", ACM TAP 2, 2005, section 2.
    """
    count = round(1.5 * rate)
    time = np.arange(count) / rate
    spray = band_noise(rng, 3000.0, count, rate) * np.exp(-time / (0.10 + 0.12 * level)) * np.minimum(time / 0.003, 1)
    sound = 0.11 * spray
    slap = _burst(rng, 0.4, 0.025 + 0.03 * level, 500 + 700 * level, rate)
    sound[: len(slap)] += 0.45 * slap
    for _ in range(round(10 + 26 * level)):
        start = int((0.03 + rng.exponential(0.22)) * rate)
        local = np.arange(min(round(0.16 * rate), count - start)) / rate if start < count else time[:0]
        radius = rng.uniform(0.0018, 0.0075)
        pitch, damping = 3.26 / radius, 0.13 / radius + 0.0072 * radius**-1.5
        phase = 2 * np.pi * pitch * (local + 0.5 * rng.uniform(0, 4.0) * local**2)
        bubble = np.sin(phase) * np.exp(-damping * local) * np.minimum(local / 0.002, 1)
        sound[start: start + len(local)] += rng.uniform(0.02, 0.10) * np.exp(-1.2 * start / rate) * bubble
    return sound


def _shatter(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A pane that breaks: a hard crack, then some dozens of pieces that ring high and short."""
    count = round(1.3 * rate)
    sound = np.zeros(count)
    crack = _burst(rng, 0.3, 0.02, 9000, rate)
    sound[: len(crack)] += 0.6 * crack
    for _ in range(46):
        start = int(min(rng.exponential(0.16), 1.1) * rate)
        time = np.arange(min(round(0.22 * rate), count - start)) / rate
        hertz, decay = rng.uniform(2200, 9500), rng.uniform(0.012, 0.06)
        ring = np.sin(2 * np.pi * hertz * time) * np.exp(-time / decay)
        sound[start: start + len(time)] += rng.uniform(0.03, 0.16) * np.exp(-1.5 * start / rate) * ring
    return sound
