"""What the embedded model gets of a prompt: what is seen and heard, in plain words, as much as it reads.

It has learnt sentences about one take of things that move and the sounds that they make. It doesn't speak, plays no
music, knows by name whom a cameo shows, and its camera stands still at one of four places, or goes along with somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .prompt import Prompt, Shot, read_prompt
from .prompt_french import english, is_french
from .prompt_speech import Line
from .prompt_words import known_words
from .things import named_figure, named_things, without_things

_SENTENCE = re.compile(r"(?<=[.!?;\u2026])\s+|\n+")
_VIEWS = {
    "Seen from above": r"from above|high[- ]angle|overhead|bird'?s[- ]eye|top[- ]down|(?<!contre-)plong\u00e9e",
    "Low angle shot": r"low[- ]angle|from (?:near )?the ground|worm'?s[- ]eye|contre-plong\u00e9e",
    "Three-quarter view": r"three-quarter|at an angle|from the side|trois-quarts",
    "Static camera, front view": r"static|locked[- ]off|front view|from the front|eye[- ]level|plan fixe|does not move",
}
_LIGHTS = {
    "At night": r"\bnight|after dark|moonli[gt]|\bnuit\b",
    "At dusk": r"dusk|sunset|evening|golden hour|cr\u00e9puscule|coucher du soleil|\bsoir\b",
    "In daylight": r"daylight|daytime|\bday\b|sunlight|sunny|morning|noon|\bjour\b|matin|soleil",
}
_FRAMING = re.compile(r"(?:an? )?(?:extreme |medium |very )?(?:close[- ]?up|"
                      r"(?:wide|long|medium|tracking|establishing|full)[- ]shot) of (?=\w)|"
                      r"gros plan (?:de |d['\u2019])",
                      re.IGNORECASE)


@dataclass(frozen=True)
class Plain:
    """What the model reads, and one line for people on what it can't use or takes for something else ("" = it uses
    everything as it is)."""

    text: str
    unused: str = ""


def plain_words(text: str, fits: Callable[[str], bool]) -> Plain:
    """The part of a prompt that the embedded model can understand.

    Args:
        text: any prompt; a plain description comes out as it is.
        fits: whether a text is short enough; sentences are taken from the first on while it says yes. Where not even
            the first one is, the text is left to whoever counts its words.
    """
    prompt = read_prompt(text)
    translated = english(text) if prompt.is_plain and is_french(text) else ""
    text = translated or text
    seen = _SENTENCE.split(text.strip()) if prompt.is_plain else _seen(prompt)
    whole, read = known_words(text if prompt.is_plain or not seen else " ".join(seen))
    kept = whole if fits(whole) else _whole_sentences([known_words(sentence)[0] for sentence in seen], fits) or whole
    unused = [] if prompt.is_plain else _unused(prompt)
    unused += ["the end, which is more than the model reads"] if kept != whole else []
    if named_figure(kept) and named_things(kept):
        kept = without_things(kept)
        unused.append("balls and boxes, since it shows those or somebody, not both")
    unused += ["what the words mean, since it has learnt English only"] if is_french(whole) else []
    notes = [f"Read in English: {translated}"] if translated else []
    notes += [f"Left out: {'; '.join(unused)}."] if unused else []
    notes += [f"Read as: {', '.join(f'{known} for {word}' for word, known in read.items())}."] if read else []
    return Plain(kept, " ".join(notes))


def _take(prompt: Prompt) -> list[Shot]:
    """The first shot in which something is seen or heard, and what goes on from it without a cut."""
    shots = list(prompt.shots)
    first = next((i for i, shot in enumerate(shots) if shot.sight or shot.sounds), 0)
    last = next((i for i in range(first + 1, len(shots)) if shots[i].is_cut), len(shots))
    return shots[first:last]


def _seen(prompt: Prompt) -> list[str]:
    """Sentences of one take: what is seen, its light, the camera's place, the sound."""
    take = _take(prompt)
    sight = [_FRAMING.sub("", sentence) for shot in take for sentence in shot.sight]
    light = _known(_LIGHTS, [note for shot in take for note in shot.light])
    view = _known(_VIEWS, [note for shot in take for note in shot.camera])
    sounds = [sound for shot in take for sound in shot.sounds]
    return [_sentence(part) for part in (*prompt.setting, *sight, *light, *view, *sounds)]


def _unused(prompt: Prompt) -> list[str]:
    take = _take(prompt)
    lines = [line for shot in prompt.shots for line in shot.dialogue]
    unused = []
    if len(take) < len(prompt.shots):
        unused.append(f"{len(prompt.shots) - len(take)} of {len(prompt.shots)} shots, since the model makes one take")
    if lines:
        unused.append(f"{_count(lines)} of dialogue, since it doesn't speak")
    if prompt.cameos:
        unused.append(f"who {' and '.join('@' + name for name in prompt.cameos)} may be, since no such cameo is given")
    notes = {"music": [note for shot in prompt.shots for note in shot.music],
             "camera": [note for shot in take for note in shot.camera if not _known(_VIEWS, [note])],
             "light": [note for shot in take for note in shot.light if not _known(_LIGHTS, [note])],
             "style": prompt.style}
    unused += [name for name, found in notes.items() if found]
    if any(what != "music" for what in prompt.avoid):
        unused.append("what to avoid, which belongs into the negative prompt")
    return unused


def _known(table: dict[str, str], notes: list[str]) -> list[str]:
    """The model's own words for the first of `notes` that it has words for."""
    return [words for note in notes for words, sign in table.items() if re.search(sign, note, re.IGNORECASE)][:1]


def _count(lines: list[Line]) -> str:
    return "a line" if len(lines) == 1 else f"{len(lines)} lines"


def _sentence(part: str) -> str:
    """Without "@", with a capital and a full stop."""
    part = re.sub(r"(?<![\w.@/])@(?=\w)", "", part)
    part = part[:1].upper() + part[1:]
    return part if part[-1:] in ".!?\u2026;," else part + "."


def _whole_sentences(sentences: list[str], fits: Callable[[str], bool]) -> str:
    """As many of the first sentences as fit; empty where the first one doesn't."""
    kept = ""
    for sentence in sentences:
        longer = f"{kept} {sentence}".strip()
        if not fits(longer):
            break
        kept = longer
    return kept
