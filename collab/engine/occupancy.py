"""Who is in which room, in this process and in the others: what a list of rooms shows as avatars.

Each process tells the others about its own rooms, over the relay's key for everybody:

    occupied    rooms: [[room, count, [[id, name, palette], ...]], ...]; with `after` and `upto` it
                says that of the rooms in that range there are no others (`upto` None: no end)
    occupied?   a process that starts asks for the state
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collab.engine.peer import Person
from collab.engine.ports import EVERYWHERE

if TYPE_CHECKING:
    import asyncio

    from collab.engine.ports import Clock, Relay

logger = logging.getLogger(__name__)

TICK_S = 0.25
"""Changes are told, to other processes and to watchers, at most this often."""
REFRESH_S = 10.0
EXPIRY_S = 3 * REFRESH_S
_NAMED = 4  # People of a room that are told by name; a row of a list shows no more.
_ROOMS_PER_EVENT = 200
_MAX_PROCESSES = 1000


@dataclass(frozen=True, slots=True)
class Occupants:
    """The people in a room: some of them, by name, and how many there are."""

    people: tuple[Person, ...] = ()
    count: int = 0


NOBODY = Occupants()


@dataclass(slots=True)
class _Told:
    """What another process said of its rooms, and when it was last heard."""

    heard_at: float
    rooms: dict[int, Occupants] = field(default_factory=dict)


class Occupancy:
    """The occupied rooms of all processes.

    A lost event is healed by the next refresh. A process that is silent for `EXPIRY_S` is taken for
    dead, and its people for gone. Used from the process's loop; `of` may be called from any thread.

    Args:
        relay: The way to the other processes.
        clock: Time.
        max_rooms: Rooms that are remembered of one process.
    """

    def __init__(self, relay: Relay, clock: Clock, max_rooms: int) -> None:
        self._relay = relay
        self._clock = clock
        self._max_rooms = max_rooms
        self._here: dict[int, Occupants] = {}
        self._elsewhere: dict[str, _Told] = {}
        self._all: dict[int, Occupants] = {}
        self._untold: dict[int, None] = {}
        self._changed: set[int] = set()
        # The last room that the refresh under way has told; None: there is none under way.
        self._refreshed: int | None = None
        self._asked = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        # Called once per tick with the rooms whose occupants changed.
        self.watchers: set[Callable[[set[int]], None]] = set()

    def of(self, key: int) -> Occupants:
        """Return who is in a room now."""
        return self._all.get(key, NOBODY)

    def rooms(self) -> list[int]:
        """Return the rooms that somebody is in."""
        return list(self._all)

    def here(self, key: int, people: Iterable[Person]) -> None:
        """Take who is in a room of this process now."""
        everybody = sorted(people, key=_order)
        now = Occupants(tuple(everybody[:_NAMED]), len(everybody))
        if now == self._here.get(key, NOBODY):
            return
        if now.count:
            self._here[key] = now
        else:
            del self._here[key]
        self._untold[key] = None
        self._merge(key)
        self._tick_soon()

    def hear(self, process: str, event: dict[str, Any]) -> None:
        """Take an event of another process."""
        if event["event"] == "occupied?":
            self._refresh()
            return
        told = self._elsewhere.get(process)
        if told is None:
            if len(self._elsewhere) >= _MAX_PROCESSES:
                return
            told = self._elsewhere[process] = _Told(self._clock.now())
        told.heard_at = self._clock.now()
        rooms = {
            key: Occupants(tuple(Person(*person) for person in people[:_NAMED]), count)
            for key, count, people in event["rooms"]
        }
        for key, now in rooms.items():
            self._take(told, key, now)
        if "after" in event:
            after, upto = event["after"], event["upto"]
            for key in [k for k in told.rooms if k > after and (upto is None or k <= upto)]:
                if key not in rooms:
                    self._take(told, key, NOBODY)

    async def run(self) -> None:
        """Ask the others, then tell them everything every `REFRESH_S`, until cancelled."""
        self._relay.publish(EVERYWHERE, {"event": "occupied?"})
        while True:
            self._refresh()
            await self._clock.sleep(REFRESH_S)
            self._expire()

    def close(self) -> None:
        """Cancel the tick, and tell a last time that nobody is here."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._here or self._untold:
            nothing = {"event": "occupied", "rooms": [], "after": 0, "upto": None}
            self._relay.publish(EVERYWHERE, nothing)

    def _take(self, told: _Told, key: int, now: Occupants) -> None:
        if now == told.rooms.get(key, NOBODY):
            return
        if not now.count:
            del told.rooms[key]
        elif key in told.rooms or len(told.rooms) < self._max_rooms:
            told.rooms[key] = now
        self._merge(key)
        self._tick_soon()

    def _merge(self, key: int) -> None:
        """Put together what all processes say of a room."""
        parts = [told.rooms[key] for told in self._elsewhere.values() if key in told.rooms]
        if key in self._here:
            parts.append(self._here[key])
        named = sorted({person for part in parts for person in part.people}, key=_order)
        others = sum(part.count - len(part.people) for part in parts)
        now = Occupants(tuple(named[:_NAMED]), len(named) + others)
        if now == self.of(key):
            return
        if now.count:
            self._all[key] = now
        else:
            del self._all[key]
        self._changed.add(key)

    def _expire(self) -> None:
        now = self._clock.now()
        for process, told in list(self._elsewhere.items()):
            if now - told.heard_at > EXPIRY_S:
                del self._elsewhere[process]
                for key in told.rooms:
                    self._merge(key)
                self._tick_soon()

    def _refresh(self) -> None:
        """Begin to tell everything; once more afterwards, if asked in the middle of it."""
        if self._refreshed is None:
            self._refreshed = 0
        else:
            self._asked = True
        self._tick_soon()

    def _tick_soon(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = self._clock.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._untold:
            keys = list(self._untold)[:_ROOMS_PER_EVENT]
            for key in keys:
                del self._untold[key]
            self._tell(keys)
        if self._refreshed is not None:
            self._tell_piece(self._refreshed)
        changed, self._changed = self._changed, set()
        if changed:
            for watcher in tuple(self.watchers):
                try:
                    watcher(changed)
                except Exception:
                    logger.exception("A watcher of the occupied rooms failed")
        if self._untold or self._refreshed is not None:
            self._tick_soon()

    def _tell_piece(self, after: int) -> None:
        """Tell the next rooms of a refresh; what is in their range and not among them is empty."""
        keys = heapq.nsmallest(_ROOMS_PER_EVENT, (key for key in self._here if key > after))
        upto = keys[-1] if len(keys) == _ROOMS_PER_EVENT else None
        self._tell(keys, after=after, upto=upto)
        self._refreshed = upto
        if upto is None and self._asked:
            self._asked = False
            self._refreshed = 0

    def _tell(self, keys: list[int], **span: int | None) -> None:
        rooms = []
        for key in keys:
            now = self._here.get(key, NOBODY)
            people = [[person.id, person.name, person.palette] for person in now.people]
            rooms.append([key, now.count, people])
        self._relay.publish(EVERYWHERE, {"event": "occupied", "rooms": rooms, **span})


def _order(person: Person) -> tuple[str, str]:
    return person.name.casefold(), person.id
