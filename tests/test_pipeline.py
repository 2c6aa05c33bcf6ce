"""The whole path on tiny untrained networks: lengths, sizes, rates, seeds, joins and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from sora_core import checkpoint as disk
from sora_core import media, pipeline
from sora_core.config import TextEncoderConfig
from sora_core.errors import CheckpointError, ConfigError, MediaError, PromptError, SoraError
from sora_core.plan import Plan
from sora_core.shapes import SKETCH_CHANNELS

Make = Callable[..., pipeline.Facts]


@pytest.fixture(scope="module")
def models(tiny_checkpoint: Path) -> pipeline.Models:
    return pipeline.load_models(tiny_checkpoint)


@pytest.fixture
def make(models: pipeline.Models, tmp_path: Path) -> Make:
    def run(prompt: str = "a red ball", **kwargs: Any) -> pipeline.Facts:
        values = {"output": tmp_path / "a.mp4", "checkpoint": models, "steps": 2, "seconds": 1, "signature": "none"}
        return pipeline.generate(prompt, **{**values, **kwargs})
    return run


def test_a_clip_with_sound(make: Make, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    facts = make(seconds=4, seed=7, on_progress=lambda step, steps: seen.append((step, steps)))
    clip = media.read_clip(tmp_path / "a.mp4")
    assert clip.video.shape == (1, 3, 96, 128, 128) and clip.frame_rate == 24 and clip.sample_rate == 24000
    assert abs(clip.waveform.shape[-1] - 96000) < 1024
    assert seen == [(1, 2), (2, 2)]
    assert set(facts.stages) == {"load", "text", "sketch", "sample", "decode_audio", "decode_video", "write"}
    assert (facts.frames, facts.seconds, facts.seed, len(facts.model)) == (96, 4.0, 7, 16)
    assert len(facts.mark) == 8 and not facts.is_signed
    tags = json.loads(media.read_tags(tmp_path / "a.mp4")["soracore"])
    assert (tags["prompt"], tags["seed"], tags["model"]) == ("a red ball", 7, facts.model)


def test_same_seed_same_bytes(make: Make, tmp_path: Path) -> None:
    files = []
    for seed in (3, 3, 4):
        facts = make(seed=seed)
        files.append((facts.latents, (tmp_path / "a.mp4").read_bytes()))
    assert files[0] == files[1] and files[0][0] != files[2][0]


def test_words_steps_and_guidance_matter(make: Make) -> None:
    variants = [{}, {"prompt": "a blue box"}, {"steps": 3}, {"guidance_scale": 1.0}, {"negative_prompt": "a box"}]
    made = [make(**variant) for variant in variants]
    assert len({facts.latents for facts in made}) == len(variants) and not any(facts.unused for facts in made)
    assert "guidance scale 1" in make(guidance_scale=1.0, negative_prompt="a box").unused
    assert "Not learnt: zebra." in make(prompt="a red zebra").unused


@pytest.mark.parametrize(("seconds", "rate", "width", "height"), [
    (0.01, 24, None, None), (0.5, 30, 160, 96), (1, "24000/1001", 96, 160), (0.7, 60, 64, 64), (0.5, 1, 130, 62),
    (0.3, 12, 640, 360), (6, 24, None, None)])
def test_any_length_rate_and_size(make: Make, tmp_path: Path, seconds: float, rate: float | str, width: int | None,
                                  height: int | None) -> None:
    facts = make(seconds=seconds, frame_rate=rate, width=width, height=height)
    clip = media.read_clip(tmp_path / "a.mp4")
    assert clip.video.shape == (1, 3, facts.frames, height or 128, width or 128)
    assert abs(facts.seconds - seconds) <= 1 / Fraction(rate)
    assert facts.frames == 1 or clip.frame_rate == Fraction(rate)


def test_the_first_frame_is_given(models: pipeline.Models, make: Make, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    make(seconds=0.01, width=160, height=96)
    picture = media.read_clip(tmp_path / "a.mp4").video
    monkeypatch.setattr(media, "read_image", lambda path: picture)
    latents: list[torch.Tensor] = []
    decode = models.video_vae.decode_stream

    def watch(video: torch.Tensor) -> Any:
        latents.append(video)
        return decode(video)

    monkeypatch.setattr(models.video_vae, "decode_stream", watch)
    facts = make("", image="any.png")
    assert (facts.width, facts.height) == (160, 96), "the shape follows the picture"
    assert torch.equal(latents[0][:, :8, :1], models.video_vae.encode(picture))


def test_noise_is_drawn_as_comfyui_does(models: pipeline.Models) -> None:
    plan = Plan(96, Fraction(24), 128, 128, 96, 128, 128, 96000)
    video, audio = pipeline.make_noise(models, plan, 11)
    generator = torch.manual_seed(11)
    drawn = torch.randn(1, 8 + SKETCH_CHANNELS, 13, 8, 8, generator=generator)
    assert torch.equal(video, drawn[:, :8]), "the rest is for the sketch"
    assert torch.equal(audio, torch.randn(1, 4, 48, generator=generator))


@pytest.mark.parametrize(("change", "fault", "words"), [
    ({"prompt": ""}, PromptError, "empty"), ({"prompt": " \n\t"}, PromptError, "empty"),
    ({"prompt": "a\0b"}, PromptError, "NUL"), ({"prompt": "a\ud800"}, PromptError, "broken"),
    ({"negative_prompt": "\udfff"}, PromptError, "negative"), ({"prompt": 7}, PromptError, "int"),
    ({"prompt": "x" * 10_000}, PromptError, "10,000 characters"), ({"prompt": "ball " * 100}, PromptError, "tokens"),
    ({"seconds": 0}, ConfigError, "seconds"), ({"seconds": 10_000}, ConfigError, "60"),
    ({"seconds": float("nan")}, ConfigError, "seconds"), ({"seconds": -1}, ConfigError, "seconds"),
    ({"width": 129}, ConfigError, "128 or 130"), ({"height": 1}, ConfigError, "32 to 4096"),
    ({"width": 10**9}, ConfigError, "4096"), ({"height": -16}, ConfigError, "4096"),
    ({"frame_rate": 0}, ConfigError, "frame rate"), ({"frame_rate": "x"}, ConfigError, "frame rate"),
    ({"frame_rate": float("inf")}, ConfigError, "frame rate"), ({"frame_rate": 1e9}, ConfigError, "frame rate"),
    ({"seed": -1}, ConfigError, "seed"), ({"seed": 1 << 64}, ConfigError, "seed"), ({"seed": "7"}, ConfigError, "seed"),
    ({"steps": 0}, ConfigError, "steps"), ({"steps": 10**6}, ConfigError, "steps"),
    ({"guidance_scale": float("nan")}, ConfigError, "guidance"), ({"guidance_scale": -5.0}, ConfigError, "guidance"),
    ({"guidance_scale": 1e9}, ConfigError, "guidance"), ({"image": "none.png"}, MediaError, "none.png"),
    ({"output": "none/a.mp4"}, MediaError, "none"), ({"checkpoint": "none"}, CheckpointError, "none"),
])
def test_what_is_refused(make: Make, tmp_path: Path, change: dict[str, Any], fault: type[SoraError],
                         words: str) -> None:
    with pytest.raises(fault, match=words) as caught:
        make(**change)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prompt", ["\U0001f534\u26bd bounces", "\u05db\u05d3\u05d5\u05e8", "\u0627\u0644\u0643\u0631",
                                    "RED   bALL!!!", "\u202e a ball", "e\u0301\u0301\u0301", "<img onerror=x>"])
def test_any_script_is_a_prompt(make: Make, tmp_path: Path, prompt: str) -> None:
    make(prompt, seconds=0.1)
    assert media.read_tags(tmp_path / "a.mp4")["title"] == prompt


def test_both_kinds_of_arithmetic_agree(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = []
    for fast in (True, False):
        monkeypatch.setattr(pipeline, "has_fast_bfloat16", lambda fast=fast: fast)
        models = pipeline.load_models(tiny_checkpoint)
        assert models.transformer.text_in.weight.dtype == (torch.bfloat16 if fast else torch.float32)
        latents = torch.randn(1, 8, 3, 4, 6, generator=torch.Generator().manual_seed(0))
        text = pipeline.encode_prompt(models, "a red ball").to(models.transformer.text_in.weight.dtype)
        half = torch.full((1,), 0.5)
        out, _ = models.transformer(latents, torch.zeros(1, 4, 8), timestep_video=half, timestep_audio=half, text=text,
                                    text_mask=torch.ones(text.shape[:2], dtype=torch.bool), frame_rate=half * 48)
        assert out.dtype == torch.float32
        pictures.append((out, torch.cat(list(pipeline.decode_video(models.video_vae, latents)), dim=2)))
    for one, other in zip(*pictures, strict=True):
        assert one.dtype == torch.float32 and (one - other).abs().mean() < 0.02 * other.abs().mean()


def test_seed_bounds(make: Make) -> None:
    assert make(seed=(1 << 64) - 1, seconds=0.1).seed == (1 << 64) - 1


def test_cancel_leaves_nothing(make: Make, tmp_path: Path) -> None:
    def stop(step: int, steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(on_progress=stop)
    assert not list(tmp_path.iterdir())


def test_networks_that_do_not_fit(tiny_checkpoint: Path) -> None:
    whole = disk.load_checkpoint(tiny_checkpoint)
    config = dict(whole.config, text_encoder=TextEncoderConfig(vocabulary_size=280, width=16, depth=1, num_heads=2))
    tensors = dict(whole.tensors["text_encoder"])
    tensors["embedding.weight"] = tensors["embedding.weight"][:280]
    small = disk.Checkpoint(config, {**whole.tensors, "text_encoder": tensors}, whole.vocabulary, hash="0")
    with pytest.raises(CheckpointError, match="vocabulary"):
        pipeline.load_models(small)
    with pytest.raises(CheckpointError, match="vocabulary"):
        pipeline.load_models(disk.Checkpoint(whole.config, whole.tensors, None, hash="0"))
    part = {name: value for name, value in whole.config.items() if name != "audio_vae"}
    with pytest.raises(CheckpointError, match="has no audio_vae"):
        pipeline.load_models(disk.Checkpoint(part, whole.tensors, whole.vocabulary, hash="0"))


def test_numbers_that_run_away_are_not_decoded(models: pipeline.Models, make: Make, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.transformer, "forward", lambda video, audio, **_: (video / 0, audio / 0))
    with pytest.raises(ConfigError, match="stopped being numbers"):
        make()
    assert not list(tmp_path.iterdir())
