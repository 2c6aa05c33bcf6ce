"""The bird: it hops and pecks, sings, takes off, and flies by with wings that beat.

In flight a bird is not a stone: each downstroke lifts it a little, between strokes it sinks. Legend: T times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..materials import COLOURS
from ..performance import Event, Member, Performance, Voice
from ..scenes.scene import Scene, Setting
from ..words import Teller
from . import cries
from .body import Shape
from .curves import RATE_HZ, clock, ease, keyed, lag, pulse, wander
from .look import Flesh
from .people import followed
from .rotation import about

SECONDS = 4.0
BONES = ("body", "head", "beak", "tail", "wing_l", "hand_l", "wing_r", "hand_r", "leg_l", "leg_r")
INDEX = {name: number for number, name in enumerate(BONES)}
COLOUR_NAMES = ("red", "orange", "yellow", "green", "blue", "white", "black", "cyan", "pink")


@dataclass(frozen=True, eq=False)
class Bird:
    """One bird: colours by name, and its length in metres."""

    back: str
    belly: str
    long: float

    def facts(self) -> dict[str, Any]:
        """What a caption may say, JSON-able."""
        return {"kind": "bird", "colour": self.back, "belly": self.belly, "long_m": round(self.long, 3)}


def flesh_of(bird: Bird) -> Flesh:
    """The parts of a bird."""
    flesh, long = Flesh(), bird.long
    back, belly = COLOURS[bird.back], COLOURS[bird.belly]
    dark = tuple(0.7 * c for c in back)

    def add(bone: str, shape: str, size: tuple, place: tuple, colour: tuple, turn: np.ndarray | None = None) -> None:
        flesh.add(INDEX[bone], shape, tuple(long * s for s in size), tuple(long * p for p in place), colour, turn)

    add("body", "ellipsoid", (0.33, 0.19, 0.20), (0, 0, 0), back)
    add("body", "ellipsoid", (0.27, 0.175, 0.18), (0.05, 0, -0.045), belly)
    add("head", "sphere", (0.145, 0.145, 0.145), (0, 0, 0), back)
    add("head", "ellipsoid", (0.10, 0.10, 0.09), (0.06, 0, -0.07), belly)
    for out in (1, -1):
        add("head", "sphere", (0.034, 0.034, 0.034), (0.085, 0.105 * out, 0.03), (0.03, 0.03, 0.03))
    add("head", "ellipsoid", (0.10, 0.04, 0.028), (0.18, 0, -0.005), (0.98, 0.62, 0.10))
    add("beak", "ellipsoid", (0.085, 0.034, 0.02), (0.08, 0, -0.01), (0.90, 0.50, 0.08))
    add("tail", "box", (0.19, 0.075, 0.012), (-0.16, 0, 0), dark)
    for side, out in (("l", 1), ("r", -1)):
        add(f"wing_{side}", "ellipsoid", (0.17, 0.21, 0.022), (-0.02, 0.19 * out, 0), back)
        add(f"hand_{side}", "ellipsoid", (0.13, 0.25, 0.014), (-0.06, 0.21 * out, 0), dark)
        add(f"leg_{side}", "capsule", (0.014, 0.075, 0), (0, 0, -0.085), (0.85, 0.45, 0.15))
        add(f"leg_{side}", "ellipsoid", (0.055, 0.03, 0.010), (0.025, 0, -0.165), (0.85, 0.45, 0.15))
    return flesh


def rig(bird: Bird, place: np.ndarray, yaw: np.ndarray, pitch: np.ndarray, head: np.ndarray, beak: np.ndarray,
        fold: np.ndarray, flap: np.ndarray, tuck: np.ndarray) -> Shape:
    """Put a bird's bones where they should be.

    Args:
        place: (T, 3) middle of the body; yaw, pitch: (T,) of the body.
        head: (T, 2) nod and look of the head, which else stays level.
        beak: (T,) how far it is open, radians.
        fold: (T,) 1 wings at the body, 0 spread.
        flap: (T,) angle of the wings above the horizon.
        tuck: (T,) 1 legs drawn up.
    """
    count, long = len(yaw), bird.long
    rotations = np.repeat(np.eye(3)[None, None], count, 0).repeat(len(BONES), 1)
    joints = np.zeros((count, len(BONES), 3))
    body = about(2, yaw) @ about(1, -pitch)

    def put(name: str, rotation: np.ndarray, offset: tuple[float, float, float]) -> None:
        rotations[:, INDEX[name]] = rotation
        joints[:, INDEX[name]] = place + body @ (long * np.array(offset))

    put("body", body, (0, 0, 0))
    level = about(2, yaw + head[:, 1]) @ about(1, head[:, 0])
    put("head", level, (0.27, 0, 0.20))
    joints[:, INDEX["head"]] += level @ (long * np.array([0.04, 0, 0.02]))
    put("beak", level @ about(1, beak), (0, 0, 0))
    joints[:, INDEX["beak"]] = joints[:, INDEX["head"]] + level @ (long * np.array([0.10, 0, -0.03]))
    put("tail", body @ about(1, -0.25 + 0.3 * pitch), (-0.27, 0, 0.02))
    late = lag(flap, 0.035, 0.8)
    for side, out in (("l", 1.0), ("r", -1.0)):
        inner = body @ about(0, out * flap * (1 - fold)) @ about(2, out * 1.40 * fold)
        shoulder = np.array([0.08, 0.10 * out, 0.09])
        put(f"wing_{side}", inner, tuple(shoulder))
        joints[:, INDEX[f"wing_{side}"]] += body @ (long * np.array([0, 0.05 * out, -0.02])) * fold[:, None]
        outer = inner @ about(0, out * (1.1 * late - 0.5 * flap) * (1 - fold)) @ about(2, -out * 2.8 * fold)
        rotations[:, INDEX[f"hand_{side}"]] = outer
        tip = inner @ (long * np.array([0, 0.34 * out, 0]))
        joints[:, INDEX[f"hand_{side}"]] = joints[:, INDEX[f"wing_{side}"]] + tip
        put(f"leg_{side}", about(2, yaw) @ about(1, 1.5 * tuck), (-0.02, 0.07 * out, -0.15))
        hip = joints[:, INDEX[f"leg_{side}"]]
        hip[:, 2] = np.maximum(hip[:, 2], 0.175 * long)  # a body that sinks bends its legs
    return Shape(rotations, joints)


def draw_bird(rng: np.random.Generator, setting: Setting) -> Scene:
    """A bird that hops and sings, takes off, or flies by."""
    first, second = (str(one) for one in rng.choice(COLOUR_NAMES, 2, replace=False))
    bird = Bird(first, second if rng.random() < 0.7 else first, float(rng.uniform(0.16, 0.30)))
    plot = str(rng.choice(("hop", "take off", "fly by"), p=(0.4, 0.3, 0.3)))
    time, long = clock(SECONDS), bird.long
    side = -1 if rng.random() < 0.5 else 1
    span = long * {"hop": 2.9, "take off": 4.0, "fly by": 3.4}[plot]
    setting = setting.with_view(rng, span_m=span, aim=(0.0, 0.0, 0.40 * span), names=("front", "angled"), jitter=0.6)
    half = setting.view.half_width_m
    yaw0 = 0.0 if side > 0 else np.pi
    ahead = np.array([np.cos(yaw0), 0.0, 0.0])
    events: list[Event] = []
    head = np.stack([0.1 + 0.05 * wander(rng, time), 0.5 * lag(np.sign(wander(rng, time, 1.2)), 0.06, 0.8)], -1)
    beak, tuck = np.zeros(len(time)), np.zeros(len(time))
    if plot == "fly by":
        beat = float(rng.uniform(4.5, 6.5))
        speed = float(rng.uniform(5.0, 7.0)) * long * 2
        phase = 2 * np.pi * beat * time
        way = -0.5 * speed * SECONDS + speed * time
        drift = 0.20 * long * wander(rng, time, 2.5) - 0.055 * long * np.sin(phase)
        place = ahead * way[:, None] + np.array([0, 0, 0.45 * span])
        place = place + np.stack([0 * time, 0.1 * long * wander(rng, time), drift], -1)
        yaw, pitch = np.full(len(time), yaw0), 0.05 + 0.04 * np.cos(phase)
        fold, flap, tuck = 0 * time, 0.15 + 0.75 * np.sin(phase), np.ones(len(time))
        head[:] *= 0.3
        strokes = np.arange(0.25 / beat, SECONDS, 1 / beat)
        off = 0.0
    else:
        place, yaw, pitch, events = _hops(rng, time, bird, setting, side, yaw0, half, plot)
        pecks = [float(at) for at in rng.uniform(0.3, 1.7 if plot == "take off" else 3.6, 2)]
        for at in pecks:
            dip = pulse(time, at, 0.42)
            head[:, 0] += 0.8 * dip
            pitch = pitch - 0.45 * dip
        fold, flap, strokes, off = np.ones(len(time)), np.zeros(len(time)), np.zeros(0), 99.0
        if plot == "take off":
            off = float(rng.uniform(2.2, 2.6))
            beat = float(rng.uniform(6.5, 8.5))
            up = np.maximum(time - off, 0)
            crouch = pulse(time, off - 0.08, 0.3)
            place = place + ahead * (1.6 * long * up**1.6 * 3)[:, None]
            place[:, 2] += -0.08 * long * crouch + long * (3.2 * up + 1.2 * up**2)
            place[:, 2] -= 0.05 * long * np.sin(2 * np.pi * beat * up) * np.clip(up / 0.1, 0, 1)
            pitch = pitch + 0.65 * ease(time, off - 0.05, off + 0.25)
            fold = 1 - ease(time, off - 0.06, off + 0.06)
            flap = (0.2 + 0.95 * np.sin(2 * np.pi * beat * up + 0.6)) * ease(time, off - 0.05, off + 0.05)
            tuck = ease(time, off + 0.15, off + 0.6)
            strokes = np.arange(off + 0.16 / beat, min(SECONDS, off + 1.6), 1 / beat)
    voices, songs = [], []
    if plot != "fly by" or rng.random() < 0.5:
        at = float(rng.uniform(0.3, 0.9))
        while at < min(3.4, off - 0.4):
            count = int(rng.integers(2, 5))
            song = cries.chirp(rng, count)
            voices.append(Voice(at, song, tuple(place[round(at * RATE_HZ)])))
            songs.append(round(at, 3))
            for number in range(count):
                beak = beak + 0.5 * pulse(time, at + 0.045 + 0.135 * number, 0.12)
            head[:, 0] -= 0.35 * pulse(time, at + 0.07 * count, 0.2 * count)
            at += float(rng.uniform(1.0, 1.8))
    events += [Event(float(at), "flap", float(np.clip(0.6 + 2 * (bird.long - 0.2), 0.3, 1)),
                     tuple(place[round(float(at) * RATE_HZ)])) for at in strokes if at < SECONDS]
    shape = rig(bird, place, yaw, pitch, head, beak, fold, flap, tuck)
    performance = _perform(bird, shape, place, events, voices)
    if plot == "fly by":
        setting = followed(setting, performance)
    facts = {"action": plot, "way": side if plot == "fly by" else 0, "songs": songs,
             "take_off_s": round(off, 3) if plot == "take off" else None, "animals": [bird.facts()], "cast": (bird,)}
    return Scene("bird", setting, figures=(performance,), facts=facts)


def _hops(rng: np.random.Generator, time: np.ndarray, bird: Bird, setting: Setting, side: int, yaw0: float,
          half: float, plot: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Event]]:
    """Hops with both feet: small parabolas with rests between them, and a turn now and then."""
    long, gravity = bird.long, setting.gravity
    at, x = float(rng.uniform(0.3, 0.6)), -side * 0.25 * half
    place = np.zeros((len(time), 3))
    place[:, 0], place[:, 2] = x, 0.33 * long
    turns, events = [(0.0, yaw0 - side * 0.3)], []
    pitch = np.full(len(time), 0.35)
    last = 1.9 if plot == "take off" else 3.6
    while at < last:
        rise = float(rng.uniform(0.12, 0.28)) * long
        seconds = 2 * np.sqrt(2 * rise / gravity)
        length = side * float(rng.uniform(0.5, 1.0)) * long
        if abs(x + length) > 0.7 * half:
            break
        u = np.clip((time - at) / seconds, 0, 1)
        place[:, 0] += length * u
        place[:, 2] += 4 * rise * u * (1 - u)
        place[:, 2] -= 0.05 * long * (pulse(time, at - 0.04, 0.16) + pulse(time, at + seconds + 0.04, 0.18))
        pitch = pitch - 0.15 * pulse(time, at + 0.5 * seconds, 1.4 * seconds)
        x += length
        events.append(Event(float(at + seconds), "step", 0.08, (x, 0.0, 0.0), "claw", setting.floor))
        at += seconds + float(rng.choice((0.12, 0.2, 0.7)))
        turns.append((at, yaw0 + float(rng.uniform(-0.5, 0.5))))
    return place, lag(keyed(time, turns), 0.08, 0.8), pitch, events


def _perform(bird: Bird, shape: Shape, place: np.ndarray, events: list[Event], voices: list[Voice]) -> Performance:
    frames = np.arange(0, len(place), RATE_HZ // 24)
    flesh = flesh_of(bird)
    poses, sizes = flesh.pose(shape, frames)
    middle = place[frames]
    shade = np.column_stack([middle[:, :2], np.zeros(len(frames)), np.full(len(frames), 0.24 * bird.long)])
    reach = np.sqrt(((poses[:, :, :3] - middle[:, None]) ** 2).sum(-1)).max(1) + 0.25 * bird.long
    return Performance("bird", tuple(flesh.parts), poses, sizes, shade[:, None], np.column_stack([middle, reach]),
                       tuple(sorted(events, key=lambda event: event.time_s)), tuple(voices), (), bird.facts(),
                       _members(bird, shape, frames))


def _members(bird: Bird, shape: Shape, frames: np.ndarray) -> tuple[Member, ...]:
    """The body from tail to head, the wings, the legs."""
    joints, turns, long = shape.joints[frames], shape.rotations[frames], bird.long

    def bar(first: str, last: str, further: tuple[float, float, float], radius: float, colour: str) -> Member:
        end = joints[:, INDEX[last]] + turns[:, INDEX[last]] @ (long * np.array(further))
        return Member(np.stack([joints[:, INDEX[first]], end], 1), long * radius, COLOURS[colour])

    wings = [bar(f"wing_{side}", f"hand_{side}", (-0.06, out * 0.45, 0.0), 0.12, bird.back)
             for side, out in (("l", 1), ("r", -1))]
    legs = [bar(f"leg_{side}", f"leg_{side}", (0.0, 0.0, -0.17), 0.025, "orange") for side in "lr"]
    return (bar("tail", "head", (0.12, 0.0, 0.0), 0.17, bird.back), *wings, *legs)


def bird(teller: Teller) -> str:
    """What a bird does."""
    facts, it = teller.scene.facts, teller.scene.facts["cast"][0]
    size = teller.pick("small", "little") if it.long < 0.2 and teller.chance(0.5) else ""
    belly = f" with a {it.belly} belly" if it.belly != it.back and teller.chance(0.35) else ""
    name = " ".join(word for word in (size, it.back, "bird") if word)
    text = f"{'an' if name[0] in 'aeiou' else 'a'} {name}{belly}"
    act = {"hop": (f"hops about on {teller.floor()}", "hops and pecks", "pecks and hops along"),
           "take off": ("hops, then takes off", "spreads its wings and flies up", "takes off and flies away"),
           "fly by": ("flies by", "flies past, beating its wings", "flaps through the air")}[facts["action"]]
    sings = facts["songs"] and teller.chance(0.6)
    return f"{text} {teller.pick(*act)}" + (teller.pick(" and chirps", ", chirping", " and sings") if sings else "")


def oiseau(teller: Teller) -> str:
    """What a bird does, in French."""
    act = {"hop": "sautille et picore", "take off": "s'envole", "fly by": "passe en volant"}
    return f"un oiseau {act[teller.scene.facts['action']]}"


def bird_heard(teller: Teller) -> str:
    """What is heard of a bird."""
    facts = teller.scene.facts
    heard = [teller.pick("chirping", "birdsong", "short chirps")] if facts["songs"] else []
    if facts["action"] != "hop":
        heard.append(teller.pick("fluttering wings", "wings beat"))
    return " and ".join(heard)
