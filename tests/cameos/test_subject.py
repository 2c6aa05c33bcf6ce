"""Who or what a picture shows."""

from __future__ import annotations

import pytest
import torch

from sora_core.cameos.subject import SIDE, find_subject
from sora_core.errors import MediaError

from .drawn import BLUE, GREY, RED, WHITE, Page, ball, dog, person, portrait


def overlap(page: Page, **how: bool) -> float:
    """Intersection over union with what was drawn, in the bounding box that was found."""
    found = find_subject(page.picture()[0, :, 0], **how)
    rows, columns = (page.mask.any(axis).nonzero()[:, 0] for axis in (1, 0))
    box = page.mask[int(rows[0]):int(rows[-1]) + 1, int(columns[0]):int(columns[-1]) + 1]
    true = torch.nn.functional.interpolate(box[None, None].float(), found.mask.shape, mode="area")[0, 0] > 0.5
    return float((found.mask & true).sum() / (found.mask | true).sum())


@pytest.mark.parametrize("draw", [ball, person, dog])
def test_it_is_what_differs_from_the_edges(draw) -> None:
    assert overlap(draw()) > 0.85


def test_shoulders_may_reach_from_edge_to_edge() -> None:
    assert overlap(portrait(), is_person=True) > 0.85


def test_a_floor_is_no_pair_of_shoulders() -> None:
    page = person()
    page.pixels[:, ~page.mask & (page.y > 240)] = torch.tensor((0.5, 0.35, 0.2))[:, None]
    assert overlap(page, is_person=True) > 0.85


def test_what_lies_between_the_parts_of_a_ball_belongs_to_it() -> None:
    page = Page().disc(100, 100, 60, GREY)
    page.box(40, 85, 160, 115, RED)
    page.mask &= (page.x - 100) ** 2 + (page.y - 100) ** 2 < 3600
    page.box(92, 42, 108, 158, BLUE)
    found = find_subject(page.picture()[0, :, 0], is_convex=True)
    assert float(found.mask.float().mean()) > 0.6


def test_a_mask_goes_before_what_differs() -> None:
    page = Page().disc(60, 100, 40, RED).disc(150, 100, 45, BLUE)
    mask = ((page.x - 60) ** 2 + (page.y - 100) ** 2 < 1600).float()
    found = find_subject(page.picture()[0, :, 0], mask)
    mean = (found.picture[:, found.mask].mean(1) + 1) / 2
    torch.testing.assert_close(mean, torch.tensor(RED), atol=0.06, rtol=0)


def test_its_own_colours_go_on_around_it() -> None:
    found = find_subject(ball().picture()[0, :, 0])
    corner = (found.picture[:, 1, 1] + 1) / 2
    assert float(corner[0]) > 0.6 > 0.5 > float(corner[2])


def test_a_large_picture_is_looked_at_small() -> None:
    page = Page(900, 1200).disc(400, 600, 300, RED)
    assert max(find_subject(page.picture()[0, :, 0]).mask.shape) <= SIDE


@pytest.mark.parametrize(("page", "words"), [
    (Page(), "nobody and nothing stands out"),
    (Page().disc(50, 100, 32, RED).disc(150, 100, 32, BLUE), "two subjects"),
    (Page(10, 300), "at least 24x24"),
    (Page(600, 600).disc(300, 300, 11, RED), "nobody and nothing|only"),
    (Page(ground=WHITE).box(1, 1, 199, 200, RED), "nobody|can't be told"),
])
def test_what_shows_no_subject_is_refused(page: Page, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        find_subject(page.picture()[0, :, 0])


def test_a_small_subject_in_a_mask_is_refused() -> None:
    page = Page(600, 600)
    mask = torch.zeros(600, 600)
    mask[100:120, 100:400] = 1
    with pytest.raises(MediaError, match="only 300x1|only 30"):
        find_subject(page.picture()[0, :, 0], mask)


def test_values_that_are_no_numbers_are_refused() -> None:
    picture = ball().picture()[0, :, 0]
    picture[0, 3, 3] = torch.nan
    with pytest.raises(MediaError, match="no numbers"):
        find_subject(picture)


@pytest.mark.parametrize(("mask", "words"), [(torch.ones(20, 20), "same size"), (torch.zeros(200, 200), "empty")])
def test_a_mask_that_is_none_is_refused(mask: torch.Tensor, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        find_subject(ball().picture()[0, :, 0], mask)
