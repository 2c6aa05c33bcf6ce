"""Puts a body that acts, its clothes and its face together into what the stage can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..performance import Event, Line, Member, Performance, Voice
from .body import INDEX
from .curves import RATE_HZ
from .look import Face, Flesh, animate
from .plan import Act

FRAME_RATE = 24
_STRIDE = RATE_HZ // FRAME_RATE


def perform(act: Act, flesh: Flesh, face: Face, *, name: str, events: Sequence[Event] = (),
            voices: Sequence[Voice] = (), lines: Sequence[Line] = (), ground_m: np.ndarray | float = 0.0,
            facts: dict[str, Any] | None = None) -> Performance:
    """A performance of one person.

    Args:
        ground_m: height of what is under the person, a number or (T,).
        facts: what is true of it, for the record.
    """
    build = act.plan.build
    frames = np.arange(0, len(act.plan.time), _STRIDE)
    poses, sizes = flesh.pose(act.body, frames)
    animate(flesh, build, face, act.body, frames, poses, sizes)
    middle = act.body.joints[frames][:, 0]
    ground = np.broadcast_to(np.asarray(ground_m, float), act.plan.time.shape)[frames]
    shades = [np.column_stack([act.centre[frames][:, :2], ground, np.full(len(frames), 0.13 * build.height_m)])]
    for side in "lr":
        foot = act.body.joints[frames][:, INDEX[f"foot_{side}"]]
        shades.append(np.column_stack([foot[:, :2], ground, np.full(len(frames), 0.055 * build.height_m)]))
    reach = np.sqrt(((poses[:, :, :3] - middle[:, None]) ** 2).sum(-1)).max(1) + 0.06 * build.height_m
    return Performance(name, tuple(flesh.parts), poses, sizes, np.stack(shades, 1), np.column_stack([middle, reach]),
                       tuple(events), tuple(voices), tuple(lines), facts or {}, _members(act, flesh, frames))


def _members(act: Act, flesh: Flesh, frames: np.ndarray) -> tuple[Member, ...]:
    """Trunk with head, legs, arms."""
    build, body = act.plan.build, act.body
    joints, turns = body.joints[frames], body.rotations[frames]
    tall = build.height_m

    def end_of(bone: str, length: float) -> np.ndarray:
        return joints[:, INDEX[bone]] + length * turns[:, INDEX[bone], :, 2]

    crown = end_of("head", build.size("neck") + 2 * build.size("skull"))
    trunk = Member(np.stack([joints[:, 0], crown], 1), 0.085 * tall, flesh.colour_at(INDEX["chest"]))
    limbs = []
    for first, last, length, radius in (("thigh", "foot", -build.size("ankle"), 0.045),
                                        ("arm", "hand", -build.size("hand"), 0.030)):
        for side in "lr":
            ends = np.stack([joints[:, INDEX[f"{first}_{side}"]], end_of(f"{last}_{side}", length)], 1)
            limbs.append(Member(ends, radius * tall, flesh.colour_at(INDEX[f"{first}_{side}"])))
    return (trunk, *limbs)
