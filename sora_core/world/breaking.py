"""A pane that goes to pieces when it is hit: simulated whole until the hit, and as its pieces from then on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .physics import NUM_STEPS, STEP_S, Motion, Run, motion_of, run_bodies
from .record import FIRST_PROP
from .scenes.scene import Scene

BREAKING_SHARE = 0.35
"""Share of its velocity that a body loses to a pane that it breaks."""
_LEAST_SPEED_CHANGE = 3.4
"""In m/s: a softer touch leaves the pane whole."""
_REACH_M = 0.28
"""Pieces this far from the hit get 1/e of the velocity of those at it."""


def simulate_breaking(scene: Scene) -> Motion:
    """As `physics.simulate`, for a scene with a pane that may break."""
    whole = replace(scene, bodies=scene.bodies[: len(scene.bodies) - scene.pieces], pieces=0, breaks=None)
    before = run_bodies(whole, NUM_STEPS)
    pane = FIRST_PROP - (scene.breaks or 0)
    hits = [touch for touch in motion_of(whole, before).touches
            if touch[3] == pane and touch[1] > _LEAST_SPEED_CHANGE * scene.bodies[touch[2]].record.mass_kg]
    rest = np.array([[*body.position, *body.quaternion] for body in scene.bodies[len(whole.bodies):]])
    if not hits:
        poses = np.concatenate([before.poses, np.broadcast_to(rest, (NUM_STEPS + 1, *rest.shape))], axis=1)
        speeds = np.concatenate([before.velocities, np.zeros((NUM_STEPS + 1, len(rest), 6))], axis=1)
        return motion_of(scene, Run(poses, speeds, before.pairs, before.sensors))
    step, _, body, _ = hits[0]
    after = run_bodies(_shattered(scene, before, step, body), NUM_STEPS - step, broken=True)
    motion = motion_of(scene, _joined(before, after, rest, step), broken_at=step)
    lost = BREAKING_SHARE * np.linalg.norm(before.velocities[step, body, :3]) * scene.bodies[body].record.mass_kg
    return replace(motion, touches=tuple(sorted((*motion.touches, (step, float(lost), body, pane)))))


def _shattered(scene: Scene, before: Run, step: int, striker: int) -> Scene:
    """The scene at the hit: the striker slower, the pieces flung, with no more energy than the striker lost."""
    count = len(scene.bodies) - scene.pieces
    bodies = []
    for i, body in enumerate(scene.bodies[:count]):
        kept = 1 - BREAKING_SHARE if i == striker else 1.0
        pose, speed = before.poses[step, i], before.velocities[step, i]
        bodies.append(replace(body, position=tuple(pose[:3]), quaternion=tuple(pose[3:]),
                              velocity=tuple(kept * speed[:3]), spin=tuple(speed[3:])))
    place, velocity = before.poses[step, striker, :3], before.velocities[step, striker, :3]
    mass = scene.bodies[striker].record.mass_kg
    lost = 0.5 * mass * (1 - (1 - BREAKING_SHARE) ** 2) * float(velocity @ velocity)
    pieces = scene.bodies[count:]
    away = np.array([piece.position for piece in pieces]) - place
    near = np.exp(-(away**2).sum(1) / _REACH_M**2)
    outward = away / (np.linalg.norm(away, axis=1, keepdims=True) + 1e-6)
    speeds = (0.06 + 0.9 * near)[:, None] * velocity + 0.35 * near[:, None] * np.linalg.norm(velocity) * outward
    masses = np.array([piece.record.mass_kg for piece in pieces])
    energy = 0.5 * float(masses @ (speeds**2).sum(1))
    speeds *= min(1.0, (0.9 * lost / max(energy, 1e-9)) ** 0.5)
    bodies += [replace(piece, velocity=tuple(speed)) for piece, speed in zip(pieces, speeds, strict=True)]
    return replace(scene, bodies=tuple(bodies))


def _joined(before: Run, after: Run, rest: np.ndarray, step: int) -> Run:
    """One run: `before` up to the step, with the pieces at rest, then `after`."""
    still = np.broadcast_to(rest, (step, *rest.shape))
    poses = np.concatenate([np.concatenate([before.poses[:step], still], axis=1), after.poses])
    speeds = np.concatenate([np.concatenate([before.velocities[:step], np.zeros((step, len(rest), 6))], axis=1),
                             after.velocities])
    pairs = [*before.pairs, *(pair for pair in after.pairs if pair not in before.pairs)]
    sensors = np.zeros((NUM_STEPS, len(pairs), 6))
    sensors[:step, : len(before.pairs)] = before.sensors[:step]
    for column, pair in enumerate(after.pairs):
        sensors[step:, pairs.index(pair)] = after.sensors[:, column]
    return Run(poses, speeds, pairs, sensors)


def break_time_s(motion: Motion) -> float | None:
    """When something breaks, in seconds, or None."""
    return None if motion.broken_at is None else motion.broken_at * STEP_S
