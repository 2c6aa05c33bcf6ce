"""A pool of simulated clips on disk, in shards of equal picture size.

A shard depends on the seed and its number alone, so that a pool can be made by many processes, resumed, and made
again byte for byte on the same platform. Each shard is written beside its place and renamed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, ResourceError

if TYPE_CHECKING:
    from .physics import Motion
    from .record import ClipRecord, EventRecord
    from .render import Stage
    from .scenes.scene import Scene

CLIPS_PER_SHARD = 16
SKETCHES_PER_SHARD = 256
SHARDS_PER_WORKER = 32
"""A worker makes so many and is then replaced by a fresh one."""
MOST_WORKERS = 61 if os.name == "nt" else 1024        # Windows can't wait for more
NUM_SAMPLES = 96000
SAMPLE_RATE = 24000
SQUARE, WIDE, TALL = (128, 128), (160, 96), (96, 160)
SHARD_SIZES = (SQUARE, WIDE, SQUARE, TALL, SQUARE, SQUARE, WIDE, SQUARE, SQUARE, WIDE,
               SQUARE, TALL, SQUARE, SQUARE, WIDE, SQUARE, SQUARE, WIDE, TALL, SQUARE)
"""Width and height by shard number, repeated: 60 % square, 25 % wide, 15 % tall."""


def clip_seed(seed: int, shard: int, clip: int) -> int:
    """Seed of one clip of a pool, below 2**63."""
    return int(np.random.SeedSequence([seed, shard, clip]).generate_state(1, np.uint64)[0] >> 1)


def make_record(seed: int, width: int, height: int, family: str | tuple[str, ...] | None = None,
                variation: float = 0.0) -> tuple[Scene, Motion, ClipRecord]:
    """Draw, simulate and caption one clip, without pictures and sound.

    Args:
        seed: seed of the clip; the same seed and size give the same clip.
        width, height: pixels.
        family: a scene family, several to draw from, or None for ``scenes.families.PLAIN_FAMILIES``.
        variation: chance of a camera move, a style, or something in the air.
    """
    from .scenes.families import draw_scene

    return record_scene(seed, draw_scene(seed, width, height, family, variation))


def record_scene(seed: int, scene: Scene) -> tuple[Scene, Motion, ClipRecord]:
    """Simulate and caption a scene; `seed` draws the wordings and, later, the sound's noise."""
    from .captions import captions, captions_french
    from .physics import contact_records, simulate
    from .record import MAX_OBJECTS, ClipRecord
    from .scenes.families import FAMILIES
    from .sketch import sketch_arrays

    motion, family = simulate(scene), FAMILIES[scene.family]
    contacts = contact_records(scene, motion)
    tracks = tracks_of(scene, motion, MAX_OBJECTS)
    setting, facts = scene.setting, family.facts(scene, motion)
    record = ClipRecord(
        seed, scene.family, setting.place, setting.floor, setting.light, setting.view.name,
        tuple(body.record for body in scene.bodies), contacts, motion.rolling, motion.sliding,
        captions(np.random.default_rng([seed, 1]), family, scene, motion, tracks, facts), tracks,
        sketch_arrays(scene, motion, contacts) if scene.water is None else None,
        captions_french(np.random.default_rng([seed, 4]), family, scene, motion, tracks, facts),
        setting.gravity, setting.style, setting.air, setting.view.move,
        setting.view.path.cuts if setting.view.path is not None else (), facts,
        tuple(prop.name for prop in scene.props), _events(scene, motion, facts), _voices(scene),
        tuple(line for figure in scene.figures for line in figure.lines),
    )
    return scene, motion, record


def tracks_of(scene: Scene, motion: Motion, least: int = 1) -> np.ndarray:
    """Where things are on the screen, (frames, things, at least so many, 4): bodies, then figures."""
    frames = motion.frames
    tracks = np.zeros((len(frames), max(least, len(scene.bodies) + len(scene.figures)), 4), np.float32)
    if scene.bodies:
        radii = np.array([body.record.radius_m for body in scene.bodies])
        tracks[:, : len(radii)] = scene.view.project_frames(frames[:, :, :3], radii)
    for i, figure in enumerate(scene.figures, len(scene.bodies)):
        tracks[:, i] = scene.view.project_frames(figure.centre[:, :3], figure.centre[:, 3])
    return tracks


def _x_screen(scene: Scene, time_s: float, position: Sequence[float]) -> float:
    from .camera import FRAME_RATE, NUM_FRAMES

    view = scene.view.at(min(max(int(time_s * FRAME_RATE), 0), NUM_FRAMES - 1))
    return float(view.project(np.array(position), 0.0)[0])


def _events(scene: Scene, motion: Motion, facts: dict[str, Any]) -> tuple[EventRecord, ...]:
    """Noises of figures, and those that a family's facts tell (under "events", taken out of the facts)."""
    from .record import EventRecord

    told = [event for figure in scene.figures for event in figure.events] + list(facts.pop("events", ()))
    return tuple(sorted((EventRecord(event.time_s, event.kind, event.strength,
                                     _x_screen(scene, event.time_s, event.position), event.material, event.on)
                         for event in told), key=lambda event: event.time_s))


def _voices(scene: Scene) -> tuple[tuple[float, float, np.ndarray], ...]:
    return tuple((voice.time_s, _x_screen(scene, voice.time_s, voice.position), voice.samples)
                 for figure in scene.figures for voice in figure.voices)


def make_clip(seed: int, stage: Stage, family: str | tuple[str, ...] | None = None,
              variation: float = 0.0) -> tuple[ClipRecord, np.ndarray, np.ndarray]:
    """Simulate, draw and sound one clip.

    Args:
        seed: seed of the clip.
        stage: renderer, which sets the picture size.
        family, variation: see `make_record`.

    Returns:
        The record, the frames (97, H, W, 3) uint8 and the sound (96000,) int16.
    """
    from .sound import synthesise_clip

    scene, motion, record = make_record(seed, stage.width, stage.height, family, variation)
    sound = synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE)
    audio = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return record, stage.render(scene, motion), audio


def shard_path(folder: Path, shard: int) -> Path:
    """Where a shard of a pool lies."""
    return folder / f"shard-{shard:08d}.safetensors"


@dataclass(frozen=True)
class Mix:
    """What a pool holds.

    Attributes:
        families: names of families, drawn by their weights; () for all.
        variation: see `make_record`; None for the usual share.
    """

    families: tuple[str, ...] = ()
    variation: float | None = None

    def drawn(self) -> tuple[tuple[str, ...], float]:
        """Families and variation with the defaults filled in."""
        from .scenes.families import FAMILIES, VARIATION

        return self.families or tuple(FAMILIES), VARIATION if self.variation is None else self.variation


EVERYTHING = Mix()


def write_shard(folder: Path, seed: int, shard: int, clips: int = CLIPS_PER_SHARD, mix: Mix = EVERYTHING) -> Path:
    """Make one shard and put it in place at once.

    Raises:
        ResourceError: the folder can't be written, or nothing can be drawn on this machine.
    """
    from .record import MAX_OBJECTS
    from .render import Stage

    width, height = SHARD_SIZES[shard % len(SHARD_SIZES)]
    with Stage(width, height) as stage:
        made = [make_clip(clip_seed(seed, shard, clip), stage, *mix.drawn()) for clip in range(clips)]
    tensors = {
        "video": np.stack([frames for _, frames, _ in made]),
        "audio": np.stack([audio for _, _, audio in made]),
        "tracks": np.stack([record.tracks[:, :MAX_OBJECTS] for record, _, _ in made]),
    } | _stack_sketches([record for record, _, _ in made])
    records = [record for record, _, _ in made]
    return _put_in_place(shard_path(folder, shard), tensors, records, mix)


def write_sketch_shard(folder: Path, seed: int, shard: int, clips: int = SKETCHES_PER_SHARD,
                       mix: Mix = EVERYTHING) -> Path:
    """As `write_shard`, without pictures and sound: fifty times as fast, for the network that sketches.

    Raises:
        ResourceError: the folder can't be written.
    """
    width, height = SHARD_SIZES[shard % len(SHARD_SIZES)]
    drawn = mix.drawn()
    records = [make_record(clip_seed(seed, shard, clip), width, height, *drawn)[2] for clip in range(clips)]
    return _put_in_place(shard_path(folder, shard), _stack_sketches(records), records, mix, width=width, height=height)


def _stack_sketches(records: list[ClipRecord]) -> dict[str, np.ndarray]:
    from .sketch import empty_arrays

    empty = empty_arrays()
    return {name: np.stack([(record.sketch or empty)[name] for record in records]) for name in empty}


def _put_in_place(path: Path, tensors: dict[str, np.ndarray], records: list[ClipRecord], mix: Mix,
                  **facts: int) -> Path:
    from safetensors.numpy import save_file

    # With its family and this a clip can be simulated again from its seed.
    made = {"variation": mix.drawn()[1]}
    metadata = {"records": json.dumps([record.to_json() | made for record in records], separators=(",", ":")),
                **{name: str(value) for name, value in facts.items()}}
    with written_beside(path) as beside:
        save_file(tensors, beside, metadata=metadata)
    return path


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path to write a shard to, which then takes its place at once; nothing half-written stays.

    Raises:
        ResourceError: the folder can't be written.
    """
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise ResourceError(f"cannot write {path}: {error.strerror or error}; free some space or choose another "
                            "--output") from None
    finally:
        beside.unlink(missing_ok=True)


Job = tuple[str, str, int, int, int, Mix]
"""Format, folder, seed, shard, clips, mix."""


def _work(job: Job) -> tuple[int, int, float]:
    format_, folder, seed, shard, clips, mix = job
    start = time.perf_counter()
    if format_ == "webdataset":
        from .tar import write_tar_shard

        write_tar_shard(Path(folder), seed, shard, clips, mix)
    else:
        (write_sketch_shard if format_ == "sketches" else write_shard)(Path(folder), seed, shard, clips, mix)
    return shard, clips, time.perf_counter() - start


def _jobs(folder: Path, seed: int, clips: int, first: int, format_: str, mix: Mix) -> Iterator[Job]:
    size = SKETCHES_PER_SHARD if format_ == "sketches" else CLIPS_PER_SHARD
    for index, start in enumerate(range(0, clips, size)):
        path = shard_path(folder, first + index)
        if not (path.with_suffix(".tar") if format_ == "webdataset" else path).exists():
            yield format_, str(folder), seed, first + index, min(size, clips - start), mix


def _done(jobs: list[Job], workers: int) -> Iterator[tuple[int, int, float]]:
    """What `_work` says of each job, as they are done, each round by fresh workers.

    Raises:
        ResourceError: a worker died; what is done stays.
    """
    context = multiprocessing.get_context("spawn")
    for start in range(0, len(jobs), SHARDS_PER_WORKER * workers):
        batch = jobs[start: start + SHARDS_PER_WORKER * workers]
        executor = ProcessPoolExecutor(min(workers, len(batch)), mp_context=context)
        futures = {executor.submit(_work, job): job for job in batch}
        try:
            for future in as_completed(futures):
                result = future.result()
                del futures[future]
                yield result
        except BrokenProcessPool:
            for job in futures.values():          # what the dead worker couldn't tidy up itself
                for part in Path(job[1]).glob(f"{shard_path(Path(job[1]), job[3]).stem}.*.part"):
                    part.unlink(missing_ok=True)
            raise ResourceError(f"a worker died while {len(futures)} shards were still to be made (out of memory, or "
                                "ended from outside); the others are kept: give the command again to go on, with fewer "
                                "--workers if memory was short") from None
        finally:
            executor.shutdown(cancel_futures=True)


def write_pool(folder: Path, *, clips: int, seed: int, workers: int = 1, first_shard: int = 0,
               sketches_only: bool = False, webdataset: bool = False, mix: Mix = EVERYTHING) -> float:
    """Write a pool; shards that are there already are kept.

    Args:
        folder: made if needed.
        clips: clips in all; the last shard may hold fewer than the others.
        seed: seed of the pool.
        workers: processes.
        first_shard: number of the first shard, so that several machines can share one pool.
        sketches_only: no pictures and sound, 256 clips a shard; such a pool is of its own.
        webdataset: tar shards of MP4 and JSON files instead, see `tar`.
        mix: families and variation.

    Returns:
        Clips per second and worker.

    Raises:
        ConfigError: a number is out of range.
        ResourceError: the folder can't be written, or a worker died.
    """
    limits = {"clips": (clips, 1, 1 << 24), "workers": (workers, 1, MOST_WORKERS), "seed": (seed, 0, 1 << 40),
              "first-shard": (first_shard, 0, 10**8 - 1)}
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ConfigError(f"--{name} {value} is out of range; use {low} to {high}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise ResourceError(f"cannot make the folder {folder}: {reason}; choose another --output") from None
    format_ = "sketches" if sketches_only else "webdataset" if webdataset else "pool"
    jobs = list(_jobs(folder, seed, clips, first_shard, format_, mix))
    busy, done, total = 0.0, 0, sum(job[4] for job in jobs)
    for shard, made, seconds in _done(jobs, workers):
        busy, done = busy + seconds, done + made
        print(f"shard {shard}: {done}/{total} clips, {done / busy:.2f} clips per second and worker", flush=True)
    return done / busy if busy else 0.0
