"""Sizes of the five networks. A checkpoint carries them as JSON; unknown or odd values are refused by name."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from .errors import ConfigError

T = TypeVar("T", bound="Config")


@dataclass(frozen=True)
class Config:
    """A frozen group of positive numbers that round-trips through JSON."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ConfigError(f"{type(self).__name__}.{field.name}={value!r} is not a number")
            if isinstance(field.default, int) and not isinstance(value, int):
                raise ConfigError(f"{type(self).__name__}.{field.name}={value!r} is not a whole number")
            if not 0 < value <= 1 << 20:
                raise ConfigError(f"{type(self).__name__}.{field.name}={value} is out of range; use 1 to {1 << 20}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls: type[T], values: Any) -> T:
        """Build from parsed JSON.

        Raises:
            ConfigError: not an object, an unknown key, or a value out of range.
        """
        if not isinstance(values, dict):
            raise ConfigError(f"{cls.__name__} must be a JSON object, not {type(values).__name__}")
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f"{cls.__name__} has an unknown key {unknown[0]!r}; this version knows {sorted(known)}")
        return cls(**values)


@dataclass(frozen=True)
class VideoVAEConfig(Config):
    latent_channels: int = 48
    temporal_compression: int = 8
    spatial_compression: int = 16
    context_width: int = 192      # hidden channels on the latent grid
    cell_size: int = 4            # pixels a side of the grid that the last convolutions run on
    cell_width: int = 64          # hidden channels on that grid
    cell_depth: int = 3
    finisher_width: int = 96      # hidden channels of what finishes decoded frames, on the same grid
    finisher_depth: int = 4


@dataclass(frozen=True)
class AudioVAEConfig(Config):
    latent_channels: int = 32
    sample_rate: int = 24000
    samples_per_latent: int = 2000   # 12 latents a second: four to a video latent frame at 24 frames a second
    hop_length: int = 250            # four hops to a video frame at 24 frames a second
    num_mels: int = 80
    width: int = 192
    depth: int = 4


@dataclass(frozen=True)
class TextEncoderConfig(Config):
    vocabulary_size: int = 1024
    width: int = 256
    depth: int = 3
    num_heads: int = 4
    max_tokens: int = 256


@dataclass(frozen=True)
class TransformerConfig(Config):
    video_channels: int = 48
    audio_channels: int = 32
    patch_size: int = 2              # video latents a side that make one token
    text_width: int = 256
    width: int = 256
    depth: int = 6
    num_heads: int = 4
    mlp_ratio: float = 2.6875
    refiner_width: int = 96          # hidden channels of the convolutions on the latent grid
    temporal_compression: int = 8    # of the video autoencoder: positions are in seconds
    spatial_compression: int = 16
    audio_latent_rate: float = 12.0  # audio latents a second
    max_references: int = 8


@dataclass(frozen=True)
class SketcherConfig(Config):
    video_channels: int = 48         # of the first frame, where it is given
    text_width: int = 256
    width: int = 256
    depth: int = 6
    num_heads: int = 4
    mlp_ratio: float = 2.6875
    path_components: int = 24        # numbers that describe eight frames of a thing's path
    row: int = 32                    # numbers in a row, at least path_components + 8


COMPONENTS: dict[str, type[Config]] = {
    "transformer": TransformerConfig,
    "sketcher": SketcherConfig,
    "text_encoder": TextEncoderConfig,
    "video_vae": VideoVAEConfig,
    "audio_vae": AudioVAEConfig,
}


def parse_configs(text: str) -> dict[str, Config]:
    """The configurations of a checkpoint's networks from its JSON header."""

    def refuse(constant: str) -> None:
        raise ConfigError(f"the configuration holds {constant}, which is not a number")

    try:
        values = json.loads(text, parse_constant=refuse)
    except (json.JSONDecodeError, RecursionError):
        raise ConfigError("the configuration is not JSON; the file is damaged or not ours") from None
    if not isinstance(values, dict):
        raise ConfigError("the configuration is not a JSON object; the file is damaged or not ours")
    unknown = sorted(set(values) - set(COMPONENTS))
    if unknown:
        raise ConfigError(f"the configuration names an unknown network {unknown[0]!r}")
    return {name: COMPONENTS[name].from_dict(value) for name, value in values.items()}
