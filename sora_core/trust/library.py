"""A library of clips that answers "where is this from?": fingerprints, marks and signatures in one SQLite file.

An excerpt of two seconds is enough, by picture or by sound alone: its moments are laid along those of every clip, and
the best place counts if it differs in fewer bits than chance would. Legend: M moments of a clip, m of the excerpt.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import media
from ..errors import MediaError, ResourceError
from .fingerprint import BITS, PICTURES_PER_SECOND, SOUNDS_PER_SECOND, PictureBits, distance, sound_bits
from .keys import home
from .verify import Findings, verify

VERSION = 1
SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".wav", ".flac")
BUSY_SECONDS = 10.0
ALIKE = 0.25                 # share of differing bits up to which two stretches count as one; chance gives 0.5
LEAST_MOMENTS = 6
_SCHEMA = """
create table clip (id integer primary key, path text unique not null, size integer not null, changed integer not null,
                   seconds real not null, payload text, findings text not null, pictures blob not null,
                   sounds blob not null);
create index clip_payload on clip (payload);
"""


@dataclass(frozen=True)
class Hit:
    """A clip that an excerpt may be from: where in it, and the share of bits that differ."""

    path: str
    by: str                  # "picture" or "sound"
    seconds: float
    difference: float
    payload: str | None


class Library:
    """An index of clips in one file; use as a context manager.

    Raises:
        ResourceError: the file is locked for long, damaged, or made by a newer version.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else home() / "library.sqlite"
        with self._speaking():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
            version = self.connection.execute("pragma user_version").fetchone()[0]
        if version > VERSION:
            self.connection.close()
            raise ResourceError(f"the library {str(self.path)!r} is of version {version}, newer than {VERSION}; update "
                                "SoraCore")
        if version == 0:
            with self._speaking(), self.connection:
                self.connection.executescript(f"begin immediate; {_SCHEMA} pragma user_version = {VERSION}; commit;")

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def index(self, folder: str | Path) -> tuple[int, list[str]]:
        """Remember all clips of a folder and those below it; clips that didn't change are passed over.

        Returns:
            The number of clips that were read, and a sentence for each file that couldn't be.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise MediaError(f"{str(folder)!r} is no folder; name the one that holds your clips")
        read, faults = 0, []
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
                try:
                    read += self.add(path)
                except MediaError as error:
                    faults.append(str(error))
        return read, faults

    def add(self, path: str | Path) -> bool:
        """Remember one clip; False if it is known and hasn't changed."""
        path = Path(path).resolve()
        about = path.stat()
        key = (str(path), about.st_size, about.st_mtime_ns)
        with self._speaking():
            if self.connection.execute("select 1 from clip where path=? and size=? and changed=?", key).fetchone():
                return False
        findings = verify(path)
        pictures, sounds = fingerprints(path)
        with self._speaking(), self.connection:
            self.connection.execute(
                "insert or replace into clip (path, size, changed, seconds, payload, findings, pictures, sounds) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, findings.seconds, _payload(findings), json.dumps(findings.to_dict()), _blob(pictures),
                 _blob(sounds)))
        return True

    def find(self, path: str | Path, *, limit: int = 5) -> list[Hit]:
        """Clips that an excerpt may be from, the likeliest first; at most `limit`, perhaps none."""
        pictures, sounds = (_unblob(_blob(part)) for part in fingerprints(Path(path)))
        hits = []
        with self._speaking():
            rows = self.connection.execute("select path, payload, pictures, sounds from clip").fetchall()
        for name, payload, *blobs in rows:
            for by, rate, wanted, blob in (("picture", PICTURES_PER_SECOND, pictures, blobs[0]),
                                           ("sound", SOUNDS_PER_SECOND, sounds, blobs[1])):
                place = _place(wanted, _unblob(blob))
                if place is not None and place[1] <= ALIKE:
                    hits.append(Hit(name, by, place[0] / rate, place[1], payload))
        return sorted(hits, key=lambda hit: hit.difference)[:limit]

    def with_payload(self, payload: int) -> list[str]:
        """Paths of the clips whose mark or signature has that number."""
        with self._speaking():
            return [row[0] for row in self.connection.execute("select path from clip where payload=?",
                                                              (f"{payload:08x}",))]

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            reason = "is in use by another program; try again" if "locked" in str(error) else \
                f"can't be used ({error}); choose another with --index"
            raise ResourceError(f"the library {str(self.path)!r} {reason}") from None
        except sqlite3.DatabaseError as error:
            raise ResourceError(f"the library {str(self.path)!r} is damaged ({error}); move it away and index again"
                                ) from None
        except OSError as error:
            raise ResourceError(f"the library {str(self.path)!r} can't be made ({error.strerror}); choose another with "
                                "--index") from None


def fingerprints(path: Path) -> tuple[list[int | None], list[int | None]]:
    """Bits of a file's pictures and of its sound."""
    pictures, sounds = PictureBits(), []
    with media.opened_stream(path) as stream:
        for piece in stream.pieces:
            if piece.pixels is not None:
                pictures.add(piece.pixels, piece.seconds)
            else:
                sounds.append(piece.samples)
        rate = stream.sample_rate
    return pictures.moments, sound_bits(np.concatenate(sounds, axis=1), rate) if sounds else []


def _place(wanted: tuple[np.ndarray, np.ndarray], known: tuple[np.ndarray, np.ndarray]) -> tuple[int, float] | None:
    """Where along a clip an excerpt fits best, in moments, and the share of bits that differ there."""
    (bits_m, says_m), (bits_M, says_M) = wanted, known
    number = min(len(bits_m), len(bits_M))
    if number < LEAST_MOMENTS:
        return None
    bits_m, says_m = bits_m[:number], says_m[:number]
    windows = np.lib.stride_tricks.sliding_window_view(bits_M, number)
    counts = np.lib.stride_tricks.sliding_window_view(says_M, number) & says_m
    differ = np.where(counts, distance(windows, bits_m[None]), 0).sum(axis=1)
    number_said = counts.sum(axis=1)
    shares = np.where(number_said >= LEAST_MOMENTS, differ / np.maximum(number_said, 1) / BITS, 1.0)
    at = int(shares.argmin())
    return at, float(shares[at])


def _payload(findings: Findings) -> str | None:
    for payload in findings.payloads.values():
        return f"{payload:08x}"
    signed = findings.signature
    return f"{signed.payload:08x}" if signed is not None and signed.payload is not None else None


def _blob(moments: list[int | None]) -> bytes:
    """Nine bytes a moment: its bits, and whether it says anything."""
    return b"".join((moment or 0).to_bytes(8, "little") + bytes([moment is not None]) for moment in moments)


def _unblob(blob: bytes) -> tuple[np.ndarray, np.ndarray]:
    rows = np.frombuffer(blob, np.uint8).reshape(-1, 9)
    return np.ascontiguousarray(rows[:, :8]).view("<u8")[:, 0], rows[:, 8].astype(bool)
