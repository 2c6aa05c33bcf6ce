"""What prompts of the other families are about, and deeds that drawn clips show or don't."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.adherence import Look
from sora_core.evaluation.deeds import distribution_of, family_of, judge_deeds
from sora_core.evaluation.prompts import SUITES, suite_prompts
from sora_core.evaluation.tracker import track

RED, BLUE = (0.80, 0.07, 0.08), (0.08, 0.20, 0.85)


def judged(prompt, frames, colour="red"):
    tracking = track(frames)
    looks = [Look({colour: 0.9, "blue": 0.1}, {"ball": 1.0}, {"wood": 1.0})] * len(tracking.tracks)
    return {(fact.about, fact.asked): fact.holds for fact in judge_deeds(prompt, frames, tracking, looks, 24.0)[0]}


def film(studio, x, y, still=()):
    frames = np.stack([studio["backdrop"]()] * len(x))
    for frame, column, row in zip(frames, x, y, strict=True):
        for where, colour in still:
            studio["draw"](frame, *where, 8, colour)
        studio["draw"](frame, column, row, 7, RED)
    return frames


T = np.arange(72.0)
SWINGING = 48 + 22 * np.cos(T / 7), 40 + 10 * np.sin(T / 7) ** 2
PASSING = 8 + 1.1 * T, np.full(72, 40.0)
DESCENDING = 10 + T, 30 + 0.5 * T


@pytest.mark.parametrize(("prompt", "name", "way", "holds"), [
    ("a red ball swings on a rod to and fro", "swings", SWINGING, True),
    ("a red ball swings like a pendulum", "swings", PASSING, False),
    ("a red ball rolls down a ramp", "comes down", DESCENDING, True),
    ("a red ball rolls down a slope", "comes down", PASSING, False),
    ("a red football is kicked into the goal", "is kicked", PASSING, True),
])
def test_deeds_are_seen(studio, prompt, name, way, holds):
    found = judged(prompt, film(studio, *way))
    assert found["deed", name] is holds and found["colour", "red"] is True


def test_a_stack_that_falls_and_one_that_stands(studio):
    def stack(falls):
        frames = np.stack([studio["backdrop"]()] * 72)
        for t, frame in enumerate(frames):
            down = min(max(t - 30, 0) * 1.5, 18.0) if falls else 0.0
            studio["draw"](frame, 50, 78, 9, BLUE, "box")
            studio["draw"](frame, 50 + down, 60 + down, 9, RED, "box")
        return frames

    prompt = "a green ball hits a stack of two boxes, and the boxes fall"
    assert judged(prompt, stack(True))["deed", "falls"] is True
    assert judged(prompt, stack(False))["deed", "falls"] is not True


def test_a_shot_and_a_walk_have_verdicts_of_their_own(studio, bounce):
    tracking = track(bounce[0])
    assert set(judge_deeds("a basketball is shot into the hoop", bounce[0], tracking, [], 24.0)[1]) == {"shot"}
    facts, verdicts = judge_deeds("a man walks to the left", bounce[0], tracking, [], 24.0)
    assert set(verdicts) == {"feet"} and [fact.holds for fact in facts if fact.about == "person"] == [False]


def test_prompts_of_other_families_are_a_suite_of_their_own():
    prompts = suite_prompts("families")
    groups = [distribution_of(prompt) for prompt in prompts]
    names = ("in distribution", "new combination", "out of range")
    assert tuple(groups.count(name) for name in names) == SUITES["families"]
    assert {family_of(prompt) for prompt in prompts} == {
        "basketball", "billiards", "pendulum", "ramp", "topple", "goal", "people"}
    assert not [prompt for suite in ("quick", "full") for prompt in suite_prompts(suite) if family_of(prompt)]
