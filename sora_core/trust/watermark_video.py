"""Both marks of the picture: put in while frames stream by, and looked for in averages of frames.

The public pattern (spread.py) stands in the colours and bears cropping, scaling and turning; the lattices (lattice.py)
stand in the brightness and bear hard compression. Together they use what 44 dB allow.

Legend: H W pixels, Y X the units that the detectors work in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import lattice, spread

QUARTERS = 2                 # of a second in a window of the lattices
FADE_FRAMES = 3              # from one window's correction to the next
ITERATIONS = 3               # of the correction, because black and white can't be moved further out
FULL_FROM = 40.0             # levels of mean brightness: darker clips are marked less, down to DIMMEST of it
DIMMEST = 0.5
MOST = 255 ** 2 / 10 ** 4.406 - 1 / 12      # mean square of a change in levels: 44.06 dB, less what rounding adds
TILE_LEAST, TILE_MOST = 0.85, 1.3     # of the tile's strength: it takes what the first window's lattices leave
MAX_ASPECT = 4               # the detector looks at no more of a long frame than this many short sides


@dataclass(frozen=True)
class VideoMark:
    """What to write: the keys and the payload (0 to 2**32 - 1)."""

    public: bytes
    private: bytes
    payload: int


def mark_video(chunks: Iterable[Tensor], mark: VideoMark, frame_rate: Fraction) -> Iterator[Tensor]:
    """Mark a clip piece by piece; no more than half a second is held.

    Args:
        chunks: (1, 3, t, H, W) in [-1, 1].
        mark: what to write.
        frame_rate: frames a second.

    Yields:
        Chunks of the same frames in order, marked.
    """
    size = max(1, round(Fraction(1, QUARTERS) * frame_rate))
    fixed, previous = None, None
    for window_CTHW in _rechunk(chunks, size):
        if fixed is None:
            fixed = torch.from_numpy(spread.pattern(mark.public, *window_CTHW.shape[-2:]))
            dimmed = min(1.0, max(DIMMEST, float((window_CTHW.mean() + 1) * 127.5) / FULL_FROM))
            offsets = lattice.offsets(mark.public, mark.private, mark.payload)
            lattices = _correct((window_CTHW + 1) * 127.5, torch.zeros_like(fixed), offsets, dimmed)
            left = max(0.0, MOST - float(lattices.square().mean())) / float(fixed.square().mean())
            fixed *= dimmed * min(TILE_MOST, max(TILE_LEAST, left ** 0.5))
        levels = (window_CTHW + 1) * 127.5
        change = fixed + _correct(levels, fixed, offsets, dimmed)
        weights = torch.ones(levels.shape[1])
        if previous is not None:
            fade = min(FADE_FRAMES, levels.shape[1])
            weights[:fade] = torch.arange(1, fade + 1) / (FADE_FRAMES + 1)
        before = change if previous is None else previous
        for t, weight in enumerate(weights.tolist()):
            levels[:, t] += torch.lerp(before, change, weight)
        previous = change
        yield levels.clamp_(0, 255).div_(127.5).sub_(1)[None]


@dataclass
class Averages:
    """Running averages of a clip's frames: all that the detectors need, however long it is.

    `add` takes frames in order; `squares` and `colours` are then what the detectors read.
    """

    frame_rate: Fraction
    quarters: list[np.ndarray] = field(default_factory=list)       # (3, Y, X) levels of R, G, B
    short_side: int = 0          # of the clip, in pixels
    _sum: np.ndarray | None = None
    _count: int = 0

    def add(self, pixels_HWC: np.ndarray) -> None:
        """One more frame, bytes (H, W, 3)."""
        if self._sum is None:
            self._sum = np.zeros(pixels_HWC.shape, np.uint32)
            self.short_side = min(pixels_HWC.shape[:2])
        self._sum += pixels_HWC
        self._count += 1
        if self._count >= max(1, round(self.frame_rate / 4)):
            self._close()

    def finish(self) -> None:
        """Count what is left as a quarter of a second if it is half of one, or all there is."""
        if self._count and (not self.quarters or 2 * self._count >= self.frame_rate / 4):
            self._close()

    def squares(self, scale: float = 1.0) -> np.ndarray:
        """Brightness of each quarter of a second as the lattices see it, in levels (W, 128, 128), times `scale`."""
        side = round(scale * lattice.SIDE)
        return np.stack([_square(torch.from_numpy(quarter), side) for quarter in self.quarters])

    def colours(self) -> np.ndarray:
        """Cb and Cr of the average frame, the shorter side 128, in levels (2, Y, X)."""
        mean = torch.from_numpy(np.mean(self.quarters, axis=0))
        colours = torch.einsum("kc,chw->khw", torch.from_numpy(spread.FROM_RGB[1:]).float(), mean)
        return colours.double().numpy()

    def _close(self) -> None:
        mean = torch.from_numpy((self._sum / self._count).astype(np.float32)).permute(2, 0, 1)
        self.quarters.append(_resize(mean, *_unit_size(*mean.shape[1:])).numpy())
        self._sum, self._count = None, 0


def _correct(levels_CTHW: Tensor, fixed_CHW: Tensor, offsets_K: np.ndarray, share: float) -> Tensor:
    """What brings the average of a window onto its lattices, (3, H, W) in levels."""
    average = levels_CTHW.mean(dim=1) + fixed_CHW
    change_CHW = torch.zeros_like(average)
    target_K = lattice.target(_square(average), offsets_K, share)
    for _ in range(ITERATIONS):
        missing = lattice.correction(_square((average + change_CHW).clamp(0, 255)), target_K)
        change_CHW += _resize(torch.from_numpy(missing)[None].float(), *change_CHW.shape[1:])
    spent = float((change_CHW + fixed_CHW).square().mean())
    return change_CHW * min(1.0, (MOST / spent) ** 0.5)


def _rechunk(chunks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Pieces (3, size, H, W) of a stream of (1, 3, t, H, W); the last may be shorter. They are copies."""
    held: list[Tensor] = []
    for chunk in chunks:
        for frame in chunk[0].float().unbind(dim=1):
            held.append(frame)
            if len(held) == size:
                yield torch.stack(held, dim=1).cpu()
                held = []
    if held:
        yield torch.stack(held, dim=1).cpu()


def _square(rgb_CHW: Tensor, side: int = lattice.SIDE) -> np.ndarray:
    """Brightness as the lattices see it, (side, side)."""
    rgb = _resize(rgb_CHW, side, side).double()
    return np.tensordot(spread.FROM_RGB[0], rgb.numpy(), axes=1)


def _unit_size(height: int, width: int) -> tuple[int, int]:
    """Height and width with a shorter side of 128."""
    short = min(height, width)
    return tuple(min(max(round(side * spread.UNITS / short), spread.UNITS), MAX_ASPECT * spread.UNITS)
                 for side in (height, width))


def _resize(planes_BHW: Tensor, height: int, width: int) -> Tensor:
    if planes_BHW.shape[-2:] == (height, width):
        return planes_BHW
    return functional.interpolate(planes_BHW[None].float(), (height, width), mode="bicubic", align_corners=False,
                                  antialias=True)[0]
