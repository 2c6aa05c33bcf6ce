"""A sketch of a clip: where each thing is in each frame, how it is turned, when it is hit. Drawn before painting.

The path of a thing is a matter of a few numbers that physics rules strictly; its look is a matter of many that physics
doesn't care about. So a small network (`sketcher.py`) first draws the paths, and the transformer then paints over them
(motion before appearance: Motion-I2V, arXiv:2401.15977, section 3; VideoJAM, arXiv:2502.02492, section 4).

Lengths are in units of the square root of the picture's area, x to the right and y down from its middle, so that
nothing depends on how many pixels there are.

Legend: B batch, K slots for things, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

SLOTS = 5            # things in a sketch, at most; a figure takes several: its trunk and its limbs
STATES = 8           # x, y of the middle, then x, y of three half-edges; a ball has its radius on the first two
TRAITS = 6           # present, box (each -1 or 1), red, green, blue (each -1 to 1), part of a figure (-1 or 1)
COLOUR = slice(2, 5)  # of the traits
DRAWN = 4            # values of a drawn pixel: red, green, blue, how much of it is covered
STAGE = 4            # y where the floor ends at the left and the right edge; x of a wall; its side (-1, 1; 0: none)
_FAR = 1e3
_STILL = 1e-5   # less movement than this is none
_NO_EDGE = 1e-4
HEAD = 0.27     # radius of a head, in halves of the trunk with its head
SKIN = (0.60, 0.16, -0.10)      # of heads, which no trait tells; between the world's lightest and darkest
_PERSON, _HIP = 5, -0.7         # parts of one; where legs have their middle along the trunk, whose ends are -1 and 1
_CUBE = 0.5     # smaller over larger extent from which on a box is taken for a cube; less is a rod or a board


@dataclass(frozen=True)
class Sketch:
    """What happens in a clip, without its looks.

    Attributes:
        states: `(B, K, T, 8)` places and half-edges, see `STATES`.
        hits: `(B, K, T)` strength of impacts, 0 to about 1; one between two frames is shared by both.
        traits: `(B, K, 6)`; stage: `(B, 4)`.
    """

    states: Tensor
    hits: Tensor
    traits: Tensor
    stage: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Sketch:
        return Sketch(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def of_figure(self) -> Tensor:
        """`(B, K)` whether it is a part of a figure, which moves by itself."""
        return self.traits[..., 5] > 0

    @property
    def is_thing(self) -> Tensor:
        """`(B, K)` whether a slot holds a ball or a box."""
        return (self.traits[..., 0] > 0) & ~self.of_figure

    @property
    def is_part(self) -> Tensor:
        """`(B, K)` whether a slot holds a part of a figure."""
        return (self.traits[..., 0] > 0) & self.of_figure

    @property
    def radii(self) -> Tensor:
        """`(B, K, T)` of balls; of a cube half its edge."""
        return (self.states[..., 2:].square().sum(-1) / 2).sqrt()

    @staticmethod
    def join(sketches: Sequence[Sketch]) -> Sketch:
        """One batch of several, of equally many frames."""
        return Sketch(*(torch.cat([getattr(sketch, field.name) for sketch in sketches]) for field in fields(Sketch)))

    def where(self, rows: Tensor, other: Sketch) -> Sketch:
        """This sketch in the rows `(B,)` that are true, another in the rest."""
        return Sketch(*(torch.where(rows.view(-1, *[1] * (mine.ndim - 1)), mine, theirs) for mine, theirs in
                        ((getattr(self, field.name), getattr(other, field.name)) for field in fields(Sketch))))

    def frames(self, start: int, stop: int) -> Sketch:
        """The part from frame `start` to before `stop`; the last frame goes on where the sketch ends."""
        places = torch.arange(start, stop).clamp(max=self.states.shape[2] - 1)
        hits = self.hits[:, :, places] * (torch.arange(start, stop) < self.hits.shape[2])
        return replace(self, states=self.states[:, :, places], hits=hits)

    def mirrored(self) -> Sketch:
        """The same seen in a mirror, left and right exchanged."""
        # The first half-edge is turned round besides, so that it goes to the right again, as a ball's radius does.
        sign = torch.tensor([-1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0])
        stage = torch.stack([self.stage[:, 1], self.stage[:, 0], -self.stage[:, 2], -self.stage[:, 3]], dim=1)
        return replace(self, states=self.states * sign, stage=stage)


def rigid(sketch: Sketch) -> Sketch:
    """The same with cubes that keep their size and right angles, as bodies do; rods and boards stay as they are.

    Seen from afar, the half-edges of a cube are the columns of two orthogonal rows of the cube's size, whatever way it
    is turned; the nearest such rows come from the singular value decomposition (Schoenemann 1966, Procrustes).
    """
    edges = sketch.states[..., 2:].unflatten(-1, (3, 2)).transpose(-1, -2)                # (B, K, T, 2, 3)
    left, sizes, right = torch.linalg.svd(edges.float(), full_matrices=False)
    size = sizes.mean(-1)                                                                 # (B, K, T)
    boxes = (left @ right) * size[:, :, :1, None, None]
    is_cube = (sketch.traits[..., 1] > 0) & ~sketch.of_figure & (sizes[:, :, 0, 1] > _CUBE * sizes[:, :, 0, 0])
    edges = torch.where(is_cube[:, :, None, None, None], boxes, edges)
    return replace(sketch, states=torch.cat([sketch.states[..., :2], edges.transpose(-1, -2).flatten(-2)], dim=-1))


def without_figures(sketch: Sketch) -> Sketch:
    """The same with things alone."""
    traits, is_part = sketch.traits.clone(), sketch.of_figure
    traits[..., 0] = torch.where(is_part, -1.0, traits[..., 0])
    return replace(sketch, traits=traits, hits=sketch.hits * ~is_part[..., None])


def draw(sketch: Sketch, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Pictures of a sketch.

    Returns:
        Colours: flat bodies on grey, `(B, 3, T, H, W)` in [-1, 1]; and masks of the same shape: bodies, floor, wall.
    """
    y, x, unit = _pixels(height, width)
    bodies = draw_bodies(sketch, height, width)
    stage = sketch.stage.float()[:, :, None, None]                                          # (B, 4, 1, 1)
    edge = stage[:, 0] + (stage[:, 1] - stage[:, 0]) * (x * unit / width + 0.5)
    floor = ((y - edge) * unit + 0.5).clamp(0, 1)                                           # (B, H, W)
    wall = ((x - stage[:, 2]) * stage[:, 3].sign() * unit + 0.5).clamp(0, 1) * (stage[:, 3].abs() > 0.5)
    still = torch.stack([floor, wall.expand_as(floor)], dim=1)[:, :, None].expand(-1, -1, bodies.shape[2], -1, -1)
    return bodies[:, :3], 2 * torch.cat([bodies[:, 3:], still], dim=1) - 1


def draw_bodies(sketch: Sketch, height: int, width: int) -> Tensor:
    """Flat bodies, `(B, 4, T, H, W)`: red, green and blue in [-1, 1], 0 where there is none, and how much of each pixel
    is covered."""
    y, x, unit = _pixels(height, width)
    drawn = []
    for states, traits in zip(sketch.states.float(), sketch.traits.float(), strict=True):
        is_new = F.pad((states[:, 1:] - states[:, :-1]).abs().amax((0, 2)) > _STILL, (1, 0), value=True)
        colour, cover = _draw_bodies(states[:, is_new], traits, y, x, unit)
        drawn.append(torch.cat([colour, cover[None]])[:, is_new.cumsum(0) - 1])
    return torch.stack(drawn)


def _pixels(height: int, width: int) -> tuple[Tensor, Tensor, float]:
    """Where pixels are, y `(H, 1)` and x `(W,)`, and how many of them make the unit."""
    unit = (height * width) ** 0.5
    y = ((torch.arange(height) + 0.5 - height / 2) / unit)[:, None]
    return y, (torch.arange(width) + 0.5 - width / 2) / unit, unit


def _draw_bodies(states: Tensor, traits: Tensor, y: Tensor, x: Tensor, unit: float) -> tuple[Tensor, Tensor]:
    """Colours `(3, T, H, W)` and how much of each pixel is covered `(T, H, W)`.

    Later slots lie over earlier ones, a head over its figure, and things over figures: a ball flies before the board
    that it hits.
    """
    shape = (states.shape[1], len(y), len(x))
    colour, bodies = torch.zeros(3, *shape), torch.zeros(shape)
    is_there, is_part = traits[:, 0] > 0, traits[:, 5] > 0
    shown = [(states[slot], bool(traits[slot, 1] > 0), traits[slot, COLOUR].clamp(-1, 1))
             for which in (is_there & is_part, is_there & ~is_part) for slot in which.nonzero()[:, 0]]
    parts = int((is_there & is_part).sum())
    if parts == _PERSON and (head := _head(shown[0][0], [part[0] for part in shown[1:3]])) is not None:
        shown.insert(parts, (head, False, torch.tensor(SKIN)))
    for state, is_box, its_colour in shown:
        inside = _box(state, y, x) if is_box else _ball(state, y, x)
        cover = (inside * unit + 0.5).clamp_(0, 1)                    # one pixel of soft edge
        colour += (its_colour[:, None, None, None] - colour) * cover
        torch.maximum(bodies, cover, out=bodies)
    return colour, bodies


def _head(trunk: Tensor, legs: Sequence[Tensor]) -> Tensor | None:
    """States `(T, 8)` of the head at the upper end of a person's trunk, None where it is an animal.

    A trunk is told with its head, in the colour of its clothes, and from hip to head; both legs of a person, and of
    nobody else, hang on its lower end (true of all but one of 2,473 people, in any third of their clips, and of none of
    1,067 animals).
    """
    along = trunk[:, 4:6]
    half = along.norm(dim=1, keepdim=True)
    for leg in legs:
        place = ((leg[:, :2] - trunk[:, :2]) * along).sum(1) / half[:, 0].square().clamp(min=1e-8)
        if float(place.median()) > _HIP:
            return None
    head = torch.zeros_like(trunk)
    head[:, :2] = trunk[:, :2] + (1 - HEAD) * along
    head[:, 2] = head[:, 5] = HEAD * half[:, 0]
    return head


def _ball(state: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """How far inside a disc each pixel is, `(T, H, W)`, negative outside. `state` `(T, 8)`."""
    radius = 0.5 * (state[:, 2:4].norm(dim=1) + state[:, 4:6].norm(dim=1))
    across, down = x - state[:, 0, None], y[:, 0] - state[:, 1, None]          # (T, W), (T, H)
    return radius[:, None, None] - (across.square()[:, None] + down.square()[:, :, None]).sqrt()


def _box(state: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The same for the outline of a box: a hexagon whose sides are parallel to the projected edges."""
    edges = state[:, 2:].view(-1, 3, 2)                                          # (T, 3, 2)
    across, down = x - state[:, 0, None], y[:, 0] - state[:, 1, None]
    inside = torch.full((len(state), len(y), len(x)), _FAR)
    for i in range(3):
        length = edges[:, i].norm(dim=1)
        normal = torch.stack([-edges[:, i, 1], edges[:, i, 0]], dim=1) / length.clamp(min=1e-6)[:, None]
        reach = (edges @ normal[:, :, None])[..., 0].abs().sum(1)                # (T,)
        along = normal[:, 0, None, None] * across[:, None] + normal[:, 1, None, None] * down[:, :, None]
        distance = reach[:, None, None] - along.abs_()
        distance[length < _NO_EDGE] = _FAR                                       # an edge seen end-on has no side
        torch.minimum(inside, distance, out=inside)
    return inside
