"""Clips of the world, true and broken on purpose: what the instrument itself is judged by.

A break changes one thing: how fast things fall, when one hears them, what colour a thing keeps, whether it is there,
how often it is there, whether it passes through another, and which way time runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..world.materials import COLOURS
from ..world.physics import STEPS_PER_FRAME
from ..world.pool import NUM_SAMPLES, SAMPLE_RATE, SHARD_SIZES, clip_seed, make_record
from ..world.render import Stage
from ..world.sound import synthesise_clip

SEED = 4242                         # of validation clips: pools to train or to calibrate on have others
SHIFT_S = 0.1
GONE_FRAMES = 24
HALF_SPEED = 2 ** -0.5              # time slowed by so much halves every acceleration
AWAY_M = 40.0


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
        scene, motion, record = make_record(clip_seed(seed, index // 16, index % 16), width, height, family)
        sound = synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE)
        return WorldClip(self.stage(width, height).render(scene, motion), sound, record, scene, motion)

    def render(self, clip: WorldClip, motion: Any, scene: Any = None) -> np.ndarray:
        """The frames of a clip with another motion or scene."""
        height, width = clip.frames.shape[1:3]
        return self.stage(width, height).render(scene or clip.scene, motion)


def true_clips(count: int, *, seed: int = SEED, first: int = 0) -> Iterator[WorldClip]:
    """`count` clips of the world from number `first` on."""
    with Studio() as studio:
        for index in range(first, first + count):
            yield studio.clip(index, seed=seed)


def gravity_halved(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Time slowed so that every acceleration halves; sound and picture stay together."""
    if clip.record.family not in ("drop", "throw"):
        return None
    steps = np.round(np.arange(len(clip.motion.poses)) * HALF_SPEED).astype(int)
    motion = replace(clip.motion, poses=clip.motion.poses[steps])
    touches = tuple(replace(touch, time_s=touch.time_s / HALF_SPEED) for touch in clip.record.contacts)
    rows = np.round(np.arange(clip.record.rolling.shape[1]) * HALF_SPEED).astype(int)
    record = replace(clip.record, contacts=touches, rolling=clip.record.rolling[:, rows],
                     sliding=clip.record.sliding[:, rows])
    return replace(clip, frames=studio.render(clip, motion), motion=motion, record=record,
                   sound=synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE))


def sound_shifted(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """All that is heard comes 100 ms late."""
    if not any(touch.impulse_ns > 1.0 for touch in clip.record.contacts):
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
    return replace(clip, frames=np.concatenate([clip.frames[:middle], twice]))


def passed_through(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Two things that met go on as if they hadn't."""
    meeting = next((touch for touch in clip.record.contacts if touch.body_b >= 0), None)
    if meeting is None or clip.record.family not in ("collide", "roll"):
        return None
    step = max(round(meeting.time_s * 960) - 2, 0)
    poses = clip.motion.poses.copy()
    later = np.arange(len(poses) - step)[:, None] / 960
    for body in (meeting.body_a, meeting.body_b):
        speed = clip.motion.velocities[step, body, :3] * (1, 1, 0)
        poses[step:, body, :3] = poses[step, body, :3] + later * speed
    motion = replace(clip.motion, poses=poses)
    meets = np.abs(poses[:, meeting.body_a, 0] - poses[:, meeting.body_b, 0]).min()
    if meets > 0.3 * clip.scene.bodies[0].record.radius_m:
        return None
    return replace(clip, frames=studio.render(clip, motion), motion=motion)


def time_reversed(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Time runs backwards: bounces grow."""
    floors = [touch for touch in clip.record.contacts if touch.body_b == -1]
    if clip.record.family not in ("drop", "throw") or len(floors) < 3:
        return None
    return replace(clip, frames=clip.frames[::-1], sound=clip.sound[::-1])


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


BREAKS: dict[str, tuple[str, Callable[[WorldClip, Studio], WorldClip | None]]] = {
    "gravity halved": ("gravity", gravity_halved),
    "sound 100 ms late": ("sound", sound_shifted),
    "colour swapped": ("permanence", colour_swapped),
    "gone for a second": ("permanence", object_gone),
    "there twice": ("permanence", object_doubled),
    "passes through": ("collision", passed_through),
    "time reversed": ("collision", time_reversed),
}
"""Name -> the measure that must find it, and how to make it."""
