"""From shards to batches: latents once, mirrored twins, sketches beside them."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sora_core.checkpoint import Checkpoint
from sora_core.config import AudioVAEConfig, TextEncoderConfig, TransformerConfig, VideoVAEConfig
from sora_core.errors import ConfigError, ResourceError
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.tokenizer import train_tokenizer
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE
from sora_core.training.data import LatentPool, SketchPool, cache_latents
from sora_core.training.painted import PaintedClips

SHAPES = [(32, 48), (48, 32)]


def sketches(clips: int, frames: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"states": 0.1 * torch.randn(clips, 3, frames, 8, generator=generator),
            "hits": torch.rand(clips, 3, frames, generator=generator),
            "traits": torch.ones(clips, 3, 5), "stage": torch.tensor([[0.1, 0.2, 0.3, 1.0]]).repeat(clips, 1)}


@pytest.fixture
def pool(tmp_path):
    """Two shards of two clips: a falling one, looking left, and a rolling one."""
    generator = torch.Generator().manual_seed(0)
    for number, (height, width) in enumerate(SHAPES):
        records = [{"family": family, "objects": [{}], "captions": [f"{family} to the left", f"it {family}s"]}
                   for family in ("drop", "roll")]
        video = torch.randint(0, 256, (2, 9, height, width, 3), generator=generator, dtype=torch.uint8)
        audio = torch.randint(-3000, 3000, (2, 9000), generator=generator, dtype=torch.int16)
        save_file({"video": video, "audio": audio, **sketches(2, 9, generator)},
                  tmp_path / f"shard-{number:08d}.safetensors",
                  metadata={"records": json.dumps(records), "width": str(width), "height": str(height)})
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
    (video, audio, guide), sketch, captions = pool.groups[0]
    assert video.shape[:3] == (4, 6, 2) and audio.shape == (4, 4, 5) and guide.shape == (4, 12, *video.shape[2:])
    assert torch.equal(audio[0], audio[2]) and not torch.equal(video[0], video[2])
    assert captions[0][0] == "drop to the left" and captions[2][0] == "drop to the right"
    assert torch.equal(sketch.states[2, ..., 0], -sketch.states[0, ..., 0])
    assert torch.equal(sketch.states[2, ..., 1], sketch.states[0, ..., 1])


def test_batches_have_one_shape_and_depend_on_the_seed_alone(cache):
    pool = LatentPool(cache)
    shapes = {pool.draw(np.random.default_rng(seed), 3).video.shape[3:] for seed in range(20)}
    assert shapes == {(2, 3), (3, 2)}
    one, two = (pool.draw(np.random.default_rng(7), 3) for _ in range(2))
    assert torch.equal(one.video, two.video) and torch.equal(one.sketch.states, two.sketch.states)
    assert one.texts == two.texts


def test_sketches_come_with_their_shapes_and_half_of_them_mirrored(pool):
    sketches = SketchPool(pool)
    sketch, aspects, texts = sketches.draw(np.random.default_rng(0), 40)
    assert len(sketches) == 4 and sorted(set(aspects.tolist())) == pytest.approx([2 / 3, 1.5])
    sides = sketch.stage[:, 3]
    assert (sides[:20] == -1).all() and (sides[20:] == 1).all()
    assert not any("left" in text for text in texts[:20]) and any("left" in text for text in texts[20:])


def test_an_empty_pool_says_how_to_fill_it(tmp_path):
    with pytest.raises(ResourceError, match="sora_core world"):
        LatentPool(tmp_path)


def test_painted_clips_show_what_the_clip_shows(pool, cache):
    """With a transformer that says nothing, painting is the best linear guess: near the truth, not the truth."""
    text = ["drop to the left", "it rolls"]
    tokenizer = train_tokenizer(text * 3, 300)
    transformer = SoraTransformer(TransformerConfig(video_channels=6, audio_channels=4, text_width=32, width=32,
                                                    depth=1, num_heads=1, patch_size=1))
    transformer.initialise()
    encoder = TextEncoder(TextEncoderConfig(vocabulary_size=tokenizer.vocabulary_size, width=32, depth=1, num_heads=1))
    networks = {"transformer": transformer, "text_encoder": encoder}
    checkpoint = Checkpoint({name: network.config for name, network in networks.items()},
                            {name: network.state_dict() for name, network in networks.items()},
                            tokenizer.to_json(), {}, hash="0" * 64)
    files = sorted(pool.glob("shard-*.safetensors"))
    painted = PaintedClips(files, cache, checkpoint)
    seen = set()
    for seed in range(8):
        video, latents, _ = painted.draw(np.random.default_rng(seed))
        assert video.shape[:3] == (1, 3, 9) and video.abs().max() <= 1 and latents.shape[:3] == (1, 6, 2)
        assert (video.shape[3] // 16, video.shape[4] // 16) == latents.shape[3:]
        true = [latent for group in LatentPool(cache).groups for latent in group[0][0].float()
                if latent.shape == latents.shape[1:]]
        errors = torch.stack([(latent - latents[0]).square().mean() for latent in true])
        assert 0 < errors.min() < 0.8 * errors.median()
        seen.add((int(errors.argmin()), video.shape))
    assert len(seen) > 3
    with pytest.raises(ConfigError, match="no latents"):
        PaintedClips([pool / "shard-00000099.safetensors"], cache, checkpoint)
