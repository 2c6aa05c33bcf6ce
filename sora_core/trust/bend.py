"""The public pattern of the picture in a frame that was bent: seen from the side, stretched, or scaled in between.

The coarse search of spread.py knows scales, turns and shifts. From its best places the frame's corners are moved here,
along the eight ways of a perspective, as long as the correlation grows. For that the frame is cut into parts that
overlap, each taken to be shifted as a whole: the waves of every part are computed once, and a bend only turns their
phases. At any one bend the correlation is a Gaussian over keys; how many places such a climb reaches is in REACH.

Legend: N parts, B bends; K waves of the band, C colours, u v cycles a tile down and across; Y X units.
"""

from __future__ import annotations

import numpy as np

from . import spread

PARTS = 5                    # of the frame, each way
STEPS = (3.0, 1.5, 0.75)     # units that the corners are moved in one step
ROUNDS = 10                  # of steps of one length
FARTHEST = 6.0               # units that a corner may be moved along each of the eight ways
# A climb counts as so many times the places that its start was the best of: more than the peaks of z > 8.6
# that a Gaussian field over all bends of all likely places is expected to have, few of which it comes near (Adler and
# Taylor, "Random Fields and Geometry", 2007).
REACH = 3_000_000
CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], float)                     # down and across
_NODES = np.stack(np.meshgrid(*[np.linspace(-1, 1, PARTS)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
_ONE, _DOWN, _ACROSS, _NONE = np.ones(4), *CORNERS.T, np.zeros(4)
# Two shifts, scale, turn, stretch, shear and two keystones: how the corners move, (8, 4, 2).
_WAYS = np.array([(_ONE, _NONE), (_NONE, _ONE), (_DOWN, _ACROSS), (_ACROSS, -_DOWN), (_DOWN, -_ACROSS),
                  (_ACROSS, _DOWN), (_DOWN * _ACROSS, _NONE), (_NONE, _DOWN * _ACROSS)]).transpose(0, 2, 1)


def climb(colours_CYX: np.ndarray, key: bytes, starts: list[spread.Match]) -> spread.Match:
    """The best bend near some places.

    Args:
        colours_CYX: Cb and Cr in levels, (2, Y, X), the shorter side 128 units.
        key: of the pattern.
        starts: where the coarse search found most.

    Returns:
        The start that led highest, with the correlation there, and its tries times REACH.
    """
    peaks = [_peak(colours_CYX, key, start) for start in starts]
    start = starts[int(np.argmax(peaks))]
    return spread.Match(max(peaks), start.tries * REACH, start.scale, start.turn, start.is_mirrored, start.shift)


def _peak(colours_CYX: np.ndarray, key: bytes, start: spread.Match) -> float:
    """The largest correlation that moving the corners leads to."""
    u_K, v_K = np.nonzero(spread.BAND)
    waves_NCK = _parts(colours_CYX, start)[..., u_K, v_K]
    pattern_CUV = spread.coefficients(key)
    wanted_CK = np.conj(spread.mirrored(pattern_CUV) if start.is_mirrored else pattern_CUV)[:, u_K, v_K]
    half = np.array(colours_CYX.shape[1:]) / 2 * start.scale

    def correlation(moves_B8: np.ndarray) -> np.ndarray:
        moved_BN2 = np.array(start.shift) - homography(np.tensordot(moves_B8, _WAYS, axes=1) / half, _NODES) * half
        down, across = (np.exp(2j * np.pi / spread.UNITS * moved_BN2[..., axis, None] * cycles)
                        for axis, cycles in ((0, spread.U), (1, spread.V)))
        found_BCK = np.einsum("bnk,nck->bck", down[..., u_K] * across[..., v_K], waves_NCK)
        deviation = np.sqrt((np.abs(found_BCK) ** 2).sum(axis=(1, 2)) / 2) + 1e-12
        return (found_BCK * wanted_CK).real.sum(axis=(1, 2)) / deviation

    at = np.zeros(8)
    best = float(correlation(at[None])[0])
    for step in STEPS:
        for _ in range(ROUNDS):
            near_B8 = np.clip(at + step * np.concatenate([np.eye(8), -np.eye(8)]), -FARTHEST, FARTHEST)
            found_B = correlation(near_B8)
            if found_B.max() <= best:
                break
            at, best = near_B8[int(found_B.argmax())], float(found_B.max())
    return best


def homography(moved_BC2: np.ndarray, points_N2: np.ndarray) -> np.ndarray:
    """How far points of the square [-1, 1] move when its corners do, in perspective: (B, 4, 2), (N, 2) -> (B, N, 2)."""
    target = CORNERS + moved_BC2
    rows = np.zeros((len(target), 8, 8))
    for axis in (0, 1):
        rows[:, axis::2, 3 * axis:3 * axis + 2], rows[:, axis::2, 3 * axis + 2] = CORNERS, 1
        rows[:, axis::2, 6:] = -target[..., axis, None] * CORNERS
    solved = np.linalg.solve(rows, target.reshape(-1, 8, 1))[..., 0]
    matrices = np.append(solved, np.ones((len(solved), 1)), axis=1).reshape(-1, 3, 3)
    there = np.append(points_N2, np.ones((len(points_N2), 1)), axis=1) @ matrices.transpose(0, 2, 1)
    return there[..., :2] / there[..., 2:] - points_N2


def _parts(colours_CYX: np.ndarray, start: spread.Match) -> np.ndarray:
    """Waves of each part of the frame, whitened as those of the whole, complex (N, C, u, v)."""
    rests_CYX = np.stack([spread.turned(spread.residual(colour, spread.width_at(start.scale)), start.turn)
                          for colour in colours_CYX])
    down_UY, across_XV = spread.transforms(*rests_CYX.shape[1:], start.scale)
    rows, columns = (np.clip(1 - np.abs(np.linspace(0, PARTS - 1, side) - np.arange(PARTS)[:, None]), 0, None)
                     for side in rests_CYX.shape[1:])                               # hats that add up to one
    left = (rows[:, None] * down_UY).reshape(-1, len(rows[0]))                          # (n u, Y)
    right = (columns.T[:, :, None] * across_XV[:, None]).reshape(len(columns[0]), -1)   # (X, m v)
    waves = (left @ rests_CYX @ right).reshape(len(rests_CYX), PARTS, len(spread.U), PARTS, len(spread.V))
    waves = waves * spread.whitening(waves.sum(axis=(1, 3)))[:, None, :, None]
    return waves.transpose(1, 3, 0, 2, 4).reshape(PARTS ** 2, len(rests_CYX), len(spread.U), len(spread.V))
