"""Group commit: what goes together, what never does, and what happens while the log is away."""

from __future__ import annotations

import asyncio
from typing import Any

import pycrdt
import pytest

from collab.engine.errors import EpochChanged, LogUnavailable, NoSuchRoom
from collab.engine.journal import Unsaved
from collab.engine.ports import Appended, Batch
from collab.engine.replica import replay
from tests.engine.world import KEY, ROOT, Page, World, passes, settled


def text_of(rows: list[bytes]) -> str:
    page = Page()
    for row in rows:
        page.doc.apply_update(row)
    return page.text


async def test_commit_holds_what_many_rooms_have(world: World) -> None:
    """While one commit is under way the others gather, and go in one transaction."""
    for key in range(2, 12):
        world.log.create(key)
    rooms = [await world.room(key) for key in range(1, 12)]
    pages = [Page().join(room, sync=False) for room in rooms]
    world.gate.shut()
    pages[0].type("first")
    await world.gate.waiting.wait()
    for page in pages[1:]:
        page.type("then")
    world.gate.open()
    await world.saved()
    assert world.gate.batches == [[1], list(range(2, 12))]
    assert all(page.acked == 1 for page in pages)


async def test_rows_have_one_author_each(world: World) -> None:
    """Edits of one commit are merged within their author, never with another's."""
    room = await world.room()
    ann, bob = Page(1).join(room, author="ann"), Page(2).join(room, author="bob")
    world.gate.shut()
    ann.type("a")
    await world.gate.waiting.wait()
    for _ in range(5):
        ann.type("a")
        bob.type("b")
    world.gate.open()
    await world.saved()
    rows = world.log.rooms[KEY].rows
    assert [author for author, _ in rows] == ["ann", "ann", "bob"]
    assert sorted(text_of([update for _, update in rows])) == sorted("a" * 6 + "b" * 5)


def test_rows_are_merged_up_to_their_bounds() -> None:
    """A row has about `row_bytes` and so many updates at most; nothing is lost between rows."""
    page = Page(1)
    unsaved = Unsaved()
    for _ in range(100):
        unsaved.add("ann", page.write("some text "))
    writes = unsaved.merged(row_bytes=10_000, row_updates=8)
    assert len(writes) == 13
    assert text_of([write.update for write in writes]) == page.text
    writes = unsaved.merged(row_bytes=200, row_updates=64)
    assert len(writes) > 5
    assert text_of([write.update for write in writes]) == page.text


async def test_what_waits_for_a_lost_update_keeps_nothing_else_back(world: World) -> None:
    """Saved in one commit with it, and read by a process that starts later."""
    room = await world.room()
    ann = Page(1).join(room)
    world.gate.shut()
    ann.type("a")
    await world.gate.waiting.wait()
    ann.type("b")
    ann.write("lost on its way")
    ann.type("d")
    world.gate.open()
    await world.saved()
    assert ann.acked == ann.sent
    assert str(room.replica.doc.get(ROOT, type=pycrdt.Text)) == "ab"
    loaded = replay(await world.log.load(KEY), world.limits.update)
    assert str(loaded.doc.get(ROOT, type=pycrdt.Text)) == "ab"


async def test_log_that_is_away_loses_nothing_and_acks_nothing(world: World) -> None:
    """Editing goes on; everything is saved, in order, when the log is back."""
    room = await world.room()
    ann, bob = Page(1).join(room, sync=False), Page(2).join(room, sync=False)
    world.log.fail = LogUnavailable("away")
    for n in range(30):
        ann.type(f"{n} ")
        await passes(1)
    assert bob.text == ann.text
    assert ann.wire.acks == []
    assert world.registries[0].journal.available is False
    world.log.fail = None
    await passes(3)
    assert ann.wire.acks[-1] == 30
    assert world.stored() == ann.text == "".join(f"{n} " for n in range(30))
    assert world.registries[0].journal.available is True


async def test_trouble_that_nobody_foresaw_does_not_end_the_commits(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal outlives any error of a log, and says so: its end would be silent for ever."""
    room = await world.room()
    ann = Page(1).join(room, sync=False)
    world.log.fail = ZeroDivisionError("a defect")
    ann.type("a")
    await passes(5)
    assert ann.wire.acks == []
    assert "a defect" in caplog.text
    world.log.fail = None
    await passes(3)
    assert ann.wire.acks == [1]


async def test_update_that_cannot_be_merged_is_stored_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A panic while rows are merged costs their merging, neither the edits nor the journal."""
    room = await world.room()
    ann, bob = Page(1).join(room, sync=False), Page(2).join(room, sync=False)

    def panic(*updates: bytes) -> bytes:
        raise BaseException("PanicException")

    ann.type("a")
    monkeypatch.setattr("pycrdt.merge_updates", panic)
    ann.type("b")
    ann.type("c")
    await passes(0.1)
    await world.saved()
    assert ann.wire.acks[-1] == 3
    assert world.stored() == bob.text == "abc"


async def test_room_that_is_gone_holds_up_no_other(world: World) -> None:
    """A deleted room is closed with 4404, a reset one with 4409, and the third is saved."""
    for key in (2, 3):
        world.log.create(key)
    pages = [Page().join(await world.room(key), sync=False) for key in (1, 2, 3)]
    del world.log.rooms[1]
    world.log.rooms[2].epoch += 1
    for page in pages:
        page.type("a")
    await world.saved()
    assert [page.wire.code for page in pages] == [4404, 4409, None]
    assert [page.wire.acks for page in pages] == [[], [], [1]]
    assert list(world.registries[0].rooms) == [3]


async def test_submit_to_a_room_that_is_gone_raises(world: World) -> None:
    """Who waits for durability learns that there will be none."""
    room = await world.room()
    world.log.rooms[KEY].epoch += 1
    with pytest.raises(EpochChanged):
        await room.submit("ann", Page(1).write("a"))
    world.log.create(2)
    room = await world.room(2)
    del world.log.rooms[2]
    with pytest.raises(NoSuchRoom):
        await room.submit("ann", Page(1).write("a"))


async def test_full_journal_sends_writers_away(world: World) -> None:
    """What is unsaved is bounded: past it content is refused with 1013, and readers stay."""
    world.limit(unsaved_bytes=2000)
    room = await world.room()
    ann, eve = Page(1).join(room), Page(2).join(room, may_write=False)
    world.log.fail = LogUnavailable("away")
    for _ in range(30):
        ann.type("x" * 100)
    assert (ann.wire.code, eve.wire.code) == (1013, None)
    assert world.registries[0].journal.unsaved_bytes < 2300
    world.log.fail = None
    await world.saved()
    assert world.registries[0].journal.unsaved_bytes == 0
    kept = ann.text
    ann.join(room)
    await world.saved()
    assert world.stored() == kept, "what was refused came back with the next step 2"


async def test_small_updates_count_with_what_they_take_of_memory(world: World) -> None:
    """A million keystrokes of twenty bytes take far more than twenty million bytes."""
    world.limit(unsaved_bytes=10_000)
    room = await world.room()
    ann = Page(1).join(room)
    world.log.fail = LogUnavailable("away")
    for _ in range(200):
        ann.type("x")
    assert ann.wire.code == 1013
    world.log.fail = None
    await world.saved()
    assert world.registries[0].journal.unsaved_bytes == 0


async def test_journal_rests_after_a_costly_commit_and_not_when_asked_to_flush(
    world: World,
) -> None:
    """Commits take a bounded share of the time; a flush waits for none of the rests."""
    world.limit(commit_cost_factor=4, commit_gap_max_s=0.1)
    room = await world.room()
    append = world.log.append

    async def slow(batches: Any) -> list[Appended | Exception]:
        await asyncio.sleep(0.01)
        return await append(batches)

    world.log.append = slow  # type: ignore[method-assign]
    ann = Page(1).join(room, sync=False)
    ann.type("a")
    await passes(0.012)
    assert ann.wire.acks == [1]
    ann.type("b")
    await passes(0.03)
    assert ann.wire.acks == [1], "it rests for 40 ms"
    await passes(0.03)
    assert ann.wire.acks == [1, 2]
    ann.type("c")
    started = asyncio.get_running_loop().time()
    await world.saved()
    assert asyncio.get_running_loop().time() - started < 0.03
    assert ann.wire.acks == [1, 2, 3]


async def test_flush_returns_only_when_everything_is_durable(world: World) -> None:
    """Also what comes in while it waits."""
    room = await world.room()
    ann = Page(1).join(room, sync=False)
    world.gate.shut()
    ann.type("a")
    flush = asyncio.create_task(world.saved())
    await settled()
    ann.type("b")
    await passes(5)
    assert not flush.done()
    world.gate.open()
    await flush
    assert world.stored() == "ab"


async def test_two_flushes_hurry_both(world: World) -> None:
    """The first flush to end does not let the journal rest while another waits."""
    journal = world.process().journal
    first, second = (asyncio.create_task(journal.flush()) for _ in range(2))
    await asyncio.gather(first, second)


async def test_room_that_fails_after_its_commit_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """An app's own code may be wrong; the other rooms of that commit are acked."""
    from collab.engine.room import Room, RoomKind

    class Wrong(RoomKind):
        def saved(self, room: Room) -> None:
            raise ValueError("an app's defect")

    world.log.create(2)
    one, two = await world.room(1, Wrong()), await world.room(2)
    ann, bob = Page(1).join(one, sync=False), Page(2).join(two, sync=False)
    ann.type("a")
    bob.type("b")
    await world.saved()
    assert (ann.acked, bob.acked) == (1, 1)
    assert "an app's defect" in caplog.text


async def test_ambiguous_commit_is_made_again_and_heals(world: World) -> None:
    """A commit whose answer was lost is stored twice, which changes nothing but the count."""
    append = world.log.append
    once = [LogUnavailable("the answer was lost")]

    async def answer_lost(batches: list[Batch]) -> list[Appended | Exception]:
        answers = await append(batches)
        if once:
            raise once.pop()
        return answers

    world.log.append = answer_lost  # type: ignore[method-assign,assignment]
    room = await world.room()
    ann = Page(1).join(room, sync=False)
    ann.type("a")
    await world.saved()
    assert (ann.wire.acks, world.stored()) == ([1], "a")
    assert len(world.log.rooms[KEY].rows) == 2
    await passes(1)
    assert (room.tail.seq, room.tail.behind) == (2, False)
