"""Documents that go to the trash and back, and edits of megabytes that come late."""

from __future__ import annotations

import asyncio
import random

import httpx
import psycopg
import pycrdt

from collab.testing.cluster import Cluster
from collab.testing.faults.fault import Fault
from collab.testing.peer import Peer
from collab.testing.scene import REST_S, Scene
from collab.testing.typist import Typist

_OFFLINE_BYTES = 3_000_000
# Beside what people type: that is read again and again, and soon.
_ROOT = "offline"
_STEADY_S = 0.5
_STEADY_TIMEOUT_S = 5.0
_SAVED_TIMEOUT_S = 20.0


async def _trash_and_restore(scene: Scene) -> None:
    """Trash the document under people who own it and one who edits it, and take it back."""
    cluster = scene.cluster
    bob = await _editor(scene)
    headers = {"Authorization": f"Bearer {scene.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as api:
        document = f"{cluster.first.url}/api/documents/{scene.document.id}"
        (await api.patch(document, json={"trashed": True})).raise_for_status()
        code = await bob.peer.until_closed(5)
        if code != 4403:
            raise RuntimeError(f"who edits what was trashed is closed with {code}")
        await _until_steady(cluster, scene.document.id)
        (await api.patch(document, json={"trashed": False})).raise_for_status()
    bob.stay()
    await scene.until_typing()


async def _editor(scene: Scene) -> Typist:
    """Let somebody in who does not own the document, at the second process; they type."""
    cluster = scene.cluster
    key = await asyncio.to_thread(cluster.first.key, "bob")
    await asyncio.to_thread(cluster.first.run, "share", scene.document.id, "bob", "editor")
    url = scene.document.url(cluster.addresses[1])
    bob = Typist("z", Peer(url, key), random.Random(scene.chance.random()), REST_S)
    await bob.connect()
    bob.start()
    scene.document.typists.append(bob)
    return bob


async def _until_steady(cluster: Cluster, document: str) -> None:
    """Wait until nothing more is written, though everybody types.

    Raises:
        TimeoutError: what is in the trash is written to.
    """
    async with asyncio.timeout(_STEADY_TIMEOUT_S):
        before, now = -1, 0
        while before != now:
            before = now
            await asyncio.sleep(_STEADY_S)
            now = await asyncio.to_thread(_head, cluster.postgres.url, document)


def _head(url: str, document: str) -> int:
    with psycopg.connect(url, connect_timeout=5) as connection:
        found = connection.execute(
            "SELECT r.head FROM collab_room r JOIN documents_document d ON d.room_id = r.id"
            " WHERE d.id = %s",
            (document,),
        ).fetchone()
    if found is None:
        raise RuntimeError("the document is gone")
    return int(found[0])


async def _bring_offline_edits(scene: Scene) -> None:
    """Come back with 3 MB in Python, then in Node, and look for both at every address."""
    peer = scene.document.peer(scene.chance.choice(scene.cluster.addresses))
    await peer.connect()
    await peer.disconnect()
    written = peer.root(_ROOT, pycrdt.Text)
    written += "p" * _OFFLINE_BYTES
    length = _OFFLINE_BYTES
    await peer.connect()
    await peer.until_saved(_SAVED_TIMEOUT_S)
    if scene.document.node is not None:
        await scene.document.node.leave("m")
        await scene.document.node.paste("m", _ROOT, _OFFLINE_BYTES)
        length += _OFFLINE_BYTES
        await scene.document.node.come("m")
    await peer.until(lambda: len(written) == length, "all that was written", _SAVED_TIMEOUT_S)
    for address in scene.cluster.addresses:
        await _look_for(str(written), scene.document.peer(address))
    await peer.disconnect()


async def _look_for(text: str, fresh: Peer) -> None:
    """Look as somebody new until the whole text is there."""
    got = fresh.root(_ROOT, pycrdt.Text)
    async with fresh:
        await fresh.until(lambda: str(got) == text, f"all of it at {fresh.url}")


FAULTS = (
    Fault(
        "a document goes to the trash and comes back while it is edited",
        "editors are sent away, nothing is written in the trash, all comes with who comes back",
        10,
        _trash_and_restore,
    ),
    Fault(
        "3 MB written offline, in Python and at `y-websocket`",
        "both edits are at every process, whole",
        10,
        _bring_offline_edits,
    ),
)
