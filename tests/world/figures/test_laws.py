"""What must hold of every body: parabolas, angular momentum, planted feet, joints, floors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sora_core.world.figures.body import INDEX, LIMITS_DEG, SIDES, Build, Shape, rest, shape_of
from sora_core.world.figures.curves import STEP_S, clock
from sora_core.world.figures.flight import fly, inertia_of, momentum_of
from sora_core.world.figures.leap import Ground, Leap, leap
from sora_core.world.figures.plan import Act, solve
from sora_core.world.figures.skate import JUMPS, Glide, axel, spin
from sora_core.world.figures.stride import MANNERS, along, closed, on_the_grid, travel
from sora_core.world.figures.wheel import cartwheel

BUILDS = st.builds(lambda tall, stout, girth: Build(tall, stout * 22 * tall**2, girth), st.floats(1.15, 1.9),
                   st.floats(0.9, 1.2), st.floats(1.0, 1.6))
SEEDS = st.integers(0, 2**31)
FEW = settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])


def grid(seconds: float) -> float:
    return round(seconds * 240) / 240


def check_flights(act: Act, count: int) -> None:
    """The centre of mass flies a parabola to 1e-3 m; the angular momentum of the whole body stays within 1 %."""
    assert len(act.plan.flights) >= count
    for flight, momentum in zip(act.plan.flights, act.momenta, strict=True):
        span = slice(flight.first, flight.last + 1)
        time, centre = act.plan.time[span], act.centre[span]
        pull = np.array([0, 0, -act.plan.gravity])
        line = centre - 0.5 * pull * (time - time[0])[:, None] ** 2
        fit = np.polynomial.polynomial.polyfit(time - time[0], line, 1)
        assert np.abs(line - np.polynomial.polynomial.polyval(time - time[0], fit).T).max() < 1e-3
        body = Shape(act.body.rotations[span], act.body.joints[span])
        seen = momentum_of(act.plan.build, body)
        # in small bodies that hardly turn, 1 % of the momentum is less than what a twitch of a hand carries
        size = max(float(np.linalg.norm(momentum)), 0.02 * act.plan.build.mass_kg * act.plan.build.height_m**2)
        assert np.abs(seen - momentum).max() < 0.01 * size


def check_feet(act: Act) -> None:
    """What touches the ground stays where it is, within 1 cm; no foot goes more than 1.5 cm through the floor."""
    build = act.plan.build
    for side, foot in act.plan.feet.items():
        at = INDEX[f"foot_{side}"]
        for where in (0.0, 1.0):
            point = act.body.joints[:, at] + act.body.rotations[:, at] @ build.sole(where)
            assert point[:, 2].min() > -0.015
            touches = (point[:, 2] < 0.003) & foot.is_down
            for run in np.split(np.arange(len(touches)), np.flatnonzero(np.diff(touches.astype(int))) + 1):
                if touches[run[0]] and len(run) > 2:
                    stay = point[run, :2]
                    assert np.linalg.norm(stay - stay[0], axis=1).max() < 0.01
        miss = np.linalg.norm(act.body.joints[:, at] - foot.ankle, axis=1) * foot.is_down * (
            1 - act.plan.frees.get(side, 0.0))
        assert miss.max() < 0.01


def check_body(act: Act, elsewhere: tuple[str, ...] = ()) -> None:
    """Joints keep to their limits, bones to their lengths, and no joint goes below the floor."""
    for name, value in act.angles.items():
        low, high = LIMITS_DEG[name.split("_")[0]]
        if name.split("_")[0] not in elsewhere:
            assert np.degrees(value).min() > low - 1 and np.degrees(value).max() < high + 1, name
    knees = act.body.joints[:, INDEX["shank_l"]] - act.body.joints[:, INDEX["thigh_l"]]
    assert np.linalg.norm(knees, axis=1) == pytest.approx(act.plan.build.size("thigh"))
    assert act.body.joints[:, :, 2].min() > -0.01
    assert np.isfinite(act.body.rotations).all()


@FEW
@given(BUILDS, SEEDS, st.sampled_from(sorted(MANNERS)), st.booleans(), st.floats(0.9, 1.1))
def test_walking(build: Build, seed: int, manner: str, stops: bool, pace: float) -> None:
    beat = grid(0.5 * (build.height_m / 1.72) ** 0.5)
    steps = along(np.array([-1.5, 0.0]), 0.0, 0.40 * pace * build.height_m, 5 if stops else 14, -beat, beat,
                  0.09 * build.height_m)
    act = solve(travel(build, clock(4.0), on_the_grid(closed(steps, beat) if stops else steps), MANNERS[manner],
                       np.random.default_rng(seed)))
    check_feet(act)
    check_body(act)
    assert not act.plan.flights and act.centre[-1, 0] > act.centre[0, 0] + 0.5


@FEW
@given(BUILDS, SEEDS, st.floats(0.55, 0.7), st.sampled_from((9.81, 3.7)))
def test_running(build: Build, seed: int, length: float, gravity: float) -> None:
    beat = grid(0.33 * (build.height_m / 1.72) ** 0.5)
    steps = along(np.array([-4.0, 0.0]), 0.0, length * build.height_m, int(5.4 / beat), -beat, beat,
                  0.05 * build.height_m)
    act = solve(travel(build, clock(4.0), on_the_grid(steps), MANNERS["calm"], np.random.default_rng(seed),
                       is_running=True, gravity=gravity))
    check_flights(act, 5)
    check_feet(act)
    check_body(act)


@settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate])
@given(BUILDS, SEEDS, st.sampled_from((("straight", 0), ("star", 0), ("tuck", 0), ("tuck", -1), ("tuck", 1),
                                       ("pike", 1), ("layout", -1))), st.floats(0.95, 1.05))
def test_leaps(build: Build, seed: int, how: tuple[str, int], longer: float) -> None:
    pose, turns = how
    seconds = {"layout": 0.84, "pike": 0.76}.get(pose, 0.7 if turns else 0.5) * (build.height_m / 1.6) ** 0.5 * longer
    one = Leap(1.2, grid(seconds), pose, turns, 0.2 * turns)
    act = solve(leap(build, clock(4.0), [one], Ground(), np.random.default_rng(seed)))
    check_flights(act, 1)
    check_feet(act)
    check_body(act)
    flight = act.plan.flights[0]
    up = act.root[flight.first: flight.last + 1, 2, 2]
    assert (up.min() < -0.9) == bool(turns)         # upside down once in a somersault, never in a jump


@FEW
@given(BUILDS, SEEDS, st.sampled_from(sorted(JUMPS)))
def test_axels(build: Build, seed: int, name: str) -> None:
    turns, seconds = JUMPS[name]
    glide = Glide(1.5, grid(seconds * (build.height_m / 1.65) ** 0.5), 2.5, 2.0, turns)
    act = solve(axel(build, clock(4.0), glide, np.random.default_rng(seed)))
    check_flights(act, 1)
    check_body(act)
    heading = np.unwrap(np.arctan2(act.root[:, 1, 0], act.root[:, 0, 0]))
    flight = act.plan.flights[0]
    assert heading[flight.last + 60] - heading[0] == pytest.approx(2 * np.pi * turns, abs=1.1)
    for side, foot in act.plan.feet.items():        # a blade glides along itself, but for the skid of the take-off
        at = INDEX[f"foot_{side}"]
        sole = act.body.joints[:, at] + act.body.rotations[:, at] @ build.sole(0.0)
        assert sole[:, 2].min() > -0.02
        down = foot.is_down & (np.abs(act.plan.time - 1.44) > 0.10)
        speed = np.gradient(act.body.joints[:, at], act.plan.time, axis=0)[down]
        aside = np.einsum("ti,ti->t", speed, act.body.rotations[down, at, :, 1])
        assert np.abs(aside).max() < 0.15 * 2.5


@FEW
@given(BUILDS, SEEDS, st.floats(0.9, 1.6), st.booleans())
def test_a_spin_keeps_its_angular_momentum(build: Build, seed: int, speed: float, ccw: bool) -> None:
    act, rate = spin(build, clock(4.0), np.random.default_rng(seed), speed, ccw)
    momentum = momentum_of(build, act.body)[:, 2] * (1 if ccw else -1)
    lost = momentum * np.exp(0.5 * (act.plan.time[1:] + act.plan.time[:-1]) / 14.0)     # but for friction
    assert np.abs(lost / lost.mean() - 1).max() < 0.01
    assert rate.max() > 2 * rate[0] > 0
    at = INDEX["foot_l" if ccw else "foot_r"]
    assert np.linalg.norm(act.body.joints[:, at, :2] - act.body.joints[0, at, :2], axis=1).max() < 0.01
    assert np.linalg.norm(act.centre[:, :2] - act.body.joints[0, at, :2], axis=1).max() < 0.02


@FEW
@given(BUILDS, SEEDS, st.sampled_from("lr"), st.floats(1.35, 1.65))
def test_cartwheels(build: Build, seed: int, side: str, seconds: float) -> None:
    plan, holds = cartwheel(build, clock(4.0), 1.1, Ground((0.0, 0.0), -np.pi / 2), np.random.default_rng(seed), side,
                            seconds)
    act = solve(plan)
    check_body(act, ("shoulder", "spread", "turn"))
    for name, (down, up) in holds.items():
        held = (plan.time >= down) & (plan.time <= up)
        palm = act.body.joints[held, INDEX[name]]
        assert held.sum() > 40 and np.linalg.norm(palm - palm[0], axis=1).max() < 0.01
    assert act.root[:, 2, 2].min() < -0.99
    order = sorted((down, name) for name, (down, _) in holds.items())
    assert [name[-1] for _, name in order] == [side, {"l": "r", "r": "l"}[side]]


def test_a_tucked_body_turns_faster_than_an_open_one() -> None:
    build, count = Build(), 121
    turned = {}
    for name, pose in (("tuck", {"hip": 120, "knee": 125, "bend": 40}), ("open", {})):
        shape = shape_of(build, rest(count, **pose))
        inertia = inertia_of(build, shape)[0, 1, 1]
        turned[name] = 30.0 / inertia * (count - 1) * STEP_S
        last = shape_of(build, rest(2)).rotations[0, 0]
        angle = turned[name]
        cos, sin = np.cos(angle), np.sin(angle)
        end = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        ways, momentum = fly(build, shape, last, end, np.array([0, angle, 0]))
        assert momentum == pytest.approx([0, 30.0, 0], abs=0.3)
        assert ways[-1] == pytest.approx(end, abs=1e-5)
    assert turned["tuck"] > 2.5 * turned["open"]


def test_arms_thrown_up_turn_the_trunk_the_other_way() -> None:
    build, time = Build(), clock(0.4)
    angles = rest(len(time))
    for side in SIDES:
        angles[f"shoulder_{side}"] = np.linspace(0, 2.5, len(time))
    shape = shape_of(build, angles)
    carried = momentum_of(build, shape)
    assert carried[:, 1].mean() < -1                # arms that rise in front turn backward about y ...
    ways, momentum = fly(build, shape, np.eye(3), np.eye(3), np.zeros(3))
    assert momentum[1] < 0                          # ... and only a body that turns backward keeps its trunk up
    assert np.abs(momentum_of(build, shape.placed(ways, np.zeros((len(time), 3)))) - momentum).max() < 0.02


def test_masses_add_up() -> None:
    build = Build(1.8, 80.0)
    assert build.masses.sum() == pytest.approx(80.0)
    standing = shape_of(build, rest(1)).centre(build)[0, 2] + build.stand_m
    assert 0.53 < standing / build.height_m < 0.60      # anatomy: 0.55 to 0.57 of the stature
