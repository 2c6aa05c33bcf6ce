"""Finds a scene for a wish: a family's name, or a prompt in words.

A prompt is met by drawing scenes until one has its family, kinds, place, floor, light and camera, and by dressing its
bodies in the colours, materials and sizes that are asked for, before anything is simulated. What then happens is up to
physics: a stone doesn't bounce on sand because a prompt says so. Where a prompt names an outcome that a family decides
by chance (a shot goes in, or misses), scenes are drawn until it comes out so.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PromptError
from .camera import moved
from .figures.wishes import wished_scene
from .materials import COLOURS, MATERIALS
from .physics import simulate
from .places import PLACES
from .render import body_part
from .scenes.families import AIRS, FAMILIES, PLAIN_FAMILIES, draw_scene
from .scenes.scene import SIZES_M, Body, Scene, draw_setting
from .scenes.sequences import of_a_person, of_a_thing

if TYPE_CHECKING:
    from ..evaluation.facts import Claims, Thing

MOST_DRAWS = 5_000
MOST_OUTCOMES = 60
COLOUR_WORDS = {name: name for name in COLOURS} | {"turquoise": "cyan", "violet": "purple"}
_BALLS = "ball|sphere|basketball|football|bowling ball|soccer ball"
TRIES = 1 << 32                     # seeds of the draws for one seed lie this far apart
_NAMES: tuple[tuple[str, str], ...] = (
    ("sequence", r"\bcut to\b|\bnext shot\b"), ("sink", r"\bsinks?\b"),
    ("float", r"\bfloats?\b|\bafloat\b|\bbobs\b|\binto (the |a tank of )?water\b|\bwater tank\b"),
    ("basketball", r"basketball|\bhoop\b|\bbasket\b|backboard"), ("bowling", r"bowling|\bpins?\b"),
    ("goal", r"\bgoal\b|goalkeeper|\bkeeper\b|penalty|soccer|football"), ("window", r"window|\bpane\b|shatter"),
    ("billiards", r"billiard|\bpool table\b|cue ball"), ("dominoes", r"domino"), ("pendulum", r"pendulum|on a rod"),
    ("ramp", r"\bramp\b|\bslope\b|inclined"), ("topple", r"\bstack|\btower of|topples?\b|\bpile of"),
    ("dialogue", r"dialogue|conversation|two (people|persons|men|women) talk"),
    ("gymnast", r"gymnast|backflip|front flip|cartwheel|somersault"), ("skater", r"skater|\baxel\b|pirouette"),
    ("catch", r"\bcatch(es)?\b|\bthrows (a|the)\b.* to "), ("stumble", r"\bstumbl|\btrips\b"),
    ("talk", r"\bsays?\b|\btalks?\b|\bspeaks?\b|\btells us\b"),
    ("dog", r"\bdog\b"), ("cat", r"\bcat\b"), ("bird", r"\bbird\b"),
    ("wave", r"\bwaves\b(?! break)"), ("run", r"\bruns\b"), ("walk", r"\bwalks?\b"),
    ("jump", r"\bjumps?\b"),
)
"""Families by what gives them away, the surest first."""
_OUTCOMES: tuple[tuple[str, str, bool, str], ...] = (
    ("basketball", "made", False, r"\bmiss|does not go in|airball|rebound"), ("basketball", "made", True, r""),
    ("goal", "saved", True, r"\bsave|\bblocks?\b|\bstops\b"),
    ("goal", "goal", False, r"\bmiss|\bpast the goal|\bwide\b"),
    ("goal", "goal", True, r"\bgoal is scored|into the goal|\bscores?\b|into the net|goes in"),
    ("bowling", "strike", True, r"\bstrike:|\ball\b"),
    ("window", "broken", False, r"bounces? off|holds|without breaking"),
    ("window", "broken", True, r""),
)
_STYLE_WORDS = {"cartoon": r"cartoon", "noir": r"\bnoir\b|black and white", "clay": r"\bclay", "pixel art": r"pixel"}
_AIR_WORDS = {"rain": r"\brain", "wind": r"\bwind(y)?\b", "waves": r"\bwaves\b|\bsurf\b", "crickets": r"cricket",
              "crowd": r"\bcrowd"}
_MOVE_WORDS = {"pan": r"\bpan(s|ning)?\b", "tilt": r"\btilt", "dolly in": r"dolly in|closer|pushes in|push in",
               "dolly out": r"dolly out|pulls? back|moves back", "orbit": r"\borbit|circles the|moves around",
               "handheld": r"handheld|hand-held|shaky", "cuts": r"\bcuts\b|several shots|sequence of shots"}


def find_scene(wish: str, seed: int, width: int, height: int) -> Scene:
    """The scene of a seed for a family's name or a prompt; the same one each time.

    Raises:
        PromptError: nothing like it was drawn in 5,000 tries.
    """
    from ..evaluation.facts import read_claims

    if wish in FAMILIES:
        return draw_scene(seed, width, height, wish)
    claims, text = read_claims(wish), wish.lower()
    special = next((name for name, words in _NAMES if name in FAMILIES and re.search(words, text)), None)
    family, outcome, outcomes = special or _family(claims), _outcome(special, text), 0
    for number in range(MOST_DRAWS if _is_possible(claims) else 0):
        chosen = seed + number * TRIES
        scene = (_film(chosen, width, height, claims) if special == "sequence" else
                 wished_scene(special, wish, chosen, width, height) or draw_scene(chosen, width, height, family))
        if not _fits_place(scene, claims, text) or (special is None and not _fits(scene, claims)):
            continue
        if special == "ramp" and claims.things and claims.things[0].kind != scene.bodies[0].record.kind:
            continue
        if special in ("float", "sink") and not _is_cast(scene.bodies, claims.things):
            continue
        bodies = _dressed(scene.bodies, claims.things) if special is None else _coloured(scene.bodies, text)
        # A film's shots would keep their own colours.
        if scene.shots and (bodies != scene.bodies or [thing.kind for thing in claims.things[:1]] != [
                body.record.kind for body in bodies[:1]]):
            continue
        scene = _filmed(replace(scene, bodies=bodies), text, seed)
        if outcome is None:
            return scene
        outcomes += 1
        if FAMILIES[scene.family].facts(scene, simulate(scene)).get(outcome[0]) == outcome[1]:
            return scene
        if outcomes == MOST_OUTCOMES:
            break
    raise PromptError(f"the world has no scene like {wish!r}; ask for balls and boxes, or for one of "
                      f"{', '.join(FAMILIES)}")


def _is_possible(claims: Claims) -> bool:
    """Whether some place has the floor and the light that are asked for."""
    return any(claims.place in (None, "outdoors", name) and claims.floor in (None, *place.floors)
               and claims.light in (None, *place.lights) for name, place in PLACES.items())


def _family(claims: Claims) -> str | None:
    actions, kinds = claims.actions, {thing.kind for thing in claims.things}
    if "fly in" in actions:
        return "throw"
    alike = len(claims.things) > len({(thing.kind, thing.colour) for thing in claims.things})
    if len(claims.things) > 3 or alike:
        return "group"
    if "slide" in actions:
        return "slide"
    if "hit thing" in actions and kinds <= {"ball"}:
        return "collide"
    return "roll" if "roll" in actions else "drop" if actions & {"fall", "bounce"} else None


def _outcome(family: str | None, text: str) -> tuple[str, bool] | None:
    """What a family measures and how it should come out, if the words say so."""
    for name, fact, value, words in _OUTCOMES:
        if name == family and re.search(words, text):
            return fact, value
    return None


def _fits_place(scene: Scene, claims: Claims, text: str) -> bool:
    setting = scene.setting
    wanted = ((claims.floor, setting.floor), (claims.place, setting.place), (claims.light, setting.light),
              (claims.camera if claims.camera != "static" else None, setting.view.name))
    if any(asked not in (None, drawn, "outdoors") for asked, drawn in wanted):
        return False
    air = _first(_AIR_WORDS, text)
    return air is None or scene.family not in PLAIN_FAMILIES or air in AIRS.get(setting.place, ())


def _fits(scene: Scene, claims: Claims) -> bool:
    setting = scene.setting
    if "hit wall" in claims.actions and scene.wall_x is None:
        return False
    if claims.direction and claims.actions & {"roll", "slide", "fly in"}:
        speed = float(np.dot(scene.bodies[0].velocity, setting.view.rotation[:, 0]))
        if speed * (1 if claims.direction == "right" else -1) <= 0:
            return False
    if scene.family == "group" and scene.is_calm == bool(claims.actions & {"fall", "bounce"}):
        return False
    return not claims.things or [body.record.kind for body in scene.bodies] == [t.kind for t in claims.things]


def _film(seed: int, width: int, height: int, claims: Claims) -> Scene:
    """A film of a thing, or of a person where the words name no ball or box."""
    rng = np.random.default_rng(seed)
    return (of_a_thing if claims.things else of_a_person)(rng, draw_setting(rng, width, height))


def _is_cast(bodies: tuple[Body, ...], things: tuple[Thing, ...]) -> bool:
    """Whether these bodies, in any order, have the kinds and materials that are asked for."""
    left = list(bodies)
    for thing in things:
        found = next((body for body in left if body.record.kind == thing.kind
                      and thing.material in (None, body.record.material)), None)
        if found is None:
            return False
        left.remove(found)
    return not things or not left


def _first(table: dict[str, str], text: str) -> str | None:
    return next((name for name, words in table.items() if re.search(words, text)), None)


def _filmed(scene: Scene, text: str, seed: int) -> Scene:
    """With the style, the weather and the camera move that are asked for."""
    setting = replace(scene.setting, style=_first(_STYLE_WORDS, text) or "", air=_first(_AIR_WORDS, text) or "")
    move = _first(_MOVE_WORDS, text)
    if move and setting.view.path is None:
        setting = replace(setting, view=moved(setting.view, move, np.random.default_rng([seed, 9])))
    shots = tuple(replace(shot, scene=replace(shot.scene, setting=replace(shot.scene.setting, style=setting.style)))
                  for shot in scene.shots)
    return replace(scene, setting=setting, shots=shots)


def _dressed(bodies: tuple[Body, ...], things: tuple[Thing, ...]) -> tuple[Body, ...]:
    """Bodies in the colours, materials and sizes that are asked for, with the masses that follow."""
    pairs = zip(bodies, things or (None,) * len(bodies), strict=True)
    return tuple(_dressed_as(body, thing) for body, thing in pairs)


def _coloured(bodies: tuple[Body, ...], text: str) -> tuple[Body, ...]:
    """The first ball and the first box in the colours that are asked for, in families that fix the rest."""
    wanted = {kind: COLOUR_WORDS[found.group(1)] for kind, words in (("ball", _BALLS), ("box", "box|cube|block"))
              if (found := re.search(rf"\b({'|'.join(COLOUR_WORDS)}) (?:\w+ )?(?:{words})\b", text))}
    dressed = []
    for body in bodies:
        colour = wanted.pop(body.record.kind, None)
        if colour is not None:
            record = replace(body.record, colour=colour)
            solids = tuple(replace(solid, part=body_part(record)) if i == 0 else solid
                           for i, solid in enumerate(body.solids))
            body = replace(body, record=record, solids=solids)
        dressed.append(body)
    return tuple(dressed)


def _dressed_as(body: Body, thing: Thing | None) -> Body:
    if thing is None:
        return body
    record = body.record
    material = thing.material or record.material
    radius = record.radius_m * SIZES_M[thing.size or record.size] / SIZES_M[record.size]
    volume = 8 * radius**3 if record.kind == "box" else 4 / 3 * math.pi * radius**3
    lift = radius - record.radius_m             # so that what stood on the floor still does
    record = replace(record, colour=thing.colour or record.colour, material=material, radius_m=radius,
                     size=thing.size or record.size, mass_kg=MATERIALS[material].density * volume)
    x, y, z = body.position
    return replace(body, record=record, position=(x, y, z + lift))
