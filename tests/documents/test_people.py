"""Who is in a document, as its open pages are told: how often that is rendered, and what of it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from collab import shared_consumers
from collab.engine.peer import Person
from collab.engine.room import Room
from collab.models import ApiKey
from collab.process import Process
from documents import actions
from documents.consumers import PeopleConsumer

pytestmark = pytest.mark.django_db(transaction=True)

ANN, BEN = Person("1", "Ann", 0), Person("2", "Ben", 1)
VIEWERS = 30


class Page:
    """An open editor's socket of fragments: what it was sent."""

    def __init__(self, key: str, document: UUID) -> None:
        self._scope = {
            "type": "websocket",
            "headers": [(b"authorization", f"Bearer {key}".encode())],
            "query_string": b"",
            "url_route": {"kwargs": {"document_id": document}},
        }
        self.frames: list[str] = []
        self._news = asyncio.Condition()
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        consumer = PeopleConsumer()
        self._task = asyncio.create_task(consumer(self._scope, self._incoming.get, self._send))

    async def until(self, count: int) -> None:
        """Wait for this many frames."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.frames) >= count)

    async def close(self) -> None:
        await self._incoming.put({"type": "websocket.disconnect"})
        await self._task

    async def _send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            async with self._news:
                self.frames.append(event["text"])
                self._news.notify_all()


class Silent:
    """The wire of a peer that is in the room and reads nothing."""

    def write(self, frame: bytes) -> bool:
        return True

    def close(self, code: int, reason: str) -> None:
        pass


def enter(room: Room, person: Person) -> Any:
    return room.join(Silent(), author=None, person=person, may_write=False, acks=False)


@sync_to_async
def alices_document() -> tuple[str, UUID, int]:
    alice = User.objects.create_user("alice")
    document = actions.create_document(actor=alice, title="A document")
    return ApiKey.issue(alice, "tests")[1], document.pk, document.room_id


async def test_a_change_of_people_is_rendered_once_for_all_viewers(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty open pages cost the renderings of one, and all are told the same."""
    rendered: list[str] = []
    render = shared_consumers.render_to_string

    def counted(name: str, context: Any = None) -> str:
        rendered.append(name)
        return render(name, context)

    monkeypatch.setattr(shared_consumers, "render_to_string", counted)
    key, document, room_id = await alices_document()
    pages = [Page(key, document) for _ in range(VIEWERS)]

    async def told(count: int) -> list[str]:
        """Wait for a fragment at every page. Returns the names in it."""
        for page in pages:
            await page.until(count)
        assert rendered.count("shared/_people.html") == count
        (same,) = {
            page.frames[-1].partition('<hx-partial hx-target="#rights"')[0] for page in pages
        }
        return [name for name in ("Ann", "Ben") if name in same]

    assert await told(1) == []
    room = process.registry.rooms[room_id]
    peers = [enter(room, ANN)]
    assert await told(2) == ["Ann"]
    # Who come at once are one change.
    peers += [enter(room, ANN), enter(room, BEN)]
    assert await told(3) == ["Ann", "Ben"]
    for peer in peers:
        room.leave(peer)
    assert await told(4) == []
    assert {len(page.frames) for page in pages} == {4}
    for page in pages:
        await page.close()
