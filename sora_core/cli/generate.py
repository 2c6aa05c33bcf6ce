"""`generate`: from a prompt to an MP4 file."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from ..pipeline import Facts

BAR_WIDTH = 30
DESCRIPTION = "Make a clip with sound from a prompt, on this machine alone."


def add_parser(subparsers: Any) -> None:
    """Describe the options; nothing heavy is imported for that."""
    parser = subparsers.add_parser("generate", help="make a clip with sound from a prompt", description=DESCRIPTION)
    parser.add_argument("prompt", help="what shall be seen and heard, in quotes")
    parser.add_argument("-o", "--output", metavar="FILE", default="clip.mp4",
                        help="the file to write: .mp4 or .mov, or .wav or .flac for the sound alone "
                             "(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, metavar="S",
                        help="length, more than 0 and at most 60 (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="the same seed gives the same clip (default: %(default)s)")
    parser.add_argument("--width", type=int, metavar="PX", help="an even number, 32 to 4096 (default: 128)")
    parser.add_argument("--height", type=int, metavar="PX", help="an even number, 32 to 4096 (default: 128)")
    parser.add_argument("--frame-rate", default="24", metavar="FPS",
                        help="1 to 120 frames a second, such as 30 or 24000/1001 (default: %(default)s)")
    parser.add_argument("--steps", type=int, metavar="N", help="steps from noise to picture, 1 to 1000")
    parser.add_argument("--guidance-scale", type=float, metavar="X",
                        help="how strictly to follow the prompt, 0 to 100; 1 is as learnt and twice as fast")
    parser.add_argument("--sampler", choices=["lcm", "euler"],
                        help="lcm adds fresh noise at each step, euler walks straight (default: euler)")
    parser.add_argument("--negative-prompt", default="", metavar="TEXT",
                        help="what to move away from; needs --guidance-scale above 1")
    parser.add_argument("--image", metavar="FILE", help="a PNG, JPEG or WebP picture that shall be the first frame")
    parser.add_argument("--cameo", action="append", default=[], metavar="FILE",
                        help="somebody or something that the prompt calls by its handle, such as @mila, see `cameo`; "
                             "may be given more than once")
    parser.add_argument("--handle", metavar="NAME",
                        help="a visible, moving mark with this name (default: none, or a person's cameo; \"\": none)")
    parser.add_argument("--sign", choices=["auto", "required", "none"], default="auto",
                        help="auto signs where the extra provenance is installed; none leaves the clip unsigned")
    parser.add_argument("--tell-prompt", action="store_true",
                        help="sign the prompt itself, not only its hash")
    parser.add_argument("--checkpoint", metavar="PATH",
                        help="a checkpoint file or folder (default: the one that ships with SoraCore)")
    parser.add_argument("--lora", action="append", default=[], metavar="FILE[:X]",
                        help="change the model by a LoRA, at strength X (default: 1); may be given more than once")
    parser.add_argument("--json", action="store_true", help="print one line of facts on stdout")


def run(args: argparse.Namespace) -> int:
    """Generate and say what was made; errors rise as SoraError."""
    start = time.perf_counter()
    from ..pipeline import generate, load_models  # brings PyTorch, which --help shall not wait for

    imported = time.perf_counter() - start
    options = {name: getattr(args, name) for name in ("steps", "guidance_scale", "sampler")
               if getattr(args, name) is not None}
    checkpoint = args.checkpoint
    if args.lora:
        from ..lora import parse_spec, with_loras

        checkpoint = with_loras(load_models(checkpoint), [parse_spec(text) for text in args.lora])
    with Progress(sys.stderr) as progress:
        facts = generate(args.prompt, output=args.output, seconds=args.seconds, seed=args.seed, width=args.width,
                         height=args.height, frame_rate=args.frame_rate, negative_prompt=args.negative_prompt,
                         image=args.image, cameos=args.cameo, checkpoint=checkpoint,
                         signature=args.sign, handle=args.handle, tell_prompt=args.tell_prompt,
                         on_progress=progress.show, **options)
    facts.stages["import"] = round(imported, 3)
    if args.json:
        values = asdict(facts) | {"total": round(time.perf_counter() - start, 3)}
        print(json.dumps(values, ensure_ascii=True), flush=True)
    else:
        print(describe(facts), flush=True)
    return 0


def describe(facts: Facts) -> str:
    """A line for people, and one about what of the prompt the model can't use."""
    made = (f"{facts.output}: {facts.seconds:.2f} s, {facts.width}x{facts.height}, {facts.frames} frames, "
            f"seed {facts.seed}, made in {sum(facts.stages.values()):.1f} s")
    return f"{made}\n{facts.unused}" if facts.unused else made


class Progress:
    """A bar of steps on a terminal; plain lines, one a tenth, anywhere else."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.start, self.tenth, self.is_open = stream, time.perf_counter(), 0, False
        self.is_terminal = stream.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_open:
            self.stream.write("\n")

    def show(self, step: int, steps: int) -> None:
        """Report that `step` of `steps` is done."""
        seconds = time.perf_counter() - self.start
        left = seconds / step * (steps - step)
        if self.is_terminal:
            filled = BAR_WIDTH * step // steps
            bar = "#" * filled + "-" * (BAR_WIDTH - filled)
            self.stream.write(f"\r[{bar}] step {step}/{steps}, {left:.0f} s left ")
            self.is_open = step < steps
            if step == steps:
                self.stream.write("\n")
        elif step == 1 or step * 10 // steps > self.tenth:
            self.tenth = step * 10 // steps
            self.stream.write(f"step {step}/{steps}\n")
        self.stream.flush()
