"""The log: one battery on every implementation, and what only a database can do to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pycrdt
import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collab import log as orm_log
from collab.engine import firewall
from collab.engine.errors import EpochChanged, LogUnavailable, NoSuchRoom, UpdateRejected
from collab.engine.ports import Appended, Author, Batch, Head, Row, UpdateLog, Write
from collab.engine.replica import Replica, replay
from collab.log import OrmUpdateLog
from collab.models import Room, Snapshot, StoredUpdate
from collab.testing.servers import Postgres, running
from tests.collab.beds import OLD, OrmBed, database

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.plugin import DjangoDbBlocker

    from tests.collab.beds import Bed

LIMITS = firewall.Limits()


def batch(key: int, *updates: bytes, author: Author = None, epoch: int = 1) -> Batch:
    return Batch(key, epoch, [Write(author, update) for update in updates])


class Typist:
    """A document and the updates that its edits make."""

    def __init__(self) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.rows: list[tuple[int, bytes]] = []

    def type(self, text: str) -> bytes:
        before = self.doc.get_state()
        self.text.insert(len(self.text), text)
        self.rows.append((len(self.rows) + 1, self.doc.get_update(before)))
        return self.rows[-1][1]


async def text_of(log: UpdateLog, key: int, *, whole: bool = False) -> str:
    """Read a room as one does that opens it."""
    replica = replay(await log.load(key, whole=whole), LIMITS)
    return str(replica.doc.get("text", type=pycrdt.Text))


async def test_append_numbers_rows_from_one(bed: Bed) -> None:
    """The first row is 1, and each batch goes on where the last ended, author by author."""
    log, key, ann = bed.log(), bed.room(), bed.author()
    assert await log.append([batch(key, b"a", b"b", author=ann)]) == [Appended(1, 2)]
    assert await log.append([batch(key, b"c")]) == [Appended(3, 3)]
    assert bed.rows(key) == [(1, ann, b"a"), (2, ann, b"b"), (3, None, b"c")]
    assert await log.heads([key]) == {key: Head(1, 3)}


async def test_append_serves_many_rooms_with_one_call(bed: Bed) -> None:
    """Each room has its own numbers, in the order in which its batch came."""
    log = bed.log()
    keys = [bed.room() for _ in range(20)]
    await log.append([batch(keys[3], b"before")])
    answers = await log.append([batch(key, b"%d" % key, b"more") for key in reversed(keys)])
    wanted = [Appended(2, 3) if key == keys[3] else Appended(1, 2) for key in reversed(keys)]
    assert answers == wanted
    assert [bed.rows(key)[-2:][0][2] for key in keys] == [b"%d" % key for key in keys]


async def test_append_of_nothing_changes_nothing(bed: Bed) -> None:
    """A batch without writes has no rows, and does not hold up others."""
    log, key = bed.log(), bed.room()
    assert await log.append([]) == []
    await log.append([batch(key)])
    assert (bed.rows(key), await log.heads([key])) == ([], {key: Head(1, 0)})


@pytest.mark.parametrize("rows", [1, 501, 1203])
async def test_append_takes_more_rows_than_one_insert(bed: Bed, rows: int) -> None:
    """Databases bound the size of a statement, not of a commit."""
    log, key = bed.log(), bed.room()
    assert await log.append([batch(key, *[b"x"] * rows)]) == [Appended(1, rows)]
    assert [row.seq for row in await log.read(key, 0)] == list(range(1, rows + 1))


async def test_append_answers_rooms_that_are_gone_or_reset_alone(bed: Bed) -> None:
    """A deleted and a reset room get their errors; the others' rows are stored."""
    log = bed.log()
    first, gone, reset, last = (bed.room() for _ in range(4))
    bed.delete(gone)
    bed.reset(reset)
    answers = await log.append([batch(key, b"x") for key in (gone, last, reset, first)])
    assert isinstance(answers[0], NoSuchRoom)
    assert isinstance(answers[2], EpochChanged)
    assert [answers[1], answers[3]] == [Appended(1, 1), Appended(1, 1)]
    assert (len(bed.rows(first)), len(bed.rows(reset)), len(bed.rows(last))) == (1, 0, 1)
    assert (await log.append([batch(reset, b"new", epoch=2)])) == [Appended(1, 1)]


async def test_append_from_two_logs_leaves_no_gap(bed: Bed) -> None:
    """Two processes write the same rooms in crossing order: no deadlock, no gap, no seq twice."""
    logs, keys, rounds = [bed.log(), bed.log()], [bed.room() for _ in range(5)], 12
    answered: dict[int, list[Appended]] = {key: [] for key in keys}

    async def write(log: UpdateLog, name: bytes, chance: random.Random) -> None:
        for turn in range(rounds):
            order = chance.sample(keys, 4)
            answers = await until_there(log, [batch(key, b"%s%d" % (name, turn)) for key in order])
            for key, answer in zip(order, answers, strict=True):
                assert isinstance(answer, Appended)
                answered[key].append(answer)

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(write(log, b"%d:" % n, random.Random(n)) for n, log in enumerate(logs))
        )
    for key in keys:
        seqs = sorted(answer.first for answer in answered[key])
        assert seqs == list(range(1, len(seqs) + 1)) == [seq for seq, _, _ in bed.rows(key)]
        assert await logs[0].heads([key]) == {key: Head(1, len(seqs))}


async def until_there(log: UpdateLog, batches: Sequence[Batch]) -> list[Appended | Exception]:
    """Append as the journal does, which tries again while the log is away."""
    while True:
        try:
            return await log.append(batches)
        except LogUnavailable:
            continue


async def test_read_gives_rows_after_a_seq(bed: Bed) -> None:
    """Oldest first, and nothing from a room's end on."""
    log, key = bed.log(), bed.room()
    await log.append([batch(key, b"a", b"b", b"c")])
    assert await log.read(key, 1) == [Row(2, b"b"), Row(3, b"c")]
    assert await log.read(key, 3) == []


async def test_heads_leave_out_rooms_that_are_gone(bed: Bed) -> None:
    """A deleted room has no head; the others answer."""
    log, key, gone = bed.log(), bed.room(), bed.room()
    bed.delete(gone)
    assert await log.heads([gone, key]) == {key: Head(1, 0)}
    assert await log.heads([]) == {}


async def test_load_of_a_room_that_is_gone_says_so(bed: Bed) -> None:
    """There is nothing to open."""
    log, key = bed.log(), bed.room()
    bed.delete(key)
    with pytest.raises(NoSuchRoom):
        await log.load(key)


async def test_load_gives_the_snapshot_and_the_rows_after_it(bed: Bed) -> None:
    """Rows that the snapshot holds are left out, unless the whole log is asked for."""
    log, key, ann = bed.log(), bed.room(), Typist()
    await log.append([batch(key, ann.type("one "), ann.type("two "))])
    assert await log.compact(key)
    await log.append([batch(key, ann.type("three"))])
    loaded = await log.load(key)
    assert (loaded.head, loaded.seq, [row.seq for row in loaded.rows]) == (Head(1, 3), 2, [3])
    whole = await log.load(key, whole=True)
    assert (whole.snapshot, whole.seq, [row.seq for row in whole.rows]) == (None, 0, [1, 2, 3])
    assert await text_of(log, key) == await text_of(log, key, whole=True) == "one two three"


async def test_compact_keeps_every_row(bed: Bed) -> None:
    """A snapshot is a cache; the rows are the history."""
    log, key, ann = bed.log(), bed.room(), Typist()
    await log.append([batch(key, *(ann.type(letter) for letter in "history"))])
    before = bed.rows(key)
    assert await log.compact(key)
    assert bed.rows(key) == before
    snapshot = bed.snapshot(key)
    assert snapshot is not None
    assert snapshot[0] == 7


async def test_compact_again_moves_the_snapshot_to_the_head(bed: Bed) -> None:
    """One snapshot per room, always of the newest rows."""
    log, key, ann = bed.log(), bed.room(), Typist()
    for word in ("one ", "two ", "three"):
        await log.append([batch(key, ann.type(word))])
        assert await log.compact(key)
    snapshot = bed.snapshot(key)
    assert snapshot is not None
    assert snapshot[0] == 3
    assert await text_of(log, key) == "one two three"


async def test_compact_does_not_write_over_a_gap(bed: Bed) -> None:
    """What waits for a missing update would be left out of a snapshot: the edit would be lost."""
    log, key, ann = bed.log(), bed.room(), Typist()
    first, missing, late = ann.type("a"), ann.type("b"), ann.type("c")
    await log.append([batch(key, first, late)])
    assert not await log.compact(key)
    assert bed.snapshot(key) is None
    await log.append([batch(key, missing)])
    assert await log.compact(key)
    assert await text_of(log, key) == "abc"


async def test_compact_at_once_from_two_logs_keeps_the_newest(bed: Bed) -> None:
    """Whoever compacted fewer rows and comes last does not put the snapshot back."""
    log, other, key, ann = bed.log(), bed.log(), bed.room(), Typist()
    for _ in range(10):
        await log.append([batch(key, ann.type("x"))])
        _, _, answers = await asyncio.gather(
            log.compact(key), other.compact(key), until_there(log, [batch(key, ann.type("y"))])
        )
        assert isinstance(answers[0], Appended)
    await other.compact(key)
    snapshot = bed.snapshot(key)
    assert snapshot is not None
    assert snapshot[0] == 20
    assert await text_of(log, key) == "xy" * 10


async def test_fold_leaves_one_row_that_holds_all_of_them(bed: Bed) -> None:
    """Who loads, and who reads on from a row that is gone, gets the same text."""
    log, key, ann = bed.log(), bed.room(), Typist()
    await log.append([batch(key, *(ann.type(letter) for letter in "fold"))])
    await log.compact(key)
    await log.append([batch(key, *(ann.type(letter) for letter in " this"))])
    assert bed.fold(key, 7)
    assert [seq for seq, _, _ in bed.rows(key)] == [7, 8, 9]
    assert bed.rows(key)[0][1] is None
    assert await text_of(log, key) == await text_of(log, key, whole=True) == "fold this"
    for held in range(8):
        replica = Replica(LIMITS)
        replica.load([update for _, update in ann.rows[:held]])
        replica.load([row.update for row in await log.read(key, held)])
        assert str(replica.doc.get("text", type=pycrdt.Text)) == "fold this"


async def test_fold_keeps_the_numbers_of_rows(bed: Bed) -> None:
    """The head stays, rows go on after it, and the next fold goes further."""
    log, key, ann = bed.log(), bed.room(), Typist()
    await log.append([batch(key, *(ann.type(letter) for letter in "abcd"))])
    assert bed.fold(key, 4)
    assert await log.heads([key]) == {key: Head(1, 4)}
    assert await log.append([batch(key, ann.type("e"), ann.type("f"))]) == [Appended(5, 6)]
    assert bed.fold(key, 5)
    assert [seq for seq, _, _ in bed.rows(key)] == [5, 6]
    assert await log.compact(key)
    assert await text_of(log, key) == await text_of(log, key, whole=True) == "abcdef"


async def test_fold_waits_for_a_missing_update(bed: Bed) -> None:
    """What is pending would not be in the state: the edit would be lost for good."""
    log, key, ann = bed.log(), bed.room(), Typist()
    first, missing, late = ann.type("a"), ann.type("b"), ann.type("c")
    await log.append([batch(key, first, late)])
    before = bed.rows(key)
    assert not bed.fold(key, 2)
    assert bed.rows(key) == before
    await log.append([batch(key, missing)])
    assert bed.fold(key, 3)
    assert await text_of(log, key) == "abc"


# What only a database does


async def test_fold_goes_by_the_order_of_rows(orm: OrmBed) -> None:
    """Clocks of processes differ: a row that looks old behind one that is not stays."""
    log, key, ann = orm.log(), orm.room(), Typist()
    await log.append([batch(key, *(ann.type(letter) for letter in "abcde"))])
    rows = StoredUpdate.objects.using(orm.using).filter(room_id=key)
    rows.exclude(seq=3).update(created_at=OLD)
    orm_log.fold(key, OLD + timedelta(days=1), LIMITS, orm.using)
    assert [seq for seq, _, _ in orm.rows(key)] == [2, 3, 4, 5]
    assert await text_of(log, key, whole=True) == "abcde"


async def test_fold_does_not_drop_a_row_that_is_refused(orm: OrmBed) -> None:
    """Loading leaves such a row out and says so; it is still there for who mends it."""
    log, key, ann = orm.log(), orm.room(), Typist()
    await log.append([batch(key, ann.type("a"), b"\xff\xff", ann.type("b"))])
    assert not orm.fold(key, 3)
    assert len(orm.rows(key)) == 3


async def test_fold_at_once_from_two_processes_folds_once(
    orm: OrmBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever read the rows before another one folded more of them changes nothing."""
    log, key, ann = orm.log(), orm.room(), Typist()
    await log.append([batch(key, *(ann.type(letter) for letter in "abcd"))])
    whole = orm_log._whole_state

    def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(orm_log, "_whole_state", whole)
        assert orm.fold(key, 4)
        return whole(*args)

    monkeypatch.setattr(orm_log, "_whole_state", overtaken)
    orm.fold(key, 2)
    assert [seq for seq, _, _ in orm.rows(key)] == [4]
    assert await text_of(log, key, whole=True) == "abcd"


async def test_fold_in_pieces_keeps_all_text(orm: OrmBed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history is folded a bounded number of rows at a time, over gaps that close later."""
    monkeypatch.setattr(orm_log, "_FOLDED_AT_ONCE", 3)
    log, key, ann = orm.log(), orm.room(), Typist()
    updates = [ann.type(letter) for letter in "abcdefghij"]
    # Row 4, where the first piece would end, waits for row 5.
    updates[3:5] = reversed(updates[3:5])
    await log.append([batch(key, *updates)])
    assert orm.fold(key, 9)
    assert [seq for seq, _, _ in orm.rows(key)] == [9, 10]
    assert await text_of(log, key, whole=True) == "abcdefghij"


async def test_old_rows_are_folded_where_a_room_is_compacted(orm: OrmBed) -> None:
    """The setting says how long rows are kept; without it they stay for ever."""
    keeping, key, ann = orm.log(), orm.room(), Typist()
    folding = OrmUpdateLog(LIMITS, orm.using, history_days=30)
    await keeping.append([batch(key, *(ann.type(letter) for letter in "abcd"))])
    rows = StoredUpdate.objects.using(orm.using).filter(room_id=key)
    rows.filter(seq__lte=2).update(created_at=timezone.now() - timedelta(days=31))
    rows.filter(seq=3).update(created_at=timezone.now() - timedelta(days=29))
    await keeping.compact(key)
    assert len(orm.rows(key)) == 4
    await folding.compact(key)
    assert [seq for seq, _, _ in orm.rows(key)] == [2, 3, 4]
    await folding.close()


async def test_compact_older_than_the_snapshot_leaves_it(
    orm: OrmBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compaction that read the rows before another one did and writes after it is too late."""
    log, other, key, ann = orm.log(), orm.log(), orm.room(), Typist()
    await log.append([batch(key, ann.type("a"))])
    replayed = orm_log.replay

    def overtaken(*args: Any) -> Any:
        replica = replayed(*args)
        monkeypatch.setattr(orm_log, "replay", replayed)
        orm_log.append([batch(key, ann.type("b"))], orm.using)
        orm_log.compact(key, LIMITS, orm.using)
        return replica

    monkeypatch.setattr(orm_log, "replay", overtaken)
    await log.compact(key)
    snapshot = orm.snapshot(key)
    assert snapshot is not None
    assert snapshot[0] == 2
    assert await text_of(other, key) == "ab"


@pytest.mark.parametrize("spoilt", [b"\xff\xff\xff", b""])
async def test_compact_reads_the_rows_when_the_snapshot_is_corrupt(
    orm: OrmBed, spoilt: bytes
) -> None:
    """The rows are the truth, so a broken cache costs time and nothing else."""
    log, key, ann = orm.log(), orm.room(), Typist()
    await log.append([batch(key, ann.type("one "))])
    await log.compact(key)
    orm.spoil_snapshot(key, spoilt)
    with pytest.raises(UpdateRejected):
        await text_of(log, key)
    await log.append([batch(key, ann.type("two"))])
    assert await log.compact(key)
    assert await text_of(log, key) == "one two"


async def test_compact_of_a_room_that_is_gone_says_so(orm: OrmBed) -> None:
    """There is nothing to write a snapshot of."""
    log, key = orm.log(), orm.room()
    orm.delete(key)
    with pytest.raises(NoSuchRoom):
        await log.compact(key)


async def test_heads_of_many_rooms_are_one_query(orm: OrmBed) -> None:
    """Every few seconds each process asks; the number of its open rooms must not matter."""
    keys = [orm.room() for _ in range(50)]
    with CaptureQueriesContext(connections[orm.using]) as asked:
        assert len(orm_log.heads(keys, orm.using)) == 50
    assert len(asked) == 1


async def test_append_is_one_transaction_for_all_rooms(orm: OrmBed) -> None:
    """One lock query, and all rows and all heads sent at once, between BEGIN and COMMIT."""
    keys = [orm.room() for _ in range(50)]
    with CaptureQueriesContext(connections[orm.using]) as asked:
        orm_log.append([batch(key, b"x", b"y") for key in keys], orm.using)
    # Django notes what goes to the database at once as "50 times: UPDATE …".
    verbs = [query["sql"].partition(" times: ") for query in asked.captured_queries]
    verbs = [(after or before).split()[0] for before, _, after in verbs]
    assert [verb for verb in verbs if verb in ("SELECT", "INSERT", "UPDATE")] == [
        "SELECT", "INSERT", "UPDATE",
    ]  # fmt: skip
    assert verbs.count("BEGIN") <= 1


async def test_append_locks_rooms_in_key_order(orm: OrmBed) -> None:
    """Two processes that want the same rooms wait in line, never for each other."""
    keys = [orm.room() for _ in range(3)]
    with CaptureQueriesContext(connections[orm.using]) as asked:
        orm_log.append([batch(key, b"x") for key in reversed(keys)], orm.using)
    locking = next(q["sql"] for q in asked.captured_queries if q["sql"].startswith("SELECT"))
    assert 'ORDER BY "id"' in locking
    if orm.using == "log_postgres":
        assert locking.endswith("FOR NO KEY UPDATE")


async def test_append_under_a_deleted_author_is_stored_as_nobodys(orm: OrmBed) -> None:
    """An account that was deleted while its edit was on the way must not lose the edit."""
    log, key, other = orm.log(), orm.room(), orm.room()
    gone, ann = orm.author(), orm.author()
    User.objects.using(orm.using).filter(pk=gone).delete()
    mixed = Batch(key, 1, [Write(gone, b"a"), Write(ann, b"b")])
    assert await log.append([mixed, batch(other, b"c", author=ann)]) == [
        Appended(1, 2),
        Appended(1, 1),
    ]
    assert orm.rows(key) == [(1, None, b"a"), (2, ann, b"b")]
    assert orm.rows(other) == [(1, ann, b"c")]


async def test_append_of_a_row_that_cannot_be_stored_holds_up_no_other(
    orm: OrmBed, caplog: pytest.LogCaptureFixture
) -> None:
    """A room whose head is behind its rows is answered with its error; the others are stored."""
    log, poisoned, key = orm.log(), orm.room(), orm.room()
    await log.append([batch(poisoned, b"a")])
    Room.objects.using(orm.using).filter(pk=poisoned).update(head=0)
    answers = await log.append([batch(poisoned, b"again"), batch(key, b"x")])
    assert isinstance(answers[0], Exception)
    assert answers[1] == Appended(1, 1)
    assert [row[2] for row in orm.rows(poisoned)] == [b"a"]
    assert f"Updates of room {poisoned} cannot be stored" in caplog.text


async def test_deleting_a_room_deletes_its_log(orm: OrmBed) -> None:
    """Rows and snapshot go with the room; other rooms keep theirs."""
    log, key, other, ann = orm.log(), orm.room(), orm.room(), Typist()
    await log.append([batch(key, ann.type("a")), batch(other, b"x")])
    await log.compact(key)
    orm.delete(key)
    assert (orm.rows(key), orm.snapshot(key), len(orm.rows(other))) == ([], None, 1)
    assert not Snapshot.objects.using(orm.using).exists()


async def test_log_is_away_while_another_writer_holds_the_lock(
    sqlite_alias: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite a long transaction elsewhere means: try again; afterwards nothing is missing."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with django_db_blocker.unblock():
        one = OrmBed(sqlite_alias)
        log, key = one.log(), one.room()
        with transaction.atomic(using=sqlite_alias):  # IMMEDIATE: it holds the write lock
            with pytest.raises(LogUnavailable) as away:
                await log.append([batch(key, b"a")])
            assert "locked" in str(away.value.__cause__)
            assert "locked" not in str(away.value)
            assert await log.heads([key]) == {key: Head(1, 0)}
        assert await log.append([batch(key, b"a")]) == [Appended(1, 1)]
        await one.close()


async def test_a_connection_that_cannot_write_is_not_kept(
    sqlite_alias: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's stays read-only once it found its files so; the log asks again by another."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with django_db_blocker.unblock():
        one = OrmBed(sqlite_alias)
        log, key = one.log(), one.room()

        def turn_read_only() -> None:
            connections[sqlite_alias].cursor().execute("PRAGMA query_only = 1")

        await log._run(log._writer, turn_read_only)
        with pytest.raises(LogUnavailable) as away:
            await log.append([batch(key, b"a")])
        assert "readonly" in str(away.value.__cause__)
        assert await log.append([batch(key, b"a")]) == [Appended(1, 1)]
        await one.close()


@pytest.mark.parametrize(("max_age", "kept"), [(0, False), (600, True)])
async def test_a_connection_is_kept_as_long_as_the_project_says(
    orm: OrmBed, monkeypatch: pytest.MonkeyPatch, max_age: int, kept: bool
) -> None:
    """Django's default is not at all: a pool, for one, needs it back after each use."""
    monkeypatch.setitem(connections.settings[orm.using], "CONN_MAX_AGE", max_age)
    log, key = orm.log(), orm.room()
    await log.append([batch(key, b"a")])

    def is_open() -> bool:
        return connections[orm.using].connection is not None

    run = asyncio.get_running_loop().run_in_executor
    assert await run(log._writer, is_open) is kept


@pytest.mark.postgres
async def test_log_is_away_while_the_database_is_and_comes_back(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped PostgreSQL makes every call LogUnavailable; restarted, the same log goes on."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    server = Postgres(tmp_path)
    with (
        django_db_blocker.unblock(),
        running(server),
        database("log_away", server.url, tmp_path) as alias,
    ):
        one = OrmBed(alias)
        log, key = one.log(), one.room()
        await log.append([batch(key, b"a")])
        await log.read(key, 0)
        connections[alias].close()
        server.stop()
        for call in (
            log.append([batch(key, b"b")]), log.read(key, 0), log.heads([key]),
            log.load(key), log.compact(key),
        ):  # fmt: skip
            with pytest.raises(LogUnavailable):
                await call
        server.start()
        assert await log.append([batch(key, b"b")]) == [Appended(2, 2)]
        assert await log.read(key, 1) == [Row(2, b"b")]
        await one.close()
