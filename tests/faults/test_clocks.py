"""Clocks that differ between processes and jump, and connections that last long.

That nothing is lost by clocks that jump is among the faults of the cluster.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.clocks import FASTER, make_faster, movable, put_ahead
from collab.testing.cluster import Cluster
from collab.testing.edited import tags_of
from collab.testing.faults import Measured
from collab.testing.faults.apart import LONG_CONNECTION
from collab.testing.peer import Peer
from collab.testing.servers import Site, running, wait_until
from tests.e2e.node import Providers
from tests.faults.table import AddRow
from tests.support.raw import RawPeer
from tests.support.stored import StoredLog

FACTOR = 15
WORD = "<late>"
# y-protocols renews a state every 15 s: its clock counts the five minutes.
RENEWALS = 20
# Rooms look for cursors that are too old every 5 s.
SWEPT_S = 7.0
_SESSION = """
from django.contrib.auth import get_user_model
from django.test import Client
browser = Client()
browser.force_login(get_user_model().objects.get(username="ada"))
print(browser.cookies["sessionid"].value)
"""


def states_of(peer: Peer) -> dict[int, tuple[int, bytes]]:
    """Return the last clock and state of each client that a peer was sent."""
    known: dict[int, tuple[int, bytes]] = {}
    for frame in peer.frames:
        if frame[0] == 1:
            _, payload = protocol.decode(frame)
            for state in protocol.decode_states(payload, max_states=100):
                known[state.client] = (state.clock, state.json)
    return known


def present(client: int, clock: int, state: object) -> bytes:
    """Encode a frame that says who is where."""
    one = protocol.State(client, clock, json.dumps(state).encode())
    return protocol.encode(Kind.AWARENESS, protocol.encode_states([one]))


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.nginx
async def test_logins_keys_versions_and_presence_hold_while_clocks_differ_and_jump(
    cluster: Cluster,
) -> None:
    """A session, a key, a list of versions and a cursor are good 90 s before and after."""
    first, second = cluster.sites
    document = await asyncio.to_thread(first.create_document, cluster.key)
    session = first.run("shell", "-v", "0", "-c", _SESSION).stdout.strip()
    ready = movable(second)
    put_ahead(second, 90)
    if not ready:
        await asyncio.to_thread(second.stop)
        await asyncio.to_thread(second.start)
    one, far = (
        Peer(f"{site.ws_url}/ws/documents/{document}", cluster.key) for site in cluster.sites
    )
    await one.connect()
    await far.connect()
    put_ahead(second, -90)
    await one.send(present(7, 1, {"name": "here"}))
    await far.until(lambda: 7 in states_of(far), "the cursor")
    await work_together(cluster, one, far, session)
    put_ahead(second, 90)
    jumped_at = time.monotonic()
    while time.monotonic() - jumped_at < SWEPT_S:
        await work_together(cluster, one, far, session)
    put_ahead(second, 0)
    await work_together(cluster, one, far, session)
    assert states_of(far)[7][1] != b"null", "nobody expires by a wall clock"
    await one.disconnect()
    await far.until(lambda: states_of(far)[7][1] == b"null", "the cursor leaving")
    assert far.close_code is None
    await far.disconnect()


async def work_together(cluster: Cluster, one: Peer, far: Peer, session: str) -> None:
    """Write at both processes until it is saved, and look at the document at both."""
    for peer in (one, far):
        await peer.write("word ")
    for peer in (one, far):
        await peer.until_saved()
    document = one.url.rpartition("/")[2]
    for site in cluster.sites:
        await asyncio.to_thread(look_at, site, document, cluster.key, session)


def look_at(site: Site, document: str, key: str, session: str) -> None:
    """Read a page by a session, and what the API has of the document by a key."""
    page = httpx.get(
        f"{site.url}/documents/{document}/", cookies={"sessionid": session}, timeout=20
    )
    assert page.status_code == 200
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=20) as api:
        versions = api.get(f"/api/documents/{document}/versions").raise_for_status().json()
        assert sum(version["edits"] for version in versions["versions"]) > 0
        assert api.get(f"/api/documents/{document}").raise_for_status()


@pytest.fixture
def fast_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site whose time passes faster, as that of Node's programs does."""
    monkeypatch.setenv(FASTER, str(FACTOR))
    monkeypatch.setenv("NODE_OPTIONS", f"--require {Path(__file__).with_name('faster.cjs')}")
    site = Site(tmp_path, environment={"COLLAB_METRICS_PUBLIC": "1"})
    make_faster(site, FACTOR)
    with running(site):
        yield site


@pytest.mark.node
async def test_a_connection_lasts_and_who_is_silent_is_gone(fast_site: Site, row: AddRow) -> None:
    """Five minutes go by, with every time-out as it is: who looks on stays, and stays equal."""
    site = fast_site
    key = await asyncio.to_thread(site.key)
    document, lonely = [await asyncio.to_thread(site.create_document, key) for _ in range(2)]
    providers = Providers(site, document, key)
    try:
        providers.make("looker")
        providers.tell("looker", "present", **{"as": "looker"})
        # Nothing ever comes from it nor from anybody else there, but what keeps it alive.
        providers.make("ghost", document=lonely)
        providers.tell("ghost", "hide")
        silent = await RawPeer.open(f"{site.ws_url}/ws/documents/{document}", key)
        silent.write(present(7, 1, {"name": "silent"}))
        for name in ("looker", "ghost"):
            await asyncio.to_thread(providers.until, name, synced=True)
        await asyncio.to_thread(providers.until, "looker", present=["looker", "silent"])
        watcher = Peer(f"{site.ws_url}/ws/documents/{document}", key)
        await watcher.connect()
        await watcher.until(lambda: longest(watcher) >= RENEWALS, "five minutes", 60)
        unsaved_s, equal_s = await see_them(site, providers, watcher)
        assert states_of(watcher)[7][1] == b"null", "who answers no ping is gone"
        silent.cut()
        await end_their_login(site, providers, watcher)
    finally:
        providers.end()
    log = StoredLog(site, document)
    log.read()
    stored = tags_of(log.text)
    measured = Measured(
        tags=1,
        acknowledged=1,
        lost=int(WORD not in stored),
        twice=int(stored.count(WORD) > 1),
        equal_s=equal_s,
        unsaved_s=unsaved_s,
    )
    assert not measured.problems(LONG_CONNECTION)
    row(LONG_CONNECTION, measured)


def longest(watcher: Peer) -> int:
    """Return the highest clock of a state that is still renewed."""
    return max(
        (clock for clock, state in states_of(watcher).values() if state != b"null"), default=0
    )


async def see_them(site: Site, providers: Providers, watcher: Peer) -> tuple[float, float]:
    """Write one word, and wait until it is there for who looked on.

    Returns:
        Seconds until it was saved, and from then until it was seen.
    """
    for name in ("looker", "ghost"):
        seen = providers.status(name)
        assert (seen["closes"], seen["synced"]) == ([], True), f"{name} was never sent away"
    began = asyncio.get_running_loop().time()
    await watcher.write(WORD)
    await watcher.until_saved()
    saved = asyncio.get_running_loop().time()
    await asyncio.to_thread(
        wait_until, lambda: providers.content("looker")["text"] == WORD, "the word", 10
    )
    return saved - began, asyncio.get_running_loop().time() - saved


async def end_their_login(site: Site, providers: Providers, watcher: Peer) -> None:
    """Take their key away without a word: it is found, they are sent away, and rooms are closed."""
    path = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    with closing(sqlite3.connect(path, timeout=10)) as database:
        database.execute("UPDATE collab_apikey SET revoked_at = '2020-01-01 00:00:00'")
        database.commit()
    for name in ("looker", "ghost"):
        await asyncio.to_thread(providers.until, name, final=4401, wants=False)
    assert await watcher.until_closed() == 4401
    await watcher.disconnect()

    def none_open() -> bool:
        return site.metrics()["collab_rooms"] == 0

    await asyncio.to_thread(wait_until, none_open, "idle rooms being closed", 20)
