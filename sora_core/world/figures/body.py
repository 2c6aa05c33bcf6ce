"""A human body: bones with lengths, masses and inertias, where they are for given joint angles, and what they weigh.

In its own frame a body looks along x, has its left at y and its head up at z; standing at attention all its bones
point straight down or up and all joint angles are 0. The origin is between the hip joints.

Legend: T times, B bones.

Sources: masses and centres of P. de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters", J.
Biomechanics 29 (1996), table 4; lengths of R. Drillis, R. Contini, "Body segment parameters" (1966), as shares of the
stature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .rotation import about, frame_of, swing, unswing

BONES = ("pelvis", "chest", "head", "arm_l", "forearm_l", "hand_l", "arm_r", "forearm_r", "hand_r",
         "thigh_l", "shank_l", "foot_l", "thigh_r", "shank_r", "foot_r")
INDEX = {name: number for number, name in enumerate(BONES)}
PARENTS = (-1, 0, 1, 1, 3, 4, 1, 6, 7, 0, 9, 10, 0, 12, 13)
SIDES = {"l": 1.0, "r": -1.0}
_SHARES = {"pelvis": 0.1117, "chest": 0.3229, "head": 0.0694, "arm": 0.0271, "forearm": 0.0162, "hand": 0.0061,
           "thigh": 0.1416, "shank": 0.0433, "foot": 0.0137}
ANGLES = ("bend", "lean", "twist", "nod", "tilt", "look", *(
    f"{joint}_{side}" for side in "lr" for joint in (
        "shoulder", "spread", "turn", "elbow", "wrist", "hip", "open", "rotate", "knee", "ankle", "roll", "point")))
"""Spine: bend forward, lean left, twist left. Neck: nod, tilt, look left. Arm: shoulder (flexion), spread (outward),
turn (inward), elbow, wrist. Leg: hip (flexion), open (outward), rotate (inward), knee, ankle (toes up), roll, point
(toes inward). All in radians, 0 at attention."""
LIMITS_DEG: Mapping[str, tuple[float, float]] = {
    "bend": (-55, 100), "lean": (-45, 45), "twist": (-60, 60), "nod": (-65, 65), "tilt": (-45, 45), "look": (-85, 85),
    "shoulder": (-95, 200), "spread": (-50, 185), "turn": (-120, 120), "elbow": (-5, 160), "wrist": (-90, 90),
    "hip": (-50, 150), "open": (-45, 105), "rotate": (-75, 75), "knee": (-3, 165), "ankle": (-85, 60),
    "roll": (-50, 50), "point": (-60, 60),
}
"""What a supple body can do. The cardan angles of a shoulder say little when both flexion and spread are large."""

Angles = dict[str, np.ndarray]


def _limb_inertia(mass: float, length: float, radius: float) -> tuple[float, float, float]:
    """Principal inertias of a solid cylinder along z, in kg m2."""
    across = mass * (3 * radius**2 + length**2) / 12
    return across, across, 0.5 * mass * radius**2


@dataclass(frozen=True)
class Build:
    """The proportions of one person.

    Attributes:
        height_m: stature.
        mass_kg: of the whole body.
        girth: thickness of trunk and limbs, 1 for slender adults.
        head: size of the head, 1 for true adults; drawn figures read better with more.
        shoulders: width of the shoulders, 1 for the average.
    """

    height_m: float = 1.72
    mass_kg: float = 68.0
    girth: float = 1.0
    head: float = 1.15
    shoulders: float = 1.0
    offsets: np.ndarray = field(init=False, repr=False, compare=False)
    masses: np.ndarray = field(init=False, repr=False, compare=False)
    centres: np.ndarray = field(init=False, repr=False, compare=False)
    inertias: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tall = self.height_m
        size = {
            "hips": 0.052 * tall * self.girth**0.5, "waist": 0.075 * tall, "chest": 0.205 * tall,
            "shoulders": 0.108 * tall * self.shoulders, "arm": 0.172 * tall, "forearm": 0.150 * tall,
            "hand": 0.090 * tall, "thigh": 0.243 * tall, "shank": 0.243 * tall, "ankle": 0.042 * tall,
            "foot": 0.146 * tall, "neck": 0.030 * tall, "skull": 0.066 * tall * self.head,
        }
        object.__setattr__(self, "_size", size)
        offsets = np.zeros((len(BONES), 3))
        offsets[INDEX["chest"]] = (0, 0, size["waist"])
        offsets[INDEX["head"]] = (0, 0, size["chest"] + 0.02 * tall)
        centres, masses, inertias = np.zeros((len(BONES), 3)), np.zeros(len(BONES)), np.zeros((len(BONES), 3))
        for number, bone in enumerate(BONES):
            kind, _, side = bone.partition("_")
            masses[number] = self.mass_kg * _SHARES[kind]
            out = SIDES.get(side, 0.0)
            if kind == "arm":
                offsets[number] = (0, out * size["shoulders"], size["chest"])
            elif kind == "thigh":
                offsets[number] = (0, out * size["hips"], 0)
            elif kind in ("forearm", "hand", "shank", "foot"):
                above = {"forearm": "arm", "hand": "forearm", "shank": "thigh", "foot": "shank"}[kind]
                offsets[number] = (0, 0, -size[above])
            if kind in ("arm", "forearm", "hand", "thigh", "shank"):
                share = {"arm": 0.577, "forearm": 0.457, "hand": 0.6, "thigh": 0.410, "shank": 0.446}[kind]
                centres[number, 2] = -share * size[kind]
                inertias[number] = _limb_inertia(masses[number], size[kind], self.radius(kind))
        centres[INDEX["pelvis"], 2] = 0.3 * size["waist"]
        centres[INDEX["chest"], 2] = 0.5 * size["chest"]
        centres[INDEX["head"], 2] = size["neck"] + size["skull"]
        inertias[INDEX["pelvis"]] = _limb_inertia(masses[0], 1.6 * size["waist"], 0.075 * tall)
        inertias[INDEX["chest"]] = _limb_inertia(masses[1], 1.1 * size["chest"], 0.082 * tall)
        inertias[INDEX["head"]] = 0.4 * masses[2] * size["skull"] ** 2
        for foot in (INDEX["foot_l"], INDEX["foot_r"]):
            centres[foot] = (0.22 * size["foot"], 0, -0.5 * size["ankle"])
            inertias[foot] = np.array(_limb_inertia(masses[foot], size["foot"], 0.25 * size["foot"]))[[2, 1, 0]]
        for name, value in (("offsets", offsets), ("masses", masses), ("centres", centres), ("inertias", inertias)):
            object.__setattr__(self, name, value)

    def size(self, name: str) -> float:
        """A length in metres: hips, waist, chest, shoulders, arm, forearm, hand, thigh, shank, ankle, foot, ..."""
        return self._size[name]

    def radius(self, kind: str) -> float:
        """Thickness of a limb in metres."""
        share = {"arm": 0.028, "forearm": 0.024, "hand": 0.024, "thigh": 0.043, "shank": 0.031, "neck": 0.029}[kind]
        return share * self.height_m * self.girth

    @property
    def leg_m(self) -> float:
        """From hip joint to ankle joint with a straight knee."""
        return self._size["thigh"] + self._size["shank"]

    @property
    def arm_m(self) -> float:
        """From shoulder to wrist with a straight elbow."""
        return self._size["arm"] + self._size["forearm"]

    @property
    def stand_m(self) -> float:
        """Height of the hips above the ground, standing straight."""
        return self.leg_m + self._size["ankle"]

    def sole(self, where: float) -> np.ndarray:
        """A point of the sole in the foot's frame: 0 the heel's edge, 1 the toe's."""
        return np.array([(where - 0.28) * self._size["foot"], 0.0, -self._size["ankle"]])


def rest(count: int, **degrees: float) -> Angles:
    """Joint angles at attention for `count` times; names give other ones in degrees, without side for both sides."""
    angles = {name: np.zeros(count) for name in ANGLES}
    for name, value in degrees.items():
        for key in ([name] if name in angles else [f"{name}_l", f"{name}_r"]):
            angles[key] = np.full(count, np.radians(value))
    return angles


def local_rotations(angles: Angles) -> np.ndarray:
    """Each bone's rotation against its parent, (T, B, 3, 3); the pelvis' is the identity."""
    count = len(angles["bend"])
    result = np.empty((count, len(BONES), 3, 3))
    result[:, 0] = np.eye(3)
    result[:, 1] = swing(-angles["bend"], -angles["lean"], angles["twist"])
    result[:, 2] = swing(-angles["nod"], -angles["tilt"], angles["look"])
    for side, out in SIDES.items():
        at = INDEX[f"arm_{side}"]
        result[:, at] = swing(angles[f"shoulder_{side}"], out * angles[f"spread_{side}"], -out * angles[f"turn_{side}"])
        result[:, at + 1] = about(1, -angles[f"elbow_{side}"])
        result[:, at + 2] = about(1, -angles[f"wrist_{side}"])
        at = INDEX[f"thigh_{side}"]
        result[:, at] = swing(angles[f"hip_{side}"], out * angles[f"open_{side}"], -out * angles[f"rotate_{side}"])
        result[:, at + 1] = about(1, angles[f"knee_{side}"])
        result[:, at + 2] = swing(angles[f"ankle_{side}"], out * angles[f"roll_{side}"], -out * angles[f"point_{side}"])
    return result


@dataclass(frozen=True)
class Shape:
    """A body's bones in the frame of its pelvis.

    Attributes:
        rotations: (T, B, 3, 3).
        joints: (T, B, 3) metres, where each bone begins.
    """

    rotations: np.ndarray
    joints: np.ndarray

    def placed(self, root: np.ndarray, pelvis: np.ndarray) -> Shape:
        """The same in the world, with the pelvis turned by (T, 3, 3) and put at (T, 3)."""
        joints = np.einsum("tij,tbj->tbi", root, self.joints) + pelvis[:, None]
        return Shape(root[:, None] @ self.rotations, joints)

    def centres(self, build: Build) -> np.ndarray:
        """Centre of mass of each bone, (T, B, 3)."""
        return self.joints + np.einsum("tbij,bj->tbi", self.rotations, build.centres)

    def centre(self, build: Build) -> np.ndarray:
        """Centre of mass of the body, (T, 3)."""
        return np.einsum("tbi,b->ti", self.centres(build), build.masses) / build.masses.sum()


def shape_of(build: Build, angles: Angles) -> Shape:
    """Forward kinematics."""
    local = local_rotations(angles)
    rotations, joints = np.empty_like(local), np.zeros((*local.shape[:2], 3))
    rotations[:, 0] = local[:, 0]
    for bone in range(1, len(BONES)):
        parent = PARENTS[bone]
        rotations[:, bone] = rotations[:, parent] @ local[:, bone]
        joints[:, bone] = joints[:, parent] + rotations[:, parent] @ build.offsets[bone]
    return Shape(rotations, joints)


def bend_limb(
    start: np.ndarray, end: np.ndarray, upper: float, lower: float, side: np.ndarray, forward: float
) -> tuple[np.ndarray, np.ndarray]:
    """Two-bone inverse kinematics: the world rotations of thigh and shank, or of arm and forearm.

    Args:
        start, end: (T, 3) metres, where the limb begins and where it should end; too far is cut to straight.
        upper, lower: lengths of the two bones.
        side: (T, 3) the hinge's axis, pointing to the body's left.
        forward: 1 where the middle joint points forward (a knee), -1 where backward (an elbow).
    """
    reach = end - start
    distance = np.sqrt((reach**2).sum(-1))
    distance = np.clip(distance, abs(upper - lower) + 1e-4, upper + lower - 1e-6)
    corner = np.arccos(np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1))
    fold = np.arccos(np.clip((upper**2 + lower**2 - distance**2) / (2 * upper * lower), -1, 1))
    straight = frame_of(reach, side)
    first = straight @ about(1, -forward * corner)
    return first, first @ about(1, forward * (np.pi - fold))


def set_leg(angles: Angles, side: str, pelvis: np.ndarray, thigh: np.ndarray, shank: np.ndarray, foot: np.ndarray,
            where: np.ndarray) -> None:
    """Write the joint angles of a leg whose bones have these world rotations (T, 3, 3), at the times `where`."""
    out = SIDES[side]
    flex, spread, twist = unswing(np.swapaxes(pelvis, -1, -2) @ thigh)
    knee = -unswing(np.swapaxes(thigh, -1, -2) @ shank)[0]
    ankle, roll, point = unswing(np.swapaxes(shank, -1, -2) @ foot)
    for name, value in (("hip", flex), ("open", out * spread), ("rotate", -out * twist), ("knee", knee),
                        ("ankle", ankle), ("roll", out * roll), ("point", -out * point)):
        angles[f"{name}_{side}"] = np.where(where, value, angles[f"{name}_{side}"])


def set_arm(angles: Angles, side: str, chest: np.ndarray, arm: np.ndarray, forearm: np.ndarray, share: np.ndarray
            ) -> None:
    """Write the joint angles of an arm whose bones have these world rotations, mixed in by (T,) shares of 0 to 1."""
    out = SIDES[side]
    flex, spread, twist = unswing(np.swapaxes(chest, -1, -2) @ arm)
    elbow = unswing(np.swapaxes(arm, -1, -2) @ forearm)[0]
    for name, value in (("shoulder", flex), ("spread", out * spread), ("turn", -out * twist), ("elbow", elbow)):
        old = angles[f"{name}_{side}"]
        gap = value - old if name == "elbow" else (value - old + np.pi) % (2 * np.pi) - np.pi
        angles[f"{name}_{side}"] = old + share * gap
