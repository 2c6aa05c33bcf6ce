"""Bad data is skipped or handled, and counted by name."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from sora_core.errors import ResourceError
from sora_core.evaluation import suite
from sora_core.evaluation.reader import Warnings, find_clips, find_prompt, read, read_prompts

PROMPT = "a red ball drops onto a wooden floor and bounces"


def write_raw(path: Path, shape: tuple[int, int, int], times: list[int] | None = None) -> None:
    """An H.264 file of odd sizes or odd times, which our own writer refuses."""
    count, height, width = shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        for t in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 8 * t % 255, np.uint8), format="rgb24")
            frame.pts = times[t] if times else t
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture()
def folder(tmp_path, studio, bounce):
    frames, sound, _ = bounce
    place = tmp_path / "clips"
    place.mkdir()
    studio["save"](place / "good.mp4", frames, sound, PROMPT)
    studio["save"](place / "silent.mp4", frames[:40], None, PROMPT)
    studio["save"](place / "single.mp4", frames[:1], None, PROMPT)
    whole = (place / "good.mp4").read_bytes()
    (place / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    (place / "empty.mp4").write_bytes(b"")
    (place / "text.mp4").write_text("no video at all")
    write_raw(place / "odd.mp4", (20, 33, 45))
    write_raw(place / "variable.mp4", (20, 32, 48), [t + t // 5 for t in range(20)])
    (place / "odd.txt").write_bytes("un ballon orang\xe9".encode("latin-1"))
    (place / "prompts.json").write_text(json.dumps({"variable.mp4": "a ball rolls", "good.mp4": PROMPT}))
    return place


def test_a_folder_of_bad_data(folder, tmp_path):
    results, warnings = suite.judge_folder(folder, tmp_path / "out", suite="full", say=lambda text: None)
    assert sorted(result["name"] for result in results) == ["good.mp4", "odd.mp4", "silent.mp4", "variable.mp4"]
    counts = warnings.counts
    assert counts["empty file: skipped"] == 1 and counts["fewer than 12 frames: skipped"] == 1
    assert warnings.files["cut short: skipped"] == ["cut.mp4"]
    assert warnings.files["unreadable: skipped"] == ["text.mp4"]
    assert warnings.files["text is not UTF-8: read as Latin-1"] == ["odd.txt"]
    assert "silent.mp4" in warnings.files["no sound: sound not judged"]
    assert warnings.files["variable frame rate: laid on a grid of the mean rate"] == ["variable.mp4"]
    assert warnings.files["odd size: judged as it is"] == ["odd.mp4"]
    silent = next(result for result in results if result["name"] == "silent.mp4")
    assert "sound" not in silent["measures"]


def test_a_second_run_judges_only_what_is_new(folder, tmp_path, monkeypatch):
    first, warned = suite.judge_folder(folder, tmp_path / "out", suite="full", say=lambda text: None)
    judged = []
    monkeypatch.setattr(suite, "judge_clip", lambda clip: judged.append(clip.name))
    again, warned_again = suite.judge_folder(folder, tmp_path / "out", suite="full", say=lambda text: None)
    assert judged == [] and again == first and warned_again.counts == warned.counts


def test_prompts_come_from_json_then_text_then_tags(folder):
    warnings = Warnings()
    prompts = read_prompts(folder, warnings)
    assert find_prompt(folder / "variable.mp4", prompts, warnings) == "a ball rolls"
    assert find_prompt(folder / "odd.mp4", prompts, warnings) == "un ballon orang\xe9"
    assert find_prompt(folder / "silent.mp4", prompts, warnings) == PROMPT
    (folder / "prompts.json").write_text("[1, 2]")
    assert read_prompts(folder, warnings) == {} and "prompts.json is not a JSON object" in warnings.counts


def test_large_pictures_are_shrunk_and_times_kept(tmp_path):
    write_raw(tmp_path / "large.mp4", (14, 200, 401))
    warnings = Warnings()
    clip = read(tmp_path / "large.mp4", "", warnings)
    assert warnings.counts["large picture: shrunk"] == 1
    assert clip.frames.shape == (14, 66, 133, 3) and clip.frame_rate == pytest.approx(24, rel=0.01)


def test_no_folder_and_no_clips(tmp_path):
    with pytest.raises(ResourceError, match="no folder"):
        find_clips(tmp_path / "nowhere")
    with pytest.raises(ResourceError, match="no video file"):
        find_clips(tmp_path)
