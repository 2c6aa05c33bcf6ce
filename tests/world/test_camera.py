"""Moving cameras: true to the still one they start from, upright, and cut where they say."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.world.camera import MOVES, NUM_FRAMES, draw_view, follow, moved


@pytest.fixture
def view():
    return draw_view(np.random.default_rng(3), 160, 96)


@pytest.mark.parametrize("move", MOVES)
def test_a_moving_camera_is_a_camera_in_every_frame(view, move):
    path = moved(view, move, np.random.default_rng(1)).path
    assert path.positions.shape == (NUM_FRAMES, 3) and path.rotations.shape == (NUM_FRAMES, 3, 3)
    assert np.allclose(np.einsum("fij,fik->fjk", path.rotations, path.rotations), np.eye(3), atol=1e-9)
    assert (path.positions[:, 2] >= 0.1 - 1e-9).all() and np.abs(path.rotations[:, 2, 0]).max() < 1e-9
    assert np.ptp(path.positions, axis=0).max() + np.ptp(path.rotations, axis=0).max() > 0.005


@pytest.mark.parametrize("move", MOVES)
def test_the_middle_of_the_scene_stays_in_sight(view, move):
    turned = moved(view, move, np.random.default_rng(2))
    seen = turned.project_frames(np.repeat(view.aim[None], NUM_FRAMES, axis=0), 0.1)
    assert (seen[:, 3] == 1).all()


def test_frames_are_projected_one_by_one(view):
    turned = moved(view, "orbit", np.random.default_rng(0))
    points = np.random.default_rng(4).normal(size=(NUM_FRAMES, 2, 3))
    together = turned.project_frames(points, 0.2)
    for frame in (0, 40, 96):
        assert np.allclose(together[frame], turned.at(frame).project(points[frame], 0.2))


def test_cuts_are_where_the_camera_leaps(view):
    turned = moved(view, "cuts", np.random.default_rng(5))
    leaps = np.linalg.norm(np.diff(turned.path.positions, axis=0), axis=1)
    assert tuple(int(frame) + 1 for frame in np.flatnonzero(leaps > 1e-9)) == turned.path.cuts
    assert 1 <= len(turned.path.cuts) <= 2 and all(24 < cut < 73 for cut in turned.path.cuts)


def test_dolly_in_makes_things_larger_and_out_smaller(view):
    middle = np.repeat(view.aim[None], NUM_FRAMES, axis=0)
    for move, sign in (("dolly in", 1), ("dolly out", -1)):
        size = moved(view, move, np.random.default_rng(6)).project_frames(middle, 0.2)[:, 2]
        assert sign * (size[-1] - size[0]) > 0.1 * size.min()


def test_following_keeps_what_is_followed_in_the_middle(view):
    path = np.stack([np.linspace(-2, 2, NUM_FRAMES), np.zeros(NUM_FRAMES), np.full(NUM_FRAMES, 0.3)], axis=1)
    seen = follow(view, path).project_frames(path, 0.1)
    assert np.abs(seen[20:-20, 0]).max() < 0.3
