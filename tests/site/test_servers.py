"""The same application on other ASGI servers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from collab.testing.peer import Peer
from collab.testing.servers import Site, running

SERVERS = {
    "uvicorn": ["uvicorn", "collab.site.asgi:application", "--ws", "websockets-sansio", "--port"],
    "live uvicorn": ["collab.site.uvicorn", "--port"],
    "daphne": ["daphne", "collab.site.asgi:application", "-p"],
}


class OtherServer(Site):
    """The site's data, served by another server than the site's own."""

    def __init__(self, directory: Path, server: str) -> None:
        super().__init__(directory, name=server)
        self._server = server

    def start(self, *, wait: bool = True) -> None:
        self.spawn([sys.executable, "-m", *SERVERS[self._server], str(self.port)], self.environment)
        if wait:
            self.wait_ready()


@pytest.mark.parametrize("server", SERVERS)
async def test_another_server_serves_documents(server: str, tmp_path: Path) -> None:
    """Two peers edit one document, refusals have their codes, and what was saved is there."""
    made = Site(tmp_path)
    with running(made):
        key = made.key()
        document = made.create_document(key)
    other = OtherServer(tmp_path, server)
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
    with running(made):
        again = Peer(f"{made.ws_url}/ws/documents/{document}", key)
        await again.connect()
        assert str(again.text) == str(ada.text)
        await again.close()


@pytest.mark.parametrize("server", ["uvicorn", "live uvicorn"])
async def test_uvicorn_saves_before_it_exits(server: str, tmp_path: Path) -> None:
    """An edit that is under way at SIGTERM is in the log after it: the lifespan's end commits."""
    made = Site(tmp_path)
    with running(made):
        key = made.key()
        document = made.create_document(key)
    other = OtherServer(tmp_path, server)
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
    with running(made):
        again = Peer(f"{made.ws_url}/ws/documents/{document}", key)
        await again.connect()
        assert str(again.text) == "one two three "
        await again.close()
