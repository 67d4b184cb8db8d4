"""A TCP proxy of the test's own: a wire that can be silent, half-open, cut, or noisy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from collab.testing.servers import free_port

T = TypeVar("T")

_CHUNK_BYTES = 65_536

Noise = Callable[[bytes], list[bytes]]
"""What a noisy wire makes of the bytes that come from behind it: the chunks that go on."""


@dataclass(eq=False)
class _Connection:
    """One connection through the proxy. `forgotten`: one end has lost it, the other not."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    forgotten: bool = False
    pumps: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Passes connections on to a port of this machine, from a thread of its own.

    Near is who connects, far is who listens behind it. All methods are for other threads.

    Args:
        far_port: Where connections go.
        noise: Makes what disturbs one connection, if any.
        tls: What who connects must speak TLS with; what goes on is plain.
    """

    def __init__(
        self,
        far_port: int,
        noise: Callable[[], Noise] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.far_port = far_port
        self.port = free_port()
        self._noise = noise
        self._tls = tls
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._passing.set()

    @property
    def running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        """Cut all connections and end the thread."""
        if self._thread is not None:
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()
            self._thread = None

    def silence(self) -> None:
        """Pass nothing on, in no direction, not even that an end has closed, until `heal`."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def heal(self) -> None:
        """Pass on again, and reset what was forgotten.

        What was sent in silence arrives late, as TCP sends it again.
        """
        self._loop.call_soon_threadsafe(self._passing.set)
        self._run(self._abort(near=True, far=True, forgotten=True))

    def cut(self) -> int:
        """Reset all connections, at both ends. Returns how many."""
        return self._run(self._abort(near=True, far=True))

    def forget(self, *, near: bool = False, far: bool = False) -> int:
        """Leave all connections half-open: reset the ends that are named, tell the others nothing.

        New connections pass. Returns how many were forgotten.
        """
        return self._run(self._abort(near=near, far=far))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, backlog=500, ssl=self._tls
        )

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._passing.set()
        await self._abort(near=True, far=True)
        pumps = [pump for connection in self._connections for pump in connection.pumps]
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _abort(self, *, near: bool, far: bool, forgotten: bool = False) -> int:
        connections = [one for one in self._connections if one.forgotten or not forgotten]
        for connection in connections:
            connection.forgotten = True
            if near:
                _reset(connection.near)
            if far:
                _reset(connection.far)
        return len(connections)

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        await self._passing.wait()
        try:
            answers, far = await asyncio.open_connection("127.0.0.1", self.far_port)
        except OSError:
            _reset(near)
            return
        connection = _Connection(near, far)
        noise = self._noise() if self._noise is not None else None
        connection.pumps = [
            asyncio.create_task(self._pump(connection, reader, far, None)),
            asyncio.create_task(self._pump(connection, answers, near, noise)),
        ]
        self._connections.add(connection)
        try:
            await asyncio.gather(*connection.pumps)
        finally:
            self._connections.discard(connection)
            near.transport.abort()
            far.transport.abort()

    async def _pump(
        self,
        connection: _Connection,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        noise: Noise | None,
    ) -> None:
        """Pass on what one end says to the other until it ends."""
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK_BYTES):
                await self._passing.wait()
                if connection.forgotten:
                    continue
                for chunk in (data,) if noise is None else noise(data):
                    sink.write(chunk)
                await sink.drain()
        await self._passing.wait()
        if not connection.forgotten:
            with contextlib.suppress(OSError):
                sink.close()


def _reset(end: asyncio.StreamWriter) -> None:
    """End a connection as a crash does, with RST instead of FIN."""
    wire = end.get_extra_info("socket")
    if not end.transport.is_closing():
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()
