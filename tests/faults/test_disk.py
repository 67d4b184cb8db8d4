"""Disks that are full, and files that cannot be written, while people type."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.testing.faults.apart import POSTGRES_DISK_FULL, SQLITE_DISK_FULL, SQLITE_READ_ONLY
from collab.testing.servers import Postgres, Program, Site, running
from tests.faults.crowd import Crowd, crowd
from tests.faults.disks import empty, fill, immutable, no_growth, small_disk
from tests.faults.table import AddRow


@contextlib.contextmanager
def full(disk: Path | None, program: Program) -> Iterator[None]:
    """Have no room on a small disk; by quota, where there is no such disk."""
    if disk is None:
        with no_growth(program):
            yield
        return
    fill(disk)
    try:
        yield
    finally:
        empty(disk)


def shorten_wal(site: Site) -> None:
    """Have SQLite's next write need room: it writes again where its WAL has been before."""
    path = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as database:
        assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


async def test_a_full_disk_of_sqlite_delays_saved_and_loses_nothing(
    tmp_path: Path, row: AddRow
) -> None:
    """Nothing is acknowledged that cannot be stored; once there is room again, everything is.

    Twice: on a small disk, and by the quota that takes its place where nobody may mount one.
    """
    data = tmp_path / "data"
    with small_disk(data, 16) as mounted:
        site = Site(tmp_path)
        with running(site):
            async with crowd(site) as people:
                for disk in (data if mounted else None, None):
                    shorten_wal(site)
                    with full(disk, site):
                        await people.until_nothing_is_saved()
                    await people.until_saved()
                row(SQLITE_DISK_FULL, await people.settle(SQLITE_DISK_FULL))


async def test_sqlite_that_turns_read_only_delays_saved_and_loses_nothing(
    tmp_path: Path, row: AddRow
) -> None:
    """Files that are read-only when the log opens them are written as soon as they may be.

    Who has a file open for writing goes on to write it; so it turns before anybody types.
    """
    site = Site(tmp_path)
    with running(site):
        async with crowd(site, typing=False) as people:
            data = Path(site.environment["COLLAB_DATA_DIR"])
            with immutable([*data.glob("collab.sqlite3*"), data]) as could:
                people.type()
                with contextlib.nullcontext() if could else no_growth(site):
                    await people.until_nothing_is_saved()
            await people.until_saved()
            row(SQLITE_READ_ONLY, await people.settle(SQLITE_READ_ONLY))


@pytest.mark.postgres
async def test_a_full_disk_of_postgres_delays_saved_and_loses_nothing(
    tmp_path: Path, row: AddRow
) -> None:
    """Nothing is acknowledged that cannot be stored; with room, and a start, everything is."""
    postgres = Postgres(tmp_path)
    disk = postgres.data.with_name("disk")
    with small_disk(disk, 128) as mounted:
        if mounted:
            subprocess.run(["cp", "-a", postgres.data, disk], check=True)
            postgres.data = disk / postgres.data.name
        site = Site(tmp_path, environment={"DATABASE_URL": postgres.url})
        with running(postgres, site):
            async with crowd(site) as people:
                with full(disk if mounted else None, postgres):
                    await need_room(people)
                    await people.until_nothing_is_saved()
                if not postgres.running:
                    await asyncio.to_thread(postgres.start)
                await people.until_saved()
                row(POSTGRES_DISK_FULL, await people.settle(POSTGRES_DISK_FULL))


async def need_room(people: Crowd) -> None:
    """Write more than PostgreSQL has room for in the blocks that it has."""
    peer = people.peer()
    await peer.connect()
    peer.map("large")["words"] = "x" * 400_000
    await peer.flush()
    await peer.disconnect()
