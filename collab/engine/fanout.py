"""Content on its way to the peers of a room: at once in a quiet room, merged in a busy one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from collab.engine import protocol
from collab.engine.errors import UpdateRejected
from collab.engine.protocol import Kind
from collab.engine.replica import EMPTY_UPDATE, merge

if TYPE_CHECKING:
    import asyncio

    from collab.engine.peer import Peer
    from collab.engine.room import Room

logger = logging.getLogger(__name__)


class FanOut:
    """Sends what a room's replica took, encoded once, the same bytes to every peer.

    Args:
        room: Whose peers get it.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        # Since the last sending: who it came from (None: another process) and the bytes.
        self._fresh: list[tuple[Peer | None, bytes]] = []
        self._sent_state = room.replica.state()
        self._window: asyncio.TimerHandle | None = None
        self._window_s = 0.0

    def add(self, source: Peer | None, update: bytes) -> None:
        """Send an update now, or with the end of the open window."""
        if update == EMPTY_UPDATE:
            return  # Held back: it is sent when what it builds on is here.
        self._fresh.append((source, update))
        if self._window is None:
            self._flush()

    def cancel(self) -> None:
        if self._window is not None:
            self._window.cancel()

    def _flush(self) -> None:
        """Send what is fresh, and open a window.

        Each window that brought something makes the next twice as long, up to the bound: two people
        see each other's letters at once, twenty share the frames of a window. A window also lasts a
        few times what its sending cost, so that a large room leaves the loop its time.
        """
        self._window = None
        if not self._fresh:
            self._window_s = 0.0
            return
        room = self._room
        fresh, self._fresh = self._fresh, []
        started = room.clock.now()
        update = self._merged([content for _, content in fresh])
        frame = protocol.encode(Kind.UPDATE, update)
        first = fresh[0][0]
        # Whoever wrote all of it has it; anybody else's window is applied twice without harm.
        author = first if all(source is first for source, _ in fresh) else None
        before = self._sent_state
        for peer in tuple(room.peers):
            if peer is not author:
                peer.send_update(frame, update, before)
        self._sent_state = room.replica.state()
        now = room.clock.now()
        if author is None:
            room.sent_at = now  # Else its author was sent nothing.
        room.meter.flushed(now - started, len(room.peers))
        self._open_window(now - started)

    def _open_window(self, cost_s: float) -> None:
        limits = self._room.limits
        wanted_s = max(2 * self._window_s, cost_s * limits.window_cost_factor, limits.window_min_s)
        self._window_s = min(wanted_s, limits.window_max_s)
        self._window = self._room.clock.call_later(self._window_s, self._flush)

    def _merged(self, updates: list[bytes]) -> bytes:
        try:
            return merge(updates)
        except UpdateRejected:
            logger.exception("Room %s cannot merge what is fresh", self._room.key)
            return self._room.replica.diff(self._sent_state)
