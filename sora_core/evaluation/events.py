"""What happens to the tracked things: flights, impacts, meetings, rests.

Legend: T frames; metres and seconds in the upright plane of the scene, x right, z up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .geometry import GRAVITY, Camera
from .scale import footing, scaled
from .tracker import Track, Tracking

KICK = 0.42                         # m/s: a sudden change of velocity that the trackers see surely
CLEAR_KICK = 0.9                    # m/s: one that anybody sees
TOUCHING = 1.22                     # of the sum of two radii
FIT_FRAMES = 7
PULLS = tuple(-GRAVITY * share for share in (0.0, 0.25, 0.5, 0.75, 1.0, 1.25))
BRAKES = (0.0, -7.0, -4.5, -2.0, 2.0, 4.5, 7.0)      # m/s^2: what slides is braked by friction, without a blow
BRAKE_DOUBT = 4.0                   # times better than an even way it must fit
LEAST_FLIGHT = 5                    # frames that make a parabola
REST_SPEED = 0.10                   # m/s


@dataclass(frozen=True)
class Impact:
    """A sudden change of velocity of one thing: when, how (m/s), on what ("floor", "wall" or "thing")."""

    time_s: float
    thing: int
    kick_x: float
    kick_z: float
    on: str
    other: int = -1
    before: tuple[float, float] = (0.0, 0.0)
    after: tuple[float, float] = (0.0, 0.0)
    is_exact: bool = True           # seen whole around it, not reckoned from a part

    @property
    def kick(self) -> float:
        """Change of speed in m/s."""
        return float(np.hypot(self.kick_x, self.kick_z))


@dataclass(frozen=True)
class Flight:
    """A stretch of free flight of one thing: frames first..last, its parabola's acceleration and fit."""

    thing: int
    first: int
    last: int
    acceleration: float             # m/s^2 upwards, -9.81 on Earth
    error: float                    # its standard error from the fit
    residual: float                 # m
    rise: float                     # m between its lowest and highest point


@dataclass(frozen=True)
class Course:
    """One thing in metres; nan where it is not seen whole."""

    x: np.ndarray
    z: np.ndarray
    per_pixel: np.ndarray
    radius: float
    is_exact: np.ndarray            # (T,) bool: seen whole, not reckoned from a part
    impacts: tuple[Impact, ...] = field(default=())
    flights: tuple[Flight, ...] = field(default=())


def courses(tracking: Tracking, camera: Camera, frame_rate: float) -> list[Course]:
    """The course of each track, with its impacts and flights: first in the middle plane, then where they most probably
    are, and as large."""
    first = _courses(tracking, camera, [0.0] * len(tracking.tracks), frame_rate)
    stands = [footing(item, camera, frame_rate, has_hit=any(impact.on == "floor" for impact in course.impacts))
              for item, course in zip(tracking.tracks, first, strict=True)]
    if not any(stands):
        return first
    better, depths = scaled(camera, stands)
    return _courses(tracking, better, depths, frame_rate)


def _courses(tracking: Tracking, camera: Camera, depths: list[float], frame_rate: float) -> list[Course]:
    placed = [_place(item, camera, depth, tracking.size) for item, depth in zip(tracking.tracks, depths, strict=True)]
    found = []
    for number, (x, z, per_pixel) in enumerate(placed):
        scale = float(np.nanmedian(per_pixel)) if np.isfinite(per_pixel).any() else 0.0
        item = tracking.tracks[number]
        found.append(Course(x, z, per_pixel, item.radius * scale, item.seen & ~item.cut & ~item.torn))
    full = []
    for number, course in enumerate(found):
        impacts = _impacts(number, found, tracking, frame_rate)
        flights = _flights(number, course, impacts, frame_rate)
        full.append(replace(course, impacts=tuple(impacts), flights=tuple(flights)))
    return full


def _place(item: Track, camera: Camera, depth_m: float,
           size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A track in metres; of a thing that one side of the picture cuts, the middle is reckoned from what is left."""
    left, top, right, bottom = item.box.T
    whole = item.seen & ~item.cut
    radius = 0.5 * float(np.median((bottom - top)[whole])) if whole.sum() > 2 else item.radius
    at_side = item.cut & ((left == 0) ^ (right == size[0])) & (top > 0) & (bottom < size[1])
    at_side &= (right - left > 0.8 * radius) & (bottom - top > 1.4 * radius)
    at_top = item.cut & (top == 0) & (left > 0) & (right < size[0]) & (bottom > 0.8 * radius)
    x = np.where(at_side, np.where(left == 0, right - radius, left + radius), item.x)
    y = np.where(at_side, 0.5 * (top + bottom), np.where(at_top, bottom - radius, item.y))
    good = whole | at_side | at_top
    return camera.to_metres(np.where(good, x, np.nan), np.where(good, y, np.nan), depth_m)


def _impacts(number: int, found: list[Course], tracking: Tracking, frame_rate: float) -> list[Impact]:
    """Impacts of one thing: peaks of the kink between what came before and what came after."""
    course = found[number]
    x, z = course.x, course.z
    count = len(x)
    kinks = np.zeros((count, 2))
    for t in range(2, count - 2):
        if np.isfinite(z[t - 2: t + 3]).all():
            # Second differences over one and over two frames agree for a parabola and differ at a kink.
            kinks[t] = [_second(values, t) * frame_rate for values in (x, z)]
    kick = np.hypot(kinks[:, 0], kinks[:, 1] + GRAVITY / frame_rate * _airborne(z, course.radius))
    peaks = [t for t in range(2, count - 2) if kick[t] >= KICK and kick[t] == kick[t - 2: t + 3].max()]
    impacts = [_measure(number, t, found, tracking, frame_rate, peaks) for t in peaks]
    return [impact for impact in impacts if impact is not None]


def _second(values: np.ndarray, t: int) -> float:
    return float(values[t + 1] - 2 * values[t] + values[t - 1])


def _airborne(z: np.ndarray, radius: float) -> np.ndarray:
    """(T,) 1 where a thing is surely above where it rests, else 0."""
    floor = np.nanquantile(z, 0.05) if np.isfinite(z).any() else 0.0
    return (np.nan_to_num(z, nan=-9.0) > floor + 0.3 * radius).astype(float)


def _measure(number: int, t: int, found: list[Course], tracking: Tracking, frame_rate: float,
             peaks: list[int]) -> Impact | None:
    """Fit what is before and after frame t, and meet in between."""
    course = found[number]
    earlier = max([p for p in peaks if p < t], default=-1)
    later = min([p for p in peaks if p > t], default=len(course.z))
    before = _stretch(course, range(t - 1, max(earlier, t - 1 - FIT_FRAMES), -1))
    after = _stretch(course, range(t + 1, min(later, t + 1 + FIT_FRAMES)))
    if len(before) < 2 or len(after) < 2:
        return None
    now = t / frame_rate
    lines = []
    for axis, values in (("x", course.x), ("z", course.z)):
        for frames in (before, after):
            lines.append(_line(frames / frame_rate - now, values[frames], is_vertical=axis == "z"))
    (x0, vx0, _), (x1, vx1, _), (z0, vz0, a0), (z1, vz1, a1) = lines
    kick_x, kick_z = vx1 - vx0, vz1 - vz0
    if np.hypot(kick_x, kick_z) < KICK:
        return None
    if abs(kick_z) >= abs(kick_x):
        shift = _meet(z0 - z1, vz0 - vz1, 0.5 * (a0 - a1), 1.6 / frame_rate)
    else:
        shift = float(np.clip(-(x0 - x1) / (vx0 - vx1), -1.6 / frame_rate, 1.6 / frame_rate))
    time_s = now + shift
    vz_in, vz_out = vz0 + a0 * shift, vz1 + a1 * shift
    on, other = _what(number, t, found, tracking, kick_x, vz_out - vz_in)
    exact = bool(course.is_exact[max(t - 2, 0): t + 3].all())
    return Impact(time_s, number, kick_x, vz_out - vz_in, on, other, (vx0, vz_in), (vx1, vz_out), exact)


def _stretch(course: Course, frames: range) -> np.ndarray:
    """Frames up to the first one where the thing isn't seen."""
    kept = []
    for t in frames:
        if t < 0 or t >= len(course.z) or not np.isfinite(course.z[t]):
            break
        kept.append(t)
    return np.array(sorted(kept), dtype=int)


def _line(times: np.ndarray, values: np.ndarray, *, is_vertical: bool) -> tuple[float, float, float]:
    """Place, speed and acceleration at time 0: up and down that of a fall or a rest, sideways mostly none."""
    if len(times) < 2:
        return float(values[0]), 0.0, 0.0
    pulls = (PULLS if len(times) > 4 else (0.0, -GRAVITY)) if is_vertical else BRAKES if len(times) > 4 else (0.0,)
    if len(times) < 3:
        pulls = (0.0,)
    best = None
    for pull in pulls:
        speed, place = np.polyfit(times, values - 0.5 * pull * times**2, 1)
        left = np.square(values - 0.5 * pull * times**2 - place - speed * times).sum()
        left *= 1.0 if is_vertical or pull == 0 else BRAKE_DOUBT
        if best is None or left < best[0]:
            best = (left, float(place), float(speed), pull)
    return best[1], best[2], best[3]


def _meet(constant: float, linear: float, square: float, reach: float) -> float:
    """The root nearest to 0 of constant + linear t + square t^2, within reach."""
    roots = np.roots([square, linear, constant]) if abs(square) > 1e-9 else np.array([-constant / linear])
    real = roots[np.abs(np.imag(roots)) < 1e-6].real
    shift = real[np.argmin(np.abs(real))] if len(real) else 0.0
    return float(np.clip(shift, -reach, reach))


def _what(number: int, t: int, found: list[Course], tracking: Tracking, kick_x: float,
          kick_z: float) -> tuple[str, int]:
    """What a thing hit: the nearest other thing that it touches, else by the direction of the kick."""
    mine = tracking.tracks[number]
    for other, item in enumerate(tracking.tracks):
        if other == number:
            continue
        for s in (t, t - 1, t + 1):
            if 0 <= s < len(mine.x) and item.seen[s] and mine.seen[s]:
                away = np.hypot(item.x[s] - mine.x[s], item.y[s] - mine.y[s])
                along = abs(item.x[s] - mine.x[s]) / (away + 1e-6)
                if away < TOUCHING * (mine.radius + item.radius) and (along > 0.5 and abs(kick_x) > 0.35 * abs(kick_z)):
                    return "thing", other
    return ("floor", -1) if kick_z > 0.6 * abs(kick_x) else ("wall", -1)


def _flights(number: int, course: Course, impacts: list[Impact], frame_rate: float) -> list[Flight]:
    """Stretches between impacts in which height follows a parabola."""
    cuts = sorted({impact.time_s * frame_rate for impact in impacts})
    edges = [-1e9, *cuts, 1e9]
    flights = []
    seen = np.flatnonzero(np.isfinite(course.z))
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        frames = seen[(seen > low + 0.25) & (seen < high - 0.25)]
        for part in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1):
            flight = _flight(number, course, part, frame_rate)
            if flight is not None:
                flights.append(flight)
    return flights


def _flight(number: int, course: Course, frames: np.ndarray, frame_rate: float) -> Flight | None:
    """The longest part of a stretch, from its start, that is a fall or a throw and not a rest."""
    best = None
    for end in range(len(frames), LEAST_FLIGHT - 1, -1):
        part = frames[:end]
        times = part / frame_rate
        centred = times - times.mean()
        values = course.z[part]
        matrix = np.stack([np.ones_like(centred), centred, 0.5 * centred**2], 1)
        solution, *_ = np.linalg.lstsq(matrix, values, rcond=None)
        left = values - matrix @ solution
        sigma = max(float(np.sqrt((left**2).sum() / max(len(part) - 3, 1))), 8e-4)
        error = sigma * float(np.sqrt(np.linalg.inv(matrix.T @ matrix)[2, 2]))
        rise = float(np.ptp(values))
        if solution[2] < -2.0 and sigma < 0.010 + 0.03 * rise and rise > 0.03 and error < 0.35 * abs(solution[2]):
            best = Flight(number, int(part[0]), int(part[-1]), float(solution[2]), error, sigma, rise)
            break
    return best
