"""Left and right: what prompts say, and sketches turned that way."""

import pytest
import torch

from sora_core.directions import travel_direction, turned
from sora_core.models.sketch import Sketch


@pytest.mark.parametrize(("prompt", "direction"), [
    ("a ball rolls from left to right", 1), ("A BALL ROLLS FROM THE RIGHT", -1), ("it slides toward the left", -1),
    ("thrown in from the left, it bounces", 1), ("rolls over a wooden floor to the right", 1), ("right to left", -1),
    ("rolls leftwards", -1), ("one ball comes from the left, one from the right", 0), ("a ball on the left falls", 0),
    ("a red ball drops", 0), ("", 0), ("the right colour of the leftovers", 0), ("to the right-hand side", 1)])
def test_what_prompts_say(prompt, direction):
    assert travel_direction(prompt) == direction


def test_sketches_go_as_they_are_told():
    states = torch.zeros(3, 3, 97, 8)
    states[0, 0, :, 0] = torch.linspace(-0.4, 0.4, 97)          # to the right
    states[1, 1, :, 0] = torch.linspace(0.4, -0.4, 97)          # the second thing moves, to the left
    states[1, 0, :, 0] = 0.1
    states[2, 2, :, 0] = torch.linspace(-0.4, 0.4, 97)          # what is absent doesn't count
    traits = torch.ones(3, 3, 5)
    traits[2, 2, 0] = -1
    sketch = Sketch(states, torch.zeros(3, 3, 97), traits, torch.tensor([[0.0, 0.2, 0.3, 1.0]]).repeat(3, 1))
    right, left = turned(sketch, 1), turned(sketch, -1)
    assert torch.equal(right.states[0], states[0]) and torch.equal(right.states[1, ..., 0], -states[1, ..., 0])
    assert torch.equal(left.states[1], states[1]) and torch.equal(left.states[0, ..., 0], -states[0, ..., 0])
    assert torch.equal(right.stage[1], torch.tensor([0.2, 0.0, -0.3, -1.0])), "the stage turns with it"
    assert torch.equal(right.states[2], states[2]) and torch.equal(left.states[2], states[2])
    assert turned(sketch, 0) is sketch
