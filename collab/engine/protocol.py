"""Bytes to frames and back: y-protocols over WebSocket, one frame in one WebSocket message.

    frame      = sync / awareness / auth / query / ack
    sync       = %x00 ( step1 / step2 / update )
    step1      = %x00 bytes      ; a state vector: "send me what I lack"
    step2      = %x01 bytes      ; an update: all that the asker lacks
    update     = %x02 bytes      ; an update
    awareness  = %x01 bytes      ; presence states, see `decode_states`
    auth       = %x02 %x00 bytes ; denied, with a reason in UTF-8
    query      = %x03            ; "send me everybody's presence"
    ack        = %x08 varuint    ; the first n content frames of this connection are durable
    bytes      = varuint *OCTET  ; length, then that many

Sources: y-protocols PROTOCOL.md, y-websocket 3.1 `src/y-websocket.js`; `ack` is Collab's own.
Pure: nothing here awaits, and nothing looks inside an update.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from collab.engine.errors import FrameMalformed
from collab.engine.varint import decode_varuint, encode_varuint


class Kind(IntEnum):
    """What a frame is. The numbers are ours; the wire's are in the grammar above."""

    STEP1 = 0
    STEP2 = 1
    UPDATE = 2
    AWARENESS = 3
    QUERY = 4
    DENIED = 5
    ACK = 6


class State(NamedTuple):
    """One client's presence on the wire.

    `json` is the state as JSON in UTF-8, `b"null"` when the client has left.
    """

    client: int
    clock: int
    json: bytes


_SYNC, _AWARENESS, _AUTH, _QUERY, _ACK = 0, 1, 2, 3, 8
_PREFIX = {
    Kind.STEP1: b"\x00\x00",
    Kind.STEP2: b"\x00\x01",
    Kind.UPDATE: b"\x00\x02",
    Kind.AWARENESS: b"\x01",
    Kind.DENIED: b"\x02\x00",
}
_STEPS = (Kind.STEP1, Kind.STEP2, Kind.UPDATE)
_QUERY_FRAME = b"\x03"


def decode(frame: bytes) -> tuple[Kind, bytes]:
    """Split a frame that a peer sent into its kind and payload.

    Raises:
        FrameMalformed: no frame of the grammar, or bytes after its end.
    """
    if len(frame) < 2:
        if frame == _QUERY_FRAME:
            return Kind.QUERY, b""
        raise FrameMalformed("The frame is too short.")
    kind = frame[0]
    if kind == _SYNC:
        step = frame[1]
        if step > 2:
            raise FrameMalformed(f"Unknown sync step {step}.")
        return _STEPS[step], _rest(frame, 2)
    if kind == _AWARENESS:
        return Kind.AWARENESS, _rest(frame, 1)
    raise FrameMalformed(f"Unknown frame type {kind}.")


def encode(kind: Kind, payload: bytes) -> bytes:
    """Build a frame that carries bytes: any kind but `QUERY` and `ACK`."""
    return b"".join((_PREFIX[kind], encode_varuint(len(payload)), payload))


def encode_ack(count: int) -> bytes:
    """Build the frame that says: your first `count` content frames are durable."""
    return b"\x08" + encode_varuint(count)


def decode_states(payload: bytes, *, max_states: int) -> list[State]:
    """Read the presence states of an awareness payload: `varuint n, n * (client, clock, json)`.

    Raises:
        FrameMalformed: truncated, trailing bytes, or more than `max_states` states.
    """
    count, at = decode_varuint(payload, 0)
    if count > max_states:
        raise FrameMalformed(f"More than {max_states} presence states in one frame.")
    states = []
    for _ in range(count):
        client, at = decode_varuint(payload, at)
        clock, at = decode_varuint(payload, at)
        length, at = decode_varuint(payload, at)
        end = at + length
        if end > len(payload):
            raise FrameMalformed("The frame ends inside a presence state.")
        states.append(State(client, clock, payload[at:end]))
        at = end
    if at != len(payload):
        raise FrameMalformed("The frame goes on after its last presence state.")
    return states


def encode_states(states: Iterable[State]) -> bytes:
    """Build an awareness payload; the inverse of `decode_states`."""
    parts = [b""]
    for client, clock, json in states:
        parts += (encode_varuint(client), encode_varuint(clock), encode_varuint(len(json)), json)
    parts[0] = encode_varuint(len(parts) // 4)
    return b"".join(parts)


def _rest(frame: bytes, at: int) -> bytes:
    length, at = decode_varuint(frame, at)
    if at + length != len(frame):
        raise FrameMalformed("The length inside the frame is not that of its bytes.")
    return frame[at:]
