"""The cartwheel: foot, hand, hand, foot, foot, in one plane, on the floor or along a beam.

Legend: T times.
"""

from __future__ import annotations

import numpy as np

from .body import SIDES, Build, rest
from .curves import ease, keyed, smooth, wander
from .feet import Plant, track
from .leap import Ground
from .plan import Grip, Plan
from .rotation import about

_SPOKES = {"first foot": 0.0, "first hand": 0.56, "second hand": 0.82, "second foot": 1.36, "last foot": 1.72}
"""Where each touches, as shares of the stature along the way; measured on films of gymnasts."""
_PATH = (
    (-70.0, -0.20, 0.500), (0.0, -0.06, 0.492), (35.0, 0.09, 0.455), (90.0, 0.37, 0.435), (140.0, 0.56, 0.545),
    (180.0, 0.69, 0.600), (220.0, 0.82, 0.545), (270.0, 1.02, 0.435), (325.0, 1.34, 0.455), (360.0, 1.53, 0.492),
)
"""Turn in degrees, place along the way and height of the hips as shares of the stature."""


def cartwheel(build: Build, time: np.ndarray, at_s: float, ground: Ground, rng: np.random.Generator, side: str = "l",
              seconds: float = 1.5) -> tuple[Plan, dict[str, tuple[float, float]]]:
    """Plan a cartwheel to one side.

    Args:
        at_s: when the body begins to turn.
        ground: where the first foot stands; `yaw` is where the body looks, so it goes across that.
        side: "l" or "r", the side to which it goes.
        seconds: how long the whole turn takes.

    Returns:
        The plan and, for "hand_l" and "hand_r", from when to when each is down, in seconds.
    """
    out, other = SIDES[side], "r" if side == "l" else "l"
    tall = build.height_m
    way = out * np.array([-np.sin(ground.yaw), np.cos(ground.yaw), 0.0])
    start = np.array([*ground.place, ground.height_m])
    angle = 360 * (0.35 * np.clip((time - at_s) / seconds, 0, 1) + 0.65 * ease(time, at_s, at_s + seconds))
    angle = smooth(angle, 0.25)
    turn_at = np.array([key[0] for key in _PATH])
    order = keyed(angle, [(key[0], np.array(key[1:])) for key in _PATH])
    early = keyed(time, [(at_s - 0.9, np.array(_PATH[0][1:])), (at_s + 0.05, np.array(_PATH[1][1:]))])
    share = ease(time, at_s - 0.15, at_s + 0.15)[:, None]
    place = early * (1 - share) + order * share
    settle = ease(time, at_s + seconds - 0.1, at_s + seconds + 0.4)
    place[:, 0] += 0.01 * settle
    pelvis = start + way * (tall * place[:, :1]) + np.array([0, 0, tall]) * place[:, 1:]
    root = about(2, np.full(len(time), ground.yaw)) @ about(0, np.radians(-out * angle))

    def when(degrees: float) -> float:
        return float(np.interp(degrees, angle + 1e-6 * np.arange(len(angle)), time))

    def spot(name: str) -> tuple[float, float, float]:
        point = start + way * tall * _SPOKES[name]
        return float(point[0]), float(point[1]), float(point[2])

    behind = start - way * 0.40 * tall
    toes = 0.5 * out
    leads = [Plant(spot("first foot"), ground.yaw + toes, -1.0, when(84), rise_s=0.16, push=0.5),
             Plant(spot("last foot"), ground.yaw + 0.3 * out, when(338), time[-1] + 1, strike=-0.35, flat_s=0.12)]
    trails = [Plant((float(behind[0]), float(behind[1]), float(behind[2])), ground.yaw - 0.3 * out, -1.0, when(22),
                    rise_s=0.15, push=0.5),
              Plant(spot("second foot"), ground.yaw - 0.4 * out, when(282), time[-1] + 1, strike=-0.5, flat_s=0.14)]
    feet = {side: track(time, build, leads, 0.0), other: track(time, build, trails, 0.0)}
    frees = {side: _free(time, when(84), when(338)), other: _free(time, when(22), when(282))}
    holds = {f"hand_{side}": (when(104), when(212)), f"hand_{other}": (when(146), when(254))}
    angles = rest(len(time), hip=0, open=52, knee=4, ankle=-48)
    grips = {}
    for name, spoke in ((side, "first hand"), (other, "second hand")):
        down, up = holds[f"hand_{name}"]
        # a hand comes from above and leaves upward
        away = 1 - ease(time, down - 0.22, down) + ease(time, up, up + 0.22)
        wrist = np.array(spot(spoke)) + np.array([0, 0, tall]) * (0.030 + 0.22 * away)[:, None]
        held = ease(time, down - 0.32, down - 0.06) * (1 - ease(time, up + 0.06, up + 0.32))
        grips[name] = Grip(wrist, held)
        raised = ease(time, at_s - 0.85, at_s - 0.25)
        angles[f"shoulder_{name}"] = np.radians(-2 + 176 * raised) + 0.02 * wander(rng, time)
        angles[f"spread_{name}"] = np.radians(8 + 14 * raised)
        angles[f"elbow_{name}"] = np.radians(14 - 9 * raised)
        angles[f"wrist_{name}"] = np.radians(-75 * held)
    lean = np.interp(angle, turn_at, [0, 4, 16, 6, 0, 0, 0, -6, -14, 0])
    angles["lean"] = np.radians(out * lean) + 0.012 * wander(rng, time)
    upside = ease(angle, 40, 110) * (1 - ease(angle, 250, 320))
    angles["nod"] = np.radians(-28 * upside)
    angles["look"] = np.radians(out * 30 * ease(time, at_s - 0.6, at_s) * (1 - ease(angle, 60, 130)))
    return Plan(build, time, root, pelvis, angles, feet, grips=grips, frees=frees), holds


def _free(time: np.ndarray, up_s: float, down_s: float) -> np.ndarray:
    """1 while a leg is in the air, with soft ends."""
    return ease(time, up_s, up_s + 0.16) * (1 - ease(time, down_s - 0.16, down_s))
