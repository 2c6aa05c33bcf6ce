"""French prompts, read in the words that the model has learnt."""

import pytest

from sora_core.prompt_french import english, is_french
from sora_core.prompt_plain import plain_words
from sora_core.setting import names_of, read_setting
from sora_core.things import COLOURS, named_things
from sora_core.wishes import asked_view
from sora_core.world import words


@pytest.mark.parametrize(("french", "known"), [
    ("Une petite balle turquoise en verre heurte un cube rouge en plastique sur une plage.",
     "A small turquoise glass ball hits a red plastic cube on a beach."),
    ("Deux ballons rouges rebondissent sur l\u2019herbe, puis s'arr\u00eatent.",
     "Two red balls bounce on the grass, then stop."),
    ("Le petit chien marron court sur la plage au coucher du soleil", "The small brown dog runs on a beach at dusk"),
    ("un gymnaste en t-shirt rose fait un salto arri\u00e8re", "a gymnast in a pink t-shirt does a backflip"),
    ("Un ballon orange roule de droite \u00e0 gauche", "An orange ball rolls from right to left"),
    ("une balle rouge", "a red ball"), ("une balle\x00 rouge \x000\x00 roule", "a red ball 0 rolls"),
    ("UNE BALLE JAUNE TOMBE SUR LE B\u00c9TON", "A yellow ball falls on a concrete floor")])
def test_sentences(french, known):
    assert is_french(french) and english(french) == known
    plain = plain_words(french, lambda _: True)
    assert plain.text == known and known in plain.unused


@pytest.mark.parametrize("text", [
    "a red ball bounces", "Une is the loneliest number of the night", "", "balle", "\x00", "le le le",
    "les sanglots longs des violons de l'automne blessent mon coeur d'une langueur monotone"])
def test_other_texts_stay_as_they_are(text):
    assert plain_words(text, lambda _: True).text == (text if not is_french(text) or not english(text)
                                                      else english(text))
    assert not (is_french(text) and english(text)) or text == "le le le"


@pytest.mark.parametrize(("field", "table"), [
    ("floor", words.FRENCH_FLOORS), ("place", words.FRENCH_PLACES), ("light", words.FRENCH_LIGHTS),
    ("style", words.FRENCH_STYLES), ("air", words.FRENCH_AIRS)])
def test_where_it_plays_is_the_same_in_english(field, table):
    for name, wordings in table.items():
        for wording in wordings:
            text = f"une balle rouge tombe sur {wording}" if field == "floor" else f"une balle rouge tombe, {wording}"
            assert names_of(read_setting(english(text)))[field] == name, wording


@pytest.mark.parametrize(("gender", "article"), [(0, "un"), (1, "une")])
def test_things_have_their_colours(gender, article):
    nouns = [noun for listed in words.FRENCH_KINDS.values() for noun, of in listed if of == "mf"[gender]]
    for colour, forms in words.FRENCH_COLOURS.items():
        for noun in nouns:
            thing, = named_things(english(f"{article} {noun} {forms[gender]} tombe sur le tapis"))
            assert thing.colour == COLOURS[colour] and thing.is_box == (noun in "bo\u00eete cube bloc")


def test_where_the_camera_stands():
    views = [{asked_view(english(f"{wording} : une balle tombe sur le sable")) for wording in wordings}
             for wordings in words.FRENCH_CAMERAS.values()]
    assert all(len(view) == 1 for view in views) and len(set.union(*views)) == 4
