"""The mark of the picture that survives hard compression: keyed lattices in its coarse brightness.

The frame, as a square of 128 x 128, is analysed with an orthonormal lapped transform (MDCT of hop 32); 192 of its
numbers, waves of 16 to 42 units, are moved to the nearest point of a lattice with a keyed offset. What the picture
shows doesn't disturb such a mark (Chen and Wornell, "Quantization index modulation", 2001, with their distortion
compensation), and for a key that wasn't used the offsets are uniform, so that chance is known without any measurement.
72 lattices have fixed offsets of the public key and tell that there is a mark; 120 of the private key are shifted by
half a step for each 1 of the payload.

The numbers are averages over half a second, so that a moving thing disturbs only where and while it moves.

Legend: Y X the square; k a coefficient; w a window of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from . import code
from .keys import uniform

SIDE = 128
HOP = 32
STRENGTH = 1.196                      # root mean square, in levels of 255
SHARE = 0.65                          # of the way to the lattice that is gone: lattices can be that much wider then
PILOT_WIDTH = 1.6                     # step of a pilot's lattice, relative to the payload's
BANDS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0), (1, 3), (3, 1))
COUNT = len(BANDS) * (SIDE // HOP) ** 2                     # 192
PILOTS = COUNT - code.CODE_BITS                             # 72
# Uniform errors of these steps (payload and pilots), corrected to that share, give that strength.
STEP = STRENGTH * SIDE / SHARE * (12 / (code.CODE_BITS + PILOTS * PILOT_WIDTH ** 2)) ** 0.5
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


def analyse(square_YX: np.ndarray) -> np.ndarray:
    """Brightness (..., 128, 128) in levels -> coefficients (..., 192)."""
    basis = _basis()
    blocks = SIDE // HOP
    grid = (basis @ square_YX @ basis.T).reshape(*square_YX.shape[:-2], blocks, HOP, blocks, HOP)
    return np.stack([grid[..., :, ky, :, kx] for ky, kx in BANDS], axis=-3).reshape(*square_YX.shape[:-2], COUNT)


def synthesise(coefficients: np.ndarray) -> np.ndarray:
    """The transpose of `analyse`: (..., 192) -> (..., 128, 128)."""
    blocks = SIDE // HOP
    parts = coefficients.reshape(*coefficients.shape[:-1], len(BANDS), blocks, blocks)
    grid = np.zeros((*coefficients.shape[:-1], blocks, HOP, blocks, HOP), coefficients.dtype)
    for i, (ky, kx) in enumerate(BANDS):
        grid[..., :, ky, :, kx] = parts[..., i, :, :]
    basis = _basis()
    return basis.T @ grid.reshape(*coefficients.shape[:-1], SIDE, SIDE) @ basis


def offsets(public: bytes, private: bytes, payload: int) -> np.ndarray:
    """Where the lattices of a clip lie, in steps (192,)."""
    secret = uniform(private, "picture payload", code.CODE_BITS) + code.encode(payload) / 2
    return np.concatenate([pilot_offsets(public), secret])[_order()]


def pilot_offsets(public: bytes) -> np.ndarray:
    """Offsets of the pilots alone, in steps (72,)."""
    return uniform(public, "picture pilots", PILOTS)


def target(square_YX: np.ndarray, offsets_K: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Where the coefficients (192,) of a square (128, 128) shall go: that share of the way to their lattices."""
    coefficients = analyse(square_YX)
    steps = coefficients / _steps() - offsets_K
    return coefficients + (np.round(steps) - steps) * _steps() * share


def correction(square_YX: np.ndarray, target_K: np.ndarray) -> np.ndarray:
    """What to add to a square (128, 128) so that its coefficients are those."""
    return synthesise(target_K - analyse(square_YX))


def read(squares_WYX: np.ndarray, public: bytes, private: dict[str, bytes]) -> Reading:
    """Read the lattices of a clip.

    Args:
        squares_WYX: average brightness of each quarter of a second, in levels (W, 128, 128).
        public: key of the pilots.
        private: name -> key of the payloads to try.
    """
    best, plain_z = (-np.inf, 1.0, False, np.zeros(COUNT, complex)), -np.inf
    inverse = np.argsort(_order())
    wanted = np.exp(-2j * np.pi * pilot_offsets(public))
    windows = list(_windows(squares_WYX))
    for is_mirrored in (False, True):
        for averages in windows:
            coefficients_WK = analyse(averages[..., ::-1] if is_mirrored else averages)
            for gain in GAINS:
                phases = np.exp(2j * np.pi * coefficients_WK / (_steps() * gain)).mean(axis=0)[inverse]
                pilots = phases[:PILOTS]
                z = (pilots * wanted).real.sum() / np.sqrt((np.abs(pilots) ** 2).sum() / 2 + 1e-12)
                if gain == 1 and not is_mirrored:
                    plain_z = max(plain_z, float(z))
                if z > best[0]:
                    best = (z, gain, is_mirrored, phases)
    z, gain, is_mirrored, phases = best
    payloads, payload_z = {}, 0.0
    for name, key in private.items():
        soft = (phases[PILOTS:] * np.exp(-2j * np.pi * uniform(key, "picture payload", code.CODE_BITS))).real
        payload = code.decode(soft)
        if payload is not None:
            agreement = float((soft * (1 - 2 * code.encode(payload))).sum()
                              / np.sqrt((np.abs(phases[PILOTS:]) ** 2).sum() / 2 + 1e-12))
            payload_z = max(payload_z, agreement)
            if agreement > PAYLOAD_Z:
                payloads[name] = payload
    return Reading(float(z), 2 * len(windows) * len(GAINS), plain_z, len(windows), float(gain), is_mirrored, payloads,
                   payload_z)


def _windows(squares_WYX: np.ndarray) -> list[np.ndarray]:
    """Half seconds from quarters, at both alignments."""
    result = []
    for start in (0, 1):
        part = squares_WYX[start:]
        part = part[:len(part) // 2 * 2]
        if len(part):
            result.append((part[::2] + part[1::2]) / 2)
    return result or [squares_WYX]


@cache
def _steps() -> np.ndarray:
    """Step of each coefficient's lattice, in levels (192,)."""
    return np.concatenate([np.full(PILOTS, STEP * PILOT_WIDTH), np.full(code.CODE_BITS, STEP)])[_order()]


@cache
def _order() -> np.ndarray:
    """Where among the coefficients pilots and payload lie: mixed, so that no part of the frame holds but one."""
    return np.argsort(np.argsort(uniform(b"", "picture order", COUNT)))


@cache
def _basis() -> np.ndarray:
    """Rows of an orthonormal MDCT with a sine window that wraps around the edges, (128, 128)."""
    n, k = np.arange(2 * HOP), np.arange(HOP)
    shape = np.sin(np.pi * (n + 0.5) / (2 * HOP)) * np.sqrt(2 / HOP)
    waves = shape * np.cos(np.pi / HOP * (n + 0.5 + HOP / 2) * (k[:, None] + 0.5))        # (k, n)
    basis = np.zeros((SIDE, SIDE))
    for block in range(SIDE // HOP):
        np.add.at(basis, (block * HOP + k[:, None], (block * HOP + n[None] - HOP // 2) % SIDE), waves)
    return basis
