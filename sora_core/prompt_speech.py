"""Speech in a prompt: who says what, and how, whether written as a screenplay or told in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

QUOTE = "\ue000"        # stands for a quotation while sentences are parted, so that full stops inside don't count
ENDED = "\ue001"        # after a quotation that ends a sentence
QUOTATION = re.compile(r"<d>(?P<tagged>[^<]{1,2000})</d>|\"(?P<straight>[^\"\n]{1,2000})\"|"
                       r"\u201c(?P<curly>[^\u201c\u201d]{1,2000})\u201d|"
                       r"\u00ab(?P<french>[^\u00ab\u00bb]{1,2000})\u00bb|\u201e(?P<low>[^\u201e\u201c\u201d]{1,2000})[\u201c\u201d]|"
                       r"(?<!\w)['\u2018](?P<single>[^'\u2018\u2019\n]{1,300}[.!?,\u2026])['\u2019](?!\w)")
_VERBS = {
    "speaks": "says|say|said|speaks|states|tells|adds|announces|declares|replies|answers|asks|asked|exclaims|continues|"
              "narrates|explains",
    "speaking": "saying|asking|replying|adding|announcing",
    "whispers": "whispers|mutters|murmurs|mumbles|sighs", "whispering": "whispering|muttering|murmuring",
    "shouts": "shouts|yells|screams|cries|calls|calls out|cries out", "shouting": "shouting|yelling|screaming",
    "sings": "sings", "singing": "singing",
    "parle": "dit|demande|r\u00e9pond|annonce|ajoute|lance|s['\u2019]exclame|d\u00e9clare|explique",
    "chuchote": "chuchote|murmure",
    "crie": "crie|hurle", "chante": "chante",
}
_SPEAKING = {re.sub(r"\['\u2019\]", "'", verb): plain for plain, verbs in _VERBS.items() for verb in verbs.split("|")}
_VERB = "|".join(sorted((verb for verbs in _VERBS.values() for verb in verbs.split("|")), key=len, reverse=True))
_LOUDNESS = {"whispers": "whispering", "shouts": "shouting", "sings": "singing", "chuchote": "whispering",
            "crie": "shouting", "chante": "singing"}
_BEFORE = re.compile(rf"\b(?P<verb>{_VERB})\b(?P<how>[^:.!?]{{0,80}}:?)[ ]?$", re.IGNORECASE)
_AFTER = re.compile(rf",?[ ]?(?P<verb>{_VERB})[ ](?P<who>[^,.;:!?]{{1,60}})", re.IGNORECASE)
_SPEAKER = re.compile(rf"(?P<who>[^:{QUOTE}\n]{{1,60}}?)[ ]?(?:\((?P<manner>[^()]{{1,60}})\))?[ ]?:[ ]?"
                      rf"(?P<words>[^{QUOTE}\n]*?)(?={QUOTE}|$)")
_SOMEBODY = re.compile(r"@[\w.-]+|\b(?:an?|the|his|her|their|un|une|le|la|l['\u2019])\s?[\w'\u2019-]+"
                       r"(?:\s[\w'\u2019-]+){0,4}?"
                       r"(?=\s(?:\w+s|who|with|in|on|at|is|are|and|qui|est|et|avec|dans)\b|,|$)", re.IGNORECASE)
_OPENING = re.compile(r"(?:in|on|at|inside|during|after|before|under|dans|sur|pendant|apr\u00e8s)\b[^,]{0,120},\s*",
                      re.IGNORECASE)
_SENTENCE = re.compile(rf"(?<=[.!?\u2026])[\"\u201d\u00bb)]*\s+(?=[\"\u201c\u00ab@(\[\w{QUOTE}])|\n+|"
                       rf"(?<={ENDED})\s+(?=(?-i:[A-Z\u00c0-\u00dd@]))(?!\w+ (?:{_VERB})\b)", re.IGNORECASE)
_LANGUAGE = re.compile(r"^\[[A-Za-z ]{2,20}\]\s*")       # "[English] Hello"


@dataclass(frozen=True)
class Line:
    """A line of dialogue; `speaker` and `manner` ("whispering") are empty where the text doesn't say."""

    speaker: str
    words: str
    manner: str = ""


def line_of(speaker: str, words: str, manner: str | None = "") -> Line:
    return Line(speaker.strip(" ,:;-\u2013\u2014.[]()"), _LANGUAGE.sub("", words.strip()),
                (manner or "").strip(" ,:;()"))


def sentences(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each sentence with `QUOTE` in the place of its quotations, and what those hold."""
    folded, quotes = _fold(text)
    waiting = iter(quotes)
    for sentence in _SENTENCE.split(folded):
        yield sentence.replace(ENDED, ""), [next(waiting) for _ in range(sentence.count(QUOTE))]


def _fold(text: str) -> tuple[str, list[str]]:
    quotes = [inside(match) for match in QUOTATION.finditer(text)]
    return QUOTATION.sub(lambda match: QUOTE + ENDED if inside(match)[-1:] in (*".!?\u2026",) else QUOTE, text), quotes


def inside(match: re.Match[str]) -> str:
    """What a `QUOTATION` holds."""
    return next(value for value in match.groups() if value is not None).strip()


def screenplay(text: str, voice: str) -> list[Line]:
    """Lines such as `Name (manner): "words"`, with or without quotation marks; `voice` speaks where nobody is named."""
    folded, quotes = _fold(text.replace(ENDED, ""))
    folded = folded.replace(ENDED, "")
    if not quotes:
        found = _SPEAKER.fullmatch(folded)
        if found is None or not found["words"].strip():
            return [line_of(voice, folded)]
        return [line_of(found["who"], found["words"], found["manner"])]
    lines, at = [], 0
    for quote in quotes:
        place = folded.index(QUOTE, at)
        before = folded[at:place].strip(" ,;-\u2013\u2014")
        named, told = _SPEAKER.fullmatch(before), _BEFORE.search(before)
        if named:
            lines.append(line_of(named["who"], quote, named["manner"]))
        elif told:
            lines.append(line_of(_somebody(before[:told.start()]) or voice, quote, told["how"]))
        else:
            lines.append(line_of(voice, quote, before))
        at = place + 1
    return lines


def take_speech(sentence: str, quotes: list[str]) -> tuple[str, list[Line]]:
    """A sentence whose quotations are folded -> the same, saying only that somebody speaks, and what is said.

    Quotations that nobody says, such as those on signs, stay.
    """
    bare = sentence.strip(" .,")
    named = _SPEAKER.fullmatch(bare.rstrip(QUOTE + " "))
    if not bare.strip(QUOTE + " .,"):
        return "", [line_of("", words) for words in quotes]
    if named and bare.endswith(QUOTE) and not named["words"] and bare.count(QUOTE) == len(quotes):
        told = _BEFORE.search(named["who"])
        who = named["who"][:told.start()].strip() if told else named["who"]
        manner = named["manner"] or (told["how"] if told else "")
        rest = f"{who} {_SPEAKING[_plain(told['verb'])]}." if told and who else ""
        return rest, [line_of(_somebody(who), words, manner) for words in quotes]
    first, *rest = sentence.split(QUOTE)
    lines, parts = [], [first]
    for words, after in zip(quotes, rest, strict=True):
        before = parts[-1]
        if found := _AFTER.match(after):
            verb = _SPEAKING[_plain(found["verb"])]
            lines.append(line_of(found["who"], words, _LOUDNESS.get(verb, "")))
            parts.append(f"{found['who']} {verb}{after[found.end():]}")
        elif found := _BEFORE.search(before):
            verb = _SPEAKING[_plain(found["verb"])]
            lines.append(line_of(_somebody(before[:found.start()]), words,
                                 found["how"].strip(" ,:") or _LOUDNESS.get(verb, "")))
            parts[-1] = before[:found.start()] + verb
            after = after.lstrip(" ,")
            parts.append(f" {after}" if after[:1].isalnum() else after)
        else:
            parts.append(f'"{words}"{after}')
    sentence = "".join(parts)
    return sentence if not lines or sentence[-1:] in (*".!?", "") else sentence + ".", lines


def _plain(verb: str) -> str:
    return verb.lower().replace("\u2019", "'")


def _somebody(clause: str) -> str:
    """Who speaks, of the clause before "says"; empty where it can't be told."""
    clause = clause.strip(" ,")
    clause = clause[opening.end():] if (opening := _OPENING.match(clause)) else clause
    if len(clause.split()) <= 3:
        return re.sub(r"\s+(?:and|then|et)$", "", clause)
    found = _SOMEBODY.search(clause)
    return found.group().strip() if found else ""
