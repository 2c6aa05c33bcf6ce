"""What is legal: every size and length that may be asked for ends in a legal one, or in a refusal."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.engines.facts import ENGINES, LTX_25, MINIMAX_H3, MODES, WAN_14B_TEXT, WAN_S2V
from sora_core.engines.sizes import ASPECT_TOLERANCE, covering_frames, fit_canvas, fit_size, frames_at_rate
from sora_core.errors import ConfigError

SIDES = st.integers(64, 4096)
LENGTHS = st.floats(0.1, 60.0)
SETTINGS = settings(max_examples=25, deadline=None)
LAWS = {law: f"{engine.name}, {mode}" for engine in ENGINES.values() for mode in MODES
        for law in [engine.law_of(mode)]}


def is_legal(law, canvas) -> bool:
    return (canvas.width % law.multiple == 0 and canvas.height % law.multiple == 0
            and canvas.width * canvas.height <= law.max_pixels and canvas.frames >= law.frame_offset
            and (canvas.frames - law.frame_offset) % law.frame_step == 0 and canvas.frames <= law.max_frames
            and canvas.rate in law.rates and canvas.seconds <= law.max_seconds)


@pytest.mark.parametrize("law", LAWS, ids=LAWS.get)
@given(width=SIDES, height=SIDES, seconds=LENGTHS, rate=st.one_of(st.none(), st.integers(1, 120)))
@SETTINGS
def test_any_size_and_length_is_legal_or_refused(law, width, height, seconds, rate) -> None:
    try:
        canvas = fit_canvas(law, width=width, height=height, seconds=seconds, rate=rate)
    except ConfigError as error:
        assert "; choose" in str(error)
        return
    assert is_legal(law, canvas)
    assert abs(canvas.width / canvas.height / (width / height) - 1) <= ASPECT_TOLERANCE
    shortest = law.frame_offset if law.frame_offset > 1 else 1 + law.frame_step
    if canvas.frames > shortest:
        most = law.frame_step if law.rounds_up else law.frame_step / 2
        assert abs(canvas.seconds - seconds) * canvas.rate <= most + 1e-6       # 4.9 s at 50 lies right between two
    if law.rounds_up:
        assert canvas.seconds >= seconds - 1e-3


@pytest.mark.parametrize("law", LAWS, ids=LAWS.get)
@given(across=st.integers(2, 4096), down=st.integers(2, 4096))
@SETTINGS
def test_what_is_legal_stays_as_it_is(law, across, down) -> None:
    width, height = (max(law.min_side, side // law.multiple * law.multiple) for side in (across, down))
    if width * height <= law.max_pixels:
        assert fit_size(law, width, height) == (width, height)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: engine.name)
def test_usual_shapes_are_never_refused(engine) -> None:
    for width, height in ((1280, 720), (720, 1280), (1024, 1792), (1792, 1024), (512, 512), (128, 128), (1920, 1080)):
        made = fit_size(engine.law, width, height)
        assert abs(made[0] / made[1] / (width / height) - 1) <= ASPECT_TOLERANCE


@pytest.mark.parametrize(("law", "seconds", "frames"), [
    *[(MINIMAX_H3.law, s, n) for s, n in ((4, 107), (5, 124), (8, 192), (10, 243), (12, 294), (15, 362))],
    *[(LTX_25.law, s, n) for s, n in ((4, 97), (5, 121), (8, 193), (10, 241), (12, 289), (15, 361), (20, 481))],
    *[(WAN_14B_TEXT.law, s, n) for s, n in ((4, 65), (5, 81), (8, 129), (10, 161))],
    (WAN_S2V.law, 4, 77), (WAN_S2V.law, 5, 157),
])
def test_seconds_become_the_frames_that_the_templates_have(law, seconds, frames) -> None:
    assert fit_canvas(law, width=512, height=512, seconds=seconds).frames == frames


@pytest.mark.parametrize(("change", "words"), [
    ({"width": 63}, "choose 64 to 4096 pixels"), ({"height": 4097}, "choose 64 to 4096 pixels"),
    ({"seconds": 0.05}, "choose 0.1 to 60"), ({"seconds": 61}, "choose 0.1 to 60"),
    ({"seconds": float("nan")}, "choose 0.1 to 60"), ({"seconds": 30}, "extend the clip afterwards"),
])
def test_refusals_say_what_to_do(change, words) -> None:
    asked = {"width": 1280, "height": 720, "seconds": 5, **change}
    with pytest.raises(ConfigError, match=words):
        fit_canvas(LTX_25.law, **asked)


def test_a_shape_that_no_size_has_is_refused() -> None:
    coarse = replace(LTX_25.law, multiple=512, max_pixels=1024 * 1024)
    with pytest.raises(ConfigError, match="a shape nearer to a square"):
        fit_size(coarse, 1000, 700)


@given(frames=st.integers(1, 400))
@SETTINGS
def test_a_given_clip_is_covered_by_the_next_legal_length(frames) -> None:
    law = MINIMAX_H3.law
    try:
        covered = covering_frames(law, frames)
    except ConfigError:
        assert frames > law.max_frames
        return
    assert covered >= frames and (covered - law.frame_offset) % law.frame_step == 0
    assert covered - frames < law.frame_step or covered == law.frame_offset


@given(frames=st.integers(1, 300), rate=st.sampled_from([12, 24, 25, 30, 60]), new=st.sampled_from([16, 24, 50]))
@SETTINGS
def test_another_rate_keeps_the_time(frames, rate, new) -> None:
    picks = frames_at_rate(frames, Fraction(rate), Fraction(new))
    assert picks == sorted(picks) and 0 <= picks[0] and picks[-1] < frames
    assert abs(len(picks) / new - frames / rate) <= (1 if len(picks) == 1 else 0.5) / new + 1e-9
    assert all(abs(pick / rate - i / new) <= 0.5 / rate + 1e-9 or pick == frames - 1 for i, pick in enumerate(picks))
