"""Every engine and mode as a graph: whole, free of loops, and of what ComfyUI's own templates have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_core.engines.facts import ENGINES, EXTEND, FIRST, FOLEY, LAST, LIPS, MODES, OVERLAPS, TEXT
from sora_core.engines.graph import Link
from sora_core.engines.kitchen import EMBEDDED_FOLEY, PAD, PARTS, Request
from sora_core.engines.loaders import load
from sora_core.engines.recipe import make
from sora_core.engines.sizes import fit_canvas
from sora_core.errors import ConfigError

RUN = [(engine, mode) for engine in ENGINES.values() for mode in engine.modes]
REFUSED = [(engine, mode) for engine in ENGINES.values() for mode in MODES if mode not in engine.modes]
OUTSIDE = Link("7", 0, True)


def ids(value) -> str:
    return value if isinstance(value, str) else value.name


def request(engine, mode, **changes) -> Request:
    canvas = fit_canvas(engine.law_of(mode), width=640, height=384, seconds=4,
                        extra_frames=OVERLAPS.get(engine.name, 0) if mode == EXTEND else 0)
    given = {"first": OUTSIDE if mode in (FIRST, LAST, LIPS) else None, "last": OUTSIDE if mode == LAST else None,
             "video": OUTSIDE, "voice": OUTSIDE, "overlap": OVERLAPS.get(engine.name, 0) if mode == EXTEND else 0}
    return Request(mode, canvas, "a cat", 5, **{**given, **changes})


def parts_of(engine) -> dict[str, Link]:
    files = {file.role: file.name for file in engine.files}
    return load(engine, files)[1]


def check(graph, made) -> None:
    """Each link leads to a node that came before; nothing is computed for nobody."""
    seen, used = set(), {made.video.node, made.latent.node} | ({made.verdict.node} if made.verdict else set())
    for name, (_, inputs) in graph.nodes.items():
        for value in inputs.values():
            if isinstance(value, Link) and not value.is_outside:
                used.add(value.node)
                assert value.node in seen or value.node.startswith("load"), f"{name} needs {value.node} too early"
        seen.add(name)
    assert seen <= used, f"nobody needs {seen - used}"


@pytest.mark.parametrize(("engine", "mode"), RUN, ids=ids)
def test_the_graph_is_whole(engine, mode) -> None:
    graph, made = make(engine, parts_of(engine), request(engine, mode))
    check(graph, made)
    assert graph.nodes[made.video.node][0] == "CreateVideo"
    assert ("audio" in graph.nodes[made.video.node][1]) == (engine.has_sound or mode in (LIPS, EXTEND))


@pytest.mark.parametrize(("engine", "mode"), RUN, ids=ids)
def test_the_seed_reaches_the_noise_alone(engine, mode) -> None:
    one, _ = make(engine, parts_of(engine), request(engine, mode))
    again, _ = make(engine, parts_of(engine), request(engine, mode))
    assert one.nodes == again.nodes
    changed, _ = make(engine, parts_of(engine), replace(request(engine, mode), seed=6))
    assert {kind for name, (kind, inputs) in changed.nodes.items() if one.nodes[name][1] != inputs} == {"RandomNoise"}


@pytest.mark.parametrize(("engine", "mode"), REFUSED, ids=ids)
def test_what_an_engine_cannot_do_is_one_sentence(engine, mode) -> None:
    with pytest.raises(ConfigError) as caught:
        make(engine, parts_of(engine), request(engine, mode))
    assert engine.name in str(caught.value) and "; " in str(caught.value) and str(caught.value).count(". ") == 0


@pytest.mark.parametrize(("engine", "mode"), [(e, m) for e, m in RUN if m in (TEXT, FIRST, LAST)], ids=ids)
def test_candidates_stop_early_and_the_best_goes_on(engine, mode) -> None:
    graph, made = make(engine, parts_of(engine), request(engine, mode, candidates=4, judge_step=2))
    check(graph, made)
    tries = [name for name in graph.nodes if name.startswith("sample_")]
    assert len(tries) == 4 and "4 candidates" in made.cost and made.verdict is not None
    seeds = [graph.nodes[f"noise_{i}"][1]["noise_seed"] for i in range(4)]
    assert seeds == [5, 6, 7, 8]
    assert graph.nodes["sampler"][1]["sampler_name"] == "euler"


def test_links_between_the_parts_are_those_of_the_loaders() -> None:
    for engine in ENGINES.values():
        graph, parts = load(engine, {file.role: file.name for file in engine.files})
        assert set(parts) <= set(PARTS) and all(link.node in graph.nodes for link in parts.values())


@pytest.mark.parametrize(("mode", "missing", "words"), [(EXTEND, "video", "VIDEO"), (FOLEY, "video", "VIDEO"),
                                                        (LIPS, "voice", "AUDIO")])
def test_what_is_not_connected_is_named(mode, missing, words) -> None:
    engine = ENGINES["LTX-2.5"]
    with pytest.raises(ConfigError, match=words):
        make(engine, parts_of(engine), request(engine, mode, **{missing: None}))


def test_best_of_several_is_refused_where_it_is_not_made() -> None:
    engine = ENGINES["LTX-2.5"]
    for mode in (EXTEND, FOLEY, LIPS):
        with pytest.raises(ConfigError, match="set best_of to 1"):
            make(engine, parts_of(engine), request(engine, mode, candidates=2))
    with pytest.raises(ConfigError, match="choose 1 to 8"):
        make(engine, parts_of(engine), request(engine, TEXT, candidates=9))


def test_pictures_are_cropped_or_padded_and_never_stretched() -> None:
    for engine, mode in RUN:
        for fit in ("crop", PAD):
            graph, _ = make(engine, parts_of(engine), request(engine, mode, fit=fit))
            for kind, inputs in graph.nodes.values():
                assert kind != "ImageScale" or inputs["crop"] == "center"


def test_silent_engines_can_have_the_embedded_model_s_sound() -> None:
    engine = ENGINES["Wan 2.2 5B"]
    graph, made = make(engine, parts_of(engine), request(engine, TEXT, silent_sound=EMBEDDED_FOLEY))
    check(graph, made)
    assert "audio" in graph.nodes[made.video.node][1] and "SoraFoley" in graph.kinds()


def test_the_two_stages_of_ltx_are_half_and_whole() -> None:
    engine = ENGINES["LTX-2.5"]
    asked = request(engine, TEXT)
    graph, _ = make(engine, parts_of(engine), asked)
    start = graph.nodes["start"][1]
    assert (2 * start["width"], 2 * start["height"], start["length"]) == \
        (asked.canvas.width, asked.canvas.height, asked.canvas.frames)


def test_addresses_are_complete() -> None:
    for engine in ENGINES.values():
        for file in engine.files:
            assert file.url.startswith("https://huggingface.co/") and file.url.endswith(file.name)
            assert "/resolve/main/" in file.url
