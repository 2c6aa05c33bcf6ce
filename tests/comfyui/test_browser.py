"""The real page in a headless Chromium: what people see of the pack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from . import pages
from .browser import Page, chromium, find_chromium
from .conftest import ROOT
from .editor import flatten
from .locales import LOCALES
from .test_graphs import RESULTS, check, quick, shipped

OLD = ROOT / "tests" / "old_graphs"

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    find_chromium()
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        page.size(1400, 850)
        yield page


@pytest.fixture(scope="module")
def page(browser: Page, server: Any) -> Page:
    pages.visit(browser, server)
    return browser


def test_the_templates_are_listed_with_their_pictures(page: Page) -> None:
    listed = pages.templates(page)
    pages.escape(page)
    engines = {path.stem for path in (ROOT / "workflows").glob("engine_*.json")}
    assert set(listed) == set(RESULTS) | engines and all(width >= 256 for width in listed.values())


@pytest.mark.parametrize("name", RESULTS)
def test_a_graph_opens_whole_and_queues_what_the_tests_run(page: Page, server: Any, name: str) -> None:
    workflow = shipped(name)
    pages.load(page, workflow, name)
    assert pages.unknown(page) == []
    assert pages.queued(page) == server.to_api(flatten(workflow))


def test_the_blueprint_is_one_node_with_the_whole_inside(page: Page, server: Any) -> None:
    graph = json.loads(next((ROOT / "subgraphs").glob("*.json")).read_text(encoding="utf-8"))
    pages.load(page, graph)
    assert pages.unknown(page) == []
    widgets = page.run("window.app.graph.nodes[0].widgets.map(widget => [widget.name, widget.value])")
    wanted = dict(zip([slot["name"] for slot in graph["nodes"][0]["inputs"]], graph["nodes"][0]["widgets_values"],
                      strict=True))
    assert wanted.items() <= dict(widgets).items()
    assert {tuple(sorted(entry["inputs"])) for entry in pages.queued(page).values()} \
        == {tuple(sorted(entry["inputs"])) for entry in server.to_api(flatten(graph)).values()}


def test_a_finished_clip_brings_its_graph_back(page: Page, server: Any) -> None:
    workflow = shipped("text_to_video")
    run = server.run(quick(server.to_api(flatten(workflow))), workflow=workflow)
    pages.drop(page, server.saved(run)[0])
    restored = page.run("window.app.graph.serialize()")
    assert sorted(node["type"] for node in restored["nodes"]) == sorted(node["type"] for node in workflow["nodes"])
    assert len(restored["links"]) == len(workflow["links"])
    assert pages.queued(page) == server.to_api(flatten(workflow))


def test_a_dead_graph_is_offered_its_replacement_and_runs(page: Page, server: Any) -> None:
    old = json.loads((OLD / "editor_text.json").read_text(encoding="utf-8"))
    model, words, size, duration, seed, _ = next(node for node in old["nodes"]
                                                 if node["type"] == "OpenAIVideoSora2")["widgets_values"]
    pages.load(page, old)
    assert pages.unknown(page) == ["OpenAIVideoSora2"]
    said = pages.offered(page)
    assert "OpenAIVideoSora2" in said and "SoraTextToVideo" in said
    pages.replace(page)
    assert pages.unknown(page) == []
    prompt = pages.queued(page)
    (ours,) = [entry["inputs"] for entry in prompt.values() if entry["class_type"] == "SoraTextToVideo"]
    kept = {"model": model, "prompt": words, "size": size, "duration": duration, "seed": seed}
    assert kept.items() <= ours.items()
    workflow = page.run("window.app.graph.serialize()")
    run = server.run(quick(prompt), workflow=workflow)
    check(server, run, workflow, 96, 128, 128)


def test_the_app_shows_three_fields(page: Page) -> None:
    pages.load(page, shipped("text_to_video_app"), "text_to_video_app")
    page.wait("/\\nprompt\\n/.test(document.body.innerText)")
    shown = page.run("document.body.innerText").split("\n")
    assert [word for word in shown if word in ("prompt", "size", "duration")] == ["prompt", "size", "duration"]
    assert "Run" in shown


def test_the_french_page_speaks_french(browser: Page, server: Any) -> None:
    texts = json.loads((LOCALES / "fr" / "nodeDefs.json").read_text(encoding="utf-8"))
    pages.visit(browser, server, Comfy__Locale="fr")
    for name in ("text_to_video", "lip_sync_to_a_voice"):
        workflow = shipped(name)
        pages.load(browser, workflow, name)
        titled = {node["type"] for node in workflow["nodes"] if node.get("title")}
        shown = browser.run("window.app.graph.nodes.map(node => [node.type, node.title, "
                            "node.widgets?.map(widget => widget.label ?? widget.name) ?? []])")
        for kind, title, labels in shown:
            if kind in texts:
                assert title == texts[kind]["display_name"] or kind in titled
                assert set(labels) <= {entry["name"] for entry in texts[kind]["inputs"].values()}
    pages.visit(browser, server)
