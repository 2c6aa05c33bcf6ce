"""What the pack costs ComfyUI: seconds at its start, and what the graph adds to a clip's own work.

    python benchmarks/startup.py [--runs 3] [--clips 3]

ComfyUI is looked for at COMFYUI_PATH (else beside the checkout), its Python at COMFYUI_PYTHON (else this one). The
start is read off `python -X importtime`: every module that is imported because of the pack and was not there before it,
and in processor time.
The second part makes the clip of the shipped graph in one warm server, without the nodes that write the file, and in
`python -m sora_core generate`, whose stages are taken without writing. Nothing asserts a time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT.parent / "ComfyUI").resolve()
PYTHON = os.environ.get("COMFYUI_PYTHON") or sys.executable
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")
PACK = "soracore"
PORT = 8439
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
ENCODING = ("CreateVideo", "SaveVideo")


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


def ask(path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data), timeout=60) as answer:
        return json.loads(answer.read())


def graph_seconds(prompt: dict[str, Any]) -> float:
    """From the start of the prompt's first node to the end of its last one, as ComfyUI notes them."""
    number = ask("/prompt", {"prompt": prompt})["prompt_id"]
    while not (history := ask(f"/history/{number}")):
        time.sleep(0.05)
    messages = {kind: data for kind, data in history[number]["status"]["messages"]}
    if "execution_success" not in messages:
        raise SystemExit(f"the graph failed: {messages}")
    return (messages["execution_success"]["timestamp"] - messages["execution_start"]["timestamp"]) / 1000


def without_encoding(seed: int) -> dict[str, Any]:
    """The shipped graph in API form, with something that looks at its frames and its sound in place of the file."""
    graph = json.loads((ROOT / "workflows" / "text_to_video.json").read_text(encoding="utf-8"))
    links = {link[0]: [str(link[1]), link[2]] for link in graph["links"]}
    prompt: dict[str, Any] = {}
    for node in graph["nodes"]:
        if node["type"] in (*ENCODING, "MarkdownNote"):
            continue
        linked = {slot["name"]: links[slot["link"]] for slot in node["inputs"] if slot.get("link")}
        values = {name: value for name, value in node.get("widgets_values_named", {}).items()
                  if name != "control_after_generate"}
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": {**values, **linked}}
        if node["type"] == "KSampler":
            prompt[str(node["id"])]["inputs"]["seed"] = seed
        if node["type"] in ("SoraDecode", "SoraAudioSynthesis"):
            prompt[f"see {node['id']}"] = {"class_type": "PreviewAny", "inputs": {"source": [str(node["id"]), 0]}}
    return prompt


def served(clips: int) -> list[float]:
    """Seconds per clip in a warm server; the first one, which loads the model, is left out."""
    with tempfile.TemporaryDirectory() as folder:
        base = base_folder(folder)
        process = subprocess.Popen([PYTHON, *command(base, "--port", str(PORT))], cwd=base,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(400):
                try:
                    ask("/system_stats")
                    break
                except OSError:
                    time.sleep(0.25)
            return [graph_seconds(without_encoding(seed)) for seed in range(clips + 1)][1:]
        finally:
            process.terminate()
            process.wait(timeout=60)


def generated(clips: int) -> list[dict[str, float]]:
    """Seconds per stage of `generate`, with ComfyUI's own Python."""
    stages = []
    for seed in range(1, clips + 1):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([PYTHON, "-m", "sora_core", "generate", "--output", str(Path(folder) / "a.mp4"),
                                   "--seed", str(seed), "--json",
                                   "a red rubber ball drops onto a wooden floor and bounces"],
                                  cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        stages.append(json.loads(done.stdout)["stages"])
    return stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="starts to time (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=3, help="clips to time, 0 for the start alone "
                                                             "(default: %(default)s)")
    args = parser.parse_args()
    costs = [start_cost() for _ in range(args.runs)]
    total, alone = min(costs, key=lambda cost: cost[0])
    print(f"start: {total:.3f} s for {len(alone)} modules (least of {args.runs}; "
          f"median {statistics.median(cost for cost, _ in costs):.3f} s); the slowest by themselves:")
    for name, seconds in sorted(alone.items(), key=lambda entry: -entry[1])[:8]:
        print(f"    {seconds * 1000:7.1f} ms  {name}")
    print(f"processor time of the pack's start: {min(processor_cost() for _ in range(args.runs)):.3f} s")
    if args.clips:
        stages = generated(args.clips)
        print("generate, by stage: " + ", ".join(f"{name} {statistics.median(s[name] for s in stages):.2f} s"
                                                 for name in stages[0]))
        in_graph = served(args.clips)
        print(f"graph without writing the file, warm: median {statistics.median(in_graph):.2f} s of "
              f"{', '.join(f'{value:.2f}' for value in in_graph)}")


if __name__ == "__main__":
    main()
