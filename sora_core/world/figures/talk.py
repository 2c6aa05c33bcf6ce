"""Families of talk: somebody says a line, or two people say one each; the mouth follows the sounds of the words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..performance import Line, Performance, Voice
from ..scenes.scene import Scene, Setting
from ..speech import PITCH, VOICES, Speech, mouth, speak
from ..words import Teller
from .body import INDEX
from .cast import FRENCH_KINDS, KINDS, Person, draw_person, told
from .curves import clock, ease, pulse
from .gestures import gesture, look, nod, stand
from .look import Face, calm_face
from .perform import perform
from .plan import solve
from .tell import qui, who

SECONDS = 4.0
_THINGS = ("ball", "hat", "book", "map", "apple", "boat", "house", "key", "lamp", "piano", "bicycle", "cup")
_COLOURS = ("red", "blue", "green", "yellow", "black", "white", "purple")
_ANIMALS = ("dog", "cat", "bird", "horse", "bear", "mouse")
_PLACES = ("park", "market", "beach", "museum", "bakery", "cinema", "library")
LINES = (
    "Hello, my name is {name}.",
    "Good morning, everybody!", "What a beautiful day!", "I have lost my {colour} {thing}.",
    "Look at the {colour} {thing} over there.", "My {animal} is bigger than yours.",
    "Come with me to the {place}.",
    "Please bring me the {thing}.", "I bought a {colour} {thing}.", "Nobody knows where the {animal} is.",
    "The {place} is open until seven.", "Maybe we will meet again tomorrow.", "I am so happy to see you!",
    "Who put the {thing} in my bag?", "Stop, that is not a good idea!", "Welcome to the {place}.",
    "Mama made me a {colour} {thing}.", "I can hear a {animal}.", "One, two, three, jump!",
    "Please be quiet for a moment.",
)
"""What somebody may say; a name, thing, colour, animal or place is filled in."""
DIALOGUES = (
    ("How are you?", "I am fine, thank you."),
    ("Where is my {thing}?", "On the table."),
    ("Do you like my {thing}?", "It is beautiful!"), ("Is that a {animal}?", "No, a {animal2}."),
    ("What is your name?", "I am {name}."), ("Shall we go to the {place}?", "Yes, please!"),
    ("Can you swim?", "Maybe a little."), ("Who made this?", "My brother Bob."), ("Hello!", "Hi, nice to meet you."),
    ("It is cold today.", "Put on my {thing}."), ("Knock, knock!", "Who is there?"),
    ("Did you hear that?", "Hear what?"),
)
_VERBS = ("says", "says", "speaks", "tells us", "explains", "announces")


@dataclass(frozen=True, eq=False)
class Spoken:
    """Somebody's line in a clip: the speech and when it begins."""

    person: Person
    speech: Speech
    start_s: float

    def line(self) -> Line:
        """The record of it, in the clip's time."""
        return Line(self.person.name, self.speech.text, round(self.start_s, 4),
                    round(self.start_s + self.speech.seconds, 4),
                    tuple((round(self.start_s + at, 4), name, opening) for at, name, opening in self.speech.phonemes))


def _filled(rng: np.random.Generator, text: str, name: str) -> str:
    first, second = (str(one) for one in rng.choice(_ANIMALS, 2, replace=False))
    return text.format(name=name, thing=rng.choice(_THINGS), colour=rng.choice(_COLOURS), animal=first, animal2=second,
                       place=rng.choice(_PLACES)).replace("a apple", "an apple")


def _say(rng: np.random.Generator, person: Person, text: str, longest_s: float) -> Speech:
    """The line in this person's voice, spoken as fast as it takes to be done in time."""
    voice = str(rng.choice(VOICES[person.kind]))
    pitch = int(np.clip(PITCH[person.kind] + rng.integers(-8, 9), 0, 99))
    speed = int(rng.integers(150, 180))
    speech = speak(text, voice, pitch, speed)
    while speech.seconds > longest_s and speed < 320:
        speed = int(1.06 * speed * speech.seconds / longest_s)
        speech = speak(text, voice, pitch, speed)
    return speech


def _talking_face(rng: np.random.Generator, time: np.ndarray, spoken: Spoken | None) -> Face:
    """A face that speaks its line, with brows that rise on stressed words; or one that listens."""
    face = calm_face(rng, time)
    if spoken is None:
        return replace(face, width=face.width + 0.15)
    opening, width = mouth(spoken.speech, time, spoken.start_s)
    brows = face.brows.copy()
    for at in spoken.speech.stresses:
        brows = brows + 0.45 * pulse(time, spoken.start_s + at + 0.05, 0.45) * float(rng.random() < 0.6)
    end = spoken.start_s + spoken.speech.seconds
    smile = 0.28 * ease(time, end, end + 0.3)
    return replace(face, mouth=opening, width=0.35 * face.width + 0.65 * width + smile, brows=brows)


def _speaker(rng: np.random.Generator, person: Person, time: np.ndarray, place: tuple[float, float], yaw: float,
             spoken: Spoken | None, gaze: float, gravity: float) -> Performance:
    """One person who stands, speaks or listens, and moves hands and head with the words."""
    plan = stand(person.build, time, place, yaw, rng, gravity=gravity)
    if gaze:
        look(plan, [(0.0, gaze), (SECONDS, gaze)])
    if spoken is not None:
        busy, last = str(rng.choice(("l", "r", "b"))), -1.0
        for at in spoken.speech.stresses:
            when = spoken.start_s + at
            if when - last > 0.55 and rng.random() < 0.8:
                for side in "lr" if busy == "b" else busy:
                    gesture(plan, side, when, rng, float(rng.uniform(0.6, 1.1)))
                last = when
            plan.angles["nod"] = plan.angles["nod"] + 0.07 * pulse(time, when + 0.04, 0.32)
        sway = 0.02 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6))
        plan.angles["tilt"] = plan.angles["tilt"] + sway * ease(time, spoken.start_s, spoken.start_s + 0.3)
    else:
        nod(plan, sorted(float(at) for at in rng.uniform(0.8, 3.4, 2)), 0.12)
    act = solve(plan)
    voices, lines = (), ()
    if spoken is not None:
        head = act.body.joints[round(spoken.start_s * 240), INDEX["head"]]
        voices, lines = (Voice(spoken.start_s, spoken.speech.samples, tuple(head)),), (spoken.line(),)
    return perform(act, person.flesh(), _talking_face(rng, time, spoken), name=person.name, voices=voices, lines=lines,
                   facts=person.facts())


def draw_talk(rng: np.random.Generator, setting: Setting, text: str = "", kinds: tuple[str, ...] = KINDS) -> Scene:
    """Somebody stands before us and says one line: a drawn one, unless it is given."""
    person, time = draw_person(rng, kinds), clock(SECONDS)
    text = text or _filled(rng, str(rng.choice(LINES)), person.name)
    speech = _say(rng, person, text, 3.2)
    start = round(float(rng.uniform(0.25, max(0.3, 3.7 - speech.seconds))) * 240) / 240
    spoken = Spoken(person, speech, start)
    tall = person.build.height_m
    close = float(rng.choice((0.42, 0.60, 0.95), p=(0.4, 0.4, 0.2)))
    height = 0.86 * tall if close < 0.5 else 0.80 * tall if close < 0.7 else 0.66 * tall
    setting = setting.with_view(rng, span_m=close * tall * 1.25, aim=(0.0, 0.0, height), names=("front",), jitter=0.7)
    yaw = -np.pi / 2 + float(rng.uniform(-0.55, 0.55))
    performance = _speaker(rng, person, time, (0.0, 0.0), yaw, spoken, 0.0, setting.gravity)
    return _scene("talk", setting, (person,), (performance,), close)


def draw_dialogue(rng: np.random.Generator, setting: Setting) -> Scene:
    """Two people stand face to face; one says a line and the other answers."""
    first = draw_person(rng)
    alike = ("man", "woman") if first.kind in ("man", "woman") else ("boy", "girl")
    second = draw_person(rng, alike if rng.random() < 0.7 else KINDS, taken=(first,))
    time = clock(SECONDS)
    ask, answer = DIALOGUES[rng.integers(len(DIALOGUES))]
    one = _say(rng, first, _filled(rng, ask, first.name), 1.65)
    two = _say(rng, second, _filled(rng, answer, second.name), 1.65)
    start = round(float(rng.uniform(0.15, 0.3)) * 240) / 240
    reply = round((start + one.seconds + float(rng.uniform(0.1, 0.25))) * 240) / 240
    side = -1 if rng.random() < 0.5 else 1
    tall = max(first.build.height_m, second.build.height_m)
    low = min(first.build.height_m, second.build.height_m)
    gap = 0.27 * tall
    turned = float(rng.uniform(0.5, 0.8))
    performances = []
    for person, place, spoken in ((first, -side, Spoken(first, one, start)),
                                  (second, side, Spoken(second, two, reply))):
        yaw = -turned if place < 0 else np.pi + turned
        gaze = 0.25 * turned * (1 if place < 0 else -1)
        performances.append(_speaker(rng, person, time, (place * gap, 0.0), yaw, spoken, gaze, setting.gravity))
    span = max(1.0 * tall, 0.62 * tall + 1.1 * (tall - low))
    setting = setting.with_view(rng, span_m=span, aim=(0.0, 0.0, 0.5 * (1.08 * tall + 1.08 * tall - span) + 0.02),
                                names=("front",), jitter=0.5)
    return _scene("dialogue", setting, (first, second), tuple(performances), span / tall)


def _scene(family: str, setting: Setting, cast: tuple[Person, ...], performances: tuple[Performance, ...],
           close: float) -> Scene:
    lines = [line for performance in performances for line in performance.lines]
    said = [{"speaker": line.speaker, "text": line.text, "start_s": line.start_s, "end_s": line.end_s}
            for line in lines]
    facts: dict[str, Any] = {"action": family, "said": said, "close": round(close, 2),
                             "people": [person.facts() for person in cast], "cast": cast}
    return Scene(family, setting, figures=performances, facts=facts)


def talk(teller: Teller) -> str:
    """Somebody says a line: as reported speech or with a dialogue line, as prompts write it."""
    said = teller.scene.facts["said"][0]["text"]
    if teller.style < 0.45 and teller.chance(0.6):
        where = teller.pick("speaks to the camera", "talks", "stands and speaks", "faces us and talks")
        return f'{who(teller)} {where}. Dialogue: {_label(teller, 0)}: "{said}"'
    if teller.chance(0.2):
        return f'"{said}" {teller.pick("says", "says")} {who(teller)}'
    return f'{who(teller)} {teller.pick(*_VERBS)}: "{said}"' if teller.chance(0.7) else (
        f'{who(teller)} {teller.pick("looks at us and says", "turns to us and says", "gestures and says")} "{said}"')


def _label(teller: Teller, number: int) -> str:
    """The speaker before a line of dialogue."""
    kind = teller.scene.facts["cast"][number].kind.capitalize()
    cast = teller.scene.facts["cast"]
    if len(cast) == 2 and cast[0].kind == cast[1].kind:
        return f"{kind} in {cast[number].look.top.colour}"
    return kind


def dialogue(teller: Teller) -> str:
    """Two people talk, in prose or with dialogue lines."""
    one, two = (line["text"] for line in teller.scene.facts["said"])
    cast = teller.scene.facts["cast"]
    first, second = told(cast[0], teller), told(cast[1], teller)
    if teller.style < 0.45 and teller.chance(0.6):
        act = teller.pick("talk", "stand face to face and talk", "have a short conversation")
        return f'{first} and {second} {act}. Dialogue: {_label(teller, 0)}: "{one}" {_label(teller, 1)}: "{two}"'
    return teller.pick(
        f'{first} says "{one}" and {second} answers "{two}"',
        f'{first} asks {second}: "{one}" The answer: "{two}"' if one.endswith("?") else
        f'{first} says to {second}: "{one}" The answer: "{two}"',
        f'"{one}" says {first}. "{two}" replies {second}',
    )


def parle(teller: Teller) -> str:
    """Somebody says a line, in French words; the line stays as it was said."""
    return f'{qui(teller)} dit : "{teller.scene.facts["said"][0]["text"]}"'


def dialoguent(teller: Teller) -> str:
    """Two people talk, in French words."""
    one, two = (line["text"] for line in teller.scene.facts["said"])
    other = FRENCH_KINDS[teller.scene.facts["cast"][1].kind][0]
    return f'{qui(teller)} dit "{one}" et {other} r\u00e9pond "{two}"'


def talk_heard(teller: Teller) -> str:
    """What is heard of talk."""
    kind = {"man": "a man's voice", "woman": "a woman's voice", "boy": "a boy's voice", "girl": "a girl's voice"}
    voices = [kind[person.kind] for person in teller.scene.facts["cast"]]
    return teller.pick(" and ".join(dict.fromkeys(voices)), "clear speech", "spoken words")
