"""Families of athletes: the gymnast, on the floor and on the beam, and the figure skater."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..performance import Event, Performance, Voice
from ..scenes.scene import Prop, Scene, Setting, Solid, plain
from ..words import Teller
from .cast import draw_person
from .curves import STEP_S, clock, ease
from .foley import blade_hiss
from .leap import Ground, Leap, leap
from .look import calm_face
from .people import followed, landings
from .perform import perform
from .plan import Act, solve
from .rotation import spin_of
from .skate import JUMPS, Glide, axel, spin
from .tell import qui, who
from .wheel import cartwheel

SECONDS = 4.0
GYMNASTICS = {
    "backflip": ("does a backflip", "does a back somersault", "flips over backward", "performs a backflip"),
    "front flip": ("does a front flip", "does a front somersault", "flips over forward", "performs a front flip"),
    "layout": ("does a stretched back somersault", "does a layout backflip", "flips backward with a straight body"),
    "cartwheel": ("does a cartwheel", "turns a cartwheel", "performs a cartwheel"),
}
_FRENCH_GYMNASTICS = {"backflip": "fait un salto arri\u00e8re", "front flip": "fait un salto avant",
                      "layout": "fait un salto arri\u00e8re tendu", "cartwheel": "fait la roue"}
_FRENCH_SKATING = {"waltz jump": "saute une valse", "single axel": "fait un simple axel",
                   "double axel": "fait un double axel", "triple axel": "fait un triple axel",
                   "spin": "fait une pirouette"}


def draw_gymnast(rng: np.random.Generator, setting: Setting, trick: str = "", on_beam: bool | None = None) -> Scene:
    """A backflip, a front flip, a stretched one, or a cartwheel, on the floor or along a beam, unless one is named."""
    trick = trick or str(rng.choice(list(GYMNASTICS), p=(0.40, 0.22, 0.13, 0.25)))
    on_beam = bool(rng.random() < 0.45) and trick != "layout" if on_beam is None else on_beam
    person = draw_person(rng, ("woman", "girl", "woman", "man", "boy"), "gymnast")
    build, time, tall = person.build, clock(SECONDS), person.build.height_m
    height = round(float(rng.uniform(0.45, 0.75)) * tall / 1.6, 3) if on_beam else 0.0
    side = -1 if rng.random() < 0.5 else 1
    yaw = 0.0 if side > 0 else np.pi
    slow = min((9.81 / setting.gravity) ** 0.5, 2.2)
    at = round(float(rng.uniform(1.15, 1.4)) * 240) / 240
    floor = "wood" if on_beam else setting.floor
    if trick == "cartwheel":
        ground = Ground((-side * 0.84 * tall, 0.0), -np.pi / 2, height, on_beam)
        plan, holds = cartwheel(build, time, at - 0.1, ground, rng, "l" if side > 0 else "r",
                                float(rng.uniform(1.35, 1.65)))
        act = solve(plan)
        events = _touches(act, holds, floor)
        extra = 1.1 * tall
    else:
        pose = {"layout": "layout", "front flip": str(rng.choice(("tuck", "pike")))}.get(trick, "tuck")
        seconds = {"tuck": 0.70, "pike": 0.76, "layout": 0.84}[pose] * (tall / 1.6) ** 0.5 * slow
        seconds = round(seconds * float(rng.uniform(0.97, 1.06)) * 240) / 240
        turns = 1 if trick == "front flip" else -1
        travel = {"backflip": -0.15, "front flip": 0.35, "layout": -0.5}[trick] * tall * (0.7 if on_beam else 1.0)
        leaps = [Leap(at, seconds, pose, turns, travel)]
        act = solve(leap(build, time, leaps, Ground((-0.5 * travel * side, 0.0), yaw, height, on_beam), rng,
                         setting.gravity, is_proud=True))
        events = [replace(event, material="barefoot") for event in landings(act, leaps, floor)]
        extra = 0.9 * tall + 0.7 * (slow - 1)
    span = height + max(1.25 * tall + extra, 2.0)
    setting = setting.with_view(rng, span_m=span, aim=(0.0, 0.0, 0.47 * span), names=("front", "angled", "low"),
                                jitter=0.6)
    face = replace(calm_face(rng, time), width=1.1 + 0.35 * ease(time, 2.9, 3.2))
    performance = perform(act, person.flesh(), face, name=person.name, events=events, ground_m=height,
                          facts=person.facts())
    facts: dict[str, Any] = {"action": trick, "beam": on_beam, "way": side, "people": [person.facts()],
                             "cast": (person,)}
    if act.momenta:
        facts |= {"flight_s": round(seconds, 3), "angular_momentum": [round(float(v), 2) for v in act.momenta[0]],
                  "fastest_turns_per_s": _fastest(act)}
    return Scene("gymnast", setting, props=(_beam(height, tall),) if on_beam else (), figures=(performance,),
                 facts=facts)


def _fastest(act: Act) -> float:
    """Fastest turning of the pelvis in flight, in turns per second."""
    flight = act.plan.flights[0]
    speed = spin_of(act.root[flight.first: flight.last + 1], STEP_S)
    return round(float(np.sqrt((speed**2).sum(-1)).max() / (2 * np.pi)), 2)


def _beam(height: float, tall: float) -> Prop:
    """A balance beam along x with two feet, its upper side at `height`."""
    half = 1.6 * tall
    wood, steel = plain((0.93, 0.88, 0.78), specular=0.1), plain((0.35, 0.37, 0.42), specular=0.5)
    solids = [Solid(wood, (half, 0.05, 0.08), (0.0, 0.0, height - 0.08))]
    for x in (-0.75 * half, 0.75 * half):
        solids.append(Solid(steel, (0.03, 0.03, 0.5 * height - 0.08), (x, 0.0, 0.5 * height - 0.08)))
        solids.append(Solid(steel, (0.04, 0.28, 0.02), (x, 0.0, 0.02)))
    return Prop("beam", tuple(solids), "wood", is_ground=True)


def _touches(act: Act, holds: dict[str, tuple[float, float]], floor: str) -> list[Event]:
    """Hands and feet of a cartwheel as they come down."""
    events = [Event(span[0], "hand", 0.35, tuple(act.plan.grips[name[-1]].wrist[0]), "hand", floor)
              for name, span in holds.items()]
    for foot in act.plan.feet.values():
        down = np.flatnonzero(np.diff(foot.is_down.astype(int)) > 0)
        events += [Event(float(act.plan.time[at + 1]), "step", 0.5, tuple(foot.ankle[at + 1]), "barefoot", floor)
                   for at in down]
    return sorted(events, key=lambda event: event.time_s)


def gymnast(teller: Teller) -> str:
    """What a gymnast does."""
    facts = teller.scene.facts
    text = f"{who(teller)} {teller.pick(*GYMNASTICS[facts['action']])}"
    if facts["beam"]:
        text += teller.pick(" on a beam", " on a balance beam", " on the beam")
    elif teller.chance(0.4):
        text += f" on {teller.floor()}"
    if facts["action"] != "cartwheel" and teller.chance(0.4):
        text += teller.pick(" and lands on both feet", " and sticks the landing", ", lands and raises both arms",
                            " and finds balance again" if facts["beam"] else " and stands")
    return text


def gymnaste(teller: Teller) -> str:
    """What a gymnast does, in French."""
    facts = teller.scene.facts
    return f"{qui(teller)} {_FRENCH_GYMNASTICS[facts['action']]}" + (" sur une poutre" if facts["beam"] else "")


def gymnast_heard(teller: Teller) -> str:
    """What is heard of a gymnast."""
    if teller.scene.facts["action"] == "cartwheel":
        return teller.pick("hands and feet slap the floor one after the other", "soft slaps of hands and feet")
    return teller.pick("bare feet thump on landing", "a dull thud as the feet land", "the beam shakes on landing"
                       if teller.scene.facts["beam"] else "a thud on landing")


def draw_skater(rng: np.random.Generator, setting: Setting, trick: str = "") -> Scene:
    """A waltz jump, an axel of one to three and a half turns, or a spin, on the ice, unless one is named."""
    trick = trick or str(rng.choice(["spin", *JUMPS], p=(0.25, 0.2, 0.25, 0.17, 0.13)))
    person = draw_person(rng, ("woman", "girl", "woman", "man"), "skater")
    build, time, tall = person.build, clock(SECONDS), person.build.height_m
    if trick == "spin":
        span = 1.5 * tall
        setting = _rink_view(rng, setting, span)
        act, speed = spin(build, time, rng, float(rng.uniform(1.0, 1.5)), bool(rng.random() < 0.7),
                          (float(rng.uniform(-0.2, 0.2)), 0.0))
        events: list[Event] = []
        hiss = blade_hiss(rng, time, 0.25 + 0.12 * speed, 2600)
        facts: dict[str, Any] = {"action": trick, "slowest_turns_per_s": round(float(speed.min()), 2),
                                 "fastest_turns_per_s": round(float(speed.max()), 2), "way": 0}
    else:
        turns, seconds = JUMPS[trick]
        seconds = round(seconds * (tall / 1.65) ** 0.5 * 240) / 240
        fast = float(rng.uniform(2.2, 3.0))
        glide = Glide(round(float(rng.uniform(1.35, 1.6)) * 240) / 240, seconds, fast, 0.8 * fast, turns)
        act = solve(axel(build, time, glide, rng, setting.gravity))
        span = 1.75 * tall
        setting = _rink_view(rng, setting, span)
        end = glide.at_s + seconds
        place = tuple(act.plan.feet["r"].ankle[round(end * 240)])
        edge = tuple(act.plan.feet["l"].ankle[round(glide.at_s * 240)])
        events = [Event(glide.at_s, "slide", 0.4, edge, "blade", "ice"),
                  Event(end, "land", float(np.clip(0.35 + seconds, 0, 1)), place, "blade", "ice")]
        aloft = ease(time, glide.at_s - 0.01, glide.at_s + 0.02) * (1 - ease(time, end, end + 0.03))
        scrape = np.exp(-np.abs(time - glide.at_s + 0.06) / 0.06)
        scrape += np.exp(-np.maximum(time - end, 0) / 0.12) * (time >= end)
        hiss = blade_hiss(rng, time, (0.3 + 0.8 * scrape) * (1 - aloft), 3200)
        facts = {"action": trick, "turns": turns, "flight_s": round(seconds, 3),
                 "angular_momentum": [round(float(v), 2) for v in act.momenta[0]],
                 "fastest_turns_per_s": _fastest(act), "way": 1}
    performance = perform(act, person.flesh(), calm_face(rng, time), name=person.name, events=events,
                          voices=(Voice(0.0, hiss, tuple(act.centre[0])),), facts=person.facts())
    if trick != "spin":
        mirrored = rng.random() < 0.5
        performance = _mirror(performance) if mirrored else performance
        facts["way"] = -1 if mirrored else 1
        setting = followed(setting, performance)
    return Scene("skater", setting, figures=(performance,),
                 facts={**facts, "people": [person.facts()], "cast": (person,)})


def _rink_view(rng: np.random.Generator, setting: Setting, span: float) -> Setting:
    return setting.with_view(rng, span_m=span, aim=(0.0, 0.0, 0.46 * span), names=("front", "front", "low"), jitter=0.6)


def _mirror(performance: Performance) -> Performance:
    """The same in a mirror across x: a skater who goes the other way and turns the other way round."""
    flip = np.array([-1.0, 1.0, 1.0])
    poses = performance.poses.copy()
    poses[:, :, 0] *= -1
    poses[:, :, 5:] *= -1  # a rotation seen in a mirror across x keeps w and x and turns the other way about y and z
    events = tuple(replace(event, position=(-event.position[0], *event.position[1:])) for event in performance.events)
    members = tuple(replace(member, ends=member.ends * flip) for member in performance.members)
    return replace(performance, poses=poses, shades=performance.shades * np.array([*flip, 1.0]),
                   centre=performance.centre * np.array([*flip, 1.0]), events=events, members=members)


def skater(teller: Teller) -> str:
    """What a skater does."""
    facts = teller.scene.facts
    if facts["action"] == "spin":
        act = teller.pick("spins on the ice", "does a spin", "pirouettes on one foot", "turns in an upright spin")
        return f"{who(teller)} {act}" + teller.pick("", ", arms drawn in, faster and faster",
                                                    " and draws the arms in to turn faster")
    name = facts["action"]
    jump = teller.pick(f"jumps a {name}", f"does a {name}", f"lands a {name}", f"performs a {name}")
    if facts["turns"] > 1 and teller.chance(0.25):
        count = {1.5: "one and a half", 2.5: "two and a half", 3.5: "three and a half"}[facts["turns"]]
        jump = teller.pick(f"jumps and turns {count} times in the air", f"turns {count} times in the air in a {name}")
    return f"{who(teller)} {jump}" + teller.pick("", "", " and glides on backward", " and lands on one foot")


def patineuse(teller: Teller) -> str:
    """What a skater does, in French."""
    return f"{qui(teller)} {_FRENCH_SKATING[teller.scene.facts['action']]}"


def skater_heard(teller: Teller) -> str:
    """What is heard of a skater."""
    return teller.pick("blades hiss on the ice", "a blade scrapes the ice", "the sharp scrape of skates")
