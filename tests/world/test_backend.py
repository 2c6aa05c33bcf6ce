"""How MuJoCo is made to draw, and what is said where it can't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sora_core.errors import ResourceError
from sora_core.world.backend import choose_backend


@pytest.fixture(autouse=True)
def _restore(monkeypatch):
    for name in ("MUJOCO_GL", "LP_NUM_THREADS", "DISPLAY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about Linux without a display")
def test_software_without_a_display():
    assert choose_backend() == "osmesa"


def test_the_variable_decides(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "EGL")
    assert choose_backend() == "egl"


def test_an_unknown_backend_is_named(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "crayon")
    with pytest.raises(ResourceError, match="MUJOCO_GL=crayon .* use cgl, egl"):
        choose_backend()


def test_an_optimiser_can_be_made_after_drawing():
    pytest.importorskip("mujoco", reason="the extra `world` (mujoco) is not installed")
    pytest.importorskip("triton", reason="this PyTorch comes without Triton")
    code = ("from sora_core.world.render import Stage\nfrom sora_core.world.pool import make_clip\nimport torch\n"
            "with Stage(32, 32) as stage: make_clip(3, stage)\n"
            "torch.optim.AdamW([torch.zeros(1, requires_grad=True)])")
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    if "cannot draw with" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr[-500:]
