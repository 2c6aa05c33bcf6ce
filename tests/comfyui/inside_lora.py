"""A LoRA that the core trains, in ComfyUI's loader: every key found, the same weights; run as inside.py."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from types import SimpleNamespace

import inside
import torch
from inside import comfy, part

STRENGTH = 0.7


def saved(world: SimpleNamespace, folder: str) -> Path:
    """A LoRA of all layers as training writes it, with random numbers."""
    training, files = part("sora_core.training.lora"), part("sora_core.checkpoint")
    with torch.inference_mode(False):
        network = files.build(world.checkpoint, "transformer", part("sora_core.models.transformer").SoraTransformer)
        changes = training.Changes(network, 4)
    generator = torch.Generator().manual_seed(0)
    values = {name: 0.1 * torch.randn(value.shape, generator=generator)
              for name, value in changes.state_dict().items()}
    path = Path(folder) / "mine.safetensors"
    files.write_tensors({path: (changes.export(values), {"format": "pt"})})
    return path


def check_a_lora_trained_by_the_core_fits_whole(world: SimpleNamespace) -> None:
    lora = part("sora_core.lora")
    warnings: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = saved(world, folder)
            tensors = comfy.utils.load_torch_file(str(path), safe_load=True)
            patched, _ = comfy.sd.load_lora_for_models(world.model, None, tensors, STRENGTH, 0.0)
            ours = lora.with_loras(world.models, [(str(path), STRENGTH)])
            layers = lora.read_lora(path).layers
    finally:
        logging.getLogger().removeHandler(handler)
    assert not [text for text in warnings if "lora" in text.lower()], warnings
    assert len(patched.patches) == len(layers) > 20
    wanted = ours.transformer.state_dict()
    for layer in layers:
        key = f"diffusion_model.{layer}.weight"
        weight = comfy.utils.get_attr(patched.model, key).float()
        got = comfy.lora.calculate_weight(patched.patches[key], weight.clone(), key)
        torch.testing.assert_close(got, wanted[f"{layer}.weight"].float(), atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    inside.main(globals())
