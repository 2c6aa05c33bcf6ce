"""Guidance of picture and sound towards each other, against a case with a closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sora_core.errors import ConfigError
from sora_core.sampling.coupling import apart, couple, coupled_velocity, hiding_noise

VIDEO = torch.randn(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
AUDIO = torch.randn(2, 2, 5, generator=torch.Generator().manual_seed(1))
TIME = torch.full((2,), 0.5)


def listening(video: Tensor, audio: Tensor, t_video: Tensor, t_audio: Tensor) -> tuple[Tensor, Tensor]:
    """A velocity that adds what is heard to the picture, and what is seen to the sound, unless that is pure noise."""
    heard = audio.mean() * (t_audio.max() < 1)
    seen = video.mean() * (t_video.max() < 1)
    return video + heard, audio + seen


def test_it_amplifies_what_each_learns_from_the_other() -> None:
    velocity = coupled_velocity(listening, listening, 3.0, seed=0)
    video, audio = velocity(VIDEO, AUDIO, TIME, TIME)
    torch.testing.assert_close(video, VIDEO + 3 * AUDIO.mean())
    torch.testing.assert_close(audio, AUDIO + 3 * VIDEO.mean())


def test_as_learnt_costs_nothing_and_zero_is_apart() -> None:
    assert coupled_velocity(listening, listening, 1.0, seed=0) is listening
    video, audio = coupled_velocity(listening, listening, 0.0, seed=0)(VIDEO, AUDIO, TIME, TIME)
    torch.testing.assert_close((video, audio), (VIDEO, AUDIO))


def test_what_is_hidden_never_reaches_the_prediction() -> None:
    noise = hiding_noise(VIDEO, AUDIO, seed=3)
    seen: list[tuple[bool, bool]] = []

    def predict(streams: tuple[Tensor, Tensor], hidden: tuple[bool, bool]) -> tuple[Tensor, Tensor]:
        seen.append(hidden)
        for stream, replaced, original, hide in zip(streams, noise, (VIDEO, AUDIO), hidden, strict=True):
            assert stream is (replaced if hide else original)
        return streams

    video, audio = apart(predict, VIDEO, AUDIO, noise)
    assert seen == [(False, True), (True, False)] and video is VIDEO and audio is AUDIO


def test_the_noise_is_the_seeds_own() -> None:
    one, same, other = (hiding_noise(VIDEO, AUDIO, seed) for seed in (5, 5, 6))
    assert one[0].equal(same[0]) and one[1].equal(same[1]) and not one[0].equal(other[0])
    assert one[0].shape == VIDEO.shape and one[1].shape == AUDIO.shape
    assert hiding_noise(VIDEO, AUDIO, (1 << 64) - 1)[0].isfinite().all()


def test_couple_is_linear() -> None:
    [video, audio] = couple((VIDEO, AUDIO), (2 * VIDEO, AUDIO), (VIDEO, AUDIO), 1.5)
    torch.testing.assert_close(video, 1.5 * VIDEO)
    torch.testing.assert_close(audio, AUDIO)


@pytest.mark.parametrize("coupling", [-0.1, 20.1, math.nan, math.inf])
def test_impossible_strengths_are_refused(coupling: float) -> None:
    with pytest.raises(ConfigError, match="use 0 to 20"):
        coupled_velocity(listening, listening, coupling, seed=0)
