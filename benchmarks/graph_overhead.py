"""What the graph costs beyond `generate` for the same clip, without encoding the file.

    python benchmarks/graph_overhead.py [--clips 5] [--profile]

ComfyUI is looked for at COMFYUI_PATH (else beside the checkout), its Python at COMFYUI_PYTHON (else this one); the work
is done there, with one thread, and clocked in that thread's own processor time, so that a busy machine disturbs little.
The clips alternate: one by `generate`, whose stages are taken without loading and writing, and one by the shipped graph
through ComfyUI's own executor, without the nodes that write. Prints medians and their ratio; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import importlib
import importlib.util
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

LAST = ("SoraDecode", "SoraAudioSynthesis")
ROOT = Path(__file__).resolve().parents[1]
COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT.parent / "ComfyUI").resolve()
PYTHON = os.environ.get("COMFYUI_PYTHON") or sys.executable
PACK = "soracore_pack"
ENCODING = ("CreateVideo", "SaveVideo", "MarkdownNote")
NOT_COUNTED = ("load", "write")
PROMPT = "a red rubber ball drops onto a wooden floor and bounces"


def without_encoding(seed: int) -> dict[str, Any]:
    """The shipped graph in API form, with something that looks at its frames and its sound in place of the file."""
    graph = json.loads((ROOT / "workflows" / "text_to_video.json").read_text(encoding="utf-8"))
    links = {link[0]: [str(link[1]), link[2]] for link in graph["links"]}
    prompt: dict[str, Any] = {}
    for node in graph["nodes"]:
        if node["type"] in ENCODING:
            continue
        linked = {slot["name"]: links[slot["link"]] for slot in node["inputs"] if slot.get("link")}
        values = {name: value for name, value in node.get("widgets_values_named", {}).items()
                  if name != "control_after_generate"}
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": {**values, **linked}}
        if node["type"] == "KSampler":
            prompt[str(node["id"])]["inputs"]["seed"] = seed
        if node["type"] in LAST:        # ComfyUI refuses a graph that shows nothing
            prompt[f"see {node['id']}"] = {"class_type": "PreviewAny", "inputs": {"source": [str(node["id"]), 0]}}
    return prompt


class Inside:
    """ComfyUI with the pack, in this process."""

    def __init__(self) -> None:
        sys.argv = [sys.argv[0], "--cpu", "--disable-api-nodes"]
        options = importlib.import_module("comfy.options")
        options.enable_args_parsing()
        import torch
        torch.set_num_threads(1)
        self.execution, nodes, server = (importlib.import_module(name) for name in ("execution", "nodes", "server"))
        prompts = server.PromptServer(asyncio.new_event_loop())
        asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / PACK).symlink_to(ROOT, target_is_directory=True)
            assert asyncio.run(nodes.load_custom_node(str(Path(folder) / PACK))), "ComfyUI did not load the pack"
        self.executor = self.execution.PromptExecutor(
            prompts, cache_type=self.execution.CacheType.CLASSIC, cache_args={"lru": 0, "ram": 0, "ram_inactive": 0})
        name = next(name for name in sys.modules if name.endswith(PACK))
        self.pipeline = importlib.import_module(f"{name}.sora_core.pipeline")
        self.models = self.pipeline.load_models()

    def generate(self, seed: int) -> dict[str, float]:
        """Seconds of the thread by stage."""
        with tempfile.TemporaryDirectory() as folder, patch.object(time, "perf_counter", time.thread_time):
            facts = self.pipeline.generate(PROMPT, output=Path(folder) / "a.mp4", seed=seed, checkpoint=self.models,
                                           signature="none")
        return {name: value for name, value in facts.stages.items() if name not in NOT_COUNTED}

    def graph(self, seed: int) -> float:
        """Seconds of the thread for the whole of ComfyUI's execution."""
        prompt = without_encoding(seed)
        valid, error, _, _ = asyncio.run(self.execution.validate_prompt(str(seed), prompt, None))
        if not valid:
            raise SystemExit(f"ComfyUI refuses the graph: {error}")
        # What is asked for are our last nodes; the node that shows them takes 0.05 s to write numbers into a string.
        wanted = [name for name, node in prompt.items() if node["class_type"] in LAST]
        start = time.thread_time()
        self.executor.execute(prompt, str(seed), {}, wanted)
        if not self.executor.success:
            raise SystemExit(f"the graph failed: {self.executor.status_messages[-1]}")
        return time.thread_time() - start


def measure(clips: int, profile: bool) -> None:
    inside = Inside()
    inside.generate(0)
    inside.graph(0)
    stages, core, graph = [], [], []
    for seed in range(1, clips + 1):
        stages.append(inside.generate(seed))
        core.append(sum(stages[-1].values()))
        graph.append(inside.graph(seed))
    print("generate, by stage: " + ", ".join(f"{name} {statistics.median(s[name] for s in stages):.3f} s"
                                             for name in stages[0]))
    one, other = statistics.median(core), statistics.median(graph)
    print(f"generate {one:.3f} s, graph {other:.3f} s: {100 * (other / one - 1):+.1f} % (medians of {clips} clips); "
          f"least {min(core):.3f} s and {min(graph):.3f} s: {100 * (min(graph) / min(core) - 1):+.1f} %; "
          f"pair by pair {100 * (statistics.median(b / a for a, b in zip(core, graph, strict=True)) - 1):+.1f} %")
    if profile:
        watch = cProfile.Profile()
        watch.runcall(inside.graph, clips + 1)
        pstats.Stats(watch).sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=5, help="clips by each road (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="also tell where the graph's time goes")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        measure(args.clips, args.profile)
        return
    done = subprocess.run(
        [PYTHON, str(Path(__file__).resolve()), "--inside", "--clips", str(args.clips),
         *(["--profile"] if args.profile else [])], cwd=tempfile.gettempdir(), check=False, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": str(COMFYUI), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])


if __name__ == "__main__":
    main()
