"""Reading update bytes under bounds: numbers, lengths, strings.

Each reader takes a position and returns the position after what it read. Reading past the end
raises IndexError, which `collab.engine.firewall` turns into a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collab.engine.errors import UpdateRejected

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that a JavaScript number holds exactly."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one update. Each is far above what an editor makes, and far below harm."""

    update_bytes: int = 64 * 2**20
    """A first sync of the largest document that a browser still opens."""
    structs: int = 1_000_000
    """A struct takes 2 to 30 bytes on the wire, and in yrs 54 (GC) to 485 (a shared type)."""
    clients: int = 250_000
    """Every visit of an editing page is a client; each takes about 250 bytes in yrs."""
    delete_ranges: int = 2_000_000
    """Two bytes on the wire, 8 to 16 in yrs."""
    values: int = 1_000_000
    """JSON-like values, nested ones too: an empty object is 2 bytes on the wire, 108 in yrs."""
    depth: int = 64
    """Nesting of JSON-like values. Decoders recurse: 5,000 levels overflow a browser's stack."""
    clock: int = 2**31 - 1
    """yrs compares clocks as signed 32-bit numbers and silently wraps longer ones."""
    client_id: int = MAX_SAFE_INTEGER
    """Yjs reads ids as JavaScript numbers; yrs masks them to 53 bits."""
    name_bytes: int = 4096
    """Names of root types and elements, keys of maps and of formats. They are kept per item."""


DEFAULT: Final = Limits()


@dataclass(slots=True, init=False)
class Contents:
    """What an update adds and refers to, by client id.

    References of a client's struct to the same client are not in `needs`: the firewall lets them
    point to earlier clocks only, so a client without a gap has them.
    """

    adds: dict[int, tuple[int, int]]
    """The first clock, and the clock after the last GC or Item struct."""
    needs: dict[int, int]
    """One above the highest clock of another client that an origin or a parent refers to."""
    holes: dict[int, int]
    """The clock after the last Skip struct: what lies before it comes from other updates."""
    deletes: dict[int, int]
    """The end of the last delete range."""
    structs: int

    def __init__(self) -> None:
        # By hand: what a dataclass makes takes three times as long, for each keystroke.
        self.adds = {}
        self.needs = {}
        self.holes = {}
        self.deletes = {}
        self.structs = 0

    @property
    def gaps(self) -> bool:
        """Whether a Skip struct occurs."""
        return bool(self.holes)

    def integrates_onto(self, clocks: Mapping[int, int]) -> bool:
        """Tell whether a replica would take all of this update, with nothing left pending.

        Args:
            clocks: The replica's state vector: client id to the next clock that is unknown to it.
        """
        known = clocks.get
        adds = self.adds
        return (
            all(known(client, 0) >= start for client, (start, _) in adds.items())
            and all(known(client, 0) >= end for client, end in self.holes.items())
            and all(
                end <= known(client, 0) or (client in adds and end <= adds[client][1])
                for required in (self.needs, self.deletes)
                for client, end in required.items()
            )
        )


class Scan:
    """The bytes under check, and what has been counted so far."""

    __slots__ = ("clients", "contents", "data", "limits", "size", "values")

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.size = len(data)
        self.limits = limits
        self.contents = Contents()
        # The ids of clients that other clients' structs refer to, by their encoded form.
        self.clients: dict[bytes, int] = {}
        self.values = 0


def read_varuint(data: bytes, pos: int) -> tuple[int, int]:
    """Read a LEB128 number of at most 53 bits. Yjs and yrs write the shortest form only."""
    start = pos
    byte = data[pos]
    pos += 1
    if byte < 0x80:
        return byte, pos
    value = byte & 0x7F
    shift = 7
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 49:
            raise UpdateRejected("a number is longer than 53 bits", offset=start)
    if value > MAX_SAFE_INTEGER:
        raise UpdateRejected("a number is longer than 53 bits", offset=start)
    if not byte:
        raise UpdateRejected("a number is not in its shortest form", offset=start)
    return value, pos


def read_client_id(scan: Scan, pos: int) -> tuple[int, int]:
    client, end = read_varuint(scan.data, pos)
    if client > scan.limits.client_id:
        raise UpdateRejected("a client id is too large", offset=pos)
    return client, end


def read_clock(scan: Scan, pos: int) -> tuple[int, int]:
    clock, end = read_varuint(scan.data, pos)
    if clock > scan.limits.clock:
        raise UpdateRejected("a clock is too large", offset=pos)
    return clock, end


def read_count(scan: Scan, pos: int, unit_bytes: int, limit: int, what: str) -> tuple[int, int]:
    """Read how many `what` follow; decoders allocate for the claim before they read on."""
    count = scan.data[pos]
    end = pos + 1
    if count >= 0x80:
        count, end = read_varuint(scan.data, pos)
    if count > limit:
        raise UpdateRejected(f"more than {limit} {what}", offset=pos)
    if count * unit_bytes > scan.size - end:
        raise UpdateRejected(f"more {what} are claimed than bytes remain", offset=pos)
    return count, end


def read_span(scan: Scan, pos: int) -> tuple[int, int]:
    """Read the length before a string or a buffer; return where its bytes start and end."""
    length, start = read_varuint(scan.data, pos)
    end = start + length
    if end > scan.size:
        raise UpdateRejected("the update is truncated", offset=scan.size)
    return start, end


def utf16_length(data: bytes, start: int, end: int) -> int:
    """Check UTF-8 and return its length as JavaScript counts it: clocks advance by that."""
    text = data[start:end]
    if text.isascii():
        return end - start
    try:
        return len(text.decode().encode("utf-16-le")) >> 1
    except UnicodeDecodeError as error:
        raise UpdateRejected("a string is not UTF-8", offset=start + error.start) from None


def read_name(scan: Scan, pos: int) -> int:
    """Read a key or the name of a type."""
    start, end = read_span(scan, pos)
    if end - start > scan.limits.name_bytes:
        raise UpdateRejected(f"a name is longer than {scan.limits.name_bytes} bytes", offset=pos)
    utf16_length(scan.data, start, end)
    return end
