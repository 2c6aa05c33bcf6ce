"""Stains: what a thing leaves behind where it was at first, faint, without an edge, and standing still.

Generated clips keep a ghost of their first frames. Such a place is not a thing, and isn't counted as one; it is
measured against the rows to both sides of it, which a floor or a wall goes on with.

Legend: T frames, H W pixels; colours are sRGB in [0, 1].
"""

from __future__ import annotations

import numpy as np

from ..regions import dilate
from .background import inpaint
from .measures import Verdict
from .tracker import Tracking

FIRST_FRAMES, LAST_FRAMES = 16, 24
LEAST_SHARE = 0.006                 # of the picture's area that things left
AWAY, AROUND = 4, 3                 # pixels from a thing and from the place that it left
SIDE = 5                            # of the square over which a difference is averaged
MOST = 18.0                         # of 255: textures alone do so much on 3 % of true clips


def stains(frames: np.ndarray, tracking: Tracking) -> Verdict:
    """How different the places that things left are from what is beside them: the median over their pixels, of 255.

    Not shown (None) where nothing was uncovered.
    """
    things = tracking.labels >= 0
    covered = dilate(things[-LAST_FRAMES:].any(0), AWAY)
    left = dilate(things[:FIRST_FRAMES].any(0)) & ~covered
    if left.mean() < LEAST_SHARE:
        return Verdict(None, {})
    hole = dilate(left, AROUND)
    rows = np.flatnonzero(dilate(hole, SIDE).any(1))
    band = slice(rows[0], rows[-1] + 1)                         # nothing else is looked at
    late = np.median(frames[-LAST_FRAMES:, band], axis=0)
    rest = late - inpaint(late, hole[band])
    contrast = float(255 * np.median(np.abs(_mean(rest)).max(-1)[left[band]]))
    return Verdict(contrast < MOST, {"contrast": contrast, "share": float(left.mean())})


def _mean(picture: np.ndarray) -> np.ndarray:
    """Means of a (H, W, C) picture over squares of `SIDE` pixels."""
    reach = SIDE // 2
    total = np.pad(picture, ((reach + 1, reach), (reach + 1, reach), (0, 0)), mode="edge").cumsum(0).cumsum(1)
    return (total[SIDE:, SIDE:] - total[:-SIDE, SIDE:] - total[SIDE:, :-SIDE] + total[:-SIDE, :-SIDE]) / SIDE**2
