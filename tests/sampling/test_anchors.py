"""Pictures later in a clip whose first frame is still to be made."""

from __future__ import annotations

import torch

from sora_core.models.video_vae import from_changes, to_changes
from sora_core.sampling.anchors import Anchors

EACH = torch.randn(1, 3, 4, 2, 2, generator=torch.Generator().manual_seed(0))


def mask(*given: int) -> torch.Tensor:
    """1 = generate, 0 at those latents."""
    mask = torch.ones_like(EACH)
    mask[:, :, list(given)] = 0
    return mask


def test_nothing_to_do_where_the_first_frame_is_given_or_no_later_one() -> None:
    assert Anchors.find(to_changes(EACH), mask(0, 3)) is None
    assert Anchors.find(to_changes(EACH), mask(0)) is None
    assert Anchors.find(to_changes(EACH), mask()) is None


def test_the_picture_stays_whatever_the_first_frame_becomes() -> None:
    stored = to_changes(EACH)
    anchors = Anchors.find(stored, mask(3))
    assert anchors is not None
    made = torch.randn(EACH.shape, generator=torch.Generator().manual_seed(1))
    made[:, :, 3] = stored[:, :, 3]             # a sampler puts back what is given
    done = anchors.finished(made)
    torch.testing.assert_close(from_changes(done)[:, :, 3], EACH[:, :, 3])
    torch.testing.assert_close(done[:, :, :3], made[:, :, :3])


def test_the_network_sees_the_difference_from_its_latest_estimate() -> None:
    stored = to_changes(EACH)
    anchors = Anchors.find(stored, mask(2))
    assert anchors is not None
    torch.testing.assert_close(anchors.shown(stored), stored)       # before any estimate, that from the stand-in
    clean = torch.randn(EACH.shape, generator=torch.Generator().manual_seed(2))
    pulled = anchors.pull(clean, sigma=0.0)
    torch.testing.assert_close(pulled, clean)
    shown = anchors.shown(stored)
    torch.testing.assert_close(shown[:, :, 2] + clean[:, :, 0], EACH[:, :, 2])
    torch.testing.assert_close(shown[:, :, [0, 1, 3]], stored[:, :, [0, 1, 3]])


def test_noise_pulls_the_first_frame_to_the_earliest_picture() -> None:
    anchors = Anchors.find(to_changes(EACH), mask(1, 3))
    assert anchors is not None
    clean = torch.zeros_like(EACH)
    far, near = (float((anchors.pull(clean, sigma)[:, :, 0] - EACH[:, :, 1]).abs().mean()) for sigma in (0.1, 0.9))
    assert near < 0.3 * far
    assert anchors.pull(clean, 0.9)[:, :, 1:].eq(0).all()


def test_places_are_looked_at_one_by_one() -> None:
    part = mask(0)
    part[..., 0] = 1                            # the left column of the first frame is to be made
    part[:, :, 2, :, :] = 0
    anchors = Anchors.find(to_changes(EACH), part)
    assert anchors is not None and anchors.held[:, :, 1, :, 0].eq(1).all() and anchors.held[..., 1].eq(0).all()
    clean = torch.zeros_like(EACH)
    assert anchors.pull(clean, 1.0)[:, :, 0, :, 1].eq(0).all() and anchors.pull(clean, 1.0)[:, :, 0, :, 0].ne(0).all()
