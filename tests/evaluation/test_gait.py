"""A drawn figure whose feet stand or slide, which way it goes, and what prompts ask of people."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.gait import asked_way, find_figure, walking
from sora_core.evaluation.tracker import track

STANCE, STRIDE, FOOT, GROUND = 16, 24, 8, 80


def film(studio, way=1, slide=0.0, frames=90):
    """A body that goes 1.5 pixels a frame; each foot stands for 16 frames, or slides by so many pixels a frame."""
    pictures = np.stack([studio["backdrop"]()] * frames)
    for t, frame in enumerate(pictures):
        middle = round(10 + 0.9 * t)
        feet = [round(4 + STRIDE * 0.6 * n + slide * (t - 8 * n * 2)) for n in range(-1, 8)
                if 16 * n <= t < 16 * n + STANCE + 2]
        part = np.zeros(frame.shape[:2], bool)
        part[GROUND - 44: GROUND - 6, max(middle - 5, 0): middle + 6] = True
        for foot in feet:
            part[GROUND - 7: GROUND, max(foot + 2, 0): foot + 2 + FOOT] = True
        frame[part if way > 0 else part[:, ::-1]] = (0.15, 0.25, 0.75)
    return pictures


@pytest.mark.parametrize("way", [1, -1])
def test_planted_feet_stand_still(studio, way):
    frames = film(studio, way)
    tracking = track(frames)
    assert find_figure(frames, tracking).height == pytest.approx(44, abs=2)
    found = walking(frames, tracking, 24.0)
    assert found.values["way"] == ("right" if way > 0 else "left")
    assert found.holds is True and abs(found.values["slip"]) < 0.05 and found.values["stances"] >= 3


def test_sliding_feet_are_found(studio):
    frames = film(studio, slide=0.45)
    found = walking(frames, track(frames), 24.0)
    assert found.holds is False and found.values["slip"] == pytest.approx(0.45 * 24 * 1.7 / 44, rel=0.25)


def test_no_figure_no_verdict(studio, bounce):
    assert walking(bounce[0], track(bounce[0]), 24.0).holds is None


@pytest.mark.parametrize(("prompt", "way"), [
    ("a man walks from left to right", "right"), ("a woman in red jogs toward the left", "left"),
    ("a boy strolls across the grass", ""), ("a red ball rolls to the left", None),
])
def test_where_a_prompt_has_somebody_go(prompt, way):
    assert asked_way(prompt) == way
