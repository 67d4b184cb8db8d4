"""What follows from an edit in a shared object's room: its title and time of change, in SQL."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from math import inf
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.utils import timezone

from collab import actions, titles
from collab.engine.room import Room, RoomKind
from collab.process import Process
from collab.shared import SharedObject

logger = logging.getLogger(__name__)

# A title is typed letter by letter; lists need not follow each of them.
_LOOK_AFTER_S = 1.0
# Lists show when something was changed in minutes. A commit for it every second and room would be
# most of what 500 quiet rooms cost.
_TOUCH_EVERY_S = 15.0


class MirroredKind(RoomKind):
    """Keeps an object's title and time of change in SQL as edits become durable.

    A new title is there after a second, the time of a change too if the last is some time ago. A
    title that another process changed, and somebody here changed back, comes with the time.

    Args:
        model: What has such rooms.
    """

    def __init__(self, model: type[SharedObject]) -> None:
        self._model = model
        # The title that was written last, and when a time of change was.
        self._written: WeakKeyDictionary[Room, tuple[str, float]] = WeakKeyDictionary()
        self._edited_at: WeakKeyDictionary[Room, datetime] = WeakKeyDictionary()
        self._looks: WeakKeyDictionary[Room, asyncio.TimerHandle] = WeakKeyDictionary()
        self._touches: WeakKeyDictionary[Room, asyncio.TimerHandle] = WeakKeyDictionary()
        self._writing: set[asyncio.Task[None]] = set()

    def opened(self, room: Room) -> None:
        # A process that was killed may have left the mirror behind the log.
        self._mirror(room)

    def saved(self, room: Room) -> None:
        self._edited_at[room] = timezone.now()
        if room not in self._looks:
            self._looks[room] = room.clock.call_later(_LOOK_AFTER_S, lambda: self._look(room))

    def closing(self, room: Room) -> None:
        timers = [due.pop(room, None) for due in (self._looks, self._touches)]
        for timer in filter(None, timers):
            timer.cancel()
        if any(timers):
            self._mirror(room, self._edited_at[room])

    def _look(self, room: Room) -> None:
        """Write a new title now, and the time of change when it is due."""
        del self._looks[room]
        title, at = self._written.get(room, (None, -inf))
        if room.closed:
            return  # For an error: its title may be an old one by now, or half of one.
        if title != titles.title_of(room.replica):
            self._touch(room)
        elif room not in self._touches:
            wait_s = max(0.0, at + _TOUCH_EVERY_S - room.clock.now())
            self._touches[room] = room.clock.call_later(wait_s, lambda: self._touch(room))

    def _touch(self, room: Room) -> None:
        timer = self._touches.pop(room, None)
        if timer is not None:
            timer.cancel()
        if not room.closed:
            self._mirror(room, self._edited_at[room])

    def _mirror(self, room: Room, edited_at: datetime | None = None) -> None:
        title = titles.title_of(room.replica)
        self._written[room] = (title, room.clock.now() if edited_at else -inf)
        task = asyncio.create_task(self._write(room, title, edited_at))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, room: Room, title: str, edited_at: datetime | None) -> None:
        write = database_sync_to_async(
            actions.mirror_title, thread_sensitive=False, executor=Process.current().pool
        )
        try:
            await write(self._model, room_id=room.key, title=title, edited_at=edited_at)
        except Exception:
            # The title in SQL is a mirror: the next edit, or opening, writes it again.
            self._written.pop(room, None)
            logger.exception("The title of room %s could not be mirrored", room.key)
