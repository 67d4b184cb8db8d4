"""A peer in Python: a pycrdt document on a real socket, speaking y-protocols and acks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pycrdt
import websockets
from websockets.asyncio.client import ClientConnection, connect

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.engine.varint import decode_varuint


class Peer:
    """A document that follows a room over a WebSocket.

    Edits made on `doc` are sent at once while connected, and with the next `connect` otherwise.

    Args:
        url: ws://host:port/ws/documents/<id>
        key: An API key, or None.
        headers: More headers of the handshake.
    """

    def __init__(self, url: str, key: str | None = None, **headers: str) -> None:
        self.url = url
        self.headers = headers | ({"Authorization": f"Bearer {key}"} if key else {})
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text: pycrdt.Text = self.doc.get("text", type=pycrdt.Text)
        self.close_code: int | None = None
        self.sent_frames = 0
        self.acked_frames = 0
        self.presence: dict[int, bytes] = {}
        self.frames: list[bytes] = []
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._synced = False
        self._from_room = False
        self._outgoing: list[bytes] = []
        self._observer = self.doc.observe(self._edited)

    @property
    def connected(self) -> bool:
        return self._socket is not None and self.close_code is None

    @property
    def synced(self) -> bool:
        """Whether the room's content arrived on this connection."""
        return self._synced

    @property
    def saved(self) -> bool:
        """Whether every content frame of this connection is acknowledged."""
        return self.connected and not self._outgoing and self.acked_frames == self.sent_frames

    async def connect(self, query: str = "?ack=1", *, sync: bool = True) -> None:
        """Connect, and wait until the room's content is here."""
        self._socket = await connect(
            self.url + query, additional_headers=self.headers, max_size=None, open_timeout=20
        )
        self.close_code = None
        self.sent_frames = self.acked_frames = 0
        self._synced = False
        self._outgoing = []
        self._reader = asyncio.create_task(self._read())
        await self.send(protocol.encode(Kind.STEP1, self.doc.get_state()))
        if sync:
            await self.until(lambda: self._synced, "sync")

    async def send(self, frame: bytes) -> None:
        """Send bytes as they are."""
        if self._socket is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._socket.send(frame)

    async def write(self, text: str, at: int | None = None) -> None:
        """Insert text (at its end unless told) and send what that made."""
        self.text.insert(len(self.text) if at is None else at, text)
        await self.flush()

    async def flush(self) -> None:
        """Send what was edited since the last call."""
        while self._outgoing and self.connected:
            self.sent_frames += 1
            await self.send(protocol.encode(Kind.UPDATE, self._outgoing.pop(0)))

    async def until(
        self, holds: Callable[[], object], what: str = "it", timeout_s: float = 20
    ) -> None:
        """Wait until something holds, looked at after each frame that arrives."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: bool(holds())), timeout_s)
            except TimeoutError:
                raise TimeoutError(f"{what}: not within {timeout_s:g} s") from None

    async def until_saved(self, timeout_s: float = 20) -> None:
        await self.until(lambda: self.saved, "saved", timeout_s)

    async def until_closed(self, timeout_s: float = 20) -> int:
        """Wait for the close frame. Returns its code."""
        await self.until(lambda: self.close_code is not None, "closed", timeout_s)
        return int(self.close_code or 0)

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        self._socket = None

    async def _read(self) -> None:
        socket = self._socket
        if socket is None:
            return
        code = 1006
        try:
            async for frame in socket:
                await self._take(frame if isinstance(frame, bytes) else frame.encode())
        except websockets.ConnectionClosed as closed:
            if closed.rcvd is not None:
                code = closed.rcvd.code
        else:
            code = socket.close_code or 1006
        async with self._changed:
            self.close_code = code
            self._changed.notify_all()

    async def _take(self, frame: bytes) -> None:
        self.frames.append(frame)
        if frame[0] == 8:
            self.acked_frames = decode_varuint(frame, 1)[0]
        elif frame[0] in (0, 1):
            kind, payload = protocol.decode(frame)
            if kind is Kind.STEP1:
                self.sent_frames += 1
                await self.send(protocol.encode(Kind.STEP2, self.doc.get_update(payload)))
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

    def _edited(self, event: Any) -> None:
        if not self._from_room:
            self._outgoing.append(event.update)
