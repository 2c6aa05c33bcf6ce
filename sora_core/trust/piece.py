"""Both marks of the picture together, in a piece of the frame whose pixels are as they were.

Cropping leaves some of the lattices' blocks whole, and the tile in the colours everywhere. Where a clip's pixels are
those of a frame of a usual size, only the piece's place is to be guessed, so both can be added up at each of them: over
keys they are independent, and so their sum, over the root of its variance, exceeds z no more often than a Gaussian.

Legend: W windows of time; Y X units of the lattices' square; P scales; y x places.
"""

from __future__ import annotations

import numpy as np

from . import lattice, spread

ROOM = 8                     # units that the edges may have moved outwards
TILE_Z = 12.0                # of the tile in a whole frame, about, and of a whole block's lattices: their weights
BLOCK_Z = 2.5
GAINS = lattice.PLAIN_GAINS


def detect(colours_CYX: np.ndarray, squares_PWYX: list[np.ndarray], public: bytes, short_side: int) -> spread.Match:
    """The best place of a piece.

    Args:
        colours_CYX: Cb and Cr in levels, (2, Y, X), the shorter side 128 units.
        squares_PWYX: average brightness of each half second as a square of 128 * scale units, in levels, for each of
            `spread.native_scales`.
        public: key of both marks.
        short_side: of the clip, in pixels.
    """
    scales = spread.native_scales(short_side)
    surfaces = spread.native_surfaces(colours_CYX, public, scales)                  # (mirrored, P, y, x)
    aspect = [side / min(colours_CYX.shape[1:]) for side in colours_CYX.shape[1:]]
    best, tries = spread.Match(-np.inf, 1, 1.0, 0.0, False, (0.0, 0.0)), 0
    for p, (scale, squares_WYX) in enumerate(zip(scales, squares_PWYX, strict=True)):
        for is_mirrored in (False, True):
            seen = squares_WYX[..., ::-1] if is_mirrored else squares_WYX
            start = np.arange(-ROOM, spread.UNITS - seen.shape[-1] + ROOM + 1)      # of the piece, in the frame
            for gain in GAINS:
                blocks_yx, blocks = _blocks(seen, public, gain, start)
                away = start + seen.shape[-1] / 2 - spread.UNITS / 2                # of its middle from the frame's
                rows, columns = (np.round(-away * side).astype(int) % spread.FINE for side in aspect)
                tile_yx = surfaces[int(is_mirrored), p][rows][:, -columns if is_mirrored else columns]
                weight = BLOCK_Z * np.sqrt(blocks) / (TILE_Z * scale)
                z_yx = (tile_yx + weight * blocks_yx) / np.sqrt(1 + weight ** 2)
                tries += z_yx.size
                y, x = np.unravel_index(int(z_yx.argmax()), z_yx.shape)
                if z_yx[y, x] > best.z:
                    best = spread.Match(float(z_yx[y, x]), 1, scale, 0.0, is_mirrored, (float(away[y]), float(away[x])))
    return spread.Match(best.z, tries, best.scale, best.turn, best.is_mirrored, best.shift)


def _blocks(seen_WYX: np.ndarray, public: bytes, gain: float, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Agreement of the pilots in whole blocks, in standard deviations, and their number, for all starts, (y, x)."""
    size = seen_WYX.shape[-1]
    last = size - lattice.BLOCK                                                     # where a whole block may begin
    total = np.zeros((len(start), len(start)))
    power, blocks = np.zeros_like(total), np.zeros_like(total)
    if last < 0:
        return total, blocks
    wanted = np.exp(-2j * np.pi * lattice.pilot_offsets(public)).reshape(-1, lattice.BLOCKS, lattice.BLOCKS)
    waves = lattice.waves()
    windows = np.lib.stride_tricks.sliding_window_view(seen_WYX, lattice.BLOCK, axis=1) @ waves.T       # (W, y, X, k)
    for band, (down, across) in enumerate(lattice.PILOT_BANDS):
        numbers = np.lib.stride_tricks.sliding_window_view(windows[..., down], lattice.BLOCK, axis=2) @ waves[across]
        phases_yx = np.exp(2j * np.pi * numbers / (lattice.PILOT_STEP * gain)).mean(axis=0)
        for i in range(lattice.BLOCKS):
            y = lattice.BLOCK * i - start
            in_y = (y >= 0) & (y <= last)
            for j in range(lattice.BLOCKS):
                x = lattice.BLOCK * j - start
                in_x = (x >= 0) & (x <= last)
                part = phases_yx[y[in_y]][:, x[in_x]]
                where = np.ix_(in_y, in_x)
                total[where] += (wanted[band, i, j] * part).real
                power[where] += np.abs(part) ** 2 / 2
                blocks[where] += 1 / len(lattice.PILOT_BANDS)
    return total / np.sqrt(power + 1e-12), blocks
