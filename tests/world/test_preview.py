"""What the world shows for a wish."""

from __future__ import annotations

import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.cli import main
from sora_core.errors import ConfigError, PromptError
from sora_core.media import read_clip, read_image
from sora_core.world.materials import MATERIALS
from sora_core.world.preview import SHOWN, STRIP_HEIGHT, find_scene, parse_seeds


def test_seeds():
    assert parse_seeds("0..8") == list(range(9)) and parse_seeds("3") == [3] and parse_seeds("4,1") == [4, 1]
    for wrong in ("", "a", "5..2", "0..900", "-3"):
        with pytest.raises(ConfigError, match="--seeds"):
            parse_seeds(wrong)


def test_a_prompt_is_met_before_anything_moves():
    wish = "at dusk, a small red metal ball rolls over the ice to the right and hits a blue box"
    scene = find_scene(wish, 1, 128, 128)
    ball, box = (body.record for body in scene.bodies)
    assert (ball.colour, ball.material, ball.size, box.colour, box.kind) == ("red", "metal", "small", "blue", "box")
    assert (scene.family, scene.floor, scene.setting.light) == ("roll", "ice", "dusk")
    assert scene.bodies[0].position[2] == pytest.approx(ball.radius_m)
    assert ball.mass_kg == pytest.approx(MATERIALS["metal"].density * 4 / 3 * 3.14159265 * ball.radius_m**3)
    assert scene.bodies[0].velocity @ scene.view.rotation[:, 0] > 0
    assert find_scene("drop", 3, 96, 96).family == "drop"


def test_the_same_seed_finds_the_same_scene():
    one, two = (find_scene("a green ball bounces on sand", 5, 96, 96).bodies[0].position for _ in range(2))
    assert one == two


def test_what_the_world_lacks_is_refused():
    with pytest.raises(PromptError, match="no scene"):
        find_scene("a red ball falls onto grass in a gym", 0, 96, 96)


def test_the_command_writes_a_sheet_and_a_film(tmp_path, capsys):
    film = tmp_path / "a.mp4"
    code = main(["world", "preview", "slide", "--seeds", "0..1", "--width", "64", "--height", "64", "--output",
                 str(film)])
    text = capsys.readouterr()
    if code and "cannot draw" in text.err:
        pytest.skip(text.err)
    assert code == 0
    clip = read_clip(film)
    assert clip.video.shape == (1, 3, 194, 64, 64) and clip.waveform is not None
    assert read_image(film.with_suffix(".png")).shape[-2:] == (2 * (64 + STRIP_HEIGHT), SHOWN * 64)
