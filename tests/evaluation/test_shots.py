"""A drawn hoop, and balls that go in, miss, or leap in."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.shots import asked_outcome, find_hoop, shot
from sora_core.evaluation.tracker import track

ORANGE = (0.90, 0.45, 0.08)
RADIUS, HOOP_X, RIM_Y = 6.0, 74.0, 34.0


def scene(studio):
    """A backdrop with a net under a red rim, and a board behind."""
    picture = studio["backdrop"]()
    for row in range(11):
        for start in range(-12, 13, 4):
            for way in (1, -1):
                column = round(HOOP_X + (start + way * (row % 8)) * (1 - 0.02 * row))
                if abs(column - HOOP_X) <= 10:
                    picture[int(RIM_Y) + row, column] = 0.95
    picture[int(RIM_Y) - 1, int(HOOP_X) - 10: int(HOOP_X) + 10] = (0.8, 0.1, 0.1)
    picture[13:36, 88:91] = (0.15, 0.15, 0.5)
    return picture


def paths():
    t = np.arange(60.0)
    rise = 50 - 3.6 * t + 0.075 * t**2
    made_x = np.minimum(14 + 1.3 * t, HOOP_X)
    missed_x = np.where(t < 38, 14 + 1.25 * t, 14 + 1.25 * 38 - 0.8 * (t - 38))
    leap_x = np.where(t < 44, missed_x, HOOP_X)
    return {"made": (made_x, np.minimum(rise, 88)), "missed": (missed_x, np.minimum(rise, 88)),
            "leaps": (leap_x, np.minimum(np.where(t < 44, rise, 40 + 2 * (t - 44)), 88))}


def film(studio, name):
    x, y = paths()[name]
    frames = np.stack([scene(studio)] * len(x))
    for frame, column, row in zip(frames, x, y, strict=True):
        studio["draw"](frame, column, row, RADIUS, ORANGE)
    return frames


def test_the_hoop_is_found_where_the_net_hangs(studio):
    hoop = find_hoop(scene(studio), RADIUS)
    assert abs(hoop.x - HOOP_X) < 3 and abs(hoop.top - RIM_Y) < 4 and 7 < hoop.half < 12
    assert find_hoop(studio["backdrop"](), RADIUS) is None


@pytest.mark.parametrize("name", ["made", "missed"])
def test_how_a_shot_ends(studio, name):
    found = shot(track(film(studio, name)))
    assert found.holds is True and found.values == {"outcome": name, "faults": []}


def test_a_leap_into_the_hoop_is_found(studio):
    found = shot(track(film(studio, "leaps")))
    assert found.holds is False and found.values["faults"] == ["leaps"]


@pytest.mark.parametrize(("prompt", "outcome"), [
    ("an orange basketball is shot into the hoop in a gym", "made"),
    ("the basketball bounces off the backboard into the hoop", "made"),
    ("a basketball hits the rim and drops in", "made"), ("a basketball swishes through the net", "made"),
    ("a missed shot: a white basketball rebounds off the rim", "missed"),
    ("the basketball hits the board and does not go in", "missed"), ("an airball: the ball misses the hoop", "missed"),
    ("a basketball lies in a gym", None), ("a red ball drops through a hole", None),
])
def test_what_a_prompt_asks_of_a_shot(prompt, outcome):
    assert asked_outcome(prompt) == outcome
