"""Answers to what panels ask, on the memory store and on each database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.test import override_settings

from dashboards import questions
from dashboards.ingest.readings import Kind, Reading
from dashboards.layout.model import Formula, Panel, PanelKind, Place, QuerySpec
from dashboards.series.answers import Answer
from dashboards.series.memory import MemoryMetricStore
from dashboards.series.ports import MetricStore
from dashboards.series.tiers import Plan, plan
from dashboards.variables import ALL
from tests.dashboards.stores import START_MS, StoreBed

S, M, H = 1000, 60_000, 3_600_000
BEGIN, END = START_MS, START_MS + 20 * M
PLAN = Plan(10 * S, M, BEGIN, END)
DURATIONS = ("0.1", "0.5", "1", "+Inf")


def readings() -> Iterator[Reading]:
    """Twenty minutes of two hosts in two zones: gauges, counters, a histogram, quantiles."""
    for second in range(0, 20 * 60, 5):
        at = BEGIN + second * S
        for number, host in enumerate(("web1", "web2")):
            labels = (("host", host), ("zone", ("eu", "us")[number]))
            yield Reading("load", labels, 1.0 + number + second % 4, at)
            yield Reading(
                "bytes", labels, 1000.0 * second * (number + 1), at, Kind.COUNTER, "bytes"
            )
            yield Reading("used", labels, 25.0 * (number + 1), at, unit="bytes")
            yield Reading(
                "ttl", (labels[0], ("quantile", "0.5"), labels[1]), 0.2, at, Kind.QUANTILE, "s"
            )
            for place, le in enumerate(DURATIONS):
                counted = float((place + 1) * second // 5)
                yield Reading("wait_bucket", (labels[0], ("le", le)), counted, at, Kind.BUCKET, "s")
        yield Reading("limit", (), 100.0, at, unit="bytes")


def panel(formula: Formula | None = None, **queries: QuerySpec) -> Panel:
    return Panel("p" * 10, PanelKind.TIMESERIES, "", Place(0, 0, 6, 4), queries, formula)


def q(metric: str, **what: Any) -> QuerySpec:
    return QuerySpec(metric, **what)


@pytest.fixture(scope="module")
def store() -> MemoryMetricStore:
    one = MemoryMetricStore()
    one.record(readings())
    return one


def ask(store: MetricStore, *specs: QuerySpec, **chosen: tuple[str, ...]) -> Answer:
    named = dict(zip("abcdef", specs, strict=False))
    return questions.answer(panel(**named), chosen, PLAN, store)


def values(answer: Answer, point: int = 5) -> dict[str, float]:
    return {line.name: round(float(line.value[point]), 6) for line in answer.lines}


PANELS = {
    "each": panel(a=q("load")),
    "grouped": panel(a=q("load", by=("zone",), function="max")),
    "one": panel(a=q("load", by=(), matchers=(("host", "=~", "web.*"),))),
    "sum of last": panel(a=q("used", by=(), function="last", across="sum")),
    "rate": panel(a=q("bytes", function="rate", window="5m")),
    "increase": panel(a=q("bytes", by=(), function="increase")),
    "quantile": panel(a=q("wait", function="p95", by=("host",), window="3m")),
    "computed": panel(Formula("/", "a", "b"), a=q("used", hidden=True), b=q("limit", hidden=True)),
    "other label": panel(a=q("load", matchers=(("host", "!=", "web1"), ("none", "=", "")))),
}


def test_databases_answer_as_the_plainest_store(bed: StoreBed, store: MemoryMetricStore) -> None:
    """On samples and tiers, half rolled up; also for a tail."""
    bed.write(*readings())
    bed.now_ms = BEGIN + 10 * M
    bed.roll()
    for name, asked in PANELS.items():
        for width, step in ((0, 5 * S), (10 * S, 30 * S), (M, M), (M, 10 * M)):
            whole = Plan(width, step, BEGIN, END, END - 20 * S)
            for span in (whole, whole.between(END - 4 * M, END, now_ms=END - 20 * S)):
                found, wanted = (
                    questions.answer(asked, {}, span, one) for one in (bed.store, store)
                )
                assert found.lines, (name, span)
                same(found, wanted)


def same(found: Answer, wanted: Answer) -> None:
    for left, right in zip(found.lines, wanted.lines, strict=True):
        assert (left.name, left.labels) == (right.name, right.labels)
        np.testing.assert_allclose(left.value, right.value, rtol=1e-9)
        for one, other in ((left.low, right.low), (left.high, right.high)):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                np.testing.assert_array_equal(one, other)
    assert (found.unit, found.newest_ms) == (wanted.unit, wanted.newest_ms)
    assert found.problems == wanted.problems == ()


def test_lines_are_named_by_what_tells_them_apart(store: MemoryMetricStore) -> None:
    """By labels that differ, by the metric, by a legend with labels and variables in it."""
    assert list(values(ask(store, q("load")))) == ["web1 · eu", "web2 · us"]
    assert list(values(ask(store, q("load", by=("zone",))))) == ["eu", "us"]
    assert list(values(ask(store, q("load", by=())))) == ["load"]
    one = (("host", "=", "web1"),)
    assert list(values(ask(store, q("load", matchers=one)))) == ["load"]
    assert list(values(ask(store, q("load", by=("host",), matchers=one)))) == ["web1"]
    legend = q("load", legend="CPU {{host}} ($zone)")
    assert list(values(ask(store, legend, zone=("eu",)))) == ["CPU web1 (eu)", "CPU web2 (eu)"]
    two = ask(store, q("load", by=("host",)), q("used", by=()), q("used", by=(), function="max"))
    assert list(values(two)) == ["load · web1", "load · web2", "avg(used)", "max(used)"]


def test_units_follow_the_function(store: MemoryMetricStore) -> None:
    """Bytes become bytes a second; a panel's own unit goes before all."""
    assert ask(store, q("bytes")).unit == "bytes"
    assert ask(store, q("bytes", function="rate")).unit == "bytes/s"
    assert ask(store, q("load", function="rate")).unit == "/s"
    assert ask(store, q("bytes", function="count")).unit == ""
    assert ask(store, q("wait", function="p50")).unit == "s"
    own = replace(panel(a=q("bytes")), unit="percent")
    assert questions.answer(own, {}, PLAN, store).unit == "percent"


def test_counters_are_rates_by_the_second(store: MemoryMetricStore) -> None:
    """1000 and 2000 bytes a second; in a minute, 60 times as many."""
    rate = ask(store, q("bytes", function="rate", by=("host",)))
    assert values(rate) == {"web1": 1000, "web2": 2000}
    assert values(ask(store, q("bytes", function="rate", by=()))) == {"bytes": 3000}
    increase = ask(store, q("bytes", function="increase", by=(), window="2m"))
    assert values(increase) == {"bytes": 360_000}


def test_quantiles_merge_the_buckets_of_a_group(store: MemoryMetricStore) -> None:
    """By the histogram's name or its buckets'; 12 in each of four buckets: the median is 0.5."""
    for metric in ("wait", "wait_bucket"):
        assert values(ask(store, q(metric, function="p50"))) == {"web1": 0.5, "web2": 0.5}
        assert values(ask(store, q(metric, function="p99", by=()))) == {metric: 1}


def test_variables_choose_series(store: MemoryMetricStore) -> None:
    """One value, several, or all."""
    spec = q("load", by=("host",), matchers=(("host", "=", "$host"),))
    assert list(values(ask(store, spec, host=("web2",)))) == ["web2"]
    assert list(values(ask(store, spec, host=("web1", "web2")))) == ["web1", "web2"]
    assert list(values(ask(store, spec, host=(ALL,)))) == ["web1", "web2"]


def test_formulas_go_between_lines_of_the_same_labels(store: MemoryMetricStore) -> None:
    """A line without labels goes with all; hidden queries are not shown."""
    used, limit = q("used", by=("host",), hidden=True), q("limit", by=(), hidden=True)
    share = questions.answer(panel(Formula("/", "a", "b"), a=used, b=limit), {}, PLAN, store)
    assert values(share) == {"web1": 0.25, "web2": 0.5}
    left = questions.answer(panel(Formula("-", "b", "a"), a=used, b=limit), {}, PLAN, store)
    assert (values(left), left.unit) == ({"web1": 75, "web2": 50}, "bytes")
    both = panel(Formula("+", "a", "b"), a=q("used", by=()), b=limit)
    assert values(questions.answer(both, {}, PLAN, store)) == {"used": 37.5, "used + limit": 137.5}


HISTOGRAM = "“load” is no histogram with buckets, so it has no quantiles to compute."
COMPUTED = "“ttl” has quantiles that its senders computed, which cannot be averaged"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (q(""), "Choose a metric."),
        (q("nothing"), "There are no numbers of “nothing” yet."),
        (q("load", matchers=(("host", "=", "db"),)), "No series of “load” has these labels."),
        (q("load", matchers=(("host", "=", "$db"),)), "There is no variable “$db”."),
        (q("load", matchers=(("host", "=~", "("),)), "“(” is no regular expression"),
        (q("load", matchers=(("host", "<", "1"),)), "Labels cannot be compared by “<”."),
        (q("load", function="median"), "There is no function “median”."),
        (q("load", across="first"), "Series cannot be put together by “first”."),
        (q("load", window="soon"), "“soon” is not a time such as 30s, 5m or 1h."),
        (q("load", window="$w"), "There is no variable “$w”."),
        (q("load", function="p95"), HISTOGRAM),
        (q("ttl"), COMPUTED),
        (q("ttl", function="sum"), COMPUTED),
        (q("ttl", function="rate"), COMPUTED),
        (q("ttl", function="last", by=()), COMPUTED),
    ],
)
def test_what_cannot_be_answered_is_said_beside_the_rest(
    store: MemoryMetricStore, spec: QuerySpec, problem: str
) -> None:
    """In one sentence; the panel's other query is answered."""
    answer = ask(store, spec, q("limit"))
    assert list(values(answer)) == ["limit"]
    assert len(answer.problems) == 1
    assert answer.problems[0].startswith(problem)


def test_computed_quantiles_are_shown_as_they_are(store: MemoryMetricStore) -> None:
    """Each series on its own, or the worst of them."""
    assert len(ask(store, q("ttl", function="last")).lines) == 2
    worst = ask(store, q("ttl", function="max", by=()))
    assert (values(worst), worst.problems) == ({"ttl": 0.2}, ())


def test_formulas_say_what_they_lack(store: MemoryMetricStore) -> None:
    """A query that is not there, or lines that do not fit."""
    alone = questions.answer(panel(Formula("/", "a", "b"), a=q("load")), {}, PLAN, store)
    assert alone.problems == ("The formula needs the query “b”.",)
    apart = panel(Formula("/", "a", "b"), a=q("load", by=("host",)), b=q("load", by=("zone",)))
    answer = questions.answer(apart, {}, PLAN, store)
    assert answer.problems == ("No lines of the formula’s two queries have the same labels.",)


def test_questions_are_bounded(store: MemoryMetricStore) -> None:
    """In series, and in points that are read, those of a long window, too."""
    with override_settings(COLLAB_QUERY_SERIES=1):
        assert "series" in ask(store, q("load")).problems[0]
    with override_settings(COLLAB_QUERY_POINTS=100):
        assert ask(store, q("load")).problems == ()
        assert "20 points" not in ask(store, q("load", window="1h")).problems[0]
        with pytest.raises(questions.TooMuch):
            questions.answer(panel(a=q("load", window="1h")), {}, PLAN, store, strict=True)


def test_lines_without_a_value_are_left_out(store: MemoryMetricStore) -> None:
    """Series that ended before what is shown are no lines; the newest sample is told still."""
    later = PLAN.between(END + H, END + 2 * H)
    answer = questions.answer(panel(a=q("load")), {}, later, store)
    assert (answer.lines, answer.problems) == ([], ())
    assert answer.newest_ms == END - 5 * S
    assert len(answer.at_ms) == 60


def test_steps_fit_how_often_samples_come(bed: StoreBed) -> None:
    """Every 5 s: no steps of 2 s, which would mostly be empty; sums have none to fear."""
    bed.write(*readings())
    bed.now_ms = END
    for span, pixels in ((20 * M, 800), (H, 1600)):
        space = questions.spacing_ms(panel(a=q("load")), {}, bed.store, END - span, END)
        assert space == 5 * S
        fitting = plan(END - span, END, pixels, lambda _width: 0, spacing_ms=space)
        assert fitting.step_ms == 10 * S
    assert questions.spacing_ms(panel(a=q("load", function="sum")), {}, bed.store, BEGIN, END) == 0
    assert questions.spacing_ms(panel(a=q("nothing")), {}, bed.store, BEGIN, END) == 0
