"""What a clip says about itself: `media.write_clip` calls this, the marks before encoding, the signature after.

    provenance = Provenance.here({"model": "...", "seed": 7})
    media.write_clip("clip.mp4", frames, sound, frame_rate=24, sample_rate=24000, provenance=provenance)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ProvenanceError
from . import certificates, manifest
from .keys import PUBLIC_KEY, private_key
from .manifest import Ingredient
from .visible import draw_handle
from .watermark_audio import mark_audio
from .watermark_video import VideoMark, mark_video

SIGNATURES = ("auto", "required", "none")


@dataclass(frozen=True)
class Provenance:
    """Marks and signature of one clip; see `here`."""

    mark: VideoMark
    facts: dict[str, Any]
    is_signed: bool
    handle: str = ""
    ingredients: tuple[Ingredient, ...] = ()
    folder: Path | None = None
    signer: Callable[[bytes], bytes] | None = field(default=None, compare=False)

    @classmethod
    def here(cls, facts: Mapping[str, Any], *, signature: str = "auto", handle: str = "",
             ingredients: Sequence[Ingredient] = (), folder: Path | None = None,
             signer: Callable[[bytes], bytes] | None = None) -> Provenance:
        """Provenance with this machine's keys, which are made at first use.

        Args:
            facts: what made the clip, as JSON values; `facts_of` gathers them. Equal facts give an equal payload.
            signature: "auto" signs where the extra `provenance` is installed, "required" refuses where it isn't,
                "none" leaves the clip unsigned on purpose. A key that is there but can't be used is always refused.
            handle: a visible mark with this name; empty = none.
            ingredients: files that the clip was made from.
            folder: of the keys; None = this machine's.
            signer: signs bytes with a key that is kept elsewhere.

        Raises:
            ProvenanceError: a key can't be read or made, or signing is required and impossible.
        """
        if signature not in SIGNATURES:
            raise ProvenanceError(f"signature={signature!r} is unknown; use {', '.join(SIGNATURES)}")
        is_signed = signature != "none" and manifest.is_installed()
        if signature == "required" and not is_signed:
            raise ProvenanceError("clips can't be signed here; run: python -m pip install \".[provenance]\"")
        private = private_key(folder)
        digest = hmac.new(private, json.dumps(facts, sort_keys=True).encode(), hashlib.sha256).digest()
        mark = VideoMark(PUBLIC_KEY, private, int.from_bytes(digest[:4], "big"))
        return cls(mark, dict(facts), is_signed, handle, tuple(ingredients), folder, signer)

    def check(self) -> None:
        """Find out before a long computation whether the clip can be signed.

        Raises:
            ProvenanceError: the key, the clock or an ingredient stands in the way.
        """
        if self.is_signed:
            certificates.identity(self.folder)
            for part in self.ingredients:
                manifest.check_ingredient(part, self.folder)

    def mark_video(self, chunks: Iterable[Tensor], frame_rate: Fraction) -> Iterator[Tensor]:
        """The same frames, marked: chunks (1, 3, t, H, W) in [-1, 1]."""
        if self.handle:
            chunks = draw_handle(chunks, self.handle, frame_rate)
        return mark_video(chunks, self.mark, frame_rate)

    def mark_audio(self, waveform: Tensor, sample_rate: int) -> Tensor:
        """The same sound, marked: (1, C, N) in [-1, 1]."""
        marked = mark_audio(waveform[0].detach().float().cpu().numpy(), sample_rate, self.mark.public)
        return torch.from_numpy(marked)[None]

    def sign(self, path: Path, suffix: str) -> None:
        """Sign a finished file in place, which will be called by `suffix`; it is left as it was where that fails.

        Raises:
            ProvenanceError: see `manifest.sign_file`.
        """
        if not self.is_signed:
            return
        signed = path.with_name(f"{path.stem}-{secrets.token_hex(4)}.part")
        try:
            manifest.sign_file(path, suffix, self.facts, self.mark.payload, self.ingredients, folder=self.folder,
                               target=signed, callback=self.signer)
            os.replace(signed, path)
        finally:
            signed.unlink(missing_ok=True)


def facts_of(*, prompt: str, model: str, seed: int, settings: Mapping[str, Any], licence: str = "GPL-3.0-or-later",
             with_prompt: bool = False, cameos: Sequence[Any] = ()) -> dict[str, Any]:
    """What a manifest says about a generated clip.

    Args:
        prompt: only its SHA-256 is told unless `with_prompt`.
        model: hash of the checkpoint.
        seed: of the clip, 0 to 2**64 - 1; told as text, for JSON's numbers end at 2**53.
        settings: steps and the like.
        licence: of the model.
        cameos: who is shown; told by handle, hash and grant.
    """
    facts = {"model": model, "licence": licence, "seed": str(seed), "settings": dict(settings),
             "prompt_sha256": hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()}
    facts |= {"cameos": [cameo.to_json() for cameo in cameos]} if cameos else {}
    return facts | ({"prompt": prompt} if with_prompt else {})
