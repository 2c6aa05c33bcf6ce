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
LOOK = 6            # rows and columns of the picture that a slot may be dressed in, see `Sketch.looks`
LOOKS = SLOTS + 1   # pictures of a sketch: one for each slot, and one for a person's head
UNDRESSED = 2.0     # in place of a colour: a slot has none of its own
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
        looks: `(B, LOOKS, 3, LOOK, LOOK)` what slots wear in place of their flat colour, in [-1, 1], `UNDRESSED` where
            they don't; the last is a person's head. None: nothing is dressed. Rows go along the second half-edge, from
            its start; columns across, to the right, or down where a bar lies. Of a ball, before it rolls, rows go down.
    """

    states: Tensor
    hits: Tensor
    traits: Tensor
    stage: Tensor
    looks: Tensor | None = None

    def __getitem__(self, rows: slice | Tensor) -> Sketch:
        return Sketch(*(None if part is None else part[rows] for part in self._parts()))

    def _parts(self) -> list[Tensor | None]:
        return [getattr(self, field.name) for field in fields(self)]

    def dressed(self) -> Tensor:
        """The looks, `UNDRESSED` where there are none."""
        if self.looks is not None:
            return self.looks
        return torch.full((len(self.stage), LOOKS, 3, LOOK, LOOK), UNDRESSED)

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
        looks = None if all(sketch.looks is None for sketch in sketches) else [sketch.dressed() for sketch in sketches]
        parts = zip(*(sketch._parts()[:-1] for sketch in sketches), strict=True)
        return Sketch(*(torch.cat(part) for part in parts), None if looks is None else torch.cat(looks))

    def where(self, rows: Tensor, other: Sketch) -> Sketch:
        """This sketch in the rows `(B,)` that are true, another in the rest."""
        mine, theirs = (sketch._parts()[:-1] for sketch in (self, other))
        if self.looks is not None or other.looks is not None:
            mine, theirs = [*mine, self.dressed()], [*theirs, other.dressed()]
        return Sketch(*(torch.where(rows.view(-1, *[1] * (one.ndim - 1)), one, two)
                        for one, two in zip(mine, theirs, strict=True)))

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
        looks = self.looks
        if looks is not None:
            across = self.states[..., 2:4].abs().mean(2)                                   # (B, K, 2)
            lies = F.pad(self.of_figure & (across[..., 1] > across[..., 0]), (0, 1))
            looks = torch.where(lies[..., None, None, None], looks, looks.flip(-1))
        return replace(self, states=self.states * sign, stage=stage, looks=looks)


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
    for states, traits, looks in zip(sketch.states.float(), sketch.traits.float(), sketch.dressed().float(),
                                     strict=True):
        is_new = F.pad((states[:, 1:] - states[:, :-1]).abs().amax((0, 2)) > _STILL, (1, 0), value=True)
        colour, cover = _draw_bodies(states[:, is_new], traits, looks, y, x, unit)
        drawn.append(torch.cat([colour, cover[None]])[:, is_new.cumsum(0) - 1])
    return torch.stack(drawn)


def _pixels(height: int, width: int) -> tuple[Tensor, Tensor, float]:
    """Where pixels are, y `(H, 1)` and x `(W,)`, and how many of them make the unit."""
    unit = (height * width) ** 0.5
    y = ((torch.arange(height) + 0.5 - height / 2) / unit)[:, None]
    return y, (torch.arange(width) + 0.5 - width / 2) / unit, unit


def _draw_bodies(states: Tensor, traits: Tensor, looks: Tensor, y: Tensor, x: Tensor,
                 unit: float) -> tuple[Tensor, Tensor]:
    """Colours `(3, T, H, W)` and how much of each pixel is covered `(T, H, W)`.

    Later slots lie over earlier ones, a head over its figure, and things over figures: a ball flies before the board
    that it hits.
    """
    shape = (states.shape[1], len(y), len(x))
    colour, bodies = torch.zeros(3, *shape), torch.zeros(shape)
    is_there, of_figure = traits[:, 0] > 0, traits[:, 5] > 0
    colours = traits[:, COLOUR].clamp(-1, 1)
    parts, things = ((is_there & which).nonzero()[:, 0].tolist() for which in (of_figure, ~of_figure))
    shown = [(states[slot], bool(traits[slot, 1] > 0), slot in parts, colours[slot], looks[slot])
             for slot in parts + things]
    if (head := person_head(states, traits)) is not None:                   # a person takes all slots
        shown.append((head, False, True, torch.tensor(SKIN), looks[SLOTS]))
    for state, is_box, is_part, its_colour, look in shown:
        inside = _box(state, y, x) if is_box else _ball(state, y, x)
        cover = (inside * unit + 0.5).clamp_(0, 1)                          # one pixel of soft edge
        worn = its_colour[:, None, None, None] if look.amax() >= UNDRESSED else _worn(
            look, worn_axes(state, is_box, is_part), state[:, :2], y, x)
        colour += (worn - colour) * cover
        torch.maximum(bodies, cover, out=bodies)
    return colour, bodies


def worn_axes(state: Tensor, is_box: bool, is_part: bool) -> Tensor:
    """Half-edges `(T, 2, 2)` along which the columns and the rows of a look go."""
    across, along = state[:, 2:4], state[:, 4:6]
    if not is_box and not is_part:
        angle, radius = rolled(state), 0.5 * (across.norm(dim=1) + along.norm(dim=1))
        sine, cosine = angle.sin() * radius, angle.cos() * radius
        return torch.stack([torch.stack([cosine, sine], dim=1), torch.stack([-sine, cosine], dim=1)], dim=1)
    if is_part:
        across = torch.stack([along[:, 1], -along[:, 0]], dim=1) * (
            across.norm(dim=1) / along.norm(dim=1).clamp(min=1e-6))[:, None]
        across = across * torch.where(across.sum() < 0, -1.0, 1.0)
    return torch.stack([across, along], dim=1)


def rolled(state: Tensor) -> Tensor:
    """Angles `(T,)` by which balls `(T, 8)` have rolled to where they are, from the middle of the picture."""
    return state[:, 0] / (0.5 * (state[:, 2:4].norm(dim=1) + state[:, 4:6].norm(dim=1))).clamp(min=1e-6)


def _worn(look: Tensor, axes: Tensor, middle: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Colours `(3, T, H, W)` of a look `(3, LOOK, LOOK)` laid over a body; beyond its edges it goes on as there."""
    across, along = axes.unbind(1)
    area = across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]
    area = torch.where(area.abs() < _NO_EDGE ** 2, _NO_EDGE ** 2, area)[:, None, None]
    right, down = (x - middle[:, 0, None])[:, None], (y[:, 0] - middle[:, 1, None])[:, :, None]
    column = (right * along[:, 1, None, None] - down * along[:, 0, None, None]) / area
    row = (down * across[:, 0, None, None] - right * across[:, 1, None, None]) / area
    grid = torch.stack([column, row], dim=-1).clamp(-1, 1)                           # (T, H, W, 2)
    return F.grid_sample(look[None].expand(len(grid), -1, -1, -1), grid, padding_mode="border",
                         align_corners=False).transpose(0, 1)


def person_head(states: Tensor, traits: Tensor) -> Tensor | None:
    """States `(T, 8)` of the head at the upper end of a person's trunk; None where there is no person.

    Args:
        states: `(K, T, 8)`; traits: `(K, 6)`.

    A trunk is told with its head, in the colour of its clothes, and from hip to head; both legs of a person, and of
    nobody else, hang on its lower end (true of all but one of 2,473 people, in any third of their clips, and of none of
    1,067 animals).
    """
    if int(((traits[:, 0] > 0) & (traits[:, 5] > 0)).sum()) != _PERSON:
        return None
    trunk, legs = states[0], states[1:3]
    along = trunk[:, 4:6]
    half = along.norm(dim=1, keepdim=True)
    for leg in legs:
        place = ((leg[:, :2] - trunk[:, :2]) * along).sum(1) / half[:, 0].square().clamp(min=1e-8)
        if float(place.median()) > _HIP:
            return None
    head = torch.zeros_like(trunk)
    head[:, :2] = trunk[:, :2] + (1 - HEAD) * along
    head[:, 4:6] = HEAD * along
    head[:, 2], head[:, 3] = head[:, 5], -head[:, 4]
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
