"""Presence: the latest state wins, who left stays gone, and nobody waits for ever."""

from __future__ import annotations

import pytest

from collab.engine.errors import FrameMalformed
from collab.engine.presence import GONE, Presence
from collab.engine.protocol import State, decode_states
from collab.engine.varint import MAX_VARUINT


def make(*, max_states: int = 100, max_state_bytes: int = 200, expiry_s: float = 30) -> Presence:
    return Presence(max_states=max_states, max_state_bytes=max_state_bytes, expiry_s=expiry_s)


def state(client: int, clock: int, name: str = "x") -> State:
    return State(client, clock, b'{"name":"%s"}' % name.encode())


def latest(presence: Presence, client: int) -> State:
    """Return a client's state as a peer would be sent it."""
    (found,) = decode_states(presence.of([client]), max_states=1)
    return found


def test_presence_latest_clock_wins() -> None:
    """A state replaces an older one, and neither an older nor an equal one replaces it."""
    presence = make()
    assert presence.merge([state(1, 5, "new")], owner="a", now=0) == {1}
    assert presence.merge([state(1, 4, "old")], owner="a", now=0) == set()
    assert presence.merge([state(1, 5, "same")], owner="a", now=0) == set()
    assert latest(presence, 1) == state(1, 5, "new")
    assert presence.merge([state(1, 6, "newer")], owner="a", now=0) == {1}
    assert latest(presence, 1) == state(1, 6, "newer")


def test_presence_late_echo_does_not_bring_back_who_left() -> None:
    """y-websocket sends back what it hears: the last state of one that left changes nothing."""
    presence = make()
    presence.merge([state(1, 5)], owner="a", now=0)
    assert presence.drop("a", now=1) == {1}
    assert presence.merge([state(1, 5)], owner="b", now=2) == set()
    assert presence.present() == set()
    assert latest(presence, 1) == State(1, 6, GONE)


def test_presence_that_comes_back_is_shown_again() -> None:
    """A client that reconnects goes on with a higher clock."""
    presence = make()
    presence.merge([state(1, 5)], owner="a", now=0)
    presence.drop("a", now=1)
    assert presence.merge([state(1, 7)], owner="b", now=2) == {1}
    assert presence.present() == {1}


def test_presence_drop_spares_a_client_that_moved_to_another_socket() -> None:
    """The old socket of a client that has reconnected takes nothing away when it closes."""
    presence = make()
    presence.merge([state(1, 5)], owner="old", now=0)
    presence.merge([state(1, 6)], owner="new", now=1)
    assert presence.drop("old", now=2) == set()
    assert presence.present() == {1}


def test_presence_expires_unless_renewed_and_tombstones_are_forgotten() -> None:
    """Who is silent is gone after the expiry, and forgotten after another."""
    presence = make(expiry_s=30)
    presence.merge([state(1, 1), state(2, 1)], owner="a", now=0)
    presence.merge([state(2, 2)], owner="a", now=20)
    assert presence.expire(now=31) == {1}
    assert presence.present() == {2}
    presence.take(10_000)
    presence.expire(now=62)
    presence.take(10_000)
    presence.expire(now=100)
    assert len(presence) == 0


def test_presence_tombstone_stays_until_it_was_told() -> None:
    """Peers hear that somebody left even if nothing could be sent for longer than the expiry."""
    presence = make(expiry_s=30)
    presence.merge([state(1, 1)], owner="a", now=0)
    presence.drop("a", now=1)
    presence.expire(now=100)
    taken = presence.take(10_000)
    assert taken is not None
    assert decode_states(taken[0], max_states=9) == [State(1, 2, GONE)]


def test_presence_echo_of_others_changes_nothing() -> None:
    """A page that sends everybody's states back owns none of them and renews none of them."""
    presence = make(expiry_s=30)
    presence.merge([state(1, 1)], owner="a", now=0)
    presence.merge([state(1, 1)], owner="b", now=29)
    assert presence.drop("b", now=29) == set()
    assert presence.expire(now=31) == {1}


def test_presence_only_its_own_peer_says_that_a_client_left() -> None:
    """A tab that slept takes others for gone and says so with their clock; they stay."""
    presence = make()
    presence.merge([state(1, 5)], owner="a", now=0)
    assert presence.merge([State(1, 5, GONE)], owner="b", now=1) == set()
    assert presence.present() == {1}
    assert presence.merge([State(1, 5, GONE)], owner="a", now=1) == {1}
    assert presence.present() == set()


def test_presence_budget_starves_nobody() -> None:
    """With room for three states per frame and ten moving all the time, each has its turn."""
    presence = make()
    sent_at = dict.fromkeys(range(10), 0)
    for clock in range(1, 101):
        presence.merge([state(c, clock) for c in range(10)], owner="a", now=clock)
        taken = presence.take(3 * (len(state(0, 0).json) + 12))
        assert taken is not None
        assert len(taken[1]) == 3
        for found in decode_states(taken[0], max_states=9):
            assert found.clock == clock, "a state that waited is sent as it is now"
            assert clock - sent_at[found.client] <= 5
            sent_at[found.client] = clock
    assert min(sent_at.values()) > 95


def test_presence_sends_one_state_even_over_the_budget() -> None:
    """A state larger than the budget goes alone, rather than never."""
    presence = make()
    presence.merge([state(1, 1), state(2, 1)], owner="a", now=0)
    assert [presence.take(0), presence.take(0), presence.take(0)] == [
        (b"\x01" + b"\x01\x01\x0c" + state(1, 1).json, {1}),
        (b"\x01" + b"\x02\x01\x0c" + state(2, 1).json, {2}),
        None,
    ]


@pytest.mark.parametrize(
    "json",
    [
        b"",
        b"{",
        b"}",
        b"[]",
        b"1",
        b'"text"',
        b"true",
        b'{"x":NaN}',
        b'{"x":-Infinity}',
        b'{"x":1,}',
        b"{'x':1}",
        b'{"x":"\xff"}',
        b'{"x":"\n"}',
        b'\xef\xbb\xbf{"x":1}',
        b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"x":' + b"9" * 5000 + b"}",
        b'{"x":"' + b"y" * 9000 + b'"}',
    ],
)
def test_presence_refuses_what_a_browser_cannot_parse(json: bytes) -> None:
    """What would throw in the others' `JSON.parse`, or is no state, goes no further."""
    presence = make(max_state_bytes=8192)
    with pytest.raises(FrameMalformed):
        presence.merge([State(1, 1, json)], owner="a", now=0)
    assert len(presence) == 0


def test_presence_refuses_a_clock_that_cannot_grow() -> None:
    """Leaving adds one to the clock; over 2^53 - 1 every browser's reader would throw."""
    presence = make()
    with pytest.raises(FrameMalformed):
        presence.merge([state(1, MAX_VARUINT)], owner="a", now=0)


def test_presence_takes_no_more_clients_than_it_may() -> None:
    """Clients past the bound are not shown; those who are here still move."""
    presence = make(max_states=2)
    presence.merge([state(c, 1) for c in range(5)], owner="a", now=0)
    assert presence.present() == {0, 1}
    assert presence.merge([state(1, 2), state(3, 2)], owner="a", now=1) == {1}


def test_presence_of_one_that_was_never_here_leaves_no_trace() -> None:
    """A goodbye of an unknown client is no tombstone: it would take a place for nothing."""
    presence = make()
    assert presence.merge([State(1, 1, GONE)], owner="a", now=0) == set()
    assert len(presence) == 0
