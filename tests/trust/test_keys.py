"""Keys: made once, private, never replaced; a bad one is told by name."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from sora_core.errors import ProvenanceError
from sora_core.trust import keys


def test_a_key_is_made_once_and_is_private(keys_of_its_own: Path) -> None:
    first = keys.private_key()
    assert first is not None and len(first) == 32 and keys.private_key() == first
    assert stat.S_IMODE((keys_of_its_own / keys.MARK_KEY).stat().st_mode) == 0o600
    assert [path.name for path in keys_of_its_own.iterdir()] == [keys.MARK_KEY]


def test_no_key_is_made_where_none_is_wanted(keys_of_its_own: Path) -> None:
    assert keys.private_key(create=False) is None and not keys_of_its_own.exists()


@pytest.mark.parametrize("data", [b"", b"abc", b"zz" * 32, b"\xff" * 64, b"0" * 66])
def test_a_damaged_key_is_refused(keys_of_its_own: Path, data: bytes) -> None:
    keys.write_secret(keys_of_its_own / keys.MARK_KEY, data)
    with pytest.raises(ProvenanceError, match="no mark key; restore it"):
        keys.private_key()
    assert keys.known_keys() == {}


def test_a_key_that_others_can_read_is_refused(keys_of_its_own: Path) -> None:
    keys.private_key()
    os.chmod(keys_of_its_own / keys.MARK_KEY, 0o644)
    with pytest.raises(ProvenanceError, match="can be read by others; run: chmod 600"):
        keys.private_key()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProvenanceError, match="can't be written .* set SORACORE_HOME"):
        keys.private_key(tmp_path / "file" / "below")


def _make(folder: str, results: object) -> None:
    results.put(keys.private_key(Path(folder)))


def test_processes_that_race_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_make, args=(str(tmp_path / "raced"), results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = {results.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(found) == 1


def test_numbers_of_a_key_are_uniform_and_its_own() -> None:
    one, other = keys.uniform(b"a" * 32, "x", 20_000), keys.uniform(b"b" * 32, "x", 20_000)
    assert 0 <= one.min() and one.max() < 1 and abs(one.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03 and not np.array_equal(one, keys.uniform(b"a" * 32, "y", 20_000))
    assert np.array_equal(one, keys.uniform(b"a" * 32, "x", 20_000))
    values = keys.normal(b"a" * 32, "x", 20_000)
    assert abs(values.mean()) < 0.03 and abs(values.std() - 1) < 0.03
