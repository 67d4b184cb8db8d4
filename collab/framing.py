"""WebSocket frames as a server writes them: unfragmented, unmasked, without extensions.

Who sends the same to many sockets frames it once. A server that takes such bytes says so by the
extension `collab.frames` in the scope, and takes them as `{"type": "collab.frames", "data": ...}`.

The extension's value holds two functions that spare a turn of the loop, and a coroutine, per frame:

    send_now(payload) -> bool   ; send a binary frame if that needs no waiting; whether it was sent
    hand_to(take or None)       ; have binary frames given to `take(payload)` as they are read
"""

from __future__ import annotations

import struct

EXTENSION = "collab.frames"
TEXT = 1
BINARY = 2
PING = 9
PONG = 10


def header(opcode: int, length: int) -> bytes:
    """Encode what comes before a payload (RFC 6455 5.2)."""
    if length < 126:
        return bytes((0x80 | opcode, length))
    if length < 2**16:
        return struct.pack("!BBH", 0x80 | opcode, 126, length)
    return struct.pack("!BBQ", 0x80 | opcode, 127, length)


def framed(payload: str | bytes) -> bytes:
    """Encode a frame: of text for a string, else a binary one."""
    opcode = TEXT if isinstance(payload, str) else BINARY
    data = payload.encode() if isinstance(payload, str) else payload
    return header(opcode, len(data)) + data
