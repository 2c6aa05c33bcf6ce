"""Fitting and training of the video autoencoder on a pool of a few small clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sora_core.checkpoint import build, load_checkpoint
from sora_core.config import VideoVAEConfig
from sora_core.errors import ConfigError
from sora_core.models.video_vae import VideoVAE
from sora_core.training import video_vae as training

TINY = VideoVAEConfig(latent_channels=6, context_width=16, cell_width=16, cell_depth=1)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bright square that slides over a ramp: two shards of different sizes."""
    folder = tmp_path_factory.mktemp("pool")
    for index, (height, width) in enumerate([(32, 48), (48, 32)]):
        video = np.zeros((2, 33, height, width, 3), np.uint8)
        video += (np.arange(width, dtype=np.uint8) * 2)[None, None, None, :, None]
        for clip in range(2):
            for frame in range(33):
                left = (frame + 7 * clip) % (width - 12)
                video[clip, frame, 8 + 4 * clip:20 + 4 * clip, left:left + 12] = (250, 200 - 100 * clip, 40)
        tensors = {"video": torch.from_numpy(video), "audio": torch.zeros(2, 100, dtype=torch.int16)}
        save_file(tensors, folder / f"shard-{index:08d}.safetensors", metadata={"records": "[]"})
    return folder


def test_the_pool_gives_all_sizes_first(pool: Path) -> None:
    clips = list(training.ClipPool(pool).clips(2))
    assert [tuple(clip.shape[-2:]) for clip in clips] == [(32, 48), (48, 32)]
    assert all(clip.shape[:3] == (1, 3, 33) and clip.abs().max() <= 1 for clip in clips)
    assert [tuple(sound.shape) for sound in training.ClipPool(pool).sounds(3)] == [(1, 1, 100)] * 3


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no shard"):
        training.ClipPool(tmp_path)


def test_the_transform_is_the_principal_components() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 5) @ torch.diag(torch.tensor([9.0, 6, 4, 0.2, 0.1])) @ torch.randn(5, 40) + 3
    klt = training.fit_klt(x, 3)
    exact = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False)[2][:3]
    torch.testing.assert_close((exact @ klt.basis).abs(), torch.eye(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(klt.basis.T @ klt.basis, torch.eye(3), atol=1e-5, rtol=0)


def test_latents_have_unit_variance_and_decode_to_the_projection(pool: Path) -> None:
    vae, clips = VideoVAE(TINY), training.ClipPool(pool)
    training.fit(vae, clips)
    with torch.no_grad():
        z = torch.cat([vae.encode_each(video)[0].flatten(1) for video in clips.clips()], dim=1)
        assert float(z.var(dim=1).mean()) == pytest.approx(1, abs=0.02)
        assert z.mean(dim=1).abs().max() < 0.02
        video = next(clips.clips(1))
        again = vae.encode_each(vae.decode_chunk(vae.encode_each(video))[0])
        torch.testing.assert_close(again[:, :, 1:], vae.encode_each(video)[:, :, 1:], atol=1e-3, rtol=1e-3)


def test_motion_weighs_more() -> None:
    video = torch.zeros(1, 3, 9, 16, 16)
    video[:, :, 4, 8, 8] = 1
    weight = training.motion_weight(video, torch.zeros(1, 3, 1, 16, 16))
    assert weight.shape == (1, 1, 9, 16, 16) and weight[0, 0, 4, 8, 8] == 4 and weight[0, 0, 0].max() == 1


def test_training_resumes_and_leaves_the_latents_alone(pool: Path, tmp_path: Path) -> None:
    def run(output: Path, steps: int, minutes: float | None = None) -> bool:
        return training.train(pool, output, steps=steps, minutes=minutes, batch_size=2, config=TINY, sample_every=0,
                              say=lambda line: None)

    def weights(folder: Path) -> dict[str, torch.Tensor]:
        return load_checkpoint(folder / "video_vae.safetensors").tensors["video_vae"]

    assert run(tmp_path / "whole", 4)
    assert not run(tmp_path / "sliced", 4, minutes=1e-6)
    start = weights(tmp_path / "sliced")
    while not run(tmp_path / "sliced", 4, minutes=1e-6):
        pass
    whole, sliced = weights(tmp_path / "whole"), weights(tmp_path / "sliced")
    for name in whole:
        torch.testing.assert_close(whole[name], sliced[name], atol=1e-5, rtol=1e-4)
        assert torch.equal(start[name], whole[name]) or not name.startswith(("encoder", "base"))
    assert not torch.equal(start["cell_out.weight"], whole["cell_out.weight"])
    build(load_checkpoint(tmp_path / "whole" / "video_vae.safetensors"), "video_vae", VideoVAE)


def test_a_sheet_of_frames_is_written(pool: Path, tmp_path: Path) -> None:
    task = training.VideoVAETask(VideoVAE(TINY), training.ClipPool(pool), batch_size=1)
    task.sample(tmp_path, 7)
    assert (tmp_path / "sheet-000007.png").stat().st_size > 1000
