"""Graphs as ComfyUI's editor saves them: built from a few lines each, and flattened back into plain ones.

Legend: a "slot" is an input that takes a link; a "widget" is one that has a value on the node itself.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from .conftest import changes_itself, is_widget

GAP, TITLE, SLOT, WIDGET, TEXT_BOX, PREVIEW, NOTE = 60, 30, 22, 26, 130, 300, 660      # pixels of the canvas
COLOURS = {"green": ("#232", "#353"), "red": ("#322", "#533"), "": (None, None)}
SIZES = {"SaveVideo": PREVIEW, "KSampler": PREVIEW, "SamplerCustomAdvanced": PREVIEW, "PreviewImage": PREVIEW}


@dataclass
class Node:
    """A node on the canvas; `values` are its widgets, `links` its connected slots."""

    id: int
    type: str
    column: int
    title: str
    colour: str
    mode: int
    values: dict[str, Any]
    links: dict[str, tuple[Node, str]]
    models: list[dict[str, str]] = field(default_factory=list)

    def __getitem__(self, output: str) -> tuple[Node, str]:
        return self, output


@dataclass
class Canvas:
    """A graph in the making; `types` is what ComfyUI gives at /object_info, `versions` of the packs by their id."""

    types: dict[str, Any]
    versions: dict[str, str]
    nodes: list[Node] = field(default_factory=list)
    notes: list[tuple[int, str, str, int]] = field(default_factory=list)

    def add(self, type: str, column: int, /, *, title: str = "", colour: str = "", mode: int = 0,
            models: list[dict[str, str]] | None = None, **inputs: Any) -> Node:
        """A node in a column; an input is a value, or an output of another node: `loader["model"]`.

        Inputs of a growing or choosing input have dots in their names, which are written here as two underscores.
        """
        named = {name.replace("__", "."): value for name, value in inputs.items()}
        links = {name: value for name, value in named.items() if isinstance(value, tuple)}
        values = {name: value for name, value in named.items() if not isinstance(value, tuple)}
        node = Node(len(self.nodes) + 1, type, column, title, colour, mode, values, links, models or [])
        self.nodes.append(node)
        return node

    def note(self, column: int, title: str, text: str, height: int = 200) -> None:
        """Plain words on the canvas, under a column."""
        self.notes.append((column, title, text, height))

    def save(self, name: str, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """The workflow as the editor would save it."""
        links = self._links()
        nodes = self._laid_out([self._node(node, links) for node in self.nodes])
        return {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"soracore/{name}")), "revision": 0,
                "last_node_id": len(nodes), "last_link_id": len(links), "nodes": nodes, "links": links, "groups": [],
                "config": {}, "extra": {"ds": {"scale": 0.7, "offset": [70, 60]}, **(extra or {})}, "version": 0.4}

    def save_subgraph(self, name: str, inputs: list[tuple[Node, str]], output: tuple[Node, str], *, category: str,
                      description: str) -> dict[str, Any]:
        """The graph as one node of a blueprint, with some widgets and one output on its outside."""
        inner = self.save(name)
        last, key = inner["last_link_id"], uuid.uuid5(uuid.NAMESPACE_URL, f"soracore/{name}")
        by_id = {node["id"]: node for node in inner["nodes"]}
        links = [dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"), link, strict=True))
                 for link in inner["links"]]
        sockets, shown, values = [], [], []
        for number, (node, widget) in enumerate(inputs):
            slots = by_id[node.id]["inputs"]
            slot = next(entry for entry in slots if entry["name"] == widget)
            slot["link"] = last = last + 1
            links.append({"id": last, "origin_id": -10, "origin_slot": number, "target_id": node.id,
                          "target_slot": slots.index(slot), "type": slot["type"]})
            sockets.append({"id": str(uuid.uuid5(key, widget)), "name": widget, "type": slot["type"],
                            "linkIds": [last], "localized_name": widget, "pos": [0, 100 + 20 * number]})
            shown.append({"localized_name": widget, "name": widget, "type": slot["type"], "widget": {"name": widget},
                          "link": None})
            values.append(by_id[node.id]["widgets_values_named"][widget])
        source, kind = output
        links.append({"id": last + 1, "origin_id": source.id, "origin_slot": self._outputs(source.type).index(kind),
                      "target_id": -20, "target_slot": 0, "type": kind})
        by_id[source.id]["outputs"][0]["links"] = [last + 1]
        right = max(node["pos"][0] + node["size"][0] for node in inner["nodes"])
        definition = {
            "id": str(key), "version": 1, "revision": 0, "config": {}, "name": name,
            "state": {"lastGroupId": 0, "lastNodeId": inner["last_node_id"], "lastLinkId": last + 1,
                      "lastRerouteId": 0},
            "inputNode": {"id": -10, "bounding": [-200, 80, 160, 40 + 20 * len(inputs)]},
            "outputNode": {"id": -20, "bounding": [right + 80, 80, 120, 60]},
            "inputs": sockets,
            "outputs": [{"id": str(uuid.uuid5(key, "output")), "name": kind, "type": kind, "linkIds": [last + 1],
                         "localized_name": kind, "pos": [right + 100, 100]}],
            "widgets": [], "nodes": inner["nodes"], "groups": [], "links": links, "extra": {},
            "category": category, "description": description}
        instance = {"id": 1, "type": str(key), "pos": [100, 100], "size": [400, 320], "flags": {}, "order": 0,
                    "mode": 0, "inputs": shown,
                    "outputs": [{"localized_name": kind, "name": kind, "type": kind, "links": []}],
                    "properties": {"proxyWidgets": [["-1", widget] for _, widget in inputs], "cnr_id": "soracore",
                                   "ver": self.versions["soracore"]},
                    "widgets_values": values, "title": name}
        return {"revision": 0, "last_node_id": 1, "last_link_id": 0, "nodes": [instance], "links": [], "version": 0.4,
                "definitions": {"subgraphs": [definition]}, "extra": {}}

    def _links(self) -> list[list[Any]]:
        """[id, from node, from slot, to node, to slot, type] of every connection."""
        links: list[list[Any]] = []
        for node in self.nodes:
            names = [slot["name"] for slot in self._inputs(node)]
            for name, (source, output) in node.links.items():
                index = self._outputs(source.type).index(output)
                links.append([len(links) + 1, source.id, index, node.id, names.index(name),
                              self.types[source.type]["output"][index]])
        return links

    def _outputs(self, type: str) -> list[str]:
        return self.types[type]["output_name"]

    def _schema(self, type: str) -> dict[str, list[Any]]:
        inputs = self.types[type]["input"]
        return {**inputs.get("required", {}), **inputs.get("optional", {})}

    def _inputs(self, node: Node) -> list[dict[str, Any]]:
        """Slots first, then widgets, as the editor orders them."""
        slots, widgets = [], []
        for name, (kind, *options) in self._schema(node.type).items():
            if kind == "COMFY_AUTOGROW_V3":
                grown = [link for link in node.links if link.startswith(f"{name}.")]
                slots += [{"localized_name": link, "name": link, "type": "IMAGE", "link": None} for link in grown]
            elif is_widget(kind, options[0] if options else {}) or kind == "COMFY_DYNAMICCOMBO_V3":
                if not (options and options[0].get("socketless")):
                    chosen = [value for value in node.values if value.startswith(f"{name}.")]
                    kind = "COMBO" if isinstance(kind, list) else kind
                    widgets += [{"localized_name": entry, "name": entry, "type": kind, "widget": {"name": entry},
                                 "link": None} for entry in [name, *chosen]]
            else:
                optional = name in self.types[node.type]["input"].get("optional", {})
                slots.append({"localized_name": name, "name": name, **({"shape": 7} if optional else {}),
                              "type": kind, "link": None})
        return slots + widgets

    def _values(self, node: Node) -> dict[str, Any]:
        """Every widget's value, in order: as given, else the default."""
        values: dict[str, Any] = {}
        for name, (kind, *options) in self._schema(node.type).items():
            settings = options[0] if options else {}
            if kind == "COMFY_DYNAMICCOMBO_V3":
                values |= {key: value for key, value in node.values.items() if key.split(".")[0] == name}
            elif is_widget(kind, settings):
                choices = kind if isinstance(kind, list) else settings.get("options", [None])
                values[name] = node.values.get(name, settings.get("default", choices[0] if choices else None))
                if changes_itself(name, settings):
                    values["control_after_generate"] = node.values.get("control_after_generate", "randomize")
        unknown = set(node.values) - set(values)
        assert not unknown, f"{node.type} has no {unknown}"
        return values

    def _node(self, node: Node, links: list[list[Any]]) -> dict[str, Any]:
        inputs, values = self._inputs(node), self._values(node)
        for link, _, _, target, slot, kind in links:
            if target == node.id:
                inputs[slot] |= {"link": link, **({} if "widget" in inputs[slot] else {"type": kind})}
        outputs = [{"localized_name": name, "name": name, "type": kind,
                    "links": [link[0] for link in links if link[1:3] == [node.id, index]] or None}
                   for index, (name, kind)
                   in enumerate(zip(self._outputs(node.type), self.types[node.type]["output"], strict=True))]
        pack = "soracore" if self.types[node.type]["python_module"].startswith("custom_nodes") else "comfy-core"
        properties = {"Node name for S&R": node.type, "cnr_id": pack, "ver": self.versions[pack],
                      **({"models": node.models} if node.models else {})}
        tall = sum(TEXT_BOX for _, options in self._pairs(node.type) if options.get("multiline"))
        rows = sum("widget" not in slot for slot in inputs)
        height = max(rows, len(outputs)) * SLOT + len(values) * WIDGET + tall + 14 + SIZES.get(node.type, 0)
        colour, background = COLOURS[node.colour]
        return {"id": node.id, "type": node.type, "pos": [node.column, 0], "size": [360 if tall else 300, height],
                "flags": {}, "order": node.id - 1, "mode": node.mode, "inputs": inputs, "outputs": outputs,
                **({"title": node.title} if node.title else {}), "properties": properties,
                "widgets_values": list(values.values()), "widgets_values_named": values,
                **({"color": colour, "bgcolor": background} if colour else {})}

    def _pairs(self, type: str) -> list[tuple[Any, dict[str, Any]]]:
        return [(kind, options[0] if options else {}) for kind, *options in self._schema(type).values()]

    def _laid_out(self, nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Columns from left to right, each from the top; notes come under all that stands above them."""
        left, edges = 40, {}
        for column in sorted({node["pos"][0] for node in nodes}):
            members, top = [node for node in nodes if node["pos"][0] == column], 100
            for node in members:
                node["pos"] = [left, top]
                top += node["size"][1] + TITLE + GAP // 2
            edges[column] = left
            left += max(node["size"][0] for node in members) + GAP
        for number, (column, title, text, height) in enumerate(self.notes, len(nodes) + 1):
            start = edges[column]
            bottoms = [node["pos"][1] + node["size"][1] for node in nodes
                       if node["pos"][0] < start + NOTE and node["pos"][0] + node["size"][0] > start]
            nodes.append({"id": number, "type": "MarkdownNote", "pos": [start, max(bottoms) + TITLE + GAP // 2],
                          "size": [NOTE, height], "flags": {}, "order": number - 1, "mode": 0, "inputs": [],
                          "outputs": [], "title": title,
                          "properties": {"Node name for S&R": "MarkdownNote"}, "widgets_values": [text],
                          "color": "#432", "bgcolor": "#653"})
        return nodes


def flatten(workflow: dict[str, Any]) -> dict[str, Any]:
    """A workflow without subgraphs (their nodes stand in it) and without bypassed nodes (what goes in comes out)."""
    definitions = {entry["id"]: entry for entry in workflow.get("definitions", {}).get("subgraphs", [])}
    nodes, links = [dict(node) for node in workflow["nodes"]], [list(link) for link in workflow["links"]]
    for node in [node for node in nodes if node["type"] in definitions]:
        nodes.remove(node)
        inner, inside = _inside(node, definitions[node["type"]], max((link[0] for link in links), default=0))
        into = {link[4]: link for link in links if link[3] == node["id"]}
        out = [link for link in links if link[1] == node["id"]]
        links = [link for link in links if node["id"] not in (link[1], link[3])]
        for link in inside:
            if link[1] == -10:      # from the subgraph's own inputs
                if link[2] in into:
                    links.append([link[0], *into[link[2]][1:3], *link[3:]])
            elif link[3] != -20:    # not to its outputs
                links.append(link)
        ends = {link[4]: link for link in inside if link[3] == -20}
        links += [[link[0], *ends[link[2]][1:3], *link[3:]] for link in out]
        nodes += inner
    for node in [node for node in nodes if node.get("mode") == 4]:
        nodes.remove(node)
        links = _bypass(node, links)
    nodes = [node for node in nodes if node.get("mode") != 2]
    for node in nodes:
        mine = {link[4]: link[0] for link in links if link[3] == node["id"]}
        node["inputs"] = [{**slot, "link": mine.get(index)} for index, slot in enumerate(node.get("inputs", []))]
    return {**workflow, "nodes": nodes, "links": links}


def _inside(node: dict[str, Any], definition: dict[str, Any], last: int) -> tuple[list[Any], list[list[Any]]]:
    """The nodes and links of a subgraph as they would stand outside it, with the values of the node's own widgets."""
    def outer(inner: Any) -> Any:
        return inner if inner in (-10, -20) else f"{node['id']}:{inner}"

    links = [[last + link["id"], outer(link["origin_id"]), link["origin_slot"], outer(link["target_id"]),
              link["target_slot"], link["type"]] for link in definition["links"]]
    nodes = [{**inner, "id": outer(inner["id"])} for inner in definition["nodes"]]
    return nodes, links


def _bypass(node: dict[str, Any], links: list[list[Any]]) -> list[list[Any]]:
    """Each output gives what comes in at the first input of its type."""
    into = [link for link in links if link[3] == node["id"]]
    kept = [link for link in links if node["id"] not in (link[1], link[3])]
    for link in [link for link in links if link[1] == node["id"]]:
        source = next((entry for entry in into if entry[5] == link[5]), None)
        if source:
            kept.append([link[0], *source[1:3], *link[3:]])
    return kept
