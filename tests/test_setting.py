"""Where a clip plays, as words say it."""

import pytest

from sora_core.setting import BELONG, COUNT, ELSEWHERE, FIELDS, NAMES, UNSAID, completed, names_of, read_setting
from sora_core.wishes import Wishes, read_wishes
from sora_core.world import places, words


@pytest.mark.parametrize(("prompt", "said"), [
    ("five red balls bounce on the grass", {"floor": "grass"}),
    ("a box slides along a street at night", {"place": "street", "light": "night"}),
    ("At sunset a dog runs on a sandy beach, cartoon", {"floor": "sand", "place": "beach", "light": "dusk",
                                                         "style": "cartoon"}),
    ("une balle rouge tombe sur le parquet, la nuit", {"floor": "wood", "light": "night"}),
    ("a wooden ball falls", {}),
    ("a gymnast does a flip in a gym while it rains", {"place": "gym", "air": "rain"}),
    ("an ice cube and a concrete block on the carpet", {"floor": "carpet"}),
    ("a ball rolls from the grass onto the road", {}),          # two floors: neither is told
    ("a sunny morning in a snowy garden", {"floor": "ice", "place": "park", "light": "day"}),
    ("a ball on a city street on a rainy night", {"place": "street", "light": "night", "air": "rain"}),
    ("a man waves in the kitchen at dawn", {"place": "room", "light": "dusk"}),
    ("a black and white ball, a beach ball, a full moon", {}),
    ("", {}),
])
def test_what_is_said_is_read_and_nothing_else(prompt, said):
    assert names_of(read_setting(prompt)) == said


@pytest.mark.parametrize(("field", "english", "french"), [
    ("floor", words.FLOORS, words.FRENCH_FLOORS), ("place", words.PLACES, words.FRENCH_PLACES),
    ("light", words.LIGHTS, words.FRENCH_LIGHTS), ("style", words.STYLES, words.FRENCH_STYLES),
    ("air", words.AIRS, words.FRENCH_AIRS)])
def test_every_wording_of_the_world_is_known_by_its_name(field, english, french):
    assert set(english) == set(NAMES[field])
    for name, wordings in [*english.items(), *french.items()]:
        for wording in wordings:
            said = names_of(read_setting(f"A red ball, {wording}."))
            assert said[field] == name, wording


def test_numbers_are_different_and_zero_is_unsaid():
    assert read_setting("a ball") == UNSAID and len(UNSAID) == FIELDS
    names = [(field, name) for field, listed in NAMES.items() for name in listed]
    assert [names_of([number]) for number in range(1, COUNT)] == [{field: name} for field, name in names]


def test_wordings_of_one_clip_add_up():
    assert names_of(read_setting("a ball on grass", "a ball in a park", "a ball at dusk")) == {
        "floor": "grass", "place": "park", "light": "dusk"}


@pytest.mark.parametrize(("prompt", "told"), [
    ("in a park", {"floor": "grass", "place": "park"}), ("onto sand", {"floor": "sand", "place": "beach"}),
    ("in a yard", {"floor": "concrete", "place": "yard"}), ("onto concrete", {"floor": "concrete"}),
    ("on the grass in a room", {"floor": "grass", "place": "room"}), ("onto a carpet", {"floor": "carpet"}),
    ("at night", {"light": "night"}), ("on grass and ice", {})])
def test_a_floor_and_its_place_belong_together(prompt, told):
    assert names_of(completed(read_setting(prompt))) == told


def test_the_world_has_those_pairs():
    for floor, place in BELONG:
        assert places.PLACES[place].floors == (floor,)
        elsewhere = [name for name, other in places.PLACES.items() if floor in other.floors and name != place]
        assert bool(elsewhere) is (floor in ELSEWHERE)


def test_a_conditioning_carries_it():
    wishes = read_wishes("two red balls on the ice at dusk")
    assert names_of(wishes.setting) == {"floor": "ice", "place": "rink", "light": "dusk"}
    assert Wishes.from_numbers(wishes.to_numbers()).setting == wishes.setting
