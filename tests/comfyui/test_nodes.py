"""Our nodes chained with ComfyUI's own, from files to files, and what stays in memory."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from sora_core.checkpoint import EMBEDDED
from sora_core.media import read_clip, write_clip

pytestmark = pytest.mark.comfyui

GROWTH = 50 << 20


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def source(server: Any, name: str, frames: int = 40, rate: int = 24, channels: int = 1) -> torch.Tensor:
    """A clip with a tone in ComfyUI's input folder; returns its frames as a file gives them back."""
    (server.base / "input").mkdir(exist_ok=True)
    x, y = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 160), indexing="ij")
    video = torch.stack([torch.stack([x, y, torch.full_like(x, t / frames)]) for t in range(frames)], dim=1)[None]
    tone = 0.3 * torch.sin(2 * math.pi * 440 * torch.arange(frames * 44100 // rate) / 44100)
    path = server.base / "input" / name
    write_clip(path, video, tone.expand(1, channels, -1), frame_rate=Fraction(rate), sample_rate=44100)
    return read_clip(path).video


def given(kind: str, steps: int = 2, **inputs: Any) -> dict[str, Any]:
    """A graph from one of our latents through KSampler; `sampled` is its end."""
    return {
        "loader": node("SoraCheckpointLoader", checkpoint="tiny.safetensors"),
        "words": node("SoraTextEncode", clip=["loader", 1], prompt="a ball"),
        "nothing": node("SoraTextEncode", clip=["loader", 1], prompt=""),
        "latent": node(kind, **inputs),
        "sampled": node("KSampler", model=["loader", 0], positive=["words", 0], negative=["nothing", 0],
                        latent_image=["latent", 0], seed=5, steps=steps, cfg=2.0, sampler_name="euler",
                        scheduler="simple", denoise=1.0),
    }


def save(video: list[Any], prefix: str) -> dict[str, Any]:
    return node("SaveVideo", video=video, filename_prefix=prefix, format="auto", codec="auto")


@pytest.mark.parametrize("rate", [24, 30])
def test_an_extension_is_joined_by_stock_nodes(server: Any, rate: int) -> None:
    before = source(server, f"clip{rate}.mp4", frames=45, rate=rate, channels=2)
    graph = given("SoraExtendVideo", video_vae=["loader", 2], audio_vae=["loader", 3], video=["file", 0], seconds=1.0,
                  tail_seconds=1.5)
    graph |= {
        "file": node("LoadVideo", file=f"clip{rate}.mp4"),
        "parts": node("GetVideoComponents", video=["file", 0]),
        "frames": node("SoraDecode", samples=["sampled", 0], vae=["loader", 2]),
        "sound": node("SoraAudioSynthesis", samples=["sampled", 0], vae=["loader", 3]),
        "joined": node("ImageBatch", image1=["parts", 0], image2=["frames", 0]),
        "heard": node("AudioConcat", audio1=["parts", 1], audio2=["sound", 0], direction="after"),
        "video": node("CreateVideo", images=["joined", 0], audio=["heard", 0], fps=["parts", 2]),
        "file_out": save(["video", 0], "joined"),
    }
    run = server.run(graph)
    assert run.status == "success", run.messages
    clip = read_clip(server.saved(run)[0])
    assert clip.video.shape == (1, 3, 45 + rate, 96, 160) and clip.frame_rate == rate
    assert float((clip.video[:, :, :45] - before).abs().mean()) < 0.03
    assert abs(clip.waveform.shape[-1] / clip.sample_rate - (45 + rate) / rate) < 0.06


def test_foley_for_a_silent_clip(server: Any) -> None:
    source(server, "silent.mp4")
    graph = given("SoraFoley", video_vae=["loader", 2], video=["file", 0])
    graph |= {
        "file": node("LoadVideo", file="silent.mp4"),
        "parts": node("GetVideoComponents", video=["file", 0]),
        "sound": node("SoraAudioSynthesis", samples=["sampled", 0], vae=["loader", 3], loudness=-20.0),
        "video": node("CreateVideo", images=["parts", 0], audio=["sound", 0], fps=["parts", 2]),
        "file_out": save(["video", 0], "foley"),
    }
    run = server.run(graph)
    assert run.status == "success", run.messages
    clip = read_clip(server.saved(run)[0])
    assert clip.video.shape[2] == 40 and abs(clip.waveform.shape[-1] / 24000 - 40 / 24) < 0.05


@pytest.mark.parametrize("rate", [8000, 48000])
def test_lip_sync_to_a_voice_and_a_face(server: Any, rate: int) -> None:
    source(server, "face.mp4", frames=9)
    graph = given("SoraLipSync", audio_vae=["loader", 3], audio=["voice", 0], video_vae=["loader", 2],
                  first_image=["face", 0], width=0, height=0, frame_rate=24.0)
    graph |= {
        "voice": node("EmptyAudio", duration=1.5, sample_rate=rate, channels=2),
        "file": node("LoadVideo", file="face.mp4"),
        "parts": node("GetVideoComponents", video=["file", 0]),
        "face": node("ImageFromBatch", image=["parts", 0], batch_index=0, length=1),
        "frames": node("SoraDecode", samples=["sampled", 0], vae=["loader", 2]),
        "video": node("CreateVideo", images=["frames", 0], audio=["voice", 0], fps=24.0),
        "file_out": save(["video", 0], "lips"),
    }
    run = server.run(graph)
    assert run.status == "success", run.messages
    clip = read_clip(server.saved(run)[0])
    assert clip.video.shape == (1, 3, 36, 96, 160)


def test_the_guider_drives_sampler_custom_advanced(server: Any) -> None:
    graph = given("SoraEmptyLatent", seconds=1.0, width=160, height=96, frame_rate=24.0, batch_size=1)
    del graph["sampled"]
    graph |= {
        "guider": node("SoraGuider", model=["loader", 0], positive=["words", 0], negative=["nothing", 0], text=3.0,
                       coupling=2.0),
        "noise": node("RandomNoise", noise_seed=5), "walk": node("KSamplerSelect", sampler_name="lcm"),
        "sigmas": node("BasicScheduler", model=["loader", 0], scheduler="simple", steps=3, denoise=1.0),
        "sampled": node("SamplerCustomAdvanced", noise=["noise", 0], guider=["guider", 0], sampler=["walk", 0],
                        sigmas=["sigmas", 0], latent_image=["latent", 0]),
        "frames": node("SoraDecode", samples=["sampled", 0], vae=["loader", 2]),
        "images": node("SaveImage", images=["frames", 0], filename_prefix="guided"),
    }
    run = server.run(graph)
    assert run.status == "success" and len(server.saved(run)) == 24, run.messages
    assert len(run.previews) >= 2


@pytest.mark.skipif(not any(EMBEDDED.glob("*.safetensors")), reason="no embedded checkpoint in sora_core/weights")
def test_a_last_picture_is_the_last_frame(server: Any) -> None:
    before = source(server, "last.mp4", frames=9)
    graph = given("SoraImageToVideo", 6, video_vae=["loader", 2], last_image=["picture", 0], positions="", seconds=1.0,
                  width=160, height=96, frame_rate=24.0, batch_size=1)
    graph["loader"]["inputs"]["checkpoint"] = "sora-nano (embedded)"
    graph |= {
        "file": node("LoadVideo", file="last.mp4"),
        "parts": node("GetVideoComponents", video=["file", 0]),
        "picture": node("ImageFromBatch", image=["parts", 0], batch_index=0, length=1),
        "frames": node("SoraDecode", samples=["sampled", 0], vae=["loader", 2]),
        "images": node("SaveImage", images=["frames", 0], filename_prefix="last"),
    }
    run = server.run(graph)
    assert run.status == "success", run.messages
    pictures = [read_png(path) for path in sorted(server.saved(run))]
    assert len(pictures) == 24
    far, near = (float((pictures[place] - before[0, :, 0].movedim(0, -1)).abs().mean()) for place in (0, -1))
    assert near < 0.1 and near < far, (near, far)


def read_png(path: Path) -> torch.Tensor:
    with av.open(str(path)) as container:
        return torch.from_numpy(next(container.decode(video=0)).to_ndarray(format="rgb24")).float() / 127.5 - 1


def resident(server: Any) -> int:
    """Bytes of memory that ComfyUI's process holds."""
    for process in Path("/proc").iterdir():
        try:
            if f"--port\0{server.port}\0" in (process / "cmdline").read_text():
                return 1024 * int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text()).group(1))
        except OSError:
            continue
    pytest.skip("the system has no /proc to read a process's memory from")


@pytest.mark.slow
def test_ten_runs_and_two_stops_leave_nothing_behind(server: Any) -> None:
    def graph(seed: int, steps: int = 2) -> dict[str, Any]:
        prompt = given("SoraEmptyLatent", steps, seconds=1.0, width=128, height=128, frame_rate=24.0, batch_size=1)
        prompt["sampled"]["inputs"]["seed"] = seed
        prompt["loader"]["inputs"]["checkpoint"] = "tiny.safetensors"
        return prompt | {
            "frames": node("SoraDecode", samples=["sampled", 0], vae=["loader", 2]),
            "sound": node("SoraAudioSynthesis", samples=["sampled", 0], vae=["loader", 3]),
            "video": node("CreateVideo", images=["frames", 0], audio=["sound", 0], fps=24.0),
            "file_out": save(["video", 0], "again"),
        }

    def stop_twice(seed: int) -> None:
        long = graph(seed)
        long["latent"]["inputs"] |= {"seconds": 30.0, "width": 256, "height": 256}
        first_frames = 1 + 8 * 3        # that Sora Decode makes; more than the sampler has steps
        for stopped, kind in ((server.run(graph(seed, steps=300), stop_at_step=3), "KSampler"),
                              (server.run(long, stop_at_step=first_frames), "SoraDecode")):
            interrupted = [facts["node_type"] for event, facts in stopped.messages if event == "execution_interrupted"]
            assert interrupted == [kind], stopped.messages[-1]

    for seed in range(4):
        assert server.run(graph(seed)).status == "success"
    stop_twice(100)             # what is loaded, or made room for, at first use stays
    assert server.run(graph(4)).status == "success"
    before = resident(server)
    stop_twice(101)
    for seed in range(10, 20):
        assert server.run(graph(seed)).status == "success"
    assert resident(server) - before < GROWTH
