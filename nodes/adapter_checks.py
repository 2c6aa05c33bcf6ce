"""What a sampler is given, looked at before it begins: a sentence in place of a tensor's complaint later."""

from __future__ import annotations

from typing import Any

from ..sora_core.errors import SoraError


def check_conditionings(conditions: dict[str, list[dict[str, Any]]]) -> None:
    """Refuse what ComfyUI would leave out, cut or stumble over without a word.

    Args:
        conditions: of a guider, by their names, as ComfyUI has them while it samples.

    Raises:
        SoraError: no prompt, several in one tensor, or one for a part of the picture.
    """
    for name, entries in conditions.items():
        if not entries:
            raise SoraError(f"the {name} conditioning is empty; connect Sora Text Encode to the sampler's {name}")
        for entry in entries:
            if "area" in entry or "mask" in entry:
                raise SoraError("a conditioning for a part of the picture can't be used, since picture and sound are "
                                "made together; leave out Conditioning (Set Area) and Conditioning (Set Mask)")
            text = entry.get("cross_attn")
            if text is not None and len(text) != 1:
                raise SoraError(f"the {name} conditioning holds {len(text)} prompts at once; use one prompt, which "
                                "all clips of a batch are made from")
