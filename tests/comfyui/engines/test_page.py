"""The real page: a front that is queued there, and a node that is opened as the graph that it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .. import pages
from ..browser import Page, chromium, find_chromium
from ..graphs import WORKFLOWS

pytestmark = pytest.mark.comfyui
SMALL = {"width": 128, "height": 128, "seconds": 0.4, "best_of": 2, "judge_step": 2}


@pytest.fixture(scope="module")
def page(engines: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    find_chromium()
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        browser.size(1400, 850)
        pages.visit(browser, engines)
        yield browser


def front(page: Page) -> None:
    """The shipped front, small."""
    workflow = json.loads((WORKFLOWS / "engine_best_of.json").read_text(encoding="utf-8"))
    pages.load(page, workflow, "engine_best_of")
    assert pages.unknown(page) == []
    page.run(f"""(() => {{
        const node = window.app.graph.nodes.find(entry => entry.type === 'SoraEngineVideo')
        for (const [name, value] of Object.entries({json.dumps(SMALL)}))
            node.widgets.find(widget => widget.name === name).value = value
    }})()""")


def test_the_front_runs_from_the_page(page: Page, engines: Any) -> None:
    front(page)
    before = set(engines.get("/history"))
    page.run("window.app.queuePrompt(0, 1)")
    page.wait("fetch('/queue').then(got => got.json()).then(queue => !queue.queue_running.length "
              "&& !queue.queue_pending.length)")
    (run,) = [entry for key, entry in engines.get("/history").items() if key not in before]
    assert run["status"]["status_str"] == "success", run["status"]["messages"]
    assert any("images" in output for output in run["outputs"].values())


def test_a_node_is_opened_as_the_graph_that_it_runs(page: Page, engines: Any) -> None:
    front(page)
    prompt = pages.queued(page)
    number = next(name for name, entry in prompt.items() if entry["class_type"] == "SoraEngineVideo")
    wanted = engines.post("/sora/engine_graph", {"prompt": prompt, "node": number})["prompt"]
    page.run("""(() => {
        const node = window.app.graph.nodes.find(entry => entry.type === 'SoraEngineVideo')
        window.app.canvas.selectNode(node)
        window.app.extensionManager.command.execute('soracore.OpenAsGraph')
    })()""")
    page.wait("window.app.graph.nodes.some(entry => entry.type === 'SamplerCustomAdvanced')")
    pages.pause(page, 1)
    opened = pages.queued(page)
    assert sorted(entry["class_type"] for entry in opened.values()) == \
        sorted(entry["class_type"] for entry in wanted.values())
    kinds = {name: entry["class_type"] for name, entry in opened.items()}
    for name, entry in wanted.items():
        assert kinds[name] == entry["class_type"]
        for key in entry["inputs"].keys() - {"video-preview"}:      # the page's own
            value = entry["inputs"][key]
            assert opened[name]["inputs"][key] == value, f"{entry['class_type']}: {key}"
    assert engines.run(opened).status == "success"


def test_files_that_are_missing_are_offered(page: Page, engines: Any) -> None:
    """The page knows the missing files of a front by their names, folders and addresses."""
    workflow = json.loads((WORKFLOWS / "engine_text_to_video.json").read_text(encoding="utf-8"))
    text = json.dumps(workflow).replace("ltx-2.5-audio-vae-bf16", "ltx-2.5-audio-vae-that-is-not-here")
    pages.load(page, json.loads(text), "engine_text_to_video")
    page.wait("/not-here|errors? found|missing/i.test(document.body.innerText)")
    pages.escape(page)
