"""SoraCore as a ComfyUI node pack; without ComfyUI importing this does nothing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

WEB_DIRECTORY = "./web"
OLDEST_COMFYUI = (0, 33, 0)

if find_spec("comfy_api") is not None:

    async def comfy_entrypoint() -> Any:
        """The pack's nodes; ComfyUI prints the sentence of an error in one line and goes on without them."""
        from comfyui_version import __version__ as found
        if tuple(int(part) for part in found.split(".")[:3] if part.isdecimal()) < OLDEST_COMFYUI:
            wanted = ".".join(str(part) for part in OLDEST_COMFYUI)
            raise RuntimeError(f"SoraCore needs ComfyUI {wanted} or newer and this is {found}; update ComfyUI")
        from .nodes import SoraExtension
        return SoraExtension()
