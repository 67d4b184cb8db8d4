"""The store's SQL on SQLite."""

from __future__ import annotations

import json
from itertools import chain, islice
from typing import Any

import numpy as np

from dashboards.series.points import Ids, SampleTable, Times
from dashboards.store.models import Ledger, Reopened
from dashboards.store.tables import RAW, Windows, too_many, unique_samples

_WINDOW = (
    "SELECT json_extract(value, '$[0]') AS s, json_extract(value, '$[1]') AS a,"
    " json_extract(value, '$[2]') AS b FROM json_each(%s)"
)


class SqliteSql:
    """`Sql` for SQLite, where the one writer's transaction is IMMEDIATE and locks the database."""

    partitioned = False

    def samples(
        self,
        connection: Any,
        windows: Windows,
        *,
        before: bool = False,
        active: bool = False,
        most: int | None = None,
    ) -> SampleTable:
        start = "w.a"
        if before:
            start = (
                f"coalesce((SELECT q.at_ms FROM {RAW} q WHERE q.series_id = w.s"  # noqa: S608
                " AND q.at_ms < w.a ORDER BY q.at_ms DESC LIMIT 1), w.a)"
            )
        only = ""
        if active:
            only = (
                f" WHERE EXISTS (SELECT 1 FROM {RAW} q WHERE q.series_id = w.s"  # noqa: S608
                " AND q.at_ms >= w.a AND q.at_ms < w.b)"
            )
        query = (
            f"SELECT w.s, p.at_ms, p.value FROM ({_WINDOW}) AS w CROSS JOIN {RAW} p"  # noqa: S608
            f" ON p.series_id = w.s AND p.at_ms >= {start} AND p.at_ms < w.b{only}"
        )
        with connection.cursor() as cursor:
            cursor.execute(query, [json.dumps(windows.rows())])
            # Row by row: all of them as Python's objects would take six times as much.
            rows = cursor if most is None else islice(cursor, most + 1)
            columns = np.fromiter(chain.from_iterable(rows), np.float64).reshape(-1, 3)
        if most is not None and len(columns) > most:
            raise too_many(most)
        # Doubles hold integers up to 2**53 exactly: ids, and times of 285,000 years.
        series, at_ms = columns[:, 0].astype(np.int64), columns[:, 1].astype(np.int64)
        return unique_samples(series, at_ms, np.ascontiguousarray(columns[:, 2]))

    def runs(self, connection: Any, table: str, windows: Windows) -> list[tuple[int, bytes]]:
        return _rows(
            connection,
            f"SELECT w.s, p.data FROM ({_WINDOW}) AS w CROSS JOIN {table} p"  # noqa: S608
            " ON p.series_id = w.s AND p.at_ms >= w.a AND p.at_ms < w.b",
            [json.dumps(windows.rows())],
        )

    def next_times(self, connection: Any, table: str, series: Ids, from_ms: Times) -> Times:
        rows = _rows(
            connection,
            f"SELECT coalesce((SELECT p.at_ms FROM {table} p WHERE p.series_id = w.s"  # noqa: S608
            f" AND p.at_ms >= w.a ORDER BY p.at_ms LIMIT 1), -1) FROM ({_WINDOW}) AS w",
            [json.dumps(Windows(series, from_ms, from_ms).rows())],
        )
        return np.fromiter(chain.from_iterable(rows), np.int64, len(rows))

    def share_ledger(self, connection: Any) -> tuple[int, int] | None:
        table = Ledger._meta.db_table
        query = f"SELECT closed_ms, generation FROM {table} WHERE id = 1"  # noqa: S608
        rows = _rows(connection, query)
        return (rows[0][0], rows[0][1]) if rows else None

    def put_samples(self, connection: Any, table: SampleTable) -> None:
        samples = table.samples
        rows = zip(
            table.series.tolist(), samples.at_ms.tolist(), samples.value.tolist(), strict=True
        )
        _run_many(
            connection,
            f"INSERT INTO {RAW} (series_id, at_ms, value) VALUES (%s, %s, %s)"  # noqa: S608
            " ON CONFLICT (series_id, at_ms) DO UPDATE SET value = excluded.value",
            list(rows),
        )

    def put_runs(self, connection: Any, table: str, runs: list[tuple[int, int, bytes]]) -> None:
        _run_many(
            connection,
            f"INSERT INTO {table} (series_id, at_ms, data) VALUES (%s, %s, %s)"  # noqa: S608
            " ON CONFLICT (series_id, at_ms) DO UPDATE SET data = excluded.data",
            runs,
        )

    def reopen(self, connection: Any, series: Ids, at_ms: Times) -> None:
        table = Reopened._meta.db_table
        _run_many(
            connection,
            f"INSERT INTO {table} (series_id, at_ms, touched) VALUES (%s, %s, 1)"  # noqa: S608
            " ON CONFLICT (series_id, at_ms) DO UPDATE SET touched = touched + 1",
            list(zip(series.tolist(), at_ms.tolist(), strict=True)),
        )

    def make_room(self, using: str, table: str, at_ms: Times) -> None:
        """A table takes all times."""

    def forget_room(self) -> None: ...

    def drop_room(self, using: str, table: str, before_ms: int) -> int:
        return 0


def _rows(connection: Any, query: str, values: list[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values or [])
        rows: list[Any] = cursor.fetchall()
        return rows


def _run(connection: Any, query: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)


def _run_many(connection: Any, query: str, rows: list[Any]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(query, rows)
