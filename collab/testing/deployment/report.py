"""What a check tells: a bar while it runs, a table or JSON after it."""

from __future__ import annotations

import json
from typing import Any, TextIO

from collab.testing.deployment.check import Outcome, Plan
from collab.testing.deployment.figures import Latencies

_BAR = 24
# A larger part of the latencies than this, and the tool measures itself.
_TOO_LATE = 0.25
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Bar:
    """A line that shows how far a check is; nothing where no person looks on."""

    def __init__(self, stream: TextIO, plan: Plan) -> None:
        self._stream = stream if stream.isatty() else None
        self._plan = plan
        self._width = 0

    def show(self, share: float, told: dict[str, int]) -> None:
        """Show which share of the time is over, and what was told last."""
        full = round(_BAR * min(1.0, share))
        text = (
            f"[{'#' * full}{'.' * (_BAR - full)}] {told.get('edits', 0):,} edits,"
            f" {told.get('acknowledged', 0):,} acknowledged,"
            f" {told.get('connected', 0)} of {self._plan.peers} peers connected"
        )
        self._write(text if share < 1 else f"{text}, waiting for the last")

    def clear(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(f"\r{text.ljust(self._width)}" + ("" if text else "\r"))
            self._stream.flush()
            self._width = len(text)


def as_json(plan: Plan, outcome: Outcome) -> str:
    """Write all that is known of a check as one object, times in ms."""
    figures = outcome.figures
    return json.dumps(
        {
            "converged": not outcome.problems,
            "url": plan.url,
            "room": plan.room,
            "seed": plan.seed,
            "peers": plan.peers,
            "processes": plan.processes,
            "seconds": plan.seconds,
            "rate": plan.rate,
            "faults": list(plan.faults),
            "edits": figures.edits,
            "acknowledged": figures.acknowledged,
            "to_peers_ms": _quantiles(figures.to_peers),
            "to_ack_ms": _quantiles(figures.to_ack),
            "reconnects": figures.reconnects,
            "closed_by_site": {str(code): count for code, count in figures.closed.items()},
            "sent_bytes": figures.sent_bytes,
            "received_bytes": figures.received_bytes,
            "tool_late_ms": _quantiles(figures.late),
            "lost": outcome.lost,
            "problems": outcome.problems,
            "left_behind": outcome.left,
        },
        ensure_ascii=False,
    )


def _quantiles(latencies: Latencies) -> dict[str, Any]:
    found = {name: latencies.quantile_ms(share) for name, share in _QUANTILES.items()}
    rounded = {name: None if ms is None else round(ms, 2) for name, ms in found.items()}
    return rounded | {"count": latencies.count}


def table(plan: Plan, outcome: Outcome) -> str:
    """Write a check for a person: the figures, then what is wrong."""
    figures = outcome.figures
    closed = ", ".join(f"{count} × {code}" for code, count in sorted(figures.closed.items()))
    rows = {
        "edits": f"{figures.edits:,}",
        "acknowledged": f"{figures.acknowledged:,}",
        "to peers": _line(figures.to_peers),
        "to acknowledgement": _line(figures.to_ack),
        "reconnects": f"{figures.reconnects:,}",
        "closed by the site": closed or "none",
        "sent": _size(figures.sent_bytes),
        "received": _size(figures.received_bytes),
        "this tool's own delay": _line(figures.late),
        "seed": str(plan.seed),
    }
    width = max(map(len, rows)) + 2
    lines = [f"{name.ljust(width)}{value}" for name, value in rows.items()]
    late, took = (one.quantile_ms(0.95) or 0.0 for one in (figures.late, figures.to_peers))
    if late > _TOO_LATE * took:
        lines.append(
            "The times are those of this tool or its machine, not of the site alone: run it"
            " elsewhere, or with more --processes."
        )
    if outcome.problems:
        lines += ["", f"NOT CONVERGED: {len(outcome.problems)} problems"]
        lines += [f"  {problem}" for problem in outcome.problems[:20]]
        if len(outcome.problems) > 20:
            lines.append(f"  and {len(outcome.problems) - 20} more: --json has all")
    else:
        lines.append(
            f"\nConverged: {plan.peers} peers, a fresh one and what is stored are equal, and every"
            " acknowledged edit is there."
        )
    return "\n".join(lines)


def _line(latencies: Latencies) -> str:
    parts = []
    for name, share in _QUANTILES.items():
        ms = latencies.quantile_ms(share)
        if ms is None:
            return "none"
        parts.append(f"{name} {ms:,.1f} ms")
    return f"{'  '.join(parts)}  (of {latencies.count:,})"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.2f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} kB"
