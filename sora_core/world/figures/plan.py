"""From what a body should do to what it does: feet stay planted, flights obey gravity and keep angular momentum.

A plan says for every time where the pelvis should be and how it is turned, what spine, arms and head do, where the
feet stand, and when the body is in the air. ``solve`` bends the legs to reach the feet, gives each flight its parabola
and its spin, and leads the ground before and after into the speed that the flight needs.

Legend: T times, B bones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .body import INDEX, SIDES, Angles, Build, Shape, bend_limb, set_arm, set_leg, shape_of
from .curves import STEP_S, hermite, smooth
from .feet import FootTrack
from .flight import fly, parabola
from .rotation import turn, unturn

_LEG = ("hip", "open", "rotate", "knee", "ankle", "roll", "point")
_LEAD_S = 0.30
"""How long before a take-off and after a landing the ground is led into the flight's speed."""
_STRAIGHT = 0.998
"""Share of a leg's length that it is used at most."""


@dataclass(frozen=True)
class Flight:
    """A stay in the air.

    Attributes:
        first, last: indices of the times of take-off and landing.
        turns: (3,) rotation vector in the pelvis' frame: how many turns about which axis.
        keys: (time_s, {angle: radians}) that the legs go through; empty: the legs do what the feet's tracks say.
    """

    first: int
    last: int
    turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    keys: tuple[tuple[float, dict[str, float]], ...] = ()


@dataclass(frozen=True)
class Grip:
    """A hand that should be somewhere: wrist (T, 3), by (T,) shares of 0 (free) to 1 (held there)."""

    wrist: np.ndarray
    share: np.ndarray


@dataclass
class Plan:
    """What a body should do.

    Attributes:
        time: (T,) seconds.
        root: (T, 3, 3) attitude of the pelvis.
        pelvis: (T, 3) metres.
        angles: of spine, neck and arms; those of the legs are filled in.
        feet: the track of each foot, by side.
        flights: in order of time.
        grips: hands that hold on to something, by side.
        gravity: m/s2.
        ground_m: height of the ground, through which no free leg goes.
        frees: (T,) shares of 0 to 1, by side, by which a leg does what `angles` say instead of its foot's track.
    """

    build: Build
    time: np.ndarray
    root: np.ndarray
    pelvis: np.ndarray
    angles: Angles
    feet: dict[str, FootTrack]
    flights: tuple[Flight, ...] = ()
    grips: dict[str, Grip] = field(default_factory=dict)
    gravity: float = 9.81
    frees: dict[str, np.ndarray] = field(default_factory=dict)
    ground_m: float = 0.0


@dataclass(frozen=True)
class Act:
    """What a body does: its angles, its bones in the world, and the angular momentum of each flight (3,)."""

    plan: Plan
    angles: Angles
    root: np.ndarray
    pelvis: np.ndarray
    body: Shape
    momenta: tuple[np.ndarray, ...]

    @property
    def centre(self) -> np.ndarray:
        """Centre of mass, (T, 3)."""
        return self.body.centre(self.plan.build)


def solve(plan: Plan) -> Act:
    """Make a plan happen."""
    root, pelvis = plan.root.copy(), _within_reach(plan, plan.root, plan.pelvis)
    plan = replace(plan, angles=_hands_up(plan, root, pelvis))
    if plan.frees:
        plan = replace(plan, angles=_off_the_ground(plan, plan.angles, root, pelvis, np.ones(len(root))))
    angles, centre = _on_feet(plan, root, pelvis)
    momenta: list[np.ndarray | None] = []
    if plan.flights:
        grounded_centre, grounded_root = centre.copy(), root.copy()
        momenta = [None] * len(plan.flights)
        for _ in range(2 if any(flight.keys for flight in plan.flights) else 1):
            angles, centre, root, momenta = _with_flights(plan, angles, grounded_centre, grounded_root, momenta)
            pelvis = centre - np.einsum("tij,tj->ti", root, shape_of(plan.build, angles).centre(plan.build))
    if plan.frees:
        grounded = np.ones(len(root))
        for flight in plan.flights:
            grounded[flight.first: flight.last + 1] = 0.0
        angles = _off_the_ground(plan, angles, root, pelvis, smooth(grounded, 0.08) * grounded)
    body = shape_of(plan.build, angles).placed(root, pelvis)
    return Act(plan, angles, root, pelvis, body, tuple(momenta))


def _on_feet(plan: Plan, root: np.ndarray, pelvis: np.ndarray) -> tuple[Angles, np.ndarray]:
    """Bend legs and arms so that they reach their places; return the angles and the centre of mass (T, 3)."""
    build, angles = plan.build, dict(plan.angles)
    everywhere = np.ones(len(plan.time), bool)
    for side, out in SIDES.items():
        if side not in plan.feet:
            continue
        foot = plan.feet[side]
        hip = pelvis + root @ np.array([0, out * build.size("hips"), 0])
        hinge = root[:, :, 1] + 0.8 * foot.rotation[:, :, 1]
        thigh, shank = bend_limb(hip, foot.ankle, build.size("thigh"), build.size("shank"), hinge, 1.0)
        own = {f"{name}_{side}": angles[f"{name}_{side}"] for name in _LEG}
        set_leg(angles, side, root, thigh, shank, foot.rotation, everywhere)
        if side in plan.frees:
            for name, value in own.items():
                angles[name] = angles[name] + plan.frees[side] * (value - angles[name])
    if plan.grips:
        body = shape_of(build, angles).placed(root, pelvis)
        for side, grip in plan.grips.items():
            shoulder, chest = body.joints[:, INDEX[f"arm_{side}"]], body.rotations[:, INDEX["chest"]]
            hinge = body.rotations[:, INDEX[f"arm_{side}"], :, 1]
            arm, forearm = bend_limb(shoulder, grip.wrist, build.size("arm"), build.size("forearm"), hinge, -1.0)
            set_arm(angles, side, chest, arm, forearm, grip.share)
    return angles, shape_of(build, angles).placed(root, pelvis).centre(build)


def _to_centre(plan: Plan, root: np.ndarray, pelvis: np.ndarray, centre: np.ndarray) -> Angles:
    """Angles with feet in place that put the centre of mass at (T, 3), with the pelvis about where it is given."""
    for _ in range(8):
        angles, reached = _on_feet(plan, root, pelvis)
        miss = centre - reached
        pelvis = pelvis + 1.3 * miss  # the legs stay behind, so the pelvis must go further than the centre
        if np.abs(miss).max() < 1e-5:
            break
    return angles


def _within_reach(plan: Plan, root: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """Draw the pelvis, softly, to where all feet on the ground can be reached."""
    pelvis, build = pelvis.copy(), plan.build
    joints = shape_of(build, plan.angles).joints if plan.grips else None
    shoulders = {side: joints[:, INDEX[f"arm_{side}"]] for side in plan.grips}
    for _ in range(12):
        pull = np.zeros_like(pelvis)
        for side, foot in plan.feet.items():
            hip = pelvis + root @ np.array([0, SIDES[side] * build.size("hips"), 0])
            share = foot.is_down * (1 - plan.frees.get(side, np.zeros(len(pelvis))))
            pull += _pull(hip, foot.ankle, build.leg_m, share) * np.array([0.3, 0.3, 1.0])
        for side, grip in plan.grips.items():
            shoulder = pelvis + np.einsum("tij,tj->ti", root, shoulders[side])
            pull += _pull(shoulder, grip.wrist, build.arm_m, grip.share)
        if np.abs(pull).max() < 1e-4:
            break
        pelvis += 1.3 * _spread(pull)
    return pelvis


def _off_the_ground(plan: Plan, angles: Angles, root: np.ndarray, pelvis: np.ndarray, share: np.ndarray) -> Angles:
    """Angles with free legs bent as much as it takes to keep their feet above the ground, at (T,) shares."""
    build, angles = plan.build, dict(angles)
    for _ in range(6):
        body = shape_of(build, angles).placed(root, pelvis)
        deepest = 0.0
        for side, free in plan.frees.items():
            at = INDEX[f"foot_{side}"]
            soles = np.stack([(body.rotations[:, at] @ build.sole(where))[:, 2] for where in (0.0, 1.0)])
            depth = np.maximum(plan.ground_m + 0.02 - soles.min(0) - body.joints[:, at, 2], 0.0) * (free > 0.05) * share
            deepest = max(deepest, float(depth.max()))
            more = smooth(depth, 0.12) / build.leg_m * free * share
            angles[f"hip_{side}"] = angles[f"hip_{side}"] + 1.7 * more
            angles[f"knee_{side}"] = angles[f"knee_{side}"] + 2.4 * more
            angles[f"ankle_{side}"] = angles[f"ankle_{side}"] + 2.0 * more
        if deepest < 0.004:
            break
    return angles


def _hands_up(plan: Plan, root: np.ndarray, pelvis: np.ndarray) -> Angles:
    """Angles with arms that hold nothing raised as much as it takes to keep their hands above the floor."""
    build, angles = plan.build, dict(plan.angles)
    for _ in range(6):
        body = shape_of(build, angles).placed(root, pelvis)
        deepest = 0.0
        for side in set(SIDES) - set(plan.grips):
            at = INDEX[f"hand_{side}"]
            tip = body.joints[:, at, 2] - build.size("hand") * body.rotations[:, at, 2, 2]
            depth = np.maximum(0.03 - np.minimum(tip, body.joints[:, at, 2]), 0.0)
            deepest = max(deepest, float(depth.max()))
            more = smooth(depth, 0.10) / build.arm_m
            angles[f"shoulder_{side}"] = angles[f"shoulder_{side}"] + 1.6 * more
            angles[f"elbow_{side}"] = angles[f"elbow_{side}"] + 0.8 * more
        if deepest < 0.005:
            break
    return angles


def _pull(start: np.ndarray, end: np.ndarray, reach_m: float, share: np.ndarray) -> np.ndarray:
    """How far (T, 3) a limb's start must go towards its end so that it reaches it, where it must (T,)."""
    gap = end - start
    length = np.sqrt((gap**2).sum(-1, keepdims=True))
    return gap / length * np.maximum(length - _STRAIGHT * reach_m, 0) * (share[:, None] > 0.98)


def _spread(pull: np.ndarray) -> np.ndarray:
    """Give the neighbours in time their part of a pull, without making it smaller where it is largest."""
    softened = smooth(pull, 0.10)
    peak = np.maximum(np.abs(softened).max(0), 1e-9)
    return softened * np.minimum(np.abs(pull).max(0) / peak, 3.0)


def _with_flights(plan: Plan, angles: Angles, centre: np.ndarray, root: np.ndarray,
                  guesses: list[np.ndarray | None]) -> tuple[Angles, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Fill in the flights and lead the ground into them."""
    grounded_centre, grounded_root = centre, root
    centre, root, momenta = centre.copy(), root.copy(), []
    aloft, flown = np.zeros(len(plan.time), bool), []
    angles = dict(angles)
    for flight, guess in zip(plan.flights, guesses, strict=True):
        span = slice(flight.first, flight.last + 1)
        _leg_keys(plan, angles, flight)
        part = shape_of(plan.build, {name: value[span] for name, value in angles.items()})
        ways, momentum = fly(plan.build, part, root[flight.first], root[flight.last],
                             np.array(flight.turns), guess)
        path, leaving, coming = parabola(centre[flight.first], centre[flight.last], flight.last - flight.first,
                                         plan.gravity)
        flown.append((span, ways, path, leaving, coming))
        momenta.append(momentum)
        aloft[flight.first + 1: flight.last] = True
    ends = [0, *(index for flight in plan.flights for index in (flight.first, flight.last)), len(centre) - 1]
    for number, (_, ways, _, leaving, coming) in enumerate(flown):
        flight = plan.flights[number]
        for at, before, speed, spin in (
            (flight.first, True, leaving, unturn(ways[1] @ ways[0].T) / STEP_S),
            (flight.last, False, coming, unturn(ways[-1] @ ways[-2].T) / STEP_S),
        ):
            room = (at - ends[2 * number] if before else ends[2 * number + 3] - at)
            _lead(centre, root, grounded_centre, grounded_root, at, before, min(room, round(_LEAD_S / STEP_S)),
                  speed, spin)
    standing = _to_centre(plan, root, plan.pelvis, centre)
    for name in angles:
        angles[name] = np.where(aloft, angles[name], standing[name])
    for flight, (span, ways, path, _, _) in zip(plan.flights, flown, strict=True):
        centre[span], root[span] = path, ways
        _leg_keys(plan, angles, flight)
    # the legs' slopes have changed a little: fly once more with what they do now
    for number, flight in enumerate(plan.flights):
        if not flight.keys:
            continue
        span = slice(flight.first, flight.last + 1)
        part = shape_of(plan.build, {name: value[span] for name, value in angles.items()})
        root[span], momenta[number] = fly(plan.build, part, root[flight.first], root[flight.last],
                                          np.array(flight.turns), momenta[number])
    return angles, centre, root, momenta


def _leg_keys(plan: Plan, angles: Angles, flight: Flight) -> None:
    """Lead the legs from how they leave the ground through the flight's keys to how they come down."""
    if not flight.keys:
        return
    first, last = flight.first, flight.last
    for side in SIDES:
        for name in (f"{joint}_{side}" for joint in _LEG):
            track = angles[name].copy()
            at, values, slopes = [plan.time[first]], [track[first]], [0.0]
            if first > 1:
                slopes[0] = float(np.clip((track[first] - track[first - 2]) / (2 * STEP_S), -9, 9))
            for time, pose in flight.keys:
                if name in pose:
                    at.append(time)
                    values.append(pose[name])
            at.append(plan.time[last])
            values.append(track[last])
            end = 0.0
            if last + 2 < len(track):
                end = float(np.clip((track[last + 2] - track[last]) / (2 * STEP_S), -9, 9))
            inner = [_slope(at, values, i) for i in range(1, len(at) - 1)]
            span = slice(first, last + 1)
            track[span] = hermite(plan.time[span], np.array(at), np.array(values),
                                  np.array([*slopes, *inner, end]))
            angles[name] = np.maximum(track, 0.0) if name.startswith("knee") else track


def _slope(at: list[float], values: list[float], index: int) -> float:
    """Slope at an inner key: none at a turning point, else what both sides allow (Fritsch and Butland)."""
    before = (values[index] - values[index - 1]) / (at[index] - at[index - 1])
    after = (values[index + 1] - values[index]) / (at[index + 1] - at[index])
    return 2 * before * after / (before + after) if before * after > 0 else 0.0


def _lead(centre: np.ndarray, root: np.ndarray, grounded_centre: np.ndarray, grounded_root: np.ndarray, at: int,
          before: bool, room: int, speed: np.ndarray, spin: np.ndarray) -> None:
    """Bend place and attitude on the ground near a flight's end so that both pass into it without a jump in speed."""
    room = max(room, 2)
    near = at - 1 if before else at + 1
    sign = 1.0 if before else -1.0
    own_speed = sign * (grounded_centre[at] - grounded_centre[near]) / STEP_S
    own_spin = sign * unturn(grounded_root[at] @ grounded_root[near].T) / STEP_S
    span = slice(at - room, at) if before else slice(at + 1, at + room + 1)
    u = np.arange(room) / room if before else np.arange(1, room + 1) / room
    bend = (u * u * (u - 1) if before else u * (1 - u) ** 2) * room * STEP_S
    bend = bend[: len(centre[span])]
    centre[span] += bend[:, None] * (speed - own_speed)
    root[span] = turn(bend[:, None] * (spin - own_spin)) @ root[span]
