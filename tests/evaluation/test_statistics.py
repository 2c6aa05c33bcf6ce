"""The learnt judgements: fitting, storing, and the file that ships."""

from __future__ import annotations

import numpy as np
import pytest

from sora_core.errors import ResourceError
from sora_core.evaluation import calibrate, statistics


@pytest.fixture()
def examples():
    rng = np.random.default_rng(0)
    made = calibrate.Examples()
    for clip in range(300):
        colour, tilt = int(rng.integers(3)), float(rng.uniform(-30, 30))
        features = rng.normal(0, 0.3, 12).astype(np.float32)
        features[colour] += 3
        features[5] += tilt / 10
        made.add(features, {"colour": ("red", "green", "blue")[colour], "pitch": tilt}, clip)
    return made


def test_what_can_be_told_is_told_and_survives_the_disk(examples, tmp_path, monkeypatch):
    monkeypatch.setattr(calibrate, "STEPS", 300)
    network, scores = calibrate.fit(examples)
    assert scores["colour"] > 0.97 and scores["pitch"] < 5
    path = tmp_path / "statistics.npz"
    statistics.save(path, {"scene": network, "thing": network}, {"clips": 300})
    loaded = statistics.load(path)["thing"](examples.features[0])
    direct = network(examples.features[0])
    assert sum(loaded["colour"].values()) == pytest.approx(1, abs=1e-5)
    assert loaded["pitch"] == pytest.approx(direct["pitch"], abs=0.3)
    assert max(loaded["colour"], key=loaded["colour"].get) == examples.truths[0]["colour"]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_shipped_file_knows_the_world():
    networks = statistics.load()
    assert set(networks["scene"].heads) == {"place", "floor", "light", "camera", "pitch", "yaw"}
    assert len(networks["thing"].heads["colour"]) == 10 and networks["thing"].heads["kind"] == ["ball", "box"]
    scene = statistics.look(np.zeros(len(networks["scene"].centre), np.float32), 128, 128)
    assert scene.camera.span_m == pytest.approx(1.768) and sum(scene.place.values()) == pytest.approx(1)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "statistics.npz"
    path.write_bytes(b"PK no zip")
    with pytest.raises(ResourceError, match="evaluate calibrate"):
        statistics.load(path)
