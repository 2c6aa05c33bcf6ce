"""The arithmetic of seconds, frames, latents and samples."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_core import shapes
from sora_core.errors import ConfigError

RATES = st.sampled_from([Fraction(24), Fraction(24000, 1001), Fraction(30), Fraction(60), Fraction(12), Fraction(1)])


@pytest.mark.parametrize(("given_rate", "exact"), [
    (24, Fraction(24)), (24.0, Fraction(24)), ("30", Fraction(30)), (23.976, Fraction(24000, 1001)),
    ("24000/1001", Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), ("29.97", Fraction(30000, 1001)),
    (59.94, Fraction(60000, 1001)), (12.5, Fraction(25, 2)), (1, Fraction(1)), (120, Fraction(120))])
def test_frame_rates_are_exact(given_rate: float | str, exact: Fraction) -> None:
    assert shapes.to_frame_rate(given_rate) == exact


@pytest.mark.parametrize("value", [0, -24, 1e9, float("nan"), float("inf"), "x", "", "1/0", None, [24], 0.5, 121])
def test_impossible_frame_rates(value: object) -> None:
    with pytest.raises(ConfigError, match="frame rate"):
        shapes.to_frame_rate(value)


@given(st.floats(0.001, 60), RATES)
def test_length_within_a_frame(seconds: float, rate: Fraction) -> None:
    frames = shapes.num_frames(seconds, rate)
    assert frames >= 1 and (frames == 1 or abs(frames / rate - Fraction(seconds)) <= Fraction(501, 1000) / rate)


@pytest.mark.parametrize("seconds", [0, -1, 60.01, 1e6, float("nan"), float("inf"), "4", None, 1e400])
def test_impossible_lengths(seconds: object) -> None:
    with pytest.raises(ConfigError, match="seconds"):
        shapes.num_frames(seconds, Fraction(24))


@given(st.integers(1, 10000), st.integers(1, 16))
def test_latents_hold_the_frames_and_no_latent_is_spare(frames: int, compression: int) -> None:
    latents = shapes.video_latent_frames(frames, compression)
    assert shapes.video_frames(latents, compression) >= frames
    assert latents == 1 or shapes.video_frames(latents - 1, compression) < frames


def test_the_trained_clip() -> None:
    assert shapes.num_frames(4, Fraction(24)) == 96
    assert shapes.video_latent_frames(97, 8) == shapes.video_latent_frames(96, 8) == 13
    assert shapes.audio_samples(96, Fraction(24), 24000) == 96000
    assert shapes.audio_latent_frames(96000, 2000) == 48
    assert shapes.video_latent_frames(1, 8) == 1


@given(st.integers(1, 3600), RATES, st.sampled_from([8000, 24000, 44100, 48000]))
def test_sound_never_drifts(frames: int, rate: Fraction, sample_rate: int) -> None:
    samples = shapes.audio_samples(frames, rate, sample_rate)
    assert abs(Fraction(samples, sample_rate) - frames / rate) <= Fraction(1, 2 * sample_rate)


@given(st.integers(1, 10**6), st.integers(1, 4000))
def test_audio_latents_hold_the_samples(samples: int, size: int) -> None:
    latents = shapes.audio_latent_frames(samples, size)
    assert (latents - 1) * size < samples <= latents * size


def test_what_happens_together_is_at_the_same_time() -> None:
    video = shapes.video_latent_times(13, 8, 24.0)
    audio = shapes.audio_latent_times(48, 2000, 24000)
    assert video == sorted(video) and audio == sorted(audio)
    for latent in range(1, 13):     # a video latent holds four audio latents: the middles are one frame apart
        assert abs(video[latent] - sum(audio[4 * latent - 4:4 * latent]) / 4) <= 1 / 24 + 1e-9


@pytest.mark.parametrize(("width", "height", "words"), [
    (100, 64, "width=100 .*96 or 128"), (64, 65, "height=65 .*64 or 96"), (0, 64, "width=0"), (-32, 64, "width=-32"),
    (64, 10**9, "height"), (31, 64, "width=31")])
def test_sizes_name_their_neighbours(width: int, height: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        shapes.check_size(width, height, 32)


def test_legal_sizes_pass() -> None:
    shapes.check_size(32, 4096, 32)
