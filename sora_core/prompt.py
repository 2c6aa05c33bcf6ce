"""Reads a prompt as people write them for Sora and its kin: shots with times, dialogue, sound, camera, style, cameos.

Nothing is invented and no text is refused: what has no label is what is seen. The result belongs to no model;
`prompt_plain` says what the embedded one makes of it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from . import prompt_labels as labels
from .prompt_labels import CAMERA, DIALOGUE, LIGHT, MUSIC, SIGHT, SOUNDS, Mark
from .prompt_speech import QUOTATION, Line, inside, screenplay, sentences, take_speech

MOST_CHARACTERS = 16384     # more than what any model reads
_NOTES = re.compile(r"(?<=[.!?\u2026])\s+")
_BULLET = re.compile(r"\s*(?:[-*\u2022\u00b7\u2013\u2014>]+\s+|#{1,6}\s+|[0-9]{1,2}[.)]\s+)?")
_MARKUP = re.compile(r"\*\*|__|`")
_SLUG = re.compile(r"\b(?:INT|EXT|EST)\.(?:/(?:INT|EXT)\.)?[ ]+(?=[A-Z])")     # "EXT. BEACH - DAY"
_SYMBOLS = re.compile(r"^[\s\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]+|[\s\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]+$")
_HANDLE = re.compile(r"(?<![\w.@/])@([A-Za-z0-9_](?:[\w.-]{0,38}\w)?)")
_NOTHING = re.compile(r"(?:none|n/?a|no|nothing|aucune?|sans|-)\.?", re.IGNORECASE)
_HEAD = re.compile(r"(?P<camera>[^:.!?\n]{3,60}):\s+(?=\S)")        # "Close-up, low angle: a ball ..."


@dataclass(frozen=True)
class Shot:
    """What happens between two cuts. Times are seconds from the clip's start, None where the text doesn't say.

    Attributes:
        is_cut: False where only a time is told, so that the take before may go on.
        sight: sentences of what is seen, in order, in plain words; handles keep their "@".
        sounds, music, camera, light: notes without their labels.
    """

    start_s: float | None = None
    end_s: float | None = None
    title: str = ""
    is_cut: bool = True
    sight: tuple[str, ...] = ()
    dialogue: tuple[Line, ...] = ()
    sounds: tuple[str, ...] = ()
    music: tuple[str, ...] = ()
    camera: tuple[str, ...] = ()
    light: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A prompt, read.

    Attributes:
        text: as given.
        shots: at least one.
        setting: sentences before the first of several shots; they hold for all.
        style: look, mood, film stock.
        cameos: handles without "@", in lower case, each once.
        avoid: what shall not be there.
        format: what the text says of the container: shape, size, frame rate.
        seconds: the length that the text asks for, or None.
        is_plain: one description without any of all that.
    """

    text: str
    shots: tuple[Shot, ...]
    setting: tuple[str, ...] = ()
    style: tuple[str, ...] = ()
    cameos: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    format: tuple[str, ...] = ()
    seconds: float | None = None
    is_plain: bool = True


def read_prompt(text: str) -> Prompt:
    """Read any text, as far as its first `MOST_CHARACTERS`; nothing makes this raise."""
    clean = "".join(c for c in "\n".join(text[:MOST_CHARACTERS].splitlines())
                    if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Co"))
    clean = _SLUG.sub("", _MARKUP.sub("", clean)).strip()
    clean = _lines_of_json(clean) if clean.startswith("{") else clean
    reader = _Reader()
    if found := QUOTATION.fullmatch(clean):        # quotation marks from a shell or a chat
        clean = inside(found)
    lines = clean.split("\n")
    for line in lines:
        reader.read(line, alone=len(lines) == 1)
    return reader.finish(text)


def timeline(prompt: Prompt, seconds: float) -> tuple[tuple[float, float], ...]:
    """A place (start, end) for each shot within `seconds`, more than 0.

    Said times are kept where they go on, shrunk where they ask for more than there is; the rest is shared out equally.
    """
    count = len(prompt.shots)
    scale = min(1.0, seconds / prompt.seconds) if prompt.seconds else 1.0
    cuts: list[float | None] = [0.0] + [None] * (count - 1) + [seconds]
    latest = 0.0
    for i in range(1, count):
        said = prompt.shots[i].start_s
        said = prompt.shots[i - 1].end_s if said is None else said
        if said is not None and latest < said * scale < seconds:
            cuts[i] = latest = said * scale
    for i in range(1, count):
        if cuts[i] is None:
            after = next(j for j in range(i + 1, count + 1) if cuts[j] is not None)
            cuts[i] = cuts[i - 1] + (cuts[after] - cuts[i - 1]) / (after - i + 1)
    return tuple(zip(cuts[:-1], cuts[1:], strict=True))


def spoken(line: Line) -> str:
    """A line of dialogue as a sentence, such as `The detective says, "You're lying."`."""
    who = line.speaker or "A voice"
    return f'{who[0].upper()}{who[1:]} says{f" ({line.manner})" if line.manner else ""}, "{line.words}"'


@dataclass(eq=False)
class _Draft:
    """A shot while it is read."""

    number: int | None = None
    is_later: bool = False          # what stands before it is a shot too
    is_cut: bool = True
    start_s: float | None = None
    end_s: float | None = None
    title: str = ""
    notes: dict[str, list[str]] = field(default_factory=dict)
    dialogue: list[Line] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not self.dialogue and not self.notes.get(SIGHT)

    def finish(self) -> Shot:
        notes = {kind: tuple(self.notes.get(kind, ())) for kind in (SIGHT, SOUNDS, MUSIC, CAMERA, LIGHT)}
        return Shot(self.start_s, self.end_s, self.title, self.is_cut, dialogue=tuple(self.dialogue), **notes)


class _Reader:
    """Goes through a prompt line by line; a label holds until the next one, or until an empty line."""

    def __init__(self) -> None:
        self.shots: list[_Draft] = [_Draft()]
        self.shot = self.shots[0]
        self.style: list[str] = []
        self.avoid: list[str] = []
        self.format: list[str] = []
        self.seconds: float | None = None
        self.kind, self.has_content, self.voice = SIGHT, False, ""
        self.is_plain = True

    def read(self, line: str, *, alone: bool) -> None:
        line = line[_BULLET.match(line).end():].strip()
        if not line:
            if self.has_content and self.kind != DIALOGUE:
                self.kind = SIGHT
            return
        heading = None if alone else labels.HEADING.fullmatch(line)
        if heading:
            self.label(labels.label_of(line, heading))
            return
        at = 0
        for mark in labels.marks(line):
            self.content(line[at:mark.start])
            self.label(mark) if mark.kind else self.head(mark)
            if mark.kind and mark.note:             # "[SFX: a door slams]"
                self.content(mark.note)
                self.kind = SIGHT
                at = mark.end + len(mark.note) + 1
            else:
                at = mark.end
        self.content(line[at:])

    def label(self, mark: Mark) -> None:
        self.kind, self.has_content, self.is_plain = mark.kind, False, False
        self.voice = "narrator" if mark.title.lower() in labels.NARRATORS else ""

    def head(self, mark: Mark) -> None:
        """Go to the shot of that number, or begin the next one."""
        self.kind, self.is_plain = SIGHT, False
        known = next((shot for shot in self.shots if mark.number is not None and shot.number == mark.number), None)
        if known is not None:
            self.shot = known
        elif not (mark.is_cut and self.shot.is_empty()):
            is_later = mark.is_cut or (mark.number or 1) > 1 or (mark.start_s or 0) > 0
            self.shot = _Draft(mark.number, is_later, mark.is_cut or mark.number is not None)
            self.shots.append(self.shot)
        if mark.start_s is not None:
            self.shot.start_s = mark.start_s
            self.shot.end_s = mark.end_s if mark.end_s is None or mark.end_s > mark.start_s else None
        if mark.lasts_s is not None:
            self.last(mark.lasts_s)
        self.shot.title = self.shot.title or mark.title
        if mark.note:
            self.note(CAMERA, mark.note)

    def last(self, seconds: float) -> None:
        """A shot that says how long it is begins where the one before ends."""
        before = self.shots[self.shots.index(self.shot) - 1] if self.shot is not self.shots[0] else None
        start = 0.0 if before is None or before is self.shots[0] and before.end_s is None else before.end_s
        if start is not None and seconds > 0:
            self.shot.start_s, self.shot.end_s = start, start + seconds

    def content(self, text: str) -> None:
        text = _SYMBOLS.sub("", text.strip(" \t[]|"))
        if not text.strip(".,;:-\u2013\u2014 )"):
            return
        self.has_content = True
        if self.kind == DIALOGUE and _NOTHING.fullmatch(text):
            return
        if self.kind == SIGHT:
            self.prose(text)
        elif self.kind == DIALOGUE:
            self.say(screenplay(text, self.voice))
        elif self.kind == labels.LENGTH:
            self.seconds = labels.seconds_said(text) or self.seconds
        elif self.kind in (SOUNDS, MUSIC) and _NOTHING.fullmatch(text):
            self.avoid += ["music"] if self.kind == MUSIC else []
        else:
            for sentence in _NOTES.split(text):
                self.note(self.kind, sentence)

    def note(self, kind: str, text: str) -> None:
        kept = text.strip(" .;,:\t") if kind != SIGHT else text.strip(" ,;:\t")
        if kept.strip(".!?-\u2013\u2014 )("):
            lists = {labels.STYLE: self.style, labels.AVOID: self.avoid, labels.FORMAT: self.format}
            (lists[kind] if kind in lists else self.shot.notes.setdefault(kind, [])).append(kept)

    def prose(self, text: str) -> None:
        """Sentences of what is seen; speech, and sentences about camera or sound alone, go where they belong."""
        for sentence, quotes in sentences(text):
            if quotes:
                sentence, lines = take_speech(sentence, quotes)
                self.say(lines)
            if (found := _HEAD.match(sentence)) and _is_about_camera(found["camera"]):
                self.note(CAMERA, found["camera"])
                sentence = sentence[found.end():]
            about_sound = labels.SOUND_SENTENCE.match(sentence)
            self.note(CAMERA if _is_about_camera(sentence) else SOUNDS if about_sound else SIGHT, sentence)

    def say(self, lines: list[Line]) -> None:
        said = [line for line in lines if line.words]
        self.is_plain = self.is_plain and not said
        self.shot.dialogue += said

    def finish(self, text: str) -> Prompt:
        first, *others = self.shots
        setting: list[str] = []
        if others and not (others[0].is_later and not first.is_empty()):
            setting = first.notes.pop(SIGHT, [])
            others[0].dialogue = first.dialogue + others[0].dialogue
            for kind, notes in first.notes.items():
                others[0].notes[kind] = notes + others[0].notes.get(kind, [])
            self.shots = others
        if len(self.shots) == 1:
            self.shots[0].notes[SIGHT] = setting + self.shots[0].notes.get(SIGHT, [])
            setting = []
        shots = tuple(shot.finish() for shot in self.shots)
        ends = [shot.end_s for shot in shots if shot.end_s is not None]
        cameos = tuple(dict.fromkeys(handle.lower() for handle in _HANDLE.findall(text)))
        return Prompt(text, shots, tuple(setting), tuple(self.style), cameos, tuple(self.avoid), tuple(self.format),
                      self.seconds or max(ends, default=None), self.is_plain and not cameos)


def _is_about_camera(sentence: str) -> bool:
    """A sentence about the camera, or a few words such as "Slow push-in, 35 mm"."""
    return labels.CAMERA_SENTENCE.match(sentence) is not None or (
        len(sentence.split()) <= 6 and labels.CAMERA_WORD.search(sentence) is not None
        and not re.search(r" (?:of|on|de|du|d['\u2019])\b", sentence))


def _lines_of_json(text: str) -> str:
    """A prompt written as a JSON object -> lines with its keys as labels; anything else stays as it is."""
    try:
        value = json.loads(text)
        return "\n".join(_flat(value))
    except (ValueError, RecursionError):
        return text


def _flat(value: Any) -> list[str]:
    if isinstance(value, list):
        return [line for part in value for line in _flat(part)]
    if not isinstance(value, dict):
        return [] if value is None else [str(value)]
    lines: list[str] = []
    for key, part in value.items():
        label = [f"{key}:"] if labels.HEADING.fullmatch(key) or labels.SHOT.match(f"{key}:") else []
        lines += [*label, *_flat(part), ""]
    return lines
