"""OpenTelemetry's metrics over HTTP, in protobuf and in JSON.

Gauges are gauges, sums that only rise are counters. A histogram becomes `<name>_bucket` with `le`,
`<name>_sum` and `<name>_count`; an exponential histogram `_sum`, `_count` and `<name>` with
`quantile`, as a summary does. https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from dashboards.ingest import units
from dashboards.ingest.batch import Batch, checked_name, checked_unit
from dashboards.ingest.errors import Malformed, TooLarge, Unfit, UnknownEncoding
from dashboards.ingest.points import Memory, Metric, Points, attributes

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# What tells apart who sends; the rest describes its surroundings, and would only make series new.
RESOURCE = frozenset({
    "service.name", "service.namespace", "service.instance.id", "host.name",
    "deployment.environment", "deployment.environment.name",
    "k8s.cluster.name", "k8s.namespace.name", "k8s.node.name", "k8s.pod.name", "container.name",
})  # fmt: skip

# Each costs some 4 us to read, however little it holds; also what is left out without a word.
_OBJECTS = 400_000
# Of JSON also each number costs 1 us. Counts of buckets are the shortest that senders send.
_COMMAS = 4 * _OBJECTS


def decode(body: bytes, content_type: str) -> ExportMetricsServiceRequest:
    """Read a request's body.

    Raises:
        UnknownEncoding: neither protobuf nor JSON.
        TooLarge: more in it than in any request of a sender's.
        Malformed: it cannot be read.
    """
    kind = format_of(content_type)
    if kind is None:
        raise UnknownEncoding(f"Send {PROTOBUF} or {JSON}.")
    request = ExportMetricsServiceRequest()
    try:
        if kind == PROTOBUF:
            request.ParseFromString(body)
        elif body.count(b"{") > _OBJECTS or body.count(b",") > _COMMAS:
            raise _too_many()
        else:
            json_format.Parse(body.decode(), request, ignore_unknown_fields=True)
    except TooLarge:
        raise
    except (DecodeError, UnicodeDecodeError) as error:
        raise Malformed("The body is not an ExportMetricsServiceRequest.") from error
    # Of hostile JSON the library makes errors of many kinds, RecursionError among them.
    except Exception as error:
        detail = f" {error}"[:200] if isinstance(error, json_format.ParseError) else ""
        raise Malformed(f"The body is not an ExportMetricsServiceRequest.{detail}") from error
    return request


def format_of(content_type: str) -> str | None:
    """Return which of the two formats a Content-Type means, or None."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind if kind in (PROTOBUF, JSON) else None


def parse(request: ExportMetricsServiceRequest, batch: Batch, memory: Memory) -> Points:
    """Read a request into a batch.

    Args:
        request: From `decode`.
        batch: Where readings go, and refusals: as many as there are data points refused.
        memory: What this process remembers of series whose points build on each other.

    Returns:
        The points taken, which know what to forget if they cannot be stored.

    Raises:
        TooLarge: more readings than a body may have, or more in it than in any of a sender's.
    """
    points = Points(batch, memory)
    objects = _Objects()
    try:
        for of_resource in objects.of(request.resource_metrics):
            resource = attributes(objects.of(of_resource.resource.attributes), RESOURCE)
            for of_scope in objects.of(of_resource.scope_metrics):
                for metric in objects.of(of_scope.metrics):
                    _parse_metric(metric, resource, points, objects)
    except TooLarge:
        points.forget()
        raise
    return points


class _Objects:
    """Counts what a request has."""

    def __init__(self) -> None:
        self._left = _OBJECTS

    def of(self, some: Any) -> Any:
        """Return a list of objects once it is counted. Raises TooLarge if that is too many."""
        self._left -= len(some)
        if self._left < 0:
            raise _too_many()
        return some


def _too_many() -> TooLarge:
    return TooLarge(f"A request may have {_OBJECTS} metrics, points and labels at most.")


def _parse_metric(metric: Any, resource: dict[str, str], points: Points, objects: _Objects) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    try:
        head = Metric(
            checked_name(metric.name),
            checked_unit(units.of_ucum(metric.unit)),
            resource,
            getattr(data, "aggregation_temporality", 0),
            getattr(data, "is_monotonic", False),
        )
    except Unfit as error:
        points.batch.refuse(None, f"{metric.name[:80]}: {error}", count=len(data.data_points))
        return
    for point in objects.of(data.data_points):
        try:
            points.take(kind, head, point)
        except Unfit as error:
            points.batch.refuse(None, f"{metric.name[:80]}: {error}")


def answer(batch: Batch, kind: str) -> bytes:
    """Encode what a sender is told of a request that was taken, in its own format."""
    response = ExportMetricsServiceResponse()
    if batch.refused:
        response.partial_success.rejected_data_points = batch.refused
        said = dict.fromkeys(refusal.message for refusal in batch.refusals)
        response.partial_success.error_message = "; ".join(said)
    return _encoded(response, kind)


def error(message: str, kind: str) -> bytes:
    """Encode an error as google.rpc.Status, as OTLP wants of every answer from 400 on."""
    return _encoded(Status(message=message), kind)


def _encoded(message: Message, kind: str) -> bytes:
    if kind == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()
