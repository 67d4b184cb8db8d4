"""How far apart samples are, so that an answer's steps are not finer than what was sent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboards.series.points import Times, Values
from dashboards.series.ports import TIERS_MS, MetricStore
from dashboards.series.tiers import POINTS_AT_LEAST

_SERIES_LOOKED_AT = 5
_BUCKETS_AT_LEAST = 60
_SAMPLES_AT_LEAST = 3


def spacing_ms(store: MetricStore, ids: Sequence[int], start_ms: int, end_ms: int) -> int:
    """Return how far apart the samples of some series mostly are at the end of a span.

    A few series stand for all, the slowest of them counts; 0 where there are too few samples to
    tell. What is looked at is what the widest spacing that makes a difference needs, and half more.
    """
    looked_ms = max(_SAMPLES_AT_LEAST * (end_ms - start_ms) // POINTS_AT_LEAST, 60_000)
    wide = [width for width in TIERS_MS if looked_ms >= _BUCKETS_AT_LEAST * width]
    some = list(ids[:_SERIES_LOOKED_AT])
    if wide:
        end = -(-end_ms // wide[-1]) * wide[-1]
        start = end - looked_ms // wide[-1] * wide[-1]
        found = store.buckets(some, start, end, wide[-1])
        each = [_usual(one.at_ms, one.count) for one in found.values()]
    else:
        samples = store.samples(some, end_ms - looked_ms, end_ms)
        each = [_usual(one.at_ms, np.ones(len(one.at_ms))) for one in samples.values()]
    return max(each, default=0)


def _usual(at_ms: Times, count: Values) -> int:
    if len(at_ms) < _SAMPLES_AT_LEAST:
        return 0
    return int(np.median(np.diff(at_ms)) / np.median(count))
