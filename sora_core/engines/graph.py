"""A graph as data: nodes by name, and links between them. Ids come with the place where it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Link(NamedTuple):
    """One output of a node; `is_outside` means that the node stands in the graph around this one."""

    node: str
    slot: int = 0
    is_outside: bool = False


@dataclass(frozen=True)
class Placed:
    """A node that was added: `node[1]` is its second output."""

    name: str

    def __getitem__(self, slot: int) -> Link:
        return Link(self.name, slot)


@dataclass
class Graph:
    """Nodes in the order in which they were added; inputs are values or links."""

    nodes: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def add(self, name: str, kind: str, /, **inputs: Any) -> Placed:
        """Add a node of a class; an input of None is left out. Dots in input names are written as two underscores."""
        if name in self.nodes:
            raise ValueError(f"two nodes are called {name!r}")
        self.nodes[name] = kind, {key.replace("__", "."): value for key, value in inputs.items() if value is not None}
        return Placed(name)

    def kinds(self) -> set[str]:
        """The classes that ComfyUI must have."""
        return {kind for kind, _ in self.nodes.values()}

    def join(self, other: Graph) -> None:
        """Take over the nodes of another graph."""
        self.nodes |= other.nodes
