"""Peers that do not read, peers that do not stop writing: they cost themselves, not others."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pycrdt
import pytest

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.faults import Measured
from collab.testing.faults.apart import SLOW_READER
from collab.testing.peer import Peer
from collab.testing.servers import Site, running
from tests.faults.table import AddRow
from tests.support.memory import MIB, resident_bytes
from tests.support.raw import RawPeer
from tests.support.stored import StoredLog

pytestmark = pytest.mark.alone

SLOW = 20
EDITS = 100
GROWTH_BYTES = 60 * MIB


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose memory is measured: nobody else's."""
    one = Site(tmp_path_factory.mktemp("slow"))
    with running(one):
        yield one


@asynccontextmanager
async def stalled(url: str, key: str, count: int) -> AsyncIterator[list[RawPeer]]:
    """Peers that have synced and read nothing since."""
    peers = [await RawPeer.open(url, key, kernel_bytes=16_384) for _ in range(count)]
    try:
        for peer in peers:
            peer.write(protocol.encode(Kind.STEP1, b"\x00"))
            while protocol.decode((await peer.read())[1])[0] is not Kind.STEP2:
                pass
        yield peers
    finally:
        for peer in peers:
            peer.cut()


async def replace(peer: Peer, letter: str, size_bytes: int, tag: str = "") -> None:
    """Put another text in place of all that is there, and wait until it is saved.

    Args:
        peer: Who writes.
        letter: What the text is made of.
        size_bytes: How long it is.
        tag: Stays, in a list beside it.
    """
    with peer.doc.transaction():
        del peer.text[:]
        peer.text.insert(0, letter * size_bytes)
        if tag:
            peer.root("tags", pycrdt.Array).append(tag)
    await peer.flush()
    await peer.until_saved()


async def catch_up(peer: RawPeer, text: str) -> int | None:
    """Read again. Returns None when the text is here, or the code the peer was closed with."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    shown = doc.get("text", type=pycrdt.Text)
    while str(shown) != text:
        try:
            opcode, payload = await peer.read()
        except (EOFError, ConnectionError):
            return 1006
        if opcode == peer.CLOSE:
            return int.from_bytes(payload[:2], "big")
        if payload[0] == 0:
            kind, update = protocol.decode(payload)
            if kind in (Kind.UPDATE, Kind.STEP2):
                doc.apply_update(update)
    return None


async def test_a_peer_that_stops_reading_gets_one_merged_state_later(site: Site) -> None:
    """Behind by less than its bound, a peer catches up on the same connection."""
    key = site.key()
    document = site.create_document(key, "")
    url = f"{site.ws_url}/ws/documents/{document}"
    writer = Peer(url, key)
    await writer.connect()
    async with stalled(url, key, 1) as (slow,):
        for number in range(30):
            await replace(writer, "abc"[number % 3], 100_000)
        async with asyncio.timeout(20):
            assert await catch_up(slow, str(writer.text)) is None
    await writer.close()


async def test_peers_that_stop_reading_cost_no_memory_and_nobody_else(
    site: Site, row: AddRow
) -> None:
    """Twenty peers read nothing of 10 MB each: no growth, no delay, and a way back for them."""
    key = site.key()
    document = site.create_document(key, "")
    url = f"{site.ws_url}/ws/documents/{document}"
    writer, reader = Peer(url, key), Peer(url, key)
    await writer.connect()
    await reader.connect()
    for letter in "abcdefgh":
        await replace(writer, letter, 100_000)
    async with stalled(url, key, SLOW) as slow:
        before = resident_bytes(site)
        highest = before
        longest_s = 0.0
        for number in range(EDITS):
            letter = chr(ord("a") + number % 26)
            began = time.monotonic()
            await replace(writer, letter, 100_000, tag=f"<s{number}>")
            longest_s = max(longest_s, time.monotonic() - began)
            await reader.until(lambda one=letter: str(reader.text)[:1] == one, "seeing it", 5)
            highest = max(highest, resident_bytes(site))
        print(f"server grew by {(highest - before) / MIB:.1f} MiB")
        assert highest - before < GROWTH_BYTES
        healed_at = time.monotonic()
        async with asyncio.timeout(30):
            codes = await asyncio.gather(*(catch_up(peer, str(writer.text)) for peer in slow))
    print(f"slow peers were closed with {set(codes)}")
    # 1006: it read so late that the server had given up on its answer to the close frame.
    assert set(codes) <= {None, 1013, 1006}
    again = Peer(url, key)
    await again.connect()
    assert str(again.text) == str(writer.text)
    equal_s = time.monotonic() - healed_at
    log = StoredLog(site, document)
    log.read()
    stored = Counter(log.doc.get("tags", type=pycrdt.Array))
    measured = Measured(
        tags=EDITS,
        # `replace` has waited for each.
        acknowledged=EDITS,
        lost=EDITS - len(stored),
        twice=sum(count > 1 for count in stored.values()),
        equal_s=equal_s,
        unsaved_s=longest_s,
    )
    assert not measured.problems(SLOW_READER)
    assert list(again.root("tags", pycrdt.Array)) == [f"<s{number}>" for number in range(EDITS)]
    row(SLOW_READER, measured)
    for peer in (writer, reader, again):
        assert peer.close_code is None
        await peer.close()


@pytest.mark.parametrize("size_bytes", [100, 1_000_000])
async def test_a_flood_is_read_as_it_is_taken_and_ends_with_4429(
    site: Site, size_bytes: int
) -> None:
    """A peer that sends without pause is held back, then closed; memory and others stay well."""
    key = site.key()
    document = site.create_document(key, "")
    url = f"{site.ws_url}/ws/documents/{document}"
    writer, reader = Peer(url, key), Peer(url, key)
    await writer.connect()
    await reader.connect()
    source: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    source["other"] = pycrdt.Text("x" * size_bytes)
    frame = protocol.encode(Kind.UPDATE, source.get_update())
    flooder = await RawPeer.open(url, key)
    before = resident_bytes(site)
    flood = asyncio.create_task(send_until_refused(flooder, frame))
    closed = asyncio.create_task(flooder.read_until_closed())
    number = 0
    highest = before
    while not closed.done():
        await writer.write(f"<{number}>")
        await reader.until(lambda one=number: f"<{one}>" in str(reader.text), "seeing it", 5)
        highest = max(highest, resident_bytes(site))
        number += 1
    flood.cancel()
    assert await closed == 4429
    print(f"server grew by {(highest - before) / MIB:.1f} MiB, {number} edits went through")
    assert highest - before < GROWTH_BYTES
    assert number > 0
    await writer.until_saved()
    for peer in (writer, reader):
        assert peer.close_code is None
        await peer.close()


async def send_until_refused(peer: RawPeer, frame: bytes) -> None:
    """Send as fast as the kernel takes it."""
    while True:
        peer.write(frame)
        await peer.drain()
