"""Charts: an answer's lines as one table, which grows at its end and is compared as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.ingest.readings import Labels
from dashboards.series.answers import Answer, Line
from dashboards.series.points import Times, Values

Key = tuple[str, Labels]
_SILENT: Values = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Lines on one time axis, told apart by `keys`: their names and labels.

    `rows` has a row of values for each line, and behind it, where `bands` says that it has a band,
    one of low and one of high ones. NaN is no value.
    """

    at_ms: Times
    rows: Values
    keys: tuple[Key, ...]
    bands: tuple[bool, ...]

    @classmethod
    def of(cls, answer: Answer) -> Chart:
        """Make a chart of an answer."""
        keys = tuple((line.name, line.labels) for line in answer.lines)
        bands = tuple(has_band(line) for line in answer.lines)
        rows = _rows(answer.lines, bands, len(answer.at_ms))
        return cls(answer.at_ms, rows, keys, bands)

    def lines(self) -> list[Line]:
        """Return its lines, as views."""
        found, row = [], 0
        for (name, labels), band in zip(self.keys, self.bands, strict=True):
            edges = (self.rows[row + 1], self.rows[row + 2]) if band else (None, None)
            found.append(Line(name, labels, self.rows[row], *edges))
            row += 3 if band else 1
        return found

    def with_tail(self, start_ms: int, tail: Answer) -> Chart | None:
        """Put a tail in the place of what it is about; points before start go.

        Returns:
            None where the tail has other lines, or bands that these have not.
        """
        lines = self._matched(tail.lines)
        if lines is None or any(
            has_band(line) and not band for line, band in zip(lines, self.bands, strict=True)
        ):
            return None
        first, after = np.searchsorted(self.at_ms, (start_ms, tail.at_ms[0])).tolist()
        rows = _rows(lines, self.bands, len(tail.at_ms))
        return Chart(
            np.concatenate((self.at_ms[first:after], tail.at_ms)),
            np.concatenate((self.rows[:, first:after], rows), axis=1),
            self.keys,
            self.bands,
        )

    def first_change_ms(self, before: Chart, since_ms: int) -> int | None:
        """Return the time of the first point that an earlier chart of these lines had not so.

        Args:
            before: The earlier one.
            since_ms: Points before this are known to be the same.
        """
        here = int(np.searchsorted(self.at_ms, since_ms))
        there = int(np.searchsorted(before.at_ms, since_ms))
        count = min(len(self.at_ms) - here, len(before.at_ms) - there)
        old, new = before.rows[:, there : there + count], self.rows[:, here : here + count]
        same = (old == new) | ((old != old) & (new != new))
        alike = same.all(axis=0) & (
            before.at_ms[there : there + count] == self.at_ms[here : here + count]
        )
        first = here + (count if alike.all() else int(np.argmin(alike)))
        return int(self.at_ms[first]) if first < len(self.at_ms) else None

    def _matched(self, lines: Sequence[Line]) -> Sequence[Line] | None:
        """Return lines in this chart's order; one that went silent is without values."""
        found = {(line.name, line.labels): line for line in lines}
        if len(lines) == len(self.keys) and tuple(found) == self.keys:
            return lines
        # Of lines that are called the same, one that is left out cannot be told.
        if len(found) < len(lines) or len(set(self.keys)) < len(self.keys):
            return None
        if not found.keys() <= set(self.keys):
            return None
        return [found.get(key) or Line(*key, _SILENT) for key in self.keys]


def has_band(line: Line) -> bool:
    return line.low is not None or line.high is not None


def _rows(lines: Sequence[Line], bands: Sequence[bool], points: int) -> Values:
    rows = []
    for line, band in zip(lines, bands, strict=True):
        value = np.full(points, np.nan) if line.value is _SILENT else line.value
        rows.append(value)
        if band:
            rows += (
                value if line.low is None else line.low,
                value if line.high is None else line.high,
            )
    return np.array(rows) if rows else np.zeros((0, points))
