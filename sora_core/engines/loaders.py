"""The nodes that load an engine's files, and where its networks come out."""

from __future__ import annotations

from .facts import EMBEDDED, Engine
from .graph import Graph, Link

CLIP_TYPES = {"gemma4": "ltxv", "umt5": "wan", "qwen3vl": "minimax"}
LORA_STRENGTH = {"LTX-2.3": 0.5}


def load(engine: Engine, files: dict[str, str]) -> tuple[Graph, dict[str, Link]]:
    """The loaders of an engine.

    Args:
        files: file name by role (`facts.ROLES`); optional ones may be missing.
    """
    g = Graph()
    if engine.name == EMBEDDED:
        loader = g.add("load", "SoraCheckpointLoader", checkpoint="sora-nano (embedded)")
        return g, dict(zip(("model", "clip", "video_vae", "audio_vae"), (loader[slot] for slot in range(4)),
                           strict=True))
    if engine.name == "LTX-2.3":
        parts = _ltx_23(g, files)
    else:
        parts = {"model": g.add("load_model", "UNETLoader", unet_name=files["model"], weight_dtype="default")[0]}
        text = engine.file("text_encoder")
        parts["clip"] = g.add("load_text", "CLIPLoader", clip_name=files["text_encoder"], type=CLIP_TYPES[text.kind],
                              device="default")[0]
        parts["video_vae"] = g.add("load_video_vae", "VAELoader", vae_name=files["video_vae"])[0]
        if "audio_vae" in files:
            parts["audio_vae"] = g.add("load_audio_vae", "VAELoader", vae_name=files["audio_vae"])[0]
    if "model_2" in files:
        parts["model_2"] = g.add("load_model_2", "UNETLoader", unet_name=files["model_2"], weight_dtype="default")[0]
    for role, model in (("lora", "model"), ("lora_2", "model_2")):
        if role in files:
            parts[model] = g.add(f"load_{role}", "LoraLoaderModelOnly", model=parts[model], lora_name=files[role],
                                 strength_model=LORA_STRENGTH.get(engine.name, 1.0))[0]
    if "upscaler" in files:
        parts["upscaler"] = g.add("load_upscaler", "LatentUpscaleModelLoader", model_name=files["upscaler"])[0]
    if "audio_encoder" in files:
        parts["audio_encoder"] = g.add("load_audio_encoder", "AudioEncoderLoader",
                                       audio_encoder_name=files["audio_encoder"])[0]
    return g, parts


def _ltx_23(g: Graph, files: dict[str, str]) -> dict[str, Link]:
    """One checkpoint holds the transformer, both autoencoders and the projection of the text."""
    checkpoint = g.add("load_model", "CheckpointLoaderSimple", ckpt_name=files["model"])
    text = g.add("load_text", "LTXAVTextEncoderLoader", text_encoder=files["text_encoder"], ckpt_name=files["model"],
                 device="default")
    sound = g.add("load_audio_vae", "LTXVAudioVAELoader", ckpt_name=files["model"])
    return {"model": checkpoint[0], "clip": text[0], "video_vae": checkpoint[2], "audio_vae": sound[0]}
