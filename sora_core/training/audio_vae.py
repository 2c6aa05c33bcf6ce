"""Training of the sound autoencoder: the linear part is fitted in one go, the vocoder by gradient descent.

Legend: B batch, C latent channels, L latents, N samples or patches, D numbers in a patch, F frames, K bins.

The loss is a distance of distributions: two sounds with different noise are drawn from the same latents, both shall be
near the true one and far from each other. So the noise stays noise where no one can know it, without a discriminator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from .. import checkpoint as store
from ..config import AudioVAEConfig, Config
from ..errors import ConfigError
from ..media import write_image
from ..models.audio_vae import AudioVAE
from ..models.vocoder import find_tracks, log_mel
from .loop import LoopOptions, TrainingRun

COMPONENT = "audio_vae"
WHITENING = 0.7              # latents are divided by std^0.7, as the video's
CROP_LATENTS = 12            # one second; one latent more on either side is decoded but not compared
NOISE_MAX = 0.2              # on latents of unit variance, in half of the samples
RESOLUTIONS = (2048, 512, 128)    # window lengths of the loss beside the 1000 of the mel bands; hops are a quarter
QUIET = 5e-5                 # amplitude that is added before logarithms
LINEAR_WEIGHT = 100.0        # of amplitudes (errors of about 0.0005) against logarithms (about 0.2)
FULL_SCALE = 32767.0         # of the pool's 16-bit samples


class SoundPool:
    """The sounds of a folder of world shards, read piecewise."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(Path(folder).glob("shard-*.safetensors"))
        if not self.files:
            raise ConfigError(f"{folder} holds no shard-*.safetensors; render some with `world --output {folder}`")
        self.shapes = []
        for file in self.files:
            with safe_open(file, "pt") as shard:
                self.shapes.append(tuple(shard.get_slice("audio").get_shape()))   # n N

    def __len__(self) -> int:
        return sum(shape[0] for shape in self.shapes)

    def clip(self, index: int, clip: int) -> Tensor:
        """(N,) float in [-1, 1]: one sound of the shard `index`."""
        with safe_open(self.files[index], "pt") as shard:
            return shard.get_slice("audio")[clip:clip + 1][0].float() / FULL_SCALE

    def clips(self, limit: int | None = None) -> Iterator[Tensor]:
        """Whole sounds (1, 1, N), going round the shards so that a few show all scenes."""
        order = sorted((clip, index) for index, shape in enumerate(self.shapes) for clip in range(shape[0]))
        for clip, index in order[:limit]:
            yield self.clip(index, clip)[None, None]


@dataclass(frozen=True)
class KLT:
    """Mean (D,), orthonormal directions (D, C) by falling importance, standard deviations (C,) of the coefficients."""

    mean: Tensor
    basis: Tensor
    std: Tensor


def fit_klt(patches_ND: Tensor, channels: int) -> KLT:
    """The `channels` directions of largest variance, in double precision."""
    patches = patches_ND.double()
    mean = patches.mean(dim=0)
    values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    basis = vectors.flip(1)[:, :channels]
    basis = basis * torch.where(basis.sum(dim=0) < 0, -1.0, 1.0)      # the sign is free
    std = values.flip(0)[:channels].clamp(min=1e-8).sqrt()
    return KLT(mean.float(), basis.float(), std.float())


@torch.no_grad()
def install_klt(vae: AudioVAE, klt: KLT) -> None:
    """Fold means and scales into the weights: latents get mean 0 and 1 as the mean of the channels' variances."""
    scale = klt.std.clamp(min=1e-4) ** -WHITENING
    scale = scale / (klt.std * scale).square().mean().sqrt()
    vae.encoder.weight.copy_((klt.basis * scale).T)
    vae.encoder.bias.copy_(-(klt.mean @ klt.basis) * scale)
    vae.base.weight.copy_(klt.basis / scale)
    vae.base.bias.copy_(klt.mean)


def fit(vae: AudioVAE, pool: SoundPool, *, num_clips: int = 600) -> None:
    """Fit and install the linear part."""
    patch = vae.config.samples_per_latent
    parts = []
    for sound in pool.clips(num_clips):
        usable = sound[0, :, : sound.shape[2] // patch * patch]
        parts.append(log_mel(usable, vae.config)[0].unflatten(0, (-1, vae.hops)).flatten(1))
    install_klt(vae, fit_klt(torch.cat(parts), vae.config.latent_channels))


@lru_cache(maxsize=16)
@torch.inference_mode(False)    # the table outlives the call
def _window(length: int, device: torch.device) -> Tensor:
    return torch.hann_window(length, device=device)


def spectrograms(sound_BN: Tensor) -> list[Tensor]:
    """Amplitudes at all resolutions, each (B, K, F), 1 for a sine of amplitude 1."""
    result = []
    for size in RESOLUTIONS:
        spectrum = torch.stft(sound_BN, size, size // 4, window=_window(size, sound_BN.device), return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()        # abs() of complex numbers is three times as slow
        result.append((power + 1e-12).sqrt() * (4 / size))
    return result


def features(sound_BN: Tensor, config: AudioVAEConfig) -> list[Tensor]:
    """What is compared by absolute difference: logarithms and amplitudes of each spectrogram, log-mel bands."""
    amplitudes = spectrograms(sound_BN)
    logarithms = [torch.log(amplitude + QUIET) for amplitude in amplitudes]
    return [*logarithms, *(LINEAR_WEIGHT * amplitude for amplitude in amplitudes),
            log_mel(sound_BN, config)]


def distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Mean absolute difference of features, summed over their kinds."""
    return torch.stack([(x - y).abs().mean() for x, y in zip(a, b, strict=True)]).sum()


def log_mel_error(decoded_BN: Tensor, true_BN: Tensor, config: AudioVAEConfig) -> Tensor:
    """Mean absolute difference of natural log-mel bands per sound, (B,)."""
    return (log_mel(decoded_BN, config) - log_mel(true_BN, config)).abs().mean(dim=(1, 2))


class AudioVAETask:
    """Sound from latents, half of them with noise: the vocoder mends small errors of a generator."""

    vocabulary: dict[str, Any] | None = None

    def __init__(self, vae: AudioVAE, pool: SoundPool, *, batch_size: int) -> None:
        self.vae, self.pool, self.batch_size = vae, pool, batch_size
        self.modules: dict[str, nn.Module] = {COMPONENT: vae}
        self.configs: dict[str, Config] = {COMPONENT: vae.config}
        for part in (vae.encoder, vae.base):
            part.requires_grad_(False)

    def batch(self, rng: np.random.Generator, step: int = 0) -> dict[str, Tensor]:
        """Crops (B, N) of a little more than a second, aligned with the latents."""
        return {"sound": torch.stack([self._draw(rng) for _ in range(self.batch_size)])}

    def _draw(self, rng: np.random.Generator) -> Tensor:
        """A random crop, or the louder of two: what happens is heard more often than silence."""
        samples = self.vae.config.samples_per_latent
        length = (CROP_LATENTS + 2) * samples
        index = int(rng.integers(len(self.pool.files)))
        sound = self.pool.clip(index, int(rng.integers(self.pool.shapes[index][0])))
        starts = rng.integers((max(0, len(sound) - length)) // samples + 1, size=1 + int(rng.random() < 0.5)) * samples
        crops = [sound[start:start + length] for start in starts]
        crop = max(crops, key=lambda part: float(part.square().sum()))
        return torch.nn.functional.pad(crop, (0, length - len(crop)))

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Energy distance. Source: Gritsenko et al. 2020, arXiv:2008.01160, eq. 4, with two draws a sound."""
        true = batch["sound"]
        with torch.no_grad():
            latents = self.vae.encode(true[:, None])
        sigma = torch.rand(len(true), generator=generator) * NOISE_MAX
        sigma = sigma * (torch.rand(len(true), generator=generator) < 0.5)
        noisy = latents + sigma.view(-1, 1, 1) * torch.randn(latents.shape, generator=generator)
        mel, hints = self.vae.unpack(noisy)
        with torch.autocast(true.device.type, torch.bfloat16):
            out = self.vae.vocoder.predict(mel, hints)
        parts = self.vae.vocoder.assemble(out, mel, find_tracks(mel, self.vae.config))
        samples, config = self.vae.config.samples_per_latent, self.vae.config
        inner = slice(samples, -samples)
        noises = torch.randn(2, len(true), true.shape[1] + samples, generator=generator)
        draws = [sound[:, inner] for sound in self.vae.render(parts, *noises)]
        with torch.no_grad():
            target = features(true[:, inner], config)
        first, second = (features(draw, config) for draw in draws)
        near = 0.5 * (distance(first, target) + distance(second, target))
        apart = 0.5 * distance(first, second)
        clean = sigma == 0
        error = (first[-1].detach() - target[-1]).abs().mean(dim=(1, 2))
        mel = float(error[clean].mean()) if bool(clean.any()) else float("nan")
        return near - apart, {"near": float(near.detach()), "apart": float(apart.detach()), "log_mel_l1": mel}

    @torch.no_grad()
    def sample(self, folder: Path, step: int) -> None:
        """A sheet of spectrograms: true sounds above, decoded ones below."""
        sounds = torch.cat(list(self.pool.clips(6)))
        decoded = self.vae.decode(self.vae.encode(sounds))[..., :sounds.shape[-1]]
        write_sheet(Path(folder) / f"sound-{step:06d}.png", [sounds[:, 0], decoded[:, 0]], self.vae.config)


def write_sheet(path: Path, rows: list[Tensor], config: AudioVAEConfig) -> None:
    """Spectrograms of rows of sounds (B, N) as a grey PNG: time to the right, frequency upwards, 70 dB of range."""
    strips = []
    for row in rows:
        amplitude = torch.stft(row, 512, config.hop_length, window=_window(512, row.device), return_complex=True).abs()
        grey = (1 + torch.log10(amplitude / 128 + 1e-6) / 3.5).clamp(0, 1).flip(1)
        strips.append(torch.cat(list(grey), dim=-1))
    write_image(path, (torch.cat(strips) * 2 - 1).expand(1, 3, 1, -1, -1))


def build(pool: SoundPool, output: Path, config: AudioVAEConfig, seed: int,
          say: Callable[[str], None] = print) -> AudioVAE:
    """The network with its linear part fitted; taken from the run's checkpoint where there is one."""
    torch.manual_seed(seed)
    path = Path(output) / f"{COMPONENT}.safetensors"
    if path.exists():
        vae = store.build(store.load_checkpoint(path), COMPONENT, AudioVAE)
        return vae.train().requires_grad_(True)
    vae = AudioVAE(config)
    say(f"fitting the transform to {len(pool)} clips")
    fit(vae, pool)
    path.parent.mkdir(parents=True, exist_ok=True)
    store.save_checkpoint(path, config={COMPONENT: vae.config}, tensors={COMPONENT: vae.state_dict()},
                          training={"step": 0, "seed": seed})   # from now on latents are fixed: others may use them
    return vae


def train(data: Path, output: Path, *, steps: int = 6000, minutes: float | None = None, seed: int = 0,
          batch_size: int = 4, config: AudioVAEConfig | None = None, sample_every: int = 500,
          say: Callable[[str], None] = print) -> bool:
    """Fit (once) and train, resuming what `output` holds.

    Returns:
        True when all `steps` are done; else call again to go on.
    """
    pool = SoundPool(data)
    vae = build(pool, output, config or AudioVAEConfig(), seed, say)
    task = AudioVAETask(vae, pool, batch_size=batch_size)
    options = LoopOptions(output=Path(output), steps=steps, minutes=minutes, seed=seed, learning_rate=1e-3,
                          matrix_learning_rate=0.01, save_every=250, sample_every=sample_every)
    return TrainingRun(task, options).run(say)
