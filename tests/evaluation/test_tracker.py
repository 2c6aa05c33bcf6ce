"""Trackers on synthetic films: where, how many, which colour, and what isn't a thing."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.tracker import track

RED, GREEN, BLACK = (0.80, 0.07, 0.08), (0.08, 0.60, 0.16), (0.05, 0.05, 0.06)
PURPLE, YELLOW = (0.31, 0.08, 0.51), (0.80, 0.70, 0.08)


def test_a_falling_ball_is_followed_within_a_third_of_a_pixel(studio):
    heights, _ = studio["bouncing"]()
    x, y = studio["to_pixels"](np.full_like(heights, 0.1), heights)
    found = track(studio["film"](heights))
    assert len(found.tracks) == 1
    item = found.tracks[0]
    inside = item.whole
    assert inside.mean() > 0.9
    assert np.hypot(item.x - x, item.y - y)[inside].max() < 0.35
    assert item.radius == pytest.approx(10, abs=0.6) and item.twins.max() == 0
    assert np.median(item.fill[inside]) > 0.84


def test_what_rests_from_the_start_is_seen_where_it_is(studio):
    frames = np.stack([studio["backdrop"]()] * 48)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 20 + min(t, 20), 70, 9, GREEN)            # rests for more than half of the clip
        studio["draw"](frame, 75, 69, 8, RED, "box")                   # rests all the time
    found = track(frames)
    assert len(found.tracks) == 2
    places = sorted((float(np.median(item.x)), float(item.seen.mean())) for item in found.tracks)
    assert places[0][0] == pytest.approx(40, abs=1) and places[1][0] == pytest.approx(75, abs=1)
    assert min(share for _, share in places) > 0.95


def test_two_that_touch_stay_two(studio):
    frames = np.stack([studio["backdrop"]()] * 40)
    for t, frame in enumerate(frames):
        studio["draw"](frame, min(15 + 1.5 * t, 52), 68, 9, RED)
        studio["draw"](frame, max(80 - 0.5 * t, 70), 68, 9, GREEN)
    found = track(frames)
    assert len(found.tracks) == 2
    last = sorted((item.x[-1], item.area[-1], bool(item.near[-1])) for item in found.tracks)
    assert last[0][0] == pytest.approx(52, abs=1) and last[1][0] == pytest.approx(70, abs=1)
    assert all(near for _, _, near in last) and not found.tracks[0].near[0]


def test_a_shadow_is_no_thing(studio):
    frames = np.stack([studio["backdrop"]()] * 40)
    rows, columns = np.mgrid[:96, :96]
    for t, frame in enumerate(frames):
        frame[np.hypot((columns - 20 - t) / 2.2, rows - 84) < 5] *= 0.6
        studio["draw"](frame, 20 + t, 66, 9, BLACK)
    found = track(frames)
    assert len(found.tracks) == 1
    assert found.tracks[0].radius == pytest.approx(9, abs=0.8)


def test_a_twin_is_counted(studio):
    frames = np.stack([studio["backdrop"]()] * 40)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 20 + t, 66, 9, RED)
        if t >= 20:
            studio["draw"](frame, 85 - t, 30, 9, RED)
    item, = track(frames).tracks
    assert item.twins[:20].max() == 0 and item.twins[20:].min() == 1


def test_two_pieces_of_one_thing_are_no_twins(studio):
    frames = np.stack([studio["backdrop"]()] * 40)
    for t, frame in enumerate(frames):
        behind = frame.copy()
        studio["draw"](frame, 30 + 0.5 * t, 66, 11, RED, "box")
        frame[64:68] = behind[64:68]                            # a strip of it looks like what is behind it
    item, = track(frames).tracks
    assert item.twins.max() == 0


def test_specks_of_its_colour_are_not_the_thing_that_left(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 60, 70, 14, RED)
        studio["draw"](frame, 20 - 1.5 * t, 40, 12, GREEN)
        if t > 40 and t % 6 == 0:
            frame[76:81, 50:55] = GREEN                         # a reflection
    green, = (item for item in track(frames).tracks if item.colour[1] > 0.4)
    assert green.seen[:15].all() and not green.seen[30:].any()


def test_what_moved_by_less_than_its_size_is_no_background(studio):
    """Where both its places overlap, it is never uncovered."""
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 50, min(22 + 3 * t, 38), 13, RED)
    found = track(frames)
    assert np.abs(found.layers.background - studio["backdrop"]()).max() < 0.1
    item, = found.tracks
    assert np.sqrt(item.area[-20:] / np.pi) == pytest.approx(13, abs=0.6)


def test_what_stands_beside_a_resting_thing_does_not_smear_over_it(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 30 - 0.2 * min(max(t - 6, 0), 10), 70, 9, PURPLE, "box")
        studio["draw"](frame, max(85 - 6 * t, 49), 71, 9, YELLOW)
    assert np.abs(track(frames).layers.background - studio["backdrop"]()).max() < 0.12


def test_an_empty_scene_has_no_things(studio):
    noise = np.random.default_rng(0).normal(0, 0.004, (30, 96, 96, 3)).astype(np.float32)
    assert track(np.stack([studio["backdrop"]()] * 30) + noise).tracks == ()
