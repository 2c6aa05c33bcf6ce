"""`python -m sora_core pack`: separately trained networks into one checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "pack", help="merge trained networks into one checkpoint",
        description="Merge checkpoints that together hold all four networks into one, in bfloat16 and shards of at "
                    "most 15 MiB. Of a network that several hold, the last one wins.")
    parser.add_argument("parts", type=Path, nargs="+", help="checkpoints: files or folders of shards")
    parser.add_argument("--output", type=Path, required=True, help="NAME.safetensors")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge and say what was written. Returns the exit code."""
    from ..training.pack import pack

    for path in pack(args.parts, args.output):
        print(f"{path} {path.stat().st_size / 2**20:.1f} MiB")
    return 0
