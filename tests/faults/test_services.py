"""What services that are away or silent do to those who wait for them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import closing

import httpx
import psycopg
import pytest

from collab import conf
from collab.site import environment
from collab.testing.cluster import Cluster
from collab.testing.peer import Peer

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.nginx]

# Comparison of heads, patience with a gap, and the time of a busy machine.
HEALED_WITHIN_S = conf.BY_NAME["HEADS_EVERY_S"].default + 3


async def three_peers(cluster: Cluster) -> tuple[str, Peer, Peer, Peer]:
    """Make a document with two peers at the first process and one at the second."""
    document = cluster.first.create_document(cluster.key)
    peers = [
        Peer(f"{site.ws_url}/ws/documents/{document}", cluster.key)
        for site in (cluster.first, cluster.first, cluster.second)
    ]
    for peer in peers:
        await peer.connect()
    return document, peers[0], peers[1], peers[2]


async def see(peer: Peer, word: str, timeout_s: float = 20) -> None:
    await peer.until(lambda: word in str(peer.text), f"seeing {word}", timeout_s)


async def close(*peers: Peer) -> None:
    for peer in peers:
        assert peer.close_code is None, "nobody was sent away"
        await peer.close()


async def test_a_role_that_is_taken_ends_while_redis_is_silent(cluster: Cluster) -> None:
    """A Redis that takes connections and never answers: found in the database within 10 s."""
    document, one, two, far = await three_peers(cluster)
    bob = Peer(far.url, cluster.first.key("bob"))
    path, owner = f"/api/documents/{document}/grants", {"Authorization": f"Bearer {cluster.key}"}
    async with httpx.AsyncClient(base_url=cluster.first.url, headers=owner, timeout=20) as api:
        given = await api.post(path, json={"user": "bob", "role": "editor"})
        await bob.connect()
        await bob.write("while I may ")
        await see(one, "while")
        cluster.redis.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            taken = await api.delete(f"{path}/{given.json()['id']}")
            assert time.monotonic() - began < 5, "who takes it waits for Redis"
            assert await bob.until_closed() == 4403
            assert time.monotonic() - began < 10
            assert taken.status_code == 204
        finally:
            cluster.redis.signal(signal.SIGCONT)
    await far.write("without him")
    await see(one, "without him", HEALED_WITHIN_S)
    await close(one, two, far)


async def test_sigterm_without_a_database_acks_nothing_and_ends(cluster: Cluster) -> None:
    """A process that cannot save ends in time, and has not said that anything was saved."""
    _, one, two, far = await three_peers(cluster)
    await one.write("before ")
    await one.until_saved()
    cluster.postgres.stop()
    acked = one.acked_frames
    await one.write("kept by its author ")
    await see(two, "kept")
    # What the site measures of itself cannot be stored either: numbers wait, too.
    async with asyncio.timeout(30):
        while "Readings wait for the database" not in cluster.first.output():
            await asyncio.sleep(0.1)
    started = time.monotonic()
    status = await asyncio.to_thread(cluster.first.stop)
    assert time.monotonic() - started < 10
    assert status == 0
    assert await one.until_closed() == 1012
    assert one.acked_frames == acked

    await asyncio.to_thread(cluster.start)
    await one.connect()
    await one.until_saved()
    await see(far, "kept")
    await two.connect()
    await see(two, "kept")
    assert str(one.text) == str(two.text) == str(far.text)
    await close(one, two, far)


def test_a_database_that_never_answers_is_given_up_in_seconds() -> None:
    """Connecting to what takes connections and says nothing ends, as one that is refused does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        options = database_options(url)
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, **options)
        assert time.monotonic() - began < 10


def test_a_database_that_is_gone_without_a_word_is_noticed(cluster: Cluster) -> None:
    """TCP gives up what nobody takes after 20 s, not after Linux's 15 minutes."""
    url = cluster.postgres.url
    with (
        psycopg.connect(url, **database_options(url)) as connection,
        closing(socket.socket(fileno=os.dup(connection.fileno()))) as wire,
    ):
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


def database_options(url: str) -> dict[str, int]:
    """Return what the site connects with."""
    options = environment.database(url, directory=environment.data_dir())["OPTIONS"]
    return {name: int(value) for name, value in options.items()}
