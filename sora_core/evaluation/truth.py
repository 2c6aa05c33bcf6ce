"""True clips of the world with what is true of them, to calibrate on: rendered here, or from a pool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from .calibrate import TrueClip

CALIBRATION_SEED = 77               # neither that of a training pool nor that of the validation


def rendered_clips(count: int, *, seed: int = CALIBRATION_SEED) -> Iterator[TrueClip]:
    """Clips rendered here, one after another."""
    from ..world.pool import SAMPLE_RATE
    from .breaks import true_clips

    for clip in true_clips(count, seed=seed):
        yield TrueClip(clip.frames.astype(np.float32) / 255, clip.sound, SAMPLE_RATE, clip.record, clip.scene.view)


def pool_clips(folder: Path, count: int) -> Iterator[TrueClip]:
    """Clips of a pool, every n-th of it; what shards don't store is simulated again from the seed."""
    from ..training.data import read_shard, shard_paths
    from ..world.pool import CLIPS_PER_SHARD, SAMPLE_RATE, make_record

    paths = shard_paths(folder)
    step = max(1, len(paths) * CLIPS_PER_SHARD // count)
    number = 0
    for path in paths:
        shard = read_shard(path)
        for video, audio, facts in zip(shard.video, shard.audio, shard.records, strict=True):
            if number % step == 0 and number // step < count:
                frames = video.numpy().astype(np.float32) / 255
                height, width = frames.shape[1:3]
                scene, _, record = make_record(facts["seed"], width, height, facts["family"],
                                               facts.get("variation", 0.0))
                if [item.colour for item in record.objects] == [item["colour"] for item in facts["objects"]]:
                    yield TrueClip(frames, audio.numpy().astype(np.float32) / 32768, SAMPLE_RATE,
                                   SimpleNamespace(**vars(record)), scene.view)
            number += 1
