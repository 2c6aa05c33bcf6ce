"""Films of two or three shots: the same thing or person, one place, one room tone; cuts, touches and noises on time."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.errors import ResourceError
from sora_core.world.camera import FRAME_RATE, NUM_FRAMES
from sora_core.world.physics import STEPS_PER_FRAME
from sora_core.world.pool import make_record
from sora_core.world.render import Stage
from sora_core.world.sequence import shown
from sora_core.world.sound import ROOMS, _room_tone, synthesise_clip

THINGS, PEOPLE = (2, 3, 4, 6), (1, 5)              # seeds


@pytest.fixture(scope="module")
def films():
    return [make_record(seed, 96, 96, "sequence") for seed in (*THINGS, *PEOPLE)]


def test_shots_fill_the_film_and_share_place_light_and_cast(films):
    for scene, motion, record in films:
        bounds = [0, *record.cuts, NUM_FRAMES]
        assert [(shot.first, shot.last) for shot in scene.shots] == list(zip(bounds[:-1], bounds[1:], strict=True))
        assert len(record.cuts) in (1, 2) and min(np.diff(bounds)) >= 24
        assert record.facts["cuts_s"] == [round(cut / FRAME_RATE, 4) for cut in record.cuts]
        settings = [shot.scene.setting for shot in scene.shots]
        assert len({(one.place, one.floor, one.light, one.tint, one.light_jitter) for one in settings}) == 1
        assert len({one.view.position.tobytes() for one in settings}) == len(settings)
        for shot, part in zip(scene.shots, motion.shots, strict=True):
            assert shot.frames.stop <= NUM_FRAMES and part.poses.shape[1] == len(shot.scene.bodies)
            if scene.bodies:
                assert shot.cast[0] == 0 and shot.scene.bodies[0].record == scene.bodies[0].record
            else:
                assert shot.scene.facts["cast"][0].name == scene.shots[0].scene.facts["cast"][0].name
                assert shot.scene.figures[0].facts == scene.figures[0].facts
        assert record.sketch is None
        json.dumps(record.to_json())


def test_the_truth_is_that_of_the_shots(films):
    for scene, motion, record in films:
        wanted = []
        for shot, part in zip(scene.shots, motion.shots, strict=True):
            start = shot.first * STEPS_PER_FRAME
            own = shown(shot, part)
            wanted += [(step + start, impulse) for step, impulse, *_ in own.touches]
            for i, index in enumerate(shot.cast):
                own_track = shot.scene.view.project_frames(part.frames[:, i, :3], 0.1)[shot.frames]
                film_track = record.tracks[shot.first: shot.last, index]
                assert np.abs(own_track[:, :2] - film_track[:, :2]).max() < 1e-4
            absent = set(range(len(scene.bodies))) - set(shot.cast)
            assert not record.tracks[shot.first: shot.last, sorted(absent), 3].any()
            for figure in shot.scene.figures:
                times = [event.time_s - shot.skip / FRAME_RATE for event in figure.events]
                times = [time + shot.first / FRAME_RATE for time in times if 0 <= time < (
                    shot.last - shot.first) / FRAME_RATE]
                heard = [event.time_s for event in record.events
                         if shot.first / FRAME_RATE <= event.time_s < shot.last / FRAME_RATE]
                assert heard == pytest.approx(sorted(times))
        assert [touch[:2] for touch in motion.touches] == sorted(wanted)
        assert len(record.contacts) == len(wanted)
        assert all(line.start_s >= 0 and line.end_s < NUM_FRAMES / FRAME_RATE for line in record.lines)


def test_the_same_room_tone_runs_through_the_cut(films):
    """Where nothing else sounds, the film is the tone of its place, in one piece."""
    _, _, record = films[-1]
    quiet = type(record)(**{**record.__dict__, "events": (), "voices": (), "contacts": ()})
    tone = _room_tone(ROOMS[record.place], record.seed, 96000, 24000)
    assert np.abs(synthesise_clip(quiet) - tone).max() < 1e-6
    cut = round(record.cuts[0] / FRAME_RATE * 24000)
    loud = synthesise_clip(record)
    before = min(event.time_s for event in record.events)
    assert np.abs(loud - tone)[: int(before * 24000) - 1].max() < 1e-6 < np.abs(tone)[cut - 50: cut + 50].max()


def test_captions_tell_every_shot(films):
    for scene, _, record in films:
        links = ("then", "cut to", "next shot", "cut:", "cut ")
        for text in (caption.lower() for caption in record.captions):
            assert sum(text.count(link) for link in links) >= len(record.cuts), text
            assert not scene.bodies or f"the {record.objects[0].colour}" in text or "the " in text
        assert all("puis" in text.lower() or "plan suivant" in text.lower() for text in record.captions_french)


def test_pictures_change_at_the_cut_and_only_there(films):
    scene, motion, record = films[0]
    try:
        with Stage(96, 96) as stage:
            frames = stage.render(scene, motion).astype(int)
    except ResourceError as error:
        pytest.skip(str(error))
    assert len(frames) == NUM_FRAMES
    change = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    assert set(np.flatnonzero(change > 0.5 * change.max()) + 1) == set(record.cuts)
