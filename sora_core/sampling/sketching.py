"""From a sentence to a sketch of any length, with Euler's method on the sketcher's velocities.

Legend: B batch, N rows, S numbers in a row, see `models/sketcher.py`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.guide import Guide, make_guide
from ..models.sketch import Sketch, rigid, without_figures
from ..models.sketcher import FRAMES, STATE_SCALE, Sketcher
from ..models.video_vae import VideoVAE
from ..shapes import video_latent_frames
from ..wishes import ANGLED, FRONT, HIGH, LOW, NO_WISHES, Wishes, turned
from .choice import GOOD_ENOUGH, objections
from .falling import falling
from .flow import shift_sigma
from .guidance import is_guided_at
from .joints import jointed
from .laws import lawful
from .windows import OVERLAP, WINDOW, Window

STEPS = 12
GUIDANCE_SCALE = 2.0        # 1 for distilled weights, see `training/distil.py`
SHIFT = 2.0                 # of the steps to noise, where it is decided what happens
CANDIDATES = 4              # sketches of which the best is taken
ROUNDS = 4                  # of so many candidates, at most, until one is good enough
# Where the floor ends in the middle of the picture, its spread, and how much lower it ends at one edge than at the
# other, for each view that the network learnt. It knows the words for them, but seldom obeys.
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
    view = wishes.view if wishes.things and picture is None else 0
    made, least = None, torch.full((batch_size,), torch.inf)
    for _ in range(ROUNDS):
        drawn = _walk(sketcher, positive, negative, aspect, pictures, None, generator, CANDIDATES * batch_size, view)
        found, best = objections(drawn, wishes, aspect).view(batch_size, CANDIDATES).min(1)
        drawn = drawn[torch.arange(batch_size) * CANDIDATES + best]
        made = drawn if made is None else drawn.where(found < least, made)
        least = found.minimum(least)
        if bool((least < GOOD_ENOUGH).all()):
            break
    if picture is None:
        made = turned(without_figures(made) if wishes.things else made, wishes.direction)
    while made.states.shape[2] < 1 + FRAMES * (wanted - 1):
        # The next window starts with the frame before its first row of eight, as a clip starts with its first frame.
        stop = made.states.shape[2]
        start = stop - 1 - FRAMES * (OVERLAP - 1)
        part = _walk(sketcher, positive, negative, aspect, None, made.frames(start, stop), generator, batch_size)
        made = Sketch(torch.cat([made.states, part.states[:, :, stop - start:]], dim=2),
                      torch.cat([made.hits, part.hits[:, :, stop - start:]], dim=2), made.traits, made.stage)
    return made


def window_guides(sketch: Sketch, windows: list[Window], video_vae: VideoVAE, height: int, width: int) -> list[Guide]:
    """What the transformer sees of a sketch in each window of a clip of `height` x `width` pixels."""
    guides = []
    for window in windows:
        start, latents = FRAMES * window.video[0], window.video[1] - window.video[0]
        part = sketch.frames(start, start + 1 + FRAMES * (latents - 1))
        guides.append(make_guide(part, video_vae, height, width, window.audio[1] - window.audio[0]))
    return guides


@torch.inference_mode()
def _walk(sketcher: Sketcher, positive: Tensor, negative: Tensor | None, aspect: float, picture: Tensor | None,
          known: Sketch | None, generator: torch.Generator, batch: int, view: int = 0) -> Sketch:
    """One window of `WINDOW` rows a thing, around the beginning that is known; the floor is that of a view, if any."""
    mask = sketcher.row_mask(WINDOW)
    rows = torch.randn(batch, len(mask), sketcher.config.row, generator=generator) * mask
    free, clean = torch.ones(len(mask), 1), torch.zeros_like(rows)
    if known is not None:
        free[sketcher.row_frames(WINDOW) < video_latent_frames(known.states.shape[2], FRAMES)] = 0
        clean = sketcher.to_rows(known.frames(0, 1 + FRAMES * (WINDOW - 1)))
    noise, floor = rows[:, 0, :2].clone(), _floor(view, batch, generator) if view else None
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
    times = shift_sigma(torch.linspace(1, 0, STEPS + 1), SHIFT).tolist()
    for t, following in zip(times[:-1], times[1:], strict=True):
        rows = rows * free + clean * (1 - free)
        if floor is not None:       # as noisy as the rest, so that what stands on it follows (arXiv:2201.09865, eq. 8)
            rows[:, 0, :2] = (1 - t) * floor + t * noise
        now = copies if is_guided_at(t) else 1
        velocity = sketcher(rows.repeat(now, 1, 1), (t * free[:, 0]).expand(now * batch, -1),
                            **{name: value[:now * batch] for name, value in given.items()})
        if now > 1:
            wanted, unwanted = velocity.chunk(2)
            velocity = unwanted + GUIDANCE_SCALE * (wanted - unwanted)
        rows = rows + (following - t) * velocity * free
    if floor is not None:
        rows[:, 0, :2] = floor
    frames = 0 if known is None else known.states.shape[2]
    drawn = lawful(rigid(sketcher.from_rows(rows * free + clean * (1 - free))), given=frames)
    return jointed(falling(drawn, frames, keeps_first=picture is not None), given=frames)


def _floor(view: int, batch: int, generator: torch.Generator) -> Tensor:
    """Where the floor ends at the left and the right edge, `(B, 2)`, as the numbers of rows."""
    end, spread, slope = FLOORS[view]
    end = end + spread * torch.randn(batch, 1, generator=generator)
    side = 1 - 2 * torch.randint(2, (batch, 1), generator=generator)
    return STATE_SCALE * torch.cat([end - side * slope / 2, end + side * slope / 2], dim=1)
