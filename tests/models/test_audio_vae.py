"""The sound autoencoder: exact lengths, an exact inverse transform, windows that leave no seam."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.config import AudioVAEConfig
from sora_core.errors import ConfigError
from sora_core.models import audio_vae
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.vocoder import (
    analyse,
    find_tracks,
    fixed_noise,
    log_mel,
    mel_filters,
    noise_spectrum,
    sine_spectrum,
    synthesise,
)

CONFIG = AudioVAEConfig(width=16, depth=1)


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return AudioVAE(CONFIG).eval().requires_grad_(False)


def knocks(num_samples=24000):
    """Decaying sines and a little noise."""
    generator = torch.Generator().manual_seed(1)
    time = torch.arange(num_samples) / 24000
    sound = 0.003 * torch.randn(num_samples, generator=generator)
    for start, hertz in ((0.2, 640.0), (0.55, 1850.0)):
        local = (time - start).clamp(min=0)
        sound += 0.4 * torch.sin(2 * math.pi * hertz * local) * torch.exp(-20 * local) * (time >= start)
    return sound[None, None]


@settings(max_examples=20, deadline=None)
@given(num_samples=st.integers(1, 9000))
def test_lengths_are_exact(vae, num_samples):
    latents = vae.encode(torch.zeros(1, 1, num_samples))
    length = math.ceil(num_samples / 2000)
    assert latents.shape == (1, 32, length) and latents.dtype == torch.float32
    assert vae.decode(latents).shape == (1, 1, 2000 * length)


def test_range_and_finiteness(vae):
    for scale in (0.0, 1.0, 50.0):
        sound = vae.decode(scale * torch.randn(2, 32, 4))
        assert torch.isfinite(sound).all() and sound.abs().max() <= 1 and sound.dtype == torch.float32


def test_same_latents_same_samples(vae):
    latents = torch.randn(1, 32, 5)
    assert torch.equal(vae.decode(latents), vae.decode(latents))


@pytest.mark.parametrize("window_latents", [1, 3, 7])
def test_windows_leave_no_seam(vae, monkeypatch, window_latents):
    latents = torch.randn(1, 32, 12, generator=torch.Generator().manual_seed(2))
    whole = vae.decode(latents)
    monkeypatch.setattr(audio_vae, "WINDOW_LATENTS", window_latents)
    pieces = list(vae.decode_stream(latents))
    assert len(pieces) == math.ceil(12 / window_latents)
    assert torch.allclose(torch.cat(pieces, dim=2), whole, atol=1e-4)


def test_a_longer_clip_starts_the_same(vae):
    latents = torch.randn(1, 32, 12, generator=torch.Generator().manual_seed(3))
    short = vae.decode(latents[:, :, :6])
    keep = (6 - vae.halo) * 2000
    assert torch.allclose(vae.decode(latents)[..., :keep], short[..., :keep], atol=5e-4)   # untrained, so at full scale


def test_batch_items_do_not_meet(vae):
    latents = torch.randn(3, 32, 4)
    assert torch.allclose(vae.decode(latents)[1:2], vae.decode(latents[1:2]), atol=1e-5)


def test_the_inverse_transform_is_exact():
    sound = knocks()[0]
    assert torch.allclose(synthesise(analyse(sound, 250), 250), sound, atol=1e-5)


def test_a_sine_has_its_amplitude_and_its_band():
    time = torch.arange(24000) / 24000
    sound = 0.5 * torch.sin(2 * math.pi * 2400 * time)[None]
    spectrum = analyse(sound, 250).abs()[0, 40]
    assert spectrum.argmax() == 100 and abs(float(spectrum.max()) - 0.5) < 0.01
    band = int(log_mel(sound, CONFIG)[0, 40].argmax())
    assert int(mel_filters(80, 1000, 24000)[band].argmax()) in range(95, 106)


@pytest.mark.parametrize("hertz", [651.0, 1860.0, 5022.5, 9503.0])
def test_tracks_find_a_ringing_tone(hertz):
    time = torch.arange(24000) / 24000
    sound = (0.2 * torch.sin(2 * math.pi * hertz * time) * torch.exp(-2 * time))[None]
    tracks = find_tracks(log_mel(sound, CONFIG), CONFIG)
    loudest = int(tracks.amplitude[0, 48].argmax())
    assert abs(float(tracks.place[0, 48, loudest]) * 24 - hertz) < 6
    assert abs(float(tracks.amplitude[0, 48, loudest]) - 0.2 * math.exp(-1)) < 0.01


def test_sines_are_made_as_they_are_analysed():
    """A steady tone that is not on a bin comes back as a steady tone of its own frequency."""
    steady = 0.3 * torch.sin(2 * math.pi * 1234 * torch.arange(24000) / 24000)[None]
    tracks = find_tracks(log_mel(steady, CONFIG), CONFIG)
    spectrum = sine_spectrum(tracks, tracks.amplitude * (tracks.amplitude > 0.1), 501)
    sound = synthesise(spectrum * (1 - 2 * (torch.arange(501) % 2)), 250)[0, 4000:20000]
    power = torch.fft.rfft(sound * torch.hann_window(16000)).abs().square()
    peak = int(power.argmax())
    assert abs(peak * 1.5 - 1234) < 6
    assert float(power[peak - 4:peak + 5].sum() / power.sum()) > 0.95
    assert abs(float(sound.abs().max()) - 0.3) < 0.03


def test_every_mel_band_hears_something():
    filters = mel_filters(80, 1000, 24000)
    assert filters.shape == (80, 501) and (filters.sum(dim=1) > 0.5).all() and filters.max() <= 1


def test_the_fixed_noise_is_white_of_unit_mean_and_starts_the_same():
    noise = fixed_noise(48000)
    assert torch.equal(fixed_noise(7000), noise[:7000])
    modulus = noise_spectrum(noise[None], 250).abs()[0, :, 2:-2]
    assert abs(float(modulus.mean()) - 1) < 0.05
    assert abs(float(modulus[:, :250].mean()) - float(modulus[:, 250:].mean())) < 0.05


def test_latents_and_hop_stay_in_step(vae):
    """Silence that is added in front moves the latents by whole places."""
    sound = knocks(20000)
    shifted = torch.cat([torch.zeros(1, 1, 4000), sound], dim=2)
    assert torch.allclose(vae.encode(shifted)[:, :, 3:], vae.encode(sound)[:, :, 1:], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 2, 100), (1, 100), (1, 1, 0)])
def test_odd_sounds_are_refused(vae, shape):
    with pytest.raises(ConfigError, match="use \\(B, 1, N\\)"):
        vae.encode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 31, 4), (32, 4), (1, 32, 0)])
def test_foreign_latents_are_refused(vae, shape):
    with pytest.raises(ConfigError, match="use \\(B, 32, L\\)"):
        vae.decode(torch.zeros(shape))


def test_a_hop_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="multiple"):
        AudioVAE(AudioVAEConfig(samples_per_latent=1500, width=16, depth=1))


def test_all_layers_come_from_operations():
    """ComfyUI's drop-in for torch.nn must reach every weight."""

    class Counting:
        def __init__(self):
            self.made = []

        def __getattr__(self, name):
            def make(*args, **kwargs):
                self.made.append(getattr(torch.nn, name)(*args, **kwargs))
                return self.made[-1]
            return make

    operations = Counting()
    model = AudioVAE(CONFIG, operations=operations, device="meta")
    made = sum(parameter.numel() for layer in operations.made for parameter in layer.parameters())
    assert made == sum(parameter.numel() for parameter in model.parameters())
    assert not list(model.buffers())
