"""Things drift in colour instead of stepping; what isn't a thing stays."""

import pytest
import torch

from sora_core.models.steady import DRIFT, steadied

COLOURS = torch.tensor([[[0.9, -0.9, -0.9], [-0.9, -0.9, 0.9], [2.0, 2.0, 2.0]]])


def scene(frames=24, second=COLOURS[0, 1]):
    """Two squares on grey, of which the first jumps to another shade every eight frames; and how they are drawn."""
    shown, drawing = torch.full((1, 3, frames, 32, 32), 0.1), torch.zeros(1, 4, frames, 32, 32)
    for t in range(frames):
        for colour, x in ((COLOURS[0, 0], 2 + t // 4), (second, 20)):
            drawing[0, :3, t, 4:14, x:x + 10] = colour[:, None, None]
            drawing[0, 3, t, 4:14, x:x + 10] = 1
        shown[0, :, t, 4:14, 2 + t // 4:12 + t // 4] = 0.5 + 0.2 * ((t // 8) % 2)
        shown[0, :, t, 4:14, 20:30] = -0.4
    return shown, drawing


def mean_of(frames, drawing, colour):
    mask = (drawing[0, :3] == colour.view(3, 1, 1, 1)).all(0)
    return torch.stack([frames[0, :, t][:, mask[t]].mean(1) for t in range(frames.shape[2])])


def test_a_thing_drifts_and_the_rest_stays():
    shown, drawing = scene()
    made, _ = steadied(shown, drawing, COLOURS, None)
    before, after = (mean_of(x, drawing, COLOURS[0, 0]).diff(dim=0).abs().max() for x in (shown, made))
    assert before == pytest.approx(0.2, abs=1e-4) and after <= 0.2 * DRIFT + 1e-4
    assert torch.allclose(mean_of(made, drawing, COLOURS[0, 1]), mean_of(shown, drawing, COLOURS[0, 1]), atol=1e-6)
    empty = drawing[:, 3:].expand_as(shown) == 0
    assert torch.equal(made[empty], shown[empty])


def test_in_pieces_it_is_the_same():
    shown, drawing = scene()
    whole, _ = steadied(shown, drawing, COLOURS, None)
    state, parts = None, []
    for start in (0, 1, 9, 17):
        stop = {0: 1, 1: 9, 9: 17, 17: 24}[start]
        part, state = steadied(shown[:, :, start:stop], drawing[:, :, start:stop], COLOURS, state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=2), whole)


def test_two_things_of_one_colour_are_steadied_once():
    shown, drawing = scene(second=COLOURS[0, 0])
    twice = torch.cat([COLOURS[:, :1], COLOURS[:, :1]], dim=1)
    one, _ = steadied(shown, drawing, COLOURS[:, :1], None)
    two, _ = steadied(shown, drawing, twice, None)
    torch.testing.assert_close(one, two)


def test_under_half_precision_it_is_as_exact():
    shown, drawing = scene()
    whole, _ = steadied(shown, drawing, COLOURS, None)
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = steadied(shown, drawing, COLOURS, None)
    assert torch.equal(half, whole)


def test_without_things_nothing_changes():
    shown, drawing = scene()
    made, state = steadied(shown, drawing, torch.full((1, 5, 3), 2.0), None)
    assert torch.equal(made, shown) and state is None
