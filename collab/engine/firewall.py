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

from typing import Final

from collab.engine.content import read_single, read_text, read_values
from collab.engine.errors import UpdateRejected
from collab.engine.scan import (
    DEFAULT,
    Contents,
    Limits,
    Scan,
    read_client_id,
    read_clock,
    read_count,
    read_name,
    read_varuint,
)

__all__ = ["DEFAULT", "Contents", "Limits", "check_state_vector", "check_update"]


def check_update(data: bytes, limits: Limits = DEFAULT) -> Contents:
    """Check the structure of a V1 update and tell what it contains.

    Raises:
        UpdateRejected: Yjs or yrs would not read the bytes, or not alike, or they exceed a limit.
    """
    if len(data) > limits.update_bytes:
        raise UpdateRejected(f"the update is larger than {limits.update_bytes} bytes")
    scan = Scan(data, limits)
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
    """Read a state vector: `varuint(n) n*(read_varuint(client id) read_varuint(clock))`.

    Returns:
        Client id to the first clock that is unknown to the sender.

    Raises:
        UpdateRejected: The bytes are malformed, name a client twice or exceed a limit.
    """
    scan = Scan(data, limits)
    clocks: dict[int, int] = {}
    try:
        count, pos = read_count(scan, 0, 2, limits.clients, "clients")
        for _ in range(count):
            at = pos
            client, pos = read_client_id(scan, pos)
            clock, pos = read_clock(scan, pos)
            if client in clocks:
                raise UpdateRejected("a client occurs twice", offset=at)
            clocks[client] = clock
    except IndexError:
        raise UpdateRejected("the state vector is truncated", offset=len(data)) from None
    if pos != len(data):
        raise UpdateRejected("bytes follow the state vector's end", offset=pos)
    return clocks


# Structs


def _clients(scan: Scan, pos: int) -> int:
    """Read the structs of all clients."""
    limits = scan.limits
    contents = scan.contents
    # A client takes at least five bytes: count, id, clock and one struct.
    clients, pos = read_count(scan, pos, 5, limits.clients, "clients")
    seen: set[int] = set()
    for _ in range(clients):
        at = pos
        left = limits.structs - contents.structs
        count, pos = read_count(scan, pos, 2, left, "structs")
        if not count:
            # yrs panics when it integrates an empty list of a client that it knows.
            raise UpdateRejected("a client has no structs", offset=at)
        contents.structs += count
        own_at = pos
        client, pos = read_client_id(scan, pos)
        if client in seen:
            raise UpdateRejected("a client occurs twice", offset=own_at)
        seen.add(client)
        own = scan.data[own_at:pos]
        clock, pos = read_clock(scan, pos)
        pos = _structs(scan, pos, count, client, own, clock)
    return pos


def _structs(scan: Scan, pos: int, count: int, client: int, own: bytes, clock: int) -> int:
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
                    number, pos = read_varuint(data, pos)
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
                length, pos = read_varuint(data, pos - 1)
            end = pos + length
            text = data[pos:end]
            if not text.isascii() or end > scan.size:
                length = read_text(scan, pos, end)
            pos = end
        elif ref == 1 or ref == 0 or ref == 10:
            if info != ref and ref != 1:
                # yrs takes these as items, Yjs as GC or Skip.
                raise UpdateRejected("a GC or Skip struct has flags", offset=at)
            length = data[pos]
            pos += 1
            if length >= 0x80:
                length, pos = read_varuint(data, pos - 1)
            if ref == 10:
                if clock != hole_end:
                    inner_hole_end = hole_end
                    hole_start = clock
                hole_end = clock + length
        elif ref == 8:
            length, pos = read_values(scan, pos)
        else:
            length = 1
            pos = read_single(scan, pos, at, ref)
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


def _foreign_id(scan: Scan, pos: int) -> int:
    """Read an id of another client and note that the update needs it."""
    at = pos
    data = scan.data
    while data[pos] >= 0x80:
        pos += 1
    pos += 1
    # The same few clients occur again and again, so their ids are read once.
    encoded = data[at:pos]
    client = scan.clients.get(encoded)
    if client is None:
        client, pos = read_client_id(scan, at)
        scan.clients[encoded] = client
    clock = data[pos]
    if clock < 0x80:
        pos += 1
    else:
        clock, pos = read_clock(scan, pos)
    needs = scan.contents.needs
    needed = needs.get(client)
    if needed is None:
        if len(needs) >= scan.limits.clients:
            raise UpdateRejected(f"more than {scan.limits.clients} clients", offset=at)
        needs[client] = clock + 1
    elif needed <= clock:
        needs[client] = clock + 1
    return pos


def _parent(scan: Scan, pos: int, info: int, own: bytes, clock: int) -> int:
    """Read the parent of an item without origins, and its key in a map."""
    data = scan.data
    at = pos
    kind = data[pos]
    pos += 1
    if kind == 1:
        pos = read_name(scan, pos)
    elif kind:
        raise UpdateRejected("a parent is neither a name nor an id", offset=at)
    elif data.startswith(own, pos):
        number, pos = read_clock(scan, pos + len(own))
        if number >= clock:
            raise UpdateRejected("a struct refers to a later one", offset=at)
    else:
        pos = _foreign_id(scan, pos)
    return read_name(scan, pos) if info & 0x20 else pos


# Deletes


def _deletes(scan: Scan, pos: int) -> int:
    """Read the delete ranges of all clients."""
    if not scan.data[pos]:
        return pos + 1
    limits = scan.limits
    deletes = scan.contents.deletes
    ranges_left = limits.delete_ranges
    seen: set[int] = set()
    clients, pos = read_count(scan, pos, 2, limits.clients, "clients")
    for _ in range(clients):
        at = pos
        client, pos = read_client_id(scan, pos)
        if client in seen:
            # Yjs joins the two, yrs keeps the second only.
            raise UpdateRejected("a client occurs twice", offset=at)
        seen.add(client)
        count, pos = read_count(scan, pos, 2, ranges_left, "delete ranges")
        ranges_left -= count
        pos, end = _ranges(scan, pos, count)
        if end:
            deletes[client] = end
    return pos


def _ranges(scan: Scan, pos: int, count: int) -> tuple[int, int]:
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
            clock, pos = read_varuint(data, at)
        length = data[pos]
        pos += 1
        if length >= 0x80:
            length, pos = read_varuint(data, pos - 1)
        if not length:
            raise UpdateRejected("a delete range has no length", offset=at)
        if clock < end:
            raise UpdateRejected("delete ranges overlap or are not in order", offset=at)
        end = clock + length
        if end > max_clock:
            raise UpdateRejected("a clock is too large", offset=at)
    return pos, end
