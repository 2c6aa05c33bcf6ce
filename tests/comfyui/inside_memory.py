"""What the networks allocate, counted by PyTorch's profiler, against what they tell ComfyUI; run as inside.py."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import inside
import torch
from inside import comfy, empty, near, part, picture, sample


def peak(run: Callable[[], Any]) -> int:
    """Bytes that were allocated at once, at most, while it ran."""
    run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        kept = run()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    del kept
    return most


def within(most: int, estimate: float, name: str) -> None:
    """To a twentieth, never more than was announced, and not much less, or models are unloaded for nothing."""
    assert 0.5 * estimate < most <= 1.05 * estimate, f"{name}: {most:,} bytes counted, {estimate:,.0f} announced"


def check_the_transformer_takes_what_it_announces(_: SimpleNamespace) -> None:
    """As the model is called while it samples: packed latents, text, and the sketch to paint over."""
    adapter, configs, guide = part("nodes.adapter_model"), part("sora_core.config"), part("sora_core.models.guide")
    settings = part("sora_core.setting")
    for config in (configs.TransformerConfig(), configs.TransformerConfig(width=512, num_heads=8)):
        model = adapter.SoraModel(adapter._description(config, None), config)
        model.diffusion_model = adapter.SoraDiffusion(config, operations=comfy.ops.disable_weight_init,
                                                      dtype=torch.float32)
        for seconds, width, height, batch in ((4.0, 128, 128, 2), (4.0, 160, 96, 4), (1.0, 128, 128, 8)):
            video, audio = empty(seconds=seconds, width=width, height=height)["samples"].unbind()
            streams = [stream.repeat(batch, *[1] * (stream.ndim - 1)) for stream in (picture(video), audio)]
            packed, shapes = comfy.utils.pack_latents(streams)
            video, audio = shapes
            given = {"c_crossattn": torch.zeros(batch, 32, config.text_width), "latent_shapes": shapes,
                     "attention_mask": torch.ones(batch, 32, dtype=torch.long), "frame_rate": 24.0,
                     "guide_video": torch.zeros(batch, 2 * video[1], *video[2:]),
                     "guide_audio": torch.zeros(batch, audio[2], guide.HIT_FEATURES),
                     "guide_setting": torch.zeros(batch, settings.FIELDS, dtype=torch.int64)}
            with patch.object(comfy.model_management, "pytorch_attention_flash_attention", lambda: True):
                estimate = model.memory_required(packed.shape)
            within(peak(lambda: model.apply_model(packed, torch.full((batch,), 0.7), **given)),   # noqa: B023 - at once
                   estimate, f"{config.width} wide, {seconds} s, batch {batch}")


def carrying(*shape: int) -> torch.Tensor:
    """Video latents of 48 channels and of a sketch."""
    sketches, generator = part("sora_core.models.sketch"), torch.Generator().manual_seed(0)
    batch, frames = shape[0], 1 + 8 * (shape[2] - 1)
    slots, states, traits = sketches.SLOTS, sketches.STATES, sketches.TRAITS
    sketch = sketches.Sketch(torch.randn(batch, slots, frames, states, generator=generator) * 0.2,
                             torch.zeros(batch, slots, frames), torch.ones(batch, slots, traits),
                             torch.zeros(batch, sketches.STAGE))
    return part("sora_core.models.carried").with_sketch(torch.randn(shape, generator=generator), sketch)


def check_the_decoders_take_what_they_announce(world: SimpleNamespace) -> None:
    for vae, latents in ((world.video, torch.randn(1, 48, 13, 8, 8)), (world.video, torch.randn(2, 48, 49, 6, 10)),
                         (world.video, carrying(1, 48, 9, 8, 8)), (world.video, carrying(2, 48, 5, 6, 10)),
                         (world.video, carrying(1, 48, 2, 16, 20)), (world.audio, torch.randn(1, 32, 48)),
                         (world.audio, torch.randn(1, 32, 240))):
        estimate = vae.memory_used_decode(tuple(latents.shape), torch.float32)
        made = vae.first_stage_model.decode(latents)
        most = peak(lambda: vae.first_stage_model.decode(latents)) - 2 * made.nbytes     # noqa: B023 - called at once
        assert most <= estimate, f"{tuple(latents.shape)}: {most:,} bytes counted, {estimate:,} announced"
        assert latents.shape[1] != 68 or most > 0.5 * estimate, f"{most:,} bytes counted, {estimate:,} announced"


def check_the_encoders_take_what_they_announce(world: SimpleNamespace) -> None:
    for vae, given in ((world.video, torch.zeros(1, 3, 97, 96, 160)), (world.audio, torch.zeros(1, 1, 96000))):
        estimate = vae.memory_used_encode(tuple(given.shape), torch.float32)
        most = peak(lambda: vae.first_stage_model.encode(given))    # noqa: B023 - called at once
        assert 0.1 * estimate < most <= estimate, f"{tuple(given.shape)}: {most:,} bytes, {estimate:,} announced"


def with_lora(world: SimpleNamespace) -> Any:
    """The MODEL with a LoRA of random numbers on one layer of each kind."""
    generator, lora = torch.Generator().manual_seed(0), {}
    for name in ("blocks.0.attention.qkv", "video_in"):
        rows, columns = comfy.utils.get_attr(world.model.model.diffusion_model, f"{name}.weight").shape
        lora[f"diffusion_model.{name}.lora_A.weight"] = torch.randn(4, columns, generator=generator)
        lora[f"diffusion_model.{name}.lora_B.weight"] = torch.randn(rows, 4, generator=generator)
    return comfy.sd.load_lora_for_models(world.model, None, lora, 1.0, 0.0)[0]


def check_offloaded_layers_make_the_same_clip(world: SimpleNamespace) -> None:
    """What --lowvram's and --novram's loading does to MODEL, LoRA, CLIP and VAEs, with the processor as the device.

    ComfyUI loads models whole where the device is the processor, so that it is told here that it isn't.
    """
    memory, patched = comfy.model_management, with_lora(world)
    network = patched.model.diffusion_model
    bare = [name for name, module in network.named_modules()
            if next(module.parameters(recurse=False), None) is not None and not hasattr(module, "comfy_cast_weights")]
    assert not bare, f"without ComfyUI's operations: {bare}"

    def clip() -> list[torch.Tensor]:
        video, audio = sample(world, empty(), model=patched).unbind()
        return [video, audio, world.video.decode(video), world.audio.decode(audio)]

    memory.unload_all_models()
    wanted = clip()
    assert not patched.model.model_lowvram and patched.loaded_size() == patched.model_size()
    for state, share in ((memory.VRAMState.LOW_VRAM, 0.5), (memory.VRAMState.NO_VRAM, 0.0)):
        memory.unload_all_models()
        free = memory.minimum_inference_memory() + share * patched.model_size()
        with patch.object(memory, "is_device_cpu", lambda device: False), patch.object(memory, "vram_state", state), \
                patch.object(memory, "get_free_memory", lambda *_, **__: free):     # noqa: B023 - used at once
            got = clip()
        assert patched.model.model_lowvram and patched.loaded_size() <= share * patched.model_size(), state
        assert (patched.loaded_size() > 0) == (share > 0), state
        for one, other in zip(got, wanted, strict=True):
            near(one, other, 1e-5)
    memory.unload_all_models()
    near(sample(world, empty(), model=patched).unbind()[0], wanted[0], 1e-5)


def check_dynamic_vram_is_left_alone_on_a_processor(world: SimpleNamespace) -> None:
    """ComfyUI itself takes its plain patcher where the device is the processor, whatever --enable-dynamic-vram says."""
    dynamic = comfy.model_patcher.ModelPatcherDynamic
    with patch.object(comfy.model_patcher, "CoreModelPatcher", dynamic):
        again = part("nodes.adapter_model").model_from_checkpoint(world.checkpoint, inside.CHECKPOINT, world.video)
        assert not part("nodes.adapter_vae").video_vae_from_checkpoint(world.checkpoint).patcher.is_dynamic()
    assert not again.is_dynamic()
    near(sample(world, empty(), model=again).unbind()[0], sample(world, empty()).unbind()[0], 1e-5)


if __name__ == "__main__":
    inside.main(globals())
