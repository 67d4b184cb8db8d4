"""Open home pages of one process: who is told what, how often, and how much they may hold up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from collab import lobby, sharing
from collab.engine.peer import Person
from collab.models import ApiKey, Grant, Role
from collab.process import Process
from documents import actions
from documents.consumers import ListConsumer
from documents.models import Document

pytestmark = pytest.mark.django_db(transaction=True)

ANN, BEN = Person("1", "Ann", 0), Person("2", "Ben", 1)


class Consumer(ListConsumer):
    """A home page's socket that says when it has looked up its rights."""

    asked: Callable[[], Awaitable[None]]

    async def enter(self) -> None:
        await super().enter()
        await self.asked()

    async def ask(self) -> None:
        await super().ask()
        await self.asked()


class Screen:
    """An open home page: what its socket was sent. `stalled` lets it read nothing."""

    def __init__(self, key: str, since: float | None = None) -> None:
        rendered = int(time.time() if since is None else since)
        self._scope = {
            "type": "websocket",
            "headers": [(b"authorization", f"Bearer {key}".encode())],
            "query_string": f"since={rendered}".encode(),
        }
        self.frames: list[str] = []
        self.code: int | None = None
        self._news = asyncio.Condition()
        self._reading = asyncio.Event()
        self._reading.set()
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.consumer = Consumer()
        self.consumer.asked = self._notify

    async def open(self) -> Screen:
        await self._incoming.put({"type": "websocket.connect"})
        self._task = asyncio.create_task(self.consumer(self._scope, self._incoming.get, self._send))
        await self.until(lambda: self.code is not None or self.consumer._inside)
        return self

    async def close(self) -> None:
        self.stall(on=False)
        await self._incoming.put({"type": "websocket.disconnect"})
        if self._task is not None:
            await self._task

    def stall(self, *, on: bool = True) -> None:
        self._reading.clear() if on else self._reading.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(holds)

    def of(self, element: str) -> list[str]:
        """Return what was sent for an element, oldest first."""
        partials = re.findall("<hx-partial .*?</hx-partial>", "".join(self.frames), re.DOTALL)
        return [partial for partial in partials if f'hx-target="#{element}"' in partial]

    async def _send(self, event: dict[str, Any]) -> None:
        await self._reading.wait()
        if event["type"] == "websocket.send":
            self.frames.append(event["text"])
        elif event["type"] == "websocket.close":
            self.code = event["code"]
        await self._notify()

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


@sync_to_async
def person(name: str) -> tuple[User, str]:
    user = User.objects.create_user(name)
    return user, ApiKey.issue(user, "tests")[1]


@sync_to_async
def document(owner: User, *readers: User) -> Document:
    made = actions.create_document(actor=owner, title="A document")
    for reader in readers:
        sharing.grant(made.room, reader, Role.READER)
    return made


@pytest_asyncio.fixture
async def screens(process: Process) -> AsyncIterator[list[Screen]]:
    """The open pages of the test, closed at its end."""
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        await screen.close()


async def settle(process: Process) -> None:
    """Have what changed told now."""
    process.registry.occupancy._tick()
    await asyncio.sleep(0)


async def test_only_who_may_see_a_document_hears_of_it(
    process: Process, screens: list[Screen]
) -> None:
    """The owner and a reader; nobody else, and nobody who is not logged in."""
    alice, alices = await person("alice")
    bob, bobs = await person("bob")
    _, charlies = await person("charlie")
    room = (await document(alice, bob)).room_id
    screens += [await Screen(key).open() for key in (alices, bobs, charlies)]
    process.registry.occupancy.here(room, [ANN])
    await settle(process)
    assert [len(screen.of(f"live-{room}")) for screen in screens] == [1, 1, 0]
    assert "Ann" in screens[1].frames[0]
    assert screens[2].frames == []
    stranger = Screen("collab_nobody")
    screens.append(await stranger.open())
    assert stranger.code == 4401


async def test_a_change_is_rendered_once_for_all_viewers(
    process: Process, screens: list[Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty open lists cost the renderings of one."""
    rendered: list[str] = []
    render = lobby.render_to_string

    def counted(name: str, context: Any = None) -> str:
        rendered.append(name)
        return render(name, context)

    monkeypatch.setattr(lobby, "render_to_string", counted)
    alice, key = await person("alice")
    room = (await document(alice)).room_id
    screens += [await Screen(key).open() for _ in range(40)]
    for people, count in (([ANN], 1), ([ANN, BEN], 2), ([], 3)):
        process.registry.occupancy.here(room, people)
        await settle(process)
        assert rendered.count("shared/_live.html") == count
    assert {len(screen.of(f"live-{room}")) for screen in screens} == {3}
    assert "live__dot" not in screens[0].of(f"live-{room}")[-1]


async def test_a_stalled_viewer_is_owed_the_latest_of_each_document(
    process: Process, screens: list[Screen]
) -> None:
    """However much happens meanwhile, one fragment per document waits."""
    alice, key = await person("alice")
    rooms = [(await document(alice)).room_id for _ in range(3)]
    screen = await Screen(key).open()
    screens.append(screen)
    screen.stall()
    for n in range(50):
        for room in rooms:
            process.registry.occupancy.here(room, [ANN] if n % 2 else [BEN])
        await settle(process)
    assert len(screen.consumer._owed) == 3
    process.registry.occupancy.here(rooms[0], [])
    await settle(process)
    screen.stall(on=False)
    await screen.until(lambda: not screen.consumer._owed and len(screen.frames) == 2)
    assert "live__dot" not in screen.of(f"live-{rooms[0]}")[-1]
    assert "Ann" in screen.of(f"live-{rooms[1]}")[-1]


async def test_a_burst_of_changes_is_one_refresh(process: Process, screens: list[Screen]) -> None:
    """Ten documents shared at once have a page load its list again once or twice."""
    alice, _ = await person("alice")
    bob, key = await person("bob")
    screen = await Screen(key).open()
    screens.append(screen)
    made = [await document(alice, bob) for _ in range(10)]
    await screen.until(lambda: screen.consumer.sight.has(made[-1].room_id))
    await screen.until(lambda: len(screen.of("refresh")) > 0)
    assert len(screen.of("refresh")) <= 4
    process.registry.occupancy.here(made[0].room_id, [ANN])
    await settle(process)
    assert len(screen.of(f"live-{made[0].room_id}")) == 1


async def test_trash_and_restore_reach_open_lists(process: Process, screens: list[Screen]) -> None:
    """Who loses a document hears no more of it, and hears again when it is back."""
    alice, _ = await person("alice")
    bob, key = await person("bob")
    made = await document(alice, bob)
    screen = await Screen(key).open()
    screens.append(screen)
    await sync_to_async(actions.trash)(actor=alice, shared=made)
    await screen.until(lambda: len(screen.of("refresh")) == 1)
    process.registry.occupancy.here(made.room_id, [ANN])
    await settle(process)
    assert screen.of(f"live-{made.room_id}") == []
    await sync_to_async(actions.restore)(actor=alice, shared=made)
    await screen.until(lambda: len(screen.of("refresh")) == 2)
    assert screen.consumer.sight.has(made.room_id)


async def test_a_grant_before_the_first_look_is_found(
    process: Process, screens: list[Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was not announced counts as new, although nothing is known from before it."""
    monkeypatch.setattr(lobby, "_LOOK_S", 0.2)
    alice, _ = await person("alice")
    bob, key = await person("bob")
    made = await document(alice)
    screen = await Screen(key).open()
    screens.append(screen)
    # Past the signals of one that is saved.
    grant = Grant(room_id=made.room_id, user=bob, role=Role.READER)
    await sync_to_async(Grant.objects.bulk_create)([grant])
    await screen.until(lambda: len(screen.of("refresh")) > 0)
    assert screen.consumer.sight.has(made.room_id)


async def test_a_page_that_comes_back_is_brought_up_to_date(
    process: Process, screens: list[Screen]
) -> None:
    """A fresh one is sent who is where; one rendered long ago loads its list again too."""
    alice, key = await person("alice")
    room = (await document(alice)).room_id
    process.registry.occupancy.here(room, [ANN])
    await settle(process)
    fresh, old = Screen(key), Screen(key, since=time.time() - 3600)
    screens += [await fresh.open(), await old.open()]
    await old.until(lambda: len(old.of("refresh")) == 1)
    assert len(fresh.of(f"live-{room}")) == len(old.of(f"live-{room}")) == 1
    assert fresh.of("refresh") == []
    assert old.frames[0].startswith('<hx-partial hx-target=".live"')
    assert "#live-" in "".join(old.frames[1:])
    assert not [frame for frame in fresh.frames if ".live" in frame]


async def test_a_rename_is_sent_as_text(process: Process, screens: list[Screen]) -> None:
    """Whatever the title is made of."""
    alice, key = await person("alice")
    made = await document(alice)
    screen = await Screen(key).open()
    screens.append(screen)
    title = "<b onclick=x>&</b>"
    await sync_to_async(actions.rename)(actor=alice, shared=made, title=title)
    await screen.until(lambda: bool(screen.of(f"title-{made.room_id}")))
    assert "&lt;b onclick=x&gt;&amp;&lt;/b&gt;" in screen.of(f"title-{made.room_id}")[-1]


async def test_nothing_is_left_when_the_last_page_is_closed(process: Process) -> None:
    """No task looks for rights of nobody."""
    _, key = await person("alice")
    screen = await Screen(key).open()
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "look for changed rights" in names
    await screen.close()
    await asyncio.sleep(0)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "look for changed rights" not in names


async def test_a_server_that_stops_sends_its_viewers_elsewhere(process: Process) -> None:
    """With a code that pages take for: come back."""
    _, key = await person("alice")
    screen = await Screen(key).open()
    await process.stop()
    assert screen.code == 1012
    await screen.close()
