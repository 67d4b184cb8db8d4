"""The `MetricStore` in Django's database."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from collab import conf
from dashboards.series import points
from dashboards.series.points import Buckets, BucketTable, Samples, SampleTable
from dashboards.series.ports import TIERS_MS, Matcher, Metric, Series, StoreAway
from dashboards.store import models, runs
from dashboards.store.catalogue import Catalogue
from dashboards.store.retention import Policy
from dashboards.store.sqlite import SqliteSql
from dashboards.store.tables import Sql, Windows, unique_pairs

# Reopened buckets that a reader sums up itself: after a mass of late data it does not do what will
# be done in a moment anyway.
_PATCHED_AT_MOST = 2000
_POLICY_FRESH_S = 10.0
# Of the points that one question may read, each may be of so many samples on average.
_SAMPLES_PER_POINT = 5
MINUTE_MS = 60_000


def now_ms() -> int:
    """Return the time (Unix, ms)."""
    return time.time_ns() // 1_000_000


@lru_cache
def sql_of(using: str) -> Sql:
    """Return the SQL of a database."""
    if connections[using].vendor != "postgresql":
        return SqliteSql()
    # Its driver is slow to import.
    from dashboards.store.postgres import PostgresSql

    return PostgresSql()


@dataclass(frozen=True, slots=True)
class Marks:
    """Up to where each tier is rolled up, at a turn of rolling up."""

    turn: int
    done: dict[int, int]

    @classmethod
    def read(cls, using: str) -> Marks:
        rows = models.Watermark.objects.using(using).filter(pk=1)
        row = rows.values_list("turn", "ten_seconds_ms", "minute_ms", "hour_ms").first()
        turn, *done = row or (0, 0, 0, 0)
        return cls(turn, dict(zip(TIERS_MS, done, strict=True)))


class OrmMetricStore:
    """Reads numbers from the database; `dashboards.store.writing` writes them.

    Args:
        using: The database.
        now: What the time is (Unix, ms).
    """

    def __init__(self, using: str = DEFAULT_DB_ALIAS, now: Callable[[], int] = now_ms) -> None:
        self.using = using
        self.now = now
        self.catalogue = Catalogue(using)
        self._policy: tuple[float, Policy] | None = None

    @property
    def sql(self) -> Sql:
        return sql_of(self.using)

    def metrics(self, search: str = "", *, after: str = "", limit: int = 100) -> list[Metric]:
        with away():
            return self.catalogue.metrics(search, after, limit)

    def find(self, name: str, matchers: Sequence[Matcher] = (), *, limit: int) -> list[Series]:
        with away():
            return self.catalogue.find(name, matchers, limit)

    def values(self, label: str, name: str = "", *, limit: int = 1000) -> list[str]:
        with away():
            return self.catalogue.values(label, name, limit)

    def samples(self, ids: Collection[int], start_ms: int, end_ms: int) -> dict[int, Samples]:
        if not ids or end_ms <= start_ms:
            return {}
        with away():
            windows = Windows.all_of(ids, start_ms, end_ms)
            most = _SAMPLES_PER_POINT * conf.get("QUERY_POINTS")
            table = self.sql.samples(connections[self.using], windows, before=True, most=most)
        return points.split(table.series, table.samples)

    def buckets(
        self, ids: Collection[int], start_ms: int, end_ms: int, width_ms: int
    ) -> dict[int, Buckets]:
        if not ids or end_ms <= start_ms:
            return {}
        with away():
            # Marks are read before what they are about: rows that come later do no harm.
            marks = Marks.read(self.using)
            again = self._reopened(ids, start_ms, end_ms, width_ms, marks)
            table = self._rolled_up(sorted(ids), start_ms, end_ms, width_ms, marks)
            if len(again):
                table = self._patched(table, again, width_ms)
                at_ms = table.buckets.at_ms
                table = points.kept(table, (at_ms >= start_ms) & (at_ms < end_ms))
        return points.split(table.series, table.buckets)

    def kept_since_ms(self, width_ms: int) -> int:
        with away():
            return self.policy().default.edge_ms(width_ms, self.now())

    def policy(self) -> Policy:
        """Return how long numbers are kept, as it was some seconds ago at most."""
        now = time.monotonic()
        if self._policy is None or now - self._policy[0] > _POLICY_FRESH_S:
            self._policy = now, Policy(self.using)
        return self._policy[1]

    def _rolled_up(
        self, ids: list[int], start_ms: int, end_ms: int, width_ms: int, marks: Marks
    ) -> BucketTable:
        """Read a tier up to its mark, then finer ones up to theirs, then samples."""
        connection, parts, at = connections[self.using], [], start_ms
        for width in [one for one in reversed(TIERS_MS) if one <= width_ms]:
            until = min(end_ms, marks.done[width])
            if at < until:
                windows = Windows.all_of(ids, at, until)
                parts.append(runs.read(self.sql, connection, width, windows))
                at = until
        if at < end_ms:
            samples = self.sql.samples(
                connection, Windows.all_of(ids, at, end_ms), before=True, active=True
            )
            parts.append(points.sum_up_all(samples, TIERS_MS[0], start_ms=at))
        return points.merge_all([points.rebucket_all(part, width_ms) for part in parts])

    def _reopened(
        self, ids: Collection[int], start_ms: int, end_ms: int, width_ms: int, marks: Marks
    ) -> Windows:
        """Return the windows, of a minute or of a wider bucket, that are no longer right."""
        rows = models.Reopened.objects.using(self.using)
        if len(ids) <= _PATCHED_AT_MOST:
            rows = rows.filter(series_id__in=ids)
        # Mostly there is no row at all.
        pairs = np.array(rows.values_list("series_id", "at_ms")[:_PATCHED_AT_MOST], np.int64)
        if not len(pairs):
            return Windows.all_of((), 0, 0)
        series, minute = pairs.T
        after = following(self.sql, self.using, series, minute + MINUTE_MS)
        series, at_ms = np.append(series, after[0]), np.append(minute, after[1])
        window_ms = max(width_ms, MINUTE_MS)
        at_ms = at_ms - at_ms % window_ms
        done = marks.done[TIERS_MS[0]]
        wanted = (at_ms + window_ms > start_ms) & (at_ms < min(end_ms, done))
        wanted &= at_ms >= raw_since(self.using, series)
        return Windows.wide(*unique_pairs(series[wanted], at_ms[wanted]), window_ms)

    def _patched(self, table: BucketTable, again: Windows, width_ms: int) -> BucketTable:
        """Put what samples say now in the place of buckets."""
        samples = self.sql.samples(connections[self.using], again, before=True)
        fresh = summed_again(samples, again, width_ms)
        stale = again.hold(table.series, table.buckets.at_ms)
        return points.merge_all([points.kept(table, ~stale), fresh])


def summed_again(samples: SampleTable, windows: Windows, width_ms: int) -> BucketTable:
    """Sum up the samples in windows; others only tell what came before."""
    inside = windows.hold(samples.series, samples.samples.at_ms)
    return points.sum_up_all(samples, width_ms, inside=inside)


def following(
    sql: Sql, using: str, series: points.Ids, from_ms: points.Times
) -> tuple[points.Ids, points.Times]:
    """Return the first sample at or after a time of each series that has one."""
    times = sql.next_times(connections[using], models.Sample._meta.db_table, series, from_ms)
    return series[times >= 0], times[times >= 0]


def raw_since(using: str, series: points.Ids) -> points.Times:
    """Return from when on each row's series has all its samples; never, if it is gone."""
    wanted = np.unique(series).tolist()
    rows = dict(
        models.Series.objects.using(using).filter(pk__in=wanted).values_list("pk", "raw_since_ms")
    )
    return np.array([rows.get(one, 2**62) for one in series.tolist()], np.int64)


@contextmanager
def away() -> Iterator[None]:
    """Make of every way that a database can be away `StoreAway`."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        raise StoreAway("The database does not answer; try again in a moment.") from error
