"""Captions: true, varied, and different from one another."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.captions import NUM_CAPTIONS, captions
from sora_core.world.course import courses
from sora_core.world.materials import COLOURS
from sora_core.world.pool import make_record
from sora_core.world.scenes.families import FAMILIES, draw_scene

SEEDS = range(36)
SAYS_BOUNCE = re.compile(r"\bbounc(es?|ing)\b")
SAYS_NO_BOUNCE = re.compile(r"without bouncing|not bounce|bounces? off the wall")
OTHER_WORDS = {"cyan": ("turquoise",), "purple": ("violet",)}
FLOOR_COLOURS = {"grass": "green", "carpet": "red", "tile": "white"}


@pytest.fixture(scope="module")
def told():
    return [make_record(seed, 128, 128) for seed in SEEDS]


def course_of(scene, motion, record):
    return courses(scene, motion, record.tracks)


def test_six_different_wordings(told):
    for _, _, record in told:
        assert len(record.captions) == NUM_CAPTIONS == len(set(record.captions))
        assert all(8 <= len(text) <= 300 and text == text.strip() for text in record.captions)


def test_a_bounce_is_told_only_where_one_is_seen(told):
    told_of = 0
    for scene, motion, record in told:
        course = course_of(scene, motion, record)
        for text in record.captions:
            claims = SAYS_BOUNCE.search(SAYS_NO_BOUNCE.sub("", text.lower()))
            told_of += bool(claims)
            assert not claims or any(it.bounces for it in course), text
            if "not bounce" in text.lower() or "without bouncing" in text.lower():
                assert any(it.bounces == 0 for it in course), text
    assert told_of > 25


def test_a_bounce_is_a_visible_rise(told):
    for scene, motion, record in told:
        for index, it in enumerate(course_of(scene, motion, record)):
            if it.bounces:
                steps = [t for t, _, a, b in motion.touches if a == index and b < 0]
                rise = motion.poses[steps[0]:, index, 2].max() - scene.bodies[index].record.radius_m
                assert rise > 0.03


def test_left_and_right_are_those_of_the_picture(told):
    checked = 0
    for scene, _, record in told:
        if len(scene.bodies) > 1:
            continue
        track = record.tracks[record.tracks[:, 0, 3] > 0][:, 0, 0]
        for text in (caption.lower() for caption in record.captions):
            for near, far, sign in (("left", "right", 1), ("right", "left", -1)):
                if f"from {near} to {far}" in text or f"to the {far}" in text or f"from the {near}" in text:
                    assert np.sign(track[-1] - track[0]) == sign, text
                    checked += 1
    assert checked > 12


def test_only_colours_that_are_there(told):
    for _, _, record in told:
        there = {item.colour for item in record.objects} | {FLOOR_COLOURS.get(record.floor)}
        for text in record.captions:
            words = set(re.findall(r"[a-z]+", text.lower()))
            for colour in COLOURS:
                names = {colour, *OTHER_WORDS.get(colour, ())}
                if words & names and not (colour == "blue" and "dim blue light" in text.lower()):
                    assert colour in there, text


def test_most_captions_name_colour_kind_and_floor_or_place(told):
    texts = [(record, text.lower()) for _, _, record in told for text in record.captions]
    colour = [any(name in text for item in record.objects
                  for name in (item.colour, *OTHER_WORDS.get(item.colour, ()))) for record, text in texts]
    kind = [bool(re.search(r"ball|sphere|box|cube|block", text)) for _, text in texts]
    assert np.mean(colour) > 0.9 and np.mean(kind) == 1.0
    assert len({text for _, text in texts}) > 0.97 * len(texts)


def test_the_famous_wording_is_in_the_grammar():
    """A ball that drops onto a wooden floor is told word for word in the README's way, up to its own words."""
    pattern = re.compile(r"^a \w+ \w+ ball drops onto a wooden floor and bounces$")
    for seed in range(200):
        scene = draw_scene(seed, 128, 128, "drop")
        if scene.floor == "wood" and [body.record.material for body in scene.bodies] == ["rubber"] and (
                scene.bodies[0].record.kind == "ball"):
            scene, motion, record = make_record(seed, 128, 128, "drop")
            wordings = (captions(np.random.default_rng(i), FAMILIES["drop"], scene, motion, record.tracks)
                        for i in range(300))
            assert any(pattern.match(text) for found in wordings for text in found)
            return
    pytest.fail("no single rubber ball on wood among two hundred scenes")
