"""The pictures of a report: tracked against ideal trajectories, and how far sounds are from their causes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .geometry import GRAVITY

SHOWN = 9
LONGEST_TITLE = 46
BINS_MS = np.arange(-300, 301, 15)


def plot_trajectories(results: list[dict[str, Any]], path: Path) -> bool:
    """Height against time of up to nine clips with flights, the ideal parabola over each. False if none has one."""
    flying = [result for result in results if any(thing["flights"] for thing in result["series"])]
    if not flying:
        return False
    plt = _pyplot()
    picks = [flying[i] for i in np.unique(np.linspace(0, len(flying) - 1, SHOWN).round().astype(int))]
    figure, axes = plt.subplots(3, 3, figsize=(11, 8), dpi=100, squeeze=False)
    for axis in axes.ravel()[len(picks):]:
        axis.axis("off")
    for axis, result in zip(axes.ravel(), picks, strict=False):
        for number, thing in enumerate(result["series"]):
            _plot_thing(axis, thing, result["frame_rate"], f"C{number}")
        ratio = result["measures"]["gravity"]["values"].get("ratio")
        title = result["prompt"][:LONGEST_TITLE] + (f"\ng x {ratio:.2f}" if ratio else "")
        axis.set_title(title, fontsize=7)
        axis.tick_params(labelsize=6)
    axes[2][0].set_xlabel("s", fontsize=7)
    axes[0][0].set_ylabel("height (m): dots tracked, lines 9.81 m/s$^2$", fontsize=7)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
    return True


def _plot_thing(axis: Any, thing: dict[str, Any], frame_rate: float, colour: str) -> None:
    heights = np.array([np.nan if value is None else value for value in thing["z"]])
    times = np.arange(len(heights)) / frame_rate
    axis.plot(times, heights, ".", color=colour, markersize=3)
    for first, last, _ in thing["flights"]:
        t, z = times[first: last + 1], heights[first: last + 1]
        speed, start = np.polyfit(t - t[0], z + 0.5 * GRAVITY * (t - t[0]) ** 2, 1)
        fine = np.linspace(0, t[-1] - t[0], 40)
        axis.plot(t[0] + fine, start + speed * fine - 0.5 * GRAVITY * fine**2, color="black", linewidth=0.8)


def plot_offsets(results: list[dict[str, Any]], path: Path) -> bool:
    """Histogram of the sounds' offsets from the seen impacts. False if no impact is heard."""
    offsets = [1000 * offset for result in results
               for offset in result["measures"].get("sound", {"values": {}})["values"].get("offsets", ())]
    if not offsets:
        return False
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(6, 3), dpi=100)
    axis.hist(offsets, bins=BINS_MS, color="C0")
    axis.axvspan(-45, 45, color="C2", alpha=0.2)
    axis.set_xlabel("sound after the seen impact (ms); green: within 45 ms", fontsize=8)
    axis.set_ylabel("impacts", fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
    return True


def _pyplot() -> Any:
    import matplotlib  # an extra, and slow to import

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
