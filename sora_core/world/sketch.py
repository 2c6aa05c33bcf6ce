"""The truth of a clip as the sketch that the model learns to draw, see `models/sketch.py` for its numbers and units."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .materials import COLOURS, MATERIALS
from .physics import FRAME_RATE, NUM_FRAMES, Motion
from .places import PLACES, View
from .record import ContactRecord
from .scenes.scene import Scene

SLOTS, STATES, TRAITS, STAGE = 3, 8, 5, 4
_OUT_OF_SIGHT = 1.5
_HARD_HIT = math.log1p(4 * 5.0)     # a change of speed of 5 m/s counts as 1


def sketch_arrays(scene: Scene, motion: Motion, contacts: tuple[ContactRecord, ...]) -> dict[str, np.ndarray]:
    """Sketch of one clip.

    Returns:
        float32: "states" (K, T, 8), "hits" (K, T), "traits" (K, 5), "stage" (4,).
    """
    states = np.zeros((SLOTS, NUM_FRAMES, STATES), np.float32)
    traits = np.zeros((SLOTS, TRAITS), np.float32)
    traits[:, 0] = -1
    hits = np.zeros((SLOTS, NUM_FRAMES + 1), np.float32)
    for i, body in enumerate(scene.bodies):
        record, poses = body.record, motion.frames[:, i]
        places = _on_screen(scene.view, poses[:, :3])
        states[i, :, :2] = places
        if record.kind == "box":
            axes = _canonical(_axes(poses[:, 3:]) * record.radius_m, scene.view)       # (T, 3 edges, 3)
            for edge in range(3):
                states[i, :, 2 + 2 * edge: 4 + 2 * edge] = _on_screen(scene.view, poses[:, :3] + axes[:, edge]) - places
        else:
            radius = scene.view.project(poses[:, :3], record.radius_m)[:, 2] * _units(scene.view)[1]
            states[i, :, 2] = states[i, :, 5] = radius
        pale = MATERIALS[record.material].pale
        colour = np.array(COLOURS[record.colour])
        traits[i] = [1, 1 if record.kind == "box" else -1, *(2 * (colour + pale * (1 - colour)) - 1)]
    for touch in contacts:
        for i in (touch.body_a, touch.body_b):
            if i >= 0:
                at = min(touch.time_s * FRAME_RATE, NUM_FRAMES - 1)
                strength = math.log1p(4 * touch.impulse_ns / scene.bodies[i].record.mass_kg) / _HARD_HIT
                hits[i, int(at)] += strength * (1 - at % 1)
                hits[i, int(at) + 1] += strength * (at % 1)
    states = np.clip(states, -_OUT_OF_SIGHT, _OUT_OF_SIGHT)     # a thing that rolls past the camera has no place at all
    return {"states": states, "hits": hits[:, :NUM_FRAMES], "traits": traits, "stage": _stage(scene)}


def _units(view: View) -> tuple[float, float]:
    """Half the width and half the height of the picture, in units of the square root of its area."""
    ratio = math.sqrt(view.width / view.height)
    return 0.5 * ratio, 0.5 / ratio


def _on_screen(view: View, points: np.ndarray) -> np.ndarray:
    """World points (..., 3) -> x, y (..., 2)."""
    return view.project(points, 0.0)[..., :2] * _units(view)


def _axes(quaternions: np.ndarray) -> np.ndarray:
    """(T, 4) -> (T, 3 axes, 3), the body's axes in the world."""
    w, x, y, z = quaternions.T
    rows = [[1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def _canonical(edges: np.ndarray, view: View) -> np.ndarray:
    """Name a box's edges by how they lie in the first frame (rightward, downward, in depth): fewer ways to say one."""
    local = edges[0] @ view.rotation                     # right, up, backward
    order = max(itertools.permutations(range(3)), key=lambda p: sum(abs(local[p[i], i]) for i in range(3)))
    signs = [1.0 if wanted * local[edge, axis] >= 0 else -1.0
             for axis, (edge, wanted) in enumerate(zip(order, (1, -1, 1), strict=True))]
    return edges[:, list(order)] * np.array(signs)[None, :, None]


def _stage(scene: Scene) -> np.ndarray:
    view, half = scene.view, _units(scene.view)[0]
    ends = _on_screen(view, np.array([[x, PLACES[scene.setting.place].distance_m, 0.0] for x in (-1.0, 1.0)]))
    slope = (ends[1, 1] - ends[0, 1]) / (ends[1, 0] - ends[0, 0])
    edge = [ends[0, 1] + slope * (x - ends[0, 0]) for x in (-half, half)]
    if scene.wall_x is None:
        return np.array([*edge, 0.0, 0.0], np.float32)
    wall = _on_screen(view, np.array([scene.wall_x, 0.0, 0.4]))[0]
    return np.array([*edge, wall, math.copysign(1.0, scene.wall_x)], np.float32)
