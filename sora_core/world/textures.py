"""Small procedural pictures for floors, backdrops and bodies: large, soft and low in contrast.

Fine detail would cost the video autoencoder most of its capacity, so every texture varies slowly.
"""

from __future__ import annotations

import numpy as np

from .materials import FLOORS

TEXTURE_SIDE = 128
CUBE_SIDE = 48
SKIN_SIDE = 64


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    axis = (np.arange(side) + 0.5) / side
    return np.meshgrid(axis, axis)


def _clouds(side: int, seed: int, cells: int = 6) -> np.ndarray:
    """Smooth periodic noise in [0, 1]."""
    rng = np.random.default_rng(seed)
    x, y = _grid(side)
    total = np.zeros((side, side))
    for _ in range(10):
        kx, ky = rng.integers(-cells, cells + 1, 2)
        total += np.sin(2 * np.pi * (kx * x + ky * y) + rng.uniform(0, 2 * np.pi))
    return (total - total.min()) / (np.ptp(total) + 1e-9)


def _planks(side: int) -> np.ndarray:
    x, y = _grid(side)
    plank = np.floor(y * 4)
    shade = np.array([0.2, 0.75, 0.4, 0.9])[plank.astype(int) % 4]
    gap = np.clip(1 - np.abs(y * 4 % 1 - 0.02) / 0.05, 0, 1)
    grain = 0.12 * np.sin(2 * np.pi * (3 * y * 4 + 0.4 * np.sin(2 * np.pi * x)))
    return np.clip(shade + grain - 1.2 * gap, -0.8, 1)


def _craters(side: int) -> np.ndarray:
    """Soft ground with a few periodic dents, in about [0, 1]."""
    rng = np.random.default_rng(5)
    x, y = _grid(side)
    ground = 0.55 + 0.35 * (_clouds(side, 3, 4) - 0.5)
    for _ in range(7):
        radius, (cx, cy) = rng.uniform(0.03, 0.09), rng.uniform(0, 1, 2)
        away = np.hypot((x - cx + 0.5) % 1 - 0.5, (y - cy + 0.5) % 1 - 0.5) / radius
        ground += 0.35 * np.exp(-8 * (away - 1) ** 2) - 0.35 * np.exp(-2 * away**2)
    return ground


def floor(name: str) -> np.ndarray:
    """Picture of a floor, (TEXTURE_SIDE, TEXTURE_SIDE, 3) uint8."""
    look = FLOORS[name]
    x, y = _grid(TEXTURE_SIDE)
    blend = {
        "planks": lambda: _planks(TEXTURE_SIDE),
        "clouds": lambda: _clouds(TEXTURE_SIDE, len(name)),
        "stripes": lambda: 0.5 + 0.5 * np.sin(2 * np.pi * 4 * x),
        "craters": lambda: _craters(TEXTURE_SIDE),
        "checks": lambda: np.where((np.floor(x * 4) + np.floor(y * 4)) % 2 > 0, 1.0, 0.0),
    }[look.texture]()[..., None]
    return _bytes(np.array(look.dark) + blend * (np.array(look.light) - np.array(look.dark)))


def backdrop(name: str) -> np.ndarray:
    """Picture behind the scene, (TEXTURE_SIDE, TEXTURE_SIDE, 3) uint8; its first row is the top."""
    side = TEXTURE_SIDE
    x, y = _grid(side)
    up = 1 - y
    flat = np.ones((side, side, 3))
    if name == "wall":
        return _bytes(flat * np.where(up < 0.035, 0.86, 1.0)[..., None])
    if name == "studio":
        return _bytes(flat * (1.0 - 0.22 * np.abs(x - 0.5) - 0.10 * up)[..., None])
    if name == "gym":
        pads = np.where((up < 0.16)[..., None], np.array([0.36, 0.50, 0.72]), np.array([1.0, 1.0, 0.98]))
        return _bytes(np.where(((up > 0.16) & (up < 0.18))[..., None], np.array([0.90, 0.78, 0.30]), pads))
    if name == "boards":
        lower = np.where((up < 0.13)[..., None], np.array([0.95, 0.96, 0.97]), np.array([0.52, 0.63, 0.74]))
        return _bytes(np.where((up < 0.02)[..., None], np.array([0.90, 0.80, 0.35]), lower))
    if name == "brick":
        row = np.floor(up * 24)
        gap = (np.abs(up * 24 % 1 - 0.5) > 0.42) | (np.abs((x * 20 + 0.5 * (row % 2)) % 1 - 0.5) > 0.45)
        return _bytes(np.where(gap[..., None], np.array([0.74, 0.58, 0.52]), np.array([0.68, 0.48, 0.41])))
    if name == "stars":
        return _bytes(_stars(side))
    horizon, zenith = np.array([0.80, 0.90, 0.98]), np.array([0.52, 0.72, 0.93])
    sky = horizon + up[..., None] * 2.2 * (zenith - horizon)
    if name == "sea":
        return _bytes(np.where((up < 0.055)[..., None], np.array([0.16, 0.48, 0.66]), sky))
    if name == "hills":
        ridge = 0.060 + 0.022 * np.sin(2 * np.pi * (5.3 * x + 0.1)) + 0.012 * np.sin(2 * np.pi * (11.1 * x + 0.4))
        return _bytes(np.where((up < ridge)[..., None], np.array([0.20, 0.42, 0.22]), sky))
    if name == "street":
        return _bytes(np.where((up < _skyline(x))[..., None], _fronts(x, up), sky))
    raise KeyError(name)


def _skyline(x: np.ndarray) -> np.ndarray:
    """Height of the houses at each place of a street."""
    heights = np.random.default_rng(8).uniform(0.30, 0.55, 14)
    return heights[(x * 14).astype(int) % 14]


def _fronts(x: np.ndarray, up: np.ndarray) -> np.ndarray:
    """House fronts with windows over a pavement."""
    rng = np.random.default_rng(9)
    walls = np.array([(0.72, 0.52, 0.42), (0.78, 0.74, 0.64), (0.55, 0.56, 0.60), (0.70, 0.60, 0.46)])
    front = walls[rng.integers(0, 4, 14)][(x * 14).astype(int) % 14]
    window = (np.abs(x * 56 % 1 - 0.5) < 0.24) & (np.abs(up * 18 % 1 - 0.55) < 0.27) & (up > 0.06)
    front = np.where(window[..., None], np.array([0.36, 0.44, 0.52]), front)
    return np.where((up < 0.022)[..., None], np.array([0.62, 0.61, 0.59]), front)


def _stars(side: int) -> np.ndarray:
    """Black sky with stars, grey hills below, and the Earth."""
    rng = np.random.default_rng(21)
    x, y = _grid(side)
    up = 1 - y
    sky = np.zeros((side, side, 3)) + 0.01
    rows, columns = rng.integers(0, side, (2, 260))
    sky[rows, columns] = rng.uniform(0.35, 1.0, (260, 1))
    # The picture is 4.4 times as wide as high where it stands.
    away = np.hypot((x - 0.535) * 4.44, up - 0.30) / 0.055
    earth = np.where((_clouds(side, 4, 9) > 0.55)[..., None], np.array([0.92, 0.95, 1.0]), np.array([0.16, 0.38, 0.80]))
    sky = np.where((away < 1)[..., None], earth, sky)
    ridge = 0.030 + 0.016 * np.sin(2 * np.pi * (7.3 * x + 0.1)) + 0.010 * np.sin(2 * np.pi * (15.1 * x + 0.4))
    return np.where((up < ridge)[..., None], np.array([0.42, 0.41, 0.39]), sky)


def _cube_directions(side: int) -> np.ndarray:
    """Directions of a cube map's pixels, (6, side, side, 3), faces right, left, up, down, front, back."""
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    u, v = np.meshgrid(axis, axis)
    one = np.ones_like(u)
    faces = [(one, -v, -u), (-one, -v, u), (u, one, v), (u, -one, -v), (u, -v, one), (-u, -v, -one)]
    points = np.stack([np.stack(face, -1) for face in faces])
    return points / np.linalg.norm(points, axis=-1, keepdims=True)


BODY_TEXTURES = ("seam", "grain", "brushed", "halves", "speckle", "plain")


def body(name: str, is_box: bool) -> np.ndarray:
    """Grey picture that tints a body's colour, (6 * CUBE_SIDE, CUBE_SIDE, 3) uint8, six faces of a cube map."""
    side = CUBE_SIDE
    points = _cube_directions(side)
    if is_box:
        x, y = _grid(side)
        edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
        face = np.where(edge < 0.09, 0.78, 1.0)
        if name == "grain":
            face = face - 0.08 * (np.sin(2 * np.pi * 4 * y) > 0)
        if name == "seam":
            face = np.where(np.hypot(x - 0.5, y - 0.5) < 0.2, 0.8, face)
        if name == "halves":
            face = np.where((y > 0.5), face, 0.92 * face)
        grey = np.broadcast_to(face, (6, side, side))
    else:
        height, angle = points[..., 2], np.arctan2(points[..., 1], points[..., 0])
        grey = {
            "seam": lambda: np.where(np.abs(height) < 0.13, 0.62, 1.0),
            "grain": lambda: 0.88 + 0.12 * np.sign(np.sin(9 * height + 0.5 * np.sin(2 * angle))),
            "halves": lambda: np.where(height > 0, 1.0, 0.76),
            "brushed": lambda: np.where(np.abs(np.abs(height) - 0.45) < 0.06, 0.75, 0.97),
            "speckle": lambda: 0.9 + 0.1 * np.prod(np.sin(points * (5, 6, 5) + (1, 0, 0)), axis=-1),
            "plain": lambda: np.where(np.abs(height) < 0.05, 0.85, 1.0),
        }[name]()
    return np.repeat(np.clip(255 * grey, 0, 255).astype(np.uint8).reshape(6 * side, side, 1), 3, axis=2)


def _bytes(colour: np.ndarray) -> np.ndarray:
    return np.clip(np.round(255 * colour), 0, 255).astype(np.uint8)


def skin(picture: np.ndarray) -> np.ndarray:
    """A part's texture, (64, 64, 3) or (6, 64, 64, 3) uint8, as a cube map in MuJoCo's order of faces."""
    faces = np.broadcast_to(picture, (6, *picture.shape)) if picture.ndim == 3 else picture
    return faces.reshape(6 * SKIN_SIDE, SKIN_SIDE, 3)
