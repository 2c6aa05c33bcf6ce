"""Sora Engine Video, and what Sora Text To Video does with an engine: a recipe in place of the node.

Everything that is linked stays a link: what it leads to is computed by the recipe's own nodes, so that ComfyUI keeps
what it has. Links are therefore read off the prompt; the inputs that carry them are lazy and never asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from comfy_api.latest import io, ui

from ..sora_core.engines.facts import EMBEDDED, EXTEND, FOLEY, LIPS, OVERLAPS, TEXT, Engine
from ..sora_core.engines.graph import Graph, Link
from ..sora_core.engines.kitchen import (
    CROP,
    EMBEDDED_FOLEY,
    MAX_CANDIDATES,
    PAD,
    PARTS,
    STAY_SILENT,
    Made,
    Request,
    check_request,
    mode_of,
)
from ..sora_core.engines.prompts import AS_WRITTEN, FOR_ENGINE, compile_prompt, negative_of
from ..sora_core.engines.recipe import make
from ..sora_core.engines.sizes import fit_canvas
from ..sora_core.errors import ConfigError, PromptError
from .engine import ENGINE, SLOTS, Chosen, chosen_engine
from .engine_files import check_memory
from .engine_graph import as_input, expand, fill
from .text import EXAMPLE, say

JUDGE = "SORA_JUDGE"
TASKS = {"make a clip": TEXT, "go on from a clip": EXTEND, "sound for a clip": FOLEY, "lips to a voice": LIPS}
SOCKETS = {"first": ("first_image", "image"), "last": ("last_image",), "video": ("video",), "voice": ("voice",),
           "judge": ("judge",)}                 # field of a request -> the node's inputs that may carry it
MAX_SEED = 0xffffffffffffffff


@dataclass(frozen=True)
class Asked:
    """The widgets of a node that makes clips with an engine."""

    prompt: str
    width: int
    height: int
    seconds: float
    seed: int = 0
    negative_prompt: str = ""
    task: str = "make a clip"
    frame_rate: int = 0
    fit: str = CROP
    wording: str = FOR_ENGINE
    silent_sound: str = STAY_SILENT
    best_of: int = 1
    judge_step: int = 3


@dataclass(frozen=True)
class Planned:
    """A graph that makes what was asked for, not yet placed."""

    graph: Graph
    made: Made
    request: Request
    report: str


def plan(chosen: Chosen, asked: Asked, links: dict[str, Link], parts: dict[str, Link]) -> Planned:
    """The recipe for what was asked.

    Raises:
        SoraError: the engine can't do it; the sentence says what to do.
    """
    engine = chosen.engine
    mode = mode_of(TASKS.get(asked.task, asked.task), first="first" in links, last="last" in links)
    engine.check_mode(mode)
    if not asked.prompt.strip() and "first" not in links and mode != FOLEY:
        raise PromptError("the prompt is empty; say what is to be seen and heard, or connect an image")
    overlap = OVERLAPS.get(engine.name, 0) if mode == EXTEND else 0
    canvas = fit_canvas(engine.law_of(mode), width=asked.width, height=asked.height, seconds=asked.seconds,
                        rate=asked.frame_rate or None, extra_frames=overlap)
    seconds = (canvas.frames - overlap) / canvas.rate
    written = compile_prompt(asked.prompt, engine.wording, seconds) if asked.wording == FOR_ENGINE else asked.prompt
    request = Request(mode, canvas, written, asked.seed, negative=asked.negative_prompt or negative_of(asked.prompt),
                      fit=asked.fit, overlap=overlap, is_turbo=chosen.is_turbo, silent_sound=asked.silent_sound,
                      candidates=asked.best_of, judge_step=asked.judge_step)
    request = replace(request, **links)
    check_request(engine, request)
    graph, made = make(engine, parts, request)
    gib = engine.working_gib(canvas)
    warning = check_memory(engine, chosen.weight_gib() + gib, chosen.limit_gib)
    return Planned(fill(graph, engine.name), made, request, describe(engine, asked, request, made, gib) + warning)


def describe(engine: Engine, asked: Asked, request: Request, made: Made, gib: float) -> str:
    """What is made, and where it differs from what was asked."""
    c, parts = request.canvas, [f"{engine.name}, {request.mode}"]
    if request.mode == FOLEY:
        parts.append("the clip's own frames with new sound")
    else:
        is_same = (c.width, c.height) == (asked.width, asked.height)
        keeps_size = engine.name == EMBEDDED and request.mode == EXTEND
        parts.append("the clip's own size" if keeps_size else
                     f"{c.width} x {c.height}{'' if is_same else f' (asked {asked.width} x {asked.height})'}")
        new = c.frames - request.overlap
        after = f" after {request.overlap} of the given clip" if request.overlap else ""
        wanted = "" if abs(new / c.rate - asked.seconds) < 0.005 else f" (asked {asked.seconds:g})"
        parts.append(f"{new} frames{after} at {c.rate} = {new / c.rate:.2f} s{wanted}")
    if request.first or request.last:
        parts.append(f"pictures {'cropped' if request.fit == CROP else 'padded'} to this shape where theirs differs")
    if not engine.has_sound:
        parts.append("its sound by the embedded model" if request.silent_sound == EMBEDDED_FOLEY and
                     request.mode != LIPS else "with the given voice" if request.mode == LIPS else "silent")
    low, high = engine.law.usual_frames
    if not low <= c.frames <= high and request.mode != FOLEY:
        parts.append(f"outside the {low} to {high} frames that this engine is used to")
    if made.cost:
        parts.append(made.cost)
    parts.append(f"about {gib:.2g} GiB of working memory beside the weights (an estimate)")
    return "; ".join(parts) + "."


def links_of(inputs: dict[str, Any]) -> dict[str, Link]:
    """The connected sockets of a node of the prompt."""
    found = {}
    for field, names in SOCKETS.items():
        for name in names:
            value = inputs.get(name)
            if isinstance(value, list):
                found[field] = Link(str(value[0]), int(value[1]), True)
    return found


def expansion(hidden: Any, asked: Asked) -> io.NodeOutput:
    """What a node returns that an engine stands in for: video, latent, report and prompt."""
    inputs = hidden.dynprompt.get_node(hidden.unique_id)["inputs"]
    chosen = chosen_engine(hidden.dynprompt, inputs["engine"])
    parts = {part: Link(chosen.node, SLOTS[part], True) for part in PARTS}
    planned = plan(chosen, asked, links_of(inputs), parts)
    text = say(hidden.unique_id, f"{planned.report}\n\n{planned.request.prompt}")     # before anything is computed
    children, prefix = expand(planned.graph)
    report: Any = planned.report
    if planned.made.verdict is not None:
        children[f"{prefix}report"] = {"class_type": "StringConcatenate", "inputs": {
            "string_a": planned.report, "string_b": as_input(planned.made.verdict, prefix), "delimiter": " "}}
        report = [f"{prefix}report", 0]
    return io.NodeOutput(as_input(planned.made.video, prefix), as_input(planned.made.latent, prefix), report,
                         planned.request.prompt, expand=children, ui=ui.PreviewText(text))


class SoraEngineVideo(io.ComfyNode):
    """An engine, a prompt and what is given -> VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraEngineVideo",
            display_name="Sora Engine Video",
            category="Sora/video",
            description="Everything that an engine can do: clips from words and pictures, clips that go on, sound for "
                        "a clip, lips to a voice, the best of several. It runs as a graph of ComfyUI's own nodes.",
            search_aliases=["sora", "ltx", "minimax", "wan", "t2v", "i2v", "extend", "foley", "lip sync", "best of"],
            enable_expand=True,
            inputs=[
                io.Custom(ENGINE).Input("engine", lazy=True, tooltip="The engine of Sora Engine."),
                io.Combo.Input("task", options=list(TASKS), default="make a clip",
                               tooltip="Going on and sound need video, lips need voice; a picture helps lips."),
                io.String.Input("prompt", multiline=True, default=EXAMPLE,
                                tooltip="What is seen and heard; shots, Dialogue: and Sound: notes are understood."),
                io.Int.Input("width", default=1280, min=64, max=4096, step=2,
                             tooltip="Pixels, 64 to 4096; the nearest size is made that the engine can."),
                io.Int.Input("height", default=720, min=64, max=4096, step=2, tooltip="Pixels, 64 to 4096."),
                io.Float.Input("seconds", default=5.0, min=0.1, max=60.0, step=0.1, round=0.001,
                               tooltip="Length, 0.1 to 60; of what is added, where a clip goes on."),
                io.Int.Input("seed", default=0, min=0, max=MAX_SEED, control_after_generate=True,
                             tooltip="The same seed gives the same clip."),
                io.Int.Input("frame_rate", default=0, min=0, max=120, optional=True,
                             tooltip="Frames a second, up to 120, the nearest that the engine can; 0 is what it is "
                                     "best at."),
                io.Combo.Input("fit", options=[CROP, PAD], default=CROP, optional=True,
                               tooltip="What becomes of pictures and clips of another shape: never stretched."),
                io.Combo.Input("wording", options=[FOR_ENGINE, AS_WRITTEN], default=FOR_ENGINE, optional=True,
                               tooltip="Whether shots and notes are put into the words that the engine was taught "
                                       "with; the prompt output shows them."),
                io.Combo.Input("silent_sound", options=[STAY_SILENT, EMBEDDED_FOLEY], default=STAY_SILENT,
                               optional=True, tooltip="Where the sound of the silent Wan engines comes from."),
                io.Int.Input("best_of", default=1, min=1, max=MAX_CANDIDATES, optional=True,
                             tooltip="Tries, 1 to 8, with this seed and the next ones; the best goes on."),
                io.Int.Input("judge_step", default=3, min=1, max=100, optional=True,
                             tooltip="After how many steps the tries are judged, 1 to 100; fewer cost less."),
                io.String.Input("negative_prompt", default="", optional=True,
                                tooltip="What to move away from; engines without guidance ignore it."),
                io.Image.Input("first_image", optional=True, lazy=True, tooltip="The picture to begin with."),
                io.Image.Input("last_image", optional=True, lazy=True, tooltip="The picture to end with."),
                io.Video.Input("video", optional=True, lazy=True,
                               tooltip="The clip to go on from or to give sound to."),
                io.Audio.Input("voice", optional=True, lazy=True, tooltip="The sound that lips shall follow."),
                io.Custom(JUDGE).Input("judge", optional=True, lazy=True,
                                       tooltip="Who judges the tries; nobody connected means Sora Judge as it comes."),
            ],
            outputs=[
                io.Video.Output("video", tooltip="Connect to Save Video."),
                io.Latent.Output("latent", tooltip="What the sampler made."),
                io.String.Output("report", tooltip="What was made, and where that differs from what was asked."),
                io.String.Output("prompt", tooltip="The prompt as the engine read it."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def check_lazy_status(cls, **_: Any) -> list[str]:
        return []

    @classmethod
    def execute(cls, engine: Any = None, first_image: Any = None, last_image: Any = None, video: Any = None,
                voice: Any = None, judge: Any = None, **asked: Any) -> io.NodeOutput:
        if asked["task"] not in TASKS:
            raise ConfigError(f"there is no task {asked['task']!r}; choose one of {', '.join(TASKS)}")
        return expansion(cls.hidden, Asked(**asked))

