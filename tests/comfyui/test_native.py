"""MODEL, CLIP, VAE and the nodes against ComfyUI's own functions, in its own Python: the checks are in inside*.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHECKS = [(path.stem, check) for path in sorted(HERE.glob("inside*.py"))
          for check in re.findall(r"^def (check_\w+)\(", path.read_text(), re.M)]

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="session")
def results(comfyui: tuple[Path, str], tiny: Path,
            tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str | None]]:
    """File of checks -> check -> its fault; each file runs once."""
    folder, python = comfyui
    environment = {**os.environ, "PYTHONPATH": str(folder)}

    @cache
    def run(name: str) -> dict[str, str | None]:
        done = subprocess.run([python, str(HERE / f"{name}.py"), str(HERE.parents[1]), str(tiny)], capture_output=True,
                              text=True, env=environment, cwd=tmp_path_factory.mktemp(name), check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.parametrize(("file", "check"), CHECKS)
def test_native(results: Callable[[str], dict[str, str | None]], file: str, check: str) -> None:
    fault = results(file)[check]
    assert fault is None, fault
