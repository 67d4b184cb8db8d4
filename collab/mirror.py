"""What follows from an edit in a shared object's room: its title and time of change, in SQL."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async

from collab import actions, titles
from collab.engine.room import Room, RoomKind
from collab.process import Process
from collab.shared import SharedObject

logger = logging.getLogger(__name__)

# A title is typed letter by letter; lists need not follow each of them.
_MIRROR_AFTER_S = 1.0


class MirroredKind(RoomKind):
    """Keeps an object's title and time of change in SQL as edits become durable.

    Args:
        model: What has such rooms.
    """

    def __init__(self, model: type[SharedObject]) -> None:
        self._model = model
        self._timers: WeakKeyDictionary[Room, asyncio.TimerHandle] = WeakKeyDictionary()
        self._writing: set[asyncio.Task[None]] = set()

    def opened(self, room: Room) -> None:
        # A process that was killed may have left the mirror behind the log.
        self._mirror(room, edited=False)

    def saved(self, room: Room) -> None:
        if room not in self._timers:
            self._timers[room] = room.clock.call_later(_MIRROR_AFTER_S, lambda: self._due(room))

    def closing(self, room: Room) -> None:
        if room in self._timers:
            self._timers[room].cancel()
            self._due(room)

    def _due(self, room: Room) -> None:
        del self._timers[room]
        self._mirror(room, edited=True)

    def _mirror(self, room: Room, *, edited: bool) -> None:
        title = titles.title_of(room.replica)
        task = asyncio.create_task(self._write(room.key, title, edited))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, room_id: int, title: str, edited: bool) -> None:
        write = database_sync_to_async(
            actions.mirror_title, thread_sensitive=False, executor=Process.current().pool
        )
        try:
            await write(self._model, room_id=room_id, title=title, edited=edited)
        except Exception:
            # The title in SQL is a mirror: the next edit, or opening, writes it again.
            logger.exception("The title of room %s could not be mirrored", room_id)
