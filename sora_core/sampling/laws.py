"""Laws that every sketch is held to: between two hits accelerations don't change, and what comes to rest rests.

The network draws eight frames at a time, and neighbouring eights agree only to a few pixels. In the world, whatever
flies, rolls, slides or rests has a constant acceleration until something hits it; so the nearest path of that kind is
taken.

Legend: B batch, K slots, T frames, N paths, S numbers of a state.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.sketch import Sketch

STIFFNESS = 30.0        # of a path against its drawing, in the units of the sketch
SUPPLENESS = 0.2        # the same for parts of figures, of the square
SMALLEST_JERK = 1e-3    # third difference below which a change of acceleration is none
ROUNDS = 6
HIT = 0.1               # strength from which a hit is one: it may bend a path
PINNED = 1e9            # weight of frames that are given
AT_REST = 0.012         # less movement until the end than this is none
SWAYING = 0.03          # a part of a figure that moves less than this in all stands


def lawful(sketch: Sketch, given: int = 0) -> Sketch:
    """The nearest sketch whose paths and turns have constant acceleration between hits, and whose things come to rest.

    Parts of figures move by themselves and are only smoothed (Whittaker 1923, graduation by third differences); those
    that hardly move stand still, as what a ball meets does (a board with its rim, a goal, a ramp).

    Solves min |x - drawn|^2 + STIFFNESS sum |third difference of x|, without the sum's terms at hits; the norm, not
    its square, so that accelerations change at few moments (trend filtering: Kim et al. 2009, SIAM Review 51(2),
    section 7.2; by reweighted least squares).

    Args:
        given: so many first frames stay as they are.
    """
    b, k, t, s = sketch.states.shape
    if t < 5:
        return sketch
    hits = F.max_pool1d(sketch.hits, 3, stride=1, padding=1)        # a path may bend a frame before or after its hit
    hits = (hits > HIT).flatten(0, 1)                                               # (N, T)
    places, edges = sketch.states.flatten(0, 1).split([2, s - 2], dim=-1)
    states = torch.cat([_calm(_straighten(part, hits, given), given) for part in (places, edges)], dim=-1)
    states = states.view(b, k, t, s)
    if sketch.of_figure.any():
        states = torch.where(sketch.of_figure[..., None, None], _stand(_smooth(sketch.states, given), given), states)
    return replace(sketch, states=states)


def _third_differences(t: int) -> Tensor:
    """The matrix `(T - 3, T)` that takes them."""
    third = torch.tensor([-1.0, 3.0, -3.0, 1.0], dtype=torch.float64)
    return sum((value * torch.eye(t - 3, t, dtype=torch.float64).roll(i, 1) for i, value in enumerate(third)),
               torch.zeros(t - 3, t, dtype=torch.float64))


def _smooth(drawn: Tensor, given: int) -> Tensor:
    """`(B, K, T, S)` without what jumps between neighbouring frames."""
    t = drawn.shape[2]
    differences = _third_differences(t)
    trust = torch.ones(t, dtype=torch.float64)
    trust[:given] = PINNED
    matrix = torch.diag(trust) + SUPPLENESS * differences.T @ differences
    return torch.linalg.solve(matrix, trust[:, None] * drawn.double()).to(drawn.dtype)


def _stand(path: Tensor, given: int) -> Tensor:
    """`(B, K, T, S)`: what hardly leaves its place stays there."""
    place = path[:, :, given - 1:given] if given else path.median(2, keepdim=True).values
    is_still = (path[:, :, given:] - place).abs().amax((2, 3), keepdim=True) < SWAYING
    return torch.cat([path[:, :, :given], torch.where(is_still, place, path[:, :, given:])], dim=2)


def _straighten(drawn: Tensor, hits: Tensor, given: int) -> Tensor:
    """`(N, T, S)` -> the same with few changes of acceleration."""
    n, t, _ = drawn.shape
    differences = _third_differences(t)
    stiffness = STIFFNESS * (~(hits[:, 1:-2] | hits[:, 2:-1])).double()             # (N, T - 3)
    trust = torch.ones(t, dtype=torch.float64)
    trust[:given] = PINNED
    wanted, x = trust[:, None] * drawn.double(), drawn.double()
    for _ in range(ROUNDS):
        jerk = (differences @ x).norm(dim=-1)
        weight = stiffness / (jerk + SMALLEST_JERK)
        x = torch.linalg.solve(torch.diag(trust) + (differences.T * weight[:, None]) @ differences, wanted)
    return x.to(drawn.dtype)


def _calm(path: Tensor, given: int) -> Tensor:
    """From the moment on from which a thing hardly moves any more, it doesn't move at all."""
    distance = (path - path[:, -1:]).norm(dim=-1)
    is_moving = distance.flip(1).cummax(1).values.flip(1) > AT_REST                 # (N, T): now or later
    is_moving[:, :given] = True
    start = is_moving.sum(1, keepdim=True)                                          # first frame at rest
    last = path.gather(1, start.clamp(max=path.shape[1] - 1)[..., None].expand(-1, -1, path.shape[2]))
    return torch.where(is_moving[..., None], path, last)
