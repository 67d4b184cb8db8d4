"""The answer to a question: lines of points on one time axis."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.ingest.readings import Labels
from dashboards.series.points import Times, Values


@dataclass(frozen=True, slots=True)
class Line:
    """One line. NaN where it has no value; `low` and `high` are what a point's window reached.

    `name` is what a legend shows. `low` and `high` are None where they equal `value`.
    """

    name: str
    labels: Labels
    value: Values
    low: Values | None = None
    high: Values | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines that share `at_ms` (each a window's begin, steps of `step_ms`, oldest first).

    `unit` is that of what is shown. `newest_ms` is the time of the newest sample behind it, None
    for no sample at all. `problems` are sentences for a person: why it is empty, or not whole.
    """

    at_ms: Times
    step_ms: int
    lines: list[Line]
    unit: str = ""
    newest_ms: int | None = None
    problems: tuple[str, ...] = ()
