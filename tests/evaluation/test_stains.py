"""What generated clips have and true ones don't: soft outlines, and stains that stand still."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation import measures
from sora_core.evaluation import stains as stain_module
from sora_core.evaluation.adherence import _count
from sora_core.evaluation.events import courses
from sora_core.evaluation.geometry import Camera
from sora_core.evaluation.stains import stains
from sora_core.evaluation.tracker import track

FRONT = Camera("front", 7.0, 0.0, 96, 96)


def blot(frames, x, y, contrast, first=0):
    """A soft greenish spot that stands still from a frame on."""
    rows, columns = np.mgrid[:96, :96] + 0.5
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 7.0**2))[..., None]
    frames[first:] += contrast * spot * np.array([-0.4, 1.0, -0.2], np.float32)
    return frames


def soften(frames):
    """Average with the neighbours to each side."""
    return (np.roll(frames, 1, 1) + np.roll(frames, -1, 1) + np.roll(frames, 1, 2) + np.roll(frames, -1, 2)
            + 2 * frames) / 6


@pytest.mark.parametrize("gravity", [9.81, 4.905])
def test_a_soft_clip_with_stains_is_judged_like_a_sharp_one(studio, gravity):
    heights, _ = studio["bouncing"](gravity, frames=72)
    frames = blot(blot(soften(studio["film"](heights)), 22, 75, 0.07), 80, 20, 0.09)
    tracking = track(frames)
    assert _count(tracking) == 1
    found = courses(tracking, FRONT, 24.0)
    assert measures.gravity(found).holds is (gravity > 9)
    assert measures.gravity(found).values["ratio"] == pytest.approx(gravity / 9.81, rel=0.08)
    assert measures.permanence(frames, tracking).holds is True
    assert measures.collision(found, tracking, 24.0).holds is True


def test_a_break_is_found_among_stains_too(studio):
    heights, _ = studio["bouncing"](frames=72)
    frames = blot(soften(studio["film"](heights)), 22, 75, 0.07)
    empty = blot(soften(np.stack([studio["backdrop"]()] * 72)), 22, 75, 0.07)
    frames[30:50] = empty[30:50]
    assert "vanishes" in measures.permanence(frames, track(frames)).values["faults"]


def test_what_a_thing_leaves_behind_is_measured(studio, monkeypatch):
    def roll(contrast):
        frames = np.stack([studio["backdrop"]()] * 72)
        for t, frame in enumerate(frames):
            studio["draw"](frame, 25 + 0.9 * t, 68, 9, (0.8, 0.1, 0.1))
        return stains(blot(frames, 25, 68, contrast, 12), track(frames))

    clean, faint, plain = roll(0.0), roll(0.12), roll(0.21)
    assert clean.holds is True and clean.values["contrast"] < 4
    assert clean.values["contrast"] + 5 < faint.values["contrast"] < plain.values["contrast"] - 5
    monkeypatch.setattr(stain_module, "MOST", 10.0)
    assert roll(0.0).holds is True and roll(0.21).holds is False
    still = np.stack([studio["backdrop"]()] * 30)
    assert stains(still, track(still)).holds is None


def test_a_rim_of_another_colour_is_no_second_thing(studio):
    frames = np.stack([studio["backdrop"]()] * 60)
    for t, frame in enumerate(frames):
        studio["draw"](frame, 20 + t, 66, 11, (0.8, 0.1, 0.1))
        frame[72:77, 28 + t: 34 + t] = (0.2, 0.75, 0.35)
    assert _count(track(frames)) == 1
    for t, frame in enumerate(frames):
        studio["draw"](frame, 70 - 0.6 * t, 20, 7, (0.2, 0.75, 0.35))
    assert _count(track(frames)) == 2
