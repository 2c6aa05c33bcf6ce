"""START HERE: `generate` tells the whole story, from a sentence to a clip with sound.

    cameos -> tokenizer -> text encoder -> sketcher -> flow + transformer -> video and audio decoders -> marks -> media

Every step is a function of another file, and the nodes for ComfyUI call the same ones.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import __version__, media, shapes
from .cameos.casting import Role, cast_prompt, dress
from .cameos.file import Cameo, load_cameo
from .cameos.portrait import handle_of, sources_of
from .checkpoint import Checkpoint, build, load_checkpoint
from .errors import CheckpointError, ConfigError, PromptError
from .models.audio_vae import AudioVAE
from .models.carried import with_sketch
from .models.sketch import Sketch
from .models.sketcher import Sketcher
from .models.text_encoder import TextEncoder
from .models.tokenizer import Tokenizer
from .models.transformer import SoraTransformer
from .models.video_vae import VideoVAE
from .plan import MODEL_FRAME_RATE, Plan, check_seed, finish, fit, make_plan
from .prompt_plain import Plain, plain_words
from .prompt_words import unlearnt_words
from .sampling.flow import DEFAULT_GUIDANCE_SCALE, DEFAULT_SAMPLER, DEFAULT_STEPS, SAMPLERS, schedule
from .sampling.guidance import MAX_GUIDANCE_SCALE, guided_velocity
from .sampling.sketching import draw_sketch, window_guides
from .sampling.windows import plan_windows, sample_windows
from .trust.manifest import Ingredient
from .trust.provenance import Provenance, facts_of
from .wishes import NO_WISHES, Wishes, read_wishes

DEFAULT_SECONDS = 4.0
NEGATIVE_IGNORED = "The negative prompt does nothing at guidance scale 1; use 1.5, say."
CHARACTERS_PER_TOKEN = 16       # a prompt with more characters than this many to a token is refused unread


@dataclass(frozen=True)
class Models:
    """The five networks and the vocabulary of one checkpoint."""

    transformer: SoraTransformer
    sketcher: Sketcher
    text_encoder: TextEncoder
    tokenizer: Tokenizer
    video_vae: VideoVAE
    audio_vae: AudioVAE
    hash: str


@dataclass(frozen=True)
class Facts:
    """What was made, and how long each stage took."""

    output: str
    seconds: float
    frames: int
    width: int
    height: int
    frame_rate: str
    sample_rate: int
    seed: int
    steps: int
    guidance_scale: float
    sampler: str
    model: str                  # the first 16 hex digits of the checkpoint's sha256
    latents: str                # the same of the latents: equal seeds give equal latents on one machine
    mark: str                   # the number that the picture carries, 8 hex digits
    is_signed: bool
    unused: str                 # a sentence that says what of the prompt the model can't use; empty where it uses all
    stages: dict[str, float] = field(default_factory=dict)      # seconds


@torch.inference_mode()
def generate(prompt: str, *, output: str | Path, seconds: float = DEFAULT_SECONDS, seed: int = 0,
             width: int | None = None, height: int | None = None, frame_rate: float | str | Fraction = 24,
             steps: int = DEFAULT_STEPS, guidance_scale: float = DEFAULT_GUIDANCE_SCALE, negative_prompt: str = "",
             sampler: str = DEFAULT_SAMPLER, image: str | Path | None = None,
             cameos: Sequence[str | Path | Cameo] = (), checkpoint: str | Path | Models | None = None,
             signature: str = "auto", handle: str | None = None, tell_prompt: bool = False,
             on_progress: Callable[[int, int], None] | None = None) -> Facts:
    """Make a clip with sound.

    Args:
        prompt: what shall be seen and heard; may be empty only with an image.
        output: an `.mp4` file; replaced when the new clip is whole.
        seconds: more than 0, at most 60.
        seed: 0 to 2**64 - 1; the same seed gives the same clip.
        width, height: even, 32 to 4096; None takes the size that the networks were trained at.
        frame_rate: 1 to 120 frames a second.
        steps: 1 to 1000 steps from noise to picture.
        guidance_scale: 0 to 100; 1 = follow the prompt as learnt, more = more strictly.
        negative_prompt: what to move away from; needs a guidance_scale above 1.
        sampler: "lcm" or "euler", see `sampling.flow`.
        image: a picture that shall be the first frame.
        cameos: files of `cameos.file`, or what they hold, for the handles in the prompt ("@mila waves").
        checkpoint: a file, a folder of shards, loaded models, or None for the embedded one.
        signature: "auto" signs where the extra `provenance` is installed, "required" refuses where it isn't, "none"
            leaves the clip unsigned; it is marked in any case.
        handle: name in a visible, moving mark; "" = none, None = that of a person's cameo, if there is one.
        tell_prompt: sign the prompt itself, not only its hash.
        on_progress: called with (step, steps) after each step; raise in it to cancel.

    Raises:
        SoraError: one sentence that says what is wrong and what to do. No file is written then.
    """
    stages: dict[str, float] = {}
    with _timed(stages, "load"):
        check_prompt(prompt, needed=image is None)
        check_prompt(negative_prompt, needed=False, name="negative prompt")
        check_seed(seed)
        check_guidance_scale(guidance_scale)
        sigmas = schedule(steps)
        check_sampler(sampler)
        output = media.check_writable(output)
        picture = None if image is None else media.read_image(image)
        known = [one if isinstance(one, Cameo) else load_cameo(one) for one in cameos]
        cast = cast_prompt(prompt, known)
        models = checkpoint if isinstance(checkpoint, Models) else load_models(checkpoint)
        plan = make_plan(seconds=seconds, width=width, height=height, frame_rate=frame_rate, image=picture,
                         multiple=size_multiple(models), sample_rate=models.audio_vae.config.sample_rate)
        provenance = Provenance.here(
            facts_of(prompt=prompt, model=models.hash, seed=seed, with_prompt=tell_prompt, cameos=known,
                     settings={"steps": steps, "guidance_scale": guidance_scale, "sampler": sampler}),
            signature=signature, handle=handle_of(known) if handle is None else handle,
            ingredients=[*sources_of(known), *([] if image is None else [Ingredient(Path(image))])])
        provenance.check()

    with _timed(stages, "text"):
        most = models.text_encoder.config.max_tokens
        plain, unwanted = (understood(models.tokenizer, text, most) for text in (cast.text, negative_prompt))
        positive = encode_prompt(models, plain.text)
        negative = encode_prompt(models, unwanted.text, name="negative prompt")
        ignored = NEGATIVE_IGNORED if negative_prompt.strip() and guidance_scale == 1 else ""

    noise_video, noise_audio = make_noise(models, plan, seed)
    windows = plan_windows(noise_video.shape[2], noise_audio.shape[2], _audio_per_video(models))
    first = None if picture is None else models.video_vae.encode(fit(picture, plan.model_width, plan.model_height))

    with _timed(stages, "sketch"):
        wishes = read_wishes(plain.text)
        sketch = make_sketch(models, plan, positive, negative, seed, first, wishes, cast.roles)
        guides = window_guides(sketch, windows, models.video_vae, plan.model_height, plan.model_width, wishes.setting)

    with _timed(stages, "sample"):
        velocities = [guided_velocity(models.transformer, positive, negative, guidance_scale, float(MODEL_FRAME_RATE),
                                      guide) for guide in guides]
        video, audio = sample_windows(velocities, noise_video, noise_audio, sigmas, windows, first=first,
                                      still=lambda known: still_latent(models.video_vae, known),
                                      sampler=SAMPLERS[sampler], seed=seed, on_progress=on_progress)
        video = with_sketch(video, sketch)

    with _timed(stages, "decode_audio"):
        waveform = models.audio_vae.decode(audio)[..., :plan.num_samples]

    settings = {"prompt": prompt, "negative_prompt": negative_prompt, "seed": seed, "steps": steps,
                "guidance_scale": guidance_scale, "sampler": sampler, "model": models.hash[:16], "version": __version__}
    with _timed(stages, "write"):
        frames = _timed_each(stages, "decode_video", decode_video(models.video_vae, video))
        media.write_clip(output, finish(frames, plan), waveform, frame_rate=plan.frame_rate,
                         sample_rate=models.audio_vae.config.sample_rate, metadata=_tags(settings),
                         provenance=provenance)
    stages["write"] -= stages.get("decode_video", 0.0)     # a sound alone never asks for frames
    return Facts(output=str(output), seconds=plan.seconds, frames=plan.num_frames, width=plan.width,
                 height=plan.height, frame_rate=str(plan.frame_rate), sample_rate=models.audio_vae.config.sample_rate,
                 seed=seed, steps=steps, guidance_scale=guidance_scale, sampler=sampler, model=models.hash[:16],
                 latents=_hash(video, audio), mark=f"{provenance.mark.payload:08x}", is_signed=provenance.is_signed,
                 unused=" ".join(filter(None, [plain.unused, cast.unused, ignored])),
                 stages={name: round(value, 3) for name, value in stages.items()})


def load_models(checkpoint: str | Path | Checkpoint | None = None) -> Models:
    """The networks of a checkpoint, ready to generate.

    Raises:
        CheckpointError: missing, damaged, too new, or its networks don't fit each other.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load_checkpoint(checkpoint)
    dtype = torch.bfloat16 if has_fast_bfloat16() else torch.float32
    models = Models(build(checkpoint, "transformer", SoraTransformer, dtype=dtype),
                    build(checkpoint, "sketcher", Sketcher), build(checkpoint, "text_encoder", TextEncoder),
                    Tokenizer.from_json(checkpoint.vocabulary),
                    build(checkpoint, "video_vae", VideoVAE).to(memory_format=torch.channels_last),
                    build(checkpoint, "audio_vae", AudioVAE), checkpoint.hash)
    check_fit(checkpoint, models.tokenizer)
    return models


def check_fit(checkpoint: Checkpoint, tokenizer: Tokenizer) -> None:
    """Refuse a complete checkpoint whose networks were not made for each other."""
    flow, text, video, audio = (checkpoint.config[name]
                                for name in ("transformer", "text_encoder", "video_vae", "audio_vae"))
    sketcher = checkpoint.config["sketcher"]
    pairs = {
        "text width": (flow.text_width, text.width),
        "text width of the sketcher": (sketcher.text_width, text.width),
        "video channels of the sketcher": (sketcher.video_channels, video.latent_channels),
        "video channels": (flow.video_channels, video.latent_channels),
        "audio channels": (flow.audio_channels, audio.latent_channels),
        "temporal compression": (flow.temporal_compression, video.temporal_compression),
        "spatial compression": (flow.spatial_compression, video.spatial_compression),
        "audio latent rate": (flow.audio_latent_rate, audio.sample_rate / audio.samples_per_latent),
        "vocabulary": (min(tokenizer.vocabulary_size, text.vocabulary_size), tokenizer.vocabulary_size),
    }
    for name, (one, other) in pairs.items():
        if one != other:
            raise CheckpointError(f"the checkpoint's networks don't fit each other: {name} {one:g} and {other:g}; "
                                  "use networks that were trained together")


def check_prompt(prompt: str, *, needed: bool, name: str = "prompt") -> None:
    """Refuse a prompt that says nothing or can't be text."""
    if not isinstance(prompt, str):
        raise PromptError(f"the {name} is {type(prompt).__name__}, not text; put it in quotes")
    if needed and not prompt.strip():
        raise PromptError("the prompt is empty; say what shall be seen and heard, or give a first frame with --image")
    if "\0" in prompt or any(0xD800 <= ord(character) < 0xE000 for character in prompt):
        raise PromptError(f"the {name} holds a NUL or a broken character; remove it and try again")


def check_guidance_scale(guidance_scale: float) -> None:
    """Refuse a scale that is not a number from 0 to 100."""
    if not isinstance(guidance_scale, (int, float)) or not 0 <= guidance_scale <= MAX_GUIDANCE_SCALE:
        raise ConfigError(f"guidance_scale={guidance_scale} is out of range; use 1 (off) to {MAX_GUIDANCE_SCALE:g}")


def check_sampler(sampler: str) -> None:
    """Refuse a sampler that there isn't."""
    if sampler not in SAMPLERS:
        raise ConfigError(f"sampler={sampler!r} is unknown; use {' or '.join(SAMPLERS)}")


def encode_prompt(models: Models, text: str, *, name: str = "prompt") -> Tensor:
    """States (1, L, D), float32, of a prompt; the empty one is the unconditional prompt.

    Raises:
        PromptError: more tokens than the text encoder reads.
    """
    most = models.text_encoder.config.max_tokens
    ids_BL = torch.tensor([prompt_tokens(models.tokenizer, text, most, name=name)])
    return models.text_encoder(ids_BL, torch.ones_like(ids_BL, dtype=torch.bool))


def understood(tokenizer: Tokenizer, text: str, most: int) -> Plain:
    """The part of a prompt that a text encoder of `most` tokens can understand, and a line on what it can't."""

    def fits(words: str) -> bool:
        return len(words) <= most * CHARACTERS_PER_TOKEN and len(tokenizer.encode(words)) <= most

    plain = plain_words(text, fits)
    unlearnt = unlearnt_words(plain.text, lambda word: len(tokenizer.encode(word)) - 1)
    note = f"Not learnt: {', '.join(unlearnt)}." if unlearnt else ""
    return Plain(plain.text, f"{plain.unused} {note}".strip())


def prompt_tokens(tokenizer: Tokenizer, text: str, most: int, *, name: str = "prompt") -> list[int]:
    """Ids of a prompt, at most `most`; errors as `encode_prompt`."""
    if len(text) > most * CHARACTERS_PER_TOKEN:
        raise PromptError(f"the {name} has {len(text):,} characters; use at most {most * CHARACTERS_PER_TOKEN:,}")
    ids = tokenizer.encode(text)
    if len(ids) > most:
        raise PromptError(f"the {name} has {len(ids):,} tokens (pieces of words); use at most {most:,}")
    return ids


def size_multiple(models: Models) -> int:
    """Pixels that a generated side is a multiple of."""
    return models.video_vae.config.spatial_compression * models.transformer.config.patch_size


def make_noise(models: Models, plan: Plan, seed: int) -> tuple[Tensor, Tensor]:
    """Noise for video (1, C, T', H', W') and sound (1, C, L): drawn on the CPU, video first, from one generator,
    as ComfyUI does, so that one seed means one clip on every road; the channels that carry a sketch get some too."""
    video, audio = models.video_vae.config, models.audio_vae.config
    generator = torch.Generator().manual_seed(seed)
    latent_frames = shapes.video_latent_frames(plan.model_frames, video.temporal_compression)
    side = video.spatial_compression
    length = shapes.audio_latent_frames(plan.num_samples, audio.samples_per_latent)
    noise = torch.randn(1, video.latent_channels + shapes.SKETCH_CHANNELS, latent_frames, plan.model_height // side,
                        plan.model_width // side, generator=generator)
    return (noise[:, :video.latent_channels],
            torch.randn(1, audio.latent_channels, length, generator=generator))


def make_sketch(models: Models, plan: Plan, positive: Tensor, negative: Tensor, seed: int,
                first: Tensor | None = None, wishes: Wishes = NO_WISHES, roles: Sequence[Role] = ()) -> Sketch:
    """The sketch of a clip, dressed as its cast. `first` is the latent of a given first frame; `wishes` as of
    `draw_sketch`."""
    return dress(draw_sketch(models.sketcher, positive, negative, frames=plan.model_frames, seed=seed,
                       aspect=plan.model_width / plan.model_height, wishes=wishes,
                       picture=None if first is None else first[:, :, 0]), roles)


def decode_video(video_vae: VideoVAE, latents: Tensor) -> Iterator[Tensor]:
    """Chunks (1, 3, t, H, W) of the picture, one after another."""
    chunks = video_vae.decode_stream(latents)
    while True:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_fast_bfloat16()):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def still_latent(video_vae: VideoVAE, latents: Tensor) -> Tensor:
    """One latent of the last frame alone of `latents` (B, C, t, H', W'): what a continued clip starts from."""
    return video_vae.encode(video_vae.decode(latents)[:, :, -1:])


def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware: about three times as fast as float32."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def _audio_per_video(models: Models) -> float:
    config = models.transformer.config
    return config.audio_latent_rate * config.temporal_compression / float(MODEL_FRAME_RATE)


def _tags(settings: dict[str, Any]) -> dict[str, str]:
    return {"title": settings["prompt"], "comment": "made by a machine with SoraCore",
            "soracore": json.dumps(settings, sort_keys=True, ensure_ascii=False)}


def _hash(*tensors: Tensor) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        stages[name] = stages.get(name, 0.0) + time.perf_counter() - start


def _timed_each(stages: dict[str, float], name: str, chunks: Iterator[Tensor]) -> Iterator[Tensor]:
    """Time what an iterator does, without what its consumer does."""
    while True:
        with _timed(stages, name):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
