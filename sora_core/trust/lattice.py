"""The mark of the picture that survives hard compression: keyed lattices in what is coarse in it.

The frame, as a square of 128 x 128, is cut into sixteen blocks, and 264 of their cosine waves are moved to the nearest
point of a lattice with a keyed offset. What the picture shows doesn't disturb such a mark (Chen and Wornell,
"Quantization index modulation", 2001), and for a key that wasn't used the offsets are uniform, so that chance is known
without any measurement. 144 lattices have offsets of the public key and tell that there is a mark: waves of 45 and 64
units in brightness and in both colours, which live longest under H.264. 120 of the private key, shifted by half a step
for each 1 of the payload, lie in shorter waves of the brightness.

The numbers are averages over half a second, so that a moving thing disturbs only where and while it moves.

Legend: C brightness, Cb, Cr; Y X the square; K its numbers; W windows of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from . import code
from .keys import uniform

SIDE = 128
BLOCK = 32
WAVES = 4                             # of a block, each way, that are looked at
PILOT_STRENGTH = 1.110                # root mean square over R, G and B, in levels of 255
PAYLOAD_STRENGTH = 0.600
PAYLOAD_SHARE = 0.8                   # of the way to the payload's lattices that is gone: they can be wider then
PILOT_BANDS = ((0, 1), (1, 0), (1, 1))                                              # of brightness and both colours
PAYLOAD_BANDS = ((0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0), (1, 3))    # of brightness
COST = np.array([1.0, 1.0768, 0.9485])     # what a unit of Y, Cb, Cr adds to R, G and B: columns of BT.709's inverse
BLOCKS = SIDE // BLOCK
PILOTS = 3 * len(PILOT_BANDS) * BLOCKS ** 2                 # 144
COUNT = PILOTS + code.CODE_BITS                             # 264
# Uniform errors of these steps, corrected to those shares, give those strengths.
PILOT_STEP = PILOT_STRENGTH * SIDE * (12 / PILOTS) ** 0.5
PAYLOAD_STEP = PAYLOAD_STRENGTH / PAYLOAD_SHARE * SIDE * (12 / code.CODE_BITS) ** 0.5
STEPS = np.concatenate([np.full(PILOTS, PILOT_STEP), np.full(code.CODE_BITS, PAYLOAD_STEP)])
SHARES = np.concatenate([np.ones(PILOTS), np.full(code.CODE_BITS, PAYLOAD_SHARE)])
GAINS = np.exp(np.arange(np.log(0.42), np.log(1.75), 0.02))
GAINS = np.sort(np.append(GAINS, 1.0))
PAYLOAD_Z = 8.0                       # a wrong key's best codeword reached 7.9 in 3,000 tries, and then fails the check


@dataclass(frozen=True)
class Reading:
    """What the lattices say: `z` of the pilots, the best of `tries`, and the payload under each private key."""

    z: float
    tries: int
    plain_z: float           # unmirrored and at the contrast that it was written at, the best of `plain_tries`
    plain_tries: int
    gain: float
    is_mirrored: bool
    payloads: dict[str, int]
    payload_z: float


def analyse(planes_CYX: np.ndarray) -> np.ndarray:
    """Brightness, Cb and Cr (..., 3, 128, 128) in levels -> numbers (..., 264)."""
    basis = _basis()
    grid = (basis @ planes_CYX @ basis.T).reshape(*planes_CYX.shape[:-3], -1)
    return grid[..., _where()] * _costs()


def synthesise(numbers_K: np.ndarray) -> np.ndarray:
    """What changes the numbers by so much at least cost: (264,) -> (3, 128, 128)."""
    basis = _basis()
    grid = np.zeros((3, len(basis), len(basis)))
    grid.flat[_where()] = numbers_K / _costs()
    return basis.T @ grid @ basis


def offsets(public: bytes, private: bytes, payload: int) -> np.ndarray:
    """Where the lattices of a clip lie, in steps (264,)."""
    secret = uniform(private, "picture payload", code.CODE_BITS) + code.encode(payload) / 2
    return np.concatenate([pilot_offsets(public), secret])


def pilot_offsets(public: bytes) -> np.ndarray:
    """Offsets of the pilots alone, in steps (144,)."""
    return uniform(public, "picture pilots", PILOTS)


def target(planes_CYX: np.ndarray, offsets_K: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Where the numbers (264,) of planes (3, 128, 128) shall go: their share of the way to their lattices."""
    numbers = analyse(planes_CYX)
    steps = numbers / STEPS - offsets_K
    return numbers + (np.round(steps) - steps) * STEPS * SHARES * share


def correction(planes_CYX: np.ndarray, target_K: np.ndarray) -> np.ndarray:
    """What to add to planes (3, 128, 128) so that their numbers are those."""
    return synthesise(target_K - analyse(planes_CYX))


def read(planes_WCYX: np.ndarray, public: bytes, private: dict[str, bytes]) -> Reading:
    """Read the lattices of a clip that shows the whole frame.

    Args:
        planes_WCYX: average brightness, Cb and Cr of each quarter of a second, in levels (W, 3, 128, 128).
        public: key of the pilots.
        private: name -> key of the payloads to try.
    """
    places, phases_PK = phases(planes_WCYX)
    z_P = pilots_z(phases_PK, np.exp(-2j * np.pi * pilot_offsets(public))[None])[0]
    gain, is_mirrored = places[int(z_P.argmax())]
    found_K = phases_PK[int(z_P.argmax())]
    plain_P = np.array([place == (1.0, False) for place in places])
    payloads, payload_z = {}, 0.0
    for name, key in private.items():
        soft = (found_K[PILOTS:] * np.exp(-2j * np.pi * uniform(key, "picture payload", code.CODE_BITS))).real
        payload = code.decode(soft)
        if payload is not None:
            agreement = float((soft * (1 - 2 * code.encode(payload))).sum()
                              / np.sqrt((np.abs(found_K[PILOTS:]) ** 2).sum() / 2 + 1e-12))
            payload_z = max(payload_z, agreement)
            if agreement > PAYLOAD_Z:
                payloads[name] = payload
    return Reading(float(z_P.max()), 2 * len(places), float(z_P[plain_P].max()), 2 * int(plain_P.sum()), gain,
                   is_mirrored, payloads, payload_z)


def phases(planes_WCYX: np.ndarray) -> tuple[list[tuple[float, bool]], np.ndarray]:
    """Gain and mirror of each place that `read` looks at, and its mean phases, complex (P, 264)."""
    places, found = [], []
    for is_mirrored in (False, True):
        for averages in _windows(planes_WCYX):
            numbers_WK = analyse(averages[..., ::-1] if is_mirrored else averages)
            for gain in GAINS:
                places.append((float(gain), is_mirrored))
                found.append(np.exp(2j * np.pi * numbers_WK / (STEPS * gain)).mean(axis=0))
    return places, np.stack(found)


def pilots_z(phases_PK: np.ndarray, wanted_nP: np.ndarray) -> np.ndarray:
    """How far the pilots of n keys agree, in standard deviations over keys: all of them or brightness alone, (n, P)."""
    best = -np.inf
    for number in (PILOTS, PILOTS // 3):
        agreement = (wanted_nP[:, :number] @ phases_PK[:, :number].T).real
        best = np.maximum(best, agreement / np.sqrt((np.abs(phases_PK[:, :number]) ** 2).sum(axis=1) / 2 + 1e-12))
    return best


def _windows(planes_WCYX: np.ndarray) -> list[np.ndarray]:
    """Half seconds from quarters, at both alignments."""
    result = []
    for start in (0, 1):
        part = planes_WCYX[start:]
        part = part[:len(part) // 2 * 2]
        if len(part):
            result.append((part[::2] + part[1::2]) / 2)
    return result or [planes_WCYX]


@cache
def _costs() -> np.ndarray:
    """What a unit of each number adds to R, G and B (264,)."""
    return COST[_where() // (BLOCKS * WAVES) ** 2]


@cache
def _where() -> np.ndarray:
    """Where in the transformed planes (3, 16, 16) the numbers lie, flat (264,): pilots, then payload."""
    block = np.arange(BLOCKS) * WAVES
    places = [(plane * BLOCKS * WAVES + block[:, None] + y) * BLOCKS * WAVES + block[None] + x
              for plane, bands in ((0, PILOT_BANDS), (1, PILOT_BANDS), (2, PILOT_BANDS), (0, PAYLOAD_BANDS))
              for y, x in bands]
    return np.concatenate([part.ravel() for part in places])[:COUNT]       # eight of the shortest carry nothing


@cache
def _basis() -> np.ndarray:
    """The first rows of an orthonormal cosine transform (DCT-II) of each block, (16, 128)."""
    k, n = np.arange(WAVES)[:, None], np.arange(BLOCK)[None]
    waves = np.cos(np.pi * k * (n + 0.5) / BLOCK) * np.sqrt(np.where(k == 0, 1, 2) / BLOCK)
    return np.kron(np.eye(BLOCKS), waves)
