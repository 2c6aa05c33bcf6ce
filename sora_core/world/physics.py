"""Simulates a scene with MuJoCo and keeps what picture, sound and words need: poses, contacts, rolling and sliding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from .materials import FLOORS, MATERIALS, WALL_BOUNCE, WALL_FRICTION, WALL_MATERIAL
from .record import FLOOR, FRICTION_RATE_HZ, FRICTION_ROWS, WALL, ContactRecord
from .scenes.scene import Scene

FRAME_RATE = 24
NUM_FRAMES = 97
STEPS_PER_FRAME = 40
STEP_S = 1.0 / (FRAME_RATE * STEPS_PER_FRAME)
_STEPS_PER_ROW = FRAME_RATE * STEPS_PER_FRAME // FRICTION_RATE_HZ
GRAVITY = 9.81
_TOUCH_TIME_S = {"rubber": 0.018, "plastic": 0.014}
_CALM_FAMILIES = ("slide", "roll")
"""Families whose boxes stand on the floor from the start: a springy stand would rattle."""
_GAP_STEPS = 14
_MIN_SPEED_CHANGE = 0.10
_REPEAT_STEPS = 115
_MIN_REPEAT_SPEED_CHANGE = 0.45
"""A touch soon after another of the same bodies must be this strong: standing and rolling bodies tremble a little."""


@dataclass(frozen=True)
class Motion:
    """What happened to n bodies.

    Attributes:
        poses: (steps + 1, n, 7) position and quaternion at 960 Hz.
        velocities: (steps + 1, n, 6) linear velocity in the world and angular velocity in the body's frame.
        touches: onset step, impulse, body_a, body_b of each touch, in order of time.
        rolling, sliding: (n, FRICTION_ROWS) float32 intensities in N m/s.
        floor_force: (n, steps) normal force of the floor on each body, in N.
    """

    poses: np.ndarray
    velocities: np.ndarray
    touches: tuple[tuple[int, float, int, int], ...]
    rolling: np.ndarray
    sliding: np.ndarray
    floor_force: np.ndarray

    @property
    def frames(self) -> np.ndarray:
        """(NUM_FRAMES, n, 7) poses at the frames."""
        return self.poses[::STEPS_PER_FRAME]


def pair_bounce(scene: Scene, first: int, second: int) -> float:
    """Share of the approach speed that a spring and damper of half a swing would keep when two bodies meet.

    Bodies only push, so they part a little sooner and keep more (measured): 0.81 for 0.80, 0.47 for
    0.40, 0.31 for 0.19.
    """
    def own(index: int) -> float:
        body = scene.bodies[index].record
        return MATERIALS[body.material].bounce * (0.5 if body.kind == "box" else 1.0)

    if second == FLOOR:
        calm = 0.25 if scene.bodies[first].record.kind == "box" and scene.family in _CALM_FAMILIES else 1.0
        return own(first) * FLOORS[scene.floor].bounce * calm
    if second == WALL:
        return own(first) * WALL_BOUNCE
    return math.sqrt(own(first) * own(second))


def _pair_friction(scene: Scene, first: int, second: int) -> tuple[float, float]:
    body = scene.bodies[first].record
    own = MATERIALS[body.material].friction
    radius = body.radius_m
    if second == FLOOR:
        floor = FLOORS[scene.floor]
        return own * floor.friction, floor.rolling * radius if body.kind == "ball" else 1e-6
    if second == WALL:
        return own * WALL_FRICTION, 1e-6
    return min(own, MATERIALS[scene.bodies[second].record.material].friction) * 0.6, 1e-6


def _solref(scene: Scene, first: int, second: int) -> str:
    """Spring and damper whose half swing takes the touch time and keeps the wanted share of the speed."""
    bounce = min(max(pair_bounce(scene, first, second), 0.02), 0.95)
    log = math.log(bounce)
    ratio = -log / math.sqrt(math.pi**2 + log**2)
    touch = min(_TOUCH_TIME_S.get(scene.bodies[i].record.material, 0.011) for i in (first, second) if i >= 0)
    omega = math.pi / (touch * math.sqrt(1 - ratio**2))
    return f"{-omega * omega:.6f} {-2 * ratio * omega:.6f}"


def _xml(scene: Scene) -> str:
    bodies, pairs = [], []
    for i, body in enumerate(scene.bodies):
        record = body.record
        shape, size = ("sphere", f"{record.radius_m}") if record.kind == "ball" else ("box", f"{record.radius_m} " * 3)
        bodies.append(
            f'<body name="b{i}"><freejoint/><geom name="g{i}" type="{shape}" size="{size}" mass="{record.mass_kg}" '
            f'contype="0" conaffinity="0"/></body>'
        )
    for first, second in _pairs(scene):
        slide, roll = _pair_friction(scene, first, second)
        other = {FLOOR: "floor", WALL: "wall"}.get(second, f"g{second}")
        pairs.append(
            f'<pair geom1="{other}" geom2="g{first}" condim="6" solref="{_solref(scene, first, second)}" '
            f'solimp="0.995 0.995 0.001" friction="{slide} {slide} 0.002 {roll} {roll}"/>'
        )
    wall = ""
    if scene.wall_x is not None:
        side = -math.copysign(1.0, scene.wall_x)
        wall = f'<geom name="wall" type="plane" size="5 5 .1" pos="{scene.wall_x} 0 0" zaxis="{side} 0 0" contype="0"/>'
    return (
        f'<mujoco><option timestep="{STEP_S:.10f}" cone="elliptic" gravity="0 0 {-GRAVITY}" impratio="3"/><worldbody>'
        f'<geom name="floor" type="plane" size="9 9 .1" contype="0"/>{wall}{"".join(bodies)}</worldbody>'
        f'<contact>{"".join(pairs)}</contact></mujoco>'
    )


def _pairs(scene: Scene) -> list[tuple[int, int]]:
    count = len(scene.bodies)
    fixed = [FLOOR] + ([WALL] if scene.wall_x is not None else [])
    return [(i, other) for i in range(count) for other in fixed] + [
        (i, j) for i in range(count) for j in range(i + 1, count)
    ]


def simulate(scene: Scene) -> Motion:
    """Run the scene for all its frames at 960 steps per second."""
    model = mujoco.MjModel.from_xml_string(_xml(scene))
    data = mujoco.MjData(model)
    count, steps = len(scene.bodies), (NUM_FRAMES - 1) * STEPS_PER_FRAME
    for i, body in enumerate(scene.bodies):
        data.qpos[7 * i: 7 * i + 7] = [*body.position, *body.quaternion]
        data.qvel[6 * i: 6 * i + 6] = [*body.velocity, *body.spin]
    names = {model.geom(f"g{i}").id: i for i in range(count)}
    names[model.geom("floor").id] = FLOOR
    if scene.wall_x is not None:
        names[model.geom("wall").id] = WALL
    poses = np.empty((steps + 1, count * 7))
    velocities = np.empty((steps + 1, count * 6))
    forces = {pair: np.zeros(steps) for pair in _pairs(scene)}
    points = np.zeros((count, steps, 3))
    for step in range(steps):
        poses[step], velocities[step] = data.qpos, data.qvel
        mujoco.mj_step(model, data)
        if data.ncon:
            _gather(data, names, step, forces, points)
    poses[steps], velocities[steps] = data.qpos, data.qvel
    poses, velocities = poses.reshape(-1, count, 7), velocities.reshape(-1, count, 6)
    floor_force = np.stack([forces[i, FLOOR] for i in range(count)])
    rolling, sliding = _friction(scene, poses, velocities, floor_force, points)
    return Motion(poses, velocities, _touches(scene, forces), rolling, sliding, floor_force)


def _gather(
    data: mujoco.MjData, names: dict[int, int], step: int,
    forces: dict[tuple[int, int], np.ndarray], points: np.ndarray,
) -> None:
    contact = data.contact
    geoms, addresses, places = contact.geom, contact.efc_address, contact.pos
    for row in range(data.ncon):
        address = addresses[row]
        if address < 0:
            continue
        one, two = names[geoms[row][0]], names[geoms[row][1]]
        pair = (max(one, two), min(one, two)) if min(one, two) < 0 else (min(one, two), max(one, two))
        forces[pair][step] += data.efc_force[address]
        if pair[1] == FLOOR:
            points[pair[0], step] = places[row]


def _touches(
    scene: Scene, forces: dict[tuple[int, int], np.ndarray]
) -> tuple[tuple[int, float, int, int], ...]:
    """Split each pair's force into touches: runs well above the resting weight, with a silent gap between them."""
    found = []
    for (first, second), force in forces.items():
        mass = scene.bodies[first].record.mass_kg
        weight = mass * GRAVITY if second == FLOOR else 0.0
        if second >= 0:
            mass = min(mass, scene.bodies[second].record.mass_kg)
        hard = np.flatnonzero(force > 2.2 * weight + 0.5 * mass * GRAVITY)
        if not len(hard):
            continue
        last = 0
        for run in np.split(hard, np.flatnonzero(np.diff(hard) > _GAP_STEPS) + 1):
            start, end = int(run[0]), int(run[-1]) + 1
            impulse = float(np.sum(force[start:end] - weight)) * STEP_S
            while start > 0 and force[start - 1] > 0 and run[0] - start < _GAP_STEPS:
                start -= 1
            is_repeat = start - last < _REPEAT_STEPS
            if impulse > mass * (_MIN_REPEAT_SPEED_CHANGE if is_repeat else _MIN_SPEED_CHANGE):
                found.append((start, impulse, first, second))
            last = start
    return tuple(sorted(found))


def _friction(
    scene: Scene, poses: np.ndarray, velocities: np.ndarray, floor_force: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal force (at most twice the weight, so that impacts don't count) times rolling and slip speed."""
    count = len(floor_force)
    rolling, sliding = np.zeros((2, count, FRICTION_ROWS), np.float32)
    for i, body in enumerate(scene.bodies):
        position, quaternion = poses[:-1, i, :3], poses[:-1, i, 3:]
        spin = _rotate(quaternion, velocities[:-1, i, 3:])
        slip = velocities[:-1, i, :3] + np.cross(spin, points[i] - position)
        slip_speed = np.hypot(slip[:, 0], slip[:, 1])
        speed = np.hypot(velocities[:-1, i, 0], velocities[:-1, i, 1])
        normal = np.minimum(floor_force[i], 2 * body.record.mass_kg * GRAVITY)
        roll_speed = np.maximum(speed - slip_speed, 0.0) if body.record.kind == "ball" else np.zeros_like(speed)
        rolling[i] = (normal * roll_speed).reshape(FRICTION_ROWS, _STEPS_PER_ROW).mean(1)
        sliding[i] = (normal * slip_speed).reshape(FRICTION_ROWS, _STEPS_PER_ROW).mean(1)
    return rolling, sliding


def _rotate(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Rotate (n, 3) vectors by (n, 4) quaternions (w, x, y, z)."""
    w, axis = quaternion[:, :1], quaternion[:, 1:]
    cross = 2 * np.cross(axis, vector)
    return vector + w * cross + np.cross(axis, cross)


def contact_records(scene: Scene, motion: Motion) -> tuple[ContactRecord, ...]:
    """Describe the touches, with materials and their place on the screen."""
    found = []
    for step, impulse, first, second in motion.touches:
        x_screen = float(scene.view.project(motion.poses[step, first, :3], 0.0)[0])
        other = {FLOOR: scene.floor, WALL: WALL_MATERIAL}
        material = other[second] if second < 0 else scene.bodies[second].record.material
        found.append(ContactRecord(
            step * STEP_S, impulse, first, second, scene.bodies[first].record.material, material, x_screen
        ))
    return tuple(found)
