"""Programs that people have push to a site, unmodified, and their numbers are read back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Literal
from uuid import uuid4

import pytest
from influxdb_client import InfluxDBClient, Point  # type: ignore[attr-defined]
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk import metrics as otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler

from tests.dashboards.receiver import Receiver


@pytest.fixture
def name() -> str:
    """A name that no other test's metrics have."""
    return f"t{uuid4().hex[:12]}"


# prometheus_client


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_prometheus_client_pushes_and_adds_and_deletes(
    receiver: Receiver, name: str, compression: Literal["gzip"] | None
) -> None:
    """Each push is a sample of each series; a delete is answered, and what was stays."""
    registry = CollectorRegistry()
    runs = Counter(f"{name}_runs", "Runs.", ["kind"], registry=registry)
    wait = Histogram(f"{name}_wait_seconds", "Wait.", buckets=(0.5, 1), registry=registry)
    gateway = receiver.url("prometheus")
    grouping = {"instance": "a/b"}

    def handler(**request: Any) -> Any:
        return basic_auth_handler(**request, username="collab", password=receiver.key)

    wait.observe(0.7)
    for push, more in ((push_to_gateway, 2), (pushadd_to_gateway, 3)):
        runs.labels("full").inc(more)
        push(gateway, "night", registry, grouping, handler=handler, compression=compression)
    delete_from_gateway(gateway, "night", grouping, handler=handler)
    of = "instance=a/b,job=night"
    stored = receiver.stored(name)
    assert stored[f"{name}_runs_total{{instance=a/b,job=night,kind=full}}"] == [2, 5]
    assert stored[f"{name}_wait_seconds_bucket{{instance=a/b,job=night,le=1.0}}"] == [1, 1]
    assert stored[f"{name}_wait_seconds_count{{{of}}}"] == [1, 1]
    labels = json.dumps({"instance": "a/b", "job": "night", "kind": "full"})
    assert receiver.ask(f"{name}_runs_total") == {labels: 5}


def test_prometheus_client_is_told_that_its_key_is_wrong(receiver: Receiver, name: str) -> None:
    """As it tells its user."""
    registry = CollectorRegistry()
    Gauge(name, "None.", registry=registry).set(1)
    with pytest.raises(Exception, match="401"):
        push_to_gateway(receiver.url("prometheus"), "night", registry)
    assert receiver.stored(name) == {}


# OpenTelemetry


@pytest.fixture(params=["cumulative", "delta"])
def provider(
    request: pytest.FixtureRequest, receiver: Receiver, name: str
) -> Iterator[MeterProvider]:
    """The SDK with its exporter, set up as its documentation does."""
    delta = AggregationTemporality.DELTA
    instruments = (otel.Counter, otel.Histogram) if request.param == "delta" else ()
    exporter = OTLPMetricExporter(
        receiver.url("otlp/v1/metrics"),
        headers={"Authorization": f"Bearer {receiver.key}"},
        compression=Compression.Gzip,
        preferred_temporality=dict.fromkeys(instruments, delta),
    )
    one = MeterProvider(
        metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        resource=Resource({"service.name": f"shop-{request.param}"}),
        views=[
            View(
                instrument_name=f"{name}.*.exp", aggregation=ExponentialBucketHistogramAggregation()
            )
        ],
    )
    yield one
    one.shutdown()


def test_opentelemetry_exports_every_kind_of_metric(
    receiver: Receiver, provider: MeterProvider, name: str
) -> None:
    """What it counts is a counter, whether it sends totals or increases."""
    meter = provider.get_meter("tests")
    orders = meter.create_counter(f"{name}.orders", unit="{order}")
    queue = meter.create_up_down_counter(f"{name}.queue")
    wait = meter.create_histogram(
        f"{name}.wait", unit="s", explicit_bucket_boundaries_advisory=[1, 2]
    )
    size = meter.create_histogram(f"{name}.size.exp", unit="By")
    for value in (3, 4):
        orders.add(value, {"shop": "north"})
        queue.add(1)
        wait.record(1.5)
        size.record(1000)
        assert provider.force_flush()
    stored = {
        series.replace("service.name=shop-cumulative", "*").replace("service.name=shop-delta", "*"):
        values for series, values in receiver.stored(name).items()
    }  # fmt: skip

    def of(series: str) -> list[float]:
        # An increase that is the first of its counter comes with the zero that it begins at.
        return [value for value in stored[f"{name}.{series}"] if value]

    assert of("orders{*,shop=north}") == [3, 7]
    assert of("queue{*}") == [1, 2]
    assert of("wait_bucket{le=2,*}") == [1, 2]
    assert of("wait_sum{*}") == [1.5, 3]
    assert of("size.exp_count{*}") == [1, 2]
    assert of("size.exp{quantile=0.5,*}") == pytest.approx([1000, 1000], rel=0.05)
    assert list(receiver.ask(f"{name}.orders").values()) == [7]


# Influx


def test_influxdb_client_writes_points(receiver: Receiver, name: str) -> None:
    """Synchronously: what it returned from is stored."""
    with InfluxDBClient(
        receiver.url("influx"), receiver.key, org="any", enable_gzip=True
    ) as client:
        assert client.ping()
        writer = client.write_api(write_options=SYNCHRONOUS)
        now_ns = time.time_ns()
        point = Point(name).tag("host", "a b").field("load", 0.5).field("up", True)
        writer.write("numbers", record=[
            point.time(now_ns), Point(name).tag("host", "c").field("value", 7).field("note", "x"),
        ])  # fmt: skip
    assert receiver.stored(name) == {
        f"{name}_load{{host=a b}}": [0.5], f"{name}_up{{host=a b}}": [1], f"{name}{{host=c}}": [7],
    }  # fmt: skip
    assert receiver.ask(f"{name}_load") == {'{"host": "a b"}': 0.5}


def test_influxdb_client_is_told_which_line_is_wrong(receiver: Receiver, name: str) -> None:
    """The good line counts all the same."""
    with InfluxDBClient(receiver.url("influx"), receiver.key, org="any") as client:
        writer = client.write_api(write_options=SYNCHRONOUS)
        with pytest.raises(ApiException) as raised:
            writer.write("numbers", record=f"{name} value=1\n{name} value=")
        assert raised.value.status == 400
        assert json.loads(raised.value.body)["line"] == 2
    assert receiver.stored(name) == {f"{name}{{}}": [1]}
