"""Four-legged animals: a spine, four legs that plant their paws, a head that looks, a tail that follows.

Bones: hind and front half of the trunk, neck, head, jaw, four pieces of tail; then for each leg an upper and a lower
bone and, behind, one from hock to paw; then the paw. Legend: T times, B bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import Shape, bend_limb
from .curves import ease, hermite, lag
from .rotation import about

BONES = ("hips", "chest", "neck", "head", "jaw", "tail0", "tail1", "tail2", "tail3",
         *(f"{part}_{leg}" for leg in ("lf", "rf", "lh", "rh") for part in ("upper", "lower", "shin", "paw")))
INDEX = {name: number for number, name in enumerate(BONES)}
LEGS = ("lf", "rf", "lh", "rh")
GAITS: dict[str, tuple[dict[str, float], float]] = {
    "walk": ({"lh": 0.0, "lf": 0.25, "rh": 0.5, "rf": 0.75}, 0.64),
    "trot": ({"lh": 0.0, "rf": 0.0, "rh": 0.5, "lf": 0.5}, 0.47),
}
"""When in a stride each paw comes down, and the share of a stride that it stays (M. Hildebrand, "Symmetrical gaits of
horses", Science 150, 1965)."""


@dataclass(frozen=True)
class Frame:
    """Proportions of an animal, in metres.

    Attributes:
        height: of the shoulders.
        long: from hip to shoulder joints.
        wide: half the distance between left and right legs.
        neck, skull, snout, tail: lengths; skull is a radius.
        rise: how steeply the neck goes up, radians.
    """

    height: float
    long: float
    wide: float
    neck: float
    skull: float
    snout: float
    tail: float
    rise: float

    @property
    def reach(self) -> dict[str, float]:
        """Lengths of the leg's bones."""
        return {"front": 0.435 * self.height, "hind": 0.37 * self.height, "shin": 0.25 * self.height}


@dataclass(frozen=True, eq=False)
class Paw:
    """Where a paw is, (T, 3) metres, and its stays on the ground: (from s, to s, place (3,))."""

    place: np.ndarray
    stays: tuple[tuple[float, float, tuple[float, float, float]], ...]


@dataclass(eq=False)
class Posture:
    """What an animal does, (T,) each or (T, 3): the middle of its trunk, and angles in radians."""

    place: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    bend: np.ndarray
    nod: np.ndarray
    look: np.ndarray
    jaw: np.ndarray
    wag: np.ndarray
    lift: np.ndarray


def paws(time: np.ndarray, frame: Frame, way: np.ndarray, yaw: float, gait: str, period_s: float,
         stop_s: float = 99.0) -> dict[str, Paw]:
    """Steps of all four paws along a straight way through the origin.

    Args:
        way: (T,) metres along the way of the middle of the trunk.
        yaw: direction of the way.
        gait: one of ``GAITS``.
        period_s: length of a stride.
        stop_s: when the animal ceases to walk; then all paws come to stand under it.
    """
    phases, duty = GAITS[gait]
    ahead, left = np.array([np.cos(yaw), np.sin(yaw), 0.0]), np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    before, after = (way[1] - way[0]) / (time[1] - time[0]), (way[-1] - way[-2]) / (time[1] - time[0])

    def along(at: float) -> float:
        inside = float(np.interp(at, time, way))
        return inside + before * min(at - time[0], 0.0) + after * max(at - time[-1], 0.0)

    result = {}
    for leg in LEGS:
        fore = (0.5 if leg[1] == "f" else -0.5) * frame.long + (0.02 if leg[1] == "f" else -0.05) * frame.height
        aside = left * (1 if leg[0] == "l" else -1) * frame.wide * (0.75 if gait == "trot" else 0.9)
        first, last = int(np.floor(-1.5 / period_s)), int(np.ceil((time[-1] + 1.5) / period_s))
        downs = [(number + phases[leg]) * period_s for number in range(first, last)]
        downs = [down for down in downs if down < stop_s]
        stays = [(down, down + duty * period_s, along(down + 0.5 * duty * period_s) + fore) for down in downs]
        if stop_s < time[-1]:
            stays[-1] = (stays[-1][0], 99.0, along(time[-1]) + fore)
        places = tuple((down, up, tuple(ahead * x + aside)) for down, up, x in stays)
        result[leg] = Paw(_swung(time, places, 0.11 * frame.height), places)
    return result


def _swung(time: np.ndarray, stays: tuple, lift_m: float) -> np.ndarray:
    """Places (T, 3) of a paw that is carried from stay to stay."""
    place = np.empty((len(time), 3))
    place[:] = stays[0][2]
    for (_, up, one), (down, _, two) in zip(stays[:-1], stays[1:], strict=True):
        here = (time > up) & (time < down)
        u = ((time[here] - up) / max(down - up, 1e-3))[:, None]
        begin, end = np.array(one), np.array(two)
        between = begin + (end - begin) * ease(u, 0.0, 1.0)
        between[:, 2:] += lift_m * (u * (1 - u) ** 1.4) / 0.27
        place[here] = between
        place[time >= down] = two
    return place


def rig(frame: Frame, posture: Posture, feet: dict[str, Paw]) -> Shape:
    """Put all bones where posture and paws want them."""
    count = len(posture.yaw)
    rotations = np.repeat(np.eye(3)[None, None], count, 0).repeat(len(BONES), 1)
    joints = np.zeros((count, len(BONES), 3))

    def put(name: str, rotation: np.ndarray, place: np.ndarray) -> None:
        rotations[:, INDEX[name]], joints[:, INDEX[name]] = rotation, place

    trunk = about(2, posture.yaw) @ about(1, -posture.pitch) @ about(0, posture.roll)
    hips, chest = trunk @ about(2, -posture.bend), trunk @ about(2, posture.bend)
    back = posture.place - hips @ np.array([0.5 * frame.long, 0, 0])
    front = posture.place + chest @ np.array([0.5 * frame.long, 0, 0])
    put("hips", hips, back)
    put("chest", chest, front)
    rise = frame.rise + 0.5 * posture.nod + 0.4 * posture.pitch
    neck = about(2, posture.yaw + posture.bend + 0.4 * posture.look) @ about(1, -rise)
    root = front + chest @ np.array([0.10 * frame.height, 0, 0.10 * frame.height])
    put("neck", neck, root)
    head = about(2, posture.yaw + posture.look) @ about(1, -posture.nod)
    top = root + neck @ np.array([frame.neck, 0, 0])
    put("head", head, top)
    put("jaw", head @ about(1, posture.jaw), top + head @ np.array([0.45 * frame.skull, 0, -0.35 * frame.skull]))
    base = back + hips @ np.array([-0.16 * frame.height, 0, 0.10 * frame.height])
    wag, lift = posture.wag, posture.lift
    turn = hips @ about(2, np.full(count, np.pi))
    for number in range(4):
        turn = turn @ about(2, wag) @ about(1, -(lift if number == 0 else 0.28 * lift))
        put(f"tail{number}", turn, base)
        base = base + turn @ np.array([0.25 * frame.tail, 0, 0])
        wag = 0.8 * lag(wag, 0.07, 0.7)
    for leg in LEGS:
        _leg(frame, put, leg, chest if leg[1] == "f" else hips, front if leg[1] == "f" else back, feet[leg].place,
             posture)
    return Shape(rotations, joints)


def _leg(frame: Frame, put, leg: str, turn: np.ndarray, joint: np.ndarray, paw: np.ndarray,  # noqa: ANN001
         posture: Posture) -> None:
    side = 1 if leg[0] == "l" else -1
    is_front, reach = leg[1] == "f", frame.reach
    start = joint + turn @ np.array([0, side * frame.wide * 0.8, -0.06 * frame.height])
    level = about(2, posture.yaw)
    sole = paw + np.array([0, 0, 0.035 * frame.height])
    if is_front:
        upper, lower = bend_limb(start, sole, reach["front"], reach["front"], turn[:, :, 1], -1.0)
        elbow = start + upper @ np.array([0, 0, -reach["front"]])
        put(f"upper_{leg}", upper, start)
        put(f"lower_{leg}", lower, elbow)
        put(f"shin_{leg}", lower, elbow)
    else:
        raised = np.clip(paw[:, 2] / (0.11 * frame.height), 0, 1)
        shin = level @ about(1, 0.42 + 0.7 * raised)
        hock = sole - shin @ np.array([0, 0, -reach["shin"]])
        upper, lower = bend_limb(start, hock, reach["hind"], reach["hind"], turn[:, :, 1], 1.0)
        knee = start + upper @ np.array([0, 0, -reach["hind"]])
        put(f"upper_{leg}", upper, start)
        put(f"lower_{leg}", lower, knee)
        put(f"shin_{leg}", shin, knee + lower @ np.array([0, 0, -reach["hind"]]))
    put(f"paw_{leg}", level, sole)


def stand_paws(time: np.ndarray, frame: Frame, place: tuple[float, float], yaw: float, sits: np.ndarray | None = None
               ) -> dict[str, Paw]:
    """Four paws that stay; hind ones slip forward under a trunk that sits, by (T,) shares."""
    ahead, left = np.array([np.cos(yaw), np.sin(yaw), 0.0]), np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    result = {}
    for leg in LEGS:
        fore = (0.5 if leg[1] == "f" else -0.5) * frame.long - (0.05 if leg[1] == "h" else -0.02) * frame.height
        spot = np.array([*place, 0.0]) + ahead * fore + left * (1 if leg[0] == "l" else -1) * 0.9 * frame.wide
        where = np.repeat(spot[None], len(time), 0)
        if sits is not None and leg[1] == "h":
            where = where + ahead * (0.30 * frame.height * sits)[:, None]
        result[leg] = Paw(where, ((-9.0, 99.0, tuple(spot)),))
    return result


def still(time: np.ndarray, **values: np.ndarray) -> Posture:
    """A posture of zeros but for what is given."""
    zero = np.zeros(len(time))
    names = ("yaw", "pitch", "roll", "bend", "nod", "look", "jaw", "wag", "lift")
    return Posture(place=values["place"], **{name: values.get(name, zero) for name in names})


def eased_way(time: np.ndarray, start: float, speed: float, stop_s: float, gentle_s: float = 0.5) -> np.ndarray:
    """(T,) metres along a way at an even speed that comes to rest at `stop_s`."""
    if stop_s > time[-1] + gentle_s:
        return start + speed * time
    last = stop_s - gentle_s
    end = start + speed * (last + 0.5 * gentle_s)
    at = np.array([0.0, last, stop_s, max(time[-1], stop_s + 0.1)])
    return hermite(time, at, np.array([start, start + speed * last, end, end]), np.array([speed, speed, 0.0, 0.0]))
