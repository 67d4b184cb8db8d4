"""A room that people type tags in: what each of them reads, and what is stored."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any, ClassVar, Self
from uuid import UUID

import httpx
import psycopg
import pycrdt

from collab.testing.cluster import Cluster
from collab.testing.deployment.rooms import ROOMS, DashboardRoom, ScratchRoom
from collab.testing.node import Account, NodeTypists
from collab.testing.peer import Peer
from collab.testing.servers import Site
from collab.testing.typist import GONE, Typist

_FRESH_TIMEOUT_S = 5.0
_OCTETS = {"Content-Type": "application/octet-stream"}


def tags_of(text: object) -> list[str]:
    """List the tags in a text."""
    return re.findall(r"<\w+>", str(text))


def text_in(doc: pycrdt.Doc[Any], kind: ScratchRoom) -> str:
    """Read what people type in; empty while a layout has no panel to type in."""
    try:
        return str(kind.text(doc))
    except KeyError:
        return ""


class StoredText:
    """What PostgreSQL holds of a room's text, read row by row past all proxies and processes.

    Args:
        url: Of the database itself.
        room: The id of what the room is of.
        kind: Of the room.
    """

    def __init__(self, url: str, room: str, kind: ScratchRoom = ROOMS["document"]) -> None:
        self.url = url
        self.kind = kind
        self.room = UUID(room)
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self._seq = 0

    def read(self) -> set[str]:
        """Take the rows since the last call. Returns the tags that are stored."""
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            rows = connection.execute(
                f"SELECT seq, data FROM collab_storedupdate WHERE seq > %s"  # noqa: S608
                f" AND room_id = (SELECT room_id FROM {table_of(self.kind)} WHERE id = %s)"
                " ORDER BY seq",
                (self._seq, self.room),
            ).fetchall()
        for seq, data in rows:
            self.doc.apply_update(bytes(data))
            self._seq = seq
        return set(tags_of(self.text))

    @property
    def text(self) -> str:
        """The text in the rows that were read."""
        return text_in(self.doc, self.kind)


def table_of(kind: ScratchRoom) -> str:
    """Return the table of what rooms of a kind are of."""
    return f"{kind.collection}_{kind.name}"


class EditedRoom:
    """A new room at a cluster, and the people in it.

    Args:
        cluster: Runs.
        room: Its id.

    Attributes:
        typists: People in Python.
        node: People in Node, if there are some.
        lost: Tags that were acknowledged, and missing in the database at a look at it.
    """

    kind: ClassVar[ScratchRoom]
    # After the collection and the id.
    socket: ClassVar[str] = ""

    def __init__(self, cluster: Cluster, room: str) -> None:
        self.cluster = cluster
        self.id = room
        self.typists: list[Typist] = []
        self.node: NodeTypists | None = None
        self.lost: set[str] = set()
        self._stored = StoredText(cluster.postgres.url, room, self.kind)

    @classmethod
    async def create(cls, cluster: Cluster) -> Self:
        return await asyncio.to_thread(cls._create, cluster)

    @classmethod
    def _create(cls, cluster: Cluster) -> Self:
        site, collection = cluster.first, cls.kind.collection
        made = site.api("POST", collection, cluster.key, json={"title": "Typed in"}).json()
        if (seed := cls.kind.seed(1)) is not None:
            path = f"{collection}/{made['id']}/updates"
            site.api("POST", path, cluster.key, content=seed, headers=_OCTETS)
        return cls(cluster, str(made["id"]))

    def url(self, address: str) -> str:
        """Return its socket at one of the cluster's addresses."""
        return f"{address}/ws/{self.kind.collection}/{self.id}{self.socket}"

    def peer(self, address: str) -> Peer:
        """Make one more peer, not connected yet."""
        return Peer(self.url(address), self.cluster.key)

    def text_of(self, peer: Peer) -> str:
        """Read the text in a peer's copy."""
        return text_in(peer.doc, self.kind)

    async def accounts(self) -> list[Account]:
        """Ask everybody for what they have typed and read now."""
        accounts = [
            Account(
                name=typist.name,
                typed=list(typist.typed),
                acknowledged=set(typist.acknowledged),
                longest_unsaved_s=typist.longest_unsaved_s,
                connected=typist.peer.connected,
                text=self.text_of(typist.peer),
            )
            for typist in self.typists
        ]
        if self.node is not None:
            accounts += (await self.node.accounts()).values()
        return accounts

    async def acknowledged(self) -> set[str]:
        """Return the tags that were acknowledged until now."""
        return set().union(*(one.acknowledged for one in await self.accounts()))

    async def all_seen(self, *others: Peer) -> bool:
        """Tell whether everybody, and others, read all that was typed until now."""
        accounts = await self.accounts()
        typed = {tag for one in accounts for tag in one.typed}
        texts = [one.text for one in accounts] + [self.text_of(peer) for peer in others]
        return all(typed <= set(tags_of(text)) for text in texts)

    async def check_stored(self) -> set[str]:
        """Look whether PostgreSQL holds all that was acknowledged until now; `lost` if not.

        Returns:
            The tags that it holds.
        """
        acknowledged = await self.acknowledged()
        stored = await asyncio.to_thread(self._stored.read)
        self.lost |= acknowledged - stored
        return stored

    def twice(self) -> int:
        """Count the tags that are stored more than once."""
        return sum(count > 1 for count in Counter(tags_of(self._stored.text)).values())

    async def difference(self) -> str | None:
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
        if self._stored.text != text:
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
                await fresh.until(lambda: self.text_of(fresh) == text, "the text", _FRESH_TIMEOUT_S)
        except GONE as error:
            return f"somebody new at {site.name} has another text: {error!r}"
        finally:
            await fresh.cut()
        try:
            given = await asyncio.to_thread(self._given_by, site)
        except httpx.HTTPError as error:
            return f"the API of {site.name} does not answer: {error!r}"
        return None if given == text else f"the API of {site.name} gives another text"

    def _given_by(self, site: Site) -> str:
        """Read the text over a process's API."""
        raise NotImplementedError


class EditedDocument(EditedRoom):
    """A document."""

    kind = ROOMS["document"]

    def _given_by(self, site: Site) -> str:
        copy: pycrdt.Doc[Any] = pycrdt.Doc()
        copy.apply_update(site.content(self.cluster.key, self.id).content)
        return text_in(copy, self.kind)


class EditedLayout(EditedRoom):
    """A dashboard's layout, of which people write the text of a panel."""

    kind = ROOMS["dashboard"]
    socket = "/layout"

    def _given_by(self, site: Site) -> str:
        path = f"{self.kind.collection}/{self.id}/layout"
        panels = site.api("GET", path, self.cluster.key).json()["panels"]
        texts = {panel["id"]: panel.get("text", "") for panel in panels}
        return str(texts.get(DashboardRoom.shared_id, ""))
