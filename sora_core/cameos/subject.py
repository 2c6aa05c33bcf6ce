"""Who or what a picture shows: the pixels that differ from what is along its edges, or those that a mask says.

Legend: H W pixels, h w of the picture made small.
"""

from __future__ import annotations

from dataclasses import dataclass

import kornia
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MediaError
from ..models.finisher import uncovered

SIDE = 160                  # pixels of the longer side in which the subject is looked for
LEAST_PIXELS = 24           # of the shorter side of a subject in the picture as it was given
LEAST_SHARE, MOST_SHARE = 0.012, 0.93       # of the picture that a subject takes
_EDGE = 0.03                # of the shorter side: so far from its edges a picture is taken to show what is behind
_DIFFERENT = 11.0           # distance in CIELAB from which on a pixel is not the background
_NEAREST = 3                # samples of the edge that must be as near as that
_DOWN = 60.0                # what a picture's height counts in CIELAB: sky is above, ground below
_AS_LARGE = 0.5             # of the largest part: another one of this size is a second subject
_CRUMB = 0.04               # of the largest part: smaller ones aren't the subject's
_SAMPLES = 600


@dataclass(frozen=True)
class Subject:
    """A subject, cut out.

    Attributes:
        picture: `(3, h, w)` in [-1, 1]; around the subject its own colours go on.
        mask: `(h, w)`, true where it is; its bounding box is the whole picture.
    """

    picture: Tensor
    mask: Tensor


def find_subject(picture: Tensor, mask: Tensor | None = None) -> Subject:
    """Cut the subject out of a picture.

    Args:
        picture: `(3, H, W)` in [-1, 1].
        mask: `(H, W)` in [0, 1], 1 where the subject is; None looks for what differs from the picture's edges.

    Raises:
        MediaError: there is none, it is too small, or there are two.
    """
    height, width = picture.shape[1:]
    if mask is not None and mask.shape != picture.shape[1:]:
        raise MediaError(f"the mask has {mask.shape[1]}x{mask.shape[0]} pixels and the picture {width}x{height}; give a "
                         "mask of the same size")
    if min(height, width) < LEAST_PIXELS:
        raise MediaError(f"the picture has {width}x{height} pixels; give one of at least {LEAST_PIXELS}x{LEAST_PIXELS}")
    if not bool(torch.isfinite(picture).all()):
        raise MediaError("the picture holds values that are no numbers; give another one")
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(picture[None].float(), size, mode="area")[0].clamp(-1, 1)
    if mask is None:
        found = _differs(small)
    else:
        found = F.interpolate(mask[None, None].float(), size, mode="area")[0, 0] > 0.5
    found = _one_part(found, is_given=mask is not None)
    rows, columns = (found.any(axis).nonzero()[:, 0] for axis in (1, 0))
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    sides = [(part.stop - part.start) / scale for part in box]
    if min(sides) < LEAST_PIXELS:
        raise MediaError(f"the subject has only {sides[1]:.0f}x{sides[0]:.0f} pixels; give a larger picture of it, at "
                         f"least {LEAST_PIXELS}x{LEAST_PIXELS}")
    filled = uncovered(small[None], (~found)[None, None].float())[0]
    return Subject(filled[(slice(None), *box)], found[box])


def _differs(picture: Tensor) -> Tensor:
    """`(h, w)`, true where a pixel is unlike all that lies along the left, right and upper edge at its height."""
    height, width = picture.shape[1:]
    lab = kornia.color.rgb_to_lab((picture[None] + 1) / 2)[0]
    # Light and shade vary on what is behind more than its hue does.
    points = torch.cat([lab * torch.tensor([0.6, 1.0, 1.0])[:, None, None],
                        torch.linspace(0, _DOWN, height)[:, None].expand(1, height, width)])
    edge = max(2, round(_EDGE * min(height, width)))
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[edge:, edge:-edge] = False
    ring[-edge:, :edge] = ring[-edge:, -edge:] = True
    samples = points[:, ring].T
    samples = samples[torch.linspace(0, len(samples) - 1, min(_SAMPLES, len(samples))).long()]
    gaps = torch.cdist(points.flatten(1).T, samples)
    gap = gaps.kthvalue(min(_NEAREST, len(samples)), dim=1).values.view(height, width)
    gap = F.avg_pool2d(gap[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    return gap > max(_DIFFERENT, _between(gap))


def _between(values: Tensor) -> float:
    """The threshold that splits values into two classes best (Otsu 1979), at most twice `_DIFFERENT`."""
    ordered = values.flatten().sort().values
    count = torch.arange(1, len(ordered))
    below = ordered.cumsum(0)[:-1]
    low, high = below / count, (ordered.sum() - below) / (len(ordered) - count)
    best = int((count * (len(ordered) - count) * (high - low).square()).argmax())
    return min(float(ordered[best]), 2 * _DIFFERENT)


def _one_part(found: Tensor, is_given: bool) -> Tensor:
    """The largest connected part of a mask and the small ones beside it, without holes.

    Raises:
        MediaError: nothing, everything, or two parts of about one size.
    """
    if not is_given:
        found = _opened(found)
    parts = _parts(found)
    sizes = parts.flatten().bincount()[1:].tolist()
    share = max(sizes, default=0) / found.numel()
    if share < LEAST_SHARE:
        raise MediaError("nobody and nothing stands out from the edges of the picture; give a mask of the subject, or a "
                         "picture of it on a plain background" if not is_given else
                         "the mask is empty; paint it over the subject")
    if share > MOST_SHARE and not is_given:
        raise MediaError("the subject can't be told from what is behind it; give a mask of it, or a picture with some "
                         "plain background around it")
    order = sorted(range(len(sizes)), key=lambda part: -sizes[part])
    if len(order) > 1 and sizes[order[1]] > _AS_LARGE * sizes[order[0]] and not is_given:
        raise MediaError("there are two subjects of about one size; crop the picture to one of them, or give a mask")
    kept = [part + 1 for part in order if sizes[part] > _CRUMB * sizes[order[0]]]
    body = torch.isin(parts, torch.tensor(kept))
    outside = _parts(F.pad(~body, (1, 1, 1, 1), value=True))
    return (outside != outside[0, 0])[1:-1, 1:-1]


def _opened(found: Tensor) -> Tensor:
    """Without specks and threads of one pixel, then closed."""
    x = found[None, None].float()
    x = -F.max_pool2d(-x, 3, 1, 1)
    x = F.max_pool2d(F.max_pool2d(x, 3, 1, 1), 3, 1, 1)
    return -F.max_pool2d(-x, 3, 1, 1)[0, 0] > 0.5


def _parts(mask: Tensor) -> Tensor:
    """Connected parts `(h, w)` int64, numbered from 1; 0 where the mask is false."""
    labels = kornia.contrib.connected_components(mask[None, None].float(), num_iterations=4 * max(mask.shape))[0, 0]
    _, numbers = torch.cat([torch.zeros(1), labels.flatten()]).unique(return_inverse=True)
    return numbers[1:].view(mask.shape)
