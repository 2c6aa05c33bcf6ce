"""Pictures of people, animals and things, drawn for the tests."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 200
RED, GREEN, BLUE, WHITE, SKIN = (0.85, 0.1, 0.1), (0.1, 0.65, 0.2), (0.1, 0.2, 0.8), (0.95, 0.95, 0.95), (0.9, 0.7, 0.6)
GREY = (0.7, 0.72, 0.75)


class Page:
    """A picture to draw on, whose background gets a little lighter from the bottom to the top."""

    def __init__(self, width: int = SIDE, height: int = SIDE, ground: tuple[float, ...] = GREY) -> None:
        shade = torch.linspace(1.05, 0.95, height)[:, None]
        self.pixels = (torch.tensor(ground)[:, None, None] * shade).expand(3, height, width).clone()
        self.mask = torch.zeros(height, width, dtype=torch.bool)
        self.y, self.x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")

    def _paint(self, where: Tensor, colour: tuple[float, ...]) -> Page:
        self.pixels[:, where] = torch.tensor(colour)[:, None]
        self.mask |= where
        return self

    def box(self, left: int, top: int, right: int, bottom: int, colour: tuple[float, ...]) -> Page:
        return self._paint((self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom), colour)

    def disc(self, x: int, y: int, radius: int, colour: tuple[float, ...]) -> Page:
        return self._paint((self.x - x) ** 2 + (self.y - y) ** 2 < radius ** 2, colour)

    def picture(self) -> Tensor:
        """`(1, 3, 1, H, W)` in [-1, 1]."""
        return 2 * self.pixels[None, :, None] - 1


def ball() -> Page:
    """Its upper half is red, its lower half blue."""
    page = Page().disc(100, 100, 60, RED)
    page.pixels[:, page.mask & (page.y >= 100)] = torch.tensor(BLUE)[:, None]
    return page


def person() -> Page:
    """In a red shirt with sleeves, blue trousers and green shoes, from head to foot."""
    page = Page(200, 300).disc(100, 40, 20, SKIN).box(70, 62, 130, 150, RED)
    page.box(48, 62, 66, 150, RED).box(66, 70, 70, 90, RED).box(130, 70, 134, 90, RED).box(134, 62, 152, 150, RED)
    return page.box(72, 150, 98, 270, BLUE).box(102, 150, 128, 270, BLUE).box(70, 258, 98, 275, GREEN).box(
        102, 258, 130, 275, GREEN).box(98, 150, 102, 160, BLUE)


def portrait() -> Page:
    """Head and shoulders that reach from edge to edge."""
    page = Page(160, 200)
    page._paint((page.y - 120 > 0.55 * (page.x - 80).abs()), RED)
    page.box(70, 80, 90, 130, SKIN)
    return page.disc(80, 62, 34, SKIN)


def dog(to_the_left: bool = False) -> Page:
    """A red trunk, white legs and a blue head that is held up."""
    page = Page(260, 200).box(60, 80, 180, 120, RED).box(70, 118, 84, 170, WHITE).box(156, 118, 170, 170, WHITE)
    page.box(172, 50, 220, 88, BLUE)
    if to_the_left:
        page.pixels, page.mask = page.pixels.flip(-1), page.mask.flip(-1)
    return page
