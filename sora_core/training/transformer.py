"""Joint training of the sketcher, the transformer and their text encoder: what is given, what is asked, the loss.

Legend: B batch, C T' H' W' video latents, L audio latents.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoint import build, load_checkpoint, load_into
from ..config import Config, SketcherConfig, TextEncoderConfig, TransformerConfig
from ..errors import ConfigError
from ..media import write_image
from ..models.audio_vae import AudioVAE
from ..models.guide import Guide, hit_features, make_guide
from ..models.sketch import Sketch
from ..models.sketcher import Sketcher
from ..models.text_encoder import TextEncoder
from ..models.tokenizer import Tokenizer, train_tokenizer
from ..models.transformer import SoraTransformer
from ..models.video_vae import VideoVAE
from ..sampling.flow import DEFAULT_GUIDANCE_SCALE, SHIFT, lcm, schedule, shift_sigma
from ..sampling.guidance import guided_velocity
from ..sampling.sketching import draw_sketch
from ..shapes import audio_latent_times, video_latent_times
from . import parallel
from .data import SKETCH_PARTS, LatentPool, SketchPool, cache_latents, pad_ids, roughen
from .loop import LoopOptions, TrainingRun
from .sketcher import fit_paths, picture_choice, sketch_loss

TEXT_LENGTH = 48           # tokens; longer wordings of a clip are cut
WINDOW = 5                 # latent frames of a window: early training sees parts of clips, at less than half the cost
WINDOW_SHARE = 0.9         # of the steps
PICTURE_SHARE = 0.45       # of those: first frames alone, in larger batches; they teach what the words look like
PICTURE_BATCH = 3          # times as many clips in such a batch
PICTURE_SOUNDS = 4         # audio latents that go with a first frame
TEXT_DROP = 0.1
GUIDE_DROP, GUIDE_DROP_WITHOUT_TEXT = 0.08, 0.6
GUIDE_DROP_WHERE_GIVEN = 0.7   # a clip whose picture, sound or beginning is given has no sketch when it is used
SETTING_TOLD = 0.7         # of what is known of where a clip plays; a prompt seldom says all of it
MISLED = 0.06              # clips with the words of another: what the sketch and the setting say goes before them
MORE_SKETCHES = 3.0        # sketches without pictures, for each clip of the batch
UNIFORM_SHARE = 0.1        # of the timesteps; the rest is logit-normal (arXiv:2403.03206, section 3.1)
SMALLEST_WEIGHTED = 0.15   # the loss is that of the velocity, (error of x_0 / t)^2, with t no smaller than this
AUDIO_WEIGHT = 0.8
FIRST_FRAME_WEIGHT = 4.0   # an error in the first frame shows in all of them: the others are differences from it
MOVING_WEIGHT = 3.0        # of cells that a thing covers and didn't in the first frame, or the other way round
MOVED = 1e-3               # squared difference of the latents of drawn masks that is more than rounding
GIVEN_NOISE = 0.02         # on latents that are given, so that small errors of earlier windows do no harm
# What is given, as shares of the batch; the rest generates both at one timestep.
FIRST_FRAME, BEGINNING, VIDEO_GIVEN, AUDIO_GIVEN, APART, LATER_FRAME = 0.15, 0.07, 0.10, 0.06, 0.04, 0.06

SHEET_PROMPTS = [
    "a red rubber ball drops onto a wooden floor and bounces",
    "a blue metal box falls onto concrete",
    "a yellow ball rolls across the grass from left to right",
    "a green ball and a white ball collide on the ice",
    "a woman in a red shirt walks across a wooden floor from left to right",
    "a black dog trots along and barks",
]


def draw_timesteps(batch: int, generator: torch.Generator) -> Tensor:
    """`(batch,)` in (0, 1): logit-normal or uniform, then moved to more noise as in sampling."""
    normal = torch.sigmoid(torch.randn(batch, generator=generator))
    uniform = torch.rand(batch, generator=generator)
    is_uniform = torch.rand(batch, generator=generator) < UNIFORM_SHARE
    return shift_sigma(torch.where(is_uniform, uniform, normal), SHIFT).clamp(1e-3, 1)


def guide_of(batch: dict[str, Tensor]) -> Guide:
    """The guide of a batch, as its tensors have it."""
    return Guide(*(batch[f"guide_{field.name}"] for field in fields(Guide)))


class TransformerTask:
    """Flow matching on both modalities, with parts of either given at timestep 0."""

    def __init__(self, pool: LatentPool, sketches: SketchPool, transformer: SoraTransformer, sketcher: Sketcher,
                 text_encoder: TextEncoder, tokenizer: Tokenizer, video_vae: VideoVAE, batch_size: int,
                 window_steps: int = 0) -> None:
        self.pool, self.sketches = pool, sketches
        self.tokenizer, self.video_vae, self.batch_size = tokenizer, video_vae, batch_size
        self.window_steps = window_steps   # so many steps at the beginning see windows only
        self.modules: dict[str, nn.Module] = {"transformer": transformer, "sketcher": sketcher,
                                              "text_encoder": text_encoder}
        self.configs: dict[str, Config] = {name: module.config for name, module in self.modules.items()}
        self.vocabulary = tokenizer.to_json()
        self.transformer, self.sketcher, self.text_encoder = transformer, sketcher, text_encoder

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        is_early = step < self.window_steps
        is_picture = is_early and rng.random() < PICTURE_SHARE
        clips = self.pool.draw(rng, self.batch_size * (PICTURE_BATCH if is_picture else 1))
        places = (range(clips.video.shape[2]), range(clips.audio.shape[2]))
        if is_picture:
            places = ([0], range(min(PICTURE_SOUNDS, clips.audio.shape[2])))
        elif is_early and clips.video.shape[2] > WINDOW:
            places = self._window(clips.video.shape[2], clips.audio.shape[2], rng)
        masks = clips.guide[:, self.transformer.config.video_channels:, list(places[0])]
        moving = (masks - masks[:, :, :1]).square().sum(1, keepdim=True) > MOVED
        guide = Guide(clips.guide, hit_features(clips.sketch, clips.audio.shape[2]), clips.setting)
        guide = guide.window(list(places[0]), list(places[1]))
        batch = {"video": clips.video[:, :, list(places[0])], "audio": clips.audio[:, :, list(places[1])],
                 "video_places": torch.tensor(list(places[0])), "audio_places": torch.tensor(list(places[1])),
                 "picture": clips.video[:, :, 0], "moving": moving.float()}
        has_text = rng.random(len(clips.texts)) >= TEXT_DROP
        keeps = rng.random(len(has_text)) >= np.where(has_text, GUIDE_DROP, GUIDE_DROP_WITHOUT_TEXT)
        keeps = torch.from_numpy(keeps).float()
        told = rng.random(guide.setting.shape) < SETTING_TOLD
        texts = [roughen(text, rng) if has else "" for text, has in zip(clips.texts, has_text, strict=True)]
        for row in np.flatnonzero(has_text & (rng.random(len(texts)) < MISLED)):
            texts[row], told[row] = str(rng.choice(clips.texts)), True
        guide = replace(guide, setting=guide.setting * torch.from_numpy(told)).times(keeps)
        batch |= {f"guide_{field.name}": getattr(guide, field.name) for field in fields(Guide)}
        return batch | self._sketch_batch(clips.sketch, clips.video.shape[4] / clips.video.shape[3], texts, rng)

    def _sketch_batch(self, sketch: Sketch, aspect: float, texts: list[str],
                      rng: np.random.Generator) -> dict[str, Tensor]:
        """The clips' sketches and more without pictures; the words of all of them."""
        own = min(self.batch_size, len(texts))
        others, aspects, wordings = self.sketches.draw(rng, int(MORE_SKETCHES * self.batch_size))
        wordings = ["" if rng.random() < TEXT_DROP else roughen(text, rng) for text in wordings]
        ids, mask = pad_ids([*texts, *wordings], self.tokenizer, TEXT_LENGTH)
        both = Sketch.join([sketch[:own], others])
        parts = {name: getattr(both, name) for name in SKETCH_PARTS}
        return parts | {"ids": ids, "mask": mask, "aspect": torch.cat([torch.full((own,), aspect), aspects]),
                        "has_picture": picture_choice(own, len(aspects), rng)}

    def _window(self, frames: int, sounds: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """The first frame and a part of the clip: mostly the beginning, where most of it happens."""
        config = self.transformer.config
        start = 1 if rng.random() < 0.5 else int(rng.integers(1, frames - WINDOW + 2))
        stop = start + WINDOW - 1
        begin, end = (int(max(0, config.temporal_compression * k - 7) / 24 * config.audio_latent_rate)
                      for k in (start if start > 1 else 0, stop))
        return [0, *range(start, stop)], list(range(begin, min(sounds, end)))

    def _timesteps(self, batch: int, video_places: Tensor, audio_places: Tensor,
                   generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Timesteps `(B, T')` and `(B, L)`, 0 where given; and `(B,)`, 0 where a sketch isn't to be seen, else 1."""
        frames, sounds = len(video_places), len(audio_places)
        t = draw_timesteps(batch, generator)
        t_video = t[:, None].repeat(1, frames)
        t_audio = t[:, None].repeat(1, sounds)
        kinds = torch.rand(batch, generator=generator)
        other = draw_timesteps(batch, generator)
        sees = torch.ones(batch)
        hides = torch.rand(batch, generator=generator) < GUIDE_DROP_WHERE_GIVEN
        lengths = torch.randint(2, frames // 2 + 3, (batch,), generator=generator).clamp(max=frames - 1)
        config = self.transformer.config
        ends = torch.tensor(video_latent_times(int(video_places[-1]) + 1, config.temporal_compression, 24.0))
        ends = ends[video_places]
        sound_times = torch.tensor(audio_latent_times(int(audio_places[-1]) + 1, 1, 1))[audio_places]
        sound_times = sound_times / config.audio_latent_rate
        for row, kind in enumerate(kinds.tolist()):
            if frames == 1:
                break
            edges = np.cumsum([FIRST_FRAME, BEGINNING, VIDEO_GIVEN, AUDIO_GIVEN, APART, LATER_FRAME])
            if kind < edges[0]:
                t_video[row, 0] = 0
            elif kind < edges[1]:
                t_video[row, :lengths[row]] = 0
                t_audio[row, sound_times < ends[int(lengths[row])] - 0.15] = 0
            elif kind < edges[2]:
                t_video[row] = 0
            elif kind < edges[3]:
                t_audio[row] = 0
            elif kind < edges[4]:
                t_audio[row] = other[row]
            elif kind < edges[5]:
                t_video[row, -1 if row % 2 else int(lengths[row])] = 0
            if edges[0] <= kind < edges[3] and hides[row]:
                sees[row] = 0
        return t_video, t_audio, sees

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        video, audio = batch["video"], batch["audio"]
        t_video, t_audio, sees = self._timesteps(len(video), batch["video_places"], batch["audio_places"], generator)
        noise_video = torch.randn(video.shape, generator=generator)
        noise_audio = torch.randn(audio.shape, generator=generator)
        at_video, at_audio = t_video[:, None, :, None, None], t_audio[:, None]
        noisy_video = video + at_video.clamp(min=GIVEN_NOISE) * (noise_video - video * (at_video > 0))
        noisy_audio = audio + at_audio.clamp(min=GIVEN_NOISE) * (noise_audio - audio * (at_audio > 0))
        count = len(video)
        with torch.autocast("cpu", torch.bfloat16):
            text = self.text_encoder(batch["ids"], batch["mask"])
            v_video, v_audio = self.transformer(
                noisy_video, noisy_audio, timestep_video=t_video, timestep_audio=t_audio, text=text[:count],
                text_mask=batch["mask"][:count], frame_rate=torch.full((count,), 24.0),
                guide=guide_of(batch).times(sees),
                places=(batch["video_places"].tolist(), batch["audio_places"].tolist()))
            loss_sketch = self._sketch_loss(batch, text, count, generator)
        importance = 1 + (MOVING_WEIGHT - 1) * batch["moving"]
        importance[:, :, 0] = FIRST_FRAME_WEIGHT
        loss_video = weighted_loss(v_video, noise_video - video, at_video, importance)
        loss_audio = weighted_loss(v_audio, noise_audio - audio, at_audio)
        total = loss_video + AUDIO_WEIGHT * loss_audio + loss_sketch
        return total, {"video": float(loss_video.detach()), "audio": float(loss_audio.detach()),
                       "sketch": float(loss_sketch.detach())}

    def _sketch_loss(self, batch: dict[str, Tensor], text: Tensor, clips: int, generator: torch.Generator) -> Tensor:
        """The words of the first clips belong to the first sketches, those after all clips to the other sketches."""
        total = len(batch["stage"])
        others = len(text) - clips
        rows = [*range(total - others), *range(len(text) - others, len(text))]
        picture = batch["picture"][:total - others]
        picture = torch.cat([picture, picture.new_zeros(others, *picture.shape[1:])])
        sketch = Sketch(*(batch[name] for name in SKETCH_PARTS))
        return sketch_loss(self.sketcher, sketch, batch["aspect"], text[rows], batch["mask"][rows], picture,
                           batch["has_picture"], generator)

    @torch.inference_mode()
    def sample(self, folder: Path, step: int) -> None:
        """A sheet of the prompts above, frames left to right: what is painted, and below it the sketch."""
        ids, mask = pad_ids([*SHEET_PROMPTS, ""], self.tokenizer, TEXT_LENGTH)
        rows = []
        with torch.autocast("cpu", torch.bfloat16):
            states = self.text_encoder(ids, mask)
            for row, prompt in enumerate(SHEET_PROMPTS):
                generator = torch.Generator().manual_seed(row)
                config = self.transformer.config
                noise = torch.randn(1, config.video_channels, 13, 8, 8, generator=generator)
                sound = torch.randn(1, config.audio_channels, 48, generator=generator)
                positive, negative = states[row:row + 1, :len(self.tokenizer.encode(prompt))], states[-1:, :1]
                sketch = draw_sketch(self.sketcher, positive, negative, frames=97, aspect=1.0, seed=row)
                guide = make_guide(sketch, self.video_vae, 128, 128, 48)
                velocity = guided_velocity(self.transformer, positive, negative, DEFAULT_GUIDANCE_SCALE, 24.0, guide)
                latents, _ = lcm(velocity, noise, sound, schedule(16), seed=row)
                drawn = guide.video[:, :config.video_channels]
                rows += [self.video_vae.decode(x.float())[0].float() for x in (latents, drawn)]
        frames = torch.stack(rows)[:, :, ::8].clamp(-1, 1)  # (rows, 3, frames, H, W)
        count, _, shown, height, width = frames.shape
        sheet = frames.permute(1, 0, 3, 2, 4).reshape(1, 3, 1, count * height, shown * width)
        write_image(folder / f"sheet-{step:06d}.png", sheet)


class OneNetworkTask(TransformerTask):
    """One network alone learns, in shorter steps; the others stay as they are."""

    learns = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, module in self.modules.items():
            if name != self.learns:
                module.requires_grad_(False)


class SketcherTask(OneNetworkTask):
    """The sketcher alone learns: four times as many steps in the same time; words and painting stay as they are."""

    learns = "sketcher"

    def batch(self, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        clips = self.pool.draw(rng, self.batch_size)
        aspect = clips.video.shape[4] / clips.video.shape[3]
        texts = [roughen(text, rng) if rng.random() >= TEXT_DROP else "" for text in clips.texts]
        return {"picture": clips.video[:, :, 0]} | self._sketch_batch(clips.sketch, aspect, texts, rng)

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                text = self.text_encoder(batch["ids"], batch["mask"])
            loss = self._sketch_loss(batch, text, len(batch["picture"]), generator)
        return loss, {"sketch": float(loss.detach())}


class PainterTask(OneNetworkTask):
    """The transformer alone learns: the words and the sketcher that has learnt with them stay as they are."""

    learns = "transformer"

    def _sketch_batch(self, sketch: Sketch, aspect: float, texts: list[str],
                      rng: np.random.Generator) -> dict[str, Tensor]:
        ids, mask = pad_ids(texts, self.tokenizer, TEXT_LENGTH)
        return {"ids": ids, "mask": mask}

    def _sketch_loss(self, batch: dict[str, Tensor], text: Tensor, clips: int, generator: torch.Generator) -> Tensor:
        return text.new_zeros(())


def weighted_loss(velocity: Tensor, target: Tensor, timestep: Tensor, importance: Tensor | float = 1.0) -> Tensor:
    """Mean squared error of the velocity over the latents that are asked for, gently weighted near the data."""
    weight = (timestep / timestep.clamp(min=SMALLEST_WEIGHTED)) ** 2   # x_0's error / max(t, smallest), squared
    asked = (timestep > 0).expand_as(target)
    asked = asked * importance
    return ((velocity - target) ** 2 * weight * asked).sum() / asked.sum().clamp(min=1)


TASKS = {"": TransformerTask, "sketcher": SketcherTask, "transformer": PainterTask}


@dataclass(frozen=True)
class TransformerOptions:
    """What to train on; see `LoopOptions` for how long.

    Attributes:
        data: pool of clips; cache: folder for its latents.
        tokenizers: folder or file of a checkpoint with both autoencoders.
        sketches: pool of sketches without pictures.
        start_from: checkpoint whose weights to begin with, or None.
        only: "sketcher" or "transformer": the rest of that checkpoint stays as it is; "" = all of it learns.
    """

    data: Path
    sketches: Path
    cache: Path
    video_vae: Path
    audio_vae: Path
    start_from: Path | None = None
    batch_size: int = 32
    width: int = 256
    depth: int = 6
    compile: bool = False
    only: str = ""

    def __post_init__(self) -> None:
        if self.only and self.start_from is None:
            raise ConfigError(f"--only {self.only} needs trained words to learn with; name a checkpoint with "
                              "--start-from")


def train(options: TransformerOptions, loop: LoopOptions) -> bool:
    """Cache latents, then train for one slice. True when the whole run is done."""
    video_vae = build(load_checkpoint(options.video_vae), "video_vae", VideoVAE).eval()
    audio_vae = build(load_checkpoint(options.audio_vae), "audio_vae", AudioVAE).eval()
    parallel.start()
    with parallel.first_rank_first():
        encoded = cache_latents(options.data, options.cache, video_vae, audio_vae)
    pool, sketches = LatentPool(options.cache), SketchPool(options.sketches)
    print(f"{encoded} new shards encoded; {len(pool)} clips, mirrored ones included; {len(sketches)} sketches",
          flush=True)
    torch.manual_seed(loop.seed)
    tokenizer = _tokenizer(pool, loop.output, options.start_from)
    transformer_config = TransformerConfig(
        video_channels=video_vae.config.latent_channels, audio_channels=audio_vae.config.latent_channels,
        width=options.width, depth=options.depth, num_heads=options.width // 64)
    text_config = TextEncoderConfig(vocabulary_size=tokenizer.vocabulary_size, depth=2)
    transformer, text_encoder = SoraTransformer(transformer_config), TextEncoder(text_config)
    sketcher = Sketcher(SketcherConfig(video_channels=transformer_config.video_channels))
    transformer.initialise()
    sketcher.initialise()
    kept = fit_paths(sketcher, sketches)
    print(f"the sketcher's components keep {kept:.4%} of the paths' variance", flush=True)
    nn.init.normal_(text_encoder.embedding.weight, std=0.5)
    if options.start_from is not None:
        start = load_checkpoint(options.start_from)
        load_into(transformer, start.tensors["transformer"], "transformer")
        load_into(text_encoder, start.tensors["text_encoder"], "text_encoder")
        if "sketcher" in start.tensors:
            load_into(sketcher, start.tensors["sketcher"], "sketcher")
    if options.compile:
        torch._dynamo.config.cache_size_limit = 64   # one graph per shape of clip
        for block in [*transformer.blocks, *sketcher.blocks]:
            block.compile(dynamic=False)
    task = TASKS[options.only](pool, sketches, transformer, sketcher, text_encoder, tokenizer, video_vae,
                               options.batch_size, window_steps=int(WINDOW_SHARE * loop.steps))
    return TrainingRun(task, loop).run(lambda line: print(line, flush=True))


def _tokenizer(pool: LatentPool, output: Path, start_from: Path | None) -> Tokenizer:
    """The run's own vocabulary if it has one, or that of the weights it begins with, or a new one from the captions."""
    for saved in (output / "transformer-sketcher-text_encoder.safetensors", start_from):
        if saved is not None and saved.exists():
            return Tokenizer.from_json(load_checkpoint(saved).vocabulary)
    return train_tokenizer(pool.all_captions()[::3], 2048)
