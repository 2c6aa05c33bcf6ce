"""What stands still behind the things, and which pixels of each frame are not it.

The background is the median over time, corrected where a thing rested so long that the median shows the thing, and
where something small and compact stood all the time. Shadows are told from things by their colour: a shadow dims all
channels alike, and never to black.

Legend: T frames, H W pixels; colours are sRGB in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..regions import Regions, dilate, erode, fill_holes, opened, regions

LEAST_CHANGE, MOST_CHANGE = 0.075, 0.16     # of a range of 1, in the channel that changes most
NOISE_FACTOR, UNREST_FACTOR = 4.0, 2.5      # a change must be so many times the noise of what stands still
MEDIAN_FRAMES = 33                  # that the first estimate is the median of
PROBES = 17                         # frames in which a rested thing is looked for
SUPPORT, LIKE = 0.12, 0.09          # of a row; difference of one colour
FAR_SHARE = 0.2                     # of the picture's width
EDGE_RATIO = 1.35                   # whose outline is so much sharper owns the region
SMALLEST_SHARE, LARGEST_SHARE = 0.004, 0.22     # of the picture's area: what counts as a thing
STILL_CONTRAST = 0.16
ALWAYS, BESIDE = 0.95, 2            # of the frames; pixels: what has a thing so near and so often is a rest of it
UNLIKE_ROW = 0.13
PALE_SHARE, FAINT_SHARE, PALE_TINT, PALE_OFTEN = 0.15, 0.03, 0.16, 0.25
SOLID_SHARE, SOLID_BREADTH = 0.5, 0.5        # of its box; of the root of its area: a body, not a rest of one
LEAST_UNCOVERED, RARELY = 3, 0.05   # frames that a background is the median of; share of them that show the old one
MOSTLY_SHADOW = 0.7                 # of a region: then it is rather a grey thing on grey
SHADOW_DIM = (0.38, 0.985)
SHADOW_TINT = 0.075
CORE_DIM, CORE_TINT = 0.17, 0.16
MOST_FREE, LEAST_RIM = 0.2, 0.4     # of a shadow's middle's rim: may touch what hasn't changed, touches lighter shadow


@dataclass(frozen=True)
class Layers:
    """A clip taken apart.

    Attributes:
        background: (H, W, 3) float32 without things.
        things: (T, H, W) bool, pixels of things.
        noise: standard deviation of what stands still.
    """

    background: np.ndarray
    things: np.ndarray
    noise: float


def separate(frames: np.ndarray) -> Layers:
    """Split frames (T, H, W, 3) float32 in [0, 1] into what stands still and things."""
    step = max(1, len(frames) // MEDIAN_FRAMES)
    background = np.median(frames[::step], axis=0).astype(np.float32)
    change = difference(frames[::7 * step], background)
    noise = float(np.median(change) / 1.1)              # the largest of three channels
    unrest = float(np.quantile(change, 0.75))           # a generated background may waver in places
    threshold = max(LEAST_CHANGE, NOISE_FACTOR * noise, min(UNREST_FACTOR * unrest, MOST_CHANGE))
    background = _without_rested(frames, background, threshold, SMALLEST_SHARE)
    background = _without_rested(frames, background, threshold, 0.25 * SMALLEST_SHARE)     # what the first pass left
    still = _still_things(background)
    if still.any():
        background = inpaint(background, dilate(still, 2))
    change = difference(frames, background)
    mask = _things(frames, background, change, threshold)
    better = _uncovered(frames, background, mask, threshold)
    if (difference(better, background) > 0.5 * threshold).any():
        places = (better != background).any(-1)
        change[:, places] = difference(frames[:, places], better[places])
        background, mask = better, _things(frames, better, change, threshold)
    rests = _rests(background, mask)
    if rests.any():
        better = inpaint(background, dilate(rests, 3))
        places = (better != background).any(-1)
        change[:, places] = difference(frames[:, places], better[places])
        background, mask = better, _things(frames, better, change, threshold)
    return Layers(background, mask, noise)


def _things(frames: np.ndarray, background: np.ndarray, change: np.ndarray, threshold: float) -> np.ndarray:
    """(T, H, W) bool: what has changed (T, H, W) against the background and is no shadow."""
    changed = opened(change > threshold)
    found = regions(changed)
    size = background[..., 0].size
    dim, spread = _ratio(frames.reshape(-1, 3)[found.pixels], background.reshape(-1, 3)[found.pixels % size])
    shaded = _is_dimmed(dim, spread)
    coloured = changed.copy()
    coloured.reshape(-1)[found.pixels] = ~shaded
    coloured = opened(coloured & ~_shadow_cores(changed, found, dim, spread, shaded))
    pale = _is_pale(found, dim, spread, coloured.reshape(-1)[found.pixels], len(frames))
    mask = coloured.copy()
    mask.reshape(-1)[found.pixels[pale[found.index]]] = True
    return opened(fill_holes(mask))


def _rests(background: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: parts of the background unlike their row that have something of a (T, H, W) mask beside them in
    nearly every frame: a thing that moved by less than its size never uncovers what lies under both its places."""
    found = _unlike_row(background)
    rests = np.zeros(background.shape[:2], bool)
    for number in _inside(found, 0.5 * SMALLEST_SHARE):
        region = dilate(found.labels[0] == number, BESIDE)
        if mask[:, region].any(1).mean() > ALWAYS:
            rests |= found.labels[0] == number
    return rests


def _unlike_row(background: np.ndarray) -> Regions:
    """Regions of a (H, W, 3) picture, without thin ones, that are unlike most of their row."""
    row = np.median(background, axis=1, keepdims=True)
    return regions(fill_holes(opened(difference(background, row) > STILL_CONTRAST)[None]))


def _inside(found: Regions, least: float) -> np.ndarray:
    """Numbers of the regions of one picture that leave its sides and its top free and have a thing's size."""
    left, top, right, _ = found.box.T
    _, height, width = found.labels.shape
    share = found.area / (height * width)
    return np.flatnonzero((left > 0) & (right < width) & (top > 0) & (share > least) & (share < LARGEST_SHARE))


def _uncovered(frames: np.ndarray, background: np.ndarray, mask: np.ndarray, threshold: float) -> np.ndarray:
    """The background again, where hardly any frame shows it though nothing compact covers it: there it is the median of
    those frames, or of two brightnesses that a shadow explains the upper one."""
    found = regions(mask)
    wide, high = (found.box[:, 2:] - found.box[:, :2]).T
    solid = (found.area > SMALLEST_SHARE * mask[0].size) & (found.area > SOLID_SHARE * wide * high)
    solid &= np.minimum(wide, high) > SOLID_BREADTH * np.sqrt(np.median(found.area[solid])) if solid.any() else False
    covers = np.zeros_like(mask)
    covers.reshape(-1)[found.pixels] = solid[found.index]
    step = max(1, len(frames) // (2 * MEDIAN_FRAMES))
    covers = dilate(covers[::step], 2)
    bare = (~covers).sum(0)
    places = (mask.mean(0) > 0.08) & (bare >= LEAST_UNCOVERED)
    values, behind = frames[::step][:, places], background[places]                  # (S, n, 3), (n, 3)
    shown = ((difference(values, behind) < threshold) | is_shadow(values, behind)) & ~covers[:, places]
    light = np.where(covers[:, places], np.inf, values.sum(-1))
    order, columns = np.argsort(light, 0), np.arange(values.shape[1])
    middle, bright = (values[order[(share * (bare[places] - 1)).astype(int), columns], columns]
                      for share in (0.5, 0.9))
    better = np.where(is_shadow(middle, bright)[:, None], bright, middle)
    background = background.copy()
    background[places] = np.where((shown.sum(0) < RARELY * bare[places])[:, None], better, behind)
    return background


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Largest absolute difference of the three channels (..., 3)."""
    apart = np.abs(one - other)
    return np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2])


def is_shadow(seen: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """(...) bool: colours (..., 3) that are those of the background `behind`, evenly dimmed."""
    return _is_dimmed(*_ratio(seen, behind))


def _is_dimmed(dim: np.ndarray, spread: np.ndarray) -> np.ndarray:
    low, high = SHADOW_DIM
    return (dim > low) & (dim < high) & (spread < SHADOW_TINT + 0.08 * (1 - dim))


def _shadow_cores(changed: np.ndarray, found: Regions, dim: np.ndarray, spread: np.ndarray,
                  shaded: np.ndarray) -> np.ndarray:
    """(T, H, W) bool: the darkest parts of shadows, as dark as black things; but those stand out against the background
    somewhere, and a shadow's middle is all enclosed by its lighter rim and by what throws it."""
    dark, light = np.zeros((2, *changed.shape), bool)
    dark.reshape(-1)[found.pixels] = (dim > CORE_DIM) & (dim <= SHADOW_DIM[0]) & (spread < CORE_TINT)
    light.reshape(-1)[found.pixels] = shaded
    parts = regions(dark)
    rim = ~erode(dark)
    free, lighter = rim & dilate(~changed), rim & dilate(light)
    rims, frees, lights = parts.mean(np.stack([part.reshape(-1)[parts.pixels] for part in (rim, free, lighter)], -1)).T
    enclosed = (frees < MOST_FREE * np.maximum(rims, 1e-6)) & (lights > LEAST_RIM * rims)
    dark.reshape(-1)[parts.pixels] = enclosed[parts.index]
    return dark


def _ratio(seen: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How bright a colour is against another: mean over the channels, and how much they differ."""
    ratio = (seen + 0.01) / (behind + 0.01)
    red, green, blue = ratio[..., 0], ratio[..., 1], ratio[..., 2]
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return (red + green + blue) / 3, most - least


def _is_pale(found: Regions, dim: np.ndarray, spread: np.ndarray, coloured: np.ndarray, count: int) -> np.ndarray:
    """(n,) bool: changed regions whose coloured part is an evenly brightened background: white things on grey, whose
    dark side looks like a shadow. Their own shadow comes with them. Where many of the `count` frames show one, less of
    a region need be bright."""
    tint = coloured * spread / np.maximum(dim, 1)
    share, tint, light = found.mean(np.stack([coloured, tint, coloured * dim], -1)).T
    grey = (tint < PALE_TINT * share) & (light > 1.05 * share)
    sure = grey & (share > PALE_SHARE) & (found.area * share > SMALLEST_SHARE * found.labels[0].size)
    often = len(np.unique(found.frame[sure])) > PALE_OFTEN * count
    return grey & (share > (FAINT_SHARE if often else PALE_SHARE))


def _without_rested(frames: np.ndarray, background: np.ndarray, threshold: float, least: float) -> np.ndarray:
    """Put the floor where the median shows a thing that came to rest there or left late."""
    first, background = background, background.copy()
    for index in np.unique(np.linspace(0, len(frames) - 1, PROBES).round().astype(int)):
        frame = frames[index]
        found = regions(opened(difference(frame, background) > threshold)[None])
        for number in np.flatnonzero(found.area >= least * frame[..., 0].size):
            region = found.labels[0] == number
            seen, behind = _support((frame, background), region)
            more_like_row = seen - behind
            if more_like_row <= -SUPPORT:
                continue
            if more_like_row <= SUPPORT:
                seen, behind = _sharpness((frame, background), region)
                ratio = behind / (seen + 1e-6)
            if more_like_row > SUPPORT or ratio > EDGE_RATIO:
                _mend(background, frame, dilate(region, 2))
            elif ratio * EDGE_RATIO > 1:
                _mend_overlap(background, frame, _hull(region))
    return _without_shadows(frames, background, difference(background, first) > 0)


def _mend_overlap(background: np.ndarray, frame: np.ndarray, region: np.ndarray) -> None:
    """A thing that moved by less than its size: of each pixel, keep what fits the row beside the region."""
    found = _unlike_row(background)
    foreign = np.isin(found.labels[0], _inside(found, 0.25 * SMALLEST_SHARE))       # nothing for a row to go on with
    guess = inpaint(background, dilate(region | foreign, 3))
    old = difference(background, guess)
    new = difference(frame, guess)
    wrong = region & (old > UNLIKE_ROW)
    background[wrong] = np.where((new < old)[..., None] & (new < UNLIKE_ROW)[..., None], frame, guess)[wrong]


def _without_shadows(frames: np.ndarray, background: np.ndarray, mended: np.ndarray) -> np.ndarray:
    """Where a mended pixel was taken in a shadow that other frames lift, take the brightest that fits its row."""
    if not mended.any():
        return background
    guess = inpaint(background, dilate(mended, 3))[mended]                          # (n, 3)
    now, seen = background[mended], frames[:, mended]
    lifted = np.where(is_shadow(now, seen)[..., None], seen, now).max(0)
    fits = difference(lifted, guess) < difference(now, guess)
    background = background.copy()
    background[mended] = np.where(fits[:, None], lifted, now)
    return background


def _hull(region: np.ndarray) -> np.ndarray:
    """What lies between two pixels of a (H, W) region both in its row and in its column."""
    across = np.logical_or.accumulate(region, 1) & np.logical_or.accumulate(region[:, ::-1], 1)[:, ::-1]
    down = np.logical_or.accumulate(region, 0) & np.logical_or.accumulate(region[::-1], 0)[::-1]
    return across & down


def _mend(background: np.ndarray, frame: np.ndarray, region: np.ndarray) -> None:
    """Take a region from a frame, but of what differs only by a shadow the brighter one."""
    old, new = background[region], frame[region]
    darker, brighter = is_shadow(new, old), is_shadow(old, new)
    if (darker | brighter).mean() < MOSTLY_SHADOW:
        new = np.where(darker[:, None], old, new)
    background[region] = new


def _support(pictures: tuple[np.ndarray, ...], region: np.ndarray) -> list[float]:
    """How much of its own rows a region looks like, in each picture: floors and walls go on to the picture's edge,
    things don't."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), 9)).round().astype(int)]
    away = np.maximum(columns[0] - np.arange(region.shape[1]), np.arange(region.shape[1]) - columns[-1])
    far = away > FAR_SHARE * region.shape[1]            # what is nearer may be the rest of the thing
    beside = np.flatnonzero(far if far.any() else away > 2)
    if not len(beside):
        return [0.0] * len(pictures)
    inside = region[rows, columns[0]: columns[-1] + 1, None]                        # (r, w, 1)
    middle, each = inside.sum(1)[:, 0] - 1, np.arange(len(rows))
    shares = []
    for picture in pictures:
        values = np.sort(np.where(inside, picture[rows, columns[0]: columns[-1] + 1], np.inf), axis=1)
        colour = 0.5 * (values[each, middle // 2] + values[each, (middle + 1) // 2])            # (r, 3) medians
        shares.append(float((difference(picture[rows[:, None], beside], colour[:, None]) < LIKE).mean()))
    return shares


def _sharpness(pictures: tuple[np.ndarray, ...], region: np.ndarray) -> list[float]:
    """Mean colour step across the outline of a region, in each picture."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    part = (slice(max(rows[0] - 3, 0), rows[-1] + 4), slice(max(columns[0] - 3, 0), columns[-1] + 4))
    region = region[part]
    outer, inner = dilate(region), erode(region)
    if not (dilate(outer) & ~outer).any() or not (inner & ~erode(inner)).any():
        return [0.0] * len(pictures)
    rows, columns = np.nonzero(outer & ~inner)
    height, width = region.shape
    ends = [(np.clip(rows + way * down, 0, height - 1), np.clip(columns + way * right, 0, width - 1))
            for down, right in ((0, 2), (2, 0)) for way in (-1, 1)]
    steps = []
    for picture in pictures:
        one, two, three, four = (picture[part][end] for end in ends)
        steps.append(float(np.maximum(difference(one, two), difference(three, four)).mean(dtype=np.float64)))
    return steps


def _still_things(background: np.ndarray) -> np.ndarray:
    """(H, W) bool: compact coloured regions that are unlike their row on both sides."""
    height, width, _ = background.shape
    found = _unlike_row(background)
    mask = np.zeros((height, width), bool)
    for number, area in enumerate(found.area):
        left, top, right, bottom = found.box[number]
        wide, high = right - left, bottom - top
        share = area / (height * width)
        if not 2 * SMALLEST_SHARE < share < 0.6 * LARGEST_SHARE or not 0.45 < wide / high < 2.8:
            continue
        if left == 0 or top == 0 or right == width or area < 0.6 * wide * high:
            continue
        region = found.labels[0] == number
        ring = dilate(region, 4) & ~dilate(region, 2)
        colour = np.median(background[region], axis=0)
        if np.quantile(difference(background[ring], colour), 0.2) > STILL_CONTRAST:
            mask |= region
    return mask


def inpaint(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill a hole of a (H, W, 3) picture by linear interpolation along its rows."""
    filled = picture.copy()
    columns = np.arange(picture.shape[1])
    for row in np.flatnonzero(hole.any(1) & ~hole.all(1)):
        known = ~hole[row]
        for channel in range(3):
            values = np.interp(columns[hole[row]], columns[known], picture[row, known, channel])
            filled[row, hole[row], channel] = values
    return filled
