"""Stores on a database of a test's own, with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connections

from dashboards.ingest.readings import Labels, Reading
from dashboards.store import models
from dashboards.store.orm import OrmMetricStore, sql_of
from dashboards.store.rolling import Roller
from dashboards.store.writing import Batch, Written, append

DAY_MS = 86_400_000
START_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
"""A midnight: all times of a test begin here."""

_MODELS = (
    models.Series, models.Sample, models.TenSeconds, models.Minute, models.Hour, models.Reopened,
    models.Ledger, models.Watermark, models.Lease, models.Retention,
)  # fmt: skip


class StoreBed:
    """A database with stores on it, each as another process would have.

    Args:
        using: The database.
    """

    def __init__(self, using: str) -> None:
        self.using = using
        self.now_ms = START_MS
        self.store = self.another()

    def another(self) -> OrmMetricStore:
        return OrmMetricStore(self.using, lambda: self.now_ms)

    def write(self, *readings: Reading, key: int | None = None) -> Written:
        return append(self.store, [Batch(readings, key)])

    def roll(self) -> None:
        assert Roller(self.store).run()

    def rows(self, model: type[models.Point]) -> int:
        return model._default_manager.using(self.using).count()

    def ids(self, name: str) -> dict[Labels, int]:
        return {one.labels: one.id for one in self.store.find(name, limit=10_000)}

    def clean(self) -> None:
        with connections[self.using].cursor() as cursor:
            for model in _MODELS:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")
        sql_of.cache_clear()


def ramp(name: str, start_ms: int, values: Sequence[float], every_ms: int = 1000) -> list[Reading]:
    """Make readings of one series, one every so often."""
    return [
        Reading(name, (), float(value), start_ms + number * every_ms)
        for number, value in enumerate(values)
    ]
