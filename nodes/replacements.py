"""The dead Sora graphs run again: ComfyUI offers to swap `OpenAIVideoSora2` for Sora Text To Video.

`nodes`, imported below, is ComfyUI's own module of that name, not this package.
"""

from __future__ import annotations

from typing import Any

from comfy_api.latest import ComfyAPI, io
from server import PromptServer

import nodes as comfyui_nodes

from ..sora_core.migrate import INPUTS, NEW_NODE, OLD_NODE, WIDGETS, migrate


async def offer_replacement() -> None:
    """Tell the editor what to offer, and the server what to make of prompts that name the old node.

    The server's own mapping stumbles over inputs that a prompt leaves out and over prompts without titles, so a handler
    of ours, which runs before it, replaces the node first.
    """
    await ComfyAPI().node_replacement.register(io.NodeReplace(
        new_node_id=NEW_NODE, old_node_id=OLD_NODE, old_widget_ids=list(WIDGETS),
        input_mapping=[{"new_id": name, "old_id": name} for name in INPUTS],
        output_mapping=[{"new_idx": 0, "old_idx": 0}]))
    if getattr(PromptServer, "instance", None) is not None:
        PromptServer.instance.add_on_prompt_handler(migrate_prompt)


def migrate_prompt(request: dict[str, Any]) -> dict[str, Any]:
    """What was posted to /prompt, with our node for the old one, unless ComfyUI still has that."""
    if OLD_NODE in comfyui_nodes.NODE_CLASS_MAPPINGS or not isinstance(request.get("prompt"), dict):
        return request
    return {**request, "prompt": migrate(request["prompt"])[0]}
