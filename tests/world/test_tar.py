"""Tar shards: what any reader of WebDataset finds in them."""

from __future__ import annotations

import io
import json
import tarfile
import wave

import pytest

pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")

from sora_core.errors import ResourceError
from sora_core.media import read_clip
from sora_core.training.folder import Faults, find_sources, read_source
from sora_core.world import pool
from sora_core.world.pool import Mix, write_pool
from sora_core.world.tar import write_tar_shard


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    try:
        return write_tar_shard(tmp_path_factory.mktemp("tar"), 5, 1, 2, Mix(("drop", "basketball"), 1.0))
    except ResourceError as error:
        pytest.skip(str(error))


def test_files_of_a_clip_lie_together_and_tell_the_same(shard, tmp_path):
    with tarfile.open(shard) as archive:
        names = archive.getnames()
        content = {name: archive.extractfile(name).read() for name in names}
    assert names == [f"00000001{clip:04d}.{suffix}" for clip in range(2) for suffix in ("mp4", "wav", "txt", "json")]
    facts = json.loads(content[names[3]])
    assert content[names[2]].decode() == facts["captions"][0] and len(facts["tracks"]) == 97
    with wave.open(io.BytesIO(content[names[1]])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getnframes()) == (24000, 1, 96000)
    film = tmp_path / "clip.mp4"
    film.write_bytes(content[names[0]])
    clip = read_clip(film)
    assert clip.video.shape == (1, 3, 97, 96, 160) and clip.waveform is not None


def test_the_trainers_loader_of_ones_own_clips_reads_it(shard):
    faults = Faults()
    clips = [clip for source in find_sources(shard.parent, faults) for clip in read_source(source, faults)]
    assert len(clips) == 2 and not faults.lines()
    with tarfile.open(shard) as archive:
        facts = [json.loads(archive.extractfile(name).read()) for name in archive.getnames() if name.endswith(".json")]
    for clip, known in zip(clips, facts, strict=True):
        assert clip.captions == known["captions"]
        assert clip.video.shape == (1, 3, 97, 96, 160) and clip.sound.shape == (1, 1, 96000)


def test_a_resumed_pool_keeps_its_tar_shards(tmp_path):
    pool.shard_path(tmp_path, 0).with_suffix(".tar").write_bytes(b"kept")
    write_pool(tmp_path, clips=16, seed=3, webdataset=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"kept"]
