"""What a prompt asks of a figure: which trick, on a beam or not, which words, who."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import numpy as np

from ..scenes.scene import Scene, Setting, draw_setting
from .cast import KINDS
from .sport import draw_gymnast, draw_skater
from .talk import draw_talk

_TRICKS = (("cartwheel", r"cartwheel"), ("front flip", r"front (flip|somersault)|flips? (over )?forward"),
           ("layout", r"layout|stretched|straight body"),
           ("backflip", r"back ?(flip|somersault)|flips? (over )?backward"))
_JUMPS = (("triple axel", r"triple"), ("double axel", r"double"), ("waltz jump", r"waltz"), ("single axel", r"\baxel"),
          ("spin", r"\bspins?\b|pirouette"))
_QUOTED = re.compile("[\"\u201c\u00ab]([^\"\u201d\u00bb]{1,120})[\"\u201d\u00bb]")


def drawer(family: str | None, wish: str) -> Callable[[np.random.Generator, Setting], Scene] | None:
    """How to draw a family so that it is what a prompt asks for, or None where the family draws as it always does."""
    text = wish.lower()
    if family == "gymnast":
        trick = _first(_TRICKS, text)
        return partial(draw_gymnast, trick=trick, on_beam="beam" in text if trick else None)
    if family == "skater" and _first(_JUMPS, text):
        return partial(draw_skater, trick=_first(_JUMPS, text))
    if family == "talk" and (said := _QUOTED.search(wish)):
        kinds = tuple(kind for kind in KINDS if re.search(rf"\b{kind}\b", text)) or KINDS
        return partial(draw_talk, text=said.group(1), kinds=kinds)
    return None


def wished_scene(family: str | None, wish: str, seed: int, width: int, height: int) -> Scene | None:
    """The scene of a seed in which a figure does what a prompt names, or None where any scene of the family will do."""
    draw = drawer(family, wish)
    if draw is None:
        return None
    from . import FAMILIES

    rng = np.random.default_rng(seed)
    places = next(one.places for one in FAMILIES if one.name == family)
    return draw(rng, draw_setting(rng, width, height, places))


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, words in table if re.search(words, text)), "")
