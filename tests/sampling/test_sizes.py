"""Things as large as they are named."""

import pytest
import torch

from sora_core.models.sketch import COLOUR, Sketch
from sora_core.sampling.choice import objections
from sora_core.sampling.sizes import BALL_RADIUS, STEP, resized, wrong_sizes
from sora_core.things import LARGE, SMALL, Thing
from sora_core.wishes import Wishes

from .sketches import make_sketch

RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
RIGHT = (Thing(False, BLUE, SMALL), Thing(False, RED, LARGE))
WRONG = (Thing(False, BLUE, LARGE), Thing(False, RED, SMALL))


@pytest.fixture
def sketch() -> Sketch:
    """A large red ball that falls and a small blue one that lies."""
    x = torch.zeros(97)
    made = make_sketch(torch.stack([torch.stack([x - 0.2, torch.linspace(-0.4, 0.1, 97)], -1),
                                    torch.stack([x + 0.3, x + 0.2], -1)]))
    made.states[..., 2:] = 0
    for slot, radius in enumerate((0.17, 0.10)):
        made.states[:, slot, :, 2] = made.states[:, slot, :, 5] = radius
    made.traits[..., 1] = -1
    made.traits[0, :2, COLOUR] = torch.tensor([RED, BLUE]) * 2 - 1
    return made


def test_wrong_sizes_speak_against_a_sketch(sketch):
    assert wrong_sizes(sketch, RIGHT, 1.0) == 0 and wrong_sizes(sketch, WRONG, 1.0) > 2
    right, wrong = (objections(sketch, Wishes(things=True, named=named)) for named in (RIGHT, WRONG))
    assert wrong > right + 0.4
    assert wrong_sizes(sketch, WRONG, 16.0) != wrong_sizes(sketch, WRONG, 1.0), "in wide pictures all is smaller"


def test_things_are_made_larger_and_smaller_and_touch_the_floor_where_they_did(sketch):
    assert torch.equal(resized(sketch, RIGHT, 1.0).states, sketch.states)
    other = resized(sketch, WRONG, 1.0)
    assert wrong_sizes(other, WRONG, 1.0) == 0
    for slot, size in enumerate((SMALL, LARGE)):
        before, after = sketch.states[0, slot], other.states[0, slot]
        torch.testing.assert_close(after[:, 2], torch.full((97,), BALL_RADIUS * torch.tensor(STEP * size).exp()))
        torch.testing.assert_close(after[:, 1] + after[:, 2], before[:, 1] + before[:, 2])
        assert torch.equal(after[:, 0], before[:, 0])


def test_boxes_keep_their_lowest_point(sketch):
    sketch.traits[..., 1] = 1
    sketch.states[..., 2:] = torch.tensor([0.1, 0.0, 0.0, 0.1, 0.03, -0.02])
    (after,) = resized(sketch, (Thing(True, RED, LARGE),), 1.0).states[:, 0]
    before = sketch.states[0, 0]
    assert after[0, 2] > before[0, 2]
    torch.testing.assert_close(after[:, 1] + after[:, 3::2].abs().sum(-1), before[:, 1] + before[:, 3::2].abs().sum(-1))
