"""A backup that is made while people type, and put back beside."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path
from uuid import UUID

import psycopg

from collab.testing import programs
from collab.testing.faults.fault import Fault
from collab.testing.peer import Peer
from collab.testing.scene import Scene, StoredText
from collab.testing.servers import Postgres, Site, running
from collab.testing.typist import GONE

_DATABASE = "restored"
_ROWS = "SELECT room_id, seq, data FROM collab_storedupdate ORDER BY room_id, seq"


async def _back_up(scene: Scene) -> None:
    """Dump PostgreSQL under typing, restore it into another site, and compare."""
    postgres = scene.cluster.postgres
    acknowledged = set().union(*(one.acknowledged for one in await scene.accounts()))
    with tempfile.TemporaryDirectory(prefix="collab-backup-") as directory:
        dump = Path(directory) / "dump"
        await asyncio.to_thread(_run, "pg_dump", "-Fc", "-f", str(dump), postgres.url)
        url = await asyncio.to_thread(_restore, postgres, dump)
        site = Site(Path(directory), command=("serve",), environment={"DATABASE_URL": url})
        with running(site):
            await asyncio.to_thread(compare_rows, postgres.url, url)
            await _open_all(site, url, scene.key)
            restored = await asyncio.to_thread(StoredText(url, scene.document).read)
    if not acknowledged <= restored:
        raise RuntimeError(f"the backup lacks {sorted(acknowledged - restored)}")


def _run(program: str, *arguments: str) -> None:
    subprocess.run(
        [programs.postgres(program), *arguments], check=True, capture_output=True, timeout=120
    )


def _restore(postgres: Postgres, dump: Path) -> str:
    """Restore a dump into a new database. Returns its URL."""
    url = postgres.create_database(_DATABASE)
    _run("pg_restore", "-d", url, str(dump))
    return url


def compare_rows(url: str, restored_url: str) -> None:
    """Look whether every restored log is gapless, and the beginning of the log it was made of.

    Raises:
        RuntimeError: one is not.
    """
    with psycopg.connect(url) as now, psycopg.connect(restored_url) as then:
        rows = then.execute(_ROWS).fetchall()
        heads: dict[int, int] = dict(then.execute("SELECT id, head FROM collab_room").fetchall())
        later = {(room, seq): data for room, seq, data in now.execute(_ROWS).fetchall()}
    seqs: dict[int, list[int]] = {room: [] for room in heads}
    for room, seq, data in rows:
        seqs[room].append(seq)
        if later.get((room, seq)) != data:
            raise RuntimeError(f"row {seq} of room {room} is another one")
    for room, found in seqs.items():
        if found != list(range(1, heads[room] + 1)):
            raise RuntimeError(f"the log of room {room} has a gap, or ends before its head")


async def _open_all(site: Site, url: str, key: str) -> None:
    """Open every document, and compare it with its rows."""
    with psycopg.connect(url) as connection:
        documents = connection.execute("SELECT id FROM documents_document").fetchall()
    for (document,) in documents:
        stored = StoredText(url, str(UUID(str(document))))
        await asyncio.to_thread(stored.read)
        try:
            async with Peer(f"{site.ws_url}/ws/documents/{document}", key) as peer:
                if str(peer.text) != str(stored.text):
                    raise RuntimeError(f"document {document} is not what its rows say")
        except GONE as error:
            said = site.output()[-500:]
            raise RuntimeError(f"document {document} does not open: {error!r}; {said}") from error


FAULTS = (
    Fault(
        "`pg_dump` under typing, restored into another site",
        "every log is gapless and a beginning of the original's, every document opens, and what"
        " was acknowledged before is there",
        10,
        _back_up,
    ),
)
