"""What a recipe is made of: the request, and the steps that engines share.

Nodes are ComfyUI's own, but for those that fit a given clip to an engine and that judge candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..sampling.flow import DEFAULT_GUIDANCE_SCALE, DEFAULT_STEPS
from .facts import EXTEND, FIRST, FOLEY, LAST, LIPS, TEXT, Engine
from .graph import Graph, Link
from .sizes import Canvas

PARTS = ("model", "model_2", "clip", "video_vae", "audio_vae", "upscaler", "audio_encoder")
CROP, PAD = "crop", "pad"
STAY_SILENT, EMBEDDED_FOLEY = "stay silent", "by the embedded model"
MAX_CANDIDATES = 8
ALL_FRAMES = 4096               # more than any clip here has; what Image From Batch takes for "to the end"
Decoder = Callable[[Link, str], tuple[Link, "Link | None"]]     # latent, name of the nodes -> images, sound


@dataclass(frozen=True)
class Request:
    """What to make. Links lead to nodes of the graph around."""

    mode: str
    canvas: Canvas
    prompt: str
    seed: int
    negative: str = ""
    first: Link | None = None
    last: Link | None = None
    video: Link | None = None
    voice: Link | None = None
    fit: str = CROP
    overlap: int = 0            # frames of the given clip that an extension begins with
    is_turbo: bool = False      # the few-step LoRA is loaded
    silent_sound: str = STAY_SILENT
    candidates: int = 1
    judge_step: int = 3
    judge: Link | None = None

    @property
    def rate(self) -> float:
        return float(self.canvas.rate)


@dataclass(frozen=True)
class Made:
    """Where in the graph the results come out."""

    video: Link
    latent: Link
    cost: str = ""              # of several candidates, in steps
    verdict: Link | None = None


@dataclass
class Kitchen:
    """A graph in the making with what its steps need."""

    graph: Graph
    parts: dict[str, Link]
    request: Request
    cost: str = ""
    verdict: Link | None = None

    def part(self, name: str) -> Link:
        return self.parts[name]

    def picture(self, name: str, image: Link) -> Link:
        """One picture, cropped or padded to the canvas: never stretched."""
        c = self.request.canvas
        one = self.graph.add(f"{name}_one", "ImageFromBatch", image=image, batch_index=0, length=1)
        return self._fitted(name, one[0], c.width, c.height)

    def _fitted(self, name: str, image: Link, width: int, height: int) -> Link:
        if self.request.fit == PAD:
            return self.graph.add(name, "ResizeAndPadImage", image=image, target_width=width, target_height=height,
                                  padding_color="black", interpolation="lanczos")[0]
        return self.graph.add(name, "ImageScale", image=image, upscale_method="lanczos", width=width, height=height,
                              crop="center")[0]

    def whole_clip(self, engine: Engine, at_least: int) -> Any:
        """The given clip at the canvas' size and the engine's rate."""
        c = self.request.canvas
        return self.graph.add("given", "SoraEngineClip", video=self.request.video, engine=engine.name, width=c.width,
                              height=c.height, frame_rate=self.request.rate, at_least=at_least, legal_length=False,
                              fit=self.request.fit)

    def legal_clip(self, engine: Engine) -> Any:
        """The given clip at the nearest legal size and length."""
        return self.graph.add("given", "SoraEngineClip", video=self.request.video, engine=engine.name, width=0,
                              height=0, frame_rate=self.request.rate, at_least=1, legal_length=True,
                              fit=self.request.fit)

    def voice(self) -> Link:
        """The given sound, exactly as long as the clip: cut, or filled with silence."""
        seconds = self.request.canvas.seconds
        pause = self.graph.add("pause", "EmptyAudio", duration=seconds, sample_rate=44100, channels=2)
        longer = self.graph.add("voice_longer", "AudioConcat", audio1=self.request.voice, audio2=pause[0],
                                direction="after")
        return self.graph.add("voice", "TrimAudioDuration", audio=longer[0], start_index=0.0, duration=seconds)[0]

    def tail(self, images: Link, sound: Link) -> tuple[Link, Link]:
        """The end of a clip that its extension begins with."""
        frames, seconds = self.request.overlap, self.request.overlap / self.request.rate
        return (self.graph.add("tail", "ImageFromBatch", image=images, batch_index=-frames, length=frames)[0],
                self.graph.add("tail_sound", "TrimAudioDuration", audio=sound, start_index=-seconds,
                               duration=seconds)[0])

    def appended(self, given: Any, images: Link, sound: Link | None) -> tuple[Link, Link | None]:
        """The given clip and what was made after it; frames and sound of the overlap are dropped."""
        r = self.request
        new = self.graph.add("new", "ImageFromBatch", image=images, batch_index=r.overlap, length=ALL_FRAMES)
        frames = self.graph.add("joined", "ImageBatch", image1=given[0], image2=new[0])
        start = r.overlap / r.rate
        length = (r.canvas.frames - r.overlap) / r.rate
        if sound is None:
            extra = self.graph.add("new_silence", "EmptyAudio", duration=length, sample_rate=44100, channels=2)
        else:
            extra = self.graph.add("new_sound", "TrimAudioDuration", audio=sound, start_index=start, duration=length)
        heard = self.graph.add("joined_sound", "AudioConcat", audio1=given[1], audio2=extra[0], direction="after")
        return frames[0], heard[0]

    def sample(self, *, guider: Link, sampler: Link, sigmas: Link, steps: int, latent: Link, look: Decoder,
               has_mask: bool, expert: str = "") -> Link:
        """Noise to latents; of several candidates the one that the judge likes best.

        The candidates stop after `judge_step` steps, are judged by what they expect to become (x0), and the best goes
        on from where it stood: with the sampler euler that is the same clip as if it had run alone. Where a noise mask
        holds part of the latent that isn't so, and all are sampled to their end.
        """
        g, r = self.graph, self.request
        if r.candidates == 1:
            noise = g.add(f"noise{expert}", "RandomNoise", noise_seed=r.seed)
            return g.add(f"sample{expert}", "SamplerCustomAdvanced", noise=noise[0], guider=guider, sampler=sampler,
                         sigmas=sigmas, latent_image=latent)[0]
        stop = steps if has_mask else min(r.judge_step, steps)
        early = late = sigmas
        if stop < steps:
            split = g.add("judge_at", "SplitSigmas", sigmas=sigmas, step=stop)
            early, late = split[0], split[1]
        picks: dict[str, Link] = {}
        for number in range(r.candidates):
            noise = g.add(f"noise_{number}", "RandomNoise", noise_seed=r.seed + number)
            tried = g.add(f"sample_{number}", "SamplerCustomAdvanced", noise=noise[0], guider=guider, sampler=sampler,
                          sigmas=early, latent_image=latent)
            images, sound = look(tried[1], f"look_{number}")
            picks[f"latent_{number}"] = tried[0]
            picks[f"score_{number}"] = g.add(f"score_{number}", "SoraEngineScore", images=images, audio=sound,
                                             frame_rate=r.rate, judge=r.judge)[0]
        best = g.add("best", "SoraPickBest", first_seed=r.seed, **picks)
        total = r.candidates * stop + steps - stop
        self.cost = f"{r.candidates} candidates, judged after {stop} of {steps} steps: {total} steps instead of {steps}"
        self.verdict = best[1]
        if stop == steps:
            return best[0]
        quiet = g.add("no_noise", "DisableNoise")
        return g.add("sample", "SamplerCustomAdvanced", noise=quiet[0], guider=guider, sampler=sampler, sigmas=late,
                     latent_image=best[0])[0]

    def with_new_sound(self, given: Any, sound: Link, latent: Link) -> Made:
        """The given clip's own frames with the sound that was made for them."""
        parts = self.graph.add("original", "GetVideoComponents", video=self.request.video)
        cut = self.graph.add("sound", "TrimAudioDuration", audio=sound, start_index=0.0, duration=given[6])
        return self.finish(parts[0], cut[0], latent, rate=parts[2])

    def finish(self, images: Link, sound: Link | None, latent: Link, rate: Any = None) -> Made:
        """VIDEO with its sound."""
        video = self.graph.add("video", "CreateVideo", images=images, fps=rate or self.request.rate, audio=sound)
        return Made(video[0], latent, self.cost, self.verdict)

    def foley(self, images: Link) -> Link:
        """The sound that the embedded model gives to pictures."""
        g = self.graph
        loader = g.add("foley_model", "SoraCheckpointLoader", checkpoint="sora-nano (embedded)")
        words = [g.add(name, "SoraTextEncode", clip=loader[1], prompt=text)[0]
                 for name, text in (("foley_words", self.request.prompt), ("foley_nothing", ""))]
        start = g.add("foley_start", "SoraFoley", video_vae=loader[2], images=images, frame_rate=self.request.rate)
        made = g.add("foley_sample", "KSampler", model=loader[0], seed=self.request.seed, steps=DEFAULT_STEPS,
                     cfg=DEFAULT_GUIDANCE_SCALE, sampler_name="euler", scheduler="simple", positive=words[0],
                     negative=words[1], latent_image=start[0], denoise=1.0)
        return g.add("foley_sound", "SoraAudioSynthesis", samples=made[0], vae=loader[3])[0]


def check_request(engine: Engine, request: Request) -> None:
    """That the engine can do it and that what it needs is connected.

    Raises:
        ConfigError: what is missing or impossible.
    """
    engine.check_mode(request.mode)
    if request.mode in (EXTEND, FOLEY) and request.video is None:
        raise ConfigError("this needs a clip; connect a VIDEO to video")
    if request.mode == LIPS and request.voice is None:
        raise ConfigError("this needs a voice; connect an AUDIO to voice")
    if not 1 <= request.candidates <= MAX_CANDIDATES:
        raise ConfigError(f"best_of={request.candidates} can't be used; choose 1 to {MAX_CANDIDATES}")
    if request.candidates > 1 and request.mode in (FOLEY, LIPS, EXTEND):
        raise ConfigError(f"best of several isn't made for {request.mode}; set best_of to 1")


def mode_of(task: str, *, first: bool, last: bool) -> str:
    """The mode that a task with these pictures is."""
    if task != TEXT:
        return task
    return LAST if last else FIRST if first else TEXT
