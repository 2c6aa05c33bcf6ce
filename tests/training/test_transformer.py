"""The joint training: captions, timesteps, and losses that are the flow's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sora_core.config import SketcherConfig, TextEncoderConfig, TransformerConfig, VideoVAEConfig
from sora_core.models.guide import Guide
from sora_core.models.sketch import SLOTS, Sketch
from sora_core.models.sketcher import Sketcher
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.tokenizer import train_tokenizer
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE
from sora_core.sampling.sketching import draw_sketch
from sora_core.setting import read_setting
from sora_core.training import transformer as transformer_training
from sora_core.training.data import Clips, mirror_caption, pad_ids, roughen
from sora_core.training.loop import LoopOptions, TrainingRun
from sora_core.training.sketcher import draw_given
from sora_core.training.transformer import PainterTask, SketcherTask, TransformerTask, draw_timesteps

TEXTS = ["a red ball rolls to the left", "a blue box falls"]


def make_clips(values, texts, frames=3, sounds=6):
    """Clips that hold one value each, and sketches of one thing that stays at that place."""
    count = len(texts)
    video = values.reshape(-1, 1, 1, 1, 1).expand(-1, 6, frames, 4, 4).clone()
    return Clips(video, values.reshape(-1, 1, 1).expand(-1, 4, sounds).clone(), torch.zeros(count, 12, frames, 4, 4),
                 make_sketch(values, frames), texts, torch.tensor([read_setting(text) for text in texts]))


def make_sketch(values, frames):
    states = torch.zeros(len(values), SLOTS, 8 * frames - 7, 8)
    states[:, 0, :, 0] = 0.2 * values[:, None]
    traits = torch.tensor([[1.0, -1, 1, -1, -1, -1]] + (SLOTS - 1) * [[-1.0, 0, 0, 0, 0, 0]]).repeat(len(values), 1, 1)
    return Sketch(states, torch.zeros(states.shape[:3]), traits, torch.zeros(len(values), 4))


class TwoClips:
    """Two latents, told apart by their captions alone."""

    def draw(self, rng, batch_size):
        rows = rng.integers(2, size=batch_size)
        values = torch.tensor([-1.0, 1.0])[torch.from_numpy(rows)]
        return make_clips(values, [TEXTS[row] for row in rows])


class TwoSketches(TwoClips):
    def draw(self, rng, batch_size):
        clips = super().draw(rng, batch_size)
        return clips.sketch, torch.ones(batch_size), clips.texts


@pytest.fixture
def task():
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS * 3, 320)
    transformer = SoraTransformer(TransformerConfig(video_channels=6, audio_channels=4, text_width=32, width=32,
                                                    depth=2, num_heads=1))
    transformer.initialise()
    text = TextEncoder(TextEncoderConfig(vocabulary_size=tokenizer.vocabulary_size, width=32, depth=1, num_heads=1))
    sketcher = Sketcher(SketcherConfig(video_channels=6, text_width=32, width=32, depth=2, num_heads=1))
    sketcher.initialise()
    sketcher.basis.copy_(torch.eye(64)[:, :24])
    return TransformerTask(TwoClips(), TwoSketches(), transformer, sketcher, text, tokenizer,
                           VideoVAE(VideoVAEConfig(latent_channels=6)), 16)


def test_two_clips_are_learnt_and_told_apart_by_their_captions(task, tmp_path):
    options = LoopOptions(output=tmp_path, steps=220, learning_rate=3e-3, log_every=10)
    lines = []
    TrainingRun(task, options).run(lines.append)
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines[:-1]]
    assert losses[-1] < 0.3 * losses[0]
    ids, mask = pad_ids(TEXTS, task.tokenizer, 16)
    with torch.no_grad():
        noise = torch.randn(2, 6, 3, 4, 4), torch.randn(2, 4, 6)
        ones = torch.ones(2)
        video, _ = task.transformer(*noise, timestep_video=ones, timestep_audio=ones, text_mask=mask,
                                    text=task.text_encoder(ids, mask), frame_rate=ones * 24)
    clean = noise[0] - video
    assert clean[0].mean() < -0.5 and clean[1].mean() > 0.5
    states = [task.text_encoder(ids[row:row + 1, :int(mask[row].sum())], mask[row:row + 1, :int(mask[row].sum())])
              for row in range(2)]
    places = [draw_sketch(task.sketcher, state.detach(), None, frames=17, aspect=1.0, seed=0, batch_size=8)
              .states[:, 0, 0, 0].mean() for state in states]
    assert places[0] < -0.05 and places[1] > 0.05, "the sketcher tells them apart too"


def test_the_sketcher_can_learn_alone(task, tmp_path):
    alone = SketcherTask(task.pool, task.sketches, task.transformer, task.sketcher, task.text_encoder, task.tokenizer,
                         task.video_vae, 16)
    others = [task.transformer, task.text_encoder]
    before = [{name: value.clone() for name, value in module.state_dict().items()} for module in others]
    lines = []
    TrainingRun(alone, LoopOptions(output=tmp_path, steps=60, learning_rate=3e-3, log_every=10)).run(lines.append)
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines[:-1]]
    assert losses[-1] < 0.6 * losses[0]
    for module, values in zip(others, before, strict=True):
        assert all(torch.equal(values[name], value) for name, value in module.state_dict().items())


PLAYS = ["a ball on the grass at night", "a ball on the ice in a rink"]


class TwoPlaces:
    """Two latents of the same words and sketch, told apart by where they play alone."""

    def draw(self, rng, batch_size):
        rows = rng.integers(2, size=batch_size)
        clips = make_clips(torch.tensor([-1.0, 1.0])[torch.from_numpy(rows)], batch_size * ["a ball"])
        return replace(clips, sketch=make_sketch(torch.zeros(batch_size), 3),
                       setting=torch.tensor([read_setting(PLAYS[row]) for row in rows]))


def test_the_painter_can_learn_alone_and_minds_where_a_clip_plays(task, tmp_path):
    alone = PainterTask(TwoPlaces(), task.sketches, task.transformer, task.sketcher, task.text_encoder, task.tokenizer,
                        task.video_vae, 16)
    others = [task.sketcher, task.text_encoder]
    before = [{name: value.clone() for name, value in module.state_dict().items()} for module in others]
    TrainingRun(alone, LoopOptions(output=tmp_path, steps=300, learning_rate=3e-3)).run(lambda _: None)
    for module, values in zip(others, before, strict=True):
        assert all(torch.equal(values[name], value) for name, value in module.state_dict().items())
    ids, mask = pad_ids(["a ball", "a ball"], task.tokenizer, 16)
    guide = replace(Guide.none(2, 6, 3, 4, 4, 6), setting=torch.tensor([read_setting(text) for text in PLAYS]))
    noise, ones = torch.randn(1, 6, 3, 4, 4).expand(2, -1, -1, -1, -1), torch.ones(2)
    with torch.no_grad():
        video, _ = task.transformer(noise, torch.randn(2, 4, 6), timestep_video=ones, timestep_audio=ones,
                                    text=task.text_encoder(ids, mask), text_mask=mask, frame_rate=ones * 24,
                                    guide=guide)
    clean = (noise - video).mean((1, 2, 3, 4))
    assert clean[1] - clean[0] > 0.8


def test_the_words_of_another_clip_come_with_all_that_is_known_of_this_one(task, monkeypatch):
    monkeypatch.setattr(transformer_training, "MISLED", 1.0)
    monkeypatch.setattr(transformer_training, "SETTING_TOLD", 0.0)
    monkeypatch.setattr(transformer_training, "GUIDE_DROP", 0.0)
    task.pool = TwoPlaces()
    batch = task.batch(np.random.default_rng(0), 0)
    has_text = batch["mask"][:16].sum(1) > batch["mask"][:16].sum(1).min()
    assert has_text.any() and not has_text.all()
    assert torch.equal((batch["guide_setting"] > 0).any(1), has_text)


def test_what_is_given_is_of_things_or_of_the_floor(task):
    rows = task.sketcher.to_rows(make_sketch(torch.zeros(400), 3))
    is_given = draw_given(rows, torch.Generator().manual_seed(0))
    first, stage = is_given[:, 1::3, 9:15], is_given[:, 0]
    assert int(is_given.sum()) == int(first.sum()) + int(stage[:, :2].sum())
    assert 0.4 < first.any((1, 2)).float().mean() < 0.6 and 0.1 < stage[:, 0].float().mean() < 0.3
    assert (first[..., [1, 5]] == first[..., :1]).all(), "what it is goes together"
    assert (first[..., 2] <= first[..., 0]).all() and first[..., 2].sum() < first[..., 0].sum()


def test_timesteps_lie_in_range_and_lean_to_noise():
    t = draw_timesteps(10000, torch.Generator().manual_seed(0))
    assert 0 < t.min() and t.max() <= 1 and 0.65 < t.median() < 0.85


def test_some_clips_have_a_part_given(task):
    t_video, t_audio, sees = task._timesteps(2000, torch.arange(13), torch.arange(48), torch.Generator().manual_seed(0))
    first = (t_video[:, 0] == 0) & (t_video[:, 1] > 0) & (t_audio[:, 0] > 0)
    beginning = (t_video[:, 1] == 0) & (t_video[:, -1] > 0)
    foley = (t_video == 0).all(1) & (t_audio > 0).all(1)
    lips = (t_audio == 0).all(1) & (t_video > 0).all(1)
    for kind in (first, beginning, foley, lips):
        assert 0.02 < kind.float().mean() < 0.2
    assert ((t_video == 0).all(1) & (t_audio == 0).all(1)).sum() == 0
    assert (t_audio[beginning][:, 0] == 0).all()
    assert 0.5 < (sees[foley] == 0).float().mean() < 0.9, "foley has no sketch when it is used"
    assert (sees[first] == 1).all()


def test_mirrored_captions_swap_sides():
    assert mirror_caption("from left to right, upright") == "from right to left, upright"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60), st.integers(0, 99))
def test_roughened_words_stay_words(text, seed):
    rough = roughen(text, np.random.default_rng(seed))
    assert abs(len(rough.split()) - len(text.split())) <= len(text)


def test_texts_are_padded_and_cut():
    tokenizer = train_tokenizer(TEXTS, 300)
    ids, mask = pad_ids(["", "a red ball " * 50], tokenizer, 12)
    assert ids.shape == (2, 12) and mask.sum(1).tolist() == [1, 12] and ids[0, 1:].abs().sum() == 0


def test_early_steps_see_windows_and_later_ones_whole_clips(task):
    task.window_steps = 10
    task.pool.draw = lambda rng, size: make_clips(torch.zeros(size), TEXTS[:1] * size, 13, 48)
    task.sketches.draw = lambda rng, size: (make_sketch(torch.zeros(size), 13), torch.ones(size), TEXTS[:1] * size)
    starts, pictures = set(), 0
    for step in range(10):
        batch = task.batch(np.random.default_rng(step), step)
        if batch["video"].shape[2] == 1:
            pictures += 1
            assert len(batch["video"]) == 3 * 16 and batch["audio"].shape[2] == 4
            assert torch.isfinite(task.loss(batch, torch.Generator().manual_seed(0))[0])
            continue
        frames, sounds = batch["video_places"].tolist(), batch["audio_places"].tolist()
        assert frames[0] == 0 and frames[1:] == list(range(frames[1], frames[1] + 4))
        assert batch["video"].shape[2] == 5 and batch["audio"].shape[2] == len(sounds) >= 16
        assert frames[1] == 1 or abs(sounds[0] / 12 - (8 * frames[1] - 7) / 24) < 1 / 12
        starts.add(frames[1])
        assert torch.isfinite(task.loss(batch, torch.Generator().manual_seed(0))[0])
    assert 1 in starts and len(starts) > 1 and pictures > 0
    assert task.batch(np.random.default_rng(0), 10)["video"].shape[2] == 13
