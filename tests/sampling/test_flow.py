"""The schedule, Euler's walk against closed forms, and guidance."""

import pytest
import torch

from sora_core.config import TransformerConfig
from sora_core.errors import ConfigError
from sora_core.models.transformer import SoraTransformer
from sora_core.sampling.flow import MAX_STEPS, SAMPLERS, Given, euler, lcm, schedule
from sora_core.sampling.guidance import guided_velocity

NOISE = torch.randn(1, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
SOUND = torch.randn(1, 2, 5, generator=torch.Generator().manual_seed(1))


def towards(video, audio):
    """The exact velocity when the data is one known point: (x_t - x_0) / t."""
    def velocity(v, a, tv, ta):
        at_video, at_audio = tv.reshape(-1, 1, 1, 1, 1).clamp(min=1e-6), ta.reshape(-1, 1, 1).clamp(min=1e-6)
        return (v - video) / at_video, (a - audio) / at_audio
    return velocity


@pytest.mark.parametrize("steps", [1, 2, 7, 30, MAX_STEPS])
def test_schedule_falls_from_one_to_zero(steps):
    sigmas = schedule(steps)
    assert len(sigmas) == steps + 1 and sigmas[0] == 1 and sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_shift_moves_the_schedule_to_noise():
    assert schedule(10, shift=3.0)[5] == pytest.approx(0.75) and schedule(10, shift=1.0)[5] == pytest.approx(0.5)


@pytest.mark.parametrize("steps", [0, -1, MAX_STEPS + 1, 2.5, True])
def test_impossible_steps_are_refused(steps):
    with pytest.raises(ConfigError, match="steps"):
        schedule(steps)


@pytest.mark.parametrize("sampler", SAMPLERS.values())
@pytest.mark.parametrize("steps", [1, 5])
def test_one_point_of_data_is_reached_exactly(steps, sampler):
    video, audio = torch.full_like(NOISE, 0.3), torch.full_like(SOUND, -0.2)
    got = sampler(towards(video, audio), NOISE, SOUND, schedule(steps))
    torch.testing.assert_close(got[0], video, atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1], audio, atol=1e-5, rtol=0)


def test_gaussian_data_keep_their_spread():
    """For data N(0, s^2) the velocity is known: x (t - (1 - t) s^2) / ((1 - t)^2 s^2 + t^2)."""
    spread = 0.5

    def field(x, t):
        t = t.reshape(-1, *[1] * (x.ndim - 1))
        return x * (t - (1 - t) * spread**2) / ((1 - t) ** 2 * spread**2 + t**2)

    video, _ = euler(lambda v, a, tv, ta: (field(v, tv), field(a, ta)), NOISE, SOUND, schedule(400))
    torch.testing.assert_close(video, NOISE * spread, atol=5e-3, rtol=5e-3)


def test_lcm_adds_fresh_noise_of_the_next_level_and_depends_on_the_seed():
    seen = []

    def velocity(v, a, tv, ta):
        seen.append((v, a))
        return v / tv, a / ta                                   # the data is zero: what is seen is the noise alone

    for seed in (3, 3, 4):
        lcm(velocity, NOISE, SOUND, schedule(2), seed=seed)
    (_, one), (_, same), (_, other) = ((seen[i][0], seen[i + 1][0]) for i in (0, 2, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert float(one.std()) == pytest.approx(float(schedule(2)[1]), rel=0.3)
    assert not torch.allclose(one, NOISE * schedule(2)[1], atol=0.1)


@pytest.mark.parametrize("sampler", SAMPLERS.values())
def test_given_latents_stay_and_carry_timestep_zero(sampler):
    seen = []
    given = Given(torch.full_like(NOISE, 0.9), torch.full_like(SOUND, 0.8),
                  torch.ones(1, 2, 4, 4), torch.ones(1, 5))
    given.video_mask[:, 0], given.audio_mask[:, :2] = 0, 0

    def velocity(v, a, tv, ta):
        seen.append((tv.clone(), ta.clone(), v.clone()))
        return torch.zeros_like(v), torch.zeros_like(a)

    video, audio = sampler(velocity, NOISE, SOUND, schedule(3), given=given)
    assert torch.equal(video[:, :, 0], given.video[:, :, 0]) and torch.equal(audio[..., :2], given.audio[..., :2])
    for tv, ta, v in seen:
        assert tv[:, 0].abs().max() == 0 and tv[:, 1].min() > 0 and ta[:, :2].abs().max() == 0
        assert torch.equal(v[:, :, 0], given.video[:, :, 0])


def test_progress_counts_and_can_cancel():
    steps = []
    euler(towards(NOISE, SOUND), NOISE, SOUND, schedule(4), on_progress=lambda i, n: steps.append((i, n)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def cancel(step, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        euler(towards(NOISE, SOUND), NOISE, SOUND, schedule(4), on_progress=cancel)


def test_latents_that_stop_being_numbers_are_named():
    with pytest.raises(ConfigError, match="step 1 of 3"):
        euler(lambda v, a, tv, ta: (v * float("nan"), a), NOISE, SOUND, schedule(3))


@torch.no_grad()
def test_guidance_of_one_is_the_prompt_alone_and_more_goes_further():
    torch.manual_seed(0)
    model = SoraTransformer(TransformerConfig(video_channels=3, audio_channels=2, text_width=8, width=24, depth=1,
                                              num_heads=1)).eval()
    positive, negative = torch.randn(1, 4, 8), torch.randn(1, 2, 8)
    arguments = (NOISE, SOUND, torch.tensor([0.5]), torch.tensor([0.5]))
    plain, unwanted, strong = (guided_velocity(model, p, negative, s, 24.0)(*arguments)[0]
                               for p, s in ((positive, 1.0), (negative, 1.0), (positive, 3.0)))
    torch.testing.assert_close(strong, unwanted + 3 * (plain - unwanted), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -1.0, 1e9])
def test_impossible_guidance_is_refused(scale):
    with pytest.raises(ConfigError, match="guidance_scale"):
        guided_velocity(None, NOISE, NOISE, scale, 24.0)
