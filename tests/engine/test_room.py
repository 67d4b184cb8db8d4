"""A room: fan-out, acks, refusals, and whom each of them concerns."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.engine import protocol
from collab.engine.errors import LogUnavailable, Overloaded, UpdateRejected
from collab.engine.limits import RoomLimits
from collab.engine.peer import Person
from collab.engine.protocol import Kind, State
from collab.engine.replica import EMPTY_UPDATE
from collab.engine.room import Room, RoomKind
from collab.engine.varint import encode_varuint
from tests.engine.clock import VirtualLoop, spend
from tests.engine.test_replica import FaultyDoc
from tests.engine.world import KEY, Page, Wire, World, passes, settled

# Fan-outs

WINDOW_S = RoomLimits().window_max_s


async def test_quiet_room_sends_at_once(world: World) -> None:
    """An edit reaches the others before `receive` returns."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    ann.type("hello")
    assert bob.text == "hello"


async def test_busy_room_sends_one_frame_that_all_share(world: World) -> None:
    """What comes in while the window is open goes out as one frame, the same bytes object."""
    room = await world.room()
    ann, bob, cid, dan = (Page(n).join(room) for n in (1, 2, 3, 4))
    ann.type("first ")
    before = len(cid.wire.payloads(Kind.UPDATE))
    for letter in "abc":
        ann.type(letter)
    bob.type("!")
    assert len(cid.wire.payloads(Kind.UPDATE)) == before
    await passes(WINDOW_S)
    assert len(cid.wire.payloads(Kind.UPDATE)) == before + 1
    sent = [next(f for f in reversed(p.wire.frames) if f[:2] == b"\x00\x02") for p in (cid, dan)]
    assert sent[0] is sent[1]
    assert ann.text == bob.text == cid.text == dan.text
    assert len(ann.text) == len("first abc!")


async def test_window_grows_with_the_cost_of_its_fan_out(world: World) -> None:
    """A fan-out of 10 ms is followed by a window of four times that, at most 50 ms."""

    class Slow(Wire):
        def write(self, frame: bytes) -> bool:
            spend(0.01)
            return super().write(frame)

    world.limit(window_min_s=0.004, window_max_s=0.05, window_cost_factor=4)
    room = await world.room()
    ann = Page(1).join(room)
    slow = Slow()
    room.join(slow, author="bob", person=None, may_write=False, acks=False)
    ann.type("a")
    ann.type("b")
    await passes(0.039)
    assert len(slow.payloads(Kind.UPDATE)) == 1
    await passes(0.002)
    assert len(slow.payloads(Kind.UPDATE)) == 2


async def test_sole_author_is_not_echoed(world: World) -> None:
    """Who wrote all of a frame has it; in a mixed one everybody is sent everything."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    ann.type("a")
    ann.type("b")
    await passes(WINDOW_S)
    assert ann.wire.payloads(Kind.UPDATE) == []
    ann.type("c")
    bob.type("d")
    await passes(WINDOW_S)
    assert len(ann.wire.payloads(Kind.UPDATE)) == 1


async def test_late_peer_is_sent_what_was_held_back_when_it_is_freed(world: World) -> None:
    """An update whose foundation came later reaches also those who joined in between."""
    room = await world.room()
    ann = Page(1).join(room)
    first, second = ann.write("a"), ann.write("b")
    ann.send(second)
    await passes(WINDOW_S)
    bob = Page(2).join(room)
    ann.send(first)
    await passes(WINDOW_S)
    assert bob.text == "ab"


async def test_update_that_frees_another_is_answered_with_it(world: World) -> None:
    """Who sends the foundation is sent what was built on it, though it wrote the rest itself."""
    room = await world.room()
    ann = Page(1).join(room)
    first, second = ann.write("a"), ann.write("b")
    ann.send(second)
    ann.leave()
    bob = Page(2, stored=first).join(room, sync=False)
    bob.send(first)
    await passes(WINDOW_S)
    assert bob.text == "ab"


async def test_room_asks_writers_for_what_they_have(world: World) -> None:
    """A page that edited while it was offline is asked, and what it has is kept."""
    room = await world.room()
    ann = Page(1)
    ann.write("typed on a train")
    bob = Page(2).join(room)
    ann.join(room)
    await world.saved()
    assert bob.text == world.stored() == "typed on a train"


# Acks


async def test_ack_comes_after_the_commit_and_counts_exactly(world: World) -> None:
    """Peers see an edit at once; its author hears of it when it is durable, with the count."""
    room = await world.room()
    ann, bob = Page(1).join(room, sync=False), Page(2).join(room)
    world.gate.shut()
    ann.type("a")
    await world.gate.waiting.wait()
    assert (bob.text, ann.wire.acks) == ("a", [])
    ann.type("b")
    ann.type("c")
    await settled()
    assert ann.wire.acks == []
    world.gate.open()
    await world.saved()
    assert ann.wire.acks == [1, 3]
    assert world.stored() == "abc"


async def test_ack_is_sent_to_those_only_who_asked(world: World) -> None:
    """An unmodified provider would not know what to do with it."""
    room = await world.room()
    ann = Page(1).join(room, acks=False)
    ann.type("a")
    await world.saved()
    assert ann.wire.acks == []


async def test_repetition_is_acked_once_what_it_repeats_is_durable(world: World) -> None:
    """A frame that brings nothing is not durable before what it repeats."""
    room = await world.room()
    ann, bob = Page(1).join(room, sync=False), Page(2).join(room, sync=False)
    world.gate.shut()
    update = ann.type("a")
    await world.gate.waiting.wait()
    bob.send(update)
    bob.send(EMPTY_UPDATE)
    await settled()
    assert bob.wire.acks == []
    world.gate.open()
    await world.saved()
    assert bob.wire.acks == [2]
    bob.send(update)
    assert bob.wire.acks == [2, 3], "durable already: at once"


async def test_repetition_of_what_failed_to_commit_is_not_acked(world: World) -> None:
    """While the log is away nothing is acknowledged, by no way."""
    room = await world.room()
    ann, bob = Page(1).join(room, sync=False), Page(2).join(room, sync=False)
    world.log.fail = LogUnavailable("away")
    update = ann.type("a")
    bob.send(update)
    await passes(60)
    assert ann.wire.acks == bob.wire.acks == []
    world.log.fail = None
    await world.saved()
    assert (ann.wire.acks, bob.wire.acks) == ([1], [1])


async def test_update_held_back_is_stored_before_it_is_acked(world: World) -> None:
    """Held-back updates below one another are each stored, and in the replay."""
    room = await world.room()
    ann = Page(1).join(room, sync=False)
    updates = [ann.write(letter) for letter in "abcd"]
    for n in (3, 1):
        ann.send(updates[n])
        await world.saved()
    assert ann.wire.acks == [1, 2]
    assert len(world.log.rooms[KEY].rows) == 2
    for n in (0, 2):
        ann.send(updates[n])
    await world.saved()
    assert ann.wire.acks[-1] == 4
    assert await reopened(world) == "abcd"


async def reopened(world: World) -> str:
    """Return what a new process shows of the log."""
    room = await world.process().lease(KEY, (await world.room()).kind)
    return Page().join(room).text


async def test_peer_that_left_is_saved_all_the_same(world: World) -> None:
    """An edit counts even if its author is gone before the commit, and nobody is written to."""
    room = await world.room()
    ann = Page(1).join(room)
    ann.type("a")
    ann.leave()
    await world.saved()
    assert world.stored() == "a"


async def test_submit_returns_when_the_update_is_durable(world: World) -> None:
    """An update that came by another way than a socket is stored, shown, and waited for."""
    room = await world.room()
    bob = Page(2).join(room)
    world.gate.shut()
    waits = asyncio.create_task(room.submit("ann", Page(1).write("a")))
    await world.gate.waiting.wait()
    assert bob.text == "a"
    assert not waits.done()
    world.gate.open()
    assert await waits == 1
    assert world.log.rooms[KEY].rows[0][0] == "ann"


async def test_submit_tells_the_last_row_although_others_are_missing(world: World) -> None:
    """What another process stored meanwhile, and nobody told, does not lower the answer."""
    room = await world.room()
    world.log.rooms[KEY].rows.append(("bob", Page(2).write("b")))
    assert await room.submit("ann", Page(1).write("a")) == 2


async def test_submit_refuses_alone(world: World) -> None:
    """Bad bytes raise to who submitted them; the room goes on."""
    room = await world.room()
    bob = Page(2).join(room)
    with pytest.raises(UpdateRejected):
        await room.submit("ann", b"\xff")
    assert bob.wire.closed is None


# Readers


async def test_reader_reads_and_is_denied_once(world: World) -> None:
    """Step 1 is answered; content is not applied; the reason is said once, the socket stays."""
    room = await world.room()
    ann = Page(1).join(room)
    ann.type("a")
    eve = Page(2).join(room, may_write=False)
    assert eve.text == "a"
    assert eve.wire.payloads(Kind.STEP1) == [], "a reader is not asked for what it has"
    for _ in range(3):
        eve.type("x")
    await world.saved()
    await passes(WINDOW_S)
    assert len(eve.wire.payloads(Kind.DENIED)) == 1
    assert (eve.wire.closed, eve.wire.acks) == (None, [])
    assert ann.text == world.stored() == "a"


async def test_reader_with_nothing_to_say_is_not_denied(world: World) -> None:
    """An unmodified provider answers with an empty step 2; that is no attempt to write."""
    room = await world.room()
    eve = Page(2).join(room, may_write=False)
    eve.send(EMPTY_UPDATE, Kind.STEP2)
    assert eve.wire.payloads(Kind.DENIED) == []


async def test_what_was_denied_is_acked_only_with_the_step_2_that_brings_it(world: World) -> None:
    """Who may write again is acked by the frames they sent, and for none that was not applied."""
    room = await world.room()
    ann = Page(1).join(room)
    ann.type("a")
    await world.saved()
    assert (ann.sent, ann.acked) == (2, 2)
    assert ann.peer is not None
    ann.peer.allow(may_write=False)
    ann.type("b")
    ann.peer.allow(may_write=True)
    ann.type("c")
    await world.saved()
    assert ann.acked == 2, "the third was not applied"
    asked = ann.wire.payloads(Kind.STEP1)[-1]
    ann.send(ann.doc.get_update(asked), Kind.STEP2)
    await world.saved()
    assert (ann.sent, ann.acked) == (5, 5)
    assert world.stored() == "abc"


async def test_a_frame_that_fails_has_the_room_loaded_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was raised: what follows would rest on an edit that is here and not stored."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)

    class Panic(BaseException):
        """As pycrdt's."""

    def fail(*_: object) -> None:
        raise Panic

    monkeypatch.setattr(room._fanout, "add", fail)
    ann.type("a")
    assert (ann.wire.code, bob.wire.code) == (1011, 1012)
    assert room.closed


async def test_who_may_write_again_is_asked_once_they_read(world: World) -> None:
    """What was denied would stay with its author if a full buffer swallowed the question."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    assert ann.peer is not None
    ann.peer.allow(may_write=False)
    ann.wire.blocked = True
    bob.type("b")
    await passes(0.1)
    ann.type("a")
    asked = len(ann.wire.payloads(Kind.STEP1))
    ann.peer.allow(may_write=True)
    assert len(ann.wire.payloads(Kind.STEP1)) == asked
    ann.wire.blocked = False
    ann.peer.drained()
    (question,) = ann.wire.payloads(Kind.STEP1)[asked:]
    ann.send(ann.doc.get_update(question), Kind.STEP2)
    await world.saved()
    assert sorted(world.stored()) == ["a", "b"]


# Refusals

BAD_FRAMES = [
    (b"", 4422),
    (b"\x07", 4422),
    (b"\x00\x09\x00", 4422),
    (b"\x00\x02\x03\x00\x00", 4422),
    (b"\x00\x02\x01\xff", 4422),
    (b"\x00\x02\x02\x00\x00\x00", 4422),
    (b"\x00\x00\x05\xff\xff\xff\xff\x0f", 4422),
    (b"\x01\x03\x01\x01\x01", 4422),
    (protocol.encode(Kind.AWARENESS, protocol.encode_states([State(1, 1, b"{")])), 4422),
    (b"\x00\x02" + encode_varuint(9000) + b"\x00" * 9000, 4413),
]


@pytest.mark.parametrize(("frame", "code"), BAD_FRAMES)
async def test_wrong_frame_closes_its_peer_only(world: World, frame: bytes, code: int) -> None:
    """Each malformed frame gets its close code, and the others go on."""
    world.limit(frame_bytes=8192)
    room = await world.room()
    ann, bob, eve = (Page(n).join(room) for n in (1, 2, 3))
    eve.receive(frame)
    assert eve.wire.code == code
    assert eve.wire.closed is not None
    assert eve.wire.closed[1], "a person is told why"
    assert eve.peer not in room.peers
    ann.type("on")
    assert (bob.text, ann.wire.closed, bob.wire.closed) == ("on", None, None)


async def test_frames_after_a_refusal_are_not_looked_at(world: World) -> None:
    """What a closed socket still had under way changes nothing."""
    room = await world.room()
    eve, bob = Page(1).join(room), Page(2).join(room)
    eve.receive(b"\x07")
    eve.type("late")
    eve.point(1, {"x": 1})
    assert bob.text == ""
    await passes(1)
    assert bob.presence() == {}


def test_random_frames_close_at_most_their_peer() -> None:
    """Whatever the bytes: nothing is raised, and nobody else notices."""
    loop = VirtualLoop()
    world = World()
    real = Page(7)
    updates = [real.write("some"), real.edit(1, "x", 2), real.doc.get_update()]
    kinds = st.sampled_from([Kind.STEP1, Kind.STEP2, Kind.UPDATE, Kind.AWARENESS])

    def mutated(parts: tuple[bytes, int, int]) -> bytes:
        update, at, byte = parts
        return update[: at % len(update)] + bytes([byte]) + update[at % len(update) + 1 :]

    payloads = st.one_of(
        st.binary(max_size=40),
        st.tuples(st.sampled_from(updates), st.integers(0, 60), st.integers(0, 255)).map(mutated),
    )
    frames = st.one_of(
        st.binary(max_size=40),
        st.tuples(kinds, payloads).map(lambda pair: protocol.encode(*pair)),
    )

    @settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(frames, min_size=1, max_size=4))
    def attack(some: list[bytes]) -> None:
        async def once() -> None:
            room = await world.room()
            ann, bob = Page().join(room), Page().join(room)
            eve = Page().join(room)
            for frame in some:
                eve.receive(frame)
            await passes(0.2)
            assert eve.wire.code in (None, 4422)
            ann.type("+")
            await world.saved()
            await passes(0.2)
            assert ann.acked == ann.sent
            assert bob.text == ann.text
            assert ann.wire.closed is bob.wire.closed is None
            for page in (ann, bob, eve):
                page.leave()
            world.registries[0].release(room)

        loop.run_until_complete(once())

    try:
        attack()
    finally:
        loop.run_until_complete(world.stop())
        loop.close()


async def test_too_many_frames_close_with_4429(world: World) -> None:
    """A burst is let through, and the rate after it."""
    world.limit(rate_frames_per_s=10, rate_burst_s=2)
    room = await world.room()
    ann, eve = Page(1).join(room, sync=False), Page(2).join(room, sync=False)
    for _ in range(20):
        ann.send(EMPTY_UPDATE)
        eve.send(EMPTY_UPDATE)
    await passes(0.5)
    for _ in range(5):
        ann.send(EMPTY_UPDATE)
        eve.send(EMPTY_UPDATE)
    assert eve.wire.closed is None
    eve.send(EMPTY_UPDATE)
    assert (ann.wire.code, eve.wire.code) == (None, 4429)


async def test_too_many_bytes_close_with_4429(world: World) -> None:
    """A few large frames count like many small ones."""
    world.limit(rate_bytes_per_s=1000, rate_burst_s=2)
    room = await world.room()
    eve = Page(1).join(room, sync=False)
    eve.type("x" * 1500)
    assert eve.wire.closed is None
    eve.type("x" * 1500)
    assert eve.wire.code == 4429


async def test_asking_again_and_again_costs_the_asker(world: World) -> None:
    """A few bytes that ask for a large answer are charged for the answer."""
    world.limit(rate_bytes_per_s=10_000, rate_burst_s=10)
    room = await world.room()
    Page(1).join(room).type("x" * 30_000)
    eve = Page(2).join(room, may_write=False, sync=False)
    for _ in range(10):
        eve.receive(protocol.encode(Kind.STEP1, b"\x00"))
    assert eve.wire.code == 4429
    assert len(eve.wire.payloads(Kind.STEP2)) <= 4


async def test_asking_for_everybody_again_and_again_costs_the_asker(world: World) -> None:
    """So with presence: one byte asks for thousands."""
    world.limit(rate_bytes_per_s=1000, rate_burst_s=10)
    room = await world.room()
    Page(1).join(room).point(1, {"x": "y" * 3000})
    eve = Page(2).join(room, may_write=False)
    for _ in range(10):
        eve.receive(b"\x03")
    assert eve.wire.code == 4429


async def test_room_takes_no_more_peers_than_it_may(world: World) -> None:
    """One too many is told to come back; a place that is left is free."""
    world.limit(peers_per_room=2)
    room = await world.room()
    ann = Page(1).join(room)
    Page(2).join(room)
    with pytest.raises(Overloaded):
        Page(3).join(room)
    assert len(room.peers) == 2
    ann.leave()
    Page(3).join(room)


# Broken replicas


async def test_broken_replica_sends_all_away_and_loses_nothing(world: World) -> None:
    """Peers come back with 1012 to a replica made anew, which holds what was not committed yet."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    world.gate.shut()
    ann.type("kept")
    await settled()
    faulty = FaultyDoc()
    faulty.fault = "apply"
    room.replica.doc = faulty
    bob.type("!")
    assert bob.wire.code == 4422, "who sent what broke it is refused for good"
    assert ann.wire.code == 1012
    opening = asyncio.create_task(world.room())
    await passes(1)
    assert not opening.done(), "not before the old room's edits are in the log"
    world.gate.open()
    again = await opening
    assert again is not room
    assert Page(3).join(again).text == "kept"


async def test_replica_that_cannot_be_encoded_sends_all_away(world: World) -> None:
    """A panic while a peer is answered is the room's trouble, and raises to nobody."""
    room = await world.room()
    ann = Page(1).join(room)
    ann.type("a")
    faulty = FaultyDoc()
    room.replica.doc = faulty
    faulty.fault = "encode"
    bob = Page(2).join(room)
    assert ann.wire.code == bob.wire.code == 1012
    assert room.closed


async def test_closed_room_takes_nobody(world: World) -> None:
    """Who leased a room that broke before it joined is told to come back."""
    room = await world.room()
    room.restart()
    with pytest.raises(Overloaded):
        Page(1).join(room)
    with pytest.raises(Overloaded):
        await room.submit("ann", Page(1).write("a"))


# Presence and people


async def test_presence_is_sent_per_tick_to_everybody(world: World) -> None:
    """Many moves within a tick are one state; also its sender gets it, or it would hang up."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    for clock in range(1, 20):
        ann.point(clock, {"at": clock})
    await passes(0.2)
    assert len(bob.wire.payloads(Kind.AWARENESS)) == 1
    assert bob.presence() == ann.presence() == {1: (19, {"at": 19})}


async def test_presence_of_those_present_meets_who_joins_or_asks(world: World) -> None:
    """A new peer sees the cursors at once, and may ask again."""
    room = await world.room()
    Page(1).join(room).point(1, {"at": 1})
    bob = Page(2).join(room)
    assert bob.presence() == {1: (1, {"at": 1})}
    bob.wire.frames.clear()
    bob.receive(b"\x03")
    assert bob.presence() == {1: (1, {"at": 1})}


async def test_presence_of_one_that_left_is_taken_away(world: World) -> None:
    """A cursor goes with its socket."""
    room = await world.room()
    ann, bob = Page(1).join(room), Page(2).join(room)
    ann.point(1, {"at": 1})
    await passes(1)
    ann.leave()
    await passes(1)
    assert bob.presence() == {1: (2, None)}


async def test_presence_keeps_to_its_budget(world: World) -> None:
    """However many move: bytes per peer per second stay bounded, and everybody has a turn."""
    world.limit(presence_bytes_per_s=2000)
    room = await world.room()
    pages = [Page(n).join(room) for n in range(1, 101)]
    watcher = Page(200).join(room)
    for second in range(1, 21):
        for page in pages:
            page.point(second, {"at": "x" * 50, "n": second})
        await passes(1)
    sizes = sum(len(frame) for frame in watcher.wire.frames if frame[0] == 1)
    assert sizes < 2000 * 20 * 1.2
    assert len(watcher.presence()) == 100


async def test_presence_of_one_peer_leaves_room_for_the_others(world: World) -> None:
    """A peer with a thousand client ids takes a few places, not all."""
    world.limit(presence_states=50)
    room = await world.room()
    eve, ann = Page(1).join(room), Page(2).join(room)
    for client in range(1000, 2000):
        eve.point(1, {"at": 1}, client=client)
    ann.point(1, {"at": 1})
    await passes(1)
    assert 2 in ann.presence()
    assert len(room.company.presence) < 20


async def test_people_are_counted_by_their_sockets(world: World) -> None:
    """Two tabs of one person are one person, until the second is closed."""
    room = await world.room()
    ann = Person("1", "Ann", 0)
    first, second = Page(1).join(room, person=ann), Page(2).join(room, person=ann)
    assert room.company.people.all() == [(ann, 2)]
    first.leave()
    assert room.company.people.all() == [(ann, 1)]
    second.leave()
    assert room.company.people.all() == []


async def test_silent_room_keeps_its_connections_alive(world: World) -> None:
    """y-websocket hangs up after 30 s without a frame, the only one who types included."""
    room = await world.room()
    ann, bob = Page(1).join(room, acks=False), Page(2).join(room, acks=False)
    for _ in range(12):
        heard = len(ann.wire.frames), len(bob.wire.frames)
        for _ in range(29):
            ann.type("a")
            await passes(1)
        assert len(ann.wire.frames) > heard[0]
        assert len(bob.wire.frames) > heard[1]


async def test_kind_of_a_room_hears_of_each_edit_that_was_applied(world: World) -> None:
    """Of a peer's, of another process's, and not of one that is there already or is refused."""

    class Counting(RoomKind):
        edits = 0

        def edited(self, room: Room) -> None:
            self.edits += 1

    here, there = Counting(), Counting()
    ann = Page(1).join(await world.room(kind=here))
    other = await world.process().lease(KEY, there)
    assert here.edits == there.edits == 0
    update = ann.type("hello")
    ann.send(update)
    assert here.edits == 1
    await world.saved()
    await settled()
    assert there.edits == 1
    with pytest.raises(UpdateRejected):
        await other.submit(None, b"nonsense")
    await other.submit(None, Page(2).write("!"))
    await world.saved()
    await settled()
    assert (here.edits, there.edits) == (2, 2)


async def test_kind_that_fails_at_an_edit_keeps_it_from_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What the app adds may be wrong; the edit reaches everybody and is saved."""

    class Wrong(RoomKind):
        def edited(self, room: Room) -> None:
            raise ValueError("an app's defect")

    room = await world.room(kind=Wrong())
    ann, bob = Page(1).join(room), Page(2).join(room)
    ann.type("hello")
    await world.saved()
    assert bob.text == "hello"
    assert ann.acked == ann.sent
    assert "an app's defect" in caplog.text
