"""The network that sketches: from a sentence to the paths of things and the moments at which they are hit.

A sketch has one row of numbers for the stage and, per slot, one for the first frame (with the thing's traits) and one
for every eight frames after it, in step with the video latents. Paths of eight frames are written in their principal
components, so that a row holds few and smooth numbers. The flow runs over these rows.

Legend: B batch, K slots, T frames, t latent frames, N rows (1 + K t), S numbers in a row, D width, C video channels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import SketcherConfig
from ..shapes import video_latent_times
from .layers import initialise, rms_norm, rotary_angles, sinusoidal_embedding
from .sketch import SLOTS, STAGE, STATES, TRAITS, Sketch
from .transformer import Block, linear_guess_velocity

FRAMES = 8                                   # of a row
HIT_SCALE, STATE_SCALE = 3.0, 3.0            # to about unit variance
TIME_RANGE = (0.3, 24.0)                     # angular frequencies of the rotary positions, radians a second


class Sketcher(nn.Module):
    """Predicts the velocity of the straight path from data to noise, for the rows of a sketch.

    `basis`, `mean` and `scale` are set once by `training.sketcher.fit_paths`.
    """

    adamw_parameters = ("rows_in", "rows_out", "slot", "text_in", "picture_in", "timestep_in", "aspect_in",
                        "modulation", "out_modulation")

    def __init__(self, config: SketcherConfig, *, operations: Any = nn, dtype: torch.dtype | None = None,
                 device: torch.device | None = None) -> None:
        super().__init__()
        self.config = config
        factory = {"operations": operations, "dtype": dtype, "device": device}
        tensor = {"dtype": dtype, "device": device}
        width, row = config.width, config.row
        self.register_buffer("basis", torch.zeros(FRAMES * STATES, config.path_components, **tensor))
        self.register_buffer("mean", torch.zeros(FRAMES * STATES, **tensor))
        self.register_buffer("scale", torch.ones(config.path_components, **tensor))
        # One linear layer for each kind of row: stage, first frame, eight frames.
        self.rows_in = nn.ModuleList(operations.Linear(row, width, **tensor) for _ in range(3))
        self.rows_out = nn.ModuleList(operations.Linear(width, row, **tensor) for _ in range(3))
        self.slot = operations.Embedding(SLOTS + 3, width, **tensor)       # things, the stage, text, the picture
        self.text_in = operations.Linear(config.text_width, width, **tensor)
        self.text_pooled_in = operations.Linear(config.text_width, width, **tensor)
        self.picture_in = operations.Linear(config.video_channels * 4, width, **tensor)
        self.timestep_in = operations.Linear(128, width, **tensor)
        self.timestep_out = operations.Linear(width, width, **tensor)
        self.aspect_in = operations.Linear(32, width, **tensor)
        self.modulation = operations.Linear(width, 6 * width, **tensor)
        self.blocks = nn.ModuleList(Block(config, **factory) for _ in range(config.depth))
        self.out_modulation = operations.Linear(width, 2 * width, **tensor)

    def initialise(self) -> None:
        """Start as the identity. Only training calls it."""
        blocks = [block.bias for block in self.blocks]
        initialise(self, embedding_std=0.5, zero=[self.modulation, self.out_modulation, *self.rows_out, *blocks])

    # Sketches to rows and back

    def to_rows(self, sketch: Sketch) -> Tensor:
        """`(B, N, S)`; the sketch has 1 + 8 (t - 1) frames."""
        b, slots, frames, _ = sketch.states.shape
        present = (sketch.traits[..., :1] > 0).float()                                      # (B, K, 1)
        states = STATE_SCALE * sketch.states
        first = torch.cat([states[:, :, 0] * present, HIT_SCALE * sketch.hits[:, :, :1], sketch.traits], dim=-1)
        paths = states[:, :, 1:].reshape(b, slots, -1, FRAMES * STATES)
        paths = ((paths - self.mean) @ self.basis / self.scale) * present[..., None]
        hits = HIT_SCALE * sketch.hits[:, :, 1:].reshape(b, slots, -1, FRAMES)
        later = torch.cat([paths, hits], dim=-1)
        row = self.config.row
        things = torch.cat([F.pad(first, (0, row - first.shape[-1]))[:, :, None],
                            F.pad(later, (0, row - later.shape[-1]))], dim=2)                # (B, K, t, S)
        stage = F.pad(sketch.stage * STATE_SCALE, (0, row - STAGE))[:, None]
        return torch.cat([stage, things.flatten(1, 2)], dim=1)

    def from_rows(self, rows: Tensor) -> Sketch:
        """The inverse of `to_rows`, as far as the principal components reach."""
        b, frames = rows.shape[0], (rows.shape[1] - 1) // SLOTS
        things = rows[:, 1:].float().view(b, SLOTS, frames, -1)
        first, later = things[:, :, 0], things[:, :, 1:]
        paths = later[..., :self.config.path_components] * self.scale @ self.basis.T + self.mean
        states = torch.cat([first[:, :, None, :STATES], paths.reshape(b, SLOTS, -1, STATES)], dim=2) / STATE_SCALE
        hits = later[..., self.config.path_components:self.config.path_components + FRAMES].reshape(b, SLOTS, -1)
        hits = torch.cat([first[:, :, STATES:STATES + 1], hits], dim=2) / HIT_SCALE
        traits = first[..., STATES + 1:STATES + 1 + TRAITS]
        return Sketch(states, hits.clamp(min=0), traits, rows[:, 0, :STAGE].float() / STATE_SCALE)

    def given(self, rows: Tensor, clean: Tensor, is_given: Tensor) -> Tensor:
        """Rows of which some numbers are known.

        Args:
            rows: `(B, N, S)`, noisy; clean: `(B, N, S)`, the numbers that are known, anything elsewhere.
            is_given: `(B, N, S)` bool, true in the first half of rows of the stage and of first frames only.

        Returns:
            The rows with those numbers, and marks of them in the second half.
        """
        half = self.config.row // 2
        marks = F.pad(is_given[..., :half].float(), (self.config.row - half, 0))
        return torch.where(is_given, clean, rows) + marks

    @staticmethod
    def row_frames(frames: int) -> Tensor:
        """`(N,)` the latent frame that each row tells of; -1 for the stage, which is known before all."""
        return torch.cat([torch.tensor([-1]), torch.arange(frames).repeat(SLOTS)])

    def row_mask(self, frames: int, device: torch.device | None = None) -> Tensor:
        """`(N, S)`, 1 at numbers that mean something; the rest of each row is zero."""
        sizes = [STAGE] + SLOTS * ([STATES + 1 + TRAITS] + (frames - 1) * [self.config.path_components + FRAMES])
        return (torch.arange(self.config.row, device=device) < torch.tensor(sizes, device=device)[:, None]).float()

    # Forward

    def forward(self, rows: Tensor, timestep: Tensor, *, text: Tensor, text_mask: Tensor, aspect: Tensor,
                picture: Tensor | None = None, picture_mask: Tensor | None = None) -> Tensor:
        """Velocities of noisy rows.

        Args:
            rows: `(B, N, S)`.
            timestep: `(B, N)` in [0, 1]; 0 = given, 1 = noise.
            text: states `(B, Lt, text_width)`; text_mask: `(B, Lt)`, true at real tokens.
            aspect: `(B,)` width over height of the picture.
            picture: `(B, C, h, w)` latent of the given first frame, or None.
            picture_mask: `(B,)`, true where `picture` is to be looked at.

        Returns:
            noise - data, `(B, N, S)` float32.
        """
        b, n, _ = rows.shape
        frames = (n - 1) // SLOTS
        pooled = (text * text_mask[..., None]).sum(1) / text_mask.sum(1, keepdim=True).clamp(min=1)
        log_aspect = sinusoidal_embedding(torch.log2(aspect.float()) * 10.0, 32, 100.0).to(text.dtype)
        shared = self.text_pooled_in(pooled.to(text.dtype)) + self.aspect_in(log_aspect)         # (B, D)
        slots = self.slot(torch.arange(SLOTS + 3, device=rows.device)).to(text.dtype)
        x = self._by_kind(self.rows_in, rows.to(text.dtype))
        owners = torch.cat([torch.tensor([SLOTS]), torch.arange(SLOTS).repeat_interleave(frames)]).to(rows.device)
        x = x + slots[owners]
        before = [self.text_in(text) + slots[SLOTS + 1]]
        keep = [text_mask]
        if picture is not None:
            patches = F.pixel_unshuffle(picture.to(text.dtype), 2).flatten(2).transpose(1, 2)    # (B, h w / 4, 4 C)
            before.append(self.picture_in(patches) + slots[SLOTS + 2] + self._place(picture, text.dtype))
            keep.append(picture_mask[:, None].expand(-1, patches.shape[1]))
        num_before = sum(part.shape[1] for part in before)
        y = torch.cat([*before, x], dim=1)
        keep = torch.cat([*keep, torch.ones(b, n, dtype=torch.bool, device=rows.device)], dim=1)[:, None, None, :]
        modulation = self.modulation(self._condition(F.pad(timestep, (num_before, 0)), shared))
        rotary = self._rotary(frames, num_before, y)
        six = torch.arange(6, device=rows.device)
        for block in self.blocks:
            y = block(y, modulation, block.bias(six).flatten().to(modulation.dtype), rotary, keep)
        y = y[:, num_before:]
        shift, scale = self.out_modulation(self._condition(timestep, shared)).chunk(2, dim=-1)
        y = rms_norm(y) * (1 + scale) + shift
        out = self._by_kind(self.rows_out, y)
        return linear_guess_velocity(rows, out, timestep[..., None]) * self.row_mask(frames, rows.device)

    @staticmethod
    def _by_kind(layers: nn.ModuleList, x: Tensor) -> Tensor:
        """Each row through the layer of its kind: the stage, a first frame, eight later frames."""
        things = x[:, 1:].unflatten(1, (SLOTS, -1))
        things = torch.cat([layers[1](things[:, :, :1]), layers[2](things[:, :, 1:])], dim=2)
        return torch.cat([layers[0](x[:, :1]), things.flatten(1, 2)], dim=1)

    def _condition(self, timestep: Tensor, shared: Tensor) -> Tensor:
        t = sinusoidal_embedding(timestep.float() * 1000.0, 128).to(shared.dtype)
        return F.silu(self.timestep_out(F.silu(self.timestep_in(t))) + shared[:, None])

    def _rotary(self, frames: int, num_before: int, like: Tensor) -> tuple[Tensor, Tensor]:
        times = video_latent_times(frames, FRAMES, 24.0)
        positions = torch.tensor([0.0] * (num_before + 1) + SLOTS * times, device=like.device)[:, None]
        pairs = self.config.width // self.config.num_heads // 2
        angles = rotary_angles(positions, [(pairs, *TIME_RANGE)])
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)

    def _place(self, picture: Tensor, dtype: torch.dtype) -> Tensor:
        """Where each token of the picture is, `(h w / 4, D)`."""
        height, width = picture.shape[2] // 2, picture.shape[3] // 2
        unit = (height * width) ** 0.5
        y = (torch.arange(height, device=picture.device) + 0.5 - height / 2) / unit * 10
        x = (torch.arange(width, device=picture.device) + 0.5 - width / 2) / unit * 10
        half = self.config.width // 2
        return torch.cat([sinusoidal_embedding(y, half, 100.0)[:, None].expand(-1, width, -1),
                          sinusoidal_embedding(x, half, 100.0)[None].expand(height, -1, -1)],
                         dim=-1).flatten(0, 1).to(dtype)
