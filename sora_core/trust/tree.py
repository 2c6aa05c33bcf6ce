"""Where a clip is from, as a picture: a box for the file and one for each source, their states told by colour and word.

Legend: Y X pixels of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .verify import Findings
from .visible import dots_of

DOT = 2                      # pixels
INDENT, GAP, EDGE = 32, 12, 8
LONGEST = 48                 # letters of a line
MOST_BOXES = 40
GROUND, INK, LINE = (0.10, 0.11, 0.13), (1.0, 1.0, 1.0), (0.55, 0.58, 0.62)
COLOURS = {"altered": (0.65, 0.16, 0.14), "signed": (0.11, 0.42, 0.24), "unsigned": (0.30, 0.32, 0.36)}


@dataclass(frozen=True)
class Box:
    """One file in the tree: how deep it lies, its two lines of words, and its state, a key of `COLOURS`."""

    depth: int
    lines: tuple[str, str]
    state: str


def boxes(findings: Findings) -> list[Box]:
    """The file itself and what it was made from, each source below what it went into."""
    sign = findings.signature
    if sign is None or sign.state != "found":
        said = "signature not checked" if sign is None else "no signature" if sign.state == "none" else \
            "a signature that can't be read"
        first = Box(0, (_short(findings.path), said.replace("'", "") + _marks(findings)), "unsigned")
        return [first]
    said = ("altered after signing" if not sign.is_intact else "signed, a source was altered"
            if not sign.is_chain_intact else "signed, trusted" if sign.is_trusted else "signed, expired"
            if sign.is_expired else "signed by a stranger")
    state = "signed" if sign.is_intact and sign.is_chain_intact else "altered"
    found = [Box(0, (_short(findings.path), said + _marks(findings)), state)]
    _walk(sign.lineage, 1, found)
    if len(found) > MOST_BOXES:
        found[MOST_BOXES - 1:] = [Box(1, (f"and {len(found) - MOST_BOXES + 1} more", "see the report"), "unsigned")]
    return found


def draw_lineage(findings: Findings) -> Tensor:
    """The tree as a picture (1, 3, 1, Y, X) in [-1, 1]; its size follows from what there is to say."""
    parts = boxes(findings)
    texts = [dots_of(list(box.lines)).repeat_interleave(DOT, 0).repeat_interleave(DOT, 1) for box in parts]
    height = texts[0].shape[0] + 2 * EDGE
    tops = [GAP + i * (height + GAP) for i in range(len(parts))]
    lefts = [GAP + box.depth * INDENT for box in parts]
    width = max(left + text.shape[1] + 2 * EDGE for left, text in zip(lefts, texts, strict=True)) + GAP
    picture = torch.tensor(GROUND)[:, None, None].repeat(1, -(-(tops[-1] + height + GAP) // 2) * 2, -(-width // 2) * 2)
    for i, box in enumerate(parts):
        if box.depth:                                       # from the last box that is less deep, down and across
            above = max(j for j in range(i) if parts[j].depth < box.depth)
            x, middle = lefts[above] + INDENT // 2, tops[i] + height // 2
            _fill(picture, LINE, tops[above] + height, middle + 1, x, x + DOT)
            _fill(picture, LINE, middle, middle + DOT, x, lefts[i])
    for box, text, top, left in zip(parts, texts, tops, lefts, strict=True):
        _fill(picture, COLOURS[box.state], top, top + height, left, left + text.shape[1] + 2 * EDGE)
        spot = picture[:, top + EDGE:top + EDGE + text.shape[0], left + EDGE:left + EDGE + text.shape[1]]
        spot.copy_(torch.lerp(spot, torch.tensor(INK)[:, None, None].expand_as(spot), text[None].expand_as(spot)))
    return (picture * 2 - 1)[None, :, None]


def _walk(lineage: Mapping[str, Any], depth: int, found: list[Box]) -> None:
    for part in lineage.get("made_from", []):
        word = {"parentOf": "continues", "componentOf": "uses"}.get(part.get("relationship"), "from")
        state = str(part.get("state", "unsigned"))
        grant = f", granted: {part['grant']}" if part.get("grant") else ""
        found.append(Box(depth, (f"{word} {_short(str(part.get('title', '?')))}", _short(state + grant)),
                         state if state in COLOURS else "unsigned"))
        _walk(part, depth + 1, found)


def _marks(findings: Findings) -> str:
    return ", marks found" if findings.is_marked else ", no mark found"


def _short(text: str) -> str:
    """The end of a path, or the beginning of a longer text, on one line."""
    text = text.replace("\\", "/").rpartition("/")[2]
    return text if len(text) <= LONGEST else text[:LONGEST - 2] + ".."


def _fill(picture_CYX: Tensor, colour: tuple[float, float, float], top: int, bottom: int, left: int,
          right: int) -> None:
    picture_CYX[:, top:bottom, left:right] = torch.tensor(colour)[:, None, None]
