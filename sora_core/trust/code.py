"""32 bits of payload and 8 of check as 120 soft bits: a tail-biting convolutional code of rate 1/3.

Source: the generators 557, 663, 711 (octal, constraint length 9) are the best known of that rate and length; Lin and
Costello, "Error Control Coding", table 12.1. Decoding is Viterbi's algorithm, twice around the circle.
"""

from __future__ import annotations

from functools import cache

import numpy as np

PAYLOAD_BITS = 32
CHECK_BITS = 8
RATE = 3
MEMORY = 8
CODE_BITS = (PAYLOAD_BITS + CHECK_BITS) * RATE      # 120
_GENERATORS = (0o557, 0o663, 0o711)


def encode(payload: int) -> np.ndarray:
    """Code bits (120,) of 0 and 1 of a payload below 2**32."""
    word = payload << CHECK_BITS | _check(payload)
    bits = [word >> i & 1 for i in reversed(range(PAYLOAD_BITS + CHECK_BITS))]
    state = 0
    for bit in bits[-MEMORY:]:                              # the tail is bitten: start as it will end
        state = (state << 1 | bit) & 0x1FF
    coded = []
    for bit in bits:
        state = (state << 1 | bit) & 0x1FF
        coded += [(state & generator).bit_count() & 1 for generator in _GENERATORS]
    return np.array(coded)


def decode(soft: np.ndarray) -> int | None:
    """The payload of soft bits (120,), positive where a 0 is likelier; None where the check fails."""
    previous, outputs = _trellis()
    gains = soft.reshape(-1, RATE) @ outputs                # (time, 512): of each register content
    length = len(gains)
    metric = np.zeros(256)
    choices = np.zeros((3 * length, 256), np.int64)
    for step in range(3 * length):                          # the middle lap has forgotten both ends
        candidates = metric[previous] + gains[step % length].reshape(2, 256)
        choices[step] = candidates.argmax(axis=0)
        metric = candidates.max(axis=0)
        metric -= metric.max()
    state, bits = int(metric.argmax()), []
    for step in reversed(range(3 * length)):
        bits.append(state & 1)
        state = int(previous[choices[step][state], state])
    lap = bits[::-1][length:2 * length]
    word = int("".join(map(str, lap)), 2)
    payload = word >> CHECK_BITS
    return payload if _check(payload) == word & (1 << CHECK_BITS) - 1 else None


@cache
def _trellis() -> tuple[np.ndarray, np.ndarray]:
    """For (oldest bit, new state): the state before, and the signs (3, 512) that the register puts out."""
    contents = np.arange(512)                               # nine bits: the oldest, then the new state's eight
    previous = (contents >> 1).reshape(2, 256)
    signs = np.array([[1 - 2 * ((int(word) & generator).bit_count() & 1) for word in contents]
                      for generator in _GENERATORS])
    return previous, signs


def _check(payload: int) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1 and a start that isn't zero."""
    register = 0xA5
    for byte in payload.to_bytes(4, "big"):
        register ^= byte
        for _ in range(8):
            register = (register << 1 ^ 0x07) & 0xFF if register & 0x80 else register << 1
    return register
