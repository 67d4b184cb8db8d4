"""What a room needs of the world: a log, a relay, a clock, sockets to write to, a meter.

`collab.engine.memory` and `collab.log`/`collab.relay` implement the first two; one battery of tests
runs on all implementations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Author = Hashable
"""Who wrote an update: a user's primary key, or None for the system. Opaque to the engine."""


EVERYWHERE = 0
"""The relay's key of events that are for every process, whatever rooms it has open."""


@dataclass(frozen=True, slots=True)
class Write:
    """An update to append; one author's."""

    author: Author
    update: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A stored update."""

    seq: int
    update: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a room's log ends: its last row is `seq`. `access` rises as rights change."""

    epoch: int
    seq: int
    access: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that a replica is made of: a snapshot with rows up to `seq`, and rows after it.

    The head was read first: rows may go beyond it.
    """

    head: Head
    snapshot: bytes | None
    seq: int
    rows: list[Row]

    @property
    def last(self) -> int:
        """The seq of the last row that is in it."""
        return self.rows[-1].seq if self.rows else self.seq


@dataclass(frozen=True, slots=True)
class Batch:
    """What one room appends in one commit, in order."""

    key: int
    epoch: int
    writes: Sequence[Write]


@dataclass(frozen=True, slots=True)
class Appended:
    """The seqs that a batch got: `first` to `last`, without a gap."""

    first: int
    last: int


class UpdateLog(Protocol):
    """The truth: stored updates, numbered without a gap in each room, the first of them 1.

    A log that keeps its rows for a time only folds the oldest into one: the rows up to a seq, which
    rises, become that row, a whole state. From there to the head no row is missing.
    """

    async def load(self, key: int, *, whole: bool = False) -> Loaded:
        """Read a room for opening; `whole` leaves the snapshot out and gives every row.

        Raises:
            NoSuchRoom: no such room.
            LogUnavailable: try again.
        """

    async def append(self, batches: Sequence[Batch]) -> list[Appended | Exception]:
        """Append to several rooms in ONE transaction, each room's row locked, in key order.

        Returns:
            One answer per batch: its seqs, or NoSuchRoom or EpochChanged for a room that is gone or
            was reset, which holds up none of the others. All answers are durable on return.

        Raises:
            LogUnavailable: nothing is known to be written; the same call may be made again, since
                an update that is stored twice changes nothing.
        """

    async def read(self, key: int, after: int) -> list[Row]:
        """Read the rows after a seq, oldest first. Raises LogUnavailable.

        The first is the next one, or the whole state that it and others were folded into.
        """

    async def heads(self, keys: Sequence[int]) -> dict[int, Head]:
        """Read the heads of rooms in one query; a room that is gone is left out."""

    async def compact(self, key: int) -> bool:
        """Write a snapshot of all rows, unless an update among them is pending; fold old rows.

        Returns:
            Whether a snapshot at the head is there now.
        """


class Relay(Protocol):
    """Tells other processes; a hint that may be lost, doubled or reordered.

    Every process hears of `EVERYWHERE`.
    """

    async def subscribe(self, key: int) -> None:
        """Hear of a room from now on. Never raises: what is lost, the log heals."""

    async def unsubscribe(self, key: int) -> None: ...

    def publish(self, key: int, event: dict[str, Any]) -> None:
        """Send to the other processes that have the room open. Never waits, never raises."""


class Clock(Protocol):
    """Time as the engine sees it, so that a simulation can bend it."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle: ...

    async def sleep(self, delay_s: float) -> None: ...


class Wire(Protocol):
    """One peer's socket, as the room writes to it."""

    def write(self, frame: bytes) -> bool:
        """Take a frame. False: taken, but write no more until `Peer.drained` is called."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket soon; never raises. Nothing is written after it."""


class Meter(Protocol):
    """What is worth counting. All calls are cheap and never raise."""

    def updates(self, count: int) -> None: ...
    def refused(self, kind: str) -> None: ...
    def overflowed(self) -> None: ...
    def healed(self, rows: int) -> None: ...
    def flushed(self, seconds: float, peers: int) -> None: ...
    def committed(self, seconds: float, rows: int) -> None: ...


class NoMeter:
    """Counts nothing."""

    def updates(self, count: int) -> None:
        """Count updates of peers that are given to the log."""

    def refused(self, kind: str) -> None:
        """Count a refused frame by the name of its error."""

    def overflowed(self) -> None:
        """Count a peer closed because it could not keep up."""

    def healed(self, rows: int) -> None:
        """Count a gap healed from the log, with the rows that were read for it."""

    def flushed(self, seconds: float, peers: int) -> None:
        """Time one fan-out to this many peers."""

    def committed(self, seconds: float, rows: int) -> None:
        """Time one commit of this many rows."""


class LoopClock:
    """The running event loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def call_later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
