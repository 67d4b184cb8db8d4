"""People who type in one document of a cluster, in Python and in Node, while things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
import psycopg
import pycrdt

from collab.testing.cluster import Cluster
from collab.testing.node import Account, NodeTypists
from collab.testing.peer import Peer
from collab.testing.programs import MissingProgram
from collab.testing.servers import Site
from collab.testing.typist import GONE, Typist

# Slow: what is measured is what survives, not how fast people type.
REST_S = (0.3, 1.0)
_LOOK_EVERY_S = 0.05
# Both at the second process: b in Python, m in Node.
_NEIGHBOURS = {"b", "m"}
_FRESH_TIMEOUT_S = 5.0


def tags_of(text: object) -> list[str]:
    """List the tags in a text."""
    return re.findall(r"<\w+>", str(text))


class StoredText:
    """What PostgreSQL holds of a document, read row by row past all proxies and processes.

    Args:
        url: Of the database itself.
        document: The document's id.
    """

    def __init__(self, url: str, document: str) -> None:
        self.url = url
        self.document = UUID(document)
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text: pycrdt.Text = self.doc.get("text", type=pycrdt.Text)
        self._seq = 0

    def read(self) -> set[str]:
        """Take the rows since the last call. Returns the tags that are stored."""
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            rows = connection.execute(
                "SELECT u.seq, u.data FROM collab_storedupdate u"
                " JOIN documents_document d ON d.room_id = u.room_id"
                " WHERE d.id = %s AND u.seq > %s ORDER BY u.seq",
                (self.document, self._seq),
            ).fetchall()
        for seq, data in rows:
            self.doc.apply_update(bytes(data))
            self._seq = seq
        return set(tags_of(self.text))


class Scene:
    """A new document, and people who type in it through every address of a cluster.

    As a context manager it has them connected and typing, and sends them home at the end.

    Args:
        cluster: Runs.
        chance: Where they type, and what a fault leaves to chance.
    """

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self.cluster = cluster
        self.chance = chance
        self.key = cluster.key
        self.document = ""
        self.typists: list[Typist] = []
        self.node: NodeTypists | None = None
        self.lost: set[str] = set()
        self._stored: StoredText | None = None

    async def __aenter__(self) -> Self:
        first = self.cluster.first
        self.document = await asyncio.to_thread(first.create_document, self.key)
        self._stored = StoredText(self.cluster.postgres.url, self.document)
        try:
            await self._enter()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._leave()

    def url(self, address: str) -> str:
        """Return the document's socket at one of the cluster's addresses."""
        return f"{address}/ws/documents/{self.document}"

    def peer(self, address: str) -> Peer:
        """Make one more peer, not connected yet."""
        return Peer(self.url(address), self.key)

    async def _enter(self) -> None:
        for name, address in zip("abc", self.cluster.addresses, strict=False):
            typist = Typist(name, self.peer(address), random.Random(self.chance.random()), REST_S)
            self.typists.append(typist)
            typist.stay()
        # In a host project's tests there may be no Node: then people in Python must do.
        with contextlib.suppress(MissingProgram):
            await self._enter_in_node()
        await self.type()

    async def _enter_in_node(self) -> None:
        node = NodeTypists()
        await node.open()
        self.node = node
        for name, address in zip("mn", self.cluster.addresses[1:], strict=False):
            await node.make(name, self.url(address), self.key, REST_S)

    async def _leave(self) -> None:
        await asyncio.gather(*(typist.leave() for typist in self.typists))
        if self.node is not None:
            await self.node.close()

    async def accounts(self) -> list[Account]:
        """Ask everybody for what they have typed and read now."""
        accounts = [
            Account(
                name=typist.name,
                typed=list(typist.typed),
                acknowledged=set(typist.acknowledged),
                longest_unsaved_s=typist.longest_unsaved_s,
                connected=typist.peer.connected,
                text=str(typist.peer.text),
            )
            for typist in self.typists
        ]
        if self.node is not None:
            accounts += (await self.node.accounts()).values()
        return accounts

    async def acknowledged(self) -> set[str]:
        """Return the tags that were acknowledged until now."""
        return set().union(*(one.acknowledged for one in await self.accounts()))

    async def until_typing(self, timeout_s: float = 20) -> None:
        """Wait until everybody had something acknowledged that was typed after now.

        Raises:
            TimeoutError: somebody had not.
        """
        before = [set(one.typed) for one in await self.accounts()]

        async def holds() -> bool:
            now = await self.accounts()
            return all(one.acknowledged - had for had, one in zip(before, now, strict=True))

        await self._until(holds, "something acknowledged to everybody", timeout_s)

    async def until_all_see(self, timeout_s: float, *others: Peer) -> None:
        """Wait until everybody, and others, read all that was typed until now."""
        typed = {tag for one in await self.accounts() for tag in one.typed}

        async def holds() -> bool:
            texts = [one.text for one in await self.accounts()]
            texts += [str(peer.text) for peer in others]
            return all(typed <= set(tags_of(text)) for text in texts)

        await self._until(holds, "seeing what everybody typed", timeout_s)

    async def until_crossed(self, timeout_s: float) -> None:
        """Wait until everybody reads everything, while nobody types.

        A process that commits an edit of its own sees by its number what it missed.
        """
        await self.rest()
        await self.until_all_see(timeout_s)
        await self.type()

    async def until_neighbours_see(self, timeout_s: float) -> None:
        """Wait until those at the second process read all that any of them typed until now."""
        there = [one for one in await self.accounts() if one.name in _NEIGHBOURS]
        typed = {tag for one in there for tag in one.typed}

        async def holds() -> bool:
            now = [one for one in await self.accounts() if one.name in _NEIGHBOURS]
            return all(typed <= set(tags_of(one.text)) for one in now)

        await self._until(holds, "seeing what neighbours typed", timeout_s)

    async def _until(
        self, holds: Callable[[], Awaitable[bool]], what: str, timeout_s: float
    ) -> None:
        end = time.monotonic() + timeout_s
        while not await holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {timeout_s:g} s")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def type_for(self, seconds: float) -> None:
        """Let them type on for a while."""
        await asyncio.sleep(seconds)

    async def type(self) -> None:
        """Have everybody type, again after a rest."""
        for typist in self.typists:
            typist.start()
        if self.node is not None:
            await self.node.start()

    async def rest(self) -> None:
        """Have everybody stop typing and stay."""
        if self.node is not None:
            await self.node.stop()
        await asyncio.gather(*(typist.stop() for typist in self.typists))

    async def kill(self, site: Site) -> None:
        """Kill a process, and look at once whether what was acknowledged is stored."""
        site.kill()
        await self.check_stored()

    @contextlib.asynccontextmanager
    async def commits_held(self) -> AsyncIterator[None]:
        """Hold up every commit to the document, as a slow database does."""
        url = self.cluster.postgres.url
        async with (
            await psycopg.AsyncConnection.connect(url) as connection,
            connection.transaction(),
        ):
            await connection.execute(
                "SELECT 1 FROM collab_room r JOIN documents_document d ON d.room_id = r.id"
                " WHERE d.id = %s FOR UPDATE OF r",
                (UUID(self.document),),
            )
            yield

    async def check_stored(self) -> set[str]:
        """Look whether PostgreSQL holds all that was acknowledged until now; `lost` if not.

        Returns:
            The tags that it holds.
        """
        if self._stored is None:
            raise RuntimeError("nobody is on the scene yet")
        acknowledged = await self.acknowledged()
        stored = await asyncio.to_thread(self._stored.read)
        self.lost |= acknowledged - stored
        return stored

    def twice(self) -> int:
        """Count the tags that are stored more than once."""
        if self._stored is None:
            return 0
        return sum(count > 1 for count in Counter(tags_of(self._stored.text)).values())

    async def until_equal(self, timeout_s: float) -> None:
        """Wait until all that was typed is acknowledged, and the same text is everywhere.

        Raises:
            TimeoutError: it did not become so; the text says what is where.
        """
        end = time.monotonic() + timeout_s
        while (differs := await self._difference()) is not None:
            if time.monotonic() > end:
                raise TimeoutError(f"not equal within {timeout_s:g} s: {differs}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _difference(self) -> str | None:
        """Say what is not equal yet, the cheapest look first; None: everything is."""
        accounts = await self.accounts()
        typed = {tag for one in accounts for tag in one.typed}
        unsaved = typed - set().union(*(one.acknowledged for one in accounts))
        if unsaved:
            return f"{len(unsaved)} of {len(typed)} are not acknowledged"
        text = accounts[0].text
        missing = typed - set(tags_of(text))
        if missing:
            return f"the first lacks {sorted(missing)}"
        if any(one.text != text for one in accounts):
            return f"people read {[len(one.text) for one in accounts]} characters"
        await self.check_stored()
        if self._stored is None or str(self._stored.text) != text:
            return "what is stored is another text"
        for address, site in zip(self.cluster.addresses, self.cluster.sites, strict=False):
            if (differs := await self._differs_at(address, site, text)) is not None:
                return differs
        return None

    async def _differs_at(self, address: str, site: Site, text: str) -> str | None:
        """Compare with what somebody new gets of a process, and what its API gives."""
        fresh = self.peer(address)
        try:
            async with asyncio.timeout(_FRESH_TIMEOUT_S):
                await fresh.connect()
                await fresh.until(lambda: str(fresh.text) == text, "the text", _FRESH_TIMEOUT_S)
        except GONE as error:
            return f"somebody new at {site.name} has another text: {error!r}"
        finally:
            await fresh.cut()
        try:
            answer = await asyncio.to_thread(site.content, self.key, self.document)
        except httpx.HTTPError as error:
            return f"the API of {site.name} does not answer: {error!r}"
        copy: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        copy.apply_update(answer.content)
        if str(copy.get("text", type=pycrdt.Text)) != text:
            return f"the API of {site.name} gives another text"
        return None
