"""When a title and a time of change are written to SQL; it takes virtual time, so it is here."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pycrdt

from collab.engine.room import Room
from collab.mirror import MirroredKind
from collab.shared import SharedObject
from tests.engine.world import Page, World, passes


class Noted(MirroredKind):
    """Notes what would be written, and when."""

    def __init__(self) -> None:
        super().__init__(SharedObject)
        self.began = asyncio.get_running_loop().time()
        self.written: list[tuple[int, str, bool]] = []

    async def _write(self, room: Room, title: str, edited_at: datetime | None) -> None:
        seconds = round(asyncio.get_running_loop().time() - self.began)
        self.written.append((seconds, title, edited_at is not None))


async def test_time_of_change_is_written_soon_and_then_seldom(world: World) -> None:
    """Typing for a minute costs a handful of writes, and the last letter's time is written too."""
    kind = Noted()
    page = Page().join(await world.room(kind=kind))
    for _ in range(60):
        page.type("x")
        await passes(1)
    await passes(60)
    assert kind.written == [
        (0, "", False), *((at, "", True) for at in (1, 16, 31, 46, 61)),
    ]  # fmt: skip


async def test_a_new_title_is_written_at_once(world: World) -> None:
    """Lists follow within a second or two, however short ago the time was written."""
    kind = Noted()
    page = Page().join(await world.room(kind=kind))
    title = page.doc.get("title", type=pycrdt.Text)
    for word in ("Plan", " B"):
        page.type("x")
        await passes(2)
        with page.change() as made:
            title += word
        page.send(made[0])
        await passes(2)
    assert [(words, edited) for _, words, edited in kind.written] == [
        ("", False), ("", True), ("Plan", True), ("Plan B", True),
    ]  # fmt: skip
    assert kind.written[-1][0] <= 8


async def test_nothing_is_left_to_write_when_a_room_is_closed(world: World) -> None:
    """What a timer would have written is written before."""
    world.limit(idle_s=1)
    kind = Noted()
    room = await world.room(kind=kind)
    page = Page().join(room)
    page.type("x")
    await passes(3)
    page.type("y")
    await world.saved()
    page.leave()
    world.registries[0].release(room)
    await passes(10)
    assert room.closed
    assert [edited for *_, edited in kind.written] == [False, True, True]
    await passes(60)
    assert len(kind.written) == 3


async def test_a_room_that_failed_writes_nothing(world: World) -> None:
    """Its title may be an old one by the time: people are in the next room already."""
    kind = Noted()
    room = await world.room(kind=kind)
    page = Page().join(room)
    for word in ("x", "y"):
        page.type(word)
        await passes(2)
    page.type("z")
    await world.saved()
    room.restart()
    await passes(60)
    assert len(kind.written) == 2
