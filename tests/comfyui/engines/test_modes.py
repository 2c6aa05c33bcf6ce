"""Every engine in every mode: to an MP4, with sound where there is sound, or one sentence that says why not."""

from __future__ import annotations

from typing import Any

import av
import pytest

from sora_core.engines.facts import ENGINES, EXTEND, FIRST, FOLEY, LAST, LIPS, MODES, TEXT

from .conftest import graph

EMBEDDED_HERE = (TEXT, EXTEND)      # the rest of it has tests of its own
RUN = [(engine.name, mode) for engine in ENGINES.values() for mode in engine.modes
       if engine.files or mode in EMBEDDED_HERE]
REFUSED = [(engine.name, mode) for engine in ENGINES.values() for mode in MODES if mode not in engine.modes
           and not (engine.name == "Wan 2.2 S2V" and mode != TEXT)]
SOUND_RATES = {"LTX-2.5": 24000, "LTX-2.3": 24000, "MiniMax-H3": 32000, "embedded": 24000}

pytestmark = pytest.mark.comfyui


@pytest.mark.parametrize(("engine", "mode"), RUN)
def test_it_runs_to_a_clip(engines: Any, engine: str, mode: str) -> None:
    side = 64 if engine == "Wan 2.2 S2V" else 128
    run, ran = engines.trace(graph(engine, mode, width=side, height=side))
    assert run.status == "success", run.messages
    (path,) = engines.saved(run)
    (report,) = run.outputs["told"]["text"]
    with av.open(str(path)) as clip:
        picture = clip.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        sounds = [(stream.rate, float(stream.duration * stream.time_base)) for stream in clip.streams.audio]
    known = ENGINES[engine]
    rate = 30 if mode == FOLEY or (engine, mode) == ("embedded", EXTEND) else known.law.rates[0]
    assert picture.average_rate == rate
    if mode == FOLEY:
        assert len(frames) == 45 and frames[0].shape == (96, 160, 3)     # its own frames, untouched
    elif (engine, mode) != ("embedded", EXTEND):
        assert frames[0].shape == (side, side, 3)
    if mode == EXTEND:
        given = round(45 * rate / 30)
        assert len(frames) > given
    assert bool(sounds) == (known.has_sound or mode in (EXTEND, LIPS))
    for sound_rate, seconds in sounds:
        assert abs(seconds - len(frames) / rate) < 0.12
        assert sound_rate == (44100 if mode in (EXTEND, LIPS) else SOUND_RATES[engine])
    assert report.startswith(f"{engine}, {mode}; ")
    assert all(name.startswith(("video", "engine", "file", "told", "start", "end", "clip", "heard")) for name in ran)


@pytest.mark.parametrize(("engine", "mode"), REFUSED)
def test_what_it_cannot_do_is_one_sentence_before_anything_loads(engines: Any, engine: str, mode: str) -> None:
    run, ran = engines.trace(graph(engine, mode))
    assert run.error == ENGINES[engine].refusals[mode] and run.failed_node == "SoraEngineVideo"
    assert not any("load" in name for name in ran)


def test_sora_text_to_video_takes_an_engine(engines: Any) -> None:
    prompt = graph("LTX-2.5", FIRST)
    prompt["end"] = {**prompt["start"]}
    prompt["video"] = {"class_type": "SoraTextToVideo", "inputs": {
        "model": "sora-2", "prompt": "a man walks in rain", "size": "128x128", "duration": 4, "seed": 3,
        "engine": ["engine", 0], "image": ["start", 0], "last_image": ["end", 0]}}
    prompt["told"]["inputs"]["source"] = ["video", 1]
    run, _ = engines.trace(prompt)
    assert run.status == "success", run.messages
    assert run.outputs["told"]["text"][0].startswith(f"LTX-2.5, {LAST}; 128 x 128; 97 frames at 24 = 4.04 s (asked 4)")


def test_sora_text_to_video_with_the_embedded_engine_is_itself(engines: Any) -> None:
    prompt = graph("embedded")
    prompt["video"] = {"class_type": "SoraTextToVideo", "inputs": {
        "model": "sora-2", "prompt": "a ball", "size": "128x128", "duration": 4, "seed": 3, "steps": 1,
        "engine": ["engine", 0]}}
    prompt["told"]["inputs"]["source"] = ["video", 1]
    run, ran = engines.trace(prompt)
    assert run.status == "success", run.messages
    assert run.outputs["told"]["text"][0].startswith("Made at 128 x 128.") and "engine" not in ran


def test_a_silent_engine_takes_its_sound_from_the_embedded_model(engines: Any) -> None:
    run, ran = engines.trace(graph("Wan 2.2 5B", silent_sound="by the embedded model"))
    assert run.status == "success", run.messages
    with av.open(str(engines.saved(run)[0])) as clip:
        assert [stream.rate for stream in clip.streams.audio] == [24000]
    assert any(name.endswith("foley_sample") for name in ran)


def test_shots_are_put_into_the_engine_s_words(engines: Any) -> None:
    prompt = graph("MiniMax-H3", prompt="Shot 1 (0-2 s): a cat sits.\nShot 2 (2-4 s): the cat runs.", seconds=4.0,
                   width=64, height=64)
    prompt["words"] = {"class_type": "PreviewAny", "inputs": {"source": ["video", 3]}}
    run, _ = engines.trace(prompt)
    assert "[Shot 2] At 00:02" in run.outputs["words"]["text"][0]


def test_padding_keeps_the_whole_picture(engines: Any) -> None:
    run, _ = engines.trace(graph("Wan 2.2 5B", FIRST, fit="pad"))
    assert run.status == "success" and "padded" in run.outputs["told"]["text"][0]
