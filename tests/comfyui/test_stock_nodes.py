"""Every pair of a stock node and ours, run by a real ComfyUI; `docs/comfyui.md` tells what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from .stock_nodes import DOCS, LORA, PAIRS, Pair, Prompt, table

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="module")
def lora(server: Any) -> Path:
    """A LoRA of one layer, in the folder that the stock loaders read."""
    path = server.base / "models" / "loras" / LORA
    path.parent.mkdir(parents=True, exist_ok=True)
    key, generator = "diffusion_model.blocks.0.attention.qkv", torch.Generator().manual_seed(0)
    save_file({f"{key}.lora_A.weight": torch.randn(4, 64, generator=generator),
               f"{key}.lora_B.weight": torch.randn(192, 4, generator=generator)}, path)
    return path


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.node)
def test_the_pair_does_what_the_table_says(server: Any, lora: Path, pair: Pair) -> None:
    prompt = Prompt().start()
    pair.build(prompt)
    run = server.run(prompt.nodes)
    if pair.refusal:
        assert run.status == "error" and pair.refusal in run.error, run.messages
    else:
        assert run.status == "success", run.error


def test_the_table_in_the_docs_is_this_one() -> None:
    assert table() in DOCS.read_text(encoding="utf-8"), "run python -m tests.comfyui.stock_nodes"


def test_no_pair_stands_twice() -> None:
    assert len({pair.node for pair in PAIRS}) == len(PAIRS) >= 25
