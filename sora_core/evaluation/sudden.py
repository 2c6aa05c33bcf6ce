"""What happens from one frame to the next and can't: a thing is there, gone, or of another colour at once.

Tracks tell this only of things that are apart. Here whole regions of pixels are compared, so that it is seen as well of
two things that touch, and of things whose outline can't be told from their shadow.

Legend: T frames, H W pixels; colours are sRGB in [0, 1].
"""

from __future__ import annotations

import numpy as np

from ..regions import Regions, dilate, erode, regions
from .background import SMALLEST_SHARE, difference
from .tracker import Tracking, tone

LEAST_AREA = 1.6 * SMALLEST_SHARE   # of the picture: less may be a highlight, or a rim that is lost
FILL, LENGTH = 0.55, 2.2            # of its box at least, and times as long as broad at most: a thing, not a crescent
MOVED_SHARE = 0.3                   # of what is lost: if so much is won elsewhere, it has moved
LASTING_SHARE, EVEN_SHARE = 0.6, 0.25       # of the region: the step of the whole area, its unrest before and after
FRAMES = 4                          # before and after a step
HUE_STEP, LIKE = 0.13, 0.09         # in the tracker's coordinates
PLAIN_CHANGE, CHANGED_SHARE = 0.07, 0.5     # of a range of 1, of the region's pixels


def sudden_changes(frames: np.ndarray, tracking: Tracking) -> list[str]:
    """The faults "vanishes at once", "appears at once" and "changes colour at once" of a clip, each once.

    Args:
        frames: (T, H, W, 3) float32.
        tracking: what was tracked in them.
    """
    things = tracking.layers.things
    checks = {"vanishes at once": _vanishes(frames, things),
              "appears at once": _vanishes(frames[::-1], things[::-1]),
              "changes colour at once": _recoloured(frames, things)}
    return [name for name, found in checks.items() if found]


def _compact(found: Regions, least: float) -> np.ndarray:
    """Numbers of the regions that are large and broad enough to be things."""
    wide, high = (found.box[:, 2:] - found.box[:, :2]).T
    good = (found.area >= least) & (found.area >= FILL * wide * high)
    return np.flatnonzero(good & (np.maximum(wide, high) <= LENGTH * np.minimum(wide, high)))


def _vanishes(frames: np.ndarray, things: np.ndarray) -> bool:
    """Whether from one frame to the next a whole thing of a (T, H, W) mask is gone for good, and none has moved: the
    picture has changed there, so that it isn't only taken for its shadow now."""
    count, least = len(things), LEAST_AREA * things[0].size
    areas = things.sum((1, 2))
    steps = np.flatnonzero(areas[:-1] - areas[1:] > LASTING_SHARE * least) + 1
    for t in steps[(steps >= FRAMES) & (steps <= count - FRAMES)]:
        lost = erode(things[t - 1] & ~dilate(things[t], 2))
        won = int((things[t] & ~dilate(things[t - 1], 2)).sum())
        found = regions(dilate(lost)[None] & things[t - 1])
        before, after = areas[t - FRAMES: t], areas[t: t + FRAMES]
        for number in _compact(found, least):
            area = found.area[number]
            place = found.labels[0] == number
            changed = difference(frames[t][place], frames[t - 1][place]) > PLAIN_CHANGE
            if (changed.mean() > CHANGED_SHARE and won < MOVED_SHARE * area
                    and np.median(before) - np.median(after) > LASTING_SHARE * area
                    and np.ptp(before) < EVEN_SHARE * area and np.ptp(after) < EVEN_SHARE * area):
                return True
    return False


def _recoloured(frames: np.ndarray, things: np.ndarray) -> bool:
    """Whether from one frame to the next a whole thing has another hue, one that nothing had before."""
    least = LEAST_AREA * things[0].size
    changed = things[1:] & things[:-1]
    changed[changed] = difference(frames[1:][changed], frames[:-1][changed]) > PLAIN_CHANGE
    for t in np.flatnonzero(changed.sum((1, 2)) > least) + 1:
        mask = changed[t - 1].copy()
        step = tone(frames[t][mask]) - tone(frames[t - 1][mask])
        mask[mask] = np.linalg.norm(step[:, 1:], axis=-1) > HUE_STEP
        found = regions(dilate(erode(mask))[None] & mask)
        for number in _compact(found, least):
            place = found.labels[0] == number
            new = np.median(tone(frames[t][place]), axis=0)
            had, has = (int((np.linalg.norm(tone(frames[s][things[s]]) - new, axis=-1) < LIKE).sum())
                        for s in (t - 1, t))
            if has - had > LASTING_SHARE * found.area[number]:
                return True
    return False
