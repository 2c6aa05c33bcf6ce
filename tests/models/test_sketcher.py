"""The network that sketches: rows and back, given rows, and clips of any length."""

import pytest
import torch

from sora_core.config import SketcherConfig
from sora_core.models.sketch import COLOUR, SLOTS, STATES, TRAITS, Sketch
from sora_core.models.sketcher import Sketcher
from sora_core.sampling.sketching import draw_sketch, tell_things, window_guides
from sora_core.sampling.windows import plan_windows
from sora_core.things import Thing
from sora_core.wishes import HIGH, LOW, Wishes

CONFIG = SketcherConfig(video_channels=6, text_width=16, width=32, depth=2, num_heads=2)
TEXT = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def sketcher() -> Sketcher:
    torch.manual_seed(0)
    made = Sketcher(CONFIG).eval()
    made.basis.copy_(torch.linalg.qr(torch.randn(64, 24))[0])
    return made


def random_sketch(frames: int = 97) -> Sketch:
    g = torch.Generator().manual_seed(1)
    traits = torch.rand(2, SLOTS, TRAITS, generator=g)
    traits[:, 2:, 0] = -1
    return Sketch(torch.randn(2, SLOTS, frames, 8, generator=g), torch.rand(2, SLOTS, frames, generator=g), traits,
                  torch.randn(2, 4, generator=g))


def test_given_numbers_stand_without_noise_and_are_marked(sketcher):
    rows, clean = (torch.randn(2, 6, 32) * sketcher.row_mask(1) for _ in range(2))
    is_given = torch.zeros(2, 6, 32, dtype=torch.bool)
    is_given[0, 1, 9], is_given[1, 0, :2] = True, True
    given = sketcher.given(rows, clean, is_given)
    assert given[0, 1, 9] == clean[0, 1, 9] and torch.equal(given[1, 0, :2], clean[1, 0, :2])
    assert given[0, 1, 16 + 9] == 1 and torch.equal(given[1, 0, 16:18], torch.ones(2))
    assert torch.equal(sketcher.given(rows, clean, torch.zeros_like(is_given)), rows)
    assert int((given != rows).sum()) == 6


def test_rows_and_back(sketcher):
    sketch = random_sketch()
    rows = sketcher.to_rows(sketch)
    assert rows.shape == (2, 1 + 13 * SLOTS, 32) and ((rows != 0).float().amax(0) <= sketcher.row_mask(13)).all()
    back = sketcher.from_rows(rows)
    for name in ("hits", "traits", "stage"):
        torch.testing.assert_close(getattr(back, name), getattr(sketch, name))
    torch.testing.assert_close(back.states[:, :2, 0], sketch.states[:, :2, 0])
    again = sketcher.from_rows(sketcher.to_rows(back))
    torch.testing.assert_close(again.states[:, :2], back.states[:, :2], msg="what the components can say is kept")


def test_given_rows_have_no_velocity_and_matter(sketcher):
    rows = sketcher.to_rows(random_sketch())
    timestep = torch.full((2, 1 + 13 * SLOTS), 0.6)
    timestep[:, :5] = 0
    call = {"text": TEXT.expand(2, -1, -1), "text_mask": torch.ones(2, 4, dtype=torch.bool), "aspect": torch.ones(2)}
    out = sketcher(rows, timestep, **call)
    assert out.shape == rows.shape and (out[:, :5] == 0).all() and out[:, 5:].abs().sum() > 0
    changed = rows.clone()
    changed[:, 0, :4] += 1
    assert not torch.allclose(sketcher(changed, timestep, **call)[:, 5:], out[:, 5:])


def test_a_picture_is_looked_at_only_where_it_is_given(sketcher):
    rows = sketcher.to_rows(random_sketch())
    call = {"text": TEXT.expand(2, -1, -1), "text_mask": torch.ones(2, 4, dtype=torch.bool), "aspect": torch.ones(2)}
    timestep, mask = torch.full((2, 1 + 13 * SLOTS), 0.6), torch.tensor([True, False])
    one, two = (sketcher(rows, timestep, **call, picture=torch.full((2, 6, 4, 6), value), picture_mask=mask)
                for value in (0.0, 1.0))
    assert not torch.allclose(one[0], two[0])
    torch.testing.assert_close(one[1], two[1])


def test_any_length_is_sketched_and_begins_alike(sketcher, monkeypatch):
    short, long = (draw_sketch(sketcher, TEXT, TEXT[:, :1], frames=frames, aspect=1.5, seed=3) for frames in (20, 200))
    assert short.states.shape[2] == 97 and long.states.shape[2] >= 200
    torch.testing.assert_close(long.states[:, :, :97], short.states)
    torch.testing.assert_close(long.traits, short.traits)
    other = draw_sketch(sketcher, TEXT, TEXT[:, :1], frames=20, aspect=1.5, seed=4)
    assert not torch.allclose(other.states, short.states)
    without = draw_sketch(sketcher, TEXT, None, frames=20, aspect=1.5, seed=3, batch_size=3)
    assert without.states.shape[0] == 3
    alone = draw_sketch(sketcher, TEXT, None, frames=20, aspect=1.5, seed=3)
    assert not torch.allclose(alone.states, short.states)
    monkeypatch.setattr("sora_core.sampling.sketching.GUIDANCE_SCALE", 1.0)
    unguided = draw_sketch(sketcher, TEXT, TEXT[:, :1], frames=20, aspect=1.5, seed=3)
    assert torch.equal(unguided.states, alone.states)


def test_each_window_of_a_long_clip_sees_its_own_part(sketcher):
    from sora_core.config import VideoVAEConfig
    from sora_core.models.video_vae import VideoVAE

    vae = VideoVAE(VideoVAEConfig(latent_channels=6, context_width=8, cell_width=8, cell_depth=1))
    windows = plan_windows(21, 80, 4.0)
    sketch = draw_sketch(sketcher, TEXT, None, frames=161, aspect=1.0, seed=0)
    guides = window_guides(sketch, windows, vae, 32, 32)
    for window, guide in zip(windows, guides, strict=True):
        assert guide.video.shape == (1, 12, window.video[1] - window.video[0], 2, 2)
        assert guide.audio.shape[1] == window.audio[1] - window.audio[0]
    first, second = windows
    shared = first.audio[1] - second.audio[0] - 1
    torch.testing.assert_close(guides[0].audio[:, -1 - shared:-1][:, :, :4], guides[1].audio[:, :shared][:, :, :4])


def test_things_that_are_named_are_there(sketcher):
    named = (Thing(False, (1.0, 0.0, 0.0)), Thing(True), Thing(True, (0.0, 0.5, 0.0)))
    sketch = draw_sketch(sketcher, TEXT, None, frames=20, aspect=1.0, seed=0, batch_size=3,
                         wishes=Wishes(things=True, named=named, alone=True))
    assert (sketch.is_thing.sum(1) == 3).all() and not sketch.is_part.any()
    first = sketch.traits[0, :3]
    red, plain = (first[:, 1] < 0).nonzero(), first[:, 1] > 0
    green = first[:, COLOUR] == torch.tensor([-1.0, 0.0, -1.0])
    torch.testing.assert_close(first[red[0, 0], COLOUR], torch.tensor([1.0, -1.0, -1.0]))
    assert len(red) == 1 and int(plain.sum()) == 2 and int(green.all(1).sum()) == 1


def test_who_has_which_slot_is_as_the_network_expects(sketcher):
    named, frames = (Thing(False, (1.0, 0.0, 0.0)), Thing(True, (0.0, 0.0, 1.0))), 3
    expected = torch.zeros(1 + SLOTS * frames, sketcher.config.row)
    at = STATES + 1
    expected[1, at:at + TRAITS] = torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0, -1.0])       # a blue box first
    expected[1 + frames, at:at + TRAITS] = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, -1.0])
    told, is_told = torch.zeros(2, *expected.shape), torch.zeros(2, *expected.shape, dtype=torch.bool)
    tell_things(Wishes(things=True, named=named, alone=True), expected, told, is_told)
    assert torch.equal(told[0, 1], expected[1]) and torch.equal(told[1, 1 + frames], expected[1 + frames])
    assert (told[:, 1 + 2 * frames::frames, at] == -1).all() and int(is_told.sum()) == 2 * SLOTS * TRAITS
    is_told[:] = False
    tell_things(Wishes(named=named[1:]), expected, told, is_told)
    assert is_told[:, 1, at:at + TRAITS].all() and int(is_told.sum()) == 2 * TRAITS, "there may be others"


@pytest.mark.parametrize(("view", "end"), [(HIGH, -0.28), (LOW, 0.34)])
def test_the_floor_ends_where_the_view_has_it(sketcher, view, end):
    sketch = draw_sketch(sketcher, TEXT, None, frames=20, aspect=1.0, seed=0, batch_size=4,
                         wishes=Wishes(things=True, view=view))
    ends = sketch.stage[:, :2].mean(1)
    assert ((ends - end).abs() < 0.25).all() and ends.unique().numel() == 4
    given = draw_sketch(sketcher, TEXT, None, frames=20, aspect=1.0, seed=0, picture=torch.zeros(1, 6, 4, 4),
                        wishes=Wishes(things=True, view=view))
    plain = draw_sketch(sketcher, TEXT, None, frames=20, aspect=1.0, seed=0, picture=torch.zeros(1, 6, 4, 4))
    assert torch.equal(given.stage, plain.stage), "a given picture has a view of its own"
