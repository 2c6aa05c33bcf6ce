"""What the learnt judgements look at: numbers that describe a background, a thing and its sound.

Legend: T frames, H W pixels, N samples; colours are sRGB in [0, 1].
"""

from __future__ import annotations

import numpy as np

from ..regions import erode
from .onsets import Onset
from .tracker import Track, Tracking

GRID = 16
ROWS = 32
MANY_FRAMES = 12
BANDS = 20
HIT_S = 0.18


def scene_features(background: np.ndarray) -> np.ndarray:
    """(GRID^2 * 3 + 2 * ROWS + 1,) of a background (H, W, 3): a small picture, its rows' texture, its shape."""
    height, width, _ = background.shape
    small = _shrink(background, GRID, GRID)
    across = np.abs(np.diff(background, axis=1)).mean(-1).mean(1)
    down = np.abs(np.diff(background, axis=0, append=background[-1:])).mean(-1).mean(1)
    texture = [_shrink(values[:, None, None], ROWS, 1).ravel() for values in (across, down)]
    return np.concatenate([small.ravel(), 4 * texture[0], 4 * texture[1], [width / height]]).astype(np.float32)


def _shrink(picture: np.ndarray, high: int, wide: int) -> np.ndarray:
    """Means of a picture (H, W, C) over high x wide cells."""
    rows = np.linspace(0, picture.shape[0], high + 1).round().astype(int)
    columns = np.linspace(0, picture.shape[1], wide + 1).round().astype(int)
    total = np.pad(picture.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0), (0, 0)))
    sums = total[rows[1:]][:, columns[1:]] - total[rows[:-1]][:, columns[1:]] - (
        total[rows[1:]][:, columns[:-1]] - total[rows[:-1]][:, columns[:-1]])
    cells = np.maximum(np.diff(rows)[:, None] * np.diff(columns)[None], 1)
    return sums / cells[..., None]


def thing_features(frames: np.ndarray, tracking: Tracking, number: int) -> np.ndarray:
    """Numbers about how one thing looks: colours in and around it, shape, surface, size."""
    item = tracking.tracks[number]
    picks = _picks(item)
    inside, rim = [], []
    surface = []
    for t in picks:
        mask = tracking.labels[t] == number
        core = erode(mask)
        core = core if core.sum() > 12 else mask
        pixels = frames[t][core]
        inside.append(pixels)
        rim.append(tracking.layers.background[core])
        left, top, right, bottom = item.box[t].astype(int)
        part = (slice(top, bottom + 1), slice(left, right + 1))             # with the next row and column, for steps
        light, core = frames[t][part].mean(-1), core[part]
        step = np.abs(np.diff(light, axis=1, append=light[:, -1:])) + np.abs(np.diff(light, axis=0, append=light[-1:]))
        low, middle, high = np.quantile(light[core], (0.05, 0.5, 0.99))
        surface.append([step[core].mean(), light[core].std(), high - middle, middle - low])
    colours, behind = np.concatenate(inside), np.concatenate(rim)
    wide, high = item.box[picks, 2] - item.box[picks, 0], item.box[picks, 3] - item.box[picks, 1]
    aspect, square = wide / high, item.area[picks] / (wide * high)
    shape = [item.fill[picks].mean(), np.quantile(item.fill[picks], 0.2), np.quantile(item.fill[picks], 0.8),
             np.log(aspect).mean(), np.abs(np.log(aspect)).mean(), np.log(aspect).std(), square.mean(), square.std(),
             item.cut[picks].mean(), len(picks) / MANY_FRAMES]
    centred = colours - colours.mean(0)
    with_behind = behind - behind.mean(0)
    see_through = float((centred * with_behind).sum() / (np.sqrt((centred**2).sum() * (with_behind**2).sum()) + 1e-6))
    place = tracking.layers.background.mean((0, 1))
    return np.concatenate([
        np.quantile(colours, (0.1, 0.5, 0.9), axis=0).ravel(), _hue(np.median(colours, 0)),
        behind.mean(0), place, np.quantile(tracking.layers.background, 0.95, axis=(0, 1)),
        np.mean(surface, 0) * 4, shape, [see_through, np.log(item.radius / frames.shape[1])],
    ]).astype(np.float32)


def _picks(item: Track) -> np.ndarray:
    """Frames in which a thing shows itself best, evenly spread."""
    for good in (item.whole, item.seen & ~item.cut, item.seen):
        frames = np.flatnonzero(good)
        if len(frames) >= 4 or good is item.seen:
            break
    frames = frames if len(frames) else np.flatnonzero(item.seen)
    return np.unique(frames[np.linspace(0, len(frames) - 1, MANY_FRAMES).round().astype(int)])


def _hue(colour: np.ndarray) -> np.ndarray:
    """Chromaticity and its direction, for colours that light has changed."""
    red, green, blue = colour
    light = colour.mean() + 0.03
    across, up = (red - green) / light, (0.5 * (red + green) - blue) / light
    length = np.hypot(across, up) + 1e-6
    return np.array([across, up, across / length, up / length])


def sound_features(sound: np.ndarray, sample_rate: int, onsets: list[Onset], near: list[float]) -> np.ndarray:
    """(2 * BANDS + 4,) what the hits of one thing sound like; zeros where none is heard.

    Args:
        near: times of the thing's own impacts in seconds; the three loudest onsets within 80 ms of them count.
    """
    mine = [onset for onset in onsets if any(abs(onset.time_s - time_s) < 0.08 for time_s in near)]
    mine = sorted(mine, key=lambda onset: -onset.rise_db)[:3]
    if not mine:
        return np.zeros(2 * BANDS + 4, np.float32)
    early = [_bands(sound, sample_rate, onset.time_s, 0.03) for onset in mine]
    late = [_bands(sound, sample_rate, onset.time_s + 0.06, HIT_S - 0.06) for onset in mine]
    first = mine[0]
    rest = [1.0, np.log10(first.brightness_hz + 100) - 3, first.ring_s, first.loudness_db / 40]
    return np.concatenate([np.mean(early, 0), np.mean(late, 0), rest]).astype(np.float32)


def _bands(sound: np.ndarray, sample_rate: int, start_s: float, length_s: float) -> np.ndarray:
    """(BANDS,) levels of logarithmic bands from 60 Hz up, over the loudest one, -1 for 40 dB less."""
    first = max(round(start_s * sample_rate), 0)
    part = sound[first: first + round(length_s * sample_rate)]
    if len(part) < 64:
        return np.full(BANDS, -1.0)
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 14)) ** 2
    hertz = np.fft.rfftfreq(1 << 14, 1 / sample_rate)
    edges = np.geomspace(60, min(11000, 0.49 * sample_rate), BANDS + 1)
    sums = np.add.reduceat(power, np.searchsorted(hertz, edges))[:-1]
    return np.maximum(10 * np.log10(sums / (sums.max() + 1e-12) + 1e-9) / 40, -1.5)
