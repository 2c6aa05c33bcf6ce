"""Everything that docs/MODEL_CARD.md shows: unselected seeds, other prompts, a spectrogram, the training's curves.

    python benchmarks/model_card.py --output docs/images [--checkpoint PATH] [--logs RUN/log.csv ...]

Needs the extra `evaluate` (matplotlib).
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from sora_core.media import read_clip  # noqa: E402
from sora_core.pipeline import Models, generate, load_models  # noqa: E402

PROMPT = "a red rubber ball drops onto a wooden floor and bounces"
PROMPTS = [
    PROMPT,
    "a blue metal box falls onto concrete",
    "a yellow ball rolls across the grass from left to right",
    "a green glass ball and a white wooden ball collide on the ice",
    "at night, a purple ball bounces on white tiles in a gym",
    "a large orange ball is thrown in from the left and bounces on the sand",
    "a black wooden box slides over a carpet and stops",
    "a pink plastic ball rolls into a yellow box on a parquet floor",
]
NEWER = [
    "a woman in a red shirt walks across a wooden floor from left to right",
    "a man in a blue shirt runs across the grass",
    "a gymnast in a purple leotard does a backflip in a gym",
    "a skater lands a single axel on the ice",
    "a black dog trots along and barks",
    "a yellow bird takes off and flies away",
    "an orange basketball misses the hoop and bounces off the rim",
    "a grey metal ball rolls down a ramp",
]
SHOWN = 9   # frames of a clip on a sheet


def make(models: Models, prompt: str, seed: int, folder: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """A clip as a viewer gets it: frames (T, H, W, 3) in [0, 1], samples (N,), sample rate."""
    path = folder / "clip.mp4"
    generate(prompt, output=path, seed=seed, checkpoint=models)
    clip = read_clip(path)
    return ((clip.video[0].permute(1, 2, 3, 0) + 1) / 2).numpy(), clip.waveform[0].mean(0).numpy(), clip.sample_rate


def sheet(rows: list[tuple[str, np.ndarray]], path: Path) -> None:
    """One clip a row, evenly spaced frames."""
    figure, axes = plt.subplots(len(rows), SHOWN, figsize=(SHOWN * 1.3, len(rows) * 1.42), dpi=100)
    for line, (title, frames) in zip(axes, rows, strict=True):
        picks = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
        for axis, pick in zip(line, picks, strict=True):
            axis.imshow(frames[pick], interpolation="nearest")
            axis.axis("off")
        label = line[0].text(0, -5, title, fontsize=7)
        label.set_in_layout(False)   # long ones must not widen the column
    figure.tight_layout(pad=0.3, h_pad=1.2, rect=(0, 0, 1, 0.985))
    figure.savefig(path)
    plt.close(figure)


def spectrograms(clips: list[tuple[str, np.ndarray, np.ndarray, int]], path: Path) -> None:
    """Sound of each clip, with how much the picture moves drawn over it."""
    figure, axes = plt.subplots(len(clips), 1, figsize=(9, 2.2 * len(clips)), dpi=100)
    for axis, (title, frames, samples, rate) in zip(axes, clips, strict=True):
        axis.specgram(samples + 1e-6, NFFT=512, Fs=rate, noverlap=384, vmin=-140, vmax=-40)
        motion = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
        times = (np.arange(len(motion)) + 1) * len(samples) / rate / len(frames)
        axis.plot(times, motion / max(motion.max(), 1e-6) * rate / 4, color="white", linewidth=1)
        axis.set_title(f"{title} (white: motion in the picture)", fontsize=8, loc="left")
        axis.set_ylabel("Hz", fontsize=7)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def curves(logs: list[Path], path: Path) -> None:
    """Losses against minutes, one panel a run."""
    figure, axes = plt.subplots(1, len(logs), figsize=(4 * len(logs), 3), dpi=100, squeeze=False)
    for axis, log in zip(axes[0], logs, strict=True):
        with log.open(newline="") as file:
            rows = list(csv.DictReader(file))
        minutes = [float(row["seconds"]) / 60 for row in rows]
        for name in rows[0]:
            if name not in ("step", "seconds", "lr_factor", "gradient_norm"):
                axis.plot(minutes, [float(row[name]) for row in rows], label=name, linewidth=0.8)
        values = [float(row["loss"]) for row in rows]
        axis.set_ylim(top=1.5 * float(np.quantile(values, 0.99)))   # a single outlier must not flatten the rest
        axis.set_title(log.parent.name, fontsize=9)
        axis.set_xlabel("minutes", fontsize=8)
        axis.legend(fontsize=7)
        axis.set_yscale("log")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--checkpoint", help="default: the embedded one")
    parser.add_argument("--logs", type=Path, nargs="*", default=[], help="log.csv of training runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    models = load_models(args.checkpoint)
    with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
        seeds = [(f"seed {seed}", *make(models, PROMPT, seed, Path(temporary))) for seed in range(8)]
        others = [(prompt, *make(models, prompt, 0, Path(temporary))) for prompt in PROMPTS]
        newer = [(prompt, *make(models, prompt, 0, Path(temporary))) for prompt in NEWER]
    sheet([(title, frames) for title, frames, *_ in seeds], args.output / "seeds.jpg")
    sheet([(title, frames) for title, frames, *_ in others], args.output / "prompts.jpg")
    sheet([(title, frames) for title, frames, *_ in newer], args.output / "newer.jpg")
    spectrograms(seeds[:2] + others[1:3], args.output / "sound.jpg")
    if args.logs:
        curves(args.logs, args.output / "curves.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
