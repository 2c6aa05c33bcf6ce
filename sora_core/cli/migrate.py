"""`migrate`: graphs of ComfyUI's dead Sora node, made to run again."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = ("Replace OpenAIVideoSora2, which has stopped working, by Sora Text To Video in a ComfyUI graph; prompt, "
               "size, duration, image, seed and links stay.")


def add_parser(subparsers: Any) -> None:
    """Describe the options."""
    parser = subparsers.add_parser("migrate", help="make graphs of the dead Sora node run again",
                                   description=DESCRIPTION)
    parser.add_argument("old", help="the graph, as ComfyUI saved it or exported it for its API (JSON)")
    parser.add_argument("new", help="the file to write; replaced when the new graph is whole")


def run(args: argparse.Namespace) -> int:
    """Migrate and say how much there was to do; errors rise as SoraError."""
    from ..migrate import migrate_file

    count = migrate_file(args.old, args.new)
    print(f"{args.new}: {count} node{'s' if count > 1 else ''} replaced", flush=True)
    return 0
