"""People: somebody of a person's size who crosses the picture, and whose planted feet stand still.

A foot on the ground is a streak in the picture of columns against time that the lowest part of a figure makes: upright
where the foot stands, slanted where it slides. Its front is the tip of the shoe, which stays where it is while the heel
comes down and rises again.

Legend: T frames, H W pixels; x right and y down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..regions import dilate, regions
from .background import is_shadow
from .measures import Verdict
from .tracker import Tracking

TALL_SHARE, SLENDER, AREA_SHARE = 0.25, 1.1, 0.012      # of the picture's height; height over width; of its area
LEAST_SEEN, WAY_SHARE = 16, 0.09    # frames; of the picture's width
MOST_CHANGED = 0.5                  # of the picture: then the camera moves
MOST_CUT = 0.1                      # of the frames: then the picture's lower side cuts the feet off
PERSON_M = 1.7                      # a person's height, which gives the scale
SOLE_SHARE, LEAST_SOLE = 0.05, 3    # of the height, pixels: the lowest part of a figure
STANCE_S, LEAST_WIDE = 0.29, 3      # s, columns: what stays so long over a spot stands; a swinging foot doesn't
CORE = (0.15, 0.85)                 # part of a stance in which the foot is flat
MOST_SLIP = 0.22                    # m/s: what the rolling of a true foot looks like at most
WALKS = r"\b(walk|stroll|stride|strut|trudge|sneak|creep|run|jog|sprint)(s|ing|ning)?\b|\bis running\b"
CAMERA_GOES = r"followed by the camera|camera (follows|following|pans|orbits|moves)"
TO_THE = (("right", r"to(ward|wards)? the right|from (the )?left|left to right"),
          ("left", r"to(ward|wards)? the left|from (the )?right|right to left"))


@dataclass(frozen=True)
class Figure:
    """Somebody in the picture: nan where nobody is seen.

    Attributes:
        x: (T,) the middle.
        top, bottom: (T,) rows of the crown and of the soles, exclusive below.
        mask: (T, H, W) bool.
    """

    x: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    mask: np.ndarray

    @property
    def height(self) -> float:
        """The usual height in pixels."""
        return float(np.nanmedian(self.bottom - self.top))


def asked_way(prompt: str) -> str | None:
    """Which way ("left" or "right") a prompt has somebody walk or run in the picture, "" where it names none or the
    camera goes along, None if nobody walks."""
    text = " ".join(prompt.lower().split())
    if not re.search(WALKS, text):
        return None
    if re.search(CAMERA_GOES, text):
        return ""
    ways = [way for way, pattern in TO_THE if re.search(pattern, text)]
    return ways[0] if len(ways) == 1 else ""


def find_figure(frames: np.ndarray, tracking: Tracking) -> Figure | None:
    """The upright figure of frames (T, H, W, 3) without its shadow; None if there is none or the camera moves."""
    things = tracking.layers.things
    if things.mean((1, 2)).max() > MOST_CHANGED:
        return None
    found = regions(dilate(things))
    width, height = tracking.size
    wide, high = (found.box[:, 2:] - found.box[:, :2]).T
    upright = (high > TALL_SHARE * height) & (high > SLENDER * wide) & (found.area > AREA_SHARE * width * height)
    x, top, bottom = np.full((3, len(things)), np.nan)
    mask = np.zeros_like(things)
    for t in range(len(things)):
        here = np.flatnonzero(upright & (found.frame == t))
        if len(here):
            mask[t] = (found.labels[t] == here[found.area[here].argmax()]) & things[t]
            mask[t] &= ~is_shadow(frames[t], tracking.layers.background)
            rows, columns = np.nonzero(mask[t])
            x[t], top[t], bottom[t] = columns.mean() + 0.5, rows.min(), rows.max() + 1
    return Figure(x, top, bottom, mask) if np.isfinite(x).sum() >= LEAST_SEEN else None


def walking(frames: np.ndarray, tracking: Tracking, frame_rate: float) -> Verdict:
    """Where somebody goes ("left", "right", "" or None for nobody), and whether the planted feet stand still."""
    figure = find_figure(frames, tracking)
    if figure is None:
        return Verdict(None, {"way": None})
    seen = figure.x[np.isfinite(figure.x)]
    step = float(np.median(seen[-5:]) - np.median(seen[:5]))
    way = "" if abs(step) < WAY_SHARE * tracking.size[0] else "right" if step > 0 else "left"
    shows_feet = np.mean(figure.bottom[np.isfinite(figure.bottom)] >= tracking.size[1]) < MOST_CUT
    slips = slip_speeds(figure, tracking.size[0], frame_rate, 1 if step > 0 else -1) if way and shows_feet else []
    slip = float(np.median(slips)) if len(slips) >= 2 else None
    return Verdict(None if slip is None else abs(slip) <= MOST_SLIP, {"way": way, "slip": slip, "stances": len(slips)})


def slip_speeds(figure: Figure, width: int, frame_rate: float, way: int) -> list[float]:
    """How fast a standing foot moves in the figure's way, in m/s, for each whole stance: its tip or its heel, whichever
    stays better, since heels rise, and the other foot passes.

    Source of the slope: P. K. Sen 1968, "Estimates of the Regression Coefficient Based on Kendall's Tau".
    """
    sole = max(LEAST_SOLE, round(SOLE_SHARE * figure.height))
    streaks = np.zeros((len(figure.x), width), bool)
    for t in np.flatnonzero(np.isfinite(figure.bottom)):
        bottom = int(figure.bottom[t])
        streaks[t] = figure.mask[t, bottom - sole: bottom].any(0)
    least = round(STANCE_S * frame_rate)
    found = regions(_lasting(streaks, least)[None], diagonal=False)
    speeds = []
    for number, (left, top, right, bottom) in enumerate(found.box):
        if bottom - top < least or right - left < LEAST_WIDE or left == 0 or right == width:
            continue
        first, last = (top + round(share * (bottom - top - 1)) for share in CORE)
        ends = np.array([_foot(streaks[t], found.labels[0, t] == number) for t in range(first, last + 1)], float)
        slope = min((_slope(edge) for edge in ends.T), key=abs)
        speeds.append(float(way * slope * frame_rate * PERSON_M / figure.height))
    return speeds


def _foot(taken: np.ndarray, core: np.ndarray) -> tuple[int, int]:
    """First and last column of the unbroken stretch of (W,) that is taken around a core."""
    columns = np.flatnonzero(core)
    free = np.flatnonzero(~taken)
    before, after = free[free < columns[0]], free[free > columns[-1]]
    return int(before[-1]) + 1 if len(before) else 0, int(after[0]) - 1 if len(after) else len(taken) - 1


def _slope(values: np.ndarray) -> float:
    """The median of the slopes between all pairs of (n,) values, n > 1."""
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))


def _lasting(streaks: np.ndarray, least: int) -> np.ndarray:
    """(T, W) bool: what is taken for so many frames without a break."""
    count = len(streaks)
    total = np.pad(streaks.cumsum(0), ((1, 0), (0, 0)))
    full = total[least:] - total[:-least] == least                           # (T - least + 1, W)
    kept = np.zeros_like(streaks)
    for start in range(least):
        kept[start: start + count - least + 1] |= full
    return kept
