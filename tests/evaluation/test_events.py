"""Metres, flights and impacts against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.events import courses
from sora_core.evaluation.geometry import Camera
from sora_core.evaluation.tracker import track

FRONT = Camera("front", 7.0, 0.0, 96, 96)


def test_the_middle_of_the_picture_is_what_the_camera_aims_at():
    for name, pitch in (("front", 7.0), ("high", 34.0), ("low", -9.0), ("angled", 17.0)):
        camera = Camera(name, pitch, 0.0, 128, 128)
        x, z, scale = camera.to_metres(np.array([64.0]), np.array([64.0]))
        expected = {"front": 0.36, "high": 0.27, "low": 0.44, "angled": 0.34}[name] * camera.span_m
        if name != "low":                               # its camera would lie below the floor, and is lifted
            assert z[0] == pytest.approx(expected, abs=1e-6)
        assert x[0] == pytest.approx(0, abs=1e-9)
        assert scale[0] == pytest.approx(camera.span_m / 128, rel=0.25)


@pytest.mark.parametrize("gravity", [9.81, 4.905])
def test_gravity_and_impacts_of_a_bouncing_ball(studio, gravity):
    heights, impacts = studio["bouncing"](gravity, frames=72)
    tracking = track(studio["film"](heights))
    course, = courses(tracking, FRONT, 24.0)
    long = [flight for flight in course.flights if flight.rise > 0.15]
    assert len(long) >= 3
    assert np.mean([-flight.acceleration for flight in long]) == pytest.approx(gravity, rel=0.04)
    found = [impact for impact in course.impacts if impact.kick > 1.5]
    assert len(found) >= 3
    assert max(min(abs(impact.time_s - time_s) for time_s in impacts) for impact in found) < 0.012
    assert all(impact.on == "floor" for impact in found)
    kept = [impact.after[1] / -impact.before[1] for impact in found]
    assert kept == pytest.approx([0.8] * len(kept), abs=0.1)


def test_what_rolls_evenly_has_no_impact_and_what_turns_back_hits_a_wall(studio):
    x = np.concatenate([np.linspace(-0.5, 0.3, 30), np.linspace(0.28, -0.2, 25)])
    columns, rows = studio["to_pixels"](x, np.full_like(x, 0.2))
    frames = np.stack([studio["backdrop"]()] * len(x))
    for frame, column, row in zip(frames, columns, rows, strict=True):
        studio["draw"](frame, column, row, 9, (0.8, 0.1, 0.1))
    course, = courses(track(frames), FRONT, 24.0)
    impact, = course.impacts
    assert impact.on == "wall" and impact.time_s == pytest.approx(29.3 / 24, abs=0.04)
    assert impact.kick_x == pytest.approx(-(0.8 / 29 + 0.48 / 24) * 24, rel=0.1)
