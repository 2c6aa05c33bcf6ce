"""Clips longer than the networks were trained on: continued in latent space, window after window.

Each window starts inside what is already there: its first latents are given (timestep 0) and never change, so that
nothing is decoded and encoded again and no colour drifts at a join. Only the window's very first latent, which must
hold a single frame, is made anew from the frame at that place; it guides the window and is not part of the clip.
Latents are differences from the first frame of their clip; here, where windows with first frames of their own meet,
they are added up to latents that stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.video_vae import from_changes, to_changes
from .flow import Given, Velocity, euler

WINDOW = 13     # video latents, the trained length
OVERLAP = 5     # of these, given from the window before

Still = Callable[[Tensor], Tensor]
# (noise of the window's video, and of its sound, what is given, the window's number) -> its clean latents
Walk = Callable[[Tensor, Tensor, Given | None, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Window:
    """Half-open ranges of the whole clip's latents; the first `known_*` of each are given."""

    video: tuple[int, int]
    audio: tuple[int, int]
    known_video: int
    known_audio: int


def plan_windows(video_latents: int, audio_latents: int, audio_per_video: float) -> list[Window]:
    """Windows of the trained length; the last one reaches further back rather than being short.

    Args:
        video_latents: T' of the whole clip; audio_latents: L.
        audio_per_video: audio latents that last as long as one video latent.
    """
    windows: list[Window] = []
    known_video = known_audio = 0
    while known_video < video_latents:
        start = max(0, min(known_video - OVERLAP, video_latents - WINDOW))
        stop = min(start + WINDOW, video_latents)
        sound = min(audio_latents, round(start * audio_per_video))
        sound_stop = audio_latents if stop == video_latents else round((stop - 1) * audio_per_video)
        windows.append(Window((start, stop), (sound, sound_stop), known_video - start, known_audio - sound))
        known_video, known_audio = stop, sound_stop
    return windows


def sample_windows(velocities: Sequence[Velocity], noise_video: Tensor, noise_audio: Tensor, sigmas: Tensor,
                   windows: list[Window], *, still: Still, first: Tensor | None = None,
                   sampler: Callable[..., tuple[Tensor, Tensor]] = euler, seed: int = 0,
                   on_progress: Callable[[int, int], None] | None = None) -> tuple[Tensor, Tensor]:
    """Generate a clip of any length.

    Args:
        velocities: of each window; sigmas: as for `euler`.
        noise_video: `(B, C, T', H', W')`, noise_audio: `(B, C, L)`, for the whole clip.
        still: video latents `(B, C, t, H', W')` -> one latent `(B, C, 1, H', W')` of their last frame alone.
        first: the first video latent, where the first frame is given.
        sampler, seed: one of `flow.SAMPLERS` and the seed that the noise was drawn with.

    Returns:
        Clean latents in the shapes of the noise.
    """
    steps = len(sigmas) - 1

    def walk(video: Tensor, audio: Tensor, given: Given | None, number: int) -> tuple[Tensor, Tensor]:
        def report(step: int, _: int) -> None:
            if on_progress is not None:
                on_progress(number * steps + step, len(windows) * steps)

        return sampler(velocities[number], video, audio, sigmas, seed=seed, given=given, on_progress=report)

    return walk_windows(walk, noise_video, noise_audio, windows, still=still, first=first)


def walk_windows(walk: Walk, noise_video: Tensor, noise_audio: Tensor, windows: list[Window], *, still: Still,
                 first: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The same with any way from noise to data: `walk` makes one window's latents around those that are given."""
    each, audio = noise_video.clone(), noise_audio.clone()
    for number, window in enumerate(windows):
        (v0, v1), (a0, a1) = window.video, window.audio
        new_video, new_audio = walk(noise_video[:, :, v0:v1], noise_audio[:, :, a0:a1],
                                    _given(each, audio, window, still, first), number)
        each[:, :, v0 + window.known_video:v1] = from_changes(new_video)[:, :, window.known_video:]
        audio[:, :, a0 + window.known_audio:a1] = new_audio[:, :, window.known_audio:]
    if first is not None:
        each = torch.cat([first, each[:, :, 1:]], dim=2)
    return to_changes(each), audio


def _given(each: Tensor, audio: Tensor, window: Window, still: Still, first: Tensor | None) -> Given | None:
    """What a window starts from: the given first frame, or the end of the clip so far."""
    (v0, v1), (a0, a1) = window.video, window.audio
    if window.known_video == 0 and first is None:
        return None
    known = each[:, :, v0:v1].clone()
    if window.known_video == 0:
        known[:, :, :1] = first
    elif v0 > 0:
        known[:, :, :1] = still(to_changes(each[:, :, max(0, v0 - 2):v0 + 1]))
    known = to_changes(known)
    batch, _, frames, height, width = known.shape
    video_mask = torch.ones(batch, frames, height, width, device=known.device)
    video_mask[:, :max(1, window.known_video)] = 0
    audio_mask = torch.ones(batch, a1 - a0, device=known.device)
    audio_mask[:, :window.known_audio] = 0
    return Given(known, audio[:, :, a0:a1].clone(), video_mask, audio_mask)
