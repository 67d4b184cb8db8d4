"""Redis and PostgreSQL come and go under two processes that share a document."""

from __future__ import annotations

import asyncio
import signal
import time

import httpx
import pytest

from collab import conf
from collab.testing.peer import Peer
from tests.faults.grown import Grown

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

# Comparison of heads, patience with a gap, and the time of a busy machine.
HEALED_WITHIN_S = conf.BY_NAME["HEADS_EVERY_S"].default + 3


async def until_equal(*peers: Peer, timeout_s: float = 20) -> None:
    """Wait until all have the same text, as long as what was written on any of them."""
    longest = max(len(peer.text) for peer in peers)
    texts = [str(peer.text) for peer in peers]
    for peer in peers:
        await peer.until(lambda one=peer: len(one.text) >= longest, "equal", timeout_s)
    assert len({str(peer.text) for peer in peers}) == 1, texts


async def see(peer: Peer, word: str, timeout_s: float = 20) -> None:
    await peer.until(lambda: word in str(peer.text), f"seeing {word}", timeout_s)


async def close(*peers: Peer) -> None:
    for peer in peers:
        assert peer.close_code is None, "nobody was sent away"
        await peer.close()


async def test_redis_restart_does_not_keep_two_processes_apart(grown: Grown) -> None:
    """What was written before, during and after a restart of Redis is everywhere."""
    _, one, two, far = await grown.peers()
    await one.write("before ")
    await see(far, "before")
    grown.redis.stop()
    await one.write("here ")
    await far.write("there ")
    await asyncio.to_thread(grown.redis.start)
    await two.write("after ")
    for peer in (one, two, far):
        for word in ("here", "there", "after"):
            await see(peer, word)
        await peer.until_saved()
    await until_equal(one, two, far)
    await close(one, two, far)


async def test_redis_flushall_does_not_deafen_a_process(grown: Grown) -> None:
    """After FLUSHALL edits still cross both ways by the relay, sooner than heads are compared."""
    _, one, two, far = await grown.peers()
    await one.write("before ")
    await see(far, "before")
    assert grown.redis.command("FLUSHALL") == b"+OK"
    await one.write("east ")
    await see(far, "east", HEALED_WITHIN_S)
    await far.write("west ")
    await see(two, "west", HEALED_WITHIN_S)
    await until_equal(one, two, far)
    await close(one, two, far)


async def test_edits_cross_without_redis_by_comparing_heads(grown: Grown) -> None:
    """While Redis is gone, an edit is at the other process after the next comparison of heads."""
    _, one, two, far = await grown.peers()
    grown.redis.stop()
    for number in range(2):
        await one.write(f"east{number} ")
        await one.until_saved()
        await see(far, f"east{number}", HEALED_WITHIN_S)
        await far.write(f"west{number} ")
        await far.until_saved()
        await see(two, f"west{number}", HEALED_WITHIN_S)
    await until_equal(one, two, far)
    await asyncio.to_thread(grown.redis.start)
    await close(one, two, far)


async def test_a_role_that_is_taken_ends_while_redis_is_silent(grown: Grown) -> None:
    """A Redis that takes connections and never answers: found in the database within 10 s."""
    document, one, _, far = await grown.peers()
    bob = Peer(far.url, grown.first.key("bob"))
    path, owner = f"/api/documents/{document}/grants", {"Authorization": f"Bearer {grown.key}"}
    async with httpx.AsyncClient(base_url=grown.first.url, headers=owner, timeout=20) as api:
        given = await api.post(path, json={"user": "bob", "role": "editor"})
        await bob.connect()
        await bob.write("while I may ")
        await see(one, "while")
        grown.redis.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            taken = await api.delete(f"{path}/{given.json()['id']}")
            assert time.monotonic() - began < 5, "who takes it waits for Redis"
            assert await bob.until_closed() == 4403
            assert time.monotonic() - began < 10
            assert taken.status_code == 204
        finally:
            grown.redis.signal(signal.SIGCONT)
    await far.write("without him")
    await see(one, "without him", HEALED_WITHIN_S)
    await close(one, far)


async def test_postgres_restart_pauses_acks_and_nothing_else(grown: Grown) -> None:
    """Without the database people see each other's edits, nobody reads Saved, all is kept."""
    document, one, two, far = await grown.peers()
    await one.write("before ")
    await one.until_saved()
    await see(far, "before")
    grown.postgres.stop()
    acked = one.acked_frames, far.acked_frames
    await one.write("east ")
    await far.write("west ")
    await see(two, "east")
    with pytest.raises(TimeoutError):
        await one.until_saved(timeout_s=2)
    assert (one.acked_frames, far.acked_frames) == acked

    await asyncio.to_thread(grown.postgres.start)
    await one.until_saved()
    await far.until_saved()
    for peer in (one, two, far):
        await see(peer, "east")
        await see(peer, "west")
    await until_equal(one, two, far)
    fresh = Peer(f"{grown.second.ws_url}/ws/documents/{document}", grown.key)
    await fresh.connect()
    assert str(fresh.text) == str(one.text)
    await close(one, two, far, fresh)


async def test_sigterm_without_a_database_acks_nothing_and_ends(grown: Grown) -> None:
    """A process that cannot save ends in time, and has not said that anything was saved."""
    _, one, two, far = await grown.peers()
    await one.write("before ")
    await one.until_saved()
    grown.postgres.stop()
    acked = one.acked_frames
    await one.write("kept by its author ")
    await see(two, "kept")
    started = time.monotonic()
    status = await asyncio.to_thread(grown.first.stop)
    assert time.monotonic() - started < 10
    assert status == 0
    assert await one.until_closed() == 1012
    assert one.acked_frames == acked

    await asyncio.to_thread(grown.start)
    await one.connect()
    await one.until_saved()
    await see(far, "kept")
    await two.connect()
    await until_equal(one, two, far)
    await close(one, two, far)
