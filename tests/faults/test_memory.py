"""What idle peers and documents that were left cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.servers import Site, running, wait_until
from tests.support.memory import MIB, resident_bytes
from tests.support.raw import RawPeer

IDLE_PEERS = 2000
PEER_BYTES = 30_000
DOCUMENTS = 1000
AT_ONCE = 50

# Pieces of 100 characters, each before the last, so that the CRDT keeps them apart.
MAKE_DOCUMENTS = """
import pycrdt
from django.contrib.auth import get_user_model
from documents import actions
ada = get_user_model().objects.get(username="ada")
for number in range({count}):
    doc = pycrdt.Doc()
    doc["text"] = text = pycrdt.Text()
    for piece in range({pieces}):
        text.insert(0, f"{{number:05}} {{piece:05}} ".ljust(100, "x"))
    print(actions.create_document(actor=ada, content=doc.get_update()).pk)
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that lets rooms go at once, and says how many it has."""
    environment = {"COLLAB_IDLE_S": "0.2", "COLLAB_METRICS_PUBLIC": "true"}
    one = Site(tmp_path, environment=environment)
    with running(one):
        yield one


def make_documents(site: Site, count: int, pieces: int) -> list[str]:
    """Make documents of `100 * pieces` characters. Returns their ids."""
    code = MAKE_DOCUMENTS.format(count=count, pieces=pieces)
    printed = site.run("shell", "--no-imports", "-c", code).stdout
    return printed.split()


async def enter(site: Site, document: str, key: str) -> RawPeer:
    """Open a document as a page does: ask for its content, answer the room's question."""
    peer = await RawPeer.open(f"{site.ws_url}/ws/documents/{document}?ack=1", key)
    peer.write(protocol.encode(Kind.STEP1, b"\x00"))
    asked = answered = False
    while not (asked and answered):
        kind = protocol.decode((await peer.read())[1])[0]
        asked = asked or kind is Kind.STEP1
        answered = answered or kind is Kind.STEP2
    peer.write(protocol.encode(Kind.STEP2, b"\x00\x00"))
    return peer


async def enter_all(site: Site, documents: list[str], key: str) -> list[RawPeer]:
    """Enter each, some at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(document: str) -> RawPeer:
        async with turns:
            return await enter(site, document, key)

    return list(await asyncio.gather(*map(one, documents)))


async def leave_all(site: Site, peers: list[RawPeer]) -> None:
    """Leave, and wait until the server has let every room go."""
    for peer in peers:
        peer.cut()
    await asyncio.to_thread(
        wait_until, lambda: site.metrics()["collab_rooms"] == 0, "all rooms being left"
    )


async def test_two_thousand_idle_peers_take_under_30_kb_each(site: Site) -> None:
    """The memory of a server grows by less than 30 kB for each peer that only looks on."""
    key = site.key()
    documents = make_documents(site, count=20, pieces=10)
    # What the first peers of each room bring along is the rooms', not the peers'.
    first = await enter_all(site, documents * 5, key)
    before = resident_bytes(site)
    peers = await enter_all(site, documents * (IDLE_PEERS // len(documents)), key)
    assert site.metrics()["collab_peers"] == len(first) + IDLE_PEERS
    each = (resident_bytes(site) - before) / IDLE_PEERS
    print(f"{each / 1000:.1f} kB per idle peer")
    await leave_all(site, first + peers)
    assert each < PEER_BYTES


async def test_a_thousand_documents_give_their_memory_back(site: Site) -> None:
    """Documents of 20,000 characters, opened and left, give most of what they took back."""
    key = await asyncio.to_thread(site.key)
    documents = make_documents(site, count=DOCUMENTS, pieces=200)
    await leave_all(site, await enter_all(site, documents[:AT_ONCE], key))
    before = resident_bytes(site)
    peers = await enter_all(site, documents, key)
    full = resident_bytes(site)
    await leave_all(site, peers)
    print(f"{before / MIB:.0f} MiB, with all open {full / MIB:.0f} MiB")
    assert full - before > DOCUMENTS * 20_000, "they were all open at once"
    # The C library keeps some of it in pieces that are partly in use (measured: a fifth).
    most = before + 0.4 * (full - before)
    await asyncio.to_thread(
        wait_until, lambda: resident_bytes(site) < most, f"less than {most / MIB:.0f} MiB", 20
    )
