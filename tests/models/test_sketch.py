"""Sketches: drawn where they say, mirrored as pictures are, heard when they are hit."""

import pytest
import torch

from sora_core.config import VideoVAEConfig
from sora_core.models.guide import HIT_FEATURES, hit_features, make_guide
from sora_core.models.sketch import SKIN, SLOTS, TRAITS, Sketch, draw, draw_bodies, without_figures
from sora_core.models.video_vae import VideoVAE


def one(kind: str = "ball", frames: int = 9, x: float = 0.2, radius: float = 0.15) -> Sketch:
    """One red thing that falls from the top to the bottom, on a stage whose floor begins in the middle."""
    states = torch.zeros(1, SLOTS, frames, 8)
    states[0, 0, :, 0] = x
    states[0, 0, :, 1] = torch.linspace(-0.2, 0.2, frames)
    states[0, 0, :, 2] = states[0, 0, :, 5] = radius
    hits = torch.zeros(1, SLOTS, frames)
    hits[0, 0, 4] = 0.7
    traits = torch.zeros(1, SLOTS, TRAITS)
    traits[..., 0] = -1
    traits[0, 0] = torch.tensor([1.0, 1 if kind == "box" else -1, 1.0, -1, -1, -1])
    return Sketch(states, hits, traits, torch.tensor([[0.0, 0.1, -0.4, -1.0]]))


@pytest.mark.parametrize(("kind", "area"), [("ball", 3.1416 * 0.15 ** 2), ("box", 0.3 ** 2)])
@pytest.mark.parametrize("size", [(128, 128), (96, 160)])
def test_a_thing_is_drawn_where_it_is_with_its_area(kind, area, size):
    colours, masks = draw(one(kind, x=0.1), *size)
    assert colours.shape == masks.shape == (1, 3, 9, *size)
    cover = (masks[0, 0] + 1) / 2
    assert cover.mean(dim=(1, 2)).tolist() == pytest.approx([area] * 9, rel=0.02)
    unit = (size[0] * size[1]) ** 0.5
    x = ((torch.arange(size[1]) + 0.5 - size[1] / 2) / unit * cover[4]).sum() / cover[4].sum()
    assert float(x) == pytest.approx(0.1, abs=0.003)
    inside = cover[4] > 0.999
    assert (colours[0, 0, 4][inside] == 1).all() and (colours[0, 1, 4][inside] == -1).all()
    assert (colours[0, :, 4][:, cover[4] == 0] == 0).all(), "grey where nothing is"


def test_a_turned_box_keeps_its_area():
    sketch = one("box", x=0.0)
    for frame, angle in enumerate(torch.linspace(0, 1.5, 9).tolist()):
        c, s = 0.15 * torch.tensor(angle).cos(), 0.15 * torch.tensor(angle).sin()
        sketch.states[0, 0, frame, 2:6] = torch.stack([c, s, -s, c])
    cover = (draw(sketch, 128, 128)[1][0, 0] + 1) / 2
    assert cover.mean(dim=(1, 2)).tolist() == pytest.approx([0.09] * 9, rel=0.03)


def test_the_stage_is_drawn():
    masks = draw(one(), 128, 128)[1][0]
    assert masks[1, 0, 100, 0] == 1 and masks[1, 0, 40, 0] == -1
    assert masks[1, 0, 68, 0] == 1 and masks[1, 0, 68, 127] == -1, "the floor's edge is tilted"
    assert masks[2, 0, 0, 0] == 1 and masks[2, 0, 0, 64] == -1, "a wall at the left"


def test_a_mirrored_sketch_is_the_mirrored_picture():
    sketch = one("box")
    for picture, mirrored in zip(draw(sketch, 64, 96), draw(sketch.mirrored(), 64, 96), strict=True):
        torch.testing.assert_close(picture.flip(-1), mirrored, atol=1e-4, rtol=0)


def test_hits_are_heard_by_the_sounds_around_them():
    features = hit_features(one(), 6)
    assert features.shape == (1, 6, HIT_FEATURES)
    ball = features[0, :, :6]
    assert [row[:4].max().item() > 0 for row in ball] == [False, True, True, False, False, False]
    assert ball[2, 1] == pytest.approx(0.7), "frame 4 is the first of the third sound's own"
    assert ball[1, 4] == pytest.approx(0.4 / 8 * 24, rel=1e-4) and ball[5, 4] == 0, "units a second, 0 at the end"
    assert (ball[:, 5] == 1).all() and (features[0, :, 11] == 0).all()
    assert (hit_features(one("box"), 6)[0, :, 5] == -1).all()


def test_the_guide_is_in_step_with_the_latents():
    torch.manual_seed(0)
    vae = VideoVAE(VideoVAEConfig(latent_channels=6, context_width=8, cell_width=8, cell_depth=1))
    guide = make_guide(one(), vae, 64, 96, 6)
    assert guide.video.shape == (1, 12, 2, 4, 6) and guide.audio.shape == (1, 6, HIT_FEATURES)
    part = guide.window([0], slice(2, 4))
    assert torch.equal(part.video, guide.video[:, :, :1]) and torch.equal(part.audio, guide.audio[:, 2:4])


def test_frames_beyond_the_end_stand_still_in_silence():
    later = one().frames(6, 14)
    assert later.states.shape[2] == 8
    assert torch.equal(later.states[:, :, 2:], later.states[:, :, 2:3].expand(-1, -1, 6, -1))
    assert (later.hits[:, :, 3:] == 0).all()


def test_rigid_boxes_keep_their_size_and_angles_and_balls_are_left_alone():
    from sora_core.models.sketch import rigid

    generator = torch.Generator().manual_seed(0)
    turns = torch.linalg.qr(torch.randn(9, 3, 3, generator=generator))[0]
    sketch = one("box")
    sketch.states[0, 0, :, 2:] = 0.15 * turns[:, :2].transpose(1, 2).flatten(1)     # a cube, turned nine ways
    torch.testing.assert_close(rigid(sketch).states, sketch.states)
    bent = one("box")
    bent.states[0, 0, :, 2:] = sketch.states[0, 0, :, 2:] * torch.tensor([1, 0.3, 1, 0.3, 1, 0.3])
    bent.states[0, 0, 0] = sketch.states[0, 0, 0]
    edges = rigid(bent).states[0, 0, :, 2:].view(9, 3, 2).transpose(1, 2)
    torch.testing.assert_close(edges @ edges.transpose(1, 2), (0.15 ** 2 * torch.eye(2)).expand(9, 2, 2))
    ball = one()
    assert torch.equal(rigid(ball).states, ball.states)


def test_a_ball_is_drawn_before_the_board_that_it_hits():
    """The board is a part of a figure and stands in a later slot."""
    states, traits = torch.zeros(1, SLOTS, 1, 8), torch.full((1, SLOTS, TRAITS), -1.0)
    states[0, 0, 0, 2] = states[0, 0, 0, 5] = 0.1
    states[0, 1, 0, 2] = states[0, 1, 0, 5] = 0.3
    traits[0, 0] = torch.tensor([1.0, -1, 1, -1, -1, -1])      # a red ball
    traits[0, 1] = torch.tensor([1.0, 1, -1, -1, 1, 1])        # a blue board
    picture = draw_bodies(Sketch(states, torch.zeros(1, SLOTS, 1), traits, torch.zeros(1, 4)), 64, 64)[0, :, 0]
    assert picture[:, 32, 32].tolist() == [1, -1, -1, 1] and picture[:, 32, 45].tolist() == [-1, -1, 1, 1]


def figure(legs_along: tuple[float, float]) -> Sketch:
    """Five bars: a trunk that turns over head first, legs at these places along it, two arms at its middle."""
    frames = 17
    turn = torch.linspace(0, 6.2832, frames)
    along = 0.2 * torch.stack([turn.sin(), -turn.cos()], dim=1)
    across = 0.3 * torch.stack([along[:, 1], -along[:, 0]], dim=1)
    states, traits = torch.zeros(1, SLOTS, frames, 8), torch.ones(1, SLOTS, TRAITS)
    for slot, place in enumerate((0.0, *legs_along, 0.0, 0.0)):
        states[0, slot, :, :2] = place * along
        states[0, slot, :, 2:4], states[0, slot, :, 4:6] = across / (1 + 2 * (slot > 0)), along
    traits[..., 2:5] = torch.tensor([-1.0, -1.0, 1.0])
    return Sketch(states, torch.zeros(1, SLOTS, frames), traits, torch.zeros(1, 4))


@pytest.mark.parametrize(("legs", "has_head"), [((-1.5, -1.5), True), ((0.9, -0.9), False)])
def test_people_have_heads_that_turn_with_them(legs, has_head):
    sketch = figure(legs)
    drawn = draw_bodies(sketch, 128, 128)[0]
    for frame in (0, 4, 8, 12):
        x, y = (0.73 * sketch.states[0, 0, frame, 4:6] * 128 + 64).round().int().tolist()
        colour = drawn[:3, frame, y, x]
        assert torch.allclose(colour, torch.tensor(SKIN), atol=1e-4) is has_head
        assert torch.allclose(drawn[:3, frame, 128 - y, 128 - x], torch.tensor([-1.0, -1.0, 1.0]))
    parts = draw_bodies(sketch.frames(6, 11), 128, 128)
    assert torch.equal(parts[0], drawn[:, 6:11]), "the same in a part of the clip"


def test_four_parts_are_nobody():
    sketch = figure((-1.5, -1.5))
    sketch.traits[0, 4, 5], sketch.traits[0, 4, 1] = -1, -1
    assert not torch.isclose(draw_bodies(sketch, 128, 128)[0, 0], torch.tensor(SKIN[0]), atol=1e-4).any(), "four parts"


def test_without_figures_there_are_things_alone():
    generator = torch.Generator().manual_seed(0)
    traits = torch.ones(1, SLOTS, TRAITS)
    traits[0, :2, 5] = -1
    states = torch.randn(1, SLOTS, 9, 8, generator=generator)
    sketch = Sketch(states, torch.ones(1, SLOTS, 9), traits, torch.zeros(1, 4))
    alone = without_figures(sketch)
    assert (alone.traits[0, :, 0] > 0).tolist() == [True, True, False, False, False]
    assert torch.equal(alone.states, sketch.states) and not alone.hits[0, 2:].any() and alone.hits[0, :2].all()
    assert torch.equal(alone.traits[0, :2], traits[0, :2]), "and nothing else changes"
