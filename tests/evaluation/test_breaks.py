"""The instrument on true clips of the world and on clips broken on purpose, a few of each."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.errors import ResourceError
from sora_core.evaluation.breaks import BREAKS, HALF_SPEED, RARE, SAMPLE_RATE, SHIFT_S, Studio
from sora_core.evaluation.judge import judge_clip
from sora_core.evaluation.reader import Clip

BALL = 10                           # number of a clip in which one ball drops and bounces


@pytest.fixture(scope="module")
def world():
    studio = Studio()
    try:
        clip = studio.clip(BALL)
    except ResourceError as error:
        pytest.skip(str(error))
    with studio:
        yield studio, clip


def judged(clip):
    frames = np.ascontiguousarray(clip.frames).astype(np.float32) / 255
    return judge_clip(Clip("a.mp4", clip.record.captions[0], frames, np.ascontiguousarray(clip.sound), 24.0,
                           SAMPLE_RATE))


def test_a_true_clip_holds_and_its_caption_is_true(world):
    result = judged(world[1])
    assert {name: value["holds"] for name, value in result["measures"].items()} == {
        "gravity": True, "collision": True, "permanence": True, "steadiness": None, "sound": True, "stains": True}
    assert result["facts"] and all(fact["holds"] is not False for fact in result["facts"])
    assert result["measures"]["gravity"]["values"]["ratio"] == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("name", [name for name in BREAKS if name not in (*RARE, "time reversed")])
def test_each_break_is_found_by_its_measure(world, name):
    studio, clip = world
    measures, make = BREAKS[name]
    broken = make(clip, studio)
    assert broken is not None and broken.frames.shape == clip.frames.shape
    found = judged(broken)["measures"]
    assert False in [found[measure]["holds"] for measure in measures]


def test_breaks_break_what_they_say(world):
    studio, clip = world
    late = BREAKS["sound 100 ms late"][1](clip, studio)
    shift = round(SHIFT_S * SAMPLE_RATE)
    assert np.array_equal(late.sound[shift:], clip.sound[:-shift]) and (late.frames == clip.frames).all()
    slow = BREAKS["gravity halved"][1](clip, studio)
    step = 500
    assert np.allclose(slow.motion.poses[step], clip.motion.poses[round(step * HALF_SPEED)])
    assert BREAKS["through another"][1](clip, studio) is None


def test_the_same_number_gives_the_same_clip(world):
    studio, clip = world
    again = studio.clip(BALL)
    assert (again.frames == clip.frames).all() and (again.sound == clip.sound).all()
