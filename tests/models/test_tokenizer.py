"""The tokenizer: nothing is unknown, nothing breaks it, and a damaged vocabulary is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_core.errors import CheckpointError, PromptError
from sora_core.models.tokenizer import BEGIN, FIRST_MERGE, Tokenizer, train_tokenizer

TEXTS = ["a red rubber ball drops onto a wooden floor and bounces", "a blue metal box slides across the ice"] * 4
TOKENIZER = train_tokenizer(TEXTS, 400)


def test_words_of_the_corpus_become_single_tokens():
    assert len(TOKENIZER.encode("a red rubber ball")) == 1 + 4
    assert len(TOKENIZER.encode("a red rubber bll")) > 1 + 4


def test_a_vocabulary_grows_and_what_it_knew_stays():
    grown = train_tokenizer(["a dog trots along and barks"] * 3, 500, TOKENIZER)
    assert len(TOKENIZER.encode("a dog barks")) > 1 + 3 == len(grown.encode("a dog barks"))
    assert grown.merges[:len(TOKENIZER.merges)] == TOKENIZER.merges
    for text in TEXTS:
        assert grown.encode(text) == TOKENIZER.encode(text)


def test_the_empty_prompt_is_the_unconditional_one():
    assert TOKENIZER.encode("") == TOKENIZER.encode("  \n\t ") == [BEGIN]


def test_capitals_and_spaces_do_not_matter():
    assert TOKENIZER.encode("A  RED Rubber\nball") == TOKENIZER.encode("a red rubber ball")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80))
def test_any_text_comes_back_as_it_was_normalised(text):
    ids = TOKENIZER.encode(text)
    assert all(0 < i < TOKENIZER.vocabulary_size for i in ids)
    assert TOKENIZER.encode(TOKENIZER.decode(ids)) == TOKENIZER.encode(TOKENIZER.decode(TOKENIZER.encode(text)))


@pytest.mark.parametrize("text", ["\U0001f3c0 bounces", "\u0643\u0631\u0629 \u062d\u0645\u0631\u0627\u0621",
                                  "un ballon rouge d\u00e9vale", "\u7ea2\u7403"])
def test_other_scripts_survive(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@pytest.mark.parametrize("text", ["ball\0", "ball \ud800"])
def test_broken_characters_are_refused(text):
    with pytest.raises(PromptError, match="remove it"):
        TOKENIZER.encode(text)


def test_json_round_trip():
    again = Tokenizer.from_json(json.loads(json.dumps(TOKENIZER.to_json())))
    assert again.encode(TEXTS[1]) == TOKENIZER.encode(TEXTS[1])


@pytest.mark.parametrize("value", [None, {}, {"kind": "byte-bpe"}, {"kind": "byte-bpe", "merges": [[2, FIRST_MERGE]]},
                                   {"kind": "byte-bpe", "merges": [[2, "3"]]}, {"kind": "words", "merges": []}])
def test_damaged_vocabularies_are_refused(value):
    with pytest.raises(CheckpointError, match="vocabulary"):
        Tokenizer.from_json(value)
