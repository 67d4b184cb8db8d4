"""Exponential histograms, and the quantiles that can be told from them.

A bucket of index i holds values in (base^i, base^(i+1)], where base = 2^(2^-scale).
https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

QUANTILES = (0.5, 0.9, 0.95, 0.99)
SERIES = 20_000
BUCKETS = 1_000_000
"""Of all states that are remembered: 60 MB."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Counts by the index of their bucket; `zero` are the values that are zero, or nearly."""

    scale: int
    zero: int
    positive: Mapping[int, int]
    negative: Mapping[int, int]

    @property
    def size(self) -> int:
        """How many buckets it has."""
        return len(self.positive) + len(self.negative)

    @property
    def count(self) -> int:
        return self.zero + sum(self.positive.values()) + sum(self.negative.values())

    def coarser(self, scale: int) -> Exponential:
        """Return it with wider buckets: every step of the scale joins two."""
        by = self.scale - scale
        if by == 0:
            return self
        return Exponential(scale, self.zero, _joined(self.positive, by), _joined(self.negative, by))

    def since(self, older: Exponential) -> Exponential | None:
        """Return what was counted since an older state, or None if it is no state before this."""
        scale = min(self.scale, older.scale)
        new, old = self.coarser(scale), older.coarser(scale)
        found = Exponential(
            scale,
            new.zero - old.zero,
            _less(new.positive, old.positive),
            _less(new.negative, old.negative),
        )
        counts = (found.zero, *found.positive.values(), *found.negative.values())
        return None if min(counts) < 0 else found

    def quantiles(self) -> list[float]:
        """Return the values of `QUANTILES`; none if nothing was counted.

        Within a bucket values are taken to grow evenly in their logarithm.
        """
        count = self.count
        if count == 0:
            return []
        # From the lowest value to the highest: negative buckets turned round, zero, positive.
        steps = [(-1, index, n) for index, n in sorted(self.negative.items(), reverse=True)]
        steps.append((0, 0, self.zero))
        steps += [(1, index, n) for index, n in sorted(self.positive.items())]
        found = []
        for quantile in QUANTILES:
            rank = quantile * count
            value = 0.0
            for sign, index, n in steps:
                if n and rank <= n:
                    value = self._value(sign, index, rank / n)
                    break
                rank -= n
            found.append(value)
        return found

    def _value(self, sign: int, index: int, share: float) -> float:
        """Return the value at a share of a bucket, from its lowest value up."""
        if sign == 0:
            return 0.0
        try:
            exponent = (index + (share if sign > 0 else 1 - share)) * 2.0**-self.scale
            return float(sign * 2.0**exponent)
        except OverflowError:
            return sign * float("inf")


def _joined(counts: Mapping[int, int], by: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for index, count in counts.items():
        found[index >> by] = found.get(index >> by, 0) + count
    return found


def _less(new: Mapping[int, int], old: Mapping[int, int]) -> dict[int, int]:
    return {index: new.get(index, 0) - old.get(index, 0) for index in {*new, *old}}


class _Seen(NamedTuple):
    start_ns: int
    at_ns: int
    state: Exponential
    before: Exponential | None

    @property
    def size(self) -> int:
        return self.state.size + (0 if self.before is None else self.before.size)


class States:
    """The last state of each cumulative histogram, to tell what is new. Safe from any thread.

    Args:
        series: How many are remembered at most.
        buckets: How many they may have together; those that were not seen for longest go.
    """

    def __init__(self, series: int = SERIES, buckets: int = BUCKETS) -> None:
        self._series = series
        self._most = buckets
        self._buckets = 0
        self._seen: dict[Hashable, _Seen] = {}
        self._lock = threading.Lock()

    def newer(
        self, key: Hashable, start_ns: int, at_ns: int, state: Exponential
    ) -> Exponential | None:
        """Return what was counted since this process saw the histogram last, and note its state.

        Returns:
            All of it, the first time or after the sender began again; the same for a repetition;
            None for a state from before the last.
        """
        with self._lock:
            seen = self._seen.pop(key, None)
            before = None
            if seen is not None and seen.start_ns == start_ns:
                if at_ns < seen.at_ns:
                    self._seen[key] = seen
                    return None
                before = seen.before if at_ns == seen.at_ns else seen.state
            now = self._seen[key] = _Seen(start_ns, at_ns, state, before)
            self._buckets += now.size - (0 if seen is None else seen.size)
            while len(self._seen) > self._series or self._buckets > self._most:
                self._buckets -= self._seen.pop(next(iter(self._seen))).size
        found = state.since(before) if before is not None else None
        return state if found is None else found
