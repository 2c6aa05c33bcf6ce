"""For tests alone: lets ComfyUI's own loaders take text encoders whose sizes it has written down, in small.

A small encoder's file carries its sizes as `tiny_config`, JSON in a uint8 tensor. `TinyKeep` writes a latent to a file.
`TinyForget` takes a node away.
"""

import json
from pathlib import Path
from typing import ClassVar

import comfy.ldm.minimax.audio_vae
import comfy.sd
import comfy.text_encoders.gemma4
import comfy.text_encoders.llama
import comfy.text_encoders.qwen3vl
import folder_paths
import torch
from comfy_api.latest import ComfyExtension, io
from safetensors.torch import save_file

import nodes


def shrink() -> None:
    """Make the parts small that no option reaches."""
    comfy.text_encoders.llama.GEMMA3_VISION_CONFIG.update(
        hidden_size=16, intermediate_size=16, num_attention_heads=1, num_hidden_layers=1, image_size=56)
    gemma4 = comfy.text_encoders.gemma4
    gemma4.GEMMA4_UNIFIED_VISION_CONFIG.update(mm_embed_dim=16, mm_posemb_size=64, output_proj_dims=16)
    gemma4.Gemma4_12B_Config.head_dim = gemma4.Gemma4_12B_Config.global_head_dim = 32
    qwen = comfy.text_encoders.qwen3vl
    qwen.QWEN3VL_VISION["qwen3vl_32b"].update(hidden_size=32, intermediate_size=32, depth=2,
                                              deepstack_visual_indexes=[0, 1])
    qwen.QWEN3VL_VISION_COMMON.update(num_heads=2)
    comfy.ldm.minimax.audio_vae.MiniMaxH3AudioVAE.__init__.__defaults__ = (4, (2, 4, 4, 5, 5), 32, 128, 32)


def install() -> None:
    """Read `tiny_config` where it is."""
    load = comfy.sd.load_text_encoder_state_dicts

    def load_tiny(state_dicts, embedding_directory=None, clip_type=comfy.sd.CLIPType.STABLE_DIFFUSION,
                  model_options=None, **others):
        options = dict(model_options or {})
        for state_dict in state_dicts:
            config = state_dict.pop("tiny_config", None)
            if config is not None:
                options |= json.loads(bytes(config.tolist()).decode())
        return load(state_dicts, embedding_directory=embedding_directory, clip_type=clip_type, model_options=options,
                    **others)

    comfy.sd.load_text_encoder_state_dicts = load_tiny


class TinyKeep(io.ComfyNode):
    """Writes the streams of a latent into the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="TinyKeep", category="tests", is_output_node=True,
                         inputs=[io.Latent.Input("latent"), io.String.Input("name")], outputs=[])

    @classmethod
    def execute(cls, latent, name: str) -> io.NodeOutput:
        samples = latent["samples"]
        streams = samples.unbind() if samples.is_nested else [samples]
        save_file({str(i): stream.to(torch.float32).contiguous() for i, stream in enumerate(streams)},
                  Path(folder_paths.get_output_directory()) / f"{name}.safetensors")
        return io.NodeOutput()


class TinyForget(io.ComfyNode):
    """Makes ComfyUI forget a node, as one that is older, and remember it."""

    kept: ClassVar[dict] = {}

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="TinyForget", category="tests", is_output_node=True,
                         inputs=[io.String.Input("kind"), io.Boolean.Input("back")], outputs=[])

    @classmethod
    def fingerprint_inputs(cls, **_) -> float:
        return float("nan")

    @classmethod
    def execute(cls, kind: str, back: bool) -> io.NodeOutput:
        if back:
            nodes.NODE_CLASS_MAPPINGS[kind] = TinyForget.kept.pop(kind)
        else:
            TinyForget.kept[kind] = nodes.NODE_CLASS_MAPPINGS.pop(kind)
        return io.NodeOutput()


class TinyExtension(ComfyExtension):
    async def on_load(self) -> None:
        shrink()
        install()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [TinyKeep, TinyForget]


async def comfy_entrypoint() -> TinyExtension:
    return TinyExtension()
