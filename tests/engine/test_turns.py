"""Large answers go out a few at a time: nobody waits for ever, and nobody misses anything."""

from __future__ import annotations

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.engine.room import Room
from collab.engine.turns import _AT_ONCE, _PATIENCE_S, LARGE_BYTES
from tests.engine.world import Page, World, passes, settled

MORE = 3


async def large(world: World) -> Room:
    """Open a room whose content is a large answer."""
    world.limit(outbox_overflow_bytes=2**30)
    room = await world.room()
    Page(1).join(room).type("x" * LARGE_BYTES)
    return room


def joining(room: Room, count: int, *, blocked: bool = True) -> list[Page]:
    """Have pages ask for all there is, on sockets that take a frame and are full then."""
    pages = []
    for n in range(count):
        page = Page(100 + n).join(room, sync=False)
        page.wire.blocked = blocked
        page.receive(protocol.encode(Kind.STEP1, b"\x00"))
        pages.append(page)
    return pages


def answered(pages: list[Page]) -> list[bool]:
    return [bool(page.wire.payloads(Kind.STEP2)) for page in pages]


def drain(page: Page) -> None:
    page.wire.blocked = False
    assert page.peer is not None
    page.peer.drained()


async def test_few_large_answers_are_on_their_way_at_once(world: World) -> None:
    """Each that is through lets the next begin, in the order in which they asked."""
    room = await large(world)
    pages = joining(room, _AT_ONCE + MORE)
    assert answered(pages) == [True] * _AT_ONCE + [False] * MORE
    for n in range(MORE):
        drain(pages[n])
        await settled()
        assert answered(pages) == [True] * (_AT_ONCE + n + 1) + [False] * (MORE - n - 1)


async def test_an_answer_that_waited_holds_what_was_written_meanwhile(world: World) -> None:
    """Who waits is sent nothing before it, and then all at once."""
    room = await large(world)
    pages = joining(room, _AT_ONCE + 1)
    before = len(pages[-1].wire.frames)
    Page(2).join(room).type("meanwhile")
    await passes(0.1)
    assert len(pages[-1].wire.frames) == before
    drain(pages[0])
    await settled()
    assert pages[-1].text.endswith("meanwhile")
    assert len(pages[-1].wire.payloads(Kind.UPDATE)) == 0


async def test_slow_readers_hold_up_others_for_a_moment_only(world: World) -> None:
    """Nobody reads, and after their time the next are answered all the same."""
    room = await large(world)
    pages = joining(room, _AT_ONCE + MORE)
    await passes(_PATIENCE_S + 0.01)
    assert all(answered(pages))


async def test_who_leaves_gives_its_turn_on(world: World) -> None:
    """One that is sent to and one that waits leave; the turn goes to the one after them."""
    room = await large(world)
    pages = joining(room, _AT_ONCE + 2)
    pages[-2].leave()
    pages[0].leave()
    await settled()
    assert answered(pages)[-2:] == [False, True]


async def test_who_are_all_sent_away_are_sent_no_large_answer_first(world: World) -> None:
    """A room that closes gives no turn on to somebody whom it closes next."""
    room = await large(world)
    pages = joining(room, _AT_ONCE + MORE)
    room.restart("the test says so")
    await settled()
    assert answered(pages) == [True] * _AT_ONCE + [False] * MORE
    assert {page.wire.code for page in pages} == {1012}


async def test_a_slow_line_is_given_the_time_that_a_large_answer_takes(world: World) -> None:
    """Half a megabyte more than `stall_s` allows comes through at a megabit a second."""
    world.limit(stall_s=5)
    room = await large(world)
    (page,) = joining(room, 1)
    await passes(8)
    assert page.wire.code is None
    await passes(5)
    assert page.wire.code == 1013


async def test_sockets_that_take_all_at_once_wait_for_nothing(world: World) -> None:
    """A turn is taken by who is not through only."""
    room = await large(world)
    assert all(answered(joining(room, 3 * _AT_ONCE, blocked=False)))


async def test_a_server_that_tells_late_is_asked_by_a_second_frame(world: World) -> None:
    """Where the large frame is taken and only the next one waits, it counts as on its way."""
    room = await large(world)
    pages = []
    for n in range(_AT_ONCE + 1):
        page = Page(100 + n).join(room, sync=False)
        wire, write = page.wire, page.wire.write

        def late(frame: bytes, wire: object = wire, write: object = write) -> bool:
            taken = wire.frames and len(wire.frames[-1]) >= LARGE_BYTES  # type: ignore[attr-defined]
            write(frame)  # type: ignore[operator]
            return not taken

        wire.write = late  # type: ignore[method-assign]
        page.receive(protocol.encode(Kind.STEP1, b"\x00"))
        pages.append(page)
    assert answered(pages) == [True] * _AT_ONCE + [False]


async def test_small_answers_do_not_wait(world: World) -> None:
    """However many large ones are on their way."""
    room = await large(world)
    joining(room, _AT_ONCE)
    page = Page(3).join(room, sync=False)
    page.doc.apply_update(room.replica.encode())
    page.receive(protocol.encode(Kind.STEP1, page.doc.get_state()))
    assert answered([page]) == [True]
