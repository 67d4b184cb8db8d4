"""Structural check of CRDT bytes before anything decodes them.

The CRDT behind a replica trusts its input: a few bytes can make it panic, exhaust the stack, take
hundreds of megabytes, or store what no later encode survives. So every update, from a socket, an
import or a stored row, passes `check_update` first, and every state vector `check_state_vector`.
Both read the bytes once, allocate next to nothing and refuse with a reason and an offset.

Grammar of a V1 update (Yjs `UpdateDecoderV1`, yrs `Update::decode`), `varuint` is LEB128:

    update   = varuint(n) n*client deletes
    client   = varuint(n) varuint(client id) varuint(clock) n*struct
    struct   = 0 varuint(len)                                  GC
             | 10 varuint(len)                                 Skip
             | info [origin id] [right origin id] [parent [key]] content
    parent   = 1 string | 0 id                                 only without origins
    deletes  = varuint(n) n*(varuint(client id) varuint(n) n*(varuint(clock) varuint(len)))
    id       = varuint(client id) varuint(clock)
    string   = varuint(bytes) UTF-8

`info` is the content's ref in the low five bits, then: 32 has a key, 64 has a right origin,
128 has an origin. What Yjs and yrs read differently is refused, because replicas would diverge.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from collab.engine.errors import UpdateRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(slots=True)
class Contents:
    """What an update adds and refers to, by client id.

    References of a client's struct to the same client are not in `needs`: the firewall lets them
    point to earlier clocks only, so a client without a gap has them.
    """

    adds: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The first clock, and the clock after the last GC or Item struct."""
    needs: dict[int, int] = field(default_factory=dict)
    """One above the highest clock of another client that an origin or a parent refers to."""
    holes: dict[int, int] = field(default_factory=dict)
    """The clock after the last Skip struct: what lies before it comes from other updates."""
    deletes: dict[int, int] = field(default_factory=dict)
    """The end of the last delete range."""
    structs: int = 0

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


def check_update(data: bytes, limits: Limits = DEFAULT) -> Contents:
    """Check the structure of a V1 update and tell what it contains.

    Raises:
        UpdateRejected: Yjs or yrs would not read the bytes, or not alike, or they exceed a limit.
    """
    if len(data) > limits.update_bytes:
        raise UpdateRejected(f"the update is larger than {limits.update_bytes} bytes")
    scan = _Scan(data, limits)
    try:
        pos = _clients(scan, 0)
        pos = _deletes(scan, pos)
    except IndexError:
        # Reading past the end is how truncation shows: no bounds check per byte is needed.
        raise UpdateRejected("the update is truncated", offset=len(data)) from None
    if pos != len(data):
        # A V2 update begins with a zero flag byte: in V1 it reads as empty, with bytes left over.
        kind = "V2 encoding is not supported" if data[0] == 0 else "bytes follow the update's end"
        raise UpdateRejected(kind, offset=pos)
    return scan.contents


def check_state_vector(data: bytes, limits: Limits = DEFAULT) -> dict[int, int]:
    """Read a state vector: `varuint(n) n*(varuint(client id) varuint(clock))`.

    Returns:
        Client id to the first clock that is unknown to the sender.

    Raises:
        UpdateRejected: The bytes are malformed, name a client twice or exceed a limit.
    """
    scan = _Scan(data, limits)
    clocks: dict[int, int] = {}
    try:
        count, pos = _count(scan, 0, 2, limits.clients, "clients")
        for _ in range(count):
            at = pos
            client, pos = _client_id(scan, pos)
            clock, pos = _clock(scan, pos)
            if client in clocks:
                raise UpdateRejected("a client occurs twice", offset=at)
            clocks[client] = clock
    except IndexError:
        raise UpdateRejected("the state vector is truncated", offset=len(data)) from None
    if pos != len(data):
        raise UpdateRejected("bytes follow the state vector's end", offset=pos)
    return clocks


class _Scan:
    """The bytes under check, and what has been counted so far."""

    __slots__ = ("contents", "data", "limits", "size", "values")

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.size = len(data)
        self.limits = limits
        self.contents = Contents()
        self.values = 0


# Numbers and strings. Each reader takes a position and returns the position after what it read.


def _varuint(data: bytes, pos: int) -> tuple[int, int]:
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


def _client_id(scan: _Scan, pos: int) -> tuple[int, int]:
    client, end = _varuint(scan.data, pos)
    if client > scan.limits.client_id:
        raise UpdateRejected("a client id is too large", offset=pos)
    return client, end


def _clock(scan: _Scan, pos: int) -> tuple[int, int]:
    clock, end = _varuint(scan.data, pos)
    if clock > scan.limits.clock:
        raise UpdateRejected("a clock is too large", offset=pos)
    return clock, end


def _count(scan: _Scan, pos: int, unit_bytes: int, limit: int, what: str) -> tuple[int, int]:
    """Read how many `what` follow; decoders allocate for the claim before they read on."""
    count, end = _varuint(scan.data, pos)
    if count > limit:
        raise UpdateRejected(f"more than {limit} {what}", offset=pos)
    if count * unit_bytes > scan.size - end:
        raise UpdateRejected(f"more {what} are claimed than bytes remain", offset=pos)
    return count, end


def _bytes(scan: _Scan, pos: int) -> tuple[int, int]:
    """Read the length before a string or a buffer; return where its bytes start and end."""
    length, start = _varuint(scan.data, pos)
    end = start + length
    if end > scan.size:
        raise UpdateRejected("the update is truncated", offset=scan.size)
    return start, end


def _utf16_length(data: bytes, start: int, end: int) -> int:
    """Check UTF-8 and return its length as JavaScript counts it: clocks advance by that."""
    text = data[start:end]
    if text.isascii():
        return end - start
    try:
        return len(text.decode().encode("utf-16-le")) >> 1
    except UnicodeDecodeError as error:
        raise UpdateRejected("a string is not UTF-8", offset=start + error.start) from None


def _name(scan: _Scan, pos: int) -> int:
    """Read a key or the name of a type."""
    start, end = _bytes(scan, pos)
    if end - start > scan.limits.name_bytes:
        raise UpdateRejected(f"a name is longer than {scan.limits.name_bytes} bytes", offset=pos)
    _utf16_length(scan.data, start, end)
    return end


# Structs


def _clients(scan: _Scan, pos: int) -> int:
    """Read the structs of all clients."""
    limits = scan.limits
    contents = scan.contents
    # A client takes at least five bytes: count, id, clock and one struct.
    clients, pos = _count(scan, pos, 5, limits.clients, "clients")
    seen: set[int] = set()
    for _ in range(clients):
        at = pos
        left = limits.structs - contents.structs
        count, pos = _count(scan, pos, 2, left, "structs")
        if not count:
            # yrs panics when it integrates an empty list of a client that it knows.
            raise UpdateRejected("a client has no structs", offset=at)
        contents.structs += count
        own_at = pos
        client, pos = _client_id(scan, pos)
        if client in seen:
            raise UpdateRejected("a client occurs twice", offset=own_at)
        seen.add(client)
        own = scan.data[own_at:pos]
        clock, pos = _clock(scan, pos)
        pos = _structs(scan, pos, count, client, own, clock)
    return pos


def _structs(scan: _Scan, pos: int, count: int, client: int, own: bytes, clock: int) -> int:
    """Read one client's structs: the hot loop.

    One-byte numbers, ids of the same client and ASCII text, nearly all there is in an editor's
    updates, are read inline; the rest goes through the readers below.

    Args:
        own: The client's id as it is encoded. Numbers have one form only, so an id in the data
            that starts with these bytes is this client's.
    """
    data = scan.data
    own_bytes = len(own)
    max_clock = scan.limits.clock
    is_own = data.startswith
    first = clock
    hole_start = hole_end = inner_hole_end = -1
    for _ in range(count):
        at = pos
        info = data[pos]
        pos += 1
        ref = info & 0x1F
        ids = _IDS[info >> 6]
        for _ in ids:
            if is_own(own, pos):
                pos += own_bytes
                number = data[pos]
                if number < 0x80:
                    pos += 1
                else:
                    number, pos = _varuint(data, pos)
                if number >= clock:
                    # Yjs does not check ids of the same client: it would throw while integrating.
                    raise UpdateRejected("a struct refers to a later one", offset=at)
            else:
                pos = _foreign_id(scan, pos)
        if not ids and ref and ref != 10:
            pos = _parent(scan, pos, info, own, clock)

        if ref == 4:
            length = data[pos]
            pos += 1
            if length >= 0x80:
                length, pos = _varuint(data, pos - 1)
            end = pos + length
            text = data[pos:end]
            if not text.isascii() or end > scan.size:
                length = _text(scan, pos, end)
            pos = end
        elif ref == 1 or ref == 0 or ref == 10:
            if info != ref and ref != 1:
                # yrs takes these as items, Yjs as GC or Skip.
                raise UpdateRejected("a GC or Skip struct has flags", offset=at)
            length = data[pos]
            pos += 1
            if length >= 0x80:
                length, pos = _varuint(data, pos - 1)
            if ref == 10:
                if clock != hole_end:
                    inner_hole_end = hole_end
                    hole_start = clock
                hole_end = clock + length
        elif ref == 8:
            length, pos = _any(scan, pos)
        else:
            length = 1
            pos = _single(scan, pos, at, ref)
        if not length:
            # A struct of no length makes every later encode of a yrs document panic.
            raise UpdateRejected("a struct has no length", offset=at)
        if info & 0xE0 == 0x20 and ref != 1 and (length > 1 or 4 <= ref <= 6):
            # Neither encoder writes it. Random updates with it make yrs crash now and then. With
            # an origin the flag says nothing: the key is the origin's, and yrs writes it back.
            raise UpdateRejected("a key has content other than one value", offset=at)
        clock += length
        if clock > max_clock:
            raise UpdateRejected("a clock is too large", offset=at)

    if clock == hole_end:
        # Nothing follows the last Skip, so nothing waits for what it stands for.
        clock = hole_start
        hole_end = inner_hole_end
    if hole_end >= 0:
        scan.contents.holes[client] = hole_end
    if clock > first:
        scan.contents.adds[client] = (first, clock)
    return pos


_IDS: Final = ((), (64,), (128,), (128, 64))
"""The ids that the two high bits of `info` announce, in their order on the wire."""


def _foreign_id(scan: _Scan, pos: int) -> int:
    """Read an id of another client and note that the update needs it."""
    at = pos
    client, pos = _client_id(scan, pos)
    clock, pos = _clock(scan, pos)
    needs = scan.contents.needs
    needed = needs.get(client)
    if needed is None:
        if len(needs) >= scan.limits.clients:
            raise UpdateRejected(f"more than {scan.limits.clients} clients", offset=at)
        needs[client] = clock + 1
    elif needed <= clock:
        needs[client] = clock + 1
    return pos


def _parent(scan: _Scan, pos: int, info: int, own: bytes, clock: int) -> int:
    """Read the parent of an item without origins, and its key in a map."""
    data = scan.data
    at = pos
    kind = data[pos]
    pos += 1
    if kind == 1:
        pos = _name(scan, pos)
    elif kind:
        raise UpdateRejected("a parent is neither a name nor an id", offset=at)
    elif data.startswith(own, pos):
        number, pos = _clock(scan, pos + len(own))
        if number >= clock:
            raise UpdateRejected("a struct refers to a later one", offset=at)
    else:
        pos = _foreign_id(scan, pos)
    return _name(scan, pos) if info & 0x20 else pos


# Deletes


def _deletes(scan: _Scan, pos: int) -> int:
    """Read the delete ranges of all clients."""
    limits = scan.limits
    deletes = scan.contents.deletes
    ranges_left = limits.delete_ranges
    seen: set[int] = set()
    clients, pos = _count(scan, pos, 2, limits.clients, "clients")
    for _ in range(clients):
        at = pos
        client, pos = _client_id(scan, pos)
        if client in seen:
            # Yjs joins the two, yrs keeps the second only.
            raise UpdateRejected("a client occurs twice", offset=at)
        seen.add(client)
        count, pos = _count(scan, pos, 2, ranges_left, "delete ranges")
        ranges_left -= count
        pos, end = _ranges(scan, pos, count)
        if end:
            deletes[client] = end
    return pos


def _ranges(scan: _Scan, pos: int, count: int) -> tuple[int, int]:
    """Read one client's delete ranges: ascending, since yrs searches them by halving.

    Returns:
        The position after them, and the end of the last.
    """
    data = scan.data
    max_clock = scan.limits.clock
    end = 0
    for _ in range(count):
        at = pos
        clock = data[pos]
        pos += 1
        if clock >= 0x80:
            clock, pos = _varuint(data, at)
        length = data[pos]
        pos += 1
        if length >= 0x80:
            length, pos = _varuint(data, pos - 1)
        if not length:
            raise UpdateRejected("a delete range has no length", offset=at)
        if clock < end:
            raise UpdateRejected("delete ranges overlap or are not in order", offset=at)
        end = clock + length
        if end > max_clock:
            raise UpdateRejected("a clock is too large", offset=at)
    return pos, end


# Content


def _text(scan: _Scan, start: int, end: int) -> int:
    """Return the length of text that is not plain ASCII or reaches past the end."""
    if end > scan.size:
        raise UpdateRejected("the update is truncated", offset=scan.size)
    return _utf16_length(scan.data, start, end)


def _single(scan: _Scan, pos: int, at: int, ref: int) -> int:
    """Read content that counts as one element."""
    if ref == 7:
        return _type(scan, pos)
    if ref == 6:
        return _json(scan, _name(scan, pos))
    if ref == 5:
        return _json(scan, pos)
    if ref == 3:
        return _bytes(scan, pos)[1]
    if ref == 2:
        # Yjs writes these for documents of before 2020 only; yrs reads one string too many.
        raise UpdateRejected("content of the oldest kind (JSON list) is not supported", offset=at)
    if ref == 9:
        raise UpdateRejected("documents inside documents are not supported", offset=at)
    raise UpdateRejected("a struct is of an unknown kind", offset=at)


def _type(scan: _Scan, pos: int) -> int:
    """Read a shared type: 0 array, 1 map, 2 text, 3 element, 4 fragment, 6 XML text.

    5 is an XML hook, whose name yrs does not read; 7 and up are yrs's alone.
    """
    kind = scan.data[pos]
    if kind == 3:
        return _name(scan, pos + 1)
    if kind > 6 or kind == 5:
        raise UpdateRejected("a shared type is of an unknown kind", offset=pos)
    return pos + 1


def _any(scan: _Scan, pos: int) -> tuple[int, int]:
    """Read a list of lib0 `any` values without recursion; return its length and its end.

    An object is a count of key-value pairs, an array a count of values; see lib0 `readAny`.
    """
    data = scan.data
    length, pos = _values(scan, pos)
    left, keyed = length, False
    outer: list[tuple[int, bool]] = []
    while True:
        while not left:
            if not outer:
                return length, pos
            left, keyed = outer.pop()
        left -= 1
        if keyed:
            pos = _key(scan, pos)
        tag = data[pos]
        pos += 1
        if tag == 119:
            start, pos = _bytes(scan, pos)
            _utf16_length(data, start, pos)
        elif tag == 125:
            pos = _varint(data, pos)
        elif tag == 118 or tag == 117:
            outer.append((left, keyed))
            if len(outer) >= scan.limits.depth:
                raise UpdateRejected(f"values nest deeper than {scan.limits.depth}", offset=pos)
            left, pos = _values(scan, pos)
            keyed = tag == 118
        elif tag == 116:
            pos = _bytes(scan, pos)[1]
        elif 122 <= tag <= 124:
            pos += 4 if tag == 124 else 8
        elif tag not in _ANY_CONSTANTS:
            raise UpdateRejected("a value is of an unknown kind", offset=pos - 1)


_ANY_CONSTANTS: Final = frozenset({120, 121, 126, 127})
"""true, false, null, undefined."""


def _values(scan: _Scan, pos: int) -> tuple[int, int]:
    """Read how many values follow, and count them."""
    count, end = _count(scan, pos, 1, scan.limits.values - scan.values, "values")
    scan.values += count
    return count, end


def _key(scan: _Scan, pos: int) -> int:
    """Read a key of an object."""
    end = _name(scan, pos)
    if scan.data.endswith(b"\x09__proto__", pos, end):
        # lib0 would set the object's prototype where yrs sets a key.
        raise UpdateRejected("a key is named __proto__", offset=pos)
    return end


def _varint(data: bytes, pos: int) -> int:
    """Read a signed number: sign in bit 6 of the first byte, six bits there, then seven each."""
    byte = data[pos]
    if byte < 0x80:
        return pos + 1
    rest, end = _varuint(data, pos + 1)
    if (rest << 6 | byte & 0x3F) > MAX_SAFE_INTEGER:
        raise UpdateRejected("a number is longer than 53 bits", offset=pos)
    return end


def _json(scan: _Scan, pos: int) -> int:
    """Read a string of JSON, as embeds and the values of formats are written."""
    start, end = _bytes(scan, pos)
    raw = scan.data[start:end]
    limits = scan.limits
    if end - start <= _CACHED_JSON_BYTES:
        fault = _known_json_fault(raw, limits.depth)
    else:
        # Every value but the first follows one of these, so this counts no fewer than there are.
        scan.values += raw.count(b",") + raw.count(b"[") + raw.count(b"{")
        if scan.values > limits.values:
            raise UpdateRejected(f"more than {limits.values} values", offset=start)
        fault = _json_fault(raw, limits.depth)
    if fault is not None:
        raise UpdateRejected(fault, offset=start)
    return end


def _json_fault(raw: bytes, depth: int) -> str | None:
    """Tell why JavaScript's `JSON.parse` or yrs's serde_json would refuse the bytes, if so."""
    if raw.count(b"[") + raw.count(b"{") > depth and _json_depth(raw) > depth:
        return f"values nest deeper than {depth}"
    try:
        value = _parse_json(raw.decode())
        if b"\\ud" in raw or b"\\uD" in raw:
            # Half a surrogate pair passes in JavaScript and fails in yrs.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return "a value is not JSON"
    return None


_CACHED_JSON_BYTES: Final = 128
_known_json_fault = lru_cache(maxsize=1024)(_json_fault)
"""Marks repeat the same few values (`true`, `null`, `{}`), so short ones are parsed once."""


def _json_depth(raw: bytes) -> int:
    deepest = level = 0
    for token in _JSON_BRACKET.finditer(raw):
        bracket = token[0]
        if bracket in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif bracket in b"]}":
            level -= 1
    return deepest


_JSON_BRACKET: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
"""A whole string, so that brackets in it do not count, or one bracket."""


def _integer(digits: str) -> int:
    # serde_json takes longer ones as floats, and yrs has no number for these.
    number = int(digits) if len(digits) < 25 else int(_finite(digits))
    if 2**63 <= number < 2**64:
        raise ValueError(digits)
    return number


def _finite(digits: str) -> float:
    # JavaScript would read Infinity, serde_json refuses.
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


_parse_json = json.JSONDecoder(
    parse_int=_integer, parse_float=_finite, parse_constant=_finite
).decode
"""Standard JSON: Python's own decoder would take NaN and Infinity."""
