"""Bodies in the air: the centre of mass flies a parabola, and the angular momentum about it never changes.

Nothing turns a body in flight but its own shape: with L the angular momentum, I(shape) the inertia and
h(shape, its change) the angular momentum that the limbs carry against the pelvis, the pelvis turns at
I^-1 (R^T L - h). Tucked bodies turn fast, open ones slowly, and arms that swing turn the trunk the other way, without
anybody having to say so.

Source: C. Frohlich, "Do springboard divers violate angular momentum conservation?", Am. J. Physics 47 (1979).
Legend: T times, B bones.
"""

from __future__ import annotations

import numpy as np

from .body import Build, Shape
from .curves import STEP_S
from .rotation import spin_of, turn, unturn

_TRIES = 40
_STRETCHES = (1.0, 1.12, 0.88, 1.25, 0.75)
"""What a guess is multiplied by, one after the other, until one leads there."""


def inertia_of(build: Build, shape: Shape) -> np.ndarray:
    """Inertia about the centre of mass in the shape's frame, (T, 3, 3) in kg m2."""
    arms = shape.centres(build) - shape.centre(build)[:, None]
    square = (arms**2).sum(-1)
    points = np.einsum("b,tb->t", build.masses, square)[:, None, None] * np.eye(3) - np.einsum(
        "b,tbi,tbj->tij", build.masses, arms, arms)
    return points + np.einsum("tbij,bj,tbkj->tik", shape.rotations, build.inertias, shape.rotations)


def momentum_of(build: Build, shape: Shape) -> np.ndarray:
    """Angular momentum about the centre of mass between the times of a shape, (T - 1, 3) in kg m2 / s, by differences.

    With a shape in the world it is the whole body's; with one in the pelvis' frame what the limbs carry against it.
    """
    arms = shape.centres(build) - shape.centre(build)[:, None]
    middle, speed = 0.5 * (arms[1:] + arms[:-1]), np.diff(arms, axis=0) / STEP_S
    spin = spin_of(shape.rotations, STEP_S)
    halfway = turn(0.5 * STEP_S * spin) @ shape.rotations[:-1]
    own = np.einsum("tbij,bj,tbkj,tbk->ti", halfway, build.inertias, halfway, spin)
    return np.einsum("b,tbi->ti", build.masses, np.cross(middle, speed)) + own


def fly(build: Build, shape: Shape, first: np.ndarray, last: np.ndarray, turns: np.ndarray,
        guess: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Find the angular momentum with which a body gets from one attitude to another, and how it turns on the way.

    Args:
        shape: (T, ...) in the pelvis' frame: what the limbs do in flight.
        first, last: (3, 3) attitudes of the pelvis at take-off and landing.
        turns: (3,) rotation vector in the pelvis' frame from one to the other, roughly: it says how many whole turns.
        guess: (3,) angular momentum to begin with, if one is known.

    Returns:
        (T, 3, 3) attitudes of the pelvis and the (3,) angular momentum in the world, in kg m2 / s.

    Raises:
        ValueError: no angular momentum leads there.
    """
    own = momentum_of(build, shape)
    inertia = inertia_of(build, shape)
    inverse = np.linalg.inv(0.5 * (inertia[1:] + inertia[:-1]))
    begin = _guess(inverse, own, first, turns) if guess is None else guess
    miss = np.inf
    for stretch in _STRETCHES:
        attitudes, momentum, miss = _shoot(inverse, own, first, last, stretch * begin)
        if miss < 1e-6:
            return attitudes, momentum
    raise ValueError(f"no angular momentum turns this body so; the best one misses by {miss:.3f} rad")


def _shoot(inverse: np.ndarray, own: np.ndarray, first: np.ndarray, last: np.ndarray, guess: np.ndarray
           ) -> tuple[np.ndarray, np.ndarray, float]:
    """Newton's method on the angular momentum, with shorter steps where it went too far."""
    scale = float(np.sqrt((guess**2).sum())) + 1.0
    best, attitudes, miss = guess, None, np.inf
    steps = 1e-4 * scale * np.vstack([np.zeros(3), np.eye(3)])
    step = np.zeros(3)
    for _ in range(_TRIES):
        trial = best + step
        ways = _integrate(inverse, own, first, trial + steps)
        errors = unturn(last.T @ ways[-1])
        error = float(np.sqrt((errors[0] ** 2).sum()))
        if error > miss:
            step = 0.4 * step
            continue
        best, attitudes, miss = trial, ways[:, 0], error
        if error < 1e-8:
            break
        slope = (errors[1:] - errors[0]).T / (1e-4 * scale)
        step = -np.linalg.solve(slope, errors[0])
        step *= min(1.0, 0.3 * scale / (float(np.sqrt((step**2).sum())) + 1e-12))
    return attitudes, best, miss


def _guess(inverse: np.ndarray, own: np.ndarray, first: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """The angular momentum (3,) that would turn the body so about an axis that stayed where it is."""
    size = float(np.sqrt((turns**2).sum()))
    if size < 0.5:
        return first @ (np.linalg.solve(inverse.mean(0), turns / (STEP_S * len(own))) + own.mean(0))
    axis = turns / size
    mobility = np.einsum("i,tij,j->t", axis, inverse, axis).sum() * STEP_S
    drift = np.einsum("i,tij,tj->t", axis, inverse, own).sum() * STEP_S
    return first @ (axis * (size + drift) / mobility)


def _integrate(inverse: np.ndarray, own: np.ndarray, first: np.ndarray, momenta: np.ndarray) -> np.ndarray:
    """Attitudes (T, K, 3, 3) for K angular momenta (K, 3), by the midpoint rule."""
    attitude = np.broadcast_to(first, (len(momenta), 3, 3))
    result = [attitude]
    columns = momenta[:, :, None]
    spin = (attitude.transpose(0, 2, 1) @ columns)[..., 0] @ inverse[0].T - own[0] @ inverse[0].T
    for step in range(len(own)):
        middle = attitude @ turn(0.5 * STEP_S * spin)
        spin = ((middle.transpose(0, 2, 1) @ columns)[..., 0] - own[step]) @ inverse[step].T
        middle = attitude @ turn(0.5 * STEP_S * spin)
        spin = ((middle.transpose(0, 2, 1) @ columns)[..., 0] - own[step]) @ inverse[step].T
        attitude = attitude @ turn(STEP_S * spin)
        result.append(attitude)
    return np.stack(result)


def parabola(first: np.ndarray, last: np.ndarray, count: int, gravity: float
             ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The flight of a centre of mass between two points in `count` steps.

    Returns:
        (count + 1, 3) places and the velocities at take-off and landing in m/s.
    """
    seconds = count * STEP_S
    pull = np.array([0.0, 0.0, -gravity])
    speed = (last - first) / seconds - 0.5 * pull * seconds
    time = (np.arange(count + 1) * STEP_S)[:, None]
    return first + speed * time + 0.5 * pull * time**2, speed, speed + pull * seconds
