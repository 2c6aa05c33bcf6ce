"""Cameras: what they see is what the projection says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.world.camera import CAMERA_WEIGHTS, CAMERAS, draw_view
from sora_core.world.materials import FLOORS
from sora_core.world.places import LIGHTS, PLACE_WEIGHTS, PLACES, RARE_PLACES

SIZES = ((128, 128), (160, 96), (96, 160))


def test_tables_belong_together():
    assert set(PLACES) == set(PLACE_WEIGHTS) | set(RARE_PLACES) and set(CAMERAS) == set(CAMERA_WEIGHTS)
    assert sum(PLACE_WEIGHTS.values()) == pytest.approx(1) and sum(CAMERA_WEIGHTS.values()) == pytest.approx(1)
    for place in PLACES.values():
        assert set(place.floors) <= set(FLOORS) and set(place.lights) <= set(LIGHTS)
    assert set(FLOORS) == {floor for place in PLACES.values() for floor in place.floors}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from(SIZES))
def test_a_camera_is_upright_and_sees_the_middle(seed, size):
    view = draw_view(np.random.default_rng(seed), *size)
    assert np.allclose(view.rotation.T @ view.rotation, np.eye(3), atol=1e-9)
    assert np.linalg.det(view.rotation) == pytest.approx(1)
    assert view.position[2] >= 0.1
    middle = view.project(np.array([0.0, 0.0, 0.3]), 0.2)
    assert middle[3] == 1 and 0.1 < middle[2] < 0.4


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from(SIZES))
def test_right_is_right_and_up_is_up(seed, size):
    view = draw_view(np.random.default_rng(seed), *size)
    points = np.array([[-0.2, 0, 0.3], [0.2, 0, 0.3], [0, 0, 0.2], [0, 0, 0.6]])
    x, y, _, _ = view.project(points, 0.1).T
    assert x[0] < x[1] and y[3] < y[2]


def test_what_is_behind_is_not_seen():
    view = draw_view(np.random.default_rng(0), 128, 128)
    behind = view.position + 2 * view.rotation[:, 2]
    assert view.project(behind, 0.1)[3] == 0
