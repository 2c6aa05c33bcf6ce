"""Shots at a basket: where the hoop hangs, whether the ball goes through it, and whether it gets there lawfully.

The hoop is found in the background by its net, which is as wide as three balls and full of fine detail, unlike walls,
floors and boards. A made shot sinks from above the rim to below the net between the net's sides; any other way down is
a miss. A ball that leaps to another place cheats. Whether one flies through the board isn't told: the board is seen
aslant.

Legend: T frames, H W pixels; x right and y down; lengths in radii of the ball where they are called shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..wishes import MADE, MISSED, asked_shot
from .measures import Verdict
from .tracker import Track, Tracking

NET_WIDE, NET_HIGH = 3.2, 1.75      # radii of the ball
LEAST_DETAIL = 0.022                # of a range of 1, in each ninth of the net
DETAIL_PIXELS = 5
LEAST_SEEN, LEAST_WAY = 12, 0.15    # frames; of the picture's height: what is a shot
ABOVE_SHARE, ASIDE_SHARE = 0.3, 1.0         # radii above the rim; half widths of the net beside its middle
LEAP_SHARE = 0.95                   # radii further than in the frames before and after: what no ball moves in a frame


@dataclass(frozen=True)
class Hoop:
    """The net under a rim: middle, top and bottom, and half its width, in pixels."""

    x: float
    top: float
    bottom: float
    half: float


def asked_outcome(prompt: str) -> str | None:
    """"made" or "missed" where a prompt is about a shot at a basket and says so, else None."""
    return {MADE: "made", MISSED: "missed"}.get(asked_shot(prompt))


def find_hoop(background: np.ndarray, radius: float) -> Hoop | None:
    """The net in a background (H, W, 3) that hangs there for a ball of this radius, or None."""
    detail = np.abs(background - _box_mean(background, DETAIL_PIXELS, DETAIL_PIXELS)).max(-1)[..., None]
    wide, high = max(3, round(NET_WIDE * radius / 3)), max(2, round(NET_HIGH * radius / 3))
    height, width = detail.shape[:2]
    if 3 * wide > width or 3 * high > height:
        return None
    cells = _sums(detail, high, wide)[..., 0] / (wide * high)               # (H - high + 1, W - wide + 1)
    rows, columns = height - 3 * high + 1, width - 3 * wide + 1
    ninths = np.stack([cells[r * high: r * high + rows, c * wide: c * wide + columns]
                       for r in range(3) for c in range(3)])
    score = ninths.min(0)
    top, left = np.unravel_index(int(score.argmax()), score.shape)
    if score[top, left] < LEAST_DETAIL:
        return None
    return Hoop(left + 1.5 * wide, float(top), top + 3.0 * high, 1.5 * wide)


def shot(tracking: Tracking) -> Verdict:
    """How a shot at a basket ends ("made", "missed" or None where it can't be told), and whether it is lawful."""
    ball = _ball(tracking)
    if ball is None:
        return Verdict(None, {"outcome": None})
    radius = ball.radius if ball.disc is None else float(np.nanmedian(ball.disc))
    hoop = find_hoop(tracking.layers.background, radius)
    if hoop is None:
        return Verdict(None, {"outcome": None})
    faults = ["leaps"] if _leaps(ball, radius) else []
    return Verdict(not faults, {"outcome": outcome(ball.x, ball.y, radius, hoop), "faults": faults})


def outcome(x: np.ndarray, y: np.ndarray, radius: float, hoop: Hoop) -> str | None:
    """How the way of a ball (T,) ends, nan where it isn't seen."""
    seen = np.flatnonzero(np.isfinite(x))
    above = seen[y[seen] < hoop.top - ABOVE_SHARE * radius]
    if not len(above):
        return "missed" if len(seen) else None
    after = seen[seen > above[-1]]
    below = after[y[after] > hoop.bottom]
    if not len(below):
        return "missed" if len(after) < 3 else None
    way = after[after <= below[0]]
    aside = np.abs(x[way] - hoop.x) / hoop.half
    start = abs(x[above[-1]] - hoop.x) / hoop.half
    return "made" if aside.max() < ASIDE_SHARE and start < ASIDE_SHARE + radius / hoop.half else "missed"


def _ball(tracking: Tracking) -> Track | None:
    """The round thing that moves most, or else the one that moves most."""
    moving = [item for item in tracking.tracks if item.seen.sum() >= LEAST_SEEN
              and np.ptp(item.y[item.seen]) > LEAST_WAY * tracking.size[1]]
    round_ones = [item for item in moving if item.disc is not None]
    return max(round_ones or moving, key=lambda item: np.ptp(item.y[item.seen]), default=None)


def _leaps(ball: Track, radius: float) -> bool:
    """Whether it is at another place at once, further than it moves before and after."""
    steps = np.hypot(np.diff(ball.x), np.diff(ball.y))
    for t in range(3, len(steps) - 3):
        around = np.concatenate([steps[t - 3: t], steps[t + 1: t + 4]])
        if np.isfinite(steps[t]) and np.isfinite(around).sum() >= 4 and not ball.cut[t: t + 2].any() and (
                steps[t] > np.nanmax(around) + LEAP_SHARE * radius):
            return True
    return False


def _sums(values: np.ndarray, high: int, wide: int) -> np.ndarray:
    """Sums of a (H, W, C) array over all windows, (H - high + 1, W - wide + 1, C)."""
    total = np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0), (0, 0)))
    return total[high:, wide:] - total[:-high, wide:] - total[high:, :-wide] + total[:-high, :-wide]


def _box_mean(picture: np.ndarray, high: int, wide: int) -> np.ndarray:
    """A (H, W, C) picture, each pixel the mean of those around it."""
    above, left = high // 2, wide // 2
    padded = np.pad(picture, ((above, high - 1 - above), (left, wide - 1 - left), (0, 0)), mode="edge")
    return (_sums(padded, high, wide) / (high * wide)).astype(np.float32)
