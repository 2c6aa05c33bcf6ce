"""How long a clip takes: the whole process, start to exit, beside what the machine can do in the same minute.

    python benchmarks/generate.py [--runs 3] [--checkpoint PATH] [-- further options of `generate`]

Prints medians: whole-process time over clip time, processor time (which a busy machine changes little), seconds per
stage, the largest memory of a process, the measured peak of the machine's matrix product, and how much of it sketching
and sampling reach, by the operations that PyTorch's FlopCounterMode counts. Nothing asserts a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parents[1]
PROMPT = "a red rubber ball drops onto a wooden floor and bounces"
MATRIX = 2048
MEBIBYTE = 1 << 20


def matmul_peak(dtype: torch.dtype, seconds: float = 1.0) -> float:
    """GFLOP/s of the best square matrix product within `seconds`."""
    a, b = (torch.randn(MATRIX, MATRIX).to(dtype) for _ in range(2))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * MATRIX**3 / best / 1e9


def run_once(options: list[str]) -> tuple[dict[str, float], dict[str, float | str]]:
    """One whole process: wall time in seconds and largest memory in MiB (where the system tells); its facts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sora_core", "generate", PROMPT, "--output", str(Path(folder) / "a.mp4"),
                   "--seed", "7", "--json", *options]
        start = time.perf_counter()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            assert child.stdout is not None
            facts = json.loads(child.stdout.read() or "{}")
            memory, processor = _wait(child)
        wall = time.perf_counter() - start
    if child.returncode or not facts:
        raise SystemExit(f"generate failed with exit code {child.returncode}; run it by hand to see why")
    stages = {f"stage {name} [s]": value for name, value in facts["stages"].items()}
    times = {"whole process [s]": wall, "clip [s]": facts["seconds"], "whole process / clip": wall / facts["seconds"],
             "processor time [s]": processor, **stages, "largest memory [MiB]": memory}
    return times, facts


def count_gflop(checkpoint: str | None, facts: dict[str, float | str]) -> dict[str, float]:
    """Operations of the networks of two stages, counted on the same clip."""
    sys.path.insert(0, str(ROOT))       # the same code as the processes above run
    from sora_core.pipeline import generate

    with tempfile.TemporaryDirectory() as folder, FlopCounterMode(display=False) as counter:
        generate(PROMPT, output=Path(folder) / "a.mp4", checkpoint=checkpoint, signature="none",
                 **{name: facts[name] for name in ("seed", "seconds", "width", "height", "frame_rate", "steps",
                                                   "guidance_scale", "sampler")})
    counts = counter.get_flop_counts()
    return {stage: sum(counts.get(network, {}).values()) / 1e9
            for stage, network in (("sketch", "Sketcher"), ("sample", "SoraTransformer"))}


def _wait(child: subprocess.Popen[str]) -> tuple[float, float]:
    """Largest memory in MiB and processor seconds of a child that is about to end."""
    if not hasattr(os, "wait4"):
        child.wait()
        return float("nan"), float("nan")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MEBIBYTE
    return memory, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="processes to time (default: %(default)s)")
    parser.add_argument("--checkpoint", help="a checkpoint file or folder (default: the one that ships)")
    parser.add_argument("options", nargs="*", help="options of `generate`, after --")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, {torch.get_num_threads()} threads, PyTorch "
          f"{torch.__version__}, Python {platform.python_version()}")
    if hasattr(os, "getloadavg"):
        print(f"load of the last minute: {os.getloadavg()[0]:.1f}")
    options = [*args.options, *(["--checkpoint", args.checkpoint] if args.checkpoint else [])]
    results, every_facts = zip(*(run_once(options) for _ in range(args.runs)), strict=True)
    for name in results[0]:
        values = [result[name] for result in results]
        print(f"{name:28s} median {statistics.median(values):9.3f}   all {' '.join(f'{v:.3f}' for v in values)}")
    for dtype in (torch.float32, torch.bfloat16):
        peak = matmul_peak(dtype)
        print(f"matrix product, {str(dtype).removeprefix('torch.'):9s} {peak:9.0f} GFLOP/s")
    for stage, gflop in count_gflop(args.checkpoint, every_facts[0]).items():
        seconds = statistics.median(result[f"stage {stage} [s]"] for result in results)
        print(f"{stage:28s} {gflop:8.1f} GFLOP in {seconds:.3f} s: {gflop / seconds:.0f} GFLOP/s, "
              f"{gflop / seconds / peak:.1%} of the bfloat16 peak")


if __name__ == "__main__":
    main()
