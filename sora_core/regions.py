"""Connected regions of masks, for all frames of a clip at once, in plain NumPy.

Legend: T frames, H W pixels, R runs (unbroken stretches of a row).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Regions:
    """Connected regions of a (T, H, W) mask, numbered from 0 in order of their first pixel.

    Attributes:
        labels: (T, H, W) int32, -1 outside the mask.
        frame: (n,) frame of each region.
        area: (n,) pixels.
        box: (n, 4) left, top, right, bottom in pixels, right and bottom exclusive.
        pixels: (p,) flat indices of the mask's pixels, in order.
        index: (p,) region of each.
    """

    labels: np.ndarray
    frame: np.ndarray
    area: np.ndarray
    box: np.ndarray
    pixels: np.ndarray
    index: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(n, C) means over each region of values (p, C) at the mask's pixels."""
        sums = [np.bincount(self.index, values[:, c], len(self.area)) for c in range(values.shape[1])]
        return np.stack(sums, 1) / np.maximum(self.area, 1)[:, None]


def regions(mask: np.ndarray, *, diagonal: bool = True) -> Regions:
    """Label the connected regions of each frame of a (T, H, W) mask.

    Args:
        mask: bool.
        diagonal: whether pixels that meet at a corner are connected.

    Source: run-based labelling, L. He, Y. Chao, K. Suzuki 2008, "A Run-Based Two-Scan Labeling Algorithm", with the
    second scan as pointer jumping.
    """
    row, start, end, label = _runs(mask, diagonal=diagonal)
    height, width = mask.shape[1:]
    length = end - start
    index = np.repeat(label, length)
    pixels = np.repeat(row * width + start - (np.cumsum(length) - length), length) + np.arange(length.sum())
    labels = np.full(mask.size, -1, np.int32)
    labels[pixels] = index
    count = int(label.max()) + 1 if len(label) else 0
    frame = np.zeros(count, np.int64)
    frame[label] = row // height
    area = np.bincount(label, length, count).astype(np.int64)
    box = _boxes(row % height, start, end, label, count)
    return Regions(labels.reshape(mask.shape), frame, area, box, pixels, index)


def _boxes(row: np.ndarray, start: np.ndarray, end: np.ndarray, label: np.ndarray, count: int) -> np.ndarray:
    box = np.zeros((count, 4), np.int64)
    box[:, :2] = 1 << 30
    np.minimum.at(box[:, 0], label, start)
    np.minimum.at(box[:, 1], label, row)
    np.maximum.at(box[:, 2], label, end)
    np.maximum.at(box[:, 3], label, row + 1)
    return box


def _runs(mask: np.ndarray, *, diagonal: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row (over all frames), start, exclusive end and region of each run of a (T, H, W) mask."""
    _, height, width = mask.shape
    padded = np.zeros((mask.shape[0] * height, width + 2), bool)
    padded[:, 1:-1] = mask.reshape(-1, width)
    at = np.flatnonzero(padded[:, 1:] != padded[:, :-1])            # starts and ends by turns
    row, start, end = at[::2] // (width + 1), at[::2] % (width + 1), at[1::2] % (width + 1)
    parent = _union(row, start, end, height, width, 0 if diagonal else 1)
    return row, start, end, np.unique(parent, return_inverse=True)[1]


def _union(row: np.ndarray, start: np.ndarray, end: np.ndarray, height: int, width: int, gap: int) -> np.ndarray:
    """(R,) for each run, the number of the first run that it is connected to."""
    parent = np.arange(len(row))
    stride = width + 2
    low = np.searchsorted(row * stride + end, (row + 1) * stride + start + gap, "left")
    high = np.searchsorted(row * stride + start, (row + 1) * stride + end - gap, "right")
    counts = np.where((row + 1) % height == 0, 0, np.maximum(high - low, 0))
    first = np.repeat(np.arange(len(row)), counts)
    second = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    while True:
        least = np.minimum(parent[first], parent[second])
        before = parent.copy()
        np.minimum.at(parent, parent[first], least)
        np.minimum.at(parent, parent[second], least)
        np.minimum.at(parent, first, least)
        np.minimum.at(parent, second, least)
        parent = parent[parent]
        if np.array_equal(before, parent):
            return parent


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The (T, H, W) mask with every hole that doesn't reach the picture's edge filled."""
    count, height, width = mask.shape
    row, start, end, label = _runs(~mask, diagonal=False)
    box = _boxes(row % height, start, end, label, int(label.max()) + 1 if len(label) else 0)
    is_hole = (box[:, 0] > 0) & (box[:, 1] > 0) & (box[:, 2] < width) & (box[:, 3] < height)
    filled = mask.reshape(count * height, width).copy()
    for run in np.flatnonzero(is_hole[label]):
        filled[row[run], start[run]: end[run]] = True
    return filled.reshape(mask.shape)


def dilate(mask: np.ndarray, times: int = 1) -> np.ndarray:
    """Grow a (..., H, W) mask by a 3 x 3 square, `times` times."""
    for _ in range(times):
        rows = mask.copy()
        rows[..., 1:, :] |= mask[..., :-1, :]
        rows[..., :-1, :] |= mask[..., 1:, :]
        mask = rows.copy()
        mask[..., 1:] |= rows[..., :-1]
        mask[..., :-1] |= rows[..., 1:]
    return mask


def erode(mask: np.ndarray, times: int = 1) -> np.ndarray:
    """Shrink a (..., H, W) mask by a 3 x 3 square; what lies beyond the picture counts as inside."""
    return ~dilate(~mask, times)


def opened(mask: np.ndarray) -> np.ndarray:
    """The mask without what is thinner than three pixels."""
    return dilate(erode(mask)) & mask
