"""WebSocket frames as a server writes them: unfragmented, unmasked, without extensions.

Also reads the frames that editing sends, faster than a library that is ready for every kind.

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

# First byte of a frame: final, no extension bits, binary (RFC 6455 5.2).
_WHOLE_BINARY = 0x82


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


def read_small(data: bytes, at: int) -> tuple[bytes, int] | None:
    """Read the frame that starts at a byte if it is whole, unfragmented, binary and small.

    Args:
        data: What was read from a peer's socket.
        at: Where a frame begins.

    Returns:
        The payload, under 64 KiB, without its mask, and the offset of the byte after the frame.
        None for a frame that is anything else, malformed, or not there as a whole.
    """
    size = len(data)
    if size - at < 6 or data[at] != _WHOLE_BINARY or not data[at + 1] & 0x80:
        return None
    length = data[at + 1] & 0x7F
    start = at + 6
    if length == 126:
        length = data[at + 2] << 8 | data[at + 3]
        start = at + 8
        if length < 126:
            return None
    elif length == 127:
        return None
    end = start + length
    if end > size:
        return None
    mask = data[start - 4 : start] * (length // 4 + 1)
    payload = int.from_bytes(data[start:end], "little")
    payload ^= int.from_bytes(mask[:length], "little")
    return payload.to_bytes(length, "little"), end
