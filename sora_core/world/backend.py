"""Chooses how MuJoCo draws: in software where there is no display, or as the variable MUJOCO_GL says."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..errors import ResourceError

_BACKENDS = {"osmesa": "osmesa", "egl": "egl", "glfw": "glfw", "glx": "glfw", "cgl": "cgl", "wgl": "glfw"}


def choose_backend() -> str:
    """Name the backend and set the variables that it reads when it starts.

    Software drawing stays on one thread, since clips are made by one process per core.

    Raises:
        ResourceError: MUJOCO_GL names no backend.
    """
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", "osmesa")
    os.environ.setdefault("LP_NUM_THREADS", "0")
    name = os.environ.get("MUJOCO_GL", "").lower() or ("cgl" if sys.platform == "darwin" else "glfw")
    if name not in _BACKENDS:
        raise ResourceError(f"MUJOCO_GL={name} names no way to draw; use {', '.join(sorted(_BACKENDS))}")
    return name


def graphics_context(width: int, height: int) -> Any:
    """Open a context to draw in, of at least this size in pixels.

    MuJoCo picks a backend when it is first imported; asking for it here works whenever that was.

    Raises:
        ResourceError: the backend's libraries are missing.
    """
    name = choose_backend()
    try:
        return import_module(f"mujoco.{_BACKENDS[name]}").GLContext(width, height)
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        raise ResourceError(
            f"cannot draw with MUJOCO_GL={name} ({error}); install its library, such as libosmesa6, "
            "or set MUJOCO_GL to osmesa or egl"
        ) from None


def load_triton() -> None:
    """Load Triton, where PyTorch brings it, before MuJoCo, which loads Mesa at once where MUJOCO_GL is set.

    Both bring an LLVM of their own, and the one that comes second meets the other's symbols: Mesa bears that, Triton
    crashes the process, as soon as an optimiser is made.
    """
    with suppress(ImportError):
        import_module("triton")
