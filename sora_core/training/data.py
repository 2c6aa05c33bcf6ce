"""From a pool of clips to batches: latents are computed once and kept, words are roughened anew each time.

Legend: n clips of a shard, T frames, H W pixels, N samples; C T' H' W' video latents, L audio latents.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ResourceError
from ..models.audio_vae import AudioVAE
from ..models.guide import encode_drawing
from ..models.sketch import SLOTS, TRAITS, UNDRESSED, Sketch, draw
from ..models.tokenizer import Tokenizer
from ..models.video_vae import VideoVAE
from ..sampling.choice import meets
from ..setting import read_setting
from .dress import true_looks

TYPO_SHARE = 0.05      # of the words of a roughened caption
ROUGH_SHARE = 0.2      # of the captions
OTHER_SIDE = {"left": "right", "right": "left"}
SKETCH_PARTS = ("states", "hits", "traits", "stage")
DRESSED_SHARE = 0.4    # of the clips in a cache, whose sketch wears what its clip shows


@dataclass(frozen=True)
class Shard:
    """Clips of one size, as the world wrote them: video `(n, T, H, W, 3)` uint8, audio `(n, N)` int16."""

    video: Tensor
    audio: Tensor
    sketch: Sketch
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
    """The clips of one shard of a pool that have a sketch; figures and the like have none."""
    with safe_open(path, "pt") as file:
        records = json.loads(file.metadata()["records"])
        rows = torch.tensor(sketched(records), dtype=torch.int64)
        return Shard(file.get_tensor("video")[rows], file.get_tensor("audio")[rows], read_sketch(file)[rows],
                     [records[row] for row in rows])


def sketched(records: list[dict]) -> list[int]:
    """Which clips have a sketch."""
    return [row for row, record in enumerate(records) if record.get("has_sketch", True)]


def read_sketch(file: Any) -> Sketch:
    """The sketches of an open shard; those of older shards get the slots and the trait that came later."""
    states, hits, traits, stage = (file.get_tensor(name).float() for name in SKETCH_PARTS)
    more = SLOTS - traits.shape[1]
    if traits.shape[2] < TRAITS:
        traits = torch.cat([traits, -(traits[..., :1] > 0).float()], dim=-1)
    none = torch.zeros(len(traits), more, TRAITS)
    none[..., 0] = -1
    states, hits = F.pad(states, (0, 0, 0, 0, 0, more)), F.pad(hits, (0, 0, 0, more))
    looks = file.get_tensor("looks").float() if "looks" in file.keys() else None
    return Sketch(states, hits, torch.cat([traits, none], 1), stage, looks)


def to_video(frames: Tensor) -> Tensor:
    """`(n, T, H, W, 3)` uint8 -> `(n, 3, T, H, W)` float32 in [-1, 1]."""
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_waveform(samples: Tensor) -> Tensor:
    """`(n, N)` int16 -> `(n, 1, N)` float32 in [-1, 1]."""
    return samples.unsqueeze(1).float() / 32768.0


def mirror_caption(text: str) -> str:
    """The caption of the clip seen in a mirror."""
    return re.sub(r"\b(left|right)\b", lambda match: OTHER_SIDE[match.group(1).lower()], text, flags=re.IGNORECASE)


def cache_latents(pool: Path, cache: Path, video_vae: VideoVAE, audio_vae: AudioVAE) -> int:
    """Encode every shard that the cache lacks, each clip also mirrored. Returns the number of shards encoded.

    A cache shard holds `video` `(2 n, C, T', H', W')`, `audio` `(2 n, C, L)` and `guide` `(2 n, 2 C, T', H', W')`, the
    drawn sketches, in bfloat16; the sketches themselves; and the captions.
    """
    cache.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in shard_paths(pool):
        target = cache / path.name
        if target.exists():
            continue
        shard = read_shard(path)
        if not shard.records:
            continue
        tensors, captions = encode_shard(shard, video_vae, audio_vae)
        temporary = target.with_suffix(".tmp")
        save_file(tensors, temporary, metadata={"captions": json.dumps(captions)})
        os.replace(temporary, target)
        count += 1
    return count


@torch.inference_mode()
def encode_shard(shard: Shard, video_vae: VideoVAE, audio_vae: AudioVAE) -> tuple[dict[str, Tensor], list[list[str]]]:
    """Tensors and captions of a cache shard, see `cache_latents`."""
    height, width = shard.video.shape[2:4]
    sketch = _dressed(shard)
    video = [video_vae.encode(to_video(frames[None])) for frames in shard.video]
    video += [video_vae.encode(to_video(frames[None]).flip(-1)) for frames in shard.video]
    audio = audio_vae.encode(to_waveform(shard.audio))
    guide = [encode_drawing(*draw(sketch[i:i + 1], height, width), video_vae) for i in range(2 * len(shard.video))]
    tensors = {"video": torch.cat(video).bfloat16().contiguous(), "audio": torch.cat([audio, audio]).bfloat16(),
               "guide": torch.cat(guide).bfloat16().contiguous()}
    tensors |= {name: getattr(sketch, name).contiguous() for name in SKETCH_PARTS} | {"looks": sketch.dressed()}
    captions = [record["captions"] for record in shard.records]
    return tensors, captions + [[mirror_caption(text) for text in texts] for texts in captions]


def _dressed(shard: Shard) -> Sketch:
    """The sketches of a shard, then mirrored; some wear what their clip shows."""
    looks = torch.cat([true_looks(shard.sketch[i:i + 1], to_video(frames[None]), record.get("light") != "day")
                       for i, (frames, record) in enumerate(zip(shard.video, shard.records, strict=True))])
    worn = replace(shard.sketch, looks=looks)
    both = Sketch.join([worn, worn.mirrored()])
    rng = np.random.default_rng([record.get("seed", 0) for record in shard.records])
    bare = torch.from_numpy(rng.random(len(both.looks)) >= DRESSED_SHARE)
    # A style's colours aren't those that its things have.
    bare |= torch.tensor([bool(record.get("style")) for record in shard.records]).repeat(2)
    return replace(both, looks=both.looks.masked_fill(bare.view(-1, 1, 1, 1, 1), UNDRESSED))


@dataclass(frozen=True)
class Clips:
    """A batch of one shape: video `(B, C, T', H', W')`, audio `(B, C, L)`, guide `(B, 2 C, T', H', W')`, float32; the
    sketches; one wording of each clip; where it plays by all its wordings, `(B, FIELDS)`, see `setting.py`."""

    video: Tensor
    audio: Tensor
    guide: Tensor
    sketch: Sketch
    texts: list[str]
    setting: Tensor


class LatentPool:
    """All cached latents in memory, grouped by shape."""

    def __init__(self, cache: Path) -> None:
        groups: dict[tuple[int, ...], list[tuple[list[Tensor], Sketch, list[list[str]]]]] = {}
        for path in shard_paths(cache):
            with safe_open(path, "pt") as file:
                tensors = [file.get_tensor(name) for name in ("video", "audio", "guide")]
                groups.setdefault(tuple(tensors[0].shape[1:]), []).append(
                    (tensors, read_sketch(file), json.loads(file.metadata()["captions"])))
        self.groups = []
        for _, group in sorted(groups.items()):
            tensors = [torch.cat(parts) for parts in zip(*(entry[0] for entry in group), strict=True)]
            self.groups.append((tensors, Sketch.join([entry[1] for entry in group]),
                                [texts for entry in group for texts in entry[2]]))
        self.settings = [torch.tensor([read_setting(*texts) for texts in group[2]]) for group in self.groups]
        self.sizes = np.array([len(group[2]) for group in self.groups], dtype=np.float64)

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def all_captions(self) -> list[str]:
        return [text for group in self.groups for texts in group[2] for text in texts]

    def draw(self, rng: np.random.Generator, batch_size: int) -> Clips:
        """A batch of one shape."""
        group = rng.choice(len(self.groups), p=self.sizes / self.sizes.sum())
        tensors, sketch, captions = self.groups[group]
        rows = torch.from_numpy(rng.integers(len(captions), size=batch_size))
        texts = [str(rng.choice(captions[row])) for row in rows]
        return Clips(*(tensor[rows].float() for tensor in tensors), sketch[rows], texts, self.settings[group][rows])


class SketchPool:
    """Sketches without pictures in memory (`python -m sora_core world --sketches-only`), of any shape of picture."""

    def __init__(self, folder: Path) -> None:
        sketches, self.captions, aspects = [], [], []
        for path in shard_paths(folder):
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
                records = json.loads(metadata["records"])
                rows = sketched(records)
                sketches.append(read_sketch(file)[torch.tensor(rows, dtype=torch.int64)])
            self.captions += [records[row]["captions"] for row in rows]
            aspects += [int(metadata["width"]) / int(metadata["height"])] * len(sketches[-1].stage)
        self.sketch, self.aspects = Sketch.join(sketches), torch.tensor(aspects)
        self.meetings = meets(self.sketch).nonzero()[:, 0].numpy()
        self.meetings = self.meetings if len(self.meetings) else np.arange(len(aspects))
        everything = [(row, wording) for row, texts in enumerate(self.captions) for wording in range(len(texts))]
        self.sided = [(row, wording) for row, wording in everything
                      if mirror_caption(self.captions[row][wording]) != self.captions[row][wording]] or everything

    def __len__(self) -> int:
        return len(self.aspects)

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[Sketch, Tensor, list[str]]:
        """Sketches, widths over heights `(B,)`, one wording of each; half of them mirrored.

        Every fourth wording tells left from right, which few do by chance and which is hard to learn; so are things
        that meet, which are in every fourth sketch besides.
        """
        rows = rng.integers(len(self), size=batch_size)
        rows[1::4] = self.meetings[rng.integers(len(self.meetings), size=len(rows[1::4]))]
        texts = [str(rng.choice(self.captions[row])) for row in rows]
        for place in range(0, batch_size, 4):
            row, wording = self.sided[rng.integers(len(self.sided))]
            rows[place], texts[place] = row, self.captions[row][wording]
        rows, half = torch.from_numpy(rows), batch_size // 2
        sketch = Sketch.join([self.sketch[rows[:half]].mirrored(), self.sketch[rows[half:]]])
        return sketch, self.aspects[rows], [mirror_caption(text) for text in texts[:half]] + texts[half:]


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
