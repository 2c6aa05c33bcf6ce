"""Training of the video autoencoder: the linear part is fitted in one go, the correction by gradient descent.

Legend: B batch, C latent channels, T H W frames and pixels, t h w latent frames and cells, N patches, D numbers in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from .. import checkpoint as store
from ..config import Config, VideoVAEConfig
from ..errors import ConfigError
from ..media import write_image
from ..models.video_vae import VideoVAE, from_changes, to_changes
from .loop import LoopOptions, TrainingRun
from .painted import PaintedClips

COMPONENT = "video_vae"
WHITENING = 0.7          # latents are divided by std^0.7: small coefficients gain weight, but stay smaller
STILL_SHARE = 0.05       # of the patches in which nothing moves that the fit looks at
MOVING = 0.005            # mean absolute change per frame, of a range of 2, from which on a patch moves
CROP_SIDE, CROP_LATENTS = 96, 4
FRAMES_DECODED = 5       # of a crop's 25, drawn anew in each step
PAINTED_SHARE, PAINTED_FRAMES = 0.5, 20      # of the steps; frames of a whole clip in such a step
NOISE_MAX = 0.3          # on the first latent frame in half of the samples; the changes get up to half of that


class ClipPool:
    """The videos of a folder of world shards, read piecewise."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(Path(folder).glob("shard-*.safetensors"))
        if not self.files:
            raise ConfigError(f"{folder} holds no shard-*.safetensors; render some with `world --output {folder}`")
        self.shapes = []
        for file in self.files:
            with safe_open(file, "pt") as shard:
                self.shapes.append(tuple(shard.get_slice("video").get_shape()))   # n T H W 3

    def __len__(self) -> int:
        return sum(shape[0] for shape in self.shapes)

    def crop(self, index: int, clip: int, box: tuple[slice, slice, slice]) -> Tensor:
        """(3, T, H, W) float in [-1, 1]: the frames, rows and columns of `box` of a clip of the shard `index`."""
        with safe_open(self.files[index], "pt") as shard:
            part = shard.get_slice("video")[(slice(clip, clip + 1), *box)]
        return part[0].permute(3, 0, 1, 2).float().div_(127.5).sub_(1)

    def clips(self, limit: int | None = None) -> Iterator[Tensor]:
        """Whole clips (1, 3, T, H, W), going round the shards so that a few show all sizes and scenes."""
        everything = slice(None), slice(None), slice(None)
        for clip, index in self._order(limit):
            yield self.crop(index, clip, everything)[None]

    def sounds(self, limit: int | None = None) -> Iterator[Tensor]:
        """The sounds (1, 1, N) in [-1, 1] of the clips that `clips` gives, in the same order."""
        for clip, index in self._order(limit):
            with safe_open(self.files[index], "pt") as shard:
                yield shard.get_slice("audio")[clip:clip + 1][None].float() / 32768

    def _order(self, limit: int | None) -> list[tuple[int, int]]:
        order = [(clip, index) for index, shape in enumerate(self.shapes) for clip in range(shape[0])]
        return sorted(order)[:limit]


@dataclass(frozen=True)
class KLT:
    """The mean (D,) and the orthonormal directions (D, C), by falling importance."""

    mean: Tensor
    basis: Tensor


def gather_patches(vae: VideoVAE, pool: ClipPool, *, num_clips: int, seed: int, still_share: float = STILL_SHARE
                   ) -> Tensor:
    """Patches (N, D) of some clips: all that move, few of those that don't, as motion carries the meaning."""
    generator = torch.Generator().manual_seed(seed)
    k = vae.config.temporal_compression
    kept = []
    for video in pool.clips(num_clips):
        usable = 1 + (video.shape[2] - 1) // k * k
        video = torch.cat([video[:, :, :1].expand(-1, -1, k - 1, -1, -1), video[:, :, :usable]], dim=2)
        patches = vae.to_patches(video).flatten(0, 3)
        per_frame = patches.view(len(patches), k, -1)
        motion = per_frame.diff(dim=1).abs().mean(dim=(1, 2))
        chosen = torch.rand(len(patches), generator=generator) < torch.where(motion > MOVING, 1.0, still_share)
        kept.append(patches[chosen])
    return torch.cat(kept)


@torch.no_grad()
def fit_klt(patches_ND: Tensor, channels: int, *, iterations: int = 8, seed: int = 0) -> KLT:
    """The `channels` directions of largest variance.

    Source: Halko, Martinsson, Tropp 2011, arXiv:0909.4061, algorithm 4.4 (randomised subspace iteration).
    """
    mean = patches_ND.mean(dim=0)
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(patches_ND.shape[1], channels + 16, generator=generator)
    for _ in range(iterations):
        q = torch.linalg.qr(_covariance_times(patches_ND, mean, q))[0]
    vectors = torch.linalg.eigh(q.T.double() @ _covariance_times(patches_ND, mean, q).double())[1]
    top = vectors.flip(1)[:, :channels].float()
    basis = q @ top
    return KLT(mean=mean, basis=basis * torch.sign(basis.sum(dim=0, keepdim=True) + 1e-12))   # the sign is free


def _covariance_times(patches: Tensor, mean: Tensor, q: Tensor) -> Tensor:
    total = torch.zeros_like(q)
    for part in patches.split(4096):
        centred = part - mean
        total += centred.T @ (centred @ q)
    return total / len(patches)


@torch.no_grad()
def install_klt(vae: VideoVAE, klt: KLT, centre: Tensor, std: Tensor) -> None:
    """Fold means and scales into the encoder's and the base decoder's weights.

    Args:
        centre, std: mean and standard deviation (C,) of the coefficients; latents get mean 0, a variance that falls as
            std^0.6, and 1 as the mean of the channels' variances.
    """
    scale = std.clamp(min=1e-4) ** -WHITENING
    scale = scale / (std * scale).square().mean().sqrt()
    vae.encoder.weight.copy_((klt.basis * scale).T)
    vae.encoder.bias.copy_(-(klt.mean @ klt.basis + centre) * scale)
    vae.base.weight.copy_(klt.basis / scale)
    vae.base.bias.copy_(klt.mean + klt.basis @ centre)


@torch.no_grad()
def fit(vae: VideoVAE, pool: ClipPool, *, num_clips: int = 320, seed: int = 0) -> None:
    """Fit and install the linear part; the scales are those of ordinary clips, not of the chosen patches."""
    klt = fit_klt(gather_patches(vae, pool, num_clips=num_clips, seed=seed), vae.config.latent_channels, seed=seed)
    ones = torch.ones(vae.config.latent_channels)
    install_klt(vae, klt, 0 * ones, ones)
    coefficients = torch.cat([vae.encode_each(video)[0].flatten(1) for video in pool.clips(num_clips)], dim=1)
    install_klt(vae, klt, coefficients.mean(dim=1), coefficients.std(dim=1))


class VideoVAETask:
    """Reconstruct crops from their latents, half of them with noise: the decoder mends small errors of a generator."""

    vocabulary: dict[str, Any] | None = None

    def __init__(self, vae: VideoVAE, pool: ClipPool, *, batch_size: int, autocast: bool = True,
                 painted: PaintedClips | None = None) -> None:
        self.vae, self.pool, self.batch_size, self.autocast = vae, pool, batch_size, autocast
        self.painted = painted
        self.modules: dict[str, nn.Module] = {COMPONENT: vae}
        self.configs: dict[str, Config] = {COMPONENT: vae.config}
        vae.requires_grad_(True).train()
        for part in (vae.encoder, vae.base, vae.finisher):      # the finisher has a training of its own
            part.requires_grad_(False)

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        """Crops (B, 3, 25, 96, 96), aligned with the latent grid, from random shards.

        Or, in a share of the steps where there is a painter, one whole clip and its painted latents.
        """
        if self.painted is not None and rng.random() < PAINTED_SHARE:
            video, latents, _ = self.painted.draw(rng)
            return {"video": video, "latents": latents}
        return {"video": torch.stack([self._draw(rng) for _ in range(self.batch_size)])}

    def _draw(self, rng: np.random.Generator) -> Tensor:
        """The livelier of two random crops: most clips come to rest halfway."""
        crops = [self._random_crop(rng) for _ in range(2)]
        crop = max(crops, key=lambda crop: float((crop[:, 8::8] - crop[:, :-8:8]).abs().mean()))
        return crop.flip(-1) if rng.random() < 0.5 else crop

    def _random_crop(self, rng: np.random.Generator) -> Tensor:
        index = int(rng.integers(len(self.pool.files)))
        clips, frames, height, width, _ = self.pool.shapes[index]
        scale = self.vae.config.spatial_compression
        length = 1 + self.vae.config.temporal_compression * (CROP_LATENTS - 1)
        start = int(rng.integers(max(1, frames - length + 1)))
        side = min(CROP_SIDE, *(min(shape[2:4]) for shape in self.pool.shapes))
        y = int(rng.integers((height - side) // scale + 1)) * scale
        x = int(rng.integers((width - side) // scale + 1)) * scale
        box = slice(start, start + length), slice(y, y + side), slice(x, x + side)
        return self.pool.crop(index, int(rng.integers(clips)), box)

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        video = batch["video"]
        if "latents" in batch:
            return self._loss(video, from_changes(batch["latents"]), _lively_frames(video, generator))[0], {}
        with torch.no_grad():
            latents = self.vae.encode_each(video)
        sigma = NOISE_MAX * torch.rand(2, len(video), generator=generator)
        sigma = sigma * (torch.rand(len(video), generator=generator) < 0.5)     # of the first frame, of the changes
        noise = torch.randn(latents.shape, generator=generator)
        spread = torch.stack([sigma[0]] + [sigma[1] / 2] * (latents.shape[2] - 1), dim=1)[:, None, :, None, None]
        noisy = from_changes(to_changes(latents) + spread * noise)
        loss, error = self._loss(video, noisy, torch.randperm(video.shape[2], generator=generator)[:FRAMES_DECODED])
        clean = error[sigma[0] == 0]
        return loss, {"psnr": float(psnr(clean.square().mean().detach())) if len(clean) else float("nan")}

    def _loss(self, video: Tensor, latents: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of some frames, and their errors."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            decoded, _ = self.vae.decode_chunk(latents, frames=frames)
        shown = video[:, :, frames]
        weight = motion_weight(shown, video[:, :, ::4].median(dim=2, keepdim=True).values)
        error = decoded.float().contiguous() - shown
        return picture_loss(error, weight), error

    @torch.no_grad()
    def sample(self, folder: Path, step: int) -> None:
        """A sheet of frames: as they are, reconstructed, and reconstructed from latents with noise of 0.2."""
        video = next(self.pool.clips(1))
        latents = self.vae.encode(video)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        rows = [video, self.vae.decode(latents), self.vae.decode(latents + 0.2 * noise)]
        write_sheet(Path(folder) / f"sheet-{step:06d}.png", rows)


def _lively_frames(video: Tensor, generator: torch.Generator) -> Tensor:
    """Some frames of a whole clip, those in which much moves more often."""
    change = video.diff(dim=2).abs().mean(dim=(0, 1, 3, 4))
    chance = torch.cat([change[:1], change]) + change.mean() + 1e-6
    return torch.multinomial(chance, PAINTED_FRAMES, generator=generator)


def picture_loss(error: Tensor, weight: Tensor) -> Tensor:
    """Of errors `(B, 3, T, H, W)` weighted by `(B, 1, T, H, W)`: absolute, squared, and of the steps between pixels."""
    absolute, squared = (weight * error.abs()).mean(), (weight * error.square()).mean()
    edges = sum((weight.narrow(axis, 1, weight.shape[axis] - 1) * error.diff(dim=axis).abs()).mean()
                for axis in (3, 4)) / 2
    return absolute + 2 * squared + edges


def motion_weight(video_BCTHW: Tensor, still_BC1HW: Tensor) -> Tensor:
    """1 where a pixel is as when all is still, up to 4 where not, (B, 1, T, H, W): what moves is small."""
    change = (video_BCTHW - still_BC1HW).abs().amax(dim=1)
    change = F.max_pool2d(change, 5, stride=1, padding=2)[:, None]
    return 1 + 3 * (change * 4).clamp(max=1)


def psnr(mean_square_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of an error on values in [-1, 1]."""
    return 10 * torch.log10(4 / mean_square_error.clamp(min=1e-10))


def write_sheet(path: Path, rows: list[Tensor], columns: int = 8) -> None:
    """Rows of evenly spaced frames of the clips (1, 3, T, H, W) in `rows`, as a PNG."""
    frames = [torch.linspace(0, row.shape[2] - 1, columns).round().long() for row in rows]
    strips = [torch.cat(list(row[0, :, index].unbind(1)), dim=-1) for row, index in zip(rows, frames, strict=True)]
    write_image(path, torch.cat(strips, dim=-2)[None, :, None])


def build(pool: ClipPool, output: Path, config: VideoVAEConfig, seed: int,
          say: Callable[[str], None] = print) -> VideoVAE:
    """The network with its linear part fitted; taken from the run's checkpoint where there is one."""
    torch.manual_seed(seed)
    path = Path(output) / f"{COMPONENT}.safetensors"
    if path.exists():
        return store.build(store.load_checkpoint(path), COMPONENT, VideoVAE)
    vae = VideoVAE(config)
    say(f"fitting the transform to {len(pool)} clips")
    fit(vae, pool, seed=seed)
    store.save_checkpoint(path, config={COMPONENT: vae.config}, tensors={COMPONENT: vae.state_dict()},
                          training={"step": 0, "seed": seed})   # from now on latents are fixed: others may use them
    return vae


def train(data: Path, output: Path, *, steps: int = 4000, minutes: float | None = None, seed: int = 0,
          batch_size: int = 8, config: VideoVAEConfig | None = None, sample_every: int = 500,
          learning_rate: float = 1e-3, painter: Path | None = None, cache: Path | None = None,
          say: Callable[[str], None] = print) -> bool:
    """Fit (once) and train, resuming what `output` holds.

    Args:
        painter: checkpoint of a transformer whose faults the decoder shall learn to mend, or None; cache: the latents
            that it was trained on.

    Returns:
        True when all `steps` are done; else call again to go on.
    """
    pool = ClipPool(data)
    vae = build(pool, output, config or VideoVAEConfig(), seed, say)
    painted = None if painter is None else PaintedClips(pool.files, cache, store.load_checkpoint(painter))
    task = VideoVAETask(vae, pool, batch_size=batch_size, painted=painted)
    options = LoopOptions(output=Path(output), steps=steps, minutes=minutes, seed=seed, learning_rate=learning_rate,
                          save_every=250, sample_every=sample_every)
    return TrainingRun(task, options).run(say)
