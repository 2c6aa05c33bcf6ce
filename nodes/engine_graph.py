"""Recipes as graphs of the running ComfyUI: every node checked against the schema that is really there.

ComfyUI validates nothing inside an expansion and fills no widgets there, so that is done here.
"""

from __future__ import annotations

from typing import Any

from comfy_execution.graph_utils import GraphBuilder

import nodes as comfyui_nodes

from ..sora_core.engines.graph import Graph, Link
from ..sora_core.errors import ResourceError

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


def fill(graph: Graph, engine: str) -> Graph:
    """The same graph with every required widget set, as this ComfyUI's nodes have them.

    Raises:
        ResourceError: a node, an input or a choice isn't there, or the recipe leaves out what this version needs.
    """
    filled = Graph()
    for name, (kind, inputs) in graph.nodes.items():
        if kind not in comfyui_nodes.NODE_CLASS_MAPPINGS:
            raise ResourceError(f"this ComfyUI has no node {kind}, which {engine} needs; update ComfyUI")
        filled.nodes[name] = kind, _filled(kind, inputs, engine)
    return filled


def _filled(kind: str, inputs: dict[str, Any], engine: str) -> dict[str, Any]:
    schema = comfyui_nodes.NODE_CLASS_MAPPINGS[kind].INPUT_TYPES()
    required, optional = schema.get("required", {}), schema.get("optional", {})
    for name, value in inputs.items():
        base = name.partition(".")[0]
        if base not in required and base not in optional:
            raise ResourceError(f"{kind} of this ComfyUI has no input {name}, which {engine} needs; update ComfyUI")
        _check_choice(kind, name, {**optional, **required}[base], value)
    result = dict(inputs)
    for name, (type_, *settings) in required.items():
        if name in inputs or any(given.startswith(f"{name}.") for given in inputs):
            continue
        options = settings[0] if settings else {}
        choices = type_ if isinstance(type_, list) else options.get("options", [])
        if "default" in options:
            result[name] = options["default"]
        elif choices:
            result[name] = choices[0]
        elif type_ in WIDGETS:
            result[name] = {"STRING": "", "BOOLEAN": False}.get(type_, options.get("min", 0))
        else:
            raise ResourceError(f"{kind} of this ComfyUI wants {name}, which isn't known here; update SoraCore")
    return result


def _check_choice(kind: str, name: str, entry: Any, value: Any) -> None:
    type_, *settings = entry
    choices = type_ if isinstance(type_, list) else (settings[0] if settings else {}).get("options", []) \
        if type_ == "COMBO" else []
    if choices and isinstance(value, str) and value not in choices:
        raise ResourceError(f"{kind} of this ComfyUI doesn't offer {name} {value!r}; update ComfyUI")


def expand(graph: Graph) -> tuple[dict[str, Any], str]:
    """What a node returns to have a graph run in its place, and the prefix of its ids."""
    builder = GraphBuilder()
    for name, (kind, inputs) in graph.nodes.items():
        node = builder.node(kind, id=name)
        for key, value in inputs.items():
            node.set_input(key, as_input(value, builder.prefix))
    return builder.finalize(), builder.prefix


def as_input(value: Any, prefix: str) -> Any:
    """A link as ComfyUI writes it."""
    if not isinstance(value, Link):
        return value
    return [value.node if value.is_outside else prefix + value.node, value.slot]
