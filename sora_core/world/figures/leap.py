"""Jumps off both feet: straight, star, tuck, and somersaults forward and backward, on the floor or along a beam.

Each is a sink, a push, a flight and a landing that gives way. What the body does in the air decides how fast it turns
there; how much it turns in all is decided on the ground, as for a gymnast.

Legend: T times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import SIDES, Angles, Build, rest
from .curves import RATE_HZ, ease, keyed, lag, wander
from .feet import FootTrack, Plant, track
from .plan import Flight, Plan
from .rotation import about

POSES: dict[str, dict[str, float]] = {
    "straight": {"hip": 4, "knee": 6, "ankle": -50, "open": 2},
    "star": {"hip": 8, "knee": 2, "ankle": -50, "open": 42},
    "tuck": {"hip": 122, "knee": 128, "ankle": -35, "open": 3, "bend": 42, "nod": 28},
    "pike": {"hip": 112, "knee": 4, "ankle": -55, "open": 1, "bend": 40, "nod": 15},
    "layout": {"hip": -12, "knee": 6, "ankle": -60, "open": 0, "bend": -14, "nod": -12},
}
"""Joint angles of the middle of a flight, in degrees."""
_ARMS: dict[str, tuple[float, float, float]] = {
    "straight": (165, 10, 12), "star": (95, 75, 6), "tuck": (62, 4, 62), "pike": (75, 6, 10), "layout": (20, 12, 20),
}
"""Shoulder, spread and elbow in the middle of a flight, in degrees."""


@dataclass(frozen=True)
class Leap:
    """One jump.

    Attributes:
        at_s: when the feet leave the ground.
        seconds: how long it lasts.
        pose: name in ``POSES``.
        turns: whole somersaults, forward > 0, backward < 0.
        travel_m: how far, forward > 0.
        sink_s: how long the crouch before it takes.
    """

    at_s: float
    seconds: float
    pose: str = "straight"
    turns: int = 0
    travel_m: float = 0.0
    sink_s: float = 0.42


@dataclass(frozen=True)
class Ground:
    """Where it happens: starting point, heading in radians, height, and whether it is a narrow beam."""

    place: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    height_m: float = 0.0
    is_beam: bool = False


def leap(build: Build, time: np.ndarray, leaps: list[Leap], ground: Ground, rng: np.random.Generator,
         gravity: float = 9.81, is_proud: bool = False) -> Plan:
    """Plan one or more jumps.

    Args:
        leaps: in order of time, with at least 0.6 s on the ground between them.
        is_proud: ends with both arms up, as gymnasts do.
    """
    feet = {side: _foot(build, time, leaps, ground, side) for side in SIDES}
    keys = _Keys(build, leaps, ground, gravity, feet, time)
    pelvis = keys.pelvis()
    pitch = keyed(time, keys.pitch)
    wobble = _wobble(time, leaps, rng, 0.11 if ground.is_beam else 0.025)
    left = np.array([-np.sin(ground.yaw), np.cos(ground.yaw), 0])
    root = about(2, np.full(len(time), ground.yaw)) @ about(0, wobble) @ about(1, pitch)
    pelvis = pelvis + left * (0.35 * build.stand_m * wobble)[:, None]
    angles = _upper(build, time, leaps, rng, keys, is_proud, ground.is_beam, wobble)
    flights = tuple(_flight(time, one, keys.attitudes[number]) for number, one in enumerate(leaps))
    return Plan(build, time, root, pelvis, angles, feet, flights, gravity=gravity)


def _foot(build: Build, time: np.ndarray, leaps: list[Leap], ground: Ground, side: str) -> FootTrack:
    ahead = np.array([np.cos(ground.yaw), np.sin(ground.yaw)])
    left = np.array([-ahead[1], ahead[0]])
    out = SIDES[side]
    aside, fore = (0.012, 0.075 * out) if ground.is_beam else (1.35 * build.size("hips"), 0.0)
    place = np.array(ground.place) + out * aside * left + fore * build.height_m * ahead
    toes = out * (0.02 if ground.is_beam else 0.10)
    plants, down = [], -1.0
    for number, one in enumerate([*leaps, None]):
        strike = -0.5 if number else 0.0
        common = dict(flat_s=0.07, strike=strike)
        spot = (float(place[0]), float(place[1]), ground.height_m)
        if one is None:
            plants.append(Plant(spot, ground.yaw + toes, down, time[-1] + 1, push=0.0, **common))
        else:
            plants.append(Plant(spot, ground.yaw + toes, down, one.at_s, rise_s=0.13, push=1.0, **common))
            down = one.at_s + one.seconds
            place = place + one.travel_m * ahead
    return track(time, build, plants, 0.2)


class _Keys:
    """Keys of the pelvis and its pitch, jump by jump."""

    def __init__(self, build: Build, leaps: list[Leap], ground: Ground, gravity: float, feet: dict[str, FootTrack],
                 time: np.ndarray) -> None:
        self.build, self.time, self.ground = build, time, ground
        self.ahead = np.array([np.cos(ground.yaw), np.sin(ground.yaw), 0.0])
        stand = build.stand_m
        self.forward: list[tuple] = [(0.0, 0.0)]
        self.height: list[tuple] = [(0.0, 0.985 * stand)]
        self.pitch: list[tuple] = [(0.0, 0.02)]
        self.attitudes: list[tuple[float, float]] = []
        where = 0.0
        for one in leaps:
            start, end = one.at_s, one.at_s + one.seconds
            rise = 0.5 * gravity * one.seconds
            hard = float(np.clip(rise / 3.6, 0.25, 1.1))
            leaving, coming = self._ankle(feet, start), self._ankle(feet, end)
            back, front = one.turns < 0, one.turns > 0
            tip = -0.20 if back else 0.30 if front else 0.06 + 0.12 * np.sign(one.travel_m) * bool(one.travel_m)
            meet = 0.42 if back else -0.05 if front else 0.16
            dip = (0.66 - 0.10 * hard) * stand
            self.height += [
                (start - 0.28 - one.sink_s, 0.985 * stand), (start - 0.27, dip),
                (start, leaving[1] + 0.955 * build.leg_m, 0.9 * rise),
                (end, coming[1] + 0.93 * build.leg_m, -0.9 * rise),
                (end + 0.15 + 0.06 * hard, (0.86 - 0.15 * hard) * stand), (end + 0.75, 0.985 * stand),
            ]
            shove = (-0.07 if back else 0.08 if front else 0.03) + 0.10 * one.travel_m
            reach = -0.09 if back else 0.06 if front else -0.05
            self.forward += [
                (start - 0.28 - one.sink_s, where), (start - 0.27, where - 0.13 + 0.05 * back),
                (start, leaving[0] - 0.02 + shove, one.travel_m / one.seconds),
                (end, coming[0] - 0.02 + reach, 0.5 * one.travel_m / one.seconds),
                (end + 0.2, where + one.travel_m - 0.12), (end + 0.75, where + one.travel_m),
            ]
            self.pitch += [
                (start - 0.28 - one.sink_s, 0.02), (start - 0.25, 0.62 * hard + 0.12), (start, tip), (end, meet),
                (end + 0.2, 0.55 * hard + 0.12), (end + 0.75, 0.02),
            ]
            self.attitudes.append((tip, meet))
            where += one.travel_m

    def _ankle(self, feet: dict[str, FootTrack], at_s: float) -> tuple[float, float]:
        """How far ahead and how high the ankles are at a time."""
        index = round(at_s * RATE_HZ)
        place = 0.5 * (feet["l"].ankle[index] + feet["r"].ankle[index])
        start = np.array([*self.ground.place, 0.0])
        return float((place - start) @ self.ahead), float(place[2] - self.ground.height_m)

    def pelvis(self) -> np.ndarray:
        forward = keyed(self.time, self.forward)
        height = keyed(self.time, self.height)
        place = np.array([*self.ground.place, self.ground.height_m])
        return place + forward[:, None] * self.ahead + height[:, None] * np.array([0, 0, 1.0])


def _wobble(time: np.ndarray, leaps: list[Leap], rng: np.random.Generator, size: float) -> np.ndarray:
    """Leaning from side to side after each landing until balance is found."""
    lean = 0.006 * wander(rng, time)
    for one in leaps:  # a somersault that leaves the ground askew would twist
        lean *= 1 - ease(time, one.at_s - 0.4, one.at_s - 0.05) * (1 - ease(time, one.at_s + one.seconds,
                                                                              one.at_s + one.seconds + 0.4))
    for number, one in enumerate(leaps):
        end = one.at_s + one.seconds
        stop = leaps[number + 1].at_s - 0.3 if number + 1 < len(leaps) else 1e9
        after = np.clip(np.minimum(time, stop) - end, 0, None)
        rate, side = rng.uniform(0.8, 1.2), 1.0 if rng.random() < 0.5 else -1.0
        lean += side * size * rng.uniform(0.4, 1.0) * np.sin(2 * np.pi * rate * after) * np.exp(-after / 0.5) * (
            time < stop)
    return lean


def _upper(build: Build, time: np.ndarray, leaps: list[Leap], rng: np.random.Generator, keys: _Keys, is_proud: bool,
           is_beam: bool, wobble: np.ndarray) -> Angles:
    """Spine, head and arms; the hands come later than the arms."""
    angles = rest(len(time))
    calm = (155.0, 25.0, 8.0) if is_proud and is_beam else (-2.0, 10.0, 16.0)
    final = (160.0, 24.0, 6.0) if is_proud else (-2.0, 10.0, 16.0)
    arms: list[tuple] = [(0.0, np.array(calm))]
    spine: list[tuple] = [(0.0, np.array([3.0, 0.0]))]
    for number, one in enumerate(leaps):
        start, end, pose = one.at_s, one.at_s + one.seconds, POSES[one.pose]
        mid = np.array([pose.get("bend", 0), pose.get("nod", -6)])
        last = number + 1 == len(leaps)
        settle = final if last else calm
        arms += [
            (start - 0.30 - one.sink_s, np.array(calm)), (start - 0.30, np.array([-58.0, 12.0, 12.0])),
            (start, np.array([150.0 if one.turns or one.pose != "layout" else 120.0, 8.0, 10.0])),
            (start + 0.42 * one.seconds, np.array(_ARMS[one.pose])),
            (start + 0.62 * one.seconds, np.array(_ARMS[one.pose])),
            (end - 0.02, np.array([62.0, 22.0, 22.0])), (end + 0.22, np.array([48.0, 40.0, 20.0])),
            (end + (0.62 if is_proud else 0.8), np.array(settle)),
        ]
        spine += [
            (start - 0.30 - one.sink_s, np.array([3.0, 0.0])), (start - 0.26, np.array([24.0, -18.0])),
            (start, np.array([-8.0, -16.0 if one.turns <= 0 else 12.0])), (start + 0.42 * one.seconds, mid),
            (start + 0.60 * one.seconds, mid), (end, np.array([14.0, -10.0 if one.turns >= 0 else -22.0])),
            (end + 0.2, np.array([26.0, -22.0])), (end + 0.75, np.array([1.0 if is_proud else 3.0, -3.0])),
        ]
    arm, back = np.radians(keyed(time, arms)), np.radians(keyed(time, spine))
    arm, sway = lag(arm, 0.05, 0.75), 0.03 * wander(rng, time)
    for side, out in SIDES.items():
        angles[f"shoulder_{side}"] = arm[:, 0] + sway
        balance = np.abs(lag(wobble, 0.1, 0.6)) * 2.2 + 1.6 * out * wobble
        angles[f"spread_{side}"] = arm[:, 1] + (balance if is_beam else 0.4 * balance) * (arm[:, 0] < 1.5)
        angles[f"elbow_{side}"] = np.maximum(arm[:, 2], 0.04)
        angles[f"wrist_{side}"] = 0.25 * (arm[:, 0] - lag(arm[:, 0], 0.10, 0.6))
    angles["bend"], angles["nod"] = back[:, 0], lag(back[:, 1], 0.06, 0.8)
    angles["lean"] = 0.9 * wobble
    angles["tilt"] = 0.4 * wobble
    return angles


def _flight(time: np.ndarray, one: Leap, attitude: tuple[float, float]) -> Flight:
    first = round(one.at_s * RATE_HZ)
    last = round((one.at_s + one.seconds) * RATE_HZ)
    pose = {name: np.radians(value) for name, value in POSES[one.pose].items() if name not in ("bend", "nod")}
    both = {f"{name}_{side}": value for name, value in pose.items() for side in SIDES}
    straight = {f"{name}_{side}": np.radians(value) for side in SIDES for name, value in
                {"hip": 2, "knee": 8, "ankle": -55}.items()}
    keys = [(one.at_s + 0.40 * one.seconds, both), (one.at_s + 0.62 * one.seconds, both)]
    if one.turns:
        keys.insert(0, (one.at_s + 0.10 * one.seconds, straight))
    tip, meet = attitude
    return Flight(first, last, (0.0, 2 * np.pi * one.turns + meet - tip, 0.0), tuple(keys))
