"""Tables and plots of what was measured: of the JSON that a run writes, and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks import plots
from tests.benchmarks.cases import DAPHNE, HOCUSPOCUS, SENDING, SUBJECTS
from tests.benchmarks.packages import ROOT

Entry = dict[str, Any]
Row = list[str]

# What each figure is called where people read it.
FIGURES = {
    "us_per_delivery": "CPU per delivered update, µs",
    "us_per_edit": "CPU per edit, µs",
    "p50_ms": "latency p50, ms",
    "p95_ms": "p95, ms",
    "p99_ms": "latency p99, ms",
    "ack_p50_ms": "time to ack p50, ms",
    "ack_p99_ms": "time to ack p99, ms",
    "cpu_percent": "CPU, % of a core",
    "rss_mb": "memory, MB",
    "added_mb": "memory added, MB",
    "open_ms": "CPU per join, ms",
    "kb_per_socket": "memory per socket, kB",
    "kb_per_room": "memory per room, kB",
    "idle_percent": "CPU at rest, % of a core",
}


_WORDS = ("", "server", "stops at")
# What a ratio is given of: what a server spends.
_SPENT = ("us_per_delivery", "cpu_percent", "added_mb")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out a Markdown table; its first column and those of `_WORDS` are words."""
    head = list(head)
    rule = ["---" if not at or name in _WORDS else "---:" for at, name in enumerate(head)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def number(value: Any) -> str:
    """Write a figure with three digits or so; a dash if there is none."""
    if not isinstance(value, (int, float)):
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


class Results:
    """What a run measured.

    Args:
        found: The JSON that `tests.benchmarks.run` writes.
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.found = found

    def entries(self, part: str, subject: str | None = None) -> list[Entry]:
        return [
            entry
            for entry in self.found["cases"]
            if entry["part"] == part and subject in (None, entry["subject"])
        ]

    def options(self, part: str) -> list[dict[str, Any]]:
        """List the points of a part, each once."""
        seen: list[dict[str, Any]] = []
        for entry in self.entries(part):
            if entry["options"] not in seen:
                seen.append(entry["options"])
        return seen

    def figures(self, part: str, subject: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures of one case; none if it failed or was not measured."""
        for entry in self.entries(part, subject):
            if entry["options"] == options:
                return dict(entry.get("figures") or {})
        return {}

    def troubles(self, part: str) -> list[str]:
        """Say which cases of a part failed, and why."""
        said = []
        for entry in self.entries(part):
            why = entry.get("error") or (entry.get("figures") or {}).get("incomplete")
            if why:
                named = ", ".join(f"{key} {value}" for key, value in entry["options"].items())
                said.append(f"{entry['subject']} ({named}): {why}")
        return said


def beside(
    results: Results, part: str, name: Callable[[dict[str, Any]], str], figures: Iterable[str]
) -> str:
    """Lay out a part that every server was measured in: a row for each point and figure."""
    rows = []
    for options in results.options(part):
        for figure in figures:
            values = [results.figures(part, one, options).get(figure) for one in SUBJECTS]
            other = values[SUBJECTS.index(HOCUSPOCUS)] if figure in _SPENT else None
            ratios = [_ratio(value, other) for value in values[:2]]
            rows.append([name(options), FIGURES[figure], *map(number, values), *ratios])
    head = ["", "", *SUBJECTS, "Daphne : Hocuspocus", "uvicorn : Hocuspocus"]
    return table(head, rows)


def _ratio(value: Any, other: Any) -> str:
    return f"{value / other:.2f}" if isinstance(value, (int, float)) and other else ""


def fanout(results: Results) -> str:
    return beside(
        results, "fanout", lambda at: f"{at['clients']} peers × {at['rate']}/s",
        ("us_per_delivery", "p50_ms", "p99_ms", "rss_mb"),
    )  # fmt: skip


def edits(results: Results) -> str:
    """Take from the cost of an edit what writing its frames costs a server that does only that."""
    sending = [entry.get("figures") or {} for entry in results.entries("edits", SENDING)]
    per_frame = sending[0].get("us_per_frame") if sending else None
    rows = []
    for entry in results.entries("edits", DAPHNE):
        found = entry.get("figures")
        if not found:
            continue
        frames = found["frames"] / found["sent"]
        rest = None if per_frame is None else found["us_per_edit"] - per_frame * frames
        cells = (found["us_per_edit"], frames, rest, found["us_per_delivery"])
        rows.append([f"{found['clients']} peers", *map(number, cells)])
    text = table(
        ["200 edits/s in all", FIGURES["us_per_edit"], "frames sent per edit",
         "CPU without writing them, µs", FIGURES["us_per_delivery"]],
        rows,
    )  # fmt: skip
    if per_frame is None:
        return text
    return f"{text}\n\nA server that does nothing else pays {per_frame} µs to write such a frame."


def presence(results: Results) -> str:
    return beside(
        results, "presence", lambda at: f"{at['clients']} peers × {at['hz']} Hz",
        ("cpu_percent", "p50_ms", "p95_ms"),
    )  # fmt: skip


def storm(results: Results) -> str:
    return beside(
        results, "storm", lambda at: f"{at['clients']} join {at['mb']} MB",
        ("p50_ms", "p95_ms", "added_mb"),
    )  # fmt: skip


def rooms(results: Results) -> str:
    return beside(
        results, "rooms", lambda at: f"{at['rooms']} rooms × 3 peers",
        ("us_per_delivery", "p50_ms", "p99_ms", "open_ms", "kb_per_room"),
    )  # fmt: skip


def idle(results: Results) -> str:
    levels: dict[int, dict[str, dict[str, Any]]] = {}
    said = []
    for subject in SUBJECTS:
        for entry in results.entries("idle", subject):
            found = entry.get("figures") or {}
            for level in found.get("levels", ()):
                levels.setdefault(level["sockets"], {})[subject] = level
            if found.get("stop"):
                said.append(f"{subject} stopped at {found['stop']}.")
    rows = [
        [f"{sockets:,} sockets", FIGURES[figure],
         *(number(by.get(subject, {}).get(figure)) for subject in SUBJECTS)]
        for sockets, by in levels.items()
        for figure in ("kb_per_socket", "open_ms", "idle_percent")
    ]  # fmt: skip
    return "\n\n".join([table(["", "", *SUBJECTS], rows), *said])


def opening(results: Results) -> str:
    columns: dict[str, Entry] = {}
    for entry in results.entries("open"):
        stored = {"rows": "a row per edit", "snapshot": "snapshot"}[entry["options"]["stored"]]
        columns[f"{entry['subject']}, {stored}"] = entry
    counts = next(iter(columns.values()))["options"]["edits"].split(",") if columns else []
    rows = []
    for at, count in enumerate(counts):
        opened = [(entry.get("figures") or {}).get("opened", []) for entry in columns.values()]
        times = [one[at]["ms"] if at < len(one) else None for one in opened]
        rows.append([f"{int(count):,} edits", *map(number, times)])
    return table(["cold open, ms (p50)", *columns], rows)


def _by_subject(results: Results, part: str, figures: Iterable[str]) -> str:
    """Lay out a part of Collab's own: a column for each way to set it up."""
    subjects = list(dict.fromkeys(entry["subject"] for entry in results.entries(part)))
    rows = [
        [f"{at['clients']} peers × {at['rate']}/s", FIGURES[figure],
         *(number(results.figures(part, subject, at).get(figure)) for subject in subjects)]
        for at in results.options(part)
        for figure in figures
    ]  # fmt: skip
    return table(["", "", *subjects], rows)


def databases(results: Results) -> str:
    return _by_subject(results, "databases", ("ack_p50_ms", "ack_p99_ms", "us_per_delivery"))


def processes(results: Results) -> str:
    text = _by_subject(results, "processes", ("us_per_delivery", "p50_ms", "p99_ms", "rss_mb"))
    said = []
    for entry in results.entries("processes"):
        spent = (entry.get("figures") or {}).get("beside_s", {})
        named = ", ".join(f"{name} {seconds} s" for name, seconds in spent.items())
        if named:
            said.append(f"{entry['subject']}: {named}")
    if said:
        text += "\n\nCPU on the other core, peers' joins included. " + "; ".join(said) + "."
    return text


_STOPS = {
    "core": "its core is full",
    "latency": "p99 over 1 s",
    "peers": "the peers' core is full",
    None: "not reached",
}


def limits(results: Results) -> str:
    rows = []
    for entry in results.entries("limits"):
        found = entry.get("figures")
        if not found:
            continue
        steps = found["steps"]
        held = steps[:-1] if found["stop"] else steps
        best = held[-1] if held else {}
        deliveries = best["edits_per_s"] * (found["clients"] - 1) if best else None
        rows.append([
            f"{found['clients']} peers", entry["subject"], number(best.get("edits_per_s")),
            number(deliveries), number(best.get("cpu_percent")), number(best.get("p99_ms")),
            f"{steps[-1]['rate']}/s each: {_STOPS[found['stop']]}",
        ])  # fmt: skip
    rows.sort(key=lambda row: (int(row[0].split()[0]), SUBJECTS.index(row[1])))
    head = ["", "server", "edits/s", "deliveries/s", "CPU, %", "p99, ms", "stops at"]
    return table(head, rows)


TABLES: dict[str, Callable[[Results], str]] = {
    "fanout": fanout,
    "edits": edits,
    "limits": limits,
    "presence": presence,
    "storm": storm,
    "idle": idle,
    "rooms": rooms,
    "open": opening,
    "databases": databases,
    "processes": processes,
}


def summary(results: Results) -> str:
    """Lay out the few rows that README shows."""
    chosen = (
        ("fanout", ("us_per_delivery", "p99_ms")), ("presence", ("cpu_percent", "p95_ms")),
        ("storm", ("p50_ms", "added_mb")),
    )  # fmt: skip
    names = {
        "fanout": lambda at: f"{at['clients']} peers × {at['rate']}/s",
        "presence": lambda at: f"{at['clients']} cursors × {at['hz']} Hz",
        "storm": lambda at: f"{at['clients']} join {at['mb']} MB",
    }
    rows = []
    for part, figures in chosen:
        for options in results.options(part):
            if options.get("clients", 0) in (2, 50) or options.get("mb") in (1, 20):
                continue
            for figure in figures:
                values = [results.figures(part, one, options).get(figure) for one in SUBJECTS]
                rows.append([names[part](options), FIGURES[figure], *map(number, values)])
    return table(["", "", *SUBJECTS], rows)


def place(results: Results) -> str:
    """Say what was measured on, and when."""
    machine, versions = results.found["machine"], results.found["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{results.found['taken_at'][:10]}, {machine['processor']}, {machine['cores']} cores,"
        f" {machine['memory']}, {machine['system']}: servers on one core, peers on the other.\n\n"
        f"{named}."
    )


def write(found: Mapping[str, Any], output: Path, *, publish: bool = False) -> None:
    """Write tables and plots into a folder, and with `publish` into README.md and docs too."""
    results = Results(found)
    blocks = {"place": place(results)}
    for part, make in TABLES.items():
        if results.entries(part):
            text = make(results)
            troubles = results.troubles(part)
            if troubles:
                text += "\n\nNot measured as it should be: " + "; ".join(troubles) + "."
            blocks[part] = text
    output.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(f"## {name}\n\n{block}" for name, block in blocks.items())
    (output / "tables.md").write_text(text + "\n")
    plots.draw(results, output)
    print(f"{output}/tables.md and plots are written", flush=True)
    if publish:
        fill(ROOT / "docs" / "benchmarks.md", blocks)
        fill(ROOT / "README.md", {"bench": summary(results)})
        plots.draw(results, ROOT / "docs" / "bench")
        (ROOT / "docs" / "bench" / "results.json").write_text(json.dumps(found, indent=1) + "\n")


def fill(path: Path, blocks: Mapping[str, str]) -> None:
    """Replace what is between `<!-- NAME -->` and `<!-- /NAME -->` in a file, where they are."""
    text = path.read_text()
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda found, block=block: f"{found[1]}{block}\n{found[2]}", text)
    path.write_text(text)
