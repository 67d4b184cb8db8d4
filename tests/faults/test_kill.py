"""A server that is killed again and again while people type."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterable
from pathlib import Path

import pycrdt
import pytest

from collab.testing.peer import Peer
from collab.testing.servers import Site, running
from collab.testing.typist import Typist, reconnect
from tests.support.stored import StoredLog

KILLS = 50
LONGEST_LIFE_S = 0.6


def tags_of(text: object) -> list[str]:
    return sorted(re.findall(r"<\w+>", str(text)))


async def moment(seconds: float) -> None:
    """Wait for a moment that was drawn before."""
    reached = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, reached.set)
    await reached.wait()


async def check_what_is_left(typists: Iterable[Typist], log: StoredLog) -> None:
    """Read the killed server's disk: no row is missing, and all that it acknowledged is there."""
    for typist in typists:
        if typist.peer.connected:
            await typist.peer.until_closed()
        typist.note_acks()
    last = log.head
    seqs = log.read()
    assert seqs == list(range(last + 1, log.head + 1)), "the log has a gap"
    left = set(tags_of(log.text))
    for typist in typists:
        assert typist.acknowledged <= left, f"{typist.name} lost what was acknowledged"


async def live_and_die(site: Site, typists: list[Typist], life_s: float) -> None:
    """Start the server, let all come back to it, and kill it a moment after it was ready."""
    await asyncio.to_thread(site.start)
    coming = asyncio.create_task(reconnect(typists))
    await moment(life_s)
    site.kill()
    await coming


async def make_typists(site: Site, chance: random.Random) -> tuple[list[Typist], str, str]:
    """Make two typists of each of two users on a new document: (typists, document, a key)."""
    ada, bob = await asyncio.gather(*(asyncio.to_thread(site.key, name) for name in ("ada", "bob")))
    document = await asyncio.to_thread(site.create_document, ada)
    await asyncio.to_thread(site.run, "share", document, "bob", "editor")
    url = f"{site.ws_url}/ws/documents/{document}"
    typists = [
        Typist(name, Peer(url, key), random.Random(chance.random()))
        for name, key in zip("abcd", (ada, bob, ada, bob), strict=True)
    ]
    return typists, document, ada


@pytest.mark.timeout(420)
async def test_killing_the_server_50_times_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Four people type, the server dies at 50 random moments, and every acknowledged tag stays."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    site = Site(tmp_path)
    with running(site):
        typists, document, key = await make_typists(site, chance)
        site.kill()
        log = StoredLog(site, document)
        for typist in typists:
            typist.start()
        for _ in range(KILLS):
            await live_and_die(site, typists, chance.uniform(0, LONGEST_LIFE_S))
            await check_what_is_left(typists, log)

        assert all(len(typist.acknowledged) > KILLS for typist in typists)
        await asyncio.to_thread(site.start)
        await reconnect(typists)
        await asyncio.gather(*(typist.stop() for typist in typists))
        await check_all_are_equal(site, typists, document, key)
        await asyncio.to_thread(site.stop)
        await check_what_is_left(typists, log)
        assert str(log.text) == str(typists[0].peer.text)


async def check_all_are_equal(site: Site, typists: list[Typist], document: str, key: str) -> None:
    """Everybody, somebody new and the API have the same text, with each tag in it once."""
    everything = sorted(tag for typist in typists for tag in typist.typed)
    for typist in typists:
        await typist.peer.until_saved()
        await typist.peer.until(lambda one=typist: tags_of(one.peer.text) == everything, "equal")
    fresh = Peer(typists[0].peer.url, key)
    await fresh.connect()
    answer = await asyncio.to_thread(site.content, key, document)
    copy: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    copy.apply_update(answer.content)
    texts = {str(typist.peer.text) for typist in typists}
    assert texts == {str(fresh.text)} == {str(copy.get("text", type=pycrdt.Text))}
    await fresh.close()
