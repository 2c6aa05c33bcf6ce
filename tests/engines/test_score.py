"""The cheap judge on clips whose order is known."""

from __future__ import annotations

import torch

from sora_core.engines.score import cause_score, motion_score


def moving(step: float, frames: int = 24) -> torch.Tensor:
    """A soft light that goes across, `step` pixels a frame."""
    x = torch.arange(64.0)[None, :].expand(48, 64)
    return torch.stack([torch.exp(-((x - 8 - step * t) / 6) ** 2) for t in range(frames)])[..., None].repeat(1, 1, 1, 3)


def bounce(frames: int = 40, hit: int = 20) -> torch.Tensor:
    video = torch.zeros(frames, 48, 64, 3)
    video[hit:, 10:30, 10:30] = 1
    return video


def click(frames: int, at: int, rate: int = 1000) -> torch.Tensor:
    sound = torch.zeros(1, frames * rate)
    sound[:, at * rate:(at + 2) * rate] = 0.5
    return sound


def test_motion_beats_stills_and_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(24, 48, 64, 3, generator=generator)
    assert motion_score(moving(1.0)) > 0.3
    assert motion_score(moving(0.0)) == 0
    assert motion_score(noise) < 0.1 < motion_score(moving(1.0))
    assert motion_score(moving(1.0)) > motion_score(moving(0.1))


def test_a_sound_at_the_hit_beats_one_elsewhere_and_silence() -> None:
    video = bounce()
    assert cause_score(video, click(40, 20)) > 0.6
    assert cause_score(video, click(40, 20)) > cause_score(video, click(40, 5)) + 0.4
    assert cause_score(video, torch.zeros(1, 40000)) == 0


def test_clips_too_short_to_judge_score_nothing() -> None:
    assert motion_score(moving(1.0, 2)) == 0 and cause_score(moving(1.0, 3), torch.zeros(1, 100)) == 0
