"""MODEL, CLIP, VAE and the nodes against ComfyUI's own functions, in its own Python: the checks are in inside.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

INSIDE = Path(__file__).with_name("inside.py")
CHECKS = re.findall(r"^def (check_\w+)\(", INSIDE.read_text(), re.M)

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="session")
def results(comfyui: tuple[Path, str], tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    folder, python = comfyui
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run([python, str(INSIDE), str(INSIDE.parents[2]), str(tiny)], capture_output=True, text=True,
                          env=environment, cwd=tmp_path_factory.mktemp("inside"), check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", CHECKS)
def test_native(results: dict[str, str | None], check: str) -> None:
    assert results[check] is None, results[check]
