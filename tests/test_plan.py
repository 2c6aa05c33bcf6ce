"""What is generated for what was asked."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sora_core import plan as planning
from sora_core.errors import ConfigError

EVEN = st.integers(16, 2048).map(lambda n: 2 * n)


def make(**kwargs: object) -> planning.Plan:
    values = {"seconds": 4, "width": None, "height": None, "frame_rate": 24, "multiple": 32, "sample_rate": 24000}
    return planning.make_plan(**{**values, **kwargs})


def test_defaults_are_the_trained_shape() -> None:
    assert make() == planning.Plan(96, Fraction(24), 128, 128, 96, 128, 128, 96000)


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


@given(st.floats(0.05, 60), st.sampled_from([1, 12, 24, 25, 30, 60, 120, "24000/1001", "30000/1001"]))
def test_length_is_met_within_a_frame(seconds: float, rate: int | str) -> None:
    plan = make(seconds=seconds, frame_rate=rate)
    assert abs(plan.seconds - seconds) <= 1 / plan.frame_rate
    assert abs(plan.num_samples / 24000 - plan.seconds) <= 1 / 24000
    assert abs((plan.model_frames - 1) / 24 - (plan.num_frames - 1) / plan.frame_rate) <= 1 / 48 + 1e-9


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
