"""Sora Checkpoint Loader: one file -> MODEL, CLIP and the two VAEs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import folder_paths
from comfy_api.latest import io

from ..sora_core.checkpoint import EMBEDDED, SUFFIX, load_checkpoint, read_header
from ..sora_core.errors import SoraError
from ..sora_core.pipeline import check_fit
from .adapter_model import model_from_checkpoint
from .adapter_text import clip_from_checkpoint
from .adapter_vae import audio_vae_from_checkpoint, video_vae_from_checkpoint

EMBEDDED_NAME = "sora-nano (embedded)"


class Parts(NamedTuple):
    """What a checkpoint holds, as ComfyUI's MODEL, CLIP and two VAEs."""

    model: Any
    clip: Any
    video_vae: Any
    audio_vae: Any


def checkpoint_names() -> list[str]:
    """The embedded checkpoint, then what in models/checkpoints carries our header; shards stand as their folder."""
    names: dict[str, None] = {EMBEDDED_NAME: None}
    for name in folder_paths.get_filename_list("checkpoints"):
        path = folder_paths.get_full_path("checkpoints", name)
        if path is None or not name.endswith(SUFFIX):
            continue
        folder = str(Path(name).parent)
        if _is_ours(path):
            names[name] = None
        elif folder != "." and folder not in names and _is_ours(str(Path(path).parent)):
            names[folder] = None
    return list(names)


def _is_ours(path: str) -> bool:
    return _has_our_header(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _has_our_header(path: str, changed: int) -> bool:
    """Reads the header only; remembered until the file changes, since ComfyUI asks on every page load."""
    try:
        return bool(read_header(path).config)
    except SoraError:
        return False


def checkpoint_path(name: str) -> str | None:
    """Where a checkpoint of that name is; None is the embedded one."""
    if name == EMBEDDED_NAME:
        return None
    for folder in folder_paths.get_folder_paths("checkpoints"):
        path = Path(folder) / name
        if path.exists():
            return str(path)
    return name


def checkpoint_input(**options: Any) -> io.Input:
    """Which of them to load."""
    return io.Combo.Input("checkpoint", options=checkpoint_names(), default=EMBEDDED_NAME,
                          tooltip="The embedded model, or a SoraCore checkpoint in models/checkpoints.", **options)


def fingerprint(name: str | None) -> list[tuple[str, int, int]]:
    """Name, size and time of each file of a checkpoint, which change with it; nothing where another node names it."""
    if name is None:
        return []
    path = checkpoint_path(name)
    place = EMBEDDED if path is None else Path(path)
    files = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place] if place.is_file() else []
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def is_there(name: str | None) -> bool | str:
    """True, or a sentence; of a name that another node gives, nothing is known before it has run."""
    path = None if name is None else checkpoint_path(name)
    if path is None or Path(path).exists():
        return True
    return f"there is no checkpoint {name!r} in models/checkpoints; put it there, or choose {EMBEDDED_NAME!r}"


class SoraCheckpointLoader(io.ComfyNode):
    """Checkpoint name -> MODEL, CLIP, VAE (video), VAE (audio)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraCheckpointLoader",
            display_name="Sora Checkpoint Loader",
            category="Sora/load",
            description="Loads a model that makes video with sound. One comes with the pack; others belong into "
                        "models/checkpoints.",
            search_aliases=["sora", "load checkpoint", "text to video", "t2v"],
            inputs=[
                checkpoint_input(),
            ],
            outputs=[
                io.Model.Output("model", tooltip="For any sampler."),
                io.Clip.Output("clip", tooltip="For Sora Text Encode or CLIP Text Encode."),
                io.Vae.Output("video_vae", tooltip="For Sora Decode or VAE Decode."),
                io.Vae.Output("audio_vae", tooltip="For Sora Audio Synthesis or VAE Decode Audio."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str | None) -> list[tuple[str, int, int]]:
        """Load again when a file has changed."""
        return fingerprint(checkpoint)

    @classmethod
    def validate_inputs(cls, checkpoint: str | None) -> bool | str:
        """A sentence instead of "value not in list" when a shared graph names a file that is not here."""
        return is_there(checkpoint)

    @classmethod
    def execute(cls, checkpoint: str) -> io.NodeOutput:
        return io.NodeOutput(*load(checkpoint))


def load(name: str) -> Parts:
    """A checkpoint of `checkpoint_names`.

    Raises:
        CheckpointError: missing, foreign, damaged, too new, or its networks don't fit each other.
    """
    path = checkpoint_path(name)
    loaded = load_checkpoint(path)
    video_vae, audio_vae = video_vae_from_checkpoint(loaded), audio_vae_from_checkpoint(loaded)
    model, clip = model_from_checkpoint(loaded, path, video_vae), clip_from_checkpoint(loaded)
    check_fit(loaded, clip.tokenizer.tokenizer)
    return Parts(model, clip, video_vae, audio_vae)
