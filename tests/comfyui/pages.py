"""What a person does on ComfyUI's page, for the tests and for the pictures of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from .browser import Page
from .conftest import ROOT, Server

SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False, "Comfy.Locale": "en",
            "Comfy.Graph.CanvasInfo": False, "Comfy.Workflow.Persist": False, "Comfy.RightSidePanel.IsOpen": False,
            "LiteGraph.Canvas.MinFontSizeForLOD": 0}     # letters at any zoom


def visit(page: Page, server: Server, **settings: Any) -> None:
    """The page afresh, with settings whose dots are written as two underscores."""
    server.post("/settings", {**SETTINGS, **{name.replace("__", "."): value for name, value in settings.items()}})
    page.open(f"http://127.0.0.1:{server.port}/")


def pause(page: Page, seconds: float) -> None:
    """Let the page draw."""
    page.run(f"new Promise(done => setTimeout(done, {1000 * seconds}))")


def click(page: Page, words: str, tag: str = "button") -> None:
    """Click what says exactly these words."""
    found = f"[...document.querySelectorAll('{tag}')].find(e => e.textContent.trim() === {json.dumps(words)})"
    page.wait(f"Boolean({found})")
    page.run(f"{found}.click()")


def escape(page: Page) -> None:
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)


def templates(page: Page) -> dict[str, int]:
    """Open our templates -> their names, and how many pixels wide their loaded pictures are."""
    page.run("window.app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    click(page, "soracore", "span")
    cards = "[...document.querySelectorAll('[data-testid^=template-workflow-]')]"
    count, widths = len(list((ROOT / "workflows").glob("*.json"))), {}
    page.wait(f"{cards}.length === {count}")
    for number in range(count):     # pictures come into being when they come into view
        card = f"{cards}[{number}]"
        page.run(f"{card}.scrollIntoView()")
        width = page.wait(f"{card}.querySelector('img').naturalWidth")
        widths[page.run(f"{card}.dataset.testid").removeprefix("template-workflow-")] = width
    page.run(f"{cards}[0].scrollIntoView({{block: 'end'}})")
    page.wait(f"{cards}.filter(card => card.getBoundingClientRect().bottom <= innerHeight)"
              ".every(card => card.querySelector('img')?.naturalWidth)")
    return widths


def load(page: Page, workflow: dict[str, Any], name: str = "graph") -> None:
    """Open a workflow as the page opens files."""
    page.run(f"window.app.loadGraphData({json.dumps(workflow)}, true, true, {json.dumps(name)})")
    page.wait(f"window.app.graph.nodes.length === {len(workflow['nodes'])}")


def unknown(page: Page) -> list[str]:
    """Types of nodes that the page doesn't know, in subgraphs too."""
    return page.run("""(function look(graph) {
        return graph.nodes.flatMap(node => node.isSubgraphNode?.() ? look(node.subgraph)
            : LiteGraph.registered_node_types[node.type] ? [] : [node.type])
    })(window.app.graph)""")


def queued(page: Page) -> dict[str, Any]:
    """The prompt that the page would queue, without titles."""
    prompt = page.run("window.app.graphToPrompt().then(made => made.output)")
    return {number: {key: value for key, value in entry.items() if key in ("class_type", "inputs")}
            for number, entry in prompt.items()}


def drop(page: Page, file: Path) -> None:
    """Let a file fall onto an empty canvas."""
    page.run("window.app.graph.clear()")
    data = base64.b64encode(file.read_bytes()).decode()
    page.run(f"fetch('data:video/mp4;base64,{data}').then(got => got.blob()).then(blob => window.app.handleFile("
             f"new File([blob], {json.dumps(file.name)}, {{type: 'video/mp4'}})))")
    page.wait("window.app.graph.nodes.length > 0")


def offered(page: Page) -> str:
    """What the page says of a node that it doesn't know, in the panel of errors."""
    click(page, "View details")
    page.wait("/Replace Node/.test(document.body.innerText)")
    return page.run("document.body.innerText")


def replace(page: Page) -> None:
    """Take the offer."""
    click(page, "Replace Node")
    page.wait("window.app.graph.nodes.some(node => node.type === 'SoraTextToVideo')")


def fit(page: Page) -> None:
    """The whole graph in view."""
    page.run("window.app.extensionManager.command.execute('Comfy.Canvas.FitView')")
    pause(page, 1.5)
