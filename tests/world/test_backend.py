"""How MuJoCo is made to draw, and what is said where it can't."""

from __future__ import annotations

import sys

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
