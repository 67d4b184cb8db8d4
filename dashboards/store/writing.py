"""Writes batches of readings: one transaction for all, each batch whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import DataError, IntegrityError, connections, transaction

from collab import conf
from dashboards.ingest.readings import Reading
from dashboards.series.points import SampleTable
from dashboards.store.catalogue import TooManyForKey
from dashboards.store.orm import MINUTE_MS, OrmMetricStore
from dashboards.store.tables import RAW, unique_pairs, unique_samples

logger = logging.getLogger(__name__)


# What odd readings come to: data that no column takes, labels out of order, a value of no number.
_UNFIT = (DataError, LookupError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings that came together, and the API key that they came with."""

    readings: Sequence[Reading]
    key: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What came of batches: an error in the place of each that was not written."""

    errors: list[Exception | None]
    late: bool = False


class TooOld(Exception):
    """A batch has numbers from before its metric's are kept: they would be deleted at once."""

    def __init__(self) -> None:
        super().__init__("Some of these numbers are from longer ago than they are kept.")


class _SeriesGone(Exception):
    """Series were deleted meanwhile; ids may be wrong."""


class _Columns:
    """Samples of several batches, side by side; the first that was recorded first."""

    def __init__(self) -> None:
        self.series: list[int] = []
        self.at_ms: list[int] = []
        self.value: list[float] = []

    def add(self, batch: Batch, ids: dict[tuple[str, tuple[tuple[str, str], ...]], int]) -> None:
        """Add all of a batch or nothing.

        Raises:
            KeyError: a series has no id.
        """
        found = [ids[reading[0], reading[1]] for reading in batch.readings]
        self.series += found
        self.at_ms += [reading[3] for reading in batch.readings]
        self.value += [reading[2] for reading in batch.readings]

    def table(self) -> SampleTable:
        return unique_samples(
            np.array(self.series, np.int64),
            np.array(self.at_ms, np.int64),
            np.array(self.value, np.float64),
        )


def append(store: OrmMetricStore, batches: Sequence[Batch]) -> Written:
    """Write batches. One sample per series and time: of several the last counts.

    Returns:
        What came of each batch: `TooOld`, `TooManyForKey`, or what the database says of odd data.

    Raises:
        DatabaseError: nothing is written.
    """
    for _ in range(2):
        try:
            return _append(store, batches)
        except _SeriesGone:
            store.catalogue.refresh(at_once=True)
        except IntegrityError:
            # A part of the table was dropped, which other processes learn in this way.
            store.sql.forget_room()
        except _UNFIT:
            break
    return _one_by_one(store, batches)


def _one_by_one(store: OrmMetricStore, batches: Sequence[Batch]) -> Written:
    """Find out which batch cannot be stored, so that it holds up none of the others."""
    if len(batches) > 1:
        each = [append(store, [batch]) for batch in batches]
        errors = [error for one in each for error in one.errors]
        return Written(errors, any(one.late for one in each))
    try:
        return _append(store, batches)
    except (*_UNFIT, IntegrityError, _SeriesGone) as error:
        logger.exception("Readings cannot be stored")
        return Written([error])


def _append(store: OrmMetricStore, batches: Sequence[Batch]) -> Written:
    columns = _Columns()
    errors = [_too_old(store, batch) or _add(store, batch) for batch in batches]
    for batch, error in zip(batches, errors, strict=True):
        if error is None:
            columns.add(batch, store.catalogue.ids)
    table = columns.table()
    if not len(table.series):
        return Written(errors)
    store.sql.make_room(store.using, RAW, table.samples.at_ms)
    connection = connections[store.using]
    with transaction.atomic(using=store.using, durable=True):
        ledger = store.sql.share_ledger(connection)
        if ledger is None or ledger[1] != store.catalogue.generation:
            raise _SeriesGone
        store.sql.put_samples(connection, table)
        late = table.samples.at_ms < ledger[0]
        if late.any():
            at_ms = table.samples.at_ms[late]
            pairs = unique_pairs(table.series[late], at_ms - at_ms % MINUTE_MS)
            store.sql.reopen(connection, *pairs)
    return Written(errors, bool(late.any()))


def _add(store: OrmMetricStore, batch: Batch) -> Exception | None:
    """See that all series of a batch have ids. Returns why they cannot."""
    ids = store.catalogue.ids
    if all((reading[0], reading[1]) in ids for reading in batch.readings):
        return None
    try:
        store.catalogue.create(batch.readings, batch.key, conf.get("SERIES_PER_KEY"))
    except TooManyForKey as error:
        return error
    return None


def _too_old(store: OrmMetricStore, batch: Batch) -> Exception | None:
    """Return TooOld if retention would delete some of a batch at once."""
    now, policy = store.now(), store.policy()
    latest_ms = policy.latest_raw_edge_ms(now)
    old = [reading for reading in batch.readings if reading[3] < latest_ms]
    if any(reading[3] < policy.of(reading[0]).edge_ms(0, now) for reading in old):
        return TooOld()
    return None
