"""The tree of sources: every source has its box, its state shows, and strange names do no harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sora_core.media import write_image
from sora_core.trust.manifest import Ingredient, Signature
from sora_core.trust.tree import COLOURS, MOST_BOXES, boxes, draw_lineage
from sora_core.trust.verify import Findings, verify
from sora_core.trust.visible import dots_of

from .conftest import save, scene, sound


def findings(*parts: dict[str, Any], name: str = "clip.mp4", **kwargs: Any) -> Findings:
    fields = {"is_intact": True, "is_trusted": True, "is_chain_intact": True, "lineage": {"made_from": list(parts)}}
    return Findings(name, 4.0, True, True, Signature("found", **{**fields, **kwargs}), ())


def part(title: str, *below: dict[str, Any], state: str = "signed", **kwargs: Any) -> dict[str, Any]:
    return {"title": title, "relationship": "parentOf", "state": state, "made_from": list(below), **kwargs}


def shows(picture: torch.Tensor, state: str) -> bool:
    colour = torch.tensor(COLOURS[state])[:, None, None] * 2 - 1
    return bool(((picture[0, :, 0] - colour).abs().amax(dim=0) < 1e-4).any())


def test_sources_lie_below_what_they_went_into() -> None:
    tree = boxes(findings(part("a.mp4", part("b.mp4")), part("c.png", state="unsigned", relationship="componentOf",
                                                             grant="Ann, 2026")))
    assert [(box.depth, box.lines[0]) for box in tree] == [
        (0, "clip.mp4"), (1, "continues a.mp4"), (2, "continues b.mp4"), (1, "uses c.png")]
    assert tree[3].lines[1] == "unsigned, granted: Ann, 2026"


def test_states_show_as_colours() -> None:
    good = draw_lineage(findings(part("a.mp4")))
    bad = draw_lineage(findings(part("a.mp4", state="altered"), is_chain_intact=False))
    assert shows(good, "signed") and not shows(good, "altered") and shows(bad, "altered")
    assert good.shape[:3] == (1, 3, 1) and good.min() >= -1 and good.max() <= 1
    assert not shows(draw_lineage(replace(findings(), signature=None)), "signed")
    assert boxes(findings(is_intact=False, is_trusted=False))[0].lines[1].startswith("altered after signing")
    assert boxes(findings(is_trusted=False))[0].lines[1].startswith("signed by a stranger")


def test_any_name_can_be_drawn() -> None:
    for name in ("", "x" * 5000, "\u0416\u202e<b>\n.mp4", "a/b\\c.mp4"):
        picture = draw_lineage(findings(part(name), name=name))
        assert picture.shape[-1] < 1000 and torch.isfinite(picture).all()
    assert boxes(findings(name="C:\\clips\\a.mp4"))[0].lines[0] == "a.mp4"
    assert torch.equal(dots_of(["\u0416"]), dots_of(["?"])) and dots_of([" "]).sum() == 0


def test_a_forest_of_sources_ends() -> None:
    assert len(boxes(findings(*[part(str(i)) for i in range(200)]))) == MOST_BOXES


def test_the_tree_of_a_real_clip(tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="the extra provenance isn't installed")
    write_image(tmp_path / "face.png", scene(1))
    parent = save(tmp_path / "parent.mp4", scene(24), sound(1.0))
    child = save(tmp_path / "child.mp4", scene(24, seed=1), sound(1.0), ingredients=[
        Ingredient(parent, "parentOf"), Ingredient(tmp_path / "face.png", grant="Ann allowed it on 2026-11-01")])
    tree = boxes(verify(child))
    assert [box.lines[0] for box in tree] == ["child.mp4", "continues parent.mp4", "uses face.png"]
    assert tree[0].lines[1] == "signed, trusted, marks found"
    assert tree[2].lines[1] == "unsigned, granted: Ann allowed it on 2026-11-01"
    assert "granted: Ann allowed it" in "\n".join(verify(child).sentences())
