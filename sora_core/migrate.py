"""Graphs that asked OpenAI for a clip (ComfyUI's node `OpenAIVideoSora2`, dead since September 2026) -> ours.

Both forms that ComfyUI writes are read: the editor's (nodes with `type` and `widgets_values`, also in subgraphs and in
group nodes) and the server's (`class_type` and `inputs`), alone or inside of a larger document. Prompt, size, duration,
image, seed and all links stay; what only our node has takes its defaults.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

from . import __version__
from .errors import ConfigError

OLD_NODE, NEW_NODE = "OpenAIVideoSora2", "SoraTextToVideo"
NEW_NAME = "Sora Text To Video"
PACK = "soracore"                       # in the registry of node packs
WIDGETS = ("model", "prompt", "size", "duration", "seed", "control_after_generate")     # as the old node saved them
INPUTS = ("model", "prompt", "size", "duration", "image", "seed")
MAX_BYTES = 64 << 20


def migrate_file(old: str | Path, new: str | Path) -> int:
    """Read a graph, replace its dead nodes, write it beside and rename.

    Returns:
        How many nodes were replaced.

    Raises:
        ConfigError: not a graph, none of its nodes is dead, or a file that can't be read or written.
    """
    try:
        graph, count = migrate(_read(Path(old)))
    except RecursionError:
        raise ConfigError(f"{str(old)!r} is nested deeper than any graph; choose another") from None
    if count == 0:
        raise ConfigError(f"there is no {OLD_NODE} in {str(old)!r}, so there is nothing to migrate")
    new = Path(new).absolute()
    temporary = new.with_name(f".{new.name[:64]}.{os.getpid()}.part")
    try:
        temporary.write_text(json.dumps(graph, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, new)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(new)!r} can't be written ({getattr(error, 'strerror', None) or error}); "
                          "choose another name") from None
    finally:
        if temporary.exists():
            temporary.unlink()
    return count


def migrate(graph: Any) -> tuple[Any, int]:
    """A copy of a graph in either form with our nodes in place of the dead ones, and how many there were."""
    graph = copy.deepcopy(graph)
    count, waiting = 0, [graph]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("class_type") == OLD_NODE and isinstance(part.get("inputs"), dict):
                _replace_in_prompt(part)
                count += 1
            elif part.get("type") == OLD_NODE:
                _replace_in_editor(part)
                count += 1
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return graph, count


def _replace_in_prompt(node: dict[str, Any]) -> None:
    node["class_type"] = NEW_NODE
    node["inputs"] = {name: _value(name, node["inputs"][name]) for name in INPUTS if name in node["inputs"]}
    if isinstance(node.get("_meta"), dict):
        node["_meta"]["title"] = _title(node["_meta"].get("title"))


def _replace_in_editor(node: dict[str, Any]) -> None:
    node["type"] = NEW_NODE
    if "title" in node:
        node["title"] = _title(node["title"])
    properties = node["properties"] if isinstance(node.get("properties"), dict) else {}
    node["properties"] = {**properties, "Node name for S&R": NEW_NODE, "cnr_id": PACK, "ver": __version__}
    values = node.get("widgets_values")
    if isinstance(values, dict):        # some editors save names beside the values
        values = [values[name] for name in WIDGETS if name in values]
    if isinstance(values, list):
        node["widgets_values"] = [_value(name, value) for name, value in zip(WIDGETS, values, strict=False)]
    if isinstance(node.get("outputs"), list) and node["outputs"] and isinstance(node["outputs"][0], dict):
        node["outputs"][0] |= {"name": "video", "localized_name": "video"}


def _value(name: str, value: Any) -> Any:
    """Durations are whole numbers, which some programs have written as text."""
    return int(value) if name == "duration" and isinstance(value, str) and value.isdecimal() else value


def _title(title: Any) -> Any:
    """The person's own title, or our name in place of the old one."""
    return NEW_NAME if isinstance(title, str) and title.startswith(("OpenAI Sora", OLD_NODE)) else title


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{str(path)!r} is larger than {MAX_BYTES >> 20} MiB, which no graph is; choose another")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else \
            getattr(error, "strerror", None) or error
        raise ConfigError(f"{str(path)!r} can't be read ({reason}); give a graph that ComfyUI saved as JSON") from None
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(f"{str(path)!r} is not JSON; give a graph that ComfyUI saved as JSON") from None
    if not isinstance(graph, dict):
        raise ConfigError(f"{str(path)!r} holds no graph; give one that ComfyUI saved or exported as JSON")
    return graph
