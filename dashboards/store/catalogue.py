"""All series that the store has, in memory: found by name and labels without the database.

A process keeps every series, some 600 bytes each (60 MB for a hundred thousand): whoever ingests
needs their ids anyway, and one small query for newer ids keeps all of it fresh.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from threading import RLock
from typing import Any

import re2
from django.db import connections, transaction

from dashboards.ingest.readings import Kind, Labels, Reading
from dashboards.series.ports import BadMatcher, Match, Matcher, Metric, Series, TooManySeries
from dashboards.store import models

# Other processes' new series are seen after this long; one's own at once.
_FRESH_S = 0.25
_ROWS_AT_ONCE = 500
_FOUND_AT_MOST = 200

Identity = tuple[str, Labels]


@dataclass(slots=True)
class _Name:
    """The series of one name, in order of their ids; `found` is what was asked of them before.

    Of more than might be read it has only how many they were.
    """

    series: list[Series] = field(default_factory=list)
    found: dict[tuple[Matcher, ...], list[Series] | int] = field(default_factory=dict)


class Catalogue:
    """The series of one database. Safe from any thread.

    Args:
        using: The database.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._lock = RLock()
        self._clear(0)

    def _clear(self, generation: int) -> None:
        self.ids: dict[Identity, int] = {}
        self.generation = generation
        self._names: dict[str, _Name] = {}
        self._last = 0
        self._read_at = float("-inf")

    def __len__(self) -> int:
        return len(self.ids)

    def refresh(self, *, at_once: bool = False) -> None:
        """Take in what is new, if that was not done a moment ago."""
        with self._lock:
            now = time.monotonic()
            if not at_once and now - self._read_at < _FRESH_S:
                return
            ledger, _ = models.Ledger.objects.using(self._using).get_or_create(pk=1)
            if ledger.generation != self.generation:
                self._clear(ledger.generation)
            rows = models.Series.objects.using(self._using).filter(pk__gt=self._last)
            columns = rows.order_by("pk").values_list("pk", "name", "labels", "kind", "unit")
            for pk, name, labels, kind, unit in columns.iterator():
                self._add(Series(pk, intern(name), _labels(labels), Kind(kind), intern(unit)))
            self._read_at = now

    def _add(self, series: Series) -> None:
        self._last = max(self._last, series.id)
        self.ids[series.name, series.labels] = series.id
        name = self._names.setdefault(series.name, _Name())
        name.series.append(series)
        name.found.clear()

    def find(self, name: str, matchers: Sequence[Matcher], limit: int) -> list[Series]:
        """See `MetricStore.find`."""
        with self._lock:
            self.refresh()
            known = self._names.get(name)
            if known is None:
                return []
            key = tuple(matchers)
            found = known.found.get(key)
            if found is None or (isinstance(found, int) and found <= limit):
                tests = [_test_of(matcher) for matcher in matchers]
                found = [one for one in known.series if all(test(one.labels) for test in tests)]
                if len(known.found) >= _FOUND_AT_MOST:
                    known.found.clear()
                known.found[key] = found if len(found) <= limit else len(found)
        count = found if isinstance(found, int) else len(found)
        if isinstance(found, int) or count > limit:
            raise TooManySeries(f"{count} series match; {limit} may be read at once.")
        return list(found)

    def metrics(self, search: str, after: str, limit: int) -> list[Metric]:
        """See `MetricStore.metrics`."""
        with self._lock:
            self.refresh()
            names = sorted(name for name in self._names if name > after and search in name)
            return [_metric(name, self._names[name].series) for name in names[:limit]]

    def values(self, label: str, name: str, limit: int) -> list[str]:
        """See `MetricStore.values`."""
        with self._lock:
            self.refresh()
            names = [name] if name else list(self._names)
            found = {
                value
                for one in names
                for series in self._names.get(one, _Name()).series
                for key, value in series.labels
                if key == label
            }
        return sorted(found)[:limit]

    def every_id(self) -> list[int]:
        """Return the ids of all series, rising."""
        with self._lock:
            self.refresh(at_once=True)
            return sorted(self.ids.values())

    def names(self) -> dict[str, list[int]]:
        """Return the ids of each name's series."""
        with self._lock:
            self.refresh(at_once=True)
            return {n: [one.id for one in known.series] for n, known in self._names.items()}

    def create(self, readings: Iterable[Reading], key: int | None, most: int) -> None:
        """Make the series of readings that have none.

        New ids are committed one transaction after the other, so that no process that reads those
        after the last one it knows misses a lower one.

        Args:
            readings: Of one batch.
            key: The API key that it came with.
            most: Series that may be made with one key.

        Raises:
            TooManyForKey: it would be more; none is made.
        """
        with self._lock:
            self.refresh(at_once=True)
            missing = {
                (r.name, r.labels): r for r in readings if (r.name, r.labels) not in self.ids
            }
            if missing:
                with transaction.atomic(using=self._using, durable=True):
                    _lock_series(self._using)
                    _insert(list(missing.values()), key, most, self._using)
                self.refresh(at_once=True)


class TooManyForKey(Exception):
    """A key has as many series as it may have; the text says how many."""


def _lock_series(using: str) -> None:
    """Let nobody else make series until the transaction ends; all may read them."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            table = models.Series._meta.db_table
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def _insert(readings: Sequence[Reading], key: int | None, most: int, using: str) -> None:
    every = models.Series.objects.using(using)
    rows = [_row(reading, key) for reading in readings]
    there = {
        digest
        for first in range(0, len(rows), _ROWS_AT_ONCE)
        for digest in every.filter(
            digest__in=[row.digest for row in rows[first : first + _ROWS_AT_ONCE]]
        ).values_list("digest", flat=True)
    }
    rows = [row for row in rows if row.digest not in there]
    own = every.filter(key_id=None, sent=False) if key is None else every.filter(key_id=key)
    if rows and own.count() + len(rows) > most:
        who = "This API key" if key is not None else "The site itself"
        raise TooManyForKey(f"{who} may have {most} series; use fewer labels, or fewer values.")
    every.bulk_create(rows, batch_size=_ROWS_AT_ONCE)


def _row(reading: Reading, key: int | None) -> models.Series:
    labels = canonical(reading.labels)
    return models.Series(
        name=reading.name,
        labels=labels,
        digest=hashlib.blake2b(f"{reading.name}\n{labels}".encode(), digest_size=16).hexdigest(),
        kind=reading.kind.value,
        unit=reading.unit,
        key_id=key,
        sent=key is not None,
    )


def canonical(labels: Labels) -> str:
    """Write labels as JSON, always the same for the same labels."""
    return json.dumps(dict(labels), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@lru_cache(20_000)
def _pair(name: str, value: str) -> tuple[str, str]:
    """Return one pair for all series that have this label."""
    return intern(name), intern(value)


def _labels(text: str) -> Labels:
    return tuple(_pair(name, value) for name, value in sorted(json.loads(text).items()))


def _metric(name: str, series: list[Series]) -> Metric:
    labels = sorted({label for one in series for label, _ in one.labels})
    return Metric(name, series[0].kind, series[0].unit, len(series), tuple(labels))


def _test_of(matcher: Matcher) -> Callable[[Labels], bool]:
    wanted = _value_test(matcher)
    found: dict[str, bool] = {}

    def holds(labels: Labels) -> bool:
        value = next((value for label, value in labels if label == matcher.label), "")
        if value not in found:
            found[value] = wanted(value)
        return found[value]

    return holds


def _value_test(matcher: Matcher) -> Callable[[str], bool]:
    match matcher.match:
        case Match.EQUAL:
            return lambda value: value == matcher.value
        case Match.NOT_EQUAL:
            return lambda value: value != matcher.value
        case Match.REGEX:
            pattern = _pattern(matcher.value)
            return lambda value: pattern.fullmatch(value) is not None
        case Match.NOT_REGEX:
            pattern = _pattern(matcher.value)
            return lambda value: pattern.fullmatch(value) is None


@lru_cache(200)
def _pattern(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 2**20
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadMatcher(f"“{text}” is no regular expression: {shown}.") from None


def chunks(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut ids into runs of a size."""
    for first in range(0, len(ids), size):
        yield ids[first : first + size]
