"""The store's tables, and what the SQL of each database does for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dashboards.series.points import Ids, Samples, SampleTable, Times, Values
from dashboards.series.ports import TIERS_MS, TooManySamples
from dashboards.store.models import Hour, Minute, Sample, TenSeconds

RAW = Sample._meta.db_table
TIERS = {
    width: model._meta.db_table
    for width, model in zip(TIERS_MS, (TenSeconds, Minute, Hour), strict=True)
}
TABLES_BY_WIDTH = {0: RAW} | TIERS

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Windows:
    """Times to read of series: start <= at < end, row by row."""

    series: Ids
    start_ms: Times
    end_ms: Times

    @classmethod
    def all_of(cls, ids: Collection[int], start_ms: int, end_ms: int) -> Windows:
        """Make the same window for each series, in order of their ids."""
        series = np.array(sorted(ids), np.int64)
        return cls(series, np.full_like(series, start_ms), np.full_like(series, end_ms))

    @classmethod
    def wide(cls, series: Ids, start_ms: Times, width_ms: int) -> Windows:
        """Make windows of one width."""
        return cls(series, start_ms, start_ms + width_ms)

    def __len__(self) -> int:
        return len(self.series)

    def widened(self, width_ms: int) -> Windows:
        """Widen them to multiples of a width, of which none is in two of them then."""
        start, end = self.start_ms - self.start_ms % width_ms, self.end_ms + -self.end_ms % width_ms
        same = self.series[1:] == self.series[:-1]
        start[1:] = np.where(same, np.maximum(start[1:], end[:-1]), start[1:])
        some = start < end
        return Windows(self.series[some], start[some], end[some])

    def hold(self, series: Ids, at_ms: Times) -> NDArray[np.bool_]:
        """Tell which times of series are in one of them. They are in order, not overlapping."""
        if not len(self):
            return np.zeros(len(series), np.bool_)
        if (self.start_ms == self.start_ms[0]).all() and (self.end_ms == self.end_ms[0]).all():
            inside: NDArray[np.bool_] = (at_ms >= self.start_ms[0]) & (at_ms < self.end_ms[0])
            return inside & np.isin(series, self.series)
        known = np.unique(self.series)
        # Series and time as one number: times have 44 bits until the year 2527.
        starts = (np.searchsorted(known, self.series) << 44) + self.start_ms
        times = (np.searchsorted(known, series) << 44) + at_ms
        last = np.searchsorted(starts, times, "right") - 1
        found: NDArray[np.bool_] = (last >= 0) & (self.series[last] == series)
        return found & (at_ms < self.end_ms[last])

    def bounds(self) -> tuple[int, int]:
        """Return the earliest start and the latest end; there is at least one window."""
        return int(self.start_ms.min()), int(self.end_ms.max())

    def rows(self) -> list[tuple[int, int, int]]:
        columns = (self.series.tolist(), self.start_ms.tolist(), self.end_ms.tolist())
        return list(zip(*columns, strict=True))


class Sql(Protocol):
    """The SQL of one database. Everything runs on a connection and transaction of the caller's.

    `partitioned`: rows go with the part of a table that holds nothing newer.
    """

    partitioned: bool

    def samples(
        self,
        connection: Any,
        windows: Windows,
        *,
        before: bool = False,
        active: bool = False,
        most: int | None = None,
    ) -> SampleTable:
        """Read samples in windows, in order, none twice.

        Args:
            connection: Django's.
            windows: In order of series and time, not overlapping.
            before: Also the last sample before each window.
            active: Nothing at all of a window that has no sample.
            most: How many at most; None for any number.

        Raises:
            TooManySamples: there are more.
        """

    def runs(self, connection: Any, table: str, windows: Windows) -> list[tuple[int, bytes]]:
        """Read the series and packed buckets of runs that begin in windows, in order."""

    def next_times(self, connection: Any, table: str, series: Ids, from_ms: Times) -> Times:
        """Return per row the first time >= `from_ms` that the series has in a table, or -1."""

    def share_ledger(self, connection: Any) -> tuple[int, int] | None:
        """Read the ledger (closed_ms, generation) and keep it as it is until the transaction ends.

        Others may share it meanwhile. None if it is missing.
        """

    def put_samples(self, connection: Any, table: SampleTable) -> None:
        """Write samples over what is there at their times; in order, none twice."""

    def put_runs(self, connection: Any, table: str, runs: list[tuple[int, int, bytes]]) -> None:
        """Write runs (series, begin, packed buckets) over what is there."""

    def reopen(self, connection: Any, series: Ids, at_ms: Times) -> None:
        """Note minutes of series to be rolled up again; in order, none twice."""

    def make_room(self, using: str, table: str, at_ms: Times) -> None:
        """See that a table can take rows of these times. Not inside a transaction."""

    def forget_room(self) -> None:
        """Look anew which times tables can take."""

    def drop_room(self, using: str, table: str, before_ms: int) -> int:
        """Drop what holds only rows before a time. Returns how many parts went."""


def too_many(most: int) -> TooManySamples:
    """Return the error of more samples than may be read."""
    return TooManySamples(
        f"This would read more than {most} numbers as they came. Choose fewer series, a shorter "
        "time, or a step of whole 10 s."
    )


def unique_samples(series: Ids, at_ms: Times, value: Values) -> SampleTable:
    """Order samples by series and time; of several at one time the last counts."""
    order = np.lexsort((at_ms, series))
    series, at_ms, value = series[order], at_ms[order], value[order]
    if len(series) > 1:
        last = np.append((series[1:] != series[:-1]) | (at_ms[1:] != at_ms[:-1]), True)
        if not last.all():
            series, at_ms, value = series[last], at_ms[last], value[last]
    return SampleTable(series, Samples(at_ms, value))


def unique_pairs(series: Ids, at_ms: Times) -> tuple[Ids, Times]:
    """Order pairs, and leave out repeats."""
    table = unique_samples(series, at_ms, np.zeros(len(series)))
    return table.series, table.samples.at_ms
