"""Water in a tank: what it does to bodies, and what bodies do to its surface.

Bodies feel buoyancy (the weight of what they displace, at the middle of that), the added mass of the water that they
carry along, drag, and the blow of meeting the surface. The surface answers with linear gravity waves between the
walls: what a body displaces is pushed up around it and runs away, so that the water's volume is kept.

Sources: Archimedes, "On floating bodies"; T. von Karman, "The impact on seaplane floats during landing", NACA TN 321,
1929 (the blow: the growth of the added mass); J. Lighthill, "Waves in fluids", 1978, section 3.1 (waves in a tank).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from .camera import FRAME_RATE, NUM_FRAMES
from .performance import Event
from .physics import NUM_STEPS, STEP_S, Motion, motion_of, run_bodies
from .record import ObjectRecord
from .scenes.scene import Scene, Water

DENSITY = 1000.0
"""Of water, in kilograms per cubic metre."""
ADDED_MASS = 0.5
"""Of what is displaced: exact for a sphere, and near enough for a cube (0.67)."""
DRAG = {"ball": 0.47, "box": 1.0}
"""Drag factors at high Reynolds numbers."""
_BOB_DAMPING = 0.14
"""Share of the critical damping that a bobbing body loses to the waves that it makes."""
_SPIN_DRAG = 0.9
_CELLS = 5
ROWS, COLUMNS = 14, 48
"""Grid of the surface, in depth and across."""
_MODES = (10, 26)
_RATE_HZ = 240
_SPLASH_SPEED = 0.45
_MOST_DROPS = 22


@dataclass(frozen=True)
class Immersion:
    """How deep a body is in.

    Attributes:
        volume: cubic metres under water.
        waterline: square metres of the cut with the surface.
        lever: (3,) from the body's middle to the middle of what is under water, in the body's frame.
    """

    volume: float
    waterline: float
    lever: np.ndarray


_NOWHERE = np.zeros(3)


def volume_of(record: ObjectRecord) -> float:
    """Cubic metres of a ball or a cube."""
    return 4 / 3 * math.pi * record.radius_m**3 if record.kind == "ball" else 8 * record.radius_m**3


def _cells() -> np.ndarray:
    axis = (np.arange(_CELLS) + 0.5) / _CELLS * 2 - 1
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


_CUBE = _cells()


def immersion(record: ObjectRecord, height: float, turn: np.ndarray, level: float) -> Immersion:
    """How deep a ball or a cube is in water.

    Args:
        record: of the body.
        height: of its middle, in metres.
        turn: (4,) its quaternion.
        level: of the water, in metres.
    """
    r = record.radius_m
    if record.kind == "ball":
        deep = min(max(level - height + r, 0.0), 2 * r)
        return Immersion(math.pi * deep * deep * (3 * r - deep) / 3, math.pi * deep * (2 * r - deep), _NOWHERE)
    w, x, y, z = turn
    up = np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])   # the vertical, in its frame
    reach = r * float(np.abs(up).sum())
    if level <= height - reach:
        return Immersion(0.0, 0.0, _NOWHERE)
    if level >= height + reach:
        return Immersion(8 * r**3, 0.0, _NOWHERE)
    thick = 2 * reach / _CELLS                       # of one cell, seen from the side
    share = np.clip((level - height - r * (_CUBE @ up)) / thick + 0.5, 0.0, 1.0)
    cell, total = 8 * r**3 / len(_CUBE), float(share.sum())
    cut = float(((share > 0) & (share < 1)).sum()) * cell / thick
    # A cell that is cut has its wet part below its middle.
    moment = r * (share @ _CUBE) - 0.5 * thick * float((share * (1 - share)).sum()) * up
    return Immersion(total * cell, cut, moment / max(total, 1e-12))


def settled_level(water: Water, displaced: float) -> float:
    """Level of the water once this volume is displaced and the waves have gone."""
    return water.level_m + displaced / (4 * water.half_m[0] * water.half_m[1])


class _Push:
    """Applies the forces of the water before each step, and keeps what is displaced, (steps, n)."""

    def __init__(self, scene: Scene, water: Water) -> None:
        self.records = [body.record for body in scene.bodies]
        self.water, self.gravity = water, scene.setting.gravity
        self.displaced = np.zeros((NUM_STEPS + 2, len(self.records)))
        self.step, self.about = 0, np.empty(3)

    def __call__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        before = float(self.displaced[max(self.step - 1, 0)].sum())
        level = settled_level(self.water, before)
        for i, record in enumerate(self.records):
            place, turn = data.qpos[7 * i: 7 * i + 3], data.qpos[7 * i + 3: 7 * i + 7]
            wet = immersion(record, float(place[2]), turn, level)
            self.displaced[self.step, i] = wet.volume
            force = data.xfrc_applied[i + 1]             # the world is the first body
            force[:] = 0.0
            if wet.volume > 0:
                speed, spin = data.qvel[6 * i: 6 * i + 3], data.qvel[6 * i + 3: 6 * i + 6]
                force[:3] = self._force(record, wet, speed)
                mujoco.mju_rotVecQuat(self.about, spin, turn)
                share = wet.volume / volume_of(record)
                drag = _SPIN_DRAG * DENSITY * record.radius_m**5 * (math.hypot(*spin) + 0.5)
                force[3:] = -share * drag * self.about
                if record.kind != "ball":
                    mujoco.mju_rotVecQuat(self.about, wet.lever, turn)
                    lift = DENSITY * self.gravity * wet.volume
                    force[3] += self.about[1] * lift
                    force[4] -= self.about[0] * lift
        self.step += 1

    def _force(self, record: ObjectRecord, wet: Immersion, speed: np.ndarray) -> np.ndarray:
        mass, carried = record.mass_kg, ADDED_MASS * DENSITY * wet.volume
        area = math.pi * record.radius_m**2 if record.kind == "ball" else 4 * record.radius_m**2
        share = wet.volume / volume_of(record)
        fast = math.hypot(*speed)
        total = -0.5 * DENSITY * DRAG[record.kind] * area * share * fast * speed
        stiff = DENSITY * self.gravity * wet.waterline
        total[2] -= 2 * _BOB_DAMPING * math.sqrt(stiff * (mass + carried)) * speed[2]
        if speed[2] < 0:
            total[2] += ADDED_MASS * DENSITY * wet.waterline * speed[2] ** 2
        total[2] += self.gravity * (DENSITY * wet.volume - mass)
        # The body takes the water that it carries along: its share of the acceleration, less its own weight.
        total *= mass / (mass + carried)
        total[2] += mass * self.gravity
        return total


def simulate_in_water(scene: Scene) -> Motion:
    """As `physics.simulate`, for balls and cubes over and in water."""
    assert scene.water is not None
    push = _Push(scene, scene.water)
    motion = motion_of(scene, run_bodies(scene, NUM_STEPS, push=push))
    return replace(motion, displaced=push.displaced[: NUM_STEPS + 1])


@dataclass(frozen=True)
class Entry:
    """A body meets the surface: index, step, speed downwards in m/s, and the volume that it will displace."""

    body: int
    step: int
    speed: float
    volume: float


def entries(scene: Scene, motion: Motion) -> list[Entry]:
    """When bodies come down on the surface, in order of time."""
    found = []
    for i, body in enumerate(scene.bodies):
        wet = motion.displaced[:, i] > 0
        for step in np.flatnonzero(wet[1:] & ~wet[:-1]):
            speed = -float(motion.velocities[step, i, 2])
            if speed > _SPLASH_SPEED:
                found.append(Entry(i, int(step), speed, volume_of(body.record)))
    return sorted(found, key=lambda entry: entry.step)


def splashes(scene: Scene, motion: Motion) -> list[Event]:
    """The noise of each entry: as strong as what is pushed aside, times its speed."""
    found = []
    for entry in entries(scene, motion):
        strength = min(max((entry.volume / 0.006) ** 0.5 * entry.speed / 2.7, 0.12), 1.0)
        place = tuple(float(v) for v in motion.poses[entry.step, entry.body, :3])
        kind = scene.bodies[entry.body].record.kind
        found.append(Event(entry.step * STEP_S, "splash", strength, place, kind, "water"))
    return found


def surface(scene: Scene, motion: Motion) -> np.ndarray:
    """Height of the water over its level at rest, (NUM_FRAMES, ROWS, COLUMNS) metres; rows go backwards, columns right.

    Waves are summed by modes of the tank: cosines with omega^2 = g k tanh(k h). A body's displaced volume is a source
    on a ring around it.
    """
    water = scene.water
    assert water is not None
    wide, deep = 2 * water.half_m[0], 2 * water.half_m[1]
    n, m = (np.arange(count)[:, None] if i == 0 else np.arange(count) for i, count in enumerate(_MODES))
    k = np.hypot(math.pi * m / wide, math.pi * n / deep)                                    # (n, m)
    omega = np.sqrt(scene.setting.gravity * k * np.tanh(k * (water.level_m - water.bottom_m)))
    decay = np.exp(-(0.55 + 0.0022 * k**2) / _RATE_HZ)
    cos, sin = np.cos(omega / _RATE_HZ) * decay, np.sin(omega / _RATE_HZ) * decay
    share = np.where(n > 0, 2.0, 1.0) * np.where(m > 0, 2.0, 1.0) / (wide * deep)
    angles = np.cos(np.linspace(0, math.pi, 24, endpoint=False) + math.pi / 48)
    rings = [np.cos(1.25 * body.record.radius_m * k[..., None] * angles).mean(-1)
             * np.exp(-0.5 * (0.35 * body.record.radius_m * k) ** 2) * share for body in scene.bodies]
    every = round(1 / STEP_S / _RATE_HZ)
    displaced, places = motion.displaced[::every], motion.poses[::every, :, :2]
    high, fast = np.zeros_like(k), np.zeros_like(k)      # of each mode: height, and speed over omega
    across = np.cos(math.pi * np.outer(np.linspace(0, 1, COLUMNS), np.arange(_MODES[1])))
    along = np.cos(math.pi * np.outer(np.linspace(0, 1, ROWS), np.arange(_MODES[0])))
    heights = np.empty((NUM_FRAMES, ROWS, COLUMNS))
    last = np.zeros(len(scene.bodies))
    for tick in range(len(displaced)):
        for i, ring in enumerate(rings):
            change = displaced[tick, i] - last[i]
            if change:
                x, y = places[tick, i] + np.array(water.half_m)
                high += change * ring * np.cos(math.pi * y / deep * n) * np.cos(math.pi * x / wide * m)
        last = displaced[tick]
        if tick % (_RATE_HZ // FRAME_RATE) == 0:
            heights[tick * FRAME_RATE // _RATE_HZ] = along @ high @ across.T
        high, fast = cos * high + sin * fast, cos * fast - sin * high
        high[0, 0] = float(last.sum()) / (wide * deep)   # volume doesn't decay
    return heights


def drops(scene: Scene, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Drops that fly up where a body comes down: places (d, NUM_FRAMES, 3) and radii (d, NUM_FRAMES), 0 where none is.

    They start on the rim of the body, outwards and up, as parabolas, with a share of its speed.
    """
    water = scene.water
    assert water is not None
    times = np.arange(NUM_FRAMES) / FRAME_RATE
    places, radii = [], []
    for entry in entries(scene, motion):
        pose, radius = motion.poses[entry.step, entry.body], scene.bodies[entry.body].record.radius_m
        rng = np.random.default_rng([entry.step, entry.body])
        for number in range(round(_MOST_DROPS * min(1.0, entry.speed / 2.5))):
            angle = 2 * math.pi * (number + rng.uniform(-0.3, 0.3)) * 0.381966
            out = np.array([math.cos(angle), math.sin(angle), 0.0])
            up = entry.speed * rng.uniform(0.35, 0.95)
            velocity = out * entry.speed * rng.uniform(0.08, 0.30) + (0.0, 0.0, up)
            start = np.array([pose[0], pose[1], water.level_m]) + 1.05 * radius * out
            flight = times - entry.step * STEP_S - 0.5 * radius / entry.speed
            path = start + velocity * flight[:, None]
            path[:, 2] -= 0.5 * scene.setting.gravity * flight**2
            inside = (np.abs(path[:, :2]) < np.array(water.half_m) - 0.01).all(1)
            there = (flight >= 0) & (path[:, 2] > water.level_m - 0.02)
            there &= np.logical_and.accumulate(inside | (flight < 0))
            places.append(path)
            radii.append(np.where(there, rng.uniform(0.006, 0.015), 0.0))
    return np.array(places).reshape(-1, NUM_FRAMES, 3), np.array(radii).reshape(-1, NUM_FRAMES)


def fates(scene: Scene, motion: Motion) -> list[str]:
    """What becomes of each body: "floats", "sinks", or "drifts" where it does neither yet."""
    level = settled_level(scene.water, float(motion.displaced[-1].sum())) if scene.water else 0.0
    found = []
    for i, body in enumerate(scene.bodies):
        late = motion.displaced[-240:, i] / volume_of(body.record)
        if late.max() < 0.999 and late.min() > 0.0 and motion.poses[-1, i, 2] > level - 2 * body.record.radius_m:
            found.append("floats")
        else:
            on_ground = motion.poses[-1, i, 2] < scene.ground_m + 1.8 * body.record.radius_m
            found.append("sinks" if on_ground and body.record.mass_kg > DENSITY * volume_of(body.record) else "drifts")
    return found
