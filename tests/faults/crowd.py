"""Two people who type in one document of a single site, and what became of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collab.testing.edited import StoredText, tags_of
from collab.testing.faults import Fault, Measured
from collab.testing.peer import Peer
from collab.testing.servers import Site
from collab.testing.typist import Typist
from tests.support.stored import StoredLog

REST_S = (0.05, 0.2)
_NOTHING_SAVED_S = 1.0
_REFUSED_TIMEOUT_S = 20.0


class Crowd:
    """People at a running site; made by `crowd`."""

    def __init__(self, site: Site, document: str, key: str, typists: list[Typist]) -> None:
        self.site = site
        self.document = document
        self.key = key
        self.typists = typists

    @property
    def acknowledged(self) -> set[str]:
        return set().union(*(one.acknowledged for one in self.typists))

    def peer(self) -> Peer:
        """Make one more peer, not connected yet."""
        return Peer(f"{self.site.ws_url}/ws/documents/{self.document}", self.key)

    def type(self) -> None:
        """Have all type."""
        for typist in self.typists:
            typist.start()

    async def until_saved(self) -> None:
        """Wait until everybody had something acknowledged since now."""
        for one in self.typists:
            had = len(one.acknowledged)
            await one.peer.until(lambda one=one, had=had: len(one.acknowledged) > had, "saving")

    async def until_nothing_is_saved(self) -> None:
        """Wait until people have read each other for a second, and none has read Saved.

        Raises:
            TimeoutError: it goes on to say Saved, or they do not see each other.
        """
        async with asyncio.timeout(_REFUSED_TIMEOUT_S):
            acknowledged, since = self.acknowledged, time.monotonic()
            while time.monotonic() - since < _NOTHING_SAVED_S:
                for one, other in (self.typists, self.typists[::-1]):
                    await self._until_seen(one, other)
                if self.acknowledged != acknowledged:
                    acknowledged, since = self.acknowledged, time.monotonic()

    async def _until_seen(self, one: Typist, other: Typist) -> None:
        """Wait until somebody reads what another types from now on."""
        had = len(one.typed)
        await other.peer.until(
            lambda: any(tag in str(other.peer.text) for tag in one.typed[had:]), "seeing the other"
        )

    async def settle(self, fault: Fault) -> Measured:
        """Have all rest, wait until all are equal, and measure: to be called when it is healed."""
        healed_at = time.monotonic()
        await asyncio.gather(*(one.stop() for one in self.typists))
        typed = sorted(tag for one in self.typists for tag in one.typed)
        for one in self.typists:
            await one.peer.until(lambda one=one: self._has_all(one, typed), "equal")
        fresh = self.peer()
        async with fresh:
            await fresh.until(lambda: sorted(tags_of(fresh.text)) == typed, "equal for a new one")
        equal_s = time.monotonic() - healed_at
        text = await asyncio.to_thread(self._stored)
        stored = Counter(tags_of(text))
        texts = {str(one.peer.text) for one in self.typists}
        assert texts == {str(fresh.text)} == {text}
        measured = Measured(
            tags=len(typed),
            acknowledged=len(self.acknowledged),
            lost=len(self.acknowledged - stored.keys()),
            twice=sum(count > 1 for count in stored.values()),
            equal_s=equal_s,
            unsaved_s=max(one.longest_unsaved_s for one in self.typists),
        )
        print(measured)
        assert not measured.problems(fault)
        return measured

    def _stored(self) -> str:
        """Read the text from the rows of the log, which must have no gap."""
        url = self.site.environment.get("DATABASE_URL")
        if url is None:
            log = StoredLog(self.site, self.document)
            assert log.read() == list(range(1, log.head + 1)), "the log has a gap"
            return str(log.text)
        stored = StoredText(url, self.document)
        stored.read()
        return stored.text

    def _has_all(self, typist: Typist, typed: list[str]) -> bool:
        typist.note_acks()
        return typist.peer.saved and sorted(tags_of(typist.peer.text)) == typed


@asynccontextmanager
async def crowd(site: Site, *, typing: bool = True) -> AsyncIterator[Crowd]:
    """Have two people in a new document of a running site, who type unless told."""
    key = await asyncio.to_thread(site.key)
    document = await asyncio.to_thread(site.create_document, key)
    url = f"{site.ws_url}/ws/documents/{document}"
    typists = [Typist(name, Peer(url, key), random.Random(), REST_S) for name in "ab"]
    there = Crowd(site, document, key, typists)
    try:
        for typist in typists:
            typist.stay()
            await typist.until_in()
        if typing:
            there.type()
            await there.until_saved()
        yield there
    finally:
        await asyncio.gather(*(typist.leave() for typist in typists))
