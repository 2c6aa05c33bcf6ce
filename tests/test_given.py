"""What is given of a clip: the right latents at the right places, with a linear stand-in for the encoders."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sora_core.config import AudioVAEConfig, VideoVAEConfig
from sora_core.errors import ConfigError
from sora_core.given import given_pictures, given_sound, given_video, nothing_given, parse_positions, sound_of_tail
from sora_core.models.video_vae import from_changes, to_changes
from sora_core.plan import Plan, make_plan, plan_continuation
from sora_core.shapes import SKETCH_CHANNELS

VIDEO, AUDIO = VideoVAEConfig(), AudioVAEConfig()


def plan_of(seconds: float = 1.0, rate: float = 24) -> Plan:
    return make_plan(seconds=seconds, width=None, height=None, frame_rate=rate, multiple=32, sample_rate=24000)


def encode(video: Tensor) -> Tensor:
    """Means of 16 x 16 pixels and eight frames, first frame apart, as differences from the first."""
    small = torch.nn.functional.avg_pool2d(video.transpose(1, 2).flatten(0, 1), 16).mean(1)
    small = small.unflatten(0, (1, -1))[:, None]
    later = small[:, :, 1:].split(8, dim=2) if small.shape[2] > 1 else []
    parts = [small[:, :, :1], *(part.mean(2, keepdim=True) for part in later)]
    return to_changes(torch.cat(parts, dim=2).expand(-1, VIDEO.latent_channels + SKETCH_CHANNELS, -1, -1, -1))


def picture(value: float, height: int = 128, width: int = 128) -> Tensor:
    return torch.full((1, 3, 1, height, width), value)


def pictures(given: dict[int, Tensor], plan: Plan) -> tuple[Tensor, Tensor]:
    """(T',) values for themselves, and the mask of each latent."""
    found = given_pictures(given.items(), nothing_given(plan, VIDEO, AUDIO), plan=plan, temporal_compression=8,
                           encode=encode)
    return from_changes(found.video)[0, 0, :, 0, 0], found.video_mask.amax((0, 2, 3))


def test_nothing_given_has_the_shapes_of_the_plan() -> None:
    given = nothing_given(plan_of(2.0), VIDEO, AUDIO)
    assert given.video.shape == (1, 48 + SKETCH_CHANNELS, 7, 8, 8) and given.audio.shape == (1, 32, 24)
    assert given.video_mask.shape == (1, 7, 8, 8) and given.audio_mask.shape == (1, 24)
    assert given.video_mask.all() and given.audio_mask.all()


def test_pictures_stand_where_they_belong() -> None:
    values, mask = pictures({0: picture(0.1), 12: picture(0.5), 23: picture(0.9, 64, 256)}, plan_of())
    torch.testing.assert_close(values, torch.tensor([0.1, 0.1, 0.5, 0.9]))
    assert mask.tolist() == [0, 1, 0, 0]


def test_a_later_picture_alone_has_a_stand_in_before_it() -> None:
    values, mask = pictures({23: picture(0.9)}, plan_of())
    torch.testing.assert_close(values, torch.full((4,), 0.9))
    assert mask.tolist() == [1, 1, 1, 0]


def test_positions_of_other_rates_are_times() -> None:
    assert pictures({15: picture(0.1)}, plan_of(rate=30))[1].tolist() == [1, 1, 0, 1]       # half a second in: frame 12


def test_two_pictures_in_one_latent_and_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="0.33 seconds apart"):
        pictures({9: picture(0.0), 12: picture(1.0)}, plan_of())
    with pytest.raises(ConfigError, match="frame 3 is too near"):
        given_pictures([(3, picture(0.0)), (3, picture(1.0))], nothing_given(plan_of(), VIDEO, AUDIO), plan=plan_of(),
                       temporal_compression=8, encode=encode)
    with pytest.raises(ConfigError, match="connect first_image"):
        pictures({}, plan_of())


@pytest.mark.parametrize(("text", "count", "places"), [
    ("", 0, []), ("0, 12, -1", 3, [0, 12, 23]), (" 5 ", 1, [5]), ("1 2,3", 3, [1, 2, 3]), ("-24", 1, [0])])
def test_positions(text: str, count: int, places: list[int]) -> None:
    assert parse_positions(text, count, plan_of()) == places


@pytest.mark.parametrize(("text", "count", "words"), [
    ("1", 2, "2 images and 1 positions"), ("a", 1, "not frame numbers"), ("1.5", 1, "not frame numbers"),
    ("24", 1, "outside"), ("-25", 1, "outside"), ("9" * 30, 1, "outside"), ("\u0663", 0, "0 images")])
def test_odd_positions_are_refused(text: str, count: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_positions(text, count, plan_of())


def continuation(frames: int, rate: float, tail: float = 1.5) -> Plan:
    return plan_continuation(seconds=1.0, tail_seconds=tail, num_frames=frames, width=128, height=128, frame_rate=rate,
                             temporal_compression=8, multiple=32, sample_rate=24000)


def test_the_tail_of_a_sound_ends_with_its_picture() -> None:
    plan = continuation(48, 24)
    ramp = torch.arange(48000.0)[None, None]
    assert sound_of_tail(ramp, plan, 48, 24000)[0, 0, [0, -1]].tolist() == [48000 - 33000, 47999]
    short = sound_of_tail(ramp[..., :47000], plan, 48, 24000)       # a sound that ends early is followed by silence
    assert short.shape[-1] == 33000 and short[0, 0, -1000:].eq(0).all() and short[0, 0, -1001] == 46999
    tiny = sound_of_tail(torch.ones(1, 1, 5), continuation(3, 24), 3, 24000)
    assert tiny.shape[-1] == 1000 and tiny.eq(0).all()


def test_a_beginning_gives_whole_latents_of_both() -> None:
    plan = continuation(60, 24)
    start = nothing_given(plan, VIDEO, AUDIO)
    given = given_video(torch.zeros(1, 3, 33, 128, 128), start, encode=encode)
    given = given_sound(torch.ones(1, 1, plan.known_samples), given, samples_per_latent=2000, whole=False,
                        encode=lambda sound: sound[..., ::2000].expand(-1, 32, -1))
    assert given.video_mask.amax((0, 2, 3)).tolist() == [0] * 5 + [1] * 3
    assert given.audio_mask[0].tolist() == [0] * 16 + [1] * 13 and given.audio[..., :16].eq(1).all()
    assert start.audio_mask.all() and start.video_mask.all(), "what it began with is not changed"
    little = given_sound(torch.ones(1, 1, 100), start, samples_per_latent=2000, whole=False, encode=encode)
    assert little is start


def test_a_whole_sound_is_followed_by_silence() -> None:
    start = nothing_given(plan_of(), VIDEO, AUDIO)
    given = given_sound(torch.ones(1, 1, 4000), start, samples_per_latent=2000,
                        encode=lambda sound: sound[..., ::2000].expand(-1, 32, -1))
    assert given.audio[0, 0].tolist() == [1, 1] + [0] * 10 and not given.audio_mask.any()


def test_a_continuation_begins_one_frame_later() -> None:
    plan = continuation(75, 30)
    assert (plan.known_frames, plan.num_frames, plan.frame_rate) == (33, 30, Fraction(30))
    assert plan.model_frames == 33 + 24 and plan.known_samples == round((32 / 24 + 1 / 30) * 24000)
