"""Of several sketches the one that keeps the laws, is sure of itself and does as it was told."""

import math

import pytest
import torch

from sora_core.models.sketch import Sketch
from sora_core.sampling.choice import (
    GOOD_ENOUGH,
    doubt,
    falls,
    meets,
    misshapen,
    objections,
    outside,
    overlap,
    rebounds,
    shots,
    stacks,
    tilt,
)
from sora_core.things import Thing
from sora_core.wishes import ALL, FALLS, MADE, MISSED, NO_WISHES, STANDING, Wishes

from .sketches import make_sketch

FRAMES = 97
WAY = torch.linspace(-0.5, 0.5, FRAMES)


def path(x, y=None):
    return torch.stack([x, 0 * x if y is None else y], dim=-1)


def test_bodies_do_not_overlap():
    through = make_sketch(torch.stack([path(WAY), path(-WAY)]))
    assert overlap(through) > GOOD_ENOUGH and objections(through, NO_WISHES) == overlap(through)
    assert overlap(make_sketch(torch.stack([path(WAY), path(WAY, 0 * WAY + 0.5)]))) == 0
    assert overlap(make_sketch(path(WAY)[None])) == 0, "one thing alone can't break this law"
    through.traits[0, :2, 5] = 1
    assert overlap(through) == 0, "limbs lie before one another"


def test_things_that_shall_meet_hit_each_other_and_go():
    hits = torch.zeros(2, FRAMES)
    hits[:, 48] = 0.4
    bounce = torch.stack([path(-0.1 - 0.7 * WAY.abs()), path(0.1 + 0.7 * WAY.abs())])
    assert meets(make_sketch(bounce, hits)) and not meets(make_sketch(bounce)), "nothing is heard of that meeting"
    rests = torch.stack([path(-0.1 - 0.7 * WAY.abs()), path(0.1 + 0 * WAY)])
    assert not meets(make_sketch(rests, hits)), "what was hit goes nowhere"
    apart = torch.stack([path(-0.3 - WAY.abs()), path(0.3 + WAY.abs())])
    assert not meets(make_sketch(apart, hits))
    wish = Wishes(meeting=True)
    assert objections(make_sketch(bounce, hits), wish) == 0 and objections(make_sketch(rests, hits), wish) == 1


@pytest.mark.parametrize(("trait", "value", "is_doubtful"), [
    (0, 0.5, True), (1, 0.1, True), (5, 0.4, True), (5, -0.9, False), (2, 0.0, False), (1, 1.1, False)])
def test_half_of_a_thing_is_doubtful(trait, value, is_doubtful):
    sketch = make_sketch(path(WAY)[None])
    sketch.traits[0, 0, trait] = value
    assert bool(doubt(sketch) > 0) == is_doubtful
    sketch.traits[0, 0, 0] = -0.1
    assert doubt(sketch) == 0, "what isn't there is nothing to doubt"


def test_where_only_things_are_asked_for_there_is_nobody():
    sketch = make_sketch(torch.stack([path(WAY), path(WAY, 0 * WAY + 0.5)]))
    assert objections(sketch, Wishes(things=True)) == 0
    sketch.traits[0, 1, 5] = 1
    assert objections(sketch, Wishes(things=True)) == 1 and objections(sketch, NO_WISHES) == 0


def basket(x_at_rim):
    """A ball that flies to the height of the rim, at 0, and sinks there at `x_at_rim`; a board and a rim around 0.2."""
    t = torch.linspace(-1, 1, FRAMES)
    ball = path(x_at_rim + 0.1 * (t - 0.5), 0.4 * (t ** 2 - 0.25))      # through y = 0 downwards at t = 0.5
    still = torch.zeros(FRAMES)
    sketch = make_sketch(torch.stack([ball, path(still + 0.35, still - 0.1), path(still + 0.2)]), radius=0.05)
    sketch.traits[0, 1:3, 5] = 1
    sketch.states[0, 2, :, 4] = -0.09       # the rim's half width, along what it hangs on
    return sketch


@pytest.mark.parametrize(("x", "end"), [(0.2, MADE), (0.25, MADE), (0.05, MISSED), (0.35, MISSED)])
def test_shots_end_as_asked(x, end):
    sketch = basket(x)
    assert shots(sketch) == end
    assert objections(sketch, Wishes(shot=end)) == 0 and objections(sketch, Wishes(shot=-end)) == 1
    assert shots(sketch.mirrored()) == end
    sketch.traits[0, 2, 0] = -1
    assert shots(sketch) == 0, "no rim, no basket"


def test_a_batch_is_judged_row_by_row():
    hits = torch.zeros(2, FRAMES)
    hits[:, 48] = 0.4
    rows = [make_sketch(torch.stack([path(-0.1 - WAY.abs()), path(0.1 + WAY.abs())]), hits),
            make_sketch(torch.stack([path(WAY), path(-WAY)])), basket(0.2)]
    wish = Wishes(meeting=True)
    together = objections(Sketch.join(rows), wish)
    assert together.tolist() == pytest.approx([float(objections(row, wish)) for row in rows])


@pytest.mark.parametrize(("heights", "is_gained"), [((0.5, 0.3, 0.1), False), ((0.3, 0.5, 0.2), True)])
def test_nothing_bounces_higher_by_itself(heights, is_gained):
    gravity, y, hits = 5.3, [], []
    for number, height in enumerate(heights):
        length = round(24 * (2 if number else 1) * (2 * height / gravity) ** 0.5)
        t = torch.arange(length) / 24
        y.append(-height + 0.5 * gravity * t ** 2 if number == 0 else -0.5 * gravity * t * (length / 24 - t))
        hits.append(sum(len(part) for part in y))
    y = torch.cat([*y, torch.zeros(FRAMES)])[:FRAMES]
    strength = torch.zeros(1, FRAMES)
    strength[0, hits] = 0.5
    sketch = make_sketch(path(0 * WAY, y)[None], strength)
    assert bool(rebounds(sketch) > 0.2) == is_gained
    if is_gained:
        kicked = make_sketch(torch.stack([path(0 * WAY, y), path(0 * WAY + 0.2, 0 * y)]), strength.repeat(2, 1))
        assert rebounds(kicked) == 0, "what another thing hits may be thrown up"


def test_what_falls_is_seen_from_the_beginning():
    y = torch.linspace(-0.45, 0.3, FRAMES)
    seen = make_sketch(path(0 * WAY, y)[None])
    assert objections(seen, NO_WISHES) == 0
    assert 0 < objections(seen, NO_WISHES, 16 / 9) < GOOD_ENOUGH, "a broad picture is less high"


def test_things_stay_in_the_picture():
    sketch = make_sketch(torch.stack([path(WAY * 0.9, 0 * WAY - 0.2), path(WAY * 4, 0 * WAY + 0.2)]))
    assert outside(sketch, 1.0) == pytest.approx(0.75, abs=0.03)
    assert 0 < objections(sketch, NO_WISHES) < GOOD_ENOUGH
    assert outside(sketch, 4.0) < outside(sketch, 1.0), "wide pictures show more of what goes across"
    sketch.traits[0, 1, 0] = -1
    assert outside(sketch, 1.0) == 0


@pytest.mark.parametrize(("angle", "is_still", "is_box", "against"), [
    (0.0, True, True, False), (0.1, True, True, False), (0.6, True, True, True), (0.6, False, True, False),
    (0.6, True, False, False)])
def test_boxes_come_to_rest_on_a_face(angle, is_still, is_box, against):
    sketch = make_sketch(path(0 * WAY if is_still else WAY)[None])
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    sketch.states[0, 0, :, 2:] = torch.cat([0.1 * turn, 0.03 * turn.sum(0, keepdim=True)]).flatten()
    sketch.traits[0, 0, 1] = 1 if is_box else -1
    assert bool(tilt(sketch) > 0) == against


@pytest.mark.parametrize(("away", "size", "is_wrong"), [(0.2, 0.15, False), (0.6, 0.15, True), (0.3, 0.6, True)])
def test_limbs_hang_on_a_trunk_of_some_size(away, size, is_wrong):
    sketch = make_sketch(torch.tensor([[[0.0, 0.0]], [[0.0, away]]]).expand(2, 20, 2), radius=size)
    sketch.traits[0, :2, 5] = 1
    wish = Wishes(named=(Thing(True, None, 0, is_part=True),))
    assert (float(objections(sketch, wish)) > GOOD_ENOUGH) is is_wrong
    assert float(misshapen(make_sketch(torch.zeros(2, 20, 2)))) == 0, "things aren't limbs"


@pytest.mark.parametrize(("first", "second", "some", "every"), [
    (0.3, 0.3, True, True), (0.3, 0.0, True, False), (0.0, 0.0, False, False), (-0.3, -0.3, False, False)])
def test_what_shall_fall_comes_down(first, second, some, every):
    ways = torch.linspace(0, 1, 30)[None, :, None] * torch.tensor([[[0.0, first]], [[0.1, second]]])
    sketch = make_sketch(torch.tensor([[[-0.2, 0.0]], [[0.2, 0.0]]]) + ways)
    assert bool(falls(sketch, everything=False)) is some and bool(falls(sketch, everything=True)) is every
    wish = Wishes(falls=ALL)
    assert float(objections(sketch, wish) - objections(sketch, Wishes())) == float(not every)


@pytest.mark.parametrize(("end", "becomes"), [(-0.1, STANDING), (0.1, FALLS)])
def test_stacks_fall_or_stand_as_asked(end, becomes):
    low, high = 0 * WAY + 0.1, torch.linspace(-0.1, end, FRAMES)
    sketch = make_sketch(torch.stack([path(0 * WAY, low), path(0 * WAY + (0.3 if end > 0 else 0) * (WAY > 0), high)]))
    sketch.states[0, :2, :, 2:] = torch.tensor([0.1, 0.0, 0.0, 0.1, 0.01, 0.01])
    sketch.traits[0, :2, 1] = 1
    assert stacks(sketch) == becomes
    assert objections(sketch, Wishes(stack=-becomes)) == objections(sketch, Wishes(stack=becomes)) + 1
    sketch.traits[0, :2, 1] = -1
    assert stacks(sketch) == 0, "balls don't stand on one another"
