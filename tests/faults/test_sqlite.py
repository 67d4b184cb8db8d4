"""SQLite under another writer's lock, and a stop with edits that are not saved."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from collab.testing.faults.apart import SQLITE_LOCKED
from collab.testing.peer import Peer
from collab.testing.servers import Site, running
from tests.faults.crowd import crowd
from tests.faults.table import AddRow
from tests.support.locks import another_writer
from tests.support.stored import StoredLog

LOCKED_S = 10


async def two_peers(site: Site) -> tuple[str, Peer, Peer]:
    """Make a document with two peers on it."""
    key = await asyncio.to_thread(site.key)
    document = await asyncio.to_thread(site.create_document, key)
    one, two = (Peer(f"{site.ws_url}/ws/documents/{document}", key) for _ in range(2))
    await one.connect()
    await two.connect()
    return document, one, two


async def see(peer: Peer, word: str) -> None:
    await peer.until(lambda: word in str(peer.text), f"seeing {word}")


async def test_a_lock_of_ten_seconds_delays_saved_and_loses_nothing(
    tmp_path: Path, row: AddRow
) -> None:
    """While another writer holds SQLite, edits cross and nobody reads Saved; then all is saved."""
    site = Site(tmp_path)
    with running(site):
        async with crowd(site) as people:
            with another_writer(site):
                began = time.monotonic()
                await people.until_nothing_is_saved()
                acknowledged = people.acknowledged
                while time.monotonic() - began < LOCKED_S:
                    await people.until_nothing_is_saved()
                assert people.acknowledged == acknowledged
            await people.until_saved()
            row(SQLITE_LOCKED, await people.settle(SQLITE_LOCKED))


async def test_sigterm_sends_peers_back_and_saves_what_it_has(tmp_path: Path) -> None:
    """A stop closes with 1012, then commits what waited for SQLite's lock, then exits with 0."""
    site = Site(tmp_path)
    with running(site):
        document, one, two = await two_peers(site)
        with another_writer(site):
            await one.write("taken, not saved yet")
            await see(two, "taken")
            started = time.monotonic()
            stopping = asyncio.create_task(asyncio.to_thread(site.stop))
            assert await one.until_closed() == 1012
            assert await two.until_closed() == 1012
            assert site.running, "it waits for the lock"
        assert await stopping == 0
        assert time.monotonic() - started < 10
        log = StoredLog(site, document)
        assert log.read() == list(range(1, log.head + 1))
        assert str(log.text) == "taken, not saved yet"


async def test_sigterm_under_a_lock_that_stays_exits_in_time(tmp_path: Path) -> None:
    """A database that does not come back holds up a stop for ten seconds at most."""
    site = Site(tmp_path)
    with running(site):
        document, one, two = await two_peers(site)
        with another_writer(site):
            acked = one.acked_frames
            await one.write("kept by its author")
            await see(two, "kept")
            started = time.monotonic()
            assert await asyncio.to_thread(site.stop) == 0
            assert time.monotonic() - started < 10
            assert await one.until_closed() == 1012
            assert one.acked_frames == acked
        log = StoredLog(site, document)
        log.read()
        assert str(log.text) == ""
        await asyncio.to_thread(site.start)
        await one.connect()
        await one.until_saved()
        await two.connect()
        await see(two, "kept")
