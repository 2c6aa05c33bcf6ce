"""Neutral prompts in the words of each engine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.engines.facts import ENGINES
from sora_core.engines.prompts import compile_prompt, negative_of

STORY = """Style: 35mm film, rainy night
Shot 1 (0-3.5 s): Wide shot. A detective walks under a streetlamp.
Dialogue:
Detective: "You're lying."
Background sound: rain on cars
Shot 2: Close-up of a woman's face; she smiles.
Music: a slow piano
Avoid: text, watermarks"""


def test_a_plain_description_stays_as_it_is() -> None:
    for engine in ENGINES.values():
        assert compile_prompt("a red ball drops onto a wooden floor", engine.wording, 5) == \
            "a red ball drops onto a wooden floor"


def test_ltx_gets_prose_with_speech_and_sound() -> None:
    text = compile_prompt(STORY, "prose", 8)
    assert "\n" not in text and "Shot 1" not in text and "Dialogue" not in text
    for part in ("35mm film", "streetlamp", 'Detective says, "You\'re lying."', "The sound of rain on cars",
                 "The music is a slow piano", "cuts to a new shot"):
        assert part in text, part
    assert text.index("streetlamp") < text.index("lying") < text.index("cuts to") < text.index("smiles")


def test_wan_gets_only_what_is_seen() -> None:
    text = compile_prompt(STORY, "silent prose", 8)
    assert "Detective speaks" in text and "lying" not in text and "rain on cars" not in text and "piano" not in text


def test_minimax_gets_shots_with_their_times() -> None:
    text = compile_prompt(STORY, "shots", 8)
    assert "[Shot 1] At 00:00.000, " in text and "[Shot 2] At 00:03.500, " in text
    assert "overall_soundscape:\nRain on cars." in text and "non_diegetic_music:\nA slow piano." in text
    assert text.index("summary:") < text.index("detailed_description:") < text.index("overall_soundscape:")


def test_times_shrink_with_the_clip() -> None:
    text = compile_prompt("Shot 1 (0-10 s): a cat sits.\nShot 2 (10-20 s): the cat runs.", "shots", 10)
    assert "[Shot 2] At 00:05.000, " in text


def test_what_shall_not_be_there_is_negative() -> None:
    assert "watermarks" in negative_of(STORY) and negative_of("a cat") == ""


@given(text=st.text(max_size=300))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("wording", sorted({engine.wording for engine in ENGINES.values()}))
def test_any_text_becomes_text(wording: str, text: str) -> None:
    made = compile_prompt(text, wording, 5)
    assert isinstance(made, str) and (made.strip() or not text.strip())
