"""By their leave: who allowed a cameo, until when, and what was taken back.

A cameo of a person is nothing without a grant. Whoever changes one on this machine breaks its seal; whoever takes one
back is heeded by every command and node here, whatever copies of the file there are.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import ConsentError
from ..trust.keys import home, key_id, private_key

REVOKED = "revoked-cameos.txt"
MOST_LETTERS = 120


@dataclass(frozen=True)
class Grant:
    """Leave to show somebody.

    Attributes:
        by: who gave it: the person shown, or who may speak for them; "" for things and animals that nobody asked for.
        given: the day, YYYY-MM-DD; until: the last day on which it holds, or "" for no end.
    """

    by: str
    given: str
    until: str = ""

    def line(self) -> str:
        """In words, for people and manifests."""
        if not self.by:
            return "no person is shown"
        return f"by leave of {self.by}, given {self.given}{f', until {self.until}' if self.until else ''}"

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def make_grant(by: str, until: str = "", *, is_person: bool) -> Grant:
    """A grant given today.

    Raises:
        ConsentError: a person without leave, or a day that is none or over.
    """
    by = " ".join(by.split())
    if is_person and not by:
        raise ConsentError("a cameo of a person needs their leave; say who gave it (granted by), and only if they did")
    if not is_name(by):
        raise ConsentError(f"the name of who gave leave has {len(by)} letters or some that can't be shown; use at most "
                           f"{MOST_LETTERS}")
    until = until.strip()
    if until:
        until = _day(until).isoformat()
    grant = Grant(by, _today().isoformat(), until)
    _check_day(grant, "this cameo")
    return grant


def is_name(by: str) -> bool:
    """Whether people and manifests can be told who gave leave."""
    return len(by) <= MOST_LETTERS and by.isprintable()


def check_grant(grant: Grant, identifier: str, name: str, *, is_person: bool, folder: Path | None = None) -> None:
    """Refuse a cameo that may not be shown (any more).

    Args:
        identifier: of the cameo; name: what to call it in the message.
        folder: of this machine's keys and of what was taken back; None = the usual one.

    Raises:
        ConsentError: no leave, or it is over, not yet given, or taken back.
    """
    if is_person and not grant.by.strip():
        raise ConsentError(f"{name} shows a person and names nobody who allowed it; make it anew with their leave")
    _check_day(grant, name)
    if identifier in revoked(folder):
        raise ConsentError(f"{name} was taken back on this machine and can't be shown; ask for leave anew and make a "
                           "new one")


def revoke(identifier: str, folder: Path | None = None) -> None:
    """Take a cameo back: from now on nothing on this machine shows it.

    Raises:
        ConsentError: that can't be written down.
    """
    path = (folder or home()) / REVOKED
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "a", encoding="ascii") as stream:       # a line at a time, so that two processes may do so
            stream.write(f"{identifier}\n")
    except OSError as error:
        raise ConsentError(f"{str(path)!r} can't be written ({error.strerror}); set SORACORE_HOME to a folder that "
                           "can be") from None


def revoked(folder: Path | None = None) -> set[str]:
    """Identifiers of the cameos that were taken back.

    Raises:
        ConsentError: the list is there and can't be read.
    """
    path = (folder or home()) / REVOKED
    try:
        return set(path.read_text(encoding="ascii", errors="replace").split())
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise ConsentError(f"{str(path)!r} can't be read ({error.strerror}), so nobody knows what was taken back; "
                           "mend it") from None


def seal(statement: dict[str, object], parts: bytes, folder: Path | None = None) -> dict[str, str]:
    """What shows later that this machine made a cameo as it is: whose seal, and the seal."""
    key = private_key(folder)
    return {"machine": key_id(key), "seal": _seal(key, statement, parts)}


def is_sealed_here(sealed: dict[str, str], statement: dict[str, object], parts: bytes,
                   folder: Path | None = None) -> bool:
    """Whether this machine's seal is on a cameo.

    Raises:
        ConsentError: it is, but the cameo was changed since.
    """
    key = private_key(folder, create=False)
    if key is None or sealed.get("machine") != key_id(key):
        return False
    if not hmac.compare_digest(sealed.get("seal", "").encode(errors="replace"), _seal(key, statement, parts).encode()):
        raise ConsentError("this cameo was changed after it was made here, so its grant doesn't hold; make it anew")
    return True


def _seal(key: bytes, statement: dict[str, object], parts: bytes) -> str:
    told = json.dumps(statement, sort_keys=True, ensure_ascii=True).encode() + hashlib.sha256(parts).digest()
    return hmac.new(key, b"cameo" + told, hashlib.sha256).hexdigest()


def _check_day(grant: Grant, name: str) -> None:
    today = _today()
    if _day(grant.given) > today + datetime.timedelta(days=1):
        raise ConsentError(f"the leave for {name} is dated {grant.given}, which is yet to come; set this "
                           "machine's clock")
    if grant.until and _day(grant.until) < today:
        raise ConsentError(f"the leave for {name} ended on {grant.until}; ask for it anew")


def _day(text: str) -> datetime.date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ConsentError(f"{text[:40]!r} is no day; write it as 2027-12-31")
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ConsentError(f"{text!r} is no day of the calendar; write one as 2027-12-31") from None


def _today() -> datetime.date:
    return datetime.date.today()
