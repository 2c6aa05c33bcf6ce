"""What a prompt asks for is what is drawn: family, outcome, colour, style, weather, camera."""

from __future__ import annotations

import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.world.physics import simulate
from sora_core.world.scenes.families import FAMILIES
from sora_core.world.wish import find_scene


@pytest.mark.parametrize("wish, family, fact", [
    ("a red basketball misses the hoop in a gym", "basketball", ("made", False)),
    ("a basketball goes through the hoop", "basketball", ("made", True)),
    ("a goalkeeper saves the ball", "goal", ("saved", True)),
    ("a goal is scored on the beach", "goal", ("goal", True)),
])
def test_outcomes_are_met(wish, family, fact):
    scene = find_scene(wish, 1, 128, 128)
    assert scene.family == family
    assert FAMILIES[family].facts(scene, simulate(scene))[fact[0]] is fact[1]


@pytest.mark.parametrize("wish, family, colour", [
    ("noir: a blue ball swings as a pendulum", "pendulum", "blue"),
    ("a red ball rolls down a ramp, as pixel art", "ramp", "red"),
    ("a yellow ball flies into a tower of two boxes", "topple", "yellow"),
    ("a turquoise ball shatters a window", "window", "cyan"),
])
def test_families_and_colours(wish, family, colour, monkeypatch):
    monkeypatch.setattr("sora_core.world.wish._OUTCOMES", ())
    scene = find_scene(wish, 1, 96, 96)
    ball = next(body.record for body in scene.bodies if body.record.kind == "ball")
    assert (scene.family, ball.colour) == (family, colour)


def test_what_floats_and_sinks_is_of_the_kinds_and_materials_that_are_asked_for():
    scene = find_scene("a yellow wooden ball floats while a metal cube sinks", 1, 96, 96)
    assert scene.family == "sink" and scene.water is not None
    assert {(body.record.kind, body.record.material) for body in scene.bodies} == {("ball", "wood"), ("box", "metal")}
    assert "yellow" in {body.record.colour for body in scene.bodies if body.record.kind == "ball"}
    assert find_scene("a ball falls into the water", 1, 96, 96).family == "float"


def test_a_film_is_in_the_colour_that_is_asked_for():
    scene = find_scene("a red ball drops. Cut to: the red ball rolls", 1, 96, 96)
    assert scene.family == "sequence" and scene.bodies[0].record.colour == "red"
    assert all(shot.scene.bodies[0].record == scene.bodies[0].record for shot in scene.shots)


def test_style_weather_and_camera():
    scene = find_scene("handheld shot of a green ball that drops onto grass in the rain, as a cartoon", 1, 96, 96)
    assert (scene.setting.style, scene.setting.air, scene.view.move) == ("cartoon", "rain", "handheld")
    assert scene.floor == "grass" and scene.bodies[0].record.colour == "green"
