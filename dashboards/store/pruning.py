"""Deletes numbers whose time is over, and series that have none left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from django.db import connections, transaction

from dashboards.series.ports import TIERS_MS
from dashboards.store.catalogue import chunks
from dashboards.store.models import Ledger, Series, new_generation
from dashboards.store.orm import OrmMetricStore
from dashboards.store.retention import WIDTHS
from dashboards.store.tables import DAY_MS, RAW, TABLES_BY_WIDTH, TIERS

# A transaction of SQLite's holds up whoever records.
_ROWS_AT_ONCE = 20_000
_SERIES_AT_ONCE = 200
_NEW_MS = DAY_MS
_DAYS_AHEAD = 2


@dataclass(slots=True)
class Pruned:
    """What went."""

    rows: int = 0
    parts: int = 0
    series: int = 0


class Pruner:
    """Applies the retention to one database, in small transactions. Doing it twice does no harm.

    Args:
        store: What it prunes.
    """

    def __init__(self, store: OrmMetricStore) -> None:
        self._store = store
        self._using = store.using
        self._sql = store.sql

    def run(self, *, until: Callable[[], bool] = lambda: False) -> Pruned:
        """Delete what is too old, until `until` says so; then what is left goes the next time."""
        pruned = Pruned()
        names = self._store.catalogue.names()
        for width in WIDTHS:
            edges = self._edges(names, width)
            if width == 0:
                self._note(edges)
            table = TABLES_BY_WIDTH[width]
            oldest = min(edges, default=self._store.kept_since_ms(width))
            pruned.parts += self._sql.drop_room(self._using, table, oldest)
            for edge, ids in edges.items():
                if edge == oldest and self._sql.partitioned:
                    continue
                for gone in self._delete(table, edge, ids):
                    pruned.rows += gone
                    if until():
                        return pruned
        pruned.series = self._forget()
        if pruned.series:
            self._store.catalogue.refresh(at_once=True)
        return pruned

    def make_room_ahead(self) -> None:
        """Make parts of the tables for the next days, so that no commit has to."""
        days = range(_DAYS_AHEAD + 1)
        ahead = np.array([self._store.now() + day * DAY_MS for day in days], np.int64)
        for table in TABLES_BY_WIDTH.values():
            self._sql.make_room(self._using, table, ahead)

    def _edges(self, names: Mapping[str, Sequence[int]], width_ms: int) -> dict[int, list[int]]:
        """Return series by from when on their numbers are kept."""
        policy, now = self._store.policy(), self._store.now()
        edges: dict[int, list[int]] = {}
        for name, ids in names.items():
            edges.setdefault(policy.of(name).edge_ms(width_ms, now), []).extend(ids)
        return edges

    def _note(self, edges: Mapping[int, Sequence[int]]) -> None:
        """Say from when on samples are whole before any goes: see `Roller.reopened`."""
        for edge, ids in edges.items():
            for part in chunks(ids, _SERIES_AT_ONCE):
                series = Series.objects.using(self._using).filter(pk__in=part)
                series.filter(raw_since_ms__lt=edge).update(raw_since_ms=edge)

    def _delete(self, table: str, edge_ms: int, ids: Sequence[int]) -> Iterator[int]:
        """Delete rows of series before a time. Yields how many, transaction by transaction."""
        for part in chunks(sorted(ids), _SERIES_AT_ONCE):
            times = self._first_times(table, part)
            old = [pk for pk, at_ms in zip(part, times, strict=True) if 0 <= at_ms < edge_ms]
            while old:
                gone = 0
                with transaction.atomic(using=self._using):
                    while old and gone < _ROWS_AT_ONCE:
                        count = self._delete_some(table, old[-1], edge_ms)
                        gone += count
                        if count < _ROWS_AT_ONCE:
                            old.pop()
                yield gone

    def _first_times(self, table: str, ids: Sequence[int]) -> list[int]:
        series = np.array(ids, np.int64)
        start = np.zeros(len(ids), np.int64)
        times = self._sql.next_times(connections[self._using], table, series, start)
        return [int(at_ms) for at_ms in times]

    def _delete_some(self, table: str, pk: int, edge_ms: int) -> int:
        with connections[self._using].cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE series_id = %s AND at_ms < coalesce((SELECT at_ms"  # noqa: S608
                f" FROM {table} WHERE series_id = %s AND at_ms < %s ORDER BY at_ms LIMIT 1"
                " OFFSET %s), %s)",
                [pk, pk, edge_ms, _ROWS_AT_ONCE, edge_ms],
            )
            return int(cursor.rowcount)

    def _forget(self) -> int:
        """Delete series without any number; whoever writes learns it by the new generation."""
        old = self._store.now() - _NEW_MS
        gone = 0
        ids = self._store.catalogue.every_id()
        for part in chunks(ids, _SERIES_AT_ONCE):
            empty = self._empty(part)
            if not empty:
                continue
            with transaction.atomic(using=self._using):
                ledger = Ledger.objects.using(self._using).select_for_update().filter(pk=1)
                ledger.get()
                still = self._empty(empty)
                made = datetime.fromtimestamp(old / 1000, UTC)
                series = Series.objects.using(self._using).filter(pk__in=still)
                count, _ = series.filter(created_at__lt=made).delete()
                if count:
                    ledger.update(generation=new_generation())
                gone += count
        return gone

    def _empty(self, ids: Sequence[int]) -> list[int]:
        left = list(ids)
        for table in (RAW, *(TIERS[width] for width in reversed(TIERS_MS))):
            if left:
                times = self._first_times(table, left)
                left = [pk for pk, at_ms in zip(left, times, strict=True) if at_ms < 0]
        return left
