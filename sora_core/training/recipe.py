"""The whole recipe, in slices: pool -> sketches -> autoencoders -> transformer -> finisher -> distil -> pack -> judge.

Everything lies in one folder, and every stage picks up what it finds there, so the chain can be cut anywhere and run
again. What is done is kept in `recipe.json`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..config import AudioVAEConfig, VideoVAEConfig
from ..errors import ConfigError, ResourceError
from . import audio_vae, distil, finisher, video_vae
from .loop import LoopOptions
from .pack import pack
from .transformer import TransformerOptions
from .transformer import train as train_transformer

# Most clips of these families have a sketch; clips without one are not learnt from.
SKETCHED_FAMILIES = ("drop", "throw", "roll", "collide", "slide", "group", "topple", "ramp", "pendulum", "billiards",
                     "basketball", "goal", "walk", "run", "jump", "wave", "gymnast", "skater", "stumble", "dog", "cat",
                     "bird")
VARIATION = 0.1                # share of the clips with a style, something in the air, or a camera move
SHARD_CLIPS, SKETCH_SHARD_CLIPS = 16, 256
SHARDS_AT_A_TIME = 4           # for each worker, between two looks at the clock
SMALLEST_SLICE_S = 5.0         # of time left: with less, no further stage is begun,
SMALLEST_JUDGE_S = 60.0        # and with less than this the judge isn't asked
PACKED = "sora.safetensors"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Preset:
    """Sizes of the pool, the networks and the runs.

    Attributes:
        clips, sketches: of the pools. video_steps, audio_steps, steps, finisher_steps, distil_steps:
            lengths of the runs.
        video_config, audio_config: sizes of the autoencoders. width, depth: of the transformer.
        judge: arguments of `evaluate`, where "CHECKPOINT" and "POOL" stand for what was made.
    """

    clips: int
    sketches: int
    video_steps: int
    audio_steps: int
    steps: int
    finisher_steps: int
    distil_steps: int
    batch_size: int
    width: int
    depth: int
    learning_rate: float
    matrix_learning_rate: float
    video_config: VideoVAEConfig
    audio_config: AudioVAEConfig
    compile: bool
    judge: tuple[str, ...]


PRESETS = {
    "nano": Preset(clips=4096, sketches=10240, video_steps=4000, audio_steps=6000, steps=7000, finisher_steps=3000,
                   distil_steps=600, batch_size=24, width=256, depth=6, learning_rate=1.5e-3,
                   matrix_learning_rate=0.015, compile=True,
                   video_config=VideoVAEConfig(), audio_config=AudioVAEConfig(),
                   judge=("--suite", "quick", "--checkpoint", "CHECKPOINT")),
    # Proves the chain in seconds; what it makes is noise.
    "tiny": Preset(clips=2, sketches=8, video_steps=1, audio_steps=1, steps=2, finisher_steps=1,
                   distil_steps=1, batch_size=2, width=64, depth=1, learning_rate=1e-3,
                   matrix_learning_rate=0.01, compile=False,
                   video_config=VideoVAEConfig(latent_channels=8, context_width=8, cell_width=8, cell_depth=1),
                   audio_config=AudioVAEConfig(latent_channels=8, width=16, depth=1),
                   judge=("tokenizers", "--data", "POOL", "--checkpoint", "CHECKPOINT", "--clips", "1")),
}


class Recipe:
    """One folder in which a preset is being carried out.

    Args:
        minutes: of this slice; None goes on to the end.
        workers: processes that render.
    """

    def __init__(self, output: Path, preset: str, *, minutes: float | None = None, workers: int | None = None,
                 seed: int = 0, say: Say = print) -> None:
        if preset not in PRESETS:
            raise ConfigError(f"preset={preset!r} is unknown; use {' or '.join(PRESETS)}")
        if minutes is not None and not minutes > 0:
            raise ConfigError(f"minutes={minutes} must be more than zero")
        self.output, self.preset, self.seed, self.say = Path(output), PRESETS[preset], seed, say
        self.workers = workers or os.cpu_count() or 1
        self.end = None if minutes is None else time.monotonic() + 60 * minutes
        self.notes = self._open({"preset": preset, "seed": seed, **json.loads(json.dumps(asdict(self.preset)))})

    def run(self) -> bool:
        """Go on until the recipe is done or the minutes are over. True when it is done."""
        stages: dict[str, Callable[[], bool]] = {
            "pool": self._render, "sketches": self._sketch, "video-vae": self._train_video,
            "audio-vae": self._train_audio, "transformer": self._train_transformer, "finisher": self._train_finisher,
            "distil": self._distil, "pack": self._pack, "judge": self._judge}
        is_first = True                # of this slice: it always gets somewhere
        for number, (name, stage) in enumerate(stages.items(), 1):
            if name in self.notes["done"]:
                continue
            left, needed = self._left(), SMALLEST_JUDGE_S if name == "judge" else SMALLEST_SLICE_S
            if left is not None and left < needed and not is_first:
                return self._stop(name)
            is_first = False
            self.say(f"stage {number} of {len(stages)}: {name}")
            if not stage():
                return self._stop(name)
            self.notes["done"].append(name)
            self._write_notes()
        self.say(f"done: {self.output / 'checkpoint'}")
        return True

    def _stop(self, name: str) -> bool:
        self.say(f"stopped in {name}; run the same command again to go on")
        return False

    def _left(self) -> float | None:
        """Seconds until the slice is over, not below zero; None is for ever."""
        return None if self.end is None else max(0.0, self.end - time.monotonic())

    def _minutes(self) -> float | None:
        left = self._left()
        return None if left is None else max(left, 0.1) / 60

    # Notes

    def _open(self, settings: dict[str, Any]) -> dict[str, Any]:
        """What is done so far; a folder with another recipe is refused."""
        path = self.output / "recipe.json"
        try:
            self.output.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8") if path.exists() else "{}"
            notes = {"settings": settings, "done": [], **json.loads(text)}
        except OSError as error:
            raise ResourceError(f"the folder {self.output} can't be used: {error.strerror}; choose another --output"
                                ) from None
        except ValueError:
            raise ConfigError(f"{path} is damaged; remove it to begin the recipe anew from what lies there") from None
        for name, value in settings.items():
            before = notes["settings"].get(name)
            if before != value:
                raise ConfigError(f"this recipe was begun with {name}={before}, not {value}; use the same options, or "
                                  "choose another --output")
        return notes

    def _write_notes(self) -> None:
        path = self.output / "recipe.json"
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(self.notes, indent=1), encoding="utf-8")
        os.replace(beside, path)

    # Stages: each returns whether it is done

    def _render(self) -> bool:
        return self._fill(self.output / "pool", self.preset.clips, SHARD_CLIPS, self.seed, sketches_only=False)

    def _sketch(self) -> bool:
        return self._fill(self.output / "sketches", self.preset.sketches, SKETCH_SHARD_CLIPS, self.seed + 1,
                          sketches_only=True)

    def _fill(self, folder: Path, clips: int, per_shard: int, seed: int, *, sketches_only: bool) -> bool:
        """Render with all workers, some shards at a time."""
        from ..world.pool import Mix, write_pool

        mix = Mix(SKETCHED_FAMILIES, VARIATION)
        step = per_shard * SHARDS_AT_A_TIME * self.workers
        there = per_shard * len(list(folder.glob("shard-*.safetensors")))
        for target in range(min(clips, there // step * step + step), clips + step, step):
            write_pool(folder, clips=min(target, clips), seed=seed, workers=self.workers, sketches_only=sketches_only,
                       mix=mix)
            if target < clips and self._left() == 0:
                return False
        return True

    def _train_video(self) -> bool:
        return video_vae.train(self.output / "pool", self.output / "video-vae", steps=self.preset.video_steps,
                               minutes=self._minutes(), seed=self.seed, config=self.preset.video_config,
                               batch_size=min(8, self.preset.batch_size), say=self.say)

    def _train_audio(self) -> bool:
        return audio_vae.train(self.output / "pool", self.output / "audio-vae", steps=self.preset.audio_steps,
                               minutes=self._minutes(), seed=self.seed, config=self.preset.audio_config,
                               batch_size=min(4, self.preset.batch_size), say=self.say)

    def _train_transformer(self) -> bool:
        preset = self.preset
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(self.output.resolve() / "compiled"))   # paid once
        options = TransformerOptions(
            data=self.output / "pool", sketches=self.output / "sketches", cache=self.output / "latents",
            video_vae=self._network("video_vae"), audio_vae=self._network("audio_vae"), batch_size=preset.batch_size,
            width=preset.width, depth=preset.depth, compile=preset.compile)
        loop = LoopOptions(output=self.output / "transformer", steps=preset.steps, minutes=self._minutes(),
                           seed=self.seed, learning_rate=preset.learning_rate,
                           matrix_learning_rate=preset.matrix_learning_rate)
        return train_transformer(options, loop)

    def _train_finisher(self) -> bool:
        painter, = (self.output / "transformer").glob("transformer-*.safetensors")
        options = finisher.FinisherOptions(
            data=self.output / "pool", cache=self.output / "latents", video_vae=self._network("video_vae"),
            painter=painter, batch_size=min(16, self.preset.batch_size))
        loop = LoopOptions(output=self.output / "finisher", steps=self.preset.finisher_steps, minutes=self._minutes(),
                           seed=self.seed, learning_rate=finisher.LEARNING_RATE)
        return finisher.train(options, loop, self.say)

    def _distil(self) -> bool:
        teacher, = (self.output / "transformer").glob("transformer-*.safetensors")
        options = distil.DistilOptions(
            data=self.output / "pool", sketches=self.output / "sketches", cache=self.output / "latents",
            video_vae=self._network("video_vae"), audio_vae=self._network("audio_vae"), start_from=teacher,
            batch_size=max(2, self.preset.batch_size // 2))
        loop = LoopOptions(output=self.output / "distil", steps=self.preset.distil_steps, minutes=self._minutes(),
                           seed=self.seed, learning_rate=distil.LEARNING_RATE,
                           matrix_learning_rate=distil.MATRIX_LEARNING_RATE)
        return distil.train(options, loop, self.say)

    def _network(self, name: str) -> Path:
        return self.output / name.replace("_", "-") / f"{name}.safetensors"

    def _pack(self) -> bool:
        """Two checkpoints: one to be guided, and one for few steps without guidance, which it needs to be asked for."""
        parts = [self.output / "finisher" / "video_vae.safetensors", self._network("audio_vae")]
        for stage, folder in (("transformer", "checkpoint"), ("distil", "checkpoint-few-steps")):
            parts += (self.output / stage).glob("transformer-*.safetensors")
            for path in pack(parts, self.output / folder / PACKED):
                self.say(f"{path} {path.stat().st_size / 2**20:.1f} MiB")
        return True

    def _judge(self) -> bool:
        """The judge is a program of its own: who trains never imports it."""
        places = {"CHECKPOINT": str(self.output / "checkpoint"), "POOL": str(self.output / "pool")}
        words = [places.get(word, word) for word in self.preset.judge]
        if "--suite" in words:
            words += ["--output", str(self.output / "judged")]
        command = [sys.executable, "-m", __package__.partition(".")[0], "evaluate", *words]
        root = Path(__file__).resolve().parents[2]
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        left = self._left()
        try:
            done = subprocess.run(command, timeout=None if left is None else max(left, SMALLEST_JUDGE_S),
                                  check=False, text=True, capture_output=True,
                                  env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        except subprocess.TimeoutExpired:
            return False
        if done.returncode:
            raise ResourceError(f"the judge failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}; mend "
                                "that and run the same command again")
        (self.output / "judged.txt").write_text(done.stdout, encoding="utf-8")
        self.say(done.stdout.strip())
        return True
