"""Tells what happened in a clip, in varied and true words, in English and French.

A caption is built from the simulated facts alone: a body "bounces" only if it was seen to leave the floor again, and
left and right are those of the picture. Facts may be left out, never made up. The family tells what happens; place,
light, camera, sound, style and weather are added here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import words
from .physics import Motion
from .scenes.family import Family
from .scenes.scene import Scene
from .words import Teller

NUM_CAPTIONS = 6
NUM_FRENCH = 2


def captions(
    rng: np.random.Generator, family: Family, scene: Scene, motion: Motion, tracks: np.ndarray,
    facts: dict[str, Any] | None = None, count: int = NUM_CAPTIONS,
) -> tuple[str, ...]:
    """Write `count` different English wordings of a clip."""
    teller = Teller(rng, scene, motion, tracks, facts or {})
    return _different(rng, count, lambda: _tell(teller, family))


def captions_french(
    rng: np.random.Generator, family: Family, scene: Scene, motion: Motion, tracks: np.ndarray,
    facts: dict[str, Any] | None = None,
) -> tuple[str, ...]:
    """Write ``NUM_FRENCH`` different French wordings of a clip."""
    teller = Teller(rng, scene, motion, tracks, facts or {})
    return _different(rng, NUM_FRENCH, lambda: _tell_french(teller, family))


def _different(rng: np.random.Generator, count: int, tell: Any) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for _ in range(40 * count):
        found[_finish(rng, " ".join(tell().split()).replace(" .", ".").replace(" ,", ","))] = None
        if len(found) == count:
            break
    return tuple(found)


def _tell(teller: Teller, family: Family) -> str:
    setting = teller.scene.setting
    teller.style = style = teller.rng.random()
    text = family.tell(teller)
    if style < 0.10:
        return _flavoured(teller, text, 0.8)
    where, when = teller.place()
    if where.split()[-1] in text:
        where = ""
    text = _around(teller, family, style, text, where, when)
    return _flavoured(teller, text, 1.0) if setting.style or setting.air else text


def _around(teller: Teller, family: Family, style: float, text: str, where: str, when: str) -> str:
    """Add place, light, camera or sound to the core of a caption."""
    moving = teller.scene.view.move and teller.chance(0.5)
    if style < 0.45:
        return f"{text}. {teller.camera()}" if moving else text
    if style < 0.60:
        return f"{text} {where}"
    if style < 0.72:
        return f"{text} {where} {when}" if teller.chance(0.6) else f"{text} {when}"
    if style < 0.80:
        if not where:
            return f"{when}, {text}" if when else text
        return f"{where} {when}, {text}" if teller.chance(0.5) else f"{where}, {text}"
    if style < 0.86:
        return f"{teller.camera()}: {text}"
    heard = family.sound(teller)
    if style < 0.93:
        return f"{text}; {heard}" if heard else text
    return f"{text} {where} {when}. {teller.camera()}. {heard[:1].upper()}{heard[1:]}"


def _flavoured(teller: Teller, text: str, share: float) -> str:
    """Style and weather, mostly told, since nobody would guess them."""
    setting = teller.scene.setting
    if setting.style and teller.chance(0.9 * share):
        words_of = teller.pick(*words.STYLES[setting.style])
        text = f"{words_of}: {text}" if teller.chance(0.3) else f"{text.rstrip('.')}, {words_of}"
    if setting.air and teller.chance(0.75 * share):
        text = f"{text.rstrip('.')}, {teller.pick(*words.AIRS[setting.air])}"
    return text


def _tell_french(teller: Teller, family: Family) -> str:
    setting = teller.scene.setting
    teller.style = style = teller.rng.random()
    text = family.tell_french(teller)
    where = teller.pick(*words.FRENCH_PLACES[setting.place])
    when = "" if setting.place == "moon" else teller.pick(*words.FRENCH_LIGHTS[setting.light])
    if where.split()[-1] in text:
        where = ""
    if style > 0.85:
        text = f"{teller.camera_french()} : {text}"
    elif style > 0.4:
        text = f"{text} {where}" + (f" {when}" if teller.chance(0.5) else "")
    if setting.style and teller.chance(0.9):
        text = f"{text}, {teller.pick(*words.FRENCH_STYLES[setting.style])}"
    if setting.air and teller.chance(0.75):
        text = f"{text}, {teller.pick(*words.FRENCH_AIRS[setting.air])}"
    return text


def _finish(rng: np.random.Generator, text: str) -> str:
    """Vary capitals and the full stop; sometimes write carelessly."""
    style = rng.random()
    if style < 0.42:
        return text[0].lower() + text[1:]
    if style < 0.84:
        text = text[0].upper() + text[1:]
        return text if text.endswith(".") else text + "."
    if style < 0.92:
        return text[0].upper() + text[1:]
    if style < 0.97:
        return text.lower().replace(",", "").replace(".", "")
    return text.upper()
