"""Limbs hang on their trunks, and feet stay where they were drawn."""

import torch

from sora_core.models.sketch import SLOTS, TRAITS, Sketch
from sora_core.sampling.joints import jointed

FRAMES = 17


def bar(start: torch.Tensor, end: torch.Tensor, radius: float) -> torch.Tensor:
    """States `(T, 8)` of a bar, as the world writes them."""
    along = 0.5 * (end - start)
    length = along.norm(dim=-1, keepdim=True)
    turn = along / length
    side = radius * torch.stack([turn[:, 1], -turn[:, 0]], dim=-1)
    return torch.cat([0.5 * (start + end), side, turn * (length + 0.5 * radius), torch.zeros(len(start), 2)], dim=-1)


def figure(shift: torch.Tensor, is_figure: bool = True) -> Sketch:
    """A trunk that walks to the right and a leg that swings below it, its joint `shift` `(T, 2)` off its place."""
    x = torch.linspace(-0.3, 0.3, FRAMES)
    zero = torch.zeros(FRAMES)
    hip, crown = torch.stack([x, zero], -1), torch.stack([x, zero - 0.3], -1)
    foot = torch.stack([x + 0.1 * torch.sin(20 * x), zero + 0.25], -1)
    states = torch.zeros(1, SLOTS, FRAMES, 8)
    states[0, 0], states[0, 1] = bar(hip, crown, 0.05), bar(hip + shift, foot, 0.02)
    traits = torch.zeros(1, SLOTS, TRAITS)
    traits[..., 0] = -1
    traits[0, :2] = torch.tensor([1.0, 1, 1, -1, -1, 1 if is_figure else -1])
    return Sketch(states, torch.zeros(1, SLOTS, FRAMES), traits, torch.zeros(1, 4))


def test_what_hangs_together_stays_as_it_is():
    sketch = figure(torch.zeros(FRAMES, 2))
    torch.testing.assert_close(jointed(sketch).states, sketch.states, atol=1e-5, rtol=0)


def test_a_limb_that_strays_is_hung_on_its_trunk_and_its_foot_stays():
    shift = torch.zeros(FRAMES, 2)
    shift[4:8] = torch.tensor([0.15, -0.1])
    right, made = figure(torch.zeros(FRAMES, 2)), jointed(figure(shift))
    joint_and_foot = [made.states[0, 1, 5, :2] + sign * made.states[0, 1, 5, 4:6] for sign in (-1, 1)]
    wanted = [right.states[0, 1, 5, :2] + sign * right.states[0, 1, 5, 4:6] for sign in (-1, 1)]
    assert (joint_and_foot[0] - wanted[0]).norm() < 0.07 < 0.5 * shift[5].norm() + 0.06
    assert (joint_and_foot[1] - wanted[1]).norm() < 0.01
    given = jointed(figure(shift), given=6)
    assert torch.equal(given.states[:, :, :6], figure(shift).states[:, :, :6])


def test_things_that_are_no_figure_are_left_alone():
    shift = torch.full((FRAMES, 2), 0.2)
    sketch = figure(shift, is_figure=False)
    assert torch.equal(jointed(sketch).states, sketch.states)
