"""From shards to batches: latents once, mirrored twins, kinds that can be asked for."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sora_core.config import AudioVAEConfig, VideoVAEConfig
from sora_core.errors import ResourceError
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.video_vae import VideoVAE
from sora_core.training.data import LatentPool, cache_latents

SHAPES = [(32, 48), (48, 32)]


@pytest.fixture
def pool(tmp_path):
    """Two shards of two clips: a falling one, looking left, and a rolling one."""
    generator = torch.Generator().manual_seed(0)
    for number, (height, width) in enumerate(SHAPES):
        records = [{"family": family, "objects": [{}], "captions": [f"{family} to the left", f"it {family}s"]}
                   for family in ("drop", "roll")]
        video = torch.randint(0, 256, (2, 9, height, width, 3), generator=generator, dtype=torch.uint8)
        audio = torch.randint(-3000, 3000, (2, 9000), generator=generator, dtype=torch.int16)
        save_file({"video": video, "audio": audio}, tmp_path / f"shard-{number:08d}.safetensors",
                  metadata={"records": json.dumps(records)})
    return tmp_path


@pytest.fixture
def cache(pool, tmp_path_factory):
    torch.manual_seed(0)
    video = VideoVAE(VideoVAEConfig(latent_channels=6, context_width=8, cell_width=8, cell_depth=1)).eval()
    audio = AudioVAE(AudioVAEConfig(latent_channels=4, width=16, depth=1)).eval()
    folder = tmp_path_factory.mktemp("cache")
    assert cache_latents(pool, folder, video, audio) == 2
    assert cache_latents(pool, folder, video, audio) == 0, "what is there is not made again"
    return folder


def test_each_clip_has_a_mirrored_twin_with_its_own_words(cache):
    pool = LatentPool(cache)
    assert len(pool) == 8 and sorted(pool.all_captions()).count("drop to the right") == 2
    video, audio, captions = pool.groups[0][:3]
    assert video.shape[:3] == (4, 6, 2) and audio.shape == (4, 4, 5)
    assert torch.equal(audio[0], audio[2]) and not torch.equal(video[0], video[2])
    assert captions[0][0] == "drop to the left" and captions[2][0] == "drop to the right"


def test_batches_have_one_shape_and_depend_on_the_seed_alone(cache):
    pool = LatentPool(cache)
    shapes = {pool.draw(np.random.default_rng(seed), 3)[0].shape[3:] for seed in range(20)}
    assert shapes == {(2, 3), (3, 2)}
    one, two = (pool.draw(np.random.default_rng(7), 3) for _ in range(2))
    assert torch.equal(one[0], two[0]) and one[2] == two[2]


def test_a_kind_can_be_asked_for(cache):
    pool = LatentPool(cache, "drop 1", focus_share=1.0)
    for seed in range(10):
        assert all("drop" in text for text in pool.draw(np.random.default_rng(seed), 4)[2])
    with pytest.raises(ResourceError, match="the pool has drop 1, roll 1"):
        LatentPool(cache, "sing 1")


def test_an_empty_pool_says_how_to_fill_it(tmp_path):
    with pytest.raises(ResourceError, match="sora_core world"):
        LatentPool(tmp_path)
