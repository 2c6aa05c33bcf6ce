"""The visible mark: legible, sized by the frame, never long in one place."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from sora_core.errors import ConfigError
from sora_core.trust.visible import _COLUMNS, check_handle, draw_handle

RATE = Fraction(24)


def drawn(height: int, width: int, frames: int = 24, handle: str = "a.User_-9", size: int = 7) -> torch.Tensor:
    video = torch.zeros(1, 3, frames, height, width)
    return torch.cat(list(draw_handle(video.split(size, dim=2), handle, RATE)), dim=2)


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (720, 1280), (32, 32)])
def test_it_is_there_and_leaves_the_rest_alone(size: tuple[int, int]) -> None:
    video = drawn(*size, frames=2)
    touched = (video[0, :, 0].abs().sum(dim=0) > 0).float()
    assert 0.01 < touched.mean() < 0.6 and video.min() >= -1 and video.max() <= 1
    if min(size) >= 96:
        assert video.max() > 0.5 and video.min() < -0.2       # bright letters with a dark edge, on any ground
    rows = touched.any(dim=1).nonzero()
    assert size[0] < 128 or int(rows.max() - rows.min()) + 1 >= 16           # two lines of seven dots


def test_it_moves() -> None:
    video = drawn(128, 128, frames=24 * 14)
    ever = (video[0].abs().sum(dim=0) > 0).float()
    assert float(ever.mean(dim=0).max()) < 0.5               # no pixel is covered half of the time
    parts = (ever.any(dim=0)[:64].any(), ever.any(dim=0)[64:].any(), ever.any(dim=0)[:, :20].any(),
             ever.any(dim=0)[:, -20:].any())
    assert all(parts)


def test_chunks_do_not_matter_and_the_given_frames_are_left_alone() -> None:
    assert torch.equal(drawn(64, 64, 60, size=1), drawn(64, 64, 60, size=60))
    video = torch.zeros(1, 3, 4, 64, 64)
    list(draw_handle([video], "me", RATE))
    assert not video.any()


@pytest.mark.parametrize("handle", ["", "a" * 25, "a b", "<b>", "\u00e9", "a\n", "@me"])
def test_other_letters_are_refused(handle: str) -> None:
    with pytest.raises(ConfigError, match="can't be written; use 1 to 24 of"):
        check_handle(handle)


def test_every_letter_is_another() -> None:
    assert len(set(_COLUMNS.values())) == len(_COLUMNS) == 10 + 26 + 26 + 4 + 6
    assert all(len(bytes.fromhex(columns)) == 5 for columns in _COLUMNS.values())
