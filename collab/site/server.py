"""Daphne, set up for live sockets, with a stop that loses nothing.

`collab.site.websocket` and `collab.site.http` say what is different about its connections. On
SIGTERM plain Daphne cuts every socket at once; here sockets are closed with 1012, the log commits,
and then the process exits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import daphne.server
from daphne.server import Server
from twisted.internet import defer

from collab import conf
from collab.framing import EXTENSION
from collab.process import Process
from collab.site.http import BoundedFactory
from collab.site.websocket import Inbox, LiveFactory

# How long closed peers may take to answer the close frame.
_GOODBYE_S = 1.0


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
        # Daphne makes its factories from names of its module, and offers no other way to choose.
        daphne.server.WebSocketFactory = LiveFactory
        daphne.server.HTTPFactory = BoundedFactory
        super().run()

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)
        # What the process does of itself begins now, not with the first socket.
        daphne.server.twisted_loop.call_soon(Process.current)
        if self._on_listening is not None:
            self._on_listening()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application for a connection, as Daphne does, with a bounded inbox."""
        if scope["type"] != "websocket":
            return super().create_application(protocol, scope)
        inbox = Inbox(protocol)
        scope.setdefault("asgi", {"version": "3.0"})
        scope.setdefault("extensions", {})[EXTENSION] = {
            "send_now": protocol.send_now,
            "hand_to": inbox.hand_to,
        }
        application = self.application(
            scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol)
        )
        if protocol not in self.connections:
            return None
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return inbox

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message["type"] == EXTENSION:
            if "disconnected" not in self.connections.get(protocol, {"disconnected": True}):
                await protocol.write_framed(message["data"])
            return
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
