"""Styles and weather change the look, not what is where; their beds are heard at their level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.air import LEVELS_DB, air_bed
from sora_core.world.camera import draw_view
from sora_core.world.performance import Part
from sora_core.world.record import EventRecord
from sora_core.world.scenes.families import AIRS, STYLES
from sora_core.world.scenes.scene import Scene, Setting
from sora_core.world.styles import apply_style, clay, draw_air


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("style", ["", *STYLES])
def test_shape_and_type_stay(frames, style):
    before = frames.copy()
    styled = apply_style(frames, style)
    assert styled.shape == frames.shape and styled.dtype == np.uint8 and np.array_equal(frames, before)
    assert np.array_equal(styled, frames) == (style in ("", "clay"))


def test_each_style_does_what_its_name_says(frames):
    assert np.ptp(apply_style(frames, "noir").astype(int), axis=-1).max() == 0
    pixels = apply_style(frames, "pixel art")[:, :4, :4]
    assert (pixels == pixels[:, :1, :1]).all()
    assert len(np.unique(apply_style(np.full((1, 16, 16, 3), 77, np.uint8), "cartoon"))) == 1
    part = clay(Part("sphere", (1.0, 0.0, 0.0), specular=1.0, alpha=0.4))
    assert part.specular < 0.1 and part.alpha >= 0.9 and part.colour[0] > 0.8


def test_rain_falls_only_where_it_rains(frames):
    view = draw_view(np.random.default_rng(0), 48, 32)
    setting = Setting("park", "grass", "day", view, (1.0, 1.0, 1.0), (0.1, 0.0))
    assert np.array_equal(draw_air(frames, Scene("drop", setting)), frames)
    wet = draw_air(frames, Scene("drop", replace(setting, air="rain")))
    assert wet.shape == frames.shape and not np.array_equal(wet, frames)


@pytest.mark.parametrize("kind", sorted({air for airs in AIRS.values() for air in airs}))
def test_beds_have_their_level(kind):
    bed = air_bed(kind, 7, 48000, 24000)
    assert 20 * np.log10(bed.std()) == pytest.approx(LEVELS_DB[kind], abs=0.5)
    assert np.array_equal(bed, air_bed(kind, 7, 48000, 24000))
    assert not np.array_equal(bed, air_bed(kind, 8, 48000, 24000))


@pytest.mark.parametrize("kind", ["step", "land", "hand", "clap", "swish", "flap", "shatter", "splash"])
def test_an_event_is_heard_at_once(kind):
    from sora_core.world.noises import _noise

    sound = np.abs(_noise(EventRecord(0.5, kind, 0.8, 0.0), "wood", np.random.default_rng(1), 24000))
    assert np.flatnonzero(sound > 0.1 * sound.max())[0] < 250 and 0.02 < sound.max() < 1.2
