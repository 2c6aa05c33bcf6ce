"""Who or what a picture shows: the pixels that differ from what is along its edges, or those that a mask says.

Legend: H W pixels, h w of the picture made small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MediaError
from ..models.finisher import uncovered
from ..regions import dilate, erode, fill_holes, regions

SIDE = 160                  # pixels of the longer side in which the subject is looked for
LEAST_PIXELS = 24           # of the shorter side of a subject in the picture as it was given
LEAST_SHARE, MOST_SHARE = 0.012, 0.93       # of the picture that a subject takes
_EDGE = 0.03                # of the shorter side: so far from its edges a picture is taken to show what is behind
_DIFFERENT = 11.0           # distance in CIELAB from which on a pixel is not the background
_NEAREST = 3                # samples of the edge that must be as near as that
_DOWN = 60.0                # what a picture's height counts in CIELAB: sky is above, ground below
_AS_LARGE = 0.5             # of the largest part: another one of this size is a second subject
_CRUMB = 0.04               # of the largest part: smaller ones aren't the subject's
_CORE = 0.4                 # of its pixels, that are left without its outline, or it is too thin for that
_SAMPLES = 600
_ABOVE_SHOULDERS = 0.55     # of a portrait's height; below it shoulders may reach its sides
_FROM_EDGE_TO_EDGE, _HEAD_WIDE = 0.8, 0.6   # of the picture's width: of shoulders, at most of a head
_SHOULDERS = 0.05           # of the height, in which shoulders grow that wide


@dataclass(frozen=True)
class Subject:
    """A subject, cut out.

    Attributes:
        picture: `(3, h, w)` in [-1, 1]; around the subject its own colours go on.
        mask: `(h, w)`, true where it is; its bounding box is the whole picture.
    """

    picture: Tensor
    mask: Tensor


def find_subject(picture: Tensor, mask: Tensor | None = None, *, is_person: bool = False,
                 is_convex: bool = False) -> Subject:
    """Cut the subject out of a picture.

    Args:
        picture: `(3, H, W)` in [-1, 1].
        is_person: whose shoulders may reach from edge to edge.
        is_convex: as balls and boxes are: what lies between its parts belongs to it.
        mask: `(H, W)` in [0, 1], 1 where the subject is; None looks for what differs from the picture's edges.

    Raises:
        MediaError: there is none, it is too small, or there are two.
    """
    height, width = picture.shape[1:]
    if mask is not None and mask.shape != picture.shape[1:]:
        raise MediaError(f"the mask has {mask.shape[1]}x{mask.shape[0]} pixels and the picture {width}x{height}; give "
                         "a mask of the same size")
    if min(height, width) < LEAST_PIXELS:
        raise MediaError(f"the picture has {width}x{height} pixels; give one of at least {LEAST_PIXELS}x{LEAST_PIXELS}")
    if not bool(torch.isfinite(picture).all()):
        raise MediaError("the picture holds values that are no numbers; give another one")
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(picture[None].float(), size, mode="area")[0].clamp(-1, 1)
    if mask is not None:
        found = _one_part(F.interpolate(mask[None, None].float(), size, mode="area")[0, 0] > 0.5, is_given=True)
    elif is_person and (bust := _bust(small)) is not None:
        found = bust
    else:
        found = _one_part(_differs(small), is_given=False)
    found = _hull(found) if is_convex else found
    rows, columns = (found.any(axis).nonzero()[:, 0] for axis in (1, 0))
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    sides = [(part.stop - part.start) / scale for part in box]
    if min(sides) < LEAST_PIXELS:
        raise MediaError(f"the subject has only {sides[1]:.0f}x{sides[0]:.0f} pixels; give a larger picture of it, at "
                         f"least {LEAST_PIXELS}x{LEAST_PIXELS}")
    inside = torch.from_numpy(erode(found.numpy()))             # its outline shows what is behind, too
    sure = inside if int(inside.sum()) > _CORE * int(found.sum()) else found
    filled = uncovered(small[None], (~sure)[None, None].float())[0]
    return Subject(filled[(slice(None), *box)], found[box])


def _bust(picture: Tensor) -> Tensor | None:
    """Head and shoulders `(h, w)` where a picture shows those; a floor begins along a line, shoulders fall away."""
    found = _opened(_differs(picture, down_to=_ABOVE_SHOULDERS))
    height, width = found.shape
    if float(found[-1].float().mean()) < _FROM_EDGE_TO_EDGE:
        return None
    widths = found.float().mean(1)
    wide = int((widths >= _FROM_EDGE_TO_EDGE).float().argmax())
    narrow = (widths[:wide] <= _HEAD_WIDE).nonzero()
    if not len(narrow) or wide - int(narrow[-1]) < _SHOULDERS * height or not bool(found[:height // 2].any()):
        return None
    return _one_part(found, is_given=True)


def _hull(found: Tensor) -> Tensor:
    """The smallest convex polygon of 64 sides around a mask."""
    angles = torch.arange(64) * (2 * torch.pi / 64)
    sides = torch.stack([angles.sin(), angles.cos()], dim=1)                                 # (64, 2)
    reach = (found.nonzero().float() @ sides.T).amax(0)
    y, x = torch.meshgrid(*(torch.arange(side).float() for side in found.shape), indexing="ij")
    return (torch.stack([y, x], dim=-1) @ sides.T <= reach + 1e-3).all(-1)


def _differs(picture: Tensor, down_to: float = 1.0) -> Tensor:
    """`(h, w)`, true where a pixel is unlike all that lies along the left, right and upper edge at its height; these
    edges are looked at `down_to` a share of the height."""
    import kornia  # takes a second, and clips without a new cameo don't need it

    height, width = picture.shape[1:]
    lab = kornia.color.rgb_to_lab((picture[None] + 1) / 2)[0]
    # Light and shade vary on what is behind more than its hue does.
    points = torch.cat([lab * torch.tensor([0.6, 1.0, 1.0])[:, None, None],
                        _DOWN * torch.linspace(0, 1, height).clamp(max=down_to)[:, None].expand(1, height, width)])
    edge = max(2, round(_EDGE * min(height, width)))
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[edge:, edge:-edge] = False
    ring[-edge:, :edge] = ring[-edge:, -edge:] = True
    ring[round(down_to * height):] = False
    samples = points[:, ring].T
    samples = samples[torch.linspace(0, len(samples) - 1, min(_SAMPLES, len(samples))).long()]
    gaps = torch.cdist(points.flatten(1).T, samples)
    gap = gaps.kthvalue(min(_NEAREST, len(samples)), dim=1).values.view(height, width)
    gap = F.avg_pool2d(gap[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    return gap > _DIFFERENT


def _one_part(found: Tensor, is_given: bool) -> Tensor:
    """The largest connected part of a mask and the small ones beside it, without holes.

    Raises:
        MediaError: nothing, everything, or two parts of about one size.
    """
    if not is_given:
        found = _opened(found)
    parts = regions(found.numpy()[None])
    sizes = parts.area.tolist()
    share = max(sizes, default=0) / found.numel()
    if share < LEAST_SHARE:
        raise MediaError("nobody and nothing stands out from the edges of the picture; give a mask of the subject, or "
                         "a picture of it on a plain background" if not is_given else
                         "the mask is empty; paint it over the subject")
    if share > MOST_SHARE and not is_given:
        raise MediaError("the subject can't be told from what is behind it; give a mask of it, or a picture with some "
                         "plain background around it")
    order = sorted(range(len(sizes)), key=lambda part: -sizes[part])
    if len(order) > 1 and sizes[order[1]] > _AS_LARGE * sizes[order[0]] and not is_given:
        raise MediaError("there are two subjects of about one size; crop the picture to one of them, or give a mask")
    kept = [part for part in order if sizes[part] > _CRUMB * sizes[order[0]]]
    return torch.from_numpy(fill_holes(np.isin(parts.labels, kept))[0])


def _opened(found: Tensor) -> Tensor:
    """Without specks and threads of one pixel, then closed."""
    pixels = dilate(erode(found.numpy()), 2)
    return torch.from_numpy(erode(pixels))
