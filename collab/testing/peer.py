"""A peer in Python: a pycrdt document on a real socket, speaking y-protocols and acks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Self, TypeVar

import pycrdt
import websockets
from websockets.asyncio.client import ClientConnection, connect

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.engine.varint import decode_varuint

Root = TypeVar("Root", pycrdt.Text, pycrdt.Map[Any], pycrdt.Array[Any], pycrdt.XmlFragment)


class Peer:
    """A document that follows a room over a WebSocket, as a browser does.

        async with Peer("ws://localhost:8000/ws/documents/…", key) as ada:
            ada.text.insert(0, "Hello")
            await ada.until_saved()

    Edits made on `doc` or its roots are sent at once while connected, and with the next `connect`
    otherwise. A peer belongs to the event loop that it is connected in. Indices of a text count
    UTF-8 bytes, as pycrdt's do.

    Args:
        url: Of the room's socket, ws:// or wss://.
        key: An API key, or None.
        headers: More headers of the handshake, `Cookie="sessionid=…"`.
    """

    def __init__(self, url: str, key: str | None = None, **headers: str) -> None:
        self.url = url
        self.headers = headers | ({"Authorization": f"Bearer {key}"} if key else {})
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text: pycrdt.Text = self.root("text", pycrdt.Text)
        self.close_code: int | None = None
        self.sent_frames = 0
        self.acked_frames = 0
        self.presence: dict[int, bytes] = {}
        self.frames: list[bytes] = []
        self._socket: ClientConnection | None = None
        self._living: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._reading = asyncio.Event()
        self._reading.set()
        self._has_edits = asyncio.Event()
        self._synced = False
        self._answered = False
        self._from_room = False
        self._outgoing: list[bytes] = []
        self._observer = self.doc.observe(self._edited)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.disconnect()

    # What it holds

    def root(self, name: str, type: type[Root]) -> Root:  # noqa: A002 - as pycrdt's own
        """Return a root of the document, `peer.root("notes", pycrdt.Text)`; `text` is one, too."""
        root: Root = self.doc.get(name, type=type)
        return root

    def map(self, name: str) -> pycrdt.Map[Any]:
        """Return a root that is a map."""
        return self.root(name, pycrdt.Map)

    def array(self, name: str) -> pycrdt.Array[Any]:
        """Return a root that is an array."""
        return self.root(name, pycrdt.Array)

    def xml(self, name: str) -> pycrdt.XmlFragment:
        """Return a root that is an XML fragment, such as the `body` of documents."""
        return self.root(name, pycrdt.XmlFragment)

    # How it is connected

    @property
    def connected(self) -> bool:
        return self._socket is not None and self.close_code is None

    @property
    def synced(self) -> bool:
        """Whether the room's content arrived on this connection."""
        return self._synced

    @property
    def answered(self) -> bool:
        """Whether the room's question for what it lacks was answered, with frame 1."""
        return self._answered

    @property
    def unsent_frames(self) -> int:
        """How many edits wait to be sent, each in a frame of its own."""
        return len(self._outgoing)

    @property
    def saved(self) -> bool:
        """Whether every content frame of this connection is acknowledged."""
        return self.connected and not self._outgoing and self.acked_frames == self.sent_frames

    async def connect(self, query: str = "?ack=1", *, sync: bool = True) -> None:
        """Connect, and wait until the room's content is here.

        Args:
            query: Of the address. Without `ack=1` nothing is acknowledged.
            sync: Whether to wait. A room that lets nobody in sends no content, but a close frame.

        Raises:
            OSError, TimeoutError, websockets.WebSocketException: there is no such socket.
            TimeoutError: the content did not come.
            RuntimeError: it is connected.
        """
        if self.connected:
            raise RuntimeError("This peer is connected; disconnect it first.")
        await self._end()
        self._socket = await connect(
            self.url + query, additional_headers=self.headers, max_size=None, open_timeout=20
        )
        self.close_code = None
        self.sent_frames = self.acked_frames = 0
        self._synced = self._answered = False
        self._outgoing = []
        self._has_edits.clear()
        self._living = asyncio.create_task(self._live(self._socket))
        await self.send(protocol.encode(Kind.STEP1, self.doc.get_state()))
        if sync:
            await self.until(lambda: self._synced, "sync")

    async def disconnect(self) -> None:
        """Leave with a close frame. Edits made from now on are sent with the next `connect`."""
        if self._socket is not None:
            self.resume()
            await self._socket.close()
        await self._end()

    async def close(self) -> None:
        """Disconnect."""
        await self.disconnect()

    async def cut(self) -> None:
        """Be gone without a word, as by a broken wire."""
        if self._socket is not None:
            self.resume()
            self._socket.transport.abort()
        await self._end()

    def pause(self) -> None:
        """Read nothing more, until `resume`. Edits are sent all the same."""
        self._reading.clear()

    def resume(self) -> None:
        """Read on."""
        self._reading.set()

    # What it sends

    async def send(self, frame: bytes) -> None:
        """Send bytes as they are."""
        if self._socket is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._socket.send(frame)

    async def write(self, text: str, at: int | None = None) -> None:
        """Insert into `text` (at its end unless told), and send what that made."""
        self.text.insert(len(self.text) if at is None else at, text)
        await self.flush()

    async def flush(self) -> None:
        """Send what was edited and is not sent yet, without waiting for the loop's next turn."""
        while self._outgoing and self.connected:
            self.sent_frames += 1
            await self.send(protocol.encode(Kind.UPDATE, self._outgoing.pop(0)))

    # What it waits for

    async def until(
        self, holds: Callable[[], object], what: str = "it", timeout_s: float = 20
    ) -> None:
        """Wait until something holds, looked at after each frame that arrives.

        Raises:
            TimeoutError: it did not hold in time; the text says `what`.
        """
        async with self._changed:
            try:
                # Not `wait_for`: Python 3.11's swallows a cancellation that meets the event.
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait_for(lambda: bool(holds()))
            except TimeoutError:
                raise TimeoutError(f"{what}: not within {timeout_s:g} s") from None

    async def until_saved(self, timeout_s: float = 20) -> None:
        """Wait until every edit is acknowledged, which means: committed. Raises as `until`."""
        await self.until(lambda: self.saved, "saved", timeout_s)

    async def until_closed(self, timeout_s: float = 20) -> int:
        """Wait for the close frame. Returns its code."""
        await self.until(lambda: self.close_code is not None, "closed", timeout_s)
        return int(self.close_code or 0)

    # What comes in

    def received(self, frame: bytes) -> None:
        """Take note of a frame, before anything else is done with it. Keeps it in `frames`."""
        self.frames.append(frame)

    async def _live(self, socket: ClientConnection) -> None:
        """Read and write until the connection ends."""
        writing = asyncio.create_task(self._write())
        code = 1006
        try:
            async for frame in socket:
                await self._reading.wait()
                await self._take(frame if isinstance(frame, bytes) else frame.encode())
        except websockets.ConnectionClosed as closed:
            if closed.rcvd is not None:
                code = closed.rcvd.code
        else:
            code = socket.close_code or 1006
        finally:
            writing.cancel()
        async with self._changed:
            self.close_code = code
            self._changed.notify_all()

    async def _write(self) -> None:
        """Send edits as they are made, after the answer to the room's question.

        What a room has not been told of is in that answer, and what is built on it would have to
        wait there.
        """
        while True:
            await self._has_edits.wait()
            self._has_edits.clear()
            if self._answered:
                await self.flush()

    async def _end(self) -> None:
        """Wait until the connection is over."""
        if self._living is not None:
            await self._living
        self._living = self._socket = None

    async def _take(self, frame: bytes) -> None:
        self.received(frame)
        if frame[0] == 8:
            self.acked_frames = decode_varuint(frame, 1)[0]
        elif frame[0] in (0, 1):
            kind, payload = protocol.decode(frame)
            if kind is Kind.STEP1:
                await self._answer(payload)
            elif kind in (Kind.STEP2, Kind.UPDATE):
                self._from_room = True
                try:
                    self.doc.apply_update(payload)
                finally:
                    self._from_room = False
                self._synced = self._synced or kind is Kind.STEP2
            elif kind is Kind.AWARENESS:
                for state in protocol.decode_states(payload, max_states=10_000):
                    self.presence[state.client] = state.json
        async with self._changed:
            self._changed.notify_all()

    async def _answer(self, state_vector: bytes) -> None:
        """Tell the room what it lacks, which is all that waits to be sent, and more."""
        self._outgoing.clear()
        self._answered = True
        self.sent_frames += 1
        await self.send(protocol.encode(Kind.STEP2, self.doc.get_update(state_vector)))

    def _edited(self, event: Any) -> None:
        if not self._from_room:
            self._outgoing.append(event.update)
            self._has_edits.set()
