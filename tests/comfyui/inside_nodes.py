"""Checks of the nodes that give the model something to begin with, and of the guider; as inside.py, run by test_native.

Run as: python inside_nodes.py CHECKOUT CHECKPOINT, with PYTHONPATH at ComfyUI's folder.
"""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import inside
import torch
from comfy.nested_tensor import NestedTensor
from comfy_api.latest import InputImpl, Types
from inside import comfy, empty, near, part, refused, sample

import nodes as comfy_nodes

BATCH = {"positions": "", "seconds": 1.0, "width": 64, "height": 64, "frame_rate": 24.0, "batch_size": 1}


def node(file: str, name: str) -> Any:
    return getattr(part(f"nodes.{file}"), name)


def pictures(count: int = 1, height: int = 64, width: int = 64) -> torch.Tensor:
    """IMAGE of smooth pictures, all different."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([torch.stack([x, y, (x + y + k / count) / 3], dim=-1) for k in range(count)])


def tone(seconds: float, rate: int = 24000, channels: int = 1) -> dict[str, Any]:
    """AUDIO of a tone that grows."""
    times = torch.arange(round(seconds * rate)) / rate
    wave = 0.5 * torch.sin(2 * math.pi * 440 * times) * times / seconds
    return {"waveform": wave.expand(1, channels, -1).clone(), "sample_rate": rate}


def video(images: torch.Tensor, rate: float = 24, audio: Any = None) -> Any:
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=images, audio=audio, frame_rate=Fraction(rate)))


def masks(latent: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """(T',) and (L,): which latents are to be made."""
    picture, sound = latent["noise_mask"].unbind()
    return picture.amax(dim=(0, 1, 3, 4)), sound[0, 0]


def images_to_video(world: SimpleNamespace, **given: Any) -> dict[str, Any]:
    return node("image_to_video", "SoraImageToVideo").execute(world.video, **{**BATCH, **given})[0]


def decode(world: SimpleNamespace, latent: dict[str, Any]) -> torch.Tensor:
    return node("decode", "SoraDecode").execute(latent, world.video)[0]


def sampled(world: SimpleNamespace, latent: dict[str, Any]) -> dict[str, Any]:
    """The latent after ComfyUI's sampler, with its mask and all else that it carries."""
    return {**latent, "samples": sample(world, latent, noise_mask=latent.get("noise_mask"))}


def held(world: SimpleNamespace, picture: torch.Tensor) -> torch.Tensor:
    """What the video VAE makes of nine equal frames."""
    return world.video.decode(world.video.encode(picture.expand(9, -1, -1, -1)))[0]


def check_a_first_picture_is_the_first_frame(world: SimpleNamespace) -> None:
    first = pictures()
    latent = images_to_video(world, first_image=first, batch_size=2, width=128, height=128)
    assert masks(latent)[0].tolist() == [0, 1, 1, 1] and bool(masks(latent)[1].all())
    frames = decode(world, sampled(world, latent))
    assert frames.shape == (48, 128, 128, 3)
    fitted = torch.nn.functional.interpolate(first.movedim(-1, 1), (128, 128), mode="bicubic", antialias=True)
    wanted = world.video.decode(world.video.encode(fitted.movedim(1, -1).clamp(0, 1)))[0, 0]
    near(frames[0], wanted, 1e-3)
    near(frames[24], wanted, 1e-3)


def check_pictures_anywhere_are_shown_there(world: SimpleNamespace) -> None:
    first, last, *more = pictures(4, 128, 128).split(1)
    more = torch.cat(more)
    latent = images_to_video(world, first_image=first, last_image=last, images=more, positions="20, 40", seconds=2.5,
                             width=128, height=128)
    assert masks(latent)[0].tolist() == [0, 1, 1, 0, 1, 0, 1, 1, 0]
    frames = decode(world, sampled(world, latent))
    for frame, picture in ((20, more[:1]), (40, more[1:]), (59, last)):
        near(frames[frame], held(world, picture)[1 + (frame - 1) % 8], 0.02)


def check_a_last_picture_alone_is_the_last_frame(world: SimpleNamespace) -> None:
    last = pictures(1, 128, 128)
    latent = images_to_video(world, last_image=last, width=128, height=128)
    assert masks(latent)[0].tolist() == [1, 1, 1, 0]
    free, wrappers = world.model.clone(), comfy.patcher_extension.WrappersMP
    for kind in (wrappers.OUTER_SAMPLE, wrappers.PREDICT_NOISE):
        free.remove_wrappers_with_key(kind, part("nodes.adapter_anchors").KEY)
    for sampler in ("euler", "lcm", "dpmpp_2m"):
        picture, _ = sample(world, latent, sampler, noise_mask=latent["noise_mask"]).unbind()
        loose, _ = sample(world, latent, sampler, model=free, noise_mask=latent["noise_mask"]).unbind()
        each, wanted = picture[:, :, :1] + picture[:, :, 3:], latent["samples"].unbind()[0]
        near(each, wanted[:, :, :1] + wanted[:, :, 3:], 1e-4)
        assert float((loose[:, :, :1] + loose[:, :, 3:] - each).abs().max()) > 0.1, "without the wrapper it is another"
        assert float((picture[:, :, :1] - wanted[:, :, :1]).abs().mean()) > 1e-3, "the first frame is made, not given"
    near(sample(world, empty(), model=free).unbind()[0], sample(world, empty()).unbind()[0], 1e-6)
    long = images_to_video(world, last_image=last, width=128, height=128, seconds=6.0)
    video, _ = sample(world, long, noise_mask=long["noise_mask"]).unbind()
    wanted = long["samples"].unbind()[0]
    near(video[:, :, :1] + video[:, :, -1:], wanted[:, :, :1] + wanted[:, :, -1:], 1e-3)


def check_batches_that_do_not_match_get_a_sentence(world: SimpleNamespace) -> None:
    two = NestedTensor((torch.zeros(2, 48, 4, 4, 4), torch.zeros(1, 32, 12)))
    refused("batches of 2 and 1 clips", lambda: decode(world, {"samples": two}))
    refused("batches of 2 and 1 clips", lambda: guided(world, 1.0, {"samples": two}))
    bad = {"samples": NestedTensor((torch.full((1, 48, 4, 4, 4), math.nan), torch.zeros(1, 32, 12)))}
    refused("not numbers", lambda: decode(world, bad))
    other = SimpleNamespace(tokenizer=object())
    refused("another model's text encoder", lambda: node("text", "SoraTextEncode").execute(other, "a ball"))


def check_batches_are_repeated_and_parted_with_picture_and_sound(world: SimpleNamespace) -> None:
    latent = images_to_video(world, first_image=pictures(), batch_size=2)
    twice = comfy_nodes.RepeatLatentBatch().repeat(latent, 2)[0]
    assert [len(stream) for stream in twice["samples"].unbind()] == [4, 4]
    assert [len(stream) for stream in twice["noise_mask"].unbind()] == [4, 4]
    assert decode(world, sampled(world, twice)).shape == (4 * 24, 64, 64, 3)
    one = comfy_nodes.LatentFromBatch().frombatch(latent, 1, 1)[0]
    assert [len(stream) for stream in one["samples"].unbind()] == [1, 1] and one["sora_plan"] == latent["sora_plan"]
    near(one["samples"].unbind()[0], latent["samples"].unbind()[0][1:], 0)
    refused("separate them first", lambda: latent["samples"].repeat(1, 1, 2, 1, 1))


def check_two_prompts_of_any_length_share_a_pass(world: SimpleNamespace) -> None:
    passes: list[int] = []
    network = world.model.model.diffusion_model
    watch = network.register_forward_hook(lambda module, given, made: passes.append(len(made[0])))
    try:
        sample(world, empty())
    finally:
        watch.remove()
    assert len(passes) == inside.STEPS and 2 in passes, passes


def check_another_model_is_refused_by_the_guider(world: SimpleNamespace) -> None:
    words = inside.conditioning(world.clip, "a ball")
    other = SimpleNamespace(model=object(), model_options={})
    refused("connect the model of Sora Checkpoint Loader",
            lambda: node("guider", "SoraGuider").execute(other, words, words, 2.0, 1.0))


def check_the_shape_follows_the_picture(world: SimpleNamespace) -> None:
    wide = images_to_video(world, first_image=pictures(height=90, width=160), width=0, height=0)
    assert (wide["sora_plan"].width, wide["sora_plan"].height) == (160, 96)
    large = images_to_video(world, first_image=pictures(height=90, width=160), width=1280, height=720)
    assert (large["sora_plan"].width, large["sora_plan"].model_width) == (1280, 160)


def check_bad_pictures_get_a_sentence(world: SimpleNamespace) -> None:
    one = pictures()
    refused("connect first_image, last_image or images", lambda: images_to_video(world))
    refused("holds 2 pictures; connect one", lambda: images_to_video(world, first_image=pictures(2)))
    refused("give each image one position", lambda: images_to_video(world, images=pictures(2), positions="3"))
    refused("are not frame numbers", lambda: images_to_video(world, images=one, positions="one"))
    refused("outside of the clip", lambda: images_to_video(world, images=one, positions="24"))
    refused("too near to another given picture",
            lambda: images_to_video(world, images=pictures(2), positions="10, 12"))
    refused("not numbers", lambda: images_to_video(world, first_image=one * math.nan))
    refused("connect an IMAGE in colour", lambda: images_to_video(world, first_image=one[:, :0]))
    refused("connect an IMAGE in colour", lambda: images_to_video(world, first_image=one[..., :1]))
    refused("not Sora's video VAE", lambda: node("image_to_video", "SoraImageToVideo").execute(world.audio, **BATCH))
    refused("height=0", lambda: images_to_video(world, first_image=one, height=0))


def extend(world: SimpleNamespace, clip: Any, seconds: float = 1.0, tail_seconds: float = 1.5) -> dict[str, Any]:
    return node("extend", "SoraExtendVideo").execute(world.video, world.audio, clip, seconds, tail_seconds)[0]


def check_an_extension_begins_with_the_tail_and_gives_what_is_new(world: SimpleNamespace) -> None:
    images, audio = pictures(60, 128, 128), tone(2.5)
    latent = extend(world, video(images, 24, audio))
    plan = latent["sora_plan"]
    assert (plan.known_frames, plan.num_frames, plan.known_samples, plan.num_samples) == (33, 24, 33000, 24000)
    assert masks(latent)[0].tolist() == [0] * 5 + [1] * 3 and masks(latent)[1].tolist() == [0] * 16 + [1] * 13
    near(latent["samples"].unbind()[0][:, :, :5], world.video.encode(images[27:]), 1e-4)
    near(latent["samples"].unbind()[1][..., :16],
         world.audio.encode(audio["waveform"][:, :, 27000:].movedim(1, -1))[..., :16], 1e-4)
    done = sampled(world, latent)
    assert decode(world, done).shape == (24, 128, 128, 3)
    near(decode(world, done), world.video.decode(done["samples"].unbind()[0])[0, 33:57], 1e-5)
    sound = node("audio", "SoraAudioSynthesis").execute(done, world.audio)[0]["waveform"]
    near(sound[0], world.audio.decode(done["samples"].unbind()[1])[0].T[:, 33000:57000], 1e-5)


def check_an_extension_keeps_rate_and_size(world: SimpleNamespace) -> None:
    latent = extend(world, video(pictures(75, 91, 161), 30, tone(2.5, 48000, 2)), seconds=0.5)
    plan = latent["sora_plan"]
    assert (plan.num_frames, plan.width, plan.height, plan.known_frames) == (15, 160, 90, 33)
    assert plan.known_samples == round((32 / 24 + 1 / 30) * 24000) and plan.num_samples == 12000
    assert decode(world, latent).shape == (15, 90, 160, 3)
    silent = extend(world, video(pictures(30, 64, 64), 24))
    assert bool(masks(silent)[1].all()) and masks(silent)[0].tolist() == [0] * 4 + [1] * 3
    short = extend(world, video(pictures(3, 64, 64), 24), tail_seconds=0.05)
    assert short["sora_plan"].known_frames == 1 and masks(short)[0].tolist() == [0, 1, 1, 1]
    refused("tail_seconds=0", lambda: extend(world, video(pictures(3)), tail_seconds=0))
    refused("connect a VIDEO", lambda: extend(world, pictures(3)))
    refused("frame rate 240", lambda: extend(world, video(pictures(30), 240)))


def check_a_long_file_is_read_at_its_end_only(world: SimpleNamespace) -> None:
    whole = video(pictures(120, 64, 64), 24, tone(5.0))
    convert = part("nodes.convert")
    stored = InputImpl.VideoFromFile(whole.get_stream_source())
    clip, everything = convert.clip_from_video(stored, 2.0), convert.clip_from_video(stored)
    assert len(everything.images) == 120 and 48 <= len(clip.images) <= 50
    near(clip.images, everything.images[-len(clip.images):], 1e-6)
    start = (120 - len(clip.images)) * 1000     # of 24000 samples and 24 frames a second
    near(clip.audio["waveform"][..., :24000], everything.audio["waveform"][..., start:start + 24000], 0.1)


def check_foley_gives_the_picture_and_asks_for_sound(world: SimpleNamespace) -> None:
    foley, images = node("foley", "SoraFoley"), pictures(48, 128, 128)
    latent = foley.execute(world.video, images=images, frame_rate=24.0)[0]
    assert not bool(masks(latent)[0].any()) and bool(masks(latent)[1].all()) and masks(latent)[1].shape == (24,)
    near(latent["samples"].unbind()[0], world.video.encode(images), 1e-4)
    done = sampled(world, latent)
    near(done["samples"].unbind()[0], latent["samples"].unbind()[0], 1e-6)
    assert node("audio", "SoraAudioSynthesis").execute(done, world.audio)[0]["waveform"].shape == (1, 1, 48000)
    other = foley.execute(world.video, video=video(pictures(50, 90, 160), 25))[0]
    assert other["samples"].unbind()[0].shape[2:] == (7, 6, 10) and other["sora_plan"].num_samples == 48000
    refused("connect either video or images", lambda: foley.execute(world.video))
    refused("connect either", lambda: foley.execute(world.video, video=video(images), images=images))
    long = images[:1].expand(62, -1, -1, -1)
    refused("cut it to at most 60", lambda: foley.execute(world.video, video=video(long, 1)))
    refused("seconds", lambda: foley.execute(world.video, images=long, frame_rate=1.0))


def check_lip_sync_gives_the_sound_and_asks_for_the_picture(world: SimpleNamespace) -> None:
    lips = node("lip_sync", "SoraLipSync")
    size = {"width": 0, "height": 0, "frame_rate": 24.0}
    audio = tone(1.5)
    latent = lips.execute(world.audio, audio, **size)[0]
    assert bool(masks(latent)[0].all()) and not bool(masks(latent)[1].any())
    near(latent["samples"].unbind()[1], world.audio.encode(audio["waveform"].movedim(1, -1)), 1e-4)
    assert latent["sora_plan"].num_frames == 36
    done = sampled(world, latent)
    near(done["samples"].unbind()[1], latent["samples"].unbind()[1], 1e-6)
    faced = lips.execute(world.audio, audio, video_vae=world.video, first_image=pictures(1, 160, 90), **size)[0]
    assert masks(faced)[0].tolist() == [0, 1, 1, 1, 1, 1]
    assert (faced["sora_plan"].width, faced["sora_plan"].height) == (96, 160)
    for rate, channels in ((8000, 1), (44100, 8), (48000, 2)):
        other = lips.execute(world.audio, tone(1.5, rate, channels), **size)[0]["samples"].unbind()[1]
        assert other.shape == latent["samples"].unbind()[1].shape
        if rate > 8000:
            near(other, latent["samples"].unbind()[1], 0.15)
    refused("connect that of Sora Checkpoint Loader",
            lambda: lips.execute(world.audio, audio, first_image=pictures(), **size))
    refused("not Sora's audio VAE", lambda: lips.execute(world.video, audio, **size))
    for bad, words in ((tone(0.0), "longer than 0 seconds"), (tone(62.0), "Trim Audio Duration"),
                       ({**audio, "waveform": audio["waveform"] * math.nan}, "not numbers"),
                       ({**audio, "waveform": audio["waveform"].expand(3, -1, -1)}, "3 sounds at once"),
                       (pictures(), "connect an AUDIO"), ({**audio, "sample_rate": 0}, "sample rate of 0")):
        refused(words, lambda bad=bad: lips.execute(world.audio, bad, **size))


def check_loudness_reaches_its_target(world: SimpleNamespace) -> None:
    latent = empty(seconds=1.0)
    heard = world.audio.encode(tone(1.0)["waveform"].movedim(1, -1))
    latent["samples"] = NestedTensor((latent["samples"].unbind()[0], heard))
    synthesis, loud = node("audio", "SoraAudioSynthesis"), part("sora_core.loudness")
    made, quiet = (synthesis.execute(latent, world.audio, target)[0]["waveform"] for target in (0.0, -30.0))
    near(made, synthesis.execute(latent, world.audio)[0]["waveform"], 0)
    assert abs(float(loud.loudness(quiet, 24000)) + 30) < 0.5 and abs(float(loud.loudness(made, 24000)) + 30) > 0.6
    assert float(loud.true_peak(synthesis.execute(latent, world.audio, -5.0)[0]["waveform"], 24000)) <= -0.999


def guided(world: SimpleNamespace, coupling: float, latent: dict[str, Any], text: float = inside.SCALE) -> Any:
    """What Sampler Custom Advanced does with our guider."""
    conditions = [inside.conditioning(world.clip, words) for words in ("a ball", "")]
    guider = node("guider", "SoraGuider").execute(world.model, *conditions, text, coupling)[0]
    sigmas = comfy.samplers.calculate_sigmas(world.model.get_model_object("model_sampling"), "simple", inside.STEPS)
    start = latent["samples"]
    return guider.sample(comfy.sample.prepare_noise(start, inside.SEED), start, comfy.samplers.sampler_object("euler"),
                         sigmas, denoise_mask=latent.get("noise_mask"), seed=inside.SEED, disable_pbar=True)


def check_the_guider_without_coupling_is_comfyuis(world: SimpleNamespace) -> None:
    latent = empty()
    for got, wanted in zip(guided(world, 1.0, latent).unbind(), sample(world, latent).unbind(), strict=True):
        near(got, wanted, 1e-5)


def check_coupling_is_that_of_the_core(world: SimpleNamespace) -> None:
    latent = empty()
    flow, guidance, coupling = (part(f"sora_core.sampling.{name}") for name in ("flow", "guidance", "coupling"))
    states = [world.pipeline.encode_prompt(world.models, text) for text in ("a ball", "")]
    noise = world.pipeline.make_noise(world.models, latent["sora_plan"], inside.SEED)
    windows = part("sora_core.sampling.windows").plan_windows(noise[0].shape[2], noise[1].shape[2], 4.0)
    [guide] = inside.own_guides(world, latent["sora_plan"], states, windows)
    text, plain = (guidance.guided_velocity(world.models.transformer, *states, scale, 24.0, guide)
                   for scale in (inside.SCALE, 1.0))
    velocity = coupling.coupled_velocity(text, plain, 2.5, inside.SEED)
    wanted = flow.euler(velocity, *noise, flow.schedule(inside.STEPS))
    got = guided(world, 2.5, latent).unbind()
    for one, other, plain_one in zip(got, wanted, sample(world, latent).unbind(), strict=True):
        near(one[:, :other.shape[1]], other, 1e-3)
        assert float((one - plain_one).abs().max()) > 1e-2, "coupling changes the clip"


def check_coupling_keeps_what_is_given_and_makes_long_clips(world: SimpleNamespace) -> None:
    latent = node("foley", "SoraFoley").execute(world.video, images=pictures(24, 128, 128), frame_rate=24.0)[0]
    picture, sound = guided(world, 2.0, latent).unbind()
    near(picture, latent["samples"].unbind()[0], 1e-6)
    assert float((sound - guided(world, 1.0, latent).unbind()[1]).abs().max()) > 1e-3
    assert all(bool(torch.isfinite(stream).all()) for stream in guided(world, 2.0, empty(seconds=5.0)).unbind())
    silent = {"samples": empty()["samples"].unbind()[0]}
    near(guided(world, 2.0, silent), guided(world, 1.0, silent), 1e-6)      # nothing to couple a picture alone with
    for odd in ({"coupling": -1.0}, {"coupling": math.nan}, {"coupling": 1.0, "text": 101.0}):
        refused("out of range", lambda odd=odd: guided(world, latent=latent, **odd))


if __name__ == "__main__":
    inside.main(globals())
