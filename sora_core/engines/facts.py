"""What each engine is: its files, its licence, what it can do and what it costs.

Sources: file names, folders and addresses from ComfyUI's own templates (package comfyui-workflow-templates of
November 2026); download totals from their index; licences in plain words from the models' own pages, second-hand and
not legal advice; working memory by the formula that ComfyUI itself plans with (`BaseModel.memory_required`). None of it
was measured here: no weights of these engines have been run by this project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ConfigError
from .sizes import Canvas, Law

HUB = "https://huggingface.co/"
EMBEDDED, BEST = "embedded", "best installed"
TEXT, FIRST, LAST, EXTEND, FOLEY, LIPS = "text", "first image", "last image", "extension", "foley", "lip-sync"
MODES = (TEXT, FIRST, LAST, EXTEND, FOLEY, LIPS)
ROLES = ("model", "model_2", "text_encoder", "video_vae", "audio_vae", "upscaler", "lora", "lora_2", "audio_encoder")
FOLDERS = {"model": "diffusion_models", "model_2": "diffusion_models", "text_encoder": "text_encoders",
           "video_vae": "vae", "audio_vae": "vae", "upscaler": "latent_upscale_models", "lora": "loras",
           "lora_2": "loras", "audio_encoder": "audio_encoders"}


@dataclass(frozen=True)
class File:
    """A file that an engine loads; `kind` is what its header must show (see `headers.kind_of`)."""

    role: str
    name: str
    address: str                # below HUB
    kind: str
    folder: str = ""
    needed: bool = True
    is_gated: bool = False      # the licence must be accepted on the page before it can be downloaded

    @property
    def place(self) -> str:
        return f"{self.folder or FOLDERS[self.role]}/{self.name}"

    @property
    def url(self) -> str:
        return HUB + self.address


@dataclass(frozen=True)
class Engine:
    """One engine; `refusals` say for each mode that it hasn't why, and what to do."""

    name: str
    files: tuple[File, ...]
    law: Law
    modes: tuple[str, ...]
    refusals: dict[str, str]
    has_sound: bool
    download_gb: float          # of what its template loads, by the templates' index
    licence: str
    working_gib: Callable[[Canvas], float]
    wording: str                # how its prompts are written: see `prompts.compile_prompt`
    single_stage: Law | None = None     # what is legal where the clip is made at full size at once

    def file(self, role: str) -> File | None:
        return next((file for file in self.files if file.role == role), None)

    def law_of(self, mode: str) -> Law:
        """What is legal in a mode."""
        two_stages = mode in (TEXT, FIRST, LIPS)
        return self.law if two_stages or self.single_stage is None else self.single_stage

    def check_mode(self, mode: str) -> None:
        """Refuse what the engine can't do.

        Raises:
            ConfigError: why, and what to choose.
        """
        if mode not in self.modes:
            raise ConfigError(self.refusals[mode])


def _ltx_gib(c: Canvas) -> float:
    video = 128 * ((c.frames - 1) // 8 + 1) * (c.height // 32) * (c.width // 32)
    return _mib(video + 128 * round(c.seconds * 25), 0.077)


def _h3_gib(c: Canvas) -> float:
    video = 24 * ((c.frames - 5) // 17 * 5 + 2) * (c.height // 16) * (c.width // 16)
    return _mib(video + 64 * round(c.seconds * 40), 0.114)


def _wan_gib(c: Canvas, side: int, width: int) -> float:
    return _mib(((c.frames - 1) // 4 + 1) * (c.height // side) * (c.width // side), width / 2222)


def _mib(area: float, factor: float) -> float:
    return area * 2 * 0.01 * factor / 1024      # bfloat16: two bytes


_LTX_LICENCE = ("LTX-2 Community Licence: free below 10 million US dollars of yearly revenue, a paid licence above")
_H3_LICENCE = ("MiniMax H3 Community Licence: leaves out the European Union, the United Kingdom, South Korea and the "
               "United States")
_WAN_LICENCE = "Apache 2.0: free for any use, everywhere"
_LTX_RATES = (24, 25, 30, 48, 50)
_LTX_TWO = Law(64, 1920 * 1088, 8, 1, 993, 20.1, _LTX_RATES, (97, 481))
_LTX_ONE = Law(32, 1920 * 1088, 8, 1, 993, 20.1, _LTX_RATES, (97, 481))
_UMT5 = File("text_encoder", "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/"
             "main/split_files/text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors", "umt5")
_WAN = "Comfy-Org/Wan_2.2_ComfyUI_Repackaged/resolve/main/split_files/"
_WAN_VAE = File("video_vae", "wan_2.1_vae.safetensors", _WAN + "vae/wan_2.1_vae.safetensors", "wan 2.1 vae")
_SILENT = "{} makes no sound; choose LTX-2.5, LTX-2.3, MiniMax-H3 or the embedded model to give a clip its sound"
_LIPLESS = "{} can't follow a voice; choose LTX-2.5, LTX-2.3, MiniMax-H3 or Wan 2.2 S2V"
_14B_LAW = Law(16, 1280 * 720, 4, 1, 161, 10.1, (16,), (49, 81))


def _wan_model(role: str, name: str, kind: str) -> File:
    return File(role, f"{name}.safetensors", f"{_WAN}diffusion_models/{name}.safetensors", kind)


def _wan_lora(role: str, name: str) -> File:
    return File(role, f"{name}.safetensors", f"{_WAN}loras/{name}.safetensors", "lora", needed=False)


def _ltx_25(role: str, name: str, kind: str, folder: str) -> File:
    return File(role, f"{name}.safetensors", f"Lightricks/LTX-2.5/resolve/main/{folder}/{name}.safetensors", kind,
                is_gated=True)


def _h3(role: str, name: str, kind: str, folder: str) -> File:
    return File(role, f"{name}.safetensors", f"Comfy-Org/MiniMax-H3/resolve/main/{folder}/{name}.safetensors", kind)


LTX_25 = Engine(
    "LTX-2.5",
    (_ltx_25("model", "ltx-2.5-22b-distilled-transformer-comfy-int8-convrot", "ltx-av", "diffusion_models"),
     _ltx_25("text_encoder", "gemma4-12b-with-proj-ltx-2.5-comfy-int8-convrot", "gemma4", "text_encoders"),
     _ltx_25("video_vae", "ltx-2.5-video-vae-bf16", "ltx video vae", "vae"),
     _ltx_25("audio_vae", "ltx-2.5-audio-vae-bf16", "ltx audio vae", "vae"),
     _ltx_25("upscaler", "ltx-2.5-latent-spatial-upscaler-x2-bf16-1.0", "ltx upscaler", "latent_upscale_models")),
    _LTX_TWO, MODES, {}, True, 53.2, _LTX_LICENCE, _ltx_gib, "prose", _LTX_ONE)

LTX_23 = Engine(
    "LTX-2.3",
    (File("model", "ltx-2.3-22b-dev-fp8.safetensors",
          "Lightricks/LTX-2.3-fp8/resolve/main/ltx-2.3-22b-dev-fp8.safetensors", "ltx-av checkpoint", "checkpoints"),
     File("text_encoder", "gemma_3_12B_it_fp4_mixed.safetensors",
          "Comfy-Org/ltx-2/resolve/main/split_files/text_encoders/gemma_3_12B_it_fp4_mixed.safetensors", "gemma3"),
     File("upscaler", "ltx-2.3-spatial-upscaler-x2-1.1.safetensors",
          "Lightricks/LTX-2.3/resolve/main/ltx-2.3-spatial-upscaler-x2-1.1.safetensors", "ltx upscaler"),
     File("lora", "ltx_2.3_22b_distilled_1.1_lora_dynamic_fro09_avg_rank_111_bf16.safetensors",
          "Comfy-Org/ltx-2.3/resolve/main/split_files/loras/"
          "ltx_2.3_22b_distilled_1.1_lora_dynamic_fro09_avg_rank_111_bf16.safetensors", "lora")),
    _LTX_TWO, MODES, {}, True, 47.2, _LTX_LICENCE, _ltx_gib, "prose", _LTX_ONE)

MINIMAX_H3 = Engine(
    "MiniMax-H3",
    (_h3("model", "minimax_h3_fl2va_pruned_int8_convrot", "minimax-h3", "diffusion_models"),
     _h3("text_encoder", "qwen3vl_32b_minimax_h3_nvfp4_awq", "qwen3vl", "text_encoders"),
     _h3("video_vae", "minimax_h3_video_vae_fp16", "minimax video vae", "vae"),
     _h3("audio_vae", "minimax_h3_audio_vae_fp32", "minimax audio vae", "vae"),
     File("lora", "minimax_h3_fl2v_turbo_8step_v1.0_comfyui_bf16.safetensors",
          "lightx2v/Minimax-h3-Turbo/resolve/main/minimax_h3_fl2v_turbo_8step_v1.0_comfyui_bf16.safetensors", "lora",
          needed=False)),
    Law(32, 1344 * 768, 17, 5, 362, 15.1, (24,), (124, 362), rounds_up=True),
    MODES, {}, True, 56.9, _H3_LICENCE, _h3_gib, "shots")

WAN_5B = Engine(
    "Wan 2.2 5B",
    (_wan_model("model", "wan2.2_ti2v_5B_fp16", "wan 5b"), _UMT5,
     File("video_vae", "wan2.2_vae.safetensors", _WAN + "vae/wan2.2_vae.safetensors", "wan 2.2 vae")),
    Law(32, 1280 * 704, 4, 1, 241, 10.1, (24,), (49, 121)), (TEXT, FIRST, EXTEND),
    {LAST: "Wan 2.2 5B can't end with a given picture; choose Wan 2.2 14B image, LTX-2.5 or MiniMax-H3",
     FOLEY: _SILENT.format("Wan 2.2 5B"), LIPS: _LIPLESS.format("Wan 2.2 5B")},
    False, 18.1, _WAN_LICENCE, lambda c: _wan_gib(c, 16, 3072), "silent prose")

WAN_14B_TEXT = Engine(
    "Wan 2.2 14B text",
    (_wan_model("model", "wan2.2_t2v_high_noise_14B_fp8_scaled", "wan t2v"),
     _wan_model("model_2", "wan2.2_t2v_low_noise_14B_fp8_scaled", "wan t2v"), _UMT5, _WAN_VAE,
     _wan_lora("lora", "wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise"),
     _wan_lora("lora_2", "wan2.2_t2v_lightx2v_4steps_lora_v1.1_low_noise")),
    _14B_LAW, (TEXT,),
    {FIRST: "Wan 2.2 14B text takes no pictures; choose Wan 2.2 14B image in Sora Engine",
     LAST: "Wan 2.2 14B text takes no pictures; choose Wan 2.2 14B image in Sora Engine",
     EXTEND: "Wan 2.2 14B text can't go on from a clip; choose Wan 2.2 14B image in Sora Engine",
     FOLEY: _SILENT.format("Wan 2.2 14B text"), LIPS: _LIPLESS.format("Wan 2.2 14B text")},
    False, 38.0, _WAN_LICENCE, lambda c: _wan_gib(c, 8, 5120), "silent prose")

WAN_14B_IMAGE = Engine(
    "Wan 2.2 14B image",
    (_wan_model("model", "wan2.2_i2v_high_noise_14B_fp8_scaled", "wan i2v"),
     _wan_model("model_2", "wan2.2_i2v_low_noise_14B_fp8_scaled", "wan i2v"), _UMT5, _WAN_VAE,
     _wan_lora("lora", "wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise"),
     _wan_lora("lora_2", "wan2.2_i2v_lightx2v_4steps_lora_v1_low_noise")),
    _14B_LAW, (FIRST, LAST, EXTEND),
    {TEXT: "Wan 2.2 14B image needs a picture to begin with; connect one, or choose Wan 2.2 14B text in Sora Engine",
     FOLEY: _SILENT.format("Wan 2.2 14B image"), LIPS: _LIPLESS.format("Wan 2.2 14B image")},
    False, 38.0, _WAN_LICENCE, lambda c: _wan_gib(c, 8, 5120), "silent prose")

WAN_S2V = Engine(
    "Wan 2.2 S2V",
    (_wan_model("model", "wan2.2_s2v_14B_fp8_scaled", "wan s2v"), _UMT5, _WAN_VAE,
     File("audio_encoder", "wav2vec2_large_english_fp16.safetensors",
          _WAN + "audio_encoders/wav2vec2_large_english_fp16.safetensors", "wav2vec2"),
     _wan_lora("lora", "wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise")),
    Law(16, 1280 * 720, 80, 77, 957, 59.9, (16,), (77, 317), rounds_up=True), (LIPS,),
    {mode: "Wan 2.2 S2V only follows a voice; choose lips to voice with a picture and a sound, or another engine"
     for mode in (TEXT, FIRST, LAST, EXTEND, FOLEY)},
    False, 25.3, _WAN_LICENCE, lambda c: _wan_gib(c, 8, 5120), "silent prose")

EMBEDDED_ENGINE = Engine(
    EMBEDDED, (), Law(2, 4096 * 4096, 1, 1, 1440, 60.0, (24,), (48, 96)), MODES, {}, True, 0.0,
    "GPL 3.0, as the pack itself", lambda c: 0.3, "small world")

ENGINES = {engine.name: engine for engine in (LTX_25, LTX_23, MINIMAX_H3, WAN_5B, WAN_14B_TEXT, WAN_14B_IMAGE, WAN_S2V,
                                              EMBEDDED_ENGINE)}
OVERLAPS = {"LTX-2.5": 17, "LTX-2.3": 17, "MiniMax-H3": 22, "Wan 2.2 5B": 5, "Wan 2.2 14B image": 5, EMBEDDED: 36}


def engine_of(name: str) -> Engine:
    """The engine of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name!r}; choose one of {', '.join(ENGINES)}")
    return ENGINES[name]
