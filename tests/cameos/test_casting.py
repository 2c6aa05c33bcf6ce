"""Handles become words, and the sketch puts on the looks."""

from __future__ import annotations

import pytest
import torch

from sora_core.cameos import consent
from sora_core.cameos.casting import cast_prompt, dress, nearest_colour
from sora_core.cameos.file import Cameo, make_cameo
from sora_core.errors import ConsentError, PromptError
from sora_core.models.sketch import LOOK, LOOKS, SLOTS, STAGE, TRAITS, UNDRESSED, Sketch, draw_bodies
from sora_core.things import COLOURS

from .drawn import BLUE, RED, Page, ball, dog, person


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path))


def mila() -> Cameo:
    return make_cameo(person().picture(), handle="mila", kind="girl", granted_by="her mother")


def toy(handle: str = "bobo", kind: str = "ball", page: Page | None = None) -> Cameo:
    return make_cameo((page or ball()).picture(), handle=handle, kind=kind)


@pytest.mark.parametrize(("prompt", "text"), [
    ("@mila waves", "A girl in a red shirt and blue trousers waves"),
    ("In a gym, @Mila waves. @mila jumps.", "In a gym, a girl in a red shirt and blue trousers waves. The girl jumps."),
    ("@mila salue dans une salle", "Une fille salue dans une salle"),
    ("write to her@mila.org, @milan and @mila-x: @mila runs",
     "write to her@mila.org, @milan and @mila-x: a girl in a red shirt and blue trousers runs"),
])
def test_a_handle_becomes_words(prompt: str, text: str) -> None:
    cast = cast_prompt(prompt, [mila()])
    assert cast.text == text and cast.unused == "" and [role.kind for role in cast.roles] == ["girl"]


def test_who_is_not_named_is_not_shown_and_that_is_said() -> None:
    cast = cast_prompt("a ball rolls", [mila()])
    assert cast.text == "a ball rolls" and cast.roles == () and "@mila" in cast.unused


def test_several_things_are_one_cast() -> None:
    cast = cast_prompt("@bobo hits @kiste", [toy(), toy("kiste", "box", Page().box(50, 50, 150, 150, BLUE))])
    assert [role.kind for role in cast.roles] == ["ball", "box"] and cast.text.endswith(" hits a blue box")


def test_what_one_clip_cannot_show_is_refused() -> None:
    rex = make_cameo(dog().picture(), handle="rex", kind="dog")
    with pytest.raises(PromptError, match="two cameos with the handle @bobo"):
        cast_prompt("@bobo", [toy(), toy()])
    for prompt, cast in (("@mila and @rex run", [mila(), rex]), ("@mila kicks @bobo", [mila(), toy()])):
        with pytest.raises(PromptError, match="one person or animal"):
            cast_prompt(prompt, cast)


def test_one_that_was_taken_back_is_refused() -> None:
    cameo = mila()
    consent.revoke(cameo.identifier)
    with pytest.raises(ConsentError, match="taken back"):
        cast_prompt("@mila waves", [cameo])


@pytest.mark.parametrize("name", "red orange yellow green blue purple pink white black grey".split())
@pytest.mark.parametrize("light", [0.8, 1.0])
def test_a_colour_has_its_name_in_less_light_too(name: str, light: float) -> None:
    found = nearest_colour(2 * light * torch.tensor(COLOURS[name]) - 1)
    same = {"white": {"white", "silver"}, "grey": {"grey", "silver"}, "blue": {"blue", "navy"},
            "red": {"red", "maroon"}, "black": {"black"}, "purple": {"purple", "indigo"}, "yellow": {"yellow", "gold"},
            "pink": {"pink", "red"}}
    assert found in same.get(name, {name}) | {name}


def sketch(*slots: tuple[float, float, float, tuple[float, float, float]]) -> Sketch:
    """Things that stand still: x, radius, 1 for a box, colour in [-1, 1]."""
    states, traits = torch.zeros(1, SLOTS, 9, 8), torch.full((1, SLOTS, TRAITS), -1.0)
    for slot, (x, radius, box, colour) in enumerate(slots):
        states[0, slot, :, 0], states[0, slot, :, 2], states[0, slot, :, 5] = x, radius, radius
        traits[0, slot, 0], traits[0, slot, 1], traits[0, slot, 2:5] = 1, 1 if box else -1, torch.tensor(colour)
    return Sketch(states, torch.zeros(1, SLOTS, 9), traits, torch.zeros(1, STAGE))


def test_a_thing_is_put_on_by_the_one_that_the_words_meant() -> None:
    red, white = (0.7, -0.8, -0.8), (0.9, 0.9, 0.9)
    cast = cast_prompt("@bobo", [toy(page=Page().disc(100, 100, 60, RED))])
    drawn = dress(sketch((-0.3, 0.1, 1, red), (0.0, 0.1, 0, white), (0.3, 0.1, 0, red)), cast.roles)
    is_dressed = (drawn.looks < UNDRESSED).all(-1).all(-1).all(-1)[0]
    assert is_dressed.tolist() == [False, False, True, False, False, False]


def test_a_ball_stands_upright_where_it_begins_and_turns_as_it_rolls() -> None:
    rolls = sketch((0.2, 0.15, 0, (0.0, 0.0, 0.0)))
    rolls.states[0, 0, :, 0] = 0.2 - torch.linspace(0, torch.pi * 0.15, 9)      # half a turn to the left
    drawn = draw_bodies(dress(rolls, cast_prompt("@bobo", [toy()]).roles), 128, 128)[0]
    for frame, (top, bottom) in ((0, (RED, BLUE)), (8, (BLUE, RED))):
        x = int(64 + 128 * float(rolls.states[0, 0, frame, 0]))
        for row, colour in ((54, top), (74, bottom)):
            shown = (drawn[:3, frame, row, x] + 1) / 2
            assert float((shown - torch.tensor(colour)).abs().max()) < 0.2


def test_undressed_sketches_stay_as_they_were() -> None:
    bare = sketch((0.0, 0.1, 0, (0.5, 0.5, 0.5)))
    assert dress(bare, ()) is bare
    worn = dress(bare, cast_prompt("@kiste", [toy("kiste", "box")]).roles)      # there is no box to wear it
    assert torch.equal(draw_bodies(worn, 32, 32), draw_bodies(bare, 32, 32))
    assert worn.looks.shape == (1, LOOKS, 3, LOOK, LOOK)
