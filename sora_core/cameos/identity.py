"""What somebody or something looks like, as the model's sketch can wear it: a small picture for each part of a body.

A standing person is read by the proportions of a body eight heads tall, a portrait by its neck, an animal by where its
head is; a ball or a box wears the picture itself.

Legend: P rows and columns of a part's picture, h w pixels of a subject.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.sketch import LOOKS
from .subject import Subject

PATCH = 24
PEOPLE = ("man", "woman", "boy", "girl", "person")
ANIMALS = ("dog", "cat", "bird")
THINGS = ("ball", "box")
KINDS = (*PEOPLE, *ANIMALS, *THINGS)
UNSEEN_TROUSERS = (0.20, 0.22, 0.30)        # of somebody whose picture ends above the legs
_TALL = 4.3                 # heads from which on a person is shown from head to foot
_NECK = 0.12                # of the height: a head is at least so tall
_NARROWER = 0.87            # a neck, than the head above and the shoulders below
_CROTCH = 0.50              # of the height, from above
_WITHOUT_ARMS = (0.22, 0.78)
_MIDDLE_FACE = (0.35, 0.65)


def encode_identity(subject: Subject, kind: str) -> Tensor:
    """Pictures of the parts of a body.

    Args:
        subject: of `find_subject`.
        kind: one of `KINDS`.

    Returns:
        `(LOOKS, 3, P, P)` in [-1, 1], in the order of a sketch's slots, rows and columns as `Sketch.looks` has them;
        parts that the kind doesn't have are the mean colour.
    """
    parts = (_person if kind in PEOPLE else _animal if kind in ANIMALS else _thing)(subject, kind)
    rest = subject.picture[:, subject.mask].mean(1)[:, None, None].expand(3, PATCH, PATCH)
    return torch.stack([*parts, *(LOOKS - len(parts)) * [rest]]).clamp(-1, 1)


def is_portrait(subject: Subject) -> bool:
    """Whether a person is seen without legs."""
    neck = _neck(subject.mask)
    if neck is None:
        return subject.mask.shape[0] < 1.6 * subject.mask.shape[1]
    return subject.mask.shape[0] < _TALL * neck


def _thing(subject: Subject, kind: str) -> list[Tensor]:
    return [_resized(subject.picture)]


def _person(subject: Subject, kind: str) -> list[Tensor]:
    """Trunk with head (from the hips up), two legs (down), two arms (down), head (up)."""
    height = subject.mask.shape[0]
    neck = _neck(subject.mask)
    portrait = is_portrait(subject)
    if neck is None:
        neck = round(height * (0.55 if portrait else 0.14))
    hip = height if portrait else round(height * _CROTCH)
    head = _band(subject, 0, neck, (0.0, 1.0))
    torso = _band(subject, neck, hip, _WITHOUT_ARMS)
    left, right = (_band(subject, neck, hip, sides) for sides in ((0.0, 0.16), (0.84, 1.0)))
    if portrait:
        skin = _band(subject, round(0.35 * neck), round(0.85 * neck), _MIDDLE_FACE).mean((1, 2))[:, None, None]
        legs = 2 * [2 * torch.tensor(UNSEEN_TROUSERS)[:, None, None].expand(3, PATCH, PATCH) - 1]
        arms = [torch.cat([arm[:, :-PATCH // 5], skin.expand(3, -(-PATCH // 5), PATCH)], dim=1)
                for arm in (left, right)]
    else:
        legs = [_band(subject, hip, height, sides) for sides in ((0.0, 0.5), (0.5, 1.0))]
        arms = [left, right]
    # The model's people have larger heads than people have.
    share = PATCH * 27 // 100
    trunk = torch.cat([_resized(head, (share, PATCH)), _resized(torso, (PATCH - share, PATCH))], dim=1)
    return [trunk.flip(1), *legs, *arms, head.flip(1)]


def _neck(mask: Tensor) -> int | None:
    """The row where a head ends: narrower than what is above and below it."""
    height = mask.shape[0]
    widths = F.avg_pool1d(mask.float().sum(1)[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    for row in range(max(2, round(_NECK * height)), round(0.7 * height)):
        below = widths[row:row + max(2, round(0.5 * row))]
        around = widths[max(0, row - 2):row + 3]
        if widths[row] <= around.min() and widths[row] < _NARROWER * min(float(widths[:row].max()), float(below.max())):
            return row
    return None


def _animal(subject: Subject, kind: str) -> list[Tensor]:
    """Trunk (from tail to chest), then a front leg, a hind leg, head, tail; of a bird trunk, two wings, two legs."""
    picture, mask = subject.picture, subject.mask
    height, width = mask.shape
    if height > 1.15 * width:                                   # it faces the camera
        body = _band(subject, round(0.45 * height), round(0.8 * height), (0.0, 1.0)).transpose(1, 2)
        head = _band(subject, 0, round(0.42 * height), (0.0, 1.0)).transpose(1, 2)
        leg = _band(subject, round(0.75 * height), height, (0.0, 1.0))
        tail = body
    else:
        tops = torch.where(mask.any(0), mask.float().argmax(0), height).float()
        third = max(1, width // 3)
        if float(tops[:third].median()) < float(tops[-third:].median()):    # the head, which is held up, is at the left
            subject = Subject(picture.flip(-1), mask.flip(-1))
        lying = Subject(subject.picture.transpose(1, 2), subject.mask.T)     # rows go to the right, columns down
        body = _band(lying, round(0.18 * width), round(0.72 * width), (0.0, 0.6))
        head = _band(lying, round(0.72 * width), width, (0.0, 0.8))
        tail = _band(lying, 0, max(1, round(0.12 * width)), (0.0, 1.0)).flip(1)
        leg = _band(subject, round(0.62 * height), height, (0.1, 0.9))
    if kind == "bird":
        wing = body[:, :, :PATCH // 2].repeat_interleave(2, dim=2)
        return [body, wing, wing, leg, leg]
    return [body, leg, leg, head, tail]


def _band(subject: Subject, start: int, stop: int, sides: tuple[float, float]) -> Tensor:
    """Rows `start` to before `stop` of a subject, `(3, P, P)`: in each row from one share of its width to another."""
    height = subject.mask.shape[0]
    stop = min(height, max(stop, start + 1))
    strips, last = [], subject.mask.any(0).nonzero()[:, 0]
    for row in range(min(start, stop - 1), stop):
        columns = subject.mask[row].nonzero()[:, 0]             # without the gap between two legs, say
        last = columns if len(columns) else last
        first = min(int(sides[0] * len(last)), len(last) - 1)
        some = last[first:max(first + 1, round(sides[1] * len(last)))]
        strips.append(F.interpolate(subject.picture[None, :, row, some], PATCH, mode="linear")[0])
    return _resized(torch.stack(strips, dim=1))


def _resized(picture: Tensor, size: tuple[int, int] = (PATCH, PATCH)) -> Tensor:
    """`(3, h, w)` -> `(3, *size)`, without aliases."""
    return F.interpolate(picture[None], size, mode="bilinear", antialias=True, align_corners=False)[0]


