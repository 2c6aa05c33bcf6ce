"""Simulates a scene with MuJoCo and keeps what picture, sound and words need: poses, contacts, rolling and sliding.

All steps of a clip run in one call (`mujoco.rollout`); contact sensors give the force and the place of every touch.
A scene in which something breaks is run twice: as a whole until the hit, and with its pieces from then on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco import rollout

from .camera import FRAME_RATE, NUM_FRAMES
from .materials import FLOORS, MATERIALS, WALL_BOUNCE, WALL_FRICTION, WALL_MATERIAL
from .record import FIRST_PROP, FLOOR, FRICTION_RATE_HZ, FRICTION_ROWS, WALL, ContactRecord
from .scenes.scene import Body, Scene, Solid

STEPS_PER_FRAME = 40
STEP_S = 1.0 / (FRAME_RATE * STEPS_PER_FRAME)
NUM_STEPS = (NUM_FRAMES - 1) * STEPS_PER_FRAME
_STEPS_PER_ROW = FRAME_RATE * STEPS_PER_FRAME // FRICTION_RATE_HZ
_TOUCH_TIME_S = {"rubber": 0.018, "plastic": 0.014}
_GAP_STEPS = 14
_MIN_SPEED_CHANGE = 0.10
_REPEAT_STEPS = 115
_MIN_REPEAT_SPEED_CHANGE = 0.45
"""A touch soon after another of the same bodies must be this strong: standing and rolling bodies tremble a little."""
_SHAPES = {"ball": "sphere", "can": "cylinder", "pill": "capsule"}


@dataclass(frozen=True)
class Motion:
    """What happened to n bodies.

    Attributes:
        poses: (steps + 1, n, 7) position and quaternion at 960 Hz.
        velocities: (steps + 1, n, 6) linear velocity in the world and angular velocity in the body's frame.
        touches: onset step, impulse, body_a, body_b of each touch, in order of time.
        rolling, sliding: (n, FRICTION_ROWS) float32 intensities in N m/s.
        floor_force: (n, steps) normal force of the floor on each body, in N.
        broken_at: step at which something breaks, or None.
        displaced: (steps + 1, n) cubic metres of water that each body displaces, or None.
        shots: the motions that a film is cut from, each as its own shot begins and ends.
    """

    poses: np.ndarray
    velocities: np.ndarray
    touches: tuple[tuple[int, float, int, int], ...]
    rolling: np.ndarray
    sliding: np.ndarray
    floor_force: np.ndarray
    broken_at: int | None = None
    displaced: np.ndarray | None = None
    shots: tuple[Motion, ...] = ()

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
        return MATERIALS[body.material].bounce * (1.0 if body.kind == "ball" else 0.5)

    if second == FLOOR:
        calm = 0.25 if scene.bodies[first].record.kind != "ball" and scene.is_calm else 1.0
        return own(first) * FLOORS[scene.floor].bounce * calm
    if second == WALL:
        return own(first) * WALL_BOUNCE
    if second <= FIRST_PROP:
        return own(first) * scene.props[FIRST_PROP - second].bounce
    return math.sqrt(own(first) * own(second))


def _pair_friction(scene: Scene, first: int, second: int) -> tuple[float, float]:
    body = scene.bodies[first].record
    own = MATERIALS[body.material].friction
    if second == FLOOR:
        floor = FLOORS[scene.floor]
        return own * floor.friction, floor.rolling * body.radius_m if body.kind == "ball" else 1e-6
    if second == WALL:
        return own * WALL_FRICTION, 1e-6
    if second <= FIRST_PROP:
        return min(own, 1.3 * MATERIALS[scene.props[FIRST_PROP - second].material].friction), 1e-4
    return min(own, MATERIALS[scene.bodies[second].record.material].friction) * 0.6, 1e-6


def _solref(scene: Scene, first: int, second: int) -> str:
    """Spring and damper whose half swing takes the touch time and keeps the wanted share of the speed."""
    bounce = min(max(pair_bounce(scene, first, second), 0.02), 0.95)
    log = math.log(bounce)
    ratio = -log / math.sqrt(math.pi**2 + log**2)
    touch = min(_TOUCH_TIME_S.get(scene.bodies[i].record.material, 0.011) for i in (first, second) if i >= 0)
    omega = math.pi / (touch * math.sqrt(1 - ratio**2))
    return f"{-omega * omega:.6f} {-2 * ratio * omega:.6f}"


def _geom(name: str, solid: Solid, mass: float) -> str:
    x, y, z = solid.size
    size = {"sphere": f"{x}", "capsule": f"{x} {y}", "cylinder": f"{x} {y}"}.get(solid.part.shape, f"{x} {y} {z}")
    place, turn = " ".join(map(str, solid.position)), " ".join(map(str, solid.quaternion))
    return (f'<geom name="{name}" type="{solid.part.shape}" size="{size}" mass="{mass}" pos="{place}" quat="{turn}" '
            f'contype="0" conaffinity="0"/>')


def _body_geoms(body: Body, index: int) -> list[str]:
    record = body.record
    hard = [solid for solid in body.solids if solid.collides]
    if hard:
        volumes = np.array([np.prod([edge for edge in solid.size if edge > 0]) for solid in hard])
        masses = record.mass_kg * volumes / volumes.sum()
        return [_geom(f"g{index}_{i}", solid, mass) for i, (solid, mass) in enumerate(zip(hard, masses, strict=True))]
    shape = _SHAPES.get(record.kind, "box")
    half = record.half_m or ((record.radius_m,) if shape == "sphere" else (record.radius_m,) * 3)
    size = " ".join(str(edge) for edge in (half if shape == "box" else half[:2]))
    return [f'<geom name="g{index}_0" type="{shape}" size="{size}" mass="{record.mass_kg}" contype="0" '
            'conaffinity="0"/>']


def _joint(body: Body) -> str:
    joint = body.joint
    if joint is None:
        return "<freejoint/>"
    place = np.array(joint.anchor) - body.position if joint.kind == "hinge" else np.zeros(3)
    return (f'<joint type="{joint.kind}" axis="{" ".join(map(str, joint.axis))}" damping="{joint.damping}" '
            f'pos="{" ".join(map(str, place))}"/>')


def _name(index: int) -> str:
    return {FLOOR: "floor", WALL: "wall"}.get(index, f"b{index}" if index >= 0 else f"p{FIRST_PROP - index}")


def _xml(scene: Scene, pairs: list[tuple[int, int]]) -> str:
    geoms: dict[int, list[str]] = {FLOOR: ["floor"], WALL: ["wall"]}
    bodies, sensors = [], []
    for i, body in enumerate(scene.bodies):
        made = _body_geoms(body, i)
        geoms[i] = [f"g{i}_{k}" for k in range(len(made))]
        pose = "" if body.joint is None else f' pos="{" ".join(map(str, body.position))}"'
        bodies.append(f'<body name="b{i}"{pose}>{_joint(body)}{"".join(made)}</body>')
        if body.joint is not None:
            sensors += [f'<{kind} objtype="xbody" objname="b{i}"/>'
                        for kind in ("framepos", "framequat", "framelinvel", "frameangvel")]
    for i, prop in enumerate(scene.props):
        hard = [solid for solid in prop.solids if solid.collides and prop.material]
        geoms[FIRST_PROP - i] = [f"p{i}_{k}" for k in range(len(hard))]
        made = [_geom(name, solid, 0.0) for name, solid in zip(geoms[FIRST_PROP - i], hard, strict=True)]
        bodies.append(f'<body name="p{i}">{"".join(made)}</body>')
    contacts = []
    for first, second in pairs:
        slide, roll = _pair_friction(scene, first, second)
        # Only what rolls on the ground needs resistance to rolling, which costs as much again.
        freedom = 6 if second < 0 and scene.bodies[first].record.kind == "ball" else 3
        contacts += [
            f'<pair geom1="{one}" geom2="{two}" condim="{freedom}" solref="{_solref(scene, first, second)}" '
            f'solimp="0.995 0.995 0.001" friction="{slide} {slide} 0.002 {roll} {roll}"/>'
            for one in geoms[second] for two in geoms[first]]
        kind = "geom" if second in (FLOOR, WALL) else "body"
        sensors.append(f'<contact {kind}1="{_name(second)}" body2="b{first}" num="1" reduce="netforce" '
                       'data="force pos"/>')
    wall = ""
    if scene.wall_x is not None:
        side = -math.copysign(1.0, scene.wall_x)
        wall = f'<geom name="wall" type="plane" size="5 5 .1" pos="{scene.wall_x} 0 0" zaxis="{side} 0 0" contype="0"/>'
    # A row that leans on itself needs many rounds for a precision that nobody sees.
    quick = 'jacobian="sparse" iterations="8" ls_iterations="8"' if scene.neighbours < len(scene.bodies) else ""
    return (
        f'<mujoco><option timestep="{STEP_S:.10f}" cone="elliptic" gravity="0 0 {-scene.setting.gravity}" '
        f'impratio="3" {quick}/><compiler boundmass="1e-6" boundinertia="1e-9"/><worldbody>'
        f'<geom name="floor" type="plane" size="9 9 .1" contype="0"/>{wall}{"".join(bodies)}</worldbody>'
        f'<contact>{"".join(contacts)}</contact><sensor>{"".join(sensors)}</sensor></mujoco>'
    )


def _pairs(scene: Scene, broken: bool) -> list[tuple[int, int]]:
    """Which bodies may touch what: (body, other); pieces touch the floor and each body that broke them, no more."""
    whole = len(scene.bodies) - scene.pieces
    count = whole + (scene.pieces if broken else 0)
    fixed = [FLOOR] + ([WALL] if scene.wall_x is not None else [])
    props = [FIRST_PROP - i for i, prop in enumerate(scene.props)
             if prop.material and not (broken and i == scene.breaks)]
    return [(i, other) for i in range(count) for other in fixed] + [
        (i, j) for i in range(whole) for j in range(i + 1, min(count, i + 1 + scene.neighbours))] + [
        (i, other) for i in range(whole) for other in props if scene.bodies[i].joint is None]


@dataclass(frozen=True)
class Run:
    """States and forces of a simulation: poses (k + 1, n, 7), velocities (k + 1, n, 6), sensors (k, pairs, 6)."""

    poses: np.ndarray
    velocities: np.ndarray
    pairs: list[tuple[int, int]]
    sensors: np.ndarray


def run_bodies(scene: Scene, steps: int, broken: bool = False,
               push: Callable[[mujoco.MjModel, mujoco.MjData], None] | None = None) -> Run:
    """Simulate a scene from its bodies' starts.

    Args:
        scene: what is there.
        steps: how many.
        broken: its pieces are there, what they were of is not.
        push: sets the forces from outside before each step.
    """
    pairs = _pairs(scene, broken)
    model = mujoco.MjModel.from_xml_string(_xml(scene, pairs))
    data = mujoco.MjData(model)
    for i, body in enumerate(scene.bodies):
        joint = int(model.body_jntadr[model.body(f"b{i}").id])
        place, speed = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
        if body.joint is None:
            data.qpos[place: place + 7] = [*body.position, *body.quaternion]
            data.qvel[speed: speed + 6] = [*body.velocity, *body.spin]
        else:
            data.qvel[speed] = body.velocity[0]
    spec = mujoco.mjtState.mjSTATE_FULLPHYSICS
    start = np.empty(mujoco.mj_stateSize(model, spec))
    mujoco.mj_getState(model, data, start, spec)
    if push is None:
        states, sensors = rollout.rollout(model, data, start[None], nstep=steps + 1)
    else:
        states, sensors = _pushed(model, data, steps + 1, push)
    states = np.concatenate([start[None], states[0, :-1]])            # (steps + 1, 1 + nq + nv)
    qpos, qvel = states[:, 1: 1 + model.nq], states[:, 1 + model.nq: 1 + model.nq + model.nv]
    count = len(scene.bodies)
    poses, velocities = np.empty((steps + 1, count, 7)), np.empty((steps + 1, count, 6))
    column = 0
    for i, body in enumerate(scene.bodies):
        joint = int(model.body_jntadr[model.body(f"b{i}").id])
        if body.joint is None:
            place, speed = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
            poses[:, i], velocities[:, i] = qpos[:, place: place + 7], qvel[:, speed: speed + 6]
        else:
            seen = sensors[0, :, column: column + 13]
            poses[:, i], velocities[:, i, :3] = seen[:, :7], seen[:, 7:10]
            velocities[:, i, 3:] = rotate(seen[:, 3:7] * (1, -1, -1, -1), seen[:, 10:13])
            column += 13
    return Run(poses, velocities, pairs, sensors[0, :steps, column:].reshape(steps, len(pairs), 6))


def _pushed(model: mujoco.MjModel, data: mujoco.MjData, steps: int,
            push: Callable[[mujoco.MjModel, mujoco.MjData], None]) -> tuple[np.ndarray, np.ndarray]:
    """What `rollout` returns, (1, steps, ...) states and sensors, step by step."""
    spec = mujoco.mjtState.mjSTATE_FULLPHYSICS
    states, sensors = np.empty((1, steps, mujoco.mj_stateSize(model, spec))), np.empty((1, steps, model.nsensordata))
    for step in range(steps):
        push(model, data)
        mujoco.mj_step(model, data)
        mujoco.mj_getState(model, data, states[0, step], spec)
        sensors[0, step] = data.sensordata
    return states, sensors


def simulate(scene: Scene) -> Motion:
    """Run the scene for all its frames at 960 steps per second."""
    from .breaking import simulate_breaking
    from .sequence import simulate_shots
    from .water import simulate_in_water

    if scene.shots:
        return simulate_shots(scene)
    if scene.water is not None:
        return simulate_in_water(scene)
    if scene.breaks is not None:
        return simulate_breaking(scene)
    return motion_of(scene, run_bodies(scene, NUM_STEPS))


def motion_of(scene: Scene, run: Run, broken_at: int | None = None) -> Motion:
    """Read touches and friction off a run."""
    count, steps = len(scene.bodies), len(run.sensors)
    forces, points = {}, np.zeros((count, steps, 3))
    ground_force, floor_force = np.zeros((2, count, steps))
    for column, (first, second) in enumerate(run.pairs):
        sensed = run.sensors[:, column]
        force = _normal(scene, run.poses, sensed, first, second)
        forces[first, second] = force
        if second == FLOOR:
            floor_force[first] = force
        if second == FLOOR or (second <= FIRST_PROP and scene.props[FIRST_PROP - second].is_ground):
            ground_force[first] += force
            points[first] = np.where((force > 0)[:, None], sensed[:, 3:], points[first])
    rolling, sliding = _friction(scene, run.poses, run.velocities, ground_force, points)
    return Motion(run.poses, run.velocities, _touches(scene, forces), rolling, sliding, floor_force, broken_at)


def _normal(scene: Scene, poses: np.ndarray, sensed: np.ndarray, first: int, second: int) -> np.ndarray:
    """Normal force (steps,) of a net force and its place (steps, 6)."""
    force = sensed[:, :3]
    if second in (FLOOR, WALL):
        return np.abs(force[:, 2 if second == FLOOR else 0])
    for body in (first, second):
        if body >= 0 and scene.bodies[body].record.kind == "ball":
            out = poses[:-1, body, :3] - sensed[:, 3:]
            return np.abs((force * out).sum(1)) / np.maximum(np.linalg.norm(out, axis=1), 1e-9)
    return np.linalg.norm(force, axis=1)


def _touches(
    scene: Scene, forces: dict[tuple[int, int], np.ndarray]
) -> tuple[tuple[int, float, int, int], ...]:
    """Split each pair's force into touches: runs well above the resting weight, with a silent gap between them."""
    found = []
    for (first, second), force in forces.items():
        mass, gravity = scene.bodies[first].record.mass_kg, scene.setting.gravity
        is_ground = second == FLOOR or (second <= FIRST_PROP and scene.props[FIRST_PROP - second].is_ground)
        weight = mass * gravity if is_ground else 0.0
        if second >= 0:
            mass = min(mass, scene.bodies[second].record.mass_kg)
        hard = np.flatnonzero(force > 2.2 * weight + 0.5 * mass * gravity)
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
    scene: Scene, poses: np.ndarray, velocities: np.ndarray, ground_force: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal force (at most twice the weight, so that impacts don't count) times rolling and slip speed."""
    count = len(ground_force)
    rolling, sliding = np.zeros((2, count, FRICTION_ROWS), np.float32)
    for i, body in enumerate(scene.bodies):
        if not ground_force[i].any():
            continue
        position, quaternion = poses[:-1, i, :3], poses[:-1, i, 3:]
        spin = rotate(quaternion, velocities[:-1, i, 3:])
        slip = velocities[:-1, i, :3] + np.cross(spin, points[i] - position)
        slip_speed = np.hypot(slip[:, 0], slip[:, 1])
        speed = np.hypot(velocities[:-1, i, 0], velocities[:-1, i, 1])
        normal = np.minimum(ground_force[i], 2 * body.record.mass_kg * scene.setting.gravity)
        roll_speed = np.maximum(speed - slip_speed, 0.0) if body.record.kind == "ball" else np.zeros_like(speed)
        rolling[i] = (normal * roll_speed).reshape(FRICTION_ROWS, _STEPS_PER_ROW).mean(1)
        sliding[i] = (normal * slip_speed).reshape(FRICTION_ROWS, _STEPS_PER_ROW).mean(1)
    return rolling, sliding


def rotate(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Rotate (..., 3) vectors by (..., 4) quaternions (w, x, y, z)."""
    w, axis = quaternion[..., :1], quaternion[..., 1:]
    cross = 2 * np.cross(axis, vector)
    return vector + w * cross + np.cross(axis, cross)


def contact_records(scene: Scene, motion: Motion) -> tuple[ContactRecord, ...]:
    """Describe the touches, with materials and their place on the screen."""
    found = []
    for step, impulse, first, second in motion.touches:
        view = scene.view.at(min(step // STEPS_PER_FRAME, NUM_FRAMES - 1))
        x_screen = float(view.project(motion.poses[step, first, :3], 0.0)[0])
        if second <= FIRST_PROP:
            prop = scene.props[FIRST_PROP - second]
            material, other = prop.material, prop.name
        elif second < 0:
            material, other = {FLOOR: scene.floor, WALL: WALL_MATERIAL}[second], ""
        else:
            material, other = scene.bodies[second].record.material, ""
        found.append(ContactRecord(step * STEP_S, impulse, first, second, scene.bodies[first].record.material, material,
                                   x_screen, other))
    return tuple(found)

