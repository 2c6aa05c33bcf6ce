"""Loudness against the values that ITU-R BS.1770-4 and EBU Tech 3341 give, and a limiter that keeps its word."""

from __future__ import annotations

import math

import pytest
import torch

from sora_core.errors import ConfigError, MediaError
from sora_core.loudness import _k_filters, loudness, normalise, true_peak


def sine(level: float, rate: int = 48000, seconds: float = 4.0, frequency: float = 997.0,
         phase: float = 0.0) -> torch.Tensor:
    """(1, 1, N) at `level` dBFS."""
    times = torch.arange(round(rate * seconds)).double() / rate
    return 10 ** (level / 20) * torch.sin(2 * math.pi * frequency * times + phase)[None, None]


def test_the_filters_are_those_of_the_standard() -> None:
    shelf, high_pass = _k_filters(48000)
    assert shelf[0] == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285])
    assert shelf[1] == pytest.approx([1.0, -1.69065929318241, 0.73248077421585])
    assert high_pass[1] == pytest.approx([1.0, -1.99004745483398, 0.99007225036621])


@pytest.mark.parametrize(("rate", "tolerance"), [(48000, 0.001), (44100, 0.01), (24000, 0.05), (16000, 0.05)])
def test_a_full_sine_in_one_channel_reads_minus_3_01(rate: int, tolerance: float) -> None:
    assert float(loudness(sine(0, rate), rate)) == pytest.approx(-3.01, abs=tolerance)
    both = sine(0, rate).expand(1, 2, -1)
    assert float(loudness(both, rate)) == pytest.approx(0, abs=tolerance)


def test_stereo_at_minus_23_reads_minus_23() -> None:
    """EBU Tech 3341, case 1."""
    assert float(loudness(sine(-23, frequency=1000).expand(1, 2, -1), 48000)) == pytest.approx(-23, abs=0.1)


def test_quiet_parts_are_gated_out() -> None:
    """EBU Tech 3341, case 3: 10 s, 60 s, 10 s at -36, -23, -36."""
    parts = [sine(level, seconds=seconds, rate=16000, frequency=1000)
             for level, seconds in ((-36, 10), (-23, 60), (-36, 10))]
    assert float(loudness(torch.cat(parts, -1).expand(1, 2, -1), 16000)) == pytest.approx(-23, abs=0.1)
    padded = torch.nn.functional.pad(sine(-20), (48000, 48000 * 3))
    assert float(loudness(padded, 48000)) == pytest.approx(float(loudness(sine(-20), 48000)), abs=0.5)


def test_silence_and_short_sounds() -> None:
    assert loudness(torch.zeros(1, 1, 24000), 24000).tolist() == [-math.inf]
    assert float(loudness(sine(-10, seconds=0.1), 48000)) == pytest.approx(-13.01, abs=0.5)
    assert normalise(torch.zeros(1, 1, 100), 24000, -16).eq(0).all()


def test_true_peak_sees_between_the_samples() -> None:
    """A quarter of the sample rate, sampled 45 degrees off its crests: samples at -3.01 dBFS, the wave at 0."""
    wave = sine(0, frequency=12000, phase=math.pi / 4)
    fade = torch.linspace(0, 1, 4800).double()
    wave[..., :4800] *= fade
    wave[..., -4800:] *= fade.flip(0)
    assert float(wave.abs().max()) == pytest.approx(10 ** (-3.01 / 20), abs=1e-3)
    assert float(true_peak(wave, 48000)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0])
def test_the_target_is_met_where_the_peaks_allow(target: float) -> None:
    noise = torch.randn(2, 1, 48000, generator=torch.Generator().manual_seed(0))
    noise = noise * torch.tensor([0.01, 0.1])[:, None, None]
    done = normalise(noise, 24000, target)
    assert loudness(done, 24000).tolist() == pytest.approx([target] * 2, abs=0.3)
    assert done.dtype == torch.float32 and float(true_peak(done, 24000).max()) <= -0.999


def test_the_ceiling_holds_for_bangs_and_everything_stays_finite() -> None:
    bang = torch.zeros(1, 1, 24000)
    bang[..., 12000:12004] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    tone = sine(0, rate=24000, frequency=5999, phase=0.7, seconds=1).float()
    for sound in (bang, tone, torch.ones(1, 2, 500), tone[..., :3]):
        done = normalise(sound, 24000, 0.0)
        assert float(true_peak(done, 24000).max()) <= -0.999 and bool(done.isfinite().all())


def test_the_limiter_leaves_alone_what_is_quiet() -> None:
    quiet = sine(-40, rate=24000).float()
    done = normalise(quiet, 24000, -30.0)
    torch.testing.assert_close(done, quiet * float(done[0, 0, 1000] / quiet[0, 0, 1000]), rtol=1e-4, atol=1e-6)


def test_what_has_no_loudness_is_refused() -> None:
    with pytest.raises(MediaError, match="one or two channels"):
        loudness(torch.zeros(1, 8, 100), 24000)
    with pytest.raises(MediaError, match="not numbers"):
        normalise(torch.full((1, 1, 100), math.nan), 24000, -16)
    for target in (1.0, -51.0, math.nan):
        with pytest.raises(ConfigError, match="use -50 to 0"):
            normalise(torch.zeros(1, 1, 100), 24000, target)
