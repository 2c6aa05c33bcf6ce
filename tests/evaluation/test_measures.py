"""Each measure on a film that is right, and on one where one thing is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation import measures
from sora_core.evaluation.events import courses
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
