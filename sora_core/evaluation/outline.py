"""Where the middle of a round thing is, by the upper part of its outline.

A ball's shadow joins its silhouette near the floor and pulls the silhouette's middle down; a pale lower side may be
lost and pull it up. The upper outline has neither fault: a circle through it has the ball's middle.

Legend: T frames, H W pixels, p points; x right and y down in pixels.
"""

from __future__ import annotations

import numpy as np

BELOW = 0.15                        # of the radius: so far below the middle the outline is believed
CLEAN_PIXELS, CLEAN_SHARE = 1.2, 0.94       # so near the upper circle so much of the outline lies, if nothing joins it
ROUND_SHARE, ROUND_PIXELS = 0.03, 0.30      # root mean square distance from the circle, of a radius and in pixels
ROUND_FRAMES = 0.7                  # of the frames in which a thing is seen whole
LEAST_FRAMES, LEAST_POINTS = 3, 10
CAP_SHARE, CAP_POINTS, CAP_PIXELS = 0.3, 14, 1.0     # of the frames; on the circle; so near to it
CAP_ARC_DEG, CAP_SPREAD = 150.0, 0.08       # of a cap's arc at least; of its radius over the frames at most
FURTHER_OUT, FURTHER_IN = 2, 3      # pixels around the outermost pixel of a thing in which its edge lies
LEVEL = 0.5                         # frames that a change of the radius over the whole picture must outweigh


def round_middle(frames: np.ndarray, background: np.ndarray, mask: np.ndarray, box: np.ndarray,
                 whole: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The middle (T, 2) and radius (T,) of a round thing in each frame, nan where its outline can't be trusted.

    Args:
        frames: (T, H, W, 3).
        background: (H, W, 3).
        mask: (T, H, W) bool, the thing.
        box: (T, 4) left, top, right, bottom; nan where it isn't seen.
        whole: (T,) bool, frames in which nothing cuts or touches it.

    Returns:
        None if the thing isn't round.

    Source: circle by linear least squares, I. Kasa 1976, "A circle fitting procedure and its error analysis".
    """
    seen = [int(t) for t in np.flatnonzero(np.isfinite(box[:, 0]))]
    outlines = dict(zip(seen, (np.concatenate(ends) for ends in _outlines(frames, background, mask, box, seen)),
                        strict=True))
    clean = {t: _full(outlines[t]) for t in seen if whole[t]}
    found = {t: _circle(outlines[t], _start(box[t])) if circle is None else circle for t, circle in clean.items()}
    good = {t: circle for t, circle in found.items() if circle is not None and _is_round(circle)}
    if len(good) < ROUND_FRAMES * len(found) or len(good) < LEAST_FRAMES:
        return None
    slopes = _radii(np.array(list(good.values())), mask.shape[1:])
    middle, radius = np.full((len(box), 2), np.nan), np.full(len(box), np.nan)
    for t in seen:
        circle = clean.get(t)
        if circle is None:
            circle = _centre(outlines[t], good.get(t, _start(box[t])), slopes)
        if circle is not None and _is_round(circle):
            middle[t], radius[t] = circle[:2], circle[2]
    return middle, radius


def capped_discs(frames: np.ndarray, background: np.ndarray, mask: np.ndarray, box: np.ndarray,
                 whole: np.ndarray) -> np.ndarray | None:
    """(T, H, W) bool: the whole discs of a ball of which only the bright cap could be told from its shadow, as of a
    white one on grey; None if what is seen is no cap of a ball. Arguments as of `round_middle`."""
    seen = [int(t) for t in np.flatnonzero(np.isfinite(box[:, 0]))]
    tops = dict(zip(seen, (np.concatenate(ends[:3]) for ends in _outlines(frames, background, mask, box, seen)),
                    strict=True))               # without where columns leave the thing below
    caps = {t: cap for t in seen if whole[t] and (cap := _cap(tops[t], _start(box[t]))) is not None}
    if len(caps) < max(CAP_SHARE * whole.sum(), 2 * LEAST_FRAMES):
        return None
    circles = np.array(list(caps.values()))
    slopes = _radii(circles, mask.shape[1:])
    ideal = slopes[0] + circles[:, :2] @ slopes[1:]
    if ideal.min() <= 0 or np.median(np.abs(circles[:, 2] / ideal - 1)) > CAP_SPREAD:
        return None
    discs = np.zeros_like(mask)
    rows, columns = np.mgrid[: mask.shape[1], : mask.shape[2]] + 0.5
    for t in seen:
        circle = _centre(tops[t], caps.get(t, _start(box[t])), slopes)
        if circle is not None and circle[3] < 3 * CAP_PIXELS:
            discs[t] = np.hypot(columns - circle[0], rows - circle[1]) < circle[2]
    return discs


def _cap(points: np.ndarray, circle: np.ndarray) -> np.ndarray | None:
    """The circle that a long arc of an outline lies on, whatever else the outline has, or None."""
    for step in range(8):
        away = np.abs(_distance(points, circle))
        part = points[(points[:, 1] < circle[1] + BELOW * circle[2]) & (away < max(CAP_PIXELS, 5.0 - step))]
        circle = _kasa(part) if len(part) >= CAP_POINTS else None
        if circle is None:
            return None
    part = points[np.abs(_distance(points, circle)) < CAP_PIXELS]
    angles = np.degrees(np.arctan2(*(part - circle[:2]).T[::-1]))
    arc = np.ptp(np.where(angles > 90, angles - 360, angles)) if len(part) else 0.0
    return circle if len(part) >= CAP_POINTS and arc > CAP_ARC_DEG and _is_round(circle) else None


def _outlines(frames: np.ndarray, background: np.ndarray, mask: np.ndarray, box: np.ndarray,
              times: list[int]) -> list[list[np.ndarray]]:
    """For each of some frames where rows enter and leave the thing, and where columns do: four times (p, 2), within a
    fraction of a pixel.

    How much of a pixel the thing covers is how far its colour is from the background's towards that of a pixel further
    in. The edge is where the covers of the pixels around it, added up, put it: so it does not depend on the contrast.
    """
    sides: list[list[np.ndarray]] = [[], [], [], []]            # each (3, n): frame, row, column of outermost pixels
    for t in times:
        left, top, right, bottom = box[t].astype(int)
        part = mask[t, top:bottom, left:right]
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        first, last = part[rows].argmax(1), part.shape[1] - 1 - part[rows][:, ::-1].argmax(1)
        above, below = part[:, columns].argmax(0), part.shape[0] - 1 - part[::-1, columns].argmax(0)
        for side, y, x in zip(sides, (rows, rows, above, below), (first, last, columns, columns), strict=True):
            side.append(np.stack([np.full(len(y), t), top + y, left + x]))
    ends = []
    for side, inward in zip(sides, ((0, 1), (0, -1), (1, 0), (-1, 0)), strict=True):
        t, y, x = np.concatenate(side, 1)
        place = _edge(frames, background, t, y, x, inward)
        points = np.stack([x + 0.5, place] if inward[0] else [place, y + 0.5], 1)
        ends.append(np.split(points, np.cumsum([part.shape[1] for part in side])[:-1]))
    return [list(one) for one in zip(*ends, strict=True)]


def _edge(frames: np.ndarray, background: np.ndarray, t: np.ndarray, y: np.ndarray, x: np.ndarray,
          inward: tuple[int, int]) -> np.ndarray:
    """(n,) place along the way `inward` of the edge at the outermost pixels (t, y, x) of a thing."""
    height, width, _ = background.shape
    down, right = inward
    steps = np.arange(-FURTHER_OUT, FURTHER_IN + 1)[:, None]
    rows, columns = np.clip(y + down * steps, 0, height - 1), np.clip(x + right * steps, 0, width - 1)
    seen, behind = frames[t, rows, columns], background[rows, columns]
    change, full = seen - behind, seen[-1] - behind
    cover = np.clip((change * full).sum(-1) / np.maximum((full**2).sum(-1), 1e-4), 0, 1)[:-1].sum(0)
    place, sign = (y, down) if down else (x, right)
    return place + 0.5 + sign * (FURTHER_IN - 0.5 - cover)


def _start(box: np.ndarray) -> np.ndarray:
    """A first guess of the circle (x, y, r, e): as wide as the box, and hanging from its top."""
    radius = 0.5 * min(box[2] - box[0], box[3] - box[1])
    return np.array([0.5 * (box[0] + box[2]), box[1] + radius, radius, np.inf])


def _distance(points: np.ndarray, circle: np.ndarray) -> np.ndarray:
    """(p,) pixels from the circle, positive outside."""
    return np.hypot(points[:, 0] - circle[0], points[:, 1] - circle[1]) - circle[2]


def _above(points: np.ndarray, circle: np.ndarray) -> np.ndarray | None:
    """The outline down to a little below the middle, or None if that is too little."""
    part = points[points[:, 1] < circle[1] + BELOW * circle[2]]
    return part if len(part) >= LEAST_POINTS else None


def _circle(points: np.ndarray, circle: np.ndarray) -> np.ndarray | None:
    """Middle, radius and root mean square distance (x, y, r, e) of the circle through the upper outline."""
    for _ in range(3):
        part = _above(points, circle)
        circle = None if part is None else _kasa(part)
        if circle is None:
            return None
    return circle


def _full(points: np.ndarray) -> np.ndarray | None:
    """The circle through the whole outline, or None where something joins it below or is lost."""
    circle = _kasa(points)
    is_clean = circle is not None and (np.abs(_distance(points, circle)) < CLEAN_PIXELS).mean() > CLEAN_SHARE
    return circle if is_clean and _is_round(circle) else None


def _kasa(points: np.ndarray) -> np.ndarray | None:
    a, b, c = np.linalg.lstsq(np.column_stack([points, np.ones(len(points))]), (points**2).sum(1), rcond=None)[0]
    square = c + 0.25 * (a * a + b * b)
    if square <= 0:
        return None
    circle = np.array([a / 2, b / 2, np.sqrt(square), 0.0])
    circle[3] = np.sqrt((_distance(points, circle) ** 2).mean())
    return circle


def _radii(circles: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(3,) how the radius depends on 1, x and y: in a plane, one over the distance from a camera is a linear function
    of the place in the picture."""
    x, y, radius, _ = circles.T
    matrix = np.column_stack([np.ones(len(x)), x - np.median(x), y - np.median(y)])
    calm = np.diag([0.0, LEVEL * size[1] ** 2 / 12, LEVEL * size[0] ** 2 / 12])
    weight = np.ones(len(x))
    for _ in range(4):
        solution = np.linalg.solve(matrix.T @ (weight[:, None] * matrix) + calm, matrix.T @ (weight * radius))
        away = np.abs(radius - matrix @ solution)
        weight = 1 / np.maximum(1, away / (1.5 * np.median(away) + 0.05)) ** 2
    return np.array([solution[0] - solution[1:] @ [np.median(x), np.median(y)], *solution[1:]])


def _centre(points: np.ndarray, circle: np.ndarray, slopes: np.ndarray) -> np.ndarray | None:
    """As `_circle`, with the radius that belongs to the place, by Gauss and Newton's steps."""
    radius = slopes @ [1.0, circle[0], circle[1]]
    circle = np.array([circle[0], circle[1] - circle[2] + radius, radius, 0.0])
    for _ in range(6):
        part = _above(points, circle)
        if part is None:
            return None
        away = part - circle[:2]
        length = np.hypot(*away.T) + 1e-9
        circle[:2] += np.linalg.lstsq(-away / length[:, None], circle[2] - length, rcond=None)[0]
        circle[2] = slopes @ [1.0, circle[0], circle[1]]
    circle[3] = np.sqrt((_distance(part, circle) ** 2).mean())
    return circle


def _is_round(circle: np.ndarray) -> bool:
    return bool(circle[3] < ROUND_SHARE * circle[2] + ROUND_PIXELS)
