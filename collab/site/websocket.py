"""WebSockets on Daphne, bounded in both directions.

Plain Daphne never makes `send` wait and queues what comes in without a bound. Here a peer that does
not read makes `send` wait, so its room merges instead of queueing; a peer that sends faster than
its frames are taken is not read from; and a frame goes to the kernel at once when nothing waits
before it, a large one in slices, so that a hundred joins of a 4 MB document share its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Connection

from collab import framing

# What may wait to be taken from one socket before it is not read from; and when it is again.
_INBOX_HIGH_BYTES = 2**20
_INBOX_HIGH_FRAMES = 256
_INBOX_LOW_FRAMES = 32
_SLICE_BYTES = 2**16
# How long a peer may take to answer a close frame. Then it is reset, and loses the code if it was
# busy until then: Autobahn's second is too short for a page that just loads.
_CLOSED_WITHIN_S = 5


class Inbox:
    """A socket's incoming events. Full, it stops reading from the socket.

    Args:
        protocol: Whose transport is paused; None for HTTP, whose bodies Daphne holds in files.
    """

    __slots__ = ("_bytes", "_paused", "_protocol", "_queue", "_take")

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._bytes = 0
        self._paused = False
        self._take: Callable[[bytes], None] | None = None

    def hand_to(self, take: Callable[[bytes], None] | None) -> None:
        """Have binary frames taken as they are read, once those before them are. None: no more."""
        self._take = take

    def put_nowait(self, event: dict[str, Any]) -> None:
        if self._take is not None and self._queue.empty() and event.get("bytes") is not None:
            self._take(event["bytes"])
            return
        self._queue.put_nowait(event)
        self._bytes += len(event.get("bytes") or event.get("text") or b"")
        full = self._bytes > _INBOX_HIGH_BYTES or self._queue.qsize() > _INBOX_HIGH_FRAMES
        if full and not self._paused:
            self._paused = True
            self._protocol.transport.pauseProducing()

    async def get(self) -> dict[str, Any]:
        event = await self._queue.get()
        self._bytes -= len(event.get("bytes") or event.get("text") or b"")
        if (
            self._paused
            and self._queue.qsize() <= _INBOX_LOW_FRAMES
            and self._bytes <= _INBOX_HIGH_BYTES // 2
        ):
            self._paused = False
            if not self._protocol.transport.disconnecting:
                self._protocol.transport.resumeProducing()
        return event


class LiveProtocol(WebSocketProtocol):
    """A WebSocket that knows when its peer does not read."""

    # Autobahn would write out all options of each connection, for a log that is off: 7 % of what a
    # join costs. They are taken over in `connectionMade`.
    CONFIG_ATTRS: Sequence[str] = ()

    _drained: asyncio.Future[None] | None = None
    # Pings and pongs that came due within a large frame, the last of each.
    _held: dict[int, dict[str, Any]] | None = None

    def connectionMade(self) -> None:
        for name in WebSocketProtocol.CONFIG_ATTRS:
            setattr(self, name, getattr(self.factory, name))
        self.closeHandshakeTimeout = _CLOSED_WITHIN_S
        super().connectionMade()

    def onOpen(self) -> None:
        super().onOpen()
        # The HTTP channel was the transport's producer; from now on this socket is.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        # The handshake is answered; what it took is not needed any more (2,000 idle peers).
        self.http_request_data = self.http_headers = self.http_request_params = None

    def dataReceived(self, data: bytes) -> None:
        if (
            self.state == self.STATE_OPEN
            and not self.data
            and self.current_frame is None
            and not self.inside_message
            and self.autoPingTimeoutCall is None
        ):
            data = self._take_frames(data)
        if data:
            super().dataReceived(data)

    def _take_frames(self, data: bytes) -> bytes:
        """Take the small binary frames at the start of what was read.

        Autobahn's way through each costs as much as applying it.

        Returns:
            The bytes that were not taken.
        """
        at = 0
        # Once it is closed, what follows is autobahn's to drop: it reads on until the peer has
        # closed, too.
        while self.state == self.STATE_OPEN and (frame := framing.read_small(data, at)):
            payload, at = frame
            self.onMessage(payload, True)
        return data[at:]

    def pauseProducing(self) -> None:
        """Note that the transport's buffer is full."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:
        """Note that the transport's buffer is empty again."""
        if self._drained is not None:
            drained, self._drained = self._drained, None
            if not drained.done():
                drained.set_result(None)

    def stopProducing(self) -> None:
        """Let nobody wait for a connection that is lost."""
        self.resumeProducing()

    def send_now(self, payload: bytes) -> bool:
        """Send a binary frame if it is small and the peer reads. Returns whether it was sent."""
        if (
            self.state != self.STATE_OPEN
            or self._drained is not None
            or len(payload) > _SLICE_BYTES
        ):
            return False
        self._write(framing.header(framing.BINARY, len(payload)) + payload)
        return True

    async def write(self, payload: bytes, opcode: int) -> None:
        """Send one unfragmented frame; wait if the peer does not read.

        Autobahn's `sendMessage` copies the payload and refuses one over the size that is allowed
        to come in; nothing of what it does otherwise (masking, compression) applies here.
        """
        if self.state != self.STATE_OPEN:
            return
        header = framing.header(opcode, len(payload))
        if len(payload) <= _SLICE_BYTES:
            self._write(header + payload)
            if self._drained is not None:
                await self._drained
            return
        self._write(header)
        await self.write_framed(payload)

    async def write_framed(self, data: bytes) -> None:
        """Send bytes that are frames already; wait if the peer does not read."""
        if len(data) <= _SLICE_BYTES:
            if self.state == self.STATE_OPEN:
                self._write(data)
                if self._drained is not None:
                    await self._drained
            return
        held = self._held = {}
        try:
            await self._write_slices(memoryview(data))
        finally:
            self._held = None
        for frame in held.values():
            self.sendFrame(**frame)

    async def _write_slices(self, data: memoryview) -> None:
        for start in range(0, len(data), _SLICE_BYTES):
            if self.state != self.STATE_OPEN:
                return
            self._write(bytes(data[start : start + _SLICE_BYTES]))
            if self._drained is not None:
                await self._drained

    def sendFrame(self, opcode: int, **other: Any) -> None:
        """Send a frame of autobahn's own; a ping or pong not between the slices of another."""
        if self._held is not None and opcode in (framing.PING, framing.PONG):
            self._held[opcode] = {"opcode": opcode, **other}
        else:
            super().sendFrame(opcode=opcode, **other)

    def _write(self, data: bytes) -> None:
        """Give bytes to the kernel now if none wait before them; Twisted would on its next turn.

        That saves two epoll calls and a turn of the loop per frame. The rest, or all on TLS, goes
        Twisted's way.
        """
        transport = self.transport
        if (
            isinstance(transport, Connection)
            and not transport.dataBuffer
            and not transport._tempDataBuffer
            and not transport.disconnecting
        ):
            sent = transport.writeSomeData(data)
            if isinstance(sent, int) and sent >= 0:
                if sent == len(data):
                    return
                data = data[sent:]
        transport.write(data)

    def serverClose(self, code: int | None = None, reason: str = "") -> None:
        """Close with any code of RFC 6455; autobahn's `sendClose` knows no 1012 and 1013."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code or 1000, reasonUtf8=reason.encode(), isReply=False)

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close" and self.state != self.STATE_CONNECTING:
            self.serverClose(message.get("code"), message.get("reason") or "")
        else:
            super().handle_reply(message)


class LiveFactory(WebSocketFactory):
    protocol = LiveProtocol
