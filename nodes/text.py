"""Sora Text Encode: the words of a prompt as CONDITIONING."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..sora_core.errors import PromptError
from .adapter_text import SoraTokenizer

EXAMPLE = "a red rubber ball drops onto a wooden floor and bounces"


class SoraTextEncode(io.ComfyNode):
    """Prompt -> CONDITIONING; ComfyUI's own CLIP Text Encode gives the same."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraTextEncode",
            display_name="Sora Text Encode",
            category="Sora/text",
            description="Turns a sentence about a scene into what the model reads. Empty text means: anything.",
            search_aliases=["sora", "prompt", "t2v", "text to video"],
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder from Sora Checkpoint Loader."),
                io.String.Input("prompt", multiline=True, dynamic_prompts=True,
                                default=EXAMPLE,
                                tooltip="What happens in the clip, in plain words. Leave it empty for the negative."),
            ],
            outputs=[io.Conditioning.Output("conditioning", tooltip="Connect to a sampler's positive or negative.")],
        )

    @classmethod
    def execute(cls, clip: Any, prompt: str) -> io.NodeOutput:
        return io.NodeOutput(conditioning_of_prompt(clip, prompt))


def conditioning_of_prompt(clip: Any, prompt: str) -> Any:
    """CONDITIONING of a prompt.

    Raises:
        PromptError: no text encoder, another model's, or more words than it reads.
    """
    if clip is None:
        raise PromptError("there is no text encoder to read the prompt with; connect Sora Checkpoint Loader's clip")
    if not isinstance(getattr(clip, "tokenizer", None), SoraTokenizer):
        raise PromptError("this is another model's text encoder; connect Sora Checkpoint Loader's clip")
    return clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
