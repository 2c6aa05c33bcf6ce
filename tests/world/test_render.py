"""Pictures: bodies are where their tracks say, in their colours, in every place and light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.errors import ResourceError
from sora_core.world.materials import COLOURS
from sora_core.world.physics import simulate
from sora_core.world.places import LIGHTS, PLACES
from sora_core.world.pool import make_record
from sora_core.world.render import Stage
from sora_core.world.scenes.families import draw_scene


@pytest.fixture(scope="module")
def stage():
    try:
        made = Stage(128, 128)
    except ResourceError as error:
        pytest.skip(str(error))
    with made:
        yield made


def still(motion, frame=8):
    """The same motion with one frame only."""
    return replace(motion, poses=motion.poses[40 * frame: 40 * frame + 1])


def test_the_track_points_at_the_body(stage):
    scene, motion, record = make_record(4, 128, 128, "drop")
    with_body = stage.render(scene, still(motion))[0].astype(int)
    empty = stage.render(replace(scene, bodies=()), replace(motion, poses=motion.poses[:1, :0]))[0].astype(int)
    rows, columns = np.nonzero(np.abs(with_body - empty).sum(-1) > 60)
    x, y, radius, seen = record.tracks[8, 0]
    assert seen == 1
    inside = np.hypot((columns + 0.5) / 64 - 1 - x, (rows + 0.5) / 64 - 1 - y) < 1.1 * radius
    assert inside.mean() > 0.8
    assert inside.sum() / 64**2 > 0.6 * np.pi * radius**2


def test_bodies_are_large(stage):
    share = [make_record(seed, 128, 128)[2].tracks[:, 0, 2].mean() for seed in range(10)]
    assert 0.15 < min(share) and max(share) < 0.5


@pytest.mark.parametrize("light", list(LIGHTS))
@pytest.mark.parametrize("colour", ["red", "green", "blue", "yellow"])
def test_a_colour_stays_that_colour_in_every_light(stage, light, colour):
    scene = draw_scene(4, 128, 128, "drop")
    body = scene.bodies[0]
    scene = replace(scene, setting=replace(scene.setting, light=light),
                    bodies=(replace(body, record=replace(body.record, colour=colour, material="plastic")),))
    motion = simulate(scene)
    frame = stage.render(scene, still(motion))[0].astype(float)
    x, y, _, _ = scene.view.project(motion.frames[8, 0, :3], 0.1)
    column, row = int((x + 1) * 64), int((y + 1) * 64)
    seen = frame[row - 4: row + 5, column - 4: column + 5].mean((0, 1))
    seen = seen / np.linalg.norm(seen)
    likeness = {name: float(seen @ np.array(value) / np.linalg.norm(value)) for name, value in COLOURS.items()
                if name in ("red", "green", "blue", "yellow")}
    assert max(likeness, key=likeness.get) == colour, likeness


@pytest.mark.parametrize("place", list(PLACES))
def test_every_place_is_drawn(stage, place):
    scene = draw_scene(4, 128, 128, "drop")
    scene = replace(scene, setting=replace(scene.setting, place=place, floor=PLACES[place].floors[0], light="day"))
    frame = stage.render(scene, still(simulate(scene)))[0]
    assert (30 if place == "moon" else 60) < frame.mean() < 240 and frame.std() > 10


def test_frames_of_a_body_at_rest_are_the_same(stage):
    scene, motion, _ = make_record(4, 128, 128, "drop")
    held = replace(motion, poses=np.repeat(motion.poses[:1], 121, axis=0))
    frames = stage.render(scene, held)
    assert len(frames) == 4 and (frames == frames[0]).all()


def test_a_camera_that_looks_aside_sees_no_end_of_the_backdrop(stage):
    scene = draw_scene(902, 128, 128, "window")
    assert scene.setting.place == "park" and abs(np.arctan2(*scene.view.rotation[:2, 2])) > 0.7
    empty = replace(scene, bodies=(), pieces=0, breaks=None, props=())
    assert stage.still(empty)[:40].max(-1).min() > 12
