"""`world`: write a pool of simulated clips to train on, or show the world."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from ..errors import ConfigError, ResourceError


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand `world`."""
    parser = subparsers.add_parser("world", help="write simulated clips with sound and captions to train on",
                                   description="Simulate, draw, sound and caption clips, in shards of 16.")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the shards")
    parser.add_argument("--clips", type=int, default=256, metavar="N", help="clips in all (default 256)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pool (default 0)")
    parser.add_argument("--workers", type=int, default=1, metavar="K", help="processes (default 1)")
    parser.add_argument("--first-shard", type=int, default=0, metavar="S",
                        help="number of the first shard, to share one pool between machines (default 0)")
    parser.add_argument("--families", default="", metavar="A,B",
                        help="families to draw from, by their weights (default: all)")
    parser.add_argument("--variation", type=float, default=None, metavar="SHARE",
                        help="share of clips with a camera move, a style, rain and the like (default 0.3)")
    parser.add_argument("--format", choices=("pool", "webdataset"), default="pool",
                        help="shards for the trainer here, or tar shards that any WebDataset reader reads")
    parser.add_argument("--sketches-only", action="store_true",
                        help="only what moves where, without pictures and sound: many more clips in the same time")
    kinds = parser.add_subparsers(dest="what", metavar="WHAT")
    show = kinds.add_parser("preview", help="a contact sheet and a film with sound of the true world")
    show.add_argument("wish", help="a prompt, or a family such as drop, basketball, dominoes")
    show.add_argument("--seeds", default="0..8", metavar="A..B", help="one clip each (default: %(default)s)")
    show.add_argument("--output", type=Path, default=Path("preview.mp4"), metavar="FILE",
                      help="the film; the sheet lies beside it as .png (default: %(default)s)")
    show.add_argument("--width", type=int, default=256, metavar="PX", help="of a clip (default: %(default)s)")
    show.add_argument("--height", type=int, default=256, metavar="PX", help="of a clip (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the pool and print its speed.

    Raises:
        ConfigError: a number is out of range.
        ResourceError: a package is missing or the folder can't be written.
    """
    for package in ("mujoco", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise ResourceError(f"the package {package} is missing; install the project with its extra `world`")
    if args.what == "preview":
        return _preview(args)
    if args.output is None:
        raise ConfigError("name the folder of the shards with --output")
    from ..world.pool import Mix, write_pool

    if args.sketches_only and args.format == "webdataset":
        raise ConfigError("--sketches-only has no pictures for --format webdataset; leave one of them out")
    speed = write_pool(
        args.output, clips=args.clips, seed=args.seed, workers=args.workers, first_shard=args.first_shard,
        sketches_only=args.sketches_only, webdataset=args.format == "webdataset",
        mix=Mix(_families(args.families), _share(args.variation)),
    )
    print(f"{speed:.2f} clips per second and worker")
    return 0


def _families(text: str) -> tuple[str, ...]:
    from ..world.scenes.families import FAMILIES

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise ConfigError(f"--families {unknown[0]!r} is no family; use some of {', '.join(FAMILIES)}")
    return names


def _share(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise ConfigError(f"--variation {value} is out of range; use 0 to 1")
    return value


def _preview(args: argparse.Namespace) -> int:
    from ..plan import check_even
    from ..world.preview import parse_seeds, preview

    check_even("width", args.width)
    check_even("height", args.height)
    film, sheet = preview(args.wish, parse_seeds(args.seeds), args.output, width=args.width, height=args.height)
    print(f"{film}\n{sheet}")
    return 0
