"""The sound of a clip: on time, true to material and force, never out of range."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.world.materials import FLOORS, MATERIALS, WALL_MATERIAL
from sora_core.world.places import PLACES
from sora_core.world.record import FLOOR, FRICTION_ROWS, WALL, ClipRecord, ContactRecord, ObjectRecord
from sora_core.world.sound import BODIES, ROOMS, SURFACES, soften_peaks, strength, synthesise_clip

RATE = 24000
HOP = 250


def clip(material="rubber", floor="wood", touches=((1.0, 30.0),), *, place="room", seed=5, sliding=0.0, radius=0.15):
    ball = ObjectRecord("ball", "red", material, "medium", radius, 4.0)
    contacts = tuple(ContactRecord(time, force, 0, FLOOR, material, floor, 0.0) for time, force in touches)
    rolling = np.zeros((1, FRICTION_ROWS), np.float32)
    return ClipRecord(seed, "drop", place, floor, "day", "front", (ball,), contacts, rolling, rolling + sliding,
                      ("a ball",), np.zeros((97, 4, 4), np.float32), {})


def level_db(sound):
    return 20 * np.log10(np.sqrt((sound.astype(np.float64) ** 2).mean()) + 1e-12)


def ring_s(material):
    """Seconds from the touch until the sound stays 40 dB below its peak."""
    sound = np.abs(synthesise_clip(clip(material, "concrete", ((0.2, 100.0),))))
    return np.flatnonzero(sound > 0.01 * sound.max())[-1] / RATE - 0.2


def test_shape_type_range():
    sound = synthesise_clip(clip())
    assert sound.shape == (96000,) and sound.dtype == np.float32
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 1.0
    assert synthesise_clip(clip(), num_samples=777).shape == (777,)


def test_every_material_floor_and_place_has_a_sound():
    assert set(MATERIALS) <= set(BODIES)
    assert set(FLOORS) | {WALL_MATERIAL} <= set(SURFACES)
    assert set(PLACES) <= set(ROOMS)


@pytest.mark.parametrize("material", sorted(MATERIALS))
@pytest.mark.parametrize("floor", sorted(FLOORS))
def test_a_touch_is_heard_within_one_hop(material, floor):
    touch = 1.23457
    with_touch = synthesise_clip(clip(material, floor, ((touch, 20.0),)), num_samples=48000)
    without = synthesise_clip(clip(material, floor, ()), num_samples=48000)
    added = np.abs(with_touch - without)
    start = round(touch * RATE)
    assert added[:start].max() < 1e-6
    onset = np.flatnonzero(added > 0.1 * added.max())[0]
    assert start <= onset < start + HOP
    assert 0.1 < added.max() < 0.9


def test_metal_rings_longest_and_rubber_is_dull():
    assert ring_s("metal") > 2 * ring_s("glass") > 2 * ring_s("rubber")
    centres = {}
    for material in ("rubber", "wood", "glass"):
        sound = synthesise_clip(clip(material, "concrete", ((0.5, 30.0),)))[12000:24000]
        power = np.abs(np.fft.rfft(sound)) ** 2
        centres[material] = (power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum()
    assert centres["rubber"] < centres["wood"] < centres["glass"]


def test_harder_is_louder_and_compressed():
    levels = [level_db(synthesise_clip(clip("wood", touches=((0.5, force),)))) for force in (1.0, 4.0, 16.0, 64.0)]
    assert all(low + 1 < high for low, high in zip(levels, levels[1:], strict=False))
    assert levels[-1] - levels[0] < 20 * np.log10(64) - 6
    assert 0 == strength(-1.0) == strength(0.0) < strength(1.0) < strength(1e9) <= 1.0


def test_soft_floors_are_quieter_and_duller():
    hard, soft = (synthesise_clip(clip("glass", floor, ((0.5, 30.0),))) for floor in ("tile", "grass"))
    assert level_db(hard) > level_db(soft) + 3


def test_larger_bodies_are_lower():
    def pitch(radius):
        sound = synthesise_clip(clip("metal", "carpet", ((0.1, 30.0),), radius=radius))[9600:]
        return np.fft.rfftfreq(len(sound), 1 / RATE)[np.abs(np.fft.rfft(sound)).argmax()]

    assert pitch(0.25) < pitch(0.15) < pitch(0.08)


@pytest.mark.parametrize("place", sorted(ROOMS))
def test_without_touches_only_the_place_is_heard(place):
    assert -78 < level_db(synthesise_clip(clip(touches=(), place=place))) < -42


def test_sliding_is_heard_and_grows():
    quiet, soft, loud = (level_db(synthesise_clip(clip(touches=(), sliding=power))) for power in (0.0, 5.0, 80.0))
    assert quiet + 3 < soft < loud - 3


def test_the_wall_answers_too():
    record = clip(touches=())
    touch = ContactRecord(1.0, 20.0, 0, WALL, "rubber", WALL_MATERIAL, 0.0)
    struck = ClipRecord(**{**record.__dict__, "contacts": (touch,)})
    assert level_db(synthesise_clip(struck)) > level_db(synthesise_clip(record)) + 6


def test_same_record_same_samples_other_seed_other_samples():
    assert np.array_equal(synthesise_clip(clip(seed=9)), synthesise_clip(clip(seed=9)))
    assert not np.array_equal(synthesise_clip(clip(seed=9)), synthesise_clip(clip(seed=10)))


def test_a_hail_of_touches_stays_in_range():
    hail = tuple((0.01 * number, 1e6) for number in range(399))
    sound = synthesise_clip(clip("metal", touches=hail))
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 1.0


def test_touches_outside_the_clip_are_ignored():
    assert np.array_equal(synthesise_clip(clip(touches=((-0.1, 30.0), (4.0, 30.0), (99.0, 30.0)))),
                          synthesise_clip(clip(touches=())))


def test_peaks_are_softened_only_above_the_knee():
    sound = np.linspace(-0.6, 0.6, 101)
    assert np.array_equal(soften_peaks(sound), sound)
    loud = soften_peaks(np.array([0.7, 5.0, -50.0]))
    assert 0.6 < loud[0] < 0.7 and loud[1] <= 1.0 and loud[2] >= -1.0


@pytest.mark.parametrize("bad", [{"num_samples": 0}, {"sample_rate": 0}])
def test_senseless_sizes_are_refused(bad):
    with pytest.raises(ValueError, match="at least 1"):
        synthesise_clip(clip(), **bad)
