"""Scenes: every family starts in sight, apart, above the floor, and soon does something."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.materials import COLOURS, COMMON_MATERIALS, MATERIALS
from sora_core.world.pool import make_record
from sora_core.world.record import FLOOR
from sora_core.world.scenes.families import FAMILIES, PLAIN_FAMILIES, draw_scene, family_weights

SIZES = ((128, 128), (160, 96), (96, 160))


def test_weights_add_up_to_one():
    for names in (PLAIN_FAMILIES, tuple(FAMILIES)):
        weights = family_weights(names)
        assert set(weights) == set(names) <= set(FAMILIES) and sum(weights.values()) == pytest.approx(1)


@pytest.mark.parametrize("family", [*PLAIN_FAMILIES, "group"])
def test_bodies_start_apart_and_above_the_floor(family):
    for seed in range(30):
        scene = draw_scene(seed, *SIZES[seed % 3], family)
        places = np.array([body.position for body in scene.bodies])
        radii = np.array([body.record.radius_m for body in scene.bodies])
        assert (places[:, 2] >= radii - 1e-9).all()
        for i in range(len(radii)):
            for j in range(i):
                assert np.linalg.norm(places[i] - places[j]) > radii[i] + radii[j]
        colours = {body.record.colour for body in scene.bodies}
        assert family == "group" or len(colours) == len(scene.bodies)


def test_groups_have_two_to_five_many_of_them_alike():
    scenes = [draw_scene(seed, *SIZES[seed % 3], "group") for seed in range(60)]
    assert {len(scene.bodies) for scene in scenes} == {2, 3, 4, 5}
    alike = [len({body.record for body in scene.bodies}) == 1 for scene in scenes]
    assert 15 < sum(alike) < 45
    pair = next(seed for seed in range(60) if alike[seed] and len(scenes[seed].bodies) == 2)
    told = " ".join(make_record(pair, *SIZES[pair % 3], "group")[2].captions).lower()
    told = told.replace("violet", "purple").replace("turquoise", "cyan")
    assert f"two {scenes[pair].bodies[0].record.colour}" in told


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_bodies_are_in_sight_most_of_the_time(family):
    seen = []
    for seed in range(6):
        _, _, record = make_record(seed, *SIZES[seed % 3], family)
        seen.append(record.tracks[:, : len(record.objects), 3].max(1).mean())
    assert np.mean(seen) > 0.75


@pytest.mark.parametrize("family", ["drop", "throw", "collide"])
def test_the_first_impact_comes_soon(family):
    times = []
    for seed in range(7):
        _, _, record = make_record(seed, *SIZES[seed % 3], family)
        wanted = [c.time_s for c in record.contacts if (c.body_b >= 0) == (family == "collide")]
        times += wanted[:1]
    assert len(times) >= 6 and 0.15 < np.median(times) < 1.2


def test_everything_is_drawn_sometimes():
    scenes = [draw_scene(seed, 128, 128) for seed in range(500)]
    records = [body.record for scene in scenes for body in scene.bodies]
    assert {record.colour for record in records} == set(COLOURS) and len(COLOURS) >= 8
    assert {record.material for record in records} == set(COMMON_MATERIALS) < set(MATERIALS)
    assert {record.kind for record in records} == {"ball", "box"}
    assert {scene.family for scene in scenes} == set(PLAIN_FAMILIES)
    assert any(scene.wall_x is not None for scene in scenes)


def test_a_wall_is_hit():
    hits = 0
    for seed in range(40):
        scene = draw_scene(seed, 128, 128, "roll")
        if scene.wall_x is not None and hits < 2:
            record = make_record(seed, 128, 128, "roll")[2]
            assert any(contact.body_b < FLOOR for contact in record.contacts)
            hits += 1
    assert hits == 2
