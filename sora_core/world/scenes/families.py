"""All scene families, and how one is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..camera import MOVES, moved
from ..figures import FAMILIES as FIGURES
from ..places import PLACES
from .afloat import FAMILIES as AFLOAT
from .basketball import FAMILIES as BASKETBALL
from .family import Family
from .groups import FAMILIES as GROUPS
from .matter import FAMILIES as MATTER
from .piles import FAMILIES as PILES
from .scene import Scene, Setting, draw_setting
from .sequences import FAMILIES as SEQUENCES
from .swings import FAMILIES as SWINGS
from .targets import FAMILIES as TARGETS
from .window import FAMILIES as WINDOW

FAMILIES: dict[str, Family] = {family.name: family for family in (
    *MATTER, *GROUPS, *PILES, *SWINGS, *BASKETBALL, *TARGETS, *WINDOW, *AFLOAT, *FIGURES, *SEQUENCES)}
"""Every family by its name."""
PLAIN_FAMILIES = ("drop", "roll", "collide", "throw", "slide")
"""One to three balls and boxes on a floor; drawn where no family is named."""
VARIATION = 0.3
"""Share of a pool's clips with a camera move, cuts, a style, or something in the air."""
STYLES = ("cartoon", "noir", "clay", "pixel art")
AIRS: dict[str, tuple[str, ...]] = {
    "park": ("rain", "wind", "crickets"), "beach": ("waves", "wind", "rain"), "yard": ("rain", "wind"),
    "street": ("rain", "wind", "crowd"), "gym": ("crowd",), "rink": ("crowd",),
}
"""What may be in the air of a place."""


def family_weights(names: tuple[str, ...] = PLAIN_FAMILIES) -> dict[str, float]:
    """Share of each of these families, in sum 1."""
    total = sum(FAMILIES[name].weight for name in names)
    return {name: FAMILIES[name].weight / total for name in names}


def draw_scene(seed: int, width: int, height: int, family: str | tuple[str, ...] | None = None,
               variation: float = 0.0) -> Scene:
    """Draw the scene of a clip.

    Args:
        seed: seed of the clip; the same seed and size give the same scene.
        width, height: pixels.
        family: one of ``FAMILIES``, several to draw from, or None for ``PLAIN_FAMILIES``.
        variation: chance of a camera move, cuts, a style, another place or something in the air.
    """
    rng = np.random.default_rng(seed)
    names = (family,) if isinstance(family, str) else tuple(family or PLAIN_FAMILIES)
    weights = family_weights(names)
    chosen = FAMILIES[str(rng.choice(list(weights), p=list(weights.values())))]
    setting = draw_setting(rng, width, height, chosen.places)
    extra = np.random.default_rng([seed, 3]) if variation > 0 else None
    if extra is None or extra.random() >= variation:
        return chosen.draw(rng, setting)
    setting = _elsewhere(extra, setting) if not chosen.places and extra.random() < 0.3 else setting
    setting = _styled(extra, setting)
    scene = chosen.draw(rng, setting)
    if extra.random() < 0.5 and scene.view.path is None:
        move = str(extra.choice(MOVES))
        scene = replace(scene, setting=replace(scene.setting, view=moved(scene.view, move, extra)))
    return scene


def _elsewhere(rng: np.random.Generator, setting: Setting) -> Setting:
    """On a street, or on the moon."""
    name = "street" if rng.random() < 0.6 else "moon"
    place = PLACES[name]
    return replace(setting, place=name, floor=place.floors[0], light=str(rng.choice(place.lights)), tint=place.tints[0])


def _styled(rng: np.random.Generator, setting: Setting) -> Setting:
    airs = AIRS.get(setting.place, ())
    if airs and rng.random() < 0.5:
        setting = replace(setting, air=str(rng.choice(airs)))
    if rng.random() < 0.35:
        setting = replace(setting, style=str(rng.choice(STYLES)))
    return setting
