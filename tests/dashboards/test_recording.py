"""The recorder, what is watched, and what a site says of itself."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import RequestFactory

import dashboards
from dashboards import intake, recording, selfcheck, watching
from dashboards.ingest import lines
from dashboards.ingest.readings import Kind, Reading
from dashboards.ingest_views import _no
from dashboards.recording import QueueFull, Recorded, Recorder, StoreAway, TooManyForKey, TooOld
from dashboards.repeating import Repeating
from dashboards.selfcheck import SelfCheck
from dashboards.store import leases
from dashboards.store.models import Lease, Sample, Series
from dashboards.store.orm import now_ms
from dashboards.watching import Watching
from tests.dashboards.stores import DAY_MS, START_MS, StoreBed, ramp

if TYPE_CHECKING:
    from collab.testing.servers import Postgres, Site

MOST = 2000
WAIT_S = 20
ON_SQLITE = pytest.mark.parametrize("bed", ["sqlite"], indirect=True)


@pytest.fixture
def recorder(bed: StoreBed) -> Iterator[Recorder]:
    """A recorder on the test's store."""
    bed.now_ms = START_MS + 60_000
    one = Recorder(bed.store, MOST)
    yield one
    one.stop(WAIT_S)


@pytest.fixture
def _watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_watched", {})


def value_of(bed: StoreBed, name: str) -> list[float]:
    ids = bed.ids(name).values()
    found = bed.store.samples(list(ids), 0, 2**60)
    return [value for samples in found.values() for value in samples.value.tolist()]


def test_readings_are_stored_when_their_future_is_done(bed: StoreBed, recorder: Recorder) -> None:
    """Whoever waits learns of the commit, and listeners what it brought."""
    told: list[Recorded] = []
    recorder.listeners.add(told.append)
    recorder.submit(ramp("heat", START_MS, range(10))).result(WAIT_S)
    assert bed.rows(Sample) == 10
    assert recorder.flush(WAIT_S)
    assert told == [Recorded(frozenset({"heat"}), START_MS, START_MS + 9000, False)]


def test_late_readings_are_told_as_late(bed: StoreBed, recorder: Recorder) -> None:
    """Whoever shows numbers learns that older ones changed."""
    told: list[Recorded] = []
    recorder.listeners.add(told.append)
    recorder.submit(ramp("heat", START_MS, [1])).result(WAIT_S)
    bed.now_ms += 3_600_000
    bed.roll()
    recorder.submit(ramp("heat", START_MS + 1, [1])).result(WAIT_S)
    assert recorder.flush(WAIT_S)
    assert [one.late for one in told] == [False, True]


def test_a_listener_that_fails_disturbs_nobody(bed: StoreBed, recorder: Recorder) -> None:
    """Readings are stored and the others told."""
    told: list[Recorded] = []

    def fail(recorded: Recorded) -> None:
        raise RuntimeError

    recorder.listeners |= {fail, told.append}
    recorder.submit(ramp("heat", START_MS, [1])).result(WAIT_S)
    assert recorder.flush(WAIT_S)
    assert len(told) == 1


def test_too_many_series_are_refused_with_the_reason(
    bed: StoreBed, recorder: Recorder, settings: Any
) -> None:
    """The sender is told how many series its key may have."""
    settings.COLLAB_SERIES_PER_KEY = 1
    readings = [Reading("cpu", (("core", str(n)),), n, START_MS) for n in range(2)]
    with pytest.raises(TooManyForKey, match="1 series"):
        recorder.submit(readings).result(WAIT_S)
    assert bed.rows(Sample) == 0


@ON_SQLITE
def test_nothing_is_said_to_be_stored_that_is_left_out(
    bed: StoreBed, recorder: Recorder, settings: Any
) -> None:
    """What got too old while it waited is refused whole, and its sender may send it again."""
    settings.COLLAB_RAW_DAYS = 1
    bed.now_ms += 3 * DAY_MS
    readings = [Reading("heat", (), 1, at_ms) for at_ms in (START_MS, bed.now_ms)]
    with pytest.raises(TooOld) as refused:
        recorder.submit(readings).result(WAIT_S)
    assert bed.rows(Sample) == 0
    no = _no(refused.value)
    assert (no.status, no.retry_s) == (503, 1)
    recorder.offer(readings)
    assert recorder.flush(WAIT_S)
    assert recorder.dropped == 2


@pytest.mark.parametrize(
    "bed", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
async def test_senders_do_not_wait_for_a_database_that_hangs(
    bed: StoreBed, recorder: Recorder, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told to come again; what hung goes on by itself, and is stored once."""
    import psycopg

    bed.now_ms = now_ms()
    monkeypatch.setattr(Recorder, "_current", recorder)
    monkeypatch.setattr(intake, "_ANSWERED_WITHIN_S", 0.3)
    line = json.dumps({"name": "heat", "value": 1, "time": bed.now_ms})

    async def send() -> None:
        request = RequestFactory().post("/", line, content_type="application/json")
        await intake.take(request, None, "json", lines.parse)

    with psycopg.connect(postgres.url_of("store")) as other:
        other.execute(f"LOCK TABLE {Sample._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreAway):
            await send()
    monkeypatch.setattr(intake, "_ANSWERED_WITHIN_S", 20)
    await send()
    assert await asyncio.to_thread(recorder.flush, WAIT_S)
    assert await asyncio.to_thread(bed.rows, Sample) == 1


@pytest.fixture
def held(bed: StoreBed) -> Iterator[sqlite3.Connection]:
    """Another writer that has the database, of which only SQLite has but one."""
    path = connections[bed.using].settings_dict["NAME"]
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        yield database
        if database.in_transaction:
            database.execute("ROLLBACK")


@ON_SQLITE
def test_a_full_queue_refuses_and_takes_again(
    bed: StoreBed, held: sqlite3.Connection, recorder: Recorder
) -> None:
    """Past its bound senders are told when to come back, `record` drops, and the rest is stored."""
    held.execute("BEGIN IMMEDIATE")
    taken = [recorder.submit(ramp("heat", START_MS, range(500)))]

    def send_more() -> None:
        for number in range(1, 20):
            readings = ramp("heat", START_MS + 500_000 * number, range(500))
            taken.append(recorder.submit(readings))

    with pytest.raises(QueueFull) as full:
        send_more()
    assert full.value.retry_after_s >= 1
    assert len(taken) >= MOST // 500
    offered = 0
    # The writer may have taken all of the queue in hand a moment ago.
    while not recorder.dropped and offered < 20:
        recorder.offer(ramp("offered", START_MS + 500_000 * offered, range(500)))
        offered += 1
    assert recorder.dropped == 500
    held.execute("ROLLBACK")
    for one in taken:
        one.result(WAIT_S)
    assert recorder.flush(WAIT_S)
    recorder.submit(ramp("after", START_MS, [1])).result(WAIT_S)
    assert bed.rows(Sample) == 500 * (len(taken) + offered - 1) + 1


@ON_SQLITE
def test_readings_are_refused_while_the_database_is_away(
    bed: StoreBed,
    held: sqlite3.Connection,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who waits is told; what Django code recorded waits on, and is stored in the end."""
    monkeypatch.setattr(recording, "_AWAY_S", 0.1)
    recorder.submit(ramp("heat", START_MS, [1])).result(WAIT_S)
    held.execute("BEGIN IMMEDIATE")
    recorder.offer(ramp("patient", START_MS, [7]))
    with pytest.raises(StoreAway):
        recorder.submit(ramp("heat", START_MS + 1, [1])).result(WAIT_S)
    held.execute("ROLLBACK")
    assert recorder.flush(WAIT_S)
    assert value_of(bed, "patient") == [7]
    assert value_of(bed, "heat") == [1]


@ON_SQLITE
def test_recorded_labels_are_such_as_senders_may_have(
    bed: StoreBed, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their values come from anywhere: none is stored that is endless, or that breaks a page."""
    monkeypatch.setattr(Recorder, "_current", recorder)
    dashboards.record("heat", 1, path="/a\0\ud800\u202e" + "x" * 9999, empty="", none=None, n=5)
    assert recorder.flush(WAIT_S)
    (labels,) = bed.ids("heat")
    assert dict(labels) == {"n": "5", "path": "/a" + "x" * 507}
    for wrong in ({" a": 1}, {f"l{n}": 1 for n in range(33)}, {"a" * 101: 1}):
        with pytest.raises(ValueError, match="cannot be recorded"):
            dashboards.record("heat", 1, **wrong)


def test_a_command_stores_what_it_recorded_before_it_ends(site: Site) -> None:
    """`record` waits for nothing, yet nothing is lost when the interpreter exits."""
    site.run("shell", "-c", "import dashboards; dashboards.record('orders', 3, shop='a')")
    shown = site.run(
        "shell", "-c",
        "from dashboards import store; s = store.current().find('orders', limit=1)[0];"
        "print(s.labels, store.current().samples([s.id], 0, 2**60)[s.id].value.tolist())",
    )  # fmt: skip
    assert "(('shop', 'a'),) [3.0]" in shown.stdout


def test_numbers_of_django_code_are_checked() -> None:
    """A name that cannot be stored is the caller's mistake."""
    for name in ("", "x" * 256, "a\0b"):
        with pytest.raises(ValueError, match="name"):
            dashboards.record(name, 1)


@pytest.mark.usefixtures("_watched")
def test_what_is_watched_is_measured_once_by_all_processes(
    bed: StoreBed, recorder: Recorder
) -> None:
    """Querysets are counted anew, functions may give several numbers, and one process does it."""
    Series.objects.using(bed.using).create(name="open", digest="1")
    dashboards.watch(
        Series.objects.using(bed.using).filter(name="open"), "tickets", every=10, state="open"
    )
    dashboards.watch(lambda: {"a": 1, "b": 2}, "by_shop", every=10)
    dashboards.watch(lambda: [({"shop": "c", "till": 1}, 5.5)], "by_till", every=10)
    processes = [Watching(recorder), Watching(recorder)]
    for turn in range(3):
        for process in processes:
            process.look()
        if turn == 1:
            Series.objects.using(bed.using).create(name="open", digest="2")
        bed.now_ms += 10_000
    assert recorder.flush(WAIT_S)
    assert value_of(bed, "tickets") == [1, 2]
    assert list(bed.ids("tickets")) == [(("state", "open"),)]
    assert list(bed.ids("by_shop")) == [(("value", "a"),), (("value", "b"),)]
    assert list(bed.ids("by_till")) == [(("shop", "c"), ("till", "1"))]
    assert value_of(bed, "by_till") == [5.5, 5.5]


@pytest.mark.usefixtures("_watched")
def test_a_watch_that_fails_is_logged_and_the_others_go_on(
    bed: StoreBed, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """One mistake in a project's function stops nothing."""

    def fail() -> float:
        raise ZeroDivisionError

    dashboards.watch(fail, "broken", every=5)
    dashboards.watch(lambda: 4, "well", every=5)
    process = Watching(recorder)
    process.look()
    bed.now_ms += 5000
    with caplog.at_level(logging.ERROR):
        process.look()
    assert recorder.flush(WAIT_S)
    assert "broken could not be measured" in caplog.text
    assert value_of(bed, "well") == [4]
    assert not bed.ids("broken")


@pytest.mark.usefixtures("_watched")
def test_watching_checks_what_it_is_given() -> None:
    """Mistakes are found where they are made."""
    with pytest.raises(ValueError, match="second"):
        dashboards.watch(lambda: 1, "fast", every=0.1)
    with pytest.raises(TypeError):
        dashboards.watch(3, "three")  # type: ignore[arg-type]


def test_a_lease_is_one_holders_until_it_is_over(bed: StoreBed) -> None:
    """Another takes it when it is over or given back; numbers go to the lowest that is free."""
    now = START_MS
    using = bed.using
    assert leases.take("x", now + 100, now, holder="a", using=using)
    assert leases.take("x", now + 100, now, holder="a", using=using)
    assert not leases.take("x", now + 100, now, holder="a", renew=False, using=using)
    assert not leases.take("x", now + 300, now + 99, holder="b", using=using)
    assert leases.take("x", now + 300, now + 100, holder="b", using=using)
    leases.give_back("x", holder="b", using=using)
    assert leases.take("x", now + 300, now + 100, holder="a", using=using)
    Lease.objects.using(using).create(name="p 1", holder="other", until_ms=now + 50)
    assert leases.number("p ", now + 100, now, known=None, using=using) == 2
    assert leases.number("p ", now + 160, now + 60, known=2, using=using) == 1
    assert Lease.objects.using(using).get(name="p 2").until_ms == 0


def test_a_site_measures_itself_and_its_machine(bed: StoreBed, recorder: Recorder) -> None:
    """Machine and process have numbers that can be true; histograms are buckets."""
    check = SelfCheck(recorder)
    check.measure()
    assert recorder.flush(WAIT_S)
    (memory,) = value_of(bed, "process_memory_bytes")
    assert memory > 10_000_000
    (load,) = value_of(bed, "host_cpu_percent")
    assert 0 <= load <= 100
    assert {"host_memory_percent", "host_network_sent_bytes", "collab_peers"} <= {
        metric.name for metric in bed.store.metrics(limit=1000)
    }
    bounds = bed.store.find("collab_commit_seconds_bucket", limit=100)
    assert {one.kind for one in bounds} == {Kind.BUCKET}
    assert "+Inf" in {dict(one.labels)["le"] for one in bounds}
    assert all(dict(one.labels)["process"] == "1" for one in bounds)


@ON_SQLITE
def test_a_site_goes_on_measuring_while_its_lease_holds(
    bed: StoreBed,
    held: sqlite3.Connection,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its numbers wait for a database that is away; once another may have its number, none is."""
    monkeypatch.setitem(connections[bed.using].settings_dict["OPTIONS"], "timeout", 0.1)
    connections[bed.using].close()
    check = SelfCheck(recorder)
    check.measure()
    assert recorder.flush(WAIT_S)
    before = len(value_of(bed, "process_threads"))
    held.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(selfcheck, "_RENEW_S", 0)
    check.measure()
    monkeypatch.setattr(selfcheck, "_LEASE_S", 0)
    with pytest.raises(StoreAway):
        check.measure()
    held.execute("ROLLBACK")
    assert recorder.flush(WAIT_S)
    assert len(value_of(bed, "process_threads")) == before + 1
    connections[bed.using].close()


def test_the_first_load_is_of_some_time(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor that was looked at twice in a millisecond was idle or busy, nothing between."""
    asked: list[float] = []
    twice = Event()

    def cpu_percent() -> float:
        asked.append(time.monotonic())
        if len(asked) == 2:
            twice.set()
        return 0.0

    monkeypatch.setattr("psutil.cpu_percent", cpu_percent)
    thread = SelfCheck(recorder).thread
    thread.start()
    assert twice.wait(WAIT_S)
    thread.stop()
    thread.join(WAIT_S)
    assert asked[1] - asked[0] >= 0.4


def test_what_repeats_goes_on_after_an_error(bed: StoreBed, monkeypatch: Any) -> None:
    """A mistake is logged, the next call comes, and the end is the thread's own."""
    monkeypatch.setattr(Repeating, "_AFTER_ERROR_S", 0.01)
    calls: list[int] = []
    enough, ended = Event(), Event()

    def work() -> float:
        calls.append(1)
        if len(calls) > 2:
            enough.set()
        raise RuntimeError

    one = Repeating("test", work, at_end=ended.set)
    one.start()
    assert enough.wait(WAIT_S)
    one.stop()
    assert ended.wait(WAIT_S)
