"""The one training loop: resumable slices, weight averaging, a log, checkpoints without pickle.

A network brings a `Task` (what a batch is, what the loss is); everything else is the same for all of them, on one
processor, on one GPU, or on many ranks started by `torchrun`. A step looks at one or more parts, each with a batch and
noise that depend on (seed, step, part) alone; the ranks share the parts out. So a run that is cut at any step goes on
exactly where it was, and on another number of ranks with the same parts.
"""

from __future__ import annotations

import csv
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoint import check_tensors, save_checkpoint, write_tensors
from ..config import Config
from ..errors import ConfigError
from . import parallel, state
from .muon import Muon

WARM_UP_STEPS = 300
DECAY_SHARE = 0.75          # of the run: the learning rate falls to zero over it (arXiv:2502.15938: straight to zero)
EMA_HALF_LIFE_SHARE = 0.03  # of the steps so far: the average forgets the early weights quickly
LARGEST_GRADIENT = 1.0      # norm of all gradients together; larger ones are scaled down to it
EMBEDDING_FACTOR = 8.0      # on AdamW's learning rate: a word's row moves only when the word occurs


class Task(Protocol):
    """What one network brings to the loop."""

    modules: dict[str, nn.Module]     # component name -> network; saved under these names
    configs: dict[str, Config]
    vocabulary: dict[str, Any] | None
    # and, where there is more to be said in the checkpoint's record of its training: facts: dict[str, Any]

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        """The batch of a step, drawn with `rng` alone."""

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The loss to descend and numbers for the log; batch and generator are the device's, and so are new tensors."""

    def sample(self, folder: Path, step: int) -> None:
        """Write something to look at into `folder`; all ranks call it, with the averaged weights in place."""


@dataclass(frozen=True)
class LoopOptions:
    """How long and where.

    Attributes:
        output: folder of the run, which all ranks see; holds the state to resume from, `log.csv` and the averaged
            checkpoint.
        steps: length of the whole run; sets the schedule.
        minutes: stop cleanly after so long, to be resumed; None runs to the end.
        parts: batches that a step's gradient is the mean of, a multiple of the number of ranks; None keeps what the
            run was begun with where that can be shared out, else it is one for each rank.
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
    parts: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or (self.minutes is not None and not self.minutes > 0):
            raise ConfigError(f"steps={self.steps}, minutes={self.minutes}: both must be more than zero")
        if self.parts is not None and (self.parts < 1 or self.parts % parallel.world_size()):
            raise ConfigError(f"parts={self.parts} can't be shared out among {parallel.world_size()} ranks; use a "
                              "multiple of that")


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
    optimisers: list[torch.optim.Optimizer] = []
    if others or embeddings:
        optimisers.append(torch.optim.AdamW([group for group in groups if group["params"]], lr=options.learning_rate,
                                            betas=(0.9, 0.95), weight_decay=options.weight_decay))
    if matrices:
        optimisers.append(Muon(matrices, lr=options.matrix_learning_rate, momentum=0.95,
                               weight_decay=options.weight_decay))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["base_lr"] = group["lr"]
    return optimisers


class Average:
    """Exponential moving average of parameters and buffers, in float32."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.modules = modules
        self.values = {key: value.detach().float().clone() for key, value in self.live()}

    def live(self) -> list[tuple[str, Tensor]]:
        """The weights themselves, by "network.name"."""
        return [(f"{component}.{name}", value) for component, module in self.modules.items()
                for name, value in module.state_dict().items()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        half_life = max(10.0, EMA_HALF_LIFE_SHARE * step)
        decay = 0.5 ** (1 / half_life)
        for key, value in self.live():
            parallel.local(self.values[key]).lerp_(parallel.local(value).float(), 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange live and averaged weights; a second call undoes it."""
        for key, value in self.live():
            average, live = parallel.local(self.values[key]), parallel.local(value)
            kept = live.float().clone()
            live.copy_(average)
            average.copy_(kept)


class TrainingRun:
    """State of one run: weights, optimisers, average, step; saved and resumed exactly."""

    def __init__(self, task: Task, options: LoopOptions) -> None:
        self.task, self.options = task, options
        parallel.start()
        self.rank, self.world_size, self.device = parallel.rank(), parallel.world_size(), parallel.device()
        for module in task.modules.values():
            module.to(self.device)
            parallel.shard(module)
        self.optimisers = make_optimisers(task.modules, options)
        self.average = Average(task.modules)
        self.names = {parameter: f"{component}.{name}" for component, module in task.modules.items()
                      for name, parameter in module.named_parameters()}
        self.step, self.seconds, self._is_interrupted = 0, 0.0, False
        self.parts = options.parts or self.world_size
        options.output.mkdir(parents=True, exist_ok=True)
        saved = state.newest(options.output)
        if saved is not None:
            self._resume(saved)

    def save(self) -> None:
        """Write the state to resume from and the averaged checkpoint; every rank must call it.

        Raises:
            ResourceError: the disk is full or the folder can't be written; what was saved before is whole.
        """
        tensors = {f"average.{key}": value for key, value in self.average.values.items()}
        tensors |= {f"live.{key}": value for key, value in self.average.live()}
        tensors |= state.optimiser_tensors(self.optimisers, self.names)
        facts = {"step": self.step, "seconds": self.seconds, "seed": self.options.seed, "steps": self.options.steps}
        configs = {name: config.to_dict() for name, config in self.task.configs.items()}
        state.write(self.options.output, tensors, {**facts, "parts": self.parts, "config": configs})
        self._save_average(facts)

    def _save_average(self, facts: dict[str, Any]) -> None:
        values = {key: parallel.whole(value) for key, value in self.average.values.items()}
        if self.rank != 0:
            return
        names = list(self.task.modules)
        tensors = {name: {key[len(name) + 1:]: value.clone() for key, value in values.items()
                          if key.startswith(name + ".")} for name in names}
        save_checkpoint(self.options.output / f"{'-'.join(names)}.safetensors", config=self.task.configs,
                        tensors=tensors, vocabulary=self.task.vocabulary,
                        training={**facts, **getattr(self.task, "facts", {})})

    @torch.no_grad()
    def _resume(self, saved: state.SavedState) -> None:
        if "config" in saved.facts:       # states of earlier versions don't tell
            state.check_configs(saved.facts["config"], self.task.configs)
        live = dict(self.average.live())
        for component in self.task.modules:
            sizes = {name: torch.empty(size, device="meta") for name, size in saved.sizes.items()}
            check_tensors({f"live.{key}": value for key, value in live.items() if key.startswith(component + ".")},
                          {name: value for name, value in sizes.items() if name.startswith(f"live.{component}.")},
                          component)
        saved.read_into({f"live.{key}": value for key, value in live.items()}
                        | {f"average.{key}": value for key, value in self.average.values.items()})
        state.restore_optimisers(saved, self.optimisers, self.names)
        self.step, self.seconds = saved.facts["step"], saved.facts["seconds"]
        parts = saved.facts.get("parts", 1)
        if self.options.parts is None and parts % self.world_size == 0:
            self.parts = parts

    def _one_step(self) -> dict[str, float]:
        factor = learning_rate_factor(self.step, self.options.steps)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = group["base_lr"] * factor
        own = range(self.rank, self.parts, self.world_size)
        rows = [self._one_part(part, 1 / len(own)) for part in own]
        trained = [p for module in self.task.modules.values() for p in module.parameters() if p.requires_grad]
        parallel.average_gradients(trained)
        norm = parallel.clip_gradients(trained, LARGEST_GRADIENT)
        if math.isfinite(norm):    # a gradient that runs over must not end a night's run
            for optimiser in self.optimisers:
                optimiser.step()
        self.step += 1
        self.average.update(self.step)
        numbers = _means(rows)
        return {"loss": numbers.pop("loss"), "gradient_norm": norm, "lr_factor": factor, **numbers}

    def _one_part(self, part: int, share: float) -> dict[str, float]:
        """Add the gradients of one part of a step, times `share`."""
        seed = [self.options.seed, self.step, part]
        batch = self.task.batch(np.random.default_rng(seed), self.step)
        generator = torch.Generator(self.device)
        generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        with self._on_device():
            loss, numbers = self.task.loss({name: value.to(self.device) for name, value in batch.items()}, generator)
        is_finite = bool(torch.isfinite(loss))
        if parallel.summed([not is_finite])[0]:
            self._refuse(batch, part, is_finite)
        (loss * share).backward()
        return {"loss": float(loss.detach()), **numbers}

    def _refuse(self, batch: dict[str, Tensor], part: int, is_finite: bool) -> NoReturn:
        """Stop on all ranks; those whose loss is no number keep their batch."""
        path = self.options.output / f"bad-batch-{self.step:06d}-{part}.safetensors"
        if not is_finite:
            facts = {"step": self.step, "seed": self.options.seed, "part": part}
            write_tensors({path: ({name: value.contiguous() for name, value in batch.items()},
                                  {name: str(value) for name, value in facts.items()})})
        parallel.finish()
        where = f"its batch is in {path.name}" if not is_finite else "another rank has saved its batch"
        raise ConfigError(f"the loss is not a number at step {self.step}; {where}: look at it, or lower the learning "
                          "rate and go on from the state saved before")

    def _log(self, rows: list[dict[str, float]], say: Callable[[str], None]) -> None:
        mean = _means(rows, over_ranks=True)
        if self.rank != 0:
            return
        record = {"step": self.step, "seconds": round(self.seconds, 1), **{k: round(v, 5) for k, v in mean.items()}}
        path = self.options.output / "log.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(record))
            if is_new:
                writer.writeheader()
            writer.writerow(record)
        say(" ".join(f"{key} {value:g}" for key, value in record.items()))

    def _on_device(self) -> AbstractContextManager[None]:
        """On a GPU, what a task makes is made there and computed in bfloat16; on the processor tasks see to it."""
        stack = ExitStack()
        if self.device.type != "cpu":
            stack.enter_context(self.device)
            stack.enter_context(torch.autocast(self.device.type, torch.bfloat16))
        return stack

    def _sample(self) -> None:
        """Let the task write its samples, on the processor: one GPU hands its networks over, many don't sample."""
        is_away = self.device.type != "cpu"
        if is_away and self.world_size > 1:
            return
        self.average.swap()
        for module in self.task.modules.values() if is_away else ():
            module.to("cpu")
        with parallel.writing_folder(self.options.output) as folder:
            self.task.sample(folder, self.step)
        for module in self.task.modules.values() if is_away else ():
            module.to(self.device)
        self.average.swap()

    def _time_is_up(self, start: float) -> bool:
        """Whether this slice ends here, by the clock or by a signal; all ranks agree, else one would wait for ever."""
        minutes = self.options.minutes
        if minutes is None and self.world_size == 1:
            return self._is_interrupted
        return bool(parallel.summed([self._is_interrupted or time.monotonic() - start > 60 * (minutes or math.inf)])[0])

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
                if self.step % options.log_every == 0:
                    self._log(rows, say)
                    rows = []
                if self.step % options.save_every == 0:
                    self.save()
                if options.sample_every and self.step % options.sample_every == 0:
                    self._sample()
                if self._time_is_up(start):
                    break
            self.save()
        parallel.finish()
        is_done = self.step >= options.steps
        if self.rank == 0:
            say(f"{'done' if is_done else 'stopped'} at step {self.step} of {options.steps}"
                + ("" if is_done else "; run the same command again to go on"))
        return is_done


def _means(rows: list[dict[str, float]], over_ranks: bool = False) -> dict[str, float]:
    """The mean of each number, where it is one; NaN where it never is."""
    table = np.array([[row.get(key, np.nan) for key in rows[-1]] for row in rows])
    is_number = np.isfinite(table)
    sums, counts = np.where(is_number, table, 0).sum(0).tolist(), is_number.sum(0).tolist()
    if over_ranks:
        sums, counts = parallel.summed(sums), parallel.summed(counts)
    return {key: total / count if count else math.nan for key, total, count in zip(rows[-1], sums, counts, strict=True)}
