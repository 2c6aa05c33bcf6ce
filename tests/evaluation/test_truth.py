"""What a pool doesn't store is simulated again as the family that it was drawn as."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from safetensors import safe_open

from sora_core.errors import ResourceError
from sora_core.evaluation.truth import pool_clips
from sora_core.world.pool import Mix, shard_path, write_shard


def test_clips_of_a_pool_get_their_own_truth(tmp_path):
    try:
        write_shard(tmp_path, 5, 0, clips=3, mix=Mix(("basketball", "topple", "roll"), 0.5))
    except ResourceError as error:
        pytest.skip(str(error))
    with safe_open(shard_path(tmp_path, 0), "np") as file:
        tracks, records = file.get_tensor("tracks"), json.loads(file.metadata()["records"])
    rows = [row for row, record in enumerate(records) if record["has_sketch"]]      # the others are not read
    clips = list(pool_clips(tmp_path, 16))
    assert [clip.record.family for clip in clips] == [records[row]["family"] for row in rows] and len(rows) > 1
    for clip, row in zip(clips, rows, strict=True):
        assert np.allclose(clip.record.tracks[:, : tracks.shape[2]], tracks[row], atol=1e-5)
        assert clip.frames.max() <= 1 and len(clip.sound) == 96000
