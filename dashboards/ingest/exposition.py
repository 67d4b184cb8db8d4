"""Prometheus's text format and OpenMetrics, as they are pushed to a Pushgateway.

A push is taken whole or not at all, as a Pushgateway does. It adds a sample to each of its series,
at the time of the push where a line has none. Numbers over time have no group that could be
replaced: PUT and POST store the same, and what a later push leaves out gets no more samples.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO, cast

from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.samples import Sample

from dashboards.ingest import units
from dashboards.ingest.batch import LINE_BYTES, Batch, checked_labels, checked_name, checked_unit
from dashboards.ingest.errors import IngestError, Malformed, Unfit, UnknownEncoding
from dashboards.ingest.readings import Kind

_KINDS = {
    "counter": {"_total": Kind.COUNTER},
    "histogram": {"_bucket": Kind.BUCKET, "_sum": Kind.COUNTER, "_count": Kind.COUNTER},
    "summary": {"": Kind.QUANTILE, "_sum": Kind.COUNTER, "_count": Kind.COUNTER},
}
# When a counter began: a time and no number of its own, which OpenMetrics writes beside it.
_CREATED = "_created"
_COUNTER = re.compile(rb'^[ \t]*#[ \t]+TYPE[ \t]+"?([^\s"]+)"?[ \t]+counter\b', re.MULTILINE)


def grouping(path: str) -> dict[str, str]:
    """Read the labels that a push's path names: `job/<job>{/<label>/<value>}`.

    A label whose name ends in `@base64` has its value in base64, URL-safe, padding optional: that
    is how a slash or an empty value is sent. An empty value takes the label away.

    Raises:
        Malformed: not pairs, no job first, or no base64.
    """
    parts = path.split("/")
    if len(parts) % 2:
        raise Malformed("The path must be job/<job>, and then pairs of a label and its value.")
    labels: dict[str, str] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        label = name.removesuffix("@base64")
        if label in labels:
            raise Malformed("The path names a label twice.")
        labels[label] = _decoded(value) if label != name else value
    if next(iter(labels)) != "job" or not labels["job"]:
        raise Malformed("The path must begin with job/ and a name that is not empty.")
    return labels


def _decoded(value: str) -> str:
    bare = value.rstrip("=")
    try:
        return b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True).decode()
    except (NotBase64, ValueError) as error:
        raise Malformed("The path has a value that is not base64.") from error


def parse(body: bytes, batch: Batch, content_type: str, labels: Mapping[str, str]) -> None:
    """Read a body into a batch. What the batch refuses, a Pushgateway refuses the whole push for.

    Args:
        body: Text.
        batch: Where readings and refusals go.
        content_type: OpenMetrics or the older text, which it is without any.
        labels: From `grouping`; they win over a metric's own.

    Raises:
        Malformed: a line that cannot be read, with its number.
        UnknownEncoding: neither of the two formats.
        TooLarge: more readings than a body may have.
    """
    batch.check_lines(body)
    lines = _Lines(body, batch)
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/openmetrics-text":
            families = openmetrics_parser.text_fd_to_metric_families(lines.as_file())  # type: ignore[no-untyped-call]
            _take(families, batch, labels)
        elif kind in ("", "text/plain", "application/x-www-form-urlencoded"):
            renamed = {name.decode("utf-8", "replace") for name in _COUNTER.findall(body)}
            families = parser.text_fd_to_metric_families(lines.as_file())
            _take(families, batch, labels, renamed, lines.of_samples)
        else:
            raise UnknownEncoding("Send Prometheus's text format or OpenMetrics.")
    except IngestError:
        raise
    # The library's parsers say ValueError, but trip over some broken lines with other errors.
    except Exception as error:
        detail = str(error)[:200] if isinstance(error, ValueError) and str(error) else "unreadable"
        raise Malformed(f"Line {lines.number}: {detail}.", lines.number) from error


class _Lines:
    """A body's lines, counted; `of_samples` are the numbers of those that hold a sample."""

    def __init__(self, body: bytes, batch: Batch) -> None:
        self.number = 0
        self.of_samples: list[int] = []
        self._body = body
        self._batch = batch

    def as_file(self) -> TextIO:
        """Return what the library takes for a file: all it does is to iterate."""
        return cast("TextIO", iter(self))

    def __iter__(self) -> Iterator[str]:
        body, start = self._body, 0
        while start < len(body):
            end = body.find(b"\n", start) + 1 or len(body)
            self.number += 1
            if end - start > LINE_BYTES:
                raise Malformed(f"Line {self.number} is too long.", self.number)
            try:
                line = body[start:end].decode()
            except UnicodeDecodeError as error:
                raise Malformed(f"Line {self.number} is not UTF-8.", self.number) from error
            if line[0] != "#" and not line.isspace():
                # The library holds a whole family before it gives it away.
                if len(self.of_samples) >= self._batch.most:
                    raise self._batch.too_large()
                self.of_samples.append(self.number)
            yield line
            start = end


def _take(
    families: Iterable[Metric],
    batch: Batch,
    labels: Mapping[str, str],
    renamed: frozenset[str] | set[str] = frozenset(),
    numbers: list[int] | None = None,
) -> None:
    """Add the readings of all families.

    Args:
        renamed: Counters whose names the library gave a `_total` that they did not have.
        numbers: The lines of the samples, in order, which grow as families are read.
    """
    count = 0
    for family in families:
        kinds = _KINDS.get(family.type, {})
        base = family.name
        bare = family.type == "counter" and base in renamed
        unit = _unit(family)
        for sample in family.samples:
            suffix = sample.name[len(base) :] if sample.name.startswith(base) else ""
            line = numbers[count] if numbers is not None and count < len(numbers) else None
            count += 1
            if suffix == _CREATED and kinds:
                continue
            try:
                _add(
                    batch,
                    base if bare else sample.name,
                    sample,
                    labels,
                    kinds.get(suffix, Kind.GAUGE),
                    "" if suffix == "_count" else unit,
                )
            except Unfit as error:
                batch.refuse(line, f"{sample.name[:80]}: {error}")


def _unit(family: Metric) -> str:
    try:
        return checked_unit(units.of_prometheus(family.name, family.unit))
    except Unfit:
        return ""


def _add(
    batch: Batch, name: str, sample: Sample, labels: Mapping[str, str], kind: Kind, unit: str
) -> None:
    if sample.native_histogram is not None:
        raise Unfit("native histograms are not taken in text")
    own = sample.labels
    pairs = tuple({**own, **labels}.items()) if labels else tuple(own.items())
    at_ms = batch.now_ms
    if sample.timestamp is not None:
        try:
            at_ms = int(float(sample.timestamp) * 1000)
        except (OverflowError, ValueError) as error:
            raise Unfit("its time is not a number") from error
    batch.add(checked_name(name), checked_labels(pairs), float(sample.value), at_ms, kind, unit)
