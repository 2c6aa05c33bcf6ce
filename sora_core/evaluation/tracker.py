"""Follows the things of a clip from frame to frame, by pixels alone.

Things are told apart by colour: the regions of all frames are grouped by what colour they have, and each pixel goes to
the group that it looks like most. So two things that touch stay two, and a thing that is there twice is seen.

Legend: T frames, H W pixels, n regions; colours are sRGB in [0, 1]; positions are pixels, x right and y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..regions import dilate, fill_holes, opened, regions
from .background import SMALLEST_SHARE, Layers, separate
from .outline import capped_discs, round_middle

LIGHTNESS_WEIGHT = 0.42             # a thing's brightness changes as it turns, its hue hardly does
HUE_WEIGHT = 0.35
SAME_COLOUR = 0.16
MODE_WIDTH = 0.08
LEAST_FRAMES = 4                    # in which a thing must be seen
TWIN_SHARE = 0.4                    # of a thing's usual area: a second region so large is a twin, or a piece
TWIN_ASPECT, TWIN_BREADTH = 1.9, 0.55       # how long it may be for its breadth, how broad against the first
PIECES_ASPECT, PIECES_FILL = 1.5, 0.6       # of the box around both, if they are two pieces of one thing
SPECK_SHARE = 0.1                   # of a thing's usual area: less, inside the picture, is none
TORN_SHARE = 0.65                   # of the usual area of what isn't round: less is a part of it
MAX_THINGS = 6
HALO_SHARE, HALO_FILL, HALO_NEAR = 0.2, 0.62, 0.4
STAIN_FRAMES, STAIN_PIXELS, STAIN_CONTRAST = 12, 3.0, 0.12
FAINT_TINT, FAINT_DIM = 0.16, 0.3
STREAK = 2.4                        # length over breadth
FLAT = 1.55                         # width over height of a shadow on the floor


@dataclass(frozen=True)
class Track:
    """One thing over the clip; nan where it is not seen.

    Attributes:
        colour: (3,) its usual colour.
        colours: (T, 3) its median colour in each frame.
        x, y: (T,) its centre in pixels.
        area: (T,) pixels.
        box: (T, 4) left, top, right, bottom.
        cut: (T,) bool, touches the edge of the picture.
        near: (T,) bool, touches another thing.
        twins: (T,) how many more regions of its colour are as large as a thing.
        fill: (T,) area over that of the circle around it: about 0.9 for a ball, less for a box.
        disc: (T,) radius of a round thing, nan where its outline can't be trusted; None for one that isn't round.
        is_faint: differs from what is behind it by its brightness alone, as light and shadow do (white on grey), and
            its outline doesn't help either: where it ends can't be told.
    """

    colour: np.ndarray
    colours: np.ndarray
    x: np.ndarray
    y: np.ndarray
    area: np.ndarray
    box: np.ndarray
    cut: np.ndarray
    near: np.ndarray
    twins: np.ndarray
    fill: np.ndarray
    disc: np.ndarray | None = None
    is_faint: bool = False

    @property
    def seen(self) -> np.ndarray:
        """(T,) bool."""
        return np.isfinite(self.x)

    @property
    def whole(self) -> np.ndarray:
        """(T,) bool: seen, not cut off and not touching another thing."""
        return self.seen & ~self.cut & ~self.near

    @property
    def torn(self) -> np.ndarray:
        """(T,) bool: only a part of a thing that isn't round is seen, though the picture's edge doesn't cut it."""
        return self.seen & ~self.cut & (self.area < TORN_SHARE * self.usual_area) & (self.disc is None)

    @property
    def usual_area(self) -> float:
        """Median area where it is whole, or where it is seen."""
        frames = self.whole if self.whole.sum() >= LEAST_FRAMES else self.seen
        return float(np.median(self.area[frames]))

    @property
    def radius(self) -> float:
        """Radius in pixels of a disc of its usual area."""
        return float(np.sqrt(self.usual_area / np.pi))


@dataclass(frozen=True)
class Tracking:
    """All that was seen in a clip."""

    layers: Layers
    tracks: tuple[Track, ...]
    size: tuple[int, int]           # width, height
    labels: np.ndarray              # (T, H, W) int8: number of the thing, -1 for none


def track(frames: np.ndarray) -> Tracking:
    """Find and follow the things in frames (T, H, W, 3) float32 in [0, 1]."""
    layers = separate(frames)
    labels = _by_colour(frames, layers.things)
    height, width = frames.shape[1:3]
    found = [_follow(frames, layers.background, labels, number) for number in range(int(labels.max()) + 1)]
    for number, item in enumerate(found):
        if item is not None and item.is_faint:
            discs = capped_discs(frames, layers.background, labels == number, item.box, item.whole)
            if discs is not None:
                labels = np.where(discs & (labels < 0), np.int8(number), labels)
                found[number] = _follow(frames, layers.background, labels, number)
    kept = [number for number, item in enumerate(found)
            if item is not None and not _is_shadow(item, layers.background) and not _is_streak(item, height * width)
            and not _is_stain(item, layers.background)]
    largest = max((found[number].usual_area for number in kept), default=0.0)
    kept = [number for number in kept if not _is_halo(found[number], largest)]
    renumber = np.full(len(found) + 1, -1, np.int8)
    for new, old in enumerate(kept):
        renumber[old] = new
    return Tracking(layers, tuple(found[number] for number in kept), (width, height), renumber[labels])


def tone(colours: np.ndarray) -> np.ndarray:
    """Opponent coordinates (..., 3) of colours in which hue counts more than brightness."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    light = (red + green + blue) / 3
    # A dark colour's hue is small in absolute terms; dividing by its brightness lets it count.
    scale = HUE_WEIGHT / (0.08 + light)
    return np.stack([LIGHTNESS_WEIGHT * light, scale * (red - green), scale * (0.5 * (red + green) - blue)], -1)


def _by_colour(frames: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(T, H, W) int8 number of the colour group of each thing pixel, -1 elsewhere."""
    found = regions(mask)
    labels = np.full(mask.shape, -1, np.int8)
    large = np.flatnonzero(found.area >= SMALLEST_SHARE * mask[0].size)
    if not len(large):
        return labels
    pixel_tones = tone(frames.reshape(-1, 3)[found.pixels])
    tones = found.mean(pixel_tones)
    centres = _group(tones[large], found.area[large], found.frame[large])
    is_large = np.isin(found.index, large)
    distance = np.stack([((pixel_tones[is_large] - centre) ** 2).sum(-1) for centre in centres], -1)
    labels.reshape(-1)[found.pixels[is_large]] = distance.argmin(-1)
    return _smooth(labels, len(centres)) if len(centres) > 1 else labels


def _group(tones: np.ndarray, area: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """(k, 3) centres of the colours that regions (n, 3) have.

    The frames in which most regions are apart come first: elsewhere two things may touch and look like one.
    """
    per_frame = np.bincount(frame)[frame]
    counts, often = np.unique(per_frame, return_counts=True)
    most = max((int(count) for count, total in zip(counts, often, strict=True) if total >= count * LEAST_FRAMES),
               default=1)
    apart = per_frame == most
    groups = _modes(tones, area, frame, apart, [])
    groups = _modes(tones, area, frame, ~apart, groups)
    single = [centre for centre, size in groups if not _is_mixture(centre, size, groups)]
    return np.stack(single[:MAX_THINGS] or [tones[np.argmax(area)]])


def _modes(tones: np.ndarray, area: np.ndarray, frame: np.ndarray, left: np.ndarray,
           groups: list[tuple[np.ndarray, float]]) -> list[tuple[np.ndarray, float]]:
    """Groups (centre, median area) with those added that are found among the regions `left`, the densest first."""
    groups, left = list(groups), left.copy()
    for centre, _ in groups:
        left &= np.linalg.norm(tones - centre, axis=-1) >= SAME_COLOUR
    near = np.linalg.norm(tones[:, None] - tones[None], axis=-1) < MODE_WIDTH
    while left.any() and len(groups) < 2 * MAX_THINGS:
        weight = (near & left[:, None] & left[None]) @ np.sqrt(area)
        seed = int(np.argmax(weight * left))
        close = left & near[seed]
        centre = np.average(tones[close], axis=0, weights=area[close])
        members = left & (np.linalg.norm(tones - centre, axis=-1) < SAME_COLOUR)
        members[seed] = True
        left &= ~members
        if len(np.unique(frame[members])) >= LEAST_FRAMES:
            groups.append((centre, float(np.median(area[members]))))
    return groups


def _is_mixture(centre: np.ndarray, size: float, groups: list[tuple[np.ndarray, float]]) -> bool:
    """Whether a group's colour lies between those of two smaller ones: two things that touch."""
    for at, (one, first) in enumerate(groups):
        for other, second in groups[at + 1:]:
            if one is centre or other is centre or size < 1.1 * max(first, second):
                continue
            line = other - one
            share = float((centre - one) @ line / (line @ line))
            if 0.15 < share < 0.85 and np.linalg.norm(one + share * line - centre) < MODE_WIDTH:
                return True
    return False


def _smooth(labels: np.ndarray, count: int) -> np.ndarray:
    """Give small patches of another colour, such as a seam or a highlight, to what surrounds them."""
    inside = labels >= 0
    smooth = np.full_like(labels, -1)
    smooth[inside] = np.stack([_blur(labels == number)[inside] for number in range(count)]).argmax(0)
    return smooth


def _blur(mask: np.ndarray) -> np.ndarray:
    """Sum of a (T, H, W) mask over 5 x 5 pixels."""
    total = np.pad(mask, ((0, 0), (2, 2), (2, 2))).view(np.int8)
    height, width = mask.shape[1:]
    total = sum((total[:, row: row + height] for row in range(1, 5)), total[:, :height])
    return sum((total[:, :, column: column + width] for column in range(1, 5)), total[:, :, :width])


def _follow(frames: np.ndarray, background: np.ndarray, labels: np.ndarray, number: int) -> Track | None:
    """The course of one colour group, or None if it is too small or too short to be a thing."""
    count, height, width = labels.shape
    mask = fill_holes(opened(labels == number))
    found = regions(mask)
    keep = np.flatnonzero(found.area >= 0.6 * SMALLEST_SHARE * height * width)
    if len(np.unique(found.frame[keep])) < LEAST_FRAMES:
        return None
    usual = float(np.median([found.area[keep][found.frame[keep] == t].max() for t in np.unique(found.frame[keep])]))
    boxes = found.box
    at_side = (boxes[:, :2] == 0).any(1) | (boxes[:, 2] == width) | (boxes[:, 3] == height)
    keep = keep[(found.area[keep] >= SPECK_SHARE * usual) | at_side[keep]]
    x, y, area = np.full((3, count), np.nan)
    fill, box, colours = np.full(count, np.nan), np.full((count, 4), np.nan), np.full((count, 3), np.nan)
    cut, near, twins = np.zeros(count, bool), np.zeros(count, bool), np.zeros(count, int)
    last: np.ndarray | None = None
    chosen = np.zeros_like(mask)
    for t in range(count):
        here = keep[found.frame[keep] == t]
        if not len(here):
            continue
        best = _choose(here, found.area, boxes, last, usual)
        chosen[t] = found.labels[t] == best
        rows, columns = np.nonzero(chosen[t])
        x[t], y[t], area[t] = columns.mean() + 0.5, rows.mean() + 0.5, len(rows)
        last = np.array([x[t], y[t]])
        box[t] = boxes[best]
        cut[t] = at_side[best]
        reach = np.sqrt(((columns + 0.5 - x[t]) ** 2 + (rows + 0.5 - y[t]) ** 2).max()) + 0.35
        fill[t] = len(rows) / (np.pi * reach**2)
        colours[t] = np.median(frames[t, rows, columns], axis=0)
        near[t] = _touches(labels[t], boxes[best], chosen[t], number)
        twins[t] = sum(_is_twin(boxes[best], boxes[n]) for n in here
                       if n != best and found.area[n] >= TWIN_SHARE * usual)
    whole = np.isfinite(x) & ~cut & ~near
    circle = round_middle(frames, background, chosen, box, whole)
    if circle is not None:
        middle, radii = circle
        better = np.isfinite(middle[:, 0]) & ~cut
        x[better], y[better] = middle[better].T
    colour = np.nanmedian(colours, axis=0)
    return Track(colour, colours, x, y, area, box, cut, near, twins, fill,
                 None if circle is None else np.where(better, radii, np.nan),
                 circle is None and _is_faint(colours, x, y, background))


def _is_faint(colours: np.ndarray, x: np.ndarray, y: np.ndarray, background: np.ndarray) -> bool:
    seen = np.isfinite(x)
    height, width, _ = background.shape
    behind = background[np.clip(y[seen].astype(int), 0, height - 1), np.clip(x[seen].astype(int), 0, width - 1)]
    ratio = (colours[seen] + 0.01) / (behind + 0.01)
    middle = ratio.mean(-1)
    return bool(((np.ptp(ratio, axis=-1) < FAINT_TINT * np.maximum(middle, 1)) & (middle > FAINT_DIM)).mean() > 0.5)


def _is_shadow(item: Track, background: np.ndarray) -> bool:
    """Whether a group is the dark middle of shadows: flat, and the floor's colour but dimmer."""
    aspect = (item.box[:, 2] - item.box[:, 0]) / (item.box[:, 3] - item.box[:, 1])
    if np.nanmedian(aspect[item.seen & ~item.cut] if (item.seen & ~item.cut).any() else aspect) < FLAT:
        return False
    rows, columns = item.y[item.seen].astype(int), item.x[item.seen].astype(int)
    ratio = (item.colours[item.seen] + 0.01) / (background[rows, columns] + 0.01)
    return bool((ratio.max(-1) - ratio.min(-1) < 0.16).mean() > 0.6 and np.median(ratio) < 0.62)


def _is_stain(item: Track, background: np.ndarray) -> bool:
    """Whether a group never moves, isn't round and hardly differs from what is behind it."""
    if item.disc is not None or item.seen.sum() < STAIN_FRAMES:
        return False
    x, y = item.x[item.seen], item.y[item.seen]
    moves = max(np.quantile(x, 0.95) - np.quantile(x, 0.05), np.quantile(y, 0.95) - np.quantile(y, 0.05))
    contrast = np.abs(item.colours[item.seen] - background[y.astype(int), x.astype(int)]).max(-1)
    return bool(moves < STAIN_PIXELS and np.median(contrast) < STAIN_CONTRAST)


def _is_halo(item: Track, largest: float) -> bool:
    """Whether a group is a rim or rest of a much larger thing, as soft outlines and stains leave them: small, not
    round, and ragged or beside that thing."""
    if item.disc is not None or item.usual_area > HALO_SHARE * largest:
        return False
    wide, high = (item.box[:, 2:] - item.box[:, :2])[item.seen].T
    ragged = np.median(item.area[item.seen] / (wide * high)) < HALO_FILL
    return bool(ragged or item.near[item.seen].mean() > HALO_NEAR)


def _is_streak(item: Track, pixels: int) -> bool:
    """Whether a group is a thin rest of something: long, and hardly larger than the least that counts."""
    wide, high = (item.box[:, 2:] - item.box[:, :2])[item.seen].T
    length = np.median(np.maximum(wide, high) / np.minimum(wide, high))
    return bool(length > STREAK and item.usual_area < 2.5 * SMALLEST_SHARE * pixels)


def _choose(here: np.ndarray, area: np.ndarray, boxes: np.ndarray, last: np.ndarray | None, usual: float) -> int:
    """The region that goes on with the track: large, and near where the thing was."""
    if last is None or len(here) == 1:
        return int(here[np.argmax(area[here])])
    centre = (boxes[here, :2] + boxes[here, 2:]) / 2
    away = np.linalg.norm(centre - last, axis=1) / np.sqrt(usual)
    return int(here[np.argmax(np.minimum(area[here] / usual, 1) - 0.5 * away)])


def _is_twin(main: np.ndarray, other: np.ndarray) -> bool:
    """Whether a second region is as compact and as broad as the first, and beside it: else it is a piece of it."""
    wide, high = other[2:] - other[:2]
    least = min(main[2] - main[0], main[3] - main[1])
    apart = np.abs((main[:2] + main[2:]) - (other[:2] + other[2:])) > (main[2:] - main[:2]) + (other[2:] - other[:2])
    is_compact = max(wide, high) < TWIN_ASPECT * min(wide, high) and min(wide, high) > TWIN_BREADTH * least
    around = np.maximum(main[2:], other[2:]) - np.minimum(main[:2], other[:2])
    filled = np.prod(main[2:] - main[:2]) + wide * high > PIECES_FILL * np.prod(around)
    is_piece = filled and max(around) < PIECES_ASPECT * min(around)
    return bool(is_compact and apart.any() and not is_piece)


def _touches(labels: np.ndarray, box: np.ndarray, mine: np.ndarray, number: int) -> bool:
    """Whether another thing's pixels lie within two pixels of mine."""
    left, top, right, bottom = box
    part = (slice(max(top - 3, 0), bottom + 3), slice(max(left - 3, 0), right + 3))
    other = (labels[part] >= 0) & (labels[part] != number)
    return bool(other.any() and (dilate(mine[part], 2) & other).any())
