"""The sheets of docs/world.md: for each family some clips of the true world, each over the spectrogram of its sound.

    python benchmarks/world_sheets.py [--families drop,basketball] [--output docs/images]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sora_core.world.camera import MOVES, moved  # noqa: E402
from sora_core.world.pool import NUM_SAMPLES, SAMPLE_RATE, record_scene  # noqa: E402
from sora_core.world.preview import sheet_row  # noqa: E402
from sora_core.world.render import Stage  # noqa: E402
from sora_core.world.scenes.families import AIRS, FAMILIES, STYLES, draw_scene  # noqa: E402
from sora_core.world.scenes.scene import Scene, draw_setting  # noqa: E402
from sora_core.world.sound import synthesise_clip  # noqa: E402

SIDE, CLIPS, SEED = 128, 3, 300


def moves() -> Iterator[Scene]:
    """One clip for each camera move."""
    for number, move in enumerate(MOVES):
        scene = draw_scene(SEED + 40 + number, SIDE, SIDE, ("topple", "throw", "roll", "collide")[number % 4])
        view = moved(scene.view, move, np.random.default_rng(number))
        yield replace(scene, setting=replace(scene.setting, view=view))


def styles() -> Iterator[Scene]:
    """One clip for each style."""
    for number, style in enumerate(STYLES):
        scene = draw_scene(SEED + 60 + number, SIDE, SIDE, ("basketball", "topple", "drop", "throw")[number % 4])
        yield replace(scene, setting=replace(scene.setting, style=style))


def airs() -> Iterator[Scene]:
    """One clip for each bed of sound, and one on the moon."""
    for number, (place, air) in enumerate((("street", "rain"), ("park", "wind"), ("beach", "waves"),
                                           ("park", "crickets"), ("gym", "crowd"), ("moon", ""))):
        assert not air or air in AIRS[place]
        setting = draw_setting(np.random.default_rng(SEED + number), SIDE, SIDE, (place,))
        name = "basketball" if air == "crowd" else "throw"
        yield FAMILIES[name].draw(np.random.default_rng(SEED + 80 + number), replace(setting, air=air))


def main() -> None:
    """Draw the sheets that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", default="", help="names, also camera, style, air (default: all)")
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    others = {"camera": moves, "style": styles, "air": airs}
    args.output.mkdir(parents=True, exist_ok=True)
    with Stage(SIDE, SIDE) as stage:
        for name in args.families.split(",") if args.families else [*FAMILIES, *others]:
            scenes = others[name]() if name in others else (
                draw_scene(SEED + number, SIDE, SIDE, name) for number in range(CLIPS))
            rows = []
            for number, scene in enumerate(scenes):
                scene, motion, record = record_scene(SEED + number, scene)
                sound = synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE)
                rows.append(sheet_row(stage.render(scene, motion), sound, SAMPLE_RATE))
                print(f"{name}: {record.captions[0]}", flush=True)
            Image.fromarray(np.concatenate(rows)).save(args.output / f"world-{name}.jpg", quality=60)


if __name__ == "__main__":
    main()
