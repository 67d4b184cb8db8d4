"""A browser's page in the simulation: its own CRDT, its edits and undo, what was acknowledged."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pycrdt

from collab.engine import protocol
from collab.engine.errors import CloseCode
from collab.engine.protocol import Kind, State
from collab.engine.varint import decode_varuint
from tests.convergence.content import Roots, content, tag
from tests.engine.world import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.convergence.checks import Watch
    from tests.convergence.cluster import Cluster
    from tests.convergence.process import Process
    from tests.convergence.socket import Socket

_RECONNECT_S = 0.5
_MINE = "mine"


class Page:
    """A tab that edits one room, and comes back when its connection ends, as y-websocket does.

    Args:
        cluster: Where it connects to.
        name: Its name; the first part of its tags.
        number: Its client id in the CRDT.
        key: Its room.
    """

    def __init__(self, cluster: Cluster, name: str, number: int, key: int) -> None:
        self.name = name
        self.key = key
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=number)
        self.roots = Roots(self.doc)
        self.made: list[str] = []
        self.acknowledged: set[str] = set()
        self.home = 0
        self.online = False
        self.shut = False
        self.scattered = False
        self.socket: Socket | None = None
        self._cluster = cluster
        self._hears = False
        self._pointed = 0
        self._updates: list[bytes] = []
        self._watched = self.doc.observe(self._note)
        # Each edit is undone on its own. No method of the page: it would never be freed.
        moments = itertools.count(0, 1000)
        self._undo = pycrdt.UndoManager(
            scopes=self.roots.edited,
            capture_timeout_millis=0,
            timestamp=lambda: next(moments),
        )
        self._undo.include_origin(_MINE)

    @property
    def watch(self) -> Watch:
        return self._cluster.watch

    # Connection

    def connect(self, process: Process) -> None:
        """Connect to a process, instead of where it is now."""
        self.online = True
        if self.socket is not None:
            self.socket.cut(0)
        self.socket = self._cluster.connect(self, process)

    def move(self, home: int) -> None:
        """Connect to the process of this number, now and after this."""
        self.home = home
        self.connect(self._cluster.process(home))

    def leave(self, notice_s: float) -> None:
        """Go offline; edits go on."""
        self.online = False
        if self.socket is not None:
            self.socket.cut(notice_s)

    def close(self) -> None:
        """Close the tab: what was not acknowledged may be lost."""
        self.leave(0)
        self.shut = True
        self.doc.unobserve(self._watched)

    def opened(self, socket: Socket) -> None:
        """Ask for what is missing, as soon as the socket is open."""
        self.socket = socket
        self.ask()

    def ask(self) -> None:
        self._send(protocol.encode(Kind.STEP1, self.doc.get_state()))

    def closed(self, socket: Socket, code: int | None) -> None:
        """Come back after a while, to the next process if this one sent it away."""
        assert code in (None, CloseCode.RESTART, CloseCode.OVERLOAD), f"{self.name} closed: {code}"
        if self.socket is socket:
            self.socket = None
            self.home += code is not None
            self._cluster.loop.call_later(_RECONNECT_S, self._reconnect)

    def _reconnect(self) -> None:
        if self.online and self.socket is None:
            self.connect(self._cluster.process(self.home))

    # Edits

    def edit(self, change: Callable[[Roots, int], None], at: int) -> None:
        """Make an edit, and send it if there is a connection."""
        with self._tagged() as name, self.doc.transaction(origin=_MINE):
            change(self.roots, at)
            self.roots.ledger.insert(at * (len(self.roots.ledger) + 1) // 1000, name)

    def undo(self) -> None:
        self._again(self._undo.undo)

    def redo(self) -> None:
        self._again(self._undo.redo)

    def _again(self, step: Callable[[], bool]) -> None:
        with self._tagged() as name:
            step()
            self.roots.ledger.append(name)

    @contextmanager
    def _tagged(self) -> Iterator[str]:
        name = tag(self.name, len(self.made))
        yield name
        self.made.append(name)
        updates, self._updates = self._updates, []
        # A tag is in the last of them, at the latest.
        for update in updates[:-1]:
            self._send(protocol.encode(Kind.UPDATE, update), set())
        self._send(protocol.encode(Kind.UPDATE, updates[-1]), {name})

    def _note(self, event: Any) -> None:
        if not self._hears:
            self._updates.append(event.update)

    def point(self) -> None:
        """Move the cursor."""
        self._pointed += 1
        state = json.dumps({"cursor": self._pointed, "user": self.name.ljust(240)}).encode()
        states = [State(self.doc.client_id, self._pointed, state)]
        self._send(protocol.encode(Kind.AWARENESS, protocol.encode_states(states)))

    def _send(self, frame: bytes, edits: set[str] | None = None) -> None:
        if self.socket is not None and self.socket.peer is not None:
            self.socket.send(frame, edits)

    # What comes

    def hear(self, socket: Socket, frame: bytes) -> None:
        """Take a frame of the room."""
        kind, payload = parse(frame)
        if kind is Kind.STEP2 or kind is Kind.UPDATE:
            self._hears = True
            self.doc.apply_update(payload)
            self._hears = False
        elif kind is Kind.STEP1:
            answer = protocol.encode(Kind.STEP2, self.doc.get_update(payload))
            socket.send(answer, set(self.made))
        elif kind is Kind.ACK:
            count = decode_varuint(payload, 0)[0]
            for edits in socket.arrived[:count]:
                self.acknowledged |= edits

    def content(self) -> dict[str, Any]:
        return content(self.doc)
