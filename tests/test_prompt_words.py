"""Words that the model hasn't learnt."""

import pytest

from sora_core.prompt_plain import Plain, plain_words
from sora_core.prompt_words import NEAREST, known_words, unlearnt_words


@pytest.mark.parametrize(("text", "known"), [
    ("A crate plummets onto tarmac", "A box falls onto road"), ("an oak crate", "a wooden box"),
    ("a marble rolls over a marble floor", "a ball rolls over a tile floor"),
    ("An apple falls onto an oak floor", "A ball falls onto a wooden floor"),
    ("two soccer balls", "two footballs"), ("a golden retriever gallops", "a golden dog runs"),
    ("an orange ball", "an orange ball"), ("at an angle", "at an angle"), ("", "")])
def test_they_are_read_as_the_nearest_that_it_has(text, known):
    assert known_words(text)[0] == known


@pytest.mark.parametrize(("text", "known"), [
    ("A tower of boxes is knocked over by a red ball", "A red ball hits a tower of boxes and knocks everything over"),
    ("In a gym, the stack gets toppled by a ball", "In a gym, a ball hits the stack and knocks everything over"),
    ("a small blue box is hit by a red rubber ball on ice", "a red rubber ball hits a small blue box on ice"),
    ("a ball is hit by the wind", "a ball is hit by the wind")])
def test_who_hits_is_named_first(text, known):
    assert known_words(text)[0] == known


def test_people_are_told():
    assert plain_words("A crate falls at midnight", lambda _: True) == Plain(
        "A box falls at night", "Read as: box for crate, at night for at midnight.")


def test_nothing_is_replaced_twice():
    assert all(known_words(known)[0] == known for known in NEAREST.values())


def test_words_that_mean_nothing_are_named_once():
    known = {"a", "and", "the", "red", "ball", "rolls"}
    text = "A red rocket passes the teal ball, and the rocket rolls over it"
    assert unlearnt_words(text, lambda word: 1 if word in known else 3) == ["rocket", "passes"]
    assert unlearnt_words("a sunny red ball in a garden", lambda word: 1 if word in known else 3) == []
    assert unlearnt_words(text, len) == [], "a vocabulary of letters knows no words"


@pytest.mark.parametrize(("said", "read"), [
    ("a dog runs from left to right on the beach", "a dog trots from left to right on the beach"),
    ("a cat walks in from the left", "a cat trots in from the left"),
    ("a puppy jumps on the lawn", "a dog trots on the lawn"),
])
def test_a_beast_does_what_the_model_has_seen_one_do(said: str, read: str) -> None:
    assert known_words(said)[0] == read


@pytest.mark.parametrize("said", ["a dog runs across the lawn", "a woman runs from left to right", "a man jumps"])
def test_what_needs_no_other_deed_stays(said: str) -> None:
    assert known_words(said) == (said, {})
