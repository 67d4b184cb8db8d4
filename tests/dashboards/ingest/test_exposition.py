"""Prometheus's text and OpenMetrics, pushed as to a Pushgateway."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    generate_latest,
)
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from dashboards.ingest import exposition
from dashboards.ingest.batch import LINE_BYTES, Batch
from dashboards.ingest.errors import IngestError, Malformed, TooLarge, UnknownEncoding
from dashboards.ingest.readings import Kind
from tests.dashboards.ingest.reading import NOW_MS, batch, refused, series

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def parse(
    body: str | bytes, content_type: str = TEXT, path: str = "job/night", most: int = 1000
) -> Batch:
    found = batch(most)
    raw = body.encode() if isinstance(body, str) else body
    exposition.parse(raw, found, content_type, exposition.grouping(path))
    return found


def registry() -> CollectorRegistry:
    """One metric of each kind, as an application has them."""
    found = CollectorRegistry()
    Counter("jobs", "Jobs.", ["queue"], registry=found).labels("mail").inc(3)
    Gauge("heat_celsius", "Heat.", registry=found).set(21.5)
    histogram = Histogram("wait_seconds", "Wait.", buckets=(0.5, 1), registry=found)
    histogram.observe(0.2)
    histogram.observe(3)
    Summary("size_bytes", "Size.", registry=found).observe(100)
    return found


WANTED = {
    "jobs_total{job=night,queue=mail}": (3, Kind.COUNTER, ""),
    "heat_celsius{job=night}": (21.5, Kind.GAUGE, ""),
    "wait_seconds_bucket{job=night,le=0.5}": (1, Kind.BUCKET, "s"),
    "wait_seconds_bucket{job=night,le=1.0}": (1, Kind.BUCKET, "s"),
    "wait_seconds_bucket{job=night,le=+Inf}": (2, Kind.BUCKET, "s"),
    "wait_seconds_count{job=night}": (2, Kind.COUNTER, ""),
    "wait_seconds_sum{job=night}": (3.2, Kind.COUNTER, "s"),
    "size_bytes_count{job=night}": (1, Kind.COUNTER, ""),
    "size_bytes_sum{job=night}": (100, Kind.COUNTER, "bytes"),
}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(generate_latest, TEXT), (generate_openmetrics, OPENMETRICS)],
    ids=["text", "openmetrics"],
)
def test_registry_is_read_with_kinds_and_units(body: object, content_type: str) -> None:
    """Both formats say the same."""
    found = parse(body(registry()), content_type)  # type: ignore[operator]
    labelled = zip(series(found), found.readings, strict=True)
    known = {text: (one.value, one.kind, one.unit) for text, one in labelled}
    # The older format has no other way to say when a counter began.
    assert {k: v for k, v in known.items() if "_created" not in k} == WANTED
    assert {reading.at_ms for reading in found.readings} == {NOW_MS}


def test_quantiles_of_a_summary_are_quantiles() -> None:
    """They are never to be averaged; one without observations is NaN, and left out."""
    found = parse('# TYPE t summary\nt{quantile="0.5"} 2\nt{quantile="0.9"} NaN\nt_sum 4\n')
    assert [reading.kind for reading in found.readings] == [Kind.QUANTILE, Kind.COUNTER]
    assert (found.not_numbers, found.refused) == (1, 0)


def test_counter_keeps_the_name_that_it_was_sent_with() -> None:
    """The library would add `_total`."""
    found = parse("# TYPE jobs counter\njobs 4\n# TYPE runs_total counter\nruns_total 5\nfree 6\n")
    assert series(found) == {"jobs{job=night}": 4, "runs_total{job=night}": 5, "free{job=night}": 6}
    assert [reading.kind for reading in found.readings] == [Kind.COUNTER, Kind.COUNTER, Kind.GAUGE]


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("job/a", {"job": "a"}),
        ("job/a/instance/b:80", {"job": "a", "instance": "b:80"}),
        ("job@base64/YS9i", {"job": "a/b"}),
        ("job/a/path@base64/L3Zhci90bXA", {"job": "a", "path": "/var/tmp"}),
        ("job/a/path@base64/L3Zhci90bXA=", {"job": "a", "path": "/var/tmp"}),
        ("job/a/empty@base64/=", {"job": "a", "empty": ""}),
    ],
)
def test_path_names_the_group(path: str, labels: dict[str, str]) -> None:
    """As a Pushgateway reads it."""
    assert exposition.grouping(path) == labels


@pytest.mark.parametrize(
    "path",
    ["job", "job/", "job/a/b", "instance/a", "instance/b/job/a", "job/a/x@base64/!!", "job/a/job/b",
     "job@base64/=", "job@base64/_w", ""],
)  # fmt: skip
def test_path_that_names_no_group_is_malformed(path: str) -> None:
    """A job comes first and has a name."""
    with pytest.raises(Malformed):
        exposition.grouping(path)


def test_labels_of_the_group_win() -> None:
    """An empty one takes a metric's own away."""
    found = parse('a{job="own",zone="b",x="y"} 1\n', path="job/night/zone@base64/=")
    assert series(found) == {"a{job=night,x=y}": 1}


def test_time_of_a_line_is_taken() -> None:
    """In ms in the older format, in s in OpenMetrics."""
    assert parse(f"a 1 {NOW_MS - 5}\n").readings[0].at_ms == NOW_MS - 5
    body = f"# TYPE a gauge\na 1 {(NOW_MS - 5000) / 1000}\n# EOF\n"
    assert parse(body, OPENMETRICS).readings[0].at_ms == NOW_MS - 5000


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("a 1\nb{\n", 2),
        ("a 1\n\n# note\nb{x=1} 2\n", 4),
        ("a 1\nb abc\n", 2),
        ("a\n", 1),
        ('a{x="1",x="2"} 1\n', 1),
        ("é 1\n", 1),
        (b"a 1\n\xff 1\n", 2),
        (f'a{{x="{"y" * LINE_BYTES}"}} 1\n', 1),
    ],
)
def test_line_that_cannot_be_read_is_told_by_number(body: str | bytes, line: int) -> None:
    """Nothing of the push counts, as at a Pushgateway."""
    with pytest.raises(Malformed, match=f"Line {line}") as raised:
        parse(body)
    assert raised.value.line == line


def test_line_out_of_bounds_is_refused_by_number() -> None:
    """The library reads it, but it cannot be stored."""
    found = parse(f'a 1\n\n# HELP a b\nb{{x="{"y" * 600}"}} 1\nc 1 5\nd 1 {"9" * 30}\n')
    assert list(refused(found)) == [4, 5, 6]


def test_openmetrics_without_an_end_is_malformed() -> None:
    """It may have been cut off."""
    with pytest.raises(Malformed):
        parse("# TYPE a gauge\na 1\n", OPENMETRICS)


def test_other_formats_are_refused() -> None:
    """Such as the protobuf that Go's library can push."""
    with pytest.raises(UnknownEncoding):
        parse(b"", "application/vnd.google.protobuf; encoding=delimited")


@pytest.mark.parametrize("content_type", [TEXT, OPENMETRICS])
def test_more_readings_than_allowed_are_too_large(content_type: str) -> None:
    """Even if they are all of one family, which the library holds as a whole."""
    body = "# TYPE a gauge\n" + "".join(f'a{{n="{n}"}} 1\n' for n in range(50)) + "# EOF\n"
    with pytest.raises(TooLarge):
        parse(body, content_type, most=20)


piece = st.sampled_from([
    "{", "}", '"', "\\", ",", "=", " ", "\n", "#", " # ", "a", "1", "TYPE ", "HELP ", "UNIT ",
    "histogram", "NaN", "# EOF\n", "# TYPE a counter\n", "a 1\n", '"a"', "_total", "a_bucket", "le",
])  # fmt: skip


@given(st.binary(max_size=100), st.lists(piece, max_size=40), st.sampled_from([TEXT, OPENMETRICS]))
def test_no_bytes_raise_anything_else(data: bytes, pieces: list[str], content_type: str) -> None:
    """Random bytes, random grammar, and both behind something good."""
    written = "".join(pieces).encode()
    for body in (data, written, b"# TYPE a counter\na_total 1\n" + written):
        with contextlib.suppress(IngestError):
            parse(body, content_type)
