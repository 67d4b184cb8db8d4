"""Buckets in the database: a row holds a run of those that follow each other.

A day of 20 series by the minute are 28,800 buckets, but 1,920 rows: it is read in a tenth of the
time that a row for each takes, and stored in a third of the space.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboards.series import points
from dashboards.series.points import Buckets, BucketTable
from dashboards.store.tables import TIERS, Sql, Windows, unique_pairs

RUN_MS = {10_000: 120_000, 60_000: 900_000, 3_600_000: 43_200_000}
"""How long a run is, by its buckets' width. It has under 1 kB, so that a row stays on its page; a
day has a whole number of runs, and a run one of the next tier's buckets, or the other way about."""

_COLUMNS = ("count", "sum", "min", "max", "last", "increase")
BUCKET = np.dtype([("at_ms", "<i8"), *((name, "<f8") for name in _COLUMNS)])
"""How a bucket is packed; see `dashboards.store.models.Rollup`."""


def read(sql: Sql, connection: Any, width_ms: int, windows: Windows) -> BucketTable:
    """Read the buckets of a tier in windows, in order."""
    runs = windows.widened(RUN_MS[width_ms])
    rows = sql.runs(connection, TIERS[width_ms], runs) if len(runs) else []
    table = _unpack(rows)
    return points.kept(table, windows.hold(table.series, table.buckets.at_ms))


def write(sql: Sql, connection: Any, width_ms: int, table: BucketTable) -> None:
    """Write buckets over those of their times. Nobody else writes to the tier meanwhile."""
    if not len(table.series):
        return
    run_ms = RUN_MS[width_ms]
    at_ms = table.buckets.at_ms
    runs = Windows.wide(*unique_pairs(table.series, at_ms - at_ms % run_ms), run_ms)
    there = _unpack(sql.runs(connection, TIERS[width_ms], runs))
    whole = points.put_over(there, table)
    sql.put_runs(connection, TIERS[width_ms], _packed(whole, run_ms))


def _packed(table: BucketTable, run_ms: int) -> list[tuple[int, int, bytes]]:
    buckets = table.buckets
    rows = np.empty(len(buckets.at_ms), BUCKET)
    for name in ("at_ms", *_COLUMNS):
        rows[name] = getattr(buckets, name)
    data, size = rows.tobytes(), BUCKET.itemsize
    begin = buckets.at_ms - buckets.at_ms % run_ms
    starts = points.run_starts(table.series, begin)
    ends = np.append(starts[1:], len(rows))
    return [
        (series, at_ms, data[first * size : after * size])
        for series, at_ms, first, after in zip(
            table.series[starts].tolist(), begin[starts].tolist(), starts.tolist(), ends.tolist(),
            strict=True,
        )
    ]  # fmt: skip


def _unpack(packed: list[tuple[int, bytes]]) -> BucketTable:
    rows = np.frombuffer(b"".join(data for _, data in packed), BUCKET)
    sizes = [len(data) // BUCKET.itemsize for _, data in packed]
    series = np.repeat(np.array([series for series, _ in packed], np.int64), sizes)
    columns = (np.ascontiguousarray(rows[name]) for name in ("at_ms", *_COLUMNS))
    return BucketTable(series, Buckets(*columns))
