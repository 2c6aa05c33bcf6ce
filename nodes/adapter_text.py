"""The tokenizer and the text encoder as ComfyUI's CLIP."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import comfy.ops
import comfy.sd
import torch
from comfy.supported_models_base import ClipTarget
from torch import Tensor

from ..sora_core.checkpoint import Checkpoint, build
from ..sora_core.config import TextEncoderConfig
from ..sora_core.models.text_encoder import TextEncoder
from ..sora_core.models.tokenizer import Tokenizer
from ..sora_core.pipeline import prompt_tokens, understood
from ..sora_core.prompt_plain import Plain
from ..sora_core.wishes import read_wishes

KEY = "sora"
WISHES = "sora_wishes"          # under this name a conditioning has the numbers of its `Wishes`
ROLES = "sora_roles"            # and under this one its cast, where there are cameos


class SoraTokenizer:
    """ComfyUI's way of asking for tokens."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, embedding_directory: str | None = None,
                 tokenizer_data: dict[str, Any] | None = None) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens

    def read(self, text: str) -> Plain:
        """The part of a prompt that the model can understand, and what is left out."""
        return understood(self.tokenizer, text, self.max_tokens)

    def tokenize_with_weights(self, text: str, return_word_ids: bool = False,
                              **_: Any) -> dict[str, list[list[tuple[int, float]]]]:
        """All weights are 1: brackets and colons belong to the sentence."""
        plain = self.read(text)
        if plain.unused:
            logging.info("Sora: %s", plain.unused)
        return {KEY: [[(token, 1.0) for token in prompt_tokens(self.tokenizer, plain.text, self.max_tokens)]]}

    def untokenize(self, tokens: list[tuple[int, float]]) -> list[tuple[tuple[int, float], str]]:
        return [(pair, self.tokenizer.decode([pair[0]])) for pair in tokens]

    def decode(self, token_ids: list[int], **_: Any) -> str:
        return self.tokenizer.decode(token_ids)

    def state_dict(self) -> dict[str, Tensor]:
        return {}


class SoraTextModel(TextEncoder):
    """The text encoder, called as ComfyUI calls one. It is small, so it always computes in float32."""

    def __init__(self, config: TextEncoderConfig, tokenizer: Tokenizer, device: Any = "cpu", dtype: Any = None,
                 model_options: dict[str, Any] | None = None) -> None:
        super().__init__(config, operations=comfy.ops.manual_cast, dtype=torch.float32, device=device)
        self.tokenizer = tokenizer
        self.dtypes = {torch.float32}
        self.execution_device: Any = None
        self.can_assign_sd = False
        self.eval().requires_grad_(False)

    def set_clip_options(self, options: dict[str, Any]) -> None:
        self.execution_device = options.get("execution_device", self.execution_device)

    def reset_clip_options(self) -> None:
        self.execution_device = None

    def encode_token_weights(self, tokens: dict[str, Any]) -> tuple[Tensor, None, dict[str, Tensor]]:
        """Tokens -> states (B, L, D) and their mask (B, L), int64 because ComfyUI casts any other type."""
        rows = [[pair[0] for pair in row] for row in tokens[KEY]]
        ids = torch.tensor(rows, dtype=torch.long, device=self.execution_device)
        mask = torch.ones_like(ids)
        wishes = [read_wishes(self.tokenizer.decode(row)) for row in rows]
        return self(ids, mask.bool()).cpu(), None, {"attention_mask": mask.cpu(),
                                                    WISHES: torch.tensor([wish.to_numbers() for wish in wishes])}

    def load_sd(self, tensors: dict[str, Tensor]) -> tuple[list[str], list[str]]:
        return self.load_state_dict(tensors, strict=False, assign=self.can_assign_sd)


def clip_from_checkpoint(checkpoint: Checkpoint) -> comfy.sd.CLIP:
    """The checkpoint's vocabulary and text encoder as a CLIP."""
    plain = build(checkpoint, "text_encoder", TextEncoder)
    tokenizer = Tokenizer.from_json(checkpoint.vocabulary)
    target = ClipTarget(partial(SoraTokenizer, tokenizer, plain.config.max_tokens), SoraTextModel)
    target.params = {"config": plain.config, "tokenizer": tokenizer}
    parameters = sum(parameter.numel() for parameter in plain.parameters())
    return comfy.sd.CLIP(target, parameters=parameters, state_dict=[plain.state_dict()],
                         model_options={"dtype": torch.float32})
