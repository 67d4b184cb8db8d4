"""Rooms of a process: opened once, healed from the log, let go when idle, saved when it stops."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from collab.engine.errors import LogUnavailable, NoSuchRoom, Overloaded
from collab.engine.firewall import Limits
from collab.engine.memory import MemoryRelay
from collab.engine.peer import Person
from collab.engine.registry import Registry
from collab.engine.room import Room, RoomKind
from tests.engine.test_replica import FaultyDoc
from tests.engine.world import KEY, Page, World, passes, settled

KIND = RoomKind()


def subscribed(registry: Registry) -> set[int]:
    """Return the rooms that a process hears of."""
    assert isinstance(registry.relay, MemoryRelay)
    return registry.relay._keys


def lose(world: World, *kinds: str) -> None:
    """Lose every event of these kinds."""
    world.bus.lose = lambda process, key, event: event["event"] in kinds


# Opening


async def test_concurrent_leases_open_a_room_once(world: World) -> None:
    """A hundred who come at once share one load and one room."""
    registry = world.process()
    rooms = await asyncio.gather(*(registry.lease(KEY, KIND) for _ in range(100)))
    assert len(set(map(id, rooms))) == 1
    assert (world.gate.loads, rooms[0].holds) == (1, 100)


async def test_lease_of_no_room_fails_for_all_and_leaves_nothing(world: World) -> None:
    """Everybody who waits learns why; no room, subscription or task stays."""
    registry = world.process()
    failures = await asyncio.gather(
        *(registry.lease(404, KIND) for _ in range(5)), return_exceptions=True
    )
    assert [type(failure) for failure in failures] == [NoSuchRoom] * 5
    await settled()
    assert registry.rooms == {}
    assert subscribed(registry) == set()
    assert not [task for task in asyncio.all_tasks() if "404" in task.get_name()]


async def test_lease_while_the_log_is_away_may_be_tried_again(world: World) -> None:
    """A failure is not remembered."""
    registry = world.process()
    world.log.fail = LogUnavailable("away")
    with pytest.raises(LogUnavailable):
        await registry.lease(KEY, KIND)
    world.log.fail = None
    assert (await registry.lease(KEY, KIND)).key == KEY
    await settled()
    assert subscribed(registry) == {KEY}


async def test_lease_that_is_given_up_opens_the_room_for_the_others(world: World) -> None:
    """Who hangs up while a room opens takes it from nobody, and leaks no hold."""
    world.limit(idle_s=30)
    registry = world.process()
    tasks = [asyncio.create_task(registry.lease(KEY, KIND)) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    room = await tasks[1]
    assert room.holds == 1
    registry.release(room)
    await passes(31)
    assert registry.rooms == {}


async def test_lease_that_everybody_gave_up_is_evicted(world: World) -> None:
    """A room that nobody waits for any more goes like any idle one."""
    world.limit(idle_s=30)
    registry = world.process()
    task = asyncio.create_task(registry.lease(KEY, KIND))
    await asyncio.sleep(0)
    task.cancel()
    await passes(1)
    assert list(registry.rooms) == [KEY]
    await passes(31)
    assert registry.rooms == {}


async def test_room_that_breaks_while_it_opens_is_opened_again(world: World) -> None:
    """A lease in the very moment between a room's end and the end of its opening does not spin."""
    registry = world.process()
    late: list[asyncio.Task[Room]] = []

    def breaks(key: int, event: dict[str, Any]) -> None:
        if event["event"] == "presence?" and not late:
            registry.forget(registry.rooms[key])
            late.append(asyncio.create_task(registry.lease(key, KIND)))

    registry.relay.publish = breaks  # type: ignore[method-assign]
    room = await registry.lease(KEY, KIND)
    assert await late[0] is room
    assert (room.holds, room.closed) == (2, False)


async def test_open_rooms_are_bounded_and_idle_ones_give_way(world: World) -> None:
    """The bound counts rooms that are being opened; the idlest is let go for another."""
    world.limit(open_rooms=3)
    for key in range(2, 9):
        world.log.create(key)
    registry = world.process()
    answers = await asyncio.gather(
        *(registry.lease(key, KIND) for key in range(1, 6)), return_exceptions=True
    )
    rooms = [answer for answer in answers if isinstance(answer, Room)]
    assert len(rooms) == len(registry.rooms) == 3
    assert all(isinstance(answer, (Room, Overloaded)) for answer in answers)
    registry.release(rooms[1])
    await registry.lease(8, KIND)
    assert rooms[1].closed
    assert set(registry.rooms) == {rooms[0].key, rooms[2].key, 8}


# Eviction


async def test_idle_room_is_evicted_and_its_memory_freed(world: World) -> None:
    """After the idle time nothing refers to the document's CRDT."""
    world.limit(idle_s=30)
    registry = world.process()
    room = await registry.lease(KEY, KIND)
    ann = Page(1).join(room)
    ann.type("a")
    ann.point(1, {"at": 1})
    ann.edit(0, delete=1)
    ann.send(ann.doc.get_update())
    doc = weakref.ref(room.replica.doc)
    ann.leave()
    registry.release(room)
    del room
    await passes(29)
    assert doc() is not None
    await passes(10)
    gc.collect()
    assert doc() is None
    assert (registry.rooms, subscribed(registry)) == ({}, set())


@pytest.mark.parametrize(("rows", "compacted"), [(1, False), (3, True)])
async def test_room_that_closes_leaves_a_snapshot_if_it_pays(
    world: World, rows: int, compacted: bool
) -> None:
    """Enough rows since the last snapshot make the next opening slow: then there is a new one."""
    world.limit(idle_s=1, compact_rows_on_close=3, compact_rows=1000)
    registry = world.process()
    room = await registry.lease(KEY, KIND)
    ann = Page(1).join(room)
    for _ in range(rows):
        ann.type("a")
        await passes(1)
    ann.leave()
    registry.release(room)
    await passes(5)
    assert registry.rooms == {}
    assert (world.log.rooms[KEY].snapshot is not None) is compacted


async def test_room_that_is_leased_again_stays(world: World) -> None:
    """A reload within the idle time finds the same room."""
    world.limit(idle_s=30)
    registry = world.process()
    room = await registry.lease(KEY, KIND)
    registry.release(room)
    await passes(20)
    assert await registry.lease(KEY, KIND) is room
    await passes(60)
    assert not room.closed


async def test_closing_of_an_app_that_fails_does_not_keep_the_room(world: World) -> None:
    """A room goes even if what its app does on closing raises."""

    class Wrong(RoomKind):
        def closing(self, room: Room) -> None:
            raise ValueError("an app's defect")

    world.limit(idle_s=30)
    registry = world.process()
    registry.release(await registry.lease(KEY, Wrong()))
    await passes(40)
    assert registry.rooms == {}


async def test_reopening_waits_for_the_last_batch_of_the_room_before(world: World) -> None:
    """A room is not loaded while its predecessor has edits under way to the log."""
    world.limit(idle_s=1)
    registry = world.process()
    room = await registry.lease(KEY, KIND)
    world.gate.shut()
    ann = Page(1).join(room)
    ann.type("a")
    ann.leave()
    registry.release(room)
    await passes(2)
    assert room.closed
    opening = asyncio.create_task(registry.lease(KEY, KIND))
    await passes(10)
    assert (opening.done(), world.gate.loads) == (False, 1)
    world.gate.open()
    assert Page(2).join(await opening).text == "a"


async def test_unsubscribing_that_is_slow_does_not_deafen_the_next_room(world: World) -> None:
    """A room reopened while its predecessor is being unsubscribed hears of the others."""
    world.limit(idle_s=1, heads_every_s=10_000)
    one, two = world.process(), world.process()
    unsubscribe = one.relay.unsubscribe

    async def slow(key: int) -> None:
        await asyncio.sleep(5)
        await unsubscribe(key)

    one.relay.unsubscribe = slow  # type: ignore[method-assign]
    one.release(await one.lease(KEY, KIND))
    await passes(2)
    page = Page(1).join(await one.lease(KEY, KIND))
    ann = Page(2).join(await two.lease(KEY, KIND))
    await passes(10)
    ann.type("a")
    await passes(1)
    assert page.text == "a"


# Two processes


async def pair(world: World, **bounds: Any) -> tuple[Page, Page]:
    """Join two pages in two processes."""
    world.limit(**bounds)
    one, two = world.process(), world.process()
    ann = Page(1).join(await one.lease(KEY, KIND), person=Person("1", "Ann", 1))
    bob = Page(2).join(await two.lease(KEY, KIND), person=Person("2", "Bob", 2))
    return ann, bob


async def test_edit_reaches_the_other_process_after_its_commit(world: World) -> None:
    """A copy holds committed rows of others only."""
    ann, bob = await pair(world)
    world.gate.shut()
    ann.type("a")
    await passes(1)
    assert bob.text == ""
    world.gate.open()
    await world.saved()
    await settled()
    assert bob.text == "a"


async def test_lost_events_heal_by_the_heads(world: World) -> None:
    """Within seconds, without anybody noticing but the meter."""
    ann, bob = await pair(world, heads_every_s=3)
    lose(world, "rows")
    for letter in "abc":
        ann.type(letter)
        await passes(0.1)
    assert bob.text == ""
    await passes(4)
    assert bob.text == "abc"


async def test_folded_rows_heal_where_they_were_not_seen(world: World) -> None:
    """A process that slept while rows were folded reads the state, and is not behind for ever."""
    ann, bob = await pair(world, heads_every_s=3)
    ann.type("a")
    await passes(1)
    lose(world, "rows")
    for letter in "bcd":
        ann.type(letter)
        await passes(0.1)
    assert world.log.fold(KEY, 3)
    await passes(7)
    assert bob.text == "abcd"
    assert (bob.wire.code, world.gate.reads) == (None, 1)
    assert not world.registries[1].rooms[KEY].tail.behind
    bob.type("e")
    await passes(4)
    assert ann.text == "abcde"


async def test_folded_state_larger_than_an_update_starts_the_room_anew(world: World) -> None:
    """The state of a whole document may exceed what one update may have; nothing is lost."""
    ann, bob = await pair(world, heads_every_s=3, update=Limits(update_bytes=100))
    lose(world, "rows")
    for _ in range(20):
        ann.type("ten bytes ")
        await passes(0.1)
    assert world.log.fold(KEY, 20)
    await passes(4)
    assert bob.wire.code == 1012
    again = Page(3).join(await world.registries[1].lease(KEY, KIND))
    assert again.text == ann.text == "ten bytes " * 20


async def test_event_after_a_lost_one_heals_at_once(world: World) -> None:
    """A seq beyond the next one means: read the log."""
    ann, bob = await pair(world, heads_every_s=10_000)
    first = ann.write("a")
    lose(world, "rows")
    ann.send(first)
    await passes(0.1)
    lose(world)
    ann.type("b")
    await passes(0.5)
    assert bob.text == "ab"
    assert world.gate.reads == 1


async def test_doubled_and_reordered_events_cost_no_read_and_change_nothing(world: World) -> None:
    """What merely comes in another order is waited for."""
    ann, bob = await pair(world, heads_every_s=10_000)
    two = world.registries[1]
    held: list[tuple[str, int, dict[str, Any]]] = []
    relay = two.relay
    assert isinstance(relay, MemoryRelay)
    relay.receive = lambda process, key, event: held.append((process, key, event))
    for letter in "abcd":
        ann.type(letter)
        await world.saved()
        await passes(0.01)
    assert len(held) >= 4
    for event in [*reversed(held), *held]:
        two.hear(*event)
    await passes(1)
    assert bob.text == "abcd"
    assert world.gate.reads == 0
    assert not two.rooms[KEY].tail.behind


async def test_gap_that_is_told_while_healing_is_healed_too(world: World) -> None:
    """One reading at a time, and what is heard of meanwhile is read after it."""
    _, bob = await pair(world, heads_every_s=10_000)
    room = world.registries[1].rooms[KEY]
    page = Page(9)
    rows = world.log.rooms[KEY].rows
    read = world.log.read
    under_way = 0

    async def slow(key: int, after: int) -> Any:
        nonlocal under_way
        under_way += 1
        assert under_way == 1, "two readings at once"
        found = await read(key, after)
        await asyncio.sleep(1)
        under_way -= 1
        return found

    world.log.read = slow  # type: ignore[method-assign]
    for n in range(1, 4):
        rows.append(("x", page.write(str(n))))
        room.hear("p9", {"event": "rows", "first": n, "last": n, "epoch": 1})
        await passes(0.1)
    await passes(5)
    assert bob.text == "123"
    assert not room.tail.behind


async def test_large_rows_are_read_from_the_log(world: World) -> None:
    """What is too large for the relay is told without its bytes."""
    ann, bob = await pair(world, relay_update_bytes=100, heads_every_s=10_000)
    ann.type("x" * 200)
    await passes(1)
    assert bob.text == ann.text
    assert world.gate.reads == 1


async def test_rows_of_another_epoch_are_not_applied(world: World) -> None:
    """A process that knows of a reset later must not mix the new content into the old."""
    _, bob = await pair(world, heads_every_s=3)
    new = Page(9).write("new content")
    stored = world.log.rooms[KEY]
    stored.epoch, stored.rows = 2, [(None, new)]
    event = {"event": "rows", "first": 1, "last": 1, "updates": [new], "epoch": 2}
    world.registries[1].rooms[KEY].hear("p9", event)
    await passes(0.1)
    assert bob.text == ""
    assert bob.wire.code == 4409


async def test_healing_does_not_mix_epochs(world: World) -> None:
    """Nor does a reading that meets the reset."""
    ann, bob = await pair(world, heads_every_s=10_000)
    lose(world, "rows")
    ann.type("a")
    await world.saved()
    stored = world.log.rooms[KEY]
    rows: list[tuple[Any, bytes]] = [(None, Page(9).write("new")), (None, Page(8).write("content"))]
    stored.epoch, stored.rows = 2, rows
    room = world.registries[1].rooms[KEY]
    room.hear("p0", {"event": "rows", "first": 2, "last": 2, "epoch": 1})
    await passes(1)
    assert bob.text == ""


async def test_deleted_room_closes_with_4404(world: World) -> None:
    """The comparison of heads finds it, also where nobody types; its cursor says why."""
    ann, bob = await pair(world, heads_every_s=3)
    del world.log.rooms[KEY]
    await passes(4)
    assert (ann.wire.code, bob.wire.code) == (4404, 4404)
    assert world.registries[0].rooms == world.registries[1].rooms == {}
    with pytest.raises(NoSuchRoom):
        await world.registries[0].lease(KEY, KIND)


async def test_who_holds_a_room_without_a_peer_hears_of_its_end(world: World) -> None:
    """And may give it back there."""
    registry = world.process()
    room = await registry.lease(KEY, KIND)
    room.enders.add(registry.release)
    del world.log.rooms[KEY]
    registry.look()
    await settled()
    assert room.holds == 0
    assert registry.rooms == {}


async def test_reset_room_closes_with_4409_and_opens_anew(world: World) -> None:
    """Who comes back meets the new content, not the room of the old epoch."""
    ann, bob = await pair(world, heads_every_s=3)
    stored = world.log.rooms[KEY]
    stored.epoch, stored.rows = 2, [(None, Page(9).write("new"))]
    await passes(4)
    assert (ann.wire.code, bob.wire.code) == (4409, 4409)
    room = await world.registries[0].lease(KEY, KIND)
    assert (room.epoch, Page(3).join(room).text) == (2, "new")


async def test_look_compares_heads_at_once(world: World) -> None:
    """An event says that something happened to the room; nobody waits for the next comparison."""
    ann, _ = await pair(world, heads_every_s=10_000)
    del world.log.rooms[KEY]
    world.registries[0].hear("p9", KEY, {"event": "look"})
    await settled()
    assert ann.wire.code == 4404


async def test_comparison_survives_a_log_that_is_away_or_wrong(world: World) -> None:
    """Whatever one comparison meets, the next one is made."""
    ann, bob = await pair(world, heads_every_s=3)
    lose(world, "rows")
    for trouble in (LogUnavailable("away"), ZeroDivisionError("a defect")):
        world.log.fail = trouble
        await passes(10)
        world.log.fail = None
    ann.type("a")
    await passes(10)
    assert bob.text == "a"


async def test_events_during_the_load_are_not_lost(world: World) -> None:
    """What is committed between reading the log and being there reaches the new room."""
    one, two = world.process(), world.process()
    ann = Page(1).join(await one.lease(KEY, KIND))
    load = world.gate.load
    loaded, go_on = asyncio.Event(), asyncio.Event()

    async def slow(key: int, **options: Any) -> Any:
        found = await load(key, **options)
        loaded.set()
        await go_on.wait()
        return found

    world.gate.load = slow  # type: ignore[method-assign]
    opening = asyncio.create_task(two.lease(KEY, KIND))
    await loaded.wait()
    ann.type("a")
    await world.saved()
    await settled()
    go_on.set()
    assert Page(2).join(await opening).text == "a"


async def test_event_that_cannot_be_read_costs_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version's process, or a broken one, is logged and passed over."""
    ann, bob = await pair(world)
    for event in ({"event": "presence", "states": b"\xff"}, {"event": "rows"}, {"event": "people"}):
        world.registries[1].hear("p9", KEY, event)
    assert len(caplog.records) == 3
    ann.type("a")
    await world.saved()
    await settled()
    assert bob.text == "a"


async def test_stored_row_that_breaks_the_replica_restarts_the_room_once(world: World) -> None:
    """Rows after it in the same event are not applied to the broken copy."""
    _, bob = await pair(world)
    room = world.registries[1].rooms[KEY]
    faulty = FaultyDoc()
    faulty.fault = "apply"
    room.replica.doc = faulty
    page = Page(9)
    updates = [page.write("a"), page.write("b")]
    room.hear("p9", {"event": "rows", "first": 1, "last": 2, "updates": updates, "epoch": 1})
    assert bob.wire.code == 1012
    assert room.closed
    await passes(1)


# Who is here, across processes


async def test_presence_crosses_processes_and_goes_with_its_peer(world: World) -> None:
    """A cursor is seen everywhere, and gone everywhere within a second."""
    ann, bob = await pair(world)
    ann.point(1, {"at": 1})
    await passes(0.5)
    assert bob.presence() == {1: (1, {"at": 1})}
    ann.leave()
    await passes(1)
    assert bob.presence() == {1: (2, None)}


async def test_presence_is_told_to_a_process_that_opens_the_room(world: World) -> None:
    """Who joins elsewhere sees the cursors that do not move."""
    one = world.process()
    ann = Page(1).join(await one.lease(KEY, KIND), person=Person("1", "Ann", 1))
    ann.point(1, {"at": 1})
    await passes(1)
    room = await world.process().lease(KEY, KIND)
    bob = Page(2).join(room)
    await passes(1)
    assert bob.presence() == {1: (1, {"at": 1})}
    assert room.company.people.all() == [(Person("1", "Ann", 1), 1)]


async def test_people_are_known_across_processes_and_forgotten_with_them(world: World) -> None:
    """A process that dies without a word takes its people along after a while."""
    await pair(world, people_refresh_s=10)
    await passes(1)
    people = world.registries[1].rooms[KEY].company.people
    assert [(person.name, n) for person, n in people.all()] == [("Ann", 1), ("Bob", 1)]
    lose(world, "people")
    await passes(50)
    assert [person.name for person, _ in people.all()] == ["Bob"]
    lose(world)
    await passes(20)
    assert [person.name for person, _ in people.all()] == ["Ann", "Bob"]


async def test_many_who_come_and_go_are_told_in_a_few_events(world: World) -> None:
    """Cost follows people, not people times people: lists are told per tick, not per peer."""
    one, two = world.process(), world.process()
    room = await one.lease(KEY, KIND)
    await two.lease(KEY, KIND)
    told = 0

    def count(process: str, key: int, event: dict[str, Any]) -> bool:
        nonlocal told
        told += event["event"] == "people"
        return False

    world.bus.lose = count
    pages = [Page().join(room, person=Person(str(n), f"P{n}", 0)) for n in range(100)]
    await passes(1)
    assert len(two.rooms[KEY].company.people.all()) == 100
    assert told <= 2
    for page in pages:
        page.leave()
    await passes(1)
    assert two.rooms[KEY].company.people.all() == []
    assert told <= 4


async def test_client_ids_that_are_gone_are_forgotten(world: World) -> None:
    """A peer that takes a new client id every second leaves no trail in memory."""
    world.limit(presence_expiry_s=30)
    room = await world.room()
    eve = Page(1).join(room)
    for n in range(300):
        eve.point(1, {"at": 1}, client=1000 + n)
        await passes(1)
    assert len(room.company.presence) < 100
    assert all(len(getattr(peer, "states", ())) < 100 for peer in room.peers)


# Compaction


async def test_room_with_many_rows_is_compacted_and_opens_from_the_snapshot(world: World) -> None:
    """A snapshot is written by itself; rows stay; what opens next is equal."""
    world.limit(compact_rows=10)
    room = await world.room()
    ann = Page(1).join(room)
    for n in range(25):
        ann.type(f"{n} ")
        await world.saved()
    await settled()
    snapshot = world.log.rooms[KEY].snapshot
    assert snapshot is not None
    assert snapshot[0] == 20
    assert len(world.log.rooms[KEY].rows) == 25
    assert Page(2).join(await world.process().lease(KEY, KIND)).text == ann.text


async def test_no_snapshot_is_written_over_a_gap(world: World) -> None:
    """A held-back update is in no encoded state; its row must be read again."""
    world.limit(compact_rows=3)
    room = await world.room()
    ann = Page(1).join(room, sync=False)
    missing = ann.write("a")
    for letter in "bcde":
        ann.type(letter)
        await world.saved()
    await settled()
    assert world.log.rooms[KEY].snapshot is None
    again = await world.process().lease(KEY, KIND)
    ann.send(missing)
    await world.saved()
    await passes(1)
    assert Page(2).join(again).text == "abcde"


async def test_compaction_that_fails_is_the_end_of_nothing(world: World) -> None:
    """A snapshot is a cache: the next occasion writes it."""
    world.limit(compact_rows=5)
    room = await world.room()
    ann = Page(1).join(room)
    compact = world.log.compact
    troubles: list[Exception] = [LogUnavailable("away"), ZeroDivisionError("a defect")]

    async def fails(key: int) -> bool:
        if troubles:
            raise troubles.pop()
        return await compact(key)

    world.log.compact = fails  # type: ignore[method-assign]
    for n in range(20):
        ann.type(f"{n} ")
        await world.saved()
    await settled()
    assert troubles == []
    assert world.log.rooms[KEY].snapshot is not None


# Stopping


async def test_stop_saves_everything_and_sends_everybody_away(world: World) -> None:
    """1012 to all, nothing unsaved, no task left, nobody let in."""
    before = asyncio.all_tasks()
    ann, bob = await pair(world)
    world.gate.shut()
    ann.type("a")
    bob.type("b")
    registry = world.registries[0]
    stopping = [asyncio.create_task(each.stop(10)) for each in world.registries]
    await settled()
    with pytest.raises(Overloaded):
        await registry.lease(KEY, KIND)
    world.gate.open()
    assert await asyncio.gather(*stopping) == [True, True]
    assert (ann.wire.code, bob.wire.code) == (1012, 1012)
    assert sorted(world.stored()) == ["a", "b"]
    assert asyncio.all_tasks() == before
    assert registry.rooms == {}
    with pytest.raises(Overloaded):
        await registry.lease(KEY, KIND)
    assert asyncio.all_tasks() == before


async def test_stop_gives_up_in_time_and_says_so(world: World) -> None:
    """A log that stays away does not hold up the end; what is unsaved was never acked."""
    before = asyncio.all_tasks()
    ann, _ = await pair(world)
    world.log.fail = LogUnavailable("away")
    ann.type("a")
    await passes(1)
    started = asyncio.get_running_loop().time()
    assert await world.registries[0].stop(10) is False
    assert asyncio.get_running_loop().time() - started < 11
    assert ann.acked < ann.sent
    await world.registries[1].stop(10)
    assert asyncio.all_tasks() == before


async def test_stop_tells_who_submitted_what_is_not_saved(world: World) -> None:
    """Whoever waits for a commit that was under way, or was to follow, does not wait for ever."""
    room = await world.room()
    world.gate.shut()
    first = asyncio.create_task(room.submit("ann", Page(1).write("a")))
    await world.gate.waiting.wait()
    second = asyncio.create_task(room.submit("bob", Page(2).write("b")))
    await settled()
    assert await world.registries[0].stop(1) is False
    for submitted in (first, second):
        with pytest.raises(LogUnavailable):
            await submitted


async def test_stop_while_a_room_opens_ends_the_opening(world: World) -> None:
    """Who waits for it is told to come back, and no room or task is left behind."""
    before = asyncio.all_tasks()
    registry = world.process()
    never = asyncio.Event()

    async def stuck(key: int, **options: Any) -> Any:
        await never.wait()

    world.gate.load = stuck  # type: ignore[method-assign]
    waits = asyncio.create_task(registry.lease(KEY, KIND))
    await settled()
    await registry.stop(10)
    with pytest.raises(Overloaded):
        await waits
    assert asyncio.all_tasks() == before
    assert (registry.rooms, subscribed(registry)) == ({}, set())


async def test_stop_of_a_busy_process_ends(world: World) -> None:
    """However commits and rests are under way in the moment of the stop."""
    for step in range(12):
        own = World()
        room = await own.room()
        append = own.log.append

        async def slow(batches: Any, append: Any = append) -> Any:
            await asyncio.sleep(0.01)
            return await append(batches)

        own.log.append = slow  # type: ignore[method-assign]
        ann = Page(1).join(room)
        for _ in range(5):
            ann.type("a")
            await passes(0.004)
        await passes(step * 0.005)
        async with asyncio.timeout(100):
            assert await own.registries[0].stop(10)
        assert own.stored() == "aaaaa"
