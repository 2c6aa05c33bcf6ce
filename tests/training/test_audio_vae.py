"""Fitting and training of the sound autoencoder, on sounds made here."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from sora_core.checkpoint import load_checkpoint
from sora_core.config import AudioVAEConfig
from sora_core.errors import ConfigError
from sora_core.models import vocoder
from sora_core.models.audio_vae import AudioVAE
from sora_core.training import audio_vae as training

CONFIG = AudioVAEConfig(width=16, depth=1)


def knock_clips(num_clips=6, num_samples=48000):
    """(n, N) int16: knocks of random pitch and time over a little noise."""
    generator = torch.Generator().manual_seed(4)
    time = torch.arange(num_samples) / 24000
    clips = []
    for _ in range(num_clips):
        sound = 0.001 * torch.randn(num_samples, generator=generator)
        for start, pitch in torch.rand(3, 2, generator=generator).tolist():
            local = (time - 1.8 * start).clamp(min=0)
            sound += 0.5 * torch.sin(6.28 * (200 + 3000 * pitch) * local) * torch.exp(-25 * local)
        clips.append(sound)
    return (torch.stack(clips).clamp(-1, 1) * 32767).round().to(torch.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    save_file({"audio": knock_clips()}, folder / "shard-00000000.safetensors")
    return folder


@pytest.fixture()
def fitted(folder):
    torch.manual_seed(0)
    vae = AudioVAE(CONFIG)
    training.fit(vae, training.SoundPool(folder))
    return vae


def test_the_fit_gives_independent_latents_of_unit_variance(fitted, folder):
    latents = torch.cat([fitted.encode(sound)[0] for sound in training.SoundPool(folder).clips()], dim=1).detach()
    covariance = torch.cov(latents)
    off = covariance - torch.diag(covariance.diag())
    assert abs(float(covariance.diag().mean()) - 1) < 0.05
    assert off.abs().max() < 0.05 * covariance.diag().max()
    assert latents.mean(dim=1).abs().max() < 0.05
    assert (covariance.diag().diff() <= 1e-3).all()


def test_the_linear_part_alone_is_near(fitted, folder):
    sound = next(training.SoundPool(folder).clips())
    mel = training.log_mel(sound[0], CONFIG)
    linear = fitted.base(fitted.encode(sound).transpose(1, 2)).reshape(mel.shape).detach()
    assert (linear - mel).abs().mean() < 0.35 < (mel - mel.mean()).abs().mean()


def test_training_resumes_and_leaves_the_linear_part_alone(folder, tmp_path):
    def run(steps):
        options = {"steps": steps, "batch_size": 2, "config": CONFIG, "sample_every": 0, "say": lambda line: None}
        return training.train(folder, tmp_path, **options)

    assert run(2)
    first = load_checkpoint(tmp_path / "audio_vae.safetensors")
    assert run(4)
    second = load_checkpoint(tmp_path / "audio_vae.safetensors")
    assert second.training["step"] == 4
    for name, before in first.tensors["audio_vae"].items():
        is_frozen = name.startswith(("encoder.", "base."))
        assert torch.equal(before, second.tensors["audio_vae"][name]) == is_frozen, name


def test_gradients_reach_every_trained_weight(fitted, folder):
    task = training.AudioVAETask(fitted, training.SoundPool(folder), batch_size=2)
    batch = task.batch(training.np.random.default_rng(0), 0)
    loss, numbers = task.loss(batch, torch.Generator().manual_seed(0))
    loss.backward()
    assert torch.isfinite(loss) and numbers["near"] > 0 and numbers["apart"] > 0
    for name, parameter in fitted.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_the_sheet_is_written(fitted, folder, tmp_path):
    training.AudioVAETask(fitted, training.SoundPool(folder), batch_size=2).sample(tmp_path, 7)
    assert (tmp_path / "sound-000007.png").stat().st_size > 1000


def test_an_empty_pool_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no shard"):
        training.SoundPool(tmp_path)


def test_training_works_after_generating_in_the_same_process():
    """Tables that are made in inference mode and kept would refuse to be trained through."""
    vocoder.mel_filters.cache_clear()
    vocoder.mel_to_bins.cache_clear()
    torch.manual_seed(0)
    vae = AudioVAE(AudioVAEConfig(width=16, depth=1))
    with torch.inference_mode():
        vae.decode(torch.randn(1, 32, 3))
    vae.decode(torch.randn(1, 32, 3)).square().mean().backward()
    assert vae.vocoder.head.weight.grad is not None
