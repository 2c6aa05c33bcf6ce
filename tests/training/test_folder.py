"""Clips of one's own: what is good is read whole, what is bad is named."""

import io
import json
import tarfile
import wave
from fractions import Fraction

import numpy as np
import pytest
import torch

from sora_core.checkpoint import build, load_checkpoint
from sora_core.errors import ResourceError
from sora_core.media import write_clip
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.video_vae import VideoVAE
from sora_core.training.data import LatentPool
from sora_core.training.folder import Faults, cache_folder, find_sources, read_source


def write(path, *, frames=17, size=(64, 64), rate=24, sound=True, caption="a cat sits"):
    video = torch.linspace(-1, 1, frames).view(1, 1, -1, 1, 1).expand(1, 3, frames, size[1], size[0]).clone()
    tone = 0.3 * torch.sin(torch.arange(frames * 24000 // rate) / 10)[None, None] if sound else None
    write_clip(path, video, tone, frame_rate=Fraction(rate), sample_rate=24000)
    if caption is not None:
        path.with_suffix(".txt").write_bytes(caption.encode() if isinstance(caption, str) else caption)


def read_all(folder):
    faults = Faults()
    clips = [clip for source in find_sources(folder, faults) for clip in read_source(source, faults)]
    return {clip.name: clip for clip in clips}, faults.names, clips


def test_bad_clips_are_named_and_the_rest_is_read(tmp_path):
    write(tmp_path / "good.mp4")
    write(tmp_path / "silent.mp4", sound=False)
    write(tmp_path / "one.mp4", frames=1)
    write(tmp_path / "short.mp4", frames=5)
    write(tmp_path / "thirty.mp4", rate=30, frames=31)
    write(tmp_path / "odd.mp4", size=(86, 50), caption=b"caf\xe9 au lait")
    write(tmp_path / "mute.mp4", caption=None)
    (tmp_path / "nothing.mp4").write_bytes(b"")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "good.mp4").read_bytes()[:-900])
    (tmp_path / "text.mp4").write_text("no video at all")
    for name in ("cut", "text", "nothing"):
        (tmp_path / f"{name}.txt").write_text("a caption")
    clips, faults, _ = read_all(tmp_path)
    assert set(clips) == {"good.mp4", "silent.mp4", "thirty.mp4", "odd.mp4"}
    assert {kind: names for kind, names in faults.items() if "size" not in kind} == {
        "0 bytes, skipped": ["nothing.mp4"], "no caption, skipped": ["mute.mp4"], "cut short, skipped": ["cut.mp4"],
        "not UTF-8, read as Latin-1": ["odd.txt"], "a single frame, skipped": ["one.mp4"], "no sound": ["silent.mp4"],
        "fewer than 9 frames, skipped": ["short.mp4"], "unreadable, skipped": ["text.mp4"],
        "another frame rate, nearest frames in time taken": ["thirty.mp4"]}
    assert clips["odd.mp4"].captions == ["caf\xe9 au lait"] and clips["odd.mp4"].video.shape[-2:] == (96, 160)
    assert clips["good.mp4"].video.shape == (1, 3, 17, 128, 128) and clips["good.mp4"].sound.shape == (1, 1, 16000)
    assert clips["thirty.mp4"].video.shape[2] == 25, "one second at 24 frames a second"
    assert clips["good.mp4"].sound.std() > 0.1 and clips["silent.mp4"].sound is None


def test_long_clips_are_cut_into_pieces_of_four_seconds(tmp_path):
    write(tmp_path / "long.mp4", frames=97 + 20, size=(128, 128))
    _, faults, clips = read_all(tmp_path)
    assert [clip.video.shape[2] for clip in clips] == [97, 17] and not faults
    assert [clip.sound.shape[2] for clip in clips] == [96000, 16000]
    assert clips[0].video[..., 96, :, :].mean() < clips[1].video[..., 0, :, :].mean()


def test_captions_come_from_prompts_json_first_then_from_tags(tmp_path):
    write(tmp_path / "a.mp4", caption="beside")
    write(tmp_path / "b.mp4", caption="beside")
    (tmp_path / "prompts.json").write_text(json.dumps({"a.mp4": "in  the list"}))
    video = torch.zeros(1, 3, 9, 64, 64)
    write_clip(tmp_path / "c.mp4", video, None, frame_rate=Fraction(24), sample_rate=None,
               metadata={"soracore": json.dumps({"prompt": "in the tags"})})
    clips, _, _ = read_all(tmp_path)
    assert [clips[name].captions for name in ("a.mp4", "b.mp4", "c.mp4")] == [["in the list"], ["beside"],
                                                                              ["in the tags"]]


def test_tars_of_webdataset_are_read(tmp_path):
    write(tmp_path / "x.mp4", caption=None)
    data = (tmp_path / "x.mp4").read_bytes()
    (tmp_path / "x.mp4").unlink()
    tone = io.BytesIO()
    with wave.open(tone, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24000)
        file.writeframes(np.full(17000, 8192, np.int16).tobytes())
    members = {"0.mp4": data, "0.wav": tone.getvalue(), "0.json": json.dumps({"captions": ["one", "two"]}).encode(),
               "1.mp4": data, "1.txt": b"three", "2.mp4": data, "2.json": b"{broken",
               "3.json": b'{"caption": "no video"}'}
    with tarfile.open(tmp_path / "shard-00000000.tar", "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    _, faults, clips = read_all(tmp_path)
    assert [clip.captions for clip in clips] == [["one", "two"], ["three"]]
    assert torch.allclose(clips[0].sound, torch.tensor(0.25)), "the sound beside the video counts"
    assert clips[1].sound.shape == (1, 1, 16000) and clips[1].sound.std() > 0.1
    assert faults["damaged JSON"] == faults["no caption, skipped"] == ["shard-00000000.tar/2"]
    assert faults["no video file, skipped"] == ["shard-00000000.tar/3"]
    whole = (tmp_path / "shard-00000000.tar").read_bytes()
    (tmp_path / "shard-00000000.tar").write_bytes(whole[:len(data) // 2])
    assert any("damaged tar" in kind for kind in read_all(tmp_path)[1])


def test_a_folder_without_anything_to_learn_from_is_refused(tmp_path):
    with pytest.raises(ResourceError, match="no folder"):
        find_sources(tmp_path / "missing", Faults())
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(ResourceError, match="0 bytes, skipped: 1"):
        find_sources(tmp_path, Faults())


def test_they_feed_the_cache_that_training_draws_from(tmp_path, tiny_checkpoint):
    checkpoint = load_checkpoint(tiny_checkpoint)
    vaes = build(checkpoint, "video_vae", VideoVAE), build(checkpoint, "audio_vae", AudioVAE)
    folder, cache = tmp_path / "clips", tmp_path / "cache"
    folder.mkdir()
    write(folder / "a.mp4")
    write(folder / "b.mp4", size=(80, 48))
    write(folder / "silent.mp4", sound=False)
    assert cache_folder(folder, cache, *vaes, Faults()) == 2
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert cache_folder(folder, cache, *vaes, Faults()) == 2
    assert before == {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}, "encoded once"
    pool = LatentPool(cache)
    clips = pool.draw(np.random.default_rng(0), 3)
    assert len(pool) == 2 and clips.texts == ["a cat sits"] * 3 and torch.isfinite(clips.audio).all()
    assert clips.video.shape[2] == 3 and clips.audio.shape[2] == 8 and clips.guide.abs().sum() == 0
    assert clips.sketch.states.shape[2] == 17 and (clips.sketch.traits[..., 0] == -1).all()
    assert cache_folder(folder, tmp_path / "all", *vaes, Faults(), keep_silent=True) == 3
    for path in (tmp_path / "clips").glob("[ab].*"):
        path.unlink()
    with pytest.raises(ResourceError, match="no sound: 1 .silent.mp4."):
        cache_folder(folder, tmp_path / "none", *vaes, Faults())
