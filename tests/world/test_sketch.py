"""The sketch of a simulated clip says what its pictures show and its contacts tell."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco", reason="the world needs MuJoCo: pip install '.[world]'")
from sora_core.models import sketch as core  # noqa: E402
from sora_core.models.sketch import Sketch, rigid  # noqa: E402
from sora_core.sampling.choice import overlap  # noqa: E402
from sora_core.sampling.joints import jointed  # noqa: E402
from sora_core.sampling.laws import lawful  # noqa: E402
from sora_core.world import sketch as world  # noqa: E402
from sora_core.world.physics import rotate  # noqa: E402
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


@pytest.mark.parametrize("family", ["walk", "gymnast", "dog", "bird"])
def test_figures_are_bars_where_their_pictures_are(family):
    told = 0
    for seed in range(4):
        scene, _, record = make_record(seed, 128, 96, family)
        sketch = record.sketch
        if sketch is None:
            continue
        parts = sketch["traits"][:, 5] == 1
        assert parts.sum() in (1, 3, 5) and (sketch["traits"][parts, 1] == 1).all()
        trunk = int(np.flatnonzero(parts)[0])
        half = 0.5 * np.array([np.sqrt(128 / 96), np.sqrt(96 / 128)])
        middle, reach = record.tracks[:, 0, :2] * half, record.tracks[:, 0, 2] * half[1]
        gap = np.linalg.norm(sketch["states"][trunk, :, :2] - np.clip(middle, -1.5, 1.5), axis=-1)
        assert (gap <= 1.01 * reach + 0.02).all()
        # Each noise of the figure is a hit of one of its parts.
        assert (sketch["hits"][parts].sum() > 0) == bool(scene.figures[0].events or scene.figures[0].voices)
        told += 1
    assert told


def corners(solids):
    """(n, 3) the outermost points of parts of a prop, metres, each as large as its shape is."""
    found = []
    for solid in solids:
        x, y, z = solid.size
        reach = {"capsule": (x, x, x + y), "cylinder": (x, x, y)}.get(solid.part.shape, (x, y, z))
        signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
        turn = np.array(solid.quaternion)
        found.append(np.array(solid.position) + rotate(np.tile(turn, (8, 1)), signs * reach))
    return np.concatenate(found)


def parts_of(scene, family):
    """The solids that each standing part of the sketch is of."""
    solids = {prop.name: prop.solids for prop in scene.props}
    if family == "basketball":
        return [solids["board"][:1], [solid for solid in solids["rim"] if solid.part.shape == "capsule"]]
    if family == "goal":
        left, right, bar = solids["post"]
        return [[bar], [left], [right]]
    return [solids["ramp"][:1]]


@pytest.mark.parametrize("size", [(128, 128), (160, 96), (96, 160)])
@pytest.mark.parametrize("family", ["basketball", "goal", "ramp"])
def test_what_stands_around_is_where_its_picture_is(family, size):
    unit = np.sqrt(size[0] * size[1])
    for seed in range(5):
        scene, _, record = make_record(seed, *size, family)
        sketch = record.sketch
        standing = np.flatnonzero(sketch["traits"][:, 5] == 1)
        parts = parts_of(scene, family)
        assert len(standing) == len(parts) and standing[0] >= 1, "what moves comes first"
        for slot, solids in zip(standing, parts, strict=True):
            states = sketch["states"][slot]
            assert (states == states[0]).all() and not sketch["hits"][slot].any()
            seen = scene.view.project(corners(solids), 0.0)[:, :2] * size / unit / 2
            reach = np.abs(states[0, 2:].reshape(3, 2)).sum(0)
            box = np.stack([states[0, :2] - reach, states[0, :2] + reach])
            # Half-edges know no perspective: what is nearer is a little larger than they say.
            np.testing.assert_allclose(box, [seen.min(0), seen.max(0)], atol=0.04 + 0.1 * np.ptp(seen, axis=0).max())
            colour = np.array(solids[0].part.colour)
            np.testing.assert_allclose(sketch["traits"][slot, 2:5], 2 * colour - 1, atol=1e-6)


@pytest.mark.parametrize("family", ["basketball", "goal", "ramp"])
def test_the_laws_leave_what_stands_around_in_place(family):
    records = [make_record(seed, 128, 128, family)[2] for seed in range(6)]
    truth = Sketch(*(torch.from_numpy(np.stack([record.sketch[name] for record in records]))
                     for name in ("states", "hits", "traits", "stage")))
    for sketch in (truth, truth.mirrored()):
        made = jointed(lawful(rigid(sketch)))
        standing = sketch.of_figure & (sketch.traits[..., 0] > 0)
        assert standing.any(1).all()
        assert (made.states - sketch.states)[standing].abs().max() * 128 < 0.5
    alone = replace(truth, traits=truth.traits.clone())
    alone.traits[:, 1:, 0] = torch.where(standing[:, 1:], alone.traits[:, 1:, 0], -1.0)
    assert not overlap(alone).any(), "nothing runs into a hoop by lying before it"
