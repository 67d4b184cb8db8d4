"""Wires that are silent, half-open, cut or noisy."""

from __future__ import annotations

import asyncio
import random

from collab.testing.faults.fault import Fault
from collab.testing.peer import Peer
from collab.testing.proxy import Proxy
from collab.testing.scene import Scene
from collab.testing.typist import GONE

_SILENT_S = 8.0
_NOISY_S = 8.0
_NOISY_TIMEOUT_S = 30.0
_LOSS, _LATE = 0.05, 0.2
_CROWD = 200
_CROWD_TIMEOUT_S = 30.0
_GIVEN_UP_S = 8.0
# Comparison of heads, patience with a gap, and the time of a busy machine.
_CROSS_S = 8.0
# After 30 s without a frame y-websocket gives a connection up.
_NOTICED_S = 45.0


async def _silence(scene: Scene, *proxies: Proxy) -> None:
    for proxy in proxies:
        proxy.silence()
    await scene.type_for(_SILENT_S)
    for proxy in proxies:
        proxy.heal()


async def _silence_peers(scene: Scene) -> None:
    await _silence(scene, *scene.cluster.before.values())


async def _silence_services(scene: Scene) -> None:
    await _silence(scene, scene.cluster.to_postgres, scene.cluster.to_redis)


async def _forget_peers(scene: Scene) -> None:
    """Have a process lose its sockets, of which people are not told."""
    site = scene.chance.choice(scene.cluster.sites)
    if not scene.cluster.before[site].forget(far=True):
        raise AssertionError("nobody was connected")
    await scene.until_typing(_NOTICED_S)


async def _forget_services(scene: Scene) -> None:
    """Have PostgreSQL and Redis lose their connections, of which the processes are not told.

    That nobody answers is for TCP to find (`tcp_user_timeout`, keep-alive), and a proxy's end of a
    wire always answers. So the reset follows that TCP would make of it.
    """
    to_postgres, to_redis = scene.cluster.to_postgres, scene.cluster.to_redis
    to_redis.forget(far=True)
    to_postgres.forget(far=True)
    await scene.type_for(_GIVEN_UP_S)
    await asyncio.to_thread(to_postgres.cut)
    await scene.until_typing()
    await scene.until_crossed(_CROSS_S)
    await asyncio.to_thread(to_redis.cut)


async def _disturb_relay(scene: Scene) -> None:
    noise = scene.cluster.relay_noise
    lost, reordered = noise.lost, noise.reordered
    noise.loss, noise.late = _LOSS, _LATE
    await scene.type_for(_NOISY_S)
    # What is left to chance may come later.
    async with asyncio.timeout(_NOISY_TIMEOUT_S):
        while noise.lost == lost or noise.reordered == reordered:
            await scene.type_for(0.1)
    await scene.until_crossed(_CROSS_S)
    noise.calm()


async def _reconnect_crowd(scene: Scene) -> None:
    """Cut the wires of a crowd, which all come back at once, and must all be up to date."""
    addresses = scene.cluster.addresses
    crowd = [scene.document.peer(addresses[number % len(addresses)]) for number in range(_CROWD)]
    try:
        await asyncio.gather(*(_come(peer, scene.chance) for peer in crowd))
        for proxy in scene.cluster.before.values():
            proxy.cut()
        await asyncio.gather(*(peer.until_closed() for peer in crowd))
        await asyncio.gather(*(_come(peer, scene.chance) for peer in crowd))
        await scene.until_all_see(_CROWD_TIMEOUT_S, *crowd)
    finally:
        await asyncio.gather(*(peer.cut() for peer in crowd))


async def _come(peer: Peer, chance: random.Random) -> None:
    """Connect, as often as it takes."""
    async with asyncio.timeout(_CROWD_TIMEOUT_S):
        while True:
            try:
                await peer.connect()
            except GONE:
                await peer.cut()
                await asyncio.sleep(chance.uniform(0.1, 0.5))
            else:
                return


FAULTS = (
    Fault("blackhole between people and processes for 8 s", "people go on", 20, _silence_peers),
    Fault(
        "blackhole between processes and PostgreSQL and Redis for 8 s",
        "what was typed is saved",
        20,
        _silence_services,
    ),
    Fault(
        "half-open sockets: a process has lost them, people are not told",
        "people notice within 45 s",
        20,
        _forget_peers,
    ),
    Fault(
        "half-open connections to PostgreSQL and Redis, which TCP gives up after 8 s and more",
        "what was typed is saved, edits cross within 8 s",
        20,
        _forget_services,
    ),
    Fault(
        "5 % loss and reordering at the relay",
        "meanwhile edits cross within 8 s",
        20,
        _disturb_relay,
    ),
    Fault("200 peers come back at once", "all are up to date within 30 s", 20, _reconnect_crowd),
)
