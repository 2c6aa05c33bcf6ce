"""Long clips: every latent is made once, joins are never rewritten, sound and picture stay together."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sora_core.models.video_vae import from_changes
from sora_core.sampling import windows as w
from sora_core.sampling.flow import schedule


@given(st.integers(1, 200), st.integers(0, 3))
def test_windows_cover_the_clip_once(video: int, extra: int) -> None:
    audio = max(1, 4 * (video - 1) + extra)
    plan = w.plan_windows(video, audio, 4.0)
    at_video = at_audio = 0
    for window in plan:
        (v0, v1), (a0, a1) = window.video, window.audio
        assert v0 + window.known_video == at_video < v1 <= video
        assert a0 + window.known_audio == at_audio <= a1 <= audio
        assert a0 == 4 * v0, "a window's sound begins with its picture"
        assert v1 - v0 == min(video, w.WINDOW)
        assert window is plan[0] or window.known_video >= w.OVERLAP
        at_video, at_audio = v1, a1
    assert (at_video, at_audio) == (video, audio)


def test_one_window_is_plain_euler() -> None:
    window, = w.plan_windows(13, 48, 4.0)
    assert window == w.Window((0, 13), (0, 48), 0, 0)


def run(frames: int, *, first: Tensor | None = None) -> tuple[Tensor, Tensor, list[tuple[Tensor, ...]], list[int]]:
    calls: list[tuple[Tensor, ...]] = []
    steps: list[int] = []

    def velocity(video: Tensor, audio: Tensor, t_video: Tensor, t_audio: Tensor) -> tuple[Tensor, Tensor]:
        calls.append((video.clone(), audio.clone(), t_video, t_audio))
        return video - 0.5, audio - 0.25

    generator = torch.Generator().manual_seed(0)
    video = torch.randn(1, 2, frames, 2, 2, generator=generator)
    audio = torch.randn(1, 3, 4 * (frames - 1), generator=generator)
    plan = w.plan_windows(frames, audio.shape[2], 4.0)
    out = w.sample_windows([velocity] * len(plan), video, audio, schedule(2), plan, first=first,
                           still=lambda known: known[:, :, -1:] * 0 + 9,
                           on_progress=lambda step, total: steps.append(step))
    return *out, calls, steps


def test_given_latents_are_clean_and_marked() -> None:
    video, audio, calls, steps = run(25)
    assert steps == list(range(1, len(calls) + 1))
    later_video, later_audio, t_video, t_audio = calls[2]        # the first step of the second window
    tail, there = from_changes(later_video)[:, :, 1:w.OVERLAP], from_changes(video)[:, :, 9:13]
    torch.testing.assert_close(tail, there, msg="the tail of what is there, unchanged")
    assert (later_video[:, :, 0] == 9).all(), "the first latent is a still"
    assert (t_video[:, :w.OVERLAP] == 0).all() and (t_video[:, w.OVERLAP:] == 1).all()
    assert torch.equal(later_audio[:, :, :16], audio[:, :, 32:48]) and (t_audio[:, :16] == 0).all()
    assert not (video == 9).any(), "the still is no part of the clip"


def test_later_windows_change_nothing_that_is_there() -> None:
    video, audio, calls, _ = run(25)
    first, second = calls[1], calls[2]          # the last step of the first window, the first of the second
    assert calls[0][2].ndim == 1, "nothing is given in the first window"
    assert video.shape[2] == 25 and torch.isfinite(video).all() and torch.isfinite(audio).all()
    tail, there = from_changes(second[0])[:, :, 1:w.OVERLAP], from_changes(video)[:, :, 9:13]
    torch.testing.assert_close(tail, there)
    assert first[0].shape == second[0].shape


def test_first_frame_is_kept() -> None:
    first = torch.full((1, 2, 1, 2, 2), 0.7)
    video, _, calls, _ = run(13, first=first)
    assert torch.equal(video[:, :, :1], first)
    assert (calls[0][2][:, 0] == 0).all() and (calls[0][2][:, 1:] == 1).all() and (calls[0][3] == 1).all()
