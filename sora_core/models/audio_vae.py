"""Sound autoencoder: a linear encoder of log-mel patches, fitted in seconds, and a vocoder as decoder.

Legend: B batch, C latent channels, L latents, N samples, F = 8 L frames (one per hop), M mel bands, W width.

Encoding is one matrix (a KLT, that is PCA, of patches of 8 hops x 80 bands), so that latents are known before any
network is trained and never drift. Scales and means are folded into its weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import AudioVAEConfig
from ..errors import ConfigError
from ..shapes import audio_latent_frames
from .vocoder import OVERLAP, Parts, Vocoder, find_tracks, fixed_noise, log_mel, render

WINDOW_LATENTS = 120    # latents decoded at once: bounds the memory of a long clip


class AudioVAE(nn.Module):
    """Sound (B, 1, N) in [-1, 1] <-> latents (B, C, L) with about unit variance, L = ceil(N / 2000).

    `encoder` and `base` are set once by `training.audio_vae.fit` and stay frozen; only the vocoder is trained.
    """

    def __init__(self, config: AudioVAEConfig, *, operations: ModuleType = nn, dtype: torch.dtype | None = None,
                 device: torch.device | str | None = None) -> None:
        super().__init__()
        if config.samples_per_latent % (OVERLAP * config.hop_length):
            raise ConfigError(f"AudioVAEConfig.samples_per_latent={config.samples_per_latent} is not a multiple of "
                              f"{OVERLAP} hops of {config.hop_length}; use one")
        self.config = config
        self.hops = config.samples_per_latent // config.hop_length
        factory = {"dtype": dtype, "device": device}
        patch = self.hops * config.num_mels
        self.encoder = operations.Linear(patch, config.latent_channels, **factory)
        self.base = operations.Linear(config.latent_channels, patch, **factory)
        self.hints = operations.Linear(config.latent_channels, self.hops * config.width, **factory)
        self.vocoder = Vocoder(config, operations=operations, **factory)

    @property
    def adamw_parameters(self) -> tuple[str, ...]:
        """Prefixes of matrices that are not hidden ones: AdamW trains them."""
        return ("encoder.", "base.", "hints.", "vocoder.head.")

    @property
    def halo(self) -> int:
        """Latents on either side that a decoded latent depends on."""
        return -(-self.vocoder.reach // self.hops)

    def encode(self, waveform_B1N: Tensor) -> Tensor:
        """Latents of a sound of any length; silence fills the last latent.

        Args:
            waveform_B1N: (B, 1, N) float in [-1, 1], N >= 1, at the configured sample rate.
        Returns:
            (B, C, L) float, L = ceil(N / 2000).
        Raises:
            ConfigError: not such a sound.
        """
        if waveform_B1N.ndim != 3 or waveform_B1N.shape[1] != 1 or waveform_B1N.shape[2] < 1:
            raise ConfigError(f"a sound of shape {tuple(waveform_B1N.shape)} can't be encoded; use (B, 1, N), mono")
        length = audio_latent_frames(waveform_B1N.shape[2], self.config.samples_per_latent)
        padded = F.pad(waveform_B1N[:, 0].float(), (0, length * self.config.samples_per_latent - waveform_B1N.shape[2]))
        patches = log_mel(padded, self.config).unflatten(1, (length, self.hops)).flatten(2)      # (B, L, 8 M)
        return self.encoder(patches.to(self.encoder.weight.dtype)).transpose(1, 2).float()

    def decode(self, latents_BCL: Tensor) -> Tensor:
        """The whole sound at once, (B, 1, L * 2000) float in [-1, 1]; the same numbers as `decode_stream` yields."""
        return torch.cat(list(self.decode_stream(latents_BCL)), dim=2)

    def decode_stream(self, latents_BCL: Tensor) -> Iterator[Tensor]:
        """The sound in pieces of at most ten seconds, so that memory doesn't grow with its length.

        Args:
            latents_BCL: (B, C, L), L >= 1.
        Yields:
            (B, 1, n) float in [-1, 1].
        Raises:
            ConfigError: latents of another model.
        """
        if latents_BCL.ndim != 3 or latents_BCL.shape[1] != self.config.latent_channels or 0 in latents_BCL.shape:
            raise ConfigError(f"sound latents of shape {tuple(latents_BCL.shape)} don't fit this model; "
                              f"use (B, {self.config.latent_channels}, L)")
        samples, total = self.config.samples_per_latent, latents_BCL.shape[2]
        noise = fixed_noise((total + 1) * samples).to(latents_BCL.device)
        mel, hints = self.unpack(latents_BCL)
        tracks = find_tracks(mel, self.config)      # of the whole clip: the phases of its tones add up
        for start in range(0, total, WINDOW_LATENTS):
            end = min(start + WINDOW_LATENTS, total)
            first, last = max(0, start - self.halo), min(total, end + self.halo)
            frames = slice(first * self.hops, last * self.hops)
            parts = self.vocoder(mel[:, frames], hints[:, frames], tracks.frames(frames.start, frames.stop))
            [sound] = self.render(parts, noise[None, first * samples:])
            yield sound[:, None, (start - first) * samples:(end - first) * samples].clamp(-1, 1)

    def unpack(self, latents_BCL: Tensor) -> tuple[Tensor, Tensor]:
        """Mel bands (B, F, M) as far as latents tell them and hints for the vocoder (B, F, W)."""
        latents = latents_BCL.transpose(1, 2).to(self.base.weight.dtype)                        # (B, L, C)
        mel, hints = (layer(latents).unflatten(-1, (self.hops, -1)).flatten(1, 2) for layer in (self.base, self.hints))
        return mel, hints

    def render(self, parts: Parts, *noises_BN: Tensor) -> list[Tensor]:
        """A sound (B, F * hop), not clamped, for each white noise of at least (F + 3) * hop samples."""
        hop = self.config.hop_length
        return render(parts, [noise[:, :(parts.noise.shape[1] + OVERLAP - 1) * hop] for noise in noises_BN], hop)
