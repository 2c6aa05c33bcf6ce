"""Figure skating: waltz jump, axels of up to three and a half turns, and the upright spin.

An axel leaves the ice forward from the left foot, turns half a turn more than its name says, and comes down backward on
the right. On the ice a blade glides along its own direction. In a spin the body turns about the foot on the ice, and
nothing but the arms and the free leg decides how fast.

Legend: T times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .body import Build, Shape, rest, shape_of
from .curves import RATE_HZ, STEP_S, ease, keyed, lag, smooth, wander
from .feet import FootTrack
from .flight import inertia_of, momentum_of
from .plan import Act, Flight, Plan, solve
from .rotation import about

JUMPS: dict[str, tuple[float, float]] = {
    "waltz jump": (0.5, 0.42), "single axel": (1.5, 0.54), "double axel": (2.5, 0.64), "triple axel": (3.5, 0.72),
}
"""Turns, and seconds in the air."""
_SPIN_LOSS_S = 14.0
"""Time in which friction takes most of a spin's angular momentum."""


@dataclass(frozen=True)
class Glide:
    """How an axel is skated: when it leaves, how long it flies, speeds before and after in m/s, turns."""

    at_s: float
    seconds: float
    fast: float
    slow: float
    turns: float


def axel(build: Build, time: np.ndarray, glide: Glide, rng: np.random.Generator, gravity: float = 9.81) -> Plan:
    """Plan an axel or a waltz jump along x, seen from aside; the take-off is at x = 0."""
    start, end = glide.at_s, glide.at_s + glide.seconds
    is_tight = glide.turns > 1
    ready = 0.9 if is_tight else 0.35  # how far an axel has turned before the blade leaves the ice
    meet = np.pi * 2 * glide.turns + (0.45 if is_tight else 0.15)
    place = _way(time, glide)
    yaw = keyed(time, [(0.0, -0.10), (start - 0.45, -0.12), (start, ready, 4.0), (end, meet, 3.0),
                       (end + 0.5, meet + 0.2), (end + 1.6, meet + 0.3)])
    yaw = np.where((time > start) & (time < end), ready + (meet - ready) * (time - start) / glide.seconds, yaw)
    heights = [(0.0, 0.93), (start - 0.75, 0.95), (start - 0.24, 0.80), (start, 1.045, 2.2), (end, 0.985, -2.0),
               (end + 0.22, 0.81), (end + 0.95, 0.93)]
    pelvis = np.stack([place, 0 * place, build.stand_m * keyed(time, heights)], -1)
    pelvis[:, 0] += keyed(time, [(0, 0.0), (start - 0.3, -0.03), (start, 0.06), (end, -0.03), (end + 0.4, 0.0)])
    pitch = keyed(time, [(0.0, 0.10), (start - 0.3, 0.24), (start, 0.0), (end, 0.10), (end + 0.25, 0.28),
                         (end + 1.0, 0.10)])
    roll = keyed(time, [(0.0, 0.0), (start - 0.5, -0.10), (start, 0.0), (end, 0.0), (end + 0.4, 0.10),
                        (end + 1.4, 0.05)])
    root = about(2, yaw) @ about(0, roll) @ about(1, pitch)
    # blades point where they glide; only in the last moment the take-off foot skids round
    edge = np.minimum(yaw, 0.02 + 0.5 * ready * ease(time, start - 0.12, start))
    left = _blade(time, build, place + 0.02, edge, 0.3, (-1.0, start), lifts=True)
    right = _blade(time, build, place + 0.02, np.full(len(time), 2 * np.pi * glide.turns), 0.0, (end, time[-1] + 1),
                   lifts=False)
    frees = {"l": ease(time, start, start + 0.15), "r": 1 - ease(time, end - 0.12, end)}
    angles = _dance(build, time, glide, rng, is_tight)
    cross = {"hip_l": 14, "knee_l": 18, "open_l": -9, "ankle_l": -40, "hip_r": 0, "knee_r": 2, "open_r": -3,
             "ankle_r": -35}
    scissor = {"hip_l": -24, "knee_l": 14, "open_l": 6, "ankle_l": -45, "hip_r": 34, "knee_r": 12, "open_r": 4,
               "ankle_r": -40}
    radians = {name: np.radians(value) for name, value in (cross if is_tight else scissor).items()}
    keys = ((start + 0.34 * glide.seconds, radians), (start + 0.74 * glide.seconds, radians))
    turns = (0.0, 0.0, meet - ready)
    flight = Flight(round(start * RATE_HZ), round(end * RATE_HZ), turns, keys)
    return Plan(build, time, root, pelvis, angles, {"l": left, "r": right}, (flight,), gravity=gravity, frees=frees)


def _way(time: np.ndarray, glide: Glide) -> np.ndarray:
    """How far along the ice the skater is, (T,), 0 at the take-off."""
    start, end = glide.at_s, glide.at_s + glide.seconds
    speed = keyed(time, [(0.0, 1.04 * glide.fast), (start - 0.3, glide.fast), (start, 0.86 * glide.fast),
                         (end, glide.slow), (time[-1], 0.86 * glide.slow)])
    way = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1])) * STEP_S])
    return way - np.interp(start, time, way)


def _blade(time: np.ndarray, build: Build, place: np.ndarray, yaw: np.ndarray, push: float, span: tuple[float, float],
           lifts: bool) -> FootTrack:
    """A foot that glides along x and leaves the ice over its toes, or comes down on them."""
    if lifts:
        pitch = -push * np.clip((time - span[1] + 0.10) / 0.10, 0, 1.0) ** 2
    else:
        pitch = -0.35 * (1 - ease(time, span[0], span[0] + 0.10))
    rotation = about(2, yaw) @ about(1, -pitch)
    toe = build.sole(1.0)
    flat = about(2, yaw)
    ankle = np.stack([place, 0 * place, np.full(len(time), build.size("ankle"))], -1)
    ankle = ankle + flat @ toe - rotation @ toe
    return FootTrack(ankle, rotation, (time >= span[0] - 1e-9) & (time <= span[1] + 1e-9))


def _dance(build: Build, time: np.ndarray, glide: Glide, rng: np.random.Generator, is_tight: bool) -> dict:
    """Arms, spine and the free leg on the ice, in degrees by keys."""
    start, end = glide.at_s, glide.at_s + glide.seconds
    fold = start + 0.20 * glide.seconds
    unfold = end - 0.20 * glide.seconds
    if is_tight:  # shoulder, spread, turn, elbow: both hands at the chest
        tight_l, tight_r = np.array([48, 6, 58, 118]), np.array([42, 4, 62, 124])
    else:
        tight_l, tight_r = np.array([50, 50, 10, 20]), np.array([60, 40, 10, 20])
    open_l, open_r = np.array([14, 82, 0, 8]), np.array([6, 84, 0, 8])
    back_l, back_r = np.array([-46, 26, 0, 8]), np.array([-46, 26, 0, 8])
    forth_l, forth_r = np.array([78, 14, 10, 18]), np.array([84, 14, 10, 18])
    angles = rest(len(time))
    for side, tight, wide, back, forth in (("l", tight_l, open_l, back_l, forth_l),
                                           ("r", tight_r, open_r, back_r, forth_r)):
        track = np.radians(lag(keyed(time, [
            (0.0, wide), (start - 0.7, wide), (start - 0.26, back), (start + 0.01, forth), (fold, tight),
            (unfold, tight), (end + 0.12, wide), (end + 1.5, wide + np.array([4, 4, 0, 0]))]), 0.045, 0.8))
        for column, name in enumerate(("shoulder", "spread", "turn", "elbow")):
            angles[f"{name}_{side}"] = track[:, column] + 0.02 * wander(rng, time)
        angles[f"wrist_{side}"] = 0.2 * (track[:, 1] - lag(track[:, 1], 0.12, 0.6)) - 0.15
    free = keyed(time, [(0.0, np.array([-30, 14, 12])), (start - 0.55, np.array([-34, 26, 14])),
                        (start - 0.02, np.array([58, 62, 4])), (start + 0.3, np.array([0, 4, 0]))])
    land = keyed(time, [(end - 0.1, np.array([20, 30, 6])), (end + 0.18, np.array([-6, 20, 26])),
                        (end + 0.55, np.array([-38, 10, 14])), (end + 1.6, np.array([-34, 8, 10]))])
    for side, track in (("r", free), ("l", land)):
        for column, name in enumerate(("hip", "knee", "open")):
            angles[f"{name}_{side}"] = np.radians(track[:, column])
        angles[f"ankle_{side}"] = np.full(len(time), np.radians(-40.0))
    angles["bend"] = np.radians(keyed(time, [(0.0, 6), (start - 0.28, 16), (start, -6), (fold, -2), (end, 2),
                                             (end + 0.25, 12), (end + 1.0, -6)]))
    angles["nod"] = -0.8 * angles["bend"] + 0.02
    angles["twist"] = np.radians(keyed(time, [(0.0, 6), (start - 0.3, -16), (start, 14), (fold, 10), (unfold, 4),
                                              (end + 0.2, -12), (end + 1.0, 6)]))
    angles["look"] = np.radians(keyed(time, [(0.0, 8), (start - 0.3, 10), (start, 18), (unfold, 16), (end + 0.3, 20)]))
    angles["lean"] = 0.012 * wander(rng, time)
    return angles


def spin(build: Build, time: np.ndarray, rng: np.random.Generator, turns_per_s: float = 1.3, ccw: bool = True,
         place: tuple[float, float] = (0.0, 0.0)) -> tuple[Act, np.ndarray]:
    """An upright spin on the left foot: open, then drawn in and fast, then open again.

    Args:
        turns_per_s: in the first moment, with open arms.
        ccw: to the left, seen from above.

    Returns:
        The act, and how often it turns per second at each time (T,).
    """
    close, opens = float(rng.uniform(0.5, 0.9)), float(rng.uniform(2.9, 3.2))
    drawn = lag(keyed(time, [(close, 0.0), (close + 0.9, 1.0), (opens, 1.0), (opens + 0.45, 0.0)]), 0.08, 0.8)
    high = bool(rng.random() < 0.4)
    wide, tight = np.array([4, 84, 0, 6]), np.array([172, 4, 0, 14]) if high else np.array([46, 4, 60, 122])
    angles = rest(len(time))
    for side in "lr":
        track = np.radians(wide + drawn[:, None] * (tight - wide))
        for column, name in enumerate(("shoulder", "spread", "turn", "elbow")):
            angles[f"{name}_{side}"] = track[:, column]
    free = np.array([[64, 30, 34, -45]]) * (1 - drawn[:, None]) + np.array([[16, 30, -8, -50]]) * drawn[:, None]
    for column, name in enumerate(("hip", "knee", "open", "ankle")):
        angles[f"{name}_r"] = np.radians(free[:, column])
    angles["bend"] = np.radians(-4 + 2 * drawn)
    angles["nod"] = np.radians(4 - 4 * drawn)
    count = len(time)
    still = np.repeat(np.eye(3)[None], count, 0)
    ankle = np.zeros((count, 3))
    ankle[:, 2] = build.size("ankle")
    foot = FootTrack(ankle, still, np.ones(count, bool))
    pelvis = np.zeros((count, 3))
    pelvis[:, 2] = build.stand_m * (0.972 + 0.012 * drawn)
    tip = about(0, smooth(0.03 * (1 - drawn), 0.2))
    plan = Plan(build, time, tip, pelvis, angles, {"l": foot}, frees={})
    balanced = pelvis
    for _ in range(6):
        act = solve(replace(plan, pelvis=balanced))
        balanced = balanced - act.centre * np.array([0.9, 0.9, 0.0])
    shape = Shape(act.body.rotations, act.body.joints)
    inertia, own = inertia_of(build, shape)[:, 2, 2], momentum_of(build, shape)[:, 2]
    momentum = 2 * np.pi * turns_per_s * inertia[0] * np.exp(-time / _SPIN_LOSS_S)
    middle = 0.5 * (inertia[1:] + inertia[:-1])
    speed = (0.5 * (momentum[1:] + momentum[:-1]) - own) / middle
    yaw = float(rng.uniform(0, 2 * np.pi)) + np.concatenate([[0.0], np.cumsum(speed) * STEP_S])
    turned = about(2, yaw)
    mirror = np.diag([1.0, -1.0, 1.0]) if not ccw else np.eye(3)
    root = turned @ act.root
    where = np.einsum("tij,tj->ti", turned, act.pelvis) + np.array([*place, 0.0])
    if not ccw:
        return _mirrored(act, root, where, mirror, place), np.concatenate([speed[:1], speed]) / (2 * np.pi)
    body = shape_of(build, act.angles).placed(root, where)
    return replace(act, root=root, pelvis=where, body=body), np.concatenate([speed[:1], speed]) / (2 * np.pi)


def _mirrored(act: Act, root: np.ndarray, pelvis: np.ndarray, mirror: np.ndarray, place: tuple[float, float]) -> Act:
    """The same seen in a mirror, left for right."""
    angles = {}
    for name, value in act.angles.items():
        swapped = name[:-1] + {"l": "r", "r": "l"}[name[-1]] if name[-2:] in ("_l", "_r") else name
        angles[swapped] = -value if name in ("lean", "twist", "tilt", "look") else value
    root = mirror @ root @ mirror
    pelvis = pelvis @ mirror + np.array([0.0, 2 * place[1], 0.0])
    return replace(act, angles=angles, root=root, pelvis=pelvis,
                   body=shape_of(act.plan.build, angles).placed(root, pelvis))
