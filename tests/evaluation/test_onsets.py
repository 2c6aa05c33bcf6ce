"""Hits are found when they happen, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.evaluation.onsets import find_onsets

RATE = 24000


@pytest.mark.parametrize("hertz", [120.0, 500.0, 3000.0])
def test_each_click_within_five_milliseconds(studio, hertz):
    times = [0.31, 0.74, 0.95, 1.6]
    found = find_onsets(studio["clicks"](times, 2.2, hertz), RATE)
    assert len(found) == len(times)
    assert np.abs(np.array([onset.time_s for onset in found]) - times).max() < 0.005
    assert all(onset.rise_db > 10 for onset in found)
    assert [onset.brightness_hz for onset in found] == pytest.approx([hertz] * 4, rel=0.6)


def test_silence_noise_and_a_short_sound_have_none():
    noise = np.random.default_rng(1).normal(0, 0.02, 2 * RATE).astype(np.float32)
    assert find_onsets(np.zeros(2 * RATE, np.float32), RATE) == []
    assert [onset for onset in find_onsets(noise, RATE) if onset.rise_db > 6] == []
    assert find_onsets(noise[:100], RATE) == [] and find_onsets(np.zeros(0, np.float32), 0) == []


def test_a_long_ring_rings_longer():
    time = np.arange(RATE) / RATE

    def struck(decay_s):
        sound = np.random.default_rng(0).normal(0, 1e-4, RATE)
        sound[4800:] += 0.5 * np.sin(2 * np.pi * 900 * time[:-4800]) * np.exp(-time[:-4800] / decay_s)
        return find_onsets(sound.astype(np.float32), RATE)[0].ring_s

    assert struck(0.2) > 2 * struck(0.03)
