"""A store of numbers in memory: the rules of the port in their plainest form."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
import re2

from dashboards.ingest.readings import Labels, Reading
from dashboards.series.points import Buckets, Samples, clip, sum_up
from dashboards.series.ports import BadMatcher, Match, Matcher, Metric, Series, TooManySeries


class MemoryMetricStore:
    """Keeps all that was recorded, until the process ends.

    Args:
        kept_since: By width (0: raw samples), from when on it says that it has all.
    """

    def __init__(self, kept_since: dict[int, int] | None = None) -> None:
        self._kept_since = kept_since or {}
        self._lock = threading.Lock()
        self._series: dict[tuple[str, Labels], Series] = {}
        self._values: dict[int, dict[int, float]] = {}

    def record(self, readings: Iterable[Reading]) -> None:
        """Store readings; of two of one series and time the later counts."""
        with self._lock:
            for one in readings:
                key = (one.name, one.labels)
                if key not in self._series:
                    self._series[key] = Series(len(self._series) + 1, *key, one.kind, one.unit)
                self._values.setdefault(self._series[key].id, {})[one.at_ms] = one.value

    def metrics(self, search: str = "", *, after: str = "", limit: int = 100) -> list[Metric]:
        by_name: dict[str, list[Series]] = {}
        for one in self._all():
            if search in one.name and one.name > after:
                by_name.setdefault(one.name, []).append(one)
        return [
            Metric(name, found[0].kind, found[0].unit, len(found), _label_names(found))
            for name, found in sorted(by_name.items())
        ][:limit]

    def find(self, name: str, matchers: Sequence[Matcher] = (), *, limit: int) -> list[Series]:
        fits = [_condition(one) for one in matchers]
        found = [
            one
            for one in self._all()
            if one.name == name and all(fit(dict(one.labels)) for fit in fits)
        ]
        if len(found) > limit:
            raise TooManySeries(f"More than {limit} series of “{name}” match.")
        return sorted(found, key=lambda one: one.labels)

    def values(self, label: str, name: str = "", *, limit: int = 1000) -> list[str]:
        found = {
            value
            for one in self._all()
            if name in ("", one.name)
            for key, value in one.labels
            if key == label
        }
        return sorted(found)[:limit]

    def samples(self, ids: Collection[int], start_ms: int, end_ms: int) -> dict[int, Samples]:
        found = {}
        for one in ids:
            samples = self._samples(one)
            before = clip(samples, 0, start_ms).at_ms[-1:]
            part = clip(samples, int(before[0]) if len(before) else start_ms, end_ms)
            if len(part.at_ms):
                found[one] = part
        return found

    def buckets(
        self, ids: Collection[int], start_ms: int, end_ms: int, width_ms: int
    ) -> dict[int, Buckets]:
        summed = {one: sum_up(self._samples(one), width_ms) for one in ids}
        found = {one: clip(buckets, start_ms, end_ms) for one, buckets in summed.items()}
        return {one: buckets for one, buckets in found.items() if len(buckets.at_ms)}

    def kept_since_ms(self, width_ms: int) -> int:
        return self._kept_since.get(width_ms, 0)

    def _all(self) -> list[Series]:
        with self._lock:
            return list(self._series.values())

    def _samples(self, one: int) -> Samples:
        with self._lock:
            pairs = sorted(self._values.get(one, {}).items())
        at_ms = np.array([at for at, _ in pairs], np.int64)
        return Samples(at_ms, np.array([value for _, value in pairs], np.float64))


def _label_names(found: Iterable[Series]) -> tuple[str, ...]:
    return tuple(sorted({name for one in found for name, _ in one.labels}))


def _pattern(text: str) -> re2.Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise BadMatcher(f"“{text}” is no regular expression.") from error


def _condition(matcher: Matcher) -> Callable[[dict[str, str]], bool]:
    label, wanted = matcher.label, matcher.value
    pattern = _pattern(wanted if matcher.match in (Match.REGEX, Match.NOT_REGEX) else "")
    match matcher.match:
        case Match.EQUAL:
            return lambda labels: labels.get(label, "") == wanted
        case Match.NOT_EQUAL:
            return lambda labels: labels.get(label, "") != wanted
        case Match.REGEX:
            return lambda labels: pattern.fullmatch(labels.get(label, "")) is not None
        case Match.NOT_REGEX:
            return lambda labels: pattern.fullmatch(labels.get(label, "")) is None
