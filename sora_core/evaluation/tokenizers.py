"""How much the two autoencoders lose on clips they never saw.

Each clip gives one number per measure; what is printed is their mean and a bootstrap interval over clips.
Legend: B batch, C channels, T H W frames and pixels, N samples, F frequency bins, M mel bands, L spectrogram frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

RESAMPLES = 10_000
SSIM_WINDOW = 11
MEL_FFT, MEL_HOP, MEL_BANDS = 1024, 256, 80
MEL_FLOOR = 1e-4             # amplitude, 1 is a full-scale sine: what is below -80 dB counts as silence
MOVING_CHANGE = 0.1          # of a range of 2: a pixel that differs so much from its median over time moves
SSIM_STEP = 4                # every fourth frame is enough
NOISE = 0.2                  # of latents of unit variance, as a generator's small errors


class Autoencoder(Protocol):
    """What is measured."""

    def encode(self, x: Tensor) -> Tensor: ...

    def decode(self, latents: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Estimate:
    """Mean over clips and its 95 % interval."""

    mean: float
    low: float
    high: float
    clips: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(values: Iterable[float], *, seed: int = 0) -> Estimate:
    """Mean and percentile interval.

    Source: Efron, Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    array = np.asarray([value for value in values if np.isfinite(value)], dtype=np.float64)
    if array.size == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(array.size, size=(RESAMPLES, array.size))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Estimate(float(array.mean()), float(low), float(high), int(array.size))


def psnr(x: Tensor, y: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB of signals in [-1, 1]; with a mask, of the True elements alone (nan if none)."""
    error = (x - y).square()
    if mask is not None:
        error = error[mask.expand_as(error)]
    return float(10 * torch.log10(4 / error.mean().clamp(min=1e-10)))


def ssim(x_BCTHW: Tensor, y_BCTHW: Tensor) -> float:
    """Mean structural similarity of all frames and channels of videos in [-1, 1], reckoned in [0, 1].

    Source: Wang et al. 2004, Image Quality Assessment, equation 13, 11x11 Gaussian window, sides without padding.
    """
    import kornia  # takes a second to import

    x, y = ((v.transpose(1, 2).flatten(0, 1) + 1) / 2 for v in (x_BCTHW, y_BCTHW))     # (B*T, C, H, W) in [0, 1]
    return float(kornia.metrics.ssim(x, y, SSIM_WINDOW, padding="valid").mean())


def moving(video_BCTHW: Tensor) -> Tensor:
    """Where something moves, (B, 1, T, H, W) bool: the pixel differs from its median over the clip."""
    still = video_BCTHW.median(dim=2, keepdim=True).values
    return (video_BCTHW - still).abs().amax(dim=1, keepdim=True) > MOVING_CHANGE


def mel_filters(sample_rate: int, num_fft: int = MEL_FFT, bands: int = MEL_BANDS) -> Tensor:
    """Triangular filters (F, M) from 0 Hz to half the sample rate, on the HTK mel scale."""
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    bins = np.linspace(0, sample_rate / 2, num_fft // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling))).float()


def log_mel(waveform_BCN: Tensor, sample_rate: int) -> Tensor:
    """Natural logarithm of the mel amplitude spectrogram, (B*C, M, L), not below log(1e-4)."""
    window = torch.hann_window(MEL_FFT)
    spectrum = torch.stft(waveform_BCN.flatten(0, 1), MEL_FFT, MEL_HOP, window=window, return_complex=True).abs()
    amplitude = spectrum.transpose(1, 2) @ mel_filters(sample_rate) * (2 / window.sum())
    return amplitude.clamp(min=MEL_FLOOR).log().transpose(1, 2)


@torch.inference_mode()
def evaluate_video(vae: Autoencoder, clips: Iterable[Tensor], *, seed: int = 0,
                   on_progress: Callable[[int], None] | None = None) -> dict[str, Estimate]:
    """PSNR (all pixels; those that move; from latents with noise of 0.2) and SSIM over clips (1, 3, T, H, W)."""
    rows: dict[str, list[float]] = {"video PSNR (dB)": [], "video SSIM": [], "video PSNR where it moves (dB)": [],
                                    "video PSNR, noisy latents (dB)": []}
    generator = torch.Generator().manual_seed(seed)
    for index, video in enumerate(clips):
        latents = vae.encode(video)
        noise = NOISE * torch.randn(latents.shape, generator=generator)
        decoded, mended = (vae.decode(z)[:, :, :video.shape[2]] for z in (latents, latents + noise))
        similarity = ssim(decoded[:, :, ::SSIM_STEP], video[:, :, ::SSIM_STEP])
        values = psnr(decoded, video), similarity, psnr(decoded, video, moving(video)), psnr(mended, video)
        for row, value in zip(rows.values(), values, strict=True):
            row.append(value)
        if on_progress is not None:
            on_progress(index + 1)
    return {name: bootstrap(values) for name, values in rows.items()}


@torch.inference_mode()
def evaluate_audio(vae: Autoencoder, sounds: Iterable[Tensor], *, sample_rate: int) -> dict[str, Estimate]:
    """Mean absolute difference of log-mel spectrograms (natural logarithm, 80 bands) over sounds (1, 1, N)."""
    values = []
    for sound in sounds:
        decoded = vae.decode(vae.encode(sound))[..., :sound.shape[-1]]
        values.append(float((log_mel(decoded, sample_rate) - log_mel(sound, sample_rate)).abs().mean()))
    return {"audio log-mel L1": bootstrap(values)}
