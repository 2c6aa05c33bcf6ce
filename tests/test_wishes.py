"""What prompts say of the course of things, and sketches turned that way."""

import pytest
import torch

from sora_core.models.sketch import Sketch
from sora_core.wishes import (
    ALL,
    ANGLED,
    ANY,
    FALLS,
    FRONT,
    HIGH,
    LOW,
    NO_WISHES,
    STANDING,
    Wishes,
    read_wishes,
    travel_direction,
    turned,
)


@pytest.mark.parametrize(("prompt", "direction"), [
    ("a ball rolls from left to right", 1), ("A BALL ROLLS FROM THE RIGHT", -1), ("it slides toward the left", -1),
    ("thrown in from the left, it bounces", 1), ("rolls over a wooden floor to the right", 1), ("right to left", -1),
    ("rolls leftwards", -1), ("one ball comes from the left, one from the right", 0), ("a ball on the left falls", 0),
    ("a red ball drops", 0), ("", 0), ("the right colour of the leftovers", 0), ("to the right-hand side", 1)])
def test_what_prompts_say(prompt, direction):
    assert travel_direction(prompt) == direction


@pytest.mark.parametrize(("prompt", "meeting"), [
    ("a red ball and a blue box collide", True), ("two balls roll across the ice and hit each other", True),
    ("a green ball rolls to the right and bumps into a box", True), ("it strikes the small blue wooden cube", True),
    ("a ball hits a large yellow ball", True), ("a collision of two cubes", True), ("one knocks the other away", True),
    ("a red ball falls and hits the floor", False), ("a box slides into a wall", False),
    ("a ball bumps into a wall", False), ("two balls collide on a tiled floor", True),
    ("a ball rolls on the ice", False), ("", False), ("it crashes onto the wooden floor", False)])
def test_meetings_that_prompts_ask_for(prompt, meeting):
    assert read_wishes(prompt).meeting == meeting


@pytest.mark.parametrize(("prompt", "things"), [
    ("a red ball drops onto a wooden floor", True), ("two boxes slide over the ice in an ice rink", True),
    ("a box is thrown in from the left", True), ("a man throws a ball", False), ("the dog runs after the ball", False),
    ("a basketball goes through the hoop", False), ("a ball rolls down a ramp", False), ("waves on a beach", False),
    ("a ball is kicked into the goal", False), ("", False)])
def test_prompts_that_are_about_things_alone(prompt, things):
    assert read_wishes(prompt).things == things


@pytest.mark.parametrize("prompt", [
    "", "a ball", "two dark red cubes hit each other, seen from above", "a basketball misses the hoop",
    "a red ball, a blue box and three white balls fall to the left", "a tiny ball", "a man in a green shirt walks"])
def test_wishes_are_numbers_and_back(prompt):
    wishes = read_wishes(prompt)
    numbers = wishes.to_numbers()
    assert Wishes.from_numbers(numbers) == wishes and len(numbers) == len(NO_WISHES.to_numbers())


@pytest.mark.parametrize(("prompt", "alone"), [
    ("a ball hits a box", True), ("two balls collide", True), ("balls bounce", False), ("a ball hits a stack", False),
    ("a ball swings on a rod", False), ("a ball hits six boxes", False), ("a ball rolls past a man", False),
    ("a white ball on a billiard table", False), ("a woman walks", True), ("", False)])
def test_whether_there_is_nothing_else(prompt, alone):
    assert read_wishes(prompt).alone == alone


@pytest.mark.parametrize(("prompt", "stack"), [
    ("a ball hits a stack of boxes, which topples", FALLS), ("a ball knocks over a tower of three boxes", FALLS),
    ("a ball misses the pile of boxes", STANDING), ("a ball hits a stack, and it stays standing", STANDING),
    ("a ball rolls at a stack of two boxes", 0), ("a box falls", 0), ("", 0)])
def test_what_becomes_of_a_stack(prompt, stack):
    assert read_wishes(prompt).stack == stack


@pytest.mark.parametrize(("prompt", "falls"), [
    ("a red ball drops onto the floor", ANY), ("a metal ball and a wooden box fall at the same time", ALL),
    ("two balls are dropped, both land on grass", ALL), ("a ball rolls over a carpet", 0),
    ("a stack of two boxes falls", 0), ("a woman falls", 0), ("a box falls over", 0), ("several balls fall", 0)])
def test_what_comes_down(prompt, falls):
    assert read_wishes(prompt).falls == falls
    assert Wishes.from_numbers(read_wishes(prompt).to_numbers()).falls == falls


@pytest.mark.parametrize(("prompt", "view"), [
    ("Low angle shot: a ball falls", LOW), ("a ball rolls, seen from above", HIGH), ("a ball falls from above", 0),
    ("Three-quarter view of a box", ANGLED), ("Seen from the front: a ball", FRONT), ("a ball falls", 0)])
def test_where_a_prompt_looks_from(prompt, view):
    assert read_wishes(prompt).view == view


def test_sketches_go_as_they_are_told():
    states = torch.zeros(3, 3, 97, 8)
    states[0, 0, :, 0] = torch.linspace(-0.4, 0.4, 97)          # to the right
    states[1, 1, :, 0] = torch.linspace(0.4, -0.4, 97)          # the second thing moves, to the left
    states[1, 0, :, 0] = 0.1
    states[2, 2, :, 0] = torch.linspace(-0.4, 0.4, 97)          # what is absent doesn't count
    traits = torch.ones(3, 3, 6)
    traits[2, 2, 0] = -1
    sketch = Sketch(states, torch.zeros(3, 3, 97), traits, torch.tensor([[0.0, 0.2, 0.3, 1.0]]).repeat(3, 1))
    right, left = turned(sketch, 1), turned(sketch, -1)
    assert torch.equal(right.states[0], states[0]) and torch.equal(right.states[1, ..., 0], -states[1, ..., 0])
    assert torch.equal(left.states[1], states[1]) and torch.equal(left.states[0, ..., 0], -states[0, ..., 0])
    assert torch.equal(right.stage[1], torch.tensor([0.2, 0.0, -0.3, -1.0])), "the stage turns with it"
    assert torch.equal(right.states[2], states[2]) and torch.equal(left.states[2], states[2])
    assert turned(sketch, 0) is sketch
