"""Daphne, set up for live sockets: bounded both ways, and a stop that loses nothing.

Plain Daphne never makes `send` wait, queues what comes in without a bound, and on SIGTERM cuts
every socket at once. Here
- a peer that does not read makes `send` wait, so its room merges instead of queueing;
- a peer that sends faster than its frames are taken is not read from;
- a frame goes to the kernel at once when nothing waits before it, and a large one is written in
  slices, so that a hundred joins of a 4 MB document share its bytes;
- SIGTERM closes sockets with 1012, lets the log commit, and then exits.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import defer
from twisted.internet.tcp import Connection

from collab import conf
from collab.process import Process

logger = logging.getLogger(__name__)

# What may wait to be taken from one socket before it is not read from; and when it is again.
_INBOX_HIGH_BYTES = 2**20
_INBOX_HIGH_FRAMES = 256
_INBOX_LOW_FRAMES = 32
_SLICE_BYTES = 2**16
# First byte of a frame: final, no extension bits, binary (RFC 6455 5.2).
_WHOLE_BINARY = 0x82
# How long closed peers may take to answer the close frame.
_GOODBYE_S = 1.0


class Inbox:
    """A socket's incoming events. Full, it stops reading from the socket.

    Args:
        protocol: Whose transport is paused; None for HTTP, whose bodies Daphne holds in files.
    """

    __slots__ = ("_bytes", "_paused", "_protocol", "_queue")

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._bytes = 0
        self._paused = False

    def put_nowait(self, event: dict[str, Any]) -> None:
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

    _drained: asyncio.Future[None] | None = None

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
        """Take the whole, unfragmented, binary frames under 64 KiB at the start of what was read.

        They are nearly all that editing sends, and autobahn's way through each costs as much as
        applying it. What is anything else, or malformed, is left to autobahn.

        Returns:
            The bytes that were not taken.
        """
        at, size = 0, len(data)
        while size - at >= 6 and data[at] == _WHOLE_BINARY and data[at + 1] & 0x80:
            length = data[at + 1] & 0x7F
            start = at + 6
            if length == 126:
                length = data[at + 2] << 8 | data[at + 3]
                start = at + 8
                if length < 126:
                    break
            elif length == 127:
                break
            if start + length > size:
                break
            mask = data[start - 4 : start] * (length // 4 + 1)
            payload = int.from_bytes(data[start : start + length], "little")
            payload ^= int.from_bytes(mask[:length], "little")
            at = start + length
            self.onMessage(payload.to_bytes(length, "little"), True)
            if self.state != self.STATE_OPEN:
                return b""
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

    async def write(self, payload: bytes, opcode: int) -> None:
        """Send one unfragmented frame; wait if the peer does not read.

        Autobahn's `sendMessage` copies the payload and refuses one over the size that is allowed
        to come in; nothing of what it does otherwise (masking, compression) applies here.
        """
        if self.state != self.STATE_OPEN:
            return
        length = len(payload)
        if length < 126:
            header = bytes((0x80 | opcode, length))
        elif length < 2**16:
            header = struct.pack("!BBH", 0x80 | opcode, 126, length)
        else:
            header = struct.pack("!BBQ", 0x80 | opcode, 127, length)
        if length <= _SLICE_BYTES:
            self._write(header + payload)
            if self._drained is not None:
                await self._drained
            return
        self._write(header)
        view = memoryview(payload)
        for start in range(0, length, _SLICE_BYTES):
            if self.state != self.STATE_OPEN:
                return
            self._write(bytes(view[start : start + _SLICE_BYTES]))
            if self._drained is not None:
                await self._drained

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


class LiveServer(Server):
    """Daphne with bounded sockets and a graceful stop.

    Args:
        application: An ASGI application whose sockets use `collab.process.Process`.
        on_listening: Called once the port is open.
        kwargs: As Daphne's `Server`.
    """

    def __init__(
        self, application: Any, *, on_listening: Callable[[], None] | None = None, **kwargs: Any
    ) -> None:
        frame_bytes = conf.get("FRAME_BYTES")
        super().__init__(
            application,
            # A frame over FRAME_BYTES is answered with 4413, which y-websocket takes as final; one
            # over twice that costs too much to read, and the connection is dropped with 1009.
            websocket_max_message_size=2 * frame_bytes,
            websocket_max_frame_size=2 * frame_bytes,
            # A document may stay open for days; rights are checked by other means than age.
            websocket_timeout=-1,
            **kwargs,
        )
        self._on_listening = on_listening
        self._ports: list[Any] = []

    def run(self) -> None:
        # `run` makes its factory from the module's name; ours takes its place.
        import daphne.server as module

        original, module.WebSocketFactory = module.WebSocketFactory, LiveFactory
        try:
            super().run()
        finally:
            module.WebSocketFactory = original

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)
        if self._on_listening is not None:
            self._on_listening()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application for a connection, as Daphne does, with a bounded inbox."""
        if scope["type"] != "websocket":
            return super().create_application(protocol, scope)
        inbox = Inbox(protocol)
        scope.setdefault("asgi", {"version": "3.0"})
        application = self.application(
            scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol)
        )
        if protocol not in self.connections:
            return None
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return inbox

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            if "disconnected" in self.connections.get(protocol, {"disconnected": True}):
                return
            payload = message.get("bytes")
            if payload is not None:
                await protocol.write(payload, 2)
            else:
                await protocol.write(message["text"].encode(), 1)
        else:
            await super().handle_reply(protocol, message)

    def kill_all_applications(self) -> Any:
        """Stop in order; Twisted waits for it before it shuts down."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._stop()))

    async def _stop(self) -> None:
        for port in self._ports:
            port.stopListening()
        process = Process.running()
        if process is not None:
            await process.stop()
        await self._wait_for_goodbyes()
        for details in list(self.connections.values()):
            application = details.get("application_instance")
            if application is not None and not application.done():
                application.cancel()

    async def _wait_for_goodbyes(self) -> None:
        """Give sockets the time to answer their close frame, and requests to end."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _GOODBYE_S
        while loop.time() < end and any(  # noqa: ASYNC110 - Daphne tells nobody of an end
            "disconnected" not in details for details in self.connections.values()
        ):
            await asyncio.sleep(0.02)
