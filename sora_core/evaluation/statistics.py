"""What true clips look and sound like, in two small fitted functions: of a background, and of a thing.

`statistics.npz` is made by `python -m sora_core evaluate calibrate` on clips of the world: what the trackers see of
them (`features.py`) against what is true of them. Each function is one hidden layer; its classes are told with a
probability, so that what can't be told isn't judged.

Legend: D features, n rows.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ResourceError
from .geometry import STYLES_DEG, Camera

PATH = Path(__file__).with_name("statistics.npz")
LIMIT = 6.0                         # standard deviations: features further out say no more


@dataclass(frozen=True)
class Network:
    """One hidden layer: standardise, tanh, heads.

    Attributes:
        centre, scale: (D,).
        hidden, hidden_bias: (D, h) and (h,).
        out, out_bias: (h, k) and (k,).
        heads: name -> class names, or None for a number; in the order of the outputs.
        offsets, factors: of the numbers, by name.
    """

    centre: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray
    heads: dict[str, list[str] | None]
    numbers: dict[str, list[float]]

    def __call__(self, features: np.ndarray) -> dict[str, dict[str, float] | float]:
        """Probabilities by class name, or a number, for each head, of features (D,)."""
        z = np.clip((features - self.centre) / self.scale, -LIMIT, LIMIT)
        values = np.tanh(z @ self.hidden + self.hidden_bias) @ self.out + self.out_bias
        found: dict[str, dict[str, float] | float] = {}
        at = 0
        for name, classes in self.heads.items():
            if classes is None:
                offset, factor = self.numbers[name]
                found[name] = float(values[at] * factor + offset)
                at += 1
            else:
                part = np.exp(values[at: at + len(classes)] - values[at: at + len(classes)].max())
                found[name] = {label: float(p) for label, p in zip(classes, part / part.sum(), strict=True)}
                at += len(classes)
        return found


@dataclass(frozen=True)
class Scene:
    """What a background says: the camera, and probabilities of place, floor and light."""

    camera: Camera
    place: dict[str, float]
    floor: dict[str, float]
    light: dict[str, float]
    cameras: dict[str, float]


@lru_cache(maxsize=2)
def load(path: Path = PATH) -> dict[str, Network]:
    """The functions "scene" and "thing".

    Raises:
        ResourceError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            facts: dict[str, Any] = json.loads(str(file["facts"]))
            return {name: Network(*(file[f"{name}.{part}"].astype(np.float32) for part in
                                    ("centre", "scale", "hidden", "hidden_bias", "out", "out_bias")),
                                  facts[name]["heads"], facts[name]["numbers"]) for name in ("scene", "thing")}
    except (OSError, KeyError, ValueError) as error:
        raise ResourceError(f"{path.name} can't be read ({error}); make it with `evaluate calibrate`") from None


def look(features: np.ndarray, width: int, height: int) -> Scene:
    """Judge a background by its features."""
    said = load()["scene"](features)
    cameras = said["camera"]
    name = max(cameras, key=cameras.get)
    pitch, yaw = STYLES_DEG[name]
    camera = Camera(name, pitch, math.copysign(yaw, said["yaw"]), width, height)
    return Scene(camera, said["place"], said["floor"], said["light"], cameras)


def save(path: Path, networks: dict[str, Network], record: dict[str, Any]) -> None:
    """Write the functions and how they were made."""
    facts = {name: {"heads": network.heads, "numbers": network.numbers} for name, network in networks.items()}
    arrays = {f"{name}.{part}": getattr(network, part).astype(np.float16 if part in ("hidden", "out") else np.float32)
              for name, network in networks.items()
              for part in ("centre", "scale", "hidden", "hidden_bias", "out", "out_bias")}
    beside = path.with_suffix(".part.npz")
    np.savez_compressed(beside, facts=np.array(json.dumps(facts | {"record": record})), **arrays)
    beside.replace(path)
