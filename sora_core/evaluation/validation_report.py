"""The instrument on true clips and on broken ones, as tables and as the error bars of later reports."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .reader import Warnings
from .report import MEASURES, figures, groups_table, load_validation, measure_of, summarise, table
from .suite import write_json

FAMILY_ROWS = ("adherence.deed", "adherence.person", "adherence.way", "adherence.shot", "shot", "feet", "feet.slip")
"""Rows that only the families beyond balls and boxes show."""


def write_validation(true: list[dict[str, Any]], broken: dict[str, list[dict[str, Any]]],
                     output: Path) -> dict[str, Any]:
    """Write validation.json and validation.md: the instrument on true clips and on broken ones. Returns the data."""
    from .breaks import BREAKS

    found = {name: _found(results, BREAKS[name][0]) for name, results in broken.items()}
    summary = {"clips": len(true), "true": summarise(true, Warnings()), "broken": found}
    write_json(output / "validation.json", summary)
    right = [all(measure_of(result, name)["holds"] is not False for name in MEASURES) for result in true]
    parts = ["# The instrument on true and on broken clips",
             f"{len(true)} true clips; {_share(sum(right), len(right))} of them are called right by every law.",
             table(summary["true"]["all"], {}), "## Broken on purpose", _breaks_table(found)]
    (output / "validation.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return summary


def write_families(true: list[dict[str, Any]], broken: dict[str, list[dict[str, Any]]],
                   output: Path) -> dict[str, Any]:
    """As `write_validation`, of the families beyond balls and boxes: families.json and families.md."""
    from .family_breaks import FAMILY_BREAKS

    found = {name: _found(results, (FAMILY_BREAKS[name][1],)) for name, results in broken.items()}
    names = list(dict.fromkeys(result["family"] for result in true))
    groups = {name: {key: asdict(value) for key, value in figures([r for r in true if r["family"] == name]).items()}
              for name in names}
    pooled = {key: asdict(value) for key, value in figures(true).items() if key in FAMILY_ROWS}
    told = {about: _told(true, about, name) for about, name in (("outcome", "shot"), ("way", "feet"))}
    seen = {name: [result["mistaken"][name] for result in true if name in result["mistaken"]]
            for name in dict.fromkeys(name for result in true for name in result["mistaken"])}
    mistaken = {name: {"clips": len(values), "seen": sum(values)} for name, values in seen.items()}
    summary = {"clips": len(true), "true": pooled, "by family": groups, "told": told, "mistaken": mistaken,
               "broken": found}
    write_json(output / "families.json", summary)
    lines = [f"{about.capitalize()}: told of {item['told']} of {item['clips']} clips, right of {item['right']}."
             for about, item in told.items()]
    lines += [f"What {name} asks for is seen in {item['seen']} of {item['clips']} clips of other families."
              for name, item in mistaken.items()]
    parts = ["# The instrument on other families", f"{len(true)} true clips. {' '.join(lines)}", table(pooled, {}),
             "## By family", groups_table(groups), "## Broken on purpose", _breaks_table(found)]
    (output / "families.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return summary


def _told(true: list[dict[str, Any]], about: str, name: str) -> dict[str, int]:
    """Of how many clips whose truth says it a measure tells an outcome or a way, and of how many the right one."""
    pairs = [(result["truth"][about], measure_of(result, name)["values"].get(about)) for result in true
             if result["truth"][about] and name in result["measures"]]
    return {"clips": len(pairs), "told": sum(bool(seen) for _, seen in pairs),
            "right": sum(asked == seen for asked, seen in pairs)}


def store(path: Path, summary: dict[str, Any], name: str | None = None) -> None:
    """Keep a validation as the error bars of later reports; that of the families beside the other."""
    old = load_validation(path)
    kept = old | {name: summary} if name else summary | {k: v for k, v in old.items() if k == "families"}
    write_json(path, kept)


def _found(results: list[dict[str, Any]], measures: tuple[str, ...]) -> dict[str, Any]:
    """In how many broken clips one of the measures says so, in how many none can tell, in how many any one says so."""
    verdicts = [[measure_of(result, measure)["holds"] for measure in measures] for result in results]
    any_fault = [any(measure_of(result, other)["holds"] is False for other in (*MEASURES, *measures))
                 for result in results]
    return {"measure": " or ".join(measures), "clips": len(verdicts),
            "found": sum(False in holds for holds in verdicts),
            "not shown": sum(all(hold is None for hold in holds) for holds in verdicts),
            "found by any measure": sum(any_fault)}


def _breaks_table(found: dict[str, dict[str, Any]]) -> str:
    rows = ["| break | measure that must find it | clips | found | interval | by any measure |", f"|{6 * '---|'}"]
    rows += [f"| {name} | {item['measure']} | {item['clips']} | {_share(item['found'], item['clips'])} | "
             f"{_wilson(item['found'], item['clips'])} | {_share(item['found by any measure'], item['clips'])} |"
             for name, item in found.items()]
    return "\n".join(rows)


def _wilson(part: int, whole: int) -> str:
    """The 95 % interval of a share.

    Source: E. B. Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if not whole:
        return "-"
    square, share = 1.96**2, part / whole
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    reach = 1.96 * (share * (1 - share) / whole + square / (4 * whole**2)) ** 0.5 / (1 + square / whole)
    return f"{100 * (middle - reach):.0f} to {100 * (middle + reach):.0f} %"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
