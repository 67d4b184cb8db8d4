"""The store's SQL on PostgreSQL."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
from django.db import DatabaseError, IntegrityError, connections, transaction
from psycopg import Cursor

from dashboards.series.points import Ids, SampleTable, Times
from dashboards.store.models import Ledger, Reopened
from dashboards.store.tables import (
    DAY_MS,
    RAW,
    TIERS,
    Windows,
    too_many,
    unique_samples,
)

# Each series comes as one value of packed rows, which numpy reads as it is.
_SAMPLE = np.dtype([("at_ms", ">i8"), ("value", ">f8")])
# A row of COPY in binary: how many fields, then each one's length and bytes.
_COPY = np.dtype([
    ("fields", ">i2"), ("n1", ">i4"), ("series", ">i8"), ("n2", ">i4"), ("at_ms", ">i8"),
    ("n3", ">i4"), ("value", ">f8"),
])  # fmt: skip
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"

_WINDOW = "unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w(s, a, b)"
_PARTITION_DAYS = {RAW: 1, **dict(zip(TIERS.values(), (7, 28, 91), strict=True))}
# Whoever reads a table holds up whoever drops a part of it, who holds up everybody else.
_LOCK_TIMEOUT = "2s"


class PostgresSql:
    """`Sql` for PostgreSQL. Tables are partitioned by time; parts are made as they are needed."""

    partitioned = True

    def __init__(self) -> None:
        self._lock = Lock()
        self._parts: dict[str, set[int]] = {}

    def samples(
        self,
        connection: Any,
        windows: Windows,
        *,
        before: bool = False,
        active: bool = False,
        most: int | None = None,
    ) -> SampleTable:
        first, end = windows.bounds()
        if most is not None:
            self._check_size(connection, windows, most)
        inside = (
            f"SELECT string_agg(int8send(at_ms) || float8send(value), ''::bytea) AS data"  # noqa: S608
            f" FROM (SELECT at_ms, value FROM {RAW} WHERE series_id = w.s AND at_ms >= w.a"
            f" AND at_ms < w.b AND at_ms >= %s AND at_ms < %s ORDER BY at_ms) AS o"
        )
        query = f"SELECT w.s, p.data FROM {_WINDOW} CROSS JOIN LATERAL ({inside}) AS p"  # noqa: S608
        if before:
            earlier = (
                f"SELECT int8send(at_ms) || float8send(value) AS data FROM {RAW}"  # noqa: S608
                " WHERE series_id = w.s AND at_ms < w.a AND at_ms < %s"
                f"{' AND p.data IS NOT NULL' if active else ''} ORDER BY at_ms DESC LIMIT 1"
            )
            query = (
                "SELECT w.s, coalesce(e.data, ''::bytea) || coalesce(p.data, ''::bytea)"  # noqa: S608
                f" FROM {_WINDOW} CROSS JOIN LATERAL ({inside}) AS p"
                f" LEFT JOIN LATERAL ({earlier}) AS e ON true"
            )
        values = [*_columns(windows), first, end, *([end] if before else [])]
        packed = _rows(connection, query, values)
        rows = np.frombuffer(b"".join(data or b"" for _, data in packed), _SAMPLE)
        sizes = [len(data or b"") // _SAMPLE.itemsize for _, data in packed]
        series = np.repeat(np.array([series for series, _ in packed], np.int64), sizes)
        return unique_samples(
            series, rows["at_ms"].astype(np.int64), rows["value"].astype(np.float64)
        )

    def _check_size(self, connection: Any, windows: Windows, most: int) -> None:
        """Raise TooManySamples if windows hold more. A series has one sample a ms at most."""
        if int((windows.end_ms - windows.start_ms).sum()) <= most:
            return
        first, end = windows.bounds()
        query = (
            f"SELECT count(*) FROM (SELECT 1 FROM {_WINDOW} CROSS JOIN LATERAL (SELECT 1"  # noqa: S608
            f" FROM {RAW} WHERE series_id = w.s AND at_ms >= w.a AND at_ms < w.b"
            " AND at_ms >= %s AND at_ms < %s) AS p LIMIT %s) AS c"
        )
        ((count,),) = _rows(connection, query, [*_columns(windows), first, end, most + 1])
        if count > most:
            raise too_many(most)

    def runs(self, connection: Any, table: str, windows: Windows) -> list[tuple[int, bytes]]:
        query = (
            f"SELECT w.s, p.data FROM {_WINDOW} CROSS JOIN LATERAL ("  # noqa: S608
            f"SELECT at_ms, data FROM {table} WHERE series_id = w.s AND at_ms >= w.a"
            " AND at_ms < w.b AND at_ms >= %s AND at_ms < %s OFFSET 0) AS p ORDER BY w.s, p.at_ms"
        )
        return _rows(connection, query, [*_columns(windows), *windows.bounds()])

    def next_times(self, connection: Any, table: str, series: Ids, from_ms: Times) -> Times:
        windows = Windows(series, from_ms, np.arange(len(series)))
        rows = _rows(
            connection,
            f"SELECT coalesce(p.at_ms, -1) FROM {_WINDOW} LEFT JOIN LATERAL ("  # noqa: S608
            f"SELECT at_ms FROM {table} WHERE series_id = w.s AND at_ms >= w.a AND at_ms >= %s"
            " ORDER BY at_ms LIMIT 1) AS p ON true ORDER BY w.b",
            [*_columns(windows), int(from_ms.min())],
        )
        return np.array([row[0] for row in rows], np.int64)

    def share_ledger(self, connection: Any) -> tuple[int, int] | None:
        table = Ledger._meta.db_table
        query = f"SELECT closed_ms, generation FROM {table} WHERE id = 1 FOR SHARE"  # noqa: S608
        rows = _rows(connection, query)
        return (rows[0][0], rows[0][1]) if rows else None

    def put_samples(self, connection: Any, table: SampleTable) -> None:
        """COPY straight into the table; where a time has a sample already, by way of another."""
        if not len(table.series):
            return
        rows = _copy_rows(table)
        try:
            with transaction.atomic(using=connection.alias):
                _copy(connection, RAW, rows)
        except IntegrityError:
            _run(
                connection,
                "CREATE TEMPORARY TABLE IF NOT EXISTS dashboards_staged (series_id bigint,"
                " at_ms bigint, value double precision) ON COMMIT DELETE ROWS",
            )
            _copy(connection, "dashboards_staged", rows)
            _run(
                connection,
                f"INSERT INTO {RAW} (series_id, at_ms, value) SELECT series_id, at_ms, value"  # noqa: S608
                " FROM dashboards_staged ORDER BY series_id, at_ms"
                " ON CONFLICT (series_id, at_ms) DO UPDATE SET value = excluded.value",
            )
            _run(connection, "TRUNCATE dashboards_staged")

    def put_runs(self, connection: Any, table: str, runs: list[tuple[int, int, bytes]]) -> None:
        _run(
            connection,
            f"INSERT INTO {table} (series_id, at_ms, data)"  # noqa: S608
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])"
            " ON CONFLICT (series_id, at_ms) DO UPDATE SET data = excluded.data",
            [list(column) for column in zip(*runs, strict=True)],
        )

    def reopen(self, connection: Any, series: Ids, at_ms: Times) -> None:
        table = Reopened._meta.db_table
        _run(
            connection,
            f"INSERT INTO {table} AS r (series_id, at_ms, touched)"  # noqa: S608
            " SELECT s, a, 1 FROM unnest(%s::bigint[], %s::bigint[]) AS n(s, a)"
            " ON CONFLICT (series_id, at_ms) DO UPDATE SET touched = r.touched + 1",
            [series.tolist(), at_ms.tolist()],
        )

    def make_room(self, using: str, table: str, at_ms: Times) -> None:
        width = _PARTITION_DAYS[table] * DAY_MS
        wanted = set(np.unique(at_ms - at_ms % width).tolist())
        if wanted <= self._parts.get(table, set()):
            return
        with self._lock:
            known = self._parts.setdefault(table, set())
            if not known:
                known |= set(_parts(using, table))
            for start in sorted(wanted - known):
                _make_part(using, table, start, start + width)
                known.add(start)

    def forget_room(self) -> None:
        with self._lock:
            self._parts.clear()

    def drop_room(self, using: str, table: str, before_ms: int) -> int:
        width = _PARTITION_DAYS[table] * DAY_MS
        gone = 0
        for start, name in _parts(using, table).items():
            if start + width <= before_ms:
                with transaction.atomic(using=using):
                    _run(connections[using], f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                    _run(connections[using], f"DROP TABLE {name}")
                gone += 1
        if gone:
            self.forget_room()
        return gone


def _parts(using: str, table: str) -> dict[int, str]:
    """Return the partitions of a table by where they begin."""
    rows = _rows(
        connections[using],
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass",
        [table],
    )
    return {int(name.rpartition("_")[2]): name for (name,) in rows}


def _make_part(using: str, table: str, start_ms: int, end_ms: int) -> None:
    """Make a partition beside the table, then attach it: readers and writers go on meanwhile."""
    name = f"{table}_{start_ms}"
    connection = connections[using]
    try:
        with transaction.atomic(using=using):
            # Runs grow: their next versions find room on the same page.
            options = "" if table == RAW else " WITH (fillfactor = 60)"
            _run(connection, f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL){options}")
            _run(
                connection,
                f"ALTER TABLE {table} ATTACH PARTITION {name}"
                f" FOR VALUES FROM ({start_ms}) TO ({end_ms})",
            )
    except DatabaseError:
        # Another process was faster.
        if start_ms not in _parts(using, table):
            raise


def _columns(windows: Windows) -> list[list[int]]:
    return [windows.series.tolist(), windows.start_ms.tolist(), windows.end_ms.tolist()]


def _copy_rows(table: SampleTable) -> bytes:
    rows = np.empty(len(table.series), _COPY)
    rows["fields"] = 3
    rows["n1"] = rows["n2"] = rows["n3"] = 8
    rows["series"] = table.series
    rows["at_ms"] = table.samples.at_ms
    rows["value"] = table.samples.value
    return _COPY_HEAD + rows.tobytes() + _COPY_END


def _copy(connection: Any, table: str, rows: bytes) -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY {table} (series_id, at_ms, value) FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.write(rows)


def _rows(connection: Any, query: str, values: list[Any] | None = None) -> list[Any]:
    """Run a query on a cursor that takes bytes as they are, which Django's does not."""
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(query, values or None, binary=True)
        return cursor.fetchall()


def _run(connection: Any, query: str, values: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
