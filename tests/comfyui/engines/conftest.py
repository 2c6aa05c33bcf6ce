"""A real ComfyUI with small random checkpoints of the large engines under their genuine names."""

from __future__ import annotations

import json
import math
import subprocess
import uuid
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from sora_core.media import write_clip

from ..conftest import ROOT, Run, Server, WebSocket, running

HERE = Path(__file__).parent
FIRST = {"MiniMax-H3": {"lora": "minimax_h3_fl2v_turbo_8step_v1.0_comfyui_bf16.safetensors"},      # few steps: quicker
         "Wan 2.2 S2V": {"lora": "wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise.safetensors"},
         **{f"Wan 2.2 14B {task}": {role: f"wan2.2_{name}_{noise}_noise.safetensors"
                                    for role, noise in (("lora", "high"), ("lora_2", "low"))}
            for task, name in (("text", "t2v_lightx2v_4steps_lora_v1.1"), ("image", "i2v_lightx2v_4steps_lora_v1"))}}


class EngineServer(Server):
    """The same, and it tells which nodes ran."""

    def trace(self, prompt: dict[str, Any], *, stop_at: str = "") -> tuple[Run, list[str]]:
        """Run a prompt -> what became of it, and the ids of the nodes that ran; `stop_at` presses Stop at one."""
        client = uuid.uuid4().hex
        listener = WebSocket(self.port, f"/ws?clientId={client}")
        queued = self.post("/prompt", {"prompt": prompt, "client_id": client})
        assert "prompt_id" in queued and not queued["node_errors"], queued
        ran: list[str] = []
        while True:
            message = listener.receive()
            if isinstance(message, bytes):
                continue
            event = json.loads(message)
            if event["type"] == "executing" and event["data"].get("node"):
                ran.append(event["data"]["node"])
                if stop_at and event["data"]["node"].endswith(stop_at):
                    self.post("/interrupt", {})
            if event["type"] in ("execution_success", "execution_error", "execution_interrupted"):
                break
        listener.close()
        return self._finish(queued["prompt_id"], Run("", [], {})), ran


@pytest.fixture(scope="session")
def models(comfyui: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a small checkpoint of every file that an engine needs."""
    folder, python = comfyui
    probe = "import importlib.util as u; print(all(u.find_spec(m) for m in ('sentencepiece', 'tokenizers')))"
    if "True" not in subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False).stdout:
        pytest.skip("ComfyUI's Python lacks sentencepiece or tokenizers, of which small text encoders are made")
    made = tmp_path_factory.mktemp("engines") / "models"
    done = subprocess.run([python, str(HERE / "tiny.py"), str(folder), str(made)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return made


@pytest.fixture(scope="session")
def engines(comfyui: tuple[Path, str], models: Path,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineServer]:
    base = tmp_path_factory.mktemp("engine_server")
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "tiny_encoders").symlink_to(HERE / "tiny_encoders", target_is_directory=True)
    (base / "models").symlink_to(models, target_is_directory=True)
    with running(comfyui, base, ROOT) as started:
        server = EngineServer(started.port, started.base)
        give(base / "input")
        yield server


def give(folder: Path) -> None:
    """A clip with a tone, at a size and rate of its own, into ComfyUI's input folder."""
    folder.mkdir(exist_ok=True)
    x, y = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 160), indexing="ij")
    video = torch.stack([torch.stack([x, y, torch.full_like(x, t / 45)]) for t in range(45)], dim=1)[None]
    tone = 0.3 * torch.sin(2 * math.pi * 440 * torch.arange(45 * 1470) / 44100)
    write_clip(folder / "clip.mp4", video, tone.expand(1, 1, -1), frame_rate=Fraction(30), sample_rate=44100)


def node(kind: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def graph(engine: str, mode: str = "text", *, files: dict[str, Any] | None = None, **asked: Any) -> dict[str, Any]:
    """Sora Engine -> Sora Engine Video -> a file, its report and its latents; small and quick."""
    inputs = {"engine": ["engine", 0], "task": "make a clip", "prompt": "a man walks in rain", "width": 128,
              "height": 128, "seconds": 0.4, "seed": 1}
    prompt = {
        "engine": node("SoraEngine", engine=engine, **(FIRST.get(engine, {}) if files is None else files)),
        "video": node("SoraEngineVideo", **inputs),
        "file": node("SaveVideo", video=["video", 0], filename_prefix="engine", format="auto", codec="auto"),
        "told": node("PreviewAny", source=["video", 2]),
    }
    given = prompt["video"]["inputs"]
    if mode in ("first image", "last image", "lip-sync"):
        prompt["start"] = node("EmptyImage", width=160, height=90, batch_size=1, color=0x4060a0)
        given["first_image"] = ["start", 0]
    if mode == "last image":
        prompt["end"] = node("EmptyImage", width=90, height=160, batch_size=1, color=0xa06040)
        given["last_image"] = ["end", 0]
    if mode in ("extension", "foley"):
        prompt["clip"] = node("LoadVideo", file="clip.mp4")
        given |= {"video": ["clip", 0], "task": {"extension": "go on from a clip", "foley": "sound for a clip"}[mode]}
    if mode == "lip-sync":
        prompt["clip"] = node("LoadVideo", file="clip.mp4")
        prompt["heard"] = node("GetVideoComponents", video=["clip", 0])
        given |= {"voice": ["heard", 1], "task": "lips to a voice"}
    given |= asked
    return prompt
