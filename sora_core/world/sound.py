"""The sound of a simulated clip, made from its own contacts: modal synthesis, friction noise, room and reverberation.

Every touch excites both bodies: a few damped sinusoids each (pitch by size, ring and spectrum by material) and a short
burst of noise, louder and brighter with the impulse. All clips share one loudness scale, so that loudness means force.

Source: K. van den Doel, P. G. Kry, D. K. Pai, "FoleyAutomatic", SIGGRAPH 2001, sections 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .air import air_bed
from .noises import noises
from .record import FRICTION_RATE_HZ, ClipRecord
from .signals import band_noise, convolve, low_pass

REFERENCE_RADIUS_M = 0.15
REFERENCE_IMPULSE_NS = 8.0
"""Impulse that gives half of the greatest loudness."""
REFERENCE_FRICTION_W = 120.0
"""Friction power that gives half of the greatest loudness."""
QUIETEST_IMPULSE_NS = 2e-2
SILENT_FRICTION_W = 1.0
"""Friction power below which nothing is heard: bodies at rest creep a little in any simulation."""
KNEE = 0.6
"""Level above which a peak is rounded off towards 1; below it nothing is changed."""


@dataclass(frozen=True)
class Voice:
    """How one material answers a touch.

    Attributes:
        pitch_hz: lowest mode of a body of the reference radius.
        ratios: modes as multiples of the lowest.
        decay_s: time in which the lowest mode falls by 60 dB.
        damping: higher modes last (1 / ratio) ** damping as long.
        tilt: modes of a soft touch have the level ratio ** -tilt; a hard touch halves the exponent.
        ring: level of the modes.
        click: level of the noise burst at the touch.
        click_hz: where the burst is cut off.
        click_s: length of the burst.
        hardness: 0 soft to 1 hard; a touch is as bright as its softer side allows.
    """

    pitch_hz: float
    ratios: tuple[float, ...]
    decay_s: float
    damping: float
    tilt: float
    ring: float
    click: float
    click_hz: float
    click_s: float
    hardness: float


BODIES: dict[str, Voice] = {
    "metal": Voice(640, (1, 1.51, 2.32, 2.76, 3.9, 5.4, 6.63, 8.93, 11.3, 13.9), 1.7, 0.6, 0.45, 0.85, 0.35, 9000,
                   0.003, 1.0),
    "glass": Voice(1850, (1, 1.32, 1.83, 2.32, 2.97, 4.25, 5.1), 0.55, 0.5, 0.1, 0.8, 0.4, 11000, 0.002, 1.0),
    "wood": Voice(430, (1, 1.83, 2.57, 3.42, 4.6, 6.27, 8.1), 0.10, 0.5, 0.55, 0.95, 0.3, 4000, 0.004, 0.75),
    "plastic": Voice(880, (1, 1.47, 2.18, 2.93, 3.71, 5.12, 6.4), 0.07, 0.4, 0.35, 0.8, 0.45, 6000, 0.003, 0.65),
    "rubber": Voice(115, (1, 1.62, 2.31, 3.1, 4.02, 5.2), 0.17, 1.0, 1.1, 1.1, 0.22, 700, 0.012, 0.2),
    "resin": Voice(2100, (1, 1.62, 2.35, 3.3), 0.035, 0.4, 0.2, 0.9, 0.6, 8000, 0.002, 0.95),
    "stone": Voice(1150, (1, 1.38, 2.05, 2.71, 3.6, 4.9, 6.3), 0.06, 0.5, 0.3, 0.7, 0.7, 7000, 0.005, 1.0),
}
SURFACES: dict[str, Voice] = {
    "wood": Voice(98, (1, 1.63, 2.41, 3.52, 5.1, 7.24, 9.9), 0.24, 0.7, 0.6, 0.75, 0.25, 2500, 0.006, 0.8),
    "concrete": Voice(210, (1, 1.9, 3.3, 5.7), 0.04, 0.3, 0.3, 0.3, 0.6, 6000, 0.005, 1.0),
    "tile": Voice(1420, (1, 1.61, 2.27, 3.18, 4.4, 6.1), 0.09, 0.4, 0.1, 0.45, 0.55, 10000, 0.004, 1.0),
    "ice": Voice(1060, (1, 1.55, 2.43, 3.77, 5.3, 8.1), 0.20, 0.4, 0.2, 0.4, 0.4, 9000, 0.005, 0.95),
    "metal": Voice(260, (1, 1.58, 2.24, 2.92, 3.5, 4.6, 6.1, 8.3), 0.7, 0.6, 0.4, 0.6, 0.4, 7000, 0.004, 1.0),
    "carpet": Voice(85, (1, 1.8, 2.9), 0.09, 0.8, 1.2, 0.6, 0.4, 450, 0.018, 0.16),
    "grass": Voice(75, (1, 1.9, 3.1), 0.06, 0.8, 1.0, 0.4, 0.55, 1500, 0.030, 0.2),
    "sand": Voice(70, (1, 2.1), 0.05, 0.8, 1.2, 0.3, 0.6, 2600, 0.040, 0.1),
    "asphalt": Voice(190, (1, 1.9, 3.3, 5.7), 0.04, 0.3, 0.4, 0.3, 0.6, 5000, 0.005, 1.0),
    "dust": Voice(60, (1, 2.1), 0.05, 0.8, 1.3, 0.3, 0.55, 900, 0.035, 0.1),
    "glass": Voice(1450, (1, 1.42, 1.93, 2.52, 3.3, 4.4), 0.30, 0.5, 0.2, 0.5, 0.45, 9000, 0.003, 1.0),
    "plastic": Voice(190, (1, 1.72, 2.6, 3.7, 5.1, 6.9), 0.16, 0.6, 0.6, 0.8, 0.35, 3500, 0.004, 0.75),
    "rubber": Voice(95, (1, 1.7, 2.6), 0.10, 0.9, 1.2, 0.6, 0.35, 700, 0.014, 0.2),
    "stone": Voice(480, (1, 1.6, 2.5, 3.9), 0.05, 0.4, 0.4, 0.4, 0.6, 6000, 0.005, 1.0),
    "plaster": Voice(160, (1, 1.7, 2.6, 3.9, 5.6), 0.07, 0.5, 0.6, 0.6, 0.4, 2200, 0.006, 0.6),
}


@dataclass(frozen=True)
class Room:
    """What a place adds.

    Attributes:
        reverberation_s: time in which the tail falls by 60 dB.
        wet: level of the tail against the dry sound.
        hum_db: level of a mains hum and its overtones, dB of full scale.
        wind_db: level of low noise.
        birds_db: level of chirps.
    """

    reverberation_s: float
    wet: float
    hum_db: float = -120.0
    wind_db: float = -120.0
    birds_db: float = -120.0


ROOMS: dict[str, Room] = {
    "room": Room(0.25, 0.20, hum_db=-60, wind_db=-64),
    "gym": Room(0.80, 0.35, hum_db=-62, wind_db=-58),
    "studio": Room(0.15, 0.10, wind_db=-66),
    "yard": Room(0.30, 0.18, wind_db=-54),
    "park": Room(0.10, 0.05, wind_db=-52, birds_db=-50),
    "beach": Room(0.10, 0.04, wind_db=-46),
    "rink": Room(0.65, 0.30, hum_db=-56, wind_db=-60),
    "street": Room(0.35, 0.12, hum_db=-66, wind_db=-50),
    "moon": Room(0.08, 0.02, wind_db=-74),
}
"""What each place sounds like; a place that is not named here sounds like the room."""


def synthesise_clip(record: ClipRecord, num_samples: int = 96000, sample_rate: int = 24000) -> np.ndarray:
    """Return the sound of a clip, the same for the same record.

    Args:
        record: the truth of the clip; its seed seeds all noise.
        num_samples: length of the result.
        sample_rate: samples per second.

    Returns:
        (num_samples,) float32 in [-1, 1], mono. Each touch starts at sample ``round(time_s * sample_rate)``.
    """
    if num_samples < 1 or sample_rate < 1000:
        raise ValueError(f"num_samples={num_samples} and sample_rate={sample_rate} must be at least 1 and 1000")
    dry = _impacts(record, num_samples, sample_rate) + _friction(record, num_samples, sample_rate)
    dry += noises(record, num_samples, sample_rate)
    place = ROOMS.get(record.place, ROOMS["room"])
    tone = _room_tone(place, record.seed, num_samples, sample_rate)
    tone += air_bed(record.air, record.seed, num_samples, sample_rate)
    sound = _reverberate(dry, place, record.seed, sample_rate) + tone
    return soften_peaks(sound).astype(np.float32)


def strength(impulse_ns: float) -> float:
    """Loudness of a touch, 0 to 1: grows with the impulse, slower and slower."""
    share = (max(impulse_ns, 0.0) / REFERENCE_IMPULSE_NS) ** 0.6
    return share / (1.0 + share)


def soften_peaks(sound: np.ndarray) -> np.ndarray:
    """Round off what is louder than ``KNEE`` so that nothing passes 1; leave the rest as it is."""
    over = np.maximum(np.abs(sound) - KNEE, 0.0) / (1.0 - KNEE)
    return np.where(over > 0, np.sign(sound) * (KNEE + (1.0 - KNEE) * np.tanh(over)), sound)


def _impacts(record: ClipRecord, num_samples: int, sample_rate: int) -> np.ndarray:
    """Sum of the answers of both sides of every touch, (num_samples,)."""
    sound = np.zeros(num_samples)
    answers: dict[tuple[int, float, float], tuple[np.ndarray, np.ndarray]] = {}
    for touch in record.contacts:
        start = round(touch.time_s * sample_rate)
        if not 0 <= start < num_samples or touch.impulse_ns < QUIETEST_IMPULSE_NS:
            continue
        force = strength(touch.impulse_ns)
        voices = [_voice(touch.body_a, touch.material_a), _voice(touch.body_b, touch.material_b)]
        if touch.other == "net":
            voices = [SURFACES["carpet"]] * 2
            force *= 0.4
        if touch.other == "tank":            # under water nothing rings
            voices = [replace(voice, decay_s=min(voice.decay_s, 0.09), hardness=min(voice.hardness, 0.5))
                      for voice in voices]
            force *= 0.6
        # The softer side decides how bright a touch is and how much of the ring it chokes.
        softness = min(voice.hardness for voice in voices)
        hard = force * softness
        for body, voice in zip((touch.body_a, touch.body_b), voices, strict=True):
            key = body, voice.pitch_hz, voice.decay_s
            if key not in answers:
                radius = record.objects[body].radius_m if body >= 0 else REFERENCE_RADIUS_M
                answers[key] = _answers(voice, radius, record.seed + 7919 * (body % 1000), sample_rate)
            soft_answer, hard_answer = answers[key]
            level = force * (0.35 + 0.65 * softness if voice.hardness > softness else 1.0)
            length = min(len(soft_answer), num_samples - start)
            sound[start : start + length] += level * (1.0 - hard) * soft_answer[:length]
            sound[start : start + length] += level * hard * hard_answer[:length]
    return sound


def _voice(body: int, material: str) -> Voice:
    return (BODIES if body >= 0 else SURFACES)[material]


def _answers(voice: Voice, radius_m: float, seed: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """What a body sounds like when touched softly and hard: two (n,) arrays that start at the touch."""
    rng = np.random.default_rng(seed)
    ratios = np.asarray(voice.ratios)
    spread = 1.0 + 0.03 * rng.standard_normal(len(ratios))  # no two bodies are quite the same
    pitch = voice.pitch_hz * (REFERENCE_RADIUS_M / radius_m) ** 0.7
    hertz = pitch * ratios * spread
    weights = 10 ** (0.1 * rng.standard_normal(len(ratios)))
    kept = hertz < 0.46 * sample_rate
    hertz, ratios, weights = hertz[kept], ratios[kept], weights[kept]
    decay_s = voice.decay_s * ratios ** -voice.damping
    num = round(1.1 * voice.decay_s * sample_rate) + round(4 * voice.click_s * sample_rate)
    time = np.arange(num) / sample_rate
    modes = _damped(hertz, decay_s, num, sample_rate)  # (modes, num)
    burst = rng.standard_normal(num) * np.exp(-time / voice.click_s)
    answers = []
    for tilt, click, cutoff in ((voice.tilt, 0.6, 0.5), (0.5 * voice.tilt, 1.2, 1.2)):
        levels = weights * ratios**-tilt
        ring = (levels / np.sqrt((levels**2).sum())) @ modes
        noise = low_pass(burst, cutoff * voice.click_hz, sample_rate)
        noise *= click * voice.click / (np.abs(noise).max() + 1e-9)
        answers.append(0.5 * (voice.ring * ring + noise))
    return answers[0], answers[1]


def _damped(hertz: np.ndarray, decay_s: np.ndarray, num: int, sample_rate: int) -> np.ndarray:
    """Damped sines of level 1 that start at zero phase, (modes, num), by powers of one complex number per mode."""
    step = 2j * np.pi * hertz - np.log(1000.0) / decay_s  # natural log of 60 dB
    block = 256
    within = np.exp(step[:, None] * np.arange(block) / sample_rate)
    starts = np.exp(step[:, None] * np.arange(0, num, block) / sample_rate)
    return (starts[:, :, None] * within[:, None, :]).imag.reshape(len(hertz), -1)[:, :num]


def _friction(record: ClipRecord, num_samples: int, sample_rate: int) -> np.ndarray:
    """Rolling and sliding noise of all bodies, (num_samples,)."""
    sound = np.zeros(num_samples)
    floor = SURFACES[record.floor]
    for index, body in enumerate(record.objects):
        voice = BODIES[body.material]
        hardness = np.sqrt(voice.hardness * floor.hardness)
        rolling_hz = (180 + 500 * hardness) * (REFERENCE_RADIUS_M / body.radius_m) ** 0.5
        sliding_hz = 900 + 3200 * hardness
        for number, (rows, centre_hz, level) in enumerate((
            (record.rolling, rolling_hz, 0.05),
            (record.sliding, sliding_hz, 0.06),
        )):
            envelope = _friction_envelope(rows[index], num_samples, sample_rate)
            if not envelope.any():
                continue
            rng = np.random.default_rng([record.seed, index, number])
            sound += level * envelope * band_noise(rng, centre_hz, num_samples, sample_rate)
    return sound


def _friction_envelope(rows: np.ndarray, num_samples: int, sample_rate: int) -> np.ndarray:
    """Loudness 0 to 1 of friction power given at 96 Hz, as (num_samples,)."""
    share = np.sqrt(np.maximum(rows.astype(np.float64) - SILENT_FRICTION_W, 0.0) / REFERENCE_FRICTION_W)
    share = share / (1.0 + share)
    times = np.arange(num_samples) * (FRICTION_RATE_HZ / sample_rate)
    return np.interp(times, np.arange(len(rows)), share)


def _reverberate(dry: np.ndarray, place: Room, seed: int, sample_rate: int) -> np.ndarray:
    """Add a short exponentially decaying tail that begins 8 ms after the sound."""
    rng = np.random.default_rng([seed, 1])
    start = round(0.008 * sample_rate)
    time = np.arange(round(place.reverberation_s * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / place.reverberation_s)
    tail *= place.wet / np.sqrt((tail**2).sum())
    return dry + convolve(dry, np.concatenate([np.zeros(start), tail]))


def _room_tone(place: Room, seed: int, num_samples: int, sample_rate: int) -> np.ndarray:
    """The place when nothing happens: hum, wind and birds, each at its level of full scale (RMS)."""
    rng = np.random.default_rng([seed, 2])
    time = np.arange(num_samples) / sample_rate
    tone = 10 ** (place.wind_db / 20) * band_noise(rng, 160.0, num_samples, sample_rate)
    second = time[:sample_rate]          # whole hertz repeat after it
    hum = sum(np.sin(2 * np.pi * 50 * k * second + rng.uniform(0, 6.28)) / k for k in (2, 3, 4))
    tone += 10 ** (place.hum_db / 20) * np.resize(hum, num_samples)
    if place.birds_db > -100:
        for _ in range(rng.integers(1, 4)):
            tone += 10 ** (place.birds_db / 20) * _chirps(rng, time)
    return tone


def _chirps(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """One bird: a few short whistles that fall in pitch."""
    start, pitch = rng.uniform(0, time[-1]), rng.uniform(3000, 5200)
    sound = np.zeros_like(time)
    for number in range(rng.integers(2, 5)):
        first = np.searchsorted(time, start + 0.14 * number)
        last = np.searchsorted(time, start + 0.14 * number + 0.08)
        local = time[first:last] - start - 0.14 * number
        sound[first:last] = np.sin(2 * np.pi * (pitch * local - 4000 * local**2)) * np.sin(np.pi * local / 0.08) ** 2
    return sound
