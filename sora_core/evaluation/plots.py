"""The pictures of a report: tracked against ideal trajectories, and how far sounds are from their causes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from .geometry import GRAVITY
from .measures import LEAST_RISE_M, ON_TIME_S

SHOWN = 9
TITLE_WIDTH, TITLE_LINES = 44, 2
BIN_MS, WIDEST_MS = 15, 300
DOT, IDEAL, ON_TIME, LATE = "C0", "black", "#2a9d8f", "#b8b8b8"


def plot_trajectories(results: list[dict[str, Any]], path: Path) -> bool:
    """Height against time of up to nine clips of which gravity is judged, over each flight the nearest parabola that
    gravity allows. False if there is none."""
    flying = [result for result in results if _ratio(result) is not None]
    if not flying:
        return False
    plt = _pyplot()
    picks = [flying[i] for i in np.unique(np.linspace(0, len(flying) - 1, SHOWN).round().astype(int))]
    columns = min(3, len(picks))
    rows = -(-len(picks) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.7 * columns, 2.7 * rows + 0.5), dpi=100, squeeze=False,
                                layout="constrained")
    for axis in axes.ravel()[len(picks):]:
        axis.axis("off")
    for axis, result in zip(axes.ravel(), picks, strict=False):
        for number, thing in enumerate(result["series"]):
            _plot_thing(axis, thing, result["frame_rate"], f"C{number}")
        asked = textwrap.shorten(result["prompt"] or result["name"], TITLE_WIDTH * TITLE_LINES - 12, placeholder=" ...")
        axis.set_title(f"{textwrap.fill(asked, TITLE_WIDTH)}\ngravity x {_ratio(result):.2f}", fontsize=7)
        axis.tick_params(labelsize=6)
        axis.grid(color="#e5e5e5", linewidth=0.6)
        axis.set_axisbelow(True)
    figure.supxlabel("time (s)", fontsize=8)
    figure.supylabel("height (m)", fontsize=8)
    handles = [plt.Line2D([], [], linestyle="", marker=".", color=DOT, label="tracked, a colour a thing"),
               plt.Line2D([], [], color=IDEAL, label="ideal flight at 9.81 m/s$^2$")]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(path)
    plt.close(figure)
    return True


def _ratio(result: dict[str, Any]) -> float | None:
    return result["measures"].get("gravity", {"values": {}})["values"].get("ratio")


def _plot_thing(axis: Any, thing: dict[str, Any], frame_rate: float, colour: str) -> None:
    heights = np.array([np.nan if value is None else value for value in thing["z"]])
    times = np.arange(len(heights)) / frame_rate
    axis.plot(times, heights, ".", color=colour, markersize=3)
    for first, last, _ in thing["flights"]:
        t, z = times[first: last + 1], heights[first: last + 1]
        if np.ptp(z) > LEAST_RISE_M:                # what is lower isn't judged either
            speed, start = np.polyfit(t - t[0], z + 0.5 * GRAVITY * (t - t[0]) ** 2, 1)
            fine = np.linspace(0, t[-1] - t[0], 40)
            axis.plot(t[0] + fine, start + speed * fine - 0.5 * GRAVITY * fine**2, color=IDEAL, linewidth=0.9)


def plot_offsets(results: list[dict[str, Any]], path: Path) -> bool:
    """Histogram of the sounds' offsets from the seen impacts. False if no impact is heard."""
    verdicts = [result["measures"].get("sound", {"values": {}})["values"] for result in results]
    offsets = 1000 * np.array([offset for values in verdicts for offset in values.get("offsets", ())])
    if not len(offsets):
        return False
    silent, limit = sum(values.get("silent", 0) for values in verdicts), 1000 * ON_TIME_S
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(6, 3.2), dpi=100, layout="constrained")
    edges = np.arange(-WIDEST_MS, WIDEST_MS + 1, BIN_MS)
    near = np.abs(offsets) <= limit
    axis.hist([offsets[near], offsets[~near]], bins=edges, stacked=True, color=[ON_TIME, LATE],
              label=[f"within {limit:.0f} ms ({near.sum()})", f"later or earlier ({(~near).sum()})"])
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_xlim(-WIDEST_MS, WIDEST_MS)
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.set_title(f"{len(offsets) + silent} seen impacts, {silent} of them silent; "
                   f"median distance {np.median(np.abs(offsets)):.0f} ms", fontsize=9)
    axis.set_xlabel("sound after the seen impact (ms)", fontsize=8)
    axis.set_ylabel("impacts", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=7, frameon=False)
    figure.savefig(path)
    plt.close(figure)
    return True


def _pyplot() -> Any:
    import matplotlib  # an extra, and slow to import

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
