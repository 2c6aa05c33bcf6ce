"""How fast the world makes clips: per second of processor time of one core, with and without pictures.

    python benchmarks/world.py [--clips 32] [--width 128] [--height 128] [--families drop,roll | all]

Processor time is reported, not wall time, so that a busy machine changes little. Nothing asserts a time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sora_core.world.pool import NUM_SAMPLES, SAMPLE_RATE, clip_seed, make_record  # noqa: E402
from sora_core.world.render import Stage  # noqa: E402
from sora_core.world.scenes.families import FAMILIES, PLAIN_FAMILIES, VARIATION  # noqa: E402
from sora_core.world.sound import synthesise_clip  # noqa: E402

SEED = 4242


def rate(name: str, clips: int, make: Callable[[int], object]) -> float:
    """Print and return clips per second of processor time, after one that warms up."""
    make(0)
    start, wall = time.process_time(), time.perf_counter()
    for number in range(clips):
        make(number)
    busy, wall = time.process_time() - start, time.perf_counter() - wall
    print(f"{name:34s} {clips / busy:8.2f} clips per second and core   ({clips / wall:.2f} by the clock)", flush=True)
    return clips / busy


def main() -> None:
    """Measure the parts and the whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=32, help="of each kind (default: %(default)s)")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--families", default=",".join(PLAIN_FAMILIES), help="names, or all (default: %(default)s)")
    args = parser.parse_args()
    families = tuple(FAMILIES) if args.families == "all" else tuple(args.families.split(","))
    kind = args.width, args.height, families, VARIATION if args.families == "all" else 0.0
    made = [make_record(clip_seed(SEED, 0, number), *kind) for number in range(args.clips)]
    print(f"{args.clips} clips of 4 s at {args.width} x {args.height}: {args.families}")
    rate("physics, captions, sketches", args.clips, lambda n: make_record(clip_seed(SEED, 0, n), *kind))
    rate("sound", args.clips, lambda n: synthesise_clip(made[n][2], NUM_SAMPLES, SAMPLE_RATE))
    with Stage(args.width, args.height) as stage:
        rate("pictures", args.clips, lambda n: stage.render(made[n][0], made[n][1]))

        def whole(number: int) -> None:
            scene, motion, record = make_record(clip_seed(SEED, 0, number), *kind)
            synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE)
            stage.render(scene, motion)

        rate("whole clips with pictures and sound", args.clips, whole)


if __name__ == "__main__":
    main()
