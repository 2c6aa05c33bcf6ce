"""The loop: a run that is cut goes on exactly, and what it saves can be loaded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sora_core.checkpoint import load_checkpoint
from sora_core.config import TextEncoderConfig
from sora_core.errors import CheckpointError, ConfigError
from sora_core.models.text_encoder import TextEncoder
from sora_core.training.loop import LoopOptions, TrainingRun, learning_rate_factor

CONFIG = TextEncoderConfig(vocabulary_size=20, width=8, depth=1, num_heads=1)


class GuessTheMean:
    """A tiny task: states of random ids shall be one."""

    vocabulary = None

    def __init__(self, stop_after=None):
        torch.manual_seed(0)
        self.encoder = TextEncoder(CONFIG)
        self.modules, self.configs = {"text_encoder": self.encoder}, {"text_encoder": CONFIG}
        self.steps, self.stop_after, self.samples = 0, stop_after, []

    def batch(self, rng, step):
        if self.stop_after is not None and self.steps == self.stop_after:
            raise KeyboardInterrupt
        self.steps += 1
        return {"ids": torch.from_numpy(rng.integers(0, 20, (4, 5)))}

    def loss(self, batch, generator):
        noise = torch.randn(4, 5, 8, generator=generator) * 0.01
        states = self.encoder(batch["ids"], torch.ones(4, 5, dtype=torch.bool))
        return ((states - 1 + noise) ** 2).mean(), {"extra": 1.0}

    def sample(self, folder, step):
        self.samples.append(step)


def options(folder, **values):
    return LoopOptions(**{"output": folder, "steps": 12, "save_every": 3, "log_every": 2} | values)


def weights(task):
    return {key: value.clone() for key, value in task.encoder.state_dict().items()}


def test_it_learns_logs_and_samples(tmp_path):
    task = GuessTheMean()
    lines = []
    assert TrainingRun(task, options(tmp_path, steps=60, sample_every=25)).run(lines.append)
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines[:-1]]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert task.samples == [25, 50] and (tmp_path / "log.csv").read_text().startswith("step,seconds,loss")


def test_a_run_that_is_cut_ends_where_an_unbroken_one_does(tmp_path):
    whole = GuessTheMean()
    TrainingRun(whole, options(tmp_path / "whole")).run(lambda line: None)
    with pytest.raises(KeyboardInterrupt):
        TrainingRun(GuessTheMean(stop_after=7), options(tmp_path / "cut")).run(lambda line: None)
    again = GuessTheMean()
    run = TrainingRun(again, options(tmp_path / "cut"))
    assert run.step == 6
    assert run.run(lambda line: None)
    for key, value in weights(whole).items():
        assert torch.equal(value, weights(again)[key]), key


def test_the_average_is_saved_as_a_checkpoint_and_the_live_weights_are_not(tmp_path):
    task = GuessTheMean()
    run = TrainingRun(task, options(tmp_path))
    run.run(lambda line: None)
    saved = load_checkpoint(tmp_path / "text_encoder.safetensors")
    assert saved.training["step"] == 12
    live = weights(task)
    assert not torch.equal(saved.tensors["text_encoder"]["embedding.weight"], live["embedding.weight"])
    run.average.swap()
    run.average.swap()
    assert all(torch.equal(value, live[key]) for key, value in weights(task).items())


def test_an_interrupt_finishes_the_step_saves_and_goes_on_exactly(tmp_path):
    whole, cut = GuessTheMean(), GuessTheMean()
    TrainingRun(whole, options(tmp_path / "whole")).run(lambda line: None)
    handler = signal.getsignal(signal.SIGINT)
    draw = cut.batch
    cut.batch = lambda rng, step: (signal.raise_signal(signal.SIGINT) if step == 4 else None, draw(rng, step))[1]
    lines = []
    assert not TrainingRun(cut, options(tmp_path / "cut")).run(lines.append)
    assert "stopped at step 5 of 12" in lines[-1] and signal.getsignal(signal.SIGINT) is handler
    cut.batch = draw
    assert TrainingRun(cut, options(tmp_path / "cut")).run(lambda line: None)
    assert all(torch.equal(weights(whole)[key], value) for key, value in weights(cut).items())


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_batch(tmp_path):
    task = GuessTheMean()
    loss = task.loss
    task.loss = lambda batch, generator: (loss(batch, generator)[0] * (float("nan") if task.steps == 5 else 1), {})
    with pytest.raises(ConfigError, match="not a number at step 4; its batch is in bad-batch-000004-0.safetensors"):
        TrainingRun(task, options(tmp_path)).run(lambda line: None)
    assert load_file(tmp_path / "bad-batch-000004-0.safetensors")["ids"].shape == (4, 5)
    assert (tmp_path / "state.safetensors").exists(), "what was saved before stays"


def test_minutes_stop_cleanly_and_say_how_to_go_on(tmp_path):
    lines = []
    assert not TrainingRun(GuessTheMean(), options(tmp_path, steps=100000, minutes=1e-4)).run(lines.append)
    assert "run the same command again" in lines[-1] and (tmp_path / "state.safetensors").exists()


def test_the_learning_rate_rises_holds_and_falls():
    factors = [learning_rate_factor(step, 3000) for step in range(3000)]
    assert factors[0] < 0.01 and factors[500] == 1 and factors[-1] < 0.002 and max(factors) == 1
    assert all(later <= earlier for earlier, later in zip(factors[300:], factors[301:], strict=False))


@pytest.mark.parametrize("values", [{"steps": 0}, {"minutes": 0.0}, {"minutes": -1.0}])
def test_impossible_lengths_are_refused(tmp_path, values):
    with pytest.raises(ConfigError):
        options(tmp_path, **values)


def test_a_foreign_state_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": nn.Parameter(torch.zeros(1)).detach()}, tmp_path / "state.safetensors")
    with pytest.raises(CheckpointError, match="not a training state"):
        TrainingRun(GuessTheMean(), options(tmp_path))


@pytest.mark.parametrize(("minutes", "steps"), [(10, 8), (1e-6, 1)])
def test_two_ranks_see_different_batches_and_end_with_the_same_weights(tmp_path, minutes, steps):
    script = Path(__file__).with_name("two_ranks.py")
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
                           str(script), str(tmp_path / "run"), str(minutes)], capture_output=True, text=True,
                          cwd=Path(__file__).parents[2], timeout=300,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    ranks = [path.read_text().split() for path in sorted(tmp_path.glob("rank-*.txt"))]
    assert [rank[3] for rank in ranks] == [str(steps)] * 2
    assert ranks[0][5] == ranks[1][5] and ranks[0][7] != ranks[1][7]
    assert load_checkpoint(tmp_path / "run" / "text_encoder.safetensors").training["step"] == steps
