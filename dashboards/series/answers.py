"""The answer to a question: lines of points on one time axis."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.ingest.readings import Labels
from dashboards.series.points import Times, Values


@dataclass(frozen=True, slots=True)
class Line:
    """One line. NaN where it has no value; at least one point has one.

    `name` is what a legend shows. `low` and `high` are what a point's window reached, of averages
    and last values; None for other functions.
    """

    name: str
    labels: Labels
    value: Values
    low: Values | None = None
    high: Values | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines that share `at_ms` (where each step of `step_ms` begins, oldest first).

    A point's window ends where its step does, and is a step long or longer.

    `unit` is that of what is shown. `newest_ms` is the time of the newest sample behind it, None
    for no sample at all. `problems` are sentences for a person: why it is empty, or not whole.
    """

    at_ms: Times
    step_ms: int
    lines: list[Line]
    unit: str = ""
    newest_ms: int | None = None
    problems: tuple[str, ...] = ()
