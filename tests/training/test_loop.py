"""The loop: a run that is cut goes on exactly, and what it saves can be loaded."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sora_core.checkpoint import load_checkpoint
from sora_core.config import TextEncoderConfig
from sora_core.errors import CheckpointError, ConfigError, ResourceError
from sora_core.models.text_encoder import TextEncoder
from sora_core.training.loop import LoopOptions, TrainingRun, learning_rate_factor
from sora_core.training.muon import Muon

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
    assert TrainingRun(task, options(tmp_path, steps=60, sample_every=25, save_every=30)).run(lines.append)
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
    save_file({"x": nn.Parameter(torch.zeros(1)).detach()}, tmp_path / "state.safetensors")
    with pytest.raises(CheckpointError, match="not a training state"):
        TrainingRun(GuessTheMean(), options(tmp_path))


def test_fifty_steps_are_twenty_five_and_twenty_five(tmp_path):
    whole, halves = GuessTheMean(), GuessTheMean()
    assert TrainingRun(whole, options(tmp_path / "whole", steps=50, save_every=20)).run(lambda line: None)
    draw = halves.batch
    halves.batch = lambda rng, step: (signal.raise_signal(signal.SIGINT) if step == 24 else None, draw(rng, step))[1]
    assert not TrainingRun(halves, options(tmp_path / "halves", steps=50, save_every=20)).run(lambda line: None)
    again = GuessTheMean()
    run = TrainingRun(again, options(tmp_path / "halves", steps=50, save_every=20))
    assert run.step == 25 and run.run(lambda line: None)
    for folder in ("whole", "halves"):
        assert not list((tmp_path / folder).glob("*.part"))
    saved = [load_file(tmp_path / folder / "state.safetensors") for folder in ("whole", "halves")]
    assert saved[0].keys() == saved[1].keys()
    assert all(torch.equal(value, saved[1][key]) for key, value in saved[0].items()), "to the last bit"


def test_parts_are_added_up(tmp_path):
    """Two parts of one batch each are one step; the gradient is their mean."""
    task = GuessTheMean()
    TrainingRun(task, options(tmp_path, steps=3, parts=2)).run(lambda line: None)
    assert task.steps == 6 and TrainingRun(GuessTheMean(), options(tmp_path, steps=3)).parts == 2


def test_muon_gives_the_numbers_of_pytorch():
    torch.manual_seed(0)
    for shape in [(12, 5), (5, 12), (8, 8)]:
        start, gradients = torch.randn(shape), torch.randn(4, *shape)
        ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
        pairs = [(ours, Muon([ours], lr=0.1, momentum=0.9, weight_decay=0.2)),
                 (theirs, torch.optim.Muon([theirs], lr=0.1, momentum=0.9, weight_decay=0.2))]
        for gradient in gradients:
            for parameter, optimiser in pairs:
                parameter.grad = gradient.clone()
                optimiser.step()
        assert torch.equal(ours, theirs)


def test_a_state_of_an_earlier_version_is_read(tmp_path):
    """It had numbers for the optimisers' parameters, and no sizes of networks."""
    task = GuessTheMean()
    run = TrainingRun(task, options(tmp_path / "new", steps=6))
    run.run(lambda line: None)
    numbers = {run.names[parameter]: f"{i}.{j}" for i, optimiser in enumerate(run.optimisers)
               for j, parameter in enumerate(p for group in optimiser.param_groups for p in group["params"])}
    new, old = load_file(tmp_path / "new" / "state.safetensors"), {}
    for key, value in new.items():
        kind, _, rest = key.partition(".")
        name, _, last = rest.rpartition(".")
        old[f"optimiser.{numbers[name]}.{last}" if kind == "optimiser" else key] = value
    assert sum(key.startswith("optimiser.0.") for key in old) and sum(key.startswith("optimiser.1.") for key in old)
    (tmp_path / "old").mkdir()
    save_file(old, tmp_path / "old" / "state.safetensors",
              metadata={"facts": json.dumps({"step": 6, "seconds": 1.0, "seed": 0, "steps": 6})})
    again = TrainingRun(GuessTheMean(), options(tmp_path / "old", steps=6))
    assert again.step == 6
    again.save()
    after = load_file(tmp_path / "old" / "state.safetensors")
    assert after.keys() == new.keys() and all(torch.equal(value, new[key]) for key, value in after.items())


def test_a_full_disk_leaves_the_state_saved_before(tmp_path):
    resource = pytest.importorskip("resource")
    task = GuessTheMean()
    before, draw = resource.getrlimit(resource.RLIMIT_FSIZE), task.batch

    def batch(rng, step):
        if step == 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        return draw(rng, step)

    task.batch = batch
    try:
        with pytest.raises(ResourceError, match="free some space and run the same command again"):
            TrainingRun(task, options(tmp_path)).run(lambda line: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "state.safetensors",
                                                                "text_encoder.safetensors"]
    assert TrainingRun(GuessTheMean(), options(tmp_path)).step == 3


def test_networks_of_other_sizes_are_refused_by_name(tmp_path):
    TrainingRun(GuessTheMean(), options(tmp_path, steps=3)).run(lambda line: None)
    other = GuessTheMean()
    other.configs = {"text_encoder": replace(CONFIG, depth=2)}
    with pytest.raises(ConfigError, match="text_encoder.depth=1, not 2; use the same options"):
        TrainingRun(other, options(tmp_path))
    other.modules = {"text_encoder": TextEncoder(replace(CONFIG, width=16))}
    other.configs = {"text_encoder": CONFIG}
    with pytest.raises(CheckpointError, match="embedding.weight"):
        TrainingRun(other, options(tmp_path))


def test_a_damaged_state_is_refused(tmp_path):
    TrainingRun(GuessTheMean(), options(tmp_path, steps=3)).run(lambda line: None)
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match="remove it to begin anew"):
        TrainingRun(GuessTheMean(), options(tmp_path))
