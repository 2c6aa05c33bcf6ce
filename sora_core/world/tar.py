"""Shards that any WebDataset reader reads: a tar file with four files a clip, named alike.

`KEY.mp4` picture and sound, `KEY.wav` the sound without loss, `KEY.txt` one wording, `KEY.json` everything that is
known of the clip, the track of every thing included.

Source: A. Aizman, G. Maltby, T. Breuel, "High performance I/O for large scale deep learning", 2019, section V.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import wave
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .camera import FRAME_RATE
from .pool import EVERYTHING, SAMPLE_RATE, SHARD_SIZES, Mix, clip_seed, make_clip, shard_path, written_beside

if TYPE_CHECKING:
    from .record import ClipRecord


def write_tar_shard(folder: Path, seed: int, shard: int, clips: int, mix: Mix = EVERYTHING) -> Path:
    """Make one tar shard and put it in place at once.

    Raises:
        ResourceError: the folder can't be written, or nothing can be drawn on this machine.
    """
    from .render import Stage

    width, height = SHARD_SIZES[shard % len(SHARD_SIZES)]
    path = shard_path(folder, shard).with_suffix(".tar")
    with (written_beside(path) as beside, Stage(width, height) as stage,
          tarfile.open(beside, "w", format=tarfile.USTAR_FORMAT) as archive):
        for clip in range(clips):
            made = make_clip(clip_seed(seed, shard, clip), stage, *mix.drawn())
            for suffix, content in _files(*made).items():
                member = tarfile.TarInfo(f"{shard:08d}{clip:04d}.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def _files(record: ClipRecord, frames: np.ndarray, audio: np.ndarray) -> dict[str, bytes]:
    """The four files of a clip by their endings."""
    facts = record.to_json() | {"tracks": np.round(record.tracks, 4).tolist(), "frame_rate": FRAME_RATE,
                                "sample_rate": SAMPLE_RATE}
    return {"mp4": _mp4(frames, audio), "wav": _wav(audio), "txt": record.captions[0].encode(),
            "json": json.dumps(facts, separators=(",", ":")).encode()}


def _wav(audio: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(audio.astype("<i2").tobytes())
    return buffer.getvalue()


def _mp4(frames: np.ndarray, audio: np.ndarray) -> bytes:
    import torch

    from ..media import write_clip

    video = torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    waveform = torch.from_numpy(audio.astype(np.float32) / 32768)[None, None]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, video, waveform, frame_rate=Fraction(FRAME_RATE), sample_rate=SAMPLE_RATE)
        return path.read_bytes()
