"""Many who edit one layout at once, over real sockets: nobody loses anything, and all end equal."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pycrdt

from collab.testing.peer import Peer
from collab.testing.servers import Site
from dashboards.layout import exchange
from tests.dashboards.editors import Editor, check, clocks_of, content_of, places, seed

EDITORS = 20
EDITS = 10_000
SHARED = [f"shared{number:04}" for number in range(8)]


def api(site: Site, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{site.url}/api", headers=headers, timeout=20)


def stored(site: Site, dashboard: str) -> pycrdt.Doc[Any]:
    """Replay a dashboard's log, row by row, past the site."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    path = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT data FROM collab_storedupdate u JOIN dashboards_dashboard d"
            " ON d.room_id = u.room_id WHERE d.id = ? ORDER BY seq",
            (UUID(dashboard).hex,),
        )
        for (data,) in rows.fetchall():
            doc.apply_update(data)
    return doc


async def test_twenty_editors_end_equal_and_lose_no_key(site: Site) -> None:
    """Ten thousand edits of panels, queries, texts and variables, with connections that break.

    A value of which one person is the only author is their last one; of panels that only their
    authors remove none is lost; every word of the texts is there.
    """
    key = site.key()
    http = api(site, key)
    made = http.post("/dashboards", json={}).json()
    url = f"{site.ws_url}{made['socket']}"
    http.post(
        f"/dashboards/{made['id']}/updates", content=seed(SHARED),
        headers={"Content-Type": "application/octet-stream"},
    ).raise_for_status()  # fmt: skip
    # Half of the places belong to one person each: all twenty write to every panel.
    own, contested = places(SHARED)[::2], places(SHARED)[1::2]
    editors = [
        Editor(url, key, number, SHARED, own[number::EDITORS], contested)
        for number in range(EDITORS)
    ]
    await asyncio.gather(*(editor.connect() for editor in editors))
    await asyncio.gather(*(editor.edit(EDITS // EDITORS) for editor in editors))
    await asyncio.gather(*(editor.connect() for editor in editors if not editor.connected))
    await asyncio.gather(*(editor.until_saved() for editor in editors))
    fresh = Peer(url, key)
    await fresh.connect()
    now = content_of(fresh.doc)
    clocks = clocks_of(fresh.doc)
    for editor in editors:
        await editor.until(lambda editor=editor: clocks_of(editor.doc) == clocks, "the others'")  # type: ignore[misc]
        assert content_of(editor.doc) == now
    assert content_of(stored(site, made["id"])) == now
    exported = http.get(f"/dashboards/{made['id']}/layout").json()
    assert exported == json.loads(exchange.written(now["layout"]))
    for editor in editors:
        check(editor, now)
    assert sum(editor.edits for editor in editors) >= EDITS
    assert sum(editor.reconnects for editor in editors) > EDITORS
    assert min(len(editor.kept) for editor in editors) > 10
    await asyncio.gather(*(peer.close() for peer in (*editors, fresh)))
