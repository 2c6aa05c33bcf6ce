"""What slots of a sketch wear: drawn, mirrored, joined and carried."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.models.carried import draw_carried, sketch_of, with_sketch
from sora_core.models.sketch import LOOK, LOOKS, SLOTS, STAGE, TRAITS, UNDRESSED, Sketch, draw_bodies, person_head
from sora_core.training.dress import true_looks

BALL, BOX, LIMB = 0, 1, 2
SIZE = 64


def sketch(kinds: list[int], seed: int, frames: int = 9) -> Sketch:
    """Things of these kinds that go along at random, in random looks."""
    rng = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(shape, generator=rng)

    states, traits = torch.zeros(1, SLOTS, frames, 8), torch.full((1, SLOTS, TRAITS), -1.0)
    for slot, kind in enumerate(kinds):
        go = torch.linspace(0, 1, frames)[:, None] * uniform(-0.3, 0.3, 2)
        states[0, slot, :, :2] = uniform(-0.2, 0.2, 2) + go
        across, along, deep = uniform(0.05, 0.12, 1), uniform(0.08, 0.2, 1), uniform(-0.04, 0.04, 2)
        angle = uniform(-0.4, 0.4, 1)
        if kind == LIMB:
            angle = angle + (0 if slot % 2 else 1.4)            # some stand, some lie
            turn = torch.cat([angle.sin(), angle.cos()])
            states[0, slot, :, 4:6] = along * turn
            states[0, slot, :, 2:4] = 0.3 * across * torch.stack([turn[1], -turn[0]])
        elif kind == BOX:
            states[0, slot, :, 2:] = torch.cat([across * angle.cos(), across * angle.sin(), -along * angle.sin(),
                                                along * angle.cos(), deep])
        else:
            states[0, slot, :, 2] = states[0, slot, :, 5] = across
        traits[0, slot] = torch.tensor([1.0, -1 if kind == BALL else 1, 0.2, -0.3, 0.4, 1 if kind == LIMB else -1])
    looks = uniform(-1, 1, 1, LOOKS, 3, LOOK, LOOK)
    return Sketch(states, torch.zeros(1, SLOTS, frames), traits, torch.zeros(1, STAGE), looks)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([BALL, BOX, LIMB]), min_size=1, max_size=4), st.integers(0, 1000))
def test_a_mirrored_sketch_is_drawn_as_its_picture_in_a_mirror(kinds: list[int], seed: int) -> None:
    dressed = sketch(kinds, seed)
    drawn, mirrored = draw_bodies(dressed, SIZE, SIZE), draw_bodies(dressed.mirrored(), SIZE, SIZE)
    assert float((drawn.flip(-1) - mirrored).abs().max()) < 0.02


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([BALL, BOX, LIMB]), min_size=1, max_size=5), st.integers(0, 1000))
def test_latents_carry_looks_to_the_pixel(kinds: list[int], seed: int) -> None:
    dressed = sketch(kinds, seed)
    latents = with_sketch(torch.randn(1, 6, 2, 8, 8), dressed)[:, 6:]
    back = sketch_of(latents)
    torch.testing.assert_close(back.looks, dressed.looks)
    drawing, is_drawn = draw_carried(latents, SIZE, SIZE)
    assert bool(is_drawn.all())
    torch.testing.assert_close(drawing[:, :, 7:], draw_bodies(dressed, SIZE, SIZE), atol=1e-4, rtol=0)


def test_what_is_not_dressed_is_drawn_as_ever() -> None:
    dressed = sketch([BALL, BOX, LIMB], 3)
    bare = replace(dressed, looks=None)
    none = replace(dressed, looks=torch.full_like(dressed.looks, UNDRESSED))
    assert torch.equal(draw_bodies(bare, SIZE, SIZE), draw_bodies(none, SIZE, SIZE))
    assert float((draw_bodies(bare, SIZE, SIZE) - draw_bodies(dressed, SIZE, SIZE)).abs().max()) > 0.3
    assert sketch_of(with_sketch(torch.zeros(1, 6, 2, 8, 8), bare)[:, 6:]).looks.min() == UNDRESSED


def test_looks_go_along_when_sketches_are_joined_chosen_and_cut() -> None:
    dressed, bare = sketch([BALL], 1), replace(sketch([BALL], 2), looks=None)
    both = Sketch.join([dressed, bare])
    assert torch.equal(both[:1].looks, dressed.looks) and bool((both[1:].looks == UNDRESSED).all())
    chosen = bare.where(torch.tensor([False]), dressed)
    assert torch.equal(chosen.looks, dressed.looks) and torch.equal(chosen.frames(2, 5).looks, dressed.looks)
    assert Sketch.join([bare, bare]).looks is None and bare[0:1].looks is None


def test_a_limb_wears_its_look_from_its_beginning() -> None:
    arm = sketch([LIMB], 0)
    arm.states[0, 0] = torch.tensor([0.0, 0.0, 0.1, 0.0, 0.0, 0.3, 0.0, 0.0])          # it hangs down
    arm.looks[0, 0, :, :3], arm.looks[0, 0, :, 3:] = 0.9, -0.9
    arm.looks[0, 0, 0, :, :3] = 0.0                                                     # less red at the left
    drawn = draw_bodies(arm, SIZE, SIZE)[0, :3, 0]
    assert float(drawn[1, 20, 32]) > 0.7 and float(drawn[1, 44, 32]) < -0.7
    assert abs(float(drawn[0, 20, 28])) < 0.3 < float(drawn[0, 20, 36])


@pytest.mark.parametrize("kinds", [[BALL], [BOX], [LIMB, LIMB], [BALL, BOX]])
def test_a_true_clip_gives_its_looks_back(kinds: list[int]) -> None:
    dressed = sketch(kinds, 5)
    smooth = torch.nn.functional.avg_pool2d(dressed.looks.flatten(0, 1), 5, 1, 2, count_include_pad=False)
    dressed = replace(dressed, looks=smooth.view_as(dressed.looks))
    for slot in range(len(kinds)):                  # in white light a thing's colour is the mean of its look
        dressed.traits[0, slot, 2:5] = dressed.looks[0, slot].mean((1, 2))
    frames = draw_bodies(dressed, 128, 128)[:, :3]
    found = true_looks(dressed, frames)
    bare = [slot for slot in range(LOOKS) if slot >= len(kinds)]
    assert bool((found[0, bare] == UNDRESSED).all())
    near = (found - dressed.looks)[0, :len(kinds)].abs()
    assert float(near.mean()) < 0.12
    darker = true_looks(dressed, (frames + 1) * 0.6 - 1)
    assert float((darker - found)[0, :len(kinds)].abs().mean()) < 0.1, "its light is divided out"


def test_heads_are_of_people_alone() -> None:
    assert person_head(sketch([LIMB] * 4, 1).states[0], sketch([LIMB] * 4, 1).traits[0]) is None
