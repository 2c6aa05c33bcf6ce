"""Distillation: where steps begin and end, the teacher's jump, and a student that comes near it in few steps."""

import numpy as np
import pytest
import torch

from sora_core.checkpoint import load_checkpoint
from sora_core.cli import main
from sora_core.config import SketcherConfig, TextEncoderConfig, TransformerConfig, VideoVAEConfig
from sora_core.models.sketcher import Sketcher
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.tokenizer import train_tokenizer
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE
from sora_core.sampling.flow import schedule
from sora_core.training.distil import FEWEST, DistilTask, draw_steps, guide_between, step_velocity
from sora_core.training.loop import LoopOptions, TrainingRun

from .test_transformer import TEXTS, TwoClips, TwoSketches


@pytest.fixture
def task():
    """A teacher of random weights: its guided velocities are some smooth function of everything that it is given."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS * 3, 320)
    transformer = SoraTransformer(TransformerConfig(video_channels=6, audio_channels=4, text_width=32, width=32,
                                                    depth=1, num_heads=1, refiner_width=8))
    text = TextEncoder(TextEncoderConfig(vocabulary_size=tokenizer.vocabulary_size, width=32, depth=1, num_heads=1))
    sketcher = Sketcher(SketcherConfig(video_channels=6, text_width=32, width=32, depth=1, num_heads=1))
    sketcher.basis.copy_(torch.eye(64)[:, :24])
    for network in (transformer, sketcher):
        network.requires_grad_(False)       # as they come from a checkpoint
    return DistilTask(TwoClips(), TwoSketches(), transformer, sketcher, text, tokenizer,
                      VideoVAE(VideoVAEConfig(latent_channels=6, context_width=8, cell_width=8, cell_depth=1)), 8)


def test_steps_lie_on_both_schedules_and_end_on_the_shorter():
    begin, end = draw_steps(2000, 3.0, torch.Generator().manual_seed(0))
    has_length = begin > end
    assert 0.7 < has_length.float().mean() < 0.9 and torch.equal(begin[~has_length], end[~has_length])
    few, more = schedule(FEWEST), schedule(2 * FEWEST)
    assert set(few.tolist()) <= {*more.tolist()}
    pairs = torch.stack([begin, end], dim=1)[has_length].tolist()
    found = {(round(b, 5), round(e, 5)) for b, e in pairs}
    wanted = {(round(float(b), 5), round(float(few[i // 2 + 1]), 5)) for i, b in enumerate(more[:-1])}
    assert found == wanted
    assert begin.min() > 0 and begin.max() == 1


def test_one_step_lands_where_small_steps_do():
    """On dx/dt = t the midpoint rule is exact; a step without length has the velocity of the place itself."""
    begin, end = torch.tensor([1.0, 0.6]), torch.tensor([0.5, 0.6])
    x = torch.zeros(2, 3)
    velocity, = step_velocity(lambda noisy, t: (t[:, None].expand(2, 3),), (x,), begin, end)
    torch.testing.assert_close(x + (end - begin)[:, None] * velocity, ((end**2 - begin**2) / 2)[:, None].expand(2, 3))
    assert torch.equal(velocity[1], torch.full((3,), 0.6))


def test_guidance_is_the_teacher_s_and_ends_where_it_ends_in_sampling():
    both = torch.tensor([[3.0], [3.0], [1.0], [1.0]])      # wanted, wanted, unwanted, unwanted
    guided, = guide_between((both,), torch.tensor([0.9, 0.3]))
    assert guided.tolist() == [[5.0], [3.0]]


def test_a_student_comes_near_in_few_steps(task, tmp_path):
    text = {name: value.clone() for name, value in task.text_encoder.state_dict().items()}
    before = task.distances(FEWEST, is_student=False)
    assert before == task.distances(FEWEST), "a student begins as its teacher"
    TrainingRun(task, LoopOptions(output=tmp_path, steps=80, learning_rate=2e-3, matrix_learning_rate=1e-2,
                                  sample_every=80)).run(lambda line: None)
    after = task.distances(FEWEST)
    assert all(after[name] < 0.85 * before[name] for name in before), (before, after)
    assert task.distances(FEWEST, is_student=False) == before, "the teacher stays"
    assert all(torch.equal(value, text[name]) for name, value in task.text_encoder.state_dict().items())
    assert (tmp_path / "sheet-000080.png").stat().st_size > 1000
    saved = load_checkpoint(tmp_path / "transformer-sketcher.safetensors")
    assert set(saved.config) == {"transformer", "sketcher"}


def test_what_is_given_is_asked_of_nobody(task):
    """Where picture and sound are given but for one latent, only that one has a loss."""
    batch = task.batch(np.random.default_rng(0), 0)
    count, frames = len(batch["video"]), batch["video"].shape[2]
    t_video, t_audio = torch.zeros(count, frames), torch.zeros(count, batch["audio"].shape[2])
    t_video[:, 1] = 1
    task._timesteps = lambda *_: (t_video, t_audio, torch.ones(count))
    _, numbers = task.loss(batch, torch.Generator().manual_seed(0))
    assert numbers["video"] > 0 and numbers["audio"] == 0


def test_the_command_line_names_what_is_missing(capsys):
    with pytest.raises(SystemExit):
        main(["train", "distil", "--data", "a", "--output", "b"])
    assert "--start-from" in capsys.readouterr().err
