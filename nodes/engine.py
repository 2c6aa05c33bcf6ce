"""Sora Engine: one front for the models that make the clips, with what each can do, may be used for and needs."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..sora_core.engines.facts import BEST, EMBEDDED, ENGINES, ROLES, Engine
from ..sora_core.engines.kitchen import PARTS
from ..sora_core.engines.loaders import load as load_graph
from ..sora_core.errors import SoraError
from .engine_files import (
    AUTO,
    check_files,
    check_memory,
    check_nodes,
    choose,
    options_of,
    state_of,
    weight_gib,
)
from .engine_graph import as_input, expand, fill

ENGINE = "SORA_ENGINE"
SLOTS = {part: slot for slot, part in enumerate(PARTS, 1)}      # behind the engine itself
OUTPUTS = {"model": io.Model, "model_2": io.Model, "clip": io.Clip, "video_vae": io.Vae, "audio_vae": io.Vae,
           "upscaler": io.LatentUpscaleModel, "audio_encoder": io.AudioEncoder}
PARTS_SAY = {"model": "the diffusion model", "model_2": "Wan 2.2 14B has it, for low noise", "clip": "the text encoder",
             "video_vae": "the autoencoder of the picture", "audio_vae": "engines with sound have it",
             "upscaler": "LTX has it", "audio_encoder": "Wan 2.2 S2V has it"}
SAYS = {"model": "The diffusion model; LTX-2.3 takes a checkpoint.",
        "model_2": "The second one, for low noise, of Wan 2.2 14B.", "text_encoder": "The text encoder.",
        "video_vae": "The autoencoder of the picture.", "audio_vae": "The autoencoder of the sound.",
        "upscaler": "The latent upscaler of LTX.",
        "lora": "A LoRA; auto takes one only where the engine needs it. A few-step LoRA makes Wan 2.2 take 4 steps and "
                "MiniMax-H3 6.",
        "lora_2": "The LoRA of model_2.", "audio_encoder": "What Wan 2.2 S2V hears a voice with."}


class SoraEngine(io.ComfyNode):
    """An engine's name and files -> its networks, loaded by ComfyUI's own loaders."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraEngine",
            display_name="Sora Engine",
            category="Sora/load",
            description="Chooses what makes the clip: the embedded model, or a large open one that you have "
                        "installed. A new seed loads nothing again.",
            search_aliases=["sora", "engine", "ltx", "minimax", "wan", "load"],
            enable_expand=True,
            inputs=[
                io.Combo.Input("engine", options=[BEST, *reversed(ENGINES)], default=BEST,
                               tooltip="Best installed takes the first of LTX-2.5, MiniMax-H3, LTX-2.3, Wan 2.2 14B "
                                       "and 5B whose files are all there and fit, else the embedded model."),
                *[io.Combo.Input(role, options=options_of(role), default=AUTO, optional=True,
                                 tooltip=f"{SAYS[role]}{'' if role.startswith('lora') else ' Auto finds it.'}")
                  for role in ROLES],
                io.Float.Input("memory_limit", default=0.0, min=0.0, max=4096.0, step=0.5, round=0.01, optional=True,
                               tooltip="GiB that weights and work together may take by the estimate, 0 to 4096; 0 only "
                                       "warns."),
            ],
            outputs=[
                io.Custom(ENGINE).Output("engine", tooltip="For Sora Text To Video or Sora Engine Video."),
                *[kind.Output(name, tooltip=f"For ComfyUI's own nodes; {PARTS_SAY[name]}.")
                  for name, kind in OUTPUTS.items()],
                io.String.Output("report", tooltip="What was found, what it can do, and what its licence says."),
            ],
        )

    @classmethod
    def validate_inputs(cls, model: Any = AUTO, model_2: Any = AUTO, text_encoder: Any = AUTO, video_vae: Any = AUTO,
                        audio_vae: Any = AUTO, upscaler: Any = AUTO, lora: Any = AUTO, lora_2: Any = AUTO,
                        audio_encoder: Any = AUTO) -> bool:
        """Files are looked for when it runs: one sentence with the address, instead of ten of values not in lists."""
        return True

    @classmethod
    def fingerprint_inputs(cls, engine: str | None = BEST, memory_limit: float = 0.0, **files: Any) -> Any:
        """Load again when a file has changed, or when another engine has become the best."""
        try:
            found, names = choose(engine, files)
            return found.name, state_of(found, names)
        except (SoraError, OSError, TypeError):
            return engine

    @classmethod
    def execute(cls, engine: str, memory_limit: float = 0.0, **files: str) -> io.NodeOutput:
        found, names = choose(engine, files)
        check_nodes(found, names)
        gib = check_files(found, names)
        warning = check_memory(found, gib, memory_limit)
        graph, parts = load_graph(found, names)
        children, prefix = expand(fill(graph, found.name))
        report = describe(found, names, gib) + warning
        results = [as_input(parts[part], prefix) if part in parts else None for part in PARTS]
        return io.NodeOutput({"engine": found.name, "files": names}, *results, report, expand=children)


def describe(engine: Engine, files: dict[str, str], gib: float) -> str:
    """One line: what was found, what it can do, legal sizes, licence, memory."""
    sound = "picture and sound" if engine.has_sound else "silent picture"
    weight = f"{gib:.3g} GiB of weights in {len(files)} files" if files else "weights inside the pack"
    return (f"{engine.name}: {sound}; {weight}; can do {', '.join(engine.modes)}; {engine.law.describe()}. "
            f"Licence (in short, read the real one): {engine.licence}.")


class Chosen:
    """What an engine node of a prompt loads, known before it has run."""

    def __init__(self, node: str, inputs: dict[str, Any]) -> None:
        if any(isinstance(value, list) for value in inputs.values()):
            raise SoraError("the widgets of Sora Engine must be set on the node itself, since the graph depends on "
                            "them; disconnect what leads into it")
        self.node = node
        self.limit_gib = float(inputs.get("memory_limit", 0.0))
        self.engine, self.files = choose(inputs.get("engine", BEST), inputs)

    @property
    def is_embedded(self) -> bool:
        return self.engine.name == EMBEDDED

    @property
    def is_turbo(self) -> bool:
        """Whether a LoRA is loaded that the engine doesn't need: they make the steps few."""
        file = self.engine.file("lora")
        return file is not None and not file.needed and "lora" in self.files

    def weight_gib(self) -> float:
        return weight_gib(self.engine, self.files)


def chosen_engine(prompt: Any, link: list[Any]) -> Chosen:
    """The engine at the other end of a link; `prompt` has `get_node`.

    Raises:
        SoraError: something else is there.
    """
    node = prompt.get_node(link[0])
    if node["class_type"] != "SoraEngine" or link[1] != 0:
        raise SoraError("engine must come straight from a Sora Engine node; connect its first output")
    return Chosen(link[0], node["inputs"])

