"""Where feet are: planted without sliding, rolling from heel to toe, and swinging from one place to the next.

Legend: T times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import Build
from .curves import ease, hermite, keyed
from .rotation import about


@dataclass(frozen=True)
class Plant:
    """One stay of a foot on the ground.

    Attributes:
        place: (3,) metres, the ground under the ankle while the foot is flat.
        yaw: where its toes point, radians from x to the left.
        down_s, up_s: when it comes and leaves.
        flat_s: how long after coming it is flat; before, it stands on the heel (or on the toes, if `strike` < 0).
        rise_s: how long before leaving the heel rises; from then on it stands on the toes.
        strike, push: the sole's angle when it comes (toes up > 0) and when it leaves (on the toes > 0), radians.
        roll: sideways lean of the sole while flat (an edge of a skate), to the left > 0.
    """

    place: tuple[float, float, float]
    yaw: float
    down_s: float
    up_s: float
    flat_s: float = 0.06
    rise_s: float = 0.12
    strike: float = 0.3
    push: float = 0.7


@dataclass(frozen=True)
class FootTrack:
    """What a foot should do: ankle (T, 3), rotation (T, 3, 3), and whether it stands on the ground (T,)."""

    ankle: np.ndarray
    rotation: np.ndarray
    is_down: np.ndarray


def track(time: np.ndarray, build: Build, plants: list[Plant], lift_m: float = 0.10) -> FootTrack:
    """Follow the plants of one foot in order of time, with swings between them that rise `lift_m`."""
    yaw, pitch = np.full(len(time), plants[0].yaw), np.zeros(len(time))
    is_down = np.zeros(len(time), bool)
    for plant in plants:
        stays = (time >= plant.down_s - 1e-9) & (time <= plant.up_s + 1e-9)
        is_down |= stays
        yaw[stays] = plant.yaw
        pitch[stays] = plant.strike * (1 - ease(time, plant.down_s, plant.down_s + plant.flat_s))[stays]
        pitch[stays] -= plant.push * (_rise(time, plant) ** 2)[stays]
    for one, two in zip(plants[:-1], plants[1:], strict=True):
        swings = (time > one.up_s) & (time < two.down_s)
        share = ease(time, one.up_s, two.down_s)
        yaw[swings] = (one.yaw + share * (two.yaw - one.yaw))[swings]
        gap = two.down_s - one.up_s
        push_speed = -2 * one.push / max(one.rise_s, 1e-3)
        keys = [(one.up_s, -one.push, push_speed if gap > 0.15 else 0.0),
                (one.up_s + 0.55 * gap, 0.1 * (two.strike - one.push)), (two.down_s, two.strike)]
        pitch[swings] = keyed(time, keys)[swings]
    late, early = time > plants[-1].up_s, time < plants[0].down_s
    pitch[late], yaw[late] = -plants[-1].push, plants[-1].yaw
    pitch[early] = plants[0].strike
    rotation = about(2, yaw) @ about(1, -pitch)
    return FootTrack(_ankles(time, build, plants, rotation, pitch, lift_m), rotation, is_down)


def _rise(time: np.ndarray, plant: Plant) -> np.ndarray:
    """0 to 1 while the heel rises."""
    return np.clip((time - plant.up_s + plant.rise_s) / max(plant.rise_s, 1e-3), 0, 1)


def _ankles(time: np.ndarray, build: Build, plants: list[Plant], rotation: np.ndarray, pitch: np.ndarray,
            lift_m: float) -> np.ndarray:
    ankle = np.zeros((len(time), 3))
    for plant in plants:
        here = (time >= plant.down_s - 1e-9) & (time <= plant.up_s + 1e-9)
        ankle[here] = _standing(build, plant, rotation[here], pitch[here])
    for one, two in zip(plants[:-1], plants[1:], strict=True):
        swings = (time > one.up_s) & (time < two.down_s)
        begin, end = _touching(build, one, -one.push), _touching(build, two, two.strike)
        gap = max(two.down_s - one.up_s, 1e-3)
        u = (time[swings, None] - one.up_s) / gap
        leaving = (begin - _touching(build, one, -one.push + 0.02)) / 0.02 * 2 * one.push / max(one.rise_s, 0.05)
        way = hermite(u[:, 0], np.array([0.0, 1.0]), np.stack([begin, end]),
                      np.stack([leaving, 0.1 * (end - begin) / gap]) * gap)
        lift = max(lift_m, 0.12 * float(np.hypot(*(end - begin)[:2]))) - 0.10 * leaving[2] * gap
        way[:, 2] += max(lift, 0.02) * (u * (1 - u) ** 1.6)[:, 0] / 0.2475
        ankle[swings] = way
    early, late = time < plants[0].down_s, time > plants[-1].up_s
    ankle[early] = _touching(build, plants[0], plants[0].strike)
    ankle[late] = _touching(build, plants[-1], -plants[-1].push)
    return ankle


def _touching(build: Build, plant: Plant, pitch: float) -> np.ndarray:
    """Ankle (3,) of a planted foot of one pitch."""
    rotation = (about(2, plant.yaw) @ about(1, -pitch))[None]
    return _standing(build, plant, rotation, np.array([pitch]))[0]


def _standing(build: Build, plant: Plant, rotation: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Ankles (T, 3) of a foot that touches the ground with its heel or its toe, depending on its pitch."""
    flat = about(2, plant.yaw)
    place = np.array(plant.place) + np.array([0.0, 0.0, build.size("ankle")])
    heel, toe = build.sole(0.0), build.sole(1.0)
    on_heel = place + flat @ heel - rotation @ heel
    on_toe = place + flat @ toe - rotation @ toe
    return np.where(pitch[:, None] >= 0, on_heel, on_toe)
