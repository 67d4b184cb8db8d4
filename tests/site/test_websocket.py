"""What comes in on one socket of Daphne's, in order and bounded; and frames that go out whole."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pycrdt

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.site.websocket import Inbox
from collab.testing.peer import Peer
from collab.testing.servers import Site, ask
from tests.support.raw import RawPeer


def frame(data: bytes) -> dict[str, Any]:
    return {"type": "websocket.receive", "bytes": data}


async def test_frames_that_wait_come_before_those_that_are_handed_over() -> None:
    """What was read before somebody took frames as they are read is taken before the rest."""
    inbox, taken = Inbox(None), list[bytes]()
    inbox.put_nowait(frame(b"first"))
    inbox.hand_to(taken.append)
    inbox.put_nowait(frame(b"second"))
    assert taken == []
    assert [(await inbox.get())["bytes"] for _ in range(2)] == [b"first", b"second"]
    inbox.put_nowait(frame(b"third"))
    assert taken == [b"third"]


async def test_what_is_no_binary_frame_is_not_handed_over() -> None:
    """Text and the end are events, and a frame after them does not overtake them."""
    inbox, taken = Inbox(None), list[bytes]()
    inbox.hand_to(taken.append)
    inbox.put_nowait({"type": "websocket.receive", "text": "words"})
    inbox.put_nowait(frame(b"after"))
    inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    assert taken == []
    events = [await inbox.get() for _ in range(3)]
    assert [event["type"].rpartition(".")[2] for event in events] == [
        "receive", "receive", "disconnect",
    ]  # fmt: skip
    assert events[1]["bytes"] == b"after"


async def test_nothing_is_handed_over_to_who_left() -> None:
    """A socket that ends takes no frame any more."""
    inbox, taken = Inbox(None), list[bytes]()
    inbox.hand_to(taken.append)
    inbox.hand_to(None)
    inbox.put_nowait(frame(b"late"))
    assert taken == []


async def test_a_ping_within_a_large_frame_is_answered_after_it(site: Site) -> None:
    """A pong between two slices of the frame would be taken for a part of the content."""
    key = await asyncio.to_thread(site.key)
    document = await asyncio.to_thread(site.create_document, key)
    url = f"{site.ws_url}/ws/documents/{document}"
    ada = Peer(url, key)
    await ada.connect()
    await ada.write("x" * 6_000_000)
    await ada.until_saved()
    slow = await RawPeer.open(url, key, kernel_bytes=4096)
    slow.write(protocol.encode(Kind.STEP1, b"\x00"))
    opcode, payload = await slow.read()
    while opcode == slow.BINARY and protocol.decode(payload)[0] is not Kind.STEP1:
        opcode, payload = await slow.read()
    slow.ping()
    # Its loop has read the ping before it answers this.
    await asyncio.to_thread(ask, "GET", f"{site.url}/healthz", timeout=20)
    frames = [await slow.read()]
    while frames[-1][0] != slow.PONG:
        frames.append(await slow.read())
    contents = [protocol.decode(payload) for opcode, payload in frames if opcode == slow.BINARY]
    assert any(kind is Kind.STEP2 and len(data) > 6_000_000 for kind, data in contents)
    slow.cut()
    await ada.close()


async def test_who_lost_their_role_cannot_write_while_the_socket_closes(site: Site) -> None:
    """Whoever does not answer the close frame is read for 5 s more, and not taken."""
    ada, bob = [await asyncio.to_thread(site.key, name) for name in ("ada", "bob")]
    document = await asyncio.to_thread(site.create_document, ada)
    grants = f"{site.url}/api/documents/{document}/grants"
    owner = {"Authorization": f"Bearer {ada}"}
    granted = {"user": "bob", "role": "editor"}
    grant = await asyncio.to_thread(ask, "POST", grants, json=granted, headers=owner)
    raw = await RawPeer.open(f"{site.ws_url}/ws/documents/{document}", bob)
    await asyncio.to_thread(ask, "DELETE", f"{grants}/{grant.json()['id']}", headers=owner)
    while (await raw.read())[0] != raw.CLOSE:
        pass
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc.get("text", type=pycrdt.Text).insert(0, "late")
    raw.write(protocol.encode(Kind.UPDATE, doc.get_update()))
    began = time.monotonic()
    assert await raw.read_until_closed() == 1006
    assert time.monotonic() - began > 4
    fresh = Peer(f"{site.ws_url}/ws/documents/{document}", ada)
    await fresh.connect()
    assert str(fresh.text) == ""
    await fresh.close()
