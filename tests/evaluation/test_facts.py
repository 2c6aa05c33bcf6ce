"""What prompts claim."""

from __future__ import annotations

import pytest

from sora_core.evaluation.facts import Thing, read_claims
from sora_core.evaluation.prompts import SUITES, suite_prompts


def test_the_famous_prompt():
    claims = read_claims("a red rubber ball drops onto a wooden floor and bounces")
    assert claims.things == (Thing("ball", "red", "rubber"),) and claims.count == 1
    assert claims.actions == {"fall", "bounce"} and claims.floor == "wood"
    assert (claims.place, claims.light, claims.camera, claims.direction) == (None, None, None, None)
    assert claims.distribution == "in distribution"


@pytest.mark.parametrize(("text", "name", "value"), [
    ("A yellow ball rolls across the grass from left to right.", "direction", "right"),
    ("a ball is thrown in from the right", "direction", "left"),
    ("AT NIGHT, A PURPLE BALL BOUNCES ON WHITE TILES IN A GYM", "light", "night"),
    ("a purple ball bounces on white tiles in a gym", "floor", "tile"),
    ("a ball falls on an ice rink", "floor", "ice"),
    ("Seen from above: a ball lands on sand", "camera", "high"),
    ("two balls, a red one and a blue one, collide", "count", 2),
    ("three red boxes fall", "count", 3),
    ("a red ball and a blue ball roll; the red ball hits the blue ball", "count", 2),
    ("in a meadow a ball rolls over the grass", "place", "park"),
    ("", "count", None),
    ("a cat sings an aria", "things", ()),
])
def test_single_claims(text, name, value):
    assert getattr(read_claims(text), name) == value


@pytest.mark.parametrize(("text", "has", "lacks"), [
    ("a ball drops and does not bounce", {"no bounce"}, {"bounce"}),
    ("a ball rolls and bounces off the wall", {"hit wall", "roll"}, {"bounce"}),
    ("a green cube flies in and hits a grassy field", {"fly in"}, {"hit thing"}),
    ("a red ball rolls into a blue box", {"hit thing", "roll"}, {"hit wall"}),
    ("a ball rolls on tile, slows to a stop", {"stop"}, {"leave"}),
    ("a ball lands with one small bounce", {"bounce once", "bounce"}, {"no bounce"}),
])
def test_actions(text, has, lacks):
    actions = read_claims(text).actions
    assert has <= actions and not lacks & actions


@pytest.mark.parametrize(("text", "group"), [
    ("a red ball falls onto a carpet in a gym", "new combination"),
    ("a red box rolls across a wooden floor", "new combination"),
    ("a red ball, a blue ball, a green box and a pink box fall onto sand", "out of range"),
])
def test_distribution(text, group):
    assert read_claims(text).distribution == group


def test_suites_are_fixed_varied_and_as_large_as_they_say():
    quick = suite_prompts("quick")
    assert quick == suite_prompts("quick") and len(set(quick)) == len(quick) == sum(SUITES["quick"])
    groups = [read_claims(text).distribution for text in quick]
    assert [groups.count(name) for name in ("in distribution", "new combination", "out of range")] == list(
        SUITES["quick"])
    assert all(read_claims(text).things and read_claims(text).floor for text in quick)
