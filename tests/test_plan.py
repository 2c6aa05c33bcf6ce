"""What is generated for what was asked."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core import plan as planning
from sora_core.errors import ConfigError

EVEN = st.integers(16, 2048).map(lambda n: 2 * n)


def make(**kwargs: object) -> planning.Plan:
    values = {"seconds": 4, "width": None, "height": None, "frame_rate": 24, "multiple": 32, "sample_rate": 24000}
    return planning.make_plan(**{**values, **kwargs})


def test_defaults_are_the_trained_shape() -> None:
    assert make() == planning.Plan(96, Fraction(24), 128, 128, 96, 128, 128, 96000)


@settings(deadline=None)
@given(EVEN, EVEN)
def test_generated_sizes_are_near_the_trained_area(width: int, height: int) -> None:
    w, h = planning.model_size(width, height, 32)
    assert w % 32 == h % 32 == 0
    assert 0.7 * 128 * 128 <= w * h <= 1.1 * 128 * 128
    if width > height:
        assert w >= h
    assert planning.model_size(w, h, 32) == (w, h)
    assert planning.model_size(height, width, 32) == (h, w)


@pytest.mark.parametrize(("asked", "made"), [
    ((128, 128), (128, 128)), ((160, 96), (160, 96)), ((1920, 1080), (160, 96)), ((1080, 1920), (96, 160)),
    ((64, 64), (128, 128)), ((4096, 4096), (128, 128)), ((640, 480), (128, 96))])
def test_known_sizes(asked: tuple[int, int], made: tuple[int, int]) -> None:
    assert planning.model_size(*asked, 32) == made


@settings(deadline=None)
@given(st.floats(0.05, 60), st.sampled_from([1, 12, 24, 25, 30, 60, 120, "24000/1001", "30000/1001"]))
def test_length_is_met_within_a_frame(seconds: float, rate: int | str) -> None:
    plan = make(seconds=seconds, frame_rate=rate)
    assert abs(plan.seconds - seconds) <= 1 / plan.frame_rate
    assert abs(plan.num_samples / 24000 - plan.seconds) <= 1 / 24000
    assert abs((plan.model_frames - 1) / 24 - (plan.num_frames - 1) / plan.frame_rate) <= 1 / 48 + 1e-9


@settings(deadline=None)
@given(st.integers(1, 60), st.sampled_from([8, 12, 24, 30, 60]), st.integers(1, 20))
def test_frames_are_the_nearest_in_time(num_frames: int, rate: int, chunk: int) -> None:
    plan = planning.Plan(num_frames, Fraction(rate), 32, 32, 1 + round((num_frames - 1) * 24 / rate), 32, 32, 1)
    source = torch.arange(plan.model_frames + 3).float().view(1, 1, -1, 1, 1).expand(1, 3, -1, 32, 32)
    out = torch.cat(list(planning.finish(source.split(chunk, dim=2), plan)), dim=2)[0, 0, :, 0, 0]
    assert len(out) == num_frames
    assert ((out / 24 - torch.arange(num_frames) / rate).abs() <= 1 / 48 + 1e-6).all()


def test_resizing_covers_and_never_stretches() -> None:
    disc = torch.linspace(-1, 1, 96)[:, None] ** 2 + torch.linspace(-1, 1, 96)[None] ** 2 < 0.5
    video = disc.float().mul(2).sub(1).expand(1, 3, 2, 96, 96)
    out = planning.fit(video, 384, 192)
    assert out.shape == (1, 3, 2, 192, 384) and out.abs().max() <= 1
    assert (out[0, 0, 0, 96] > 0).sum() == pytest.approx((video[0, 0, 0, 48] > 0).sum() * 4, abs=6)
    assert planning.fit(video, 96, 96) is video


def test_a_very_long_picture_is_cut_before_it_is_resized(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, resize = [], torch.nn.functional.interpolate
    monkeypatch.setattr(planning.F, "interpolate", lambda x, size, **how: sizes.append(size) or resize(x, size, **how))
    long = torch.linspace(-1, 1, 5000).expand(1, 3, 1, 2, 5000)
    middle = planning.fit(long, 128, 128)
    assert all(height * width <= 16 * 128 * 128 for height, width in sizes)
    assert middle.shape == (1, 3, 1, 128, 128) and float(middle.abs().max()) < 0.01     # of the whole: one pixel
    assert planning.fit(long[..., :1, :1], 4096, 32).shape[-2:] == (32, 4096)


def test_large_frames_come_in_small_pieces() -> None:
    plan = planning.Plan(24, Fraction(24), 2048, 2048, 24, 32, 32, 1)
    pieces = planning.finish(iter([torch.zeros(1, 3, 24, 32, 32)]), plan)
    assert next(pieces).nbytes <= planning.RESIZE_BYTES


@pytest.mark.parametrize(("options", "words"), [
    ({"width": 101}, "100 or 102"), ({"width": 30}, "32 to 4096"), ({"height": 4098}, "32 to 4096"),
    ({"width": True}, "width"), ({"width": 100.0}, "width"), ({"seconds": float("inf")}, "seconds"),
    ({"frame_rate": None}, "frame rate"), ({"seconds": "4"}, "seconds")])
def test_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**options)


def continuation(frames: int, rate: float | Fraction, seconds: float = 1.0, tail: float = 1.5) -> planning.Plan:
    return planning.plan_continuation(seconds=seconds, tail_seconds=tail, num_frames=frames, width=128, height=128,
                                      frame_rate=rate, temporal_compression=8, multiple=32, sample_rate=24000)


@settings(deadline=None)
@given(st.integers(1, 200), st.sampled_from([1, 12, 24, Fraction(24000, 1001), 25, 30, 60, 120]),
       st.floats(0.05, 5), st.floats(0.05, 5))
def test_a_continuation_gives_whole_latents_and_the_asked_length(frames: int, rate: Fraction, seconds: float,
                                                                 tail: float) -> None:
    plan = continuation(frames, rate, seconds, tail)
    assert plan.known_frames % 8 == 1 and plan.known_frames <= max(1, tail * 24)
    assert (plan.known_frames - 1) / 24 <= (frames - 1) / rate
    clip = torch.arange(plan.model_frames, dtype=torch.float32).view(1, 1, -1, 1, 1)
    small = replace(plan, width=1, height=1)
    picks = torch.cat([part[0, 0, :, 0, 0] for part in planning.finish(clip.split(7, dim=2), small)])
    assert len(picks) == plan.num_frames and picks[0] >= plan.known_frames - 1 and picks[-1] == plan.model_frames - 1
    if rate == 24:
        assert picks.tolist() == list(range(plan.known_frames, plan.known_frames + plan.num_frames))
    tail_picks = planning.tail_to_model(frames, plan.frame_rate, plan.known_frames)
    assert len(tail_picks) == plan.known_frames and tail_picks[-1] == frames - 1 and min(tail_picks) >= 0
    assert tail_picks == sorted(tail_picks)


@settings(deadline=None)
@given(st.integers(1, 300), st.sampled_from([1, 12, 24, 25, 30, 60, 120]))
def test_frames_of_another_rate_are_the_nearest_in_time(frames: int, rate: int) -> None:
    picks = planning.frames_to_model(frames, Fraction(rate))
    assert picks[0] == 0 and picks[-1] <= frames - 1 and picks == sorted(picks)
    assert all(abs(pick / rate - place / 24) <= max(0.5 / rate, 0.5 / 24) + 1e-9 for place, pick in enumerate(picks))
    assert rate != 24 or picks == list(range(frames))


@pytest.mark.parametrize("tail", [0.0, -1.0, 61.0, float("nan")])
def test_impossible_tails_are_refused(tail: float) -> None:
    with pytest.raises(ConfigError, match="tail_seconds"):
        continuation(30, 24, tail=tail)


@pytest.mark.parametrize(("samples", "rate", "seconds"), [
    (48000, 24, 2), (48001, 24, 2), (49000, 24, Fraction(49, 24)), (1, 24, Fraction(1, 24)), (24000 * 61, 24, 60)])
def test_a_clip_covers_its_sound(samples: int, rate: int, seconds: Fraction) -> None:
    assert planning.fit_seconds(samples, 24000, rate) == seconds
