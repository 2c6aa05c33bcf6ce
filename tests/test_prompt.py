"""Prompts as people write them for Sora, read; and any text at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sora_core.prompt import MOST_CHARACTERS, Line, Prompt, Shot, read_prompt, spoken, timeline

STORYBOARD = """A quiet courtyard at dusk. Style: 35 mm film, warm.
Shot 1 (0-4s): A blue ball rolls across the concrete. The camera pans slowly.
Shot 2 (4-8s): Close-up: the ball hits a wooden box. Sound: a hollow knock.
Shot 3 (8-12s): @Sam picks up the ball and whispers, "Got you."
"""
COOKBOOK = """Style: Hand-painted animation, warm tungsten lighting.

In the center, a small round robot sits on a wooden bench.

Cinematography:
Camera: medium close-up, slow push-in
Lighting: warm key from overhead
Mood: gentle, whimsical

Actions:
- The robot taps the bulb; sparks crackle.
- Robot says quietly: "Almost lost it... but I got it!"

Dialogue:
- Detective (tired): "You're lying."
- Suspect: or maybe I'm just tired of talking

Background Sound:
Rain, ticking clock.

Music: none
Negative prompt: text, logos
Aspect ratio: 9:16
Duration: 8 s"""
FRENCH = """Style : film 16 mm
Plan 1 (0 à 4 s) : une balle tombe et rebondit. Son : un choc sourd.
Plan 2 (4 à 8 s) : un enfant dit : « Encore ! » La caméra recule lentement.
À éviter : texte"""

LABELS = ("Shot 1 (0-4s): ", "[Shot 2] At 00:03.500, ", "Cut to: ", "Dialogue:\n", "- Ann: \"", "\" ", "[0:02-0:04] ",
          "Sound: ", "Camera: ", "@sam ", "says, \"", "«", "»", "Style:", "\n\n", "Plan 3 : ", "(4s)", "<d>", "</d>",
          "**", "Music: none\n", "Duration: 8s", "99:99:99.999", "\ue000", "\ud800", "\0", "'", "Negative prompt: ",
          "{", "\"a\": ", "[1]", "}", "\U0001f3ac")
ODD = st.lists(st.one_of(st.sampled_from(LABELS), st.text(max_size=12)), max_size=24).map("".join)


def test_a_plain_sentence_stays_as_it_is() -> None:
    prompt = read_prompt("a red ball drops onto a wooden floor; a dull thud as it lands")
    assert prompt.is_plain and prompt.shots == (Shot(sight=(prompt.text,)),)
    assert prompt == Prompt(prompt.text, prompt.shots)


def test_a_storyboard_has_shots_with_times_and_what_holds_for_all() -> None:
    prompt = read_prompt(STORYBOARD)
    assert not prompt.is_plain and prompt.setting == ("A quiet courtyard at dusk.",)
    assert prompt.style == ("35 mm film, warm",) and prompt.cameos == ("sam",) and prompt.seconds == 12
    one, two, three = prompt.shots
    assert one == Shot(0, 4, sight=("A blue ball rolls across the concrete.",), camera=("The camera pans slowly",))
    assert two == Shot(4, 8, sight=("the ball hits a wooden box.",), sounds=("a hollow knock",), camera=("Close-up",))
    assert three.sight == ("@Sam picks up the ball and whispers.",)
    assert three.dialogue == (Line("@Sam", "Got you.", "whispering"),)


def test_blocks_with_labels_go_where_they_belong() -> None:
    prompt = read_prompt(COOKBOOK)
    [shot] = prompt.shots
    assert shot.sight == ("In the center, a small round robot sits on a wooden bench.",
                          "The robot taps the bulb; sparks crackle.", "Robot speaks.")
    assert shot.dialogue == (Line("Robot", "Almost lost it... but I got it!", "quietly"),
                             Line("Detective", "You're lying.", "tired"),
                             Line("Suspect", "or maybe I'm just tired of talking"))
    assert shot.sounds == ("Rain, ticking clock",) and shot.music == ()
    assert shot.camera == ("medium close-up, slow push-in",) and shot.light == ("warm key from overhead",)
    assert prompt.style == ("Hand-painted animation, warm tungsten lighting", "gentle, whimsical")
    assert prompt.avoid == ("music", "text, logos") and prompt.format == ("9:16",) and prompt.seconds == 8


def test_french_is_read_too() -> None:
    prompt = read_prompt(FRENCH)
    one, two = prompt.shots
    assert one == Shot(0, 4, sight=("une balle tombe et rebondit.",), sounds=("un choc sourd",))
    assert two.dialogue == (Line("un enfant", "Encore !"),) and two.camera == ("La caméra recule lentement",)
    assert prompt.style == ("film 16 mm",) and prompt.avoid == ("texte",)


@pytest.mark.parametrize(("text", "times"), [
    ("Shot 1 (0-4s): a. Shot 2 (4-8s): b.", [(0, 4), (4, 8)]),
    ("[Shot 1] A. [Shot 2] At 00:03.500, the camera cuts to b.", [(None, None), (3.5, None)]),
    ("0.00–2.40 — \"Arrival\" (32 mm, slow dolly)\nA.\n2.40–4.00 — \"Turn\"\nB.", [(0, 2.4), (2.4, 4)]),
    ("[0:00-0:03] A.\n[0:03-0:06] B.", [(0, 3), (3, 6)]),
    ("SHOT 1 — 4 seconds: A.\nSHOT 2 — 2 seconds: B.", [(0, 4), (4, 6)]),
    ("Scene 1: A. Scene 2: B.", [(None, None), (None, None)]),
    ("A ball drops. Cut to: it rolls. Cut to: dust.", [(None, None)] * 3),
    ("Shot 1 (4-2s): A.", [(4, None)]),
])
def test_times_in_their_many_forms(text: str, times: list[tuple[float | None, float | None]]) -> None:
    assert [(shot.start_s, shot.end_s) for shot in read_prompt(text).shots] == times


@pytest.mark.parametrize("text", [
    "3-5 people walk past", "10 to 12 balls fall", "a shot of espresso: brown foam", "the ball rolls, cut to shape",
    "write to me@home.org about the ball", "a bucket full of sand", 'a sign that reads "OPEN" swings', "",
])
def test_what_only_looks_like_notation_stays_plain(text: str) -> None:
    prompt = read_prompt(text)
    assert prompt.is_plain and prompt.shots == (Shot(sight=(text,) if text else ()),)


def test_who_speaks_is_told_from_the_sentence() -> None:
    def said(text: str) -> Line:
        [line] = read_prompt(text).shots[0].dialogue
        return line

    assert said('In a 90s interview, an old man sits in a study and says, "I was young."') == Line("an old man",
                                                                                                  "I was young.")
    assert said('"Run!" shouts the woman.') == Line("the woman", "Run!", "shouting")
    assert said('VO: "Gravity always wins."') == Line("narrator", "Gravity always wins.")
    assert said("The man (S1) says: <d>[English] Smell that?</d>").words == "Smell that?"
    assert spoken(Line("the detective", "You're lying.", "tired")) == 'The detective says (tired), "You\'re lying."'


def test_a_prompt_in_json_is_read_by_its_keys() -> None:
    prompt = read_prompt('{"subject": "a red ball", "shot": {"composition": "wide", "lens": "35 mm"}, "style": null, '
                         '"audio": {"sfx": ["a thud", "rain"], "dialogue": "Ann: Look!"}, "size": 3}')
    [shot] = prompt.shots
    assert shot == Shot(sight=("a red ball",), sounds=("a thud", "rain"), camera=("wide", "35 mm"),
                        dialogue=(Line("Ann", "Look!"),))
    for odd in ("{", "{}", "[" * 9999, '{"a": ' * 9999, "{1: 2}"):
        assert read_prompt(odd).text == odd


def test_symbols_and_slug_lines_do_no_harm() -> None:
    prompt = read_prompt("\U0001f3ac Scene: EXT. BEACH. A ball falls! \U0001f3b5 Music: lofi \U0001f50a Sound: a thud")
    assert prompt.shots[0] == Shot(sight=("BEACH.", "A ball falls!"), music=("lofi",), sounds=("a thud",))
    assert read_prompt("Dialogue: none. Sound: none").shots == (Shot(),)


def test_a_list_of_actions_by_shot_adds_to_the_shots() -> None:
    prompt = read_prompt("Shot 1: a room.\nShot 2: a yard.\nActions:\n- Shot 1: a ball falls.\n- Shot 2: it rolls.")
    assert [shot.sight for shot in prompt.shots] == [("a room.", "a ball falls."), ("a yard.", "it rolls.")]


def test_timelines_keep_what_is_said_and_share_out_the_rest() -> None:
    said = read_prompt(STORYBOARD)
    assert timeline(said, 12) == ((0, 4), (4, 8), (8, 12))
    assert timeline(said, 6) == ((0, 2), (2, 4), (4, 6))
    assert timeline(read_prompt("A. Cut to: b. Cut to: c. Cut to: d."), 8) == ((0, 2), (2, 4), (4, 6), (6, 8))


@given(ODD)
@example("Shot 1: Shot 1: Shot 1:")
@example("\"" * 99)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(text: str) -> None:
    prompt = read_prompt(text)
    assert prompt.text == text and prompt.shots
    assert replace(prompt, text="") == replace(read_prompt(text), text="")
    strings = [*prompt.setting, *prompt.style, *prompt.avoid, *prompt.format]
    for shot in prompt.shots:
        strings += [*shot.sight, *shot.sounds, *shot.music, *shot.camera, *shot.light]
        strings += [line.words for line in shot.dialogue]
        assert shot.start_s is None or shot.start_s >= 0
        assert shot.end_s is None or shot.start_s is not None and shot.end_s > shot.start_s
    assert all(string.strip() for string in strings)
    assert not any(character in string for string in strings for character in "\0\ue000\ud800")
    assert all(name in text.lower() for name in prompt.cameos)


@given(ODD, st.floats(0.05, 60))
@settings(max_examples=200, deadline=None)
def test_timelines_cover_the_clip(text: str, seconds: float) -> None:
    prompt = read_prompt(text)
    parts = timeline(prompt, seconds)
    assert len(parts) == len(prompt.shots) and parts[0][0] == 0 and parts[-1][1] == seconds
    assert all(start < end for start, end in parts)
    assert all(one[1] == two[0] for one, two in zip(parts, parts[1:], strict=False))


@pytest.mark.parametrize("piece", ["Shot 1 (0-4s): ", "\"says ", "“", "'", "<d>", "a says \"b\" ", ".)", "Camera: x ",
                                   "@", "(", "\n- "])
def test_long_texts_are_read_as_far_as_the_first_of_them(piece: str) -> None:
    assert read_prompt(piece * 200_000).shots == read_prompt((piece * 200_000)[:MOST_CHARACTERS]).shots
