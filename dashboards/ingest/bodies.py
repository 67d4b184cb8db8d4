"""Bodies of requests: read up to a bound, and unpacked up to another.

What unpacks is stopped at the bound, so that a bomb of a few bytes never becomes a large body.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

import cramjam
import numpy as np

from dashboards.ingest.errors import Malformed, TooLarge, UnknownEncoding

_CHUNK_BYTES = 64 * 2**10
# Each member makes zlib copy what comes after it: many tiny ones would cost more than they hold.
_MEMBERS = 100
# What cramjam says when its output buffer is full; it has one error for everything.
_FULL = "failed to write whole buffer"
_SNAPPY_FRAMES = b"\xff\x06\x00\x00sNaPpY"


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


def read(stream: Readable, most: int) -> bytes:
    """Read a body to its end. Raises TooLarge as soon as it is longer than `most` bytes."""
    chunks = []
    left = most
    while chunk := stream.read(min(_CHUNK_BYTES, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise TooLarge(f"A request may have {most} bytes at most; send smaller ones.")
        chunks.append(chunk)
    return b"".join(chunks)


def unpack(body: bytes, encoding: str, most: int) -> bytes:
    """Undo a Content-Encoding.

    Args:
        body: As it was sent.
        encoding: The header's value: gzip, deflate, snappy, zstd, or several, the last one undone
            first. Snappy may be framed or a block; which one is seen from its first bytes.
        most: Bytes that the outcome may have, at every step.

    Raises:
        UnknownEncoding: none of these.
        TooLarge: the outcome is longer.
        Malformed: the bytes are not what the encoding says.
    """
    if len(body) > most:
        raise _bomb(most)
    names = [name.strip().lower() for name in encoding.split(",")]
    steps = [name for name in reversed(names) if name not in ("", "identity")]
    if len(steps) > 2:
        raise UnknownEncoding("A body may be compressed twice at most.")
    for name in steps:
        undo = _UNDO.get(name)
        if undo is None:
            raise UnknownEncoding(
                f"The encoding {name[:20]!r} is not known; send gzip, deflate, snappy or zstd."
            )
        body = undo(body, most)
    return body


def _gzip(body: bytes, most: int) -> bytes:
    """Unpack members one after the other, as the format allows."""
    parts: list[bytes] = []
    left = most
    while body:
        if len(parts) == _MEMBERS:
            raise Malformed(f"A gzip body may have {_MEMBERS} members at most.")
        part, body = _inflate(body, zlib.MAX_WBITS | 16, left, most)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _deflate(body: bytes, most: int) -> bytes:
    """Unpack zlib's format, which the standard means, or raw deflate, which some senders send."""
    if not body:
        return body
    wrapped = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    wbits = zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
    part, rest = _inflate(body, wbits, most, most)
    if rest:
        raise Malformed("The deflated body has something after its end.")
    return part


def _inflate(body: bytes, wbits: int, left: int, most: int) -> tuple[bytes, bytes]:
    """Unpack one stream. Returns it and what comes after it."""
    one = zlib.decompressobj(wbits)
    try:
        part = one.decompress(body, left + 1)
    except zlib.error as error:
        raise Malformed("The body cannot be unpacked.") from error
    if len(part) > left:
        raise _bomb(most)
    if not one.eof:
        raise Malformed("The compressed body ends too early.")
    return part, one.unused_data


def _snappy(body: bytes, most: int) -> bytes:
    if body.startswith(_SNAPPY_FRAMES):
        return _into(cramjam.snappy.decompress_into, body, most)
    try:
        length = cramjam.snappy.decompress_raw_len(body)
        if length > most:
            raise _bomb(most)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise Malformed("The body cannot be unpacked.") from error


def _zstd(body: bytes, most: int) -> bytes:
    return _into(cramjam.zstd.decompress_into, body, most)


def _into(decompress_into: Callable[..., int], body: bytes, most: int) -> bytes:
    """Unpack into a buffer of the bound's size, whose pages cost nothing before they are filled."""
    out = np.empty(most, np.uint8)
    try:
        length = decompress_into(body, out)
    except cramjam.DecompressionError as error:
        if _FULL in str(error):
            raise _bomb(most) from error
        raise Malformed("The body cannot be unpacked.") from error
    return out[:length].tobytes()


def _bomb(most: int) -> TooLarge:
    return TooLarge(f"A body may have {most} bytes at most when unpacked; send smaller ones.")


_UNDO: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "snappy": _snappy,
    "x-snappy-framed": _snappy,
    "zstd": _zstd,
}
