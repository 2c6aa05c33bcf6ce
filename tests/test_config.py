"""Configurations round-trip through JSON; anything odd is refused by name."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sora_core.config import COMPONENTS, TransformerConfig, parse_configs
from sora_core.errors import ConfigError


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_round_trip(name: str) -> None:
    config = COMPONENTS[name]()
    assert parse_configs(json.dumps({name: config.to_dict()})) == {name: config}
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.width = 1


def test_defaults_fit_each_other() -> None:
    names = ("transformer", "sketcher", "text_encoder", "video_vae", "audio_vae")
    flow, sketcher, text, video, audio = (COMPONENTS[name]() for name in names)
    assert sketcher.text_width == text.width and sketcher.video_channels == video.latent_channels
    assert sketcher.row >= sketcher.path_components + 8
    assert flow.text_width == text.width
    assert flow.video_channels == video.latent_channels and flow.audio_channels == audio.latent_channels
    assert flow.temporal_compression == video.temporal_compression
    assert flow.spatial_compression == video.spatial_compression
    assert flow.audio_latent_rate == audio.sample_rate / audio.samples_per_latent


@pytest.mark.parametrize(("values", "words"), [
    ({"width": 0}, "width=0"), ({"width": -1}, "width=-1"), ({"depth": 10**9}, "depth"), ({"width": "256"}, "'256'"),
    ({"width": 1.5}, "whole"), ({"width": True}, "True"), ({"width": None}, "None"), ({"colour": 1}, "'colour'"),
    ({"mlp_ratio": float("inf")}, "mlp_ratio"), ({"mlp_ratio": float("nan")}, "mlp_ratio"),
    ([], "object"), (7, "object")])
def test_refused_by_name(values: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TransformerConfig.from_dict(values)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"transformer": {"width": NaN}}', '{"x": {}}',
                                  '{"transformer": []}', "[" * 100_000, '{"transformer": {"width": 1e999}}'])
def test_refused_json(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_configs(text)
