"""What the networks allocate, counted by PyTorch's profiler, against what they tell ComfyUI; run as inside.py."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import inside
import torch
from inside import comfy, empty, part


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
    adapter, configs = part("nodes.adapter_model"), part("sora_core.config")
    for config in (configs.TransformerConfig(), configs.TransformerConfig(width=512, num_heads=8)):
        description = adapter._description(config, None)
        network = adapter.SoraDiffusion(config, operations=comfy.ops.disable_weight_init, dtype=torch.float32)
        for seconds, width, height, batch in ((4.0, 128, 128, 2), (4.0, 160, 96, 4), (1.0, 128, 128, 8)):
            video, audio = (stream.repeat(batch, *[1] * (stream.ndim - 1)) for stream in
                            empty(seconds=seconds, width=width, height=height)["samples"].unbind())
            time, text = torch.ones(batch), torch.zeros(batch, 32, config.text_width)
            area = sum(stream.numel() for stream in (video, audio))
            estimate = area * 4 * 0.01 * description.memory_usage_factor * 1024 ** 2     # ComfyUI's, of float32
            within(peak(lambda: network([video, audio], (time, time), context=text)),   # noqa: B023 - called at once
                   estimate, f"{config.width} wide, {seconds} s, batch {batch}")


def check_the_decoders_take_what_they_announce(world: SimpleNamespace) -> None:
    for vae, latents in ((world.video, torch.randn(1, 48, 13, 8, 8)), (world.video, torch.randn(2, 48, 49, 6, 10)),
                         (world.audio, torch.randn(1, 32, 48)), (world.audio, torch.randn(1, 32, 240))):
        estimate = vae.memory_used_decode(tuple(latents.shape), torch.float32)
        made = vae.first_stage_model.decode(latents)
        most = peak(lambda: vae.first_stage_model.decode(latents)) - 2 * made.nbytes     # noqa: B023 - called at once
        assert most <= estimate, f"{tuple(latents.shape)}: {most:,} bytes counted, {estimate:,} announced"


if __name__ == "__main__":
    inside.main(globals())
