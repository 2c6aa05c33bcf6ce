"""Connected regions against a slow flood fill, and the shapes of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sora_core.regions import dilate, erode, fill_holes, opened, regions


def flood(mask: np.ndarray, diagonal: bool) -> int:
    """Number of regions of a (H, W) mask, the slow way."""
    left, count = mask.copy(), 0
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if diagonal else [])
    while left.any():
        count += 1
        todo = [tuple(np.argwhere(left)[0])]
        left[todo[0]] = False
        while todo:
            row, column = todo.pop()
            for down, right in steps:
                at = row + down, column + right
                if 0 <= at[0] < mask.shape[0] and 0 <= at[1] < mask.shape[1] and left[at]:
                    left[at] = False
                    todo.append(at)
    return count


@settings(max_examples=40, deadline=None)
@given(mask=hnp.arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))),
       diagonal=st.booleans())
def test_as_many_regions_as_a_flood_fill_finds(mask, diagonal):
    found = regions(mask, diagonal=diagonal)
    assert len(found.area) == sum(flood(frame, diagonal) for frame in mask)
    assert found.area.sum() == mask.sum()
    assert ((found.labels >= 0) == mask).all()
    assert np.array_equal(np.bincount(found.labels[mask], minlength=len(found.area)), found.area)
    assert np.array_equal(found.labels.ravel()[found.pixels], found.index)


def test_box_and_mean():
    mask = np.zeros((2, 5, 7), bool)
    mask[1, 1:3, 2:6] = True
    found = regions(mask)
    assert found.box.tolist() == [[2, 1, 6, 3]] and found.frame.tolist() == [1]
    values = np.arange(8.0)[:, None]
    assert found.mean(values) == pytest.approx(3.5)


def test_a_hole_is_filled_and_a_bay_is_not():
    ring = np.zeros((1, 7, 7), bool)
    ring[0, 1:6, 1:6] = True
    ring[0, 3, 3] = False
    assert fill_holes(ring).sum() == 25
    ring[0, 3, :4] = False
    assert fill_holes(ring).sum() == ring.sum()


def test_dilate_and_erode_are_opposites_inside():
    square = np.zeros((9, 9), bool)
    square[3:6, 3:6] = True
    assert dilate(square).sum() == 25 and (erode(dilate(square)) == square).all()
    line = np.zeros((9, 9), bool)
    line[4] = True
    assert not opened(line).any() and (opened(square) == square).all()
