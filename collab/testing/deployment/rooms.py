"""What is edited: a scratch document, or the layout of a scratch dashboard."""

from __future__ import annotations

import contextlib
import json
from typing import Any, ClassVar

import pycrdt

from collab.testing.content import plain
from collab.testing.deployment.target import CannotCheck, Target

Doc = pycrdt.Doc[Any]

_OCTETS = {"Content-Type": "application/octet-stream"}


class ScratchRoom:
    """A kind of room, and where in it the peers write.

    Each peer writes tags into `text` and, where there is one, `body`; values that nobody else
    writes to a place of its `own`; and values over those of others to `shared`.
    """

    name: ClassVar[str]
    collection: ClassVar[str]
    # Keys of `shared` that everybody writes to.
    contested: ClassVar[tuple[str, ...]]
    most_peers: ClassVar[int] = 1000

    def seed(self, peers: int) -> bytes | None:
        """Make what must be there before anybody edits, as an update."""
        return None

    def text(self, doc: Doc) -> pycrdt.Text:
        raise NotImplementedError

    def body(self, doc: Doc) -> pycrdt.XmlFragment | None:
        return None

    def own(self, doc: Doc, peer: int) -> tuple[pycrdt.Map[Any], str]:
        """Return the map and the key that only this peer writes to."""
        raise NotImplementedError

    def shared(self, doc: Doc) -> pycrdt.Map[Any]:
        raise NotImplementedError

    def content(self, doc: Doc) -> dict[str, Any]:
        """Return all that the room holds, as plain values."""
        raise NotImplementedError

    def value_in(self, content: dict[str, Any], peer: int) -> Any:
        """Return what is at a peer's own place in a content; None if there is nothing."""
        raise NotImplementedError

    async def stored(self, target: Target, key: str) -> Any:
        """Read what the site stored, in a form that `as_stored` makes of a copy."""
        raise NotImplementedError

    def as_stored(self, doc: Doc) -> Any:
        return self.content(doc)

    async def create(self, target: Target, title: str) -> tuple[str, str]:
        """Create a scratch object. Returns its id, and the address of its socket."""
        made = await target.ask_json("POST", self.collection, json={"title": title})
        try:
            return str(made["id"]), target.sockets + str(made["socket"])
        except (KeyError, TypeError) as error:
            raise CannotCheck(f"There is no Collab at {target.pages}: no id there.") from error

    async def prepare(self, target: Target, key: str, peers: int) -> None:
        """Put there what must be there before anybody edits."""
        seed = self.seed(peers)
        if seed is not None:
            path = f"{self.collection}/{key}/updates"
            await target.ask("POST", path, content=seed, headers=_OCTETS)

    async def delete(self, target: Target, key: str) -> None:
        """Delete it: into the trash, and out of it. Raises CannotCheck."""
        path = f"{self.collection}/{key}"
        # It may lie in the trash after a first try.
        with contextlib.suppress(CannotCheck):
            await target.ask("DELETE", path)
        await target.ask("DELETE", path, params={"forever": "true"})


class DocumentRoom(ScratchRoom):
    """A document: its body, and a text and two maps beside it, which no page shows."""

    name = "document"
    collection = "documents"
    contested = ("a", "b", "c")

    def text(self, doc: Doc) -> pycrdt.Text:
        text: pycrdt.Text = doc.get("text", type=pycrdt.Text)
        return text

    def body(self, doc: Doc) -> pycrdt.XmlFragment:
        body: pycrdt.XmlFragment = doc.get("body", type=pycrdt.XmlFragment)
        return body

    def own(self, doc: Doc, peer: int) -> tuple[pycrdt.Map[Any], str]:
        return doc.get("own", type=pycrdt.Map), f"peer{peer}"

    def shared(self, doc: Doc) -> pycrdt.Map[Any]:
        shared: pycrdt.Map[Any] = doc.get("shared", type=pycrdt.Map)
        return shared

    def content(self, doc: Doc) -> dict[str, Any]:
        return {
            "text": plain(self.text(doc)),
            "body": plain(self.body(doc)),
            "own": plain(self.own(doc, 0)[0]),
            "shared": plain(self.shared(doc)),
        }

    def value_in(self, content: dict[str, Any], peer: int) -> Any:
        return content["own"].get(f"peer{peer}")

    async def stored(self, target: Target, key: str) -> dict[str, Any]:
        """Read the newest version: it is made of the rows of the log, not of what is in memory."""
        path = f"{self.collection}/{key}/versions"
        page = await target.ask_json("GET", path, params={"limit": 1})
        doc: Doc = pycrdt.Doc()
        for version in page["versions"]:
            answer = await target.ask("GET", f"{path}/{version['seq']}", params={"format": "yjs"})
            doc.apply_update(answer.content)
        return self.content(doc)


class DashboardRoom(ScratchRoom):
    """A dashboard's layout: the fields of panels, and the text of the first."""

    name = "dashboard"
    collection = "dashboards"
    contested = ("title", "unit")
    # A layout shows 60 panels; a peer has one of two fields of one.
    most_peers = 100
    # A layout shows panels whose ids have ten characters.
    shared_id = "sharedtext"
    _FIELDS = ("title", "unit")
    _KIND = "text"

    def seed(self, peers: int) -> bytes:
        panels = {
            _panel_id(number): pycrdt.Map({"kind": self._KIND, "text": pycrdt.Text()})
            for number in range(peers // len(self._FIELDS) + 1)
        }
        panels[self.shared_id] = pycrdt.Map({"kind": self._KIND, "text": pycrdt.Text()})
        doc: Doc = pycrdt.Doc()
        doc["panels"] = pycrdt.Map(panels)
        return doc.get_update()

    def text(self, doc: Doc) -> pycrdt.Text:
        text: pycrdt.Text = self.shared(doc)["text"]
        return text

    def own(self, doc: Doc, peer: int) -> tuple[pycrdt.Map[Any], str]:
        panel, field = divmod(peer, len(self._FIELDS))
        return self._panels(doc)[_panel_id(panel)], self._FIELDS[field]

    def shared(self, doc: Doc) -> pycrdt.Map[Any]:
        panel: pycrdt.Map[Any] = self._panels(doc)[self.shared_id]
        return panel

    def content(self, doc: Doc) -> dict[str, Any]:
        return {"panels": plain(self._panels(doc))}

    def value_in(self, content: dict[str, Any], peer: int) -> Any:
        panel, field = divmod(peer, len(self._FIELDS))
        return content["panels"].get(_panel_id(panel), {}).get(self._FIELDS[field])

    async def stored(self, target: Target, key: str) -> Any:
        return await target.ask_json("GET", f"{self.collection}/{key}/layout")

    def as_stored(self, doc: Doc) -> Any:
        from dashboards.layout import exchange
        from dashboards.layout.read import layout_of

        return json.loads(exchange.written(layout_of(doc)))

    def _panels(self, doc: Doc) -> pycrdt.Map[Any]:
        panels: pycrdt.Map[Any] = doc.get("panels", type=pycrdt.Map)
        return panels


def _panel_id(number: int) -> str:
    return f"peers{number:05}"


ROOMS: dict[str, ScratchRoom] = {room.name: room for room in (DocumentRoom(), DashboardRoom())}
