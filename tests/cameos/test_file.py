"""Cameos, their files and the leave that they need."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sora_core.cameos import consent
from sora_core.cameos.file import SUFFIX, Cameo, load_cameo, make_cameo, save_cameo
from sora_core.errors import ConfigError, ConsentError, MediaError, SoraError

from .drawn import ball, person


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def mila(**changes: str) -> Cameo:
    return make_cameo(person().picture(), **{"handle": "@Mila", "kind": "girl", "granted_by": "her  mother"} | changes)


def on(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "_today", lambda: datetime.date.fromisoformat(day))


def test_a_file_gives_back_what_was_saved_and_holds_no_picture(tmp_path: Path) -> None:
    cameo = mila(until="2999-01-02")
    path = save_cameo(cameo, tmp_path / "cast" / "mila")
    assert path.name == f"mila{SUFFIX}" and path.stat().st_size < 20_000
    back = load_cameo(path)
    assert torch.equal(back.parts, cameo.parts) and back.to_json() == cameo.to_json()
    assert back.handle == "mila" and back.grant.line().startswith("by leave of her mother, given 20")
    assert back.grant.line().endswith("until 2999-01-02")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_two_of_one_picture_are_two() -> None:
    assert mila().identifier != mila().identifier and mila().picture_sha256 == mila().picture_sha256


@pytest.mark.parametrize("until", ["", "2999-12-31"])
def test_things_and_animals_need_no_leave(until: str) -> None:
    cameo = make_cameo(ball().picture(), handle="bobo", kind="ball", until=until)
    assert not cameo.is_person and "no person" in cameo.grant.line()


@pytest.mark.parametrize(("changes", "words"), [
    ({"granted_by": ""}, "needs their leave"), ({"granted_by": "  "}, "needs their leave"),
    ({"granted_by": "x" * 300}, "300 letters"), ({"granted_by": "a\x00b"}, "can't be shown"),
    ({"until": "soon"}, "is no day"), ({"until": "2027-02-30"}, "no day of the calendar"),
    ({"until": "2001-01-01"}, "ended on 2001-01-01"),
])
def test_leave_that_is_none_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConsentError, match=words):
        mila(**changes)


@pytest.mark.parametrize(("changes", "words"), [
    ({"handle": ""}, "can't be written in a prompt"), ({"handle": "two words"}, "can't be written"),
    ({"handle": "x" * 25}, "can't be written"), ({"handle": "é"}, "can't be written"),
    ({"handle": ".mila"}, "can't be written"), ({"kind": "unicorn"}, "kind='unicorn' is unknown"),
])
def test_names_that_prompts_cannot_use_are_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        mila(**changes)


def test_leave_ends_with_its_last_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on("2026-03-01", monkeypatch)
    path = save_cameo(mila(until="2026-03-10"), tmp_path / "a")
    on("2026-03-10", monkeypatch)
    load_cameo(path)
    on("2026-03-11", monkeypatch)
    with pytest.raises(ConsentError, match="ended on 2026-03-10"):
        load_cameo(path)
    on("2026-02-01", monkeypatch)
    with pytest.raises(ConsentError, match="yet to come"):
        load_cameo(path)


def test_what_was_taken_back_is_refused_in_every_copy(tmp_path: Path) -> None:
    path, other = save_cameo(mila(), tmp_path / "a"), save_cameo(mila(), tmp_path / "b")
    copy = tmp_path / f"copy{SUFFIX}"
    shutil.copy(path, copy)
    consent.revoke(load_cameo(path).identifier)
    for file in (path, copy):
        with pytest.raises(ConsentError, match="taken back"):
            load_cameo(file)
    load_cameo(other)


def test_a_list_that_cannot_be_read_lets_nobody_through(tmp_path: Path, home: Path) -> None:
    path = save_cameo(mila(), tmp_path / "a")
    (home / consent.REVOKED).mkdir()
    with pytest.raises(ConsentError, match="can't be read"):
        load_cameo(path)


def changed(path: Path, **changes: object) -> Path:
    """The same file with another header."""
    with safe_open(path, "pt") as file:
        header, parts = json.loads(file.metadata()["soracore_cameo"]), file.get_tensor("parts")
    save_file({"parts": parts}, path, metadata={"soracore_cameo": json.dumps(header | changes)})
    return path


def test_a_grant_that_was_changed_breaks_the_seal(tmp_path: Path) -> None:
    path = save_cameo(mila(until="2999-01-01"), tmp_path / "a")
    changed(path, grant={"by": "somebody else", "given": "2026-01-01", "until": ""})
    with pytest.raises(ConsentError, match="changed after it was made"):
        load_cameo(path)


def test_one_that_was_made_elsewhere_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_cameo(mila(), tmp_path / "a")
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path / "another"))
    assert load_cameo(path).handle == "mila"


def test_one_that_names_nobody_is_refused_wherever_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = changed(save_cameo(mila(), tmp_path / "a"), grant={"by": "", "given": "2026-01-01", "until": ""})
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path / "another"))
    with pytest.raises(ConsentError, match="names nobody"):
        load_cameo(path)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x00" * 4000])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"x{SUFFIX}"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="no cameo, or damaged"):
        load_cameo(path)


def test_damaged_foreign_newer_large_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = save_cameo(mila(), tmp_path / "a")
    cut = tmp_path / f"cut{SUFFIX}"
    cut.write_bytes(path.read_bytes()[:-100])
    foreign = tmp_path / f"foreign{SUFFIX}"
    save_file({"parts": torch.zeros(3)}, foreign)
    large = tmp_path / f"large{SUFFIX}"
    large.write_bytes(bytes(2 << 20))
    for file, words in ((cut, "damaged"), (foreign, "no cameo"), (large, "too large"),
                        (tmp_path / "none", "there is no"),
                        (changed(save_cameo(mila(), tmp_path / "n"), format=99), "newer"),
                        (changed(save_cameo(mila(), tmp_path / "k"), kind="unicorn"), "no cameo"),
                        (changed(save_cameo(mila(), tmp_path / "g"), grant=[]), "no cameo")):
        with pytest.raises(MediaError, match=words):
            load_cameo(file)


@pytest.mark.parametrize("changes", [
    {"format": float("inf")}, {"identifier": "../x\nanother"}, {"identifier": "AB" * 8}, {"picture_sha256": "0"},
    {"grant": {"by": "a\x00b", "given": "2026-01-01", "until": ""}},
    {"grant": {"by": "x" * 300, "given": "2026-01-01", "until": ""}}])
def test_headers_that_this_project_never_writes_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(MediaError, match="no cameo, or damaged"):
        load_cameo(changed(save_cameo(mila(), tmp_path / "a"), **changes))


def test_a_header_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"deep{SUFFIX}"
    save_file({"parts": torch.zeros(3)}, path, metadata={"soracore_cameo": "[" * 200_000})
    with pytest.raises(MediaError, match="no cameo, or damaged"):
        load_cameo(path)


def test_a_seal_of_other_letters_is_a_broken_one(tmp_path: Path) -> None:
    cameo = mila()
    path = save_cameo(cameo, tmp_path / "a")
    changed(path, sealed=cameo.sealed | {"seal": "\u00e9\ud800"})
    with pytest.raises(ConsentError, match="changed after it was made"):
        load_cameo(path)


@pytest.mark.parametrize(("grant", "words"), [
    ({"by": "  ", "given": "2026-01-01", "until": ""}, "names nobody"),
    ({"by": "her mother", "given": "", "until": ""}, "is no day")])
def test_a_blank_name_or_day_is_no_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grant: dict[str, str],
                                         words: str) -> None:
    path = changed(save_cameo(mila(), tmp_path / "a"), grant=grant)
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path / "another"))
    with pytest.raises(ConsentError, match=words):
        load_cameo(path)


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a\0b"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    with pytest.raises(MediaError, match="no name for a file"):
        save_cameo(mila(), name)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SoraError, match="can't be written"):
        save_cameo(mila(), tmp_path / "file" / "a")
