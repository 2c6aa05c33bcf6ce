"""A pane that breaks: its pieces tile it, and get no more than the ball loses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.breaking import BREAKING_SHARE
from sora_core.world.physics import simulate
from sora_core.world.pool import record_scene
from sora_core.world.scenes.families import draw_scene


@pytest.fixture(scope="module")
def broken():
    for seed in range(6):
        scene = draw_scene(seed, 96, 96, "window")
        motion = simulate(scene)
        if motion.broken_at is not None:
            return scene, motion
    pytest.fail("no window broke in six clips")


def test_pieces_tile_the_pane(broken):
    scene, _ = broken
    pieces = scene.bodies[len(scene.bodies) - scene.pieces:]
    drawn = sum(0.5 * solid.size[0] * solid.size[1]
                for piece in pieces for solid in piece.solids if solid.part.shape == "triangle")
    pane = scene.props[0].solids[0]
    area = 4 * pane.size[1] * pane.size[2]
    assert drawn == pytest.approx(area, rel=1e-6)
    assert sum(piece.record.mass_kg for piece in pieces) == pytest.approx(2500 * 0.006 * area, rel=1e-6)


def test_they_lie_still_until_the_hit_and_get_no_more_than_the_ball_loses(broken):
    scene, motion = broken
    step, first = motion.broken_at, len(scene.bodies) - scene.pieces
    assert np.ptp(motion.poses[:step, first:], axis=0).max() == 0
    before, after = motion.velocities[step - 1, 0, :3], motion.velocities[step, 0, :3]
    assert np.linalg.norm(after) == pytest.approx((1 - BREAKING_SHARE) * np.linalg.norm(before), rel=0.01)
    masses = np.array([body.record.mass_kg for body in scene.bodies])
    energy = [0.5 * float(masses @ (motion.velocities[at, :, :3] ** 2).sum(1)) for at in (step - 1, step)]
    assert energy[1] <= energy[0]


def test_a_slow_ball_leaves_it_whole(broken):
    scene, _ = broken
    ball = scene.bodies[0]
    slow = replace(ball, velocity=tuple(0.3 * v for v in ball.velocity))
    _, motion, record = record_scene(1, replace(scene, bodies=(slow, *scene.bodies[1:])))
    assert motion.broken_at is None and record.facts["broken"] is False and not record.events
