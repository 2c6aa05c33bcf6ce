"""Odd inputs, as links and other packs' nodes bring them: a clip is made of each, or one sentence says why not.

Run as inside.py. "Made" means that picture and sound come out of a sampler and our decoders, and last alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import inside
import torch
from comfy.nested_tensor import NestedTensor
from inside import comfy, refused
from inside_nodes import node, tone, video

import nodes as comfy_nodes

SIZE = {"seconds": 0.5, "width": 64, "height": 64, "frame_rate": 24.0, "batch_size": 1}


def random(count: int = 1, height: int = 64, width: int = 64, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, height, width, channels, generator=torch.Generator().manual_seed(0))


def room(**given: Any) -> dict[str, Any]:
    return node("latents", "SoraEmptyLatent").execute(**{**SIZE, **given})[0]


def sampled(world: SimpleNamespace, latent: dict[str, Any], sampler: str = "euler", scheduler: str = "simple",
            steps: int = 1, cfg: float = 2.0, positive: Any = None, negative: Any = None,
            denoise: float = 1.0) -> dict[str, Any]:
    """What ComfyUI's KSampler gives."""
    words = inside.conditioning(world.clip, "a ball") if positive is None else positive
    nothing = inside.conditioning(world.clip, "") if negative is None else negative
    return comfy_nodes.KSampler().sample(world.model, 3, steps, cfg, sampler, scheduler, words, nothing, latent,
                                         denoise)[0]


def made(world: SimpleNamespace, latent: dict[str, Any]) -> tuple[int, int, int]:
    """Frames, height and width of the clip that comes out."""
    done = sampled(world, latent)
    images, rate = node("decode", "SoraDecode").execute(done, world.video).args
    sound = node("audio", "SoraAudioSynthesis").execute(done, world.audio)[0]
    wave = sound["waveform"]
    assert bool(torch.isfinite(images).all()) and bool(torch.isfinite(wave).all())
    seconds = wave.shape[-1] / sound["sample_rate"]
    assert abs(len(images) / rate - seconds) < max(0.02, 1 / rate), (len(images) / rate, seconds)
    return images.shape[:3]


def pictures(world: SimpleNamespace, **given: Any) -> dict[str, Any]:
    return node("image_to_video", "SoraImageToVideo").execute(world.video, **{**SIZE, "positions": "", **given})[0]


def extended(world: SimpleNamespace, clip: Any, seconds: float = 0.5, tail: float = 0.5) -> dict[str, Any]:
    return node("extend", "SoraExtendVideo").execute(world.video, world.audio, clip, seconds, tail)[0]


def foley(world: SimpleNamespace, **given: Any) -> dict[str, Any]:
    return node("foley", "SoraFoley").execute(world.video, **given)[0]


def lips(world: SimpleNamespace, audio: Any, **given: Any) -> dict[str, Any]:
    return node("lip_sync", "SoraLipSync").execute(world.audio, audio, **{"width": 0, "height": 0, "frame_rate": 24.0,
                                                                          **given})[0]


def everything(**given: Any) -> Any:
    """Sora Text To Video, on the tiny checkpoint."""
    return node("text_to_video", "SoraTextToVideo").execute(**{
        "model": "sora-2", "prompt": "a ball", "size": "128x128", "duration": 4, "checkpoint": inside.CHECKPOINT,
        **given})


def check_odd_lengths_rates_and_sizes_are_made(world: SimpleNamespace) -> None:
    for seconds, rate, batch, width, height, frames in (
            (0.05, 24.0, 1, 64, 64, 1), (0.05, 1.0, 1, 64, 64, 1), (0.05, 120.0, 1, 64, 64, 6),
            (1 / 3, 23.976, 3, 64, 64, 24), (0.5, 29.97, 1, 2048, 32, 15), (0.5, 7.0, 2, 32, 64, 8),
            (4.3, 12.5, 1, 34, 66, 54), (0.5, 119.999, 1, 130, 98, 60), (0.3, 1.5, 1, 64, 64, 1)):
        latent = room(seconds=seconds, frame_rate=rate, batch_size=batch, width=width, height=height)
        assert made(world, latent) == (frames, height, width), (seconds, rate)


def check_odd_pictures_are_fitted(world: SimpleNamespace) -> None:
    for given in (random(1, 1, 1), random(1, 1, 5000), random(1, 999, 7), random(channels=4), random(channels=5),
                  random() * 50 - 20, random().half(), (random() * 255).byte()):
        assert made(world, pictures(world, first_image=given)) == (12, 64, 64), given.shape
    assert made(world, pictures(world, first_image=random(1, 2, 5000), width=0, height=0)) == (12, 32, 544)
    assert made(world, pictures(world, images=random(2), positions=" 0 ,  -1 ", seconds=1.0)) == (24, 64, 64)
    assert made(world, pictures(world, last_image=random(), batch_size=3)) == (36, 64, 64)


def check_odd_videos_go_on(world: SimpleNamespace) -> None:
    for clip, wanted in (
            (video(random(1), 24), (12, 64, 64)), (video(random(2), 120), (60, 64, 64)),
            (video(random(3), 1), (1, 64, 64)), (video(random(9, 65, 33), 24), (12, 64, 32)),
            (video(random(9, channels=4), 24), (12, 64, 64)),
            (video(random(12), 24, tone(0.5, 8000, 8)), (12, 64, 64)),
            (video(random(12), 24, tone(0.1)), (12, 64, 64)), (video(random(12), 24, tone(2.0)), (12, 64, 64)),
            (video(random(12), 24, tone(0.0)), (12, 64, 64))):
        assert made(world, extended(world, clip)) == wanted, wanted
    assert made(world, extended(world, video(random(9), 24), tail=60.0)) == (12, 64, 64)


def check_odd_clips_get_sound_and_odd_sounds_a_picture(world: SimpleNamespace) -> None:
    for count, rate in ((1, 24.0), (1, 1.0), (7, 120.0), (31, 23.976)):
        assert made(world, foley(world, images=random(count), frame_rate=rate)) == (count, 64, 64)
    for audio, frames in ((tone(0.2, 96000, 2), 5), (tone(0.5, 11025), 12), (tone(0.5, 8000, 8), 12),
                          ({"waveform": torch.zeros(1, 1, 1), "sample_rate": 24000}, 1),
                          ({"waveform": torch.full((1, 1, 12000), 1e30), "sample_rate": 24000}, 12),
                          ({"waveform": torch.ones(1, 1, 12000, dtype=torch.int16), "sample_rate": 24000.0}, 12)):
        assert made(world, lips(world, audio, width=64, height=64)) == (frames, 64, 64)
    stereo = tone(0.5, 24000, 2)["waveform"].movedim(1, -1)     # as VAE Encode Audio gives it on
    assert world.audio.encode(stereo).equal(world.audio.encode(stereo[..., :1]))


def check_what_cannot_be_used_is_refused_in_a_sentence(world: SimpleNamespace) -> None:
    infinite = torch.full((1, 1, 12000), math.inf)
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("more than 0 and at most 60", lambda: room(seconds=0.0)), ("seconds=nan", lambda: room(seconds=math.nan)),
        ("seconds=inf", lambda: room(seconds=math.inf)), ("frame rate nan", lambda: room(frame_rate=math.nan)),
        ("frame rate 0", lambda: room(frame_rate=0.0)), ("width=0", lambda: room(width=0)),
        ("width=33 is odd", lambda: room(width=33)), ("width=1000000", lambda: room(width=10 ** 6)),
        ("batch_size=0", lambda: room(batch_size=0)), ("batch_size=-1", lambda: room(batch_size=-1)),
        ("batch_size=65", lambda: pictures(world, first_image=random(), batch_size=65)),
        ("(1, 64, 64, 2)", lambda: pictures(world, first_image=random(channels=2))),
        ("(64, 64, 3)", lambda: pictures(world, first_image=random()[0])),
        ("not numbers", lambda: pictures(world, first_image=random() / 0)),
        ("too near", lambda: pictures(world, images=random(2), positions="3,3")),
        ("'1.5' are not frame numbers", lambda: pictures(world, images=random(), positions="1.5")),
        ("9999' are not frame numbers", lambda: pictures(world, images=random(), positions="9" * 5000)),
        ("0 images and 1 positions", lambda: pictures(world, first_image=random(), positions="3")),
        ("width=0", lambda: extended(world, video(random(9, 1, 1), 24))),
        ("not numbers", lambda: extended(world, video(random(9), 24, {"waveform": infinite, "sample_rate": 24000}))),
        ("frame rate nan", lambda: foley(world, images=random(7), frame_rate=math.nan)),
        ("width=5000", lambda: foley(world, images=random(2, 32, 5000))),
        ("1 samples a second", lambda: lips(world, {"waveform": torch.zeros(1, 1, 3), "sample_rate": 1})),
        ("not numbers", lambda: lips(world, {"waveform": infinite, "sample_rate": 24000})),
        ("not a sound", lambda: lips(world, {"waveform": torch.zeros(1, 12000), "sample_rate": 24000})),
        ("not a sound", lambda: lips(world, None)),
        ("no samples", lambda: lips(world, {"waveform": torch.zeros(1, 0, 12000), "sample_rate": 24000})),
        ("not text", lambda: node("text", "SoraTextEncode").execute(world.clip, None)),
        ("no model 'sora-9'", lambda: everything(model="sora-9")),
        ("not a width and a height", lambda: everything(size="large")), ("width=10 ", lambda: everything(size="10x10")),
        ("steps=0", lambda: everything(steps=0)), ("seed=-1", lambda: everything(seed=-1)),
        ("seed=", lambda: everything(seed=2 ** 70)), ("at most 60", lambda: everything(duration=61)),
        ("text=nan", lambda: everything(guidance_scale=math.nan)), ("coupling=", lambda: everything(coupling=-1.0)),
        *[("LUFS is out of range", lambda loud=loud: node("audio", "SoraAudioSynthesis").execute(
            room(), world.audio, loud)) for loud in (math.nan, 5.0, -70.0)],
    ]
    for words, act in cases:
        refused(words, act)


def check_stock_decoders_refuse_what_is_not_ours(world: SimpleNamespace) -> None:
    refused("doesn't fit Sora's video VAE", lambda: world.video.decode(torch.zeros(1, 4, 8, 8)))
    refused("doesn't fit Sora's video VAE", lambda: world.video.decode_tiled(torch.zeros(1, 4, 8, 8)))
    refused("don't fit this model", lambda: world.video.decode(torch.zeros(1, 16, 2, 4, 4)))
    refused("don't fit this model", lambda: world.audio.decode(torch.zeros(1, 48, 2, 4, 4)))
    refused("don't fit this model", lambda: world.audio.decode(torch.zeros(1, 64, 20)))
    refused("can't be encoded", lambda: world.audio.encode(random(9)))


def check_conditionings_of_stock_nodes(world: SimpleNamespace) -> None:
    words, more, nothing = (inside.conditioning(world.clip, text) for text in ("a ball", "a blue box falls", ""))
    stock = comfy_nodes
    for given in (stock.ConditioningConcat().concat(words, more)[0],
                  stock.ConditioningAverage().addWeighted(more, words, 0.5)[0], words + more,
                  stock.ConditioningZeroOut().zero_out(words)[0],
                  stock.ConditioningSetTimestepRange().set_range(words, 0.0, 0.5)[0]):
        done = sampled(world, room(), steps=2, positive=given)["samples"].unbind()
        assert all(bool(torch.isfinite(stream).all()) for stream in done)
    for part_of_it in (stock.ConditioningSetArea().append(words, 64, 64, 0, 0, 1.0)[0],
                       stock.ConditioningSetAreaPercentage().append(words, 0.5, 0.5, 0.0, 0.0, 1.0)[0],
                       stock.ConditioningSetMask().append(words, torch.ones(1, 64, 64), "default", 1.0)[0]):
        refused("for a part of the picture", lambda given=part_of_it: sampled(world, room(), positive=given))
        refused("for a part of the picture", lambda given=part_of_it: sampled(world, room(), negative=given))
    refused("the positive conditioning is empty", lambda: sampled(world, room(), positive=[]))
    [[text, facts]] = nothing
    two = [[text.repeat(2, 1, 1), {name: torch.cat([value] * 2) if isinstance(value, torch.Tensor) else value
                                   for name, value in facts.items()}]]
    for clips in (1, 2, 3):
        refused("holds 2 prompts at once", lambda clips=clips: sampled(world, room(batch_size=clips), positive=two))


def check_masks_of_other_sizes_and_batches_are_fitted(world: SimpleNamespace) -> None:
    latent = room(batch_size=2)
    begun = sampled(world, latent)
    for mask in (torch.ones(1, 64, 64), torch.ones(3, 16, 16), torch.ones(1, 7, 9)):
        done = sampled(world, {**begun, "noise_mask": mask})["samples"].unbind()
        assert [len(stream) for stream in done] == [2, 2]
    kept = sampled(world, {**begun, "noise_mask": torch.zeros(3, 8, 8)})["samples"].unbind()[0]
    inside.near(kept, begun["samples"].unbind()[0], 1e-5)


def check_any_sampler_and_scheduler_gives_numbers(world: SimpleNamespace) -> None:
    pairs = [(sampler, "simple") for sampler in ("dpmpp_2m_sde", "lms", "ddim", "euler_cfg_pp", "sa_solver",
                                                 "gradient_estimation", "seeds_2", "dpm_adaptive", "ipndm")]
    pairs += [("euler", scheduler) for scheduler in comfy.samplers.SCHEDULER_NAMES]
    for sampler, scheduler in pairs:
        done = sampled(world, room(), sampler, scheduler, steps=3)["samples"].unbind()
        assert all(bool(torch.isfinite(stream).all()) for stream in done), (sampler, scheduler)
    for cfg in (0.0, -5.0, 100.0):
        assert bool(torch.isfinite(sampled(world, room(), steps=2, cfg=cfg)["samples"].unbind()[0]).all())
    begun = sampled(world, room())
    for denoise in (0.0, 0.5):
        assert sampled(world, begun, steps=2, denoise=denoise)["samples"].unbind()[0].shape[0] == 1


def check_memory_that_is_not_there_is_named(world: SimpleNamespace) -> None:
    memory, latent = comfy.model_management, room()
    free, memory.get_free_memory = memory.get_free_memory, lambda *_, **__: 1e5
    try:
        refused("GB of memory", lambda: node("decode", "SoraDecode").execute(latent, world.video))
    finally:
        memory.get_free_memory = free


def check_streams_of_other_lengths_and_numbers(world: SimpleNamespace) -> None:
    picture, sound = room()["samples"].unbind()
    for video_latents, audio_latents in ((picture, torch.cat([sound] * 3, dim=-1)), (picture, sound[..., :1]),
                                         (picture[:, :, :1], sound)):
        done = sampled(world, {"samples": NestedTensor((video_latents, audio_latents))})["samples"].unbind()
        assert [stream.shape for stream in done] == [video_latents.shape, audio_latents.shape]
    lost = {**room(), "samples": NestedTensor((picture * math.nan, sound))}
    refused("not numbers", lambda: made(world, lost))


if __name__ == "__main__":
    inside.main(globals())
