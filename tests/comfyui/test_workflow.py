"""The shipped graph, run by a real ComfyUI on small untrained networks: what comes out, and what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from sora_core.checkpoint import EMBEDDED

WORKFLOW = Path(__file__).resolve().parents[2] / "workflows" / "text_to_video.json"

pytestmark = pytest.mark.comfyui


def prompt_of(server: Any, *, seconds: float = 1.0, steps: int = 3, **changes: Any) -> dict[str, Any]:
    """The shipped graph in API form, on the tiny checkpoint and quick; `changes` are "NodeId__input" = value."""
    prompt = server.to_api(json.loads(WORKFLOW.read_text()))
    by_type = {entry["class_type"]: entry["inputs"] for entry in prompt.values()}
    by_type["SoraCheckpointLoader"]["checkpoint"] = "tiny.safetensors"
    by_type["SoraEmptyLatent"] |= {"seconds": seconds, "width": 64, "height": 64}
    by_type["KSampler"] |= {"steps": steps, "seed": 7}
    for name, value in changes.items():
        node, _, field = name.partition("__")
        by_type[node][field] = value
    return prompt


def read(path: Path) -> tuple[list[torch.Tensor], torch.Tensor, dict[str, str]]:
    """Frames (H, W, 3), samples (C, N) and tags of a video file."""
    with av.open(str(path)) as container:
        tags = dict(container.metadata)
        frames = [torch.from_numpy(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        sound = [torch.from_numpy(frame.to_ndarray()) for frame in container.decode(audio=0)]
    return frames, torch.cat(sound, dim=-1), tags


def test_the_template_and_the_help_pages_are_found(server: Any) -> None:
    assert "text_to_video" in server.get("/workflow_templates")["soracore"]
    assert server.get("/api/workflow_templates/soracore/text_to_video.json") == json.loads(WORKFLOW.read_text())
    assert server.read("/api/workflow_templates/soracore/text_to_video.jpg").startswith(b"\xff\xd8")
    ours = {name: node for name, node in server.get("/object_info").items() if node["category"].startswith("Sora/")}
    assert len(ours) == 22
    for name, node in ours.items():
        help_page = server.read(f"/extensions/soracore/docs/{name}/en.md").decode()
        assert help_page.startswith(f"# {node['display_name']}\n")
        for group in ("required", "optional"):
            inputs = node["input"].get(group, {})
            assert all(options["tooltip"] for _, options in inputs.values()), name


def test_the_graph_gives_a_clip_with_sound_that_holds_its_graph(server: Any) -> None:
    workflow = json.loads(WORKFLOW.read_text())
    run = server.run(prompt_of(server), workflow=workflow)
    assert run.status == "success", run.messages
    (path,) = server.saved(run)
    frames, sound, tags = read(path)
    assert len(frames) == 24 and frames[0].shape == (64, 64, 3)
    assert 24000 <= sound.shape[-1] <= 24000 + 2048     # AAC fills its last packet
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 24 and container.streams.audio[0].rate == 24000
    assert json.loads(tags["workflow"]) == workflow and "KSampler" in tags["prompt"]


@pytest.mark.skipif(not any(EMBEDDED.glob("*.safetensors")), reason="no embedded checkpoint in sora_core/weights")
def test_the_graph_runs_as_it_ships(server: Any) -> None:
    workflow = json.loads(WORKFLOW.read_text())
    run = server.run(server.to_api(workflow), workflow=workflow)
    assert run.status == "success", run.messages
    frames, sound, _ = read(server.saved(run)[0])
    assert len(frames) == 96 and frames[0].shape == (128, 128, 3)
    assert 96000 <= sound.shape[-1] <= 96000 + 2048
    assert float(torch.stack(frames).float().std()) > 5     # a picture, not a grey wall
    assert run.previews


def test_progress_and_previews_arrive(server: Any) -> None:
    run = server.run(prompt_of(server, steps=4, KSampler__seed=8))
    assert run.status == "success"
    assert len(run.previews) >= 3 and all(b"\xff\xd8\xff" in preview[:400] for preview in run.previews)     # JPEG
    assert {"value": 4, "max": 4} in [{key: event[key] for key in ("value", "max")} for event in run.progress]


def test_stop_stops_and_the_next_run_works(server: Any) -> None:
    stopped = server.run(prompt_of(server, steps=500, KSampler__seed=9), stop_at_step=2)
    assert any(kind == "execution_interrupted" for kind, _ in stopped.messages)
    assert max(event["value"] for event in stopped.progress if event["max"] == 500) < 100
    assert server.run(prompt_of(server, steps=2, KSampler__seed=9)).status == "success"


def test_stop_stops_decoding(server: Any) -> None:
    first_piece = 1 + 8 * 15    # of 16 latents of 8 x 8: as many cells as are decoded at once
    for seed in (10, 11, 12):   # on a busy machine the stop may come after a whole minute has been decoded
        prompt = prompt_of(server, seconds=60.0, steps=1, KSampler__seed=seed, SoraEmptyLatent__width=256,
                           SoraEmptyLatent__height=256)     # enlarging the frames takes longer than making them
        node = next(name for name, entry in prompt.items() if entry["class_type"] == "SoraDecode")
        run = server.run(prompt, stop_at_step=first_piece)
        if any(kind == "execution_interrupted" for kind, _ in run.messages):
            break
    assert any(kind == "execution_interrupted" for kind, _ in run.messages)
    assert max(event["value"] for event in run.progress if event["node"] == node) < 1440


def test_stock_nodes_do_the_same_work(server: Any) -> None:
    prompt = prompt_of(server, KSampler__seed=11)
    ids = {entry["class_type"]: node for node, entry in prompt.items()}
    latent, loader = [ids["KSampler"], 0], ids["SoraCheckpointLoader"]
    video_vae, audio_vae = [loader, 2], [loader, 3]
    for node, entry in prompt.items():
        if entry["class_type"] == "SoraTextEncode":
            prompt[node] = {"class_type": "CLIPTextEncode",
                            "inputs": {"clip": entry["inputs"]["clip"], "text": entry["inputs"]["prompt"]}}
    prompt[ids["SoraDecode"]] = {"class_type": "VAEDecode", "inputs": {"samples": latent, "vae": video_vae}}
    prompt[ids["SoraAudioSynthesis"]] = {"class_type": "VAEDecodeAudio",
                                         "inputs": {"samples": latent, "vae": audio_vae}}
    prompt[ids["CreateVideo"]]["inputs"]["fps"] = 24.0
    prompt["tiled"] = {"class_type": "VAEDecodeTiled",
                       "inputs": {"samples": latent, "vae": video_vae, "tile_size": 64, "overlap": 0,
                                  "temporal_size": 64, "temporal_overlap": 8}}
    prompt["tiled_audio"] = {"class_type": "VAEDecodeAudioTiled",
                             "inputs": {"samples": latent, "vae": audio_vae, "tile_size": 512, "overlap": 64}}
    prompt["images"] = {"class_type": "SaveImage", "inputs": {"images": ["tiled", 0], "filename_prefix": "tiled"}}
    prompt["sound"] = {"class_type": "SaveAudio", "inputs": {"audio": ["tiled_audio", 0], "filename_prefix": "tiled"}}
    prompt["encode"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["tiled", 0], "vae": video_vae}}
    prompt["again"] = {"class_type": "VAEDecode", "inputs": {"samples": ["encode", 0], "vae": video_vae}}
    prompt["again_images"] = {"class_type": "SaveImage", "inputs": {"images": ["again", 0], "filename_prefix": "again"}}
    run = server.run(prompt)
    assert run.status == "success", run.messages
    files = server.saved(run)
    (clip,) = [path for path in files if path.suffix == ".mp4"]
    frames, sound, _ = read(clip)
    assert len(frames) == 25     # 1 + 8 x 3: what fills whole latents
    assert sound.shape[-1] >= 24000
    assert len([path for path in files if path.name.startswith("tiled") and path.suffix == ".png"]) == 25
    assert len([path for path in files if path.name.startswith("again") and path.suffix == ".png"]) == 25


def test_a_given_beginning_is_kept(server: Any) -> None:
    """A noise mask on the first latent frame: those latents come out as they went in."""
    prompt = prompt_of(server, KSampler__seed=12)
    ids = {entry["class_type"]: node for node, entry in prompt.items()}
    prompt["split"] = {"class_type": "LTXVSeparateAVLatent", "inputs": {"av_latent": [ids["SoraEmptyLatent"], 0]}}
    prompt["mask"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 64}}
    prompt["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["split", 0], "mask": ["mask", 0]}}
    prompt["joined"] = {"class_type": "LTXVConcatAVLatent",
                        "inputs": {"video_latent": ["masked", 0], "audio_latent": ["split", 1]}}
    prompt[ids["KSampler"]]["inputs"]["latent_image"] = ["joined", 0]
    prompt["images"] = {"class_type": "SaveImage",
                        "inputs": {"images": [ids["SoraDecode"], 0], "filename_prefix": "kept"}}
    prompt["zero"] = {"class_type": "SoraDecode",
                      "inputs": {"samples": ["split", 0], "vae": prompt[ids["SoraDecode"]]["inputs"]["vae"]}}
    prompt["zero_images"] = {"class_type": "SaveImage",
                             "inputs": {"images": ["zero", 0], "filename_prefix": "zero"}}
    run = server.run(prompt)
    assert run.status == "success", run.messages
    files = sorted(server.saved(run))
    kept, zero = ([path for path in files if path.name.startswith(name)] for name in ("kept", "zero"))
    assert len(kept) == len(zero) == 24
    assert all(_pixels(a).equal(_pixels(b)) for a, b in zip(kept, zero, strict=True))


def _pixels(path: Path) -> torch.Tensor:
    with av.open(str(path)) as container:
        return torch.from_numpy(next(container.decode(video=0)).to_ndarray(format="rgb24"))
