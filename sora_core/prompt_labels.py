"""The words by which people structure prompts for video models, in English and French: labels, shots, times, speech.

Collected from public guides to Sora 2, Veo and MiniMax H3 and from graphs that people share.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

SIGHT, DIALOGUE, SOUNDS, MUSIC, CAMERA, LIGHT, STYLE, AVOID, FORMAT, LENGTH = (
    "sight", "dialogue", "sounds", "music", "camera", "light", "style", "avoid", "format", "length")

_NAMES = {
    SIGHT: "action|actions|scene|scene description|setting|subject|subjects|subject & action|character|characters|"
           "location|location & framing|environment|background|foreground|midground|description|visual|visuals|"
           "wardrobe|props|extras|details|prompt|video|video prompt|shot list|optimized shot list|shots|beats|"
           "integrated multimodal description|detailed description|sujet|sujets|d\u00e9cor|lieu|personnage|personnages|"
           "image|description de la sc\u00e8ne|sc\u00e8ne|plans|arri\u00e8re-plan|premier plan",
    DIALOGUE: "dialogue|dialogues|dialog|dialogue block|speech|spoken lines|lines|r\u00e9plique|r\u00e9pliques|paroles",
    SOUNDS: "sound|sounds|audio|sfx|fx|sound effects|sound fx|sound effect|background sound|background sounds|"
            "background audio|ambient sound|ambient sounds|ambient audio|ambience|soundscape|overall soundscape|"
            "diegetic sound|sound design|audio design|foley|audio cues|son|sons|bruit|bruits|bruitage|bruitages|"
            "ambiance sonore|effets sonores|fond sonore|audio ambiant",
    MUSIC: "music|score|soundtrack|bgm|background music|non diegetic music|musique|bande originale|musique de fond",
    CAMERA: "camera|cinematography|camera shot|camera movement|camera motion|camera notes|camera work|camera angle|"
            "cinematic|shot type|shot|framing|composition|lens|lenses|angle|focus|movement|depth of field|"
            "cam\u00e9ra|cadrage|cadre|objectif|mouvement de cam\u00e9ra|mouvements de cam\u00e9ra|"
            "prise de vue|angle de vue|focale",
    LIGHT: "lighting|light|lights|palette|palette anchors|color palette|colour palette|colors|colours|grade|"
           "color grade|colour grade|color grading|colour grading|time of day|weather|"
           "lumi\u00e8re|lumi\u00e8res|\u00e9clairage|couleurs|\u00e9talonnage|m\u00e9t\u00e9o|heure",
    STYLE: "style|visual style|style & mood|look|aesthetic|aesthetics|mood|tone|atmosphere|genre|film stock|finishing|"
           "texture|quality|vibe|format & look|esth\u00e9tique|ambiance|atmosph\u00e8re|ton|rendu|qualit\u00e9",
    AVOID: "negative prompt|negative|negatives|avoid|exclude|do not include|don't include|"
           "prompt n\u00e9gatif|n\u00e9gatif|\u00e9viter|\u00e0 \u00e9viter|exclure",
    FORMAT: "aspect ratio|resolution|size|ratio|fps|frame rate|format|model|seed|r\u00e9solution|cadence|taille",
    LENGTH: "duration|length|clip length|total duration|total length|dur\u00e9e|dur\u00e9e totale",
}
KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split("|")}
NARRATORS = ("voiceover", "voice-over", "voice over", "vo", "v.o.", "narrator", "narration", "off-screen voice",
             "voix off", "voix-off", "narrateur", "narratrice")

_LABEL = "|".join(re.escape(name).replace(r"\ ", r"[ _-]") for name in
                  sorted((*KINDS, *NARRATORS), key=len, reverse=True))
_MORE = r"(?:[ ]?(?:&|/|\+|and|et)[ ]?[^\W\d_][\w ]{0,24}){0,3}"      # "Wardrobe / Props / Extras"
_ASIDE = r"(?:[ ]?\([^()\n]{0,60}\))?"
LABEL = re.compile(rf"(?<![\w@])(?:(?P<label>{_LABEL}){_MORE}|(?:beat|action|temps)[ ]?[0-9]{{1,2}}){_ASIDE}[ \xa0]?:",
                   re.IGNORECASE)
HEADING = re.compile(rf"(?P<label>{_LABEL}){_MORE}{_ASIDE}\s*", re.IGNORECASE)

_COUNT = r"(?:[0-9]{1,3}|one|two|three|four|five|six|un|deux|trois|quatre|cinq)\b"
_TIME = r"[0-9]{1,3}(?::[0-9]{2}){0,2}(?:[.,][0-9]{1,3})?"
_UNIT = r"[ ]?(?:seconds?|secondes?|secs?|s)\b"
_RANGE = (rf"(?P<start>{_TIME})(?P<one>{_UNIT})?[ ]?"
          rf"(?:-|\u2013|\u2014|\u2212|\bto\b|\u00e0|\band\b)[ ]?(?P<end>{_TIME})(?P<two>{_UNIT})?")
_SHOT = (rf"(?:shot|scene|sc\u00e8ne|plan|s\u00e9quence|sequence|segment|clip)[ ]?"
         rf"(?:no\.?|n\u00b0|#)?[ ]?(?P<number>{_COUNT})")
SHOT = re.compile(rf"(?<![\w@])(?:[\[(][ ]?)?{_SHOT}"
                  rf"(?=[ ]?(?:[:\])(\[,.|\u2013\u2014-]|\n|$|at\b|\u00e0\b|from\b|de\b))",
                  re.IGNORECASE)
CUT = re.compile(r"(?<![\w@])(?:(?:smash|hard|match|quick|jump|then|we)[ ])?(?:cuts? to|cut sur|coupe (?:sur|vers))\b"
                 r"(?![ ]?:?[ ]?(?:black|white|noir|blanc|title))[ ]?:?", re.IGNORECASE)
SPAN = re.compile(rf"(?:[\[(][ ]?|\bfrom[ ]|\bde[ ])?{_RANGE}(?:[ ]?[\])])?", re.IGNORECASE)
STAMP = re.compile(r"[\[(](?P<start>[0-9]{1,3}:[0-9]{2}(?:[.,][0-9]{1,3})?)[\])]")
_MOMENT = re.compile(rf"(?:at|\u00e0)[ ](?P<start>{_TIME})(?:{_UNIT})?[ ]?,?", re.IGNORECASE)
_LASTS = re.compile(rf"[\[(]?[ ]?(?P<lasts>{_TIME}){_UNIT}(?=[ ]?(?:[\]):,.\u2013\u2014-]|$))[ ]?[\])]?", re.IGNORECASE)
_CUTS = re.compile(r"(?:the )?(?:camera|shot|cam\u00e9ra) (?:cuts|transitions|changes|switches) to\b|cut to\b:?",
                   re.IGNORECASE)
_TITLE = re.compile(r"[\"\u201c\u00ab][ ]?(?P<title>[^\"\u201d\u00bb\n]{1,80}?)"
                    r"[ ]?[\"\u201d\u00bb](?=[ ]?(?:[(:\n\u2013\u2014-]|$))")
_NOTE = re.compile(r"\((?P<note>[^()\n]{1,120})\)")
_JOINT = re.compile(r"[\s:,;.|)\]\u2013\u2014-]+")

_CAMERA_WORDS = (r"shot|close[- ]?up|pan|panning|dolly|zoom|tracking|angle|push[- ]in|pull[- ]back|handheld|hand-held|"
                 r"view|lens|pov|crane|tilt|steadicam|orbit|camera|mm|cam\u00e9ra|gros plan|travelling|panoramique|"
                 r"plong\u00e9e|contre-plong\u00e9e|plan (?:large|fixe|moyen|serr\u00e9)")
CAMERA_WORD = re.compile(rf"\b(?:{_CAMERA_WORDS})\b", re.IGNORECASE)
CAMERA_SENTENCE = re.compile(r"(?:the |la )?(?:camera|cam\u00e9ra)\b(?! (?:sits|lies|stands|falls|drops|on the))|"
                             r"(?:static|locked-off|handheld|hand-held) (?:camera|shot)\b(?! of)|"
                             r"(?:cuts?|fades?|fondu) (?:to|in|out|au|from|sur)\b", re.IGNORECASE)
SOUND_SENTENCE = re.compile(r"(?:the |faint |distant |we hear |you hear )?sounds? of\b|(?:we|you) (?:can )?hear\b|"
                            r"(?:on|nous) enten[dt]\w*\b|"
                            r"(?:le |un )?(?:bruit|son) (?:de|du|des|d['\u2019])", re.IGNORECASE)

SENTENCE_ENDS = ".!?\u2026;:])\"\u201d\u00bb|>\ue000"     # the last stands for a quotation


@dataclass(frozen=True)
class Mark:
    """A label or the head of a shot, from `start` to `end` of a line.

    Attributes:
        kind: of a label; "" for the head of a shot.
        number: of a shot; None = not numbered.
        start_s, end_s, lasts_s: what the head says of times, in seconds.
        is_cut: "Cut to", which makes a new shot only after something was shown.
    """

    start: int
    end: int
    kind: str = ""
    number: int | None = None
    start_s: float | None = None
    end_s: float | None = None
    lasts_s: float | None = None
    title: str = ""
    note: str = ""
    is_cut: bool = False


def marks(line: str) -> Iterator[Mark]:
    """Labels and heads of shots in a line, in order, none inside of another."""
    found = [match for pattern in (SHOT, CUT, SPAN, STAMP, LABEL) for match in pattern.finditer(line)
             if _begins(line, match.start()) and (pattern is not SPAN or _is_head(line, match))]
    at = 0
    for match in sorted(found, key=lambda match: (match.start(), -match.end())):
        if match.start() >= at:
            mark = label_of(line, match) if match.re is LABEL else _head(line, match)
            yield mark
            at = mark.end


def _begins(line: str, at: int) -> bool:
    """Whether a sentence begins there, or something behind a symbol such as an emoji."""
    before = line[max(0, at - 8):at].rstrip(" \t*_[(-\u2013\u2014\u2022\ufe0f")
    return before[-1] in SENTENCE_ENDS or unicodedata.category(before[-1]) == "So" if before else at < 8


def _is_time(match: re.Match[str]) -> bool:
    """A pair of numbers is a time with a unit, as 0:04 or as 2.40; "3-5" may count people."""
    both = [match["start"], match["end"]]
    return bool(match["one"] or match["two"]) or all(":" in one for one in both) or all(
        "." in one or "," in one for one in both)


def _is_head(line: str, match: re.Match[str]) -> bool:
    """Whether times stand for a shot of their own: in brackets, or set off from what follows."""
    after = line[match.end():match.end() + 3].lstrip()
    return _is_time(match) and (match.group()[0] in "[(" or not after or after[0] in ":|\u2013\u2014-\"\u201c" or (
        after[0] == "," and not match.group()[0].isdigit()))


def label_of(line: str, match: re.Match[str]) -> Mark:
    """What a `LABEL` or a `HEADING` says follows; `note` is the rest of a bracket such as "[SFX: a door slams]"."""
    name = (match["label"] or "").lower().replace("_", " ")
    name = name if name in KINDS else name.replace("-", " ")
    kind = KINDS.get(name, DIALOGUE if match["label"] else SIGHT)
    end = match.end()
    opener = line[match.start() - 1:match.start()]
    if opener and opener in "[(":
        closer = line.find("]" if opener == "[" else ")", end)
        if closer >= 0:
            return Mark(match.start() - 1, end, kind, title=match["label"] or "", note=line[end:closer])
    return Mark(match.start(), end, kind, title=match["label"] or "")


def _head(line: str, match: re.Match[str]) -> Mark:
    """Read on behind the beginning of a shot: its number, times, title and a note, in any order."""
    facts: dict[str, float] = {}
    title, note, end = "", "", match.end()
    groups = match.groupdict()
    number = groups.get("number")
    if groups.get("start"):
        facts = _times(match)
    while True:
        joint = _JOINT.match(line, end)
        at = joint.end() if joint else end
        if (found := SPAN.match(line, at)) and not facts and (_is_time(found) or found.group()[0] in "[("):
            facts = _times(found)
        elif not facts and ((found := _MOMENT.match(line, at)) or (found := STAMP.match(line, at))
                            or (found := _LASTS.match(line, at))):
            facts = _times(found)
        elif not title and (found := _TITLE.match(line, at)):
            title = found["title"].strip()
        elif not note and (found := _NOTE.match(line, at)) and CAMERA_WORD.search(found["note"]):
            note = found["note"].strip()
        elif number is None and (found := SHOT.match(line, at)):
            number = found["number"]
        elif not (found := _CUTS.match(line, at)):
            return Mark(match.start(), at, number=_number(number), title=title, note=note,
                        is_cut=match.re is CUT and number is None, **facts)
        end = found.end()


def _times(match: re.Match[str]) -> dict[str, float]:
    return {f"{name}_s": _seconds(value) for name, value in match.groupdict().items()
            if name in ("start", "end", "lasts") and value}


def _seconds(text: str) -> float:
    value = 0.0
    for part in text.replace(",", ".").split(":"):
        value = value * 60 + float(part)
    return value


def _number(word: str | None) -> int | None:
    if word is None:
        return None
    names = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "un": 1, "deux": 2, "trois": 3,
             "quatre": 4, "cinq": 5}
    return names.get(word.lower()) or int(word)


def seconds_said(text: str) -> float | None:
    """The length that a "Duration:" note says, in seconds."""
    found = re.search(rf"({_TIME})(?:{_UNIT})?", text, re.IGNORECASE)
    return _seconds(found[1]) if found else None
