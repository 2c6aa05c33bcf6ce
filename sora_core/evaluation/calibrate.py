"""Fits the learnt judgements on true clips: what the trackers see of a clip against what is true of it.

The clips that it fits on must not be those that it is validated on; a fifth of them is held out for the error that is
stored with the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import statistics
from .features import scene_features, sound_features, thing_features
from .onsets import find_onsets
from .tracker import track

HIDDEN = 48
STEPS = 1500
HELD_OUT = 5                        # every fifth clip
NOISE = 0.25                        # standard deviations
NEAR_SHARE = 0.5                    # of its radius: so near to the truth a track must be to stand for a body


@dataclass
class Examples:
    """Rows of features with what is true of them."""

    features: list[np.ndarray] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)
    clips: list[int] = field(default_factory=list)

    def add(self, features: np.ndarray, truth: dict[str, Any], clip: int) -> None:
        """Append one row."""
        self.features.append(features)
        self.truths.append(truth)
        self.clips.append(clip)


@dataclass(frozen=True)
class TrueClip:
    """A clip of the world: frames (T, H, W, 3) in [0, 1], sound (N,), its record, and the view it was filmed by."""

    frames: np.ndarray
    sound: np.ndarray
    sample_rate: int
    record: Any
    view: Any


def gather(clips: Iterable[TrueClip], *, on_progress: Callable[[int], None] | None = None) -> tuple[Examples, Examples]:
    """Features of backgrounds and of things with the truth about them."""
    scenes, things = Examples(), Examples()
    for number, clip in enumerate(clips):
        tracking = track(clip.frames)
        onsets = find_onsets(clip.sound, clip.sample_rate)
        record, backward = clip.record, clip.view.rotation[:, 2]
        scenes.add(scene_features(tracking.layers.background), {
            "place": record.place, "floor": record.floor, "light": record.light, "camera": record.camera,
            "pitch": math.degrees(math.asin(backward[2])),
            "yaw": math.degrees(math.atan2(-backward[0], -backward[1]))}, number)
        for index, body in enumerate(record.objects):
            found = _nearest(clip, tracking.tracks, index)
            if found is not None:
                near = [touch.time_s for touch in record.contacts if index in (touch.body_a, touch.body_b)]
                heard = sound_features(clip.sound, clip.sample_rate, onsets, near)
                things.add(np.concatenate([thing_features(clip.frames, tracking, found), heard]),
                           {"colour": body.colour, "kind": body.kind, "material": body.material}, number)
        if on_progress is not None:
            on_progress(number + 1)
    return scenes, things


def _nearest(clip: TrueClip, tracks: tuple, index: int) -> int | None:
    """The track that follows a body, if one does."""
    height, width = clip.frames.shape[1:3]
    truth = clip.record.tracks[:, index]
    x, y, radius = (truth[:, 0] + 1) * width / 2, (truth[:, 1] + 1) * height / 2, truth[:, 2] * height / 2
    best = None
    for number, item in enumerate(tracks):
        both = item.seen & (np.abs(truth[:, 0]) < 1) & (np.abs(truth[:, 1]) < 1)
        if both.sum() >= 6:
            away = float(np.median(np.hypot(item.x - x, item.y - y)[both] / radius[both]))
            best = min(best, (away, number)) if best else (away, number)
    return best[1] if best and best[0] < NEAR_SHARE else None


def fit(examples: Examples, *, seed: int = 0) -> tuple[statistics.Network, dict[str, float]]:
    """Fit one network; returns it with its share right (classes) and mean absolute error (numbers) held out."""
    features = torch.from_numpy(np.stack(examples.features))
    held = torch.tensor([clip % HELD_OUT == 0 for clip in examples.clips])
    centre, scale = features[~held].mean(0), features[~held].std(0).clamp(min=0.02)
    rows = ((features - centre) / scale).clamp(-statistics.LIMIT, statistics.LIMIT)
    heads, targets, numbers = _targets(examples.truths)
    generator = torch.Generator().manual_seed(seed)
    width = sum(1 if classes is None else len(classes) for classes in heads.values())
    weights = [torch.randn(features.shape[1], HIDDEN, generator=generator) / features.shape[1] ** 0.5,
               torch.zeros(HIDDEN), torch.randn(HIDDEN, width, generator=generator) / HIDDEN ** 0.5, torch.zeros(width)]
    weights = [weight.requires_grad_() for weight in weights]
    optimiser = torch.optim.AdamW(weights, lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=STEPS)
    known = torch.nonzero(~held)[:, 0]
    for _ in range(STEPS):
        pick = known[torch.randint(len(known), (min(256, len(known)),), generator=generator)]
        noisy = rows[pick] + NOISE * torch.randn(rows[pick].shape, generator=generator)
        loss = _loss(_forward(weights, noisy), heads, {name: target[pick] for name, target in targets.items()})
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        scores = _scores(_forward(weights, rows[held]), heads, {k: v[held] for k, v in targets.items()}, numbers)
    arrays = [tensor.detach().numpy() for tensor in (centre, scale, *weights)]
    return statistics.Network(*arrays, heads, numbers), scores


def _targets(truths: list[dict[str, Any]]) -> tuple[dict[str, list[str] | None], dict[str, Tensor],
                                                    dict[str, list[float]]]:
    heads: dict[str, list[str] | None] = {}
    targets: dict[str, Tensor] = {}
    numbers: dict[str, list[float]] = {}
    for name in truths[0]:
        values = [truth[name] for truth in truths]
        if isinstance(values[0], str):
            classes = sorted(set(values))
            heads[name], targets[name] = classes, torch.tensor([classes.index(value) for value in values])
        else:
            array = torch.tensor(values, dtype=torch.float32)
            numbers[name] = [float(array.mean()), float(array.std())]
            heads[name], targets[name] = None, (array - array.mean()) / array.std()
    return heads, targets, numbers


def _forward(weights: list[Tensor], rows: Tensor) -> Tensor:
    hidden, hidden_bias, out, out_bias = weights
    return torch.tanh(rows @ hidden + hidden_bias) @ out + out_bias


def _split(values: Tensor, heads: dict[str, list[str] | None]) -> dict[str, Tensor]:
    widths = [1 if classes is None else len(classes) for classes in heads.values()]
    return dict(zip(heads, values.split(widths, dim=1), strict=True))


def _loss(values: Tensor, heads: dict[str, list[str] | None], targets: dict[str, Tensor]) -> Tensor:
    parts = []
    for name, part in _split(values, heads).items():
        if heads[name] is None:
            parts.append(torch.nn.functional.smooth_l1_loss(part[:, 0], targets[name], beta=0.1))
        else:
            parts.append(torch.nn.functional.cross_entropy(part, targets[name], label_smoothing=0.02))
    return torch.stack(parts).sum()


def _scores(values: Tensor, heads: dict[str, list[str] | None], targets: dict[str, Tensor],
            numbers: dict[str, list[float]]) -> dict[str, float]:
    scores = {}
    for name, part in _split(values, heads).items():
        if heads[name] is None:
            scores[name] = float((part[:, 0] - targets[name]).abs().mean()) * numbers[name][1]
        else:
            scores[name] = float((part.argmax(1) == targets[name]).float().mean())
    return scores


def calibrate(clips: Iterable[TrueClip], path: Path = statistics.PATH,
              on_progress: Callable[[int], None] | None = None) -> dict[str, dict[str, float]]:
    """Fit both functions on true clips and write them; returns the errors on the clips held out."""
    scenes, things = gather(clips, on_progress=on_progress)
    scene, scene_scores = fit(scenes)
    thing, thing_scores = fit(things)
    scores = {"scene": scene_scores, "thing": thing_scores}
    record = {"clips": len(scenes.features), "things": len(things.features), "held out": scores}
    statistics.save(path, {"scene": scene, "thing": thing}, record)
    return scores
