"""What the embedded model gets of prompts written for Sora."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.prompt_plain import Plain, plain_words

from .test_prompt import COOKBOOK, FRENCH, ODD, STORYBOARD


def anything(_: str) -> bool:
    return True


@pytest.mark.parametrize("text", [
    "a red ball drops onto a wooden floor", "Static camera, front view: A Box Slides Over ICE", "",
    "a ball rolls over the grass in a park. Seen from above. A quiet rumble as it rolls",
])
def test_plain_descriptions_stay_to_the_letter(text: str) -> None:
    assert plain_words(text, anything) == Plain(text)


def test_a_storyboard_becomes_its_first_take() -> None:
    plain = plain_words(STORYBOARD, anything)
    assert plain.text == "A quiet courtyard at dusk. A blue ball rolls across the concrete."
    assert plain.unused == ("Left out: 2 of 3 shots, since the model makes one take; a line of dialogue, since it "
                            "doesn't speak; who @sam may be, since no such cameo is given; camera; style.")


def test_labels_go_and_what_the_model_has_words_for_is_said_in_those() -> None:
    plain = plain_words("Shot 1 (0-4s): Wide shot of a red ball rolling. Camera: locked-off, eye level\n"
                        "Lighting: warm, golden hour\nAudio: a quiet rumble", anything)
    assert plain == Plain("A red ball rolling. At dusk. Static camera, front view. A quiet rumble.")


def test_times_without_cuts_are_one_take() -> None:
    plain = plain_words("[0:00-0:03] A ball flies in.\n[0:03-0:06] It lands on the sand.", anything)
    assert plain == Plain("A ball flies in. It lands on the sand.")


def test_what_is_too_long_ends_with_a_sentence_and_says_so() -> None:
    def fits(text: str) -> bool:
        return len(text) <= 90

    plain = plain_words("A red ball falls. " * 20, fits)
    assert plain == Plain(("A red ball falls. " * 5).strip(), "Left out: the end, which is more than the model reads.")
    assert plain_words(COOKBOOK, fits).text == "In the center, a small round robot sits on a wooden bench."
    assert plain_words("x" * 101, fits) == Plain("x" * 101)        # left to whoever counts


@pytest.mark.parametrize(("text", "kept"), [
    ("A man throws a red ball", "A man throws"),
    ("a boy runs after an orange ball on the grass", "a boy runs on the grass"),
    ("A girl jumps over two white boxes and waves", "A girl jumps and waves"),
    ("a man in a green shirt walks past a yellow box", "a man in a green shirt walks")])
def test_of_somebody_with_a_thing_one_is_shown(text: str, kept: str) -> None:
    assert plain_words(text, anything) == Plain(kept, "Left out: balls and boxes, since it shows those or somebody, "
                                                      "not both.")
    assert plain_words("a red ball hits a man", anything) == Plain("a red ball hits a man")


def test_other_languages_are_told() -> None:
    assert plain_words(FRENCH, anything).unused.endswith("what the words mean, since it has learnt English only.")


@given(ODD, st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_any_text_becomes_one_line_for_people(text: str, most: int) -> None:
    plain = plain_words(text, lambda words: len(words) <= most)
    assert "\n" not in plain.unused and plain.unused.endswith(("", "."))
    assert plain.text == text or plain.text.strip()
