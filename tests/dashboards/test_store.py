"""The store on each database: what is written is read back, rolled up, kept and pruned."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.models import ApiKey
from dashboards.ingest.readings import Kind, Reading
from dashboards.reads import Asked, Reads
from dashboards.series.points import Buckets
from dashboards.series.ports import (
    TIERS_MS,
    BadMatcher,
    Match,
    Matcher,
    TooManySamples,
    TooManySeries,
)
from dashboards.store.catalogue import TooManyForKey
from dashboards.store.models import Hour, Minute, Reopened, Retention, Sample, Series, TenSeconds
from dashboards.store.pruning import Pruner
from dashboards.store.rolling import CLOSE_AFTER_MS, Roller
from dashboards.store.writing import Batch, TooOld, append
from tests.dashboards.stores import DAY_MS, START_MS, StoreBed, ramp

HOUR_MS = 3_600_000
NAMES = ("count", "sum", "min", "max", "last", "increase")


def summed_up(samples: dict[int, float], width_ms: int) -> dict[int, tuple[float, ...]]:
    """Sum up one series' samples one by one: what every bucket must be."""
    buckets: dict[int, list[tuple[float, float]]] = defaultdict(list)
    before: float | None = None
    for at_ms, value in sorted(samples.items()):
        rise = 0.0 if before is None else value if value < before else value - before
        buckets[at_ms - at_ms % width_ms].append((value, rise))
        before = value
    return {
        at_ms: (
            float(len(points)), sum(value for value, _ in points),
            min(value for value, _ in points), max(value for value, _ in points),
            points[-1][0], sum(rise for _, rise in points),
        )
        for at_ms, points in buckets.items()
    }  # fmt: skip


def rows_of(buckets: Buckets) -> dict[int, tuple[float, ...]]:
    columns = (getattr(buckets, name).tolist() for name in NAMES)
    return dict(zip(buckets.at_ms.tolist(), zip(*columns, strict=True), strict=True))


def check(bed: StoreBed, samples: dict[str, dict[int, float]]) -> None:
    """Every tier says of every series what its samples say, whatever is rolled up by now."""
    end = START_MS + DAY_MS
    for name, values in samples.items():
        (series,) = bed.store.find(name, limit=1)
        for width in TIERS_MS:
            found = bed.store.buckets([series.id], START_MS - DAY_MS, end, width)
            assert rows_of(found[series.id]) == summed_up(values, width), (name, width)


def test_samples_are_read_back_as_they_were_recorded(bed: StoreBed) -> None:
    """A window holds its samples in order, and the last one before it."""
    bed.now_ms = START_MS + 60_000
    written = bed.write(*reversed(ramp("heat", START_MS, range(60))))
    assert written.errors == [None]
    (series,) = bed.store.find("heat", limit=1)
    found = bed.store.samples([series.id], START_MS + 10_000, START_MS + 13_000)[series.id]
    assert found.at_ms.tolist() == [START_MS + second * 1000 for second in (9, 10, 11, 12)]
    assert found.value.tolist() == [9, 10, 11, 12]


def test_series_are_found_by_name_and_labels(bed: StoreBed) -> None:
    """Labels are compared whole; a label that is missing is an empty one."""
    bed.write(
        Reading("cpu", (("host", "a"), ("mode", "idle")), 1, START_MS, Kind.GAUGE, "percent"),
        Reading("cpu", (("host", "ab"),), 2, START_MS),
        Reading("requests", (("host", "a"),), 3, START_MS, Kind.COUNTER),
    )

    def hosts(*matchers: Matcher) -> list[str]:
        return [dict(one.labels)["host"] for one in bed.store.find("cpu", matchers, limit=5)]

    assert hosts() == ["a", "ab"]
    assert hosts(Matcher("host", Match.EQUAL, "a")) == ["a"]
    assert hosts(Matcher("host", Match.NOT_EQUAL, "a")) == ["ab"]
    assert hosts(Matcher("host", Match.REGEX, "a")) == ["a"]
    assert hosts(Matcher("host", Match.NOT_REGEX, "b.*")) == ["a", "ab"]
    assert hosts(Matcher("mode", Match.EQUAL, "")) == ["ab"]
    for limit in (1, 1):
        with pytest.raises(TooManySeries, match="2 series match; 1"):
            bed.store.find("cpu", limit=limit)
    assert hosts() == ["a", "ab"], "also after it was refused"
    with pytest.raises(BadMatcher):
        hosts(Matcher("host", Match.REGEX, "("))
    assert [(m.name, m.kind, m.unit, m.series, m.labels) for m in bed.store.metrics()] == [
        ("cpu", Kind.GAUGE, "percent", 2, ("host", "mode")),
        ("requests", Kind.COUNTER, "", 1, ("host",)),
    ]
    assert [m.name for m in bed.store.metrics("e", after="cpu", limit=1)] == ["requests"]
    assert bed.store.values("host") == ["a", "ab"]
    assert bed.store.values("mode", "requests") == []


def test_series_of_another_process_are_found(bed: StoreBed) -> None:
    """What one process makes, another that has looked before finds."""
    other = bed.another()
    assert other.metrics() == []
    bed.write(Reading("new", (), 1, START_MS))
    other.catalogue.refresh(at_once=True)
    assert [metric.name for metric in other.metrics()] == ["new"]


def test_a_repeat_is_no_second_sample(bed: StoreBed) -> None:
    """Of several values at one time the last counts, within a batch and over several."""
    at = START_MS
    bed.write(
        Reading("heat", (), 1, at), Reading("heat", (), 2, at), Reading("heat", (), 9, at + 1)
    )
    bed.write(Reading("heat", (), 3, at), Reading("heat", (), 4, at + 2))
    (series,) = bed.store.find("heat", limit=1)
    found = bed.store.samples([series.id], at, at + 1000)[series.id]
    assert found.value.tolist() == [3, 9, 4]
    assert bed.rows(Sample) == 3


times = st.integers(0, 2 * 60 * 20).map(lambda half_seconds: START_MS + half_seconds * 500)
arrivals = st.lists(
    st.tuples(st.sampled_from("ab"), times, st.integers(0, 9).map(float))
    | st.sampled_from(["roll", "minute later", "hour later"]),
    min_size=1, max_size=40,
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arrivals)
def test_every_tier_says_what_the_samples_say(bed: StoreBed, events: Any) -> None:
    """In whatever order samples, repeats, restarts and steps come, nothing is lost or doubled."""
    bed.clean()
    bed.store = bed.another()
    bed.now_ms = START_MS + HOUR_MS // 6
    samples: dict[str, dict[int, float]] = defaultdict(dict)
    for event in events:
        if event == "roll":
            bed.roll()
        elif event == "minute later":
            bed.now_ms += 60_000
        elif event == "hour later":
            bed.now_ms += HOUR_MS
        else:
            name, at_ms, value = event
            samples[name][at_ms] = value
            bed.write(Reading(name, (), value, at_ms))
    check(bed, samples)
    bed.now_ms += 2 * HOUR_MS
    bed.roll()
    assert bed.rows(Reopened) == 0
    check(bed, samples)


def test_late_data_reopens_its_bucket_and_the_next_ones_increase(bed: StoreBed) -> None:
    """A late sample counts at once, also in a far later bucket that it changes."""
    bed.now_ms = START_MS + 3 * HOUR_MS
    samples = {START_MS: 5.0, START_MS + 2 * HOUR_MS: 9.0}
    bed.write(*(Reading("jobs", (), value, at) for at, value in samples.items()))
    bed.roll()
    check(bed, {"jobs": samples})
    samples[START_MS + 10_000] = 7.0
    assert bed.write(Reading("jobs", (), 7, START_MS + 10_000)).late
    check(bed, {"jobs": samples})
    bed.roll()
    check(bed, {"jobs": samples})
    assert bed.rows(Reopened) == 0


def test_what_is_not_late_reopens_nothing(bed: StoreBed) -> None:
    """Samples of the last minute are not noted twice."""
    bed.now_ms = START_MS + HOUR_MS
    bed.write(*ramp("heat", START_MS, range(10)))
    bed.roll()
    written = bed.write(Reading("heat", (), 1, bed.now_ms - CLOSE_AFTER_MS + 10_000))
    assert not written.late
    assert bed.rows(Reopened) == 0


class Killed(Exception):
    """The process ended here."""


@dataclass
class Killer:
    """Raises in the place of the nth statement that changes something, and after none before."""

    after: int

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            if not self.after:
                raise Killed
            self.after -= 1
        return execute(sql, params, many, context)


def test_a_crash_at_any_point_loses_and_doubles_nothing(bed: StoreBed) -> None:
    """Whichever statement of rolling up is the last, going on afterwards gives what must be."""
    bed.now_ms = START_MS + 2 * HOUR_MS
    readings = ramp("jobs", START_MS, range(0, 3000, 10), every_ms=11_000)
    bed.write(*readings)
    samples = {reading.at_ms: reading.value for reading in readings}
    late = [START_MS + number * 60_000 + 500 for number in range(5)]
    for after in range(200):
        try:
            with connections[bed.using].execute_wrapper(Killer(after)):
                bed.roll()
        except Killed:
            check(bed, {"jobs": samples})
        else:
            break
        if late:
            at = late.pop()
            samples[at] = 1.0
            bed.write(Reading("jobs", (), 1, at))
    else:
        pytest.fail("it never came to an end")
    assert after > 8
    check(bed, {"jobs": samples})
    bed.roll()
    check(bed, {"jobs": samples})


def test_who_was_overtaken_writes_nothing_of_what_it_read(
    bed: StoreBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that rests between reading and writing does not undo what another did."""
    bed.now_ms = START_MS + 2 * HOUR_MS
    readings = ramp("jobs", START_MS, range(100), every_ms=7000)
    bed.write(*readings)
    samples = {reading.at_ms: reading.value for reading in readings} | {START_MS + 500: 3.0}
    slow = Roller(bed.another())
    summed_up_by_slow = slow._summed_up

    def rest(*args: Any) -> Any:
        table = summed_up_by_slow(*args)
        monkeypatch.undo()
        bed.roll()
        bed.write(Reading("jobs", (), 3, START_MS + 500))
        bed.roll()
        return table

    monkeypatch.setattr(slow, "_summed_up", rest)
    assert not slow.run()
    check(bed, {"jobs": samples})
    assert slow.run()
    check(bed, {"jobs": samples})


def test_a_key_makes_no_more_series_than_it_may(bed: StoreBed, settings: Any) -> None:
    """A batch over the bound is refused whole; others, and series that are there, are taken."""
    settings.COLLAB_SERIES_PER_KEY = 3

    def some(*numbers: int) -> list[Reading]:
        return [Reading("cpu", (("core", str(n)),), n, START_MS) for n in numbers]

    written = append(bed.store, [Batch(some(1, 2)), Batch(some(3, 4)), Batch(some(1, 3))])
    refused = [type(error) for error in written.errors]
    assert refused == [type(None), TooManyForKey, type(None)]
    assert [dict(labels)["core"] for labels in bed.ids("cpu")] == ["1", "2", "3"]
    assert bed.rows(Sample) == 3


def test_series_of_a_key_that_is_gone_are_not_the_sites(bed: StoreBed, settings: Any) -> None:
    """Deleting whoever sent many takes nothing from what the site may make itself."""
    settings.COLLAB_SERIES_PER_KEY = 1
    sender = User.objects.using(bed.using).create(username="sender")
    key = ApiKey.objects.using(bed.using).create(user=sender, name="sensors", digest="d")
    assert bed.write(Reading("sent", (), 1, START_MS), key=key.pk).errors == [None]
    sender.delete()
    assert bed.write(Reading("own", (), 1, START_MS)).errors == [None]
    (error,) = bed.write(Reading("more", (), 1, START_MS)).errors
    assert isinstance(error, TooManyForKey)


def test_odd_data_holds_up_nobody_else(bed: StoreBed) -> None:
    """A batch that the database cannot store fails alone."""
    odd = Reading("x" * 300, (), 1, START_MS)
    beyond = Reading("beyond", (), 1, 2**80)
    unordered = Reading("unordered", (("b", "1"), ("a", "1")), 1, START_MS)
    batches = [Batch([Reading("a", (), 1, START_MS)]), Batch([beyond]), Batch([unordered])]
    written = append(bed.store, batches)
    assert [error is None for error in written.errors] == [True, False, False]
    if bed.using == "store_postgres":
        written = append(bed.store, [Batch([odd]), Batch([Reading("b", (), 1, START_MS)])])
        assert [error is None for error in written.errors] == [False, True]
    assert bed.ids("a")


def test_numbers_are_kept_as_long_as_their_metric_says(bed: StoreBed, settings: Any) -> None:
    """Each tier goes in its time; a pattern makes it longer or shorter; twice changes nothing.

    On PostgreSQL the numbers that are kept longest stay until the whole partition can go.
    """
    settings.COLLAB_RAW_DAYS, settings.COLLAB_TEN_SECOND_DAYS = 2, 2
    settings.COLLAB_MINUTE_DAYS, settings.COLLAB_HOUR_DAYS = 4, 6
    Retention.objects.using(bed.using).create(pattern="short*", raw_days=1)
    Retention.objects.using(bed.using).create(pattern="long", raw_days=5)
    bed.now_ms = START_MS + 2 * HOUR_MS
    names = ("short.lived", "usual", "long")
    for name in names:
        bed.write(Reading(name, (), 1, START_MS + 1))
    Series.objects.using(bed.using).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))

    def kept() -> dict[str, int]:
        return {
            name: sum(
                bool(model._default_manager.using(bed.using).filter(series_id=pk).count())
                for model in (Sample, TenSeconds, Minute, Hour)
            )
            for name in names
            for pk in Series.objects.using(bed.using).filter(name=name).values_list("pk", flat=True)
        }

    bed.roll()
    assert kept() == {"short.lived": 4, "usual": 4, "long": 4}
    for days, expected in (
        (2, {"short.lived": 3, "usual": 4, "long": 4}),
        (3, {"short.lived": 2, "usual": 2, "long": 4}),
        (5, {"short.lived": 1, "usual": 1, "long": 4}),
        (6, {"short.lived": 1, "usual": 1, "long": 3 if bed.store.sql.partitioned else 1}),
        (400, {}),
    ):
        bed.now_ms = START_MS + days * DAY_MS + HOUR_MS
        bed.store = bed.another()
        Pruner(bed.store).run()
        again = Pruner(bed.store).run()
        assert (again.rows, again.parts, again.series) == (0, 0, 0)
        assert kept() == expected, days
    bed.write(Reading("usual", (), 2, bed.now_ms))
    assert bed.store.find("usual", limit=1)


def test_old_numbers_go_by_the_partition(bed: StoreBed, settings: Any) -> None:
    """On PostgreSQL nothing is deleted row by row where all of a day goes."""
    settings.COLLAB_RAW_DAYS = settings.COLLAB_TEN_SECOND_DAYS = 1
    bed.now_ms = START_MS + HOUR_MS
    bed.write(*ramp("heat", START_MS, range(100)))
    bed.now_ms += 3 * DAY_MS
    bed.store = bed.another()
    pruned = Pruner(bed.store).run()
    assert bed.rows(Sample) == 0
    if bed.store.sql.partitioned:
        assert (pruned.parts >= 1, pruned.rows) == (True, 0)
    else:
        assert (pruned.parts, pruned.rows) == (0, 100)
    bed.write(*ramp("heat", bed.now_ms, range(3)))
    assert bed.rows(Sample) == 3


def test_late_data_does_not_undo_what_raw_samples_are_gone_of(bed: StoreBed, settings: Any) -> None:
    """What is older than samples are kept is left out; buckets of that time stay as they were."""
    settings.COLLAB_RAW_DAYS = 1
    bed.now_ms = START_MS + HOUR_MS
    bed.write(*ramp("heat", START_MS, range(100)))
    bed.roll()
    (series,) = bed.store.find("heat", limit=1)
    before = rows_of(
        bed.store.buckets([series.id], START_MS, START_MS + HOUR_MS, 60_000)[series.id]
    )
    bed.now_ms += 3 * DAY_MS
    bed.store = bed.another()
    Pruner(bed.store).run()
    new, old = Reading("heat", (), 7, bed.now_ms), Reading("heat", (), 1, START_MS + 5)
    (error,) = bed.write(new, old).errors
    assert isinstance(error, TooOld)
    assert bed.rows(Sample) == 0, "all of a batch is stored or none"
    bed.roll()
    after = bed.store.buckets([series.id], START_MS, START_MS + HOUR_MS, 60_000)
    assert rows_of(after[series.id]) == before


def test_no_more_samples_are_read_than_fit_in_memory(bed: StoreBed, settings: Any) -> None:
    """However few points they make: senders may send a thousand numbers a second."""
    settings.COLLAB_QUERY_POINTS = 100
    bed.write(*ramp("fast", START_MS, range(600), every_ms=1))
    (series,) = bed.store.find("fast", limit=1)
    half = bed.store.samples([series.id], START_MS, START_MS + 500)
    assert len(half[series.id].at_ms) == 500
    with pytest.raises(TooManySamples, match="500"):
        bed.store.samples([series.id], START_MS, START_MS + 600)
    # What is foreseen for all panels of a tick may be too much together.
    foreseen = {0: Asked({series.id}, 600, 0)}
    reads = Reads(bed.store, START_MS + 600, foreseen)
    part = reads.samples([series.id], START_MS + 500, START_MS + 600)
    assert part[series.id].value.tolist() == list(range(499, 600))


@pytest.mark.parametrize("bed", ["sqlite"], indirect=True)
def test_numbers_lie_in_the_order_that_they_are_read_in(bed: StoreBed) -> None:
    """SQLite keeps them without a row id, and so without a second index."""
    for model in (Sample, TenSeconds, Minute, Hour):
        with connections[bed.using].cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute(f"SELECT rowid FROM {model._meta.db_table}")


def test_a_series_that_another_process_deleted_is_made_again(bed: StoreBed) -> None:
    """Who still knows the id of a series that is gone does not write to nobody."""
    bed.write(Reading("heat", (), 1, START_MS))
    other = bed.another()
    bed.now_ms += 3000 * DAY_MS
    old = Reading("heat", (), 2, bed.now_ms)
    assert Pruner(other).run().series == 1
    assert append(bed.store, [Batch([old])]).errors == [None]
    other.catalogue.refresh(at_once=True)
    (series,) = other.find("heat", limit=1)
    assert other.samples([series.id], 0, bed.now_ms + 1)[series.id].value.tolist() == [2]
