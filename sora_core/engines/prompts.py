"""One neutral prompt -> the wording that each engine was taught with. What comes out is shown, and may be edited.

`prose` (LTX): one flowing description, shot after shot, speech in quotation marks, sound in its place. `silent prose`
(Wan): the same of what is seen; a speaker speaks, unheard. `shots` (MiniMax-H3): labelled sections and shots with their
times. A prompt that is one plain description already stays as it is.
"""

from __future__ import annotations

from ..prompt import Prompt, Shot, read_prompt, spoken, timeline

AS_WRITTEN, FOR_ENGINE = "as written", "for the engine"


def compile_prompt(text: str, wording: str, seconds: float) -> str:
    """A prompt in the words of an engine (`facts.Engine.wording`); nothing that only an engine could mean is added."""
    prompt = read_prompt(text)
    if prompt.is_plain or wording not in _WORDINGS:
        return text
    return _WORDINGS[wording](prompt, seconds) or text


def negative_of(text: str) -> str:
    """What the prompt itself says shall not be there."""
    return ", ".join(read_prompt(text).avoid)


def _sentence(*parts: str) -> str:
    """Parts with a capital at the front and a full stop at the end, once."""
    text = " ".join(part.strip() for part in parts if part.strip())
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in '.!?\u2026"' else f"{text}."


def _sentences(parts: tuple[str, ...]) -> list[str]:
    return [_sentence(part) for part in parts if part.strip()]


def _prose(prompt: Prompt, seconds: float) -> str:
    return " ".join(_look(prompt) + [part for number, shot in enumerate(prompt.shots)
                                     for part in _told(shot, number, is_heard=True)])


def _silent_prose(prompt: Prompt, seconds: float) -> str:
    return " ".join(_look(prompt) + [part for number, shot in enumerate(prompt.shots)
                                     for part in _told(shot, number, is_heard=False)])


def _look(prompt: Prompt) -> list[str]:
    return _sentences(prompt.style) + _sentences(prompt.setting)


def _told(shot: Shot, number: int, *, is_heard: bool) -> list[str]:
    """One shot: framing, what is seen, light, who speaks, what is heard."""
    parts = _sentences(shot.camera) + _sentences(shot.sight) + _sentences(shot.light)
    if number and shot.is_cut and parts:
        parts[0] = f"The scene cuts to a new shot. {parts[0]}"
    if is_heard:
        parts += [spoken(line) for line in shot.dialogue]
        parts += [f"The sound of {_lower(sound)}" for sound in _sentences(shot.sounds)]
        parts += [f"The music is {_lower(music)}" for music in _sentences(shot.music)]
    else:
        parts += [_sentence(f"{line.speaker or 'Somebody'} speaks") for line in shot.dialogue]
    return parts


def _lower(text: str) -> str:
    """The first letter small, unless a name or an abbreviation stands there."""
    first, _, rest = text.partition(" ")
    return text if first.isupper() and len(first) > 1 else f"{first[:1].lower()}{first[1:]}{' ' if rest else ''}{rest}"


def _shots(prompt: Prompt, seconds: float) -> str:
    """MiniMax-H3's sections; those that the prompt says nothing for are left out."""
    shots = []
    for number, (shot, (start, _)) in enumerate(zip(prompt.shots, timeline(prompt, seconds), strict=True), 1):
        seen = _sentences(shot.camera) + _sentences(shot.sight) + _sentences(shot.light)
        words = " ".join(seen + [spoken(line) for line in shot.dialogue])
        shots.append(f"[Shot {number}] At {_clock(start)}, {_lower(words)}" if words else
                     f"[Shot {number}] At {_clock(start)}, the scene goes on.")
    sections = {"summary": " ".join(_look(prompt)), "detailed_description": "\n".join(shots),
                "overall_soundscape": " ".join(part for shot in prompt.shots for part in _sentences(shot.sounds)),
                "non_diegetic_music": " ".join(part for shot in prompt.shots for part in _sentences(shot.music))}
    return "\n\n".join(f"{name}:\n{text}" for name, text in sections.items() if text)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 60000:02d}:{milliseconds // 1000 % 60:02d}.{milliseconds % 1000:03d}"


_WORDINGS = {"prose": _prose, "silent prose": _silent_prose, "shots": _shots}
