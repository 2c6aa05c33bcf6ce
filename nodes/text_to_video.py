"""Sora Text To Video: everything in one node, with the inputs of the node that used to ask OpenAI."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import comfy.sample
import comfy.samplers
import folder_paths
import latent_preview
from comfy_api.latest import InputImpl, io, ui
from torch import Tensor

from ..sora_core.cameos.casting import Cast, cast_prompt
from ..sora_core.config import AudioVAEConfig
from ..sora_core.errors import ConfigError
from ..sora_core.media import write_clip
from ..sora_core.pipeline import NEGATIVE_IGNORED, check_prompt
from ..sora_core.plan import Plan
from ..sora_core.sampling.flow import DEFAULT_GUIDANCE_SCALE, DEFAULT_SAMPLER, DEFAULT_STEPS, MAX_STEPS
from ..sora_core.sampling.guidance import MAX_GUIDANCE_SCALE
from .adapter_vae import planned_chunks, require_ours
from .audio import AS_MADE, audio_of_latent, loudness_input
from .cameo import cameos_input, checked, leave_now
from .convert import plan_of, video_stream
from .engine import ENGINE, chosen_engine
from .engine_video import Asked, expansion
from .guider import AS_LEARNT, coupling_input, make_guider
from .image_to_video import latent_of_pictures
from .latents import empty_latent
from .loaders import EMBEDDED_NAME, checkpoint_input, fingerprint, is_there, load
from .text import EXAMPLE, conditioning_of_prompt, say, unused_of

MODELS = {"sora-2": 1, "sora-2-pro": 2}                                     # times the steps
OLD_SIZES = ["720x1280", "1280x720", "1024x1792", "1792x1024"]
OWN_SIZES = ["128x128", "160x96", "96x160"]                                 # what the embedded model knows
SCHEDULER = "simple"
MAX_SEED, LARGEST_SEED = 2147483647, 2 ** 64 - 1                            # of the old node, of other nodes


class SoraTextToVideo(io.ComfyNode):
    """Prompt, size and duration -> VIDEO with sound."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraTextToVideo",
            display_name="Sora Text To Video",
            category="Sora/video",
            description="A clip with sound from a sentence, on this machine. Takes the place of OpenAI Sora - Video, "
                        "with the same inputs; the smaller nodes of this pack do the same step by step.",
            search_aliases=["sora", "t2v", "i2v", "text to video", "OpenAIVideoSora2", "OpenAI Sora"],
            inputs=[
                io.Combo.Input("model", options=list(MODELS), default="sora-2",
                               tooltip="Names of the node that this one replaces; sora-2-pro takes twice the steps."),
                io.String.Input("prompt", multiline=True, default=EXAMPLE,
                                tooltip="What is seen and heard, in plain words; may be empty if there is an image."),
                io.Combo.Input("size", options=[*OLD_SIZES, *OWN_SIZES], default="1280x720",
                               tooltip="Width x height in pixels. Sizes that the model doesn't know are made at the "
                                       "nearest shape that it does, and scaled up."),
                io.Combo.Input("duration", options=[4, 8, 12], default=8,
                               tooltip="Length in seconds: 4, 8 or 12. The embedded model is at its best at 4."),
                io.Image.Input("image", optional=True, lazy=True,
                               tooltip="One picture, with which the clip begins."),
                io.Int.Input("seed", default=0, min=0, max=MAX_SEED, step=1, display_mode=io.NumberDisplay.number,
                             control_after_generate=True, optional=True,
                             tooltip="0 to 2147483647; the same seed gives the same clip."),
                io.String.Input("negative_prompt", default="", optional=True,
                                tooltip="What to move away from; needs a guidance_scale above 1."),
                checkpoint_input(optional=True),
                io.Int.Input("steps", default=DEFAULT_STEPS, min=1, max=MAX_STEPS // 2, optional=True,
                             tooltip="Steps from noise to picture, 1 to 500; fewer are faster and rougher."),
                io.Float.Input("guidance_scale", default=DEFAULT_GUIDANCE_SCALE, min=0.0, max=MAX_GUIDANCE_SCALE,
                               step=0.1, round=0.01, optional=True,
                               tooltip="How strictly to follow the prompt, 0 to 100; 1 is as learnt, and faster."),
                coupling_input(optional=True),
                loudness_input(),
                io.Custom(ENGINE).Input("engine", optional=True, lazy=True,
                                        tooltip="Of Sora Engine: another model makes the clip, and model, checkpoint, "
                                                "steps, guidance_scale, coupling and loudness are its own."),
                io.Image.Input("last_image", optional=True, lazy=True,
                               tooltip="With an engine: the picture with which the clip ends."),
                cameos_input("Of Sora Cameo or Sora Load Cameo: who the handles in the prompt are, such as @mila. "
                             "Another engine doesn't know them."),
            ],
            outputs=[
                io.Video.Output("video", tooltip="Connect to Save Video."),
                io.String.Output("report", tooltip="What was made, and where that differs from what was asked."),
            ],
            enable_expand=True,
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str | None = EMBEDDED_NAME, **given: Any) -> list[Any]:
        """Make it again when the model has changed, or who may be shown."""
        return [*fingerprint(checkpoint), leave_now(given)]

    @classmethod
    def validate_inputs(cls, checkpoint: str | None = EMBEDDED_NAME) -> bool | str:
        """A sentence instead of "value not in list"."""
        return is_there(checkpoint)

    @classmethod
    def check_lazy_status(cls, **inputs: Any) -> list[str]:
        """The picture is needed here only where the embedded model takes it."""
        waits = "image" in inputs and inputs["image"] is None
        return ["image"] if waits and not cls.has_engine() else []

    @classmethod
    def has_engine(cls) -> bool:
        """Whether another model than the embedded one is connected."""
        prompt = cls.hidden.dynprompt if cls.hidden is not None else None
        link = None if prompt is None else prompt.get_node(cls.hidden.unique_id)["inputs"].get("engine")
        return link is not None and not chosen_engine(prompt, link).is_embedded

    @classmethod
    def execute(cls, model: str, prompt: str, size: str, duration: int, image: Tensor | None = None, seed: int = 0,
                negative_prompt: str = "", checkpoint: str = EMBEDDED_NAME, steps: int = DEFAULT_STEPS,
                guidance_scale: float = DEFAULT_GUIDANCE_SCALE, coupling: float = AS_LEARNT,
                loudness: float = AS_MADE, engine: Any = None, last_image: Any = None,
                cameos: Any = ()) -> io.NodeOutput:
        width, height = check_choices(model, size, steps, seed)
        if cls.has_engine():
            made = expansion(cls.hidden, Asked(prompt, width, height, float(duration), seed, negative_prompt))
            return io.NodeOutput(made.args[0], made.args[2], expand=made.expand, ui=made.ui)
        check_prompt(prompt, needed=image is None)
        cast = cast_prompt(prompt, checked(cameos))
        parts = load(checkpoint)
        latent = empty_latent(duration, width, height) if image is None else latent_of_pictures(
            parts.video_vae, image, seconds=duration, width=width, height=height)
        words = (conditioning_of_prompt(parts.clip, said) for said in (cast, Cast(negative_prompt)))
        guider = make_guider(parts.model, *words, guidance_scale, coupling)
        latent["samples"] = sample(guider, latent, MODELS[model] * steps, seed)
        plan = plan_of(latent, require_ours(parts.video_vae, "video").config, AudioVAEConfig())
        video = write_video(latent, parts.video_vae, parts.audio_vae, plan, loudness, prompt)
        ignored = NEGATIVE_IGNORED if negative_prompt.strip() and guidance_scale == 1 else ""
        told = " ".join(filter(None, [made_at(plan), unused_of(parts.clip, cast), ignored]))
        return io.NodeOutput(video, told, ui=ui.PreviewText(say(cls.hidden.unique_id, told)))


def check_choices(model: str, size: str, steps: int, seed: int) -> tuple[int, int]:
    """Width and height; ComfyUI looks at what people choose on the node, but not at what comes through a link.

    Raises:
        ConfigError: one of them can't be used.
    """
    if model not in MODELS:
        raise ConfigError(f"there is no model {model!r} here; use {' or '.join(MODELS)}")
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", str(size))
    if sides is None:
        raise ConfigError(f"size {size!r} is not a width and a height in pixels; write it as 1280x720")
    if not 1 <= steps <= MAX_STEPS // 2:
        raise ConfigError(f"steps={steps} is out of range; use 1 to {MAX_STEPS // 2}")
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed={seed} is out of range; use 0 to {MAX_SEED}")
    return int(sides[1]), int(sides[2])


def sample(guider: comfy.samplers.CFGGuider, latent: dict[str, Any], steps: int, seed: int) -> Any:
    """What KSampler does, with the sampler and the scheduler that the model is best with."""
    start, model = latent["samples"], guider.model_patcher
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), SCHEDULER, steps)
    return guider.sample(comfy.sample.prepare_noise(start, seed), start, comfy.samplers.sampler_object(DEFAULT_SAMPLER),
                         sigmas, denoise_mask=latent.get("noise_mask"), seed=seed,
                         callback=latent_preview.prepare_callback(model, steps))


def write_video(latent: dict[str, Any], video_vae: Any, audio_vae: Any, plan: Plan, loudness: float,
                title: str) -> Any:
    """A LATENT as VIDEO: a file in ComfyUI's folder for such, so that memory doesn't grow with the length."""
    audio = audio_of_latent(latent, audio_vae, loudness)
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sora-{secrets.token_hex(8)}.mp4"
    chunks = (chunk.cpu() for chunk in planned_chunks(video_vae, video_stream(latent), plan))
    write_clip(path, chunks, audio["waveform"].cpu(),
               frame_rate=plan.frame_rate, sample_rate=audio["sample_rate"],
               metadata={"title": title, "comment": "made by a machine with SoraCore"})
    return InputImpl.VideoFromFile(str(path))


def made_at(plan: Plan) -> str:
    """What was made, in a sentence."""
    made, wanted = (f"{width} x {height}" for width, height in ((plan.model_width, plan.model_height),
                                                                 (plan.width, plan.height)))
    return f"Made at {wanted}." if made == wanted else \
        f"Made at {made}, the nearest shape that the model knows, and scaled to {wanted}."
