"""Walking and running: a list of steps becomes a plan for the whole body.

Everything is timed by the steps, as in a living body: the pelvis is lowest in double support, sways to the standing leg
and turns with the leg that goes forward; the chest turns the other way, the arms swing against the legs and their
elbows and hands follow a little later.

Source: M. P. Murray, A. B. Drought, R. C. Kory, "Walking patterns of normal men", J. Bone and Joint Surgery 46 (1964),
for sizes and phases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .body import SIDES, Angles, Build, rest
from .curves import RATE_HZ, keyed, lag, smooth, wander
from .feet import Plant, track
from .plan import Flight, Plan
from .rotation import about


@dataclass(frozen=True)
class Step:
    """One foot comes down: side, (x, y) metres, direction of the toes in radians, time in seconds."""

    side: str
    place: tuple[float, float]
    yaw: float
    time_s: float


@dataclass(frozen=True)
class Manner:
    """How somebody goes.

    Attributes:
        bounce: rise of the body over each step, 1 as usual.
        swing: of the arms, 1 as usual.
        stoop_deg: of the trunk, forward.
        nod_deg: of the head, down.
        sway: from side to side, 1 as usual.
        crouch: share of the leg's length by which the hips are lower.
        elbow_deg: bend of the elbows.
    """

    bounce: float = 1.0
    swing: float = 1.0
    stoop_deg: float = 3.0
    nod_deg: float = 0.0
    sway: float = 1.0
    crouch: float = 0.0
    elbow_deg: float = 18.0


MANNERS: dict[str, Manner] = {
    "calm": Manner(),
    "brisk": Manner(1.2, 1.35, 5.0, -2.0, 0.9, 0.005, 28.0),
    "tired": Manner(0.6, 0.45, 14.0, 14.0, 1.2, 0.02, 12.0),
    "proud": Manner(1.1, 1.2, -4.0, -8.0, 0.8, 0.0, 22.0),
    "sneaking": Manner(0.8, 0.35, 20.0, -14.0, 1.0, 0.10, 75.0),
    "cheerful": Manner(2.0, 1.5, 0.0, -5.0, 1.3, 0.01, 35.0),
}


def along(start: np.ndarray, yaw: float, length_m: float, count: int, first_s: float, beat_s: float, width_m: float,
          first_side: str = "l") -> list[Step]:
    """Steps in a line: `count` of them, each `length_m` on and `beat_s` later than the one before."""
    ahead, left = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    sides = ("l", "r") if first_side == "l" else ("r", "l")
    steps = []
    for number in range(count):
        side = sides[number % 2]
        place = start + ahead * length_m * number + left * SIDES[side] * 0.5 * width_m
        steps.append(Step(side, (float(place[0]), float(place[1])), yaw, first_s + beat_s * number))
    return steps


def closed(steps: list[Step], beat_s: float) -> list[Step]:
    """The steps with one more that brings the feet together."""
    last = steps[-1]
    other = next(step for step in reversed(steps) if step.side != last.side)
    ahead = np.array([np.cos(last.yaw), np.sin(last.yaw)])
    place = np.array(other.place) + ahead * float(ahead @ (np.array(last.place) - np.array(other.place)))
    return [*steps, Step(other.side, (float(place[0]), float(place[1])), last.yaw, last.time_s + 0.9 * beat_s)]


def stance_s(beat_s: float, is_running: bool) -> float:
    """How long a foot stays down: longer than a beat in walking, shorter in running."""
    return beat_s * (0.72 if is_running else 1.26)


def plants_of(steps: list[Step], build: Build, seconds: float, *, is_running: bool = False, ground_m: float = 0.0
              ) -> dict[str, list[Plant]]:
    """When each foot stands where. The last step of each foot stays down to the end."""
    plants: dict[str, list[Plant]] = {"l": [], "r": []}
    beats = np.diff([step.time_s for step in steps])
    for number, step in enumerate(steps):
        beat = float(beats[min(number, len(beats) - 1)])
        stay = stance_s(beat, is_running)
        is_last = not any(later.side == step.side for later in steps[number + 1:])
        earlier = [before for before in steps[:number] if before.side == step.side]
        shift = np.hypot(*(np.array(step.place) - np.array(earlier[-1].place))) if earlier else 1.0
        reach = float(np.clip(shift / (0.8 * build.height_m), 0, 1))
        push = (0.85 if is_running else 0.62) * (reach if not is_last else 0.0)
        plants[step.side].append(Plant(
            (*step.place, ground_m), step.yaw, step.time_s, step.time_s + stay if not is_last else seconds + 1.0,
            flat_s=0.05 if is_running else 0.16 * beat, rise_s=0.55 * stay if is_running else 0.62 * stay,
            strike=(0.06 if is_running else 0.32) * reach, push=push))
    return plants


def travel(build: Build, time: np.ndarray, steps: list[Step], manner: Manner, rng: np.random.Generator, *,
           is_running: bool = False, gravity: float = 9.81, ground_m: float = 0.0) -> Plan:
    """Plan a walk or a run over a list of steps; the first two steps are where the feet stand at first.

    Args:
        steps: in order of time, feet in turns.
        is_running: with a flight between the steps.
        gravity: m/s2 of the place.
        ground_m: height of the ground.
    """
    plants = plants_of(steps, build, time[-1], is_running=is_running, ground_m=ground_m)
    lift = (0.10 if is_running else 0.035) * build.height_m
    feet = {side: track(time, build, plants[side], lift) for side in SIDES}
    times = np.array([step.time_s for step in steps])
    places = np.array([step.place for step in steps])
    beat = float(np.median(np.diff(times)))
    middle = 0.5 * (places[1:] + places[:-1])
    lead = -0.21 * beat if is_running else 0.12 * beat  # so that the body is over a foot in the middle of its stance
    path = keyed(time, [(at + lead, place) for at, place in zip(times[1:], middle, strict=True)])
    path = _steady(time, times[1:] + lead, middle, path, beat)
    going = _going(time, path, build)
    yaws = keyed(time, [(step.time_s, step.yaw) for step in steps])
    root, pelvis, angles = _trunk(build, time, steps, manner, going, beat, path, yaws, is_running, ground_m)
    _arms(angles, time, steps, manner, going, beat, is_running)
    quiet = 1 - going
    angles["lean"] = angles["lean"] + quiet * 0.02 * wander(rng, time)
    angles["look"] = angles["look"] + 0.10 * wander(rng, time, 2.2)
    angles["nod"] = angles["nod"] + 0.04 * wander(rng, time, 1.8)
    flights = _flights(time, plants) if is_running else ()
    return Plan(build, time, root, pelvis, angles, feet, flights, gravity=gravity)


def _steady(time: np.ndarray, at: np.ndarray, middle: np.ndarray, path: np.ndarray, beat: float) -> np.ndarray:
    """Let the body go on before the first and after the last key as the steps want it, and take corners softly."""
    linear = np.stack([np.interp(time, at, middle[:, axis]) for axis in (0, 1)], -1)
    return 0.5 * (smooth(linear, 0.9 * beat) + smooth(path, 0.9 * beat))


def _going(time: np.ndarray, path: np.ndarray, build: Build) -> np.ndarray:
    """0 standing to 1 going, (T,)."""
    speed = np.hypot(*np.gradient(path, time, axis=0).T)
    return np.clip(smooth(speed, 0.35) / (0.45 * build.height_m), 0, 1)


def _trunk(build: Build, time: np.ndarray, steps: list[Step], manner: Manner, going: np.ndarray, beat: float,
           path: np.ndarray, yaws: np.ndarray, is_running: bool, ground_m: float
           ) -> tuple[np.ndarray, np.ndarray, Angles]:
    """Pelvis, spine and head, timed by the steps."""
    out = {step.time_s: SIDES[step.side] for step in steps}
    times = sorted(out)
    sway = keyed(time, [(at + 0.55 * beat, out[at]) for at in times])
    ahead = keyed(time, [(at, out[at]) for at in times])
    drop = keyed(time, [(at + 0.35 * beat, -out[at]) for at in times])
    phase = np.interp(time, [*times, times[-1] + beat], np.arange(len(times) + 1))
    wave = -np.cos(2 * np.pi * (phase - (0.36 if is_running else 0.08)))  # -1 where the body is lowest
    tall = build.height_m
    if is_running:
        height = build.stand_m * (0.935 - manner.crouch) + 0.018 * tall * manner.bounce * wave * going
        height = height + 0.015 * tall * (1 - going)
    else:
        height = build.stand_m * (0.985 - 0.012 * going - manner.crouch) + 0.010 * tall * manner.bounce * wave * going
    left = np.stack([-np.sin(yaws), np.cos(yaws)], -1)
    shift = (0.008 if is_running else 0.016) * tall * manner.sway * going * sway
    pelvis = np.concatenate([path + left * shift[:, None], (height + ground_m)[:, None]], 1)
    turned = np.radians(8 if is_running else 6) * going * ahead
    tip = np.radians(5 if is_running else 4) * manner.sway * going * drop
    pitch = np.radians(6.0 if is_running else 1.0) * going + 0.35 * np.radians(manner.stoop_deg)
    root = about(2, yaws - turned) @ about(1, pitch) @ about(0, tip)
    angles = rest(len(time), elbow=manner.elbow_deg)
    angles["bend"] = 0.65 * np.radians(manner.stoop_deg) + (0.10 if is_running else 0.0) * going \
        + 0.012 * going * np.roll(wave, 12)
    angles["twist"] = 2.0 * turned
    angles["lean"] = 1.5 * tip
    angles["look"] = -turned
    angles["tilt"] = -0.6 * tip
    angles["nod"] = np.radians(manner.nod_deg) - 0.7 * angles["bend"] - 0.7 * pitch + np.radians(3)
    return root, pelvis, angles


def _arms(angles: Angles, time: np.ndarray, steps: list[Step], manner: Manner, going: np.ndarray, beat: float,
          is_running: bool) -> None:
    """Arms that swing against the legs; elbows and hands come later."""
    times = [step.time_s for step in steps]
    for side, out in SIDES.items():
        forward = keyed(time, [(at + 0.06 * beat, -out * SIDES[step.side])
                               for at, step in zip(times, steps, strict=True)])
        follow = lag(forward, 0.35 * beat, 0.8)
        size = going * manner.swing
        if is_running:
            angles[f"shoulder_{side}"] = np.radians(-8 + 38 * size * forward)
            angles[f"elbow_{side}"] = np.radians(manner.elbow_deg + (88 - manner.elbow_deg) * np.sqrt(going)
                                                 + 16 * size * follow)
            angles[f"turn_{side}"] = np.radians(12 + 14 * size * forward)
        else:
            angles[f"shoulder_{side}"] = np.radians(-3 + 20 * size * forward)
            angles[f"elbow_{side}"] = np.radians(manner.elbow_deg + 11 * size * follow)
            angles[f"turn_{side}"] = np.radians(6 * size * forward)
        angles[f"spread_{side}"] = np.radians(np.full(len(time), 7.0 + 4 * is_running))
        angles[f"wrist_{side}"] = np.radians(8 + 12 * size * lag(forward, 0.5 * beat, 0.6))


def _flights(time: np.ndarray, plants: dict[str, list[Plant]]) -> tuple[Flight, ...]:
    """The times at which no foot is down."""
    spans = sorted((plant.down_s, plant.up_s) for side in plants.values() for plant in side)
    flights, last = [], len(time) - 1
    for (_, up), (down, _) in zip(spans[:-1], spans[1:], strict=True):
        first, end = round(up * RATE_HZ), round(down * RATE_HZ)
        if end - first >= 6 and first > 4 and end < last - 4:
            flights.append(Flight(first, end))
    return tuple(flights)


def on_the_grid(steps: list[Step]) -> list[Step]:
    """Steps whose times are whole samples, so that feet come down exactly where their flight ends."""
    return [replace(step, time_s=round(step.time_s * RATE_HZ) / RATE_HZ) for step in steps]
