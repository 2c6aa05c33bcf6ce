"""The pool: the same bytes from the same seed, whole shards or none, sound on the contact."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from safetensors import safe_open

from sora_core.errors import ConfigError, ResourceError
from sora_core.world import pool
from sora_core.world.pool import (
    NUM_SAMPLES,
    SAMPLE_RATE,
    SHARD_SIZES,
    clip_seed,
    make_record,
    shard_path,
    write_pool,
    write_shard,
)
from sora_core.world.sound import synthesise_clip

HOP_S = 250 / SAMPLE_RATE


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    try:
        return write_shard(tmp_path_factory.mktemp("pool"), 3, 1, 1)
    except ResourceError as error:
        pytest.skip(str(error))


def test_shapes_and_facts(shard):
    width, height = SHARD_SIZES[1]
    with safe_open(shard, "np") as file:
        assert file.get_slice("video").get_shape() == [1, 97, height, width, 3]
        audio, tracks = file.get_tensor("audio"), file.get_tensor("tracks")
        records = json.loads(file.metadata()["records"])
    assert audio.shape == (1, NUM_SAMPLES) and audio.dtype == np.int16 and np.abs(audio).max() > 100
    assert tracks.shape == (1, 97, 4, 4) and tracks.dtype == np.float32
    assert records[0]["seed"] == clip_seed(3, 1, 0) and len(records[0]["captions"]) == 6
    assert {"family", "objects", "place", "floor", "light", "camera", "contacts"} <= set(records[0])


def test_same_seed_same_bytes(shard, tmp_path):
    assert write_shard(tmp_path, 3, 1, 1).read_bytes() == shard.read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_a_resumed_pool_keeps_its_shards(tmp_path):
    shard_path(tmp_path, 5).write_bytes(b"kept")
    write_pool(tmp_path, clips=16, seed=3, first_shard=5)
    assert shard_path(tmp_path, 5).read_bytes() == b"kept"


def test_a_dead_worker_ends_the_run_with_one_sentence_and_what_is_done_stays(tmp_path, monkeypatch):
    """The only worker is killed in the middle of its second shard."""
    monkeypatch.setattr(pool, "SKETCHES_PER_SHARD", 2)
    killed = []

    def kill():
        for _ in range(2000):
            if shard_path(tmp_path, 0).exists():
                killed.extend(multiprocessing.active_children())
                for worker in killed:
                    worker.kill()
                return
            time.sleep(0.02)

    hunter = threading.Thread(target=kill)
    hunter.start()
    with pytest.raises(ResourceError, match="a worker died .* give the command again"):
        write_pool(tmp_path, clips=800, seed=3, sketches_only=True)
    hunter.join()
    assert killed and not multiprocessing.active_children()
    done = sorted(tmp_path.iterdir())
    assert shard_path(tmp_path, 0) in done and {path.suffix for path in done} == {".safetensors"}
    for path in done:
        with safe_open(path, "np") as file:
            assert len(json.loads(file.metadata()["records"])) == 2


def test_workers_are_replaced_and_every_shard_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "SKETCHES_PER_SHARD", 1)
    monkeypatch.setattr(pool, "SHARDS_PER_WORKER", 1)
    assert write_pool(tmp_path, clips=2, seed=3, sketches_only=True) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [shard_path(tmp_path, n).name for n in (0, 1)]


def test_sizes_by_share():
    shares = {size: SHARD_SIZES.count(size) / len(SHARD_SIZES) for size in set(SHARD_SIZES)}
    assert shares == {(128, 128): 0.6, (160, 96): 0.25, (96, 160): 0.15}


def test_sound_starts_with_its_contact():
    """In a quiet clip nothing is heard before the first contact, and something within one hop after it."""
    checked = 0
    for seed in range(5):
        _, _, record = make_record(seed, 128, 128, "drop")
        quiet = np.abs(synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE))
        onset = record.contacts[0].time_s
        before = quiet[: int((onset - 0.002) * SAMPLE_RATE)]
        after = quiet[int((onset - 0.002) * SAMPLE_RATE): int((onset + HOP_S) * SAMPLE_RATE)]
        assert after.max() > 8 * before.max() and after.max() > 1e-3
        checked += 1
    assert checked == 5


@pytest.mark.parametrize("name, values", [
    ("clips", {"clips": 0}), ("workers", {"workers": 0}), ("seed", {"seed": -1}), ("first-shard", {"first_shard": -1}),
])
def test_odd_numbers_are_refused_by_name(name, values, tmp_path):
    with pytest.raises(ConfigError, match=f"--{name} .* out of range"):
        write_pool(tmp_path / "new", **{"clips": 1, "seed": 0, **values})
    assert not (tmp_path / "new").exists()


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResourceError, match="cannot make the folder"):
        write_pool(tmp_path / "file" / "pool", clips=1, seed=0)
