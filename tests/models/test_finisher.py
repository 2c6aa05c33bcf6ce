"""The finisher of decoded frames: its priors, and how the autoencoder calls it."""

from __future__ import annotations

import torch
from torch import nn

from sora_core.config import VideoVAEConfig
from sora_core.models.carried import with_sketch
from sora_core.models.finisher import Finisher, uncovered
from sora_core.models.sketch import draw_bodies
from sora_core.models.steady import steadied
from sora_core.models.video_vae import VideoVAE

from .test_carried import some_sketch

TINY = VideoVAEConfig(latent_channels=6, context_width=16, cell_width=16, cell_depth=1, finisher_width=16,
                      finisher_depth=1)


def fresh() -> Finisher:
    finisher = Finisher(TINY, nn)
    finisher.reset_parameters()
    return finisher.eval().requires_grad_(False)


def test_a_fresh_one_keeps_what_is_still_and_shows_things_where_they_are() -> None:
    """A red thing in the middle of a picture that flickers: before anything is learnt the priors do most of it."""
    first = torch.zeros(1, 3, 1, 32, 32)
    shown = first.expand(-1, -1, 4, -1, -1) + 0.2 * torch.randn(1, 3, 4, 32, 32)
    drawing = torch.zeros(1, 4, 4, 32, 32)
    drawing[:, 0, :, 12:20, 12:20] = drawing[:, 3, :, 12:20, 12:20] = 1
    finished = fresh()(shown, drawing, first, torch.zeros(1, 4, 1, 32, 32))
    still = torch.ones(32, 32, dtype=torch.bool)
    still[8:24, 8:24] = False
    assert finished[..., still].abs().mean() < 0.2 * shown[..., still].abs().mean()
    red = finished[0, 0, :, 13:19, 13:19].mean() - finished[0, 1, :, 13:19, 13:19].mean()
    assert red > 0.4
    assert torch.allclose(finished[..., 9:11, 9:11], 0.95 * shown[..., 9:11, 9:11], atol=0.05), "near a thing as shown"


def lively() -> VideoVAE:
    torch.manual_seed(0)
    vae = VideoVAE(TINY).eval().requires_grad_(False)
    for layer in (vae.finisher.conv_out, *(block.conv_out for block in vae.finisher.blocks), vae.cell_out):
        layer.weight.normal_(0, 0.02)
    return vae


def test_latents_that_carry_a_sketch_are_finished_and_others_are_not() -> None:
    vae, sketch = lively(), some_sketch(frames=17)
    latents = torch.randn(1, 6, 3, 8, 8) * 0.1
    plain = vae.decode(latents)
    assert torch.equal(vae.decode(with_sketch(latents, None)), plain)
    finished = vae.decode(with_sketch(latents, sketch))
    drawing = draw_bodies(sketch, 128, 128)
    wanted = vae.finisher(plain, drawing, plain[:, :, :1], drawing[:, :, :1]).clamp(-1, 1)
    wanted, _ = steadied(wanted, drawing, sketch.traits[..., 2:5], None)
    torch.testing.assert_close(finished, wanted, atol=1e-5, rtol=0)
    assert (finished - plain).abs().max() > 0.1


def test_only_the_frames_of_whole_latents_are_finished() -> None:
    vae, latents = lively(), torch.randn(1, 6, 3, 8, 8) * 0.1
    carrying = with_sketch(latents, some_sketch(frames=17))
    carrying[:, 6:, 2] = 0
    mixed, plain, finished = (vae.decode(x) for x in (carrying, latents, with_sketch(latents, some_sketch(frames=17))))
    assert torch.equal(mixed[:, :, 9:], plain[:, :, 9:]) and torch.equal(mixed[:, :, :9], finished[:, :, :9])


def test_pieces_and_tiles_give_the_same_frames() -> None:
    vae, sketch = lively(), some_sketch(frames=41)
    carrying = with_sketch(torch.randn(1, 6, 6, 16, 32) * 0.1, sketch)
    pieces = list(vae.decode_stream(carrying))
    assert len(pieces) > 1
    tiled = torch.cat(list(vae.decode_stream(carrying, tile=64)), dim=2)
    torch.testing.assert_close(torch.cat(pieces, dim=2), tiled, atol=1e-5, rtol=0)


def test_a_batch_gives_each_clip_its_own_sketch() -> None:
    vae, latents = lively(), torch.randn(2, 6, 3, 8, 8) * 0.1
    sketch = some_sketch(batch=2, frames=17)
    both = vae.decode(with_sketch(latents, sketch))
    for row in range(2):
        one = vae.decode(with_sketch(latents[row:row + 1], sketch[row:row + 1]))
        torch.testing.assert_close(both[row:row + 1], one, atol=1e-5, rtol=0)


def test_behind_a_thing_lies_what_lay_around_it() -> None:
    """A wall above a floor, and a disc before both: what is not covered stays, what is becomes wall and floor."""
    scene = torch.full((1, 3, 48, 70), 0.5)
    scene[:, :, 30:] = -0.5
    y, x = torch.meshgrid(torch.arange(48), torch.arange(70), indexing="ij")
    cover = (((y - 14) ** 2 + (x - 30) ** 2) < 64).float()[None, None]
    bare = uncovered(scene * (1 - cover) + cover, cover)
    assert torch.equal(bare * (1 - cover), scene * (1 - cover))
    assert ((bare - scene) * cover).abs().max() < 0.02, "the disc was before the wall alone"
    assert torch.equal(uncovered(scene, torch.zeros_like(cover)), scene)
    assert torch.isfinite(uncovered(scene, torch.ones_like(cover))).all()
