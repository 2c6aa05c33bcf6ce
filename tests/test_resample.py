"""Sound at another rate: the same wave, nothing above the new Nyquist frequency, the same length in time."""

from __future__ import annotations

import math

import pytest
import torch

from sora_core.errors import MediaError
from sora_core.resample import resample


def sine(frequency: float, rate: int, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * math.pi * frequency * torch.arange(round(rate * seconds)).double() / rate)[None, None]


@pytest.mark.parametrize(("rate", "new_rate"), [(8000, 24000), (44100, 24000), (48000, 24000), (24000, 44100)])
def test_a_tone_stays_that_tone(rate: int, new_rate: int) -> None:
    got, wanted = resample(sine(1000, rate), rate, new_rate), sine(1000, new_rate)
    assert got.shape == wanted.shape
    assert float((got - wanted)[..., 1000:-1000].abs().max()) < 1e-5


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    assert float(resample(sine(15000, 48000), 48000, 24000)[..., 1000:-1000].abs().max()) < 1e-4


def test_a_constant_stays_exact_and_a_type_and_batch_too() -> None:
    sound = torch.full((2, 3, 4410), 0.25)
    got = resample(sound, 44100, 24000)
    assert got.shape == (2, 3, 2400) and got.dtype == torch.float32
    torch.testing.assert_close(got[..., 100:-100], torch.full((2, 3, 2200), 0.25))
    assert resample(sound, 24000, 24000) is sound
    assert resample(sound, 44100.0, 24000).equal(got)       # as some programs write rates


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_very_short_sounds(samples: int) -> None:
    assert resample(torch.ones(1, 1, samples), 8000, 24000).shape == (1, 1, 3 * samples)


@pytest.mark.parametrize("rates", [(0, 24000), (-8000, 24000), (44100.5, 24000), (100, 24000), (float("nan"), 24000),
                                   (44101, 24000), ("48000", 24000), (None, 24000)])
def test_impossible_rates_are_refused(rates: tuple[int, int]) -> None:
    with pytest.raises(MediaError, match="can't be used"):
        resample(torch.zeros(1, 1, 10), *rates)
