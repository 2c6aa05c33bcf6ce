"""Secrets of this machine and the numbers drawn from them.

Two marks are hidden in a clip. The *public* one is drawn from a constant, so that anyone with SoraCore finds it; its
payload is drawn from a *private* key, so that only who holds that key can read or write it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from pathlib import Path

import numpy as np

from ..errors import ProvenanceError

PUBLIC_KEY = hashlib.sha256(b"SoraCore public mark, first edition").digest()
KEY_BYTES = 32
MARK_KEY = "mark.key"
OTHER_KEYS = "marks"         # a folder of keys of others that this machine may read


def home() -> Path:
    """The folder of this machine's keys: $SORACORE_HOME, else soracore in the user's configuration folder."""
    chosen = os.environ.get("SORACORE_HOME")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if os.name == "nt" else None)
    return (Path(base) if base else Path.home() / ".config") / "soracore"


def private_key(folder: Path | None = None, *, create: bool = True) -> bytes | None:
    """The 32 bytes of this machine's mark key, made at first use with mode 0600.

    Returns:
        The key, or None where there is none and `create` is off.

    Raises:
        ProvenanceError: the key can't be read or made, or isn't a key.
    """
    path = (folder or home()) / MARK_KEY
    if not path.exists() and not create:
        return None
    if not path.exists():
        write_secret(path, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
    return read_key(path)


def known_keys(folder: Path | None = None) -> dict[str, bytes]:
    """Names and bytes of the private keys that this machine may read payloads with: its own and those it was given.

    A key that can't be read is left out; `private_key` says why.
    """
    folder = folder or home()
    found: dict[str, bytes] = {}
    for name, path in [("this machine", folder / MARK_KEY),
                       *((path.stem, path) for path in sorted((folder / OTHER_KEYS).glob("*.key")))]:
        try:
            found[name] = read_key(path)
        except ProvenanceError:
            continue
    return found


def key_id(key: bytes) -> str:
    """Eight hex digits that name a key without telling it."""
    return hashlib.sha256(b"id" + key).hexdigest()[:8]


def uniform(key: bytes, label: str, count: int) -> np.ndarray:
    """`count` numbers in [0, 1) that nobody can guess without the key, float64 (count,)."""
    data = hashlib.shake_256(len(key).to_bytes(2, "big") + key + label.encode()).digest(4 * count)
    return np.frombuffer(data, "<u4") / 2.0 ** 32


def normal(key: bytes, label: str, count: int) -> np.ndarray:
    """`count` standard normal numbers of a key, by Box and Muller, float64 (count,)."""
    pairs = uniform(key, label, 2 * count).reshape(2, count)
    return np.sqrt(-2 * np.log(1 - pairs[0])) * np.cos(2 * np.pi * pairs[1])


def read_key(path: Path) -> bytes:
    """A key file: 64 hex digits.

    Raises:
        ProvenanceError: missing, unreadable, or something else.
    """
    data = read_secret(path)
    try:
        key = bytes.fromhex(data.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ProvenanceError(f"{str(path)!r} is no mark key; restore it from a copy, or move it away for a new one")
    return key


def read_secret(path: Path) -> bytes:
    """The bytes of a private file.

    Raises:
        ProvenanceError: it can't be read, or others can.
    """
    try:
        if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ProvenanceError(f"the key {str(path)!r} can be read by others; run: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise ProvenanceError(f"the key {str(path)!r} can't be read ({error.strerror}); restore it or save unsigned"
                              ) from None


def write_secret(path: Path, data: bytes) -> None:
    """Write a private file with mode 0600; where another process was faster, its file is kept.

    Raises:
        ProvenanceError: the folder can't be written.
    """
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            return
        try:
            os.link(beside, path)                           # unlike a rename, this never replaces a key
        except FileExistsError:
            return
        except OSError:                                     # a file system without links
            os.replace(beside, path)
    except OSError as error:
        raise ProvenanceError(f"the key {str(path)!r} can't be written ({error.strerror}); set SORACORE_HOME to a "
                              "folder that can be") from None
    finally:
        try:
            beside.unlink(missing_ok=True)
        except OSError:                                     # its folder is gone or read-only: nothing was left there
            pass
