"""Circles through outlines, and sizes and depths from what stands on the floor, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.geometry import Camera
from sora_core.evaluation.outline import round_middle
from sora_core.evaluation.scale import Footing, scaled

CENTRE, RADIUS = (40.3, 33.7), 11.6


def boxes(masks):
    """(T, 4) boxes of (T, H, W) masks."""
    found = [(np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))) for mask in masks]
    return np.array([[x[0], y[0], x[-1] + 1, y[-1] + 1] for x, y in found], float)


def fit(studio, spoil, kind="ball"):
    background = studio["backdrop"]()
    frame = background.copy()
    studio["draw"](frame, *CENTRE, RADIUS, (0.8, 0.1, 0.1), kind)
    masks = np.stack([np.abs(frame - background).max(-1) > 0.08] * 4)
    spoil(masks)
    return round_middle(np.stack([frame] * 4), background, masks, boxes(masks), np.ones(4, bool))


def with_shadow(masks):
    masks[:, 41:48, 26:62] = True


def without_foot(masks):
    masks[:, 40:] = False


@pytest.mark.parametrize("spoil", [lambda masks: None, with_shadow, without_foot])
def test_the_middle_stays_whatever_joins_or_leaves_below(studio, spoil):
    middle, radius = fit(studio, spoil)
    assert np.abs(middle - CENTRE).max() < 0.25 and radius == pytest.approx(RADIUS, abs=0.25)


def test_a_box_is_not_round(studio):
    assert fit(studio, lambda masks: None, "box") is None


@pytest.mark.parametrize(("depth", "size", "stretch", "pitch"), [(0.2, 0.24, 1.0, 7.0), (-0.2, 0.175, 1.04, 8.0)])
def test_depth_and_scale_from_where_a_ball_stands(depth, size, stretch, pitch):
    true = Camera("front", pitch, 0.0, 128, 128, stretch)
    rows = np.linspace(40.0, 120.0, 4001)
    heights = true.to_metres(np.full_like(rows, 70.0), rows, depth)[1]
    row = float(rows[np.argmin(np.abs(heights - size))])
    per_pixel = float(true.to_metres(np.array(70.0), np.array(row), depth)[2])
    away = per_pixel / true.radians_per_pixel
    stands = Footing(70.0, row, size / per_pixel / np.sqrt(1 - (size / away) ** 2), True)
    start = Camera("front", 7.0, 0.0, 128, 128)
    camera, (found, none) = scaled(start, [stands, None])
    assert none == 0.0 and abs(found - depth) < 0.75 * abs(depth)
    spot = np.array(70.0), np.array(row)
    error = float(camera.to_metres(*spot, found)[2]) / per_pixel - 1
    assert abs(error) < abs(float(start.to_metres(*spot)[2]) / per_pixel - 1) and abs(error) < 0.03


def test_what_fits_no_size_is_not_believed():
    start = Camera("front", 7.0, 0.0, 128, 128)
    camera, depths = scaled(start, [Footing(64.0, 30.0, 3.0, True)])
    assert camera == start and depths == [0.0]
