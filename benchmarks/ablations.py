"""The recipe, measured: each row one short run at equal compute, each judged alike. Resumable; prints a table.

    python benchmarks/ablations.py --output runs/ablations --data POOL --held-out POOL --sketches POOL \
        --video-vae FILE --audio-vae FILE [--gflop 200000] [--shrink 2] [--minutes 9] [--rows NAME ...]
    python benchmarks/ablations.py --output runs/ablations --table          only prints what is there

Equal compute means equally many floating-point operations in gradients, counted by PyTorch's FlopCounterMode, so a
busy machine changes nothing. Rows of the autoencoder are judged by what they reconstruct of held-out clips, rows of
the transformer by the same loss on the same held-out clips, rows of sampling by `evaluate` on the same prompts.

Where compute is scarce, `--shrink 2 --shards 8 --width 64 --depth 2` takes few, square clips of half the side: then
the autoencoders of the transformer's rows are linear ones, fitted there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sora_core.checkpoint import build, load_checkpoint
from sora_core.config import SketcherConfig, TextEncoderConfig, TransformerConfig, VideoVAEConfig
from sora_core.evaluation.prompts import suite_prompts
from sora_core.evaluation.tokenizers import evaluate_video
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.sketcher import Sketcher
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.tokenizer import train_tokenizer
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE
from sora_core.pipeline import generate, load_models
from sora_core.training import transformer as training
from sora_core.training import video_vae as autoencoder
from sora_core.training.data import LatentPool, SketchPool, cache_latents, shard_paths
from sora_core.training.loop import LoopOptions, TrainingRun
from sora_core.training.sketcher import fit_paths

SHARE_FITTED = 0.25        # of the clips, that the linear parts are fitted to; at most as many as the recipe takes
JUDGED = ("adherence", "adherence.colour", "adherence.action", "gravity.within", "permanence", "sound.on_time",
          "stains.contrast", "flicker")      # of the judge's report


@dataclass(frozen=True)
class Row:
    """One line of the table: what is changed against the recipe."""

    group: str
    name: str
    change: dict[str, Any] = field(default_factory=dict)


ROWS = [
    Row("autoencoder", "16x16x8, 48 numbers, KLT (the recipe)"),
    Row("autoencoder", "patches begin at random, not as KLT", {"klt": False}),
    Row("autoencoder", "8x8x4, 6 numbers", {"config": {"temporal_compression": 4, "spatial_compression": 8,
                                                      "latent_channels": 6}}),
    Row("autoencoder", "32x32x8, 192 numbers", {"config": {"spatial_compression": 32, "latent_channels": 192}}),
    Row("autoencoder", "16x16x8, 24 numbers", {"config": {"latent_channels": 24}}),
    Row("transformer", "Muon, shift 3 (the recipe)"),
    Row("transformer", "AdamW for all", {"adamw": True}),
    Row("transformer", "shift 1", {"shift": 1.0}),
    Row("transformer", "shift 6", {"shift": 6.0}),
    Row("transformer", "no sketches", {"guide_drop": 1.0}),
    *(Row("sampling", f"{steps} steps, guidance {scale:g}", {"steps": steps, "guidance_scale": scale})
      for steps, scale in ((40, 2.0), (16, 2.0), (16, 1.0), (16, 4.0), (8, 2.0), (8, 1.0), (4, 1.0))),
]


class Slice:
    """How much time is left, and what all rows share."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.end = None if args.minutes is None else time.monotonic() + 60 * args.minutes

    def minutes(self) -> float | None:
        return None if self.end is None else max(0.1, self.end - time.monotonic()) / 60

    def is_over(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end


def pools(args: argparse.Namespace) -> tuple[Path, Path]:
    """The clips to learn from and those held out: as they are, or few and small."""
    if args.shrink == 1:
        return args.data, args.held_out
    return (shrunk(args.data, args.output / "small", args.shrink, args.shards),
            shrunk(args.held_out, args.output / "small-held-out", args.shrink, args.shards))


def shrunk(pool: Path, folder: Path, factor: int, most: int) -> Path:
    """The first square shards of a pool with smaller pictures; sketches know no pixels and stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in shard_paths(pool):
        if len(list(folder.glob("shard-*.safetensors"))) >= most:
            break
        target = folder / path.name
        with safe_open(path, "pt") as file:
            n, t, height, width, _ = file.get_slice("video").get_shape()
            if height != width or target.exists():
                continue
            tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
        side = height // factor
        mean = tensors["video"].view(n, t, side, factor, side, factor, 3).float().mean((3, 5))
        tensors["video"] = mean.round().to(torch.uint8)
        save_file(tensors, target.with_suffix(".part"), metadata | {"width": str(side), "height": str(side)})
        os.replace(target.with_suffix(".part"), target)
    return folder


def count_gflop(task: Any) -> float:
    """Of one step's gradients, the mean of some steps."""
    counts = []
    for step in range(4):
        batch = task.batch(np.random.default_rng(step), step)
        with FlopCounterMode(display=False) as counter:
            task.loss(batch, torch.Generator().manual_seed(0))[0].backward()
        counts.append(counter.get_total_flops() / 1e9)
        for module in task.modules.values():
            module.zero_grad(set_to_none=True)
    return float(np.mean(counts))


def train(task: Any, folder: Path, part: Slice, learning_rate: float) -> tuple[TrainingRun, dict[str, float]] | None:
    """Spend the budget on a task, in slices; None when time is up before the end."""
    cost = count_gflop(task)
    steps = max(2, round(part.args.gflop / cost))
    run = TrainingRun(task, LoopOptions(output=folder, steps=steps, minutes=part.minutes(), seed=0, sample_every=0,
                                        learning_rate=learning_rate, matrix_learning_rate=0.015))
    return (run, {"steps": steps, "GFLOP a step": cost}) if run.run() else None


def autoencoder_row(row: Row, folder: Path, part: Slice) -> dict[str, float] | None:
    torch.manual_seed(0)
    data, held_out = pools(part.args)
    pool = autoencoder.ClipPool(data)
    vae = VideoVAE(VideoVAEConfig(**row.change.get("config", {})))
    has_klt = row.change.get("klt", True)
    if has_klt:
        fit(vae, pool)
    task = autoencoder.VideoVAETask(vae, pool, batch_size=max(1, part.args.batch_size // 4))
    for layer in (vae.encoder, vae.base):
        layer.requires_grad_(not has_klt)
    trained = train(task, folder, part, 1e-3)
    if trained is None:
        return None
    trained[0].average.swap()
    found = evaluate_video(vae.eval(), autoencoder.ClipPool(held_out).clips(part.args.clips))
    return trained[1] | {name: estimate.mean for name, estimate in found.items()}


def fit(vae: VideoVAE, pool: autoencoder.ClipPool) -> None:
    autoencoder.fit(vae, pool, num_clips=min(320, max(16, round(SHARE_FITTED * len(pool)))))


def transformer_row(row: Row, folder: Path, part: Slice) -> dict[str, float] | None:
    args, both = part.args, pools(part.args)
    video_vae = build(load_checkpoint(args.video_vae), "video_vae", VideoVAE)
    audio_vae = build(load_checkpoint(args.audio_vae), "audio_vae", AudioVAE)
    if args.shrink != 1:        # half the side needs other patches; the encoder is linear, and all that is needed
        fit(video_vae, autoencoder.ClipPool(both[0]))
    caches = {}
    for name, data in zip(("latents", "held-out"), both, strict=True):
        cache_latents(data, args.output / name, video_vae, audio_vae)
        caches[name] = LatentPool(args.output / name)
    sketches = SketchPool(args.sketches)
    torch.manual_seed(0)
    tokenizer = train_tokenizer(caches["latents"].all_captions()[::3], 1024)
    sizes = {"video_channels": video_vae.config.latent_channels, "width": args.width, "depth": args.depth,
             "num_heads": args.width // 64}
    networks = {
        "transformer": SoraTransformer(TransformerConfig(**sizes, audio_channels=audio_vae.config.latent_channels)),
        "sketcher": Sketcher(SketcherConfig(**sizes)),
        "text_encoder": TextEncoder(TextEncoderConfig(vocabulary_size=tokenizer.vocabulary_size, depth=2))}
    networks["transformer"].initialise()
    networks["sketcher"].initialise()
    fit_paths(networks["sketcher"], sketches)
    nn.init.normal_(networks["text_encoder"].embedding.weight, std=0.5)
    if row.change.get("adamw"):
        for network in networks.values():
            network.adamw_parameters = ("",)
    constants = {"SHIFT": row.change.get("shift", training.SHIFT),
                 "GUIDE_DROP": row.change.get("guide_drop", training.GUIDE_DROP)}
    task = training.TransformerTask(caches["latents"], sketches, *networks.values(), tokenizer, video_vae,
                                    args.batch_size)
    with changed(training, constants):
        trained = train(task, folder, part, 1.5e-3)
    if trained is None:
        return None
    trained[0].average.swap()
    task.pool = caches["held-out"]
    with changed(training, {"GUIDE_DROP": constants["GUIDE_DROP"]}):
        return trained[1] | held_out_loss(task, args.clips)


class changed:      # noqa: N801 - reads as a verb
    """Constants of a module, changed for a while."""

    def __init__(self, module: Any, values: dict[str, Any]) -> None:
        self.module, self.values = module, values

    def swap(self) -> None:
        before = {name: getattr(self.module, name) for name in self.values}
        for name, value in self.values.items():
            setattr(self.module, name, value)
        self.values = before

    def __enter__(self) -> None:
        self.swap()

    def __exit__(self, *_: object) -> None:
        self.swap()


@torch.no_grad()
def held_out_loss(task: Any, clips: int) -> dict[str, float]:
    """The recipe's own loss, on the same batches with the same noise for all rows."""
    rows = []
    for step in range(max(1, 8 * clips // task.batch_size)):
        batch = task.batch(np.random.default_rng([1, step]), 10 ** 9)
        rows.append(task.loss(batch, torch.Generator().manual_seed(step))[1])
    return {f"held-out loss, {name}": float(np.mean([row[name] for row in rows])) for name in rows[0]}


def sampling_row(row: Row, folder: Path, part: Slice) -> dict[str, float] | None:
    """Make the clips of the quick suite and let `evaluate` judge them."""
    videos, prompts = folder / "videos", suite_prompts("quick")[:part.args.clips]
    videos.mkdir(parents=True, exist_ok=True)
    models = load_models(part.args.checkpoint)
    for number, prompt in enumerate(prompts):
        if part.is_over():
            return None
        path = videos / f"{number:04d}.mp4"
        if not path.exists():
            generate(prompt, output=path, seed=number, checkpoint=models, signature="none", **row.change)
    (videos / "prompts.json").write_text(json.dumps({f"{i:04d}.mp4": text for i, text in enumerate(prompts)}))
    command = [sys.executable, "-m", "sora_core", "evaluate", "--suite", "full", "--videos", str(videos),
               "--output", str(folder / "judged")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = json.loads((folder / "judged" / "report.json").read_text(encoding="utf-8"))["all"]
    return {name: found[name]["value"] for name in JUDGED if name in found}


GROUPS: dict[str, Callable[[Row, Path, Slice], dict[str, float] | None]] = {
    "autoencoder": autoencoder_row, "transformer": transformer_row, "sampling": sampling_row}


def key(row: Row) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in f"{row.group} {row.name}")


def table(output: Path) -> str:
    """Markdown: a table for each group, of the rows that are done."""
    lines = []
    for group in GROUPS:
        found = [(row, json.loads((output / f"{key(row)}.json").read_text())) for row in ROWS
                 if row.group == group and (output / f"{key(row)}.json").exists()]
        if found:
            names = list(found[0][1])
            lines += [f"| {group} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
            for row, values in found:
                cells = [f"{values[name]:.4g}" if name in values else "" for name in names]
                lines.append(f"| {row.name} | {' | '.join(cells)} |")
            lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    for name in ("data", "held-out", "sketches", "video-vae", "audio-vae", "checkpoint"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--gflop", type=float, default=2e5, help="budget of a row that trains")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--clips", type=int, default=24, help="to judge by; losses take eight times as many")
    parser.add_argument("--shrink", type=int, default=1, help="pictures so many times smaller a side")
    parser.add_argument("--shards", type=int, default=8, help="of the pools, at most, where they are shrunk")
    parser.add_argument("--minutes", type=float, help="stop cleanly after so long; run again to go on")
    parser.add_argument("--rows", nargs="+", help="only rows whose group or name holds one of these words")
    parser.add_argument("--table", action="store_true", help="only print the table")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    part = Slice(args)
    for row in [] if args.table else ROWS:
        result = args.output / f"{key(row)}.json"
        is_wanted = not args.rows or any(word in f"{row.group} {row.name}" for word in args.rows)
        if result.exists() or not is_wanted:
            continue
        if part.is_over():
            print("stopped; run the same command again to go on")
            break
        print(f"{row.group}: {row.name}", flush=True)
        values = GROUPS[row.group](row, args.output / key(row), part)
        if values is not None:
            beside = result.with_suffix(".part")
            beside.write_text(json.dumps(values, indent=1))
            os.replace(beside, result)
    print(table(args.output))


if __name__ == "__main__":
    main()
