"""LoRA fine-tuning of the transformer on a handful of one's own clips.

Beside each weight two thin matrices are trained whose product is added to it; the rest stays as it is. The clips have
no sketches, but what is generated later has: so half of the time the network sees sketches that the sketcher draws
for the captions, and learns to paint the clips whatever is sketched.

Legend: B batch, C channels, T' H' W' video latents, L audio latents, R rank.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..checkpoint import build, load_checkpoint, write_tensors
from ..config import Config
from ..errors import ConfigError
from ..lora import ALPHA, DOWN, PREFIX, UP
from ..models.audio_vae import AudioVAE
from ..models.guide import Guide, make_guide
from ..models.sketcher import Sketcher
from ..models.text_encoder import TextEncoder
from ..models.tokenizer import Tokenizer
from ..models.transformer import SoraTransformer
from ..models.video_vae import VideoVAE
from ..sampling.sketching import draw_sketch
from ..setting import completed, read_setting
from ..wishes import read_wishes
from . import parallel
from .data import pad_ids
from .folder import Faults, cache_folder
from .loop import LoopOptions, TrainingRun
from .transformer import (
    AUDIO_WEIGHT,
    FIRST_FRAME_WEIGHT,
    SMALLEST_WEIGHTED,
    TEXT_DROP,
    TEXT_LENGTH,
    draw_timesteps,
    guide_of,
)

SKETCHES = 2                 # drawn for each clip
SKETCH_SHARE = 0.5           # of the samples that see one
LEARNING_RATE = 1e-3
MEASURED_TIMES = (0.3, 0.6, 0.9)


@dataclass(frozen=True)
class LoraOptions:
    """What to learn from and how; the run's state lies in a folder beside `output`, named with `.run`.

    Attributes:
        clips: folder of captioned clips, see `folder`.
        output: `FILE.safetensors`.
        checkpoint: whose transformer to change; None is the embedded one.
        rank: of the changes, 1 to 256.
    """

    clips: Path
    output: Path
    checkpoint: Path | None = None
    rank: int = 8
    steps: int = 400
    batch_size: int = 2
    minutes: float | None = None
    seed: int = 0
    learning_rate: float = LEARNING_RATE

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= 256 or self.batch_size < 1:
            raise ConfigError(f"rank={self.rank}, batch_size={self.batch_size}: use a rank from 1 to 256 and a batch "
                              "of at least one clip")
        if self.output.suffix != ".safetensors":
            raise ConfigError(f"output={self.output.name!r} must end in .safetensors")


class LowRank(nn.Module):
    """Adds `up @ down` to a weight; nothing at first."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, weight[0].numel()))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            return weight + (self.up @ self.down).view_as(weight)


class Changes(nn.Module):
    """The changes of all linear and convolutional layers of a network, installed in it."""

    adamw_parameters = ("layers",)

    def __init__(self, network: nn.Module, rank: int) -> None:
        super().__init__()
        self.names, self.shapes, self.layers = [], [], nn.ModuleList()
        for name, layer in list(network.named_modules()):
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                change = LowRank(layer.weight, min(rank, *layer.weight.flatten(1).shape))
                self.names.append(name)
                self.shapes.append(layer.weight.shape)
                self.layers.append(change)
                parametrize.register_parametrization(layer, "weight", change)

    def export(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The keys that ComfyUI's LoRA loader takes. `values` are those of `state_dict`, or their averages."""
        tensors = {}
        for index, (name, shape) in enumerate(zip(self.names, self.shapes, strict=True)):
            down, up = values[f"layers.{index}.down"].float().cpu(), values[f"layers.{index}.up"].float().cpu()
            ones = (1,) * (len(shape) - 2)
            tensors |= {f"{PREFIX}{name}{DOWN}": down.view(len(down), *shape[1:]).contiguous(),
                        f"{PREFIX}{name}{UP}": up.view(*up.shape, *ones).contiguous(),
                        f"{PREFIX}{name}{ALPHA}": torch.tensor(float(len(down)))}
        return tensors


class OwnPool:
    """Cached clips of one's own in memory, grouped by shape; audio latents that are not numbers are unknown."""

    def __init__(self, cache: Path) -> None:
        groups: dict[tuple[int, ...], list[tuple[Tensor, Tensor, list[list[str]]]]] = {}
        for path in sorted(cache.glob("shard-own-*.safetensors")):
            with safe_open(path, "pt") as file:
                video, audio = (file.get_tensor(name).float() for name in ("video", "audio"))
                groups.setdefault(tuple(video.shape[1:]), []).append(
                    (video, audio, json.loads(file.metadata()["captions"])))
        self.groups = [(torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts]),
                        [texts for part in parts for texts in part[2]]) for _, parts in sorted(groups.items())]

    def __len__(self) -> int:
        return sum(len(video) for video, _, _ in self.groups)

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[int, np.ndarray]:
        """A group, and rows of it."""
        sizes = np.array([len(video) for video, _, _ in self.groups], dtype=np.float64)
        group = int(rng.choice(len(self.groups), p=sizes / sizes.sum()))
        return group, rng.integers(int(sizes[group]), size=batch_size)


class LoraTask:
    """Flow matching on the clips, with their captions and now and then without."""

    vocabulary: dict[str, Any] | None = None

    def __init__(self, pool: OwnPool, transformer: SoraTransformer, text_encoder: TextEncoder, tokenizer: Tokenizer,
                 sketcher: Sketcher, video_vae: VideoVAE, *, rank: int, batch_size: int) -> None:
        self.pool, self.batch_size, self.tokenizer = pool, batch_size, tokenizer
        self.guides = [self._draw_guides(group, text_encoder, sketcher, video_vae)
                       for group in range(len(pool.groups))]
        self.transformer, self.text_encoder = (network.requires_grad_(False).to(parallel.device())
                                               for network in (transformer, text_encoder))
        self.changes = Changes(transformer, rank)
        self.modules: dict[str, nn.Module] = {"transformer": self.changes}
        self.configs: dict[str, Config] = {"transformer": transformer.config}

    def _draw_guides(self, group: int, text_encoder: TextEncoder, sketcher: Sketcher,
                     video_vae: VideoVAE) -> list[Guide]:
        """`SKETCHES` for each clip of a group."""
        video, audio, texts = self.pool.groups[group]
        height, width = (side * video_vae.config.spatial_compression for side in video.shape[-2:])
        guides = []
        for row, wordings in enumerate(texts):
            ids, mask = pad_ids([wordings[0], ""], self.tokenizer, TEXT_LENGTH)
            with torch.inference_mode():
                states = text_encoder(ids, mask)
                positive, negative = (states[i:i + 1, :int(mask[i].sum())] for i in (0, 1))
                frames = 1 + 8 * (video.shape[2] - 1)
                sketch = draw_sketch(sketcher, positive, negative, frames=frames, aspect=width / height, seed=row,
                                     batch_size=SKETCHES, wishes=read_wishes(wordings[0]))
                guide = make_guide(sketch.frames(0, frames), video_vae, height, width, audio.shape[2])
            guides.append(Guide(guide.video.clone(), guide.audio.clone(), guide.setting.clone()))
        return guides

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        group, rows = self.pool.draw(rng, self.batch_size)
        texts = [str(rng.choice(self.pool.groups[group][2][row])) if rng.random() >= TEXT_DROP else "" for row in rows]
        sees = rng.random(len(rows)) < SKETCH_SHARE
        return self._assemble(group, rows, texts, sees, rng.integers(SKETCHES, size=len(rows)))

    def _assemble(self, group: int, rows: np.ndarray, texts: list[str], sees: np.ndarray,
                  which: np.ndarray) -> dict[str, Tensor]:
        video, audio, _ = self.pool.groups[group]
        ids, mask = pad_ids(texts, self.tokenizer, TEXT_LENGTH)
        guides = [self.guides[group][row] for row in rows]
        keep = torch.from_numpy(sees).float()
        return {"video": video[rows], "audio": audio[rows].nan_to_num(),
                "has_sound": torch.isfinite(audio[rows]).all(2).all(1), "ids": ids, "mask": mask,
                "guide_video": torch.stack([guide.video[i] for guide, i in zip(guides, which, strict=True)])
                * keep.view(-1, 1, 1, 1, 1),
                "guide_audio": torch.stack([guide.audio[i] for guide, i in zip(guides, which, strict=True)])
                * keep.view(-1, 1, 1),
                "guide_setting": torch.tensor([completed(read_setting(text)) for text in texts])}

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        t = draw_timesteps(len(batch["video"]), generator).to(batch["video"].device)
        return self._loss_at(batch, t, generator)

    def _loss_at(self, batch: dict[str, Tensor], t: Tensor,
                 generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        video, audio = batch["video"], batch["audio"]
        known = batch["has_sound"].float()
        t_audio = t * known + (1 - known)          # a sound that nobody knows is noise, and isn't asked for
        noises = [torch.randn(x.shape, generator=generator).to(x) for x in (video, audio)]
        at_video, at_audio = t.view(-1, 1, 1, 1, 1), t_audio.view(-1, 1, 1)
        with torch.autocast(video.device.type, torch.bfloat16):
            text = self.text_encoder(batch["ids"], batch["mask"])
            v_video, v_audio = self.transformer(
                video + at_video * (noises[0] - video), audio + at_audio * (noises[1] - audio), timestep_video=t,
                timestep_audio=t_audio, text=text, text_mask=batch["mask"], frame_rate=torch.full_like(t, 24.0),
                guide=guide_of(batch))
        importance = torch.ones(1, 1, video.shape[2], 1, 1, device=video.device)
        importance[:, :, 0] = FIRST_FRAME_WEIGHT
        loss_video = _velocity_error(v_video, noises[0] - video, at_video, importance)
        loss_audio = _velocity_error(v_audio, noises[1] - audio, at_audio, known.view(-1, 1, 1))
        return loss_video + AUDIO_WEIGHT * loss_audio, {"video": float(loss_video.detach()),
                                                        "audio": float(loss_audio.detach())}

    @torch.no_grad()
    def measure(self) -> float:
        """The mean loss over all clips with their captions, always at the same timesteps and noise."""
        losses = []
        for group, (video, _, texts) in enumerate(self.pool.groups):
            for row in range(len(video)):
                batch = self._assemble(group, np.array([row]), [texts[row][0]], np.array([False]), np.array([0]))
                batch = {name: value.to(self.changes.layers[0].up.device) for name, value in batch.items()}
                for i, t in enumerate(MEASURED_TIMES):
                    generator = torch.Generator().manual_seed(i)
                    losses.append(float(self._loss_at(batch, torch.full((1,), t).to(batch["video"]), generator)[0]))
        return float(np.mean(losses))

    def sample(self, folder: Path, step: int) -> None:
        """Nothing to look at on the way: `measure` tells how far it is."""


def _velocity_error(velocity: Tensor, target: Tensor, timestep: Tensor, importance: Tensor) -> Tensor:
    weight = (timestep / timestep.clamp(min=SMALLEST_WEIGHTED)) ** 2
    importance = importance.expand_as(target)
    return ((velocity - target) ** 2 * weight * importance).sum() / importance.sum().clamp(min=1)


def train(options: LoraOptions, say: Callable[[str], None] = print) -> bool:
    """One slice; writes `options.output` at its end. True when all steps are done.

    Raises:
        ResourceError: no clip can be used, or the disk is full.
    """
    checkpoint = load_checkpoint(options.checkpoint)
    networks = {name: build(checkpoint, name, factory)
                for name, factory in (("transformer", SoraTransformer), ("text_encoder", TextEncoder),
                                      ("sketcher", Sketcher), ("video_vae", VideoVAE), ("audio_vae", AudioVAE))}
    folder, faults = options.output.with_suffix(".run"), Faults()
    count = cache_folder(options.clips, folder / "latents", networks["video_vae"], networks.pop("audio_vae"), faults,
                         keep_silent=True)
    for line in faults.lines():
        say(f"warning: {line}")
    say(f"{count} pieces of clips")
    torch.manual_seed(options.seed)
    task = LoraTask(OwnPool(folder / "latents"), tokenizer=Tokenizer.from_json(checkpoint.vocabulary), **networks,
                    rank=options.rank, batch_size=options.batch_size)
    before = task.measure()         # before a resumed run's weights are read: of the checkpoint itself
    run = TrainingRun(task, LoopOptions(output=folder, steps=options.steps, minutes=options.minutes, seed=options.seed,
                                        learning_rate=options.learning_rate))
    is_done = run.run(say)
    run.average.swap()
    if run.rank == 0:
        say(f"the loss on your clips: {before:.4f} before, {task.measure():.4f} now")
        tensors = task.changes.export(task.changes.state_dict())
        facts = {"format": "pt", "model": checkpoint.short_hash, "steps": str(run.step), "rank": str(options.rank)}
        write_tensors({options.output: (tensors, facts)})
        say(f"{options.output}: {len(task.changes.names)} layers, rank {options.rank}")
    run.average.swap()
    return is_done
