"""Things that are gone, there, or of another colour at once, also where they touch; and what only moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sora_core.evaluation.sudden import sudden_changes
from sora_core.evaluation.tracker import track

RED, BLUE, CYAN = (0.80, 0.07, 0.08), (0.08, 0.16, 0.75), (0.10, 0.70, 0.72)


def film(studio, change):
    """A large blue ball that rolls in and stays, and a small one that comes to touch it and changes at frame 30."""
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 61 + max(20 - t, 0), 60, 13, BLUE)
        x = 20 + min(t, 20)
        if change != "gone" or not 30 <= t < 50:
            studio["draw"](frame, x, 62, 9, CYAN if change == "colour" and t >= 30 else RED)
        if change == "second" and t >= 30:
            studio["draw"](frame, 20, 25, 9, RED)
    return frames


@pytest.mark.parametrize(("change", "faults"), [
    ("nothing", []), ("gone", ["vanishes at once", "appears at once"]), ("second", ["appears at once"]),
    ("colour", ["changes colour at once"]),
])
def test_what_changes_at_once_is_named(studio, change, faults):
    frames = film(studio, change)
    assert sudden_changes(frames, track(frames)) == faults


def test_a_fast_ball_and_one_that_leaves_are_no_faults(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 12 + 6.5 * (t - 20), 40, 9, RED)
    assert sudden_changes(frames, track(frames)) == []


def test_what_is_taken_for_a_shadow_from_one_frame_on_has_not_vanished(studio):
    frames = film(studio, "nothing")
    tracking = track(frames)
    things = tracking.layers.things.copy()
    things[30:, :, :48] = False                                 # the picture goes on as before
    layers = replace(tracking.layers, things=things)
    assert sudden_changes(frames, replace(tracking, layers=layers)) == []
