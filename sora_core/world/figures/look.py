"""What people look like: skin, hair, clothes with patterns, a face that blinks and speaks; and the parts to draw.

Legend: F frames, P parts, T times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..performance import Part
from .body import INDEX, SIDES, Build, Shape
from .patterns import Cloth, draw_cloth
from .rotation import about, to_quaternion

SKINS = ((0.98, 0.83, 0.72), (0.93, 0.74, 0.60), (0.83, 0.62, 0.46), (0.66, 0.46, 0.32), (0.47, 0.31, 0.21),
         (0.33, 0.22, 0.16))
HAIRS: dict[str, tuple[float, float, float]] = {
    "black": (0.09, 0.08, 0.09), "brown": (0.33, 0.20, 0.11), "blond": (0.90, 0.73, 0.38), "red": (0.70, 0.28, 0.10),
    "grey": (0.66, 0.66, 0.68), "white": (0.94, 0.94, 0.92), "blue": (0.20, 0.36, 0.80), "pink": (0.95, 0.45, 0.66),
}
STYLES = ("short", "bun", "ponytail", "long", "bald", "cap", "curls")
OUTFITS = ("everyday", "shorts", "dress", "leotard", "suit")


@dataclass(frozen=True, eq=False)
class Look:
    """How one person is dressed; names are what a caption may say.

    Attributes:
        skin: sRGB.
        hair, style: names in ``HAIRS`` and ``STYLES``.
        outfit: one of ``OUTFITS``.
        top, bottom, shoes: cloths.
        iris: sRGB of the eyes.
        has_glasses: round ones.
        is_on_skates: blades under the shoes.
    """

    skin: tuple[float, float, float]
    hair: str
    style: str
    outfit: str
    top: Cloth
    bottom: Cloth
    shoes: Cloth
    iris: tuple[float, float, float] = (0.20, 0.12, 0.08)
    has_glasses: bool = False
    is_on_skates: bool = False


@dataclass(frozen=True, eq=False)
class Face:
    """What a face does, (T,) each.

    Attributes:
        mouth: opening, 0 closed to 1 wide.
        width: of the mouth, 1 at rest; rounded lips have less, a smile has more.
        lids: 1 open, 0 closed.
        brows: raised > 0, frowning < 0.
        gaze: of the eyes to the left, -1 to 1.
    """

    mouth: np.ndarray
    width: np.ndarray
    lids: np.ndarray
    brows: np.ndarray
    gaze: np.ndarray


@dataclass(eq=False)
class Flesh:
    """Parts as they hang on bones: a frame can be posed by one multiplication."""

    parts: list[Part] = field(default_factory=list)
    bones: list[int] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)
    turns: list[np.ndarray] = field(default_factory=list)
    sizes: list[np.ndarray] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)

    def add(self, bone: int, shape: str, size: tuple[float, float, float], place: tuple[float, float, float],
            colour: tuple[float, float, float] | Cloth, turn: np.ndarray | None = None, name: str = "",
            specular: float = 0.08, alpha: float = 1.0) -> None:
        """Hang a part on a bone; a name lets ``pose`` change it over time."""
        if isinstance(colour, Cloth):
            part = Part(shape, colour.tint, colour.texture, specular)
        else:
            part = Part(shape, tuple(float(c) for c in colour), None, specular, alpha=alpha)
        if name:
            self.names[name] = len(self.parts)
        self.parts.append(part)
        self.bones.append(bone)
        self.places.append(np.array(place, float))
        self.turns.append(np.eye(3) if turn is None else turn)
        self.sizes.append(np.array(size, float))

    def pose(self, body: Shape, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Poses (F, P, 7) and sizes (F, P, 3) at the chosen times of a body in the world."""
        rotations, joints = body.rotations[frames][:, self.bones], body.joints[frames][:, self.bones]
        places = joints + np.einsum("fpij,pj->fpi", rotations, np.stack(self.places))
        quaternions = to_quaternion(rotations @ np.stack(self.turns))
        sizes = np.repeat(np.stack(self.sizes)[None], len(frames), 0)
        return np.concatenate([places, quaternions], -1), sizes

    def colour_at(self, bone: int) -> tuple[float, float, float]:
        """sRGB of the largest part on a bone, its pattern averaged."""
        here = [i for i, owner in enumerate(self.bones) if owner == bone]
        part = self.parts[max(here, key=lambda i: float(self.sizes[i].sum()))]
        texture = 1.0 if part.texture is None else part.texture.reshape(-1, 3).mean(0) / 255
        return tuple(float(c) for c in np.array(part.colour) * texture)


def draw_look(rng: np.random.Generator, role: str = "") -> Look:
    """Draw how somebody looks; "gymnast" and "skater" wear what they need."""
    hair = str(rng.choice(list(HAIRS), p=(0.24, 0.26, 0.18, 0.12, 0.07, 0.05, 0.04, 0.04)))
    style = str(rng.choice(STYLES, p=(0.26, 0.13, 0.17, 0.14, 0.06, 0.10, 0.14)))
    outfit = str(rng.choice(OUTFITS, p=(0.46, 0.22, 0.14, 0.04, 0.14)))
    if role == "gymnast":
        outfit, style = "leotard", str(rng.choice(("bun", "ponytail", "short")))
    elif role == "skater":
        outfit, style = str(rng.choice(("dress", "suit", "leotard"))), str(rng.choice(("bun", "ponytail", "short")))
    top = draw_cloth(rng)
    bottom = top if outfit in ("leotard", "dress") else draw_cloth(rng, plain=0.8, other_than=top.colour)
    shoes = draw_cloth(rng, plain=1.0)
    iris = ((0.20, 0.12, 0.08), (0.18, 0.34, 0.60), (0.22, 0.42, 0.22))[rng.integers(3)]
    skin = SKINS[rng.integers(len(SKINS))]
    return Look(skin, hair, style, outfit, top, bottom, shoes, iris, bool(rng.random() < 0.15), role == "skater")


def dress(build: Build, look: Look) -> Flesh:
    """The parts of a person."""
    flesh = Flesh()
    _trunk(flesh, build, look)
    _limbs(flesh, build, look)
    _head(flesh, build, look)
    return flesh


def _trunk(flesh: Flesh, build: Build, look: Look) -> None:
    tall, wide = build.height_m, build.girth**0.5
    waist, chest, hips = build.size("waist"), build.size("chest"), build.size("hips")
    broad = build.size("shoulders")
    flesh.add(0, "ellipsoid", (0.064 * tall * wide, hips + 0.038 * tall * wide, 0.062 * tall), (0, 0, 0.012 * tall),
              look.bottom)
    flesh.add(0, "ellipsoid", (0.058 * tall * wide, 0.076 * tall * wide, 0.085 * tall), (0, 0, 0.9 * waist), look.top)
    flesh.add(1, "ellipsoid", (0.064 * tall * wide, 0.92 * broad, 0.66 * chest), (0, 0, 0.50 * chest), look.top)
    flesh.add(1, "capsule", (0.033 * tall * wide, 0.72 * broad, 0), (-0.004 * tall, 0, 0.93 * chest), look.top,
              about(0, np.pi / 2))
    if look.outfit == "dress":
        flesh.add(0, "ellipsoid", (0.098 * tall, 0.118 * tall, 0.052 * tall), (0, 0, -0.035 * tall), look.top)
        flesh.add(0, "cylinder", (0.112 * tall, 0.008 * tall, 0), (0, 0, -0.062 * tall), look.top)


def _limbs(flesh: Flesh, build: Build, look: Look) -> None:
    tall = build.height_m
    bare_arms = look.outfit in ("shorts", "dress")
    for side, out in SIDES.items():
        arm, thigh = INDEX[f"arm_{side}"], INDEX[f"thigh_{side}"]
        half = 0.5 * build.size("arm")
        flesh.add(arm, "capsule", (build.radius("arm"), half, 0), (0, 0, -half), look.skin if look.outfit == "dress"
                  else look.top)
        half = 0.5 * build.size("forearm")
        flesh.add(arm + 1, "capsule", (build.radius("forearm"), half, 0), (0, 0, -half),
                  look.skin if bare_arms or look.outfit == "leotard" else look.top)
        palm = 0.42 * build.size("hand")
        flesh.add(arm + 2, "ellipsoid", (0.62 * palm, 0.40 * palm, 1.1 * palm), (0.1 * palm, 0, -palm), look.skin)
        flesh.add(arm + 2, "capsule", (0.20 * palm, 0.32 * palm, 0), (0.55 * palm, -0.1 * out * palm, -0.65 * palm),
                  look.skin, about(1, -0.7))
        legs = look.skin if look.outfit in ("dress", "leotard") else look.bottom
        half = 0.5 * build.size("thigh")
        flesh.add(thigh, "capsule", (build.radius("thigh"), half, 0), (0, 0, -half), legs)
        half = 0.5 * build.size("shank")
        flesh.add(thigh + 1, "capsule", (build.radius("shank"), half, 0), (0, 0, -half),
                  look.skin if look.outfit in ("shorts", "dress", "leotard") else look.bottom)
        _foot(flesh, build, look, thigh + 2, tall)


def _foot(flesh: Flesh, build: Build, look: Look, foot: int, tall: float) -> None:
    long, ankle = build.size("foot"), build.size("ankle")
    shoe = look.skin if look.outfit == "leotard" and not look.is_on_skates else look.shoes
    flesh.add(foot, "ellipsoid", (0.5 * long, 0.029 * tall, 0.030 * tall), (0.22 * long, 0, 0.030 * tall - ankle), shoe)
    flesh.add(foot, "capsule", (0.027 * tall, 0.008 * tall, 0), (-0.03 * long, 0, 0.034 * tall - ankle), shoe)
    if look.is_on_skates:
        flesh.add(foot, "box", (0.50 * long, 0.004, 0.010 * tall), (0.22 * long, 0, 0.010 * tall - ankle),
                  (0.85, 0.88, 0.92), specular=0.9)
    else:
        flesh.add(foot, "box", (0.44 * long, 0.024 * tall, 0.006 * tall), (0.20 * long, 0, 0.006 * tall - ankle),
                  tuple(0.55 * c for c in (look.skin if shoe is look.skin else (0.9, 0.9, 0.9))))


def _head(flesh: Flesh, build: Build, look: Look) -> None:
    skull, neck, at = build.size("skull"), build.size("neck"), INDEX["head"]
    hair = HAIRS[look.hair]

    def add(shape: str, size: tuple, place: tuple, colour: tuple, turn: np.ndarray | None = None, name: str = "",
            shine: float = 0.08, alpha: float = 1.0) -> None:
        middle = (0.12 * skull, 0.0, neck + skull)
        flesh.add(at, shape, tuple(s * skull for s in size), tuple(
            m + p * skull for m, p in zip(middle, place, strict=True)), colour, turn, name, shine, alpha)

    flesh.add(at, "capsule", (build.radius("neck"), 0.5 * neck, 0), (0, 0, 0.35 * neck), look.skin)
    add("ellipsoid", (0.94, 0.84, 1.06), (0, 0, 0), look.skin)
    add("ellipsoid", (0.62, 0.62, 0.40), (0.20, 0, -0.62), look.skin)
    shade = tuple(0.90 * c for c in look.skin)
    add("ellipsoid", (0.16, 0.12, 0.17), (0.97, 0, -0.12), shade)
    for side, out in SIDES.items():
        add("ellipsoid", (0.14, 0.09, 0.20), (-0.05, 0.84 * out, -0.05), shade)
        yaw = about(2, out * 0.36)
        add("ellipsoid", (0.09, 0.20, 0.23), (0.83, 0.34 * out, 0.14), (0.98, 0.98, 0.98), yaw, f"eye_{side}", 0.5)
        add("ellipsoid", (0.05, 0.105, 0.13), (0.90, 0.34 * out, 0.14), look.iris, yaw, f"iris_{side}", 0.6)
        add("capsule", (0.042, 0.15, 0), (0.86, 0.35 * out, 0.50), tuple(0.6 * c for c in hair),
            about(2, out * 0.36) @ about(0, np.pi / 2), f"brow_{side}")
        if look.has_glasses:
            add("cylinder", (0.29, 0.02, 0), (0.93, 0.35 * out, 0.12), (0.25, 0.30, 0.36), yaw @ about(1, np.pi / 2),
                shine=0.9, alpha=0.35)
            add("capsule", (0.03, 0.5, 0), (0.45, 0.80 * out, 0.16), (0.12, 0.12, 0.14), about(1, np.pi / 2))
    lips = (0.70 * look.skin[0] + 0.10, 0.42 * look.skin[1], 0.42 * look.skin[2])
    add("ellipsoid", (0.10, 0.29, 0.07), (0.80, 0, -0.55), lips, about(1, 0.15), "lips")
    add("ellipsoid", (0.10, 0.24, 0.0), (0.825, 0, -0.55), (0.22, 0.03, 0.04), about(1, 0.15), "mouth")
    _hair(add, look, hair)


def _hair(add, look: Look, hair: tuple[float, float, float]) -> None:  # noqa: ANN001
    if look.style == "bald":
        return
    if look.style == "cap":
        colour = look.top.tint if look.top.texture is None else look.bottom.tint
        add("ellipsoid", (0.98, 0.92, 0.62), (-0.04, 0, 0.58), colour)
        add("ellipsoid", (0.50, 0.55, 0.05), (0.90, 0, 0.56), colour)
        add("ellipsoid", (0.80, 0.90, 0.55), (-0.22, 0, 0.10), hair)
        return
    add("ellipsoid", (0.95, 0.92, 0.80), (-0.16, 0, 0.40), hair)
    add("ellipsoid", (0.80, 0.90, 0.86), (-0.30, 0, 0.10), hair)
    add("ellipsoid", (0.34, 0.66, 0.22), (0.60, 0.12, 0.80), hair)
    if look.style == "bun":
        add("sphere", (0.42, 0.42, 0.42), (-0.62, 0, 1.00), hair)
    elif look.style == "ponytail":
        add("ellipsoid", (0.24, 0.24, 0.62), (-1.12, 0, -0.06), hair, about(1, 0.35), "tail")
    elif look.style == "long":
        add("ellipsoid", (0.42, 0.86, 1.05), (-0.52, 0, -0.48), hair)
    elif look.style == "curls":
        for x, y, z in ((0.35, 0.55, 0.85), (0.35, -0.55, 0.85), (-0.2, 0.85, 0.35), (-0.2, -0.85, 0.35),
                        (-0.7, 0.5, 0.6), (-0.7, -0.5, 0.6), (-0.8, 0, 0.1), (0.0, 0.0, 1.15)):
            add("sphere", (0.40, 0.40, 0.40), (x, y, z), hair)


def calm_face(rng: np.random.Generator, time: np.ndarray) -> Face:
    """A face that blinks now and then and looks about a little."""
    lids = np.ones(len(time))
    at = float(rng.uniform(0.2, 1.8))
    while at < time[-1]:
        lids *= 1 - np.clip(1 - np.abs(time - at) / 0.075, 0, 1) ** 0.5
        at += float(rng.uniform(1.2, 3.2))
    gaze = np.zeros(len(time))
    for _ in range(2):
        gaze += rng.uniform(-0.5, 0.5) * (np.abs(time - rng.uniform(0, time[-1])) < rng.uniform(0.2, 0.6))
    still = np.zeros(len(time))
    return Face(still, still + 1 + float(rng.uniform(0, 0.25)), lids, still + float(rng.uniform(-0.1, 0.3)), gaze)


def animate(flesh: Flesh, build: Build, face: Face, body: Shape, frames: np.ndarray, poses: np.ndarray,
            sizes: np.ndarray) -> None:
    """Move mouth, eyes and brows in posed parts, in place."""
    skull = build.size("skull")
    head = body.rotations[frames][:, INDEX["head"]]
    up, left = head[:, :, 2], head[:, :, 1]
    opening, width = face.mouth[frames], face.width[frames]
    for name, tall, broad in (("mouth", 0.34 * opening - 0.01, 0.26), ("lips", 0.06 + 0.36 * opening, 0.29)):
        at = flesh.names[name]
        sizes[:, at, 2] = skull * np.maximum(tall, 0.0)
        sizes[:, at, 1] = skull * broad * width * (1 - 0.12 * opening)
        poses[:, at, :3] -= up * (0.10 * skull * opening)[:, None]
        if name == "mouth":
            sizes[:, at] *= (opening > 0.04)[:, None]
    for side in SIDES:
        for name in (f"eye_{side}", f"iris_{side}"):
            sizes[:, flesh.names[name], 2] *= np.maximum(face.lids[frames], 0.12)
        at = flesh.names[f"iris_{side}"]
        poses[:, at, :3] += left * (0.07 * skull * face.gaze[frames])[:, None]
        sizes[:, at] *= (face.lids[frames] > 0.3)[:, None]
        poses[:, flesh.names[f"brow_{side}"], :3] += up * (0.14 * skull * face.brows[frames])[:, None]
