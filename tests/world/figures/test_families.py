"""Families of figures: what they draw, say and tell is true, and the same for the same seed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from sora_core.errors import ResourceError
from sora_core.world import speech
from sora_core.world.figures import FAMILIES, characters, cries
from sora_core.world.figures.beast import GAITS, LEGS
from sora_core.world.figures.curves import RATE_HZ, clock
from sora_core.world.figures.foley import event_sound
from sora_core.world.figures.wishes import drawer
from sora_core.world.performance import Event
from sora_core.world.scenes.families import draw_scene
from sora_core.world.scenes.scene import draw_setting
from sora_core.world.words import Teller

QUICK = ("walk", "wave", "talk", "dialogue", "dog", "cat", "bird", "character")


def teller(scene, seed: int = 0) -> Teller:
    return Teller(np.random.default_rng(seed), scene, None, np.zeros((97, 0, 4)))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_draws_whole_scenes_and_speaks_of_them(family) -> None:
    scene = draw_scene(3, 128, 128, family.name)
    assert scene.family == family.name and scene.figures
    for figure in scene.figures:
        frames, parts = figure.poses.shape[:2]
        assert frames == 97 and parts == len(figure.parts) == figure.sizes.shape[1]
        assert np.isfinite(figure.poses).all() and (figure.sizes >= 0).all()
        assert np.allclose(np.linalg.norm(figure.poses[..., 3:], axis=-1), 1, atol=1e-6)
        step = np.linalg.norm(np.diff(figure.centre[:, :3], axis=0), axis=1)
        assert step.max() < 12 / 24                     # nobody leaps across the picture between two frames
        assert all(0 <= event.time_s < 4 and 0 < event.strength <= 1 for event in figure.events)
        lowest = (figure.poses[..., 2] - 0.0).min()
        assert lowest > -0.02
    json.dumps(family.facts(scene, None))
    words = teller(scene)
    told = {family.tell(words) for _ in range(12)}
    assert len(told) > 2 and all(text.isascii() and text.strip() for text in told)
    assert family.tell_french(words) and isinstance(family.sound(words), str)


@pytest.mark.parametrize("name", QUICK)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    one, two = draw_scene(11, 128, 128, name), draw_scene(11, 128, 128, name)
    for first, second in zip(one.figures, two.figures, strict=True):
        assert first.poses.tobytes() == second.poses.tobytes() and first.sizes.tobytes() == second.sizes.tobytes()
        assert [v.samples.tobytes() for v in first.voices] == [v.samples.tobytes() for v in second.voices]


@pytest.mark.parametrize("text", ["Mama bought a map.", "Please bring me a blue apple, Bob!", "My hobby is simple."])
@pytest.mark.parametrize("voice", ["en-us+m3", "en-us+linda"])
def test_lips_meet_on_m_b_and_p_and_open_on_low_vowels(text: str, voice: str) -> None:
    said = speech.speak(text, voice)
    time = clock(4.0)
    opening, width = speech.mouth(said, time, 0.25)
    starts = [start for start, _, _ in said.phonemes] + [said.seconds]
    closed = 0
    for (start, name, _), end in zip(said.phonemes, starts[1:], strict=True):
        here = (time >= 0.25 + start) & (time <= 0.25 + end)
        if name[0] in speech.BILABIAL:
            assert opening[here].max() < 0.02, name
            closed += 1
    assert closed >= 3 and opening.max() > 0.6
    assert opening[time < 0.2].max() == 0 and opening[time > 0.4 + said.seconds].max() == 0
    assert (opening >= 0).all() and (opening <= 1).all() and (width > 0.4).all()
    heard = np.interp(time, 0.25 + np.arange(len(said.samples)) / speech.SAMPLE_RATE, np.abs(said.samples), 0, 0)
    loud = np.convolve(heard, np.ones(24) / 24, "same")
    assert np.corrcoef(loud, opening)[0, 1] > 0.35      # an open mouth is a loud one


def test_vowels_are_as_open_as_they_are_low() -> None:
    order = [speech.shape(name)[0] for name in ("a", "E", "I", "i")]
    assert order == sorted(order, reverse=True)
    assert speech.shape("u:")[1] < speech.shape("@")[1] < speech.shape("i:")[1]


def test_a_dialogue_has_two_speakers_one_after_the_other() -> None:
    for seed in range(3):
        scene = draw_scene(seed, 128, 128, "dialogue")
        one, two = (figure.lines[0] for figure in scene.figures)
        assert one.speaker != two.speaker and one.end_s <= two.start_s and two.end_s < 4.0
        assert one.phonemes[0][0] >= one.start_s
        for figure in scene.figures:
            line, (voice,) = figure.lines[0], figure.voices
            assert voice.time_s == pytest.approx(line.start_s, abs=1e-3)
            assert len(voice.samples) / speech.SAMPLE_RATE == pytest.approx(line.end_s - line.start_s, abs=1e-3)
        family = next(family for family in FAMILIES if family.name == "dialogue")
        text = family.tell(replace(teller(scene), style=0.3))
        assert one.text in text and two.text in text


def test_without_the_package_speech_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ResourceError, match="espeakng-loader is missing; install"):
        speech.speak("Hello")
    monkeypatch.undo()
    with pytest.raises(ResourceError, match="no voice"):
        speech.speak("Hello", "xx-none")


@pytest.mark.parametrize("kind", ["dog", "cat"])
def test_paws_stay_where_they_are_put_and_calls_open_the_jaw(kind: str) -> None:
    barked = walked = 0
    for seed in range(6):
        scene = draw_scene(seed, 128, 128, kind)
        facts, figure = scene.facts, scene.figures[0]
        assert len(figure.voices) == facts["calls"]
        for voice, at in zip(figure.voices, facts["call_times_s"], strict=True):
            assert voice.time_s == pytest.approx(at, abs=1e-3)
            barked += 1
        if not facts["gait"]:
            continue
        walked += 1
        round_parts = [number for number, part in enumerate(figure.parts) if part.shape == "ellipsoid"]
        paws = figure.poses[:, round_parts[-4:], :3]
        ground = scene.facts["cast"][0].frame.height * 0.042
        for paw in paws.transpose(1, 0, 2):
            low = paw[:, 2] < ground
            both = low[1:] & low[:-1]
            assert np.linalg.norm(np.diff(paw[:, :2], axis=0), axis=1)[both].max(initial=0) < 0.01
            assert both.sum() > 10
    assert barked and walked


def test_gaits_put_paws_down_in_their_order() -> None:
    phases, duty = GAITS["walk"]
    assert sorted(LEGS, key=phases.__getitem__) == ["lh", "lf", "rh", "rf"] and duty > 0.5
    phases, _ = GAITS["trot"]
    assert phases["lh"] == phases["rf"] and phases["rh"] == phases["lf"]


def test_voices_of_animals_sound_like_themselves() -> None:
    rng = np.random.default_rng(0)
    pitches = {}
    for name, sound in (("large", cries.bark(rng, 1.4)), ("small", cries.bark(rng, 0.6)), ("chirp", cries.chirp(rng))):
        power = np.abs(np.fft.rfft(sound)) ** 2
        pitches[name] = float((power * np.fft.rfftfreq(len(sound), 1 / 24000)).sum() / power.sum())
        assert sound.dtype == np.float32 and 0.05 < np.abs(sound).max() <= 1
    assert pitches["large"] < pitches["small"] < pitches["chirp"]
    meow = cries.meow(rng, 0.7)
    assert len(meow) == 16800 and abs(meow[0]) < 0.02 and abs(meow[-1]) < 0.02


@pytest.mark.parametrize("floor", ["wood", "tile", "carpet", "sand", "ice"])
def test_steps_start_at_once_and_grow_with_strength(floor: str) -> None:
    loud = [event_sound(Event(0.0, "step", strength, (0, 0, 0), "sole", floor), floor, np.random.default_rng(1))
            for strength in (0.1, 0.9)]
    assert np.abs(loud[1]).max() > 2 * np.abs(loud[0]).max() > 0
    assert np.abs(loud[1][:240]).max() > 0.2 * np.abs(loud[1]).max()
    assert event_sound(Event(0.0, "bell", 0.5), floor, np.random.default_rng(1)) is None


def test_references_show_the_character_elsewhere() -> None:
    for seed in range(4):
        scene = draw_scene(seed, 128, 128, "character")
        cast = scene.facts["cast"][0]
        found = characters.references(scene, seed)
        assert len(found) == characters.NUM_REFERENCES
        places = {other.setting.place for other, _ in found}
        assert len(places) == len(found) and scene.setting.place not in places
        for other, frame in found:
            assert other.facts["cast"][0] is cast and other.setting.light != scene.setting.light
            assert [part.texture is None for part in other.figures[0].parts] == [
                part.texture is None for part in scene.figures[0].parts]
            centre = other.figures[0].centre[frame]
            assert abs(float(other.view.at(frame).project(centre[None, :3], centre[3])[0, 0])) < 0.9
            assert not np.allclose(other.figures[0].poses[frame], scene.figures[0].poses[frame], atol=0.02)
        assert scene.facts["handle"].startswith("@")
        again = characters.references(scene, seed)
        assert again[0][0].figures[0].poses.tobytes() == found[0][0].figures[0].poses.tobytes()


def test_a_caught_ball_flies_a_parabola_from_hand_to_hand() -> None:
    scene = draw_scene(1, 128, 128, "catch")
    ball = scene.figures[2].centre[:, :3]
    time = np.arange(97) / 24
    flies = (time > scene.facts["release_s"]) & (time < scene.facts["caught_s"])
    fall = ball[flies] + 0.5 * np.array([0, 0, scene.setting.gravity]) * (time[flies, None] - time[flies][0]) ** 2
    fit = np.polynomial.polynomial.polyfit(time[flies], fall, 1)
    assert np.abs(fall - np.polynomial.polynomial.polyval(time[flies], fit).T).max() < 1e-3
    assert np.linalg.norm(np.diff(ball, axis=0), axis=1).max() < 12 / 24
    assert [event.kind for event in scene.figures[1].events] == ["clap"]


def test_a_prompt_gets_the_trick_and_the_words_it_asks_for() -> None:
    rng = np.random.default_rng(0)
    setting = draw_setting(rng, 128, 128)
    scene = drawer("gymnast", "a gymnast does a backflip on a beam")(rng, setting)
    assert scene.facts["action"] == "backflip" and scene.facts["beam"] and scene.props[0].name == "beam"
    scene = drawer("talk", 'a woman says "The map is blue."')(rng, setting)
    assert scene.facts["said"][0]["text"] == "The map is blue." and scene.facts["cast"][0].kind == "woman"
    assert drawer("walk", "somebody walks") is None


def test_events_fall_on_what_is_seen() -> None:
    scene = draw_scene(5, 128, 128, "jump")
    figure = scene.figures[0]
    feet = np.minimum(*(figure.poses[:, [n for n, part in enumerate(figure.parts) if part.shape == "box"][k], 2]
                        for k in (0, 1)))
    for event in figure.events:
        frame = event.time_s * 24
        before, after = feet[int(frame) - 2], feet[int(np.ceil(frame)) + 2]
        if event.kind == "land":
            assert before > after + 0.01                # comes down
        else:
            assert after > before + 0.01                # goes up
    assert round(figure.events[0].time_s * RATE_HZ, 6) % 1 == 0
