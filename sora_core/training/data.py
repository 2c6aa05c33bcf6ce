"""From a pool of clips to batches: latents are computed once and kept, words are roughened anew each time.

Legend: n clips of a shard, T frames, H W pixels, N samples; C T' H' W' video latents, L audio latents.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ResourceError
from ..models.audio_vae import AudioVAE
from ..models.tokenizer import Tokenizer
from ..models.video_vae import VideoVAE

TYPO_SHARE = 0.05      # of the words of a roughened caption
ROUGH_SHARE = 0.2      # of the captions
OTHER_SIDE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Shard:
    """Clips of one size, as the world wrote them: video `(n, T, H, W, 3)` uint8, audio `(n, N)` int16."""

    video: Tensor
    audio: Tensor
    records: list[dict]


def shard_paths(pool: Path) -> list[Path]:
    """The shards of a pool in order.

    Raises:
        ResourceError: there are none.
    """
    paths = sorted(Path(pool).glob("shard-*.safetensors"))
    if not paths:
        raise ResourceError(f"no clips in {str(pool)!r}; make some with `python -m sora_core world --output {pool}`")
    return paths


def read_shard(path: Path) -> Shard:
    """One shard of a pool."""
    with safe_open(path, "pt") as file:
        return Shard(file.get_tensor("video"), file.get_tensor("audio"), json.loads(file.metadata()["records"]))


def to_video(frames: Tensor) -> Tensor:
    """`(n, T, H, W, 3)` uint8 -> `(n, 3, T, H, W)` float32 in [-1, 1]."""
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_waveform(samples: Tensor) -> Tensor:
    """`(n, N)` int16 -> `(n, 1, N)` float32 in [-1, 1]."""
    return samples.unsqueeze(1).float() / 32768.0


def mirror_caption(text: str) -> str:
    """The caption of the clip seen in a mirror."""
    return re.sub(r"\b(left|right)\b", lambda match: OTHER_SIDE[match.group(1).lower()], text, flags=re.IGNORECASE)


def clip_kind(record: dict) -> str:
    """Family and number of things, as in "drop 1"."""
    return f"{record.get('family', 'clip')} {len(record.get('objects', []))}"


def cache_latents(pool: Path, cache: Path, video_vae: VideoVAE, audio_vae: AudioVAE) -> int:
    """Encode every shard that the cache lacks, each clip also mirrored. Returns the number of shards encoded.

    A cache shard holds `video` `(2 n, C, T', H', W')` and `audio` `(2 n, C, L)` in bfloat16 and the captions.
    """
    cache.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in shard_paths(pool):
        target = cache / path.name
        if target.exists():
            continue
        shard = read_shard(path)
        captions = [record["captions"] for record in shard.records]
        with torch.inference_mode():
            video = [video_vae.encode(to_video(frames[None])) for frames in shard.video]
            video += [video_vae.encode(to_video(frames[None]).flip(-1)) for frames in shard.video]
            audio = audio_vae.encode(to_waveform(shard.audio))
        captions += [[mirror_caption(text) for text in texts] for texts in captions]
        tensors = {"video": torch.cat(video).bfloat16().contiguous(), "audio": torch.cat([audio, audio]).bfloat16()}
        temporary = target.with_suffix(".tmp")
        kinds = 2 * [clip_kind(record) for record in shard.records]
        save_file(tensors, temporary, metadata={"captions": json.dumps(captions), "kinds": json.dumps(kinds)})
        os.replace(temporary, target)
        count += 1
    return count


class LatentPool:
    """All cached latents in memory, grouped by shape.

    Args:
        cache: folder of `cache_latents`.
        focus: kind of clip ("drop 1") that makes up `focus_share` of the batches, beside its share of the rest.
    """

    def __init__(self, cache: Path, focus: str | None = None, focus_share: float = 0.8) -> None:
        self.focus_share = focus_share
        groups: dict[tuple[int, ...], list[tuple[Tensor, Tensor, list[list[str]], list[str]]]] = {}
        for path in shard_paths(cache):
            with safe_open(path, "pt") as file:
                video, audio = file.get_tensor("video"), file.get_tensor("audio")
                captions, kinds = (json.loads(file.metadata()[name]) for name in ("captions", "kinds"))
            groups.setdefault(tuple(video.shape[1:]), []).append((video, audio, captions, kinds))
        self.groups = [(torch.cat([g[0] for g in group]), torch.cat([g[1] for g in group]),
                        [texts for g in group for texts in g[2]]) for _, group in sorted(groups.items())]
        self.sizes = np.array([len(group[2]) for group in self.groups], dtype=np.float64)
        kinds = [[kind for g in group for kind in g[3]] for _, group in sorted(groups.items())]
        self.focused = [np.flatnonzero(np.array(group) == focus) for group in kinds]
        if focus is not None and not any(len(rows) for rows in self.focused):
            known = ", ".join(sorted({kind for group in kinds for kind in group}))
            raise ResourceError(f"no clip is of the kind {focus!r}; the pool has {known}")

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def all_captions(self) -> list[str]:
        return [text for group in self.groups for texts in group[2] for text in texts]

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor, list[str]]:
        """A batch of one shape: video `(B, C, T', H', W')`, audio `(B, C, L)` float32, one wording of each clip."""
        group = rng.choice(len(self.groups), p=self.sizes / self.sizes.sum())
        (video, audio, captions), focused = self.groups[group], self.focused[group]
        rows = rng.integers(len(captions), size=batch_size)
        if len(focused) and rng.random() < self.focus_share:
            rows = rng.choice(focused, size=batch_size)
        texts = [str(rng.choice(captions[row])) for row in rows]
        return video[rows].float(), audio[rows].float(), texts


def roughen(text: str, rng: np.random.Generator) -> str:
    """Now and then typos and lost marks, as people write."""
    if rng.random() > ROUGH_SHARE:
        return text
    words = [_typo(word, rng) if rng.random() < TYPO_SHARE else word for word in text.split()]
    text = " ".join(words)
    return re.sub(r"[.,;:!]", "", text) if rng.random() < 0.5 else text


def _typo(word: str, rng: np.random.Generator) -> str:
    if len(word) < 4:
        return word
    i = int(rng.integers(1, len(word) - 1))
    kind = rng.integers(3)
    if kind == 0:
        return word[:i] + word[i + 1:]
    if kind == 1:
        return word[:i] + word[i] + word[i:]
    return word[:i] + word[i + 1] + word[i] + word[i + 2:]


def pad_ids(texts: list[str], tokenizer: Tokenizer, length: int) -> tuple[Tensor, Tensor]:
    """Ids `(B, length)` int64 and mask `(B, length)`; longer texts are cut (in training only)."""
    rows = [tokenizer.encode(text)[:length] for text in texts]
    ids = torch.zeros(len(rows), length, dtype=torch.int64)
    for row, values in zip(ids, rows, strict=True):
        row[:len(values)] = torch.tensor(values)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(length)[None] < lengths[:, None]
