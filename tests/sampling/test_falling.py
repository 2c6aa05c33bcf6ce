"""Whatever flies in a clip falls with one gravity."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.models.sketch import Sketch
from sora_core.sampling.falling import USUAL, falling, find_flights, gravities, gravity_of

from .sketches import make_sketch

FRAMES, RATE, FLOOR, RADIUS = 97, 24, 0.3, 0.127


def bouncing(gravities, first_from_rest=True):
    """A ball that bounces, each flight with a gravity of its own: a sketch, and the frames of its hits."""
    y, hits, frame = [], [], 0
    for number, (gravity, length) in enumerate(zip(gravities, (12, 16, 10, 58), strict=True)):
        t = torch.arange(length + 1) / RATE
        end = length / RATE
        flight = (FLOOR - 0.5 * gravity * (end ** 2 - t ** 2) if number == 0 and first_from_rest
                  else FLOOR - 0.5 * gravity * t * (end - t) if number < 3 else torch.full_like(t, FLOOR))
        y.append(flight[:-1] if number < 3 else flight)
        frame += length
        if number < 3:
            hits.append(frame)
    places = torch.stack([torch.linspace(-0.3, 0.3, FRAMES), torch.cat(y)], dim=-1)[None]
    strength = torch.zeros(1, FRAMES)
    strength[0, hits] = 0.5
    sketch = make_sketch(places, strength, RADIUS)
    return replace(sketch, stage=torch.tensor([[0.05, 0.05, 0.0, 0.0]])), hits


def accelerations(sketch, hits):
    y = sketch.states[0, 0, :, 1].double()
    return [float(y[a + 1:b].diff(n=2).mean()) * RATE ** 2 for a, b in zip([0, *hits[:2]], hits, strict=True)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(4.7, 6.3), min_size=3, max_size=3))
def test_one_gravity_for_all_flights(gravities):
    sketch, hits = bouncing([*gravities, 0.0])
    made = falling(sketch)
    found = accelerations(made, hits)
    assert max(found) - min(found) < 1e-3 * max(found)
    assert found[0] == pytest.approx(gravity_of(sketch, 0, find_flights(sketch, 0)), rel=1e-3)
    assert abs(found[0] - USUAL) < 0.5, "the usual, and what the size of the ball says, count beside what was drawn"
    y = made.states[0, 0, :, 1]
    assert torch.allclose(y[hits], torch.full((3,), FLOOR), atol=1e-5), "it bounces where it bounced"
    assert abs(float(y[1] - y[0])) < 0.7 / RATE ** 2 * found[0], "dropped from rest is dropped from rest"
    assert torch.equal(y[hits[-1]:], sketch.states[0, 0, hits[-1]:, 1]), "what lies stays"


def test_a_true_flight_stays():
    sketch, _ = bouncing([5.3, 5.3, 5.3, 0.0])
    assert (falling(sketch).states - sketch.states).abs().max() < 0.02


def test_the_first_frame_may_be_given():
    sketch, hits = bouncing([4.2, 5.0, 6.5, 0.0])
    made = falling(sketch, keeps_first=True)
    assert torch.equal(made.states[:, :, 0], sketch.states[:, :, 0])
    assert max(accelerations(made, hits)) - min(accelerations(made, hits)) < 1e-2


def test_the_given_beginning_stays():
    sketch, hits = bouncing([4.2, 5.0, 6.5, 0.0])
    made = falling(sketch, given=20)
    assert torch.equal(made.states[:, :, :20], sketch.states[:, :, :20])


def test_what_does_not_fly_stays():
    sketch, _ = bouncing([5.0, 5.0, 5.0, 0.0])
    t = torch.arange(FRAMES) / RATE
    for y in (0.05 * torch.sin(3 * t), 0.2 * t, 0.1 * t ** 2 - 0.3, 0 * t):
        sketch.states[0, 0, :, 1] = y
        still = Sketch(sketch.states, torch.zeros_like(sketch.hits), sketch.traits, sketch.stage)
        assert torch.equal(falling(still).states, still.states)
    leg, _ = bouncing([4.0, 5.0, 6.5, 0.0])
    leg.traits[0, 0, 5] = 1
    assert torch.equal(falling(leg).states, leg.states), "limbs move by themselves"


def test_near_a_basket_only_what_was_drawn_counts():
    sketch, hits = bouncing([3.8, 3.9, 4.0, 0.0])
    sketch.traits[0, 1] = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    found = accelerations(falling(sketch), hits)
    assert 3.8 < found[0] < 4.0 and found[0] == pytest.approx(found[2], rel=1e-3)


def test_what_goes_on_falls_as_it_did():
    sketch, hits = bouncing([5.0, 6.5, 4.4, 0])
    first = falling(sketch)
    (gravity,) = gravities(first)
    assert gravity == pytest.approx(accelerations(first, hits)[1], rel=0.02)
    goes_on = falling(bouncing([6.4, 6.4, 6.4, 0])[0], before=[gravity])
    assert accelerations(goes_on, hits)[1:] == pytest.approx([gravity, gravity], rel=0.03)
    still = make_sketch(torch.zeros(1, FRAMES, 2))
    assert gravities(still) == [None] and torch.equal(falling(still, before=[None]).states, still.states)
