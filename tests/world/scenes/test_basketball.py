"""A missed shot never passes the hoop, a made one does, and nothing goes through rim or board."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.physics import STEP_S
from sora_core.world.pool import make_record
from sora_core.world.scenes.basketball import BALL_RADIUS_M, RIM_RADIUS_M, TUBE_M

SAYS_IN = ("goes in", "drops in", "into the", "through the", "goes in off")
SAYS_OUT = ("miss", "does not go in", "airball")


def passes(scene, motion):
    """Seconds at which the middle of the ball is, between two steps, on its way down in the circle of the rim."""
    x, y, z = scene.facts["rim_m"]
    path = motion.poses[:, 0, :3]
    found = []
    for step in np.flatnonzero((path[:-1, 2] > z) & (path[1:, 2] <= z)):
        share = (path[step, 2] - z) / (path[step, 2] - path[step + 1, 2])
        at = path[step] + share * (path[step + 1] - path[step])
        if np.hypot(at[0] - x, at[1] - y) < RIM_RADIUS_M:
            found.append((step + share) * STEP_S)
    return found


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_made_is_made_and_missed_is_missed(seed):
    scene, motion, record = make_record(seed, 128, 128, "basketball")
    times = passes(scene, motion)
    assert record.facts["made"] == bool(times)
    swishes = [event.time_s for event in record.events if event.kind == "swish"]
    assert len(swishes) == bool(times)
    if times:
        assert swishes[0] == pytest.approx(times[0], abs=2 * STEP_S)
    for text in (caption.lower() for caption in record.captions):
        assert not any(word in text for word in (SAYS_OUT if times else SAYS_IN)), text


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_nothing_goes_through_rim_or_board(seed):
    scene, motion, _ = make_record(seed, 128, 128, "basketball")
    ball, (x, y, z) = motion.poses[:, 0, :3], scene.facts["rim_m"]
    across = np.hypot(ball[:, 0] - x, ball[:, 1] - y) - (RIM_RADIUS_M + TUBE_M)
    assert np.hypot(across, ball[:, 2] - z).min() > BALL_RADIUS_M + TUBE_M - 0.03
    plate = scene.props[0].solids[0]
    outside = np.maximum(np.abs(ball - np.array(plate.position)) - np.array(plate.size), 0)
    assert np.linalg.norm(outside, axis=1).min() > BALL_RADIUS_M - 0.03


def test_both_kinds_are_common():
    made = [make_record(seed, 128, 128, "basketball")[2].facts["made"] for seed in range(24)]
    assert 5 < sum(made) < 19
