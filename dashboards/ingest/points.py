"""OTLP's data points, each taken whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterable
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any, NamedTuple

from dashboards.ingest.batch import Batch, as_number, checked_labels, checked_name, with_label
from dashboards.ingest.deltas import Deltas
from dashboards.ingest.errors import Unfit
from dashboards.ingest.exponential import QUANTILES, Exponential, States
from dashboards.ingest.readings import Kind, Labels

# AGGREGATION_TEMPORALITY_DELTA
_DELTA = 1
# DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK: the series has ended, or nothing was measured.
_NO_VALUE = 1
_NS_PER_MS = 1_000_000
BUCKETS = 200


class Metric(NamedTuple):
    """What all points of a metric share, checked. `resource` are labels."""

    name: str
    unit: str
    resource: dict[str, str]
    temporality: int
    is_monotonic: bool


class Memory:
    """What a process remembers of series whose points build on each other."""

    def __init__(self) -> None:
        self.deltas = Deltas()
        self.states = States()


class Points:
    """Turns data points into readings of a batch. A method per kind, named as OTLP names it."""

    def __init__(self, batch: Batch, memory: Memory) -> None:
        self.batch = batch
        self._memory = memory
        self._added: list[Hashable] = []

    def forget(self) -> None:
        """Forget the increases that were added, because the batch was not stored."""
        self._memory.deltas.forget(self._added)

    def take(self, kind: str, metric: Metric, point: Any) -> None:
        """Take a point of a kind, as OTLP names it: whole, or raise Unfit."""
        added = len(self._added)
        try:
            with self.batch.together():
                getattr(self, kind)(metric, point)
        except Unfit:
            self._memory.deltas.forget(self._added[added:])
            raise

    def gauge(self, metric: Metric, point: Any) -> None:
        """Take a point of a gauge. Raises Unfit, as all do."""
        if not point.flags & _NO_VALUE:
            labels, at_ms = _labels(metric, point), _at_ms(point)
            self._add(metric.name, labels, _value(point), at_ms, Kind.GAUGE, metric.unit)

    def sum(self, metric: Metric, point: Any) -> None:
        """Take a point of a sum: a counter if it only rises, else a gauge."""
        if point.flags & _NO_VALUE:
            return
        labels, at_ms = _labels(metric, point), _at_ms(point)
        value = _value(point)
        if metric.temporality != _DELTA:
            kind = Kind.COUNTER if metric.is_monotonic else Kind.GAUGE
            self._add(metric.name, labels, value, at_ms, kind, metric.unit)
            return
        if not metric.is_monotonic:
            raise Unfit(
                "the level of a sum that also falls cannot be told from its deltas; "
                "export it with cumulative temporality"
            )
        counter = _Counter(metric.name, labels, value, Kind.COUNTER, metric.unit)
        self._counters(metric, point, labels, [counter])

    def histogram(self, metric: Metric, point: Any) -> None:
        """Take a point of a histogram with explicit bounds."""
        if point.flags & _NO_VALUE:
            return
        labels = _labels(metric, point)
        bounds = tuple(point.explicit_bounds)
        counts = _bucket_counts(point, bounds)
        name = checked_name(f"{metric.name}_bucket")
        counters = [
            _Counter(name, with_label(labels, "le", _shown(bound)), n, Kind.BUCKET, metric.unit)
            for bound, n in zip((*bounds, float("inf")), accumulate(counts), strict=False)
        ]
        counters += _sum_and_count(metric, point, labels)
        self._counters(metric, point, labels, counters, bounds)

    def exponential_histogram(self, metric: Metric, point: Any) -> None:
        """Take a point of an exponential histogram: its sum, its count, and quantiles.

        Quantiles are of what was measured since the point before it, also where the sender counts
        from its start on.
        """
        if point.flags & _NO_VALUE:
            return
        labels, at_ms = _labels(metric, point), _at_ms(point)
        if max(len(point.positive.bucket_counts), len(point.negative.bucket_counts)) > 5 * BUCKETS:
            raise Unfit(f"it has more than {5 * BUCKETS} buckets")
        state = Exponential(
            point.scale, point.zero_count, _indexed(point.positive), _indexed(point.negative)
        )
        each = [with_label(labels, "quantile", str(quantile)) for quantile in QUANTILES]
        self._counters(metric, point, labels, _sum_and_count(metric, point, labels))
        new: Exponential | None = state
        if metric.temporality != _DELTA:
            new = self._memory.states.newer(
                (metric.name, labels), point.start_time_unix_nano, point.time_unix_nano, state
            )
        values = new.quantiles() if new is not None else []
        for its_labels, value in zip(each, values, strict=False):
            self.batch.add(metric.name, its_labels, value, at_ms, Kind.QUANTILE, metric.unit)

    def summary(self, metric: Metric, point: Any) -> None:
        """Take a point of a summary, whose quantiles its sender computed."""
        if point.flags & _NO_VALUE:
            return
        labels, at_ms = _labels(metric, point), _at_ms(point)
        quantiles = [
            (with_label(labels, "quantile", _shown(each.quantile)), each.value)
            for each in point.quantile_values[:BUCKETS]
            if isfinite(each.value)
        ]
        total, count = checked_name(f"{metric.name}_sum"), checked_name(f"{metric.name}_count")
        counters = [
            _Counter(total, labels, point.sum, Kind.COUNTER, metric.unit),
            _Counter(count, labels, point.count, Kind.COUNTER, ""),
        ]
        self._counters(metric, point, labels, counters)
        for its_labels, value in quantiles:
            self.batch.add(metric.name, its_labels, value, at_ms, Kind.QUANTILE, metric.unit)

    def _add(
        self, name: str, labels: Labels, value: float, at_ms: int, kind: Kind, unit: str
    ) -> None:
        if not self.batch.add(name, labels, value, at_ms, kind, unit):
            raise Unfit("its value is not a finite number")

    def _counters(
        self,
        metric: Metric,
        point: Any,
        labels: Labels,
        counters: list[_Counter],
        shape: Hashable = None,
    ) -> None:
        """Add counters that belong together, their deltas added up: all, or none and raise Unfit.

        Args:
            labels: Of the point, without those that tell its counters apart.
            shape: What must be equal for the deltas of two points to add up.
        """
        at_ms = _at_ms(point)
        for each in counters:
            self.batch.check_time(each.name, at_ms)
        values: tuple[float, ...] = tuple(as_number(each.value) for each in counters)
        if not all(map(isfinite, values)):
            raise Unfit("its value is not a finite number")
        begins = False
        if metric.temporality == _DELTA:
            key = (metric.name, labels)
            values, begins = self._memory.deltas.add(
                key, point.start_time_unix_nano, point.time_unix_nano, values, (len(values), shape)
            )
            self._added.append(key)
        for (name, its_labels, _, kind, unit), value in zip(counters, values, strict=True):
            if begins:
                self.batch.add(name, its_labels, 0.0, at_ms - 1, kind, unit)
            self._add(name, its_labels, value, at_ms, kind, unit)


class _Counter(NamedTuple):
    name: str
    labels: Labels
    value: float
    kind: Kind
    unit: str


def _sum_and_count(metric: Metric, point: Any, labels: Labels) -> list[_Counter]:
    """Return the two counters that every histogram has; one without a sum has only its count."""
    found = [_Counter(checked_name(f"{metric.name}_count"), labels, point.count, Kind.COUNTER, "")]
    if point.HasField("sum") and isfinite(point.sum):
        name = checked_name(f"{metric.name}_sum")
        found.append(_Counter(name, labels, point.sum, Kind.COUNTER, metric.unit))
    return found


def _value(point: Any) -> float:
    kind = point.WhichOneof("value")
    if kind is None:
        raise Unfit("it has no value")
    return as_number(getattr(point, kind))


def _at_ms(point: Any) -> int:
    return int(point.time_unix_nano) // _NS_PER_MS


def _labels(metric: Metric, point: Any) -> Labels:
    own = point.attributes
    if not own:
        return checked_labels(tuple(metric.resource.items()))
    return checked_labels(tuple({**metric.resource, **attributes(own)}.items()))


def attributes(pairs: Iterable[Any], wanted: Collection[str] | None = None) -> dict[str, str]:
    """Return attributes as texts, those wanted or all."""
    return {pair.key: _text(pair.value) for pair in pairs if wanted is None or pair.key in wanted}


def _text(value: Any) -> str:
    """Write an attribute's value; what is no plain value as JSON."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return str(value.string_value)
    if kind is None:
        return ""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: Any, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value" and depth < 2:
        return [_plain(each, depth + 1) for each in value.array_value.values[:BUCKETS]]
    if kind == "kvlist_value" and depth < 2:
        pairs = value.kvlist_value.values[:BUCKETS]
        return {pair.key: _plain(pair.value, depth + 1) for pair in pairs}
    if kind == "bytes_value":
        return value.bytes_value.hex()
    if kind in ("string_value", "bool_value", "int_value", "double_value"):
        return getattr(value, kind)
    return None


def _bucket_counts(point: Any, bounds: tuple[float, ...]) -> list[int]:
    counts = list(point.bucket_counts)
    if len(bounds) > BUCKETS:
        raise Unfit(f"it has more than {BUCKETS} buckets")
    if counts and len(counts) != len(bounds) + 1:
        raise Unfit("its counts do not fit its bounds")
    if any(not low < high for low, high in pairwise(bounds)) or not all(map(isfinite, bounds)):
        raise Unfit("its bounds do not rise")
    return counts


def _indexed(buckets: Any) -> dict[int, int]:
    first = buckets.offset
    return {first + at: count for at, count in enumerate(buckets.bucket_counts) if count}


def _shown(bound: float) -> str:
    """Write a bound as Prometheus does: 0.5, 1, +Inf."""
    return "+Inf" if bound == float("inf") else repr(bound).removesuffix(".0")
