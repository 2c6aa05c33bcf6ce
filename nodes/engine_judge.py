"""Who judges candidates. Any node that gives SORA_JUDGE can: an object whose `score(images, audio, frame_rate)` returns
a number, larger for better, of IMAGE (T, H, W, 3), AUDIO or None, and frames a second."""

from __future__ import annotations

from typing import Any, NamedTuple

from comfy_api.latest import io
from torch import Tensor

from ..sora_core.engines.kitchen import MAX_CANDIDATES
from ..sora_core.engines.score import cause_score, motion_score
from ..sora_core.errors import SoraError
from .engine_video import JUDGE


class Judge(NamedTuple):
    """The pack's own: motion, and sound that goes with what happens."""

    motion: float = 1.0
    sound: float = 1.0

    def score(self, images: Tensor, audio: dict[str, Any] | None, frame_rate: float) -> float:
        heard = cause_score(images, audio["waveform"][0]) if audio is not None and self.sound else 0.0
        return self.motion * motion_score(images) + self.sound * heard


class SoraJudge(io.ComfyNode):
    """Two weights -> a judge."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraJudge",
            display_name="Sora Judge",
            category="Sora/video",
            description="Says which of several tries is best: the one that moves, smoothly, and is heard when "
                        "something happens. It doesn't know the prompt.",
            search_aliases=["sora", "best of", "score", "rank"],
            inputs=[
                io.Float.Input("motion", default=1.0, min=0.0, max=10.0, step=0.1, round=0.01,
                               tooltip="Weight of smooth motion, 0 to 10."),
                io.Float.Input("sound", default=1.0, min=0.0, max=10.0, step=0.1, round=0.01,
                               tooltip="Weight of sound that goes with what happens, 0 to 10."),
            ],
            outputs=[io.Custom(JUDGE).Output("judge", tooltip="For Sora Engine Video.")],
        )

    @classmethod
    def execute(cls, motion: float, sound: float) -> io.NodeOutput:
        return io.NodeOutput(Judge(motion, sound))


class SoraEngineScore(io.ComfyNode):
    """A try -> a number."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraEngineScore",
            display_name="Sora Score",
            category="Sora/video",
            description="Lets a judge score a clip. Sora Engine Video uses it inside for the best of several.",
            search_aliases=["sora", "score", "judge"],
            inputs=[
                io.Image.Input("images", tooltip="The frames."),
                io.Float.Input("frame_rate", default=24.0, min=1.0, max=120.0, step=1.0, round=0.001,
                               tooltip="Frames a second, 1 to 120."),
                io.Audio.Input("audio", optional=True, tooltip="The sound, if there is one."),
                io.Custom(JUDGE).Input("judge", optional=True, tooltip="Of Sora Judge or of another pack."),
            ],
            outputs=[io.Float.Output("score", tooltip="Larger is better.")],
        )

    @classmethod
    def execute(cls, images: Tensor, frame_rate: float, audio: dict[str, Any] | None = None,
                judge: Any = None) -> io.NodeOutput:
        chosen = Judge() if judge is None else judge
        if not hasattr(chosen, "score"):
            raise SoraError("this is not a judge; connect Sora Judge, or a node whose output has a score method")
        return io.NodeOutput(float(chosen.score(images, audio, frame_rate)))


class SoraPickBest(io.ComfyNode):
    """Tries and their scores -> the best try."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        tries = range(MAX_CANDIDATES)
        return io.Schema(
            node_id="SoraPickBest",
            display_name="Sora Pick Best",
            category="Sora/latent",
            description="Passes on the latent with the highest score. Sora Engine Video uses it inside.",
            search_aliases=["sora", "best of", "choose"],
            inputs=[
                io.Int.Input("first_seed", default=0, min=0, max=0xffffffffffffffff, control_after_generate=False,
                             tooltip="The seed of latent_0, for the verdict; each next one has the next seed."),
                *[io.Latent.Input(f"latent_{i}", optional=True, tooltip=f"Try {i}.") for i in tries],
                *[io.Float.Input(f"score_{i}", optional=True, force_input=True, tooltip=f"Score of latent_{i}.")
                  for i in tries],
            ],
            outputs=[
                io.Latent.Output("latent", tooltip="The best."),
                io.String.Output("verdict", tooltip="Which it was, and all scores."),
            ],
        )

    @classmethod
    def execute(cls, first_seed: int, **tries: Any) -> io.NodeOutput:
        scores = {i: tries[f"score_{i}"] for i in range(MAX_CANDIDATES)
                  if tries.get(f"score_{i}") is not None and tries.get(f"latent_{i}") is not None}
        if not scores:
            raise SoraError("there is nothing to pick from; connect at least one latent with its score")
        best = max(scores, key=lambda i: (scores[i], -i))
        told = ", ".join(f"{first_seed + i}: {score:.3f}" for i, score in scores.items())
        return io.NodeOutput(tries[f"latent_{best}"], f"Seed {first_seed + best} was judged best ({told}).")
