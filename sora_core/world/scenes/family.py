"""What a family of scenes is: how it draws one, how it is told, and what is true of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .scene import Scene, Setting

if TYPE_CHECKING:
    from ..physics import Motion
    from ..words import Teller


def no_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    """The facts of a family that measures none: what it drew."""
    return dict(scene.facts)


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        name: as in the record and on the command line.
        weight: share in the default mix, before normalising.
        draw: draws a scene in a setting.
        tell: one English sentence of what happens, without place, light and camera.
        tell_french: the same in French.
        sound: a few English words for what is heard, "" for none.
        places: where it may be; () means anywhere ordinary.
        facts: measures what is true, JSON-able, for the record and the words.
    """

    name: str
    weight: float
    draw: Callable[[np.random.Generator, Setting], Scene]
    tell: Callable[[Teller], str]
    tell_french: Callable[[Teller], str]
    sound: Callable[[Teller], str]
    places: tuple[str, ...] = ()
    facts: Callable[[Scene, Motion], dict[str, Any]] = no_facts
