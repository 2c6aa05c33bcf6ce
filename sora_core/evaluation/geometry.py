"""From pixels to metres: the cameras of the world, as far as a picture tells them.

A picture alone has no scale. The world's cameras have one: a lens of 36 degrees that frames a known height at the
middle of the scene, where things move in an upright plane. Which of its four ways to look a camera has is read off the
background; its tilt, the framed height and how far behind the middle each thing moves are then told as well as what
stands on the floor allows (`scale.py`). What is left is the error of every length, and is measured on true clips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FIELD_OF_VIEW_DEG = 36.0
SPANS_M = {"square": 1.768, "wide": 1.596, "tall": 2.071}        # mean framed height by shape of picture
STYLES_DEG = {"front": (7.0, 0.0), "high": (34.0, 0.0), "low": (-9.0, 0.0), "angled": (17.0, 26.0)}     # tilt, turn
AIMS = {"front": 0.36, "high": 0.27, "low": 0.44, "angled": 0.34}   # height of the aim over the framed height
LOWEST_M = 0.10
GRAVITY = 9.81


@dataclass(frozen=True)
class Camera:
    """A camera that looks at the middle of the scene.

    Attributes:
        name: "front", "high", "low" or "angled".
        pitch_deg: how far it looks down.
        yaw_deg: how far it is turned about the vertical.
        width, height: pixels.
        stretch: the framed height over the mean one.
    """

    name: str
    pitch_deg: float
    yaw_deg: float
    width: int
    height: int
    stretch: float = 1.0

    @property
    def span_m(self) -> float:
        """Framed height at the middle of the scene in metres."""
        shape = "square" if self.width == self.height else "wide" if self.width > self.height else "tall"
        return SPANS_M[shape] * self.stretch

    @property
    def radians_per_pixel(self) -> float:
        """Width of a pixel at the middle of the picture over its distance from the lens."""
        return 2 * math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2) / self.height

    def _frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Position (3,) and axes (3, 3), columns right, up, backward."""
        pitch, yaw = math.radians(self.pitch_deg), math.radians(self.yaw_deg)
        backward = np.array([-math.sin(yaw) * math.cos(pitch), -math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
        right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        distance = 0.5 * self.span_m / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
        position = np.array([0.0, 0.0, AIMS[self.name] * self.span_m]) + distance * backward
        position[2] = max(position[2], LOWEST_M)
        return position, np.stack([right, np.cross(backward, right), backward], axis=1)

    def to_metres(self, x: np.ndarray, y: np.ndarray,
                  depth_m: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where pixels (T,) lie in the upright plane `depth_m` behind the middle.

        Returns:
            x to the right, height above the floor, and metres to a pixel there, each (T,).
        """
        position, axes = self._frame()
        scale = self.radians_per_pixel
        local = np.stack([(x - self.width / 2) * scale, (self.height / 2 - y) * scale, -np.ones_like(x)], -1)
        rays = local @ axes.T
        reach = (depth_m - position[1]) / np.where(np.abs(rays[..., 1]) < 1e-6, 1e-6, rays[..., 1])
        points = position + rays * reach[..., None]
        return points[..., 0], points[..., 2], scale * reach
