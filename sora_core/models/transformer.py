"""One transformer over the tokens of text, references, video and sound.

Every token has a timestep of its own: 0 = given (clean), 1 = noise. That one thing makes text to video, a given first
frame, the continuation of a clip, sound for a silent picture and a picture for a given sound the same operation.

Legend: B batch, C latent channels, T' H' W' video latents, L audio latents, N tokens, D width, p patch size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import TransformerConfig
from ..setting import COUNT
from ..shapes import audio_latent_times, video_latent_times
from .guide import HIT_FEATURES, Guide
from .layers import Attention, FeedForward, initialise, rms_norm, rotary_angles, sinusoidal_embedding
from .refiner import LocalRefiner

TEXT, REFERENCE, VIDEO, AUDIO, REFERENCE_SOUND = range(5)   # rows of the modality embedding
SMALLEST_TIMESTEP = 0.02   # below it the division of the velocity stops; its error is then under 2 % of the data
# Angular frequencies (radians per unit) of the rotary positions: time in seconds, y and x in frame sizes.
TIME_RANGE, SPACE_RANGE = (0.3, 24.0), (1.0, 24.0)


@dataclass(frozen=True)
class References:
    """Cameos: pictures (and voices) of who or what shall appear.

    Attributes:
        latents: video latents of one-frame pictures, `(B, R, C, H', W')`, H' and W' multiples of the patch size.
        slots: `(B, R)` int64, which cameo each picture shows; a slot is a place at negative time.
        mask: `(B, R)`, true where a picture is given.
        sounds: audio latents `(B, R, C, L)` of the same slots, or None.
    """

    latents: Tensor
    slots: Tensor
    mask: Tensor
    sounds: Tensor | None = None


class Block(nn.Module):
    """Pre-normalised attention and feed-forward, modulated per token (adaLN, arXiv:2212.09748, section 3.2).

    The modulation is computed once for all blocks; each block adds a bias (adaLN-single, arXiv:2310.00426, eq. 2).
    """

    def __init__(self, config: TransformerConfig, **factory: Any) -> None:
        super().__init__()
        self.attention = Attention(config.width, config.num_heads, **factory)
        self.feed_forward = FeedForward(config.width, int(config.width * config.mlp_ratio), **factory)
        operations, dtype, device = factory["operations"], factory["dtype"], factory["device"]
        self.bias = operations.Embedding(6, config.width, dtype=dtype, device=device)

    def forward(self, x: Tensor, modulation: Tensor, bias: Tensor, rotary: tuple[Tensor, Tensor],
                mask: Tensor | None) -> Tensor:
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = (modulation + bias).chunk(6, dim=-1)  # each (B, N, D)
        x = x + gate_a * self.attention(rms_norm(x) * (1 + scale_a) + shift_a, rotary, mask)
        return x + gate_f * self.feed_forward(rms_norm(x) * (1 + scale_f) + shift_f)


class SoraTransformer(nn.Module):
    """Predicts the velocity of the straight path from data to noise, for both modalities at once.

    Inside it corrects the best linear guess of the clean latents, see `linear_guess_velocity`.
    """

    adamw_parameters = ("video_in", "audio_in", "guide_in", "hits_in", "setting_in", "reference_in", "position_in",
                        "text_in", "video_out", "audio_out", "modality", "timestep_in", "frame_rate_in", "modulation",
                        "out_modulation", "refiner.token_in")

    def __init__(self, config: TransformerConfig, *, operations: Any = nn, dtype: torch.dtype | None = None,
                 device: torch.device | None = None) -> None:
        super().__init__()
        self.config, self.dtype = config, dtype
        factory = {"operations": operations, "dtype": dtype, "device": device}
        tensor = {"dtype": dtype, "device": device}
        width, patch = config.width, config.video_channels * config.patch_size ** 2
        self.text_in = operations.Linear(config.text_width, width, **tensor)
        self.text_pooled_in = operations.Linear(config.text_width, width, **tensor)
        self.video_in = operations.Linear(patch, width, **tensor)
        self.reference_in = operations.Linear(patch, width, **tensor)
        self.audio_in = operations.Linear(config.audio_channels, width, **tensor)
        self.guide_in = operations.Linear(2 * patch, width, bias=False, **tensor)
        self.hits_in = operations.Linear(HIT_FEATURES, width, bias=False, **tensor)
        self.position_in = operations.Linear(48, width, bias=False, **tensor)
        self.setting_in = operations.Embedding(COUNT, width, **tensor)
        self.modality = operations.Embedding(5, width, **tensor)
        self.timestep_in = operations.Linear(128, width, **tensor)
        self.timestep_out = operations.Linear(width, width, **tensor)
        self.frame_rate_in = operations.Linear(32, width, **tensor)
        self.modulation = operations.Linear(width, 6 * width, **tensor)
        self.blocks = nn.ModuleList(Block(config, **factory) for _ in range(config.depth))
        self.out_modulation = operations.Linear(width, 2 * width, **tensor)
        self.video_out = operations.Linear(width, patch, **tensor)
        self.refiner = LocalRefiner(config, **factory)
        self.audio_out = operations.Linear(width, config.audio_channels, **tensor)

    def initialise(self) -> None:
        """Start as the identity: every block's gates and both outputs at zero. Only training calls it."""
        refiner, blocks = self.refiner, [block.bias for block in self.blocks]
        initialise(self, embedding_std=0.02, zero=[
            self.modulation, self.out_modulation, self.video_out, self.audio_out, self.guide_in, self.hits_in,
            self.setting_in, refiner.token_in, refiner.guide_in, refiner.out, refiner.forget, refiner.hold,
            *(block.conv for block in refiner.blocks), *blocks])

    # Tokens in and out

    def patchify(self, video: Tensor) -> Tensor:
        """`(B, C, T', H', W')` -> `(B, T' H'/p W'/p, C p p)`, for any C."""
        b, c, t, h, w = video.shape
        p = self.config.patch_size
        x = video.reshape(b, c, t, h // p, p, w // p, p).permute(0, 2, 3, 5, 1, 4, 6)
        return x.reshape(b, t * (h // p) * (w // p), c * p * p)

    def unpatchify(self, tokens: Tensor, shape: torch.Size) -> Tensor:
        """The inverse of `patchify`, for video latents of `shape`."""
        b, c, t, h, w = shape
        p = self.config.patch_size
        x = tokens.reshape(b, t, h // p, w // p, c, p, p).permute(0, 4, 1, 2, 5, 3, 6)
        return x.reshape(b, c, t, h, w)

    def _grid(self, times: Tensor, height: int, width: int) -> Tensor:
        """Positions `(B, T' h w, 3)` of patches: seconds, then y and x from the middle in units of the frame's size.

        The unit is the square root of the area, so that positions don't depend on how many latents there are.
        """
        unit = (height * width) ** 0.5
        y = (torch.arange(height, device=times.device) + 0.5 - height / 2) / unit
        x = (torch.arange(width, device=times.device) + 0.5 - width / 2) / unit
        b, t = times.shape
        grid = torch.stack([times[:, :, None, None].expand(b, t, height, width),
                            y[None, None, :, None].expand(b, t, height, width),
                            x[None, None, None, :].expand(b, t, height, width)], dim=-1)
        return grid.reshape(b, t * height * width, 3)

    def _positions(self, video: Tensor, audio: Tensor, frame_rate: Tensor, references: References | None,
                   places: tuple[Sequence[int], Sequence[int]]) -> list[Tensor]:
        """Positions of reference, video and audio tokens, each `(B, n, 3)`."""
        config, device, p = self.config, video.device, self.config.patch_size
        video_times = video_latent_times(max(places[0]) + 1, config.temporal_compression, 1.0)
        audio_times = audio_latent_times(max(places[1]) + 1, 1, 1)
        per_frame = torch.tensor([video_times[place] for place in places[0]], device=device)
        grid = self._grid(per_frame[None] / frame_rate[:, None].float(), video.shape[3] // p, video.shape[4] // p)
        seconds = torch.tensor([audio_times[place] for place in places[1]], device=device) / config.audio_latent_rate
        sound = F.pad(seconds[None, :, None].expand(video.shape[0], -1, -1), (0, 2))
        parts = []
        if references is not None:
            times = -1.0 - references.slots.float()  # (B, R)
            parts.append(self._grid(times, references.latents.shape[-2] // p, references.latents.shape[-1] // p))
            if references.sounds is not None:
                lengths = references.sounds.shape[-1]
                parts.append(F.pad(times.repeat_interleave(lengths, 1)[..., None], (0, 2)))
        return [*parts, grid, sound]

    def _embed(self, x: Tensor, layer: nn.Module, modality: int, positions: Tensor) -> Tensor:
        features = torch.cat([rotary_angles(positions, [(8, 0.5, 12.0), (8, 1.0, 24.0), (8, 1.0, 24.0)])], dim=-1)
        features = torch.cat([features.cos(), features.sin()], dim=-1).to(x.dtype)
        return layer(x) + self.position_in(features) + self._modality(modality, x)

    def _modality(self, row: int, like: Tensor) -> Tensor:
        return self.modality(torch.tensor([row], device=like.device)).to(like.dtype)

    def _condition(self, timestep: Tensor, shared: Tensor, modality: int) -> Tensor:
        """`(B, n)` timesteps -> `(B, n, D)` what modulates the tokens."""
        t = sinusoidal_embedding(timestep.float() * 1000.0, 128).to(shared.dtype)
        hidden = self.timestep_out(F.silu(self.timestep_in(t)))
        return F.silu(hidden + shared[:, None] + self._modality(modality, shared))

    # Forward

    def forward(self, video: Tensor, audio: Tensor, *, timestep_video: Tensor, timestep_audio: Tensor, text: Tensor,
                text_mask: Tensor, frame_rate: Tensor, guide: Guide | None = None, references: References | None = None,
                places: tuple[Sequence[int], Sequence[int]] | None = None) -> tuple[Tensor, Tensor]:
        """Velocities of noisy latents.

        Args:
            video: `(B, C, T', H', W')`, H' and W' multiples of the patch size.
            audio: `(B, C, L)`.
            timestep_video: `(B,)`, `(B, T')` or `(B, T', H', W')` in [0, 1]; 0 = given, 1 = noise.
            timestep_audio: `(B,)` or `(B, L)`.
            text: states `(B, Lt, text_width)`; text_mask: `(B, Lt)`, true at real tokens.
            frame_rate: `(B,)` frames per second.
            guide: the sketch of the clip at the same latents, and where it plays, or None.
            references: cameos, or None.
            places: which latents of their clip `video` and `audio` are, ascending; None = all from the first on.

        Returns:
            `(velocity_video, velocity_audio)` = noise - data, in the shapes of `video` and `audio`, float32.
        """
        dtype = text.dtype
        frames, p = video.shape[2], self.config.patch_size
        per_frame = (video.shape[3] // p) * (video.shape[4] // p)
        text_embedded = self.text_in(text) + self._modality(TEXT, text)
        pooled = (text * text_mask[..., None]).sum(1) / text_mask.sum(1, keepdim=True).clamp(min=1)
        rate = sinusoidal_embedding(torch.log2(frame_rate.float() / 24.0) * 10.0, 32, 100.0).to(dtype)
        shared = self.text_pooled_in(pooled.to(dtype)) + self.frame_rate_in(rate)  # (B, D)
        if guide is not None:
            told = self.setting_in(guide.setting) * (guide.setting > 0)[..., None]
            shared = shared + told.sum(1).to(dtype)

        places = places or (range(video.shape[2]), range(audio.shape[2]))
        positions = self._positions(video, audio, frame_rate, references, places)
        t_video = _token_timesteps(timestep_video, frames, per_frame, p)   # (B, T') or (B, N)
        t_audio = timestep_audio[:, None] if timestep_audio.ndim == 1 else timestep_audio
        zeros = torch.zeros(video.shape[0], 1, device=video.device)

        tokens, conditions, keep = [text_embedded], [self._expand(zeros, shared, TEXT, text.shape[1])], [text_mask]
        if references is not None:
            self._add_references(references, positions, shared, tokens, conditions, keep)
        v = self._embed(self.patchify(video).to(dtype), self.video_in, VIDEO, positions[-2])
        a = self._embed(audio.transpose(1, 2).to(dtype), self.audio_in, AUDIO, positions[-1])
        if guide is not None:
            v = v + self.guide_in(self.patchify(guide.video).to(dtype))
            a = a + self.hits_in(guide.audio.to(dtype))
        c_video = self._expand(t_video, shared, VIDEO, v.shape[1])
        c_audio = self._expand(t_audio, shared, AUDIO, a.shape[1])
        tokens, conditions = [*tokens, v, a], [*conditions, c_video, c_audio]
        keep += [torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) for x in (v, a)]

        y = self._run_blocks(torch.cat(tokens, 1), torch.cat(conditions, 1), positions, text.shape[1],
                             torch.cat(keep, 1))
        y_video, y_audio = y[:, -v.shape[1] - a.shape[1]:].split([v.shape[1], a.shape[1]], dim=1)
        y_video, y_audio = self._modulated(y_video, c_video), self._modulated(y_audio, c_audio)
        refined, forget, hold = self.refiner(video, y_video, guide)
        out_video = (self.unpatchify(self.video_out(y_video), video.shape) + refined).float()
        at_video = like_video(timestep_video)
        clean = linear_guess(video, out_video, at_video)
        first = clean[:, :, :1]
        changes = (clean[:, :, 1:] - forget[:, :, 1:] * first) * (1 - hold[:, :, 1:])
        out_audio = self.audio_out(y_audio).transpose(1, 2)
        return (velocity_to(video, torch.cat([first, changes], dim=2), at_video),
                linear_guess_velocity(audio, out_audio, t_audio[:, None]))

    def _run_blocks(self, x: Tensor, condition: Tensor, positions: list[Tensor], num_text: int, keep: Tensor) -> Tensor:
        pairs = self.config.width // self.config.num_heads // 2
        space = pairs // 3
        ranges = [(pairs - 2 * space, *TIME_RANGE), (space, *SPACE_RANGE), (space, *SPACE_RANGE)]
        angles = F.pad(rotary_angles(torch.cat(positions, 1), ranges), (0, 0, num_text, 0))  # text is not turned
        rotary = (angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype))
        modulation = self.modulation(condition)
        mask = keep[:, None, None, :]
        rows = torch.arange(6, device=x.device)
        for block in self.blocks:
            x = block(x, modulation, block.bias(rows).flatten().to(modulation.dtype), rotary, mask)
        return x

    def _expand(self, timestep: Tensor, shared: Tensor, modality: int, length: int) -> Tensor:
        """Conditions of `length` tokens, computed once per distinct timestep column."""
        condition = self._condition(timestep, shared, modality)
        return condition.repeat_interleave(length // condition.shape[1], dim=1)

    def _add_references(self, references: References, positions: list[Tensor], shared: Tensor, tokens: list[Tensor],
                        conditions: list[Tensor], keep: list[Tensor]) -> None:
        pictures = self.patchify(references.latents.transpose(1, 2)).to(shared.dtype)  # slots stand as frames
        groups = [(pictures, self.reference_in, REFERENCE, positions[0])]
        if references.sounds is not None:
            sounds = references.sounds.transpose(2, 3).flatten(1, 2).to(shared.dtype)
            groups.append((sounds, self.audio_in, REFERENCE_SOUND, positions[1]))
        zeros = torch.zeros(pictures.shape[0], 1, device=pictures.device)
        for x, layer, modality, where in groups:
            tokens.append(self._embed(x, layer, modality, where))
            conditions.append(self._expand(zeros, shared, modality, x.shape[1]))
            keep.append(references.mask.repeat_interleave(x.shape[1] // references.mask.shape[1], 1))

    def _modulated(self, y: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.out_modulation(condition).chunk(2, dim=-1)
        return rms_norm(y) * (1 + scale) + shift


def _token_timesteps(timestep: Tensor, frames: int, per_frame: int, patch: int) -> Tensor:
    """Timesteps of video tokens as `(B, 1)`, `(B, T')` or `(B, N)`; a patch takes the mean of its latents."""
    if timestep.ndim == 1:
        return timestep[:, None]
    if timestep.ndim == 2:
        return timestep
    return F.avg_pool2d(timestep.float(), patch).flatten(1)


def like_video(timestep: Tensor) -> Tensor:
    """Timesteps shaped to multiply `(B, C, T', H', W')`."""
    if timestep.ndim == 4:
        return timestep[:, None]
    return timestep.reshape(timestep.shape[0], 1, -1, 1, 1)


def linear_guess(noisy: Tensor, correction: Tensor, timestep: Tensor) -> Tensor:
    """Clean latents; those that are given (t = 0) as they are.

    The network corrects what is known without it: for data of variance one, the best linear guess of x_0 is
    (1 - t) / ((1 - t)^2 + t^2) x_t (Karras et al. 2022, arXiv:2206.00364, table 1, c_skip).
    """
    t = timestep.float()
    return (1 - t) / ((1 - t) ** 2 + t ** 2) * noisy.float() + correction.float() * (t > 0)


def linear_guess_velocity(noisy: Tensor, correction: Tensor, timestep: Tensor) -> Tensor:
    """v = (x_t - x_0) / t, from x_t = (1 - t) x_0 + t noise; zero where t = 0."""
    return velocity_to(noisy, linear_guess(noisy, correction, timestep), timestep)


def velocity_to(noisy: Tensor, clean: Tensor, timestep: Tensor) -> Tensor:
    """v = (x_t - x_0) / t of the straight path to clean latents; zero where t = 0."""
    t = timestep.float()
    return (noisy.float() - clean) / t.clamp(min=SMALLEST_TIMESTEP) * (t > 0)
