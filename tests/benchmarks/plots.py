"""Plots of what was measured, as SVG and PNG, readable on light and dark pages.

The same figures make the same SVG on every machine: no date, no random ids, no fonts inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.cases import DAPHNE, HOCUSPOCUS, SUBJECTS, UVICORN, Y_WEBSOCKET

if TYPE_CHECKING:
    from tests.benchmarks.report import Results

Point = tuple[float, float]

# Each has a contrast of 3 to 1 at least on white and on GitHub's dark.
_COLOURS = {DAPHNE: "#2f81f7", UVICORN: "#2da44e", HOCUSPOCUS: "#e0663c", Y_WEBSOCKET: "#a371f7"}
_MARKERS = {DAPHNE: "o", UVICORN: "s", HOCUSPOCUS: "^", Y_WEBSOCKET: "D"}
_OTHERS = ("#2f81f7", "#2da44e", "#e0663c", "#a371f7", "#bf8700", "#8b949e")
_GREY = "#7d8590"


def _lines(results: Results, part: str, figure: str, at: str = "clients") -> dict[str, list[Point]]:
    """Collect a figure of every server by one option."""
    found: dict[str, list[Point]] = {}
    for subject in SUBJECTS:
        points = [
            (float(entry["options"][at]), float(entry["figures"][figure]))
            for entry in results.entries(part, subject)
            if (entry.get("figures") or {}).get(figure) is not None
        ]
        if points:
            found[subject] = sorted(points)
    return found


def _cost(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "fanout", "us_per_delivery")


def _latency(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "fanout", "p99_ms")


def _memory(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "fanout", "rss_mb")


def _presence(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "presence", "cpu_percent")


def _staleness(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "presence", "p95_ms")


def _storm(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "storm", "p50_ms", "mb")


def _storm_memory(results: Results) -> dict[str, list[Point]]:
    return _lines(results, "storm", "added_mb", "mb")


def _idle(results: Results) -> dict[str, list[Point]]:
    return {
        entry["subject"]: [
            (level["sockets"], level["rss_mb"]) for level in entry["figures"]["levels"]
        ]
        for entry in results.entries("idle")
        if entry.get("figures")
    }


def _limits(results: Results) -> dict[str, list[Point]]:
    """Latency against deliveries per second, of the largest room."""
    entries = [entry for entry in results.entries("limits") if entry.get("figures")]
    most = max((entry["options"]["clients"] for entry in entries), default=0)
    return {
        entry["subject"]: [
            (step["edits_per_s"] * (most - 1), step["p99_ms"])
            for step in entry["figures"]["steps"]
            if step["p99_ms"] is not None
        ]
        for entry in entries
        if entry["options"]["clients"] == most
    }


def _opening(results: Results) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for entry in results.entries("open"):
        counts = map(float, entry["options"]["edits"].split(","))
        opened = (entry.get("figures") or {}).get("opened", [])
        points = [(count, one["ms"]) for count, one in zip(counts, opened, strict=False)]
        if points:
            found[f"{entry['subject']}, {entry['options']['stored']}"] = points
    return found


# File, title, axes, what it shows, and whether the axes are logarithmic.
PLOTS: tuple[tuple[str, str, str, str, Callable[[Results], dict[str, list[Point]]], str], ...] = (
    ("cost", "CPU per delivered update", "peers of one document", "µs", _cost, "xy"),
    ("latency", "How long an edit takes to the others", "peers of one document", "p99, ms",
     _latency, "xy"),
    ("memory", "The server's memory", "peers of one document", "MB", _memory, "x"),
    ("presence", "Cursors: CPU", "peers, each moves once a second", "% of a core", _presence, ""),
    ("staleness", "Cursors: until the others see it", "peers, each moves once a second",
     "p95, ms", _staleness, "y"),
    ("storm", "Joining a large document at once", "size, MB", "p50, ms", _storm, "xy"),
    ("storm-memory", "Joining a large document at once", "size, MB", "memory added, MB",
     _storm_memory, "xy"),
    ("idle", "Sockets that do nothing", "sockets", "memory, MB", _idle, ""),
    ("limits", "Where each server stops", "deliveries per second", "p99, ms", _limits, "xy"),
    ("open", "Opening a document that nobody has open", "edits in it", "ms", _opening, "xy"),
)  # fmt: skip


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw every plot that there are figures for. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, title, across, up, collect, logarithmic in PLOTS:
        lines = collect(results)
        if lines:
            written += _draw(folder / name, title, across, up, lines, logarithmic)
    return written


def _draw(
    path: Path, title: str, across: str, up: str, lines: dict[str, list[Point]], logarithmic: str
) -> list[Path]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style: dict[str, Any] = {
        "svg.hashsalt": "collab", "svg.fonttype": "none", "font.family": "sans-serif",
        "font.size": 10, "text.color": _GREY, "axes.labelcolor": _GREY, "axes.edgecolor": _GREY,
        "xtick.color": _GREY, "ytick.color": _GREY, "axes.spines.top": False,
        "axes.spines.right": False, "grid.color": _GREY, "grid.alpha": 0.25,
    }  # fmt: skip
    with plt.rc_context(style):
        figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
        for at, (subject, points) in enumerate(lines.items()):
            axes.plot(
                *zip(*points, strict=True), label=subject, linewidth=1.8, markersize=5,
                color=_COLOURS.get(subject, _OTHERS[at % len(_OTHERS)]),
                marker=_MARKERS.get(subject, "os^Dvx"[at % 6]),
            )  # fmt: skip
        _scale(axes, lines, logarithmic)
        axes.set(title=title, xlabel=across, ylabel=up)
        axes.grid(True)
        axes.legend(frameon=False)
        made = [path.with_suffix(".svg"), path.with_suffix(".png")]
        figure.savefig(made[0], transparent=True, metadata={"Date": None})
        figure.savefig(made[1], transparent=True, dpi=144, metadata={"Software": None})
        plt.close(figure)
    return made


def _scale(axes: Any, lines: dict[str, list[Point]], logarithmic: str) -> None:
    """Choose the scales; ticks across are where something was measured, if these are few."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    plain = FuncFormatter(lambda value, _: f"{value:,g}")
    for letter, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if letter in logarithmic:
            getattr(axes, f"set_{letter}scale")("log")
            axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(plain)
    if "y" not in logarithmic:
        axes.set_ylim(bottom=0)
    places: Sequence[float] = sorted({across for points in lines.values() for across, _ in points})
    if len(places) <= 8:
        axes.set_xticks(places, minor=False)
        axes.set_xticks([], minor=True)
