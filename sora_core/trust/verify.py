"""What can be said about a file: three findings about its signature, the marks with their chance, and where it is from.

Each stands alone, in plain words; none is a verdict of "real" or "fake". A file without marks may have lost them, and
marks and signatures can be taken off by whoever wants to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import media
from . import bend, lattice, manifest, piece, sound_lattice, spread, watermark_audio
from .keys import PUBLIC_KEY, key_id, known_keys
from .manifest import Signature
from .watermark_video import Averages

FALSE_ALARM = 1e-6           # chance at which a mark counts as found
TRACE = 1e-3                 # ... and as a trace, which proves nothing
SURE = 1e-9                  # ... and is so sure that no further places are looked at
SEARCHES = 5                 # for the pattern in the colours; each pays for the others
TOGETHER = "picture and sound together"
MAX_SOUND_SECONDS = 600
# Chance is the number of places at which a search may be lucky times the tail of a Gaussian, which is an extrapolation.
# For the sound it is what thousands of wrong keys showed, or more; see docs/PROVENANCE.md.
SOUND_PLAIN_TRIES = 2e3
SOUND_SEARCH_TRIES = 5e6


@dataclass(frozen=True)
class MarkFinding:
    """One kind of mark: its chance of being an accident, and how the file was changed since, as far as that shows."""

    kind: str                # "colours", "coarse picture", "sound" or TOGETHER
    false_alarm: float
    z: float | None = None
    how: str = ""

    @property
    def found(self) -> str:
        """"yes", "trace" or "no"."""
        return "yes" if self.false_alarm <= FALSE_ALARM else "trace" if self.false_alarm <= TRACE else "no"


@dataclass(frozen=True)
class Findings:
    """All that was found in one file."""

    path: str
    seconds: float
    has_picture: bool
    has_sound: bool
    signature: Signature | None              # None: the extra isn't installed
    marks: tuple[MarkFinding, ...]
    payloads: Mapping[str, int] = field(default_factory=dict)      # name of a key -> payload that it reads
    disagreements: tuple[str, ...] = ()

    @property
    def is_marked(self) -> bool:
        """Whether any mark was found."""
        return any(mark.found == "yes" for mark in self.marks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        sign = self.signature
        found = sign is not None and sign.state == "found"
        return {
            "file": self.path, "seconds": round(self.seconds, 3), "picture": self.has_picture, "sound": self.has_sound,
            "signature": "not checked" if sign is None else sign.state,
            "intact": sign.is_intact if found else None, "trusted": sign.is_trusted if found else None,
            "chain_intact": sign.is_chain_intact if found else None, "expired": sign.is_expired if found else None,
            "signer": sign.signer if found else None, "generator": sign.generator if found else None,
            "facts": sign.facts if found else None, "failures": sign.failures if found else [],
            "lineage": sign.lineage if found else None,
            "marks": [{"kind": mark.kind, "found": mark.found, "false_alarm": mark.false_alarm, "how": mark.how,
                       "z": None if mark.z is None else round(mark.z, 2)} for mark in self.marks],
            "payloads": {name: f"{payload:08x}" for name, payload in self.payloads.items()},
            "disagreements": list(self.disagreements), "sentences": self.sentences()}

    def sentences(self) -> list[str]:
        """Plain words, one finding each."""
        return [*_about_signature(self.signature), *_about_marks(self), *self.disagreements, _in_short(self)]


def verify(path: str | Path, *, folder: Path | None = None) -> Findings:
    """Look at a file; nothing is fetched, nothing is changed.

    Args:
        path: a video or sound file.
        folder: of this machine's keys; None = the usual one.

    Raises:
        MediaError: no file, not a video or sound, or damaged.
    """
    path = Path(path)
    with media.opened_stream(path) as stream:
        averages = Averages(stream.frame_rate) if stream.frame_rate is not None else None
        sounds: list[np.ndarray] = []
        heard, seconds = 0, 0.0
        for piece in stream.pieces:
            if piece.pixels is not None:
                averages.add(np.ascontiguousarray(piece.pixels))
                seconds = max(seconds, piece.seconds + float(1 / stream.frame_rate))
            elif heard < MAX_SOUND_SECONDS * stream.sample_rate:
                sounds.append(piece.samples)
                heard += piece.samples.shape[-1]
        sample_rate = stream.sample_rate
    marks, payloads = [], {}
    private = known_keys(folder)
    if averages is not None:
        averages.finish()
        found, payloads = find_picture_marks(averages, private)
        marks += found
    if sounds:
        waveform_CN = np.concatenate(sounds, axis=1)
        seconds = max(seconds, waveform_CN.shape[-1] / sample_rate)
        marks.append(find_sound_mark(waveform_CN, sample_rate))
    if averages is not None and sounds:
        marks.append(MarkFinding(TOGETHER, together([mark.false_alarm for mark in marks[:-1]], marks[-1].false_alarm)))
    signature = manifest.read_signature(path, folder=folder) if manifest.is_installed() else None
    names = {f"{name} ({key_id(private[name])})": payload for name, payload in payloads.items()}
    return Findings(str(path), seconds, averages is not None, bool(sounds), signature, tuple(marks), names,
                    tuple(_disagreements(signature, marks, payloads, seconds)))


def find_picture_marks(averages: Averages, private: Mapping[str, bytes]) -> tuple[list[MarkFinding], dict[str, int]]:
    """Both marks of the picture and the payloads that known private keys read."""
    colours = averages.colours()
    matches = tuple(spread.detect_home(colours, [PUBLIC_KEY]))
    if _luckiest(matches)[0] > SURE:
        halves = [lattice.windows(averages.squares(scale))[0] for scale in spread.native_scales(averages.short_side)]
        matches += (piece.detect(colours, halves, PUBLIC_KEY, averages.short_side),)
    if _luckiest(matches)[0] > SURE:
        likely, anywhere = spread.detect(colours, [PUBLIC_KEY])[0]
        matches += likely[0], anywhere[0]
        if _luckiest(matches)[0] > SURE:
            matches += (bend.climb(colours, PUBLIC_KEY, likely),)
    chance, match = _luckiest(matches)
    how = [f"seen at {1 / match.scale:.2f} of its size" if match.scale > 1.03 else
           f"cropped to {match.scale:.2f} of its shorter side" if match.scale < 0.97 else "",
           f"turned by {match.turn:g} degrees" if match.turn else "", "mirrored" if match.is_mirrored else ""]
    reading = lattice.read(averages.squares(), PUBLIC_KEY, dict(private))
    level = f"at {reading.gain:.2f} of its contrast" if abs(reading.gain - 1) > 0.05 else ""
    plain_chance, any_chance = 2 * reading.plain_tries * _tail(reading.plain_z), 2 * reading.tries * _tail(reading.z)
    return [MarkFinding("colours", min(1.0, chance), match.z, ", ".join(part for part in how if part)),
            MarkFinding("coarse picture", min(1.0, plain_chance, any_chance), reading.z, ", ".join(
                part for part in (level, "mirrored" if reading.is_mirrored else "") if part))], reading.payloads


def _luckiest(matches: tuple[spread.Match, ...]) -> tuple[float, spread.Match]:
    """The match that chance explains least, and its chance: as if all searches had been made, even where one was."""
    return min(((SEARCHES * match.tries * _tail(match.z), match) for match in matches), key=lambda pair: pair[0])


def find_sound_mark(waveform_CN: np.ndarray, sample_rate: int) -> MarkFinding:
    """The marks of the sound: the likelier of them."""
    ((near, anywhere),) = sound_lattice.detect_loudness(waveform_CN, sample_rate, [PUBLIC_KEY])
    lattices, z = min((match.tries * math.exp(-match.z ** 2 / 2), match.z) for match in (near, anywhere))
    if 4 * lattices <= SURE:
        return MarkFinding("sound", 4 * lattices, z)
    ((plain, best),) = watermark_audio.detect_audio(waveform_CN, sample_rate, [PUBLIC_KEY])
    chance = min(SOUND_PLAIN_TRIES * _tail(plain.z), SOUND_SEARCH_TRIES * _tail(best.z))
    if lattices < chance:
        return MarkFinding("sound", min(1.0, 4 * lattices), z)
    how = [f"played {1 / best.scale:.2f} times as fast" if abs(best.scale - 1) > 0.02 else "",
           f"{best.bands:+d} semitones" if best.bands else ""]
    return MarkFinding("sound", min(1.0, 4 * chance), best.z, ", ".join(part for part in how if part))


def together(picture: Iterable[float], sound: float) -> float:
    """Chance that a picture and a sound without marks are both this lucky (Fisher's method).

    The picture counts by its luckiest mark, times their number, because its marks aren't quite independent of one
    another; of the sound they are. For a product p of two uniform numbers that is p * (1 - ln p).
    """
    chances = list(picture)
    product = min(1.0, len(chances) * min(chances)) * sound
    return product * (1 - math.log(product)) if product > 0 else 0.0


def describe_lineage(lineage: Mapping[str, Any], depth: int = 0) -> list[str]:
    """A tree of what a clip was made from, one line each."""
    lines = []
    for part in lineage.get("made_from", []):
        word = {"parentOf": "continues", "componentOf": "uses"}.get(part.get("relationship"), "from")
        grant = f", granted: {part['grant']}" if part.get("grant") else ""
        lines.append("  " * depth + f"{word} {part.get('title', '?')!r} ({part.get('state', '?')}{grant})")
        lines += describe_lineage(part, depth + 1)
    return lines


def _about_signature(sign: Signature | None) -> list[str]:
    if sign is None:
        return ["signature: not checked; for that, run: python -m pip install \".[provenance]\""]
    if sign.state == "none":
        return ["signature: none" + (f" ({sign.detail})" if sign.detail else "")]
    if sign.state != "found":
        return [f"signature: there is one that can't be read ({sign.detail})"]
    trusted = ("yes, by a key that this machine trusts" if sign.is_trusted else
               "no, the certificate has expired" if sign.is_expired else
               "no, this machine doesn't know the signer; a stranger's true signature looks the same")
    tree = describe_lineage(sign.lineage, 1)
    return [
        "intact: yes, these are the bytes that were signed" if sign.is_intact else
        f"intact: no, the file or what is said about it was changed after signing ({', '.join(sign.failures[:3])})",
        f"signed: {trusted} ({sign.signer or 'no name'}; made with {sign.generator})",
        ("chain intact: yes" + (", and so is all that it was made from" if tree else "; it names no sources"))
        if sign.is_chain_intact else f"chain intact: no, a source was altered ({', '.join(sign.failures[-3:])})", *tree]


def _about_marks(findings: Findings) -> list[str]:
    words = {"yes": "found", "trace": "a trace, which proves nothing", "no": "not found"}
    lines = []
    for mark in findings.marks:
        about = f", {mark.how}" if mark.how and mark.found == "yes" else ""
        lines.append(f"mark in the {mark.kind}: {words[mark.found]}{about} "
                     f"(by chance once in {_once_in(mark.false_alarm)})")
    for name, payload in findings.payloads.items():
        lines.append(f"mark written with the key of {name}: clip {payload:08x}")
    if findings.is_marked and not findings.payloads:
        lines.append("mark's number: can't be read with a key that this machine has")
    return lines


def _in_short(findings: Findings) -> str:
    sign = findings.signature
    if sign is not None and sign.state == "found" and sign.is_intact:
        return "in short: it carries a statement of how it was made, and is unchanged since"
    if findings.is_marked:
        return ("in short: it carries SoraCore's mark, so picture or sound came through SoraCore, or someone copied "
                "the mark")
    return "in short: no sign of SoraCore; that doesn't tell where it is from, for marks and signatures can be removed"


def _disagreements(sign: Signature | None, marks: list[MarkFinding], payloads: Mapping[str, int],
                   seconds: float) -> list[str]:
    """Where signature and mark say different things."""
    if sign is None or sign.state != "found":
        return []
    said = []
    picture = [mark for mark in marks if mark.kind in ("colours", "coarse picture")]
    if sign.payload is not None and any(payload != sign.payload for payload in payloads.values()):
        said.append(f"disagreement: the signature is of clip {sign.payload:08x}, the mark of another; a signature or a "
                    "mark was copied")
    if sign.payload is not None and sign.is_intact and picture and not any(mark.found == "yes" for mark in picture) \
            and seconds >= 1:
        said.append("disagreement: the signature speaks of a mark in the picture, and there is none")
    if sign.payload is None and any(mark.found == "yes" for mark in marks):
        said.append("disagreement: there is SoraCore's mark, and the signature doesn't speak of it")
    return said


def _tail(z: float) -> float:
    """Share of a Gaussian beyond z."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def _once_in(chance: float) -> str:
    if chance >= 0.5:
        return "one or two files"
    if chance > 1e-4:
        return f"{1 / chance:.0f} files"
    return f"10^{min(99, math.floor(-math.log10(chance + 1e-99)))} files"
