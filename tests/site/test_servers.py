"""The same application on other ASGI servers."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import sys
from dataclasses import dataclass

import pycrdt
import pytest

from collab import framing
from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.peer import Peer
from collab.testing.servers import Site, ask, running
from tests.support.raw import RawPeer, masked

SERVERS = {
    "uvicorn": ["uvicorn", "collab.site.asgi:application", "--ws", "websockets-sansio", "--port"],
    "live uvicorn": ["collab.site.uvicorn", "--port"],
    "daphne": ["daphne", "collab.site.asgi:application", "-p"],
}


@dataclass
class Made:
    """A site that does not run: data that any server can serve, a key, and documents to take."""

    site: Site
    key: str
    documents: list[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One site for all tests; each serves it for a while."""
    site = Site(tmp_path_factory.mktemp("servers"))
    with running(site):
        key = site.key()
        return Made(site, key, [site.create_document(key) for _ in range(10)])


class OtherServer(Site):
    """A site's data, served by another server than the site's own."""

    def __init__(self, made: Made, server: str) -> None:
        super().__init__(made.site.directory, name=server)
        self._server = server

    def start(self, *, wait: bool = True) -> None:
        self.spawn([sys.executable, "-m", *SERVERS[self._server], str(self.port)], self.environment)
        if wait:
            self.wait_ready()


@pytest.mark.parametrize("server", SERVERS)
async def test_another_server_serves_documents(server: str, made: Made) -> None:
    """Two peers edit one document, refusals have their codes, and what was saved is there."""
    key, document = made.key, made.documents.pop()
    other = OtherServer(made, server)
    with running(other):
        path = f"{other.ws_url}/ws/documents/{document}"
        ada, bob = Peer(path, key), Peer(path, key)
        await ada.connect()
        await bob.connect()
        await ada.write("from Ada, ")
        await bob.until(lambda: "Ada" in str(bob.text), "Ada's words at Bob's")
        await bob.write("from Bob")
        await ada.until(lambda: "Bob" in str(ada.text), "Bob's words at Ada's")
        await ada.until_saved()
        await bob.until_saved()
        await bob.send(b"\x00\x07")
        assert await bob.until_closed() == 4422
        other.stop()
        await ada.until_closed()
    with running(made.site):
        again = Peer(f"{made.site.ws_url}/ws/documents/{document}", key)
        await again.connect()
        assert str(again.text) == str(ada.text)
        await again.close()


@pytest.mark.parametrize("server", ["uvicorn", "live uvicorn"])
async def test_uvicorn_saves_before_it_exits(server: str, made: Made) -> None:
    """An edit that is under way at SIGTERM is in the log after it: the lifespan's end commits."""
    key, document = made.key, made.documents.pop()
    other = OtherServer(made, server)
    with running(other):
        ada = Peer(f"{other.ws_url}/ws/documents/{document}", key)
        await ada.connect()
        for word in ("one ", "two ", "three "):
            await ada.write(word)
        # The room has all of it once it answers a later frame.
        await ada.send(b"\x00\x00\x01\x00")
        answers = len([frame for frame in ada.frames if frame[:2] == b"\x00\x01"])
        await ada.until(
            lambda: len([f for f in ada.frames if f[:2] == b"\x00\x01"]) > answers, "an answer"
        )
        other.signal(signal.SIGTERM)
        assert await ada.until_closed() == 1012
        other.wait()
    with running(made.site):
        again = Peer(f"{made.site.ws_url}/ws/documents/{document}", key)
        await again.connect()
        assert str(again.text) == "one two three "
        await again.close()


CONTINUATION = 0


def stream_of(words: list[str], chance: random.Random) -> bytes:
    """Encode one edit per word as a client would, in frames of every kind that there is."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    stream = b""
    for word in words:
        before = doc.get_state()
        text += word
        frame = protocol.encode(Kind.UPDATE, doc.get_update(before))
        mask = chance.choice([bytes(4), chance.randbytes(4)])
        if chance.random() < 0.3:
            half = len(frame) // 2
            stream += masked(frame[:half], final=False, mask=mask)
            stream += masked(b"?", opcode=framing.PING)
            stream += masked(frame[half:], opcode=CONTINUATION, mask=mask)
        else:
            stream += masked(frame, mask=mask) + masked(b"?", opcode=framing.PING)
    return stream


@pytest.mark.parametrize("server", ["the site's own", "live uvicorn"])
async def test_frames_arrive_however_the_network_cuts_them(server: str, made: Made) -> None:
    """Whole, fragmented, small and large ones, several in one read or one in many: none is lost."""
    chance = random.Random(server)
    words = [f"<{n}>\u2080" + "x" * chance.choice([9, 20, 120, 300, 70_000]) for n in range(40)]
    stream = stream_of(words, chance)
    cuts = [chance.randrange(len(stream)) for _ in range(40)]
    # Mostly within a few bytes of each other: so frames of a few bytes are cut, too.
    cuts += [cut + chance.randrange(1, 40) for cut in cuts] + [len(stream)]
    # And where the rest begins as an (empty) frame does.
    cuts += [found.start() + 1 for found in re.finditer("\u2080".encode(), stream)]
    key, document = made.key, made.documents.pop()
    site = OtherServer(made, server) if server in SERVERS else made.site
    with running(site):
        path = f"{site.ws_url}/ws/documents/{document}"
        raw = await RawPeer.open(path, key)
        at = 0
        for cut in sorted(set(cuts)):
            raw.write_bytes(stream[at:cut])
            at = cut
            # It has read all of that before it answers.
            await asyncio.to_thread(ask, "GET", f"{site.url}/healthz", timeout=20)
        pongs = 0
        while pongs < len(words):
            opcode, _ = await raw.read()
            assert opcode != raw.CLOSE
            pongs += opcode == raw.PONG
        raw.cut()
        async with Peer(path, key) as peer:
            assert str(peer.text) == "".join(words)
