"""A cameo as one sees it: a paper doll that wears what the model knows of it; for people, nodes and manifests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..media import png_of
from ..models.sketch import SLOTS, STAGE, STATES, TRAITS, Sketch, draw_bodies
from ..trust.manifest import Ingredient
from .casting import Role, dress
from .file import Cameo
from .identity import PEOPLE

SIDE = 256
_PAPER = 0.82
# (middle, half along) of each part, in units of the picture's side, and half its width.
_PERSON = (((0.0, -0.165), (0.0, -0.235), 0.085), ((-0.05, 0.24), (0.0, 0.19), 0.045),
           ((0.05, 0.24), (0.0, 0.19), 0.045), ((-0.125, -0.06), (-0.02, 0.17), 0.03),
           ((0.125, -0.06), (0.02, 0.17), 0.03))
_ANIMAL = (((-0.05, -0.02), (0.22, 0.0), 0.10), ((0.10, 0.20), (0.0, 0.15), 0.035), ((-0.2, 0.20), (0.0, 0.15), 0.035),
           ((0.27, -0.14), (0.13, 0.0), 0.09), ((-0.34, -0.12), (-0.08, -0.10), 0.025))
_BIRD = (((0.0, 0.0), (0.24, 0.0), 0.11), ((-0.06, -0.18), (-0.08, -0.14), 0.07), ((0.06, -0.18), (0.06, -0.15), 0.07),
         ((-0.03, 0.18), (0.0, 0.08), 0.015), ((0.05, 0.18), (0.0, 0.08), 0.015))
_BOX = ((0.22, 0.04), (0.0, 0.24), (0.1, -0.06))


def draw_doll(cameo: Cameo) -> Tensor:
    """A picture `(1, 3, 1, SIDE, SIDE)` in [-1, 1]."""
    states, traits = torch.zeros(1, SLOTS, 1, STATES), torch.full((1, SLOTS, TRAITS), -1.0)
    if cameo.kind in ("ball", "box"):
        traits[0, 0, 0], traits[0, 0, 1] = 1, 1 if cameo.kind == "box" else -1
        states[0, 0, 0, 2:] = torch.tensor(_BOX if cameo.kind == "box" else
                                           ((0.3, 0.0), (0.0, 0.3), (0.0, 0.0))).flatten()
    else:
        body = _PERSON if cameo.kind in PEOPLE else _BIRD if cameo.kind == "bird" else _ANIMAL
        traits[0, :, [0, 1, 5]] = 1
        for slot, ((x, y), (right, down), wide) in enumerate(body):
            across = wide / (right**2 + down**2) ** 0.5
            states[0, slot, 0] = torch.tensor([x, y, across * down, -across * right, right, down, 0, 0])
    sketch = Sketch(states, torch.zeros(1, SLOTS, 1), traits, torch.zeros(1, STAGE))
    drawn = draw_bodies(dress(sketch, [Role(cameo.kind, cameo.parts, torch.zeros(3))]), SIDE, SIDE)
    return drawn[:, :3] * drawn[:, 3:] + _PAPER * (1 - drawn[:, 3:])


def sources_of(cameos: Sequence[Cameo]) -> list[Ingredient]:
    """What a clip's manifest names as its sources: the dolls, with the grants."""
    return [Ingredient(Path(f"@{cameo.handle}.png"), grant=cameo.grant.line(), content=png_of(draw_doll(cameo)))
            for cameo in cameos]


def handle_of(cameos: Sequence[Cameo]) -> str:
    """The handle that a clip shows visibly: of the first person, "" where there is none."""
    return next((cameo.handle for cameo in cameos if cameo.is_person), "")
