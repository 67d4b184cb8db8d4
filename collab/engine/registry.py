"""The rooms of one process: opened once, leased while needed, evicted when idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from collab.engine.errors import CloseCode, LogUnavailable, NoSuchRoom, Overloaded, UpdateRejected
from collab.engine.journal import Journal
from collab.engine.occupancy import Occupancy
from collab.engine.ports import EVERYWHERE, NoMeter
from collab.engine.room import Room, RoomKind
from collab.engine.turns import Turns

if TYPE_CHECKING:
    from collab.engine.limits import RoomLimits
    from collab.engine.ports import Clock, Meter, Relay, UpdateLog

logger = logging.getLogger(__name__)

_SWEEP_S = 5.0
# Events kept for a room that is being loaded; what is dropped, the comparison of heads brings.
_EARLY_EVENTS = 1000


class Registry:
    """Opens, leases and evicts rooms, and runs what they share: journal, comparison, compaction.

    Args:
        log: The truth.
        relay: The hint to other processes.
        clock: Time.
        limits: Bounds of every room.
        meter: What is counted.
    """

    def __init__(
        self,
        log: UpdateLog,
        relay: Relay,
        clock: Clock,
        limits: RoomLimits,
        meter: Meter | None = None,
    ) -> None:
        self.log = log
        self.relay = relay
        self.clock = clock
        self.limits = limits
        self.meter: Meter = meter or NoMeter()
        self.journal = Journal(log, clock, limits, self.meter)
        self.occupancy = Occupancy(relay, clock, limits.open_rooms)
        self.turns = Turns(clock)
        self.rooms: dict[int, Room] = {}
        self.stopping = False
        self._opening: dict[int, asyncio.Task[Room]] = {}
        self._early: dict[int, deque[tuple[str, dict[str, Any]]]] = {}
        # Rooms that are no longer joined but whose updates the journal still commits.
        self._leaving: dict[int, Room] = {}
        self._idle: dict[int, asyncio.TimerHandle] = {}
        self._to_compact: dict[int, None] = {}
        self._compact_wake = asyncio.Event()
        self._look_wake = asyncio.Event()
        self._unsubscribing: dict[int, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def peers(self) -> int:
        return sum(len(room.peers) for room in self.rooms.values())

    def start(self) -> None:
        """Start the tasks of the process; `stop` ends them."""
        jobs: dict[str, Callable[[], Any]] = {
            "journal": self.journal.run,
            "heads": self._compare,
            "sweep": self._sweep,
            "compaction": self._compact,
            "occupancy": self.occupancy.run,
        }
        self._tasks = [asyncio.create_task(job(), name=name) for name, job in jobs.items()]

    async def stop(self, timeout_s: float) -> bool:
        """Send every peer away to come back elsewhere, save everything, end all tasks.

        Returns:
            Whether everything was saved within `timeout_s`. What was not is unacknowledged, and in
            its authors' browsers.
        """
        self.stopping = True
        for room in list(self.rooms.values()):
            room.close_peers(CloseCode.RESTART, "The server restarts; come back.")
        saved = True
        try:
            async with asyncio.timeout(timeout_s):
                await self.journal.flush()
        except TimeoutError:
            saved = False
            logger.error("Stopping with %d bytes unsaved", self.journal.unsaved_bytes)
        tasks: list[asyncio.Task[Any]] = [*self._tasks, *self._opening.values()]
        for room in list(self.rooms.values()):
            if room.healing is not None:
                tasks.append(room.healing)
            self._tell(room.kind.closing, room)
            self._close(room)
        self.occupancy.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.journal.give_up()
        # Of the rooms that were closed, and the openings that ended, above.
        await asyncio.gather(*self._unsubscribing.values(), return_exceptions=True)
        return saved

    async def lease(self, key: int, kind: RoomKind) -> Room:
        """Open a room, or take the open one, and hold it until `release`.

        Raises:
            NoSuchRoom: the log knows none of that key.
            UpdateRejected: its rows cannot be read.
            LogUnavailable, Overloaded: come back later.
        """
        while True:
            if self.stopping:
                raise Overloaded("The server restarts; come back.")
            room = self.rooms.get(key) or await self._opening_of(key, kind)
            if not room.closed:
                break
        room.holds += 1
        if (timer := self._idle.pop(key, None)) is not None:
            timer.cancel()
        return room

    async def _opening_of(self, key: int, kind: RoomKind) -> Room:
        """Wait for the room to open; who gives up waiting takes it from nobody."""
        opening = self._opening.get(key)
        if opening is None or opening.done():
            open_rooms = len(self.rooms) + len(self._opening)
            if open_rooms >= self.limits.open_rooms and not self._evict_idlest():
                raise Overloaded("The server has as many documents open as it may have.")
            opening = asyncio.create_task(self._open(key, kind), name=f"open {key}")
            self._opening[key] = opening
            opening.add_done_callback(lambda task: self._opened(key, task))
        await asyncio.wait([opening])
        if opening.cancelled():
            raise Overloaded("The server restarts; come back.")
        return opening.result()

    def release(self, room: Room) -> None:
        """Give a lease back; the last one lets the room go after it was idle for `idle_s`."""
        room.holds -= 1
        if room.holds == 0 and self.rooms.get(room.key) is room:
            self._idle[room.key] = self.clock.call_later(
                self.limits.idle_s, lambda: self._evict(room)
            )

    def forget(self, room: Room) -> None:
        """Let nobody join this room any more; the next lease loads another from the log."""
        if self.rooms.get(room.key) is room:
            self._close(room)

    def hear(self, process: str, key: int, event: dict[str, Any]) -> None:
        """Take an event that the relay brought from another process."""
        if key == EVERYWHERE:
            self._hear_occupancy(process, event)
            return
        room = self.rooms.get(key)
        if room is not None:
            try:
                room.hear(process, event)
            except Exception:
                # A hint that cannot be read must cost nothing: the log has what it was about.
                logger.exception("Room %s cannot take an event of process %s", key, process)
        elif key in self._early:
            self._early[key].append((process, event))

    def _hear_occupancy(self, process: str, event: dict[str, Any]) -> None:
        try:
            self.occupancy.hear(process, event)
        except Exception:
            logger.exception("Process %s tells of its rooms what cannot be read", process)

    def compact(self, key: int) -> None:
        """Have a snapshot written soon, off the loop, one room after the other."""
        self._to_compact[key] = None
        self._compact_wake.set()

    def look(self) -> None:
        """Compare the open rooms with the log now."""
        self._look_wake.set()

    async def _open(self, key: int, kind: RoomKind) -> Room:
        leaving = self._leaving.get(key)
        while leaving is not None and self.journal.holds(leaving):
            # Its last updates must be in the log before it is read again.
            await self.clock.sleep(0.01)
        self._leaving.pop(key, None)
        if (unsubscribing := self._unsubscribing.get(key)) is not None:
            # It must not take away what is subscribed now.
            await asyncio.wait([unsubscribing])
        # Heard of between subscribing and loading: kept, and given to the room once it is there.
        self._early[key] = deque(maxlen=_EARLY_EVENTS)
        try:
            await self.relay.subscribe(key)
            try:
                room = Room(key, await self.log.load(key), self, kind)
            except UpdateRejected:
                # The snapshot may be what cannot be read; the rows are the truth.
                room = Room(key, await self.log.load(key, whole=True), self, kind)
        finally:
            early = self._early.pop(key)
        self.rooms[key] = room
        for process, event in early:
            self.hear(process, key, event)
        self.relay.publish(key, {"event": "presence?"})
        self._tell(kind.opened, room)
        if room.rows_since_snapshot >= self.limits.compact_rows:
            room.rows_since_snapshot = 0
            self.compact(key)
        return room

    def _opened(self, key: int, task: asyncio.Task[Room]) -> None:
        if self._opening.get(key) is task:
            del self._opening[key]
        if task.cancelled() or task.exception() is not None or task.result().closed:
            self._unsubscribe(key)
            return
        # Whoever asked for it may have gone meanwhile.
        room = task.result()
        room.holds += 1
        self.release(room)

    def _evict(self, room: Room) -> None:
        self._idle.pop(room.key, None)
        if room.holds == 0 and not room.closed:
            self._tell(room.kind.closing, room)
            if room.rows_since_snapshot >= self.limits.compact_rows_on_close:
                self.compact(room.key)
            self._close(room)

    def _evict_idlest(self) -> bool:
        for key in self._idle:
            room = self.rooms[key]
            self._idle[key].cancel()
            self._evict(room)
            return True
        return False

    def _close(self, room: Room) -> None:
        room.close()
        del self.rooms[room.key]
        if (timer := self._idle.pop(room.key, None)) is not None:
            timer.cancel()
        if self.journal.holds(room):
            self._leaving[room.key] = room
        self._unsubscribe(room.key)

    def _tell(self, call: Callable[[Room], None], room: Room) -> None:
        """Call an app's code, which may be wrong; the room goes on."""
        try:
            call(room)
        except Exception:
            logger.exception("Room %s: its kind failed", room.key)

    def _unsubscribe(self, key: int) -> None:
        if key not in self.rooms and key not in self._opening and key not in self._unsubscribing:
            task = asyncio.create_task(self._unsubscribe_now(key), name=f"unsubscribe {key}")
            self._unsubscribing[key] = task

    async def _unsubscribe_now(self, key: int) -> None:
        try:
            await self.relay.unsubscribe(key)
        finally:
            del self._unsubscribing[key]

    async def _compare(self) -> None:
        """Compare the heads of all open rooms with the log every few seconds, in one query."""
        while True:
            # Not `wait_for`: Python 3.11's swallows a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.limits.heads_every_s):
                    await self._look_wake.wait()
            self._look_wake.clear()
            try:
                await self._compare_once()
            except LogUnavailable:
                continue
            except Exception:
                logger.exception("Comparing the heads failed")

    async def _compare_once(self) -> None:
        rooms = list(self.rooms.values())
        if not rooms:
            return
        heads = await self.log.heads([room.key for room in rooms])
        for room in rooms:
            if not room.closed:
                room.check_head(heads.get(room.key))

    async def _sweep(self) -> None:
        since_people_s = 0.0
        while True:
            await self.clock.sleep(_SWEEP_S)
            since_people_s += _SWEEP_S
            tell = since_people_s >= self.limits.people_refresh_s
            if tell:
                since_people_s = 0.0
            try:
                self._sweep_once(tell=tell)
            except Exception:
                logger.exception("Sweeping the rooms failed")

    def _sweep_once(self, *, tell: bool) -> None:
        for key, room in list(self._leaving.items()):
            if not self.journal.holds(room):
                del self._leaving[key]
        for room in list(self.rooms.values()):
            room.sweep()
            if tell and room.peers:
                room.company.publish_people()

    async def _compact(self) -> None:
        while True:
            await self._compact_wake.wait()
            self._compact_wake.clear()
            while self._to_compact:
                key = next(iter(self._to_compact))
                del self._to_compact[key]
                try:
                    await self.log.compact(key)
                except (LogUnavailable, NoSuchRoom):
                    continue  # A snapshot is a cache; the next occasion writes it.
                except Exception:
                    logger.exception("Compacting room %s failed", key)
