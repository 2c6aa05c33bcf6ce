"""What share of the machine's matrix product training and sampling reach, and where the rest goes.

    python benchmarks/training.py [--batch-size 8] [--repeats 3] [--threads 1] [--compile] [--json FILE]

Speeds are floating-point operations per second of processor time, which a busy machine changes little; the peak is
that of a square bfloat16 product, measured between the steps. Operations are counted by PyTorch's FlopCounterMode
(matrix products, convolutions and attention; a backward pass counts as it is). Nothing asserts a time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from sora_core.config import SketcherConfig, TextEncoderConfig, TransformerConfig, VideoVAEConfig
from sora_core.models.guide import HIT_FEATURES, Guide
from sora_core.models.sketch import SLOTS, STAGE, STATES, TRAITS, Sketch
from sora_core.models.sketcher import Sketcher
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.tokenizer import Tokenizer, train_tokenizer
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE
from sora_core.sampling.guidance import guided_velocity
from sora_core.setting import FIELDS
from sora_core.training.data import Clips
from sora_core.training.loop import Average, LoopOptions, make_optimisers
from sora_core.training.transformer import TransformerTask

MATRIX = 1024
LATENTS, SIDE, SOUNDS, FRAMES = 13, 8, 48, 97       # of a clip of four seconds at 128 x 128
CAPTIONS = ["a red rubber ball drops onto a wooden floor and bounces three times, then rolls to the left"]
KINDS = {       # where processor time goes, by the beginnings of the operations' names
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "mkldnn::_linear",
                        "aten::mkldnn_linear"),
    "convolutions": ("aten::mkldnn_convolution", "aten::convolution", "aten::_slow_conv", "aten::thnn_conv"),
    "attention": ("aten::_scaled_dot_product", "aten::_flash_attention"),
    "copies and casts": ("aten::copy_", "aten::cat", "aten::clone", "aten::_to_copy", "aten::contiguous"),
    "compiled elementwise": ("torch_inductor", "graph_", "Torch-Compiled", "CompiledFunction"),
    "sums and norms": ("aten::sum", "aten::mean", "aten::_fused_rms", "aten::native_layer_norm", "aten::norm",
                       "aten::linalg_vector_norm", "aten::rms_norm"),
}


@dataclass(frozen=True)
class Speed:
    """One thing measured: operations, processor seconds, speed, share of the peak."""

    name: str
    gflop: float
    seconds: float
    gflop_per_second: float
    share_of_peak: float


class RandomClips:
    """Batches of the size of real ones."""

    def draw(self, rng: np.random.Generator, batch_size: int) -> Clips:
        g = torch.Generator().manual_seed(int(rng.integers(1 << 30)))
        video = torch.randn(batch_size, 48, LATENTS, SIDE, SIDE, generator=g)
        guide = torch.randn(batch_size, 96, LATENTS, SIDE, SIDE, generator=g)
        return Clips(video, torch.randn(batch_size, 32, SOUNDS, generator=g), guide, random_sketch(batch_size, g),
                     CAPTIONS * batch_size, torch.zeros(batch_size, FIELDS, dtype=torch.int64))


class RandomSketches:
    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[Sketch, torch.Tensor, list[str]]:
        g = torch.Generator().manual_seed(int(rng.integers(1 << 30)))
        return random_sketch(batch_size, g), torch.ones(batch_size), CAPTIONS * batch_size


def random_sketch(count: int, g: torch.Generator) -> Sketch:
    return Sketch(torch.randn(count, SLOTS, FRAMES, STATES, generator=g), torch.rand(count, SLOTS, FRAMES, generator=g),
                  torch.ones(count, SLOTS, TRAITS), torch.randn(count, STAGE, generator=g))


def make_task(tokenizer: Tokenizer, batch_size: int, is_compiled: bool) -> TransformerTask:
    """The embedded model's sizes."""
    torch.manual_seed(0)
    transformer, sketcher = SoraTransformer(TransformerConfig()), Sketcher(SketcherConfig())
    text = TextEncoder(TextEncoderConfig(vocabulary_size=tokenizer.vocabulary_size, depth=2))
    transformer.initialise()
    sketcher.initialise()
    if is_compiled:
        for block in [*transformer.blocks, *sketcher.blocks]:
            block.compile(dynamic=False)
    return TransformerTask(RandomClips(), RandomSketches(), transformer, sketcher, text, tokenizer,
                           VideoVAE(VideoVAEConfig()), batch_size)


def processor_seconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def matmul_peak() -> float:
    """GFLOP per processor second of the best of some square bfloat16 products."""
    a, b = (torch.randn(MATRIX, MATRIX).bfloat16() for _ in range(2))
    return 2 * MATRIX ** 3 / min(processor_seconds(lambda: a @ b) for _ in range(8)) / 1e9


def count_gflop(act: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        act()
    return counter.get_total_flops() / 1e9


def measure(name: str, act: Callable[[], object], gflop: float, repeats: int) -> Speed:
    """The median of some runs, each beside the peak of the same moment."""
    act()
    runs = [(processor_seconds(act), matmul_peak()) for _ in range(repeats)]
    seconds = statistics.median(run[0] for run in runs)
    share = statistics.median(gflop / run[0] / run[1] for run in runs)
    print(f"{name:44s} {gflop:8.1f} GFLOP {seconds:7.3f} s {gflop / seconds:6.0f} GFLOP/s {share:5.0%} of the peak",
          flush=True)
    return Speed(name, gflop, seconds, gflop / seconds, share)


def where_it_goes(act: Callable[[], object], runs: int = 8) -> dict[str, float]:
    """Shares of the time by kinds of operations; of each call, its quickest run counts, as others were interrupted."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(runs):
            act()
    times: dict[str, list[float]] = {}
    for event in sorted(profile.events(), key=lambda event: event.time_range.start):
        times.setdefault(event.name, []).append(event.self_cpu_time_total)
    shares = dict.fromkeys([*KINDS, "elementwise and other"], 0.0)
    for name, values in times.items():
        kind = next((kind for kind, names in KINDS.items() if name.startswith(names)), "elementwise and other")
        if len(values) % runs == 0:
            shares[kind] += float(np.array(values).reshape(runs, -1).min(0).sum())
    total = sum(shares.values())
    return {kind: value / total for kind, value in shares.items()}


def measure_training(batch_size: int, repeats: int, is_compiled: bool) -> tuple[list[Speed], dict[str, float]]:
    tokenizer = train_tokenizer(CAPTIONS * 3, 300)
    plain = make_task(tokenizer, batch_size, False)
    batch = plain.batch(np.random.default_rng(0), 10 ** 9)

    def gradients(task: TransformerTask) -> None:
        for module in task.modules.values():
            module.zero_grad(set_to_none=True)
        task.loss(batch, torch.Generator().manual_seed(0))[0].backward()

    gflop = count_gflop(lambda: gradients(plain))
    task = make_task(tokenizer, batch_size, True) if is_compiled else plain
    kind = "compiled" if is_compiled else "eager"
    speeds = [measure(f"gradients of {batch_size} clips, {kind}", lambda: gradients(task), gflop, repeats)]
    shares = where_it_goes(lambda: gradients(task), runs=4)
    optimisers = make_optimisers(task.modules, LoopOptions(output=Path("."), steps=1))
    average = Average(task.modules)

    def update() -> None:
        for optimiser in optimisers:
            optimiser.step()
        average.update(1)

    update_gflop = count_gflop(update)
    speeds.append(measure("optimisers and average", update, update_gflop, repeats))
    return speeds, shares


@torch.inference_mode()
def measure_sampling(repeats: int, is_compiled: bool) -> tuple[list[Speed], dict[str, float]]:
    """One evaluation of the transformer in bfloat16, as `generate` makes it for four seconds."""
    torch.manual_seed(0)
    transformer = SoraTransformer(TransformerConfig(), dtype=torch.bfloat16).eval()
    video, audio = torch.randn(1, 48, LATENTS, SIDE, SIDE), torch.randn(1, 32, SOUNDS)
    guide = Guide(torch.randn(1, 96, LATENTS, SIDE, SIDE), torch.randn(1, SOUNDS, HIT_FEATURES),
                  torch.zeros(1, FIELDS, dtype=torch.int64))
    words, nothing = torch.randn(1, 20, 256), torch.randn(1, 1, 256)
    speeds, shares = [], {}
    kind = "compiled" if is_compiled else "eager"
    for scale in (1.0, 2.0):
        velocity = guided_velocity(transformer, words, nothing, scale, 24.0, guide)
        step = partial(velocity, video, audio, torch.full((1,), 0.9), torch.full((1,), 0.9))
        gflop = count_gflop(step)
        if is_compiled:
            for block in transformer.blocks:
                block.compile(dynamic=False)
        name = f"sampling step, guidance {scale:g}, {kind}"
        speeds.append(measure(name, step, gflop, repeats))
        shares = where_it_goes(step)
    return speeds, shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="compile the blocks")
    parser.add_argument("--only", choices=["training", "sampling"])
    parser.add_argument("--json", type=Path, help="write the figures there too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"peak: {matmul_peak():.0f} GFLOP per processor second ({MATRIX} x {MATRIX}, bfloat16)", flush=True)
    results = {}
    for name in ("training", "sampling") if args.only is None else (args.only,):
        results[name] = _, shares = (measure_training(args.batch_size, args.repeats, args.compile)
                                     if name == "training" else measure_sampling(args.repeats, args.compile))
        print(f"{name}: " + ", ".join(f"{kind} {share:.0%}" for kind, share in
                                      sorted(shares.items(), key=lambda item: -item[1]) if share >= 0.005), flush=True)
    if args.json is not None:
        args.json.write_text(json.dumps({name: {"speeds": [asdict(speed) for speed in speeds], "shares": shares}
                                         for name, (speeds, shares) in results.items()}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
