"""Marks: unseen, found after what happens to clips, never found where they aren't, and read by their key alone."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sora_core.trust import bend, code, keys, lattice, piece, sound_lattice, spread, verify, watermark_audio
from sora_core.trust.watermark_video import Averages, VideoMark, mark_video

from .conftest import RATE, SAMPLE_RATE, scene, sound

OWNER = hashlib.sha256(b"owner").digest()
PAYLOAD = 0xC0FFEE42


def marked(video: Tensor, size: int = 8, payload: int = PAYLOAD, private: bytes = OWNER) -> Tensor:
    mark = VideoMark(keys.PUBLIC_KEY, private, payload)
    return torch.cat(list(mark_video(video.split(size, dim=2), mark, RATE)), dim=2)


def averages(video: Tensor, rate: Fraction = RATE) -> Averages:
    result = Averages(rate)
    pixels = ((video[0] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0)
    for frame in pixels.contiguous().numpy():
        result.add(frame)
    result.finish()
    return result


def found(video: Tensor, private: dict[str, bytes] | None = None) -> tuple[dict[str, str], dict[str, int]]:
    marks, payloads = verify.find_picture_marks(averages(video), {"owner": OWNER} if private is None else private)
    return {mark.kind: mark.found for mark in marks}, payloads


@pytest.fixture(scope="module")
def clip() -> Tensor:
    return marked(scene())


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (360, 202)])
def test_the_mark_is_faint_and_found(size: tuple[int, int]) -> None:
    video = scene(24, *size)
    after = marked(video)
    error = ((after - video) * 127.5).square().mean()
    assert 44 <= 10 * torch.log10(255 ** 2 / error) <= 50
    assert found(after) == ({"colours": "yes", "coarse picture": "yes"}, {"owner": PAYLOAD})


def test_chunks_do_not_matter(clip: Tensor) -> None:
    assert torch.equal(clip, marked(scene(), size=1)) and torch.equal(clip, marked(scene(), size=48))


def test_the_given_frames_are_left_alone() -> None:
    video = scene(12)
    before = video.clone()
    marked(video)
    assert torch.equal(video, before)


@pytest.mark.parametrize("frames", [1, 2, 11, 13])
def test_short_clips_keep_their_frames(frames: int) -> None:
    after = marked(scene(frames))
    assert after.shape[2] == frames and found(after)[0]["colours"] == "yes"


def test_unmarked_clips_and_other_keys_show_nothing(clip: Tensor) -> None:
    for seed in range(3):
        kinds, payloads = found(scene(seed=seed))
        assert "yes" not in kinds.values() and not payloads
    assert found(clip, {"stranger": hashlib.sha256(b"stranger").digest()})[1] == {}
    others = [hashlib.sha256(b"%d" % i).digest() for i in range(20)]
    assert max(best[0].z for _, best in spread.detect(averages(clip).colours(), others)) < 7.1


def scaled(video: Tensor, height: int, width: int) -> Tensor:
    frames = functional.interpolate(video[0].transpose(0, 1), (height, width), mode="bilinear", antialias=True)
    return frames.transpose(0, 1)[None]


PICTURE = {
    "half size": lambda v: scaled(v, 64, 64), "other shape": lambda v: scaled(v, 160, 300),
    "crop": lambda v: v[..., 20:112, 24:116], "shift": lambda v: torch.roll(v, (5, -7), (3, 4)),
    "mirror": lambda v: v.flip(-1), "darker": lambda v: (v + 1) * 0.5 - 1,
    "grey": lambda v: v.mean(1, True).expand_as(v),
    "noise": lambda v: v + 0.04 * torch.randn(v.shape, generator=torch.Generator().manual_seed(0)),
    "backwards": lambda v: v.flip(2), "half of it": lambda v: v[:, :, 13:37], "faster": lambda v: v[:, :, ::2],
}


@pytest.mark.parametrize("attack", PICTURE)
def test_a_mark_of_the_picture_is_found_after(clip: Tensor, attack: str) -> None:
    kinds, _ = found(PICTURE[attack](clip))
    assert "yes" in kinds.values(), kinds


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_piece_is_found_by_both_marks_together(clip: Tensor, is_mirrored: bool) -> None:
    """Its place is told too: the middle of the piece is 11 units below and 5 to the right of the frame's."""
    part = clip[..., 30:120, 24:114]
    mean = averages(part.flip(-1) if is_mirrored else part)
    halves = [lattice.windows(mean.squares(scale))[0] for scale in spread.native_scales(mean.short_side)]
    match = piece.detect(mean.colours(), halves, keys.PUBLIC_KEY, mean.short_side)
    assert match.scale == 90 / 128 and match.is_mirrored == is_mirrored and match.shift == (11.0, 5.0)
    tile = spread.native_surfaces(mean.colours(), keys.PUBLIC_KEY, [90 / 128]).max()
    assert match.z > tile + 1
    stranger = hashlib.sha256(b"stranger").digest()
    assert piece.detect(mean.colours(), halves, stranger, mean.short_side).z < 6


def seen_from_the_side(video: Tensor, moved: Tensor) -> Tensor:
    """Frames whose corners show what lies `moved` (1, 4, 2) further in a square of [-1, 1]."""
    points = torch.cartesian_prod(*[torch.linspace(-1, 1, side) for side in video.shape[3:]])
    there = points + torch.from_numpy(bend.homography(moved.numpy(), points.numpy())[0])
    grid = there.flip(-1).reshape(1, *video.shape[3:], 2).float().expand(video.shape[2], -1, -1, -1)
    frames = functional.grid_sample(video[0].transpose(0, 1), grid, align_corners=True)
    return frames.transpose(0, 1)[None]


def test_a_bent_frame_is_found_by_moving_its_corners(clip: Tensor) -> None:
    moved = torch.tensor([[[0.17, 0.0], [0.0, 0.0], [-0.17, 0.0], [0.0, 0.0]]])           # its left lies further away
    colours = averages(seen_from_the_side(clip, moved)).colours()
    likely, _ = spread.detect(colours, [keys.PUBLIC_KEY])[0]
    assert bend.climb(colours, keys.PUBLIC_KEY, likely).z > likely[0].z + 1
    stranger = hashlib.sha256(b"stranger").digest()
    assert bend.climb(colours, stranger, spread.detect(colours, [stranger])[0][0]).z < 7.2


def test_a_climb_begins_where_the_search_ended(clip: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bend, "STEPS", ())
    colours = averages(clip[..., 10:118, 4:112].flip(-1)).colours()
    likely, anywhere = spread.detect(colours, [keys.PUBLIC_KEY])[0]
    for start in (*likely, *anywhere):
        assert np.isclose(bend.climb(colours, keys.PUBLIC_KEY, [start]).z, start.z, atol=1e-3)


def test_corners_carry_a_perspective() -> None:
    moved = np.random.default_rng(0).uniform(-0.2, 0.2, (3, 4, 2))
    assert np.allclose(bend.homography(moved, bend.CORNERS), moved)
    assert np.allclose(bend.homography(np.full((1, 4, 2), 0.1), np.random.default_rng(1).normal(size=(5, 2))), 0.1)
    middle = bend.homography(moved, np.zeros((1, 2)))[:, 0]             # diagonals meet where they are seen to meet
    for corners, point in zip(bend.CORNERS + moved, middle, strict=True):
        for one, other in ((0, 3), (1, 2)):
            line, away = corners[other] - corners[one], point - corners[one]
            assert abs(line[0] * away[1] - line[1] * away[0]) < 1e-9


def test_chances_of_picture_and_sound_add_up() -> None:
    assert verify.together([1e-4, 0.3], 1e-4) < 1e-6 < verify.together([1e-4, 0.3], 1.0)
    rng = np.random.default_rng(2)
    chances = [verify.together(row[:2], row[2]) for row in rng.random((4000, 3))]
    assert all(np.mean(np.array(chances) <= level) <= level + 0.01 for level in (0.01, 0.1, 0.5))


@pytest.mark.parametrize("attack", ["half size", "mirror", "darker", "grey", "noise"])
def test_the_number_is_read_after(clip: Tensor, attack: str) -> None:
    assert found(PICTURE[attack](clip))[1] == {"owner": PAYLOAD}


def test_what_was_done_is_told(clip: Tensor) -> None:
    marks, _ = verify.find_picture_marks(averages(clip[..., 20:112, 24:116].flip(-1)), {})
    assert marks[0].how.startswith("cropped to 0.7") and "mirrored" in marks[0].how


@pytest.mark.parametrize("error", [0.0, 0.6, 0.9])
def test_the_code_corrects(error: float) -> None:
    rng = np.random.default_rng(0)
    for payload in (0, 1, 2 ** 32 - 1, PAYLOAD):
        bits = code.encode(payload)
        assert bits.shape == (code.CODE_BITS,) and set(np.unique(bits)) <= {0, 1}
        assert code.decode(1 - 2 * bits + error * rng.normal(size=bits.shape)) == payload


def test_chance_rarely_passes_the_check() -> None:
    rng = np.random.default_rng(1)
    passed = sum(code.decode(rng.normal(size=code.CODE_BITS)) is not None for _ in range(300))
    assert passed <= 8                                      # one in 256 is expected


def test_the_transform_of_blocks_is_orthonormal() -> None:
    basis = lattice._basis()
    assert np.allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)
    plane, values = np.random.default_rng(0).normal(size=(128, 128)), np.random.default_rng(1).normal(size=200)
    assert np.allclose(lattice.analyse(lattice.synthesise(values)), values)
    assert np.allclose(lattice.analyse(plane + lattice.correction(plane, values)), values)


@pytest.fixture(scope="module")
def heard() -> np.ndarray:
    return watermark_audio.mark_audio(sound()[0].numpy(), SAMPLE_RATE, keys.PUBLIC_KEY)


def slower(sound_CN: np.ndarray, factor: float) -> np.ndarray:
    at = np.arange(0, sound_CN.shape[1] - 1, 1 / factor)
    return np.stack([np.interp(at, np.arange(sound_CN.shape[1]), channel) for channel in sound_CN])


SOUND = {
    "nothing": lambda s: s, "louder": lambda s: 0.5 * s, "slower": lambda s: slower(s, 1.1),
    "faster": lambda s: slower(s, 0.9), "cut": lambda s: s[:, 20_001:80_000], "backwards phase": lambda s: -s,
    "eight bits": lambda s: np.round(s * 2000) / 2000,
}


@pytest.mark.parametrize("attack", SOUND)
def test_a_mark_of_the_sound_is_found_after(heard: np.ndarray, attack: str) -> None:
    assert verify.find_sound_mark(SOUND[attack](heard), SAMPLE_RATE).found == "yes"


@pytest.mark.parametrize("rate", [16000, 24000, 44100, 48000])
def test_the_mark_of_the_sound_is_faint(rate: int) -> None:
    before = sound(rate=rate)[0].numpy()
    after = watermark_audio.mark_audio(before, rate, keys.PUBLIC_KEY)
    assert after.shape == before.shape and after.dtype == np.float32
    assert 10 * np.log10((before ** 2).sum() / ((after - before) ** 2).sum()) >= 30
    assert abs(10 * np.log10((after ** 2).mean() / (before ** 2).mean())) < 0.1
    assert verify.find_sound_mark(after, rate).found == "yes"


def test_lattices_of_the_sound_live_through_noise_and_music(heard: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(heard.shape[1]) / SAMPLE_RATE
    music = sum(np.sin(2 * np.pi * pitch * t) for pitch in (261.6, 329.6, 392.0, 784.0))
    for other, below in ((rng.normal(size=heard.shape), 20), (music[None], 6)):
        other = other * np.sqrt((heard ** 2).mean() / (other ** 2).mean()) * 10 ** (-below / 20)
        assert verify.find_sound_mark(heard + other, SAMPLE_RATE).found == "yes"
    strangers = [hashlib.sha256(b"%d" % i).digest() for i in range(50)]
    for near, anywhere in sound_lattice.detect_loudness(heard, SAMPLE_RATE, strangers):
        assert near.tries * np.exp(-near.z ** 2 / 2) > 1e-4 and anywhere.tries * np.exp(-anywhere.z ** 2 / 2) > 1e-4


def test_silence_and_short_sounds_stay_as_they_are() -> None:
    for number in (0, 1, 500, 30_000):
        silence = np.zeros((2, number))
        assert not watermark_audio.mark_audio(silence, SAMPLE_RATE, keys.PUBLIC_KEY).any()
        assert verify.find_sound_mark(silence, SAMPLE_RATE).found == "no"


def test_unmarked_sounds_show_nothing() -> None:
    for seed in range(3):
        assert verify.find_sound_mark(sound(seed=seed)[0].numpy(), SAMPLE_RATE).found == "no"
