"""Cameras: where one stands, what it sees, and how it moves through a clip."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

FIELD_OF_VIEW_DEG = 36.0
NUM_FRAMES = 97
FRAME_RATE = 24


@dataclass(frozen=True)
class CameraStyle:
    """How a named camera looks at the scene: degrees downwards, degrees sideways, height of the aim."""

    pitch_deg: float
    yaw_deg: float
    aim: float


CAMERAS: dict[str, CameraStyle] = {
    "front": CameraStyle(7.0, 0.0, 0.36),
    "high": CameraStyle(34.0, 0.0, 0.27),
    "low": CameraStyle(-9.0, 0.0, 0.44),
    "angled": CameraStyle(17.0, 26.0, 0.34),
}
CAMERA_WEIGHTS: dict[str, float] = {"front": 0.45, "high": 0.2, "low": 0.17, "angled": 0.18}
MOVES = ("pan", "tilt", "dolly in", "dolly out", "orbit", "handheld", "cuts")
_LOWEST_M = 0.10


@dataclass(frozen=True, eq=False)
class Path:
    """Where a moving camera is: (F, 3) metres, (F, 3, 3) axes as in `View`, and the frames at which a shot begins."""

    positions: np.ndarray
    rotations: np.ndarray
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True)
class View:
    """A placed camera.

    Attributes:
        name: its style in ``CAMERAS``.
        position: (3,) metres, in the first frame.
        rotation: (3, 3) columns are the camera's right, up and backward axes in the world, in the first frame.
        width, height: pixels.
        span_m: height of the picture at the middle of the scene in metres.
        move: one of ``MOVES``, "follow", or "" for a still camera.
        path: how it moves, or None for a still camera.
    """

    name: str
    position: np.ndarray
    rotation: np.ndarray
    width: int
    height: int
    span_m: float
    move: str = ""
    path: Path | None = None

    @property
    def half_width_m(self) -> float:
        """Half the width of the picture at the middle of the scene, in metres."""
        return 0.5 * self.span_m * self.width / self.height

    @property
    def aim(self) -> np.ndarray:
        """(3,) the middle of the scene."""
        return self.position - self.rotation[:, 2] * _distance(self.span_m)

    def at(self, frame: int) -> View:
        """The still camera of one frame."""
        if self.path is None:
            return self
        return replace(self, position=self.path.positions[frame], rotation=self.path.rotations[frame], path=None)

    def project(self, points: np.ndarray, radius_m: np.ndarray | float) -> np.ndarray:
        """Project world points to the screen of the first frame.

        Args:
            points: (..., 3) in metres.
            radius_m: radius of a body at each point, broadcastable to (...,).

        Returns:
            (..., 4): x right and y down in [-1, 1] inside the picture, radius as a share of half the height,
            and 1 where the point is inside the picture.
        """
        return self._screen((points - self.position) @ self.rotation, radius_m)

    def project_frames(self, points: np.ndarray, radius_m: np.ndarray | float) -> np.ndarray:
        """As `project` for points (F, ..., 3), each frame as the camera of that frame sees it."""
        if self.path is None:
            return self.project(points, radius_m)
        ones = (1,) * (points.ndim - 2)
        local = points - self.path.positions[: len(points)].reshape(-1, *ones, 3)
        return self._screen(np.einsum("f...i,fij->f...j", local, self.path.rotations[: len(points)]), radius_m)

    def _screen(self, local: np.ndarray, radius_m: np.ndarray | float) -> np.ndarray:
        depth = np.maximum(-local[..., 2], 1e-6)
        focal = 1.0 / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
        x = focal * local[..., 0] / depth * self.height / self.width
        y = -focal * local[..., 1] / depth
        seen = (np.abs(x) <= 1) & (np.abs(y) <= 1) & (local[..., 2] < 0)
        return np.stack([x, y, focal * radius_m / depth, seen], axis=-1)


def _distance(span_m: float) -> float:
    return 0.5 * span_m / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)


def _axes(yaw: float, pitch: float) -> np.ndarray:
    """(3, 3) right, up, backward of a camera turned by `yaw` and looking down by `pitch`, in radians."""
    backward = np.array([-math.sin(yaw) * math.cos(pitch), -math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    return np.stack([right, np.cross(backward, right), backward], axis=1)


def _angles(rotation: np.ndarray) -> tuple[float, float]:
    backward = rotation[:, 2]
    return math.atan2(-backward[0], -backward[1]), math.asin(max(-1.0, min(1.0, backward[2])))


def draw_view(
    rng: np.random.Generator, width: int, height: int, *, span_m: float | None = None,
    aim: tuple[float, float, float] | None = None, names: tuple[str, ...] = tuple(CAMERAS), jitter: float = 1.0,
) -> View:
    """Draw a camera style and place it, with a little jitter.

    Args:
        span_m: height of the picture at the middle of the scene, of a square picture; wide ones show a little less.
        aim: the middle of the scene in metres; by default over the origin, as high as the style says.
        names: styles to draw from.
        jitter: share of the usual jitter.
    """
    weights = np.array([CAMERA_WEIGHTS[name] for name in names])
    name = str(rng.choice(list(names), p=weights / weights.sum()))
    style, aspect = CAMERAS[name], width / height
    shape = 1.0 if aspect == 1 else 1.58 / 1.75 if aspect > 1 else 2.05 / 1.75
    span_m = (span_m or 1.75) * shape * (1 + jitter * rng.uniform(-0.04, 0.06))
    pitch = math.radians(style.pitch_deg + jitter * rng.uniform(-2.0, 2.0))
    side = 1.0 if rng.random() < 0.5 else -1.0
    yaw = math.radians(side * style.yaw_deg + jitter * rng.uniform(-2.0, 2.0))
    return place_view(name, yaw, pitch, span_m, np.array(aim or (0.0, 0.0, style.aim * span_m)), width, height)


def place_view(name: str, yaw: float, pitch: float, span_m: float, aim: np.ndarray, width: int, height: int) -> View:
    """A still camera that looks at `aim` (3,) from the angles given, in radians, and sees `span_m` there."""
    rotation = _axes(yaw, pitch)
    position = aim + _distance(span_m) * rotation[:, 2]
    position[2] = max(position[2], _LOWEST_M)
    return View(name, position, rotation, width, height, span_m)


def _ease(count: int) -> np.ndarray:
    """0 to 1 in `count` frames, slow at both ends."""
    share = np.linspace(0, 1, count)
    return share * share * (3 - 2 * share)


def moved(view: View, move: str, rng: np.random.Generator) -> View:
    """The same camera, moving.

    Args:
        view: a still camera.
        move: one of ``MOVES``.
        rng: draws how far and which way.
    """
    share, side = _ease(NUM_FRAMES), -1.0 if rng.random() < 0.5 else 1.0
    yaw, pitch = _angles(view.rotation)
    yaws, pitches = np.full(NUM_FRAMES, yaw), np.full(NUM_FRAMES, pitch)
    positions = np.repeat(view.position[None], NUM_FRAMES, axis=0)
    cuts: tuple[int, ...] = ()
    if move == "pan":
        yaws = yaws + side * math.radians(rng.uniform(9, 14)) * (share - 0.5)
    elif move == "tilt":
        pitches = pitches + side * math.radians(rng.uniform(5, 8)) * (share - 0.5)
    elif move in ("dolly in", "dolly out"):
        near, far = rng.uniform(0.80, 0.88), rng.uniform(1.2, 1.35)
        reach = near + (far - near) * (1 - share if move == "dolly in" else share)
        positions = view.aim + reach[:, None] * _distance(view.span_m) * view.rotation[:, 2]
    elif move == "orbit":
        yaws = yaws * 0.4 + side * math.radians(rng.uniform(32, 48)) * (share - 0.5)
        positions = _around(view, yaws, np.maximum(pitches, 0.1))
        pitches = np.maximum(pitches, 0.1)
    elif move == "handheld":
        time = np.arange(NUM_FRAMES) / FRAME_RATE
        sway = [sum(rng.uniform(0.3, 1) * np.sin(2 * np.pi * f * time + rng.uniform(0, 6.28)) / (1 + f)
                    for f in rng.uniform(0.3, 2.4, 5)) for _ in range(5)]
        yaws, pitches = yaws + 0.014 * sway[0], pitches + 0.012 * sway[1]
        positions = positions + view.span_m * 0.010 * np.stack(sway[2:], axis=1)
    elif move == "cuts":
        return _cut(view, rng)
    else:
        raise ValueError(f"no camera move {move!r}; use one of {', '.join(MOVES)}")
    positions[:, 2] = np.maximum(positions[:, 2], _LOWEST_M)
    return _with_path(view, move, positions, yaws, pitches, cuts)


def _around(view: View, yaws: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    backward = np.stack([_axes(y, p)[:, 2] for y, p in zip(yaws, pitches, strict=True)])
    return view.aim + _distance(view.span_m) * backward


def _with_path(view: View, move: str, positions: np.ndarray, yaws: np.ndarray, pitches: np.ndarray,
               cuts: tuple[int, ...] = ()) -> View:
    rotations = np.stack([_axes(y, p) for y, p in zip(yaws, pitches, strict=True)])
    return replace(view, position=positions[0], rotation=rotations[0], move=move, path=Path(positions, rotations, cuts))


def _cut(view: View, rng: np.random.Generator) -> View:
    """Two or three shots of the same scene: as it was, then nearer, higher or from aside."""
    count = int(rng.integers(2, 4))
    bounds = [0, *sorted(int(b) for b in rng.choice(np.arange(30, 68, 6 if count == 3 else 1), count - 1,
                                                    replace=False)), NUM_FRAMES]
    yaw, pitch = _angles(view.rotation)
    positions, rotations = np.empty((NUM_FRAMES, 3)), np.empty((NUM_FRAMES, 3, 3))
    last = ""
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        kind = str(rng.choice([k for k in ("same", "near", "high", "aside") if k != last and (start or k == "same")]))
        last = kind
        turn = math.radians(rng.uniform(22, 34)) * (-1 if rng.random() < 0.5 else 1)
        shot = {"same": lambda: (yaw, pitch, 1.0), "near": lambda: (yaw * 0.5, max(pitch, 0.05), 0.78),
                "high": lambda: (yaw * 0.3, math.radians(38), 1.05),
                "aside": lambda turn=turn: (turn, max(pitch, 0.12), 1.0)}[kind]()
        placed = place_view(view.name, shot[0], shot[1], view.span_m * shot[2], view.aim.copy(), view.width,
                            view.height)
        positions[start:end], rotations[start:end] = placed.position, placed.rotation
    return replace(view, position=positions[0], rotation=rotations[0], move="cuts",
                   path=Path(positions, rotations, tuple(bounds[1:-1])))


def follow(view: View, points: np.ndarray, smooth_frames: int = 9) -> View:
    """A camera that moves sideways with what it follows, keeping its angles.

    Args:
        view: a still camera; its aim is where the followed thing is seen from.
        points: (F, 3) what is followed.
        smooth_frames: over how many frames its way is averaged.
    """
    window = np.hanning(2 * smooth_frames + 1)
    padded = np.pad(points, ((smooth_frames, smooth_frames), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, axis], window / window.sum(), "valid") for axis in range(3)], axis=1)
    shift = smooth - view.aim
    shift[:, 1:] = 0.0
    rotations = np.repeat(view.rotation[None], len(points), axis=0)
    positions = view.position + shift
    return replace(view, position=positions[0], move="follow", path=Path(positions, rotations))
