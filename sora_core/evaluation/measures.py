"""Physics, permanence, steadiness and sound on cause, measured on what the trackers saw.

Each measure says for one clip whether it holds, and the numbers behind that; None where the clip doesn't show it.
Limits are set on true clips (`evaluate validate` prints how often they are wrong there).

Legend: T frames, H W pixels; metres and seconds in the upright plane of the scene.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..regions import dilate
from .background import LEAST_CHANGE, difference
from .events import CLEAR_KICK, Course, Impact
from .geometry import GRAVITY
from .onsets import Onset
from .sudden import sudden_changes
from .tracker import Track, Tracking, tone

GRAVITY_BAND = (0.76, 1.30)         # measured over 9.81: the instrument's own spread on true clips
LEAST_RISE_M = 0.12
MOST_ERROR = 0.10
MOST_BOUNCE = 1.10
OVERLAP = 0.62                      # of the sum of two radii: nearer than that is inside one another
SPEED_GAIN = 0.50                   # m/s that nothing explains
LEAP = 0.8                          # m/s upwards beyond what a bounce gives
SCRAPE_PIXELS = 1.2                 # a frame: what moves so on the floor may scrape
EDGE_PIXELS = 5
SHORT_GAP = 3                       # frames that a tracker may lose a thing
COLOUR_STEP, FACE_TINT = 0.17, 0.3
SIZE_STEP = 1.6
AROUND, AROUND_SHARE = 1.25, 0.88   # of the radius of its area: so far around its middle; of its step: all that differs
STEP_FRAMES = 16
LEAP_SHARE = 0.5                    # of the height that a speed upwards carries to: less isn't seen to rise
OUTWARD_PIXELS, AT_REST_PIXELS = 0.5, 1.5       # a frame: moves towards an edge; as near to one that it doesn't move to
ON_TIME_S = 0.045
LAST_BOUNCES = 4.0                  # times the last interval: intervals shrink by a fifth or more
SURELY_ON_TIME_S = 0.055            # what the trackers can't tell from on time: for the verdict on a whole clip
NEAR_S = 0.30
LAGS_S = np.arange(-0.25, 0.2501, 0.005)
LAG_WIDTH_S = 0.015                 # how well hits are timed
LAG_GAIN, LAG_SHARE = 1.25, 0.6     # how much better a lag must explain the hits, and what part of them
CLEAR_RISE_DB, CLEAR_DB = 12.0, -38.0
ORPHAN_S, RATTLE_S = 0.09, 0.25     # a sound so long before or after an impact has a cause


@dataclass(frozen=True)
class Verdict:
    """One measure of one clip: whether it holds (None: not shown), and its numbers."""

    holds: bool | None
    values: dict[str, Any]


def gravity(courses: list[Course]) -> Verdict:
    """Acceleration of free flight over 9.81 m/s^2, the mean over the clip's flights weighted by their precision."""
    flights = [flight for course in courses for flight in course.flights
               if flight.rise > LEAST_RISE_M and flight.error < MOST_ERROR * abs(flight.acceleration)]
    if not flights:
        return Verdict(None, {})
    weights = np.array([1 / (flight.error + 0.2) ** 2 for flight in flights])
    ratios = np.array([-flight.acceleration / GRAVITY for flight in flights])
    ratio = float((weights * ratios).sum() / weights.sum())
    low, high = GRAVITY_BAND
    return Verdict(low < ratio < high, {"ratio": ratio, "flights": len(flights)})


def collision(courses: list[Course], tracking: Tracking, frame_rate: float) -> Verdict:
    """No thing inside another, no bounce higher than the fall, no speed from nothing."""
    clear = [number for number, item in enumerate(tracking.tracks) if not item.is_faint]
    courses, tracking = [courses[number] for number in clear], replace(
        tracking, tracks=tuple(tracking.tracks[number] for number in clear))
    if not courses:
        return Verdict(None, {})
    bounces = [impact for course in courses for impact in course.impacts
               if impact.on == "floor" and impact.is_exact and -impact.before[1] > 0.9]
    shares = [float(max(impact.after[1], 0) / -impact.before[1]) for impact in bounces]
    overlap = _deepest(tracking)
    gains = [_gain(course, item, frame_rate) for course, item in zip(courses, tracking.tracks, strict=True)]
    kicked = [_kicks_in_air(course, frame_rate) for course in courses]
    meets = any(impact.on == "thing" for course in courses for impact in course.impacts)
    if not bounces and not meets and overlap is None and not any(np.isfinite(gain) for gain in gains):
        return Verdict(None, {})
    faults = {
        "bounces higher": any(share > MOST_BOUNCE for share in shares),
        "leaps from rest": any(_leaps(course, frame_rate) for course in courses),
        "inside another": overlap is not None and overlap < OVERLAP,
        "passes through": _passes(tracking),
        "speed from nothing": any(gain > SPEED_GAIN for gain in gains),
        "kicked in the air": any(kicked),
    }
    return Verdict(not any(faults.values()), {
        "restitution": shares, "nearest": overlap, "faults": [name for name, found in faults.items() if found]})


def _deepest(tracking: Tracking) -> float | None:
    """Least distance of two things over the sum of their radii, where both are seen at about one height."""
    least = None
    for first, one in enumerate(tracking.tracks):
        for other in tracking.tracks[first + 1:]:
            both = one.seen & other.seen & ~one.cut & ~other.cut
            both &= np.abs(one.y - other.y) < 0.5 * (one.radius + other.radius)
            if both.sum() < 3:
                continue
            away = np.hypot(one.x - other.x, one.y - other.y)[both] / (one.radius + other.radius)
            nearest = float(np.sort(away)[1])               # one odd frame doesn't count
            least = nearest if least is None else min(least, nearest)
    return least


def _leaps(course: Course, frame_rate: float) -> bool:
    """Whether something that lay or came slowly flies up from the floor, untouched, and is then seen higher."""
    for impact in course.impacts:
        speed = impact.after[1]
        if impact.on != "floor" or not impact.is_exact or speed <= MOST_BOUNCE * max(-impact.before[1], 0.0) + LEAP:
            continue
        frame = round(impact.time_s * frame_rate)
        later = course.z[frame + 1: frame + 3 + int(np.ceil(speed / GRAVITY * frame_rate))]
        if np.isfinite(later).any():
            rise = np.nanmax(later) - np.nanmedian(course.z[max(frame - 2, 0): frame + 3])
            if rise > LEAP_SHARE * speed**2 / (2 * GRAVITY):
                return True
    return False


def _passes(tracking: Tracking) -> bool:
    """Whether two things at one height change sides."""
    for first, one in enumerate(tracking.tracks):
        for other in tracking.tracks[first + 1:]:
            reach = one.radius + other.radius
            both = one.seen & other.seen & ~one.cut & ~other.cut & (np.abs(one.y - other.y) < 0.6 * reach)
            sides = np.sign((one.x - other.x)[both & (np.abs(one.x - other.x) > 0.7 * reach)])
            if (sides[:-1] != sides[1:]).any():
                return True
    return False


def _gain(course: Course, item: Track, frame_rate: float) -> float:
    """Largest gain of horizontal speed over a quarter second without an impact or a neighbour, in m/s."""
    count, reach = len(course.x), max(3, round(frame_rate / 8))
    times = [impact.time_s * frame_rate for impact in course.impacts]
    gains = [np.nan]
    for t in range(reach, count - reach):
        before, after = course.x[t - reach: t + 1], course.x[t: t + reach + 1]
        alone = course.is_exact[t - reach: t + reach + 1].all() and not item.near[t - reach: t + reach + 1].any()
        if alone and np.isfinite(before).all() and np.isfinite(after).all() and not any(
                t - reach - 1 <= time <= t + reach + 1 for time in times):
            speeds = [abs(np.polyfit(np.arange(reach + 1), part, 1)[0]) * frame_rate for part in (before, after)]
            gains.append(speeds[1] - speeds[0])
    return float(np.nanmax(gains)) if len(gains) > 1 else np.nan


def _kicks_in_air(course: Course, frame_rate: float) -> bool:
    """Whether a clear kick comes where nothing is near: high above where the thing ever lay."""
    floor = np.nanmin(course.z) if np.isfinite(course.z).any() else 0.0
    for impact in course.impacts:
        frame = min(round(impact.time_s * frame_rate), len(course.z) - 1)
        height = course.z[frame] - floor
        around = slice(max(frame - 3, 0), frame + 4)
        if (impact.on != "thing" and impact.kick > 1.5 * CLEAR_KICK and height > 2.2 * course.radius
                and course.is_exact[around].all()):
            return True
    return False


def permanence(frames: np.ndarray, tracking: Tracking) -> Verdict:
    """Nothing appears, vanishes, splits, or changes colour or size without cause."""
    faults = sudden_changes(frames, tracking)
    if not faults and all(item.is_faint for item in tracking.tracks):
        return Verdict(None, {})
    for number, item in enumerate(tracking.tracks):
        if item.is_faint:
            continue
        faults += _comings_and_goings(item, number, tracking)
        twice = item.twins[item.seen] > 0
        is_pair = twice[: SHORT_GAP + 1].mean() >= 0.5          # two things of one colour from the start
        if twice.sum() > SHORT_GAP + 1 and not is_pair:
            faults.append("is there twice")
        if _colour_step(item) > COLOUR_STEP:
            faults.append("changes colour")
        if _changes_size(frames, tracking, number):
            faults.append("changes size")
    return Verdict(not faults, {"faults": sorted(set(faults)), "things": len(tracking.tracks)})


def _comings_and_goings(item: Track, number: int, tracking: Tracking) -> list[str]:
    faults = []
    for first, end in _runs(item):
        if first > SHORT_GAP and not (
                _at_edge(item, range(first, min(first + 4, end)), first, tracking.size)
                or _is_hidden(item, number, first, -2, tracking)):
            faults.append("appears")
        if end < len(item.x) - SHORT_GAP and not (
                _at_edge(item, range(max(end - 4, first), end), end - 1, tracking.size)
                or _is_hidden(item, number, end - 1, 2, tracking)):
            faults.append("vanishes")
    return faults


def _is_hidden(item: Track, number: int, frame: int, step: int, tracking: Tracking) -> bool:
    """Whether another thing, one that was there with it, covers most of its place two frames later or earlier."""
    labels = tracking.labels[np.clip(frame + step, 0, len(tracking.labels) - 1)]
    rows, columns = np.mgrid[: labels.shape[0], : labels.shape[1]] + 0.5
    place = np.hypot(columns - item.x[frame], rows - item.y[frame]) < 0.6 * np.sqrt(item.area[frame] / np.pi) + 1
    others = [other for other, track in enumerate(tracking.tracks) if other != number and track.seen[frame]]
    return bool(np.isin(labels[place], others).mean() > 0.5)


def _runs(item: Track) -> list[tuple[int, int]]:
    """First and last frame but one of the times in which a thing is seen: short gaps are closed, and a leap to
    another place, further than its speed and its radius explain, parts two of them."""
    runs: list[tuple[int, int]] = []
    frames = np.flatnonzero(item.seen)
    steps = np.hypot(np.diff(item.x[frames]), np.diff(item.y[frames])) / np.maximum(np.diff(frames), 1)
    for number, frame in enumerate(frames):
        if number and frame - frames[number - 1] <= SHORT_GAP + 1:
            usual = np.concatenate([steps[max(number - 4, 0): number - 1], steps[number: number + 3]]).max(initial=0)
            gap = frame - frames[number - 1]
            if steps[number - 1] * gap <= usual * gap + item.radius:
                runs[-1] = (runs[-1][0], int(frame) + 1)
                continue
        runs.append((int(frame), int(frame) + 1))
    return runs


def _at_edge(item: Track, frames: range, frame: int, size: tuple[int, int]) -> bool:
    """Whether a thing is, in one of some frames, within its next step of an edge of the picture that it moves to or
    from, or touches one."""
    near = np.array([t for t in frames if item.seen[t]])
    left, top, right, bottom = item.box[frame]
    for values, low, high in ((item.x, left, size[0] - right), (item.y, top, size[1] - bottom)):
        step = float(np.abs(np.diff(values[near])).max(initial=0))
        if min(low, high) <= (EDGE_PIXELS + step if step > OUTWARD_PIXELS else AT_REST_PIXELS):
            return True
    return False


def _colour_step(item: Track) -> float:
    """Largest lasting step of a thing's colour, in the tracker's coordinates, over any frame."""
    frames = np.flatnonzero(item.whole)
    if len(frames) < 12:
        return 0.0
    largest = 0.0
    for t in range(6, len(frames) - 5):
        before, after = (np.median(item.colours[frames[part]], 0) for part in (slice(t - 6, t), slice(t, t + 6)))
        ratio = (after + 0.02) / (before + 0.02)
        if np.ptp(ratio) > FACE_TINT * ratio.mean():            # else another face of it, or another light
            largest = max(largest, float(np.linalg.norm((tone(after) - tone(before))[1:])))
    return largest


def _changes_size(frames: np.ndarray, tracking: Tracking, number: int) -> bool:
    """Whether a thing's area takes a lasting step over a quarter second of frames in which it is seen whole, and all
    that differs from the background there with it: else a part of it only looked like the background, or its shadow.
    """
    item = tracking.tracks[number]
    shown = np.flatnonzero(item.whole if item.disc is None else item.whole & np.isfinite(item.disc))
    area = item.area if item.disc is None else np.pi * item.disc**2
    halves = [(shown[t - 6: t], shown[t: t + 6]) for t in range(6, len(shown) - 5)
              if shown[t + 5] - shown[t - 6] < STEP_FRAMES]
    steps = [_ratio(np.median(area[before]), np.median(area[after])) for before, after in halves]
    if max(steps, default=1.0) <= SIZE_STEP:
        return False
    before, after = halves[int(np.argmax(steps))]
    reach = AROUND * np.sqrt(max(np.median(area[before]), np.median(area[after])) / np.pi)
    around = [np.median([_changed_around(frames[t], tracking, number, t, reach) for t in half])
              for half in (before, after)]
    return _ratio(*around) > AROUND_SHARE * max(steps)


def _ratio(one: float, other: float) -> float:
    """The larger over the smaller."""
    return float(max(one, other) / max(min(one, other), 1e-9))


def _changed_around(frame: np.ndarray, tracking: Tracking, number: int, t: int, reach: float) -> int:
    """Pixels that differ from the background in the square around a thing, without those of other things."""
    item, labels = tracking.tracks[number], tracking.labels[t]
    part = tuple(slice(max(int(middle - reach), 0), int(middle + reach) + 1) for middle in (item.y[t], item.x[t]))
    changed = difference(frame[part], tracking.layers.background[part]) > LEAST_CHANGE
    return int((changed & ((labels[part] < 0) | (labels[part] == number))).sum())


def steadiness(frames: np.ndarray, tracking: Tracking) -> Verdict:
    """Flicker of what stands still and error after motion compensation, of 255; compared with true clips later."""
    still = ~dilate(tracking.labels >= 0, 3)
    both = still[1:] & still[:-1]
    steps = np.abs(frames[1:] - frames[:-1])
    change = (steps[..., 0] + steps[..., 1] + steps[..., 2]) / 3            # over a last axis of 3, mean is slow
    flicker = float(255 * change[both].mean()) if both.any() else float("nan")
    pairs = np.linspace(0, len(frames) - 2, min(WARP_PAIRS, len(frames) - 1)).round().astype(int)
    return Verdict(None, {"flicker": flicker,
                          "warping": float(np.mean([warping_error(frames[t], frames[t + 1]) for t in pairs]))})


WARP_PAIRS = 16
BLOCK = 8
REACH = 6


def warping_error(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference (of 255) of two pictures (H, W, 3) after each 8 x 8 block of the second was found again
    in the first, within 6 pixels.

    Source: block matching by sum of absolute differences, as in ISO/IEC 11172-2 annex D.6.2; it stands for optical
    flow, so that the error needs no learnt network.
    """
    height, width = (side // BLOCK * BLOCK for side in one.shape[:2])
    target = other[:height, :width]
    padded = np.pad(one[:height, :width], ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    best = np.full((height // BLOCK, width // BLOCK), np.inf, np.float32)
    moved = np.abs(target - one[:height, :width]).mean(-1).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    best = moved.mean((1, 3))
    busy = np.argwhere(best > 0.004)
    for row, column in busy:
        block = target[BLOCK * row: BLOCK * row + BLOCK, BLOCK * column: BLOCK * column + BLOCK]
        area = padded[BLOCK * row: BLOCK * row + BLOCK + 2 * REACH, BLOCK * column: BLOCK * column + BLOCK + 2 * REACH]
        views = np.lib.stride_tricks.sliding_window_view(area, (BLOCK, BLOCK), axis=(0, 1))     # (13, 13, 3, 8, 8)
        apart = np.abs(views - np.moveaxis(block, -1, 0)).reshape((2 * REACH + 1) ** 2, -1)
        best[row, column] = apart.mean(1).min()
    return float(255 * best.mean())


def sound_on_cause(courses: list[Course], onsets: list[Onset], tracking: Tracking, seconds: float) -> Verdict:
    """Offsets of seen impacts to their sounds (positive: the sound is late), silent impacts, sounds without cause."""
    impacts = sorted((impact for course in courses for impact in course.impacts), key=lambda impact: impact.time_s)
    clear = _distinct([impact for impact in impacts if not tracking.tracks[impact.thing].is_faint
                       and impact.kick > CLEAR_KICK and impact.is_exact and 0.05 < impact.time_s < seconds - 0.1])
    times = np.array([onset.time_s for onset in onsets])
    offsets = [float((times - impact.time_s)[np.abs(times - impact.time_s).argmin()]) if len(times) else np.inf
               for impact in clear]
    heard = [offset for offset in offsets if abs(offset) < NEAR_S]
    orphans = [onset.time_s for onset in onsets if onset.rise_db > CLEAR_RISE_DB and onset.loudness_db > CLEAR_DB
               and not _has_cause(onset.time_s, impacts, tracking, seconds)]
    if not clear and not orphans:
        return Verdict(None, {"impacts": 0, "offsets": [], "orphans": 0})
    on_time = [abs(offset) <= ON_TIME_S for offset in offsets]
    near = [impact.kick * (abs(offset) <= SURELY_ON_TIME_S) for impact, offset in zip(clear, offsets, strict=True)]
    lag = _lag(clear, times)
    holds = (not near or sum(near) > 0.6 * sum(impact.kick for impact in clear)) and not orphans
    holds = holds and abs(lag) <= SURELY_ON_TIME_S
    return Verdict(bool(holds), {"impacts": len(clear), "offsets": heard, "silent": len(offsets) - len(heard),
                                 "on_time": int(sum(on_time)), "lag": lag, "orphans": len(orphans),
                                 "orphan_times": orphans})


def _lag(impacts: list[Impact], times: np.ndarray) -> float:
    """Seconds by which all sounds together come late (or early: negative), 0 unless that explains the impacts plainly
    better than no shift: where hits follow fast, a late sound may fall on the next hit."""
    if not impacts or not len(times):
        return 0.0
    apart = times[None] - np.array([impact.time_s for impact in impacts])[:, None]              # (impacts, onsets)
    kicks = np.array([impact.kick for impact in impacts])
    scores = np.array([kicks @ np.exp(-0.5 * ((apart - lag) / LAG_WIDTH_S) ** 2).max(1) for lag in LAGS_S])
    best = int(scores.argmax())
    usual = scores[np.abs(LAGS_S) <= ON_TIME_S].max()
    plain = scores[best] > LAG_GAIN * usual and scores[best] > LAG_SHARE * kicks.sum()
    return float(LAGS_S[best]) if plain else 0.0


def _distinct(impacts: list[Impact]) -> list[Impact]:
    """Two things that meet give two impacts and one sound."""
    kept: list[Impact] = []
    for impact in impacts:
        if not any(abs(impact.time_s - other.time_s) < 0.05 and "thing" in (impact.on, other.on) for other in kept):
            kept.append(impact)
    return kept


def _has_cause(time_s: float, impacts: list[Impact], tracking: Tracking, seconds: float) -> bool:
    """Whether anything seen, or something out of sight, may have made a sound at this time."""
    if not 0.1 < time_s < seconds - 0.1 or any(-ORPHAN_S < time_s - impact.time_s < RATTLE_S for impact in impacts):
        return True
    earlier = [[impact.time_s for impact in impacts if impact.thing == number and impact.time_s < time_s]
               for number in range(len(tracking.tracks))]
    if any(len(times) > 1 and time_s - times[-1] < LAST_BOUNCES * (times[-1] - times[-2]) for times in earlier):
        return True                         # one of the lower and lower bounces of something that bounces
    frame = min(int(time_s / seconds * len(tracking.labels)), len(tracking.labels) - 1)
    near = slice(max(frame - 2, 0), frame + 3)
    for item in tracking.tracks:
        if item.is_faint or (item.cut[near] | item.near[near]).any() or (not item.seen[near].all() and item.cut.any()):
            return True
        if np.isfinite(item.y[near]).all():
            kink = np.abs(np.diff(item.y[near], 2)).max(initial=0)
            if kink > 1.0 or (kink < 0.5 and np.abs(np.diff(item.x[near])).max(initial=0) > SCRAPE_PIXELS):
                return True
    return False
