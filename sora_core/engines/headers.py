"""What a weight file is, from its header alone: no tensor is read, whatever its size.

The signs are those by which ComfyUI itself tells models apart (comfy/model_detection.py, comfy/sd.py). They survive
quantisation, which adds tensors and keeps names. What has none of them is unknown, and nobody is refused for that.
"""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from pathlib import Path

from ..errors import CheckpointError

MAX_HEADER = 100 << 20      # bytes, as safetensors itself has it
PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.")
LTX, LTX_SOUND = "adaln_single.emb.timestep_embedder.linear_1.bias", "audio_adaln_single.linear.weight"
SIGNS = {                   # kind -> names that are all there
    "minimax-h3": ("video_patch_proj.weight", "audio_patch_proj.weight"),
    "ltx upscaler": ("post_upsample_res_blocks.0.conv2.bias",),
    "ltx video vae": ("decoder.up_blocks.0.res_blocks.0.conv1.conv.weight",),
    "minimax video vae": ("decoder.transformer_blocks.0.scale1", "encoder.down.5.block.0.conv1.weight"),
    "minimax audio vae": ("pre_block.attn.zero_k_bias",),
    "wan 2.2 vae": ("decoder.middle.0.residual.0.gamma", "decoder.upsamples.0.upsamples.0.residual.2.weight"),
    "wan 2.1 vae": ("decoder.middle.0.residual.0.gamma",),
    "small preview vae": ("decoder.22.bias",),
    "umt5": ("encoder.block.23.layer.1.DenseReluDense.wi_1.weight",),
    "qwen3vl": ("visual.deepstack_merger_list.0.norm.weight", "model.layers.49.self_attn.q_proj.weight"),
    "wav2vec2": ("encoder.layer_norm.bias", "feature_projection.projection.weight"),
}
TITLES = {
    "ltx-av": "an LTX model with sound", "ltx-av checkpoint": "an LTX checkpoint with its autoencoders",
    "ltx": "an LTX model without sound", "minimax-h3": "MiniMax-H3", "ltx upscaler": "an LTX upscaler",
    "ltx video vae": "an LTX video VAE", "ltx audio vae": "an LTX audio VAE",
    "minimax video vae": "a MiniMax video VAE", "minimax audio vae": "a MiniMax audio VAE",
    "wan 2.1 vae": "the VAE of Wan 2.1", "wan 2.2 vae": "the VAE of Wan 2.2",
    "small preview vae": "a small preview VAE", "umt5": "the text encoder UMT5",
    "qwen3vl": "the text encoder Qwen3-VL 32B",
    "gemma3": "the text encoder Gemma 3 12B", "gemma4": "the text encoder Gemma 4 12B",
    "wav2vec2": "the audio encoder wav2vec2", "wan t2v": "Wan text to video 14B", "wan i2v": "Wan image to video 14B",
    "wan 5b": "Wan 2.2 5B", "wan s2v": "Wan 2.2 S2V", "wan": "another model of the Wan family", "lora": "a LoRA",
}
STANDS_IN = {"small preview vae": {"ltx video vae", "minimax video vae", "wan 2.1 vae", "wan 2.2 vae"}}


def check_file(path: Path, kind: str) -> int:
    """That a file is whole and holds what is wanted; unknown contents pass.

    Returns:
        its size in bytes.

    Raises:
        CheckpointError: missing, cut off, no safetensors file, or another model.
    """
    if not path.is_file():
        raise CheckpointError(f"{path.name} isn't there any more; choose another file or download it again")
    stat = path.stat()
    found = kind_of(path, stat.st_size, stat.st_mtime_ns)
    if found not in (None, kind) and kind not in STANDS_IN.get(found, ()):
        raise CheckpointError(f"{path.name} holds {TITLES[found]}, not {TITLES[kind]}; choose another file, or "
                              "download the right one under this name")
    return stat.st_size


@lru_cache(maxsize=256)
def kind_of(path: Path, size: int, changed: int) -> str | None:
    """The kind of model in a file, or None; remembered until the file changes.

    Raises:
        CheckpointError: cut off, or no safetensors file.
    """
    if path.suffix != ".safetensors":
        return None
    shapes = read_shapes(path, size)
    if f"{PREFIXES[0]}{LTX_SOUND}" in shapes and any(name.startswith("audio_vae.") for name in shapes):
        return "ltx-av checkpoint"
    if any(name.endswith((".lora_A.weight", ".lora_down.weight")) for name in shapes):
        return "lora"
    prefix = next((prefix for prefix in PREFIXES if any(name.startswith(prefix) for name in shapes)), "")
    return _kind({name.removeprefix(prefix): shape for name, shape in shapes.items()} if prefix else shapes)


def _kind(shapes: dict[str, list[int]]) -> str | None:
    if LTX in shapes:
        return "ltx-av" if LTX_SOUND in shapes else "ltx"
    if "head.modulation" in shapes:
        return _wan(shapes)
    if any(f"{prefix}vocoder.resblocks.0.convs1.0.weight" in shapes for prefix in ("", "vocoder.")):
        return "ltx audio vae"
    if "model.layers.0.post_feedforward_layernorm.weight" in shapes:
        if "model.layers.47.self_attn.q_norm.weight" not in shapes:
            return None
        return "gemma3" if "model.layers.5.self_attn.v_proj.weight" in shapes else "gemma4"
    return next((kind for kind, signs in SIGNS.items() if all(sign in shapes for sign in signs)), None)


def _wan(shapes: dict[str, list[int]]) -> str:
    if "casual_audio_encoder.encoder.final_linear.weight" in shapes:
        return "wan s2v"
    others = ("vace_patch_embedding.weight", "control_adapter.conv.weight", "face_adapter.fuser_blocks.0.k_norm.weight",
              "audio_proj.audio_proj_glob_1.layer.bias", "img_emb.proj.0.bias")
    inputs = shapes.get("patch_embedding.weight", [])
    if len(inputs) < 2 or any(name in shapes for name in others):
        return "wan"
    return {16: "wan t2v", 36: "wan i2v", 48: "wan 5b"}.get(inputs[1], "wan")


def read_shapes(path: Path, size: int) -> dict[str, list[int]]:
    """Names and shapes of the tensors of a safetensors file.

    Raises:
        CheckpointError: cut off, or no safetensors file.
    """
    foreign = f"{path.name} is no safetensors file; download it again"
    with path.open("rb") as stream:
        length = stream.read(8)
        (count,) = struct.unpack("<Q", length) if len(length) == 8 else (MAX_HEADER + 1,)
        if not 2 <= count <= MAX_HEADER:
            raise CheckpointError(foreign)
        text = stream.read(count)
    try:
        header = {name: entry for name, entry in json.loads(text).items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        shapes = {name: list(entry["shape"]) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise CheckpointError(f"{path.name} is cut off at {size / 1e9:.3g} GB; download it again"
                              if len(text) < count else foreign) from None
    if 8 + count + end > size:
        raise CheckpointError(f"{path.name} is cut off at {size / 1e9:.3g} of {(8 + count + end) / 1e9:.3g} GB; "
                              "download it again")
    return shapes
