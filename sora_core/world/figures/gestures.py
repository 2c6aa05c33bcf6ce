"""What standing and walking people do beside that: wave, look, nod, shift their weight.

Gestures change the angles of a plan in place; each begins and ends softly. Legend: T times.
"""

from __future__ import annotations

import numpy as np

from .body import SIDES, Build, rest
from .curves import ease, keyed, lag, pulse, wander
from .feet import Plant, track
from .plan import Plan
from .rotation import about


def stand(build: Build, time: np.ndarray, place: tuple[float, float], yaw: float, rng: np.random.Generator, *,
          gravity: float = 9.81, ground_m: float = 0.0) -> Plan:
    """Plan somebody who stands, breathes and shifts the weight from leg to leg.

    Args:
        place: (x, y) metres under the body.
        yaw: where the body looks, radians from x to the left.
    """
    ahead, left = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    feet = {}
    for side, out in SIDES.items():
        spot = np.array(place) + left * out * 1.35 * build.size("hips") + ahead * out * rng.uniform(-0.01, 0.03)
        plant = Plant((float(spot[0]), float(spot[1]), ground_m), yaw + out * rng.uniform(0.08, 0.3), -1.0,
                      time[-1] + 1, push=0.0, strike=0.0)
        feet[side] = track(time, build, [plant])
    shift = lag(np.sign(wander(rng, time, 2.5)) * rng.uniform(0.5, 1.0), 0.45, 0.9)
    breath = np.sin(2 * np.pi * (time / rng.uniform(2.6, 3.6) + rng.uniform()))
    pelvis = np.empty((len(time), 3))
    pelvis[:, :2] = np.array(place) + left * (0.018 * build.height_m * shift)[:, None]
    pelvis[:, 2] = ground_m + build.stand_m * (0.982 + 0.002 * breath - 0.004 * np.abs(shift))
    root = about(2, yaw + 0.03 * wander(rng, time, 2.0)) @ about(1, np.full(len(time), 0.02)) @ about(0, -0.035 * shift)
    angles = rest(len(time), elbow=14, spread=9, shoulder=-2)
    angles["lean"] = 0.05 * shift + 0.01 * wander(rng, time)
    angles["tilt"] = -0.03 * shift
    angles["bend"] = 0.02 + 0.012 * breath
    angles["look"] = 0.07 * wander(rng, time, 2.0)
    angles["nod"] = 0.03 * wander(rng, time, 1.6)
    for side in SIDES:
        angles[f"shoulder_{side}"] = angles[f"shoulder_{side}"] + 0.03 * wander(rng, time) + 0.012 * breath
        angles[f"spread_{side}"] = angles[f"spread_{side}"] + 0.01 * breath
        angles[f"elbow_{side}"] = angles[f"elbow_{side}"] + 0.05 * wander(rng, time, 2.0)
        angles[f"wrist_{side}"] = angles[f"wrist_{side}"] + 0.1
    return Plan(build, time, root, pelvis, angles, feet, gravity=gravity)


def wave(plan: Plan, side: str, start_s: float, end_s: float, rng: np.random.Generator) -> None:
    """Raise one arm and wave: the arm leads, forearm and hand follow, the body leans a little against it."""
    time, out = plan.time, SIDES[side]
    up = lag(ease(time, start_s, start_s + 0.45) * (1 - ease(time, end_s - 0.5, end_s)), 0.08, 0.62)
    dip = pulse(time, start_s - 0.02, 0.35)
    rate, size = rng.uniform(1.8, 2.6), rng.uniform(18, 32)
    active = ease(time, start_s + 0.3, start_s + 0.6) * (1 - ease(time, end_s - 0.6, end_s - 0.35))
    swing = active * np.sin(2 * np.pi * rate * (time - start_s))
    high = rng.uniform(85, 125)
    goal = {"shoulder": 10.0, "spread": high, "turn": -88.0, "elbow": 68.0, "wrist": 0.0}
    for name, value in goal.items():
        key = f"{name}_{side}"
        plan.angles[key] = plan.angles[key] * (1 - up) + np.radians(value) * up
    plan.angles[f"elbow_{side}"] = plan.angles[f"elbow_{side}"] + np.radians(size) * swing
    plan.angles[f"spread_{side}"] = plan.angles[f"spread_{side}"] + np.radians(4) * lag(swing, 0.1) - 0.12 * dip
    plan.angles[f"wrist_{side}"] = plan.angles[f"wrist_{side}"] + np.radians(26) * lag(swing, 0.09, 0.6)
    plan.angles["lean"] = plan.angles["lean"] - out * 0.07 * up
    plan.angles["tilt"] = plan.angles["tilt"] + out * 0.08 * up
    plan.angles["nod"] = plan.angles["nod"] - 0.06 * up


def nod(plan: Plan, times: list[float], size: float = 0.16) -> None:
    """Nod the head at these times."""
    for at in times:
        dip = pulse(plan.time, at, 0.34) - 0.4 * pulse(plan.time, at + 0.26, 0.3)
        plan.angles["nod"] = plan.angles["nod"] + size * dip


def look(plan: Plan, keys: list[tuple[float, float]]) -> None:
    """Turn the head to (time, radians to the left); it comes a little late and overshoots a little."""
    plan.angles["look"] = plan.angles["look"] + lag(keyed(plan.time, keys), 0.1, 0.65)
    plan.angles["twist"] = plan.angles["twist"] + 0.2 * lag(keyed(plan.time, keys), 0.2, 0.8)


def gesture(plan: Plan, side: str, at_s: float, rng: np.random.Generator, size: float = 1.0) -> None:
    """A hand that underlines a word: up quickly before it, down slowly after."""
    time = plan.time
    keys = [(at_s - 0.28, 0.0), (at_s, 1.0), (at_s + 0.18, 0.72), (at_s + 0.75, 0.0)]
    beat = size * lag(keyed(time, keys), 0.06, 0.7)
    plan.angles[f"shoulder_{side}"] = plan.angles[f"shoulder_{side}"] + np.radians(rng.uniform(18, 38)) * beat
    plan.angles[f"elbow_{side}"] = plan.angles[f"elbow_{side}"] + np.radians(rng.uniform(50, 85)) * beat
    plan.angles[f"turn_{side}"] = plan.angles[f"turn_{side}"] - np.radians(rng.uniform(5, 30)) * beat
    plan.angles[f"spread_{side}"] = plan.angles[f"spread_{side}"] + np.radians(rng.uniform(0, 14)) * beat
    plan.angles[f"wrist_{side}"] = plan.angles[f"wrist_{side}"] - np.radians(20) * lag(beat, 0.08, 0.6)
