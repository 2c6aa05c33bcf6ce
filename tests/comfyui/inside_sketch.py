"""The sketch that latents carry, through ComfyUI's samplers, decoders and nodes for latents; run as inside.py."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import inside  # before ComfyUI's modules, which read the options that it sets

# isort: split
import comfy_extras.nodes_custom_sampler as custom
import comfy_extras.nodes_hunyuan as hunyuan
import comfy_extras.nodes_lt as streams
import comfy_extras.nodes_mask as masks
import comfy_extras.nodes_post_processing  # noqa: F401 - before nodes_latent, since they import each other
import folder_paths
import torch
from comfy.nested_tensor import NestedTensor
from comfy_extras import nodes_latent as extra
from inside import comfy, empty, near, own_sample, part, picture, sample
from inside_nodes import node
from inside_odd import sampled

import nodes as stock

Change = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def carried(samples: Any) -> torch.Tensor:
    """The channels of a LATENT's samples that carry its sketch."""
    return (samples.unbind()[0] if samples.is_nested else samples)[:, 48:]


def sketch_in(samples: Any) -> Any:
    return part("sora_core.models.carried").sketch_of(carried(samples))


def same(one: Any, other: Any) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("states", "hits", "traits", "stage"))


def finished(world: SimpleNamespace, seconds: float = 1.0, **given: Any) -> dict[str, Any]:
    """A clip of the prompt "a ball" as KSampler gives it."""
    return sampled(world, empty(seconds=seconds), **{"steps": 2, **given})


def alone(latent: dict[str, Any]) -> dict[str, Any]:
    """Its picture without its sound."""
    return streams.LTXVSeparateAVLatent.execute(latent)[0]


def guides_seen(world: SimpleNamespace, act: Callable[[], Any]) -> list[bool]:
    """Whether the network was shown a sketch, at each of its calls."""
    seen: list[bool] = []

    def watch(_: Any, __: Any, given: dict[str, Any]) -> None:
        guide = given.get("guide_video")
        seen.append(guide is not None and bool(guide.any()))

    hook = world.model.model.diffusion_model.register_forward_pre_hook(watch, with_kwargs=True)
    try:
        act()
    finally:
        hook.remove()
    return seen


def check_a_sampler_gives_a_whole_sketch_and_all_decoders_show_it(world: SimpleNamespace) -> None:
    latent = empty()
    plan, video = latent["sora_plan"], sample(world, latent).unbind()[0]
    assert video.shape[1] == 68
    states = [world.pipeline.encode_prompt(world.models, text).float() for text in ("a ball", "")]
    sketch = inside.own_sketch(world, plan, states)
    assert same(sketch_in(video), sketch.frames(0, 25))
    own = part("sora_core.models.carried").with_sketch(own_sample(world, plan)[0], sketch)
    frames = torch.cat(list(world.pipeline.decode_video(world.models.video_vae, own)), dim=2)
    shown = world.video.decode(video)
    near(shown[0], (frames[0].movedim(0, -1) + 1) / 2, 0.02)        # one of them may work in bfloat16
    assert float((shown - world.video.decode(picture(video))).abs().mean()) > 0.01, "the sketch isn't shown"
    for tile in (2, 3):
        near(world.video.decode_tiled(video, tile_x=tile, tile_y=tile, overlap=1), shown, 0.02)
    near(node("decode", "SoraDecode").execute({**latent, "samples": video}, world.video)[0], shown[0, :24], 1e-5)


def check_long_clips_and_batches_carry_whole_sketches(world: SimpleNamespace) -> None:
    reported: list[Any] = []
    long = sample(world, empty(seconds=6.5), callback=lambda step, clean, noisy, steps: reported.append(clean))
    assert sketch_in(long) is not None
    assert all(carried(clean).equal(carried(long)) for clean in reported) and len(reported) == 2 * inside.STEPS
    two = sample(world, empty(batch_size=2))
    found = sketch_in(two)
    assert len(found.states) == 2 and not same(found[:1], found[1:])
    both = world.video.decode(two.unbind()[0])
    for row in (0, 1):
        near(world.video.decode(two.unbind()[0][row:row + 1])[0], both[row], 1e-4)


def check_small_clips_carry_none_and_are_made(world: SimpleNamespace) -> None:
    small = sample(world, {"samples": NestedTensor((torch.zeros(1, 68, 3, 4, 4), torch.zeros(1, 32, 9)))})
    assert not bool(carried(small).any())
    assert bool(torch.isfinite(world.video.decode(small.unbind()[0])).all())


def check_two_samplers_make_the_clip_of_one(world: SimpleNamespace) -> None:
    words, nothing = (inside.conditioning(world.clip, text) for text in ("a ball", ""))

    def steps(latent: dict[str, Any], seed: int, noise: str, start: int, end: int, leftover: str) -> dict[str, Any]:
        return stock.KSamplerAdvanced().sample(world.model, noise, seed, 4, 2.0, "euler", "simple", words, nothing,
                                               latent, start, end, leftover)[0]

    one = steps(empty(), 3, "enable", 0, 10000, "disable")["samples"]
    first = steps(empty(), 3, "enable", 0, 2, "enable")
    assert same(sketch_in(first["samples"]), sketch_in(one))
    both = steps(first, 99, "disable", 2, 10000, "disable")["samples"]      # another seed would draw another sketch
    for got, wanted in zip(both.unbind(), one.unbind(), strict=True):
        near(got, wanted, 1e-4)
    assert carried(both).equal(carried(one))
    split = custom.SplitSigmas.execute(comfy.samplers.calculate_sigmas(
        world.model.get_model_object("model_sampling"), "simple", 4), 2)
    guider = custom.CFGGuider.execute(world.model, words, nothing, 2.0)[0]
    euler = comfy.samplers.sampler_object("euler")
    noisy, clean = custom.SamplerCustomAdvanced.execute(custom.Noise_RandomNoise(3), guider, euler, split[0], empty())
    assert carried(clean["samples"]).equal(carried(noisy["samples"])) and sketch_in(clean["samples"]) is not None
    after = custom.SamplerCustomAdvanced.execute(custom.Noise_EmptyNoise(), guider, euler, split[1], noisy)[0]
    near(after["samples"].unbind()[0], one.unbind()[0], 1e-4)


def check_a_clip_that_is_partly_made_anew_keeps_its_sketch(world: SimpleNamespace) -> None:
    clip = finished(world)

    def again(latent: dict[str, Any] = clip, **given: Any) -> Any:
        made = sampled(world, latent, **{"positive": inside.conditioning(world.clip, "a blue box falls"), **given})
        assert all(bool(torch.isfinite(stream).all()) for stream in made["samples"].unbind())
        return made["samples"]

    for given in ({"denoise": 0.5}, {"latent": {**clip, "noise_mask": torch.cat([torch.ones(1, 8, 12),
                                                                                  torch.zeros(1, 8, 12)], dim=1)}}):
        made: list[Any] = []
        assert all(guides_seen(world, lambda given=given, made=made: made.append(again(**given))))
        assert carried(made[0]).equal(carried(clip["samples"]))
        assert float((made[0].unbind()[0] - clip["samples"].unbind()[0]).abs().max()) > 1e-3
    assert not same(sketch_in(again()), sketch_in(clip["samples"])), "made anew as a whole, it has another sketch"
    video, sound = clip["samples"].unbind()
    lost = {**clip, "samples": NestedTensor((torch.cat([picture(video), torch.zeros_like(video[:, 48:])], 1), sound))}
    assert not any(guides_seen(world, lambda: again(latent=lost, denoise=0.5)))
    older = {**clip, "samples": NestedTensor((picture(video), sound))}      # of before latents carried anything
    assert again(latent=older).unbind()[0].shape[1] == 48


def check_any_scheduler_paints_over_a_sketch(world: SimpleNamespace) -> None:
    for scheduler in ("simple", "ddim_uniform"):        # which begins lower than at noise alone
        assert all(guides_seen(world, lambda scheduler=scheduler: sampled(world, empty(), "euler", scheduler, steps=3)))


def check_a_picture_alone_keeps_its_sketch_where_it_is_partly_made_anew(world: SimpleNamespace) -> None:
    clip = finished(world)
    shown = alone(clip)
    for given in ({"denoise": 0.5}, {"latent": {**shown, "noise_mask": torch.zeros(1, 64, 64)}}):
        made = sampled(world, **{"latent": shown, **given})["samples"]
        assert carried(made).equal(carried(clip["samples"])) and bool(torch.isfinite(made).all())
    anew = sampled(world, shown)["samples"]
    assert anew.shape[1] == 68 and not bool(carried(anew).any())


def check_the_network_itself_takes_latents_that_carry(world: SimpleNamespace) -> None:
    """As Train LoRA calls it: no sampler stands around it then."""
    network, generator = world.model.model.diffusion_model, torch.Generator().manual_seed(0)
    video, text = torch.randn(2, 68, 3, 4, 4, generator=generator), torch.randn(2, 5, 32, generator=generator)
    for noise in (torch.tensor([0.7, 0.3]), torch.rand(2, 3, 4, 4, generator=generator)):
        time = (noise, torch.ones(2))
        velocity, plain = network(video, time, text), network(picture(video), time, text)
        near(velocity[:, :48], plain, 1e-5)
        sigma = noise.clamp(min=0.02).reshape(2, 1, *(noise.shape[1:] or (1, 1, 1)))
        near(video[:, 48:] - sigma * velocity[:, 48:], torch.zeros(2, 20, 3, 4, 4), 1e-5)


def check_saved_latents_carry_it(world: SimpleNamespace) -> None:
    clip, before = finished(world), folder_paths.get_output_directory()
    parts = streams.LTXVSeparateAVLatent.execute(clip)
    with tempfile.TemporaryDirectory() as folder:
        folder_paths.set_output_directory(folder)
        try:
            files = [stock.SaveLatent().save(parts[number], "clip")["ui"]["latents"][0] for number in (0, 1)]
            loaded = [stock.LoadLatent().load(f"{file['filename']} [output]")[0] for file in files]
        finally:
            folder_paths.set_output_directory(before)
    joined = streams.LTXVConcatAVLatent.execute(*loaded)[0]
    for got, wanted in zip(joined["samples"].unbind(), clip["samples"].unbind(), strict=True):
        assert got.equal(wanted)
    near(node("decode", "SoraDecode").execute(joined, world.video)[0][:24],
         node("decode", "SoraDecode").execute(clip, world.video)[0], 1e-6)


def by_name(name: str, **given: Any) -> Change:
    """One of ComfyUI's nodes for one latent."""
    kind = getattr(extra, name, None) or getattr(stock, name)
    run = kind.execute if hasattr(kind, "execute") else getattr(kind(), kind.FUNCTION)
    return lambda one, _: run(one, **given)[0]


def of_two(name: str, **given: Any) -> Change:
    kind = getattr(extra, name, None) or getattr(stock, name, None) or getattr(masks, name)
    run = kind.execute if hasattr(kind, "execute") else getattr(kind(), kind.FUNCTION)
    return lambda one, other: run(one, other, **given)[0]


LOSING: dict[str, Change] = {
    "upscale": by_name("LatentUpscale", upscale_method="bilinear", width=64, height=96, crop="disabled"),
    "upscale by": by_name("LatentUpscaleBy", upscale_method="nearest-exact", scale_by=1.5),
    "flip upright": by_name("LatentFlip", flip_method="y-axis: horizontally"),
    "rotate": by_name("LatentRotate", rotation="180 degrees"),
    "crop": by_name("LatentCrop", width=64, height=64, x=8, y=0),
    "cut in x": by_name("LatentCut", dim="x", index=1, amount=4), "scale": by_name("LatentMultiply", multiplier=0.9),
    "tone map": lambda one, _: extra.LatentApplyOperation.execute(
        one, extra.LatentOperationTonemapReinhard.execute(1.0)[0])[0],
    "blend": of_two("LatentBlend", blend_factor=0.5), "blend a little": of_two("LatentBlend", blend_factor=0.9),
    "add": of_two("LatentAdd"), "subtract": of_two("LatentSubtract"),
    "interpolate": of_two("LatentInterpolate", ratio=0.5), "side by side": of_two("LatentConcat", dim="x"),
    "one below the other": of_two("LatentConcat", dim="y"), "composite": of_two("LatentComposite", x=16, y=0),
    "composite, feathered": of_two("LatentComposite", x=16, y=0, feather=16),
    "composite, masked": of_two("LatentCompositeMasked", x=0, y=0, resize_source=False,
                                mask=torch.cat([torch.zeros(1, 80, 24), torch.ones(1, 80, 24)], dim=2)),
}
KEEPING: dict[str, Change] = {
    "repeat": by_name("RepeatLatentBatch", amount=2), "from batch": by_name("LatentFromBatch", batch_index=0, length=1),
    "cut in time": by_name("LatentCut", dim="t", index=1, amount=2), "backwards": by_name(
        "LatentFlip", flip_method="x-axis: vertically"),
    "cut to batch": by_name("LatentCutToBatch", dim="t", slice_size=2), "one after the other": of_two(
        "LatentConcat", dim="t"),
    "batch": of_two("LatentBatch"), "seed behavior": by_name("LatentBatchSeedBehavior", seed_behavior="fixed"),
    "same size": by_name("LatentUpscaleBy", upscale_method="nearest-exact", scale_by=1.0),
}


def check_other_nodes_keep_the_sketch_whole_or_lose_it(world: SimpleNamespace) -> None:
    one, other = alone(finished(world)), alone(finished(world, positive=inside.conditioning(world.clip, "a blue box")))
    draw = part("sora_core.models.carried").draw_carried
    for name, change in {**LOSING, **KEEPING}.items():
        try:
            made = change(one, other)["samples"]
            is_drawn = draw(carried(made), 16, 16)[1]
            assert bool(is_drawn.all()) if name in KEEPING else not bool(is_drawn.any())
            frames = world.video.decode(made)
            assert bool(torch.isfinite(frames).all())
            if name in LOSING:
                near(frames, world.video.decode(picture(made)), 0)
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error


def check_rooms_of_other_models_are_filled(world: SimpleNamespace) -> None:
    """ComfyUI fits an empty latent to the model's channels."""
    for room in (hunyuan.EmptyHunyuanLatentVideo.execute(width=96, height=160, length=9)[0],
                 stock.EmptyLatentImage().generate(64, 96)[0]):
        made = sampled(world, room)["samples"]
        assert made.shape[1] == 68 and made.ndim == 5 and bool(torch.isfinite(world.video.decode(made)).all())


if __name__ == "__main__":
    inside.main(globals())
