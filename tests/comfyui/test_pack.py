"""The pack's root module where there is no ComfyUI, or one that is too old."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("soracore_pack", ROOT / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(importlib.util.find_spec("comfy_api") is not None, reason="ComfyUI is importable here")
def test_without_comfyui_there_is_nothing() -> None:
    module = load()
    assert not hasattr(module, "comfy_entrypoint") and (ROOT / module.WEB_DIRECTORY).is_dir()


@pytest.mark.parametrize("version", ["0.8.0", "0.32.9", "0.3.48"])
def test_an_old_comfyui_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    for name, members in (("comfy_api", {}), ("comfyui_version", {"__version__": version})):
        stub = ModuleType(name)
        stub.__dict__.update(members, __spec__=importlib.util.spec_from_loader(name, None))
        monkeypatch.setitem(sys.modules, name, stub)
    with pytest.raises(RuntimeError, match=f"needs ComfyUI 0.33.0 or newer and this is {version}; update ComfyUI$"):
        asyncio.run(load().comfy_entrypoint())
