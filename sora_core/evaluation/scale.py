"""How large a clip is: the camera, and how far behind the middle each thing moves, most probable for what is seen.

The world's cameras and things have known sizes, each within some percent. A thing that lies on the floor says more:
its row says how far away it is, its radius how large it then must be. All of it together is a least squares problem of
two numbers for the camera and two for each thing, solved for each choice of the sizes that things come in.

Legend: n things; metres; pixels.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from .geometry import Camera
from .tracker import Track

SIZES_M = (0.180, 0.235, 0.300)     # radii that things come in; a box's half edge is 0.9 of them
BOX_SHARE = 0.9
PITCH_DEG, SPAN, DEPTH_M, SIZE = 1.15, 0.029, 0.10, 0.029       # standard deviations of the world's draws
ROW_PIXELS = 0.8
ROUND_RADIUS, BOX_RADIUS = 0.025, 0.09      # relative standard deviations of the measured radius
BOX_DISC = 1.22                     # radius of the disc that a box looks as large as, over its half edge
FLOOR_M, STILL_M_S = 0.03, 0.25
LEAST_FRAMES = 3
WORST = 4.0                         # of the sum of squares for each thing: beyond, what was seen isn't believed
STEPS, NUDGE = 4, 1e-4


@dataclass(frozen=True)
class Footing:
    """A thing on the floor: its middle (x, y) and radius in pixels, and whether it is round."""

    x: float
    y: float
    radius: float
    is_round: bool

    @property
    def disc(self) -> float:
        """Radius of the disc that it looks as large as, over its own radius or half edge."""
        return 1.0 if self.is_round else BOX_DISC


def footing(item: Track, camera: Camera, frame_rate: float, *, has_hit: bool) -> Footing | None:
    """Where a thing stands on the floor, or None if it never surely does.

    Args:
        has_hit: whether it hit the floor.
    """
    good = item.whole if item.disc is None else item.whole & np.isfinite(item.disc)
    if good.sum() < 2 * LEAST_FRAMES:
        return None
    height = np.where(good, camera.to_metres(item.x, item.y)[1], np.nan)
    low = good & (height < np.quantile(height[good], 0.05) + FLOOR_M)
    speed = np.abs(np.gradient(height)) * frame_rate
    if not has_hit and (speed[low] < STILL_M_S).sum() < LEAST_FRAMES or low.sum() < 2:
        return None
    radius = np.sqrt(item.area / np.pi) if item.disc is None else item.disc
    return Footing(*(float(np.median(values[low])) for values in (item.x, item.y, radius)), item.disc is not None)


def scaled(camera: Camera, things: list[Footing | None]) -> tuple[Camera, list[float]]:
    """The most probable camera, and for each thing its depth in metres behind the middle of the scene.

    Source: maximum a posteriori by Gauss and Newton's steps, C. M. Bishop 2006, Pattern Recognition and Machine
    Learning, section 3.3; nonlinear as in J. Nocedal, S. Wright 2006, Numerical Optimization, section 10.3.
    """
    known = [thing for thing in things if thing is not None]
    best, solution = WORST * (len(known) + 1), np.zeros(2 + 2 * len(known))
    for sizes in itertools.product(*(_sizes(camera, thing) for thing in known)) if known else ():
        values = np.concatenate([np.zeros(2), *([0.0, size] for size in sizes)])
        for _ in range(STEPS):
            now = _residuals(values, camera, known, sizes)
            slopes = [(_residuals(values + NUDGE * unit, camera, known, sizes) - now) / NUDGE
                      for unit in np.eye(len(values))]
            values = values - np.linalg.lstsq(np.stack(slopes, 1), now, rcond=None)[0]
        cost = float((_residuals(values, camera, known, sizes) ** 2).sum())
        if cost < best:
            best, solution = cost, values
    depths = iter(solution[2::2])
    return _moved(camera, solution), [0.0 if thing is None else float(next(depths)) for thing in things]


def _sizes(camera: Camera, thing: Footing) -> list[float]:
    """Logarithms of the two sizes that a thing may have."""
    per_pixel = float(camera.to_metres(np.array(thing.x), np.array(thing.y))[2])
    sizes = np.log(np.array(SIZES_M) * (1.0 if thing.is_round else BOX_SHARE))
    return list(sizes[np.argsort(np.abs(sizes - math.log(thing.radius * per_pixel / thing.disc)))[:2]])


def _moved(camera: Camera, values: np.ndarray) -> Camera:
    return replace(camera, pitch_deg=camera.pitch_deg + float(values[0]), stretch=math.exp(values[1]))


def _residuals(values: np.ndarray, camera: Camera, things: list[Footing], sizes: tuple[float, ...]) -> np.ndarray:
    """What is unlikely about a choice, in standard deviations: draws of the world, rows and radii."""
    moved = _moved(camera, values)
    found = [values[0] / PITCH_DEG, values[1] / SPAN]
    for number, thing in enumerate(things):
        depth, log_size = values[2 + 2 * number: 4 + 2 * number]
        size = math.exp(log_size)
        _, height, per_pixel = (float(v) for v in moved.to_metres(np.array(thing.x), np.array(thing.y), depth))
        away = per_pixel / camera.radians_per_pixel
        looks = thing.disc * size / per_pixel / math.sqrt(max(1 - (size / away) ** 2, 0.5))
        found += [depth / DEPTH_M, (log_size - sizes[number]) / SIZE, (height - size) / per_pixel / ROW_PIXELS,
                  math.log(thing.radius / looks) / (ROUND_RADIUS if thing.is_round else BOX_RADIUS)]
    return np.array(found)
