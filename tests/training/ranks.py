"""One rank of a tiny run, in a process of its own. Started by torchrun with a JSON file, or by `launch` below.

Each rank writes what it ends with to a file: lines that two processes print run together.
"""

import json
import multiprocessing
import os
import runpy
import signal
import socket
import sys
from pathlib import Path

import torch

from sora_core.config import TextEncoderConfig
from sora_core.errors import SoraError
from sora_core.models.text_encoder import TextEncoder
from sora_core.training.loop import LoopOptions, TrainingRun

CONFIG = TextEncoderConfig(vocabulary_size=20, width=12, depth=1, num_heads=1)
PRELOAD = ["sora_core.training.loop", "sora_core.models.text_encoder"]


class Task:
    """States of random ids shall be one. `batch` kills its process at one step, `loss` is no number at another."""

    vocabulary = None

    def __init__(self):
        torch.manual_seed(0)
        self.encoder = TextEncoder(CONFIG)
        self.modules, self.configs = {"text_encoder": self.encoder}, {"text_encoder": CONFIG}
        self.seen, self.kill_at, self.bad_at = [], None, None

    def batch(self, rng, step):
        if step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        ids = torch.from_numpy(rng.integers(0, 20, (4, 5)))
        self.seen.append(int(ids.sum()))
        return {"ids": ids, "step": torch.tensor([step])}

    def loss(self, batch, generator):
        noise = torch.randn(4, 5, CONFIG.width, generator=generator) * 0.01
        states = self.encoder(batch["ids"], torch.ones(4, 5, dtype=torch.bool))
        loss = ((states - 1 + noise) ** 2).mean()
        return loss * (float("nan") if int(batch["step"]) == self.bad_at else 1), {"noise": float(noise.mean())}

    @torch.inference_mode()
    def sample(self, folder, step):
        ids = torch.arange(20)[None]
        states = self.encoder(ids, torch.ones_like(ids, dtype=torch.bool))
        (folder / f"sample-{step}.txt").write_text(f"{float(states.sum()):.9f}")


def train(job):
    """Train as `job` says; returns what this rank ends with."""
    torch.set_num_threads(1)
    task, rank, ending = Task(), int(os.environ.get("RANK", "0")), "done"
    options = LoopOptions(**{"output": Path(job["output"]), "log_every": 1, "save_every": 1000, **job["options"]})
    for name, value in job.get("on_rank", {}).get(str(rank), {}).items():
        setattr(task, name, value)
    first = None
    try:
        run = TrainingRun(task, options)
        first = run.step
        if "disk" in job and rank == 1:
            _fill_disk(job["disk"])
        run.run(lambda line: None)
    except SoraError as error:
        ending = str(error)
    return {"rank": rank, "first": first, "step": run.step, "ending": ending, "seen": task.seen}


def _fill_disk(size):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def launch(job, ranks, folder):
    """Run `ranks` processes to their ends. Returns their exit codes and what they wrote, by rank."""
    context = multiprocessing.get_context("forkserver")      # imports PyTorch once for all
    context.set_forkserver_preload(PRELOAD)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(ranks):
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks),
                       "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        job_of_rank = {**job, "environment": environment, "result": str(folder / f"rank-{rank}.json")}
        processes.append(context.Process(target=runpy.run_path, args=(__file__, {"JOB": job_of_rank}, "__main__")))
    for process in processes:
        process.start()
    processes[-1].join(120)
    if processes[-1].exitcode:                                # as torchrun does
        for process in processes:
            process.terminate()
    for process in processes:
        process.join(120)
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("rank-*.json"))]
    return [process.exitcode for process in processes], results


if __name__ == "__main__":
    JOB = globals().get("JOB") or json.loads(Path(sys.argv[1]).read_text())
    os.environ.update(JOB.get("environment", {}))
    result = train(JOB)
    beside = Path(JOB.get("result") or JOB["output"] + f"-{result['rank']}.json")
    beside.write_text(json.dumps(result))
