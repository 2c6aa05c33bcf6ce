"""What a moment of a clip looks and sounds like, in 64 bits each, alike after encoding, scaling and grading.

A picture's bits are the signs of its 64 lowest cosine waves; a sound's bits say which of two neighbouring bands is
louder, and whether their difference grows or falls (Haitsma and Kalker, "A highly robust audio fingerprinting system",
2002). Eight pictures and sixteen sounds a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

PICTURES_PER_SECOND = 8
SOUNDS_PER_SECOND = 16
CELLS = 32                   # a side that a picture is averaged to
BITS = 64
BANDS = 33                   # from 200 to 4,000 Hz, two neighbours and two times make 64 bits
LOWEST_HZ, HIGHEST_HZ = 200.0, 4000.0
QUIET = 1e-5                 # mean square under which a moment says nothing
_LOWEST = np.argsort(np.add.outer(np.arange(CELLS), np.arange(CELLS)).ravel(), kind="stable")[1:BITS + 1]


@dataclass
class PictureBits:
    """Bits of a clip's pictures, taken while its frames go by.

    `moments` holds those of each eighth of a second; None where a picture is too flat to tell.
    """

    moments: list[int | None] = field(default_factory=list)

    def add(self, pixels_HWC: np.ndarray, seconds: float) -> None:
        """One frame, bytes (H, W, 3); only the first of each eighth of a second counts."""
        if seconds * PICTURES_PER_SECOND + 1e-6 < len(self.moments):
            return
        luma = torch.from_numpy(pixels_HWC.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32))
        cells = functional.interpolate(luma[None, None], (CELLS, CELLS), mode="area")[0, 0].numpy()
        waves = np.cos(np.pi * np.outer(np.arange(CELLS), np.arange(CELLS) + 0.5) / CELLS)
        bits = None if cells.std() < 2 else _pack((waves @ cells @ waves.T).ravel()[_LOWEST] > 0)
        while len(self.moments) <= seconds * PICTURES_PER_SECOND + 1e-6:
            self.moments.append(bits)


def sound_bits(waveform_CN: np.ndarray, sample_rate: int) -> list[int | None]:
    """Bits of each sixteenth of a second; None where it is silent."""
    mono = waveform_CN.mean(axis=0)
    hop = sample_rate // SOUNDS_PER_SECOND
    size = 4 * hop
    count = (len(mono) - size) // hop
    if count < 2:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1) * size / sample_rate
    sums = np.concatenate([np.zeros((count, 1)), np.cumsum(power, axis=1)], axis=1)
    bands = np.log(np.maximum(np.diff(sums[:, np.round(edges).astype(int)], axis=1), 0) + 1e-9)
    slopes = np.diff(bands, axis=1)                         # (M, 32)
    grows = slopes[1:] > slopes[:-1]
    loud = (frames ** 2).mean(axis=1)[1:] > QUIET
    return [_pack(np.concatenate([slope > 0, grow])) if is_loud else None
            for slope, grow, is_loud in zip(slopes[1:], grows, loud, strict=True)]


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Number of bits that differ, of uint64 arrays that broadcast."""
    differ = np.bitwise_xor(one, other)
    return np.unpackbits(np.ascontiguousarray(differ)[..., None].view(np.uint8), axis=-1).sum(axis=-1)


def _pack(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
