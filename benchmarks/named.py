"""How often a sketch shows what a prompt names: by the words alone, and with what is named given.

    python benchmarks/named.py [--seeds 2] [--checkpoint FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sora_core.models.sketch import COLOUR, Sketch  # noqa: E402
from sora_core.pipeline import encode_prompt, load_models, understood  # noqa: E402
from sora_core.sampling.sketching import draw_sketch  # noqa: E402
from sora_core.things import Thing  # noqa: E402
from sora_core.wishes import NO_WISHES, read_wishes  # noqa: E402

PROMPTS = (
    "two yellow balls bounce on sand", "a red ball bounces on the floor", "a green cube falls", "green ball",
    "a blue ball rolls down onto the grass and hits a red box", "three white balls roll across a wooden floor",
    "a small white ball and a green box collide on the ice, seen from above", "a purple ball bouncing in a gym",
    "two boxes slide toward each other and collide", "an orange box slides across ice",
    "a red ball and a blue ball fall at the same time", "pink cube sliding on a street at night",
    "a yellow ball is dropped, bounces three times and comes to rest", "a white ball knocks a black box over",
    "one red cube and two blue balls drop on the lawn", "a brown wooden box lands on carpet",
    "a big red ball and a tiny yellow ball bounce next to each other", "four blue boxes fall onto the grass",
    "a woman in a red shirt walks across a wooden floor", "a man in a green shirt and blue trousers runs",
    "a black dog trots along and barks", "a small yellow bird hops", "a boy in a blue sweater jumps",
    "a woman in a purple dress waves",
)
NEAR = 0.5      # distance of colours, of numbers from -1 to 1


def shows(sketch: Sketch, named: tuple[Thing, ...]) -> bool:
    """Whether the first sketch of a batch holds just the things that are named, in any order."""
    left = [traits for traits in sketch.traits[0] if traits[0] > 0]
    if len(left) != len(named):
        return False
    for thing in sorted(named, key=lambda thing: thing.colour is None):
        fitting = [i for i, traits in enumerate(left) if (traits[1] > 0, traits[5] > 0) == (thing.is_box, thing.is_part)
                   and (thing.colour is None or _distance(traits[COLOUR], thing.colour) < NEAR)]
        if not fitting:
            return False
        left.pop(fitting[0])
    return True


def _distance(drawn: torch.Tensor, colour: tuple[float, float, float]) -> float:
    return float((drawn - (2 * torch.tensor(colour) - 1)).norm())


@torch.inference_mode()
def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--checkpoint", type=Path, help="another than the one that ships")
    args = parser.parse_args()
    models = load_models(args.checkpoint)
    negative = encode_prompt(models, "")
    right, seconds = {"words alone": 0, "given": 0}, {"words alone": 0.0, "given": 0.0}
    for prompt in PROMPTS:
        text = understood(models.tokenizer, prompt, models.text_encoder.config.max_tokens).text
        wishes, positive = read_wishes(text), encode_prompt(models, text)
        for seed in range(args.seeds):
            for name, asked in (("words alone", NO_WISHES), ("given", wishes)):
                start = time.perf_counter()
                sketch = draw_sketch(models.sketcher, positive, negative, frames=97, aspect=1.0, seed=seed,
                                     wishes=replace(asked, view=wishes.view))
                seconds[name] += time.perf_counter() - start
                right[name] += shows(sketch, wishes.named)
    count = len(PROMPTS) * args.seeds
    for name, number in right.items():
        print(f"{name}: {number} of {count} sketches show just what is named; {seconds[name] / count:.2f} s each")


if __name__ == "__main__":
    main()
