"""Points as columns: raw samples, buckets that sum them up, and tables of many series' points.

All functions are pure and vectorised. A table holds the points of several series one after the
other, so that one call does the work for all of them: `tabled` and `split` go there and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Samples:
    """What was recorded: `at_ms` rises strictly (Unix time, ms); as many finite values."""

    at_ms: Times
    value: Values


@dataclass(frozen=True, slots=True)
class Buckets:
    """Samples summed up by windows of one width, those without a sample left out.

    `at_ms` is where each window begins, a multiple of the width; it rises strictly. `increase` is
    how much a counter rose in the window, from the sample before it (also of an earlier window), a
    restart counting from zero; the very first sample of a series adds nothing.
    """

    at_ms: Times
    count: Values
    sum: Values
    min: Values
    max: Values
    last: Values
    increase: Values


Points = TypeVar("Points", Samples, Buckets)


@dataclass(frozen=True, slots=True)
class SampleTable:
    """Samples of several series, in order of series and time."""

    series: Ids
    samples: Samples


@dataclass(frozen=True, slots=True)
class BucketTable:
    """Buckets of several series, in order of series and time."""

    series: Ids
    buckets: Buckets


def increases(samples: Samples) -> Values:
    """Return by how much a counter rose with each sample: 0 for the first, all of it on a restart.

    A counter that falls has begun again at zero.
    """
    return _increases(np.zeros(len(samples.at_ms), np.int64), samples.value)


def sum_up(samples: Samples, width_ms: int, *, start_ms: int | None = None) -> Buckets:
    """Sum samples up by windows of a width.

    Args:
        samples: Of one series.
        width_ms: Width of the windows.
        start_ms: A multiple of the width; samples before it make no bucket, but the last of them
            is what the first increase is counted from.
    """
    one = np.zeros(len(samples.at_ms), np.int64)
    return sum_up_all(SampleTable(one, samples), width_ms, start_ms=start_ms).buckets


def sum_up_all(
    table: SampleTable,
    width_ms: int,
    *,
    start_ms: int | None = None,
    inside: NDArray[np.bool_] | None = None,
) -> BucketTable:
    """Sum the samples of several series up at once; as `sum_up` for each.

    `inside` says which samples make buckets, where no one `start_ms` does.
    """
    value = table.samples.value
    at_ms = table.samples.at_ms
    rise = _increases(table.series, value)
    one = np.ones(len(value), np.float64)
    singles = BucketTable(table.series, Buckets(at_ms, one, value, value, value, value, rise))
    if start_ms is not None:
        singles = kept(singles, at_ms >= start_ms)
    if inside is not None:
        singles = kept(singles, inside)
    return rebucket_all(singles, width_ms)


def rebucket(buckets: Buckets, width_ms: int, *, origin_ms: int = 0) -> Buckets:
    """Put buckets of one series together into wider ones.

    Args:
        buckets: Of any width that divides `width_ms`; also single samples as buckets.
        width_ms: The new width.
        origin_ms: Where one of the new windows begins, such as a midnight.
    """
    one = np.zeros(len(buckets.at_ms), np.int64)
    return rebucket_all(BucketTable(one, buckets), width_ms, origin_ms=origin_ms).buckets


def rebucket_all(table: BucketTable, width_ms: int, *, origin_ms: int = 0) -> BucketTable:
    """Put buckets of several series together into wider ones; as `rebucket` for each."""
    at_ms = table.buckets.at_ms
    wide = at_ms - (at_ms - origin_ms) % width_ms
    return _fold(table.series, wide, table.buckets)


def merge(parts: Sequence[Buckets]) -> Buckets:
    """Merge buckets of one series and one width into one run.

    Buckets of the same window are put together as if each part were recorded after those before it
    in `parts`: so a window that is half rolled up and half not becomes whole.
    """
    tables = [BucketTable(np.zeros(len(part.at_ms), np.int64), part) for part in parts]
    return merge_all(tables).buckets


def merge_all(tables: Sequence[BucketTable]) -> BucketTable:
    """Merge buckets of several series and one width; as `merge` for each."""
    series = np.concatenate([table.series for table in tables] or [np.zeros(0, np.int64)])
    buckets = concatenate([table.buckets for table in tables] or [no_buckets()])
    # Runs that are in order already, one for each part, are merged faster than sorted.
    order = np.argsort(series, kind="stable")
    series, buckets = series[order], _taken(buckets, order)
    falls = (buckets.at_ms[1:] < buckets.at_ms[:-1]) & (series[1:] == series[:-1])
    if falls.any():
        order = np.lexsort((buckets.at_ms, series))
        series, buckets = series[order], _taken(buckets, order)
    return _fold(series, buckets.at_ms, buckets)


def put_over(table: BucketTable, newer: BucketTable) -> BucketTable:
    """Put buckets of the same width in the place of those that have their times."""
    series = np.concatenate([table.series, newer.series])
    buckets = concatenate([table.buckets, newer.buckets])
    order = np.lexsort((buckets.at_ms, series))
    both = BucketTable(series[order], _taken(buckets, order))
    if len(order):
        starts = run_starts(both.series, both.buckets.at_ms)
        last = np.append(starts[1:], len(order)) - 1
        return BucketTable(both.series[last], _taken(both.buckets, last))
    return both


def concatenate(parts: Sequence[Points]) -> Points:
    """Put runs of points of one series one after the other; at least one, the oldest first."""
    kind = type(parts[0])
    names = [field.name for field in fields(kind)]
    return kind(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def clip(points: Points, start_ms: int, end_ms: int) -> Points:
    """Return the points with start <= at < end, as views."""
    first, after = np.searchsorted(points.at_ms, (start_ms, end_ms))
    return _taken(points, slice(first, after))


def no_samples() -> Samples:
    """Return samples of nothing."""
    return Samples(np.zeros(0, np.int64), np.zeros(0))


def no_buckets() -> Buckets:
    """Return buckets of nothing."""
    return Buckets(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(6)))


def tabled(by_series: Mapping[int, Samples]) -> SampleTable:
    """Put the samples of several series into one table."""
    ids = sorted(by_series)
    sizes = [len(by_series[one].at_ms) for one in ids]
    series = np.repeat(np.array(ids, np.int64), sizes)
    return SampleTable(series, concatenate([by_series[one] for one in ids] or [no_samples()]))


def split(series: Ids, points: Points) -> dict[int, Points]:
    """Return each series' points of a table's columns, as views; the table is in order."""
    if not len(series):
        return {}
    starts = run_starts(series)
    ends = np.append(starts[1:], len(series))
    return {
        int(series[first]): _taken(points, slice(first, after))
        for first, after in zip(starts.tolist(), ends.tolist(), strict=True)
    }


def kept(table: BucketTable, mask: NDArray[np.bool_]) -> BucketTable:
    """Return the rows of a table that a mask chooses."""
    return BucketTable(table.series[mask], _taken(table.buckets, mask))


def _taken(points: Points, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Points:
    kind = type(points)
    return kind(*(getattr(points, field.name)[rows] for field in fields(kind)))


def run_starts(*keys: Ids) -> NDArray[np.int64]:
    """Return where runs of equal keys begin; the columns are not empty."""
    change = np.zeros(len(keys[0]), np.bool_)
    change[0] = True
    for key in keys:
        change[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(change)


def _increases(series: Ids, value: Values) -> Values:
    rise = np.zeros(len(value))
    if len(value) > 1:
        step = value[1:] - value[:-1]
        same = series[1:] == series[:-1]
        rise[1:] = np.where(same, np.where(step < 0, value[1:], step), 0.0)
    return rise


def _fold(series: Ids, at_ms: Times, buckets: Buckets) -> BucketTable:
    """Put rows of the same series and time together; they stand in the order of recording."""
    if not len(series):
        return BucketTable(series, buckets)
    starts = run_starts(series, at_ms)
    if len(starts) == len(series):
        return BucketTable(series, replace(buckets, at_ms=at_ms))
    last = np.append(starts[1:], len(series)) - 1
    return BucketTable(
        series[starts],
        Buckets(
            at_ms[starts],
            np.add.reduceat(buckets.count, starts),
            np.add.reduceat(buckets.sum, starts),
            np.minimum.reduceat(buckets.min, starts),
            np.maximum.reduceat(buckets.max, starts),
            buckets.last[last],
            np.add.reduceat(buckets.increase, starts),
        ),
    )
