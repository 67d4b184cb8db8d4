"""The store's tables, and what the SQL of each database does for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dashboards.series.points import Buckets, BucketTable, Ids, Samples, SampleTable, Times, Values
from dashboards.series.ports import TIERS_MS
from dashboards.store.models import Hour, Minute, Sample, TenSeconds

RAW = Sample._meta.db_table
TIERS = {
    width: model._meta.db_table
    for width, model in zip(TIERS_MS, (TenSeconds, Minute, Hour), strict=True)
}
TABLES_BY_WIDTH = {0: RAW} | TIERS

DAY_MS = 86_400_000
_COLUMNS = ("count", "sum", "min", "max", "last", "increase")
BUCKET = np.dtype([("at_ms", "<i8"), *((name, "<f8") for name in _COLUMNS)])
"""How a bucket is packed; see `dashboards.store.models.Rollup`."""


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
        self, connection: Any, windows: Windows, *, before: bool = False, active: bool = False
    ) -> SampleTable:
        """Read samples in windows, in order, none twice.

        Args:
            connection: Django's.
            windows: In order of series and time, not overlapping.
            before: Also the last sample before each window.
            active: Nothing at all of a window that has no sample.
        """

    def buckets(self, connection: Any, table: str, windows: Windows) -> BucketTable:
        """Read buckets in windows, in order; as for `samples`."""

    def next_times(self, connection: Any, table: str, series: Ids, from_ms: Times) -> Times:
        """Return per row the first time >= `from_ms` that the series has in a table, or -1."""

    def share_ledger(self, connection: Any) -> tuple[int, int] | None:
        """Read the ledger (closed_ms, generation) and keep it as it is until the transaction ends.

        Others may share it meanwhile. None if it is missing.
        """

    def put_samples(self, connection: Any, table: SampleTable) -> None:
        """Write samples over what is there at their times; in order, none twice."""

    def put_buckets(self, connection: Any, table: str, buckets: BucketTable) -> None:
        """Write buckets over what is there at their times."""

    def reopen(self, connection: Any, series: Ids, at_ms: Times) -> None:
        """Note minutes of series to be rolled up again; in order, none twice."""

    def make_room(self, using: str, table: str, at_ms: Times) -> None:
        """See that a table can take rows of these times. Not inside a transaction."""

    def forget_room(self) -> None:
        """Look anew which times tables can take."""

    def drop_room(self, using: str, table: str, before_ms: int) -> int:
        """Drop what holds only rows before a time. Returns how many parts went."""


def pack(buckets: Buckets) -> list[bytes]:
    """Pack each bucket as it is stored."""
    rows = np.empty(len(buckets.at_ms), BUCKET)
    for name in ("at_ms", *_COLUMNS):
        rows[name] = getattr(buckets, name)
    data, size = rows.tobytes(), BUCKET.itemsize
    return [data[at : at + size] for at in range(0, len(data), size)]


def unpack(packed: Sequence[tuple[int, bytes]]) -> BucketTable:
    """Make a table of series and their packed buckets, one after the other."""
    rows = np.frombuffer(b"".join(data for _, data in packed), BUCKET)
    sizes = [len(data) // BUCKET.itemsize for _, data in packed]
    series = np.repeat(np.array([series for series, _ in packed], np.int64), sizes)
    columns = (np.ascontiguousarray(rows[name]) for name in ("at_ms", *_COLUMNS))
    return BucketTable(series, Buckets(*columns))


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
