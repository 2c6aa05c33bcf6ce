"""The sketch of a simulated clip says what its pictures show and its contacts tell."""

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the world needs MuJoCo: pip install '.[world]'")
from sora_core.models import sketch as core  # noqa: E402
from sora_core.world import sketch as world  # noqa: E402
from sora_core.world.pool import make_record  # noqa: E402


def test_both_sides_count_alike():
    assert [getattr(world, name) for name in ("SLOTS", "STATES", "TRAITS", "STAGE")] == [
        getattr(core, name) for name in ("SLOTS", "STATES", "TRAITS", "STAGE")]


@pytest.mark.parametrize("family", ["drop", "roll", "collide", "throw", "slide"])
@pytest.mark.parametrize("size", [(128, 128), (160, 96)])
def test_places_are_those_of_the_tracks(family, size):
    for seed in range(3):
        scene, motion, record = make_record(seed, *size, family)
        sketch = record.sketch
        half = 0.5 * np.array([np.sqrt(size[0] / size[1]), np.sqrt(size[1] / size[0])])
        for i, thing in enumerate(record.objects):
            places = np.clip(record.tracks[:, i, :2] * half, -1.5, 1.5)
            np.testing.assert_allclose(sketch["states"][i, :, :2], places, atol=1e-5)
            if thing.kind == "ball":
                np.testing.assert_allclose(sketch["states"][i, :, 2], record.tracks[:, i, 2] * half[1], rtol=1e-4)
            assert sketch["traits"][i, 0] == 1 and sketch["traits"][i, 1] == (1 if thing.kind == "box" else -1)
        assert (sketch["traits"][len(record.objects):, 0] == -1).all()
        assert (sketch["states"][len(record.objects):] == 0).all()
        assert (sketch["stage"][3] != 0) == (scene.wall_x is not None)


def test_hits_are_at_the_contacts():
    _, _, record = make_record(5, 128, 128, "drop")
    hits = record.sketch["hits"]
    total = {i: 0.0 for i in range(len(record.objects))}
    for touch in record.contacts:
        for i in (touch.body_a, touch.body_b):
            if i >= 0:
                frame = touch.time_s * 24
                assert hits[i, max(0, int(frame)):int(frame) + 2].sum() > 0
                total[i] += 1
    assert sum(total.values()) > 0
    for i in total:
        around = {int(t.time_s * 24) + k for t in record.contacts if i in (t.body_a, t.body_b) for k in (0, 1)}
        assert set(np.flatnonzero(hits[i]).tolist()) <= around
