"""The quick look at latents is the autoencoder's decoder before any network has corrected it."""

from __future__ import annotations

import pytest
import torch

from sora_core.config import VideoVAEConfig
from sora_core.models.preview import LatentPreview
from sora_core.models.video_vae import VideoVAE, to_changes

CONFIG = VideoVAEConfig(latent_channels=8, context_width=8, cell_width=8, cell_depth=1)


@pytest.fixture
def vae() -> VideoVAE:
    torch.manual_seed(0)
    vae = VideoVAE(CONFIG)
    vae.reset_parameters()
    return vae.eval()


@torch.no_grad()
def test_frames_are_those_of_the_uncorrected_decoder(vae: VideoVAE) -> None:
    latents = torch.randn(1, 8, 4, 2, 3) * 0.1
    frames = LatentPreview(vae.base.weight, vae.base.bias, CONFIG).frames(latents[0])
    assert frames.shape == (4, 3, 32, 48)
    expected = vae.decode(to_changes(latents))[0, :, 8::8].transpose(0, 1)
    torch.testing.assert_close(frames[1:], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("frames", "shape"), [(1, (32, 48)), (3, (32, 48)), (4, (64, 96)), (13, (64, 96))])
def test_a_sheet_shows_four_moments(vae: VideoVAE, frames: int, shape: tuple[int, int]) -> None:
    preview = LatentPreview(vae.base.weight, vae.base.bias, CONFIG)
    latents = torch.randn(2, 8, frames, 2, 3)
    sheet = preview(latents)
    assert sheet.shape == (1, 3, *shape) and float(sheet.abs().max()) <= 1
    torch.testing.assert_close(sheet[0, :, :32, :48], preview.frames(latents[0])[0])
