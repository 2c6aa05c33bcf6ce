"""The source of the graphs in `workflows/` (but `text_to_video`, which people edit) and of the subgraph blueprint.

Run as: python -m tests.comfyui.graphs OBJECT_INFO.json, from the root, with what a running ComfyUI gives at
/object_info; it writes them all. How a clip is sampled is read from `workflows/text_to_video.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sora_core import __version__

from .editor import Canvas, Node

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS, SUBGRAPHS = ROOT / "workflows", ROOT / "subgraphs"
BLUEPRINT = "Text to video with sound"
VERSIONS = {"soracore": __version__, "comfy-core": "0.33.0"}
SMALL = "128x128"       # the size that the embedded model works in
FILM = {"name": "film_net_fp16.safetensors", "directory": "frame_interpolation",
        "url": "https://huggingface.co/Comfy-Org/frame_interpolation/resolve/main/frame_interpolation/"
               "film_net_fp16.safetensors"}


def sampling() -> dict[str, Any]:
    """What the shipped `text_to_video` sets its sampler to."""
    graph = json.loads((WORKFLOWS / "text_to_video.json").read_text(encoding="utf-8"))
    values = next(node["widgets_values_named"] for node in graph["nodes"] if node["type"] == "KSampler")
    return {name: value for name, value in values.items() if name != "seed"}


def words(c: Canvas, column: int, loader: Node, prompt: str) -> tuple[Node, Node]:
    """What shall happen, and what shall not."""
    return (c.add("SoraTextEncode", column, title="Prompt", colour="green", clip=loader["clip"], prompt=prompt),
            c.add("SoraTextEncode", column, title="What to avoid (may be empty)", colour="red", clip=loader["clip"],
                  prompt=""))


def sampler(c: Canvas, column: int, model: Any, texts: tuple[Node, Node], latent: Node, seed: int, **more: Any) -> Node:
    return c.add("KSampler", column, model=model, positive=texts[0]["conditioning"],
                 negative=texts[1]["conditioning"], latent_image=latent["latent"], seed=seed, **{**sampling(), **more})


def decoders(c: Canvas, column: int, loader: Node, made: tuple[Node, str]) -> tuple[Node, Node]:
    return (c.add("SoraDecode", column, samples=made, vae=loader["video_vae"]),
            c.add("SoraAudioSynthesis", column, samples=made, vae=loader["audio_vae"]))


def save(c: Canvas, column: int, video: Any, name: str) -> Node:
    return c.add("SaveVideo", column, video=video, filename_prefix=f"video/{name}", format="auto",
                 format__codec="auto", codec="auto")


def stand_in(c: Canvas, column: int, title: str, prompt: str, seed: int) -> Node:
    """A clip made in the graph itself, where people connect one of theirs."""
    return c.add("SoraTextToVideo", column, title=title, colour="green", prompt=prompt, size=SMALL, duration=4,
                 seed=seed, control_after_generate="fixed", steps=sampling()["steps"],
                 guidance_scale=sampling()["cfg"])


def text_to_video_app(c: Canvas) -> dict[str, Any]:
    video = c.add("SoraTextToVideo", 0, title="What shall happen?", colour="green", size=SMALL, duration=4, seed=7,
                  prompt="a red rubber ball drops onto a wooden floor and bounces", steps=sampling()["steps"],
                  guidance_scale=sampling()["cfg"])
    file = save(c, 1, video["video"], "sora")
    c.note(0, "As an app", (
        "## Prompt, size, seconds: a clip\n\nThis graph opens as a simple page with three fields. *Enter graph mode*, "
        "at the top, shows what you read now.\n\nThe embedded model draws small pictures; larger sizes are enlarged "
        "from those, and add no detail. Best is one ball or box that falls onto a floor."))
    return {"linearMode": True, "linearData": {
        "inputs": [[str(video.id), name] for name in ("prompt", "size", "duration")], "outputs": [str(file.id)]}}


def image_to_video(c: Canvas) -> None:
    loader = c.add("SoraCheckpointLoader", 0)
    still = c.add("SoraEmptyLatent", 0, title="One frame only", seconds=0.05)
    texts = words(c, 1, loader, "a red rubber ball drops onto a wooden floor and bounces")
    drawn = sampler(c, 2, loader["model"], texts, still, 7, title="Draws the first frame",
                    control_after_generate="fixed")
    picture = c.add("SoraDecode", 3, samples=drawn["LATENT"], vae=loader["video_vae"])
    c.add("PreviewImage", 3, title="The first frame", images=picture["images"])
    start = c.add("SoraImageToVideo", 3, video_vae=loader["video_vae"], first_image=picture["images"], seconds=4.0)
    moved = sampler(c, 4, loader["model"], texts, start, 8, title="Lets it move")
    frames, sound = decoders(c, 5, loader, moved["LATENT"])
    video = c.add("CreateVideo", 6, images=frames["images"], audio=sound["audio"], fps=frames["frame_rate"])
    save(c, 7, video["VIDEO"], "sora-image")
    c.note(0, "A picture that starts to move", (
        "## Image to video\n\nPress **Run**: the left sampler draws one frame, the right one goes on from it.\n\n"
        "To start from a picture of yours, add *Load Image* and connect it to **first_image** in place of *Sora "
        "Decode*. The clip takes the shape of the picture. **last_image** says how it shall end; **images** with "
        "**positions** gives frames at any place (0 is the first, -1 the last).\n\nThe embedded model knows balls and "
        "boxes on plain floors; it will not understand a photograph."))


def cameo_from_a_picture(c: Canvas) -> None:
    paper = c.add("EmptyImage", 0, title="A picture of something:", width=256, height=256, color=0xD8DCE0)
    orange = c.add("EmptyImage", 0, title="an orange box", width=150, height=150, color=0xF08020)
    ribbon = c.add("EmptyImage", 0, title="with a blue ribbon", width=44, height=150, color=0x2040C0)
    boxed = c.add("ImageCompositeMasked", 1, destination=paper["IMAGE"], source=orange["IMAGE"], x=53, y=53,
                  resize_source=False)
    picture = c.add("ImageCompositeMasked", 1, title="The picture", destination=boxed["IMAGE"], source=ribbon["IMAGE"],
                    x=106, y=53, resize_source=False)
    cameo = c.add("SoraCameo", 2, image=picture["IMAGE"], handle="gift", kind="box")
    loader = c.add("SoraCheckpointLoader", 2)
    latent = c.add("SoraEmptyLatent", 2, seconds=4.0)
    prompt = c.add("SoraTextEncode", 3, title="Prompt", colour="green", clip=loader["clip"], cameos=cameo["cameos"],
                   prompt="@gift falls onto a wooden floor in a room")
    avoid = c.add("SoraTextEncode", 3, title="What to avoid (may be empty)", colour="red", clip=loader["clip"],
                  prompt="")
    made = sampler(c, 4, loader["model"], (prompt, avoid), latent, 3)
    frames, sound = decoders(c, 5, loader, made["LATENT"])
    video = c.add("CreateVideo", 6, images=frames["images"], audio=sound["audio"], fps=frames["frame_rate"])
    c.add("SoraSaveClip", 7, video=video["VIDEO"], filename_prefix="video/sora-cameo")
    c.note(0, "Somebody or something of yours", (
        "## A cameo\n\nPress **Run**: the picture of a box with a ribbon becomes *@gift*, and the clip shows it.\n\nTo "
        "show something of yours, add *Load Image* in place of the picture, one subject before something plainer, or "
        "with a mask. A person needs to have allowed it: write who did under **granted_by**; it is signed into the "
        "clip. *Sora Save Cameo* keeps a cameo, without the picture.\n\nWhat comes over are colours and patterns of "
        "each part of a body, not a face."))


def extend_video(c: Canvas) -> None:
    loader = c.add("SoraCheckpointLoader", 0)
    clip = stand_in(c, 0, "The clip to go on from", "a yellow ball falls onto the grass and bounces", 3)
    texts = words(c, 1, loader, "a yellow ball falls onto the grass and bounces")
    start = c.add("SoraExtendVideo", 1, video_vae=loader["video_vae"], audio_vae=loader["audio_vae"],
                  video=clip["video"], seconds=2.5, tail_seconds=1.5)
    made = sampler(c, 2, loader["model"], texts, start, 11)
    parts = c.add("GetVideoComponents", 3, title="What was there", video=clip["video"])
    frames, sound = decoders(c, 3, loader, made["LATENT"])
    images = c.add("BatchImagesNode", 4, images__image0=parts["images"], images__image1=frames["images"])
    audio = c.add("AudioConcat", 4, audio1=parts["audio"], audio2=sound["audio"], direction="after")
    video = c.add("CreateVideo", 5, images=images["IMAGE"], audio=audio["AUDIO"], fps=parts["fps"])
    save(c, 6, video["VIDEO"], "sora-extended")
    c.note(0, "A clip that goes on", (
        "## Extend a video\n\nThe model sees and hears the last **tail_seconds** of a clip and makes what comes next; "
        "stock nodes join the two.\n\nTo go on from a file, add *Load Video* and connect it to **video** of *Sora "
        "Extend Video* and of *Get Video Components*. Say in the prompt what happens now."))


def foley_for_a_silent_clip(c: Canvas) -> None:
    loader = c.add("SoraCheckpointLoader", 0)
    clip = stand_in(c, 0, "The silent clip", "a green wooden box drops onto a carpet", 5)
    texts = words(c, 1, loader, "a green wooden box drops onto a carpet")
    start = c.add("SoraFoley", 1, video_vae=loader["video_vae"], video=clip["video"])
    made = sampler(c, 2, loader["model"], texts, start, 21)
    sound = c.add("SoraAudioSynthesis", 3, samples=made["LATENT"], vae=loader["audio_vae"])
    parts = c.add("GetVideoComponents", 3, title="The picture, untouched", video=clip["video"])
    video = c.add("CreateVideo", 4, images=parts["images"], audio=sound["audio"], fps=parts["fps"])
    save(c, 5, video["VIDEO"], "sora-foley")
    c.note(0, "Sound for a silent clip", (
        "## Foley\n\nThe picture stays as it is; the model makes the sound that belongs to it. The clip here is made "
        "on the spot and its own sound is left out.\n\nFor a file, add *Load Video* and connect it to **video** of "
        "*Sora Foley* and of *Get Video Components*. **loudness** of *Sora Audio Synthesis* sets how loud the result "
        "is, in LUFS; 0 leaves it as made. The embedded model knows the sounds of falling, bouncing, rolling and "
        "colliding things."))


def lip_sync_to_a_voice(c: Canvas) -> None:
    loader = c.add("SoraCheckpointLoader", 0)
    clip = stand_in(c, 0, "Where the sound comes from", "a red rubber ball drops onto a wooden floor and bounces", 9)
    texts = words(c, 1, loader, "a blue rubber ball drops onto a wooden floor and bounces")
    heard = c.add("GetVideoComponents", 1, title="The sound", video=clip["video"])
    start = c.add("SoraLipSync", 1, audio_vae=loader["audio_vae"], audio=heard["audio"], width=128, height=128)
    made = sampler(c, 2, loader["model"], texts, start, 23)
    frames = c.add("SoraDecode", 3, samples=made["LATENT"], vae=loader["video_vae"])
    video = c.add("CreateVideo", 4, images=frames["images"], audio=heard["audio"], fps=frames["frame_rate"])
    save(c, 5, video["VIDEO"], "sora-lip-sync")
    c.note(0, "A picture for a sound", (
        "## Lip sync\n\nThe sound stays as it is; the model makes the picture that moves with it. The sound here is "
        "that of another clip, so that the graph runs as it stands.\n\nFor a voice, add *Load Audio* and connect it "
        "to **audio** of *Sora Lip Sync* and of *Create Video*; a face goes to **first_image**, with **video_vae** "
        "from the loader. The embedded model has seen no faces and heard no voices: with it, balls land when the "
        "sound does. Larger models use the same graph."))


def lora_of_your_clips(c: Canvas) -> None:
    loader = c.add("SoraCheckpointLoader", 0)
    clip = stand_in(c, 0, "The clip to learn from", "a green ball falls onto the snow and bounces", 13)
    parts = c.add("GetVideoComponents", 1, video=clip["video"])
    encoded = c.add("VAEEncode", 1, pixels=parts["images"], vae=loader["video_vae"])
    texts = words(c, 1, loader, "a green ball falls onto the snow and bounces")
    trained = c.add("TrainLoraNode", 2, model=loader["model"], latents=encoded["LATENT"],
                    positive=texts[0]["conditioning"], steps=16, learning_rate=0.0005, rank=8,
                    control_after_generate="fixed", gradient_checkpointing=False)
    c.add("SaveLoRA", 2, lora=trained["lora"], steps=trained["steps"], prefix="loras/sora")
    model = c.add("LoraModelLoader", 3, model=loader["model"], lora=trained["lora"], strength_model=1.0)
    latent = c.add("SoraEmptyLatent", 3, seconds=4.0)
    made = sampler(c, 4, model["model"], texts, latent, 7)
    frames, sound = decoders(c, 5, loader, made["LATENT"])
    video = c.add("CreateVideo", 6, images=frames["images"], audio=sound["audio"], fps=frames["frame_rate"])
    save(c, 7, video["VIDEO"], "sora-lora")
    c.note(0, "Teach it a clip of yours", (
        "## A LoRA of your clips\n\n*Train LoRA* learns from the clip, *Load LoRA Model* puts what it learnt onto the "
        "model, and the sampler makes a new clip with it. 16 steps only show that it works: a few hundred make a "
        "difference.\n\nFor a file, add *Load Video* in place of the first node; sides in multiples of 32 pixels, "
        "about 128 x 128, 4 seconds at most. Say in the prompt what is in it. *Save LoRA Weights* writes a file for "
        "*Load LoRA* into the output folder; put it into `models/loras`.\n\nOnly the picture is learnt; the sound "
        "follows it as before."))


def chain_with_core_nodes(c: Canvas) -> None:
    loader = c.add("SoraCheckpointLoader", 0)
    latent = c.add("SoraEmptyLatent", 0, seconds=4.0)
    texts = words(c, 1, loader, "a red rubber ball drops onto a wooden floor and bounces")
    noise = c.add("RandomNoise", 2, noise_seed=7)
    guider = c.add("SoraGuider", 2, model=loader["model"], positive=texts[0]["conditioning"],
                   negative=texts[1]["conditioning"], text=sampling()["cfg"])
    method = c.add("KSamplerSelect", 2, sampler_name=sampling()["sampler_name"])
    sigmas = c.add("BasicScheduler", 2, model=loader["model"], scheduler=sampling()["scheduler"],
                   steps=sampling()["steps"])
    made = c.add("SamplerCustomAdvanced", 3, noise=noise["NOISE"], guider=guider["guider"],
                 sampler=method["SAMPLER"], sigmas=sigmas["SIGMAS"], latent_image=latent["latent"])
    frames, sound = decoders(c, 3, loader, made["output"])
    large = c.add("ImageScaleBy", 4, image=frames["images"], upscale_method="lanczos", scale_by=3.0)
    titled = c.add("TextOverlay", 4, images=large["IMAGE"], text="Made with SoraCore", font_size=6.0,
                   position="bottom", align="center")
    film = c.add("FrameInterpolationModelLoader", 4, title="Off: needs a model file", mode=4, model_name=FILM["name"],
                 models=[FILM])
    between = c.add("FrameInterpolate", 4, title="Off: twice the frames", mode=4, interp_model=film["INTERP_MODEL"],
                    images=titled["images"], multiplier=2)
    video = c.add("CreateVideo", 5, images=between["IMAGE"], audio=sound["audio"], fps=24.0)
    save(c, 6, video["VIDEO"], "sora-chain")
    c.note(0, "Ours and theirs in one chain", (
        "## With ComfyUI's own nodes\n\nEvery socket is one of ComfyUI's own, so its nodes fit between ours: here its "
        "noise, sampler and scheduler work with *Sora Guider*, which has strengths of its own for the **text** and for "
        "the **coupling** of picture and sound; then stock nodes enlarge the frames and write on them.\n\nThe two "
        "frame interpolation nodes are bypassed, since they need a model file. To use them, put the file that the "
        "loader names into `models/frame_interpolation`, select both and press Ctrl+B, and set **fps** of *Create "
        "Video* to 48."))


def save_and_verify(c: Canvas) -> None:
    """Not a graph that ships: what the help pages of these two nodes are drawn from."""
    clip = stand_in(c, 0, "", "a red rubber ball drops onto a wooden floor and bounces", 7)
    saved = c.add("SoraSaveClip", 1, video=clip["video"])
    told = c.add("SoraVerify", 2, video=saved["video"])
    c.add("PreviewAny", 3, source=told["report"])


def keep_cameos(c: Canvas) -> None:
    """Not a graph that ships either, for the same use."""
    picture = c.add("EmptyImage", 0, width=256, height=256)
    made = c.add("SoraCameo", 1, image=picture["IMAGE"], kind="box")
    c.add("SoraSaveCameo", 2, cameos=made["cameos"])
    kept = c.add("SoraLoadCameo", 0)
    c.add("SoraTextEncode", 1, cameos=kept["cameos"])


RECIPES: list[Callable[[Canvas], dict[str, Any] | None]] = [
    text_to_video_app, image_to_video, cameo_from_a_picture, extend_video, foley_for_a_silent_clip, lip_sync_to_a_voice,
    lora_of_your_clips, chain_with_core_nodes,
]


def graphs(types: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """File name -> workflow."""
    made = {}
    for recipe in RECIPES:
        canvas = Canvas(types, VERSIONS)
        extra = recipe(canvas)
        made[f"{recipe.__name__}.json"] = canvas.save(recipe.__name__, extra)
    return made


def blueprint(types: dict[str, Any]) -> dict[str, Any]:
    """The whole of `text_to_video` as one node: prompt, seconds, width, height and seed -> VIDEO."""
    c = Canvas(types, VERSIONS)
    loader = c.add("SoraCheckpointLoader", 0)
    latent = c.add("SoraEmptyLatent", 0, seconds=4.0)
    texts = words(c, 1, loader, "a red rubber ball drops onto a wooden floor and bounces")
    made = sampler(c, 2, loader["model"], texts, latent, 7)
    frames, sound = decoders(c, 3, loader, made["LATENT"])
    video = c.add("CreateVideo", 4, images=frames["images"], audio=sound["audio"], fps=frames["frame_rate"])
    outside = [(texts[0], "prompt"), (latent, "seconds"), (latent, "width"), (latent, "height"), (made, "seed")]
    return c.save_subgraph(BLUEPRINT, outside, (video, "VIDEO"), description=(
        "A prompt becomes a clip with the sound that belongs to it."), category="Sora")


def write(path: Path, graph: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(graph, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    known = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for file, workflow in graphs(known).items():
        write(WORKFLOWS / file, workflow)
    write(SUBGRAPHS / f"{BLUEPRINT}.json", blueprint(known))
