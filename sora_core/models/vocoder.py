"""From a spectrogram on a mel scale to sound: a few ConvNeXt blocks and an inverse STFT, no iteration, no Griffin-Lim.

Legend: B batch, F frames (one per hop), M mel bands, K bins of the spectrum, N samples, W width.

The spectrum is the sum of three parts, all with levels that the mel bands give and a learned correction:
- tones: sines at the peaks of the mel bands, whose phases run on from frame to frame, so that a ring stays one tone
- clicks: the phase is free in each frame
- noise: a fixed white noise shaped by the network. What is random stays random, a network's imitation of it buzzes.
Tones on the one hand and clicks with noise on the other each pass a gate of about a millisecond, since a window is 40
times as long and an onset would smear over all of it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import AudioVAEConfig

KERNEL = 7
MEL_FLOOR = 3e-4       # amplitude that is added before the logarithm: -70 dB of full scale
QUIETEST = 1e-5        # amplitude at which what lies below the floor is taken to be
LOUDEST = 1.5          # upper limit of a bin's log amplitude
NOISE_SEED = 24000
OVERLAP = 4            # windows that cover each sample
GATES_PER_HOP = 10
TRACK_FRAMES = 13      # over which the frequency of a tone is averaged: 0.14 s
LOBE = 2               # bins on either side of a sine that a Hann window spreads it to


def window(length: int, device: torch.device | None = None) -> Tensor:
    """Periodic Hann window, (length,) float32."""
    return torch.hann_window(length, device=device)


@lru_cache(maxsize=8)
@torch.inference_mode(False)    # the table outlives the call, and someone may train with it
def mel_filters(num_mels: int, n_fft: int, sample_rate: int) -> Tensor:
    """Triangles of height 1, evenly spaced on the mel scale from 0 to half the sample rate, (M, K) float32.

    Source: mel(f) = 2595 log10(1 + f / 700), O'Shaughnessy 1987.
    """
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    top = 2595 * math.log10(1 + sample_rate / 1400)
    edges = 700 * (10 ** (torch.linspace(0, top, num_mels + 2, dtype=torch.float64) / 2595) - 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0).float()


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def mel_to_bins(num_mels: int, n_fft: int, sample_rate: int) -> tuple[Tensor, Tensor]:
    """How log amplitudes of bins follow from log mel bands: a matrix (K, M) and an offset (M,) to add before it."""
    filters = mel_filters(num_mels, n_fft, sample_rate)
    share = filters.T / filters.sum(dim=0).clamp(min=1e-3)[:, None]
    empty = filters.sum(dim=0) < 1e-3                       # below the first and above the last band
    share[empty] = 0.0
    ends = torch.arange(len(share)) > len(share) // 2
    share[empty & ends, -1] = 1.0
    share[empty & ~ends, 0] = 1.0
    return share, -filters.sum(dim=1).log()


def analyse(waveform_BN: Tensor, hop_length: int) -> Tensor:
    """Complex spectrum (B, F, K), modulus = amplitude of a sine; F = N / hop, frame i centred at (i + 1/2) hop."""
    n_fft = OVERLAP * hop_length
    reach = (n_fft - hop_length) // 2
    frames = F.pad(waveform_BN, (reach, n_fft - hop_length - reach)).unfold(-1, n_fft, hop_length)   # (B, F, n_fft)
    return torch.fft.rfft(frames * window(n_fft, waveform_BN.device)) * (2 / (n_fft / 2))


def log_mel(waveform_BN: Tensor, config: AudioVAEConfig) -> Tensor:
    """Natural logarithm of (mel amplitude + MEL_FLOOR), (B, F, M); N must be a multiple of the hop."""
    filters = mel_filters(config.num_mels, OVERLAP * config.hop_length, config.sample_rate).to(waveform_BN.device)
    spectrum = analyse(waveform_BN.float(), config.hop_length)
    amplitude = (spectrum.real.square() + spectrum.imag.square() + 1e-14).sqrt()
    return torch.log(amplitude @ filters.T + MEL_FLOOR)


def synthesise(spectrum_BFK: Tensor, hop_length: int) -> Tensor:
    """Inverse of `analyse`: windowed overlap-add, divided by the sum of squared windows, (B, F * hop)."""
    n_fft = OVERLAP * hop_length
    reach = (n_fft - hop_length) // 2
    shape = window(n_fft, spectrum_BFK.device)
    frames = torch.fft.irfft(spectrum_BFK * (n_fft / 4), n_fft) * shape                              # (B, F, n_fft)
    weight = shape.square().expand(1, frames.shape[1], n_fft)
    sound, total = _overlap_add(frames, hop_length), _overlap_add(weight, hop_length)
    keep = slice(reach, reach + frames.shape[1] * hop_length)
    return sound[:, keep] / total[:, keep]


def _overlap_add(frames: Tensor, hop: int) -> Tensor:
    """(B, F, OVERLAP * hop) -> (B, (F + OVERLAP - 1) * hop)."""
    parts = frames.unflatten(-1, (OVERLAP, hop)).unbind(2)                                           # 4 x (B, F, hop)
    return torch.stack([F.pad(part, (0, 0, i, OVERLAP - 1 - i)) for i, part in enumerate(parts)]).sum(0).flatten(1)


def fixed_noise(num_samples: int) -> Tensor:
    """The white noise that every clip's noise is shaped from, (num_samples,); a longer one starts the same."""
    blocks = -(-num_samples // 4000)
    generator = torch.Generator().manual_seed(NOISE_SEED)
    return torch.randn(blocks, 4000, generator=generator).flatten()[:num_samples]


def noise_spectrum(noise_BN: Tensor, hop_length: int) -> Tensor:
    """Spectrum (B, F, K) of white noise with a mean modulus of 1; N = (F + 3) * hop, as nothing is padded."""
    n_fft = OVERLAP * hop_length
    shape = window(n_fft, noise_BN.device)
    scale = math.sqrt(math.pi / 4) * shape.square().sum().sqrt()
    return torch.fft.rfft(noise_BN.unfold(-1, n_fft, hop_length) * shape) / scale


class Tracks(NamedTuple):
    """Sines that may be in a sound, one per mel band, all (B, F, M).

    Attributes:
        place: frequency in bins.
        phase: phase in the middle of the frame, in turns.
        amplitude: as loud as the band and its neighbours, 0 where the band is no peak.
    """

    place: Tensor
    phase: Tensor
    amplitude: Tensor

    def frames(self, first: int, last: int) -> Tracks:
        """The same tracks for some of the frames."""
        return Tracks(*(part[:, first:last] for part in self))


@torch.no_grad()
def find_tracks(mel_BFM: Tensor, config: AudioVAEConfig) -> Tracks:
    """Peaks among the mel bands, averaged over some frames around, and phases that add up over all frames.

    A sine between the middles of two triangular filters divides its amplitude between them in proportion to its place,
    so the centre of gravity of three bands is its frequency; the bins of a Hann window add up to twice its amplitude.
    """
    n_fft = OVERLAP * config.hop_length
    filters = mel_filters(config.num_mels, n_fft, config.sample_rate).to(mel_BFM.device)
    middles = (filters * torch.arange(n_fft // 2 + 1, device=filters.device)).sum(dim=1) / filters.sum(dim=1)
    amplitude = (mel_BFM.float().clamp(max=5.0).exp() - MEL_FLOOR).clamp(min=0)
    steady = F.avg_pool1d(amplitude.transpose(1, 2), TRACK_FRAMES, 1, TRACK_FRAMES // 2).transpose(1, 2) + QUIETEST
    sides = F.pad(steady, (1, 1)).unfold(-1, 3, 1)                                                   # (B, F, M, 3)
    weights = (sides - sides.amin(dim=-1, keepdim=True) + 1e-9)                 # without the noise under the peak
    place = (weights * F.pad(middles, (1, 1)).unfold(-1, 3, 1)).sum(dim=-1) / weights.sum(dim=-1)
    is_peak = (steady >= sides[..., 0]) & (steady > sides[..., 2])
    turns = (place * (config.hop_length / n_fft)).frac()
    phase = torch.cumsum(turns, dim=1).frac()
    return Tracks(place, phase, 0.5 * F.pad(amplitude, (1, 1)).unfold(-1, 3, 1).sum(dim=-1) * is_peak)


def sine_spectrum(tracks: Tracks, amplitude_BFM: Tensor, num_bins: int) -> Tensor:
    """Spectrum (B, F, K) of sines as `analyse` would see them: the main lobe of a Hann window around each.

    Source: Harris 1978, "On the use of windows", the transform of the Hann window.
    """
    nearest = tracks.place.round()
    offsets = torch.arange(-LOBE, LOBE + 1, device=nearest.device)
    distance = offsets - (tracks.place - nearest).unsqueeze(-1)                                      # (B, F, M, 5)
    near_one = (distance.abs() - 1).abs() < 1e-3
    lobe = torch.where(near_one, 0.5, torch.sinc(distance) / torch.where(near_one, 1.0, 1 - distance.square()))
    values = (amplitude_BFM.unsqueeze(-1) * lobe).flatten(2)
    angle = (2 * math.pi * tracks.phase).unsqueeze(-1).expand_as(lobe).flatten(2)
    bins = nearest.long().unsqueeze(-1) + offsets
    inside = ((bins >= 0) & (bins < num_bins)).flatten(2)
    values = torch.where(inside, values, torch.zeros_like(values))
    index = bins.clamp(0, num_bins - 1).flatten(2)
    empty = values.new_zeros(*values.shape[:2], num_bins)
    real = empty.scatter_add(2, index, values * angle.cos())
    imaginary = empty.scatter_add(2, index, values * angle.sin())
    return torch.complex(real, imaginary)


class Parts(NamedTuple):
    """What the network says about a sound.

    Attributes:
        tones, clicks: complex spectra (B, F, K).
        noise: amplitude of the noise (B, F, K).
        gates: factors of tones and of clicks with noise, (B, 2, F * GATES_PER_HOP), 0 to 2.
    """

    tones: Tensor
    clicks: Tensor
    noise: Tensor
    gates: Tensor


def render(parts: Parts, noises_BN: list[Tensor], hop_length: int) -> list[Tensor]:
    """Sounds (B, F * hop), not clamped, one for each white noise of (F + 3) * hop samples that it is shaped from."""
    gates = F.interpolate(parts.gates, scale_factor=hop_length / GATES_PER_HOP, mode="linear")
    tones = gates[:, 0] * synthesise(parts.tones, hop_length)
    shaped = (parts.clicks + parts.noise * noise_spectrum(noise, hop_length) for noise in noises_BN)
    return [tones + gates[:, 1] * synthesise(spectrum, hop_length) for spectrum in shaped]


class Block(nn.Module):
    """ConvNeXt block along time. Source: Vocos, arXiv:2306.00814, section 3.2, without layer scale."""

    def __init__(self, width: int, operations: ModuleType, **factory: object) -> None:
        super().__init__()
        self.conv = operations.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width, **factory)
        self.norm = operations.LayerNorm(width, **factory)
        self.expand = operations.Linear(width, 3 * width, **factory)
        self.project = operations.Linear(3 * width, width, **factory)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x.transpose(1, 2)).transpose(1, 2))                                  # (B, F, W)
        return x + self.project(F.gelu(self.expand(y)))


class Vocoder(nn.Module):
    """Mel bands (B, F, M) and hints (B, F, W) -> the parts of the sound."""

    def __init__(self, config: AudioVAEConfig, *, operations: ModuleType = nn, dtype: torch.dtype | None = None,
                 device: torch.device | str | None = None) -> None:
        super().__init__()
        self.config = config
        factory = {"dtype": dtype, "device": device}
        self.num_bins = OVERLAP * config.hop_length // 2 + 1
        self.input = operations.Conv1d(config.num_mels, config.width, KERNEL, padding=KERNEL // 2, **factory)
        self.blocks = nn.ModuleList(Block(config.width, operations, **factory) for _ in range(config.depth))
        self.norm = operations.LayerNorm(config.width, **factory)
        self.sizes = [self.num_bins] * 2 + [config.num_mels] * 2 + [GATES_PER_HOP] * 2
        self.head = operations.Linear(config.width, sum(self.sizes), **factory)
        self.reset_parameters()

    @property
    def reach(self) -> int:
        """Frames on either side that a sample of the sound depends on."""
        return KERNEL // 2 * (1 + self.config.depth) + OVERLAP // 2

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Start as noise with the right envelope and a little tone. A meta device is left alone."""
        if self.head.weight is None or self.head.weight.is_meta:
            return
        for block in self.blocks:
            block.project.weight.mul_(0.3)
        self.head.weight.mul_(0.3)
        click, click_phase, tone, *rest = self.head.bias.split(self.sizes)
        for bias, start in ((click, -2.0), (click_phase, 0.0), (tone, -2.0), *((part, 0.0) for part in rest)):
            bias.fill_(start)

    def forward(self, mel_BFM: Tensor, hints_BFW: Tensor, tracks: Tracks) -> Parts:
        """All parts in float32; the tracks are those of the whole sound that the frames belong to."""
        return self.assemble(self.predict(mel_BFM, hints_BFW), mel_BFM, tracks)

    def predict(self, mel_BFM: Tensor, hints_BFW: Tensor) -> Tensor:
        """The network alone: corrections, phases and gates, (B, F, sum of `sizes`)."""
        x = self.input(mel_BFM.transpose(1, 2)).transpose(1, 2) + hints_BFW
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def assemble(self, out_BFO: Tensor, mel_BFM: Tensor, tracks: Tracks) -> Parts:
        """The parts that the network's corrections make of the mel bands' envelope, in float32."""
        click, click_phase, tone, noise, *gates = out_BFO.float().split(self.sizes, dim=-1)
        envelope = self._envelope(mel_BFM.float())
        to_bins, _ = self._mel_to_bins(mel_BFM.device)
        # Phases are those in the middle of a window; an FFT counts from the window's start.
        middle = 1.0 - 2.0 * (torch.arange(self.num_bins, device=mel_BFM.device) % 2)
        return Parts(
            tones=sine_spectrum(tracks, tracks.amplitude * self._amplitude(tone), self.num_bins) * middle,
            clicks=torch.polar(self._amplitude(envelope + click), click_phase) * middle,
            noise=self._amplitude(envelope + noise @ to_bins.T),
            gates=2 * torch.stack([gate.flatten(1) for gate in gates], dim=1).sigmoid(),
        )

    def _mel_to_bins(self, device: torch.device) -> tuple[Tensor, Tensor]:
        matrix, offset = mel_to_bins(self.config.num_mels, OVERLAP * self.config.hop_length, self.config.sample_rate)
        return matrix.to(device), offset.to(device)

    def _envelope(self, mel: Tensor) -> Tensor:
        """Log amplitude of each bin (B, F, K) as the mel bands tell it, without the floor."""
        to_bins, offset = self._mel_to_bins(mel.device)
        above = (mel.clamp(max=5.0).exp() - MEL_FLOOR).clamp(min=QUIETEST).log()
        return (above + offset) @ to_bins.T

    @staticmethod
    def _amplitude(log_amplitude: Tensor) -> Tensor:
        return log_amplitude.clamp(max=LOUDEST).exp()
