"""`verify`: what a file says about itself, in plain words."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

DESCRIPTION = """Look for signature and marks in a video or sound file. The findings stand apart: whether the bytes are
those that were signed, whether by a key that this machine trusts, whether the sources are unaltered, and which marks
are in picture and sound, with the chance of an accident. Nothing is sent or fetched."""


def add_parser(subparsers: Any) -> None:
    """Register the verb with argparse's subparsers."""
    parser = subparsers.add_parser("verify", help="tell what a file says about where it is from",
                                   description=DESCRIPTION)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a video or sound file, whole, cut or re-encoded")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each file")


def run(args: argparse.Namespace) -> int:
    """Print the findings of each file."""
    from ..trust.verify import verify

    for file in args.files:
        findings = verify(file)
        if args.json:
            print(json.dumps(findings.to_dict(), ensure_ascii=True), flush=True)
        else:
            text = "\n".join([findings.path, *("  " + line for line in findings.sentences())])
            print(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode(
                sys.stdout.encoding or "utf-8"), flush=True)
    return 0
