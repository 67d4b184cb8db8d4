"""A backup that is made while people type, and put back beside."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

import psycopg

from collab.testing import programs
from collab.testing.edited import EditedRoom, StoredText, table_of
from collab.testing.faults.fault import Fault
from collab.testing.scene import Scene
from collab.testing.servers import Postgres, Site, running
from collab.testing.typist import GONE

_DATABASE = "restored"
_ROWS = "SELECT room_id, seq, data FROM collab_storedupdate ORDER BY room_id, seq"
_QUIET = "django_admin_log"
_BEGIN_TIMEOUT_S = 20.0
# In a long soak there are hundreds.
_OTHERS = 20


async def _back_up(scene: Scene) -> None:
    """Dump PostgreSQL under typing, restore it into another site, and compare."""
    postgres = scene.cluster.postgres
    acknowledged = {room: await room.acknowledged() for room in scene.rooms}
    with tempfile.TemporaryDirectory(prefix="collab-backup-") as directory:
        dump = Path(directory) / "dump"
        committed = await _dump(scene, dump)
        url = await asyncio.to_thread(_restore, postgres, dump)
        site = Site(Path(directory), command=("serve",), environment={"DATABASE_URL": url})
        with running(site):
            rows = await asyncio.to_thread(compare_rows, postgres.url, url)
            if rows >= committed:
                raise RuntimeError("nothing was committed while it was dumped")
            for room, had in acknowledged.items():
                if missing := had - await _open(site, url, room):
                    raise RuntimeError(
                        f"the backup of the {room.kind.name} lacks {sorted(missing)}"
                    )
                for other in await asyncio.to_thread(_others, url, room):
                    await _open(site, url, other)


async def _dump(scene: Scene, dump: Path) -> int:
    """Dump while edits are committed: it has begun, and waits for a table that nobody writes to.

    Returns:
        How many updates were stored when it went on.
    """
    url = scene.cluster.postgres.url
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"LOCK TABLE {_QUIET} IN ACCESS EXCLUSIVE MODE")
        dumping = asyncio.create_task(
            asyncio.to_thread(_run, "pg_dump", "-Fc", "-f", str(dump), url)
        )

        async def begun() -> bool:
            found = await connection.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (_QUIET,)
            )
            return dumping.done() or await found.fetchone() is not None

        try:
            await scene.until(begun, "the dump's begin", _BEGIN_TIMEOUT_S)
            await scene.until_typing()
            counted = await connection.execute("SELECT count(*) FROM collab_storedupdate")
            ((committed,),) = await counted.fetchall()
        finally:
            try:
                await connection.rollback()
            finally:
                await dumping
    return int(committed)


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [programs.postgres(program), *arguments], capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} failed: {done.stderr}")


def _restore(postgres: Postgres, dump: Path) -> str:
    """Restore a dump into a new database. Returns its URL."""
    url = postgres.create_database(_DATABASE)
    _run("pg_restore", "-d", url, str(dump))
    return url


def compare_rows(url: str, restored_url: str) -> int:
    """Look whether every restored log is gapless, and the beginning of the log it was made of.

    Returns:
        How many rows were restored.

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
    return len(rows)


def _others(url: str, room: EditedRoom) -> list[EditedRoom]:
    """Return some more rooms of the same kind in a restored database."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            f"SELECT id FROM {table_of(room.kind)} WHERE id <> %s"  # noqa: S608
            " ORDER BY random() LIMIT %s",
            (room.id, _OTHERS),
        ).fetchall()
    return [type(room)(room.cluster, str(each)) for (each,) in found]


async def _open(site: Site, url: str, room: EditedRoom) -> set[str]:
    """Open a room at a restored site, and compare it with its rows. Returns the tags in it."""
    name, kind = f"{room.kind.name} {room.id}", room.kind
    stored = StoredText(url, room.id, kind)
    tags = await asyncio.to_thread(stored.read)
    try:
        async with room.peer(site.ws_url) as peer:
            if kind.content(peer.doc) != kind.content(stored.doc):
                raise RuntimeError(f"{name} is not what its rows say")
    except GONE as error:
        said = site.output()[-500:]
        raise RuntimeError(f"{name} does not open: {error!r}; {said}") from error
    return tags


FAULTS = (
    Fault(
        "`pg_dump` under typing, restored into another site",
        "every log is gapless and a beginning of the original's, documents and dashboards"
        " open, and what was acknowledged before is there; edits are committed while it dumps",
        10,
        _back_up,
    ),
)
