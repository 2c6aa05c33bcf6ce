"""The one training loop: resumable slices, weight averaging, a log, checkpoints without pickle.

A network brings a `Task` (what a batch is, what the loss is); everything else is the same for all of them. A step's
batch and noise depend on (seed, step, rank) alone, so that a run cut at any step goes on exactly where it was.
"""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..checkpoint import save_checkpoint
from ..config import Config
from ..errors import CheckpointError, ConfigError

WARM_UP_STEPS = 300
DECAY_SHARE = 0.75          # of the run: the learning rate falls to zero over it (arXiv:2502.15938: straight to zero)
EMA_HALF_LIFE_SHARE = 0.03  # of the steps so far: the average forgets the early weights quickly
EMBEDDING_FACTOR = 8.0      # on AdamW's learning rate: a word's row moves only when the word occurs


class Task(Protocol):
    """What one network brings to the loop."""

    modules: dict[str, nn.Module]     # component name -> network; saved under these names
    configs: dict[str, Config]
    vocabulary: dict[str, Any] | None

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        """The batch of a step, drawn with `rng` alone."""

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The loss to descend and numbers for the log."""

    def sample(self, folder: Path, step: int) -> None:
        """Write something to look at into `folder`; called with the averaged weights in place."""


@dataclass(frozen=True)
class LoopOptions:
    """How long and where.

    Attributes:
        output: folder of the run; holds `state.safetensors` (to resume), `log.csv` and the averaged checkpoint.
        steps: length of the whole run; sets the schedule.
        minutes: stop cleanly after so long, to be resumed; None runs to the end.
        sample_every: steps between two calls of `Task.sample`; 0 never samples.
    """

    output: Path
    steps: int
    minutes: float | None = None
    seed: int = 0
    learning_rate: float = 1e-3
    matrix_learning_rate: float = 0.02
    weight_decay: float = 0.01
    save_every: int = 250
    log_every: int = 20
    sample_every: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or (self.minutes is not None and not self.minutes > 0):
            raise ConfigError(f"steps={self.steps}, minutes={self.minutes}: both must be more than zero")


def learning_rate_factor(step: int, steps: int) -> float:
    """Warm-up, stable, linear to zero, in [0, 1]."""
    warm_up = min(WARM_UP_STEPS, max(1, steps // 10))
    return min((step + 1) / warm_up, 1.0, (steps - step) / max(1.0, DECAY_SHARE * steps))


def make_optimisers(modules: dict[str, nn.Module], options: LoopOptions) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings, projections in and out, norms and biases.

    A module may name its non-hidden matrices in `adamw_parameters` (prefixes of parameter names), and those of them
    that are embeddings in `fast_parameters`.
    Source: Jordan et al. 2024, Muon; scaled to AdamW's update size as in Moonlight, arXiv:2502.16982, section 2.2.
    """
    matrices, others, embeddings = [], [], []
    for module in modules.values():
        outer = tuple(getattr(module, "adamw_parameters", ()))
        fast = tuple(getattr(module, "fast_parameters", ()))
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            if fast and name.startswith(fast):
                embeddings.append(parameter)
            elif parameter.ndim == 2 and not (outer and name.startswith(outer)):
                matrices.append(parameter)
            else:
                others.append(parameter)
    groups = [{"params": others}, {"params": embeddings, "lr": EMBEDDING_FACTOR * options.learning_rate}]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([group for group in groups if group["params"]], lr=options.learning_rate, betas=(0.9, 0.95),
                          weight_decay=options.weight_decay)]
    if matrices:
        optimisers.append(torch.optim.Muon(matrices, lr=options.matrix_learning_rate, momentum=0.95,
                                           weight_decay=options.weight_decay))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["base_lr"] = group["lr"]
    return optimisers


class Average:
    """Exponential moving average of parameters and buffers, in float32."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.modules = modules
        self.values = {key: value.detach().float().clone() for key, value in self._live()}

    def _live(self) -> list[tuple[str, Tensor]]:
        return [(f"{component}.{name}", value) for component, module in self.modules.items()
                for name, value in module.state_dict().items()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        half_life = max(10.0, EMA_HALF_LIFE_SHARE * step)
        decay = 0.5 ** (1 / half_life)
        for key, value in self._live():
            self.values[key].lerp_(value.float(), 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange live and averaged weights; a second call undoes it."""
        for key, value in self._live():
            live = value.float().clone()
            value.copy_(self.values[key])
            self.values[key] = live


class TrainingRun:
    """State of one run: weights, optimisers, average, step; saved and resumed exactly."""

    def __init__(self, task: Task, options: LoopOptions) -> None:
        self.task, self.options = task, options
        self.rank = int(os.environ.get("RANK", "0"))
        self.world_size = int(os.environ.get("WORLD_SIZE", "1"))
        if self.world_size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        self.optimisers = make_optimisers(task.modules, options)
        self.average = Average(task.modules)
        self.step, self.seconds, self._is_interrupted = 0, 0.0, False
        self.state_path = options.output / "state.safetensors"
        options.output.mkdir(parents=True, exist_ok=True)
        if self.state_path.exists():
            self._resume()

    def save(self) -> None:
        """Write the state to resume from and the averaged checkpoint, each beside and renamed."""
        if self.rank != 0:
            return
        tensors = {f"average.{k}": v for k, v in self.average.values.items()}
        for component, module in self.task.modules.items():
            tensors |= {f"live.{component}.{k}": v for k, v in module.state_dict().items()}
        for index, optimiser in enumerate(self.optimisers):
            for key, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{index}.{key}.{name}": torch.as_tensor(v) for name, v in state.items()}
        facts = {"step": self.step, "seconds": self.seconds, "seed": self.options.seed, "steps": self.options.steps}
        temporary = self.state_path.with_suffix(".tmp")
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, temporary,
                  metadata={"facts": json.dumps(facts)})
        os.replace(temporary, self.state_path)
        self._save_average(facts)

    def _save_average(self, facts: dict[str, Any]) -> None:
        names = list(self.task.modules)
        tensors = {name: {key[len(name) + 1:]: value.clone() for key, value in self.average.values.items()
                          if key.startswith(name + ".")} for name in names}
        save_checkpoint(self.options.output / f"{'-'.join(names)}.safetensors", config=self.task.configs,
                        tensors=tensors, vocabulary=self.task.vocabulary, training=facts)

    def _resume(self) -> None:
        with safe_open(self.state_path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}
        if "step" not in facts:
            raise CheckpointError(f"{self.state_path.name} is not a training state; choose another --output")
        for component, module in self.task.modules.items():
            prefix = f"live.{component}."
            module.load_state_dict({k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)})
        for key in self.average.values:
            self.average.values[key] = tensors[f"average.{key}"].float()
        for index, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Any]] = {}
            for key, value in tensors.items():
                if key.startswith(f"optimiser.{index}."):
                    _, _, parameter, name = key.split(".", 3)
                    state.setdefault(int(parameter), {})[name] = value
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        self.step, self.seconds = facts["step"], facts["seconds"]

    def _one_step(self) -> dict[str, float]:
        seed = [self.options.seed, self.step, self.rank]
        batch = self.task.batch(np.random.default_rng(seed), self.step)
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        factor = learning_rate_factor(self.step, self.options.steps)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = group["base_lr"] * factor
        loss, numbers = self.task.loss(batch, generator)
        if not torch.isfinite(loss):
            self._refuse(batch)
        loss.backward()
        parameters = [p for module in self.task.modules.values() for p in module.parameters() if p.grad is not None]
        if self.world_size > 1:
            for parameter in parameters:
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.world_size
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):   # a gradient that runs over must not end a night's run
            for optimiser in self.optimisers:
                optimiser.step()
        self.step += 1
        self.average.update(self.step)
        return {"loss": float(loss.detach()), "gradient_norm": float(norm), "lr_factor": factor, **numbers}

    def _refuse(self, batch: dict[str, Tensor]) -> NoReturn:
        path = self.options.output / f"bad-batch-{self.step:06d}-{self.rank}.safetensors"
        save_file({name: value.contiguous() for name, value in batch.items()}, path)
        raise ConfigError(f"the loss is not a number at step {self.step}; its batch is in {path.name}: look at it, or "
                          "lower the learning rate and go on from the state saved before")

    def _log(self, rows: list[dict[str, float]], say: Callable[[str], None]) -> None:
        mean = {key: float(np.nanmean([row.get(key, np.nan) for row in rows])) for key in rows[-1]}
        record = {"step": self.step, "seconds": round(self.seconds, 1), **{k: round(v, 5) for k, v in mean.items()}}
        path = self.options.output / "log.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(record))
            if is_new:
                writer.writeheader()
            writer.writerow(record)
        say(" ".join(f"{key} {value:g}" for key, value in record.items()))

    def _time_is_up(self, start: float) -> bool:
        """Whether this slice ends here, by the clock or by a signal; all ranks agree, else one would wait for ever."""
        minutes = self.options.minutes
        if minutes is None and self.world_size == 1:
            return self._is_interrupted
        is_up = torch.tensor(float(self._is_interrupted or time.monotonic() - start > 60 * (minutes or math.inf)))
        if self.world_size > 1:
            dist.all_reduce(is_up, dist.ReduceOp.MAX)
        return bool(is_up)

    @contextmanager
    def _finish_step_on_signal(self) -> Iterator[None]:
        """Let an interrupt or a request to end finish the step and save; a second one stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kinds = (signal.SIGINT, signal.SIGTERM)

        def interrupt(kind: int, _: Any) -> None:
            self._is_interrupted = True
            signal.signal(kind, signal.SIG_DFL)

        before = [signal.signal(kind, interrupt) for kind in kinds]
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)

    def run(self, say: Callable[[str], None] = print) -> bool:
        """Train until the end or until the minutes are over. True when the whole run is done."""
        options, start, rows = self.options, time.monotonic(), []
        before = self.seconds
        with self._finish_step_on_signal():
            while self.step < options.steps:
                rows.append(self._one_step())
                self.seconds = before + time.monotonic() - start
                if self.step % options.log_every == 0 and self.rank == 0:
                    self._log(rows, say)
                    rows = []
                if self.step % options.save_every == 0:
                    self.save()
                if options.sample_every and self.step % options.sample_every == 0 and self.rank == 0:
                    self.average.swap()
                    self.task.sample(options.output, self.step)
                    self.average.swap()
                if self._time_is_up(start):
                    break
            self.save()
        if self.world_size > 1:     # a rank that leaves while another still talks to it brings both down
            dist.barrier()
            dist.destroy_process_group()
        is_done = self.step >= options.steps
        if self.rank == 0:
            say(f"{'done' if is_done else 'stopped'} at step {self.step} of {options.steps}"
                + ("" if is_done else "; run the same command again to go on"))
        return is_done
