"""`library`: remember clips, and find where an excerpt is from."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Register the verb with argparse's subparsers."""
    parser = subparsers.add_parser("library", help="remember clips, and find where an excerpt is from",
                                   description="An index of your clips on this machine: their fingerprints, marks, "
                                               "signatures and sources.")
    parser.add_argument("--index", metavar="FILE",
                        help="the index (default: library.sqlite beside this machine's keys)")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    index = kinds.add_parser("index", help="remember all clips of a folder")
    index.add_argument("folder", metavar="FOLDER")
    find = kinds.add_parser("find", help="find where an excerpt is from, by its picture or its sound")
    find.add_argument("file", metavar="FILE", help="two seconds or more, re-encoded, muted or without a picture")
    find.add_argument("--json", action="store_true", help="print one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Index or find; finding nothing is no error."""
    from ..trust.library import Library

    with Library(args.index) as library:
        if args.what == "index":
            read, faults = library.index(args.folder)
            for fault in faults:
                sys.stderr.write(f"left out: {fault}\n")
            print(f"{read} clips read, {len(faults)} left out")
            return 0
        hits = library.find(args.file)
    if args.json:
        print(json.dumps([asdict(hit) for hit in hits]))
    elif not hits:
        print("none of the clips in the library")
    else:
        for hit in hits:
            name = f", clip {hit.payload}" if hit.payload else ""
            print(f"{hit.path}: from second {hit.seconds:.1f} on, by its {hit.by} "
                  f"({100 * hit.difference:.0f} % of the bits differ{name})")
    return 0
