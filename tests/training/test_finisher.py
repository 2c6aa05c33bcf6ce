"""Training of the finisher: it learns what there is to learn, alone, and goes on exactly where it stopped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sora_core.config import VideoVAEConfig
from sora_core.models.sketch import SLOTS, STAGE, STATES, TRAITS, Sketch, draw_bodies
from sora_core.models.video_vae import VideoVAE
from sora_core.training.finisher import CLIPS, STEPS_A_CLIP, FinisherTask
from sora_core.training.loop import LoopOptions, TrainingRun

SMALL = VideoVAEConfig(latent_channels=6, context_width=8, cell_width=8, cell_depth=1, finisher_width=16,
                       finisher_depth=1)


class BlurredClips:
    """Real clips of a red disc on grey that goes from left to right, and latents that know nothing of it."""

    def draw(self, rng: np.random.Generator, anew_share: float) -> tuple[torch.Tensor, torch.Tensor, Sketch]:
        states = torch.zeros(1, SLOTS, 17, STATES)
        states[:, 0, :, 0] = torch.linspace(-0.4, 0.4, 17) + float(rng.uniform(-0.1, 0.1))
        states[:, 0, :, 2] = states[:, 0, :, 5] = 0.15
        traits = torch.full((1, SLOTS, TRAITS), -1.0)
        traits[:, 0] = torch.tensor([1.0, -1.0, 1.0, -0.8, -0.8, -1.0])
        sketch = Sketch(states, torch.zeros(1, SLOTS, 17), traits, torch.zeros(1, STAGE))
        drawn = draw_bodies(sketch, 64, 64)
        true = drawn[:, :3] * 0.8 * drawn[:, 3:] + 0.1 * (1 - drawn[:, 3:])
        return true, torch.randn(1, 6, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.1, sketch


def task() -> FinisherTask:
    torch.manual_seed(0)
    return FinisherTask(VideoVAE(SMALL), BlurredClips(), batch_size=4)


def test_it_learns_and_leaves_the_rest_of_the_decoder_alone(tmp_path) -> None:
    one = task()
    before = {name: value.clone() for name, value in one.vae.state_dict().items()}
    gains: list[float] = []
    TrainingRun(one, LoopOptions(output=tmp_path, steps=40, learning_rate=5e-3, sample_every=0)).run(
        lambda line: gains.append(float(line.split("gain ")[1])) if "gain" in line else None)
    assert gains[-1] > 6, "decibels nearer to the truth than what was decoded"
    changed = {name.split(".")[0] for name, value in one.vae.state_dict().items()
               if not torch.equal(value, before[name])}
    assert changed == {"finisher"}


def test_half_and_half_is_the_whole(tmp_path) -> None:
    def weights(folder, *slices: int) -> dict[str, torch.Tensor]:
        for steps in slices:
            run = TrainingRun(task(), LoopOptions(output=tmp_path / folder, steps=6, sample_every=0))
            while run.step < steps:
                run._one_step()
            run.save()
        return dict(run.task.vae.finisher.named_parameters())

    straight, halves = weights("straight", 6), weights("halves", 3, 6)
    assert all(torch.equal(value, halves[name]) for name, value in straight.items())


def test_which_clips_are_at_hand_depends_on_the_step_alone() -> None:
    one, other = task(), task()
    for step in (0, 9):
        one.batch(np.random.default_rng(step), step)
    other.batch(np.random.default_rng(9), 9)
    assert one.clips.keys() == other.clips.keys() and len(one.clips) == CLIPS
    assert all(torch.equal(one.clips[key].shown, other.clips[key].shown) for key in one.clips)
    assert max(one.clips) == CLIPS - 1 + 9 // STEPS_A_CLIP


@pytest.mark.parametrize("seed", range(3))
def test_crops_hold_the_clips_first_frame_first(seed: int) -> None:
    one = task()
    crops = one.batch(np.random.default_rng(seed), 0)["crops"]
    assert crops.shape[:2] == (4, 10) and crops.shape[3:] == (64, 64)
    centre = crops[:, 6, 0].flatten(1)       # red of the drawing in the first frame
    assert ((centre > 0.5).sum(1) > 0).all()
