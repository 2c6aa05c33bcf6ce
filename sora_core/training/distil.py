"""Few steps without guidance, learnt from many with it: the sketcher and the transformer teach copies of themselves.

A student is asked for the velocity by which one straight step, without guidance, gets where the teacher gets with
guidance and with smaller steps. So two things are learnt in one: guidance (arXiv:2210.03142, section 3.1) and long
steps (progressive distillation, arXiv:2202.00512, algorithm 2). Where the teacher gets is found by the midpoint rule,
twice as many passes for an error of third order instead of second; the student's target is then simply the teacher's
velocity halfway. Four such steps lie nearer to the teacher's forty than Euler's eight.

Steps end where those of the shortest schedule end (`FEWEST` steps) and begin there or halfway (twice as many steps). A
share begins anywhere and has no length: that keeps schedules of many steps right, then without guidance too.

Legend: B batch, C T' H' W' video latents, L audio latents, N rows of a sketch, S numbers in a row.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checkpoint import build, load_checkpoint
from ..media import write_image
from ..models.audio_vae import AudioVAE
from ..models.guide import Guide, hit_features
from ..models.sketch import Sketch
from ..models.sketcher import Sketcher
from ..models.text_encoder import TextEncoder
from ..models.tokenizer import Tokenizer
from ..models.transformer import SoraTransformer
from ..models.video_vae import VideoVAE
from ..sampling import sketching
from ..sampling.flow import SHIFT, euler, schedule, shift_sigma
from ..sampling.guidance import GUIDED_FROM, guided_velocity
from . import parallel
from .data import SKETCH_PARTS, LatentPool, SketchPool, cache_latents, pad_ids
from .loop import LoopOptions, TrainingRun
from .sketcher import BEGINNING_SHARE, SMALLEST_WEIGHTED, draw_given, row_importance, row_presence
from .transformer import (
    AUDIO_WEIGHT,
    FIRST_FRAME_WEIGHT,
    GIVEN_NOISE,
    MOVING_WEIGHT,
    TEXT_LENGTH,
    TransformerTask,
    guide_of,
    weighted_loss,
)

FEWEST = 4                  # steps that shall do
GUIDANCE_SCALE = 2.0        # of the teacher
LEARNING_RATE, MATRIX_LEARNING_RATE = 3e-4, 3e-3
WINDOW_SHARE = 0.7          # of the run's steps, which see parts of clips
ANYWHERE_SHARE = 0.2        # of the rows: steps without length, at any timestep
MEASURED_CLIPS, MEASURED_SKETCHES, MANY = 3, 12, 40
FRAME_RATE, PIXELS = 24.0, 128

Latents = tuple[Tensor, ...]
Predict = Callable[[Latents, Tensor], Latents]      # (noisy, timestep of each row (B,)) -> velocities


def draw_steps(count: int, shift: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Where steps begin and where they end, `(count,)` each in [0, 1]."""
    place = torch.randint(2 * FEWEST, (count,), generator=generator)
    begin = shift_sigma(1 - place / (2 * FEWEST), shift)
    end = shift_sigma(1 - (place // 2 + 1) / FEWEST, shift)
    is_anywhere = torch.rand(count, generator=generator) < ANYWHERE_SHARE
    somewhere = shift_sigma(torch.rand(count, generator=generator), shift).clamp(min=1e-3)
    return torch.where(is_anywhere, somewhere, begin), torch.where(is_anywhere, somewhere, end)


@torch.no_grad()
def step_velocity(guided: Predict, noisy: Latents, begin: Tensor, end: Tensor) -> Latents:
    """The velocity of one straight step from `begin` to `end`, `(B,)`, by the midpoint rule."""
    half = (end - begin) / 2
    first = guided(noisy, begin)
    middle = tuple(x + half.view(-1, *[1] * (x.ndim - 1)) * v for x, v in zip(noisy, first, strict=True))
    return guided(middle, begin + half)


def guide_between(both: Latents, timestep: Tensor) -> Latents:
    """Velocities `(2 B, ...)` with and without what is asked for -> guided ones, `(B, ...)`."""
    scale = torch.where(timestep >= GUIDED_FROM, GUIDANCE_SCALE, 1.0)
    pairs = [x.chunk(2) for x in both]
    return tuple(unwanted + scale.view(-1, *[1] * (wanted.ndim - 1)) * (wanted - unwanted)
                 for wanted, unwanted in pairs)


def twice(x: Tensor) -> Tensor:
    """A batch after itself."""
    return torch.cat([x, x])


class DistilTask(TransformerTask):
    """The batches are those of the joint training, windows first and then whole clips; the text encoder stays."""

    def __init__(self, pool: LatentPool, sketches: SketchPool, transformer: SoraTransformer, sketcher: Sketcher,
                 text_encoder: TextEncoder, tokenizer: Tokenizer, video_vae: VideoVAE, batch_size: int,
                 window_steps: int = 0) -> None:
        super().__init__(pool, sketches, transformer, sketcher, text_encoder.requires_grad_(False), tokenizer,
                         video_vae, batch_size, window_steps)
        del self.modules["text_encoder"], self.configs["text_encoder"]
        device = parallel.device()
        self.text_encoder = text_encoder.to(device)
        self.teacher, self.sketch_teacher = (copy.deepcopy(network).requires_grad_(False).to(device)
                                             for network in (transformer, sketcher))
        for student in (transformer, sketcher):
            student.requires_grad_(True)        # a network from a checkpoint comes without
        ids, mask = pad_ids([""], tokenizer, TEXT_LENGTH)
        self.nothing = ids.to(device), mask.to(device)
        self.can_measure = device.type == "cpu"     # what samples speaks to the processor
        self.references: dict[int | str, Any] = {}

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                text, nothing = self.text_encoder(batch["ids"], batch["mask"]), self.text_encoder(*self.nothing)
            video, audio = self._painting_loss(batch, text, nothing, generator)
            sketch = self._sketching_loss(batch, text, nothing, generator)
        numbers = {"video": float(video.detach()), "audio": float(audio.detach()), "sketch": float(sketch.detach())}
        return video + AUDIO_WEIGHT * audio + sketch, numbers

    def _painting_loss(self, batch: dict[str, Tensor], text: Tensor, nothing: Tensor,
                       generator: torch.Generator) -> tuple[Tensor, Tensor]:
        clean = batch["video"], batch["audio"]
        count = len(clean[0])
        t_video, t_audio, sees = self._timesteps(count, batch["video_places"], batch["audio_places"], generator)
        free = (t_video > 0).float(), (t_audio > 0).float()
        guide = guide_of(batch).times(sees)
        no_guide = guide.beside_none()
        text, mask = text[:count], batch["mask"][:count]
        texts = torch.cat([text, nothing.expand(count, -1, -1)])
        masks = torch.cat([mask, self.nothing[1].expand(count, -1)])
        places = (batch["video_places"].tolist(), batch["audio_places"].tolist())

        def predict(network: SoraTransformer, noisy: Latents, t: Tensor, copies: int) -> Latents:
            return network(*(torch.cat(copies * [x]) for x in noisy),
                           timestep_video=torch.cat(copies * [t[:, None] * free[0]]),
                           timestep_audio=torch.cat(copies * [t[:, None] * free[1]]),
                           text=texts[:copies * count], text_mask=masks[:copies * count],
                           frame_rate=torch.full((copies * count,), FRAME_RATE),
                           guide=no_guide if copies == 2 else guide, places=places)

        begin, end = draw_steps(count, SHIFT, generator)
        at = (begin[:, None] * free[0])[:, None, :, None, None], (begin[:, None] * free[1])[:, None]
        noisy = tuple(x + a.clamp(min=GIVEN_NOISE) * (torch.randn(x.shape, generator=generator) - x * (a > 0))
                      for x, a in zip(clean, at, strict=True))
        targets = step_velocity(lambda x, t: guide_between(predict(self.teacher, x, t, 2), t), noisy, begin, end)
        velocities = predict(self.transformer, noisy, begin, 1)
        importance = 1 + (MOVING_WEIGHT - 1) * batch["moving"]
        importance[:, :, 0] = FIRST_FRAME_WEIGHT
        return (weighted_loss(velocities[0], targets[0], at[0], importance),
                weighted_loss(velocities[1], targets[1], at[1]))

    def _sketching_loss(self, batch: dict[str, Tensor], text: Tensor, nothing: Tensor,
                        generator: torch.Generator) -> Tensor:
        total = len(batch["stage"])
        others = len(text) - len(batch["video"])
        asked = [*range(total - others), *range(len(text) - others, len(text))]    # the words of these sketches
        picture = batch["picture"][:total - others]
        picture = torch.cat([picture, picture.new_zeros(others, *picture.shape[1:])])
        sketch = Sketch(*(batch[name] for name in SKETCH_PARTS))
        rows = self.sketcher.to_rows(sketch)
        is_given = draw_given(rows, generator)
        frames = batch["states"].shape[2] // 8 + 1
        known = torch.randint(1, frames, (total, 1), generator=generator)
        is_beginning = torch.rand(total, 1, generator=generator) < BEGINNING_SHARE
        free = (~(is_beginning & (self.sketcher.row_frames(frames) < known))).float()           # (B, N)
        given = {"text": torch.cat([text[asked], nothing.expand(total, -1, -1)]),
                 "text_mask": torch.cat([batch["mask"][asked], self.nothing[1].expand(total, -1)]),
                 "aspect": twice(batch["aspect"]), "picture": twice(picture),
                 "picture_mask": twice(batch["has_picture"])}

        def predict(network: Sketcher, noisy: Latents, t: Tensor, copies: int) -> Latents:
            told = network.given(noisy[0], rows, is_given)
            return (network(torch.cat(copies * [told]), torch.cat(copies * [t[:, None] * free]),
                            **{name: value[:copies * total] for name, value in given.items()}),)

        begin, end = draw_steps(total, sketching.SHIFT, generator)
        at = (begin[:, None] * free)[..., None]
        noise = torch.randn(rows.shape, generator=generator)
        noisy = ((1 - at) * rows + at * noise) * self.sketcher.row_mask(frames)
        target, = step_velocity(lambda x, t: guide_between(predict(self.sketch_teacher, x, t, 2), t), (noisy,), begin,
                                end)
        velocity, = predict(self.sketcher, (noisy,), begin, 1)
        weight = (at / at.clamp(min=SMALLEST_WEIGHTED)) ** 2
        counts = row_importance(self.sketcher, frames) * row_presence(sketch, frames, rows.shape[-1])
        counts = counts * (at > 0) * ~is_given
        return ((velocity - target) ** 2 * weight * counts).sum() / counts.sum().clamp(min=1)

    @torch.no_grad()
    def distances(self, steps: int, *, is_student: bool = True) -> dict[str, float]:
        """How far clips and sketches of few steps without guidance are from those of many with it, by the teacher.

        Returns:
            Mean squared differences of video and audio latents, over their variances; and of the places in sketches,
            in pixels. Always of the same clips and the same noise.
        """
        networks = (self.transformer, self.sketcher) if is_student else (self.teacher, self.sketch_teacher)
        with torch.autocast("cpu", torch.bfloat16):
            return self._painting_distances(networks[0], steps) | self._sketching_distances(networks[1], steps)

    def _painting_distances(self, network: SoraTransformer, steps: int) -> dict[str, float]:
        found = []
        for row in range(MEASURED_CLIPS):
            many = self._painted_by_teacher(row)
            made = self._painted(network, row, steps, 1.0)
            found.append([float((x - y).square().mean() / y.var()) for x, y in zip(made, many, strict=True)])
        video, audio = np.mean(found, axis=0).tolist()
        return {"video": video, "audio": audio}

    def _painted_by_teacher(self, row: int) -> Latents:
        if row not in self.references:
            self.references[row] = self._painted(self.teacher, row, MANY, GUIDANCE_SCALE)
        return self.references[row]

    def _painted(self, network: SoraTransformer, row: int, steps: int, guidance_scale: float) -> Latents:
        """Latents of one of the measured clips, over its true sketch."""
        clips = self.pool.draw(np.random.default_rng(0), MEASURED_CLIPS)
        ids, mask = pad_ids([clips.texts[row], ""], self.tokenizer, TEXT_LENGTH)
        states = self.text_encoder(ids, mask)
        positive, negative = (states[i:i + 1, :int(mask[i].sum())] for i in (0, 1))
        guide = Guide(clips.guide[row:row + 1], hit_features(clips.sketch[row:row + 1], clips.audio.shape[2]),
                      clips.setting[row:row + 1])
        generator = torch.Generator().manual_seed(row)
        noise = [torch.randn(x[:1].shape, generator=generator) for x in (clips.video, clips.audio)]
        velocity = guided_velocity(network, positive, negative, guidance_scale, FRAME_RATE, guide)
        return euler(velocity, *noise, schedule(steps))

    def _sketching_distances(self, network: Sketcher, steps: int) -> dict[str, float]:
        _, aspects, texts = self.sketches.draw(np.random.default_rng(0), MEASURED_SKETCHES)
        ids, mask = pad_ids([*texts, *[""] * len(texts)], self.tokenizer, TEXT_LENGTH)
        text, frames = self.text_encoder(ids, mask), sketching.WINDOW
        shape = (len(texts), len(network.row_mask(frames)), network.config.row)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * network.row_mask(frames)

        def velocity(network: Sketcher, rows: Tensor, t: Tensor, copies: int) -> Tensor:
            count = copies * len(texts)
            return network(torch.cat(copies * [rows]), t.expand(count, rows.shape[1]), text=text[:count],
                           text_mask=mask[:count], aspect=torch.cat(copies * [aspects]))

        def walk(steps: int, once: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
            rows = noise
            times = shift_sigma(torch.linspace(1, 0, steps + 1), sketching.SHIFT)
            for t, following in zip(times[:-1], times[1:], strict=True):
                rows = rows + (following - t) * once(rows, t)
            return network.from_rows(rows).states[..., :2]

        if "sketches" not in self.references:
            self.references["sketches"] = walk(MANY, lambda rows, t: guide_between(
                (velocity(self.sketch_teacher, rows, t, 2),), t)[0])
        made = walk(steps, lambda rows, t: velocity(network, rows, t, 1))
        return {"pixels": PIXELS * float((made - self.references["sketches"]).norm(dim=-1)[:, 0].mean())}

    @torch.no_grad()
    def sample(self, folder: Path, step: int) -> None:
        """A sheet, frames left to right: each clip as the teacher paints it, then by the student's schedules."""
        if not self.can_measure:
            return
        rows = []
        with torch.autocast("cpu", torch.bfloat16):
            for row in range(MEASURED_CLIPS):
                made = [self._painted(self.transformer, row, steps, 1.0) for steps in (2 * FEWEST, FEWEST)]
                rows += [self.video_vae.decode(x[0].float()) for x in (self._painted_by_teacher(row), *made)]
        sheet = torch.cat([torch.cat(list(row[:, :, ::8].float().unbind(2)), dim=-1) for row in rows], dim=2)
        write_image(folder / f"sheet-{step:06d}.png", sheet.clamp(-1, 1)[:, :, None])


@dataclass(frozen=True)
class DistilOptions:
    """What to learn from; see `LoopOptions` for how long.

    Attributes:
        data: pool of clips; cache: folder for its latents.
        sketches: pool of sketches without pictures.
        start_from: checkpoint of the trained sketcher, transformer and text encoder: the teacher.
    """

    data: Path
    sketches: Path
    cache: Path
    video_vae: Path
    audio_vae: Path
    start_from: Path
    batch_size: int = 12


def train(options: DistilOptions, loop: LoopOptions, say: Callable[[str], None] = print) -> bool:
    """One slice; says how near the student is if it takes samples. True when the whole run is done."""
    video_vae = build(load_checkpoint(options.video_vae), "video_vae", VideoVAE)
    audio_vae = build(load_checkpoint(options.audio_vae), "audio_vae", AudioVAE)
    parallel.start()
    with parallel.first_rank_first():
        cache_latents(options.data, options.cache, video_vae, audio_vae)
    start = load_checkpoint(options.start_from)
    networks = [build(start, name, factory) for name, factory in
                (("transformer", SoraTransformer), ("sketcher", Sketcher), ("text_encoder", TextEncoder))]
    torch.manual_seed(loop.seed)
    task = DistilTask(LatentPool(options.cache), SketchPool(options.sketches), *networks,
                      Tokenizer.from_json(start.vocabulary), video_vae, options.batch_size,
                      window_steps=int(WINDOW_SHARE * loop.steps))
    task.facts = {"teacher": start.training, "guidance_scale": GUIDANCE_SCALE, "fewest_steps": FEWEST}
    is_measured = loop.sample_every > 0 and task.can_measure
    if is_measured:
        before = _told(task.distances(FEWEST, is_student=False))
        say(f"{FEWEST} steps without guidance lie from {MANY} with it: {before}")
    run = TrainingRun(task, loop)
    is_done = run.run(say)
    if is_measured:
        run.average.swap()
        say(f"and now: {_told(task.distances(FEWEST))}; {2 * FEWEST} steps: {_told(task.distances(2 * FEWEST))}")
        run.average.swap()
    return is_done


def _told(distances: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in distances.items())
