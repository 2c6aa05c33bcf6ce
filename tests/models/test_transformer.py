"""The transformer: shapes, what a timestep of 0 means, who sees whom."""

from dataclasses import replace

import pytest
import torch

from sora_core.config import TextEncoderConfig, TransformerConfig
from sora_core.models.guide import HIT_FEATURES, Guide
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.transformer import References, SoraTransformer
from sora_core.setting import read_setting

CONFIG = TransformerConfig(video_channels=6, audio_channels=4, text_width=24, width=48, depth=2, num_heads=2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return SoraTransformer(CONFIG).eval()   # torch's own initialisation: every path carries something


def inputs(batch=2, frames=3, height=4, width=6, sounds=5, words=4):
    generator = torch.Generator().manual_seed(1)
    return {"video": torch.randn(batch, 6, frames, height, width, generator=generator),
            "audio": torch.randn(batch, 4, sounds, generator=generator),
            "timestep_video": torch.full((batch,), 0.7), "timestep_audio": torch.full((batch,), 0.7),
            "text": torch.randn(batch, words, 24, generator=generator),
            "text_mask": torch.ones(batch, words, dtype=torch.bool), "frame_rate": torch.full((batch,), 24.0)}


@torch.no_grad()
def test_velocities_have_the_shapes_of_the_latents(model):
    values = inputs()
    video, audio = model(values.pop("video"), values.pop("audio"), **values)
    assert video.shape == (2, 6, 3, 4, 6) and audio.shape == (2, 4, 5)


@torch.no_grad()
def test_patches_go_there_and_back(model):
    video = torch.randn(2, 6, 3, 4, 6)
    assert torch.equal(model.unpatchify(model.patchify(video), video.shape), video)


@torch.no_grad()
def test_one_timestep_is_the_same_as_that_timestep_for_every_token(model):
    values = inputs()
    expected = model(**values)
    for shape_video, shape_audio in (((2, 3), (2, 5)), ((2, 3, 4, 6), (2, 5))):
        values |= {"timestep_video": torch.full(shape_video, 0.7), "timestep_audio": torch.full(shape_audio, 0.7)}
        for got, want in zip(model(**values), expected, strict=True):
            torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_given_latents_do_not_move_and_change_the_others(model):
    values = inputs()
    before, _ = model(**values)
    t = torch.full((2, 3), 0.7)
    t[:, 0] = 0
    after, _ = model(**values | {"timestep_video": t})
    assert after[:, :, 0].abs().max() == 0
    assert not torch.allclose(after[:, :, 1:], before[:, :, 1:])


@torch.no_grad()
def test_a_part_of_a_clip_knows_where_it_stands(model):
    values = inputs()
    expected, _ = model(**values)
    got, _ = model(**values, places=([0, 1, 2], [0, 1, 2, 3, 4]))
    assert torch.equal(got, expected)
    got, _ = model(**values, places=([0, 7, 8], [20, 21, 22, 23, 24]))
    assert not torch.allclose(got, expected)


@torch.no_grad()
def test_padding_of_the_text_is_not_seen(model):
    values = inputs()
    expected = model(**values)
    padded = torch.cat([values["text"], torch.randn(2, 3, 24)], dim=1)
    mask = torch.cat([values["text_mask"], torch.zeros(2, 3, dtype=torch.bool)], dim=1)
    for got, want in zip(model(**values | {"text": padded, "text_mask": mask}), expected, strict=True):
        torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("changed", ["text", "audio", "frame_rate"])
@torch.no_grad()
def test_the_picture_depends_on(model, changed):
    values = inputs()
    expected, _ = model(**values)
    got, _ = model(**values | {changed: values[changed] * 0.5})
    assert not torch.allclose(got, expected)


@torch.no_grad()
def test_references_are_seen_unless_masked(model):
    values = inputs()
    expected, _ = model(**values)
    references = References(torch.randn(2, 2, 6, 4, 4), torch.tensor([[0, 1], [0, 1]]),
                            torch.ones(2, 2, dtype=torch.bool), torch.randn(2, 2, 4, 3))
    got, _ = model(**values, references=references)
    assert not torch.allclose(got, expected)
    hidden = References(references.latents, references.slots, ~references.mask, references.sounds)
    got, _ = model(**values, references=hidden)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_initialised_for_training_it_makes_the_best_linear_guess():
    model = SoraTransformer(CONFIG)
    model.initialise()
    values = inputs()
    video, _ = model(**values)
    guess = 0.3 / (0.3**2 + 0.7**2) * values["video"]
    torch.testing.assert_close(video, (values["video"] - guess) / 0.7)


@torch.no_grad()
def test_text_encoder_ignores_padding():
    torch.manual_seed(0)
    encoder = TextEncoder(TextEncoderConfig(vocabulary_size=50, width=16, depth=2, num_heads=2)).eval()
    ids = torch.tensor([[1, 7, 9, 0, 0]])
    states = encoder(ids, ids > 0)
    assert states.shape == (1, 5, 16) and states[:, 3:].abs().max() == 0
    torch.testing.assert_close(states[:, :3], encoder(ids[:, :3], ids[:, :3] > 0), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_sketch_matters_where_it_is_and_zeros_mean_none(model):
    values = inputs()
    without = model(**values)
    none = Guide.none(2, 6, 3, 4, 6, 5)
    for got, want in zip(model(**values, guide=none), without, strict=True):
        torch.testing.assert_close(got, want)
    guides = (Guide(torch.ones(2, 12, 3, 4, 6), torch.ones(2, 5, HIT_FEATURES), none.setting),
              replace(none, setting=torch.tensor([read_setting("on grass at night")] * 2)))
    for guide in guides:
        for got, other in zip(model(**values, guide=guide), without, strict=True):
            assert not torch.allclose(got, other)


@torch.no_grad()
def test_where_the_first_frame_is_forgotten_it_is_taken_away(model):
    untrained = SoraTransformer(CONFIG)
    untrained.initialise()
    values = inputs()
    values["timestep_video"] = torch.tensor([[0.0, 0.7, 0.7]]).repeat(2, 1)
    before, _ = untrained(**values)
    untrained.refiner.forget.bias.fill_(1.0)
    after, _ = untrained(**values)
    first = values["video"][:, :, :1].expand(-1, -1, 2, -1, -1)
    torch.testing.assert_close((after - before)[:, :, 1:], first / 0.7, msg="clean latents less the first, given frame")
