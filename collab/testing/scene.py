"""People who type in the rooms of a cluster, in Python and in Node, while things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self

import psycopg

from collab.testing.cluster import Cluster
from collab.testing.edited import EditedDocument, EditedLayout, EditedRoom, table_of, tags_of
from collab.testing.node import Account, NodeTypists
from collab.testing.peer import Peer
from collab.testing.programs import MissingProgram
from collab.testing.servers import Site
from collab.testing.typist import Typist

# Slow: what is measured is what survives, not how fast people type.
REST_S = (0.3, 1.0)
_LOOK_EVERY_S = 0.05
# Both at the second process: b in Python, m in Node.
_NEIGHBOURS = {"b", "m"}


class Scene:
    """A new document and a new dashboard, and people who type in them at all of a cluster.

    Both have people in Python at every address, and the document some in Node. As a context
    manager it has them connected and typing, and sends them home at the end.

    Args:
        cluster: Runs.
        chance: Where they type, and what a fault leaves to chance.
    """

    document: EditedDocument
    layout: EditedLayout

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self.cluster = cluster
        self.chance = chance
        self.key = cluster.key

    async def __aenter__(self) -> Self:
        self.document = await EditedDocument.create(self.cluster)
        self.layout = await EditedLayout.create(self.cluster)
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

    @property
    def rooms(self) -> tuple[EditedRoom, ...]:
        return (self.document, self.layout)

    @property
    def typists(self) -> list[Typist]:
        """Everybody in Python."""
        return [typist for room in self.rooms for typist in room.typists]

    @property
    def lost(self) -> set[str]:
        return set().union(*(room.lost for room in self.rooms))

    async def _enter(self) -> None:
        addresses = self.cluster.addresses
        self._let_in(self.document, "abc", addresses)
        self._let_in(self.layout, "def", addresses)
        for typist in self.layout.typists:
            await typist.until_in()
            typist.peer.text = self.layout.kind.text(typist.peer.doc)
        # In a host project's tests there may be no Node: then people in Python must do.
        with contextlib.suppress(MissingProgram):
            await self._enter_in_node()
        await self.type()

    def _let_in(self, room: EditedRoom, names: str, addresses: tuple[str, ...]) -> None:
        for name, address in zip(names, addresses, strict=False):
            chance = random.Random(self.chance.random())
            typist = Typist(name, room.peer(address), chance, REST_S)
            room.typists.append(typist)
            typist.stay()

    async def _enter_in_node(self) -> None:
        node = NodeTypists()
        await node.open()
        self.document.node = node
        for name, address in zip("mn", self.cluster.addresses[1:], strict=False):
            await node.make(name, self.document.url(address), self.key, REST_S)

    async def _leave(self) -> None:
        try:
            await asyncio.gather(*(typist.leave() for typist in self.typists))
        finally:
            if self.document.node is not None:
                await self.document.node.close()

    async def accounts(self) -> list[Account]:
        """Ask everybody for what they have typed and read now."""
        return [one for room in self.rooms for one in await room.accounts()]

    async def acknowledged(self) -> set[str]:
        """Return the tags that were acknowledged until now."""
        return set().union(*[await room.acknowledged() for room in self.rooms])

    async def until_typing(self, timeout_s: float = 20) -> None:
        """Wait until everybody had something acknowledged that was typed after now.

        Raises:
            TimeoutError: somebody had not.
        """
        before = [set(one.typed) for one in await self.accounts()]

        async def holds() -> bool:
            now = await self.accounts()
            return all(one.acknowledged - had for had, one in zip(before, now, strict=True))

        await self.until(holds, "something acknowledged to everybody", timeout_s)

    async def until_all_see(self, timeout_s: float, *others: Peer) -> None:
        """Wait until everybody reads all that was typed in their room until now.

        Args:
            timeout_s: How long at most.
            others: Who reads the document, too.
        """

        async def holds() -> bool:
            return await self.document.all_seen(*others) and await self.layout.all_seen()

        await self.until(holds, "seeing what everybody typed", timeout_s)

    async def until_crossed(self, timeout_s: float) -> None:
        """Wait until everybody reads everything, while nobody types.

        A process that commits an edit of its own sees by its number what it missed.
        """
        await self.rest()
        await self.until_all_see(timeout_s)
        await self.type()

    async def until_neighbours_see(self, timeout_s: float) -> None:
        """Wait until those at the second process read all that any of them typed until now."""
        there = [one for one in await self.document.accounts() if one.name in _NEIGHBOURS]
        typed = {tag for one in there for tag in one.typed}

        async def holds() -> bool:
            now = [one for one in await self.document.accounts() if one.name in _NEIGHBOURS]
            return all(typed <= set(tags_of(one.text)) for one in now)

        await self.until(holds, "seeing what neighbours typed", timeout_s)

    async def until(
        self, holds: Callable[[], Awaitable[bool]], what: str, timeout_s: float
    ) -> None:
        """Ask again and again until something holds.

        Raises:
            TimeoutError: it did not in time.
        """
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
        if self.document.node is not None:
            await self.document.node.start()

    async def rest(self) -> None:
        """Have everybody stop typing and stay."""
        if self.document.node is not None:
            await self.document.node.stop()
        await asyncio.gather(*(typist.stop() for typist in self.typists))

    async def kill(self, site: Site) -> None:
        """Kill a process, and look at once whether what was acknowledged is stored."""
        site.kill()
        await self.check_stored()

    @contextlib.asynccontextmanager
    async def commits_held(self) -> AsyncIterator[None]:
        """Hold up every commit to the rooms, as a slow database does."""
        url = self.cluster.postgres.url
        async with (
            await psycopg.AsyncConnection.connect(url) as connection,
            connection.transaction(),
        ):
            for room in self.rooms:
                await connection.execute(
                    "SELECT 1 FROM collab_room WHERE id = (SELECT room_id"  # noqa: S608
                    f" FROM {table_of(room.kind)} WHERE id = %s) FOR UPDATE",
                    (room.id,),
                )
            yield

    async def check_stored(self) -> set[str]:
        """Look whether PostgreSQL holds all that was acknowledged until now; `lost` if not.

        Returns:
            The tags that it holds.
        """
        return set().union(*[await room.check_stored() for room in self.rooms])

    def twice(self) -> int:
        """Count the tags that are stored more than once."""
        return sum(room.twice() for room in self.rooms)

    async def until_equal(self, timeout_s: float) -> None:
        """Wait until all that was typed is acknowledged, and each room is the same everywhere.

        Raises:
            TimeoutError: it did not become so; the text says what is where.
        """
        end = time.monotonic() + timeout_s
        while (differs := await self._difference()) is not None:
            if time.monotonic() > end:
                raise TimeoutError(f"not equal within {timeout_s:g} s: {differs}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _difference(self) -> str | None:
        for room in self.rooms:
            if (differs := await room.difference()) is not None:
                return f"{room.kind.name}: {differs}"
        return None
