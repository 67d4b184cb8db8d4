"""A log and a relay in memory: for tests and simulation, and the ports in few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collab.engine.errors import EpochChanged, NoSuchRoom
from collab.engine.firewall import Limits
from collab.engine.ports import EVERYWHERE, Appended, Author, Batch, Head, Loaded, Row
from collab.engine.replica import Replica


@dataclass
class _Stored:
    epoch: int = 1
    access: int = 0
    rows: list[tuple[Author, bytes]] = field(default_factory=list)
    snapshot: tuple[int, bytes] | None = None
    floor: int = 1

    @property
    def head(self) -> int:
        return self.floor + len(self.rows) - 1

    def after(self, seq: int) -> list[Row]:
        """Return the rows after a seq, oldest first."""
        return [Row(n, update) for n, (_, update) in enumerate(self.rows, self.floor) if n > seq]


class MemoryLog:
    """An `UpdateLog` that lives as long as this object.

    Set `fail` to an exception to have every call raise it until it is None again.
    """

    def __init__(self) -> None:
        self.rooms: dict[int, _Stored] = {}
        self.fail: Exception | None = None
        self.commits = 0

    def create(self, key: int, first: bytes | None = None) -> None:
        """Add a room, with its first content as row 1."""
        self.rooms[key] = _Stored(rows=[(None, first)] if first is not None else [])

    async def load(self, key: int, *, whole: bool = False) -> Loaded:
        stored = self._get(key)
        seq, snapshot = (not whole and stored.snapshot) or (0, None)
        head = Head(stored.epoch, stored.head, stored.access)
        return Loaded(head, snapshot, seq, stored.after(seq))

    async def append(self, batches: Sequence[Batch]) -> list[Appended | Exception]:
        self._check()
        await asyncio.sleep(0)
        self._check()
        self.commits += 1
        return [self._append(batch) for batch in batches]

    async def read(self, key: int, after: int) -> list[Row]:
        return self._get(key).after(after)

    async def heads(self, keys: Sequence[int]) -> dict[int, Head]:
        self._check()
        known = ((key, self.rooms[key]) for key in keys if key in self.rooms)
        return {key: Head(stored.epoch, stored.head, stored.access) for key, stored in known}

    async def compact(self, key: int) -> bool:
        stored = self._get(key)
        seq, updates = stored.head, [update for _, update in stored.rows]
        await asyncio.sleep(0)
        state = _state(updates)
        if state is None:
            return False
        stored.snapshot = (seq, state)
        return True

    def fold(self, key: int, seq: int) -> bool:
        """Fold the rows up to a seq into one. Returns whether it could be done."""
        stored = self.rooms[key]
        count = seq - stored.floor + 1
        state = _state([update for _, update in stored.rows[:count]])
        if state is None:
            return False
        stored.rows[:count], stored.floor = [(None, state)], seq
        return True

    def _append(self, batch: Batch) -> Appended | Exception:
        stored = self.rooms.get(batch.key)
        if stored is None:
            return NoSuchRoom("This document was deleted.")
        if stored.epoch != batch.epoch:
            return EpochChanged("This document was reset.")
        first = stored.head + 1
        stored.rows += [(write.author, write.update) for write in batch.writes]
        return Appended(first, stored.head)

    def _check(self) -> None:
        if self.fail is not None:
            raise self.fail

    def _get(self, key: int) -> _Stored:
        self._check()
        if key not in self.rooms:
            raise NoSuchRoom("There is no such document.")
        return self.rooms[key]


def _state(updates: list[bytes]) -> bytes | None:
    """Make one state of updates, or None while one of them waits for a missing one."""
    replica = Replica(Limits())
    replica.load(updates)
    return None if replica.pending else replica.encode()


class MemoryBus:
    """Where `MemoryRelay`s of one test meet. Set `lose` to drop events: (process, key, event)."""

    def __init__(self) -> None:
        self.relays: list[MemoryRelay] = []
        self.lose: Callable[[str, int, dict[str, Any]], bool] = lambda *_: False


class MemoryRelay:
    """A `Relay` between registries of one event loop."""

    def __init__(self, bus: MemoryBus, process: str) -> None:
        self._bus = bus
        self._process = process
        self._keys: set[int] = set()
        self.receive: Callable[[str, int, dict[str, Any]], None] = lambda *_: None
        bus.relays.append(self)

    async def subscribe(self, key: int) -> None:
        self._keys.add(key)

    async def unsubscribe(self, key: int) -> None:
        self._keys.discard(key)

    def publish(self, key: int, event: dict[str, Any]) -> None:
        for relay in self._bus.relays:
            lost = self._bus.lose(self._process, key, event)
            if relay is not self and (key == EVERYWHERE or key in relay._keys) and not lost:
                loop = asyncio.get_running_loop()
                loop.call_soon(relay.receive, self._process, key, event)
