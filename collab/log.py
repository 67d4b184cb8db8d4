"""The log in the database: the only module that reads or writes stored updates and snapshots."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, ParamSpec, TypeVar

from channels.db import database_sync_to_async
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

from collab.engine.errors import EpochChanged, LogUnavailable, NoSuchRoom, UpdateRejected
from collab.engine.firewall import Limits
from collab.engine.ports import Appended, Batch, Head, Loaded, Row, Write
from collab.engine.replica import Replica, replay
from collab.models import Room, Snapshot, StoredUpdate

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Rows of one INSERT; under SQLite's 32,766 variables with room to spare.
_ROWS_PER_INSERT = 500
_READERS = 2
_CLOSE_TIMEOUT_S = 5


class OrmUpdateLog:
    """The `UpdateLog` of a Django project.

    The writer has a thread and a database connection of its own: a slow page query on the thread
    that Channels shares must not hold up a commit. So has the compactor, and readers have two.

    Args:
        limits: What the firewall allows one update; stored content is held to its structure only.
        using: The database.
    """

    def __init__(self, limits: Limits, using: str = DEFAULT_DB_ALIAS) -> None:
        self._limits = limits
        self._using = using
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
        return await self._run(self._compactor, compact, key, self._limits, self._using)

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
        in_thread = database_sync_to_async(call, thread_sensitive=False, executor=pool)
        try:
            result: T = await in_thread(*args, **kwargs)
        except (DataError, IntegrityError):
            raise
        except (DatabaseError, InterfaceError) as error:
            # People read it; where the database is and what it said is for the log.
            raise LogUnavailable("The database is away; come back in a moment.") from error
        return result


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
    answers: list[Appended | Exception] = []
    rows: list[StoredUpdate] = []
    moved: list[Room] = []
    with transaction.atomic(using=using, durable=True):
        # The locks are taken in key order, so that two processes never wait for each other.
        locked = (
            Room.objects.using(using)
            .select_for_update(no_key=True)
            .only("epoch", "head")
            .filter(pk__in=[batch.key for batch in batches])
            .order_by("pk")
        )
        rooms = {room.pk: room for room in locked}
        for batch in batches:
            room = rooms.get(batch.key)
            if room is None:
                answers.append(NoSuchRoom("This document was deleted."))
            elif room.epoch != batch.epoch:
                answers.append(EpochChanged("This document was reset."))
            else:
                first = room.head + 1
                rows += (_row(room.pk, seq, write) for seq, write in enumerate(batch.writes, first))
                room.head += len(batch.writes)
                moved.append(room)
                answers.append(Appended(first, room.head))
        if moved:
            StoredUpdate.objects.using(using).bulk_create(rows, batch_size=_ROWS_PER_INSERT)
            Room.objects.using(using).bulk_update(moved, ["head"], batch_size=_ROWS_PER_INSERT)
    return answers


def _row(key: int, seq: int, write: Write) -> StoredUpdate:
    author: Any = write.author  # A user's primary key, of which the engine knows nothing.
    return StoredUpdate(room_id=key, seq=seq, author_id=author, data=write.update)


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


def read(key: int, after: int, using: str = DEFAULT_DB_ALIAS) -> list[Row]:
    """Read the rows after a seq, oldest first."""
    rows = StoredUpdate.objects.using(using).filter(room_id=key, seq__gt=after).order_by("seq")
    return [Row(seq, bytes(data)) for seq, data in rows.values_list("seq", "data").iterator()]


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
    if replica.pending:
        return False
    state = replica.encode()
    copy = Replica(limits)
    if copy.load([state]) or copy.pending or copy.clocks != replica.clocks:
        raise UpdateRejected("The encoded state is not what was encoded.")
    seq = loaded.rows[-1].seq
    with transaction.atomic(using=using):
        snapshots = Snapshot.objects.using(using).select_for_update()
        _, created = snapshots.get_or_create(room_id=key, defaults={"seq": seq, "data": state})
        if not created:
            snapshots.filter(room_id=key, seq__lt=seq).update(seq=seq, data=state)
    return True
