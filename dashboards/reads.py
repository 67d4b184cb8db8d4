"""Reads a store for many questions at once: those of a tick ask for much the same, again and again.

What the round before asked of raw samples and of buckets is read for all its series together, in
one call of the store; each question is given its part. Whatever was not foreseen is asked anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from dashboards.series.points import Buckets, Samples, clip
from dashboards.series.ports import Matcher, Metric, MetricStore, Series, TooManySamples

# What goes further back is a chart that is opened, which the next round does not ask for again.
_BACK_AT_MOST_MS = 600_000
_WIDTHS_AT_MOST = 40

Points = TypeVar("Points", Samples, Buckets)


@dataclass(slots=True)
class Asked:
    """What a round asked of one width: which series, and how far before and after its time."""

    ids: set[int] = field(default_factory=set)
    back_ms: int = 0
    ahead_ms: int = 0

    def note(self, ids: Collection[int], back_ms: int, ahead_ms: int) -> None:
        self.ids.update(ids)
        self.back_ms = max(self.back_ms, back_ms)
        self.ahead_ms = max(self.ahead_ms, ahead_ms)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one width, from start to end."""

    start_ms: int
    end_ms: int
    points: dict[int, Samples] | dict[int, Buckets]


class Reads:
    """A `MetricStore` as one round of questions sees it. Not to be shared by threads.

    Args:
        store: What is read.
        now_ms: When the round is.
        foreseen: What the round before asked, by width; 0 is raw samples.
    """

    def __init__(self, store: MetricStore, now_ms: int, foreseen: dict[int, Asked]) -> None:
        self.asked: dict[int, Asked] = {}
        self._store = store
        self._now_ms = now_ms
        self._foreseen = foreseen
        self._read: dict[int, _Read] = {}
        self._found: dict[tuple[object, ...], list[Series]] = {}
        self._kept_since: dict[int, int] = {}

    def metrics(self, search: str = "", *, after: str = "", limit: int = 100) -> list[Metric]:
        return self._store.metrics(search, after=after, limit=limit)

    def values(self, label: str, name: str = "", *, limit: int = 1000) -> list[str]:
        return self._store.values(label, name, limit=limit)

    def find(self, name: str, matchers: Sequence[Matcher] = (), *, limit: int) -> list[Series]:
        key = (name, tuple(matchers), limit)
        if key not in self._found:
            self._found[key] = self._store.find(name, matchers, limit=limit)
        return self._found[key]

    def kept_since_ms(self, width_ms: int) -> int:
        if width_ms not in self._kept_since:
            self._kept_since[width_ms] = self._store.kept_since_ms(width_ms)
        return self._kept_since[width_ms]

    def samples(self, ids: Collection[int], start_ms: int, end_ms: int) -> dict[int, Samples]:
        return self._part(0, ids, start_ms, end_ms, self._store.samples, _with_one_before)

    def buckets(
        self, ids: Collection[int], start_ms: int, end_ms: int, width_ms: int
    ) -> dict[int, Buckets]:
        def read(ids: Collection[int], start_ms: int, end_ms: int) -> dict[int, Buckets]:
            return self._store.buckets(ids, start_ms, end_ms, width_ms)

        return self._part(width_ms, ids, start_ms, end_ms, read, clip)

    def _part(
        self,
        width_ms: int,
        ids: Collection[int],
        start_ms: int,
        end_ms: int,
        read: Callable[[Collection[int], int, int], dict[int, Points]],
        cut: Callable[[Points, int, int], Points],
    ) -> dict[int, Points]:
        back_ms = self._now_ms - start_ms
        if back_ms <= max(_BACK_AT_MOST_MS, _WIDTHS_AT_MOST * width_ms):
            asked = self.asked.setdefault(width_ms, Asked())
            asked.note(ids, back_ms, end_ms - self._now_ms)
        foreseen = self._foreseen.get(width_ms)
        if foreseen is None or not foreseen.ids.issuperset(ids):
            return read(ids, start_ms, end_ms)
        known = self._read.get(width_ms)
        if known is None:
            first_ms, last_ms = self._span(foreseen, width_ms)
            if not first_ms <= start_ms < end_ms <= last_ms:
                return read(ids, start_ms, end_ms)
            try:
                known = _Read(first_ms, last_ms, read(foreseen.ids, first_ms, last_ms))
            except TooManySamples:
                # Not together, but maybe each.
                self._foreseen = {}
                return read(ids, start_ms, end_ms)
            self._read[width_ms] = known
        if not known.start_ms <= start_ms < end_ms <= known.end_ms:
            return read(ids, start_ms, end_ms)
        points: dict[int, Points] = known.points  # type: ignore[assignment]
        parts = {one: cut(points[one], start_ms, end_ms) for one in ids if one in points}
        return {one: part for one, part in parts.items() if len(part.at_ms)}

    def _span(self, foreseen: Asked, width_ms: int) -> tuple[int, int]:
        """Return from when to when to read; steps do not begin with each round, so it is more."""
        more_ms, width_ms = foreseen.back_ms // 2, width_ms or 1
        start_ms = (self._now_ms - foreseen.back_ms - more_ms) // width_ms * width_ms
        end_ms = self._now_ms + foreseen.ahead_ms + more_ms
        return start_ms, -(-end_ms // width_ms) * width_ms


def _with_one_before(samples: Samples, start_ms: int, end_ms: int) -> Samples:
    first, after = np.searchsorted(samples.at_ms, (start_ms, end_ms)).tolist()
    rows = slice(max(first - 1, 0), after)
    return Samples(samples.at_ms[rows], samples.value[rows])
