"""A backup that is made while people type, and put back beside."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

import psycopg

from collab.testing import programs
from collab.testing.edited import EditedRoom, StoredText, table_of, tags_of
from collab.testing.faults.fault import Fault
from collab.testing.scene import Scene
from collab.testing.servers import Postgres, Site, running
from collab.testing.typist import GONE

_DATABASE = "restored"
_ROWS = "SELECT room_id, seq, data FROM collab_storedupdate ORDER BY room_id, seq"
_QUIET = "django_admin_log"
_BEGIN_TIMEOUT_S = 20.0


async def _back_up(scene: Scene) -> None:
    """Dump PostgreSQL under typing, restore it into another site, and compare."""
    postgres = scene.cluster.postgres
    acknowledged = await scene.acknowledged()
    with tempfile.TemporaryDirectory(prefix="collab-backup-") as directory:
        dump = Path(directory) / "dump"
        await _dump(scene, dump)
        url = await asyncio.to_thread(_restore, postgres, dump)
        site = Site(Path(directory), command=("serve",), environment={"DATABASE_URL": url})
        with running(site):
            later = await asyncio.to_thread(compare_rows, postgres.url, url)
            restored = set().union(*[await _open_all(site, url, room) for room in scene.rooms])
    if not later:
        raise RuntimeError("nothing was committed while it was dumped")
    if not acknowledged <= restored:
        raise RuntimeError(f"the backup lacks {sorted(acknowledged - restored)}")


async def _dump(scene: Scene, dump: Path) -> None:
    """Dump while edits are committed: it has begun, and waits for a table that nobody writes to."""
    url = scene.cluster.postgres.url
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"LOCK TABLE {_QUIET} IN ACCESS EXCLUSIVE MODE")

        async def begun() -> bool:
            found = await connection.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (_QUIET,)
            )
            return await found.fetchone() is not None

        dumping = asyncio.create_task(
            asyncio.to_thread(_run, "pg_dump", "-Fc", "-f", str(dump), url)
        )
        try:
            await scene.until(begun, "the dump's begin", _BEGIN_TIMEOUT_S)
            await scene.until_typing()
        finally:
            await connection.rollback()
            await dumping


def _run(program: str, *arguments: str) -> None:
    subprocess.run(
        [programs.postgres(program), *arguments], check=True, capture_output=True, timeout=120
    )


def _restore(postgres: Postgres, dump: Path) -> str:
    """Restore a dump into a new database. Returns its URL."""
    url = postgres.create_database(_DATABASE)
    _run("pg_restore", "-d", url, str(dump))
    return url


def compare_rows(url: str, restored_url: str) -> int:
    """Look whether every restored log is gapless, and the beginning of the log it was made of.

    Returns:
        How many rows came after it.

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
    return len(later) - len(rows)


async def _open_all(site: Site, url: str, like: EditedRoom) -> set[str]:
    """Open every room like one at a restored site, and compare it with its rows.

    Returns:
        The tags in them.
    """
    kind = like.kind
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT id FROM {table_of(kind)}").fetchall()  # noqa: S608
    tags: set[str] = set()
    for (each,) in found:
        room = type(like)(like.cluster, str(each))
        stored = StoredText(url, room.id, kind)
        await asyncio.to_thread(stored.read)
        content = kind.content(stored.doc)
        try:
            async with room.peer(site.ws_url) as peer:
                if kind.content(peer.doc) != content:
                    raise RuntimeError(f"{kind.name} {each} is not what its rows say")
        except GONE as error:
            said = site.output()[-500:]
            raise RuntimeError(f"{kind.name} {each} does not open: {error!r}; {said}") from error
        tags |= set(tags_of(content))
    return tags


FAULTS = (
    Fault(
        "`pg_dump` under typing, restored into another site",
        "every log is gapless and a beginning of the original's, every document and dashboard"
        " opens, and what was acknowledged before is there; edits are committed while it dumps",
        10,
        _back_up,
    ),
)
