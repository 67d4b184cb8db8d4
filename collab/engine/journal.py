"""Group commit: everything that all rooms of the process have not saved, in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collab.engine.errors import LogUnavailable, UpdateRejected
from collab.engine.ports import Appended, Author, Batch, Write
from collab.engine.replica import merge

if TYPE_CHECKING:
    from collab.engine.limits import RoomLimits
    from collab.engine.peer import Peer
    from collab.engine.ports import Clock, Meter, UpdateLog
    from collab.engine.room import Room

logger = logging.getLogger(__name__)


# What Python takes for a bytes object and its place in a list beside its bytes. A keystroke has 20:
# without this, a long time without the log would take five times the memory that it may, and
# merging it five seconds of the loop.
_UPDATE_COST = 64
# What an update takes that is a row of its own, until it is in the database.
ROW_COST = 512


@dataclass(slots=True)
class Unsaved:
    """What a room has taken from its peers since its last batch, and who waits for it.

    `held` are updates that wait for one which may never come. `acks` says, by peer, how many of its
    content frames are durable once this is.
    """

    writes: dict[Author, list[bytes]] = field(default_factory=dict)
    held: list[Write] = field(default_factory=list)
    size_bytes: int = 0
    acks: dict[Peer, int] = field(default_factory=dict)
    waiters: list[asyncio.Future[int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.writes or self.held or self.acks or self.waiters)

    @property
    def updates(self) -> int:
        """How many there are."""
        return len(self.held) + sum(map(len, self.writes.values()))

    def add(self, author: Author, update: bytes) -> int:
        """Keep an update. Returns what it takes of the memory for unsaved ones, in bytes."""
        self.writes.setdefault(author, []).append(update)
        return self._cost(update, _UPDATE_COST)

    def add_held(self, author: Author, update: bytes) -> int:
        """Keep an update that the replica holds back, as `add` does."""
        self.held.append(Write(author, update))
        return self._cost(update, ROW_COST)

    def _cost(self, update: bytes, beside: int) -> int:
        cost = len(update) + beside
        self.size_bytes += cost
        return cost

    def merged(self, row_bytes: int, row_updates: int) -> list[Write]:
        """Merge within each author, into rows of about `row_bytes`; authors by first arrival.

        What is held back has rows of its own: in one row with others, these would wait with it.
        """
        rows = []
        for author, updates in self.writes.items():
            part: list[bytes] = []
            size = 0
            for update in updates:
                if part and (size + len(update) > row_bytes or len(part) >= row_updates):
                    rows += _merged(author, part)
                    part, size = [], 0
                part.append(update)
                size += len(update)
            rows += _merged(author, part)
        return rows + self.held


def _merged(author: Author, updates: list[bytes]) -> list[Write]:
    """Make one row, or as many as there are updates if the CRDT cannot merge them."""
    try:
        return [Write(author, merge(updates))]
    except UpdateRejected:
        logger.exception("Updates cannot be merged, stored one by one")
        return [Write(author, update) for update in updates]


class Journal:
    """Commits for the rooms of one process.

    A quiet journal commits at once. After a commit it rests for many times what the commit cost, a
    tenth of a second at most, so that a busy one gathers more into each and the log's thread leaves
    the loop its time. While the log is away it tries the same batches again and again; what comes
    in meanwhile waits, up to `unsaved_bytes` in all rooms together.
    """

    def __init__(self, log: UpdateLog, clock: Clock, limits: RoomLimits, meter: Meter) -> None:
        self._log = log
        self._clock = clock
        self._limits = limits
        self._meter = meter
        self._dirty: dict[Room, None] = {}
        self._in_flight: dict[Room, Unsaved] = {}
        self._wake = asyncio.Event()
        self._flushes = 0
        self._rest_over = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.unsaved_bytes = 0
        self.available = True

    @property
    def full(self) -> bool:
        return self.unsaved_bytes > self._limits.unsaved_bytes

    def mark(self, room: Room, size_bytes: int) -> None:
        """Note that a room has `size_bytes` more to save (0: only somebody who waits)."""
        self.unsaved_bytes += size_bytes
        self._dirty[room] = None
        self._idle.clear()
        self._wake.set()

    def holds(self, room: Room) -> bool:
        """Whether something of this room is not durable yet."""
        return room in self._dirty or room in self._in_flight

    async def flush(self) -> None:
        """Wait until nothing is unsaved; commits follow each other without rest meanwhile."""
        self._flushes += 1
        self._rest_over.set()
        try:
            await self._idle.wait()
        finally:
            self._flushes -= 1

    def give_up(self) -> None:
        """Tell who waits that nobody commits any more; `run` was cancelled."""
        for unsaved in (*self._in_flight.values(), *(room.take_unsaved() for room in self._dirty)):
            for waiter in unsaved.waiters:
                if not waiter.done():
                    waiter.set_exception(LogUnavailable("The server stopped before it was saved."))

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            # No local name may keep a room, and its document, alive until the next commit.
            self._in_flight = {room: room.take_unsaved() for room in self._dirty}
            self._dirty = {}
            started = self._clock.now()
            await self._commit(self._in_flight)
            self._in_flight = {}
            if not self._dirty:
                self._idle.set()
            await self._rest(self._clock.now() - started)

    async def _commit(self, taken: dict[Room, Unsaved]) -> None:
        limits = self._limits
        self._meter.updates(sum(unsaved.updates for unsaved in taken.values()))
        batches = {
            room: Batch(room.key, room.epoch, unsaved.merged(limits.row_bytes, 64))
            for room, unsaved in taken.items()
        }
        writing = {room: batch for room, batch in batches.items() if batch.writes}
        answers = dict(zip(writing, await self._append(list(writing.values())), strict=True))
        for room, unsaved in taken.items():
            self.unsaved_bytes -= unsaved.size_bytes
            try:
                room.committed(unsaved, batches[room].writes, answers.get(room))
            except Exception:
                # One room's trouble must not stop the commits of the others.
                logger.exception("Room %s failed after its commit", room.key)

    async def _append(self, batches: Sequence[Batch]) -> list[Appended | Exception]:
        """Append until it is durable or refused for good."""
        if not batches:
            return []
        delay_s = 0.05
        while True:
            started = self._clock.now()
            try:
                answers = await self._log.append(batches)
            except Exception as error:
                # Also what no log should raise: nobody would notice if the commits just ended.
                if self.available:
                    trace = None if isinstance(error, LogUnavailable) else error
                    logger.warning(
                        "The log cannot be written, trying again: %s",
                        error.__cause__ or error,
                        exc_info=trace,
                    )
                self.available = False
                await self._clock.sleep(delay_s)
                delay_s = min(delay_s * 2, self._limits.commit_retry_max_s)
                continue
            if not self.available:
                logger.warning("The log can be written again")
            self.available = True
            rows = sum(len(batch.writes) for batch in batches)
            self._meter.committed(self._clock.now() - started, rows)
            return answers

    async def _rest(self, cost_s: float) -> None:
        limits = self._limits
        rest_s = min(cost_s * limits.commit_cost_factor, limits.commit_gap_max_s)
        if rest_s > 0 and not self._flushes:
            self._rest_over.clear()
            timer = self._clock.call_later(rest_s, self._rest_over.set)
            try:
                await self._rest_over.wait()
            finally:
                timer.cancel()
