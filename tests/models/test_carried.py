"""Latents that carry their sketch: all of it comes back, whatever is no sketch is known as none."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.models.carried import draw_carried, sketch_of, with_sketch
from sora_core.models.sketch import SLOTS, STAGE, STATES, TRAITS, Sketch, draw_bodies
from sora_core.shapes import SKETCH_CHANNELS


def some_sketch(batch: int = 1, frames: int = 25, seed: int = 0) -> Sketch:
    """Things all over the picture, of any colour and kind."""
    generator = torch.Generator().manual_seed(seed)
    return Sketch(torch.randn(batch, SLOTS, frames, STATES, generator=generator) * 0.2,
                  torch.rand(batch, SLOTS, frames, generator=generator),
                  torch.rand(batch, SLOTS, TRAITS, generator=generator) * 2 - 1,
                  torch.rand(batch, STAGE, generator=generator))


@settings(deadline=None)
@given(batch=st.integers(1, 3), latents=st.integers(1, 4), height=st.integers(6, 10), width=st.integers(9, 11),
       seed=st.integers(0, 100))
def test_a_sketch_comes_back_whole(batch: int, latents: int, height: int, width: int, seed: int) -> None:
    frames = 1 + 8 * (latents - 1)
    sketch = some_sketch(batch, frames, seed)
    picture = torch.randn(batch, 6, latents, height, width)
    carrying = with_sketch(picture, sketch)
    assert carrying.shape == (batch, 6 + SKETCH_CHANNELS, latents, height, width)
    assert torch.equal(carrying[:, :6], picture)
    found = sketch_of(carrying[:, 6:])
    assert found is not None
    for name in ("states", "hits", "traits", "stage"):
        assert torch.equal(getattr(found, name), getattr(sketch, name)), name


def test_a_longer_sketch_is_cut_to_the_clip() -> None:
    found = sketch_of(with_sketch(torch.zeros(1, 6, 2, 8, 8), some_sketch(frames=97))[:, 6:])
    assert found is not None and torch.equal(found.states, some_sketch(frames=97).states[:, :, :9])


def test_it_is_drawn_as_the_sketch_itself() -> None:
    sketch = some_sketch(frames=17)
    drawing, is_drawn = draw_carried(with_sketch(torch.zeros(1, 6, 3, 8, 8), sketch)[:, 6:], 128, 128)
    assert drawing.shape == (1, 4, 24, 128, 128) and bool(is_drawn.all())
    assert torch.equal(drawing[:, :, 7:], draw_bodies(sketch, 128, 128))
    assert torch.equal(drawing[:, :, :7], drawing[:, :, 7:8].expand(-1, -1, 7, -1, -1)), "the first stands eight times"


@pytest.mark.parametrize("spoil", [
    lambda x: x * 0, lambda x: x * 1.01, lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.roll(1, -1),
    lambda x: 0.5 * x + 0.5 * torch.randn(x.shape), lambda x: torch.full_like(x, float("nan")),
    lambda x: x + 0.1, lambda x: torch.nn.functional.interpolate(x, scale_factor=(1, 2, 2)), lambda x: x[..., :5, :5],
    lambda x: torch.randn(x.shape), lambda x: torch.full_like(x, 0.5),
    lambda x: 0.7 * x + 0.3 * with_sketch(torch.zeros(1, 6, 3, 8, 8), some_sketch(seed=1))[:, 6:]])
def test_what_other_nodes_have_changed_is_no_sketch(spoil) -> None:
    carried = spoil(with_sketch(torch.zeros(1, 6, 3, 8, 8), some_sketch())[:, 6:])
    assert sketch_of(carried) is None
    drawing, is_drawn = draw_carried(carried, 16, 16)
    assert not bool(is_drawn.any()) and not bool(drawing.any())


def test_rounding_does_no_harm() -> None:
    carried = with_sketch(torch.zeros(1, 6, 3, 8, 8), some_sketch())[:, 6:]
    found = sketch_of(carried.half().float())
    assert found is not None
    torch.testing.assert_close(found.states, some_sketch().states[:, :, :17], atol=1e-3, rtol=1e-2)


def test_one_latent_frame_without_spoils_only_itself() -> None:
    carried = with_sketch(torch.zeros(1, 6, 3, 8, 8), some_sketch())[:, 6:]
    carried[:, :, 1] = 0
    assert sketch_of(carried) is None
    _, is_drawn = draw_carried(carried, 16, 16)
    assert is_drawn[0].tolist() == [True] * 8 + [False] * 8 + [True] * 8


def test_two_clips_in_one_are_drawn_each_for_itself_and_are_no_sketch_together() -> None:
    one, other = (with_sketch(torch.zeros(1, 6, 1, 8, 8), some_sketch(seed=seed))[:, 6:] for seed in (0, 1))
    both = torch.cat([one, other], dim=2)
    assert sketch_of(both) is None and sketch_of(one) is not None and sketch_of(other) is not None
    assert torch.equal(draw_carried(both, 16, 16)[0], torch.cat([draw_carried(x, 16, 16)[0] for x in (one, other)], 2))


def test_a_grid_too_small_carries_none() -> None:
    carrying = with_sketch(torch.zeros(1, 6, 3, 4, 4), some_sketch())
    assert carrying.shape[1] == 6 + SKETCH_CHANNELS and not bool(carrying.any())
