"""What the pack adds to ComfyUI's start, in seconds.

    python benchmarks/startup.py [--runs 3]

ComfyUI is looked for at COMFYUI_PATH (else beside the checkout), its Python at COMFYUI_PYTHON (else this one). The
start is read off `python -X importtime`: every module that is imported because of the pack and was not there before it,
and in processor time. Nothing asserts a time.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT.parent / "ComfyUI").resolve()
PYTHON = os.environ.get("COMFYUI_PYTHON") or sys.executable
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")
PACK = "soracore"
# ComfyUI's own nodes first, then the pack: on a busy machine the processor's time says more than the clock.
LOADER = """
import asyncio, sys, time
sys.argv = sys.argv[:1] + ["--cpu", "--disable-api-nodes"]
import comfy.options; comfy.options.enable_args_parsing()
import nodes, server
server.PromptServer(asyncio.new_event_loop())
asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
start = time.process_time()
assert asyncio.run(nodes.load_custom_node(PACK)), "ComfyUI did not load the pack"
print("processor time", time.process_time() - start)
"""


def command(base: Path, *options: str) -> list[str]:
    return [str(COMFYUI / "main.py"), "--cpu", "--base-directory", str(base), "--database-url", "sqlite:///:memory:",
            "--disable-api-nodes", *options]


def base_folder(folder: str) -> Path:
    """A base folder for ComfyUI with this checkout as its only pack."""
    (Path(folder) / "custom_nodes").mkdir()
    (Path(folder) / "custom_nodes" / PACK).symlink_to(ROOT, target_is_directory=True)
    return Path(folder)


def start_cost() -> tuple[float, dict[str, float]]:
    """Seconds of all imports of the pack's, and of each module that took part by itself."""
    with tempfile.TemporaryDirectory() as folder:
        base = base_folder(folder)
        done = subprocess.run([PYTHON, "-X", "importtime", *command(base, "--quick-test-for-ci")], cwd=base,
                              capture_output=True, text=True, check=False)
    lines = [match.groups() for match in map(LINE.match, done.stderr.splitlines()) if match]
    if not any(f"/{PACK}" in name for *_, name in lines):
        raise SystemExit(f"ComfyUI did not load the pack; it said: {done.stderr[-1000:]}")
    total, alone, outermost = 0.0, {}, -1
    for own, cumulative, indent, name in reversed(lines):       # a module stands below what it has imported
        depth = len(indent)
        if outermost >= 0 and depth <= outermost:
            outermost = -1
        if outermost < 0 and f"/{PACK}" in name:
            outermost = depth
            total += int(cumulative) / 1e6
        if outermost >= 0:
            alone[name.rpartition(f"/{PACK}")[2].lstrip(".") or name] = int(own) / 1e6
    return total, alone


def processor_cost() -> float:
    """Seconds of the processor from the pack's first line to its last node."""
    code = LOADER.replace("PACK", repr(str(ROOT)))
    done = subprocess.run([PYTHON, "-c", code], cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(COMFYUI)})
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="starts to time (default: %(default)s)")
    args = parser.parse_args()
    costs = [start_cost() for _ in range(args.runs)]
    total, alone = min(costs, key=lambda cost: cost[0])
    print(f"start: {total:.3f} s for {len(alone)} modules (least of {args.runs}; "
          f"median {statistics.median(cost for cost, _ in costs):.3f} s); the slowest by themselves:")
    for name, seconds in sorted(alone.items(), key=lambda entry: -entry[1])[:8]:
        print(f"    {seconds * 1000:7.1f} ms  {name}")
    print(f"processor time of the pack's start: {min(processor_cost() for _ in range(args.runs)):.3f} s")


if __name__ == "__main__":
    main()
