"""Rolls samples up into buckets, in small steps of which each is done once or not at all.

Time is closed first, some way behind the present: from then on a sample before that time is late,
and its commit notes the minute that it reopens. What is closed can be summed up without a lock.
Each step writes buckets and moves the mark in one transaction, which only counts if no other step
was made since it began to read (`Watermark.turn`): so any process may try, at any time, and a crash
leaves what was before. Buckets beyond a mark are nobody's yet, and are written over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from django.db import IntegrityError, connections, transaction

from dashboards.series import points
from dashboards.series.points import BucketTable, Ids, Times
from dashboards.series.ports import TIERS_MS
from dashboards.store import runs
from dashboards.store.catalogue import chunks
from dashboards.store.models import Ledger, Reopened, Watermark
from dashboards.store.orm import (
    MINUTE_MS,
    Marks,
    OrmMetricStore,
    following,
    raw_since,
    summed_again,
)
from dashboards.store.tables import (
    TABLES_BY_WIDTH,
    TIERS,
    Windows,
    unique_pairs,
)

CLOSE_AFTER_MS = 60_000
"""What comes later than this is late."""

_FIELDS = dict(zip(TIERS_MS, ("ten_seconds_ms", "minute_ms", "hour_ms"), strict=True))
_SOURCES = dict(zip(TIERS_MS, (0, *TIERS_MS), strict=False))
_SERIES_AT_ONCE = 2000
_REOPENED_AT_ONCE = 500
# A step grows and shrinks so that it reads about as many rows; see `Roller._sized`.
_ROWS_LOW, _ROWS_HIGH = 20_000, 100_000
_SPAN_MOST = 512
# A time without any sample is jumped over if it is as long as this many windows.
_GAP = 32


class Overtaken(Exception):
    """Another process rolled something up meanwhile."""


class Roller:
    """Rolls up the numbers of one database.

    Args:
        store: What it reads and writes.
    """

    def __init__(self, store: OrmMetricStore) -> None:
        self._store = store
        self._sql = store.sql
        self._using = store.using
        self._span = dict.fromkeys(TIERS_MS, 1)

    def run(self, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Roll up all that can be.

        Args:
            until: Asked after each step whether to stop early.

        Returns:
            Whether all of it was done.
        """
        self._store.catalogue.refresh(at_once=True)
        Watermark.objects.using(self._using).get_or_create(pk=1)
        self.close(self._store.now() - CLOSE_AFTER_MS)
        try:
            for step in (*(self._stepper(width) for width in TIERS_MS), self.reopened):
                while step():
                    if until():
                        return False
        except Overtaken:
            return False
        except IntegrityError:
            # A part of a table was dropped, which other processes learn in this way.
            self._sql.forget_room()
            return False
        return True

    def close(self, at_ms: int) -> None:
        """Make late what comes from now on with a time before this one. Waits for open commits."""
        at_ms -= at_ms % TIERS_MS[0]
        Ledger.objects.using(self._using).filter(pk=1, closed_ms__lt=at_ms).update(closed_ms=at_ms)

    def _stepper(self, width_ms: int) -> Callable[[], bool]:
        return lambda: self.step(width_ms)

    def step(self, width_ms: int) -> bool:
        """Roll up the next windows of a tier. Returns whether there were any."""
        marks = Marks.read(self._using)
        done, goal = marks.done[width_ms], self._goal(width_ms, marks)
        if done >= goal:
            return False
        source = _SOURCES[width_ms]
        ids = self._store.catalogue.every_id()
        start = self._start(source, ids, done, goal, width_ms)
        end = min(goal, start + self._span[width_ms] * width_ms)
        parts = list(chunks(ids, _SERIES_AT_ONCE)) or [[]]
        rows = 0
        for number, part in enumerate(parts, 1):
            table = self._summed_up(part, start, end, width_ms)
            rows += len(table.series)
            self._sql.make_room(self._using, TIERS[width_ms], table.buckets.at_ms)
            with transaction.atomic(using=self._using, durable=True):
                moved = {_FIELDS[width_ms]: end} if number == len(parts) else {}
                self._claim(marks.turn + number - 1, **moved)
                self._put(width_ms, table)
        self._sized(width_ms, rows)
        return True

    def reopened(self) -> bool:
        """Roll up minutes again that got late samples. Returns whether there were any."""
        marks = Marks.read(self._using)
        rows = Reopened.objects.using(self._using).order_by("series_id", "at_ms")
        some = list(rows.values_list("series_id", "at_ms", "touched")[:_REOPENED_AT_ONCE])
        if not some:
            return False
        series, minute, _ = np.array(some, np.int64).T
        # A late sample changes what the next one added to a counter, too.
        after = following(self._sql, self._using, series, minute + MINUTE_MS)
        every = np.append(series, after[0]), np.append(minute, after[1])
        tens = self._again(*_floored(*every, MINUTE_MS))
        for table in TIERS.values():
            self._sql.make_room(self._using, table, tens.buckets.at_ms)
        with transaction.atomic(using=self._using, durable=True):
            self._claim(marks.turn)
            self._forget(some)
            whole = tens.buckets.at_ms >= raw_since(self._using, tens.series)
            tens = points.kept(tens, whole & (tens.buckets.at_ms < marks.done[TIERS_MS[0]]))
            self._put(TIERS_MS[0], tens)
            for width in TIERS_MS[1:]:
                changed = Windows.wide(*_floored(tens.series, tens.buckets.at_ms, width), width)
                self._redo(width, changed, marks)
        return True

    def _goal(self, width_ms: int, marks: Marks) -> int:
        """Return up to where a tier can be rolled up."""
        source = _SOURCES[width_ms]
        if source:
            end = marks.done[source]
        else:
            ledger = Ledger.objects.using(self._using).filter(pk=1)
            end = ledger.values_list("closed_ms", flat=True).first() or 0
        return end - end % width_ms

    def _start(self, source: int, ids: Sequence[int], done: int, goal: int, width_ms: int) -> int:
        """Return where to go on: at the mark, or after a long time without anything."""
        if goal - done < _GAP * width_ms:
            return done
        if not ids:
            return goal - width_ms
        # Of buckets the time of their run is found.
        since = done - done % runs.RUN_MS.get(source, 1)
        times = self._sql.next_times(
            connections[self._using],
            TABLES_BY_WIDTH[source],
            np.array(ids, np.int64),
            np.full(len(ids), since, np.int64),
        )
        first = int(times[times >= 0].min(initial=goal))
        return min(goal - width_ms, max(done, first - first % width_ms))

    def _summed_up(self, ids: Sequence[int], start: int, end: int, width_ms: int) -> BucketTable:
        if not ids:
            return BucketTable(np.zeros(0, np.int64), points.no_buckets())
        connection, windows = connections[self._using], Windows.all_of(ids, start, end)
        source = _SOURCES[width_ms]
        if source:
            table = runs.read(self._sql, connection, source, windows)
            return points.rebucket_all(table, width_ms)
        samples = self._sql.samples(connection, windows, before=True, active=True)
        return points.sum_up_all(samples, width_ms, start_ms=start)

    def _again(self, series: Ids, minute: Times) -> BucketTable:
        """Sum up whole minutes from samples, into buckets of the finest tier."""
        windows = Windows.wide(series, minute, MINUTE_MS)
        samples = self._sql.samples(connections[self._using], windows, before=True)
        return summed_again(samples, windows, TIERS_MS[0])

    def _redo(self, width_ms: int, windows: Windows, marks: Marks) -> None:
        """Put buckets together again whose finer ones changed."""
        rolled_up = windows.start_ms < marks.done[width_ms]
        wanted = Windows.wide(windows.series[rolled_up], windows.start_ms[rolled_up], width_ms)
        if len(wanted):
            connection = connections[self._using]
            table = runs.read(self._sql, connection, _SOURCES[width_ms], wanted)
            self._put(width_ms, points.rebucket_all(table, width_ms))

    def _put(self, width_ms: int, table: BucketTable) -> None:
        runs.write(self._sql, connections[self._using], width_ms, table)

    def _claim(self, turn: int, **moved: int) -> None:
        """Take the turn after one, and the row's lock until the transaction ends.

        Raises:
            Overtaken: another process took it.
        """
        marks = Watermark.objects.using(self._using).filter(pk=1, turn=turn)
        if not marks.update(turn=turn + 1, **moved):
            raise Overtaken

    def _forget(self, some: Sequence[tuple[int, int, int]]) -> None:
        """Delete notes, but for those of minutes that got yet another sample meanwhile."""
        with connections[self._using].cursor() as cursor:
            cursor.executemany(
                f"DELETE FROM {Reopened._meta.db_table}"  # noqa: S608
                " WHERE series_id = %s AND at_ms = %s AND touched = %s",
                some,
            )

    def _sized(self, width_ms: int, rows: int) -> None:
        """Make the next step longer or shorter, so that a lock is held for a moment only."""
        if rows < _ROWS_LOW:
            self._span[width_ms] = min(_SPAN_MOST, 2 * self._span[width_ms])
        elif rows > _ROWS_HIGH:
            self._span[width_ms] = max(1, self._span[width_ms] // 2)


def _floored(series: Ids, at_ms: Times, width_ms: int) -> tuple[Ids, Times]:
    return unique_pairs(series, at_ms - at_ms % width_ms)
