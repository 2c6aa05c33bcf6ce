"""`world`: write a pool of simulated clips to train on."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from ..errors import ResourceError


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand `world`."""
    parser = subparsers.add_parser("world", help="write simulated clips with sound and captions to train on",
                                   description="Simulate, draw, sound and caption clips, in shards of 16.")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the shards")
    parser.add_argument("--clips", type=int, default=256, metavar="N", help="clips in all (default 256)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pool (default 0)")
    parser.add_argument("--workers", type=int, default=1, metavar="K", help="processes (default 1)")
    parser.add_argument("--first-shard", type=int, default=0, metavar="S",
                        help="number of the first shard, to share one pool between machines (default 0)")
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
    from ..world.pool import write_pool

    speed = write_pool(
        args.output, clips=args.clips, seed=args.seed, workers=args.workers, first_shard=args.first_shard
    )
    print(f"{speed:.2f} clips per second and worker")
    return 0
