"""Cameos on the command line, and in finished clips."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sora_core.cli import main
from sora_core.media import write_image
from sora_core.media_read import read_clip, read_image
from sora_core.pipeline import generate
from sora_core.trust.manifest import is_installed
from sora_core.trust.verify import verify

from .drawn import ball, person


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def make(picture: str, *options: str) -> int:
    write_image(Path(picture), (person() if picture == "mila.png" else ball()).picture())
    return main(["cameo", "make", picture, *options])


def test_a_cameo_is_made_shown_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert make("mila.png", "--handle", "@Mila", "--kind", "girl", "--granted-by", "her mother") == 0
    assert "@mila, read as a girl in a red shirt and blue trousers; by leave of her mother" in capsys.readouterr().out
    file = "mila.cameo.safetensors"
    assert main(["cameo", "show", file, "--doll", "doll.png", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["grant"]["by"] == "her mother" and read_image("doll.png").shape == (1, 3, 1, 256, 256)
    assert main(["cameo", "revoke", file]) == 0 and main(["cameo", "revoke", file]) == 0
    assert "taken back" in capsys.readouterr().out
    for command in (["cameo", "show", file], ["generate", "@mila waves", "--cameo", file]):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert "taken back on this machine" in error and error.count("\n") == 1
    assert not Path("clip.mp4").exists()


@pytest.mark.parametrize(("options", "words"), [
    (("--handle", "mila", "--kind", "girl"), "needs their leave"),
    (("--handle", "a b", "--kind", "ball"), "can't be written in a prompt"),
    (("--handle", "mila", "--kind", "robot"), "kind='robot' is unknown"),
    (("--handle", "mila", "--kind", "girl", "--granted-by", "x", "--until", "1/2/27"), "is no day"),
    (("--handle", "bobo", "--kind", "ball", "--mask", "none.png"), "none.png"),
])
def test_what_may_not_be_gets_a_sentence(options: tuple[str, ...], words: str,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    assert make("mila.png", *options) == 1
    assert words in capsys.readouterr().err and not list(Path().glob("*.safetensors"))


def test_a_mask_says_where_the_subject_is(capsys: pytest.CaptureFixture[str]) -> None:
    write_image(Path("mask.png"), 2 * ball().mask.float().expand(1, 3, 1, -1, -1) - 1)
    assert make("bobo.png", "--handle", "bobo", "--kind", "ball", "--mask", "mask.png", "--output", "cast/toy") == 0
    assert Path("cast/toy.cameo.safetensors").exists()


def test_a_clip_shows_the_cameo_names_it_and_marks_a_person() -> None:
    assert make("mila.png", "--handle", "mila", "--kind", "girl", "--granted-by", "her mother") == 0
    cameo = "mila.cameo.safetensors"
    shown = generate("@mila waves", output="shown.mp4", seconds=0.7, seed=5, steps=2, cameos=[cameo])
    generate("@mila waves", output="bare.mp4", seconds=0.7, seed=5, steps=2, cameos=[cameo], handle="")
    assert shown.unused == ""
    clips = [read_clip(name).video for name in ("shown.mp4", "bare.mp4")]
    difference = (clips[0] - clips[1]).abs().amax((0, 1, 2))
    assert float(difference.max()) > 0.5 and float(difference.median()) < 0.1, "her handle stands in the picture"
    if is_installed():
        signature = verify("shown.mp4").signature
        assert [known["handle"] for known in signature.facts["cameos"]] == ["mila"]
        assert "her mother" in str(signature.lineage)


def test_a_ball_wears_its_cameo() -> None:
    assert make("bobo.png", "--handle", "bobo", "--kind", "ball") == 0
    generate("@bobo rolls on a wooden floor", output="worn.mp4", seconds=0.4, seed=5, steps=2,
             cameos=["bobo.cameo.safetensors"])
    first = read_clip("worn.mp4").video[0, :, 0]
    blue, red = (int(((first[one] - first[other]) > least).sum()) for one, other, least in ((2, 0, 0.25), (0, 2, 0.7)))
    assert blue > 20 and red > 20, "half of it is red, half blue"
