"""The solids of a clip, in MuJoCo's list of things to draw: some stand still, some move with the frames."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from .performance import Part
from .physics import rotate

_TYPES = {
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE, "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE, "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER, "triangle": mujoco.mjtGeom.mjGEOM_TRIANGLE,
    "plane": mujoco.mjtGeom.mjGEOM_PLANE, "hfield": mujoco.mjtGeom.mjGEOM_HFIELD,
}
_AWAY = np.array([0.0, -50.0, -50.0])
_SHADOW = Part("cylinder", (0.0, 0.0, 0.0), alpha=0.2, specular=0.0)


@dataclass(eq=False)
class _Moving:
    """One solid that moves: its places (F, 3), axes (F, 9), sizes (F, 3) and reach (F,)."""

    geom: mujoco.MjvGeom
    places: np.ndarray
    axes: np.ndarray | None
    sizes: np.ndarray
    reach: np.ndarray
    alphas: np.ndarray | None = None


class Solids:
    """Fills the list of one `MjvScene`."""

    def __init__(self, scene: mujoco.MjvScene) -> None:
        self._scene, self._most = scene, len(scene.geoms)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.count = 0
        self._moving: list[_Moving] = []
        self._clear_geoms: list[mujoco.MjvGeom] = []
        self._scene.ngeom = 0

    def show(self, count: int | None = None) -> None:
        """Draw the first `count` solids, or all."""
        self._scene.ngeom = self.count if count is None else count

    def add(self, part: Part, size: tuple[float, ...], position: tuple[float, ...] = (0, 0, 0),
            quaternion: tuple[float, ...] = (1, 0, 0, 0), *, material: int = -1) -> mujoco.MjvGeom:
        """A solid that stands still; `material` is the number of the model's material with its texture, or -1."""
        geom = self._scene.geoms[self.count]
        axes = np.empty(9)
        mujoco.mju_quat2Mat(axes, np.array(quaternion, float))
        full = (*size, 0.0, 0.0)[:3]
        mujoco.mjv_initGeom(geom, _TYPES[part.shape], np.ones(3), np.array(position, float), axes,
                            np.array([*part.colour, part.alpha], np.float32))
        geom.size[:] = _drawn_size(part.shape, np.array(full, float))
        geom.specular, geom.shininess, geom.emission = part.specular, part.shininess, part.emission
        geom.reflectance, geom.category, geom.segid = 0.0, mujoco.mjtCatBit.mjCAT_DECOR, -1
        geom.matid, geom.dataid, geom.transparent = material, -1, int(part.alpha < 0.999)
        if part.shape == "hfield":
            geom.dataid = 0
        if part.alpha < 0.999:
            self._clear_geoms.append(geom)
        self.count += 1
        return geom

    def move(self, part: Part, sizes: np.ndarray, poses: np.ndarray, offset: np.ndarray | None = None, *,
             material: int = -1) -> None:
        """A solid that moves.

        Args:
            sizes: (F, 3) half sizes, or (F, 1 to 3).
            poses: (F, 7) places and quaternions of what it belongs to.
            offset: (7,) its own pose in that, or None.
        """
        geom = self.add(part, (1.0, 1.0, 1.0), material=material)
        places, turns = poses[:, :3], poses[:, 3:]
        if offset is not None:
            places = places + rotate(turns, offset[:3])
            turns = _times(turns, offset[3:])
        full = np.zeros((len(poses), 3))
        full[:, : sizes.shape[1]] = sizes
        drawn = _drawn_size(part.shape, full)
        reach = drawn.max(1) if part.shape in ("sphere", "ellipsoid") else np.linalg.norm(drawn, axis=1)
        if part.shape == "capsule":
            reach = drawn[:, 0] + drawn[:, 2]
        self._moving.append(_Moving(geom, places, _matrices(turns), drawn, reach))

    def shade(self, discs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Soft shadows: places (F, k, 3), radii (F, k), opacity of each (F,)."""
        places, radii, alphas = discs
        for ring in range(radii.shape[1]):
            geom = self.add(_SHADOW, (1.0, 1.0, 0.001))
            sizes = np.stack([radii[:, ring], radii[:, ring], np.full(len(radii), 0.001)], axis=1)
            self._moving.append(_Moving(geom, places[:, ring], None, sizes, radii[:, ring], alphas))

    def place(self, frame: int, still: float) -> bool:
        """Put all that moves where it is in a frame; False if nothing has moved since the last one by `still`."""
        changed = False
        for item in self._moving:
            if not changed and frame:
                changed = bool(np.abs(item.places[frame] - item.geom.pos).max() > still) or (
                    item.axes is not None and bool(np.abs(item.axes[frame] - item.geom.mat.ravel()).max() > still)) or (
                    bool(np.abs(item.sizes[frame] - item.geom.size).max() > still))
        if frame and not changed:
            return False
        for item in self._moving:
            geom = item.geom
            gone = item.reach[frame] <= 1e-4
            geom.pos[:] = _AWAY if gone else item.places[frame]
            geom.size[:] = 0.01 if gone else item.sizes[frame]
            if item.axes is not None:
                geom.mat[:] = item.axes[frame].reshape(3, 3)
            if item.alphas is not None:
                geom.rgba[3] = item.alphas[frame]
        return True

    def sort(self, eye: np.ndarray) -> None:
        """Tell the renderer how far see-through solids are from the eye (3,): the farthest is drawn first."""
        for geom in self._clear_geoms:
            geom.camdist = float(np.linalg.norm(geom.pos - eye))

    def bounds(self, frames: int) -> np.ndarray:
        """(F, n, 4) spheres around all that moves; radius 0 for what isn't there."""
        found = np.zeros((frames, len(self._moving), 4))
        for i, item in enumerate(self._moving):
            found[:, i, :3] = item.places
            found[:, i, 3] = np.where(item.reach > 1e-4, item.reach, 0.0)
        return found


def _drawn_size(shape: str, size: np.ndarray) -> np.ndarray:
    """MuJoCo's sizes (..., 3) of a shape as its renderer takes them: spheres and tubes have a number for each axis."""
    x, y, z = size[..., 0], size[..., 1], size[..., 2]
    if shape == "sphere":
        return np.stack([x, x, x], axis=-1)
    if shape in ("capsule", "cylinder"):
        return np.stack([x, x, y], axis=-1)
    return np.stack([x, y, z], axis=-1)


def _times(turns: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(F, 4) quaternions times one."""
    w, x, y, z = turns.T
    ow, ox, oy, oz = offset
    return np.stack([w * ow - x * ox - y * oy - z * oz, w * ox + x * ow + y * oz - z * oy,
                     w * oy - x * oz + y * ow + z * ox, w * oz + x * oy - y * ox + z * ow], axis=1)


def _matrices(turns: np.ndarray) -> np.ndarray:
    """(F, 4) quaternions -> (F, 9) rotation matrices by rows."""
    w, x, y, z = turns.T
    rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return np.stack(rows, axis=1)
