"""From a sentence to a sketch of any length, with Euler's method on the sketcher's velocities.

Legend: B batch, N rows, S numbers in a row, see `models/sketcher.py`.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.guide import Guide, make_guide
from ..models.sketch import COLOUR, SLOTS, STATES, TRAITS, Sketch, rigid, without_figures
from ..models.sketcher import FRAMES, STATE_SCALE, Sketcher
from ..models.video_vae import VideoVAE
from ..setting import UNSAID, Setting
from ..shapes import video_latent_frames
from ..wishes import ANGLED, FRONT, HIGH, LOW, NO_WISHES, Wishes, turned
from .choice import GOOD_ENOUGH, objections, overlap
from .falling import falling, gravities
from .flow import shift_sigma
from .guidance import is_guided_at
from .joints import jointed
from .laws import lawful
from .sizes import resized
from .windows import OVERLAP, WINDOW, Window

STEPS = 12
GUIDANCE_SCALE = 2.0        # 1 for distilled weights, see `training/distil.py`
SHIFT = 2.0                 # of the steps to noise, where it is decided what happens
CANDIDATES = 4              # sketches of which the best is taken
ROUNDS = 4                  # of so many candidates, at most, until one is good enough
# Where the floor ends in the middle of the picture, its spread, and how much lower it ends at one edge than at the
# other, for each view that the network learnt. It knows the words for them, but seldom obeys; so that is given to it.
FLOORS = {FRONT: (0.10, 0.04, 0.0), HIGH: (-0.28, 0.06, 0.0), LOW: (0.34, 0.05, 0.0), ANGLED: (-0.05, 0.04, 0.14)}


def draw_sketch(sketcher: Sketcher, positive: Tensor, negative: Tensor | None, *, frames: int, aspect: float, seed: int,
                picture: Tensor | None = None, wishes: Wishes = NO_WISHES, batch_size: int = 1) -> Sketch:
    """Sketch a clip.

    Args:
        positive: text states `(1, L, D)`; negative: `(1, L', D)`, or None to do without guidance.
        frames: of the clip, at 24 a second.
        aspect: width over height.
        seed: the clip's; other numbers are drawn than for its latents.
        picture: latent of a given first frame `(B, C, h, w)`, or None.
        wishes: what the words say of its course; which way things go is left to a given picture.

    Returns:
        A sketch of at least `frames` frames, with a batch of `batch_size`.
    """
    generator = torch.Generator().manual_seed((seed + 2) % (1 << 64))
    wanted = video_latent_frames(frames, FRAMES)
    pictures = None if picture is None else picture.repeat_interleave(CANDIDATES, 0)
    said = wishes if picture is None else NO_WISHES
    made, least = None, torch.full((batch_size,), torch.inf)
    for _ in range(ROUNDS):
        drawn = _walk(sketcher, positive, negative, aspect, pictures, None, generator, CANDIDATES * batch_size, said)
        found, best = objections(drawn, wishes, aspect).view(batch_size, CANDIDATES).min(1)
        drawn = drawn[torch.arange(batch_size) * CANDIDATES + best]
        made = drawn if made is None else drawn.where(found < least, made)
        least = found.minimum(least)
        if bool((least < GOOD_ENOUGH).all()):
            break
    if picture is None and wishes.things and not wishes.meeting:
        right = resized(made, wishes.named, aspect)
        made = right.where(overlap(right) <= overlap(made), made)
    if picture is None:
        made = turned(without_figures(made) if wishes.things else made, wishes.direction)
    pulls = gravities(made)
    while made.states.shape[2] < 1 + FRAMES * (wanted - 1):
        # The next window starts with the frame before its first row of eight, as a clip starts with its first frame.
        stop = made.states.shape[2]
        start = stop - 1 - FRAMES * (OVERLAP - 1)
        part = _walk(sketcher, positive, negative, aspect, None, made.frames(start, stop), generator, batch_size,
                     pulls=pulls)
        made = Sketch(torch.cat([made.states, part.states[:, :, stop - start:]], dim=2),
                      torch.cat([made.hits, part.hits[:, :, stop - start:]], dim=2), made.traits, made.stage)
    return made


def window_guides(sketch: Sketch, windows: list[Window], video_vae: VideoVAE, height: int, width: int,
                  setting: Setting = UNSAID) -> list[Guide]:
    """What the transformer sees of a sketch in each window of a clip of `height` x `width` pixels, and of where it
    plays."""
    guides = []
    for window in windows:
        start, latents = FRAMES * window.video[0], window.video[1] - window.video[0]
        part = sketch.frames(start, start + 1 + FRAMES * (latents - 1))
        guides.append(make_guide(part, video_vae, height, width, window.audio[1] - window.audio[0], setting))
    return guides


@torch.inference_mode()
def _walk(sketcher: Sketcher, positive: Tensor, negative: Tensor | None, aspect: float, picture: Tensor | None,
          known: Sketch | None, generator: torch.Generator, batch: int, said: Wishes = NO_WISHES,
          pulls: list[float | None] | None = None) -> Sketch:
    """One window of `WINDOW` rows a thing, around a beginning that is known, or things and a view that are said."""
    mask = sketcher.row_mask(WINDOW)
    rows = torch.randn(batch, len(mask), sketcher.config.row, generator=generator) * mask
    free, clean = torch.ones(len(mask), 1), torch.zeros_like(rows)
    if known is not None:
        free[sketcher.row_frames(WINDOW) < video_latent_frames(known.states.shape[2], FRAMES)] = 0
        clean = sketcher.to_rows(known.frames(0, 1 + FRAMES * (WINDOW - 1)))
    states = [positive] if negative is None or GUIDANCE_SCALE == 1 else [positive, negative]
    length, copies = max(state.shape[1] for state in states), len(states)
    given = {
        "text": torch.cat([F.pad(x, (0, 0, 0, length - x.shape[1])).expand(batch, -1, -1) for x in states]),
        "text_mask": torch.cat([(torch.arange(length) < x.shape[1]).expand(batch, -1) for x in states]),
        "aspect": torch.full((copies * batch,), float(aspect)),
    }
    if picture is not None:
        given |= {"picture": picture.repeat(copies, 1, 1, 1),
                  "picture_mask": torch.ones(copies * batch, dtype=torch.bool)}
    told, is_told = torch.zeros_like(rows), torch.zeros(rows.shape, dtype=torch.bool)
    is_figure = any(thing.is_part for thing in said.named)      # which were never seen from above
    if said.view and not (is_figure and said.view == HIGH):
        told[:, 0, :2], is_told[:, 0, :2] = _floor(said.view, batch, generator), True
    if said.named:
        expected = rows - sketcher(rows, torch.ones(batch, len(mask)), **{name: value[:batch]
                                                                         for name, value in given.items()})
        tell_things(said, expected.mean(0), told, is_told)
    times = shift_sigma(torch.linspace(1, 0, STEPS + 1), SHIFT).tolist()
    for t, following in zip(times[:-1], times[1:], strict=True):
        rows = rows * free + clean * (1 - free)
        now = copies if is_guided_at(t) else 1
        velocity = sketcher(sketcher.given(rows, told, is_told).repeat(now, 1, 1),
                            (t * free[:, 0]).expand(now * batch, -1),
                            **{name: value[:now * batch] for name, value in given.items()})
        if now > 1:
            wanted, unwanted = velocity.chunk(2)
            velocity = unwanted + GUIDANCE_SCALE * (wanted - unwanted)
        rows = rows + (following - t) * velocity * free
    rows = torch.where(is_told, told, rows)
    frames = 0 if known is None else known.states.shape[2]
    drawn = lawful(rigid(sketcher.from_rows(rows * free + clean * (1 - free))), given=frames)
    return jointed(falling(drawn, frames, keeps_first=picture is not None, before=pulls), given=frames)


def tell_things(said: Wishes, expected: Tensor, told: Tensor, is_told: Tensor) -> None:
    """Write the things that are named into rows `(B, N, S)`, and that there is nothing else where they are alone.

    Which of them takes which slot, such as that of the one that is hit, is left to what the words alone make the
    network expect, `(N, S)`.
    """
    at, rows = slice(STATES + 1, STATES + 1 + TRAITS), slice(1, None, (len(expected) - 1) // SLOTS)
    count = len(said.named)
    traits, known = torch.zeros(SLOTS, TRAITS), torch.ones(SLOTS, TRAITS, dtype=torch.bool)
    traits[count:, 0], known[count:] = -1, said.alone
    for slot, thing in enumerate(said.named):
        colour = [2 * value - 1 for value in thing.colour or (0.0, 0.0, 0.0)]
        kind, part = (1.0 if of_that else -1.0 for of_that in (thing.is_box, thing.is_part))
        traits[slot] = torch.tensor([1.0, kind, *colour, part])
        known[slot, COLOUR] = thing.colour is not None
    distance = ((expected[rows, at] - traits[:, None]).square() * known[:, None]).sum(-1)     # (things, slots)
    is_figure = any(thing.is_part for thing in said.named)
    orders = [range(count)] if is_figure else itertools.permutations(range(count))
    order = min(orders,                                         # which thing is in the first slot, the second, ...
                key=lambda order: float(distance[order, range(count)].sum()))
    order = [*order, *range(count, SLOTS)]
    told[:, rows, at], is_told[:, rows, at] = traits[order], known[order]


def _floor(view: int, batch: int, generator: torch.Generator) -> Tensor:
    """Where the floor ends at the left and the right edge, `(B, 2)`, as the numbers of rows."""
    end, spread, slope = FLOORS[view]
    end = end + spread * torch.randn(batch, 1, generator=generator)
    side = 1 - 2 * torch.randint(2, (batch, 1), generator=generator)
    return STATE_SCALE * torch.cat([end - side * slope / 2, end + side * slope / 2], dim=1)
