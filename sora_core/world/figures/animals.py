"""Families of animals: a dog, a cat and a bird, their gaits and their voices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..performance import Event, Member, Performance, Voice
from ..scenes.scene import Scene, Setting
from ..words import Teller
from . import cries
from .beast import INDEX, LEGS, Frame, Paw, Posture, eased_way, paws, rig, stand_paws, still
from .curves import RATE_HZ, clock, ease, lag, pulse, smooth, wander
from .look import Flesh
from .patterns import Cloth, blotches
from .people import followed
from .rotation import about
from .tell import called

SECONDS = 4.0
FURS: dict[str, tuple[float, float, float]] = {
    "brown": (0.45, 0.29, 0.17), "black": (0.10, 0.10, 0.11), "white": (0.93, 0.92, 0.89), "grey": (0.50, 0.50, 0.53),
    "orange": (0.86, 0.50, 0.19), "golden": (0.84, 0.66, 0.38),
}
COATS = ("plain", "spotted", "striped", "patched")
FRENCH_FURS = {"brown": "brun", "black": "noir", "white": "blanc", "grey": "gris", "orange": "roux",
                "golden": "dor\u00e9"}


@dataclass(frozen=True, eq=False)
class Animal:
    """One animal: its kind ("dog" or "cat"), fur, coat, proportions, and how large it is for its kind (1 is usual)."""

    kind: str
    fur: str
    coat: str
    frame: Frame
    size: float
    cloth: Cloth
    belly: tuple[float, float, float]
    ears: str

    def facts(self) -> dict[str, Any]:
        """What a caption may say, JSON-able."""
        return {"kind": self.kind, "fur": self.fur, "coat": self.coat, "size": round(self.size, 2)}


def draw_fur(rng: np.random.Generator, kind: str) -> tuple[str, str, Cloth, tuple[float, float, float]]:
    """A fur colour, a coat, its cloth, and the colour of belly and paws."""
    fur = str(rng.choice([name for name in FURS if name != ("orange" if kind == "dog" else "golden")]))
    coat = str(rng.choice(COATS, p=(0.5, 0.2, 0.05, 0.25) if kind == "dog" else (0.4, 0.05, 0.35, 0.2)))
    colour = np.array(FURS[fur])
    second = np.array(FURS["white" if fur != "white" else "black"]) if coat != "striped" else 0.45 * colour
    belly = tuple(float(c) for c in (0.5 * colour + 0.5 if coat == "plain" else second))
    if coat == "plain":
        return fur, coat, Cloth(fur, coat, fur, FURS[fur]), tuple(float(c) for c in np.minimum(1.15 * colour, 1))
    across = np.mgrid[0:64, 0:64][1] / 64
    mask = {"spotted": blotches(rng) > 1.1, "patched": blotches(rng) > 0.5,
            "striped": (across * 5 + 0.25 * blotches(rng)) % 1 < 0.38}[coat]
    picture = (255 * np.where(mask[..., None], second, colour)).round().astype(np.uint8)
    return fur, coat, Cloth(fur, coat, fur, (1.0, 1.0, 1.0), picture), belly


def draw_animal(rng: np.random.Generator, kind: str) -> Animal:
    """Draw a dog or a cat."""
    size = float(rng.uniform(0.65, 1.35)) if kind == "dog" else float(rng.uniform(0.85, 1.15))
    fur, coat, cloth, belly = draw_fur(rng, kind)
    if kind == "dog":
        tall = 0.50 * size
        frame = Frame(tall, 0.92 * tall * float(rng.uniform(0.92, 1.12)), 0.15 * tall, 0.40 * tall, 0.225 * tall,
                      0.22 * tall, 0.62 * tall, 0.95)
        ears = str(rng.choice(("floppy", "pointed")))
    else:
        tall = 0.29 * size
        frame = Frame(tall, 1.0 * tall, 0.15 * tall, 0.26 * tall, 0.275 * tall, 0.08 * tall, 1.0 * tall, 0.8)
        ears = "pointed"
    return Animal(kind, fur, coat, frame, size, cloth, belly, ears)


def flesh_of(animal: Animal) -> Flesh:
    """The parts of an animal."""
    flesh, frame = Flesh(), animal.frame
    tall, fur, long = frame.height, animal.cloth, frame.long
    slim = 0.85 if animal.kind == "cat" else 1.0
    skin = FURS[animal.fur]

    def add(bone: str, shape: str, size: tuple, place: tuple, colour: Any, turn: np.ndarray | None = None,
            name: str = "", shine: float = 0.06) -> None:
        flesh.add(INDEX[bone], shape, size, place, colour, turn, name, shine)

    add("chest", "ellipsoid", (0.40 * long, 0.235 * tall * slim, 0.275 * tall * slim), (-0.15 * long, 0, -0.04 * tall),
        fur)
    add("chest", "ellipsoid", (0.42 * long, 0.205 * tall * slim, 0.230 * tall * slim), (-0.46 * long, 0, -0.01 * tall),
        fur)
    add("hips", "ellipsoid", (0.36 * long, 0.205 * tall * slim, 0.225 * tall * slim), (0.10 * long, 0, 0.0), fur)
    sideways = about(1, np.pi / 2)
    add("neck", "capsule", (0.125 * tall, 0.5 * frame.neck, 0), (0.5 * frame.neck, 0, 0), fur, sideways)
    _head_parts(add, animal, skin)
    for number in range(4):
        thick = (0.045 if animal.kind == "dog" else 0.05) * tall * (1 - 0.13 * number)
        add(f"tail{number}", "capsule", (thick, 0.125 * frame.tail, 0), (0.125 * frame.tail, 0, 0), fur, sideways)
    reach = frame.reach
    for leg in LEGS:
        front = leg[1] == "f"
        upper = reach["front" if front else "hind"]
        thick = (0.082 if front else 0.105) * tall
        add(f"upper_{leg}", "capsule", (thick, 0.5 * upper, 0), (0, 0, -0.5 * upper), fur)
        add(f"lower_{leg}", "capsule", (0.058 * tall, 0.5 * upper, 0), (0, 0, -0.5 * upper), fur)
        if not front:
            add(f"shin_{leg}", "capsule", (0.046 * tall, 0.5 * reach["shin"], 0), (0, 0, -0.5 * reach["shin"]), fur)
        add(f"paw_{leg}", "ellipsoid", (0.088 * tall, 0.064 * tall, 0.038 * tall), (0.028 * tall, 0, 0.003 * tall),
            animal.belly)
    return flesh


def _head_parts(add: Callable[..., None], animal: Animal, skin: tuple[float, float, float]) -> None:
    frame, skull, dog = animal.frame, animal.frame.skull, animal.kind == "dog"
    add("head", "ellipsoid", (0.95 * skull, 0.86 * skull, 0.88 * skull), (0.1 * skull, 0, 0), animal.cloth)
    muzzle = (0.75 * skull + 0.5 * frame.snout, 0, -0.22 * skull)
    light = animal.belly if animal.coat != "plain" else skin
    add("head", "ellipsoid", (0.5 * frame.snout + 0.30 * skull, 0.42 * skull, 0.30 * skull), muzzle, light)
    add("head", "ellipsoid", (0.10 * skull, 0.15 * skull, 0.12 * skull),
        (1.02 * skull + frame.snout, 0, -0.12 * skull), (0.06, 0.05, 0.05) if dog else (0.85, 0.45, 0.48))
    long = 0.5 * frame.snout + 0.22 * skull
    add("jaw", "ellipsoid", (long, 0.34 * skull, 0.14 * skull), (0.40 * skull + 0.4 * frame.snout, 0, -0.12 * skull),
        light)
    add("jaw", "ellipsoid", (0.8 * long, 0.24 * skull, 0.08 * skull),
        (0.42 * skull + 0.4 * frame.snout, 0, -0.02 * skull), (0.86, 0.35, 0.40))
    for out in (1, -1):
        yaw = about(2, out * 0.5)
        place = (0.80 * skull, 0.46 * out * skull, 0.26 * skull)
        white = (0.95, 0.95, 0.92) if dog else (0.72, 0.82, 0.30)
        add("head", "ellipsoid", (0.10 * skull, 0.19 * skull, 0.20 * skull), place, white, yaw, "", 0.6)
        slit = (0.05 * skull, (0.11 if dog else 0.055) * skull, 0.13 * skull)
        add("head", "ellipsoid", slit, (0.89 * skull, 0.49 * out * skull, 0.26 * skull), (0.05, 0.03, 0.02), yaw, "",
            0.6)
        if animal.ears == "floppy":
            add("head", "ellipsoid", (0.24 * skull, 0.11 * skull, 0.52 * skull),
                (-0.05 * skull, 0.88 * out * skull, 0.05 * skull), tuple(0.75 * c for c in skin), about(0, 0.25 * out))
        else:
            add("head", "ellipsoid", (0.12 * skull, 0.26 * skull, 0.52 * skull),
                (-0.10 * skull, 0.52 * out * skull, 0.95 * skull), animal.cloth, about(0, -0.22 * out))


def show(animal: Animal, shape: Any, time: np.ndarray, events: list[Event], voices: list[Voice], name: str
         ) -> Performance:
    """A performance of an animal."""
    frames = np.arange(0, len(time), RATE_HZ // 24)
    flesh = flesh_of(animal)
    poses, sizes = flesh.pose(shape, frames)
    middle = 0.5 * (shape.joints[frames, INDEX["hips"]] + shape.joints[frames, INDEX["chest"]])
    tall = animal.frame.height
    wide = np.full(len(frames), 0.34 * animal.frame.long + 0.12 * tall)
    shades = [np.column_stack([middle[:, :2], np.zeros(len(frames)), wide])]
    for leg in LEGS[:3]:
        paw = shape.joints[frames, INDEX[f"paw_{leg}"]]
        shades.append(np.column_stack([paw[:, :2], np.zeros(len(frames)), np.full(len(frames), 0.10 * tall)]))
    reach = np.sqrt(((poses[:, :, :3] - middle[:, None]) ** 2).sum(-1)).max(1) + 0.1 * tall
    return Performance(name, tuple(flesh.parts), poses, sizes, np.stack(shades, 1),
                       np.column_stack([middle, reach]), tuple(events), tuple(voices), (), animal.facts(),
                       _members(animal.frame, flesh, shape, frames))


def _members(frame: Frame, flesh: Flesh, shape: Any, frames: np.ndarray) -> tuple[Member, ...]:
    """Trunk, a front and a hind leg, head, tail."""
    joints, turns = shape.joints[frames], shape.rotations[frames]

    def bar(first: str, last: str, radius: float, colour: str, further: float = 0.0) -> Member:
        end = joints[:, INDEX[last]] + further * turns[:, INDEX[last], :, 0]
        return Member(np.stack([joints[:, INDEX[first]], end], 1), radius, flesh.colour_at(INDEX[colour]))

    tall = frame.height
    return (bar("hips", "chest", 0.20 * tall, "hips"), bar("upper_lf", "paw_lf", 0.06 * tall, "upper_lf"),
            bar("upper_lh", "paw_lh", 0.06 * tall, "upper_lh"),
            bar("head", "head", 0.8 * frame.skull, "head", frame.skull + frame.snout),
            bar("tail0", "tail3", 0.04 * tall, "tail0", 0.25 * frame.tail))


def _gone(animal: Animal, time: np.ndarray, gait: str, start: float, speed: float, yaw: float, stop_s: float,
          rng: np.random.Generator) -> tuple[Posture, dict[str, Paw]]:
    """An animal that walks or trots, and maybe stops."""
    frame = animal.frame
    tall = frame.height
    period = (0.62 if gait == "trot" else 0.95) * (tall / 0.5) ** 0.5
    period = round(period * 240) / 240
    way = eased_way(time, start, speed, stop_s)
    going = np.clip(smooth(np.gradient(way, time), 0.2) / max(speed, 0.1), 0, 1)
    feet = paws(time, frame, way, yaw, gait, period, stop_s)
    beat = 2 * np.pi * time / period
    bounce = (0.022 if gait == "trot" else 0.010) * tall * going * np.cos(2 * beat + 0.6)
    height = 0.88 * tall - 0.02 * tall * going + bounce
    place = np.stack([np.cos(yaw) * way, np.sin(yaw) * way, height], -1)
    posture = still(time, place=place, yaw=np.full(len(time), yaw), pitch=0.015 * going * np.sin(2 * beat),
                    roll=0.04 * going * np.sin(beat + 0.5), bend=0.07 * going * np.sin(beat + 0.8),
                    nod=0.25 + 0.09 * going * np.cos(2 * beat + 1.4) + 0.02 * wander(rng, time),
                    look=0.05 * going * np.sin(beat) + 0.06 * wander(rng, time))
    return posture, feet


def draw_beast(rng: np.random.Generator, setting: Setting, kind: str, animal: Animal | None = None) -> Scene:
    """A dog or a cat: it walks or trots by, comes and stops, stands or sits; and it barks or meows, or not."""
    animal, time = animal or draw_animal(rng, kind), clock(SECONDS)
    tall, long = animal.frame.height, animal.frame.long
    span = max(3.1 * tall, 2.3 * long, 0.8) * float(rng.uniform(1.0, 1.2))
    setting = setting.with_view(rng, span_m=span, aim=(0.0, 0.0, 0.44 * span), names=("front", "angled", "low"),
                                jitter=0.7)
    half, side = setting.view.half_width_m, -1 if rng.random() < 0.5 else 1
    plot = str(rng.choice(("cross", "stop", "stand", "sit"), p=(0.25, 0.30, 0.2, 0.25)))
    yaw = 0.0 if side > 0 else np.pi
    gait = str(rng.choice(("walk", "trot"))) if plot in ("cross", "stop") else ""
    if plot in ("cross", "stop"):
        speed = (1.55 if gait == "trot" else 0.80) * (tall * 9.81 / 4.9) ** 0.5 * float(rng.uniform(0.9, 1.1))
        start = -0.95 * half if plot == "stop" else -0.5 * speed * SECONDS
        stop = float(np.clip((0.75 * half + float(rng.uniform(-0.2, 0.2))) / speed + 0.25, 0.8, 2.2))
        posture, feet = _gone(animal, time, gait, start, speed, yaw, stop if plot == "stop" else 99.0, rng)
    else:
        stop = 0.0
        yaw = yaw - side * float(rng.uniform(0.0, 0.9))
        sits = np.ones(len(time)) if plot == "sit" and rng.random() < 0.4 else (
            lag(ease(time, 0.5, 1.4), 0.1, 0.8) if plot == "sit" else np.zeros(len(time)))
        feet = stand_paws(time, animal.frame, (0.0, 0.0), yaw, sits)
        posture = _rested(animal, time, yaw, sits, rng)
        stop = 1.3 if plot == "sit" else 0.2
    calls = _calls(animal, time, stop, rng) if plot != "cross" or rng.random() < 0.3 else []
    voices = _spoken(animal, posture, time, calls, rng)
    wags = kind == "dog" and plot != "cross" and bool(rng.random() < 0.75)
    _tail(animal, posture, time, wags, rng)
    shape = rig(animal.frame, posture, feet)
    heads = shape.joints[:, INDEX["head"]]
    voices = [Voice(at, samples, tuple(heads[min(round(at * RATE_HZ), len(time) - 1)])) for at, samples in voices]
    sole, force = "claw" if kind == "dog" else "paw", 0.10 + 0.16 * (gait == "trot")
    events = [Event(down, "step", force, place, sole, setting.floor)
              for paw in feet.values() for down, _, place in paw.stays if 0 <= down < SECONDS] if gait else []
    performance = show(animal, shape, time, sorted(events, key=lambda event: event.time_s), voices, kind)
    if plot == "cross" and speed * SECONDS > 2.4 * half:
        setting = followed(setting, performance)
    facts = {"action": plot, "gait": gait, "calls": len(calls), "wags": wags, "way": side if gait else 0,
             "animals": [animal.facts()], "call_times_s": [round(at, 3) for at in calls], "cast": (animal,)}
    return Scene(kind, setting, figures=(performance,), facts=facts)


def _rested(animal: Animal, time: np.ndarray, yaw: float, sits: np.ndarray, rng: np.random.Generator) -> Posture:
    """Standing or sitting: breath, small looks, a trunk that rises in front when the hips go down."""
    tall, long = animal.frame.height, animal.frame.long
    breath = np.sin(2 * np.pi * time * float(rng.uniform(0.5, 0.9)))
    drop = 0.56 * tall * sits
    pitch = np.arctan2(drop, long)
    back = long * (1 - np.cos(pitch))
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    place = np.array([0.0, 0.0, 0.88 * tall]) - np.array([0, 0, 0.5]) * drop[:, None] + ahead * (0.5 * back)[:, None]
    place[:, 2] += 0.006 * tall * breath
    return still(time, place=place, yaw=np.full(len(time), yaw), pitch=pitch, bend=0.02 * wander(rng, time),
                 nod=0.12 + 0.05 * wander(rng, time, 2.0),
                 look=0.30 * lag(np.sign(wander(rng, time, 2.0)), 0.25, 0.8) * float(rng.uniform(0.3, 1.2)))


def _calls(animal: Animal, time: np.ndarray, from_s: float, rng: np.random.Generator) -> list[float]:
    """When it barks or meows."""
    at, calls = from_s + float(rng.uniform(0.15, 0.5)), []
    for _ in range(int(rng.integers(2, 6)) if animal.kind == "dog" else int(rng.integers(1, 3))):
        if at > SECONDS - (0.35 if animal.kind == "dog" else 0.9):
            break
        calls.append(round(at * RATE_HZ) / RATE_HZ)
        at += float(rng.uniform(0.30, 0.48)) if animal.kind == "dog" else float(rng.uniform(1.1, 1.6))
    return calls


def _spoken(animal: Animal, posture: Posture, time: np.ndarray, calls: list[float], rng: np.random.Generator
            ) -> list[tuple[float, np.ndarray]]:
    """The sound of each call; jaw and head go with it, in place."""
    voices = []
    for at in calls:
        if animal.kind == "dog":
            samples = cries.bark(rng, animal.size)
            posture.jaw = posture.jaw + 0.62 * pulse(time, at + 0.075, 0.26)
            posture.nod = posture.nod + 0.30 * pulse(time, at + 0.06, 0.26) - 0.10 * pulse(time, at - 0.08, 0.2)
            jerk = 0.025 * animal.frame.height * pulse(time, at + 0.05, 0.24)
            ahead = np.stack([np.cos(posture.yaw), np.sin(posture.yaw), 0.4 + 0 * posture.yaw], -1)
            posture.place = posture.place + ahead * jerk[:, None]
        else:
            length = float(rng.uniform(0.55, 0.85))
            samples = cries.meow(rng, length)
            posture.jaw = posture.jaw + 0.55 * ease(time, at, at + 0.35 * length) * (
                1 - ease(time, at + 0.6 * length, at + length))
            posture.nod = posture.nod + 0.22 * pulse(time, at + 0.5 * length, 1.3 * length)
        voices.append((at, samples))
    return voices


def _tail(animal: Animal, posture: Posture, time: np.ndarray, wags: bool, rng: np.random.Generator) -> None:
    """A dog's tail wags, a cat's sways and is carried high."""
    if animal.kind == "dog":
        rate = float(rng.uniform(2.6, 3.8))
        posture.wag = (0.30 if wags else 0.05) * np.sin(2 * np.pi * rate * time)
        posture.bend = posture.bend + (0.03 * np.sin(2 * np.pi * rate * time + 1.2) if wags else 0)
        posture.lift = np.full(len(time), 0.65 if wags else 0.15)
    else:
        posture.wag = 0.16 * np.sin(2 * np.pi * 0.55 * time + float(rng.uniform(0, 6))) + 0.08 * wander(rng, time)
        posture.lift = np.full(len(time), float(rng.choice((0.9, 0.1)))) + 0.1 * wander(rng, time)
    posture.lift = posture.lift + posture.pitch  # sitting, it lies behind on the floor


def draw_dog(rng: np.random.Generator, setting: Setting) -> Scene:
    """A dog."""
    return draw_beast(rng, setting, "dog")


def draw_cat(rng: np.random.Generator, setting: Setting) -> Scene:
    """A cat."""
    return draw_beast(rng, setting, "cat")


def animal_of(teller: Teller) -> Any:
    """The animal in the scene that is told."""
    return teller.scene.facts["cast"][0]


def beast(teller: Teller) -> str:
    """What a dog or a cat does."""
    facts, animal = teller.scene.facts, animal_of(teller)
    words = [teller.pick("small", "little") if animal.size < 0.8 else teller.pick("big", "large")
             if animal.size > 1.2 and animal.kind == "dog" else ""]
    words.append(animal.fur if teller.chance(0.9) else "")
    coat = {"plain": "", "spotted": "spotted", "striped": teller.pick("tabby", "striped"), "patched": "patched"}
    words += [coat[animal.coat] if teller.chance(0.7) else "", animal.kind]
    text = " ".join(word for word in words if word)
    text = called(teller) or f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
    times = f"barks {facts['calls']} times" if facts["calls"] > 1 else "barks once"
    cry = {"dog": ("barks", "barks at something", times),
           "cat": ("meows", "mews", "meows loudly")}[animal.kind]
    move = {"walk": ("walks", "trots slowly") if animal.kind == "dog" else ("walks", "pads", "prowls"),
            "trot": ("trots", "runs"), "": ("",)}[facts["gait"]]
    act = {"cross": f"{teller.pick(*move)} {teller.pick('by', 'past', 'across ' + teller.floor())}",
           "stop": f"{teller.pick(*move)} {teller.pick('up and stops', 'in and stops', 'closer, stops')}",
           "stand": teller.pick("stands", "stands still", "stands there"),
           "sit": teller.pick("sits down", "sits", f"sits on {teller.floor()}")}[facts["action"]]
    if facts["action"] in ("stand", "sit") and facts["calls"] and teller.chance(0.4):
        return f"{text} {teller.pick(*cry)}"
    text = f"{text} {act}"
    if facts["calls"]:
        text += f" and {teller.pick(*cry)}"
    elif facts["wags"]:
        text += teller.pick(" and wags its tail", ", wagging its tail")
    return text


def bete(teller: Teller) -> str:
    """What a dog or a cat does, in French."""
    facts, animal = teller.scene.facts, animal_of(teller)
    noun = called(teller) or f"un {'chien' if animal.kind == 'dog' else 'chat'} {FRENCH_FURS[animal.fur]}"
    act = {"cross": "passe", "stop": "arrive et s'arr\u00eate", "stand": "est debout",
           "sit": "est assis"}[facts["action"]]
    return f"{noun} {act}" + (f" et {'aboie' if animal.kind == 'dog' else 'miaule'}" if facts["calls"] else "")


def beast_heard(teller: Teller) -> str:
    """What is heard of a dog or a cat."""
    facts, animal = teller.scene.facts, animal_of(teller)
    if facts["calls"]:
        return teller.pick("barking", "a dog's bark") if animal.kind == "dog" else teller.pick("a meow", "a cat's meow")
    return teller.pick("soft paws", "light steps of paws") if facts["gait"] else ""


