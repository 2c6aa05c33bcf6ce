"""The graph and `sora_core.pipeline.generate` give the same clip from the same seed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from sora_core import pipeline
from sora_core.cameos.file import SUFFIX, make_cameo, save_cameo

from ..cameos.drawn import ball

WORKFLOW = Path(__file__).resolve().parents[2] / "workflows" / "text_to_video.json"
PROMPT = "a red rubber ball drops onto a wooden floor and bounces"

pytestmark = pytest.mark.comfyui


@pytest.fixture
def gift(server: Any) -> Path:
    """A cameo in models/cameos; the untrained sketcher puts it on."""
    made = make_cameo(ball().picture(), handle="gift", kind="box")
    return save_cameo(made, server.base / "models" / "cameos" / f"gift{SUFFIX}")


@pytest.mark.parametrize("with_cameo", [False, True])
def test_the_graph_makes_the_clip_that_generate_makes(server: Any, tiny: Path, gift: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch, with_cameo: bool) -> None:
    text = "@gift drops onto a wooden floor and bounces" if with_cameo else PROMPT
    own: dict[str, torch.Tensor] = {}

    def keep(_: Path, chunks: Iterable[torch.Tensor], waveform: torch.Tensor, **__: Any) -> None:
        own["frames"] = (torch.cat(list(chunks), dim=2)[0].permute(1, 2, 3, 0) + 1) * 127.5
        own["sound"] = waveform[0, 0]

    monkeypatch.setattr(pipeline.media, "write_clip", keep)
    pipeline.generate(text, output=tmp_path / "own.mp4", seconds=1.0, seed=7, width=160, height=96, steps=4,
                      guidance_scale=3.0, checkpoint=tiny, cameos=[gift] if with_cameo else [])
    prompt = server.to_api(json.loads(WORKFLOW.read_text()))
    by_type = {entry["class_type"]: entry["inputs"] for entry in prompt.values()}
    ids = {entry["class_type"]: node for node, entry in prompt.items()}
    by_type["SoraCheckpointLoader"]["checkpoint"] = tiny.name
    by_type["SoraEmptyLatent"] |= {"seconds": 1.0, "width": 160, "height": 96}
    by_type["KSampler"] |= {"seed": 7, "steps": 4, "cfg": 3.0}
    if with_cameo:
        told = prompt[by_type["KSampler"]["positive"][0]]["inputs"]
        told |= {"prompt": text, "cameos": ["cameo", 0]}
        prompt["cameo"] = {"class_type": "SoraLoadCameo", "inputs": {"cameo": gift.name}}
    prompt["frames"] = {"class_type": "SaveImage",
                        "inputs": {"images": [ids["SoraDecode"], 0], "filename_prefix": "same"}}
    prompt["sound"] = {"class_type": "SaveAudio",
                       "inputs": {"audio": [ids["SoraAudioSynthesis"], 0], "filename_prefix": "same"}}
    run = server.run(prompt)
    assert run.status == "success", run.messages
    files = sorted(server.saved(run))
    frames = torch.stack([read(path, "video")[0] for path in files if path.suffix == ".png"])
    (sound,) = [torch.cat(read(path, "audio"), dim=-1).flatten() for path in files if path.suffix == ".flac"]
    # The arithmetic is bfloat16 where the processor has it, and ComfyUI runs the two prompts one after the other.
    assert frames.shape == own["frames"].shape == (24, 96, 160, 3)
    difference = (frames.float() - own["frames"]).abs()
    assert float(difference.mean()) < 1.5, float(difference.mean())
    assert sound.shape == own["sound"].shape == (24000,)
    off = (as_float(sound) - own["sound"]).abs().mean()
    assert float(off) < 0.25 * float(own["sound"].abs().mean()), "another clip would be off by more than its own mean"


def read(path: Path, kind: str) -> list[torch.Tensor]:
    """All frames of a picture (H, W, 3) or of a sound (1, N)."""
    with av.open(str(path)) as container:
        if kind == "video":
            return [torch.from_numpy(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
        return [torch.from_numpy(frame.to_ndarray()) for frame in container.decode(audio=0)]


def as_float(sound: torch.Tensor) -> torch.Tensor:
    """Samples of any width -> [-1, 1]."""
    return sound if sound.is_floating_point() else sound.double() / torch.iinfo(sound.dtype).max
