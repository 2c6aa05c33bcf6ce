"""Limbs hang on their trunks, and feet stay where they were drawn."""

import torch

from sora_core.models.sketch import SLOTS, TRAITS, Sketch
from sora_core.sampling.joints import bodies, jointed
from sora_core.things import BEAST, BIRD, PERSON

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


def beast(shares: list[float]) -> Sketch:
    """A dog that trots to the right, its front leg, hind leg, head and tail hung at these shares of its trunk."""
    x = torch.linspace(-0.3, 0.3, FRAMES)
    zero = torch.zeros(FRAMES)
    states, traits = torch.zeros(1, SLOTS, FRAMES, 8), torch.ones(1, SLOTS, TRAITS)
    states[0, 0] = bar(torch.stack([x, zero], -1), torch.stack([x + 0.2, zero], -1), 0.05)
    tips = ((0, 0.15), (0, 0.15), (0.08, -0.02), (-0.1, -0.1))
    for slot, (share, tip) in enumerate(zip(shares, tips, strict=True), 1):
        start = torch.stack([x + 0.2 * share, zero - (0.08 if slot == 3 else 0)], -1)
        states[0, slot] = bar(start, start + torch.tensor(tip), 0.01)
    return Sketch(states, torch.zeros(1, SLOTS, FRAMES), traits, torch.zeros(1, 4))


def test_a_dog_s_legs_are_at_the_ends_of_its_trunk_and_keep_their_height():
    drawn = beast([0.65, 0.35, 1.3, -0.16])
    made = jointed(drawn)
    moved = (made.states - drawn.states)[0, :, :, :2]
    torch.testing.assert_close(moved[:, :, 0], torch.tensor([0, 0.27, -0.26, 0, 0])[:, None].expand(-1, FRAMES) * 0.2,
                               atol=2e-3, rtol=0)
    torch.testing.assert_close(moved[:, :, 1], torch.zeros(SLOTS, FRAMES), atol=1e-5, rtol=0)
    assert bodies(made).tolist() == [BEAST]


def test_a_limb_is_no_longer_than_limbs_are():
    drawn = beast([1.0, 0.0, 1.3, -0.16])
    drawn.states[0, 1] = bar(drawn.states[0, 1, :, :2], drawn.states[0, 1, :, :2] + torch.tensor([0, 0.6]), 0.01)
    leg = jointed(drawn).states[0, 1, :, 4:6].norm(dim=-1)
    assert float(leg.max()) < 0.5 * 1.2 * 0.2 + 0.01


def test_bodies_are_told_apart():
    person = beast([0.0, 0.0, 0.53, 0.53])
    bird = beast([0.49, 0.49, 0.28, 0.28])
    one_limb = figure(torch.zeros(FRAMES, 2))
    assert [int(bodies(sketch)) for sketch in (person, bird, one_limb)] == [PERSON, BIRD, 0]
