"""What each body of a simulated clip did, judged from its motion alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import NUM_FRAMES
from .physics import STEP_S, Motion
from .record import FLOOR, WALL
from .scenes.scene import Scene


@dataclass(frozen=True)
class Course:
    """What one body did.

    Attributes:
        bounces: how often it visibly left the floor again after landing.
        highest_m: highest clearance after the first landing.
        is_falling: started in the air.
        direction: -1 moved to the left of the picture, 1 to the right, 0 neither.
        is_resting: lay still from the start until touched, or all the time.
        ends_still: is at rest in the last quarter second.
        leaves: is outside the picture at the end, having been inside.
        hit: index of the first body it touched, or None.
        hit_wall: touched a side wall.
        tips: a box that ended on another side than it started or tumbled.
    """

    bounces: int
    highest_m: float
    is_falling: bool
    direction: int
    is_resting: bool
    ends_still: bool
    leaves: bool
    hit: int | None
    hit_wall: bool
    tips: bool


def courses(scene: Scene, motion: Motion, tracks: np.ndarray) -> list[Course]:
    """Judge from the motion what each body did."""
    return [_course(scene, motion, tracks[:, i], i) for i in range(len(scene.bodies))]


def _course(scene: Scene, motion: Motion, track: np.ndarray, index: int) -> Course:
    body = scene.bodies[index]
    floor_times = [t * STEP_S for t, _, a, b in motion.touches if a == index and b == FLOOR]
    others = [b if a == index else a for _, _, a, b in motion.touches if b >= 0 and index in (a, b)]
    height = motion.poses[:, index, 2] - body.record.radius_m
    in_air = motion.floor_force[index] <= 0
    bounces, highest = _count_bounces(height, in_air)
    seen = np.flatnonzero(track[:, 3] > 0)
    shift = float(track[seen[-1], 0] - track[seen[0], 0]) if len(seen) > 1 else 0.0
    speed = np.linalg.norm(motion.velocities[:, index, :3], axis=1)
    quaternion = motion.poses[:, index, 3:]
    up = 1 - 2 * (quaternion[:, 1] ** 2 + quaternion[:, 2] ** 2)
    return Course(
        bounces=bounces,
        highest_m=highest,
        is_falling=bool(height[0] > 0.15 and floor_times),
        direction=0 if abs(shift) < 0.2 else int(np.sign(shift)),
        is_resting=bool(speed[0] < 0.05 and height[0] < 0.05),
        ends_still=bool(speed[-240:].max() < 0.08),
        leaves=bool(len(seen) and seen[-1] < NUM_FRAMES - 1 and abs(track[-1, 0]) > 1),
        hit=others[0] if others else None,
        hit_wall=any(a == index and b == WALL for _, _, a, b in motion.touches),
        tips=body.record.kind == "box" and bool(up.max() - up.min() > 0.5),
    )


def _count_bounces(height: np.ndarray, in_air: np.ndarray) -> tuple[int, float]:
    """Flights after the first landing that rise at least 4 cm, and the highest rise.

    The rise is taken from the flight time, so that a tumbling box counts by what its centre does.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], in_air.astype(int), [0]])))
    flights = edges.reshape(-1, 2)
    rises = [
        float(height[a:b + 1].max() - height[a]) for a, b in flights if a > 0 and (b - a) * STEP_S > 0.09
    ]
    rises = [rise for rise in rises if rise > 0.04]
    return len(rises), max(rises, default=0.0)
