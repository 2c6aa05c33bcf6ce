"""Training of the finisher of decoded frames, on clips as the transformer paints them over their true sketches.

Legend: B batch, T H W frames and pixels, t latent frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoint import build, load_checkpoint
from ..config import Config
from ..models.sketch import DRAWN, draw_bodies
from ..models.video_vae import VideoVAE
from .data import shard_paths
from .loop import LoopOptions, TrainingRun
from .painted import PaintedClips
from .video_vae import COMPONENT, motion_weight, picture_loss, psnr, write_sheet

ANEW_SHARE = 0.7        # of the clips: painted from nothing but the first frame and the sketch
CLIPS = 48              # at hand at once; painting one costs as much as several steps
LEARNING_RATE = 2e-3
STEPS_A_CLIP = 4        # after so many steps the oldest clip makes room for a new one
CROP, FRAMES = 64, 6    # pixels a side and frames of a crop, beside the clip's first frame
LIVELY_SHARE = 0.85     # of the crops: around something that moves


@dataclass(frozen=True)
class Painted:
    """A clip as it was painted: decoded and true frames and the drawn sketch, `(3 or 4, T, H, W)` in [-1, 1]."""

    shown: Tensor
    true: Tensor
    drawing: Tensor


class FinisherTask:
    """True frames from painted ones, in crops around what moves."""

    vocabulary: dict[str, Any] | None = None

    def __init__(self, vae: VideoVAE, painted: PaintedClips, batch_size: int, seed: int = 0) -> None:
        self.vae, self.painted, self.batch_size, self.seed = vae, painted, batch_size, seed
        self.modules: dict[str, nn.Module] = {COMPONENT: vae}
        self.configs: dict[str, Config] = {COMPONENT: vae.config}
        self.clips: dict[int, Painted] = {}
        vae.requires_grad_(False)
        vae.finisher.requires_grad_(True)

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        """Crops `(B, 3 + 3 + 4, 1 + T, 64, 64)`: shown, true and drawn; the first frame is the clip's first."""
        newest = CLIPS + step // STEPS_A_CLIP       # which clips there are depends on the step alone, so runs resume
        wanted = range(newest - CLIPS, newest)
        self.clips = {number: self.clips.get(number) or self._paint(number) for number in wanted}
        return {"crops": torch.stack([self._crop(self.clips[int(rng.choice(wanted))], rng)
                                      for _ in range(self.batch_size)])}

    @torch.no_grad()
    def _paint(self, number: int) -> Painted:
        true, latents, sketch = self.painted.draw(np.random.default_rng([self.seed, number]), ANEW_SHARE)
        with torch.autocast("cpu", torch.bfloat16):
            shown = self.vae.decode(latents)[:, :, :true.shape[2]]
        drawing = draw_bodies(sketch, *true.shape[3:])[:, :, :true.shape[2]]
        return Painted(*(x[0].half() for x in (shown, true, drawing)))

    def _crop(self, clip: Painted, rng: np.random.Generator) -> Tensor:
        frames, height, width = clip.true.shape[1:]
        some = rng.integers(1, frames, size=4 * FRAMES)
        change = (clip.true[:, some].float() - clip.true[:, :1].float()).abs().amax(0)             # (n, H, W)
        lively = change.flatten(1).mean(1).numpy() + 1e-4
        chosen = some[np.argsort(-lively * rng.exponential(size=len(some)))[:FRAMES]]
        y, x = int(rng.integers(height)), int(rng.integers(width))
        if rng.random() < LIVELY_SHARE:
            places = (change.amax(0) > 0.15).nonzero()
            if len(places):
                y, x = (places[int(rng.integers(len(places)))] + torch.from_numpy(rng.integers(-24, 25, 2))).tolist()
        side = self.vae.config.cell_size
        top = min(max(0, y - CROP // 2), height - CROP) // side * side
        left = min(max(0, x - CROP // 2), width - CROP) // side * side
        places = torch.from_numpy(np.concatenate([[0], np.sort(chosen)]))
        parts = [part[:, places, top:top + CROP, left:left + CROP] for part in (clip.shown, clip.true, clip.drawing)]
        crop = torch.cat(parts).float()
        return crop.flip(-1) if rng.random() < 0.5 else crop

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        shown, true, drawing = batch["crops"].split([3, 3, DRAWN], dim=1)
        with torch.autocast("cpu", torch.bfloat16):
            finished = self.vae.finisher(shown, drawing, shown[:, :, :1], drawing[:, :, :1])
        error = finished - true
        # What lay behind a thing of the first frame is still from then on; a stain there must count all the same.
        weight = torch.maximum(motion_weight(true, true.median(dim=2, keepdim=True).values),
                               motion_weight(true, true[:, :, :1]))
        before, after = (psnr((x.clamp(-1, 1) - true).square().mean()) for x in (shown, finished.detach()))
        return picture_loss(error, weight), {"psnr": float(after), "gain": float(after - before)}

    @torch.no_grad()
    def sample(self, folder: Path, step: int) -> None:
        """A sheet of one clip: as it is, as it was decoded, and finished."""
        clip = next(iter(self.clips.values()))
        shown, true, drawing = (x[None].float() for x in (clip.shown, clip.true, clip.drawing))
        finished = self.vae.finisher(shown, drawing, shown[:, :, :1], drawing[:, :, :1]).clamp(-1, 1)
        write_sheet(Path(folder) / f"sheet-{step:06d}.png", [true, shown, finished])


@dataclass(frozen=True)
class FinisherOptions:
    """What to train on.

    Attributes:
        data: pool of clips; cache: their latents.
        video_vae: checkpoint of the autoencoder that gets the finisher; painter: of the transformer.
    """

    data: Path
    cache: Path
    video_vae: Path
    painter: Path
    batch_size: int = 16


def train(options: FinisherOptions, loop: LoopOptions, say: Any = print) -> bool:
    """Train for one slice; the output is a whole video autoencoder. True when the run is done."""
    torch.manual_seed(loop.seed)
    vae = build(load_checkpoint(options.video_vae), COMPONENT, VideoVAE)
    painted = PaintedClips(shard_paths(options.data), options.cache, load_checkpoint(options.painter))
    return TrainingRun(FinisherTask(vae, painted, options.batch_size, loop.seed), loop).run(say)
