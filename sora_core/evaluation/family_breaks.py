"""Breaks that only some families can have: a missed ball that leaps into the hoop, and feet that slide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..world.physics import STEP_S, STEPS_PER_FRAME
from ..world.scenes.basketball import BOARD, RIM, RIM_RADIUS_M
from .breaks import Studio, WorldClip

LEAP_M = 0.45                       # so far from the hoop's middle a missed ball must be to be seen leaping
SLIDE_MS = 0.45                     # m/s
SINK_MS = 1.2                       # m/s: how fast a ball leaves the net
LEAST_WAY_M, LOWEST = 0.7, 0.94     # that somebody must go in the picture; so far down feet may stand to be seen whole


def leaps_into_hoop(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """A missed ball is in the hoop at once, and falls through."""
    hit = next((touch for touch in clip.record.contacts if touch.body_b in (BOARD, RIM)), None)
    if hit is None or clip.record.facts["made"]:
        return None
    centre = np.array(clip.scene.facts["rim_m"])
    poses = clip.motion.poses.copy()
    away = np.hypot(*(poses[:, 0, :2] - centre[:2]).T)
    later = np.flatnonzero((away > LEAP_M) & (np.arange(len(poses)) > hit.time_s / STEP_S))
    if not len(later) or poses[later[0], 0, 2] < centre[2] - 2 * RIM_RADIUS_M:
        return None
    step = -(-int(later[0]) // STEPS_PER_FRAME) * STEPS_PER_FRAME
    x, y, radius, _ = clip.scene.view.project(poses[step - STEPS_PER_FRAME: step, 0, :3],
                                              clip.scene.bodies[0].record.radius_m).T
    if (np.abs(x) + radius > 1).any() or (np.abs(y) + radius > 1).any():
        return None
    time_s = np.arange(len(poses) - step) * STEP_S
    poses[step:, 0, :3] = centre
    poses[step:, 0, 2] -= SINK_MS * time_s + 0.5 * clip.scene.setting.gravity * time_s**2
    poses[:, 0, 2] = np.maximum(poses[:, 0, 2], clip.scene.bodies[0].record.radius_m)
    return _filmed(clip, studio, poses)


def feet_slide(clip: WorldClip, studio: Studio) -> WorldClip | None:
    """Somebody walks or runs and glides ahead meanwhile, so that no planted foot stands still."""
    figure, way = clip.scene.figures[0], clip.record.facts.get("way", 0)
    x = figure.centre[:, 0]
    if not way or clip.record.move or clip.scene.view.path is not None:
        return None
    shown = np.abs(clip.scene.view.project(figure.centre[:, :3], 0.0)[:, 0]) < 0.9
    ground = clip.scene.view.project(figure.shades[shown][:, :, :3].reshape(-1, 3), 0.0)[:, 1]
    if not shown.any() or np.ptp(x[shown]) < LEAST_WAY_M or ground.max() > LOWEST:
        return None
    first = int(np.flatnonzero(shown)[0])
    glide = way * SLIDE_MS * (np.arange(len(x)) - first) / 24.0
    poses, shades, centre = figure.poses.copy(), figure.shades.copy(), figure.centre.copy()
    poses[:, :, 0] += glide[:, None]
    shades[:, :, 0] += glide[:, None]
    centre[:, 0] += glide
    gliding = replace(figure, poses=poses, shades=shades, centre=centre)
    scene = replace(clip.scene, figures=(gliding, *clip.scene.figures[1:]))
    return replace(clip, frames=studio.render(clip, clip.motion, scene), scene=scene)


def _filmed(clip: WorldClip, studio: Studio, poses: np.ndarray) -> WorldClip:
    motion = replace(clip.motion, poses=poses)
    return replace(clip, frames=studio.render(clip, motion), motion=motion)


FAMILY_BREAKS: dict[str, tuple[tuple[str, ...], str, Callable[[WorldClip, Studio], WorldClip | None]]] = {
    "leaps into the hoop": (("basketball",), "shot", leaps_into_hoop),
    "feet slide": (("walk", "run"), "feet", feet_slide),
}
"""Name -> the families that can have it, the measure that must find it, and how to make it."""
