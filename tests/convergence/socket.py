"""A page's connection to a process: the network between them, and the consumer at its end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from collab.engine.errors import CloseCode, LogUnavailable, Overloaded
from collab.engine.peer import Person
from collab.engine.room import RoomKind

if TYPE_CHECKING:
    from collab.engine.peer import Peer
    from collab.engine.room import Room
    from tests.convergence.page import Page
    from tests.convergence.process import Process

_LATENCY_S = 0.003
_STRAY_S = 4.0


class Socket:
    """One connection. What is on its way when it ends is lost.

    Frames arrive in order; if `scattered`, every other one of the page comes late, after others.

    It is the room's `Wire`. Set `blocked` to have its buffer full.
    """

    def __init__(self, page: Page, process: Process) -> None:
        self.page = page
        self.process = process
        self.room: Room | None = None
        self.peer: Peer | None = None
        # The page's end: it hears and sends nothing any more. The process may not know yet.
        self.gone = False
        self.blocked = False
        self.scattered = page.scattered
        # By content frame in the order of arrival: the edits in it.
        self.arrived: list[set[str]] = []
        self._left = False
        self._sent = 0
        self._loop = process.cluster.loop
        self._up: deque[tuple[bytes, set[str] | None]] = deque()
        self._down: deque[bytes] = deque()
        process.sockets[self] = None
        process.spawn(self._enter())

    async def _enter(self) -> None:
        registry = self.process.registry
        page = self.page
        try:
            room = await registry.lease(page.key, RoomKind())
        except (Overloaded, LogUnavailable):
            self.lost()
            return
        if self.gone:
            registry.release(room)
            self._forget()
            return
        self.room = room
        try:
            person = Person(page.name, page.name, 0)
            self.peer = room.join(self, author=page.name, person=person, may_write=True, acks=True)
        except Overloaded:
            self.lost()
            return
        page.opened(self)

    # The page's end

    def send(self, frame: bytes, edits: set[str] | None = None) -> None:
        """Send a frame of the page; a content frame tells which edits it holds."""
        self._sent += 1
        if self.scattered and self._sent % 2:
            self._loop.call_later(_STRAY_S, self._arrive, frame, edits)
            return
        self._up.append((frame, edits))
        self._loop.call_later(_LATENCY_S, self._arrive_next)

    def _arrive_next(self) -> None:
        self._arrive(*self._up.popleft())

    def _arrive(self, frame: bytes, edits: set[str] | None) -> None:
        if self._left or self.gone or self.peer is None or self.peer.closed:
            return
        if edits is not None:
            self.arrived.append(edits)
            self.page.watch.taken(frame)
        self.process.run(self.peer.receive, frame)

    def cut(self, notice_s: float) -> None:
        """Lose the connection; the process notices after some time."""
        if self.gone:
            return
        self.gone = True
        self.page.closed(self, None)
        if notice_s:
            self._loop.call_later(notice_s, self._leave)
        else:
            self._leave()

    # The process's end

    def write(self, frame: bytes) -> bool:
        if self.process.dead:
            return True
        assert not self._left, "a frame was written after the close"
        if not self.gone:
            self.page.watch.written(self, frame)
            self._down.append(frame)
            self._loop.call_later(_LATENCY_S, self._deliver)
        return not self.blocked

    def _deliver(self) -> None:
        if not self.gone:
            self.page.hear(self, self._down.popleft())

    def close(self, code: int, reason: str) -> None:
        if self.process.dead:
            return
        assert not self._left, "a socket was closed twice"
        self._leave()
        if not self.gone:
            self.gone = True
            self.page.closed(self, code)

    def block(self) -> None:
        """Have the buffer full from the next frame on."""
        self.blocked = True

    def drain(self) -> None:
        """Let the buffer be empty again."""
        self.blocked = False
        if self.peer is not None and not self.peer.closed:
            self.process.run(self.peer.drained)

    def lost(self) -> None:
        """End with the process, or before the room was entered."""
        self._leave()
        if not self.gone:
            self.gone = True
            self.page.closed(self, CloseCode.OVERLOAD)

    def _leave(self) -> None:
        if self._left:
            return
        self._left = True
        self._forget()
        if self.process.dead or self.room is None:
            return
        if self.peer is not None:
            self.process.run(self.room.leave, self.peer)
        self.process.run(self.process.registry.release, self.room)

    def _forget(self) -> None:
        self.process.sockets.pop(self, None)
