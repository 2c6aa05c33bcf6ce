"""Started by torchrun from test_loop: trains two ranks on different batches; each writes what it ends with."""

import sys
from pathlib import Path

import torch

from sora_core.config import TextEncoderConfig
from sora_core.models.text_encoder import TextEncoder
from sora_core.training.loop import LoopOptions, TrainingRun

CONFIG = TextEncoderConfig(vocabulary_size=20, width=8, depth=1, num_heads=1)


class Task:
    vocabulary = None

    def __init__(self):
        torch.manual_seed(0)
        self.encoder = TextEncoder(CONFIG)
        self.modules, self.configs = {"text_encoder": self.encoder}, {"text_encoder": CONFIG}
        self.seen = []

    def batch(self, rng, step):
        ids = torch.from_numpy(rng.integers(0, 20, (4, 5)))
        self.seen.append(ids)
        return {"ids": ids}

    def loss(self, batch, generator):
        states = self.encoder(batch["ids"], torch.ones(4, 5, dtype=torch.bool))
        return ((states - 1) ** 2).mean(), {}

    def sample(self, folder, step):
        pass


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, task = Path(sys.argv[1]), Task()
    run = TrainingRun(task, LoopOptions(output=folder, steps=8, minutes=float(sys.argv[2]), save_every=100))
    run.run(lambda line: None)
    weights = torch.cat([p.detach().flatten() for p in task.encoder.parameters()])
    folder.with_name(f"rank-{run.rank}.txt").write_text(      # not printed: lines of two processes run together
        f"rank {run.rank} step {run.step} weights {weights.double().sum():.12f} seen {int(task.seen[0].sum())}")
