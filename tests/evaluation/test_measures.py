"""Each measure on a film that is right, and on one where one thing is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sora_core.evaluation import measures
from sora_core.evaluation.events import Impact, courses
from sora_core.evaluation.geometry import Camera
from sora_core.evaluation.onsets import find_onsets
from sora_core.evaluation.tracker import track

FRONT = Camera("front", 7.0, 0.0, 96, 96)
RED, BLUE = (0.80, 0.07, 0.08), (0.08, 0.20, 0.85)


def seen(frames):
    tracking = track(frames)
    return tracking, courses(tracking, FRONT, 24.0)


def test_a_true_bounce_holds_everywhere(bounce):
    frames, sound, _ = bounce
    tracking, course = seen(frames)
    assert measures.gravity(course).holds is True
    assert measures.gravity(course).values["ratio"] == pytest.approx(1, abs=0.05)
    assert measures.collision(course, tracking, 24.0).holds is True
    assert measures.permanence(frames, tracking).holds is True
    heard = measures.sound_on_cause(course, find_onsets(sound, 24000), tracking, 2.5)
    assert heard.holds is True and heard.values["orphans"] == 0
    assert np.abs(heard.values["offsets"]).max() < 0.015 and len(heard.values["offsets"]) >= 3


def test_half_gravity_and_growing_bounces_are_found(studio):
    slow, _ = studio["bouncing"](9.81 / 2, frames=72)
    _, course = seen(studio["film"](slow))
    assert measures.gravity(course).holds is False
    heights, _ = studio["bouncing"](kept=0.7)
    tracking, course = seen(studio["film"](heights[::-1]))
    found = measures.collision(course, tracking, 24.0)
    assert found.holds is False and set(found.values["faults"]) & {"bounces higher", "leaps from rest"}


def test_late_sound_silence_and_a_sound_from_nowhere_are_found(studio, bounce):
    frames, _, impacts = bounce
    tracking, course = seen(frames)

    def judge(times):
        return measures.sound_on_cause(course, find_onsets(studio["clicks"](times, 2.5), 24000), tracking, 2.5)

    assert judge([time_s + 0.1 for time_s in impacts if time_s < 2.3]).holds is False
    assert judge([]).holds is False and judge([]).values["on_time"] == 0
    still, still_course = seen(np.stack([studio["backdrop"]()] * 60))
    lonely = measures.sound_on_cause(still_course, find_onsets(studio["clicks"]([1.0], 2.5), 24000), still, 2.5)
    assert lonely.values["orphans"] == 1 and lonely.holds is False


@pytest.mark.parametrize(("fault", "change"), [
    ("vanishes", "gone"), ("vanishes", "colour"), ("is there twice", "twin"), ("changes size", "size"),
])
def test_what_breaks_permanence_is_named(studio, fault, change):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        colour = BLUE if change == "colour" and t >= 30 else RED
        if change != "gone" or not 20 <= t < 40:
            studio["draw"](frame, 30 + 0.5 * t, 60, 13 if change == "size" and t >= 30 else 8, colour)
        if change == "twin" and t >= 30:
            studio["draw"](frame, 75, 25, 8, RED)
    found = measures.permanence(frames, track(frames))
    assert found.holds is False and fault in found.values["faults"]


def test_leaving_through_the_side_is_no_fault(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, -15 + 2.5 * t, 66, 9, RED)
    assert measures.permanence(frames, track(frames)).holds is True


def test_a_part_that_looks_like_a_shadow_of_the_wall_is_no_change_of_size(studio):
    """Before the wall its upper half looks like the wall in shadow, before the floor it doesn't."""
    wall = studio["backdrop"]()[0, 0]
    frames = np.stack([studio["backdrop"]()] * 60)
    rows = np.mgrid[:96, :96][0] + 0.5
    for t, frame in enumerate(frames):
        y = 30 if t < 20 else 80
        shaded = frame.copy()
        studio["draw"](shaded, 20 + t, y, 12, tuple(0.75 * wall))
        studio["draw"](frame, 20 + t, y, 12, RED)
        if t < 20:
            frame[rows < y] = shaded[rows < y]
    tracking, course = seen(frames)
    item, = tracking.tracks
    assert item.torn[:20].all() and not item.torn[20:].any()
    assert not course[0].is_exact[:20].any() and course[0].is_exact[22:58].all()
    assert "changes size" not in measures.permanence(frames, tracking).values["faults"]


def test_two_of_one_colour_from_the_start_are_no_twin(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 20 + 0.5 * t, 66, 9, RED)
        studio["draw"](frame, 75, 25 + 0.3 * t, 9, RED)
    tracking = track(frames)
    assert len(tracking.tracks) == 1 and tracking.tracks[0].twins.min() == 1
    assert measures.permanence(frames, tracking).holds is True


def test_what_a_wall_swallows_vanishes_also_near_the_lower_edge(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 80 - 2.5 * t, 80, 9, RED)
        frame[:, :25] = studio["backdrop"]()[:, :25]
    assert "vanishes" in measures.permanence(frames, track(frames)).values["faults"]


def test_what_goes_on_elsewhere_has_vanished(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 20 + 0.5 * t + (30 if t >= 30 else 0), 60, 8, RED)
    faults = measures.permanence(frames, track(frames)).values["faults"]
    assert "vanishes" in faults and "appears" in faults


def test_a_leap_from_rest_must_be_seen_to_rise(studio, bounce):
    tracking, (course,) = seen(bounce[0])
    times = np.arange(len(course.z)) / 24.0 - 1
    up = Impact(1.0, 0, 0.0, 2.0, "floor", after=(0.0, 2.0))
    rises = np.maximum(2.0 * times - 0.5 * 9.81 * times**2, 0) * (times > 0) + 0.2
    shakes = np.where(np.arange(len(times)) == 25, 0.23, 0.2)
    for heights, faults in ((rises, ["leaps from rest"]), (shakes, [])):
        lying = replace(course, x=np.full_like(heights, 0.1), z=heights, impacts=(up,), flights=())
        assert measures.collision([lying], tracking, 24.0).values["faults"] == faults


def test_passing_through_is_found_and_rebounding_is_not(studio):
    def meet(pass_through):
        frames = np.stack([studio["backdrop"]()] * 60)
        for t, frame in enumerate(frames):
            one, other = 15 + t, 80 - t
            if not pass_through and other - one < 19:
                one, other = 15 + 23 - (t - 23), 80 - 23 + (t - 23)
            studio["draw"](frame, other, 66, 9, BLUE)
            studio["draw"](frame, one, 66, 9, RED)
        tracking, course = seen(frames)
        return measures.collision(course, tracking, 24.0)

    assert "passes through" in meet(True).values["faults"]
    assert "passes through" not in meet(False).values["faults"]


def test_warping_forgives_motion_and_flicker_counts_what_stands_still():
    rng = np.random.default_rng(0)
    picture = rng.uniform(0, 1, (48, 48, 3)).astype(np.float32)
    inner = (slice(8, 40), slice(8, 40))
    moved = np.roll(picture, (2, -3), (0, 1))
    assert measures.warping_error(picture, picture) == 0
    assert measures.warping_error(picture, moved) < 0.5 * 255 * np.abs(picture - moved)[inner].mean()
    frames = np.full((24, 96, 96, 3), 0.5, np.float32)
    frames[1::2] += 2 / 255
    values = measures.steadiness(frames, track(frames)).values
    assert values["flicker"] == pytest.approx(2, abs=0.01)
