"""Films that are cut from several scenes: one cast, one place, one light, one room tone, and a truth put together.

A film is a scene whose bodies, props, figures and camera are those of its shots, one after another. Every shot is
simulated and drawn by itself; places, touches, noises, voices and lines of what is shown then move to the film's time.
What isn't in a shot lies below its picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .camera import FRAME_RATE, NUM_FRAMES, Path, View
from .performance import Line, Performance, Voice
from .physics import NUM_STEPS, STEPS_PER_FRAME, Motion, simulate
from .record import FIRST_PROP, FRICTION_RATE_HZ, FRICTION_ROWS
from .scenes.scene import Body, Prop, Scene, Shot

_ROWS_PER_FRAME = FRICTION_RATE_HZ // FRAME_RATE
_VOICE_RATE = 24000
_FADE_S = 0.02


def film(family: str, parts: Sequence[tuple[Scene, int]], cuts: Sequence[int]) -> Scene:
    """The film of some scenes.

    Args:
        family: its name.
        parts: each scene, and how many frames of its clip lie before its first one. Bodies with equal records are the
            same thing; figures are the same by their place in the list.
        cuts: the frames at which a new shot begins.
    """
    bounds = [0, *cuts, NUM_FRAMES]
    bodies: list[Body] = []
    props: list[Prop] = []
    shots = []
    for (scene, skip), first, last in zip(parts, bounds[:-1], bounds[1:], strict=True):
        cast = []
        for body in scene.bodies:
            known = [i for i, other in enumerate(bodies) if other.record == body.record and i not in cast]
            cast.append(known[0] if known else len(bodies))
            if not known:
                bodies.append(body)
        props += scene.props
        shots.append(Shot(scene, first, last, skip, tuple(cast)))
    setting = shots[0].scene.setting
    return Scene(family, replace(setting, view=_cut_view(shots)), tuple(bodies), props=tuple(props),
                 figures=_figures(shots), shots=tuple(shots))


def _cut_view(shots: list[Shot]) -> View:
    seen = [shot.scene.view.at(frame) for shot in shots for frame in range(NUM_FRAMES)[shot.frames]]
    path = Path(np.stack([view.position for view in seen]), np.stack([view.rotation for view in seen]),
                tuple(shot.first for shot in shots[1:]))
    return replace(seen[0], move="cuts", path=path)


def _figures(shots: list[Shot]) -> tuple[Performance, ...]:
    """The figures of all shots, each one's performances joined."""
    return tuple(_joined(shots, [shot.scene.figures[i] for shot in shots])
                 for i in range(min(len(shot.scene.figures) for shot in shots)))


def _joined(shots: list[Shot], parts: list[Performance]) -> Performance:
    def frames(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name)[shot.frames] for shot, part in zip(shots, parts, strict=True)])

    events, voices, lines = [], [], []
    for shot, part in zip(shots, parts, strict=True):
        shift, end = (shot.first - shot.skip) / FRAME_RATE, shot.last / FRAME_RATE
        events += [replace(event, time_s=event.time_s + shift) for event in part.events
                   if shot.first / FRAME_RATE <= event.time_s + shift < end]
        voices += [moved for voice in part.voices if (moved := _cut_voice(voice, shift, end)) is not None]
        lines += [_cut_line(line, shift) for line in part.lines if line.start_s + shift < end]
    return replace(parts[0], poses=frames("poses"), sizes=frames("sizes"), shades=frames("shades"),
                   centre=frames("centre"), events=tuple(events), voices=tuple(voices), lines=tuple(lines))


def _cut_voice(voice: Voice, shift: float, end: float) -> Voice | None:
    """A voice at the film's time, faded where its shot ends."""
    length = round((end - voice.time_s - shift) * _VOICE_RATE)
    samples = voice.samples[: max(length, 0)].copy()
    if not len(samples):
        return None
    if len(samples) < len(voice.samples):
        fade = min(round(_FADE_S * _VOICE_RATE), len(samples))
        samples[-fade:] *= np.linspace(1, 0, fade, dtype=samples.dtype)
    return replace(voice, time_s=voice.time_s + shift, samples=samples)


def _cut_line(line: Line, shift: float) -> Line:
    return replace(line, start_s=line.start_s + shift, end_s=line.end_s + shift,
                   phonemes=tuple((at + shift, name, opening) for at, name, opening in line.phonemes))


def simulate_shots(scene: Scene) -> Motion:
    """As `physics.simulate`, for a film: every shot's motion in `shots`, and what is shown of them joined."""
    parts = tuple(simulate(shot.scene) for shot in scene.shots)
    count = len(scene.bodies)
    poses, velocities = np.zeros((NUM_STEPS + 1, count, 7)), np.zeros((NUM_STEPS + 1, count, 6))
    rolling, sliding = np.zeros((2, count, FRICTION_ROWS), np.float32)
    floor_force, touches = np.zeros((count, NUM_STEPS)), []
    poses[..., 3] = 1.0
    props = 0
    for shot, part in zip(scene.shots, parts, strict=True):
        start, end, own = shot.first * STEPS_PER_FRAME, shot.last * STEPS_PER_FRAME, shot.skip * STEPS_PER_FRAME
        end = min(end, NUM_STEPS + 1)
        poses[start:end, :, :3] = _below(shot.scene.view)
        for i, index in enumerate(shot.cast):
            poses[start:end, index] = part.poses[own: own + end - start, i]
            velocities[start:end, index] = part.velocities[own: own + end - start, i]
            steps = min(end, NUM_STEPS) - start
            floor_force[index, start: start + steps] = part.floor_force[i, own: own + steps]
            row, rows = shot.first * _ROWS_PER_FRAME, min(shot.last * _ROWS_PER_FRAME, FRICTION_ROWS)
            for joined, single in ((rolling, part.rolling), (sliding, part.sliding)):
                from_row = shot.skip * _ROWS_PER_FRAME
                joined[index, row:rows] = single[i, from_row: from_row + rows - row]
        touches += [(step - own + start, impulse, shot.cast[first], _other(second, shot, props))
                    for step, impulse, first, second in part.touches if own <= step < own + end - start]
        props += len(shot.scene.props)
    return Motion(poses, velocities, tuple(sorted(touches)), rolling, sliding, floor_force, shots=parts)


def _other(index: int, shot: Shot, props: int) -> int:
    """What a body touches, by the film's numbers: `props` belong to shots before this one."""
    return shot.cast[index] if index >= 0 else index - props if index <= FIRST_PROP else index


def _below(view: View) -> np.ndarray:
    """(3,) a place far below what a camera sees."""
    return view.position - view.rotation @ np.array([0.0, 20.0, 10.0])


def shown(shot: Shot, motion: Motion) -> Motion:
    """What is shown of a shot's motion, to be told and measured."""
    first, last = shot.frames.start * STEPS_PER_FRAME, shot.frames.stop * STEPS_PER_FRAME
    rows = slice(shot.frames.start * _ROWS_PER_FRAME, shot.frames.stop * _ROWS_PER_FRAME)
    touches = tuple((step - first, *rest) for step, *rest in motion.touches if first <= step < last)
    return replace(motion, poses=motion.poses[first:last + 1], velocities=motion.velocities[first:last + 1],
                   touches=touches, rolling=motion.rolling[:, rows], sliding=motion.sliding[:, rows],
                   floor_force=motion.floor_force[:, first:last])
