"""From verdicts on clips to figures with intervals, as Markdown, JSON and plots.

Every figure is pooled over clips; its 95 % interval resamples clips. Beside it stands what the instrument says of true
clips: how far that is from perfect is its own error.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .reader import Warnings
from .suite import write_json

VALIDATION = Path(__file__).with_name("validation.json")
RESAMPLES = 1000
GROUPS = ("in distribution", "new combination", "out of range")
MEASURES = ("gravity", "collision", "permanence", "sound")
FAMILIES = ("drop", "throw", "roll", "slide", "collide", "basketball", "billiards", "pendulum", "ramp", "topple",
            "goal", "people")
HARD_FLOORS = (None, "wood", "concrete", "tile")
BOUNCE_ORDER = ("rubber", "plastic", "glass", "metal", "wood", "stone")
"""Materials of the world from the one that bounces most to the one that bounces least."""


@dataclass(frozen=True)
class Figure:
    """A pooled value with its 95 % interval over clips, and from how many clips and values."""

    value: float
    low: float
    high: float
    clips: int
    values: int


@dataclass(frozen=True)
class Row:
    """One line of the table: how its values are read from a clip's result and pooled."""

    key: str
    label: str
    aim: str
    values: Callable[[dict[str, Any]], list[float]]
    is_median: bool = False


def measure_of(result: dict[str, Any], name: str) -> dict[str, Any]:
    """One measure of a clip's result, as if it were not shown where the result lacks it."""
    return result["measures"].get(name, {"holds": None, "values": {}})


def _facts(about: str | None) -> Callable[[dict[str, Any]], list[float]]:
    def read(result: dict[str, Any]) -> list[float]:
        return [100.0 * fact["holds"] for fact in result["facts"]
                if fact["holds"] is not None and about in (None, fact["about"])]
    return read


def _holds(name: str) -> Callable[[dict[str, Any]], list[float]]:
    def read(result: dict[str, Any]) -> list[float]:
        holds = measure_of(result, name)["holds"]
        return [] if holds is None else [100.0 * holds]
    return read


def _number(name: str, key: str, change: Callable[[float], float]) -> Callable[[dict[str, Any]], list[float]]:
    def read(result: dict[str, Any]) -> list[float]:
        value = measure_of(result, name)["values"].get(key)
        return [] if value is None else [change(value)]
    return read


def _on_time(result: dict[str, Any]) -> list[float]:
    values = measure_of(result, "sound")["values"]
    count, right = values.get("impacts", 0), values.get("on_time", 0)
    return [100.0] * right + [0.0] * (count - right)


def _offsets(result: dict[str, Any]) -> list[float]:
    return [1000 * abs(offset) for offset in measure_of(result, "sound")["values"].get("offsets", ())]


ROWS = (
    Row("adherence", "prompt adherence, all facts", ">= 95 %", _facts(None)),
    *(Row(f"adherence.{about}", f"- {about}", "", _facts(about)) for about in
      ("thing", "colour", "count", "material", "size", "action", "floor", "place", "light", "camera", "sound")),
    Row("gravity.within", "gravity: clips within 5 % of 9.81 m/s^2", ">= 90 %",
        _number("gravity", "ratio", lambda ratio: 100.0 * (abs(ratio - 1) <= 0.05))),
    Row("gravity.plausible", "gravity: clips within the instrument's band", "", _holds("gravity")),
    Row("gravity.error", "gravity: median deviation (%)", "", _number("gravity", "ratio", lambda r: 100 * abs(r - 1)),
        is_median=True),
    Row("collision", "collision: clips without fault", ">= 95 %", _holds("collision")),
    Row("permanence", "permanence: clips without fault", ">= 98 %", _holds("permanence")),
    Row("sound.on_time", "sound on cause: impacts heard within 45 ms", ">= 95 %", _on_time),
    Row("sound.offset", "sound on cause: median offset (ms)", "<= 20 ms", _offsets, is_median=True),
    Row("sound.clips", "sound on cause: clips without fault", "", _holds("sound")),
    Row("sound.orphans", "clips without orphan sounds", "100 %",
        _number("sound", "orphans", lambda orphans: 100.0 * (orphans == 0))),
    Row("adherence.deed", "- deed of a family", "", _facts("deed")),
    Row("adherence.person", "- somebody is there", "", _facts("person")),
    Row("adherence.way", "- somebody goes the way asked", "", _facts("way")),
    Row("adherence.shot", "- shots made or missed as asked", ">= 95 %", _facts("shot")),
    Row("shot", "shots: clips without fault", "", _holds("shot")),
    Row("feet", "planted feet stand still: clips without fault", "", _holds("feet")),
    Row("feet.slip", "slip of planted feet (m/s)", "", _number("feet", "slip", abs), is_median=True),
    Row("speech", "speech: the asked line of twenty is heard", ">= 90 %", _holds("speech")),
    Row("stains", "clips without a stain where a thing was", "", _holds("stains")),
    Row("stains.contrast", "stain where a thing was, median (of 255)", "<= 1.15 x",
        _number("stains", "contrast", float), is_median=True),
    Row("flicker", "flicker where nothing moves (of 255)", "<= 1.15 x", _number("steadiness", "flicker", float)),
    Row("warping", "error after motion compensation (of 255)", "<= 1.15 x", _number("steadiness", "warping", float)),
)


CARD = ("adherence", "adherence.thing", "adherence.colour", "adherence.count", "adherence.material",
        "adherence.action", "adherence.floor", "adherence.place", "adherence.deed", "adherence.way", "adherence.shot",
        "shot", "feet", "gravity.within", "gravity.plausible", "gravity.error", "collision", "permanence",
        "sound.on_time", "sound.offset", "sound.orphans", "speech", "stains", "stains.contrast", "flicker", "warping")
"""Rows of the block for a model card."""


def figure(results: list[dict[str, Any]], row: Row, *, seed: int = 0) -> Figure | None:
    """Pool one row over clips; None where no clip shows it.

    Source: Efron, Tibshirani 1993, An Introduction to the Bootstrap, chapter 13, resampling clips.
    """
    lists = [values for values in map(row.values, results) if values]
    if not lists:
        return None
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(lists), size=(RESAMPLES, len(lists)))
    if row.is_median:
        arrays = [np.array(values) for values in lists]
        samples = np.array([np.median(np.concatenate([arrays[i] for i in draw])) for draw in draws])
        value = float(np.median(np.concatenate(arrays)))
    else:
        sums, counts = np.array([[sum(values), len(values)] for values in lists]).T
        samples = sums[draws].sum(1) / counts[draws].sum(1)
        value = float(sums.sum() / counts.sum())
    low, high = np.percentile(samples, (2.5, 97.5))
    return Figure(value, float(low), float(high), len(lists), sum(len(values) for values in lists))


def figures(results: list[dict[str, Any]]) -> dict[str, Figure]:
    """Every row that the clips show."""
    found = {row.key: figure(results, row) for row in ROWS}
    return {key: value for key, value in found.items() if value is not None}


def restitution_order(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean share of speed kept on hard floors by prompted material, and the share of pairs in the world's order."""
    kept: dict[str, list[float]] = {}
    for result in results:
        shares = measure_of(result, "collision")["values"].get("restitution") or []
        if len(result["materials"]) == 1 and result["materials"][0] and result["floor"] in HARD_FLOORS and shares:
            kept.setdefault(result["materials"][0], []).append(float(np.median(shares)))
    means = {name: float(np.mean(kept[name])) for name in BOUNCE_ORDER if name in kept}
    names = list(means)
    pairs = [means[one] > means[two] for at, one in enumerate(names) for two in names[at + 1:]]
    return {"mean": means, "clips": {name: len(values) for name, values in kept.items()},
            "pairs": len(pairs), "in order": sum(pairs)}


def summarise(results: list[dict[str, Any]], warnings: Warnings) -> dict[str, Any]:
    """All figures of a run as JSON-ready data, over all clips, by distribution and by family."""
    def plain(part: list[dict[str, Any]]) -> dict[str, Any]:
        return {key: asdict(value) for key, value in figures(part).items()}

    return {
        "clips": len(results), "all": plain(results),
        "by distribution": {group: plain([r for r in results if r["distribution"] == group]) for group in GROUPS},
        "by family": {name: plain([r for r in results if r["family"] == name]) for name in FAMILIES},
        "restitution": restitution_order(results), "warnings": dict(warnings.counts), "warned": warnings.files,
    }


def load_validation(path: Path = VALIDATION) -> dict[str, Any]:
    """What the instrument says of true clips and of broken ones; empty where it was never validated."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def true_figures(validation: dict[str, Any]) -> dict[str, Any]:
    """What the instrument says of true clips, by row: of balls and boxes, and what only other families show."""
    return validation.get("families", {}).get("true", {}) | validation.get("true", {}).get("all", {})


def write_report(results: list[dict[str, Any]], warnings: Warnings, output: Path, title: str) -> Path:
    """Write report.json, report.md with its plots, and card.md, a block for a model card. Returns report.md."""
    from .plots import plot_offsets, plot_trajectories

    output.mkdir(parents=True, exist_ok=True)
    summary, validation = summarise(results, warnings), load_validation()
    write_json(output / "report.json", summary)
    plots = [name for name, draw in (("trajectories.png", plot_trajectories), ("offsets.png", plot_offsets))
             if draw(results, output / name)]
    path = output / "report.md"
    path.write_text(_markdown(summary, validation, title, plots), encoding="utf-8")
    (output / "card.md").write_text(card(summary, validation, title), encoding="utf-8")
    return path


def card(summary: dict[str, Any], validation: dict[str, Any], title: str) -> str:
    """The figures of a run as a short Markdown block for a model card."""
    true, groups = true_figures(validation), summary["by distribution"]
    lines = [f"**{title}**: {summary['clips']} clips, 95 % intervals over clips; beside them the same instrument on "
             f"{validation.get('clips', 0)} true clips of the world.", "",
             "| measure | value | true clips | aim |", "|---|---|---|---|"]
    for row in ROWS:
        if row.key in summary["all"] and row.key in CARD:
            value = summary["all"][row.key]
            beside = f"{true[row.key]['value']:.1f}" if row.key in true else "-"
            lines.append(f"| {row.label} | {value['value']:.1f} ({value['low']:.1f} to {value['high']:.1f}) | "
                         f"{beside} | {row.aim or '-'} |")
    shares = [f"{name} {part['adherence']['value']:.1f} % ({part['adherence']['clips']} clips)"
              for name, part in groups.items() if "adherence" in part]
    if shares:
        lines += ["", f"Prompt adherence: {', '.join(shares)}."]
    left_out = {kind: count for kind, count in summary["warnings"].items() if "out of time" in kind}
    lines += [f"{count} clips: {kind}." for kind, count in left_out.items()]
    return "\n".join(lines) + "\n"


def _markdown(summary: dict[str, Any], validation: dict[str, Any], title: str, plots: list[str]) -> str:
    true = true_figures(validation)
    parts = [f"# {title}", f"{summary['clips']} clips. Intervals: 95 %, resampling clips. \"On true clips\": the same "
             f"instrument on {validation.get('clips', 0)} clips of the simulated world, which is its own error."]
    parts.append(table(summary["all"], true))
    for heading in ("by distribution", "by family"):
        groups = {name: part for name, part in summary[heading].items() if part}
        parts += [f"## {heading.capitalize()}", groups_table(groups)] if groups else []
    order = summary["restitution"]
    if order["pairs"]:
        kept = ", ".join(f"{name} {value:.2f}" for name, value in order["mean"].items())
        parts += ["## Restitution by material",
                  f"{order['in order']} of {order['pairs']} pairs in the world's order: {kept}."]
    if summary["warnings"]:
        parts += ["## Warnings", "\n".join(f"- {kind}: {count}" for kind, count in summary["warnings"].items())]
    parts += [f"![{name}]({name})" for name in plots]
    return "\n\n".join(parts) + "\n"


def table(found: dict[str, Any], true: dict[str, Any]) -> str:
    """A Markdown table of figures beside those of true clips."""
    lines = ["| measure | value | interval | on true clips | aim | clips |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        if row.key not in found:
            continue
        value, beside = found[row.key], true.get(row.key)
        ideal = f"{beside['value']:.1f} ({beside['low']:.1f} to {beside['high']:.1f})" if beside else "-"
        lines.append(f"| {row.label} | {value['value']:.1f} | {value['low']:.1f} to {value['high']:.1f} | {ideal} | "
                     f"{row.aim} | {value['clips']} |")
    return "\n".join(lines)


def groups_table(groups: dict[str, dict[str, Any]]) -> str:
    """A Markdown table of figures with a column a group."""
    lines = ["| measure | " + " | ".join(groups) + " |", "|---|" + "---|" * len(groups)]
    for row in ROWS:
        cells = [part.get(row.key) for part in groups.values()]
        if any(cells) and (not row.key.startswith("adherence.") or row.key == "adherence.action"):
            texts = [f"{cell['value']:.1f} ({cell['clips']})" if cell else "-" for cell in cells]
            lines.append(f"| {row.label} | " + " | ".join(texts) + " |")
    return "\n".join(lines)
