"""Open as graph: a node that an engine stands behind, written out as the graph that runs in its place.

The page posts its prompt and a node's id to /sora/engine_graph and loads what comes back as a new graph.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from server import PromptServer

from ..sora_core.engines.facts import ENGINES
from ..sora_core.engines.graph import Graph, Link
from ..sora_core.engines.kitchen import PARTS
from ..sora_core.engines.loaders import load
from ..sora_core.errors import SoraError
from .engine import SLOTS, chosen_engine
from .engine_graph import fill
from .engine_video import Asked, links_of, plan

ROUTE = "/sora/engine_graph"
MODELS_ROUTE = "/sora/engines"
REPORT, PROMPT = "report", "prompt"
OUTPUTS = {"SoraEngineVideo": ("video", "latent", REPORT, PROMPT), "SoraTextToVideo": ("video", REPORT)}


class Posted:
    """A prompt in API form, as recipes read one."""

    def __init__(self, prompt: dict[str, Any]) -> None:
        self.prompt = prompt

    def get_node(self, node: str) -> dict[str, Any]:
        if str(node) not in self.prompt:
            raise SoraError(f"there is no node {node} in this graph; save the graph and try again")
        return self.prompt[str(node)]


def opened(prompt: dict[str, Any], node: str) -> dict[str, Any]:
    """The same prompt with the recipe's nodes for the node and its engine.

    Raises:
        SoraError: it isn't such a node, a widget of it is connected, or the engine can't do what it asks.
    """
    posted = Posted(prompt)
    entry = posted.get_node(node)
    inputs = entry["inputs"]
    if entry["class_type"] not in OUTPUTS or not isinstance(inputs.get("engine"), list):
        raise SoraError("this node can't be opened; choose Sora Engine Video, or Sora Text To Video with an engine")
    chosen = chosen_engine(posted, inputs["engine"])
    graph, parts = load(chosen.engine, chosen.files)
    planned = plan(chosen, asked_of(entry["class_type"], inputs), links_of(inputs), parts)
    whole = fill(graph, chosen.engine.name)
    whole.join(planned.graph)
    ends = {"video": planned.made.video, "latent": planned.made.latent}
    for name, text in ((REPORT, planned.report), (PROMPT, planned.request.prompt)):
        slot = OUTPUTS[entry["class_type"]].index(name) if name in OUTPUTS[entry["class_type"]] else None
        if any([str(node), slot] == value for other in prompt.values() for value in other["inputs"].values()):
            ends[name] = whole.add(f"{name}_text", "PrimitiveStringMultiline", value=text)[0]
    return _placed(prompt, node, chosen.node, whole, parts, ends, OUTPUTS[entry["class_type"]])


def asked_of(kind: str, inputs: dict[str, Any]) -> Asked:
    """The widgets of a node.

    Raises:
        SoraError: one of them is connected, so that its value isn't known here.
    """
    names = ("prompt", "seed", "negative_prompt", "size", "duration") if kind == "SoraTextToVideo" else \
        tuple(Asked.__dataclass_fields__)
    values = {name: inputs[name] for name in names if name in inputs}
    linked = [name for name, value in values.items() if isinstance(value, list)]
    if linked:
        raise SoraError(f"{linked[0]} is connected, so its value isn't known before the graph runs; set it on the node")
    if kind == "SoraTextToVideo":
        width, height = (int(side) for side in values.pop("size").split("x"))
        values |= {"width": width, "height": height, "seconds": float(values.pop("duration"))}
    return Asked(**values)


def _placed(prompt: dict[str, Any], node: str, engine: str, graph: Graph, parts: dict[str, Link],
            made: dict[str, Link], outputs: tuple[str, ...]) -> dict[str, Any]:
    numbers = [int(part) for name in prompt for part in name.split(":") if part.isdecimal()]
    ids = {name: str(number) for number, name in enumerate(graph.nodes, max(numbers, default=0) + 1)}

    def placed(value: Any) -> Any:
        if not isinstance(value, Link):
            return value
        return [value.node if value.is_outside else ids[value.node], value.slot]

    ends = {(node, slot): made[name] for slot, name in enumerate(outputs) if name in made}
    ends |= {(engine, SLOTS[part]): link for part, link in parts.items() if part in PARTS}
    result = {}
    for name, entry in prompt.items():
        if name not in (node, engine):
            result[name] = {**entry, "inputs": {
                key: placed(ends.get((str(value[0]), value[1]), value)) if isinstance(value, list) and len(value) == 2
                else value for key, value in entry["inputs"].items()}}
    for name, (kind, inputs) in graph.nodes.items():
        result[ids[name]] = {"class_type": kind, "inputs": {key: placed(value) for key, value in inputs.items()},
                             "_meta": {"title": f"{name.replace('_', ' ')} ({kind})"}}
    return result


async def answer(request: web.Request) -> web.Response:
    """The opened graph, or a sentence."""
    try:
        body = await request.json()
        return web.json_response({"prompt": opened(body["prompt"], str(body["node"]))})
    except SoraError as error:
        return web.json_response({"error": str(error)}, status=400)
    except (ValueError, KeyError, TypeError, AttributeError):
        return web.json_response({"error": "this is no graph; post a prompt in API form and the id of a node"},
                                 status=400)


async def list_engines(_: web.Request) -> web.Response:
    """What each engine needs, for people and for tools that download."""
    return web.json_response([{
        "engine": engine.name, "modes": list(engine.modes), "sound": engine.has_sound, "licence": engine.licence,
        "download_gb": engine.download_gb, "legal": engine.law.describe(),
        "files": [{"folder": file.place.rpartition("/")[0], "name": file.name, "url": file.url, "needed": file.needed,
                   "gated": file.is_gated} for file in engine.files]} for engine in ENGINES.values()])


def add_routes() -> None:
    """Answer the page, where there is one."""
    if getattr(PromptServer, "instance", None) is not None:
        PromptServer.instance.routes.post(ROUTE)(answer)
        PromptServer.instance.routes.get(MODELS_ROUTE)(list_engines)
