"""What a peer that does not read is owed: bounded, merged, and complete in the end."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from collab.engine import protocol
from collab.engine.outbox import Outbox
from collab.engine.protocol import Kind
from collab.engine.varint import decode_varuint
from tests.engine.test_replica import FaultyDoc
from tests.engine.world import Page, World, parse, passes


def no_diff(state_vector: bytes) -> bytes:
    raise AssertionError("No diff is needed.")


def room_with(
    diff: Callable[[bytes], bytes] = no_diff, presence: Callable[[set[int]], bytes] = bytes
) -> Any:
    """What an outbox needs of its room."""
    return SimpleNamespace(
        step2=lambda state_vector: protocol.encode(Kind.STEP2, diff(state_vector)),
        replica=SimpleNamespace(diff=diff),
        company=SimpleNamespace(presence=SimpleNamespace(of=presence)),
    )


def test_outbox_merges_the_few_updates_it_keeps() -> None:
    """A short stall costs one merged frame, and no look at the replica."""
    page = Page(1)
    first, second = page.write("a"), page.write("b")
    box = Outbox(max_bytes=1000, max_updates=10)
    box.add_update(first, b"\x00")
    box.add_update(second, b"\x00")
    frame = box.take(room_with())
    assert frame is not None
    kind, update = parse(frame)
    assert (kind, Page(stored=update).text) == (Kind.UPDATE, "ab")
    assert not box
    assert box.take(room_with()) is None


@pytest.mark.parametrize(("max_bytes", "max_updates"), [(10, 100), (10_000, 2)])
def test_outbox_collapses_into_one_diff(max_bytes: int, max_updates: int) -> None:
    """Past either bound only the state is kept from which the diff is made."""
    page = Page(1)
    box = Outbox(max_bytes=max_bytes, max_updates=max_updates)
    asked: list[bytes] = []

    def diff(state_vector: bytes) -> bytes:
        asked.append(state_vector)
        return b"\x00\x00"

    for turn in range(5):
        box.add_update(page.write("some text"), bytes([turn + 3]))
    assert box.take(room_with(diff)) == protocol.encode(Kind.UPDATE, b"\x00\x00")
    assert asked == [b"\x03"], "from before the first that it missed"
    assert box.missed_bytes == 0
    box.add_update(page.write("again"), b"\x09")
    if max_bytes > 1000:
        assert box.take(room_with()) is not None, "after it was emptied it keeps again"


def test_outbox_answers_a_question_instead_of_the_updates() -> None:
    """The answer to step 1 holds every update, so these are dropped."""
    box = Outbox(max_bytes=1000, max_updates=10)
    box.add_update(Page(1).write("a"), b"\x00")
    box.add_question(b"\x01\x05\x01")
    box.add_update(Page(2).write("b"), b"\x00")
    room = room_with(lambda state_vector: b"all" + state_vector)
    assert box.take(room) == protocol.encode(Kind.STEP2, b"all\x01\x05\x01")
    assert not box


def test_outbox_keeps_the_last_ack_and_each_client_once() -> None:
    """However long the stall, what waits does not grow."""
    box = Outbox(max_bytes=1000, max_updates=10)
    for count in range(1, 1000):
        box.add_ack(count)
        box.add_presence({count % 3})
    room = room_with(presence=lambda clients: bytes(sorted(clients)))
    frames = [box.take(room), box.take(room), box.take(room)]
    assert frames == [protocol.encode_ack(999), b"\x01\x03\x00\x01\x02", None]


async def test_stalled_peer_is_written_nothing_and_ends_equal(world: World) -> None:
    """Of a long stall one diff remains; afterwards the peer holds what the others hold."""
    world.limit(outbox_bytes=200)
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    bob.wire.blocked = True
    ann.type("the last frame that was taken; ")
    written = len(bob.wire.frames)
    for n in range(100):
        ann.type(f"{n} ")
        await passes(0.1)
    ann.edit(0, delete=3)
    ann.send(ann.doc.get_update())
    ann.point(1, {"at": 5})
    await passes(1)
    assert len(bob.wire.frames) == written
    bob.wire.blocked = False
    assert bob.peer is not None
    bob.peer.drained()
    assert bob.text == ann.text
    assert bob.presence() == {1: (1, {"at": 5})}
    assert len(bob.wire.frames) == written + 2
    ann.type("on")
    await passes(0.1)
    assert bob.text == ann.text


async def test_stalled_peer_that_stalls_again_is_served_in_turns(world: World) -> None:
    """One frame per drain: content first, then the ack, then presence."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room, sync=False)
    bob.wire.blocked = True
    ann.type("a")
    ann.type("b")
    bob.type("c")
    ann.point(1, {"at": 5})
    await world.saved()
    await passes(1)
    before = len(bob.wire.frames)
    assert bob.peer is not None
    kinds = []
    for _ in range(4):
        bob.peer.drained()
        kinds += [parse(frame)[0] for frame in bob.wire.frames[before:]]
        before = len(bob.wire.frames)
    assert kinds == [Kind.UPDATE, Kind.ACK, Kind.AWARENESS]
    assert bob.text == ann.text


async def test_question_of_a_stalled_peer_is_answered_with_step_2(world: World) -> None:
    """The page waits for step 2 before it says that it is synchronised."""
    room = await world.room()
    ann = Page(1).join(room)
    ann.type("a")
    bob = Page(2).join(room, sync=False)
    bob.wire.blocked = True
    ann.type("b")
    await passes(0.1)
    bob.receive(protocol.encode(Kind.STEP1, b"\x00"))
    ann.type("c")
    await passes(0.1)
    assert bob.wire.payloads(Kind.STEP2) == []
    bob.wire.blocked = False
    assert bob.peer is not None
    bob.peer.drained()
    assert len(bob.wire.payloads(Kind.STEP2)) == 1
    assert bob.text == "abc"


async def test_peer_that_falls_too_far_behind_is_told_to_come_back(world: World) -> None:
    """Past the bound it is closed with 1013; the others do not notice, and it resyncs."""
    world.limit(outbox_overflow_bytes=1000)
    room = await world.room()
    ann, bob, cid = (Page(n).join(room) for n in (1, 2, 3))
    bob.wire.blocked = True
    for _ in range(5):
        ann.type("x" * 300)
        await passes(0.1)
    assert (bob.wire.code, ann.wire.code, cid.wire.code) == (1013, None, None)
    assert cid.text == ann.text
    bob.join(room)
    assert bob.text == ann.text


async def test_peer_that_does_not_read_for_long_is_closed(world: World) -> None:
    """Also one that misses little, and one of a room in which nothing happens."""
    world.limit(stall_s=30)
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    bob.wire.blocked = True
    ann.type("a")
    await passes(29)
    assert bob.wire.closed is None
    await passes(10)
    assert bob.wire.code == 1013


async def test_peer_that_is_closed_within_a_presence_tick_starts_no_other(world: World) -> None:
    """It left in the middle of the tick, and its leaving asked for one beside the next."""
    world.limit(stall_s=1)
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    bob.point(1, {"at": 0})
    await passes(0.3)
    bob.wire.blocked = True
    for clock in range(1, 71):
        ann.point(clock, {"at": clock})
        await passes(0.03)
    assert bob.wire.code == 1013
    before = len(ann.wire.frames)
    for clock in range(71, 105):
        ann.point(clock, {"at": clock})
        await passes(0.03)
    assert 8 <= len(ann.wire.frames) - before <= 12


async def test_drained_peer_of_a_broken_replica_is_sent_away(world: World) -> None:
    """A panic while its diff is made is the room's trouble, and raises to nobody."""
    world.limit(outbox_updates=0)
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    bob.wire.blocked = True
    ann.type("a")
    ann.type("b")
    await passes(0.1)
    faulty = FaultyDoc()
    room.replica.doc = faulty
    faulty.fault = "encode"
    assert bob.peer is not None
    bob.peer.drained()
    assert (ann.wire.code, bob.wire.code) == (1012, 1012)


async def test_peers_that_overflow_in_one_fan_out_do_not_disturb_it(world: World) -> None:
    """Closing peers inside the loop over peers neither skips nor repeats one."""
    world.limit(outbox_overflow_bytes=100)
    room = await world.room()
    pages = [Page(n).join(room) for n in range(1, 21)]
    for page in pages[1::2]:
        page.wire.blocked = True
    pages[0].type("short")
    await passes(0.1)
    pages[0].type("x" * 200)
    await passes(0.1)
    assert [page.wire.code for page in pages[1::2]] == [1013] * 10
    assert {page.text for page in pages[::2]} == {"short" + "x" * 200}


async def test_wire_that_closes_its_peer_while_it_is_written_to(world: World) -> None:
    """A socket that dies inside a write leaves the room in order."""
    room = await world.room()
    ann, bob, cid = (Page(n).join(room) for n in (1, 2, 3))
    heard = bob.wire.write

    def dies(frame: bytes) -> bool:
        heard(frame)
        for page in (bob, cid):
            if page.peer is not None:
                room.leave(page.peer)
                page.wire.closed = (1006, "gone")
        return True

    bob.wire.write = dies  # type: ignore[method-assign]
    ann.type("a")
    ann.type("b")
    await world.saved()
    await passes(0.1)
    assert list(room.peers) == [ann.peer]
    assert ann.acked == ann.sent


async def test_ack_of_a_stalled_peer_is_the_last_one(world: World) -> None:
    """A peer that reads again learns how much is durable by then."""
    room = await world.room()
    ann, bob = Page(1).join(room, sync=False), Page(2).join(room)
    ann.wire.blocked = True
    bob.type("x")
    for letter in "abc":
        ann.type(letter)
        await world.saved()
    assert ann.wire.acks == []
    ann.wire.blocked = False
    assert ann.peer is not None
    ann.peer.drained()
    assert ann.wire.acks == [3]
    assert decode_varuint(ann.wire.payloads(Kind.ACK)[0], 0)[0] == 3
