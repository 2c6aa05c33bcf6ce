"""The pictures that show the pack, all made from the real thing:

    python -m tests.comfyui.pictures thumbnails    every graph run as it ships -> workflows/*.jpg
    python -m tests.comfyui.pictures wiring        each node among its neighbours, on the page -> web/docs/*/wiring.jpg
    python -m tests.comfyui.pictures screens       the page itself -> docs/images

Run from the root with COMFYUI_PATH and COMFYUI_PYTHON set as for the tests. `--checkpoint FILE` takes another model
than the embedded one; names of graphs or nodes after the verb make those alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from . import pages
from .browser import Page, chromium
from .conftest import ROOT, Server, find_comfyui, running
from .editor import Canvas, flatten
from .engines.shipped import engine_inside
from .graphs import VERSIONS, WORKFLOWS, keep_cameos, save_and_verify
from .thumbnail import read, sheet, shrink, write

HELP = ROOT / "web" / "docs"
MOST = 29_000       # bytes of a wiring picture
WIRED = {           # the graph that shows a node best
    "SoraCheckpointLoader": "text_to_video", "SoraTextEncode": "text_to_video", "SoraEmptyLatent": "text_to_video",
    "SoraDecode": "text_to_video", "SoraAudioSynthesis": "text_to_video", "SoraTextToVideo": "text_to_video_app",
    "SoraImageToVideo": "image_to_video", "SoraExtendVideo": "extend_video", "SoraFoley": "foley_for_a_silent_clip",
    "SoraLipSync": "lip_sync_to_a_voice", "SoraGuider": "chain_with_core_nodes",
    "SoraCameo": "cameo_from_a_picture", "SoraSaveCameo": "keep_cameos", "SoraLoadCameo": "keep_cameos",
    "SoraSaveClip": "save_and_verify", "SoraVerify": "save_and_verify",
    "SoraEngine": "engine_best_of", "SoraEngineVideo": "engine_best_of", "SoraJudge": "engine_best_of",
    "SoraEngineClip": "engine_inside", "SoraEngineScore": "engine_inside", "SoraPickBest": "engine_inside",
}
SCREENS = ROOT / "docs" / "images"
LEFT, TOP, GAP = 90, 130, 70      # of the drawing, in pixels of the page


def neighbours(graph: dict[str, Any], kind: str) -> tuple[dict[str, Any], list[list[int]]]:
    """The part of a graph that touches its first node of a kind, and its ids in columns from left to right."""
    node = next(entry for entry in graph["nodes"] if entry["type"] == kind)
    links = [link for link in graph["links"] if node["id"] in (link[1], link[3])]
    before = list(dict.fromkeys(link[1] for link in links if link[3] == node["id"]))
    after = list(dict.fromkeys(link[3] for link in links if link[1] == node["id"]))
    ids, numbers = {*before, node["id"], *after}, {link[0] for link in links}
    nodes = []
    for entry in (entry for entry in graph["nodes"] if entry["id"] in ids):
        inputs = [{**slot, "link": slot["link"] if slot.get("link") in numbers else None} for slot in entry["inputs"]]
        outputs = [{**slot, "links": [link for link in slot.get("links") or [] if link in numbers]}
                   for slot in entry["outputs"]]
        nodes.append({**entry, "inputs": inputs, "outputs": outputs})
    return {**graph, "nodes": nodes, "links": links, "extra": {}}, [before, [node["id"]], after]


ARRANGE = """((columns, left, top, gap) => {
    const graph = window.app.graph, canvas = window.app.canvas
    let x = 0, bottom = 0
    for (const ids of columns) {
        let y = 0, widest = 0
        for (const id of ids) {
            const node = graph.getNodeById(id), size = node.computeSize()
            const wide = node.widgets?.some(widget => widget.element) ? 280 : Math.max(240, size[0])
            node.setSize([wide, size[1]])
            node.pos = [x, y]
            y += node.size[1] + 50
            widest = Math.max(widest, node.size[0])
        }
        bottom = Math.max(bottom, y - 50)
        x += widest ? widest + gap : 0
    }
    canvas.ds.scale = 1
    canvas.ds.offset = [left, top]
    canvas.deselectAll()
    canvas.setDirty(true, true)
    const area = canvas.canvas.getBoundingClientRect()
    return {x: area.x + left - 20, y: area.y + top - 50, width: x - gap + 40, height: bottom + 70}
})"""


def draw(page: Page, graph: dict[str, Any], kind: str, path: Path) -> None:
    part, columns = neighbours(graph, kind)
    pages.load(page, part)
    area = page.run(f"{ARRANGE}({json.dumps(columns)}, {LEFT}, {TOP}, {GAP})")
    pages.pause(page, 0.7)
    for quality in (80, 70, 60, 50, 40, 30):
        page.shot(path, quality, area)
        if path.stat().st_size < MOST:
            return
    raise SystemExit(f"{path} is {path.stat().st_size} bytes, over {MOST}")


def wiring(server: Server, folder: Path, names: list[str]) -> None:
    with chromium(folder / "profile") as page:
        page.size(1700, 1000)
        pages.visit(page, server, Comfy__NodeBadge__NodeSourceBadgeMode="None")
        canvas = Canvas(server.get("/object_info"), VERSIONS)
        save_and_verify(canvas)
        inside, keeping = (Canvas(canvas.types, VERSIONS) for _ in range(2))
        engine_inside(inside)
        keep_cameos(keeping)
        drawn = {"save_and_verify": canvas.save("save_and_verify"), "engine_inside": inside.save("engine_inside"),
                 "keep_cameos": keeping.save("keep_cameos")}
        for kind, name in WIRED.items():
            graph = drawn.get(name) or json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
            if not names or kind in names:
                draw(page, graph, kind, HELP / kind / "wiring.jpg")


def screens(server: Server, folder: Path) -> None:
    def graph(path: Path) -> dict[str, Any]:
        return json.loads(path.read_text(encoding="utf-8"))

    with chromium(folder / "profile") as page:
        page.size(1600, 720)
        pages.visit(page, server)
        pages.templates(page)
        pages.pause(page, 1)
        page.shot(SCREENS / "templates.jpg")
        pages.escape(page)
        pages.load(page, graph(WORKFLOWS / "chain_with_core_nodes.json"), "chain_with_core_nodes")
        pages.fit(page)
        page.shot(SCREENS / "chain.jpg")
        pages.load(page, graph(ROOT / "tests" / "old_graphs" / "editor_text.json"), "an old graph")
        pages.offered(page)
        pages.fit(page)
        page.run("(ds => ds.changeScale(0.7 * ds.scale, [0, 0]))(window.app.canvas.ds)")     # beside the panel
        pages.pause(page, 0.5)
        page.shot(SCREENS / "replacement.jpg")
        pages.visit(page, server, Comfy__Locale="fr")
        pages.load(page, graph(WORKFLOWS / "text_to_video.json"), "text_to_video")
        pages.fit(page)
        page.shot(SCREENS / "french.jpg")
        pages.visit(page, server)
        pages.load(page, graph(WORKFLOWS / "text_to_video_app.json"), "text_to_video_app")
        pages.click(page, "Skip")
        pages.click(page, "Run")
        page.wait("[...document.querySelectorAll('video')].some(video => video.readyState > 1)", 600)
        page.run("document.querySelectorAll('video').forEach(video => {video.pause(); video.currentTime = 2.5})")
        pages.pause(page, 2)
        page.shot(SCREENS / "app.jpg")


def thumbnails(server: Server, names: list[str], checkpoint: str | None) -> None:
    for path in sorted(WORKFLOWS.glob("*.json")):
        if path.stem.startswith("engine_") or names and path.stem not in names:
            continue        # the large engines' weights aren't at hand: see engines/shipped.py
        prompt = server.to_api(flatten(json.loads(path.read_text(encoding="utf-8"))))
        for entry in prompt.values():
            if checkpoint and "checkpoint" in entry["inputs"]:
                entry["inputs"]["checkpoint"] = checkpoint
        run = server.run(prompt)
        if run.status != "success":
            raise SystemExit(f"{path.name} failed: {run.messages[-1]}")
        clip = next(file for file in server.saved(run) if file.suffix == ".mp4")
        write(str(path.with_suffix(".jpg")), shrink(sheet(read(str(clip)))))
        print(path.with_suffix(".jpg").name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("thumbnails", "wiring", "screens"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--checkpoint", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        base.mkdir()
        others = [args.checkpoint.resolve()] if args.checkpoint else []
        with running(find_comfyui(), base, ROOT, *others) as server:
            if args.what == "wiring":
                wiring(server, Path(folder), args.names)
            elif args.what == "screens":
                screens(server, Path(folder))
            else:
                thumbnails(server, args.names, args.checkpoint.name if args.checkpoint else None)


if __name__ == "__main__":
    main()
