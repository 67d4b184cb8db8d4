"""A bare WebSocket: it reads when it is told to, and costs the test next to nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from typing import Self
from urllib.parse import urlsplit

from collab import framing


class RawPeer:
    """One connection, without a document, without a task and without a queue of its own.

    What it does not read stays in the kernel's buffers, and then in the server.
    """

    BINARY, CLOSE, PONG = 2, 8, 10

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str, key: str, *, kernel_bytes: int | None = None) -> Self:
        """Connect and shake hands.

        Args:
            url: ws://host:port/path
            key: An API key.
            kernel_bytes: Size of the kernel's receive buffer, to fall behind sooner.

        Raises:
            ConnectionError: the server did not switch protocols.
        """
        parts = urlsplit(url)
        plain = socket.socket()
        if kernel_bytes is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kernel_bytes)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (parts.hostname, parts.port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=2**16)
        nonce = base64.b64encode(os.urandom(16)).decode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise ConnectionError(answer.split(b"\r\n")[0].decode())
        return cls(reader, writer)

    def write(self, payload: bytes) -> None:
        """Send one binary frame as soon as the kernel takes it."""
        self.write_bytes(masked(payload))

    def write_bytes(self, data: bytes) -> None:
        """Send bytes of frames, or of parts of them, as soon as the kernel takes them."""
        self._writer.write(data)

    def ping(self) -> None:
        """Ask for a pong."""
        self.write_bytes(masked(b"", opcode=framing.PING))

    async def drain(self) -> None:
        """Wait until the kernel has taken most of what was written.

        Raises:
            ConnectionError: the server is gone.
        """
        await self._writer.drain()

    async def read(self) -> tuple[int, bytes]:
        """Read one frame: (opcode, payload).

        Raises:
            EOFError, ConnectionError: the server is gone.
        """
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)

    async def read_until_closed(self) -> int:
        """Read all that comes. Returns the close code, 1006 if there was none."""
        while True:
            try:
                opcode, payload = await self.read()
            except (EOFError, ConnectionError):
                return 1006
            if opcode == self.CLOSE:
                return int.from_bytes(payload[:2], "big")

    def cut(self) -> None:
        """Be gone without a word."""
        self._writer.transport.abort()


def masked(
    payload: bytes, *, opcode: int = RawPeer.BINARY, final: bool = True, mask: bytes = bytes(4)
) -> bytes:
    """Encode a frame of a client's. A mask of zeros leaves the payload as it is (RFC 6455 5.3)."""
    first, length = (0x80 if final else 0) | opcode, len(payload)
    if length < 126:
        header = struct.pack("!BB", first, 0x80 | length)
    elif length < 2**16:
        header = struct.pack("!BBH", first, 0x80 | 126, length)
    else:
        header = struct.pack("!BBQ", first, 0x80 | 127, length)
    if any(mask):
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return header + mask + payload
