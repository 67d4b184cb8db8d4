"""Logs to run one battery on: in memory, and the ORM's on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from collab import log as orm_log
from collab.engine import firewall
from collab.engine.memory import MemoryLog
from collab.engine.ports import Author, UpdateLog
from collab.log import OrmUpdateLog
from collab.models import Room, Snapshot, StoredUpdate
from collab.site import environment

OLD = datetime(2020, 1, 1, tzinfo=UTC)
Stored = tuple[int, Author, bytes]


class Bed(Protocol):
    """A storage with rooms in it, and logs on it."""

    def log(self) -> UpdateLog:
        """Open another log on the same storage, as another process would."""

    async def close(self) -> None: ...
    def room(self) -> int: ...
    def reset(self, key: int) -> None: ...
    def delete(self, key: int) -> None: ...
    def author(self) -> Author: ...
    def rows(self, key: int) -> list[Stored]: ...
    def snapshot(self, key: int) -> tuple[int, bytes] | None: ...
    def spoil_snapshot(self, key: int, data: bytes) -> None: ...
    def fold(self, key: int, seq: int) -> bool: ...


class MemoryBed:
    """The log in memory. All logs on it are one."""

    def __init__(self) -> None:
        self._log = MemoryLog()
        self._last = 0

    def log(self) -> UpdateLog:
        return self._log

    async def close(self) -> None: ...

    def room(self) -> int:
        self._last += 1
        self._log.create(self._last)
        return self._last

    def reset(self, key: int) -> None:
        self._log.rooms[key].epoch += 1

    def delete(self, key: int) -> None:
        del self._log.rooms[key]

    def author(self) -> Author:
        return "somebody"

    def rows(self, key: int) -> list[Stored]:
        stored = self._log.rooms[key]
        rows = enumerate(stored.rows, stored.floor)
        return [(seq, author, update) for seq, (author, update) in rows]

    def snapshot(self, key: int) -> tuple[int, bytes] | None:
        return self._log.rooms[key].snapshot

    def spoil_snapshot(self, key: int, data: bytes) -> None:
        stored = self._log.rooms[key]
        stored.snapshot = (stored.snapshot or (0, b""))[0], data

    def fold(self, key: int, seq: int) -> bool:
        """Fold the rows up to a seq. Returns whether it was done."""
        return self._log.fold(key, seq)


class OrmBed:
    """Logs on a database alias."""

    def __init__(self, using: str) -> None:
        self.using = using
        self._logs: list[OrmUpdateLog] = []

    def log(self) -> OrmUpdateLog:
        self._logs.append(OrmUpdateLog(firewall.Limits(), self.using))
        return self._logs[-1]

    async def close(self) -> None:
        for log in self._logs:
            await log.close()
        Room.objects.using(self.using).all().delete()
        User.objects.using(self.using).all().delete()

    def room(self) -> int:
        return Room.objects.using(self.using).create(kind="test").pk

    def reset(self, key: int) -> None:
        Room.objects.using(self.using).filter(pk=key).update(epoch=2)

    def delete(self, key: int) -> None:
        Room.objects.using(self.using).get(pk=key).delete()

    def author(self) -> Author:
        users = User.objects.using(self.using)
        return users.create(username=f"author {users.count()}").pk

    def rows(self, key: int) -> list[Stored]:
        rows = StoredUpdate.objects.using(self.using).filter(room_id=key).order_by("seq")
        return [
            (seq, author, bytes(data))
            for seq, author, data in rows.values_list("seq", "author_id", "data")
        ]

    def snapshot(self, key: int) -> tuple[int, bytes] | None:
        found = Snapshot.objects.using(self.using).filter(room_id=key).first()
        return None if found is None else (found.seq, bytes(found.data))

    def spoil_snapshot(self, key: int, data: bytes) -> None:
        Snapshot.objects.using(self.using).filter(room_id=key).update(data=data)

    def fold(self, key: int, seq: int) -> bool:
        """Make the rows up to a seq old, and fold what is old."""
        rows = StoredUpdate.objects.using(self.using).filter(room_id=key, seq__lte=seq)
        rows.update(created_at=OLD)
        return orm_log.fold(key, OLD + timedelta(days=1), firewall.Limits(), self.using) > 0


@contextmanager
def database(alias: str, url: str, directory: Path, **options: Any) -> Iterator[str]:
    """Add a migrated database, set up as the site does, under an alias of its own."""
    settings = environment.database(url, directory)
    settings["OPTIONS"] = settings.get("OPTIONS", {}) | options
    added = connections.configure_settings({"default": connections.settings["default"]})
    added = connections.configure_settings({**added, alias: settings})
    connections.settings[alias] = added[alias]
    try:
        call_command("migrate", database=alias, verbosity=0)
        yield alias
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]
