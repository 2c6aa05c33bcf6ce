"""The mark of the picture that survives hard compression: keyed lattices in what is coarse in it.

The brightness of the frame, as a square of 128 x 128, is cut into sixteen blocks, and 200 of their cosine waves are
moved to the nearest point of a lattice with a keyed offset. What the picture shows doesn't disturb such a mark (Chen
and Wornell, "Quantization index modulation", 2001), and for a key that wasn't used the offsets are uniform, so that
chance is known without any measurement. 80 lattices have offsets of the public key and tell that there is a mark:
waves of 32 to 64 units, few and strong, for codecs take more from what is small. 120 of the private key, shifted by
half a step for each 1 of the payload, lie in shorter waves.

The numbers are averages over half a second, so that a moving thing disturbs only where and while it moves.

Legend: Y X the square; K its numbers; W windows of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import code
from .keys import uniform

SIDE = 128
BLOCK = 32
WAVES = 4                             # of a block, each way, that are looked at
PILOT_STRENGTH = 1.237                # root mean square over R, G and B, in levels of 255
PAYLOAD_STRENGTH = 0.548
PAYLOAD_SHARE = 0.8                   # of the way to the payload's lattices that is gone: they can be wider then
PILOT_BANDS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
PAYLOAD_BANDS = ((1, 2), (2, 1), (2, 2), (0, 3), (3, 0), (1, 3), (3, 1), (2, 3))
BLOCKS = SIDE // BLOCK
PILOTS = len(PILOT_BANDS) * BLOCKS ** 2                     # 80
COUNT = PILOTS + code.CODE_BITS                             # 200
# Uniform errors of these steps, corrected to those shares, give those strengths.
PILOT_STEP = PILOT_STRENGTH * SIDE * (12 / PILOTS) ** 0.5
PAYLOAD_STEP = PAYLOAD_STRENGTH / PAYLOAD_SHARE * SIDE * (12 / code.CODE_BITS) ** 0.5
STEPS = np.concatenate([np.full(PILOTS, PILOT_STEP), np.full(code.CODE_BITS, PAYLOAD_STEP)])
SHARES = np.concatenate([np.ones(PILOTS), np.full(code.CODE_BITS, PAYLOAD_SHARE)])
GAINS = np.exp(np.arange(np.log(0.42), np.log(1.75), 0.02))
GAINS = np.sort(np.append(GAINS, 1.0))
PLAIN_GAINS = (1.0, 0.98)             # codecs darken a little
SURE_Z = 7.5                          # at which no mirror and no other contrast is tried
PAYLOAD_Z = 8.0                       # a wrong key's best codeword reached 7.9 in 3,000 tries, and then fails the check


@dataclass(frozen=True)
class Reading:
    """What the lattices say: `z` of the pilots, the best of `tries`, and the payload under each private key."""

    z: float
    tries: int
    plain_z: float           # unmirrored and at about the contrast that it was written at, the best of `plain_tries`
    plain_tries: int
    gain: float
    is_mirrored: bool
    payloads: dict[str, int]
    payload_z: float


def analyse(plane_YX: np.ndarray) -> np.ndarray:
    """Brightness (..., 128, 128) in levels -> numbers (..., 200)."""
    basis = _basis()
    return (basis @ plane_YX @ basis.T).reshape(*plane_YX.shape[:-2], -1)[..., _where()]


def synthesise(numbers_K: np.ndarray) -> np.ndarray:
    """What changes the numbers by so much at least cost: (200,) -> (128, 128)."""
    basis = _basis()
    grid = np.zeros((len(basis), len(basis)))
    grid.flat[_where()] = numbers_K
    return basis.T @ grid @ basis


def offsets(public: bytes, private: bytes, payload: int) -> np.ndarray:
    """Where the lattices of a clip lie, in steps (200,)."""
    secret = uniform(private, "picture payload", code.CODE_BITS) + code.encode(payload) / 2
    return np.concatenate([pilot_offsets(public), secret])


def pilot_offsets(public: bytes) -> np.ndarray:
    """Offsets of the pilots alone, in steps (80,)."""
    return uniform(public, "picture pilots", PILOTS)


def target(plane_YX: np.ndarray, offsets_K: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Where the numbers (200,) of a plane (128, 128) shall go: their share of the way to their lattices."""
    numbers = analyse(plane_YX)
    steps = numbers / STEPS - offsets_K
    return numbers + (np.round(steps) - steps) * STEPS * SHARES * share


def correction(plane_YX: np.ndarray, target_K: np.ndarray) -> np.ndarray:
    """What to add to a plane (128, 128) so that their numbers are those."""
    return synthesise(target_K - analyse(plane_YX))


def read(planes_WYX: np.ndarray, public: bytes, private: dict[str, bytes]) -> Reading:
    """Read the lattices of a clip that shows the whole frame.

    Args:
        planes_WYX: average brightness of each quarter of a second, in levels (W, 128, 128).
        public: key of the pilots.
        private: name -> key of the payloads to try.
    """
    wanted = np.exp(-2j * np.pi * pilot_offsets(public))[None]
    places, phases_PK = phases(planes_WYX, PLAIN_GAINS, (False,))
    z_P = plain_P = pilots_z(phases_PK, wanted)[0]
    if z_P.max() < SURE_Z:
        places, phases_PK = phases(planes_WYX)
        z_P = pilots_z(phases_PK, wanted)[0]
    gain, is_mirrored = places[int(z_P.argmax())]
    found_K = phases_PK[int(z_P.argmax())]
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
    return Reading(float(z_P.max()), len(places), float(plain_P.max()), len(plain_P), gain, is_mirrored, payloads,
                   payload_z)


def phases(planes_WYX: np.ndarray, gains: Sequence[float] = GAINS, mirrors: Sequence[bool] = (False, True)
           ) -> tuple[list[tuple[float, bool]], np.ndarray]:
    """Gain and mirror of each place that `read` looks at, and its mean phases, complex (P, 200)."""
    places, found = [], []
    for is_mirrored in mirrors:
        for averages in windows(planes_WYX):
            numbers_WK = analyse(averages[..., ::-1] if is_mirrored else averages)
            for gain in gains:
                places.append((float(gain), is_mirrored))
                found.append(np.exp(2j * np.pi * numbers_WK / (STEPS * gain)).mean(axis=0))
    return places, np.stack(found)


def pilots_z(phases_PK: np.ndarray, wanted_nP: np.ndarray) -> np.ndarray:
    """How far the pilots of n keys agree, in standard deviations over keys, (n, P)."""
    pilots = phases_PK[:, :PILOTS]
    return (wanted_nP @ pilots.T).real / np.sqrt((np.abs(pilots) ** 2).sum(axis=1) / 2 + 1e-12)


@cache
def waves() -> np.ndarray:
    """The first rows of an orthonormal cosine transform (DCT-II) of a block, (4, 32)."""
    k, n = np.arange(WAVES)[:, None], np.arange(BLOCK)[None]
    return np.cos(np.pi * k * (n + 0.5) / BLOCK) * np.sqrt(np.where(k == 0, 1, 2) / BLOCK)


def windows(planes_WYX: np.ndarray) -> list[np.ndarray]:
    """Half seconds from quarters, at both alignments."""
    result = []
    for start in (0, 1):
        part = planes_WYX[start:]
        part = part[:len(part) // 2 * 2]
        if len(part):
            result.append((part[::2] + part[1::2]) / 2)
    return result or [planes_WYX]


@cache
def _where() -> np.ndarray:
    """Where in the transformed plane (16, 16) the numbers lie, flat (200,): pilots, then payload."""
    block = np.arange(BLOCKS) * WAVES
    places = [(block[:, None] + y) * BLOCKS * WAVES + block[None] + x for y, x in PILOT_BANDS + PAYLOAD_BANDS]
    return np.concatenate([part.ravel() for part in places])[:COUNT]       # eight of the shortest carry nothing


@cache
def _basis() -> np.ndarray:
    """The waves of each block of a side, (16, 128)."""
    return np.kron(np.eye(BLOCKS), waves())
