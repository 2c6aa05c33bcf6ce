"""Rotations of many bodies at many times at once.

Legend: T times; matrices are (..., 3, 3) and turn column vectors; angles are radians; quaternions are (w, x, y, z).
"""

from __future__ import annotations

import numpy as np

_ONE = np.eye(3)
_CROSS = np.array([[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]], float)
"""Turns a vector into the matrix of its cross product, row by row."""


def about(axis: int, angle: np.ndarray | float) -> np.ndarray:
    """Rotation about the x (0), y (1) or z (2) axis by (...,) angles, (..., 3, 3)."""
    angle = np.asarray(angle, float)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.zeros((*angle.shape, 3, 3))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1.0
    matrix[..., one, one] = matrix[..., two, two] = cos
    matrix[..., two, one], matrix[..., one, two] = sin, -sin
    return matrix


def swing(flex: np.ndarray | float, spread: np.ndarray | float, twist: np.ndarray | float) -> np.ndarray:
    """A joint's rotation: flexion forward, then spreading to the left, then twisting to the left.

    A limb that hangs down is swung to the front by positive flexion.
    """
    return about(1, -np.asarray(flex, float)) @ about(0, spread) @ about(2, twist)


def unswing(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flexion, spread and twist of (..., 3, 3) rotations: the inverse of ``swing`` for spreads within 90 degrees."""
    spread = np.arcsin(np.clip(-matrix[..., 1, 2], -1, 1))
    flex = -np.arctan2(matrix[..., 0, 2], matrix[..., 2, 2])
    twist = np.arctan2(matrix[..., 1, 0], matrix[..., 1, 1])
    return flex, spread, twist


def turn(vector: np.ndarray) -> np.ndarray:
    """Rotation by the (..., 3) rotation vector: its length is the angle, its direction the axis (Rodrigues)."""
    vector = np.asarray(vector, float)
    square = (vector * vector).sum(-1)[..., None, None] + 1e-24
    angle = np.sqrt(square)
    cross = (vector @ _CROSS).reshape(*vector.shape, 3)
    return _ONE + (np.sin(angle) / angle) * cross + ((1 - np.cos(angle)) / square) * (cross @ cross)


def unturn(matrix: np.ndarray) -> np.ndarray:
    """Rotation vector (..., 3) of rotations by less than half a turn."""
    quaternion = to_quaternion(matrix)
    axis = quaternion[..., 1:]
    sine = np.sqrt((axis**2).sum(-1))
    angle = 2 * np.arctan2(sine, quaternion[..., 0])
    return axis * (angle / np.maximum(sine, 1e-12))[..., None]


def to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """Quaternions (..., 4) with w >= 0 of (..., 3, 3) rotations.

    Source: S. W. Shepperd, "Quaternion from rotation matrix", J. Guidance and Control 1 (1978).
    """
    xx, yy, zz = matrix[..., 0, 0], matrix[..., 1, 1], matrix[..., 2, 2]
    trace = xx + yy + zz
    rows = np.stack([
        np.stack([1 + trace, matrix[..., 2, 1] - matrix[..., 1, 2], matrix[..., 0, 2] - matrix[..., 2, 0],
                  matrix[..., 1, 0] - matrix[..., 0, 1]], -1),
        np.stack([matrix[..., 2, 1] - matrix[..., 1, 2], 1 + 2 * xx - trace, matrix[..., 0, 1] + matrix[..., 1, 0],
                  matrix[..., 0, 2] + matrix[..., 2, 0]], -1),
        np.stack([matrix[..., 0, 2] - matrix[..., 2, 0], matrix[..., 0, 1] + matrix[..., 1, 0], 1 + 2 * yy - trace,
                  matrix[..., 1, 2] + matrix[..., 2, 1]], -1),
        np.stack([matrix[..., 1, 0] - matrix[..., 0, 1], matrix[..., 0, 2] + matrix[..., 2, 0],
                  matrix[..., 1, 2] + matrix[..., 2, 1], 1 + 2 * zz - trace], -1),
    ], -2)
    best = np.argmax(np.stack([trace, xx, yy, zz], -1), -1)
    row = np.take_along_axis(rows, best[..., None, None], -2)[..., 0, :]
    row = row / np.sqrt((row**2).sum(-1, keepdims=True))
    return np.where(row[..., :1] < 0, -row, row)


def frame_of(down: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Rotation whose z axis is opposite to `down` and whose y axis is `side` as far as it is across it."""
    z = -down / np.maximum(np.sqrt((down**2).sum(-1, keepdims=True)), 1e-9)
    y = side - (side * z).sum(-1, keepdims=True) * z
    y = y / np.maximum(np.sqrt((y**2).sum(-1, keepdims=True)), 1e-9)
    return np.stack([np.cross(y, z), y, z], -1)


def spin_of(matrix: np.ndarray, step_s: float) -> np.ndarray:
    """Angular velocity in the world, (T - 1, ..., 3), halfway between (T, ..., 3, 3) rotations."""
    return unturn(matrix[1:] @ np.swapaxes(matrix[:-1], -1, -2)) / step_s
