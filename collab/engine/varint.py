"""LEB128 unsigned integers as lib0 and yrs write them, least significant group first."""

from __future__ import annotations

from collab.engine.errors import FrameMalformed

# 2**53 - 1 is the largest integer that JavaScript reads exactly; it takes 8 groups of 7 bits.
MAX_VARUINT = 2**53 - 1
_MAX_SHIFT = 7 * 7


def encode_varuint(number: int) -> bytes:
    """Encode a non-negative integer in 1 to 8 bytes."""
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def decode_varuint(data: bytes, at: int) -> tuple[int, int]:
    """Read one integer that starts at byte `at`.

    Returns:
        The number and the offset of the byte after it.

    Raises:
        FrameMalformed: the bytes end inside the number, or it is over 2**53 - 1.
    """
    number = shift = 0
    size = len(data)
    while at < size:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number > MAX_VARUINT:
                break
            return number, at
        shift += 7
        if shift > _MAX_SHIFT:
            break
    else:
        raise FrameMalformed("The frame ends inside a number.")
    raise FrameMalformed("A number in the frame is over 2^53 - 1.")
