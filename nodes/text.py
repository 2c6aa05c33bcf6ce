"""Sora Text Encode: the words of a prompt as CONDITIONING."""

from __future__ import annotations

from typing import Any

import node_helpers
from comfy_api.latest import io, ui
from server import PromptServer

from ..sora_core.cameos.casting import Cast, cast_prompt
from ..sora_core.errors import PromptError
from ..sora_core.pipeline import check_prompt
from .adapter_text import ROLES, SoraTokenizer
from .cameo import cameos_input, checked, leave_now

ALL_READ = "Nothing is left out."
_telling: set[str | None] = set()       # nodes that show a line: the page keeps it until another one comes
EXAMPLE = "a red rubber ball drops onto a wooden floor and bounces"


class SoraTextEncode(io.ComfyNode):
    """Prompt -> CONDITIONING; ComfyUI's own CLIP Text Encode gives the same."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraTextEncode",
            display_name="Sora Text Encode",
            category="Sora/text",
            description="Turns a sentence about a scene into what the model reads. Empty text means: anything. Prompts "
                        "written for Sora, with shots, dialogue and notes, are read too: the node says what the model "
                        "can't use of them.",
            search_aliases=["sora", "prompt", "t2v", "text to video"],
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder from Sora Checkpoint Loader."),
                io.String.Input("prompt", multiline=True, dynamic_prompts=True,
                                default=EXAMPLE,
                                tooltip="What happens in the clip, in plain words. Leave it empty for the negative."),
                cameos_input("Of Sora Cameo or Sora Load Cameo: who the handles in the prompt are, such as @mila."),
            ],
            outputs=[io.Conditioning.Output("conditioning", tooltip="Connect to a sampler's positive or negative.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, **given: Any) -> str:
        """Ask again whether the cameos may be shown."""
        return leave_now(given)

    @classmethod
    def execute(cls, clip: Any, prompt: str, cameos: Any = ()) -> io.NodeOutput:
        cast = cast_prompt(prompt, checked(cameos))
        conditioning = conditioning_of_prompt(clip, cast)
        node = None if cls.hidden is None else cls.hidden.unique_id
        told = unused_of(clip, cast) or (ALL_READ if node in _telling else "")
        return io.NodeOutput(conditioning, ui=ui.PreviewText(say(node, told)) if told else None)


def say(node: str | None, text: str) -> str:
    """Show a line of text on a node."""
    _telling.add(node)
    if node is not None and getattr(PromptServer, "instance", None) is not None:
        PromptServer.instance.send_progress_text(text, node)
    return text


def unused_of(clip: Any, cast: Cast) -> str:
    """What of a prompt the model can't use, in a line; empty where it uses all."""
    return " ".join(filter(None, [clip.tokenizer.read(cast.text).unused, cast.unused]))


def conditioning_of_prompt(clip: Any, cast: Cast) -> Any:
    """CONDITIONING of a prompt and its cast.

    Raises:
        PromptError: no text encoder, another model's, or more words than it reads.
    """
    if clip is None:
        raise PromptError("there is no text encoder to read the prompt with; connect Sora Checkpoint Loader's clip")
    if not isinstance(getattr(clip, "tokenizer", None), SoraTokenizer):
        raise PromptError("this is another model's text encoder; connect Sora Checkpoint Loader's clip")
    check_prompt(cast.text, needed=False)
    conditioning = clip.encode_from_tokens_scheduled(clip.tokenize(cast.text))
    return node_helpers.conditioning_set_values(conditioning, {ROLES: cast.roles}) if cast.roles else conditioning
