"""From verdicts to figures, tables and plots; and the whole command on a folder."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

from sora_core.cli import evaluate
from sora_core.errors import SoraError
from sora_core.evaluation import report
from sora_core.evaluation.reader import Warnings

PROMPT = "a red ball drops onto a wooden floor and bounces"


def result(ratio=1.0, offsets=(0.01,), holds=True, facts=(True, True, False), **others):
    """A clip's result as `judge_clip` gives it."""
    return {"name": "a.mp4", "prompt": PROMPT, "distribution": "in distribution", "family": "drop",
            "materials": ["rubber"], "floor": "wood", "frame_rate": 24.0,
            "facts": [{"about": "colour", "asked": "red", "seen": "red", "holds": fact} for fact in facts],
            "measures": {"gravity": {"holds": holds, "values": {"ratio": ratio}},
                         "collision": {"holds": holds, "values": {"restitution": [0.8]}},
                         "permanence": {"holds": holds, "values": {}},
                         "steadiness": {"holds": None, "values": {"flicker": 1.0, "warping": 2.0}},
                         "sound": {"holds": holds, "values": {"impacts": 2, "on_time": 1, "offsets": list(offsets),
                                                              "orphans": 0}}},
            "series": [{"x": [0.0] * 30, "z": list(np.linspace(1, 0, 30)), "flights": [[0, 20, -9.8]],
                        "impacts": []}]} | others


def test_figures_pool_over_clips_with_an_interval_over_clips():
    results = [result(), result(facts=(None,), holds=False, ratio=1.2, offsets=(0.03, -0.05))]
    found = report.figures(results)
    assert found["adherence"].value == pytest.approx(200 / 3) and found["adherence"].clips == 1
    assert found["gravity.within"].value == 50 and found["gravity.within"].low == 0
    assert found["sound.offset"].value == pytest.approx(30) and found["sound.on_time"].values == 4
    assert found["gravity.error"].value == pytest.approx(10)
    assert "adherence.size" not in found and report.figures([]) == {}


def test_restitution_in_order():
    other = {"collision": {"holds": True, "values": {"restitution": [0.3, 0.5, 0.4]}}}
    stone = result(materials=["stone"], measures=result()["measures"] | other)
    found = report.restitution_order([result(), stone, result(materials=[])])
    assert found["mean"] == {"rubber": 0.8, "stone": 0.4} and (found["in order"], found["pairs"]) == (1, 1)


def test_the_report_has_tables_warnings_and_plots(tmp_path):
    pytest.importorskip("matplotlib")
    warnings = Warnings()
    warnings.add("empty file: skipped", "b.mp4")
    path = report.write_report([result(), result(ratio=1.1)], warnings, tmp_path / "out", "Title")
    text = path.read_text()
    assert "| prompt adherence, all facts | 66.7 |" in text and "- empty file: skipped: 1" in text
    block = (tmp_path / "out" / "card.md").read_text()
    assert block.startswith("**Title**: 2 clips") and "| prompt adherence, all facts | 66.7 (66.7 to 66.7) |" in block
    assert "Prompt adherence: in distribution 66.7 % (2 clips)." in block
    facts = json.loads((tmp_path / "out" / "report.json").read_text())
    assert facts["clips"] == 2 and facts["by family"]["drop"]["collision"]["value"] == 100
    for name in ("trajectories.png", "offsets.png"):
        assert (tmp_path / "out" / name).read_bytes()[:4] == b"\x89PNG" and name in text


def test_the_command_judges_a_folder(tmp_path, studio, bounce, capsys):
    pytest.importorskip("matplotlib")
    frames, sound, _ = bounce
    folder = tmp_path / "clips"
    folder.mkdir()
    studio["save"](folder / "a.mp4", frames, sound, PROMPT)
    parser = argparse.ArgumentParser()
    evaluate.add_parser(parser.add_subparsers())
    args = parser.parse_args(["evaluate", "--suite", "quick", "--videos", str(folder), "--output",
                              str(tmp_path / "out")])
    assert args.run(args) == 0
    assert "| gravity: clips within 5 % of 9.81 m/s^2 |" in capsys.readouterr().out
    with pytest.raises(SoraError, match="--suite quick"):
        nothing = parser.parse_args(["evaluate"])
        nothing.run(nothing)


def test_what_the_instrument_says_of_true_and_broken_clips(tmp_path):
    from sora_core.evaluation import validation_report

    missed = result(measures={name: {"holds": None, "values": {}} for name in report.MEASURES})
    broken = {"gravity halved": [result(holds=False), result(), missed]}
    summary = validation_report.write_validation([result(), result(holds=False)], broken, tmp_path)
    assert summary["broken"]["gravity halved"] == {"measure": "gravity", "clips": 3, "found": 1, "not shown": 1,
                                                   "found by any measure": 1}
    text = (tmp_path / "validation.md").read_text()
    assert "2 true clips; 50.0 %" in text and "| gravity halved | gravity | 3 | 33.3 % | 6 to 79 % | 33.3 % |" in text


def test_validations_are_kept_side_by_side(tmp_path):
    from sora_core.evaluation import validation_report

    shots = {"shot": {"holds": True, "values": {"outcome": "made"}}}
    clip = result(family="basketball", facts=(), measures=shots, truth={"outcome": "missed", "way": None},
                  mistaken={"ramp": True})
    families = validation_report.write_families([clip], {"feet slide": []}, tmp_path)
    assert families["mistaken"] == {"ramp": {"clips": 1, "seen": 1}}
    assert families["told"]["outcome"] == {"clips": 1, "told": 1, "right": 0}
    assert families["true"]["shot"]["value"] == 100
    kept = tmp_path / "kept.json"
    validation_report.store(kept, {"clips": 7, "true": {"all": {}}})
    validation_report.store(kept, families, "families")
    validation_report.store(kept, {"clips": 8, "true": {"all": {}}})
    both = report.load_validation(kept)
    assert both["clips"] == 8 and report.true_figures(both)["shot"]["value"] == 100
