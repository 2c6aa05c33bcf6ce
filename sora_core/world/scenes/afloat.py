"""A tank of water: what is light floats and bobs, what is heavy sinks."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

from ..materials import COLOURS
from ..physics import STEP_S, Motion
from ..record import ObjectRecord
from ..water import entries, fates, splashes, volume_of
from ..words import Teller
from .family import Family
from .piles import side_of
from .scene import SIZES_M, Body, Prop, Scene, Setting, Solid, Water, make_object, plain, random_quaternion

_LIGHT = {"wood": (420.0, 720.0), "plastic": (70.0, 240.0), "rubber": (120.0, 380.0)}
_HEAVY = {"metal": (1700.0, 2700.0), "stone": (1600.0, 2400.0), "glass": (1500.0, 2200.0)}
"""Densities in water, kg per cubic metre: of toys that may be hollow."""
_SHRINK = 0.52
_PANE_M, _BAR_M = 0.010, 0.008
_FRAMES = ((0.10, 0.10, 0.11), (0.42, 0.44, 0.47), (0.50, 0.32, 0.18), (0.92, 0.92, 0.92))
_RIM = (0.88, 0.96, 0.97)


def _tank(water: Water, top: float, colour: tuple[float, float, float]) -> tuple[Prop, Prop]:
    """A glass tank with bars along its edges, on the floor: what can be touched, and the rest."""
    x, y = water.half_m
    base, tall = 0.5 * water.bottom_m, 0.5 * (top - water.bottom_m)
    pane = plain((0.85, 0.95, 0.98), specular=0.9, shininess=0.9, alpha=0.06)
    middle = water.bottom_m + tall
    walls = [Solid(pane, (_PANE_M, y, tall), (s * (x + _PANE_M), 0.0, middle)) for s in (-1, 1)]
    walls += [Solid(pane, (x, _PANE_M, tall), (0.0, s * (y + _PANE_M), middle)) for s in (-1, 1)]
    ground = Solid(plain((0.78, 0.74, 0.64), specular=0.0), (x + 2 * _PANE_M, y + 2 * _PANE_M, base), (0.0, 0.0, base))
    bar = plain(colour, specular=0.3)
    out_x, out_y = x + _PANE_M, y + _PANE_M
    bars = [Solid(bar, (_BAR_M, _BAR_M, 0.5 * top), (a * out_x, b * out_y, 0.5 * top), collides=False)
            for a in (-1, 1) for b in (-1, 1)]
    for z, edge in ((top, plain(_RIM, specular=0.9, alpha=0.32)), (water.bottom_m, bar)):
        bars += [Solid(edge, (out_x + _BAR_M, _BAR_M, _BAR_M), (0.0, b * out_y, z), collides=False) for b in (-1, 1)]
        bars += [Solid(edge, (_BAR_M, out_y, _BAR_M), (a * out_x, 0.0, z), collides=False) for a in (-1, 1)]
    shade = plain((0.0, 0.0, 0.0), alpha=0.28, specular=0.0)
    bars.append(Solid(shade, (x + 0.06, y + 0.06, 0.001), (0.02, 0.03, 0.002), collides=False))
    return Prop("tank", (ground, *walls), "glass", 0.45, is_ground=True), Prop("frame", tuple(bars))


def _body(rng: np.random.Generator, light: bool, taken: tuple[str, ...], room_m: float) -> ObjectRecord:
    """A ball or a cube that floats or sinks, small enough for this much room."""
    table = _LIGHT if light else _HEAVY
    material = str(rng.choice(list(table)))
    kind = "ball" if rng.random() < 0.65 or material == "rubber" else "box"
    colour = str(rng.choice([name for name in COLOURS if name not in taken]))
    size = str(rng.choice(("small", "medium", "large"), p=(0.35, 0.45, 0.2)))
    radius = min(_SHRINK * SIZES_M[size] * float(rng.uniform(0.95, 1.05)) * (0.85 if kind == "box" else 1.0), room_m)
    record = make_object(kind, colour, material, size, radius)
    return make_object(kind, colour, material, size, radius, mass_kg=float(rng.uniform(*table[material])) * volume_of(
        record))


def _into_water(rng: np.random.Generator, setting: Setting, kinds: tuple[bool, ...], family: str) -> Scene:
    setting = setting.with_view(rng, span_m=float(rng.uniform(1.28, 1.42)), names=("front", "high", "angled"))
    half = setting.view.half_width_m
    water = Water((min(0.84 * half, 0.72), float(rng.uniform(0.22, 0.28))), 0.05, float(rng.uniform(0.54, 0.62)))
    top = water.level_m + float(rng.uniform(0.10, 0.15))
    colour = _FRAMES[int(rng.integers(len(_FRAMES)))]
    bodies: list[Body] = []
    slots, side = len(kinds), side_of(rng)
    order = [int(i) for i in rng.permutation(slots)]
    for number, light in enumerate(kinds):
        room = 0.42 * water.half_m[0] if slots > 1 else 0.6 * water.half_m[0]
        record = _body(rng, light, tuple(body.record.colour for body in bodies), min(room, 0.55 * water.half_m[1]))
        r = record.radius_m * (1.0 if record.kind == "ball" else 1.45)
        middle = (2 * (order[number] + 0.5) / slots - 1) * water.half_m[0]
        reach = max(water.half_m[0] / slots - r - 0.03, 0.0)
        x = middle + float(rng.uniform(-0.55, 0.55)) * reach
        y = float(rng.uniform(-0.5, 0.5)) * max(water.half_m[1] - r - 0.03, 0.0)
        high = water.level_m + r + float(rng.uniform(0.05, 0.34))
        still = record.kind == "box" and rng.random() < 0.5
        turn = random_quaternion(rng) if not still else (1.0, 0.0, 0.0, 0.0)
        spin = tuple(float(v) for v in rng.normal(0, 0.9, 3))
        bodies.append(Body(record, (x, y, high), turn, (-side * float(rng.uniform(0.0, 0.12)), 0.0, 0.0), spin))
    return Scene(family, setting, tuple(bodies), props=_tank(water, top, colour), water=water, ground_m=water.bottom_m)


def floating(rng: np.random.Generator, setting: Setting) -> Scene:
    """One or two light bodies fall into water, come up and bob."""
    return _into_water(rng, setting, (True,) if rng.random() < 0.7 else (True, True), "float")


def sinking(rng: np.random.Generator, setting: Setting) -> Scene:
    """A heavy body falls into water and sinks, sometimes beside a light one that floats."""
    choice = rng.random()
    return _into_water(rng, setting, (False,) if choice < 0.5 else (False, True) if choice < 0.9 else (False, False),
                       "sink")


def _facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    masses, volumes = ([one(body.record) for body in scene.bodies] for one in (attrgetter("mass_kg"), volume_of))
    return scene.facts | {
        "fates": fates(scene, motion),
        "dived": [bool(motion.displaced[:, i].max() > 0.98 * volume) for i, volume in enumerate(volumes)],
        "densities": [round(mass / volume, 1) for mass, volume in zip(masses, volumes, strict=True)],
        "splashes_s": [round(entry.step * STEP_S, 4) for entry in entries(scene, motion)],
        "events": splashes(scene, motion)}


_FALLS = ("falls into", "drops into", "plunges into", "is dropped into", "falls with a splash into")
_SINKS = ("sinks", "sinks to the bottom", "goes down to the bottom", "sinks to the ground")
_FLOATS = ("floats", "floats on the surface", "stays afloat", "bobs up and down on the surface")
_COMES_UP = ("comes up and floats", "bobs up and floats", "rises again and floats")


def _end(teller: Teller, index: int) -> str:
    fate = teller.facts["fates"][index]
    if fate == "floats":
        return teller.pick(*_FLOATS, *(_COMES_UP if teller.facts["dived"][index] else ()))
    return teller.pick(*_SINKS) if fate == "sinks" else teller.pick("goes under", "dives")


def _tell(teller: Teller) -> str:
    water = teller.pick("water", "a tank of water", "the water", "a glass tank full of water", "a water tank")
    if len(teller.facts["fates"]) == 1:
        if teller.style < 0.10:
            return f"{teller.thing(0, article='', brief=True)} {_end(teller, 0)} in water"
        return f"{teller.thing(0)} {teller.pick(*_FALLS)} {water} and {_end(teller, 0)}"
    one, two = teller.thing(0), teller.thing(1)
    ends = _end(teller, 0), _end(teller, 1)
    if teller.chance(0.4):
        return f"{one} and {two} fall into {water}: the first {ends[0]}, the other {ends[1]}"
    link = " while " if teller.facts["fates"][0] == teller.facts["fates"][1] else teller.pick(" while ", ", but ")
    return f"{one} {ends[0]} in {water}{link}{two} {ends[1]}"


def _french(teller: Teller) -> str:
    ends = {"floats": ("flotte", "flotte \u00e0 la surface"), "sinks": ("coule", "coule au fond"),
            "drifts": ("plonge",)}
    where = teller.pick("dans l'eau", "dans un bassin en verre", "dans un aquarium")
    first, *more = (f"{teller.thing_french(i)} {{}}{teller.pick(*ends[fate])}"
                    for i, fate in enumerate(teller.facts["fates"]))
    return first.format(f"tombe {where} et ") + "".join(f" ; {part.format('')}" for part in more)


def _sound(teller: Teller) -> str:
    return teller.pick("a splash", "water splashes", "a loud splash and gurgling", "splashing water")


FAMILIES = (
    Family("float", 0.07, floating, _tell, _french, _sound, ("room", "studio", "yard", "park", "beach", "gym"), _facts),
    Family("sink", 0.07, sinking, _tell, _french, _sound, ("room", "studio", "yard", "park", "beach", "gym"), _facts),
)
