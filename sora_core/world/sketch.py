"""The truth of a clip as the sketch that the model learns to draw, see `models/sketch.py` for its numbers and units."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from .camera import FRAME_RATE, NUM_FRAMES, View
from .materials import COLOURS, MATERIALS
from .performance import Member, Performance
from .physics import Motion, rotate
from .record import ContactRecord
from .scenes.scene import Bar, Outline, Scene

SLOTS, STATES, TRAITS, STAGE = 5, 8, 6, 4
SKETCHED = ("ball", "box")
"""Kinds of bodies that a sketch can show."""
MEMBER_COUNTS = (5, 3, 1)
"""How many members of a figure are shown: trunk, legs and arms; trunk and legs; the trunk."""
VOICE_STRENGTH = 0.5
_OUT_OF_SIGHT = 1.5
_HARD_HIT = math.log1p(4 * 5.0)     # a change of speed of 5 m/s counts as 1


def has_room(scene: Scene) -> bool:
    """Whether a sketch can hold a scene: a camera that stands or goes along, few things, nothing that breaks."""
    outlined = {outline.of for outline in scene.outlines}
    drawn = [i for i, body in enumerate(scene.bodies) if body.record.kind in SKETCHED]
    return ((scene.view.path is None or scene.view.move == "follow") and not scene.pieces
            and all(i in drawn or i in outlined for i in range(len(scene.bodies)))
            and all(figure.members for figure in scene.figures)
            and 0 < _things(scene) + len(scene.figures) <= SLOTS)


def _things(scene: Scene) -> int:
    """Slots that bodies and props take."""
    drawn = sum(body.record.kind in SKETCHED for body in scene.bodies)
    return drawn + len(scene.outlines) + sum(len(prop.outlines) for prop in scene.props)


def sketch_arrays(
    scene: Scene, motion: Motion, contacts: tuple[ContactRecord, ...]
) -> dict[str, np.ndarray] | None:
    """Sketch of one clip: its bodies first, then the boxes that stand for what is around, then figures.

    What stands around, such as a hoop, is told as a figure that doesn't move: it hangs in the air, and what lies before
    it in the picture doesn't run into it.

    Returns:
        float32: "states" (K, T, 8), "hits" (K, T), "traits" (K, 5), "stage" (4,); None if it has no room for the clip.
    """
    if not has_room(scene):
        return None
    arrays = empty_arrays()
    states, traits = arrays["states"], arrays["traits"]
    hits = np.zeros((SLOTS, NUM_FRAMES + 1), np.float32)
    shown = [index for index, body in enumerate(scene.bodies) if body.record.kind in SKETCHED]
    slots = {index: i for i, index in enumerate(shown)}
    for i, index in enumerate(shown):
        record, poses = scene.bodies[index].record, motion.frames[:, index]
        if record.kind == "ball":
            states[i, :, :2] = _on_screen(scene.view, poses[:, :3])
            radius = scene.view.project(poses[:, :3], record.radius_m)[:, 2] * _units(scene.view)[1]
            states[i, :, 2] = states[i, :, 5] = radius
        else:
            states[i] = _box_states(scene.view, poses, record.half_m or (record.radius_m,) * 3)
        pale = MATERIALS[record.material].pale
        colour = np.array(COLOURS[record.colour])
        traits[i] = [1, -1 if record.kind == "ball" else 1, *(2 * (colour + pale * (1 - colour)) - 1), -1]
    for i, outline in enumerate(scene.outlines, len(shown)):
        if outline.of is not None:
            slots.setdefault(outline.of, i)
        states[i] = _box_states(scene.view, _outline_poses(outline, motion), outline.half_m)
        traits[i] = [1, 1, *(2 * np.array(outline.colour) - 1), -1]
    standing = [outline for prop in scene.props for outline in prop.outlines]
    for i, outline in enumerate(standing, len(shown) + len(scene.outlines)):
        states[i] = (_edge_states(scene.view, outline) if isinstance(outline, Bar) else
                     _box_states(scene.view, _outline_poses(outline, motion), outline.half_m))
        traits[i] = [1, 1, *(2 * np.array(outline.colour) - 1), 1]
    for touch in contacts:
        for body in (touch.body_a, touch.body_b):
            if body >= 0:
                i = slots[body]
                strength = math.log1p(4 * touch.impulse_ns / scene.bodies[body].record.mass_kg) / _HARD_HIT
                _hit(hits[i], touch.time_s, strength)
    first = _things(scene)
    for figure in scene.figures:
        first += _add_figure(figure, scene, states[first:], hits[first:], traits[first:])
    # A thing that rolls past the camera has no place at all.
    states = np.clip(states, -_OUT_OF_SIGHT, _OUT_OF_SIGHT)
    return {"states": states, "hits": hits[:, :NUM_FRAMES], "traits": traits, "stage": _stage(scene)}


def _hit(hits: np.ndarray, time_s: float, strength: float) -> None:
    at = min(time_s * FRAME_RATE, NUM_FRAMES - 1)
    hits[int(at)] += strength * (1 - at % 1)
    hits[int(at) + 1] += strength * (at % 1)


def _add_figure(figure: Performance, scene: Scene, states: np.ndarray, hits: np.ndarray, traits: np.ndarray) -> int:
    """Write a figure's members into the next free slots; returns how many."""
    room = (SLOTS - _things(scene)) // len(scene.figures)
    members = figure.members[:next(count for count in MEMBER_COUNTS if count <= room)]
    for i, member in enumerate(members):
        states[i] = _bar_states(scene.view, member)
        traits[i] = [1, 1, *(2 * np.array(member.colour) - 1), 1]
    for event in figure.events:
        # A noise is made by the member of which an end is nearest.
        frame = min(int(event.time_s * FRAME_RATE), NUM_FRAMES - 1)
        gaps = [np.linalg.norm(member.ends[frame] - np.array(event.position), axis=-1).min() for member in members]
        _hit(hits[int(np.argmin(gaps))], event.time_s, event.strength)
    for voice in figure.voices:
        _hit(hits[0], voice.time_s, VOICE_STRENGTH)
    return len(members)


def _bar_states(view: View, member: Member) -> np.ndarray:
    """(T, 8) place and half-edges on the screen: across, along, none in depth."""
    units = _units(view)
    ends = view.project_frames(member.ends, member.radius_m)                        # (T, 2, 4)
    places, radius = ends[..., :2] * units, ends[..., 2].mean(1, keepdims=True) * units[1]
    along = 0.5 * (places[:, 1] - places[:, 0])
    length = np.linalg.norm(along, axis=1, keepdims=True)
    turn = along / np.maximum(length, 1e-6)
    along = turn * np.maximum(length + 0.5 * radius, radius)                        # with half of its round ends
    across = radius * np.stack([turn[:, 1], -turn[:, 0]], axis=1)
    return np.concatenate([places.mean(1), across, along, np.zeros_like(along)], axis=1)


def empty_arrays() -> dict[str, np.ndarray]:
    """The arrays of a clip without a sketch: nothing there."""
    traits = np.zeros((SLOTS, TRAITS), np.float32)
    traits[:, 0] = -1
    return {"states": np.zeros((SLOTS, NUM_FRAMES, STATES), np.float32),
            "hits": np.zeros((SLOTS, NUM_FRAMES), np.float32), "traits": traits, "stage": np.zeros(STAGE, np.float32)}


def _outline_poses(outline: Outline, motion: Motion) -> np.ndarray:
    """(T, 7) place and turn of an outline."""
    own = np.array([*outline.position, *outline.quaternion])
    if outline.of is None:
        return np.repeat(own[None], NUM_FRAMES, axis=0)
    body = motion.frames[:, outline.of]
    w, x, y, z = own[3:]
    bw, bx, by, bz = body[:, 3:].T
    turn = np.stack([bw * w - bx * x - by * y - bz * z, bw * x + bx * w + by * z - bz * y,
                     bw * y - bx * z + by * w + bz * x, bw * z + bx * y - by * x + bz * w], axis=1)
    return np.concatenate([body[:, :3] + rotate(body[:, 3:], own[:3]), turn], axis=1)


def _box_states(view: View, poses: np.ndarray, half_m: Sequence[float]) -> np.ndarray:
    """(T, 8) place and half-edges on the screen of a box with these half edges."""
    places = _on_screen(view, poses[:, :3])
    axes = _canonical(_axes(poses[:, 3:]) * np.array(half_m)[:, None], view)       # (T, 3 edges, 3)
    edges = [_on_screen(view, poses[:, :3] + axes[:, edge]) - places for edge in range(3)]
    return np.concatenate([places, *edges], axis=1)


def _edge_states(view: View, bar: Bar) -> np.ndarray:
    """(8,) place and half-edges on the screen, as they are told."""
    place = np.array(bar.position)
    ends = _on_screen(view, np.stack([place, *(place + edge for edge in (bar.across, bar.along, bar.depth))]))
    return np.concatenate([ends[0], *(ends[1:] - ends[0])])


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
    ends = _on_screen(view, np.array([[x, scene.setting.depth_m, 0.0] for x in (-1.0, 1.0)]))
    slope = (ends[1, 1] - ends[0, 1]) / (ends[1, 0] - ends[0, 0])
    edge = [ends[0, 1] + slope * (x - ends[0, 0]) for x in (-half, half)]
    if scene.wall_x is None:
        return np.array([*edge, 0.0, 0.0], np.float32)
    wall = _on_screen(view, np.array([scene.wall_x, 0.0, 0.4]))[0]
    return np.array([*edge, wall, math.copysign(1.0, scene.wall_x)], np.float32)
