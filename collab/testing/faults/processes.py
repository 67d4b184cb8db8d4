"""Web processes that are killed, stopped and replaced while people type."""

from __future__ import annotations

import asyncio
import time

import psycopg

from collab.testing.altered import DIE_BEFORE_BROADCAST, DIE_IN_COMPACTION, NEXT_RELEASE
from collab.testing.faults.fault import Fault
from collab.testing.peer import Peer
from collab.testing.scene import Scene
from collab.testing.servers import Site

# What the README promises of SIGTERM.
_STOP_S = 10.0
_MOMENT_TIMEOUT_S = 30.0
_MIXED_S = 3.0
_IN_HAND_S = 1.0
# Comparison of heads, patience with a gap, and the time of a busy machine.
_CROSS_S = 8.0

# As a next release's migrations would: additive, with defaults in the database.
_EXPAND = (
    "ALTER TABLE collab_room ADD COLUMN next_note varchar(10) NOT NULL DEFAULT 'new'",
    "ALTER TABLE collab_storedupdate ADD COLUMN next_weight integer NOT NULL DEFAULT 1",
    "ALTER TABLE collab_snapshot ADD COLUMN next_form jsonb NULL",
)
_CONTRACT = (
    "ALTER TABLE collab_room DROP COLUMN IF EXISTS next_note",
    "ALTER TABLE collab_storedupdate DROP COLUMN IF EXISTS next_weight",
    "ALTER TABLE collab_snapshot DROP COLUMN IF EXISTS next_form",
)


async def _kill(scene: Scene) -> None:
    """Kill a process that has edits in hand, some of them in a commit that is under way."""
    site = scene.chance.choice(scene.cluster.sites)
    async with scene.commits_held():
        await scene.type_for(_IN_HAND_S)
        await scene.kill(site)
    await asyncio.to_thread(site.start)


async def _kill_before_broadcast(scene: Scene) -> None:
    """Kill a process that alone knows of a commit, besides the log: its author is gone, too."""
    cluster = scene.cluster
    site, other = scene.chance.sample(cluster.sites, 2)
    document = await asyncio.to_thread(other.create_document, cluster.key)
    author, reader = (
        Peer(f"{one.ws_url}/ws/documents/{document}", cluster.key) for one in (site, other)
    )
    await reader.connect()
    await author.connect()
    # Else it would die at the commit of somebody else.
    await scene.rest()
    await scene.until_equal(_MOMENT_TIMEOUT_S)
    site.signal(DIE_BEFORE_BROADCAST)
    await author.write("in the log and nowhere else")
    await asyncio.to_thread(site.wait, _MOMENT_TIMEOUT_S)
    await author.cut()
    await scene.check_stored()
    await reader.until(lambda: len(reader.text), "what was committed", _CROSS_S)
    await reader.close()
    await scene.type()
    await asyncio.to_thread(site.start)


async def _kill_in_compaction(scene: Scene) -> None:
    site = scene.chance.choice(scene.cluster.sites)
    site.signal(DIE_IN_COMPACTION)
    await asyncio.to_thread(site.wait, _MOMENT_TIMEOUT_S)
    await scene.check_stored()
    await asyncio.to_thread(site.start)


async def _stop(site: Site) -> None:
    """Stop a process as a deploy does; it must end well and in time."""
    began = time.monotonic()
    status = await asyncio.to_thread(site.stop)
    took_s = time.monotonic() - began
    if status != 0 or took_s > _STOP_S:
        raise AssertionError(f"{site.name} ended with {status} after {took_s:.1f} s")


async def _terminate(scene: Scene) -> None:
    site = scene.chance.choice(scene.cluster.sites)
    await _stop(site)
    await scene.check_stored()
    await asyncio.to_thread(site.start)


async def _deploy(scene: Scene) -> None:
    for site in scene.cluster.sites:
        await _stop(site)
        await asyncio.to_thread(site.start)
        await scene.until_typing()


async def _mix_releases(scene: Scene) -> None:
    """Run one process as the next release would be, on its schema, beside one of today."""
    newer = scene.cluster.second
    as_today = dict(newer.environment)
    await asyncio.to_thread(_change, scene, _EXPAND)
    try:
        await _stop(newer)
        # A release may have other defaults, too: this one sends no content over the relay.
        newer.environment |= {NEXT_RELEASE: "1", "COLLAB_RELAY_UPDATE_BYTES": "0"}
        await asyncio.to_thread(newer.start)
        await scene.until_typing()
        at_older = scene.typists[0]
        connections = at_older.connections
        await scene.type_for(_MIXED_S)
        if at_older.connections != connections:
            raise AssertionError("the older process sent somebody away")
        await _stop(newer)
    finally:
        newer.environment = as_today
        await asyncio.to_thread(_change, scene, _CONTRACT)
    await asyncio.to_thread(newer.start)


def _change(scene: Scene, statements: tuple[str, ...]) -> None:
    with psycopg.connect(scene.cluster.postgres.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


FAULTS = (
    Fault(
        "kill -9 of a web process, mid-edit",
        "what it acknowledged is stored, people come back",
        20,
        _kill,
    ),
    Fault(
        "kill -9 between a commit and its broadcast",
        "the other process finds it in the log within 8 s, also when its author is gone",
        20,
        _kill_before_broadcast,
    ),
    Fault(
        "kill -9 during a compaction",
        "the room opens as before",
        20,
        _kill_in_compaction,
    ),
    Fault("SIGTERM under typing", "exit status 0 within 10 s", 20, _terminate),
    Fault(
        "rolling deploy under typing",
        "both end with 0 within 10 s, people go on at the other",
        20,
        _deploy,
    ),
    Fault(
        "old and new code on the new schema",
        "unknown events, fields and columns disturb neither, nobody is sent away",
        20,
        _mix_releases,
    ),
)
