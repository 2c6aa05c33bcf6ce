"""The texts of our nodes as ComfyUI's page looks them up in `locales/`, read off the live schemas.

Run as: python tests/comfyui/locales.py OBJECT_INFO.json, with what a running ComfyUI gives at /object_info; it writes
`locales/en/nodeDefs.json`. The other languages are written by people; `test_locales.py` holds them against this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LOCALES = Path(__file__).resolve().parents[2] / "locales"


def ours(object_info: dict[str, Any]) -> dict[str, Any]:
    """The schemas of this pack."""
    return {name: node for name, node in object_info.items() if node["category"].split("/")[0] == "Sora"}


def english(object_info: dict[str, Any]) -> dict[str, Any]:
    """nodeDefs.json of the language that the schemas are written in."""
    return {name: _node(node) for name, node in sorted(ours(object_info).items())}


def _node(node: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    for group in ("required", "optional"):
        for name, (_, *options) in node["input"].get(group, {}).items():
            settings = options[0] if options else {}
            inputs[name] = _text(settings.get("display_name") or name, settings.get("tooltip"))
            if settings.get("control_after_generate"):
                inputs["control_after_generate"] = {"name": "control after generate"}
    outputs = {str(index): _text(name, tooltip) for index, (name, tooltip)
               in enumerate(zip(node["output_name"], node["output_tooltips"], strict=True))}
    return {"display_name": node["display_name"], "description": node["description"], "inputs": inputs,
            "outputs": outputs}


def _text(name: str, tooltip: str | None) -> dict[str, str]:
    return {"name": name, **({"tooltip": tooltip} if tooltip else {})}


def write(path: Path, texts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(texts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(LOCALES / "en" / "nodeDefs.json", english(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
