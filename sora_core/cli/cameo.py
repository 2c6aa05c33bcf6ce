"""`cameo`: somebody or something from a picture, for the handles in prompts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

DESCRIPTION = """A cameo is what a person, an animal or a thing looks like, taken from a picture, with the leave of
whoever may give it. Prompts call it by its handle: "@mila waves". The file holds no picture; it is named in the
signature of every clip that shows it. A cameo that is taken back isn't shown any more on this machine."""


def add_parser(subparsers: Any) -> None:
    """Register the verb with argparse's subparsers."""
    parser = subparsers.add_parser("cameo", help="make, show or take back a cameo", description=DESCRIPTION)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    make = actions.add_parser("make", help="make a cameo from a picture")
    make.add_argument("picture", metavar="PICTURE", help="PNG, JPEG or WebP: one subject before something plainer")
    make.add_argument("--handle", required=True, metavar="NAME", help="how prompts call it, such as mila for @mila")
    make.add_argument("--kind", required=True, metavar="KIND",
                      help="man, woman, boy, girl, person, dog, cat, bird, ball or box")
    make.add_argument("--granted-by", default="", metavar="NAME",
                      help="who allowed it: the person shown, or who may speak for them; needed for people")
    make.add_argument("--until", default="", metavar="DAY", help="the last day of the leave, such as 2027-12-31")
    make.add_argument("--mask", metavar="FILE", help="a picture of the same size, white where the subject is")
    make.add_argument("-o", "--output", metavar="FILE", help="default: HANDLE.cameo.safetensors")
    show = actions.add_parser("show", help="tell what a cameo is and who allowed it")
    show.add_argument("file", metavar="FILE")
    show.add_argument("--doll", metavar="PNG", help="also draw what the model knows of it")
    show.add_argument("--json", action="store_true", help="print one line of JSON")
    revoke = actions.add_parser("revoke", help="take a cameo back: no copy of it is shown on this machine any more")
    revoke.add_argument("file", metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; errors rise as SoraError."""
    from ..cameos import consent, file
    from ..cameos.portrait import draw_doll
    from ..media import write_image
    from ..media_read import read_image

    if args.action == "make":
        mask = None if args.mask is None else (read_image(args.mask)[0, :, 0].mean(0) + 1) / 2
        made = file.make_cameo(read_image(args.picture), handle=args.handle, kind=args.kind, until=args.until,
                               granted_by=args.granted_by, mask=mask)
        path = file.save_cameo(made, args.output or f"{made.handle}{file.SUFFIX}")
        print(f"{path}: @{made.handle}, {describe(made)}", flush=True)
        return 0
    cameo = file.load_cameo(args.file, may_show=args.action == "show")
    if args.action == "revoke":
        consent.revoke(cameo.identifier)
        print(f"@{cameo.handle} was taken back; clips made before still name it", flush=True)
        return 0
    if args.doll:
        write_image(Path(args.doll), draw_doll(cameo))
    print(json.dumps(cameo.to_json(), ensure_ascii=True) if args.json else
          f"{args.file}: @{cameo.handle}, {describe(cameo)}", flush=True)
    return 0


def describe(cameo: Any) -> str:
    """A line for people."""
    from ..cameos.casting import words_of

    legs = "; the picture shows no legs, so they get plain trousers" if cameo.is_portrait else ""
    return f"read as {words_of(cameo)}{legs}; {cameo.grant.line()}"
