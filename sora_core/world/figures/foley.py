"""Sounds that living things make without their throats: soles on floors, bare feet, hands, blades, paws and wings.

Every sound starts with its cause: sample 0 is the touch.
"""

from __future__ import annotations

import numpy as np

from ..performance import Event

SAMPLE_RATE = 24000
_FLOORS: dict[str, tuple[float, float, float, float, float]] = {
    "wood": (105, 0.085, 1.0, 1900, 0.35), "concrete": (160, 0.030, 0.45, 3200, 0.9),
    "tile": (300, 0.040, 0.5, 5200, 1.0), "carpet": (80, 0.060, 0.55, 480, 0.5),
    "grass": (75, 0.040, 0.35, 2600, 0.55), "sand": (70, 0.040, 0.25, 3400, 0.8),
    "ice": (240, 0.050, 0.4, 5600, 0.8), "asphalt": (140, 0.030, 0.45, 2800, 0.9), "dust": (70, 0.05, 0.3, 1500, 0.5),
    "metal": (220, 0.250, 0.8, 4200, 0.6),
}
"""Boom in Hz, its length in s, its level; cut-off of the noise in Hz, its level."""
_SOLES: dict[str, tuple[float, float, float]] = {
    "sole": (1.0, 1.0, 0.014), "barefoot": (0.8, 0.5, 0.010), "hand": (0.55, 0.7, 0.008), "paw": (0.28, 0.45, 0.006),
    "claw": (0.20, 1.4, 0.003), "blade": (0.6, 1.6, 0.012),
}
"""Level of the boom, brightness of the noise, and its length in s."""
_LONG = {"sand": 0.085, "grass": 0.07, "dust": 0.06, "carpet": 0.03}


def event_sound(event: Event, floor: str, rng: np.random.Generator, sample_rate: int = SAMPLE_RATE
                ) -> np.ndarray | None:
    """The sound of an event, or None if it is not of this kind.

    Args:
        event: "step", "land", "hand" or "slide" with one of the materials above, or "flap".
        floor: floor of the scene, where the event names none.
        rng: no two steps are alike.

    Returns:
        (n,) float32 in [-1, 1].
    """
    if event.kind == "flap":
        return _flap(event, rng, sample_rate)
    if event.kind not in ("step", "land", "hand", "slide") or event.material not in _SOLES:
        return None
    boom_hz, boom_s, boom, cut, noise = _FLOORS.get(event.on or floor, _FLOORS["concrete"])
    weight, bright, length = _SOLES[event.material]
    landing = event.kind == "land"
    time = np.arange(round(0.45 * sample_rate)) / sample_rate
    pitch = boom_hz * float(rng.uniform(0.92, 1.08)) * (0.8 if landing else 1.0)
    body = np.sin(2 * np.pi * pitch * time) * np.exp(-time / (boom_s * (1.5 if landing else 1.0)))
    body = body + 0.5 * np.sin(2 * np.pi * 1.62 * pitch * time) * np.exp(-time / (0.6 * boom_s))
    sound = boom * weight * (1.4 if landing else 1.0) * body
    grain = length + _LONG.get(event.on or floor, 0.0)
    cutoff = min(cut * bright * (0.6 + 0.6 * event.strength), 10000)
    hiss = low_pass(rng.standard_normal(len(time)), cutoff, sample_rate)
    hiss = hiss / (np.abs(hiss).max() + 1e-9) * np.exp(-time / grain)
    if grain > 0.05:  # loose ground crunches grain by grain
        hiss = hiss * (0.35 + 0.65 * (rng.random(len(time)) < 0.12)) * np.minimum(time / 0.006, 1.0)
    sound = sound + noise * 0.8 * hiss
    if event.material == "sole" and event.kind == "step" and grain < 0.05:  # the ball of the foot follows the heel
        delay = round(float(rng.uniform(0.055, 0.085)) * sample_rate)
        sound[delay:] += 0.35 * sound[:-delay]
    level = 0.42 * event.strength**0.7
    return (level * sound / (np.abs(sound).max() + 1e-9)).astype(np.float32)


def low_pass(signal: np.ndarray, cutoff_hz: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Causal one-pole low-pass applied twice, by its impulse response."""
    pole = np.exp(-2 * np.pi * min(cutoff_hz, 0.45 * sample_rate) / sample_rate)
    index = np.arange(max(8, int(np.ceil(np.log(1e-4) / np.log(pole)))))
    response = (1 - pole) ** 2 * (index + 1) * pole**index
    size = 1 << (len(signal) + len(response)).bit_length()
    return np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[: len(signal)]


def band(rng: np.random.Generator, centre_hz: float, count: int, octaves: float = 1.0,
         sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Noise of standard deviation 1 around a frequency."""
    hertz = np.fft.rfftfreq(count, 1 / sample_rate)
    shape = np.exp(-0.5 * (np.log2(np.maximum(hertz, 1.0) / centre_hz) / octaves) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * shape, count)
    return noise / (noise.std() + 1e-9)


def blade_hiss(rng: np.random.Generator, time: np.ndarray, strength: np.ndarray, centre_hz: float) -> np.ndarray:
    """A blade that glides: noise that follows a (T,) strength of about 0 to 1."""
    count = round(float(time[-1]) * SAMPLE_RATE)
    envelope = np.interp(np.arange(count) / SAMPLE_RATE, time, np.maximum(strength, 0.0))
    knots = np.arange(0, count + 240, 240)
    flutter = 1 + 0.25 * np.interp(np.arange(count), knots, rng.standard_normal(len(knots)))
    return (0.035 * envelope * flutter * band(rng, centre_hz, count, 0.8)).astype(np.float32)


def _flap(event: Event, rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """One beat of a pair of wings: a puff of low noise with a short rustle."""
    time = np.arange(round(0.16 * sample_rate)) / sample_rate
    puff = band(rng, 420, len(time), 0.9, sample_rate) * np.exp(-time / 0.035) * np.minimum(time / 0.006, 1.0)
    rustle = band(rng, 3000, len(time), 0.8, sample_rate) * np.exp(-time / 0.018) * np.minimum(time / 0.003, 1.0)
    return (0.10 * event.strength * (puff + 0.35 * rustle)).astype(np.float32)
