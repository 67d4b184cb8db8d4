"""OpenTelemetry's metrics, in protobuf and JSON."""

from __future__ import annotations

import contextlib
import json
from itertools import pairwise
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from dashboards.ingest import otlp
from dashboards.ingest.batch import Batch
from dashboards.ingest.errors import IngestError, Malformed, TooLarge, UnknownEncoding
from dashboards.ingest.exponential import Exponential, States
from dashboards.ingest.points import Memory
from dashboards.ingest.readings import Kind
from tests.dashboards.ingest.reading import NOW_MS, Keeping, batch, refused, series

DELTA, CUMULATIVE = 1, 2
S = 1_000_000_000
NOW_NS = NOW_MS * 1_000_000


def point(value: Any = None, *, at: float = 0, since: float = -60, **fields: Any) -> dict[str, Any]:
    """Write a data point; times in s from now."""
    times = {"timeUnixNano": at, "startTimeUnixNano": since}
    found: dict[str, Any] = {key: str(NOW_NS + int(time * S)) for key, time in times.items()}
    if value is not None:
        found["asDouble"] = value
    return found | fields


def body(name: str, kind: str, *points: dict[str, Any], **fields: Any) -> bytes:
    """Write a request of one metric, in JSON."""
    unit = fields.pop("unit", "")
    metric = {"name": name, "unit": unit, kind: {"dataPoints": list(points)} | fields}
    resource = {"attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}},
        {"key": "telemetry.sdk.version", "value": {"stringValue": "1.2.3"}},
    ]}  # fmt: skip
    found = {"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}
    return json.dumps({"resourceMetrics": [found]}).encode()


def parse(raw: bytes, memory: Memory | None = None, most: int = 1000) -> Batch:
    """Read JSON, as JSON and as the same protobuf: both must give the same."""
    request = otlp.decode(raw, otlp.JSON)
    assert otlp.decode(request.SerializeToString(), otlp.PROTOBUF) == request
    found = batch(most)
    otlp.parse(request, found, memory or Memory())
    return found


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def test_gauge_has_labels_of_its_point_and_of_who_sent_it() -> None:
    """What only describes the sender's surroundings would make series new with each release."""
    attributes = [
        attribute("host", stringValue="a"), attribute("cpu", intValue="3"),
        attribute("on", boolValue=True), attribute("share", doubleValue=0.5),
        attribute("path", arrayValue={"values": [{"stringValue": "x"}, {"intValue": "1"}]}),
        attribute("none"),
    ]  # fmt: skip
    found = parse(body("heat", "gauge", point(21.5, attributes=attributes), unit="By"))
    labels = 'cpu=3,host=a,on=true,path=["x", 1],service.name=shop,share=0.5'
    assert series(found) == {f"heat{{{labels}}}": 21.5}
    (reading,) = found.readings
    assert (reading.kind, reading.unit, reading.at_ms) == (Kind.GAUGE, "bytes", NOW_MS)


def test_label_of_a_point_wins_over_its_senders() -> None:
    """It is the nearer one."""
    own = [attribute("service.name", stringValue="other")]
    assert series(parse(body("heat", "gauge", point(1, attributes=own)))) == {
        "heat{service.name=other}": 1
    }


@pytest.mark.parametrize(("rises", "kind"), [(True, Kind.COUNTER), (False, Kind.GAUGE)])
def test_sum_is_a_counter_if_it_only_rises(rises: bool, kind: Kind) -> None:
    """One that may fall is a level."""
    sent = body("orders", "sum", point(5, asInt="5"), isMonotonic=rises,
                aggregationTemporality=CUMULATIVE)  # fmt: skip
    sent = sent.replace(b'"asDouble": 5, ', b"")
    (reading,) = parse(sent).readings
    assert (reading.value, reading.kind) == (5, kind)


def test_histogram_is_cumulative_buckets_sum_and_count() -> None:
    """Its buckets hold what is below their bound, its sum has its unit."""
    sent = point(
        explicitBounds=[0.5, 1, 2.5], bucketCounts=["1", "0", "2", "1"], count="4", sum=7.5
    )
    found = parse(body("wait", "histogram", sent, unit="s", aggregationTemporality=CUMULATIVE))
    of = "service.name=shop"
    assert series(found) == {
        f"wait_bucket{{le=0.5,{of}}}": 1, f"wait_bucket{{le=1,{of}}}": 1,
        f"wait_bucket{{le=2.5,{of}}}": 3, f"wait_bucket{{le=+Inf,{of}}}": 4,
        f"wait_count{{{of}}}": 4, f"wait_sum{{{of}}}": 7.5,
    }  # fmt: skip
    kinds = [(reading.kind, reading.unit) for reading in found.readings]
    assert kinds == [(Kind.BUCKET, "s")] * 4 + [(Kind.COUNTER, ""), (Kind.COUNTER, "s")]


def test_summary_keeps_its_quantiles() -> None:
    """They were computed by their sender."""
    values = [{"quantile": 0.5, "value": 2.0}, {"quantile": 1, "value": "NaN"}]
    found = parse(body("wait", "summary", point(count="3", sum=6.0, quantileValues=values)))
    assert series(found) == {
        "wait_sum{service.name=shop}": 6, "wait_count{service.name=shop}": 3,
        "wait{quantile=0.5,service.name=shop}": 2,
    }  # fmt: skip
    assert found.readings[-1].kind is Kind.QUANTILE


# Deltas


class Counter:
    """The counter that several processes' readings of one series make, as a store sums it up."""

    def __init__(self) -> None:
        self.samples: dict[int, float] = {}

    def send(self, memory: Memory, value: float, since: float, at: float) -> Batch:
        """Send an increase to the process with a memory."""
        sent = point(value, since=since, at=at)
        found = parse(
            body("n", "sum", sent, isMonotonic=True, aggregationTemporality=DELTA), memory
        )
        self.samples |= {one.at_ms: one.value for one in found.readings}
        return found

    @property
    def increase(self) -> float:
        values = [self.samples[at] for at in sorted(self.samples)]
        return sum(
            after - before if after >= before else after for before, after in pairwise(values)
        )


def test_deltas_add_up_to_a_counter() -> None:
    """It begins with a zero, so that the first increase counts as well."""
    counter, memory = Counter(), Memory()
    counter.send(memory, 5, -60, -50)
    counter.send(memory, 2, -50, -40)
    counter.send(memory, 4, -40, -30)
    assert [counter.samples[at] for at in sorted(counter.samples)] == [0, 5, 7, 11]


def test_delta_sent_again_is_counted_once() -> None:
    """A sender that got no answer repeats itself."""
    counter, memory = Counter(), Memory()
    for value, since, at in [(5, -60, -50), (5, -60, -50), (2, -50, -40), (2, -50, -40)]:
        counter.send(memory, value, since, at)
    assert counter.increase == 7


def test_deltas_may_go_to_any_process() -> None:
    """Each takes some of one series, and the sum is exact."""
    counter, processes = Counter(), [Memory(), Memory(), Memory()]
    increases = [5, 2, 9, 1, 1, 30, 4, 4, 8, 100]
    turns = [0, 0, 1, 0, 2, 2, 2, 1, 0, 0]
    for n, (turn, value) in enumerate(zip(turns, increases, strict=True)):
        counter.send(processes[turn], value, 10 * n - 200, 10 * n - 190)
    assert counter.increase == sum(increases)


def test_delta_that_was_not_stored_is_forgotten() -> None:
    """Sent again it begins anew, and what was stored before stays what it is."""
    counter, memory = Counter(), Memory()
    counter.send(memory, 5, -60, -50)
    lost = batch()
    request = otlp.decode(
        body("n", "sum", point(3, since=-50, at=-40), isMonotonic=True,
             aggregationTemporality=DELTA), otlp.JSON,
    )  # fmt: skip
    otlp.parse(request, lost, memory).forget()
    counter.send(memory, 3, -50, -40)
    counter.send(memory, 4, -40, -30)
    assert counter.increase == 12


def test_delta_from_before_the_last_is_refused() -> None:
    """It cannot be put between what was added up."""
    counter, memory = Counter(), Memory()
    counter.send(memory, 5, -60, -30)
    assert "older" in refused(counter.send(memory, 5, -60, -40))[None]


def test_deltas_of_a_histogram_add_up_until_its_bounds_change() -> None:
    """Then its buckets are others, and begin anew."""
    memory = Memory()
    found = []
    for n, bounds in enumerate([[1], [1], [2]]):
        sent = point(since=n * 10 - 60, at=n * 10 - 50, explicitBounds=bounds,
                     bucketCounts=["1", "2"], count="3", sum=6.0)  # fmt: skip
        found.append(
            series(parse(body("h", "histogram", sent, aggregationTemporality=DELTA), memory))
        )
    of = "service.name=shop"
    assert found[0] == {f"h_bucket{{le=1,{of}}}": 1, f"h_bucket{{le=+Inf,{of}}}": 3,
                        f"h_count{{{of}}}": 3, f"h_sum{{{of}}}": 6}  # fmt: skip
    assert found[1] == {key: 2 * value for key, value in found[0].items()}
    assert found[2] == {key.replace("le=1", "le=2"): value for key, value in found[0].items()}


def test_delta_of_a_level_is_refused_with_what_to_do() -> None:
    """The level that it changes is not known."""
    sent = body("queue", "sum", point(-1), isMonotonic=False, aggregationTemporality=DELTA)
    assert "cumulative" in refused(parse(sent))[None]


# Exponential histograms


def exponential(counts: list[int], offset: int = 0, **fields: Any) -> dict[str, Any]:
    negative = fields.pop("negative", [])
    zero = fields.pop("zero", 0)
    found = point(**fields)
    return found | {
        "scale": found.get("scale", 0), "count": str(sum(counts) + sum(negative) + zero),
        "sum": 1.0, "zeroCount": str(zero),
        "positive": {"offset": offset, "bucketCounts": [str(n) for n in counts]},
        "negative": {"offset": offset, "bucketCounts": [str(n) for n in negative]},
    }  # fmt: skip


def quantiles(found: Batch) -> dict[str, float]:
    return {
        dict(one.labels)["quantile"]: one.value
        for one in found.readings
        if one.kind is Kind.QUANTILE
    }


def test_exponential_histogram_is_its_sum_its_count_and_quantiles() -> None:
    """With scale 0 the buckets are (1, 2], (2, 4], (4, 8]: within one, values are even in log."""
    sent = body("wait", "exponentialHistogram", exponential([4, 4, 2]), unit="s",
                aggregationTemporality=CUMULATIVE)  # fmt: skip
    found = parse(sent)
    assert quantiles(found) == pytest.approx(
        {"0.5": 2 * 2**0.25, "0.9": 4 * 2**0.5, "0.95": 4 * 2**0.75, "0.99": 4 * 2**0.95}
    )
    assert {one.name for one in found.readings} == {"wait", "wait_sum", "wait_count"}


def test_quantiles_go_over_negative_values_and_zeros() -> None:
    """From the lowest: (-4, -2], (-2, -1], zeros, then what is positive."""
    sent = body("t", "exponentialHistogram", exponential([1], negative=[3, 6], zero=90),
                aggregationTemporality=DELTA)  # fmt: skip
    assert quantiles(parse(sent)) == pytest.approx({"0.5": 0, "0.9": 0, "0.95": 0, "0.99": 0})
    sent = body("t", "exponentialHistogram", exponential([], negative=[50, 50]),
                aggregationTemporality=DELTA)  # fmt: skip
    assert quantiles(parse(sent))["0.5"] == pytest.approx(-2)


def test_quantiles_of_a_cumulative_histogram_are_of_what_is_new() -> None:
    """Over all since the start, a bad minute could not be seen after a good day."""
    memory = Memory()

    def send(counts: list[int], at: float, **fields: Any) -> dict[str, float]:
        sent = exponential(counts, at=at, **fields)
        raw = body("t", "exponentialHistogram", sent, aggregationTemporality=CUMULATIVE)
        return quantiles(parse(raw, memory))

    assert send([1000, 0, 0], -30)["0.99"] < 2
    assert send([1000, 0, 10], -20)["0.5"] > 4
    assert send([1000, 0, 10], -20)["0.5"] > 4, "sent again"
    assert send([1000, 0, 10], -10) == {}, "nothing new"
    # A histogram whose values spread makes its buckets wider: (1, 4], (4, 16].
    assert send([1000, 20], 0, scale=-1)["0.5"] > 4
    assert send([5, 0], 5, since=1)["0.99"] < 2, "its sender began again"


# What is refused


@pytest.mark.parametrize(
    ("kind", "sent", "reason"),
    [
        ("gauge", point("NaN"), "not a finite number"),
        ("gauge", point("Infinity"), "not a finite number"),
        ("gauge", point(), "no value"),
        ("gauge", point(1, at=601), "10 minutes in the future"),
        ("gauge", {"asDouble": 1}, "year 2000"),
        ("gauge", point(1, attributes=[attribute("a", stringValue="x" * 600)]), "longer than 512"),
        ("sum", point("NaN"), "not a finite number"),
        ("histogram", point(explicitBounds=[1], bucketCounts=["1"]), "do not fit"),
        ("histogram", point(explicitBounds=[2, 1], bucketCounts=["1"] * 3), "do not rise"),
        ("histogram", point(explicitBounds=["NaN"], bucketCounts=["1"] * 2), "do not rise"),
        ("histogram", point(explicitBounds=range(300), bucketCounts=["1"] * 301), "200 buckets"),
        ("exponentialHistogram", exponential([1] * 1001), "1000 buckets"),
        ("exponentialHistogram", exponential([1], at=601), "future"),
        ("summary", point(count="1", sum="NaN"), "not a finite number"),
    ],
)  # fmt: skip
def test_point_that_cannot_be_stored_is_refused_and_others_count(
    kind: str, sent: dict[str, Any], reason: str
) -> None:
    """Whole, with the name of its metric."""
    sent = {key: list(value) if isinstance(value, range) else value for key, value in sent.items()}
    good = {"gauge": point(5), "sum": point(5)}.get(kind, point(count="1", sum=1.0))
    more = {} if kind in ("gauge", "summary") else {"aggregationTemporality": CUMULATIVE}
    found = parse(body("m", kind, sent, good, **more))
    assert found.refused == 1
    assert refused(found)[None].startswith("m: ")
    assert reason in refused(found)[None]
    assert {one.at_ms for one in found.readings} == {NOW_MS}


@pytest.mark.parametrize("kept", ["h_sum", "h_count", "h"])
def test_point_is_taken_whole_or_not_at_all(kept: str) -> None:
    """One of its metrics is not kept so long; what it adds to a counter is not remembered."""
    memory = Memory()

    def send(*counts: int, at: float, keeping: Keeping | None = None) -> Batch:
        sent = exponential(list(counts), at=at, since=at - 10, sum=5.0)
        raw = body("h", "exponentialHistogram", sent, aggregationTemporality=DELTA)
        found = Batch(NOW_MS, keeping=keeping)
        otlp.parse(otlp.decode(raw, otlp.JSON), found, memory)
        return found

    assert send(1, 2, at=-20).readings
    late = send(1, 2, at=-10, keeping=Keeping(kept))
    assert (late.refused, late.readings) == (1, [])
    again = send(3, 4, at=-10)
    assert series(again)["h_count{service.name=shop}"] in (7, 10)


def test_metric_whose_name_cannot_be_is_refused_with_all_its_points() -> None:
    """The sender is told how many points it lost."""
    found = parse(body("x" * 256, "gauge", point(1), point(2, at=-1)))
    assert (found.refused, found.readings) == (2, [])


def test_point_without_a_recorded_value_is_dropped_quietly() -> None:
    """It says that a series ended."""
    found = parse(body("m", "gauge", point(1, flags=1)))
    assert (found.refused, found.readings) == (0, [])


def test_extreme_scales_are_numbers_or_nothing() -> None:
    """A bound beyond what a float holds is no value."""
    for scale in (-(2**31), -11, 0, 20, 2**31 - 1):
        for offset in (-(2**31), 0, 2**31 - 2):
            sent = exponential([1, 1], offset, negative=[1]) | {"scale": scale}
            parse(body("t", "exponentialHistogram", sent, aggregationTemporality=CUMULATIVE))


def test_answer_says_what_was_refused_in_the_senders_format() -> None:
    """In JSON, 64-bit numbers are texts."""
    found = parse(body("m", "gauge", point("NaN"), point("NaN"), point(1)))
    answer = json.loads(otlp.answer(found, otlp.JSON))["partialSuccess"]
    assert answer == {
        "rejectedDataPoints": "2", "errorMessage": "m: its value is not a finite number",
    }  # fmt: skip
    assert otlp.answer(parse(body("m", "gauge", point(1))), otlp.PROTOBUF) == b""


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"\xff", otlp.PROTOBUF),
        (b"{", otlp.JSON),
        (b"[1]", otlp.JSON),
        (b"\xff", otlp.JSON),
        (b'{"resourceMetrics": 5}', otlp.JSON),
        (b'{"resourceMetrics": [' + b"[" * 50_000, otlp.JSON),
        (b"\x0a\x80\x80\x80\x80\x08", otlp.PROTOBUF),
    ],
)
def test_body_that_is_no_request_is_malformed(raw: bytes, kind: str) -> None:
    """Nothing of it counts."""
    with pytest.raises(Malformed):
        otlp.decode(raw, kind)


def test_other_formats_are_refused() -> None:
    """The header says what it is."""
    with pytest.raises(UnknownEncoding):
        otlp.decode(b"", "text/plain")


def test_more_readings_than_allowed_are_too_large() -> None:
    """A point of a histogram is many."""
    sent = point(explicitBounds=[1, 2], bucketCounts=["1"] * 3, count="3", sum=1.0)
    with pytest.raises(TooLarge):
        parse(body("h", "histogram", sent, aggregationTemporality=DELTA), most=4)


def test_more_objects_than_any_sender_sends_are_too_large() -> None:
    """Reading JSON costs by the object, even by an empty one."""
    with pytest.raises(TooLarge):
        otlp.decode(b'{"resourceMetrics": [' + b"{}," * 400_000 + b"{}]}", otlp.JSON)
    with pytest.raises(TooLarge):
        otlp.decode(b'{"resourceMetrics": [' + b"[]," * 1_600_001 + b"[]]}", otlp.JSON)


@pytest.mark.parametrize("depth", range(4))
def test_empty_objects_are_counted(depth: int) -> None:
    """A few kB of gzip are millions of resources, scopes, metrics or points without anything."""
    request: Any = otlp.decode(b"", otlp.PROTOBUF)
    parent, empty = request, b"\x0a\x00"
    for name in ("resource_metrics", "scope_metrics", "metrics")[:depth]:
        parent, empty = getattr(parent, name).add(), b"\x12\x00"
    if depth == 3:
        parent.name = "m"
        # Points that say that they have no value.
        parent, empty = parent.gauge, b"\x0a\x02\x40\x01"
    parent.MergeFromString(empty * 400_001)
    with pytest.raises(TooLarge):
        otlp.parse(request, batch(), Memory())


def test_what_is_remembered_of_histograms_is_bounded() -> None:
    """By their buckets: one with a thousand is no smaller because it is one series."""
    states = States(series=100, buckets=50)
    state = Exponential(0, 0, dict.fromkeys(range(10), 1), {})
    for turn in range(3):
        for key in range(20):
            states.newer(key, 1, turn, state)
    assert sum(seen.size for seen in states._seen.values()) == states._buckets <= 50
    # The newest is remembered: nothing of it is new.
    found = states.newer(19, 1, 4, state)
    assert found is not None
    assert found.count == 0


GOOD = otlp.decode(
    body("h", "exponentialHistogram", exponential([1, 2]), aggregationTemporality=CUMULATIVE),
    otlp.JSON,
).SerializeToString()


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 3))
def test_no_bytes_raise_anything_else(data: bytes, at: int, drop: int) -> None:
    """Random bytes, and good ones with random ones in them."""
    for raw in (data, GOOD[:at] + data + GOOD[at + drop :]):
        with contextlib.suppress(IngestError):
            otlp.parse(otlp.decode(raw, otlp.PROTOBUF), batch(), Memory())


SHAPES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["NaN", "1", "-5"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "resourceMetrics", "scopeMetrics", "metrics", "sum", "gauge", "dataPoints", "name",
            "asInt", "timeUnixNano", "attributes", "key", "value", "stringValue", "histogram",
        ]), inner, max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


@given(SHAPES)
def test_no_json_raises_anything_else(shape: Any) -> None:
    """Any JSON with the right names in the wrong places."""
    with contextlib.suppress(IngestError):
        request = otlp.decode(json.dumps(shape).encode(), otlp.JSON)
        json_format.MessageToJson(request)
        otlp.parse(request, batch(), Memory())
