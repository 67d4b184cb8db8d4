"""Who is in which room of any process, through lost events and dead processes."""

from __future__ import annotations

from typing import Any

from collab.engine.occupancy import EXPIRY_S, REFRESH_S, TICK_S, Occupancy, Occupants
from collab.engine.peer import Person
from collab.engine.ports import EVERYWHERE
from collab.engine.registry import Registry
from collab.engine.room import RoomKind
from tests.engine.world import Page, World, passes

ANN, BEN = Person("1", "Ann", 0), Person("2", "Ben", 1)


async def enter(registry: Registry, key: int, person: Person) -> Page:
    """Open a page in a room of a process as somebody."""
    room = await registry.lease(key, RoomKind())
    return Page().join(room, person=person)


def watch(occupancy: Occupancy) -> list[set[int]]:
    """Collect what the watchers are told."""
    told: list[set[int]] = []
    occupancy.watchers.add(told.append)
    return told


def names(registry: Registry, key: int) -> list[str]:
    return [person.name for person in registry.occupancy.of(key).people]


async def test_every_process_knows_who_is_in_a_room(world: World) -> None:
    """Whoever comes and goes anywhere is seen everywhere, oneself too, within a second."""
    one, two = world.process(), world.process()
    world.log.create(5)
    ann = await enter(one, 5, ANN)
    await enter(two, 5, BEN)
    await passes(1)
    assert names(one, 5) == names(two, 5) == ["Ann", "Ben"]
    assert one.occupancy.rooms() == two.occupancy.rooms() == [5]
    ann.leave()
    await passes(1)
    assert names(one, 5) == names(two, 5) == ["Ben"]


async def test_somebody_in_two_processes_is_one_person(world: World) -> None:
    """A person is counted once, whatever number of sockets they hold."""
    one, two = world.process(), world.process()
    for registry in (one, one, two):
        await enter(registry, 1, ANN)
    await passes(1)
    assert one.occupancy.of(1) == two.occupancy.of(1) == Occupants((ANN,), 1)


async def test_a_crowd_is_told_in_few_names_and_a_number(world: World) -> None:
    """Five hundred people in a room cost the list no more than five."""
    one, two = world.process(), world.process()
    for n in range(500):
        await enter(one, 1, Person(str(n), f"P{n:03}", 0))
    await passes(1)
    assert names(two, 1) == ["P000", "P001", "P002", "P003"]
    assert two.occupancy.of(1).count == 500


async def test_changes_of_one_tick_are_one_event(world: World) -> None:
    """Thirty who enter thirty rooms at once are told to the others and to watchers once."""
    one, two = world.process(), world.process()
    await passes(2 * TICK_S)
    events: list[Any] = []
    world.bus.lose = lambda process, key, event: bool(key == EVERYWHERE and events.append(event))
    here, there = watch(one.occupancy), watch(two.occupancy)
    for key in range(10, 40):
        world.log.create(key)
        await enter(one, key, ANN)
    await passes(1)
    # The bus asks once per relay whether it loses an event.
    assert [len(rooms) for rooms in {id(event): event["rooms"] for event in events}.values()] == [
        30
    ]
    assert here == there == [set(range(10, 40))]


async def test_a_process_that_starts_learns_who_is_where(world: World) -> None:
    """It asks, and has the state long before the next refresh."""
    await enter(world.process(), 1, ANN)
    await passes(2)
    late = world.process()
    await passes(1)
    assert names(late, 1) == ["Ann"]


async def test_a_lost_arrival_and_a_lost_departure_heal(world: World) -> None:
    """The next refresh says who is here, and who no longer is."""
    one, two = world.process(), world.process()
    world.log.create(2)
    await passes(1)
    ann = await enter(one, 1, ANN)
    await enter(one, 2, ANN)
    world.bus.lose = lambda process, key, event: event["event"] == "occupied"
    await passes(1)
    assert two.occupancy.rooms() == []
    world.bus.lose = lambda *_: False
    await passes(REFRESH_S)
    assert sorted(two.occupancy.rooms()) == [1, 2]
    world.bus.lose = lambda process, key, event: event["event"] == "occupied"
    ann.leave()
    await passes(1)
    world.bus.lose = lambda *_: False
    assert sorted(two.occupancy.rooms()) == [1, 2]
    told = watch(two.occupancy)
    await passes(REFRESH_S)
    assert two.occupancy.rooms() == [2]
    assert told == [{1}]


async def test_people_of_a_dead_process_go(world: World) -> None:
    """What a process said expires when it is silent; what the living say stays."""
    one, two, three = world.process(), world.process(), world.process()
    await enter(one, 1, ANN)
    await enter(three, 1, BEN)
    await passes(1)
    told = watch(two.occupancy)
    world.bus.lose = lambda process, key, event: process == "p0"
    await passes(EXPIRY_S - 2)
    assert names(two, 1) == ["Ann", "Ben"]
    await passes(REFRESH_S + 3)
    assert names(two, 1) == ["Ben"]
    assert told == [{1}]


async def test_a_process_that_stops_says_goodbye(world: World) -> None:
    """Nobody waits for an expiry when a server is restarted."""
    one, two = world.process(), world.process()
    await enter(one, 1, ANN)
    await passes(1)
    assert two.occupancy.rooms() == [1]
    await one.stop(1)
    await passes(1)
    assert two.occupancy.rooms() == []


async def test_a_refresh_comes_in_pieces(world: World) -> None:
    """A thousand rooms are told in bounded events, and each says what it covers."""
    one, two = world.process(), world.process()
    events: list[Any] = []
    world.bus.lose = lambda process, key, event: bool(key == EVERYWHERE and events.append(event))
    for key in range(1, 1001):
        one.occupancy.here(key, [ANN])
    await passes(REFRESH_S + 5)
    assert max(len(event.get("rooms", ())) for event in events) <= 200
    assert sorted(two.occupancy.rooms()) == list(range(1, 1001))
    for key in range(1, 1001, 2):
        one.occupancy.here(key, [])
    await passes(REFRESH_S + 5)
    assert sorted(two.occupancy.rooms()) == list(range(2, 1001, 2))


async def test_a_room_entered_during_a_refresh_stays(world: World) -> None:
    """A piece of a refresh takes away nothing that was told since it began."""
    one, two = world.process(), world.process()
    for key in range(2, 1001, 2):
        one.occupancy.here(key, [ANN])
    await passes(3)
    two.occupancy.hear("new", {"event": "occupied?"})
    one.occupancy.hear("new", {"event": "occupied?"})
    await passes(TICK_S + 0.01)
    one.occupancy.here(1, [ANN])
    one.occupancy.here(777, [ANN])
    await passes(3)
    assert {1, 777} <= set(two.occupancy.rooms())
    assert len(two.occupancy.rooms()) == 502


async def test_memory_of_other_processes_is_bounded(world: World) -> None:
    """Neither rooms without end nor processes without end are remembered."""
    world.limit(open_rooms=100)
    occupancy = world.process().occupancy
    rooms = [[key, 1, [["1", "Ann", 0]]] for key in range(1, 1000)]
    occupancy.hear("many", {"event": "occupied", "rooms": rooms})
    assert len(occupancy.rooms()) == 100
    for n in range(2000):
        occupancy.hear(f"q{n}", {"event": "occupied", "rooms": [[10_000 + n, 1, rooms[0][2]]]})
    assert len(occupancy.rooms()) < 1200


async def test_what_cannot_be_read_changes_nothing(world: World) -> None:
    """An event of a newer process costs nothing but a line in the log."""
    registry = world.process()
    for event in ({"event": "occupied"}, {"event": "occupied", "rooms": [[1]]}):
        registry.hear("new", EVERYWHERE, event)
    assert registry.occupancy.rooms() == []
