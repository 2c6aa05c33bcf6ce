"""Which of twenty lines is said, in the voice of a speech synthesiser."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation import suite
from sora_core.evaluation.reader import Warnings
from sora_core.evaluation.spoken import quoted, speech, which_line

PROMPT = 'a man says "What a beautiful day!" in a park'


@pytest.mark.parametrize(("prompt", "words"), [
    (PROMPT, "what a beautiful day"), ("a ball bounces", ""),
    ("\u201cHow are you?\u201d she asks. \u201cI\u2019m fine, thank you.\u201d", "how are you i m fine thank you"),
    ("elle dit \u00abBonjour\u00bb", "bonjour"),
])
def test_quoted_words(prompt, words):
    assert quoted(prompt) == words


def test_the_line_that_is_said_is_heard_and_another_is_not():
    pytest.importorskip("pocketsphinx", reason="the extra `evaluate` (pocketsphinx) is not installed")
    pytest.importorskip("espeakng_loader", reason="the extra `world` (espeakng-loader) is not installed")
    from sora_core.world.speech import SAMPLE_RATE, speak

    said = speak("What a beautiful day!", "en-us+m1", 42, 160).samples
    sound = np.pad(said, (6000, 20000)).astype(np.float32)
    assert speech(sound, SAMPLE_RATE, "what a beautiful day").holds is True
    assert which_line(sound, SAMPLE_RATE, "one two three jump") != "one two three jump"
    assert speech(0 * sound, SAMPLE_RATE, "what a beautiful day").holds is False


def test_speech_is_judged_where_a_prompt_quotes_it_or_left_out_by_name(tmp_path, studio, bounce, monkeypatch):
    frames, sound, _ = bounce
    path = studio["save"](tmp_path / "a.mp4", frames[:24], sound[:24000])
    monkeypatch.setattr(suite, "is_available", lambda: False)
    warnings = Warnings()
    result = suite.judge_file(path, PROMPT, tmp_path / "out", warnings)
    assert "speech" not in result["measures"]
    assert warnings.files["speech not judged: install the extra `evaluate`"] == ["a.mp4"]
