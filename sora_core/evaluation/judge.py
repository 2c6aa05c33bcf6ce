"""Judges one finished clip: trackers, events, facts and measures in, plain data out.

Legend: T frames, H W pixels, N samples.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import measures
from .adherence import Fact, Look, judge
from .events import Course, courses
from .facts import Claims, read_claims
from .features import scene_features, sound_features, thing_features
from .onsets import Onset, find_onsets
from .reader import Clip
from .stains import stains
from .statistics import Scene, load, look
from .tracker import Tracking, track


@dataclass(frozen=True)
class Seen:
    """What the instrument saw of a clip."""

    tracking: Tracking
    scene: Scene
    courses: list[Course]
    onsets: list[Onset]
    looks: list[Look]


def see(clip: Clip, tracking: Tracking | None = None) -> Seen:
    """Track, place, listen and recognise.

    Args:
        tracking: what was tracked in the very same frames, if that is known.
    """
    tracking = track(clip.frames) if tracking is None else tracking
    width, height = tracking.size
    scene = look(scene_features(tracking.layers.background), width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)                 # means of frames in which nothing is seen
        found = courses(tracking, scene.camera, clip.frame_rate)
    onsets = find_onsets(clip.sound, clip.sample_rate)
    looks = [_look(clip, tracking, number, found[number], onsets) for number in range(len(tracking.tracks))]
    return Seen(tracking, scene, found, onsets, looks)


def _look(clip: Clip, tracking: Tracking, number: int, course: Course, onsets: list[Onset]) -> Look:
    near = [impact.time_s for impact in course.impacts]
    heard = sound_features(clip.sound, clip.sample_rate, onsets, near)
    said = load()["thing"](np.concatenate([thing_features(clip.frames, tracking, number), heard]))
    kind = {"ball": 1.0, "box": 0.0} if tracking.tracks[number].disc is not None else said["kind"]
    return Look(said["colour"], kind, said["material"])


def judge_clip(clip: Clip, *, seen: Seen | None = None, prompts: tuple[str, ...] = ()) -> dict[str, Any]:
    """All verdicts on a clip as JSON-ready data.

    Args:
        seen: what `see` says of it, if that is known.
        prompts: more wordings that must be true of it, for the judge's own validation.
    """
    seen = see(clip) if seen is None else seen
    claims = read_claims(clip.prompt)
    facts = [fact for text in (clip.prompt, *prompts) for fact in judge(
        read_claims(text), seen.tracking, seen.courses, seen.looks, seen.scene, seen.onsets, clip.frame_rate)]
    verdicts = laws(clip, seen) | {"steadiness": measures.steadiness(clip.frames, seen.tracking),
                                   "stains": stains(clip.frames, seen.tracking)}
    return plain({
        "name": clip.name, "prompt": clip.prompt, "distribution": claims.distribution if claims.things else "unknown",
        "family": family(claims), "materials": [thing.material for thing in claims.things], "floor": claims.floor,
        "facts": [asdict(fact) for fact in facts] if _can_judge(claims, facts) else [],
        "measures": {name: asdict(verdict) for name, verdict in verdicts.items()},
        "series": _series(seen, clip.frame_rate),
        "frame_rate": clip.frame_rate,
    })


def laws(clip: Clip, seen: Seen) -> dict[str, measures.Verdict]:
    """The verdicts that a broken law shows in."""
    verdicts = {
        "gravity": measures.gravity(seen.courses),
        "collision": measures.collision(seen.courses, seen.tracking, clip.frame_rate),
        "permanence": measures.permanence(clip.frames, seen.tracking),
    }
    if clip.sample_rate:
        verdicts["sound"] = measures.sound_on_cause(seen.courses, seen.onsets, seen.tracking, clip.seconds)
    return verdicts


def family(claims: Claims) -> str:
    """The scene family that a prompt asks for, as far as its verbs tell."""
    actions = claims.actions
    if "fly in" in actions:
        return "throw"
    if "hit thing" in actions and len({thing.kind for thing in claims.things}) <= 1 and (
            "roll" in actions or not actions & {"slide", "fall"}):
        return "collide"
    for name, verb in (("roll", "roll"), ("slide", "slide"), ("fall", "drop"), ("bounce", "drop")):
        if name in actions:
            return verb
    return "other"


def _can_judge(claims: Claims, facts: list[Fact]) -> bool:
    return bool(facts) and bool(claims.things or claims.floor or claims.place)


def _series(seen: Seen, frame_rate: float) -> list[dict[str, Any]]:
    """Height against time of each thing, with its flights and impacts, for plots."""
    return [{"x": course.x, "z": course.z, "flights": [[f.first, f.last, f.acceleration] for f in course.flights],
             "impacts": [[i.time_s, i.on, i.kick] for i in course.impacts]} for course in seen.courses]


def plain(value: Any) -> Any:
    """JSON-ready: plain numbers, None for what is not a number, three decimals."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return round(float(value), 4) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
