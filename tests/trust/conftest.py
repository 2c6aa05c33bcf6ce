"""Clips to mark, keys of their own for each test, and no network."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sora_core import media
from sora_core.trust.provenance import Provenance, facts_of

RATE, SAMPLE_RATE = Fraction(24), 24000


@pytest.fixture(autouse=True)
def keys_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SORACORE_HOME", str(tmp_path / "keys"))
    return tmp_path / "keys"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Python's sockets can't be opened; whoever tried fails."""
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield tried
    assert not tried


def scene(frames: int = 48, height: int = 128, width: int = 128, seed: int = 0) -> Tensor:
    """A disc that moves over a ground with some texture, (1, 3, T, H, W) in [-1, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / min(height, width)
    ground = np.where(y > 0.6, 0.35, 0.6)[..., None] * rng.uniform(0.6, 1, 3) + 0.03 * np.sin(40 * x + 9 * y)[..., None]
    video = np.repeat(ground[None], frames, axis=0)
    for t in range(frames):
        disc = np.hypot(x - 0.2 - 0.6 * t / frames, y - 0.5) < 0.12
        video[t][disc] = rng.uniform(0, 1, 3) if t == 0 else video[0][int(0.5 * height), int(0.2 * width)]
    return torch.from_numpy(video).permute(3, 0, 1, 2)[None].float().clamp(0, 1) * 2 - 1


def sound(seconds: float = 4.0, rate: int = SAMPLE_RATE, seed: int = 0) -> Tensor:
    """Knocks that ring and fade over a low hum, (1, 1, N)."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.01 * np.sin(2 * math.pi * 120 * t) + 0.002 * rng.normal(size=t.shape)
    for start in (0.3, 1.4, 2.6):
        since = np.maximum(t - start, 0)
        wave += (t > start) * (0.2 * np.exp(-6 * since) * np.sin(2 * math.pi * 640 * since)
                               + 0.3 * np.exp(-12 * since) * rng.normal(size=t.shape) * 0.3)
    return torch.from_numpy(wave).float().clamp(-1, 1)[None, None]


def provenance(**kwargs: Any) -> Provenance:
    facts = facts_of(prompt="a ball", model="0" * 16, seed=2 ** 64 - 1, settings={"steps": 8})
    return Provenance.here(facts, **kwargs)


def save(path: Path, video: Tensor | None = None, waveform: Tensor | None = None, **kwargs: Any) -> Path:
    """A marked clip, signed where that is possible."""
    video = scene() if video is None else video
    media.write_clip(path, video.split(7, dim=2), sound(2.0) if waveform is None else waveform, frame_rate=RATE,
                     sample_rate=SAMPLE_RATE, provenance=provenance(**kwargs),
                     metadata={"prompt": '{"1": {}}', "workflow": '{"nodes": []}'})
    return path
