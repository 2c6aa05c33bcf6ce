"""The visible mark: our name and the user's handle, legible, sized by the frame, and never long in one place.

A mark that stays in a corner is cut off; this one glides from spot to spot. The letters are the well-known 5 x 7 dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ConfigError

NAME = "SoraCore"
SHARE = 0.07                 # of the shorter side: height of a line of letters, at least 7 pixels
OPACITY = 0.8
REST_SECONDS, GLIDE_SECONDS = 1.5, 0.5
SPOTS = ((0.06, 0.06), (0.94, 0.55), (0.06, 0.94), (0.94, 0.06), (0.5, 0.5), (0.94, 0.94), (0.06, 0.45))
_HANDLE = re.compile(r"[A-Za-z0-9._-]{1,24}")
_COLUMNS = {                 # five columns of seven dots each, the lowest bit on top
    "0": "3e5149453e", "1": "00427f4000", "2": "4261514946", "3": "2141454b31", "4": "1814127f10", "5": "2745454539",
    "6": "3c4a494930", "7": "0171090503", "8": "3649494936", "9": "064949291e", "A": "7e1111117e", "B": "7f49494936",
    "C": "3e41414122", "D": "7f4141221c", "E": "7f49494941", "F": "7f09090901", "G": "3e4149497a", "H": "7f0808087f",
    "I": "00417f4100", "J": "2040413f01", "K": "7f08142241", "L": "7f40404040", "M": "7f020c027f", "N": "7f0408107f",
    "O": "3e4141413e", "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946", "S": "4649494931", "T": "01017f0101",
    "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463", "Y": "0708700807", "Z": "6151494543",
    "a": "2054545478", "b": "7f48444438", "c": "3844444420", "d": "384444487f", "e": "3854545418", "f": "087e090102",
    "g": "0c5252523e", "h": "7f08040478", "i": "00447d4000", "j": "2040443d00", "k": "7f10284400", "l": "00417f4000",
    "m": "7c04180478", "n": "7c08040478", "o": "3844444438", "p": "7c14141408", "q": "081414187c", "r": "7c08040408",
    "s": "4854545420", "t": "043f444020", "u": "3c4040207c", "v": "1c2040201c", "w": "3c4030403c", "x": "4428102844",
    "y": "0c5050503c", "z": "4464544c44", "@": "324979413e", ".": "0060600000", "-": "0808080808", "_": "4040404040",
    " ": "0000000000", ",": "0050300000", ":": "0036360000", "(": "001c224100", ")": "0041221c00", "?": "0201510906",
}


def check_handle(handle: str) -> None:
    """Refuse a handle that the letters can't write.

    Raises:
        ConfigError: not 1 to 24 letters, digits, dots, hyphens or underscores.
    """
    if not _HANDLE.fullmatch(handle):
        raise ConfigError(f"handle {handle[:40]!r} can't be written; use 1 to 24 of A-Z, a-z, 0-9, dot, hyphen and _")


def dots_of(lines: list[str]) -> Tensor:
    """Lines of text as dots of 0 and 1, (9 * lines + 1, 6 * longest + 1); a question mark where there is no letter."""
    dots = torch.zeros(9 * len(lines) + 1, 6 * max(len(line) for line in lines) + 1)
    for row, line in enumerate(lines):
        for place, letter in enumerate(line):
            for column, bits in enumerate(bytes.fromhex(_COLUMNS.get(letter, _COLUMNS["?"]))):
                for y in range(7):
                    dots[1 + 9 * row + y, 1 + 6 * place + column] = bits >> y & 1
    return dots


def draw_handle(chunks: Iterable[Tensor], handle: str, frame_rate: Fraction) -> Iterator[Tensor]:
    """Draw the visible mark into a clip, piece by piece.

    Args:
        chunks: (1, 3, t, H, W) in [-1, 1].
        handle: whose clip it is; see `check_handle`.
        frame_rate: frames a second.
    """
    check_handle(handle)
    at, stamp = 0, None
    for chunk in chunks:
        if stamp is None:
            stamp = _stamp([NAME, "@" + handle], *chunk.shape[-2:])
        drawn = chunk.clone()
        for t in range(chunk.shape[2]):
            _lay(drawn[0, :, t], *stamp, *_place(float(at / frame_rate)))
            at += 1
        yield drawn


def _place(seconds: float) -> tuple[float, float]:
    """Where the mark is, as shares of what the frame leaves free across and down."""
    step, within = divmod(seconds, REST_SECONDS + GLIDE_SECONDS)
    here, there = (SPOTS[(int(step) + i) % len(SPOTS)] for i in (0, 1))
    way = max(0.0, within - REST_SECONDS) / GLIDE_SECONDS
    way = way * way * (3 - 2 * way)
    return tuple(a + (b - a) * way for a, b in zip(here, there, strict=True))


def _stamp(lines: list[str], height: int, width: int) -> tuple[Tensor, Tensor]:
    """Opacity of the white letters and of their dark edge, (h, w) each."""
    dots = dots_of(lines)
    rows, columns = dots.shape
    scale = min(max(1.0, min(height, width) * SHARE / 7), 0.9 * width / columns, 0.9 * height / rows)
    size = (max(1, round(rows * scale)), max(1, round(columns * scale)))
    letters = functional.interpolate(dots[None, None], size, mode="bilinear", antialias=scale < 1)
    reach = 2 * max(1, round(scale)) + 1
    edge = functional.max_pool2d(letters, reach, stride=1, padding=reach // 2)
    return letters[0, 0] * OPACITY, (edge - letters).clamp(0, 1)[0, 0] * OPACITY * 0.6


def _lay(frame_CHW: Tensor, letters: Tensor, edge: Tensor, across: float, down: float) -> None:
    """Blend the stamp into one frame, in place."""
    height, width = letters.shape
    top = round((frame_CHW.shape[1] - height) * down)
    left = round((frame_CHW.shape[2] - width) * across)
    part = frame_CHW[:, top:top + height, left:left + width]
    part.mul_(1 - edge).sub_(edge).mul_(1 - letters).add_(letters)
