"""Whether a cameo can be told from others in the finished clip, by its colours alone.

    python benchmarks/cameos.py [--number 8] [--seed 0] [--sheet docs/images/cameos.png] [--checkpoint FILE]

Draws so many girls, dogs, balls and boxes in random clothes, coats and patterns, makes a cameo of each picture and a
clip of each cameo, and asks of each clip which of the cameos of its kind it shows. What a thing or a limb shows is
peeled off the pixels of the MP4 where the clip's sketch has it, its mean colour is taken off, for the words tell
that, and the pattern that is left is compared with that of each cameo. Chance is one in `number`; clips of the same
words without a cameo are judged beside them.
"""

from __future__ import annotations

import argparse
import colorsys
import tempfile
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from sora_core.cameos.casting import Role, cast_prompt, dress
from sora_core.cameos.file import Cameo, make_cameo
from sora_core.cameos.portrait import draw_doll
from sora_core.media_read import read_clip
from sora_core.models.sketch import UNDRESSED, Sketch
from sora_core.pipeline import Models, encode_prompt, generate, load_models, make_sketch, size_multiple, understood
from sora_core.plan import make_plan
from sora_core.training.dress import true_looks
from sora_core.wishes import read_wishes

SIDE = 320
PROMPTS = {"girl": "@it walks across a wooden floor in a room", "dog": "@it trots by on a lawn",
           "ball": "@it bounces on a wooden floor in a room", "box": "@it falls onto a concrete floor"}


def draw(kind: str, rng: np.random.Generator) -> Tensor:
    """A picture `(1, 3, 1, SIDE, SIDE)` in [-1, 1] of somebody or something in colours of its own."""
    def colour() -> Tensor:
        return torch.tensor(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.35, 1), rng.uniform(0.35, 1)))

    picture = torch.linspace(0.86, 0.78, SIDE)[:, None].expand(3, SIDE, SIDE).clone()
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")

    def paint(where: Tensor, first: Tensor, second: Tensor | None = None, stripes: int = 0,
              across: bool = True) -> None:
        picture[:, where] = first[:, None].float()
        if second is not None:
            picture[:, where & ((((y if across else x) // stripes) % 2) == 1)] = second[:, None].float()

    def box(left: int, top: int, right: int, bottom: int) -> Tensor:
        return (x >= left) & (x < right) & (y >= top) & (y < bottom)

    def disc(cx: int, cy: int, rx: int, ry: int) -> Tensor:
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1

    one, two, three = colour(), colour(), colour()
    if kind == "girl":
        skin = torch.tensor(((0.95, 0.78, 0.66), (0.55, 0.36, 0.24), (0.80, 0.60, 0.45))[rng.integers(3)])
        paint(disc(160, 50, 28, 32), skin)
        paint(disc(160, 40, 32, 30) & (y < 45), three)
        paint(box(126, 82, 194, 172), one, two if rng.random() < 0.5 else None, 22)
        paint(box(106, 84, 124, 150) | box(196, 84, 214, 150), one)
        paint(box(106, 150, 124, 168) | box(196, 150, 214, 168), skin)
        paint(box(128, 172, 158, 285) | box(162, 172, 192, 285), two)
        paint(box(124, 285, 158, 300) | box(162, 285, 196, 300), colour())
    elif kind == "dog":
        paint(disc(150, 170, 85, 42), one)
        paint(disc(150 + int(rng.integers(-30, 30)), 168, 32, 38), two)
        paint(disc(248, 120, 38, 32), one)
        paint(disc(280, 130, 20, 14), two)
        for left in (80, 110, 180, 208):
            paint(box(left, 185, left + 16, 265), three)
        paint((x - y - (-60)).abs().lt(9) & box(30, 95, 80, 160), one)
    elif kind == "ball":
        inside = disc(160, 160, 95, 95)
        angle = torch.atan2((y - 160).float(), (x - 160).float()) + torch.pi
        slices = int(rng.integers(1, 4)) * 2
        paint(inside, one)
        paint(inside & ((angle * slices / (2 * torch.pi)).long() % 2 == 1), two)
        paint(inside & disc(160, 160, 35, 35), three)
    else:
        paint(box(75, 75, 245, 245), one, two, int(rng.integers(30, 60)), bool(rng.random() < 0.5))
        paint(disc(160, 160, 40, 40), three)
    return 2 * picture[None, :, None] - 1


def pattern(looks: Tensor, worn: Tensor) -> Tensor:
    """Looks `(LOOKS, 3, S, S)` of the slots that are worn, each without its mean colour, in a row."""
    return (looks - looks.mean((2, 3), keepdim=True))[worn].flatten()


def told(path: Path, sketch: Sketch, cameos: list[Cameo]) -> int:
    """Which cameo has the pattern that a clip shows where its sketch has the subject."""
    shown = true_looks(sketch, read_clip(path).video)[0]
    scores = []
    for cameo in cameos:
        looks = dress(sketch, [Role(cameo.kind, cameo.parts, torch.zeros(3))]).looks[0]
        worn = (looks < UNDRESSED).flatten(1).all(1) & (shown < UNDRESSED).flatten(1).all(1)
        one, other = pattern(shown, worn), pattern(looks, worn)
        scores.append(float((one * other).sum() / (one.norm() * other.norm()).clamp(min=1e-6)))
    return int(np.argmax(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=8, help="cameos of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--sheet", type=Path, help="draw pictures, dolls and clips of the first of each kind")
    args = parser.parse_args()
    models, shown = load_models(args.checkpoint), []
    total = np.zeros(3, int)
    with tempfile.TemporaryDirectory() as folder:
        for kind, prompt in PROMPTS.items():
            rng = np.random.default_rng([args.seed, *kind.encode()])
            pictures = [draw(kind, rng) for _ in range(args.number)]
            cameos = [make_cameo(picture, handle="it", kind=kind, granted_by="nobody: drawn") for picture in pictures]
            right, words = 0, 0
            for number, cameo in enumerate(cameos):
                clips = [clip(folder, models, prompt, cameo, args.seed + number, dressed) for dressed in (True, False)]
                right += told(*clips[0], cameos) == number
                words += told(*clips[1], cameos) == number
                if number == 0:
                    shown.append((pictures[0], draw_doll(cameo), read_clip(clips[0][0]).video))
            print(f"{kind}: {right} of {args.number} told by the clip, {words} where the words alone tell", flush=True)
            total += (right, words, args.number)
    print(f"all: {total[0]} of {total[2]} ({total[0] / total[2]:.0%}), by words alone {total[1]} "
          f"({total[1] / total[2]:.0%}), by chance 1 in {args.number}")
    if args.sheet:
        draw_sheet(args.sheet, shown)


def clip(folder: str, models: Models, prompt: str, cameo: Cameo, seed: int, dressed: bool) -> tuple[Path, Sketch]:
    """A clip with a cameo, or of its words alone, and its sketch, undressed."""
    path = Path(folder) / f"{cameo.identifier}-{int(dressed)}.mp4"
    text = cast_prompt(prompt, [cameo]).text
    generate(prompt if dressed else text, output=path, seed=seed, cameos=[cameo] if dressed else [], checkpoint=models,
             signature="none", handle="")
    plan = make_plan(seconds=4.0, width=None, height=None, frame_rate=24, multiple=size_multiple(models),
                     sample_rate=models.audio_vae.config.sample_rate)
    words = understood(models.tokenizer, text, models.text_encoder.config.max_tokens).text
    with torch.inference_mode():
        sketch = make_sketch(models, plan, encode_prompt(models, words), encode_prompt(models, ""), seed, None,
                             read_wishes(words))
    return path, sketch


def draw_sheet(path: Path, shown: list[tuple[Tensor, Tensor, Tensor]]) -> None:
    """A row for each: the picture, the doll, six frames."""
    figure = Figure(figsize=(10, 1.27 * len(shown)))
    axes = figure.subplots(len(shown), 8)
    for row, (picture, doll, video) in zip(axes, shown, strict=True):
        places = np.linspace(0, video.shape[2] - 1, 6).astype(int)
        for axis, image in zip(row, [picture[0, :, 0], doll[0, :, 0], *video[0][:, places].unbind(1)], strict=True):
            axis.imshow(((image.permute(1, 2, 0) + 1) / 2).clamp(0, 1).numpy())
            axis.axis("off")
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
