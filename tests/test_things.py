"""The balls and boxes that prompts name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.things import COLOURS, MOST, Thing, named_figure, named_things

NAMES = {colour: name for name, colour in COLOURS.items()}


def told(prompt: str) -> str:
    """Such as "red ball, box"."""
    return ", ".join(f"{NAMES.get(thing.colour, '?') + ' ' if thing.colour else ''}{'box' if thing.is_box else 'ball'}"
                     for thing in named_things(prompt))


@pytest.mark.parametrize(("prompt", "things"), [
    ("a red ball drops onto a wooden floor", "red ball"), ("two yellow balls fall", "yellow ball, yellow ball"),
    ("A yellow glass ball and a cyan box fall", "? ball, cyan box"), ("green ball", "green ball"),
    ("The violet sphere rolls", "purple ball"), ("a large orange metal ball hits another ball", "orange ball, ball"),
    ("a ball hits another", "ball, ball"), ("two balls hit one another", "ball, ball"),
    ("two small blue boxes slide; the boxes stop", "blue box, blue box"), ("a ball on a red carpet", "ball"),
    ("one red cube and two blue balls drop", "red box, blue ball, blue ball"),
    ("two balls, a red and a blue one, collide", "red ball, blue ball"),
    ("two balls, a red ball and a blue ball, roll", "red ball, blue ball"),
    ("three balls: red, green and blue", "red ball, green ball, blue ball"),
    ("a red ball, blue ball and green ball fall", "red ball, blue ball, green ball"),
    ("a dark green cube", "? box"), ("a gray block lies still", "grey box"), ("five balls", ", ".join(5 * ["ball"])),
    ("two balls roll and one ball hits the other ball", "ball, ball"),
    ("A red ball and a box roll. The two things meet, and the red ball stops", "red ball, box"),
    ("a ball hits a second ball; the second ball rolls away", "ball, ball"), ("The two boxes fall", "box, box"),
    ("six balls fall", ""), ("12 red balls", ""), ("balls bounce", ""), ("some boxes", ""),
    ("a tower of two boxes", "box, box"),
    ("a ball swings on a rod", "ball"), ("three boxes and three balls", ""), ("waves on a beach", ""), ("", ""),
])
def test_what_prompts_name(prompt, things):
    assert told(prompt) == things


def test_sizes():
    assert [thing.size for thing in named_things("a tiny red ball, a ball and two big boxes")] == [-1, 0, 1, 1]


def test_shades_and_glass_mix_the_colour():
    red = COLOURS["red"]
    (dark,), (pale,), (glass,) = (named_things(f"a {what} ball") for what in ("dark red", "light red", "red glass"))
    assert all(value < before for value, before in zip(dark.colour, red, strict=True))
    assert all(value > before for value, before in zip(pale.colour, red, strict=True))
    assert all(value > before for value, before in zip(glass.colour, red, strict=True))


@given(st.lists(st.sampled_from("a an one two three the another red dark ball balls box , and : ( hit".split()),
                max_size=14))
@settings(max_examples=200, deadline=None)
def test_any_words_name_at_most_what_a_sketch_holds(words):
    things = named_things(" ".join(words))
    assert len(things) <= MOST and all(isinstance(thing, Thing) for thing in things)


def colours(prompt: str) -> list[str | None]:
    """Of the parts of the figure that a prompt names."""
    return [thing.colour and NAMES.get(thing.colour, "?") for thing in named_figure(prompt)]


@pytest.mark.parametrize(("prompt", "parts"), [
    ("a woman in a red shirt walks across a wooden floor", ["red", None, None, None, None]),
    ("A man wearing a green jacket and blue trousers runs", ["green", "blue", "blue", None, None]),
    ("a figure skater in red does an axel", ["red", None, None, None, None]),
    ("a child in black jeans jumps", [None, "black", "black", None, None]),
    ("a gymnast does a backflip", 5 * [None]), ("a brown dog barks", 5 * ["brown"]),
    ("a small yellow bird hops", ["yellow", "yellow", "yellow", None, None]),
    ("the cat sits on a red carpet", 5 * [None]), ("a man walks in blue light", 5 * [None]),
    ("two men walk", []), ("a man and a woman talk", []), ("a man walks his dog", []),
    ("a man throws a ball", 5 * [None]),
    ("a red ball rolls past a man", []), ("a man throws a basketball at the hoop", []),
    ("a goalkeeper dives", []), ("a red ball falls", []), ("", [])])
def test_what_a_figure_wears(prompt, parts):
    assert colours(prompt) == parts
    assert all(thing.is_part and thing.is_box for thing in named_figure(prompt))


def test_of_two_colours_most_is_the_first():
    (top, *_) = named_figure("a boy in a red and white striped T-shirt strolls")
    assert top.colour[0] > 0.8 and 0.2 < top.colour[1] < 0.5
