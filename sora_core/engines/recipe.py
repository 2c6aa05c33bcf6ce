"""How a clip is made: one description per engine, from which the node's expansion, the shipped graphs and "open as
graph" all come.
"""

from __future__ import annotations

from .embedded import make_embedded
from .facts import Engine
from .graph import Graph, Link
from .kitchen import Kitchen, Made, Request, check_request
from .ltx import make_ltx
from .minimax import make_minimax
from .wan import make_s2v, make_wan_5b, make_wan_14b

MAKERS = {"LTX-2.5": make_ltx, "LTX-2.3": make_ltx, "MiniMax-H3": make_minimax, "Wan 2.2 5B": make_wan_5b,
          "Wan 2.2 14B text": make_wan_14b, "Wan 2.2 14B image": make_wan_14b, "Wan 2.2 S2V": make_s2v,
          "embedded": make_embedded}


def make(engine: Engine, parts: dict[str, Link], request: Request) -> tuple[Graph, Made]:
    """The graph that makes what was asked for.

    Args:
        parts: where the loaded networks come out, by the names of `kitchen.PARTS`.

    Raises:
        ConfigError: the engine can't do it, or something that it needs isn't connected.
    """
    check_request(engine, request)
    kitchen = Kitchen(Graph(), parts, request)
    return kitchen.graph, MAKERS[engine.name](engine, kitchen)
