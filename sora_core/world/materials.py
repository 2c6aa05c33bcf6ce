"""What bodies and floors are made of: how they bounce, slide, weigh and look.

The values are picked for clips that read well at 128 pixels, not for a laboratory: densities are those of hollow or
foamed toys, and a bounce factor is the share of the impact speed that a body keeps on a hard, unyielding floor.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.07, 0.08),
    "orange": (0.98, 0.48, 0.04),
    "yellow": (0.98, 0.87, 0.10),
    "green": (0.08, 0.62, 0.17),
    "blue": (0.08, 0.24, 0.86),
    "purple": (0.50, 0.13, 0.70),
    "pink": (0.98, 0.48, 0.70),
    "white": (0.97, 0.97, 0.96),
    "black": (0.07, 0.07, 0.08),
    "cyan": (0.10, 0.80, 0.85),
}
"""Colour names and their sRGB values in [0, 1]."""


@dataclass(frozen=True)
class Material:
    """How one material behaves and looks.

    Attributes:
        bounce: share of the impact speed that is kept on a rigid floor, 0 to 1.
        friction: sliding friction factor.
        density: kg per cubic metre of the body's volume.
        specular: strength of the highlight, 0 to 1.
        shininess: sharpness of the highlight, 0 to 1.
        alpha: opacity, 0 to 1.
        pale: share of white mixed into the colour, 0 to 1.
        texture: name of the grey surface texture that tints the colour, or "" for none.
    """

    bounce: float
    friction: float
    density: float
    specular: float
    shininess: float
    alpha: float = 1.0
    pale: float = 0.0
    texture: str = ""


MATERIALS: dict[str, Material] = {
    "rubber": Material(0.84, 0.90, 40.0, 0.15, 0.10, texture="seam"),
    "wood": Material(0.46, 0.45, 110.0, 0.12, 0.15, texture="grain"),
    "metal": Material(0.58, 0.28, 380.0, 1.00, 0.85, texture="brushed"),
    "glass": Material(0.68, 0.24, 240.0, 1.00, 1.00, alpha=0.62, pale=0.28),
    "plastic": Material(0.72, 0.38, 22.0, 0.55, 0.45, texture="halves"),
    "stone": Material(0.30, 0.65, 330.0, 0.05, 0.05, texture="speckle"),
    "resin": Material(0.93, 0.20, 230.0, 0.90, 0.80),
}
COMMON_MATERIALS = ("rubber", "wood", "metal", "glass", "plastic", "stone")
"""What balls and boxes are drawn from; others belong to families of their own."""


@dataclass(frozen=True)
class Floor:
    """How one floor behaves and looks.

    Attributes:
        bounce: factor on a body's own bounce, 0 to 1.
        friction: factor on a body's own friction.
        rolling: rolling resistance, the share of the weight that brakes a rolling body.
        dark, light: the two sRGB ends of its texture.
        texture: name of the texture.
    """

    bounce: float
    friction: float
    rolling: float
    dark: tuple[float, float, float]
    light: tuple[float, float, float]
    texture: str


FLOORS: dict[str, Floor] = {
    "wood": Floor(0.95, 1.00, 0.006, (0.58, 0.37, 0.20), (0.66, 0.43, 0.25), "planks"),
    "concrete": Floor(1.00, 1.10, 0.008, (0.52, 0.52, 0.53), (0.59, 0.59, 0.60), "clouds"),
    "grass": Floor(0.62, 1.00, 0.045, (0.22, 0.46, 0.14), (0.30, 0.54, 0.19), "clouds"),
    "carpet": Floor(0.55, 1.25, 0.035, (0.50, 0.22, 0.26), (0.54, 0.26, 0.30), "stripes"),
    "sand": Floor(0.22, 1.20, 0.110, (0.80, 0.68, 0.46), (0.86, 0.75, 0.54), "clouds"),
    "tile": Floor(0.98, 0.80, 0.004, (0.70, 0.74, 0.76), (0.80, 0.83, 0.85), "checks"),
    "ice": Floor(0.80, 0.10, 0.002, (0.70, 0.84, 0.92), (0.78, 0.90, 0.97), "clouds"),
    "asphalt": Floor(1.00, 1.15, 0.010, (0.30, 0.31, 0.33), (0.37, 0.38, 0.40), "clouds"),
    "dust": Floor(0.45, 1.10, 0.060, (0.46, 0.45, 0.43), (0.60, 0.59, 0.56), "craters"),
}

WALL_MATERIAL = "plaster"
"""The material of every wall in a contact record."""
WALL_BOUNCE = 0.85
WALL_FRICTION = 0.5
