"""Sketches are held to the laws: constant acceleration between hits, no overlap, meetings where they are asked for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.sampling.laws import lawful

from .sketches import make_sketch

FRAMES = 97


def bouncing(gravity=5.4, keeps=0.7, height=0.6, floor=0.3):
    """A ball that falls and bounces, `(1, T, 2)`, and its hits `(1, T)`."""
    y, v, places, hits = floor - height, 0.0, [], torch.zeros(1, FRAMES)
    for frame in range(FRAMES):
        places.append([0.0, y])
        left = 1 / 24
        while left > 0 and abs(v) + gravity * left > 0.15:
            reach = (-v + (v * v + 2 * gravity * (floor - y)) ** 0.5) / gravity
            if reach > left:
                y, v, left = y + v * left + gravity * left ** 2 / 2, v + gravity * left, 0
            else:
                v, y, left = -keeps * (v + gravity * reach), floor, left - max(reach, 1e-3)
                hits[0, frame:frame + 2] = 0.5
    return torch.tensor(places)[None], hits


def test_a_true_path_stays_as_it_is():
    places, hits = bouncing()
    sketch = make_sketch(places, hits)
    assert (lawful(sketch).states - sketch.states).abs().max() < 0.02


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_a_shaken_path_is_straightened(seed):
    places, hits = bouncing()
    shift = 0.02 * torch.randn(1, 13, 2, generator=torch.Generator().manual_seed(seed))
    shaken = places + shift.repeat_interleave(8, 1)[:, :FRAMES]
    mended = lawful(make_sketch(shaken, hits)).states[0, :1, :, :2]
    assert (mended - places).square().mean() < 1.05 * (shaken - places).square().mean()
    jerk = mended.diff(n=3, dim=1).norm(dim=-1)
    assert jerk.median() < 0.1 * shaken.diff(n=3, dim=1).norm(dim=-1).mean()


def test_what_comes_to_rest_rests():
    x = torch.cat([torch.linspace(-0.4, 0.0, 49), torch.zeros(48)])
    noise = 0.004 * torch.randn(FRAMES, 2, generator=torch.Generator().manual_seed(0))
    places = torch.stack([x, torch.zeros(FRAMES)], dim=-1) + noise
    mended = lawful(make_sketch(places[None])).states[0, 0, :, :2]
    assert (mended[-30:] == mended[-1]).all() and (mended[20] - mended[10]).norm() > 0.05


def test_given_frames_stay():
    places = torch.randn(1, FRAMES, 2, generator=torch.Generator().manual_seed(0)) * 0.1
    sketch = make_sketch(places)
    assert torch.allclose(lawful(sketch, given=33).states[:, :, :33], sketch.states[:, :, :33], atol=1e-3)


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 9])
def test_short_sketches_pass(frames):
    assert lawful(make_sketch(torch.zeros(1, frames, 2), slots=3)).states.shape == (1, 3, frames, 8)


def test_parts_of_figures_may_swing():
    t = torch.arange(FRAMES) / 24
    places = torch.stack([0.1 * torch.sin(6.0 * t), torch.zeros(FRAMES)], dim=-1)[None]
    thing = make_sketch(places)
    part = make_sketch(places)
    part.traits[0, 0, 5] = 1
    changed = [(lawful(sketch).states - sketch.states)[0, 0, :, 0].abs().max() for sketch in (thing, part)]
    assert changed[1] < 0.002 < 0.02 < changed[0], "a leg swings; what nothing hits doesn't"


@pytest.mark.parametrize("given", [0, 9])
def test_a_board_that_sways_a_little_stands_and_one_that_swings_does_not(given):
    sway = 0.01 * torch.sin(torch.arange(FRAMES) / 3)
    places = torch.stack([torch.stack([0.3 + sway, sway], -1), torch.stack([0.3 + 10 * sway, sway], -1)])
    sketch = make_sketch(places)
    sketch.traits[..., 5] = 1
    board, swing = lawful(sketch, given=given).states[0, :2, given:, :2]
    assert (board - board[:1]).abs().max() < 1e-6 and (board - places[0, 0]).abs().max() < 0.02
    assert swing[:, 0].std() > 0.04
