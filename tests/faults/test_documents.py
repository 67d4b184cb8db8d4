"""An old version that is restored while others type."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psycopg
import pycrdt
import pytest

from collab.testing.cluster import Cluster
from collab.testing.edited import tags_of
from collab.testing.faults import Measured
from collab.testing.faults.apart import RESTORE_VERSION
from collab.testing.peer import Peer
from collab.testing.typist import Typist
from tests.faults.table import AddRow

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.nginx]

REST_S = (0.05, 0.2)
MORE = 15


async def make_text(cluster: Cluster, api: httpx.AsyncClient) -> str:
    """Make a document of plain text. Returns its id."""
    answer = await api.post("/api/documents", json={"title": "Versions", "kind": "text"})
    answer.raise_for_status()
    return str(answer.json()["id"])


@asynccontextmanager
async def typists_of(cluster: Cluster, document: str) -> AsyncIterator[list[Typist]]:
    """Have somebody type at each address of the cluster, into the text that versions are of."""
    typists = []
    for name, address in zip("abc", cluster.addresses, strict=True):
        peer = Peer(f"{address}/ws/documents/{document}", cluster.key)
        peer.text = peer.root("body", pycrdt.Text)
        typists.append(Typist(name, peer, random.Random(), REST_S))
    try:
        for typist in typists:
            typist.stay()
            typist.start()
        yield typists
    finally:
        await asyncio.gather(*(typist.leave() for typist in typists))


async def until_more(typists: list[Typist]) -> set[str]:
    """Wait until everybody had more acknowledged. Returns all that is acknowledged."""
    for one in typists:
        wanted = len(one.acknowledged) + MORE
        await one.peer.until(lambda one=one, n=wanted: len(one.acknowledged) >= n, "more saved")
    return set().union(*(one.acknowledged for one in typists))


def stored(cluster: Cluster, document: str) -> list[tuple[int, str]]:
    """Replay the log. Returns each row's seq, and the text as it was then."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.Text)
    texts = []
    with psycopg.connect(cluster.postgres.url) as database:
        rows = database.execute(
            "SELECT seq, data FROM collab_storedupdate u JOIN documents_document d"
            " USING (room_id) WHERE d.id = %s ORDER BY seq",
            (document,),
        ).fetchall()
    for seq, data in rows:
        doc.apply_update(bytes(data))
        texts.append((seq, str(body)))
    return texts


def is_within(text: str, longer: str) -> bool:
    """Tell whether all of a text is in a longer one, in order."""
    rest = iter(longer)
    return all(letter in rest for letter in text)


def lost_of(
    log: list[tuple[int, str]], version: int, restored: int, saved: set[str], later: set[str]
) -> set[str]:
    """Look at the texts after each row: what of the tags is neither in the text nor in the history?

    Args:
        log: All rows.
        version: The row that was restored.
        restored: The row that restored it.
        saved: What was acknowledged before.
        later: What was typed after it.
    """
    assert [seq for seq, _ in log] == list(range(1, len(log) + 1)), "the log has a gap"
    history, now = dict(log), set(tags_of(log[-1][1]))
    before, after = history[restored - 1], history[restored]
    assert is_within(history[version], after), "the version is there, and what came in between"
    assert len(tags_of(after)) < len(tags_of(before)), "the restore takes something away"
    return (saved - set(tags_of(before))) | (later - now)


async def test_restoring_a_version_keeps_what_others_type_meanwhile(
    cluster: Cluster, row: AddRow
) -> None:
    """What is typed as it is restored stays; what the restore takes away is in the history."""
    headers = {"Authorization": f"Bearer {cluster.key}"}
    async with httpx.AsyncClient(base_url=cluster.first.url, headers=headers, timeout=20) as api:
        document = await make_text(cluster, api)
        async with typists_of(cluster, document) as typists:
            await until_more(typists)
            named = await api.post(f"/api/documents/{document}/versions", json={"name": "Good"})
            version = named.raise_for_status().json()["seq"]
            saved = await until_more(typists)
            there = f"/api/documents/{document}/versions/{version}"
            restored = (await api.post(f"{there}/restore")).raise_for_status().json()["seq"]
            typed = {one.name: len(one.typed) for one in typists}
            await until_more(typists)
            healed_at = asyncio.get_running_loop().time()
            await asyncio.gather(*(one.stop() for one in typists))
            for one in typists:
                await one.peer.until_saved()
                one.note_acks()
            async with asyncio.timeout(RESTORE_VERSION.within_s):
                log = await asyncio.to_thread(stored, cluster, document)
                for one in typists:
                    await one.peer.until(lambda one=one: str(one.peer.text) == log[-1][1], "equal")
            equal_s = asyncio.get_running_loop().time() - healed_at
    later = {tag for one in typists for tag in one.typed[typed[one.name] :]}
    lost = lost_of(log, version, restored, saved, later)
    everything = {tag for one in typists for tag in one.typed}
    measured = Measured(
        tags=len(everything),
        acknowledged=len(set().union(*(one.acknowledged for one in typists))),
        lost=len(lost),
        twice=0,
        equal_s=equal_s,
        unsaved_s=max(one.longest_unsaved_s for one in typists),
    )
    print(measured)
    assert not measured.problems(RESTORE_VERSION)
    row(RESTORE_VERSION, measured)
