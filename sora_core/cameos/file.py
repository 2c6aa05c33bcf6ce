"""A cameo and its file: what somebody looks like, their handle, and the leave that was given; never the picture itself.

    cameo = make_cameo(media.read_image("mila.png"), handle="mila", kind="woman", granted_by="Mila K.")
    save_cameo(cameo, "mila.cameo.safetensors")
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ConfigError, ConsentError, MediaError
from ..models.sketch import LOOKS
from .consent import Grant, check_grant, is_name, is_sealed_here, make_grant, seal
from .identity import KINDS, PATCH, PEOPLE, THINGS, encode_identity, is_portrait
from .subject import find_subject

FORMAT = 1
SUFFIX = ".cameo.safetensors"
_HEADER = "soracore_cameo"
_HANDLE = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,22}[a-z0-9_])?")
_IDENTIFIER, _SHA256 = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Cameo:
    """Somebody or something that clips can show.

    Attributes:
        handle: how prompts call it, without "@", in lower case.
        kind: one of `identity.KINDS`.
        parts: of `identity.encode_identity`, `(LOOKS, 3, P, P)` in [-1, 1].
        grant: who allowed it.
        identifier: 16 hex digits, drawn when it was made.
        picture_sha256: of the pixels it was made from, which aren't kept.
        is_portrait: a person is seen without legs; they get plain trousers.
        sealed: see `consent.seal`.
    """

    handle: str
    kind: str
    parts: Tensor
    grant: Grant
    identifier: str
    picture_sha256: str
    is_portrait: bool = False
    sealed: dict[str, str] = field(default_factory=dict)

    @property
    def is_person(self) -> bool:
        return self.kind in PEOPLE

    def check(self, folder: Path | None = None) -> None:
        """Refuse to show it where its leave doesn't hold.

        Raises:
            ConsentError: see `consent.check_grant`; or the cameo was changed since it was made here.
        """
        check_grant(self.grant, self.identifier, f"@{self.handle}", is_person=self.is_person, folder=folder)
        is_sealed_here(self.sealed, self._statement(), _to_bytes(self.parts), folder)

    def to_json(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {**self._statement(), "sha256": hashlib.sha256(_to_bytes(self.parts)).hexdigest()}

    def _statement(self) -> dict[str, Any]:
        return {"handle": self.handle, "kind": self.kind, "identifier": self.identifier, "grant": self.grant.to_json(),
                "picture_sha256": self.picture_sha256, "is_portrait": self.is_portrait}


def make_cameo(picture: Tensor, *, handle: str, kind: str, granted_by: str = "", until: str = "",
               mask: Tensor | None = None, folder: Path | None = None) -> Cameo:
    """A cameo from a picture.

    Args:
        picture: `(1, 3, 1, H, W)` in [-1, 1].
        handle: 1 to 24 letters, digits, dots, hyphens or underscores, with or without "@".
        kind: one of `identity.KINDS`.
        granted_by: who allowed it; needed for people. until: the last day, YYYY-MM-DD, or "" for no end.
        mask: `(H, W)`, 1 where the subject is; None finds it.
        folder: of this machine's keys.

    Raises:
        ConfigError: a handle or a kind that there isn't.
        ConsentError: a person without leave.
        MediaError: see `subject.find_subject`.
    """
    handle = check_name(handle)
    if kind not in KINDS:
        raise ConfigError(f"kind={kind!r} is unknown; use {', '.join(KINDS)}")
    grant = make_grant(granted_by, until, is_person=kind in PEOPLE)
    subject = find_subject(picture[0, :, 0], mask, is_person=kind in PEOPLE, is_convex=kind in THINGS)
    parts = _from_bytes(_to_bytes(encode_identity(subject, kind)))
    digest = hashlib.sha256(picture.contiguous().float().numpy().tobytes()).hexdigest()
    cameo = Cameo(handle, kind, parts, grant, secrets.token_hex(8), digest, kind in PEOPLE and is_portrait(subject))
    sealed = seal(cameo._statement(), _to_bytes(parts), folder)
    return Cameo(handle, kind, parts, grant, cameo.identifier, digest, cameo.is_portrait, sealed)


def check_name(handle: str) -> str:
    """A handle without "@", in lower case.

    Raises:
        ConfigError: prompts couldn't call it so.
    """
    name = handle.strip().removeprefix("@").lower()
    if not _HANDLE.fullmatch(name):
        raise ConfigError(f"the handle {handle[:40]!r} can't be written in a prompt; use 1 to 24 letters, digits, "
                          "dots, hyphens or underscores, such as mila")
    return name


def save_cameo(cameo: Cameo, path: str | Path) -> Path:
    """Write a cameo beside its place, then put it there. Returns the path, which ends with `SUFFIX`.

    Raises:
        MediaError: the file can't be written.
    """
    path = Path(path)
    if path.name in ("", "..") or "\0" in str(path):
        raise MediaError(f"{str(path)!r} is no name for a file; use one such as mila{SUFFIX}")
    if not path.name.endswith(SUFFIX):
        path = path.with_name(path.name.removesuffix(".safetensors").removesuffix(".cameo") + SUFFIX)
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    header = {"format": FORMAT, **cameo._statement(), "sealed": cameo.sealed}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"parts": _to_uint8(cameo.parts)}, beside, metadata={_HEADER: json.dumps(header, sort_keys=True)})
        os.replace(beside, path)
    except (OSError, SafetensorError) as error:
        raise MediaError(f"{str(path)!r} can't be written ({getattr(error, 'strerror', None) or error}); choose "
                         "another folder") from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return path


def load_cameo(path: str | Path, folder: Path | None = None, *, may_show: bool = True) -> Cameo:
    """Read a cameo; where `may_show`, one that may be shown.

    Raises:
        MediaError: missing, damaged, or no cameo.
        ConsentError: see `Cameo.check`.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise MediaError(f"{path.name!r} is too large for a cameo; make one with `python -m sora_core cameo make`")
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            parts = file.get_tensor("parts")
        if int(header["format"]) > FORMAT:
            raise MediaError(f"{path.name!r} was made by a newer SoraCore; update this one")
        if parts.shape != (LOOKS, 3, PATCH, PATCH) or parts.dtype != torch.uint8 or header["kind"] not in KINDS:
            raise ValueError
        grant = Grant(*(str(header["grant"][name]) for name in ("by", "given", "until")))
        cameo = Cameo(check_name(str(header["handle"])), str(header["kind"]), _from_bytes(parts.numpy().tobytes()),
                      grant, str(header["identifier"]), str(header["picture_sha256"]), bool(header["is_portrait"]),
                      {str(name): str(value) for name, value in dict(header["sealed"]).items()})
        if not (is_name(grant.by) and _IDENTIFIER.fullmatch(cameo.identifier)
                and _SHA256.fullmatch(cameo.picture_sha256)):
            raise ValueError
    except FileNotFoundError:
        raise MediaError(f"there is no cameo {str(path)!r}; make one with `python -m sora_core cameo make`") from None
    except (OSError, SafetensorError, KeyError, TypeError, AttributeError, ValueError, OverflowError,
            RecursionError) as error:
        if isinstance(error, (MediaError, ConsentError)):
            raise
        raise MediaError(f"{path.name!r} is no cameo, or damaged; make one with `python -m sora_core cameo make`"
                         ) from None
    if may_show:
        cameo.check(folder)
    return cameo


def _to_uint8(parts: Tensor) -> Tensor:
    return ((parts.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).contiguous()


def _to_bytes(parts: Tensor) -> bytes:
    return _to_uint8(parts).numpy().tobytes()


def _from_bytes(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(LOOKS, 3, PATCH, PATCH).float() / 127.5 - 1
