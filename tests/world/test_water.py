"""Water: Archimedes at rest, the terminal velocity of what sinks, and a surface that keeps its volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.camera import draw_view
from sora_core.world.physics import STEP_S, simulate
from sora_core.world.places import GRAVITY
from sora_core.world.pool import make_record
from sora_core.world.record import ObjectRecord
from sora_core.world.scenes.scene import Body, Scene, Setting, Water, random_quaternion
from sora_core.world.water import (
    ADDED_MASS,
    DENSITY,
    DRAG,
    drops,
    entries,
    immersion,
    settled_level,
    surface,
    volume_of,
)

SEEDS = st.integers(0, 2**40)
WIDE = Water((40.0, 40.0), 0.0, 30.0)               # so large that nobody makes its level rise


def alone(kind="ball", density=600.0, radius=0.12, above=0.0, speed=0.0, turn=(1.0, 0.0, 0.0, 0.0)):
    """One body over a lake; `above`: of its middle over the level."""
    view = draw_view(np.random.default_rng(0), 64, 64)
    setting = Setting("studio", "concrete", "day", view, (1.0, 1.0, 1.0), (0.0, 0.0))
    record = ObjectRecord(kind, "red", "wood", "small", radius, 1.0)
    record = replace(record, mass_kg=density * volume_of(record))
    body = Body(record, (0.0, 0.0, WIDE.level_m + above), turn, (0.0, 0.0, speed))
    return Scene("float", setting, (body,), water=WIDE)


def depth_of(density):
    """How deep a ball of radius 1 lies: the root of d^2 (3 - d) / 4 = density / 1000, by halving."""
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle**2 * (3 - middle) / 4 < density / DENSITY else (low, middle)
    return low


@pytest.mark.parametrize("density", [300.0, 800.0])
def test_a_light_ball_comes_to_rest_at_the_depth_of_archimedes(density):
    motion = simulate(alone(density=density, above=0.05))
    deep = WIDE.level_m - motion.poses[-480:, 0, 2] + 0.12
    assert deep.mean() == pytest.approx(0.12 * depth_of(density), abs=0.003) and np.ptp(deep) < 0.015
    assert motion.displaced[-480:, 0].mean() * DENSITY == pytest.approx(density * 4 / 3 * np.pi * 0.12**3, rel=0.02)


@pytest.mark.parametrize("kind, area, density", [("ball", np.pi * 0.1**2, 2500.0), ("box", 4 * 0.1**2, 1300.0)])
def test_a_heavy_body_sinks_with_its_terminal_velocity(kind, area, density):
    scene = alone(kind, density, 0.1, above=-0.2)
    volume = volume_of(scene.bodies[0].record)
    wanted = np.sqrt(2 * (density / DENSITY - 1) * volume * GRAVITY / (DRAG[kind] * area))
    motion = simulate(scene)
    assert -motion.velocities[-1, 0, 2] == pytest.approx(wanted, rel=0.02)
    assert (motion.displaced[1:, 0] == pytest.approx(volume))


def test_in_deep_water_it_starts_with_the_acceleration_of_its_added_mass():
    motion = simulate(alone(density=2000.0, above=-1.0))
    fall = (2000 - 1000) / (2000 + ADDED_MASS * 1000) * GRAVITY
    assert -motion.velocities[40, 0, 2] == pytest.approx(fall * 40 * STEP_S, rel=0.02)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS, share=st.floats(-1.2, 1.2))
def test_what_a_turned_cube_displaces(seed, share):
    turn = np.array(random_quaternion(np.random.default_rng(seed)))
    record = ObjectRecord("box", "red", "wood", "small", 0.1, 1.0)
    wet = immersion(record, 0.0, turn, 0.1 * share)
    axis = (np.arange(24) + 0.5) / 12 - 1
    points = 0.1 * np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    w, x, y, z = turn
    height = points @ np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
    below = height < 0.1 * share
    assert wet.volume == pytest.approx(below.mean() * 0.008, abs=0.012 * 0.008)
    moment = points[below].sum(0) / len(points) * 0.008
    assert np.abs(wet.volume * wet.lever - moment).max() < 0.01 * 0.008 * 0.1


@pytest.mark.parametrize("kind, density", [("ball", 400.0), ("ball", 1800.0), ("box", 600.0)])
def test_energy_never_rises_in_water(kind, density):
    """Kinetic energy, that of the water that is carried along, height, and the work that buoyancy can still do."""
    scene = alone(kind, density, 0.1, above=0.6, turn=random_quaternion(np.random.default_rng(3)))
    motion, mass = simulate(scene), scene.bodies[0].record.mass_kg
    volume, height = motion.displaced[:, 0], motion.poses[:, 0, 2]
    speed = (motion.velocities[:, 0, :3] ** 2).sum(1)
    lifted = np.concatenate([[0.0], np.cumsum(0.5 * (volume[1:] + volume[:-1]) * np.diff(height))]) * DENSITY * GRAVITY
    total = 0.5 * (mass + ADDED_MASS * DENSITY * volume) * speed + mass * GRAVITY * height - lifted
    drop = total[0] - total.min()
    assert (total[24:] - np.minimum.accumulate(total)[:-24] < 0.02 * drop).all()


@settings(max_examples=3, deadline=None)
@given(seed=SEEDS, family=st.sampled_from(("float", "sink")))
def test_laws_of_a_clip(seed, family):
    scene, motion, record = make_record(seed, 96, 96, family)
    facts, water = record.facts, scene.water
    assert record.sketch is None and len(record.captions) == 6 and len(record.captions_french) == 2
    for i, fate in enumerate(facts["fates"]):
        radius, middle = scene.bodies[i].record.radius_m, motion.poses[-1, i, 2]
        assert (fate == "floats") == (facts["densities"][i] < 1000) or fate == "drifts"
        if fate == "floats":
            assert middle > water.level_m - 1.8 * radius
        if fate == "sinks":
            assert middle < water.bottom_m + 1.8 * radius
        inside = np.abs(motion.poses[:, i, :2]) < np.array(water.half_m)
        assert inside.all() and motion.poses[:, i, 2].min() > water.bottom_m + 0.9 * radius - 0.01
    events = [event for event in record.events if event.kind == "splash"]
    assert [round(event.time_s, 4) for event in events] == facts["splashes_s"] and len(events) >= len(scene.bodies)
    said = " ".join(record.captions).lower()
    assert ("float" in said or "bob" in said or "afloat" in said) == ("floats" in facts["fates"])


def test_the_surface_keeps_the_waters_volume_and_calms_down():
    scene, motion, _ = make_record(2, 96, 96, "float")
    heights, water = surface(scene, motion), scene.water
    weights = [np.r_[0.5, np.ones(n - 2), 0.5] / (n - 1) for n in heights.shape[1:]]
    mean = np.einsum("tij,i,j->t", heights, *weights) * 4 * water.half_m[0] * water.half_m[1]
    assert mean == pytest.approx(motion.displaced[::40].sum(1), abs=2e-4)
    hit = entries(scene, motion)[0].step // 40
    assert np.abs(heights[:hit]).max() == 0 and np.abs(heights[hit + 2: hit + 12]).max() > 0.01
    still = heights[-1] - heights[-1].mean()
    assert np.abs(still).max() < 0.4 * np.abs(heights - heights.mean((1, 2), keepdims=True)).max()
    assert settled_level(water, 0.0) == water.level_m


def test_drops_fly_as_parabolas_and_fall_back():
    scene, motion, _ = make_record(2, 96, 96, "float")
    places, radii = drops(scene, motion)
    assert len(places) > 4
    for path, radius in zip(places, radii, strict=True):
        there = np.flatnonzero(radius)
        if len(there) > 3:
            assert np.diff(there).max() == 1
            assert np.diff(path[there, 2], 2) == pytest.approx(-GRAVITY / 24**2)
    assert radii[:, 0].max() == 0 and radii[:, -1].max() == 0
