"""A real ComfyUI, found at COMFYUI_PATH or beside the checkout, with this checkout as its only node pack.

COMFYUI_PYTHON names the Python that ComfyUI's requirements are installed in; without it, the one that runs the tests.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from sora_core.checkpoint import save_checkpoint
from sora_core.config import (
    AudioVAEConfig,
    Config,
    SketcherConfig,
    TextEncoderConfig,
    TransformerConfig,
    VideoVAEConfig,
)
from sora_core.models.audio_vae import AudioVAE
from sora_core.models.sketcher import Sketcher
from sora_core.models.text_encoder import TextEncoder
from sora_core.models.transformer import SoraTransformer
from sora_core.models.video_vae import VideoVAE

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("torch", "torchvision", "torchaudio", "aiohttp", "torchsde", "transformers", "comfy_kitchen",
          "comfyui_frontend_package", "alembic")
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR"}


def changes_itself(name: str, settings: dict[str, Any]) -> bool:
    """Whether the editor puts a widget behind this one that says what becomes of it after a run."""
    return settings.get("control_after_generate", name in ("seed", "noise_seed"))


def is_widget(kind: Any, settings: dict[str, Any]) -> bool:
    """Whether the editor shows a field for an input; one of several types may name the type of its field."""
    return isinstance(kind, list) or settings.get("widgetType", kind) in WIDGETS


def find_comfyui() -> tuple[Path, str]:
    """ComfyUI's folder and Python, or a skip that says in one line what is missing."""
    folder = Path(os.environ.get("COMFYUI_PATH") or ROOT.parent / "ComfyUI").resolve()
    if not (folder / "main.py").is_file():
        pytest.skip(f"no ComfyUI at {folder.name!r}: set COMFYUI_PATH to a checkout of ComfyUI to run these tests")
    python = os.environ.get("COMFYUI_PYTHON") or sys.executable
    probe = f"import importlib.util as u; print([m for m in {NEEDED!r} if u.find_spec(m) is None])"
    found = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False).stdout.strip()
    if found != "[]":
        pytest.skip(f"ComfyUI's Python lacks {found or 'everything'}: set COMFYUI_PYTHON to one with its requirements")
    return folder, python


@pytest.fixture(scope="session")
def comfyui() -> tuple[Path, str]:
    return find_comfyui()


def save_tiny(path: Path, seed: int = 0) -> Path:
    """A complete checkpoint of small untrained networks with the latents of the embedded one."""
    torch.manual_seed(seed)
    config: dict[str, Config] = {
        "transformer": TransformerConfig(width=64, depth=2, num_heads=2, text_width=32),
        "sketcher": SketcherConfig(width=32, depth=1, num_heads=2, text_width=32),
        "text_encoder": TextEncoderConfig(vocabulary_size=260, width=32, depth=1, num_heads=2),
        "video_vae": VideoVAEConfig(context_width=16, cell_width=8, cell_depth=1, finisher_width=8, finisher_depth=1),
        "audio_vae": AudioVAEConfig(width=16, depth=1),
    }
    kinds = {"transformer": SoraTransformer, "sketcher": Sketcher, "text_encoder": TextEncoder, "video_vae": VideoVAE,
             "audio_vae": AudioVAE}
    tensors = {name: kinds[name](config[name]).state_dict() for name in config}
    tensors["audio_vae"]["base.bias"] -= 5   # log-mel: as quiet as real sounds, else there is nothing but clipping
    cell = config["video_vae"].cell_size ** 2
    tensors["video_vae"]["finisher.conv_out.bias"][-cell:] -= 10    # as in trained ones, a first frame stays as it is
    save_checkpoint(path, config=config, tensors=tensors, vocabulary={"kind": "byte-bpe", "merges": [[98, 99]]})
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors")


@dataclass
class Run:
    """What became of one prompt."""

    status: str
    messages: list[tuple[str, dict[str, Any]]]
    outputs: dict[str, dict[str, Any]]
    previews: list[bytes] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)

    @property
    def error(self) -> str:
        """The sentence on the red node."""
        return next(data["exception_message"] for kind, data in self.messages if kind == "execution_error").strip()

    @property
    def failed_node(self) -> str:
        return next(data["node_type"] for kind, data in self.messages if kind == "execution_error")


class WebSocket:
    """Enough of RFC 6455 to speak with ComfyUI and with a browser: text both ways, binary messages from the server."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n")
                            .encode())
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass

    def send(self, text: str) -> None:
        data = text.encode()
        size = struct.pack(">BH", 254, len(data)) if len(data) < 65536 else struct.pack(">BQ", 255, len(data))
        self.socket.sendall(b"\x81" + (bytes([128 + len(data)]) if len(data) < 126 else size) + bytes(4) + data)

    def receive(self) -> str | bytes:
        """The next message, whole."""
        message, kind = b"", 0
        while True:
            first, second = self.stream.read(2)
            size = second & 127
            if size > 125:
                size = struct.unpack(">H" if size == 126 else ">Q", self.stream.read(2 if size == 126 else 8))[0]
            message, kind = message + self.stream.read(size), (first & 15) or kind
            if first & 128 and kind in (1, 2):
                return message.decode() if kind == 1 else message
            if first & 128:
                message, kind = b"", 0

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


class Server:
    """ComfyUI's HTTP and WebSocket interface."""

    def __init__(self, port: int, base: Path) -> None:
        self.port, self.base = port, base
        self.checkpoints = base / "models" / "checkpoints"

    def get(self, path: str) -> Any:
        return json.loads(self.read(path))

    def read(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        return json.loads(text) if text else None

    def run(self, prompt: dict[str, Any], *, workflow: dict[str, Any] | None = None, stop_at_step: int = 0) -> Run:
        """Queue a prompt in API form, listen until it is done; `stop_at_step` presses Stop after that step."""
        client = uuid.uuid4().hex
        listener = WebSocket(self.port, f"/ws?clientId={client}")
        extra = {"extra_data": {"extra_pnginfo": {"workflow": workflow}}} if workflow else {}
        queued = self.post("/prompt", {"prompt": prompt, "client_id": client, **extra})
        assert "prompt_id" in queued and not queued["node_errors"], queued
        result = Run("", [], {})
        while True:
            message = listener.receive()
            if isinstance(message, bytes):
                if struct.unpack(">I", message[:4])[0] in (1, 4):
                    result.previews.append(message)
                continue
            event = json.loads(message)
            if event["type"] == "progress":
                result.progress.append(event["data"])
                if 0 < stop_at_step <= event["data"]["value"]:      # steps that follow fast aren't all told
                    self.post("/interrupt", {})
                    stop_at_step = 0
            if event["type"] in ("execution_success", "execution_error", "execution_interrupted"):
                break
        listener.close()
        return self._finish(queued["prompt_id"], result)

    def _finish(self, prompt_id: str, result: Run) -> Run:
        for _ in range(200):
            history = self.get(f"/history/{prompt_id}").get(prompt_id)
            if history is not None:
                result.status = history["status"]["status_str"]
                result.messages, result.outputs = history["status"]["messages"], history["outputs"]
                return result
            time.sleep(0.05)
        raise AssertionError("ComfyUI has no history of the prompt")

    def saved(self, run: Run) -> list[Path]:
        """Files that the graph has written."""
        return [self.base / entry["type"] / entry["subfolder"] / entry["filename"]
                for output in run.outputs.values() for entry in output.get("images", []) + output.get("audio", [])]

    def to_api(self, workflow: dict[str, Any]) -> dict[str, Any]:
        """A workflow as the editor saves it -> the prompt that the editor would queue."""
        types = self.get("/object_info")
        links = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
        prompt = {}
        for node in workflow["nodes"]:
            if node["type"] not in types:
                assert node["type"] in ("Note", "MarkdownNote"), f"the graph uses an unknown node {node['type']!r}"
                continue
            inputs = self._widgets(types[node["type"]], node)
            inputs |= {slot["name"]: links[slot["link"]] for slot in node["inputs"] if slot.get("link") is not None}
            prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
        return prompt

    def _widgets(self, info: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
        values, inputs = iter(node.get("widgets_values", [])), {}
        for group in ("required", "optional"):
            for name, (kind, *options) in info["input"].get(group, {}).items():
                settings = options[0] if options else {}
                if is_widget(kind, settings):
                    inputs[name] = next(values, settings.get("default"))     # older graphs lack newer widgets
                    if changes_itself(name, settings):
                        next(values, None)
                elif kind == "COMFY_DYNAMICCOMBO_V3":
                    self._dynamic(name, settings, values, inputs)
        return inputs

    def _dynamic(self, name: str, settings: dict[str, Any], values: Iterator[Any], inputs: dict[str, Any]) -> None:
        """A combo whose choice brings inputs of its own, which follow it under dotted names."""
        value = next(values, None)
        if value is None:
            return
        inputs[name] = value
        chosen = next(option for option in settings["options"] if option["key"] == value)
        for group in ("required", "optional"):
            for inner, (kind, *options) in chosen["inputs"].get(group, {}).items():
                if kind == "COMFY_DYNAMICCOMBO_V3":
                    self._dynamic(f"{name}.{inner}", options[0], values, inputs)
                elif isinstance(kind, list) or kind in WIDGETS:
                    inputs[f"{name}.{inner}"] = next(values)


@contextmanager
def running(comfyui: tuple[Path, str], base: Path, pack: Path, *checkpoints: Path) -> Iterator[Server]:
    """ComfyUI on a port of its own, with a base folder of its own and one pack; it ends with the block.

    Models and packs for tests that stand in the base folder already are there too.
    """
    folder, python = comfyui
    (base / "custom_nodes").mkdir(exist_ok=True)
    (base / "custom_nodes" / "soracore").symlink_to(pack, target_is_directory=True)
    (base / "models" / "checkpoints").mkdir(parents=True, exist_ok=True)
    for checkpoint in checkpoints:
        (base / "models" / "checkpoints" / checkpoint.name).symlink_to(checkpoint)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, str(folder / "main.py"), "--cpu", "--base-directory", str(base), "--database-url",
               "sqlite:///:memory:", "--disable-api-nodes", "--preview-method", "auto", "--port", str(port)]
    log = base / "comfyui.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=base, stdout=stream, stderr=subprocess.STDOUT)
    try:
        started = Server(port, base)
        _wait(started, process, log)
        yield started
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="session")
def server(comfyui: tuple[Path, str], tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """ComfyUI with this checkout as its only pack, for all tests."""
    with running(comfyui, tmp_path_factory.mktemp("comfyui"), ROOT, tiny) as started:
        yield started


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        try:
            server.get("/system_stats")
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.25)
    raise AssertionError("ComfyUI did not start: " + log.read_text(errors="replace")[-2000:])
