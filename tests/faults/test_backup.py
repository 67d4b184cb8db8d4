"""SQLite, backed up while people type; PostgreSQL's backup is among the faults of the cluster."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pycrdt

from collab.testing.edited import tags_of
from collab.testing.faults.apart import SQLITE_BACKUP
from collab.testing.peer import Peer
from collab.testing.servers import Site, running
from tests.faults.crowd import Crowd, crowd
from tests.faults.table import AddRow
from tests.support.stored import StoredLog

PAGES = 10


def vacuum_into(source: Path, target: Path) -> None:
    """Back up by SQL."""
    with closing(sqlite3.connect(source, timeout=10)) as database:
        database.execute("VACUUM INTO ?", (str(target),))


def copy_online(source: Path, target: Path) -> None:
    """Back up by SQLite's online backup, a few pages at a time, which begins anew as it is told."""
    with (
        closing(sqlite3.connect(source, timeout=10)) as database,
        closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy, pages=PAGES, sleep=0)


def rows_of(path: Path) -> list[tuple[int, int, bytes]]:
    """Return all rows of all logs: room, seq, data."""
    with closing(sqlite3.connect(path, timeout=10)) as database:
        return database.execute(
            "SELECT room_id, seq, data FROM collab_storedupdate ORDER BY room_id, seq"
        ).fetchall()


async def restore(people: Crowd, directory: Path, copy: Path) -> Site:
    """Make a site of a copy. It is another one: it has a secret of its own."""
    site = Site(directory, command=("up", "--no-demo"))
    data = Path(site.environment["COLLAB_DATA_DIR"])
    data.mkdir(parents=True)
    copy.rename(data / "collab.sqlite3")
    await asyncio.to_thread(site.start)
    return site


async def test_a_backup_of_sqlite_under_typing_restores_consistently(
    tmp_path: Path, row: AddRow
) -> None:
    """Each copy is a beginning of the log, has all that was acknowledged before, and opens."""
    site = Site(tmp_path)
    source = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    acknowledged, copies = {}, {}
    with running(site):
        async with crowd(site) as people:
            for back_up in (vacuum_into, copy_online):
                name = back_up.__name__
                await people.until_saved()
                acknowledged[name], copies[name] = people.acknowledged, tmp_path / f"{name}.sqlite3"
                await asyncio.to_thread(back_up, source, copies[name])
            measured = await people.settle(SQLITE_BACKUP)
            everything = rows_of(source)
        for name, copy in copies.items():
            rows = rows_of(copy)
            assert rows == everything[: len(rows)], "a copy is a beginning of the log"
            restored = await restore(people, tmp_path / name, copy)
            try:
                await check_restored(restored, people, acknowledged[name])
            finally:
                restored.kill()
    row(SQLITE_BACKUP, measured)


async def check_restored(site: Site, people: Crowd, acknowledged: set[str]) -> None:
    """Open the document at the restored site, write in it, and compare with its rows."""
    log = StoredLog(site, people.document)
    assert log.read() == list(range(1, log.head + 1)), "the log has a gap"
    assert acknowledged <= set(tags_of(log.text))
    async with Peer(f"{site.ws_url}/ws/documents/{people.document}", people.key) as peer:
        assert str(peer.text) == str(log.text)
        await peer.write("<again>")
        await peer.until_saved()
    answer = await asyncio.to_thread(site.content, people.key, people.document)
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc.apply_update(answer.content)
    assert "<again>" in str(doc.get("text", type=pycrdt.Text))
