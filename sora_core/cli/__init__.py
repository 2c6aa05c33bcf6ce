"""The command line: one file per verb, imported only when its verb is asked for.

A verb's file has `add_parser(subparsers)` and `run(args)`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import SoraError

VERBS = {
    "generate": "make a clip with sound from a prompt",
    "world": "render clips of the simulated world to learn from",
    "train": "train one of the networks, in slices that resume",
    "pack": "merge trained networks into one checkpoint",
    "cameo": "somebody or something from a picture, by their leave",
    "verify": "tell what a file says about where it is from",
    "library": "remember clips, and find where an excerpt is from",
    "evaluate": "measure the networks on clips that they haven't seen",
    "migrate": "make ComfyUI graphs of the dead Sora node run again",
}
EXTRAS = {"mujoco": "world", "PIL": "train", "matplotlib": "evaluate", "c2pa": "provenance",
          "cryptography": "provenance"}      # packages that generating doesn't need
EPILOG = """example:
  python -m sora_core generate "a red rubber ball drops onto a wooden floor and bounces" --output ball.mp4

`python -m sora_core VERB --help` tells the options of a verb."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0, or 1 after one sentence on stderr about what a user can mend, or 130 after Ctrl-C. Usage errors exit with 2.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser(argv).parse_args(argv)
        if "run" not in args:
            _parser(argv).print_help()
            return 0
        return int(args.run(args) or 0)
    except SoraError as error:
        return _fail(str(error), 1)
    except ModuleNotFoundError as error:
        return _fail(_missing(error), 1)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "not enough memory" not in str(error):     # PyTorch's own way to say it
            raise
        return _fail("not enough memory; ask for a smaller or shorter clip", 1)
    except KeyboardInterrupt:
        return _fail("no half-written file is left", 130, "stopped")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sora_core", description="Video with the sound that belongs to it, from a prompt.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"SoraCore {__version__}")
    subparsers = parser.add_subparsers(title="verbs", metavar="VERB")
    wanted = next((word for word in argv if not word.startswith("-")), None)
    for verb, text in VERBS.items():
        if verb == wanted:
            module = importlib.import_module(f".{verb}", __package__)
            module.add_parser(subparsers)
            subparsers.choices[verb].set_defaults(run=module.run)
        else:
            subparsers.add_parser(verb, help=text)
    return parser


def _missing(error: ModuleNotFoundError) -> str:
    """The sentence about a package that isn't installed, with the extra that brings it."""
    package = (error.name or "").partition(".")[0]
    extra = f"[{EXTRAS[package]}]" if package in EXTRAS else ""
    return f"the package {package} is missing; in SoraCore's folder, run: python -m pip install \".{extra}\""


def _fail(sentence: str, code: int, kind: str = "error") -> int:
    printable = " ".join(sentence.encode("utf-8", "backslashreplace").decode().split())
    sys.stderr.write(f"{kind}: {printable}\n")
    return code
