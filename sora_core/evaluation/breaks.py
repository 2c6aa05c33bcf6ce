"""Clips of the world, true and broken on purpose: what the instrument itself is judged by.

A break changes one thing: how fast things fall, when one hears them, what colour a thing keeps, whether it is there,
how often it is there, whether it passes through another or through a wall, and which way time runs. A clip is only
broken where its truth says that the break is in the picture: half gravity of a box that slides can't be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..world.materials import COLOURS
from ..world.physics import FRAME_RATE, STEPS_PER_FRAME
from ..world.pool import NUM_SAMPLES, SAMPLE_RATE, SHARD_SIZES, clip_seed, make_record
from ..world.record import FLOOR, WALL
from ..world.render import Stage
from ..world.scenes.families import draw_scene
from ..world.sound import synthesise_clip
from .spoken import quoted

SEED = 4242                         # of validation clips: pools to train or to calibrate on have others
WALL_TRIES = 400                    # one roll in five indoors meets a wall
SHIFT_S = 0.1
GONE_FRAMES = 24
HALF_SPEED = 2 ** -0.5              # time slowed by so much halves every acceleration
AWAY_M = 40.0
LEAST_CHANGE, LEAST_MEETING = 1.5, 0.4          # m/s: of a fall's end, of a meeting; less isn't plain to see
LEAST_FLIGHT_M, LEAST_FLIGHT_FRAMES = 0.20, 6
PLAIN_LAB, PLAIN_SHARE = 12.0, 0.005            # of CIE 1976 L*a*b*, of the picture: a change that nobody overlooks
HEARD_S, HEARD_CHANGE = 0.045, 0.5              # s, m/s: a hit that falls together with another that can be heard
BOX_REACH = 1.45                                # a turned box, over its half edge


@dataclass(frozen=True)
class WorldClip:
    """A rendered clip.

    Attributes:
        frames: (T, H, W, 3) uint8.
        sound: (N,) float32 at `SAMPLE_RATE`.
        record: its truth.
        scene, motion: what it was rendered from.
    """

    frames: np.ndarray
    sound: np.ndarray
    record: Any
    scene: Any
    motion: Any


class Studio:
    """Renders clips of the world, one stage per picture size; a context manager."""

    def __init__(self) -> None:
        self._stack, self._stages = ExitStack(), {}

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *trace: Any) -> None:
        self._stack.__exit__(*trace)

    def stage(self, width: int, height: int) -> Stage:
        """The renderer of a picture size."""
        if (width, height) not in self._stages:
            self._stages[width, height] = self._stack.enter_context(Stage(width, height))
        return self._stages[width, height]

    def clip(self, index: int, *, seed: int = SEED, family: str | None = None) -> WorldClip:
        """Clip number `index` of a seed; sizes by turns as in a pool."""
        width, height = SHARD_SIZES[index % len(SHARD_SIZES)]
        return self._film(*make_record(clip_seed(seed, index // 16, index % 16), width, height, family))

    def walled(self, index: int, *, seed: int = SEED) -> WorldClip:
        """As `clip`, the first one from there in which a ball rolls towards a side wall."""
        width, height = SHARD_SIZES[index % len(SHARD_SIZES)]
        numbers = (clip_seed(seed, index, WALL_TRIES + number) for number in range(WALL_TRIES))
        number = next(number for number in numbers if draw_scene(number, width, height, "roll").wall_x is not None)
        return self._film(*make_record(number, width, height, "roll"))

    def _film(self, scene: Any, motion: Any, record: Any) -> WorldClip:
        sound = synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE)
        view = scene.view
        return WorldClip(self.stage(view.width, view.height).render(scene, motion), sound, record, scene, motion)

    def render(self, clip: WorldClip, motion: Any, scene: Any = None) -> np.ndarray:
        """The frames of a clip with another motion or scene."""
        height, width = clip.frames.shape[1:3]
        return self.stage(width, height).render(scene or clip.scene, motion)


def true_clips(count: int, *, seed: int = SEED, first: int = 0) -> Iterator[WorldClip]:
    """`count` clips of the world from number `first` on."""
    with Studio() as studio:
        for index in range(first, first + count):
            yield studio.clip(index, seed=seed)


def talks(count: int, *, seed: int = SEED) -> Iterator[tuple[np.ndarray, int, str]]:
    """Sounds (N,) of clips in which somebody speaks, without pictures: sound, sample rate, the words in lower case."""
    width, height = SHARD_SIZES[0]
    for index in range(count):
        _, _, record = make_record(clip_seed(seed, index, 0), width, height, "talk")
        sound = synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE)
        yield sound, SAMPLE_RATE, quoted(f'"{" ".join(line.text for line in record.lines)}"')


def gravity_halved(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Time slowed so that every acceleration halves; sound and picture stay together."""
    steps = np.round(np.arange(len(clip.motion.poses)) * HALF_SPEED).astype(int)
    motion = replace(clip.motion, poses=clip.motion.poses[steps])
    touches = tuple(replace(touch, time_s=touch.time_s / HALF_SPEED) for touch in clip.record.contacts)
    if not _shows_flight(clip, motion.frames, [touch.time_s for touch in touches]):
        return None
    rows = np.round(np.arange(clip.record.rolling.shape[1]) * HALF_SPEED).astype(int)
    record = replace(clip.record, contacts=touches, rolling=clip.record.rolling[:, rows],
                     sliding=clip.record.sliding[:, rows])
    return replace(clip, frames=studio.render(clip, motion), motion=motion, record=record,
                   sound=synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE))


def sound_shifted(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """All that is heard comes 100 ms late."""
    heard = [touch.time_s + SHIFT_S for touch in clip.record.contacts
             if touch.impulse_ns > HEARD_CHANGE * clip.record.objects[touch.body_a].mass_kg]
    if not any(_shows_touch(clip, touch) and all(abs(time_s - touch.time_s) > HEARD_S for time_s in heard)
               for touch in clip.record.contacts):
        return None
    lead = round(SHIFT_S * SAMPLE_RATE)
    return replace(clip, sound=np.concatenate([clip.sound[-lead:] * 0, clip.sound[:-lead]]))


def colour_swapped(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """From the middle of its time in the picture on, the first thing has another colour."""
    middle = _middle(clip)
    if middle is None:
        return None
    body = clip.scene.bodies[0]
    others = [name for name in COLOURS if name not in [b.record.colour for b in clip.scene.bodies]]
    colour = others[clip.record.seed % len(others)]
    scene = replace(clip.scene, bodies=(replace(body, record=replace(body.record, colour=colour)),
                                        *clip.scene.bodies[1:]))
    other = studio.render(clip, _from(clip.motion, clip.motion.poses, middle), scene)
    if not _is_plain(clip.frames[middle], other[0]):
        return None
    return replace(clip, frames=np.concatenate([clip.frames[:middle], other]))


def object_gone(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """The first thing is not there for a second."""
    middle = _middle(clip)
    if middle is None:
        return None
    first = middle - GONE_FRAMES // 2
    last = first + GONE_FRAMES
    motion = _from(clip.motion, _moved(clip.motion.poses, 0, (0.0, -AWAY_M, -AWAY_M)), first, last)
    frames = clip.frames.copy()
    frames[first:last] = studio.render(clip, motion)
    if not all(_is_plain(clip.frames[t], frames[t]) for t in (first, middle, last - 1)):
        return None
    return replace(clip, frames=frames)


def object_doubled(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """From the middle of its time in the picture on, the first thing is there twice."""
    middle = _middle(clip)
    if middle is None or len(clip.scene.bodies) > 1:
        return None
    x = float(clip.record.tracks[middle, 0, 0])
    aside = -3.0 * clip.scene.bodies[0].record.radius_m * (1 if x > 0 else -1)
    poses = np.concatenate([clip.motion.poses, _moved(clip.motion.poses, 0, (aside, 0.0, 0.0))], axis=1)
    scene = replace(clip.scene, bodies=clip.scene.bodies * 2)
    twice = studio.render(clip, _from(clip.motion, poses, middle), scene)
    if not _is_plain(clip.frames[middle], twice[0]):
        return None
    return replace(clip, frames=np.concatenate([clip.frames[:middle], twice]))


def passed_through(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Two things that met go on as if they hadn't."""
    meeting = next((touch for touch in clip.record.contacts if touch.body_b >= 0), None)
    if meeting is None or not _shows_touch(clip, meeting, LEAST_MEETING):
        return None
    step = max(round(meeting.time_s * 960) - 2, 0)
    poses = clip.motion.poses.copy()
    later = np.arange(len(poses) - step)[:, None] / 960
    for body in (meeting.body_a, meeting.body_b):
        speed = clip.motion.velocities[step, body, :3] * (1, 1, 0)
        poses[step:, body, :3] = poses[step, body, :3] + later * speed
    motion = replace(clip.motion, poses=poses)
    away = np.abs(poses[::STEPS_PER_FRAME, meeting.body_a, 0] - poses[::STEPS_PER_FRAME, meeting.body_b, 0])
    middle = int(away.argmin())
    near = slice(max(middle - 1, 0), middle + 2)
    if away[middle] > 0.3 * clip.scene.bodies[0].record.radius_m or not all(
            _whole(clip, body, poses[::STEPS_PER_FRAME])[near].all() for body in (meeting.body_a, meeting.body_b)):
        return None
    return replace(clip, frames=studio.render(clip, motion), motion=motion)


def passed_wall(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """A ball rolls on through the wall that it should have hit."""
    if clip.scene.wall_x is None:
        return None
    meeting = next((touch for touch in clip.record.contacts if touch.body_b == WALL), None)
    if meeting is None or not _shows_touch(clip, meeting, LEAST_MEETING):
        return None
    step = max(round(meeting.time_s * 960) - 2, 0)
    poses = clip.motion.poses.copy()
    later = np.arange(len(poses) - step)[:, None] / 960
    speed = clip.motion.velocities[step, meeting.body_a, :3] * (1, 1, 0)
    poses[step:, meeting.body_a, :3] = poses[step, meeting.body_a, :3] + later * speed
    motion = replace(clip.motion, poses=poses)
    return replace(clip, frames=studio.render(clip, motion), motion=motion)


def time_reversed(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Time runs backwards: bounces grow."""
    floors = [touch for touch in clip.record.contacts if touch.body_b == FLOOR and _shows_touch(clip, touch)]
    if len(floors) < 2:
        return None
    return replace(clip, frames=clip.frames[::-1], sound=clip.sound[::-1])


def _shows_touch(clip: WorldClip, touch: Any, least: float = LEAST_CHANGE) -> bool:
    """Whether a touch changes a speed by so many m/s and its body is in the picture, whole, just before and after."""
    frame = round(touch.time_s * FRAME_RATE)
    near = slice(max(frame - 3, 0), frame + 4)
    return bool(touch.impulse_ns > least * clip.record.objects[touch.body_a].mass_kg
                and 0.15 < touch.time_s < len(clip.frames) / FRAME_RATE - 0.25
                and _whole(clip, touch.body_a)[near].all())


def _shows_flight(clip: WorldClip, poses: np.ndarray, touches: list[float]) -> bool:
    """Whether a body, in the picture and whole, rises or falls by `LEAST_FLIGHT_M` between two touches."""
    cuts = {round(time_s * FRAME_RATE) for time_s in touches}
    for number in range(poses.shape[1]):
        whole = _whole(clip, number, poses)
        first = 0
        for t in range(len(poses) + 1):
            if t == len(poses) or not whole[t] or t in cuts:
                part = poses[first:t, number, 2]
                if len(part) > LEAST_FLIGHT_FRAMES and np.ptp(part) > LEAST_FLIGHT_M:
                    return True
                first = t + 1
    return False


def _whole(clip: WorldClip, number: int, poses: np.ndarray | None = None) -> np.ndarray:
    """(T,) bool: frames in which a body is in the picture and nothing of it is cut off."""
    body = clip.record.objects[number]
    places = (clip.motion.frames if poses is None else poses)[:, number, :3]
    reach = body.radius_m * (BOX_REACH if body.kind == "box" else 1.0)
    x, y, radius, _ = clip.scene.view.project(places, reach).T
    height, width = clip.frames.shape[1:3]
    return (np.abs(x) + radius * height / width < 1) & (np.abs(y) + radius < 1)


def _is_plain(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two pictures (H, W, 3) uint8 differ so much, and in so large a part, that anybody sees it.

    Source: CIE 1976 L*a*b* of sRGB (IEC 61966-2-1, white D65); about 2.3 of it is just noticeable (Mahy et al. 1994).
    """
    return bool((np.linalg.norm(_lab(one) - _lab(other), axis=-1) > PLAIN_LAB).mean() > PLAIN_SHARE)


def _lab(picture: np.ndarray) -> np.ndarray:
    value = picture.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    share = linear @ np.array([[0.4339, 0.2126, 0.0178], [0.3762, 0.7152, 0.1095], [0.1899, 0.0722, 0.8727]])
    x, y, z = np.moveaxis(np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _middle(clip: WorldClip) -> int | None:
    """The middle of the frames in which the first thing is in the picture, or None if that is too short."""
    x, y, radius, _ = clip.record.tracks[:, 0].T
    height, width = clip.frames.shape[1:3]
    inside = np.flatnonzero((np.abs(x) < 1 - 2 * radius * height / width) & (np.abs(y) < 1 - 2 * radius))
    return int(np.median(inside)) if len(inside) > 2 * GONE_FRAMES else None


def _from(motion: Any, poses: np.ndarray, first: int, last: int | None = None) -> Any:
    """The motion of some frames alone."""
    end = None if last is None else last * STEPS_PER_FRAME
    return replace(motion, poses=poses[first * STEPS_PER_FRAME: end])


def _moved(poses: np.ndarray, body: int, shift: tuple[float, float, float]) -> np.ndarray:
    """Poses of one body moved, (steps, 1 or n, 7): only that body when n is one."""
    moved = poses.copy()
    moved[:, body, :3] += shift
    return moved


BREAKS: dict[str, tuple[tuple[str, ...], Callable[[WorldClip, Studio], WorldClip | None]]] = {
    "gravity halved": (("gravity",), gravity_halved),
    "sound 100 ms late": (("sound",), sound_shifted),
    "colour swapped": (("permanence",), colour_swapped),
    "gone for a second": (("permanence",), object_gone),
    "there twice": (("permanence",), object_doubled),
    "through another": (("collision",), passed_through),
    "through the wall": (("collision", "permanence"), passed_wall),
    "time reversed": (("collision",), time_reversed),
}
"""Name -> the measures of which one must find it, and how to make it. What a wall swallows isn't there any more."""
RARE = ("through another", "through the wall")
BREAKS_PER_CLIP = 2
WALL_EVERY = 6


def broken(clip: WorldClip, index: int, studio: Studio, *, seed: int = SEED) -> Iterator[tuple[str, WorldClip]]:
    """Some breaks of a clip, other ones for each index: what is rare always, of the rest the next ones in turn; and
    now and then a ball that goes through a wall, from a clip that has one."""
    rest = [name for name in BREAKS if name not in RARE]
    start = index % len(rest)
    count = 0
    for name in (*RARE, *rest[start:], *rest[:start]):
        changed = BREAKS[name][1](clip, studio) if count < BREAKS_PER_CLIP else None
        if changed is not None:
            count += 1
            yield name, changed
    if index % WALL_EVERY == 0 and clip.scene.wall_x is None:
        changed = passed_wall(studio.walled(index, seed=seed), studio)
        if changed is not None:
            yield "through the wall", changed
