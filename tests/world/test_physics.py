"""What physics must keep true: parabolas, energy, bounces by material, contacts on time."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.camera import FRAME_RATE, draw_view
from sora_core.world.physics import STEP_S, STEPS_PER_FRAME, pair_bounce, simulate
from sora_core.world.places import GRAVITY
from sora_core.world.pool import make_record
from sora_core.world.record import FLOOR, FRICTION_ROWS, ObjectRecord
from sora_core.world.scenes.scene import Body, Scene, Setting

FAMILIES = ("drop", "roll", "collide", "throw", "slide")


def falling_ball(material="rubber", floor="wood", height=1.2):
    view = draw_view(np.random.default_rng(0), 128, 128)
    setting = Setting("room", floor, "day", view, (1.0, 1.0, 1.0), (0.0, 0.0))
    ball = ObjectRecord("ball", "red", material, "medium", 0.2, 2.0)
    return Scene("drop", setting, (Body(ball, (0.0, 0.0, 0.2 + height)),))


def energy(scene, motion, index):
    """Mechanical energy over time, in joules."""
    body = scene.bodies[index].record
    inertia = (2 / 5 if body.kind == "ball" else 2 / 3) * body.mass_kg * body.radius_m**2
    speed, spin = motion.velocities[:, index, :3], motion.velocities[:, index, 3:]
    return (0.5 * body.mass_kg * (speed**2).sum(-1) + 0.5 * inertia * (spin**2).sum(-1)
            + body.mass_kg * GRAVITY * motion.poses[:, index, 2])


@pytest.mark.parametrize("seed", range(4))
def test_free_flight_is_a_parabola(seed):
    _, motion, _ = make_record(seed, 128, 128, "throw")
    first = motion.touches[0][0]
    times = np.arange(first) * STEP_S
    for axis, curve in ((0, 1), (1, 1), (2, 2)):
        path = motion.poses[:first, 0, axis]
        fit = np.polynomial.Polynomial.fit(times, path, curve)
        assert np.abs(fit(times) - path).max() < 1e-3
        if axis == 2:
            assert fit.convert().coef[2] == pytest.approx(-GRAVITY / 2, rel=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", (1, 2))
def test_energy_never_rises(family, seed):
    scene, motion, _ = make_record(seed, 128, 128, family)
    total = sum(energy(scene, motion, i) for i in range(len(scene.bodies)))
    scale = total[0] - sum(b.record.mass_kg * GRAVITY * b.record.radius_m for b in scene.bodies)
    lowest = np.minimum.accumulate(total)
    # A touch stores energy in its spring for some milliseconds, so compare with the most in the 30 ms before.
    window = round(0.03 / STEP_S)
    before = np.array([total[max(0, i - window): i + 1].max() for i in range(0, len(total), 24)])
    assert (np.diff(before) < 0.02 * scale).all()
    assert total[-1] <= total[0] and lowest[-1] >= 0


def kept_speed(share):
    """What a damped spring that can't pull keeps (Schwager and Poeschel, Granular Matter 9, 2007, equation 17)."""
    slope = -math.log(share) / math.pi
    damping, swing = slope / math.hypot(1, slope), 1 / math.hypot(1, slope)
    angle = math.pi - math.atan2(2 * damping * swing, swing**2 - damping**2)
    return math.exp(-slope * angle)


@pytest.mark.parametrize("material, floor", [("rubber", "wood"), ("metal", "concrete"), ("plastic", "carpet"),
                                             ("rubber", "sand"), ("stone", "wood")])
def test_bounce_keeps_the_share_of_speed_that_the_materials_say(material, floor):
    scene = falling_ball(material, floor)
    motion = simulate(scene)
    touched = [touch[0] for touch in motion.touches]
    between = motion.velocities[touched[0]: touched[1], 0, 2]
    arrival = -motion.velocities[touched[0], 0, 2]
    assert between.max() / arrival == pytest.approx(kept_speed(pair_bounce(scene, 0, FLOOR)), abs=0.02)


def test_materials_and_floors_differ():
    heights = {}
    for material, floor in (("rubber", "wood"), ("rubber", "sand"), ("stone", "wood")):
        motion = simulate(falling_ball(material, floor))
        after = motion.touches[0][0] + 60
        heights[material, floor] = motion.poses[after:, 0, 2].max() - 0.2
    assert heights["rubber", "wood"] > 0.55
    assert heights["rubber", "sand"] < 0.15 and heights["stone", "wood"] < 0.25


def test_impulse_is_the_change_of_momentum():
    motion = simulate(falling_ball("rubber", "concrete"))
    step, impulse, _, _ = motion.touches[0]
    arrival = -motion.velocities[step, 0, 2]
    leaving = motion.velocities[step: step + 60, 0, 2].max()
    assert impulse == pytest.approx(2.0 * (arrival + leaving), rel=0.05)


def test_first_contact_is_when_free_fall_says():
    motion = simulate(falling_ball(height=1.2))
    assert motion.touches[0][0] * STEP_S == pytest.approx(math.sqrt(2 * 1.2 / GRAVITY), abs=0.004)


def test_contacts_are_where_the_track_turns():
    """The picture of a dropped ball turns upwards within a frame of each of its first contacts."""
    for seed in range(40):
        scene, _, record = make_record(seed, 128, 128, "drop")
        if len(scene.bodies) == 1 and record.objects[0].kind == "ball" and record.objects[0].material == "rubber":
            bottom = record.tracks[:, 0, 1]
            frame = record.contacts[0].time_s * FRAME_RATE
            near = bottom[max(0, round(frame) - 6): round(frame) + 7]
            turn = max(0, round(frame) - 6) + int(near.argmax())
            assert abs(turn - frame) <= 1.5
            return
    pytest.fail("no rubber ball among forty dropped bodies")


def test_friction_rows_tell_rolling_from_rest():
    scene, motion, record = make_record(4, 128, 128, "roll")
    assert motion.rolling.shape == motion.sliding.shape == (len(scene.bodies), FRICTION_ROWS)
    assert motion.rolling.dtype == np.float32 and (motion.rolling >= 0).all() and (motion.sliding >= 0).all()
    assert record.rolling[0, 5:30].min() > 0
    assert record.rolling[0, 5:30].mean() > 10 * record.sliding[0, 5:30].mean()


def test_frames_are_every_fortieth_step():
    motion = simulate(falling_ball())
    assert motion.frames.shape == (97, 1, 7)
    assert (motion.frames[3] == motion.poses[3 * STEPS_PER_FRAME]).all()
