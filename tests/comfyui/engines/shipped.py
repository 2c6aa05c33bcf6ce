"""The source of `workflows/engine_*`: the recipes of the large engines as graphs of ComfyUI's own nodes, and fronts.

    python -m tests.comfyui.engines.shipped graphs OBJECT_INFO.json     with what a running ComfyUI gives there
    python -m tests.comfyui.engines.shipped thumbnails                  each graph as the page draws it

Run from the root. No weights of these engines were at hand: the thumbnails show how the graphs are wired.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from sora_core.engines.facts import (
    LIPS,
    LTX_23,
    LTX_25,
    MINIMAX_H3,
    TEXT,
    WAN_5B,
    WAN_14B_TEXT,
    WAN_S2V,
    Engine,
)
from sora_core.engines.graph import Graph, Link
from sora_core.engines.kitchen import Request
from sora_core.engines.loaders import load
from sora_core.engines.recipe import make
from sora_core.engines.sizes import fit_canvas

from .. import pages
from ..browser import chromium
from ..conftest import ROOT, find_comfyui, running
from ..editor import Canvas, Node
from ..graphs import VERSIONS, WORKFLOWS, save, write
from ..thumbnail import read, shrink
from ..thumbnail import write as write_picture

PROMPT = ("A lighthouse keeper in a yellow raincoat climbs the last steps, opens the iron door and leans into the "
          "storm. Waves crash below; the wind howls and the door bangs shut behind him.")
SPOKEN = "A woman with short hair looks into the camera and speaks calmly, in soft window light."
NATIVE = {"engine_ltx_2_5": (LTX_25, 1280, 720), "engine_ltx_2_3": (LTX_23, 1280, 720),
          "engine_minimax_h3": (MINIMAX_H3, 864, 480), "engine_wan_2_2_5b": (WAN_5B, 1280, 704),
          "engine_wan_2_2_14b": (WAN_14B_TEXT, 832, 480), "engine_wan_2_2_s2v": (WAN_S2V, 640, 640)}
WIDE, HIGH = 1560, 900          # pixels that are drawn; half of them are kept
ALONE = """(() => {
    const style = document.createElement('style'), canvas = window.app.canvas
    const area = canvas.canvas.getBoundingClientRect()
    style.textContent = 'body * { visibility: hidden !important } #graph-canvas { visibility: visible !important }'
    document.head.append(style)
    const nodes = window.app.graph.nodes.filter(node => node.type !== 'MarkdownNote')
    for (const node of window.app.graph.nodes) if (node.type === 'MarkdownNote') window.app.graph.remove(node)
    for (const node of nodes) node.has_errors = false
    const left = Math.min(...nodes.map(node => node.pos[0])), top = Math.min(...nodes.map(node => node.pos[1] - 30))
    const right = Math.max(...nodes.map(node => node.pos[0] + node.size[0]))
    const bottom = Math.max(...nodes.map(node => node.pos[1] + node.size[1]))
    canvas.ds.scale = Math.min(area.width / (right - left + 60), area.height / (bottom - top + 60), 1)
    canvas.ds.offset = [(area.width / canvas.ds.scale - right - left) / 2,
                        (area.height / canvas.ds.scale - bottom - top) / 2]
    canvas.low_quality_zoom_threshold = 0
    canvas.setDirty(true, true)
    return {x: area.x, y: area.y, width: area.width, height: area.height}
})()"""


def needed(engine: Engine) -> dict[str, str]:
    return {file.role: file.name for file in engine.files if file.needed}


def native(name: str) -> tuple[Graph, Link, Request]:
    """The recipe of a shipped graph with its loaders; outside are a picture and a voice, where it needs them."""
    engine, width, height = NATIVE[name]
    mode = TEXT if TEXT in engine.modes else LIPS
    canvas = fit_canvas(engine.law_of(mode), width=width, height=height, seconds=4.5)
    given = {"first": Link("picture", 0, True), "voice": Link("sound", 0, True)} if mode == LIPS else {}
    request = Request(mode, canvas, SPOKEN if mode == LIPS else PROMPT, 7, **given)
    graph, parts = load(engine, needed(engine))
    body, made = make(engine, parts, request)
    graph.join(body)
    return graph, made.video, request


def depths(graph: Graph) -> dict[str, int]:
    """Columns: each node right of all that it needs, and as near to what needs it as that lets it."""
    first: dict[str, int] = {}
    for name, (_, inputs) in graph.nodes.items():
        links = [value.node for value in inputs.values() if isinstance(value, Link) and not value.is_outside]
        first[name] = 1 + max((first[link] for link in links), default=0)
    last = {name: max(first.values()) for name in first}
    for name, (_, inputs) in reversed(graph.nodes.items()):
        for value in inputs.values():
            if isinstance(value, Link) and not value.is_outside:
                last[value.node] = min(last[value.node], last[name] - 1)
    return {name: first[name] if name.startswith("load") else max(first[name], last[name]) for name in first}


def draw(c: Canvas, name: str) -> None:
    """A recipe on the canvas."""
    engine = NATIVE[name][0]
    graph, video, request = native(name)
    placed: dict[str, Node] = {}
    if request.mode == LIPS:
        placed["picture"] = c.add("LoadImage", 1, title="Who speaks", colour="green", image="example.png")
        placed["sound"] = c.add("LoadAudio", 1, title="What is said", colour="green", audio="voice.wav")
    columns = depths(graph)
    files = {file.name: {"name": file.name, "url": file.url, "directory": file.place.rpartition("/")[0]}
             for file in engine.files}
    for node, (kind, inputs) in graph.nodes.items():
        values = {}
        for key, value in inputs.items():
            values[key.replace(".", "__")] = value if not isinstance(value, Link) else \
                (placed[value.node], c.types[placed[value.node].type]["output_name"][value.slot])
        if any(options.get("control_after_generate") or key in ("noise_seed", "seed")
               for key, (_, options) in settings(c.types[kind]).items()):
            values["control_after_generate"] = "fixed" if node == "second_noise" else "randomize"
        models = [files[value] for value in inputs.values() if isinstance(value, str) and value in files]
        says = node == "positive" or kind == "MiniMaxH3ImageToVideo"
        colour = "green" if says else "red" if node == "negative" else ""
        placed[node] = c.add(kind, columns[node], title="" if node.startswith("load") else node.replace("_", " "),
                             colour=colour, models=models, **values)
    save(c, max(columns.values()) + 1, placed[video.node][c.types["CreateVideo"]["output_name"][0]], name)
    c.note(1, engine.name, note(engine, request), 420)


def settings(node: dict[str, Any]) -> dict[str, tuple[Any, dict[str, Any]]]:
    return {key: (kind, options[0] if options else {}) for group in ("required", "optional")
            for key, (kind, *options) in node["input"].get(group, {}).items()}


def note(engine: Engine, request: Request) -> str:
    files = "\n".join(f"- `models/{file.place}`{' (accept the licence on its page first)' if file.is_gated else ''}: "
                      f"[download]({file.url})" for file in engine.files if file.needed)
    c = request.canvas
    return (f"## {engine.name}, node by node\n\nThe graph that *Sora Engine Video* runs for this engine, "
            f"{c.width} x {c.height}, {c.frames} frames at {c.rate}. Change anything.\n\n{files}\n\n"
            f"Licence, in short: {engine.licence}. Read the real one.\n\nThis graph was run on small random networks "
            "of the same layout; with the real weights it was not.")


def engine_best_of(c: Canvas) -> None:
    """The front: one engine, a judge, four tries."""
    engine = c.add("SoraEngine", 0, engine="best installed")
    judge = c.add("SoraJudge", 0)
    made = c.add("SoraEngineVideo", 1, title="What shall happen?", colour="green", engine=engine["engine"],
                 judge=judge["judge"], prompt=PROMPT, width=1280, height=720, seconds=5.0, seed=7, best_of=4)
    save(c, 2, made["video"], "best_of_four")
    c.add("PreviewAny", 2, title="What was made", source=made["report"])
    c.note(0, "The best of four", (
        "## Four tries, one clip\n\nFour seeds are begun; after three steps the judge looks at what each will become, "
        "and only the best goes on. The report says what that costs in steps.\n\n*Sora Engine* takes the best engine "
        "that is installed, and the embedded model where none is. Right-click *Sora Engine Video* -> **Open as graph** "
        "to see the nodes that run."), 260)


def engine_text_to_video(c: Canvas) -> None:
    """The front with a named engine, so that the page offers what is missing."""
    files = {file.role: file.name for file in LTX_25.files}
    models = [{"name": file.name, "url": file.url, "directory": file.place.rpartition("/")[0]} for file in LTX_25.files]
    engine = c.add("SoraEngine", 0, engine=LTX_25.name, models=models, **files)
    video = c.add("SoraTextToVideo", 1, title="What shall happen?", colour="green", engine=engine["engine"],
                  prompt=PROMPT, size="1280x720", duration=8, seed=7)
    save(c, 2, video["video"], "engine")
    c.add("PreviewAny", 2, title="What was made", source=video["report"])
    c.note(0, "The same node, another model", (
        "## Sora Text To Video with LTX-2.5\n\nThe node of the dead OpenAI graphs, with a large open model behind it. "
        "If files are missing, the page lists them with their addresses; LTX-2.5 asks to accept its licence there "
        "first.\n\n"
        f"Licence, in short: {LTX_25.licence}. Read the real one.\n\nChoose another engine in *Sora Engine*; the rest "
        "stays as it is."), 260)


def engine_inside(c: Canvas) -> None:
    """What Sora Engine Video is made of, for the help pages."""
    file = c.add("LoadVideo", 0)
    clip = c.add("SoraEngineClip", 1, video=file["VIDEO"], engine=LTX_25.name)
    judge = c.add("SoraJudge", 1)
    score = c.add("SoraEngineScore", 2, images=clip["images"], audio=clip["audio"], judge=judge["judge"])
    tried = c.add("SamplerCustomAdvanced", 2)
    best = c.add("SoraPickBest", 3, latent_0=tried["output"], score_0=score["score"])
    c.add("SamplerCustomAdvanced", 4, latent_image=best["latent"])


def graphs(types: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """File name -> workflow."""
    made = {}
    for name, drawn in {**{name: draw for name in NATIVE}, "engine_best_of": engine_best_of,
                        "engine_text_to_video": engine_text_to_video}.items():
        canvas = Canvas(types, VERSIONS)
        drawn(canvas, name) if drawn is draw else drawn(canvas)
        made[f"{name}.json"] = canvas.save(name)
    return made


def thumbnails() -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        base.mkdir()
        with running(find_comfyui(), base, ROOT) as server, chromium(Path(folder) / "profile") as page:
            page.size(WIDE, HIGH)
            pages.visit(page, server, LiteGraph__Canvas__MinFontSizeForLOD=0)
            for path in sorted(WORKFLOWS.glob("engine_*.json")):
                pages.load(page, json.loads(path.read_text(encoding="utf-8")), path.stem)
                pages.pause(page, 1)
                area = page.run(ALONE)
                pages.pause(page, 1)
                page.shot(Path(folder) / "shot.jpg", 90, area)
                write_picture(str(path.with_suffix(".jpg")), shrink(read(str(Path(folder) / "shot.jpg"))[0]))


if __name__ == "__main__":
    if sys.argv[1] == "thumbnails":
        thumbnails()
    else:
        for file, workflow in graphs(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))).items():
            write(WORKFLOWS / file, workflow)
