"""The log in the database: the only module that reads or writes stored updates and snapshots."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from django.contrib.auth import get_user_model
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    connections,
    transaction,
)
from django.db.models import FloatField, Func, Min
from django.utils import timezone

from collab.engine.errors import EpochChanged, LogUnavailable, NoSuchRoom, UpdateRejected
from collab.engine.firewall import Limits
from collab.engine.ports import Appended, Batch, Head, Loaded, Row
from collab.engine.replica import Replica, replay
from collab.models import Room, Snapshot, StoredUpdate

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_READERS = 2
_CLOSE_TIMEOUT_S = 5
# Rows that one transaction folds: they are deleted while the room's row is locked.
_FOLDED_AT_ONCE = 5000


class OrmUpdateLog:
    """The `UpdateLog` of a Django project.

    The writer has a thread and a database connection of its own: a slow page query on the thread
    that Channels shares must not hold up a commit. So has the compactor, and readers have two.

    Args:
        limits: What the firewall allows one update; stored content is held to its structure only.
        using: The database.
        history_days: Older rows are folded when a room is compacted; 0: never.
    """

    def __init__(
        self, limits: Limits, using: str = DEFAULT_DB_ALIAS, *, history_days: int = 0
    ) -> None:
        self._limits = limits
        self._using = using
        self._history_days = history_days
        self._writer = ThreadPoolExecutor(1, "collab-log-writer")
        self._readers = ThreadPoolExecutor(_READERS, "collab-log-reader")
        self._compactor = ThreadPoolExecutor(1, "collab-compactor")

    async def load(self, key: int, *, whole: bool = False) -> Loaded:
        return await self._run(self._readers, load, key, self._using, whole=whole)

    async def append(self, batches: Sequence[Batch]) -> list[Appended | Exception]:
        return await self._run(self._writer, append, batches, self._using)

    async def read(self, key: int, after: int) -> list[Row]:
        return await self._run(self._readers, read, key, after, self._using)

    async def heads(self, keys: Sequence[int]) -> dict[int, Head]:
        return await self._run(self._readers, heads, keys, self._using)

    async def compact(self, key: int) -> bool:
        done = await self._run(self._compactor, compact, key, self._limits, self._using)
        if self._history_days:
            old = timezone.now() - timedelta(days=self._history_days)
            await self._run(self._compactor, fold, key, old, self._limits, self._using)
        return done

    async def close(self) -> None:
        """Close the connections of the log's threads, and end the threads."""
        pools = {self._writer: 1, self._compactor: 1, self._readers: _READERS}
        for pool, threads in pools.items():
            # They wait for each other, so that no thread closes twice and another not at all.
            together = Barrier(threads)
            await asyncio.gather(
                *(self._run(pool, _close_connections, together) for _ in range(threads))
            )
        for pool in pools:
            pool.shutdown(wait=False)

    async def _run(
        self, pool: ThreadPoolExecutor, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query on a pool's thread; every way of being away becomes `LogUnavailable`."""
        on_thread = partial(_on_sound_connection, self._using, call, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, on_thread)
        except (DataError, IntegrityError):
            raise
        except (DatabaseError, InterfaceError) as error:
            # People read it; where the database is and what it said is for the log.
            raise LogUnavailable("The database is away; come back in a moment.") from error


def _on_sound_connection(using: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a query on a connection that is kept as long as the project's settings say.

    If it fails, the thread's next one has a new connection: SQLite's stays read-only for good if
    the files were when it was opened.
    """
    connection = connections[using]
    connection.close_if_unusable_or_obsolete()
    try:
        return call(*args, **kwargs)
    except (DataError, IntegrityError):
        raise
    except (DatabaseError, InterfaceError):
        connection.close()
        raise
    finally:
        # A pool's goes back at once.
        connection.close_if_unusable_or_obsolete()


def _close_connections(together: Barrier) -> None:
    """Close this thread's connections once every thread of its pool is here."""
    together.wait(_CLOSE_TIMEOUT_S)
    connections.close_all()


def append(batches: Sequence[Batch], using: str) -> list[Appended | Exception]:
    """Append several rooms' writes in one transaction. See `UpdateLog.append`."""
    try:
        return _append(batches, using)
    except (DataError, IntegrityError):
        if len(batches) > 1:
            # One room's rows cannot be stored: find out which, hold up none of the others.
            return [append([batch], using)[0] for batch in batches]
    try:
        return _append([_without_lost_authors(batches[0], using)], using)
    except (DataError, IntegrityError) as error:
        logger.exception("Updates of room %s cannot be stored", batches[0].key)
        return [error]


def _append(batches: Sequence[Batch], using: str) -> list[Appended | Exception]:
    if not batches:
        return []
    connection = connections[using]
    statements = _statements(connection)
    fields: Any = StoredUpdate._meta.get_field
    author, created_at = fields("author"), fields("created_at")
    answers: list[Appended | Exception] = []
    rows: list[tuple[Any, ...]] = []
    moved: dict[int, int] = {}
    with transaction.atomic(using=using, durable=True), connection.cursor() as cursor:
        keys = [batch.key for batch in batches]
        cursor.execute(statements.lock.format(", ".join(["%s"] * len(keys))), keys)
        rooms = {pk: (epoch, head) for pk, epoch, head in cursor.fetchall()}
        # Under the locks: times rise with seq, whichever process writes.
        now = created_at.get_db_prep_save(timezone.now(), connection)
        for batch in batches:
            epoch, head = rooms.get(batch.key, (None, 0))
            if epoch is None:
                answers.append(NoSuchRoom("This document was deleted."))
            elif epoch != batch.epoch:
                answers.append(EpochChanged("This document was reset."))
            else:
                first = moved.get(batch.key, head) + 1
                rows += (
                    (
                        batch.key,
                        seq,
                        author.get_db_prep_save(write.author, connection),
                        write.update,
                        now,
                    )
                    for seq, write in enumerate(batch.writes, first)
                )
                last = moved[batch.key] = first + len(batch.writes) - 1
                answers.append(Appended(first, last))
        if moved:
            cursor.executemany(statements.insert, rows)
            cursor.executemany(statements.move, [(head, key) for key, head in moved.items()])
    return answers


class _Statements(NamedTuple):
    """SQL of a commit. Names are the models' own, quoted; values are parameters.

    Written by hand, because a commit is made many times a second and mostly of a few rows: the
    queryset of the lock, and an object with several expressions for every row, took three times as
    long as the database does.
    """

    lock: str
    """Reads and locks rooms in key order, so that two processes never wait for each other."""
    insert: str
    move: str
    """Sets a room's head."""


def _statements(connection: BaseDatabaseWrapper) -> _Statements:
    quote, features = connection.ops.quote_name, connection.features
    room: Any = Room._meta
    row: Any = StoredUpdate._meta
    pk, epoch, head = (quote(f.column) for f in (room.pk, *map(room.get_field, ("epoch", "head"))))
    names = ("room", "seq", "author", "data", "created_at")
    columns = ", ".join(quote(row.get_field(name).column) for name in names)
    locking = ""
    if features.has_select_for_update:
        no_key = features.has_select_for_no_key_update
        locking = connection.ops.for_update_sql(no_key=no_key)
    rooms, rows = quote(room.db_table), quote(row.db_table)
    return _Statements(
        f"SELECT {pk}, {epoch}, {head} FROM {rooms} WHERE {pk} IN ({{}}) ORDER BY {pk} {locking}",  # noqa: S608
        f"INSERT INTO {rows} ({columns}) VALUES (%s, %s, %s, %s, %s)",  # noqa: S608
        f"UPDATE {rooms} SET {head} = %s WHERE {pk} = %s",  # noqa: S608
    )


def _without_lost_authors(batch: Batch, using: str) -> Batch:
    """Store under nobody what a user wrote whose account was deleted meanwhile."""
    authors: set[Any] = {write.author for write in batch.writes}
    users = get_user_model()._default_manager.using(using)
    known = set(users.filter(pk__in=authors - {None}).values_list("pk", flat=True))
    writes = [
        type(write)(write.author if write.author in known else None, write.update)
        for write in batch.writes
    ]
    return Batch(batch.key, batch.epoch, writes)


def create(kind: str, first: bytes | None = None, author_id: Any = None) -> Room:
    """Create a room whose first content, if any, is row 1. Runs in the caller's transaction."""
    room = Room.objects.create(kind=kind, head=0 if first is None else 1)
    if first is not None:
        StoredUpdate.objects.create(room=room, seq=1, author_id=author_id, data=first)
    return room


def load(key: int, using: str = DEFAULT_DB_ALIAS, *, whole: bool = False) -> Loaded:
    """Read a room for opening. See `UpdateLog.load`."""
    room = Room.objects.using(using).filter(pk=key).values_list("epoch", "head", "access").first()
    if room is None:
        raise NoSuchRoom("There is no such document.")
    snapshot = None if whole else Snapshot.objects.using(using).filter(room_id=key).first()
    seq = 0 if snapshot is None else snapshot.seq
    return Loaded(
        head=Head(*room),
        snapshot=None if snapshot is None else bytes(snapshot.data),
        seq=seq,
        rows=read(key, seq, using),
    )


def read(
    key: int, after: int, using: str = DEFAULT_DB_ALIAS, *, last: int | None = None
) -> list[Row]:
    """Read the rows after a seq, oldest first, up to `last` if it is given."""
    rows = StoredUpdate.objects.using(using).filter(room_id=key, seq__gt=after).order_by("seq")
    if last is not None:
        rows = rows.filter(seq__lte=last)
    return [Row(seq, bytes(data)) for seq, data in rows.values_list("seq", "data").iterator()]


def load_until(key: int, seq: int, using: str = DEFAULT_DB_ALIAS, *, after: int = 0) -> Loaded:
    """Read a room as it was after row `seq`: a snapshot if one is of use, and rows up to there.

    Args:
        key: The room.
        seq: The last row.
        using: The database.
        after: The caller has a state up to this row, which only a later snapshot replaces.

    Raises:
        NoSuchRoom: there is none.
    """
    head = heads([key], using).get(key)
    if head is None:
        raise NoSuchRoom("There is no such document.")
    snapshots = Snapshot.objects.using(using).filter(room_id=key)
    snapshot = snapshots.filter(seq__gt=after, seq__lte=seq).first()
    if snapshot is not None:
        after = snapshot.seq
    return Loaded(
        head=head,
        snapshot=None if snapshot is None else bytes(snapshot.data),
        seq=after,
        rows=read(key, after, using, last=seq),
    )


def heads(keys: Sequence[int], using: str = DEFAULT_DB_ALIAS) -> dict[int, Head]:
    """Read the heads of rooms in one query."""
    rows = (
        Room.objects.using(using).filter(pk__in=keys).values_list("pk", "epoch", "head", "access")
    )
    return {pk: Head(*rest) for pk, *rest in rows}


def compact(key: int, limits: Limits, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Write a snapshot that holds all rows, made from the log and from nothing else.

    No open replica takes part: it may hold edits that are not committed. A snapshot is not written
    over a gap: what is pending would be left out of it.

    Returns:
        Whether a snapshot at the head is there now.

    Raises:
        NoSuchRoom: there is none.
        UpdateRejected: the rows cannot be read.
    """
    loaded = load(key, using)
    if not loaded.rows:
        return True
    try:
        replica = replay(loaded, limits)
    except UpdateRejected:
        # The snapshot itself may be what is broken; the rows are the truth.
        loaded = load(key, using, whole=True)
        replica = replay(loaded, limits)
    state = _whole_state(replica, limits)
    if state is None:
        return False
    seq = loaded.rows[-1].seq
    with transaction.atomic(using=using):
        snapshots = Snapshot.objects.using(using).select_for_update()
        _, created = snapshots.get_or_create(room_id=key, defaults={"seq": seq, "data": state})
        if not created:
            snapshots.filter(room_id=key, seq__lt=seq).update(seq=seq, data=state)
    return True


def _whole_state(replica: Replica, limits: Limits) -> bytes | None:
    """Encode all that a replica was given, or return None while some of it is pending.

    Raises:
        UpdateRejected: what was encoded reads differently.
    """
    if replica.pending:
        return None
    state = replica.encode()
    copy = Replica(limits)
    if copy.load([state]) or copy.pending or copy.clocks != replica.clocks:
        raise UpdateRejected("The encoded state is not what was encoded.")
    return state


def fold(key: int, old: datetime, limits: Limits, using: str = DEFAULT_DB_ALIAS) -> int:
    """Fold the rows that are older than a time into one, a bounded number at a time.

    The rows go for good, so the state that takes their place must hold all of them: nothing is
    folded while a row among them is refused, or waits for a missing one.

    Args:
        key: The room.
        old: Clocks of processes differ, so the order is that of the rows: those are folded before
            which, and among which, there is none that is newer.
        limits: As for `compact`.
        using: The database.

    Returns:
        How many rows went.

    Raises:
        UpdateRejected: the CRDT cannot read the rows.
    """
    room = Room.objects.using(using).filter(pk=key).only("epoch", "head", "floor").first()
    if room is None:
        return 0
    rows = StoredUpdate.objects.using(using).filter(room_id=key)
    kept = rows.filter(created_at__gte=old).order_by("seq").values_list("seq", flat=True).first()
    to = room.head if kept is None else kept - 1
    gone, size = 0, _FOLDED_AT_ONCE
    while room.floor < to:
        seq = min(room.floor + size, to)
        state = _state_of_rows(read(key, 0, using, last=seq), limits)
        if state is not None:
            gone += _put_state(room, seq, state, using)
        elif seq == to:
            break
        else:
            size *= 2
    return gone


def _state_of_rows(rows: list[Row], limits: Limits) -> bytes | None:
    """Return the state that rows make, or None if one of them would not be in it."""
    replica = Replica(limits)
    if replica.load([row.update for row in rows]):
        return None
    return _whole_state(replica, limits)


def _put_state(room: Room, seq: int, state: bytes, using: str) -> int:
    """Put a state in the place of the rows up to `seq`. Returns how many rows went."""
    with transaction.atomic(using=using):
        rooms = Room.objects.using(using).select_for_update(no_key=True)
        now = rooms.filter(pk=room.pk, epoch=room.epoch).first()
        if now is None or now.floor >= seq:
            room.floor = room.head  # Gone, reset, or folded by another process.
            return 0
        rows = StoredUpdate.objects.using(using).filter(room_id=room.pk)
        rows.filter(seq=seq).update(data=state, author=None)
        gone, _ = rows.filter(seq__lt=seq).delete()
        rooms.filter(pk=room.pk).update(floor=seq)
    room.floor = seq
    return gone


class _Epoch(Func):
    """A time as seconds since a fixed moment, for arithmetic: rows are many, datetimes slow."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context["template"] = "(julianday(%(expressions)s) - 2440587.5) * 86400.0"
        return self.as_sql(compiler, connection, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context["template"] = "EXTRACT(EPOCH FROM %(expressions)s)::double precision"
        return self.as_sql(compiler, connection, **context)


Written = tuple[int, Any, float]
"""When a row was written: its seq, its author's primary key or None, and seconds (Unix time)."""


def written(
    key: int, *, after: int, before: int, limit: int, using: str = DEFAULT_DB_ALIAS
) -> Iterator[Written]:
    """Tell of the rows between two seqs who wrote them and when, newest first; one query."""
    rows = StoredUpdate.objects.using(using).filter(room_id=key, seq__gt=after, seq__lt=before)
    rows = rows.annotate(at=_Epoch("created_at")).order_by("-seq")
    yield from rows.values_list("seq", "author_id", "at")[:limit].iterator()


def first_written(
    key: int, *, first: int, limit: int, using: str = DEFAULT_DB_ALIAS
) -> dict[Any, float]:
    """Tell by author when they first wrote among the `limit` rows from a seq on; one query."""
    rows = StoredUpdate.objects.using(using).filter(
        room_id=key, seq__gte=first, seq__lt=first + limit
    )
    return dict(rows.values_list("author_id").annotate(at=Min(_Epoch("created_at"))))


def written_at(key: int, seq: int, using: str = DEFAULT_DB_ALIAS) -> datetime:
    """Tell when a row was written; now, if it is not there."""
    times = StoredUpdate.objects.using(using).filter(room_id=key, seq=seq)
    return times.values_list("created_at", flat=True).first() or timezone.now()


def moment(seconds: float) -> datetime:
    """Make an aware datetime of seconds as `written` gives them."""
    return datetime.fromtimestamp(seconds, UTC)
