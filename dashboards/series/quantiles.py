"""Quantiles of histograms, from their buckets' increases; never from other quantiles.

The rule is Prometheus' `histogram_quantile` (`promql/quantile.go`, `bucketQuantile`): observations
are spread evenly in their bucket, the lowest begins at zero if its bound is positive, and of what
lies in the bucket of +Inf only the highest finite bound is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dashboards.series.points import Values

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""By the names of the functions."""

Histogram = Mapping[float, Values]
"""Upper bounds, +Inf among them, and how many observations at most that large, by point."""


def bound_of(le: str) -> float | None:
    """Read a bucket's upper bound, such as `0.25` or `+Inf`; None for what is none."""
    try:
        bound = float(le)
    except ValueError:
        return None
    return None if math.isnan(bound) or bound == -math.inf else bound


def histogram_of(bounds: Sequence[float], sets: Sequence[object], counts: Values) -> Histogram:
    """Put buckets together to one histogram.

    Args:
        bounds: Of each bucket.
        sets: What tells the histograms apart that they are of, by bucket.
        counts: Observations, an array of buckets x points.
    """
    by_set: dict[object, dict[float, Values]] = {}
    for row, (bound, one) in enumerate(zip(bounds, sets, strict=True)):
        _add(by_set.setdefault(one, {}), bound, counts[row])
    # Histograms of the same bounds are added up as they are, without a look at what is between.
    by_bounds: dict[tuple[float, ...], dict[float, Values]] = {}
    for histogram in by_set.values():
        total = by_bounds.setdefault(tuple(sorted(histogram)), {})
        for bound, count in histogram.items():
            _add(total, bound, count)
    return merged(list(by_bounds.values()))


def merged(histograms: Sequence[Histogram]) -> dict[float, Values]:
    """Add histograms up, on the union of their bounds.

    At a bound that a histogram does not have, it has as many observations as an even spread in its
    bucket says; above its highest finite bound, as many as there: of those in the bucket of +Inf
    nothing is known, so they stay in it.
    """
    bounds = sorted({bound for one in histograms for bound in one})
    total: dict[float, Values] = {}
    for bound in bounds:
        for one in histograms:
            there = one[bound] if bound in one else _spread(one, bound)
            _add(total, bound, there)
    return total


def quantile(share: float, histogram: Histogram) -> Values:
    """Return the value that a share of the observations does not exceed, by point.

    NaN where there is no observation, and for a histogram without +Inf or any other bound.
    """
    bounds = np.array(sorted(histogram))
    points = len(next(iter(histogram.values()), ()))
    if len(bounds) < 2 or bounds[-1] != np.inf:
        return np.full(points, np.nan)
    # Buckets of one histogram are read one by one: a higher one may lag behind a lower.
    below = np.maximum.accumulate(np.stack([histogram[bound] for bound in bounds]), axis=0)
    rank = share * below[-1]
    bucket = np.argmax(below >= rank, axis=0)
    under = np.where(bucket > 0, _of(below, bucket - 1), 0.0)
    first = min(bounds[0], 0.0)
    begin = np.where(bucket > 0, bounds[bucket - 1], first)
    highest = np.minimum(bounds[bucket], bounds[-2])
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (rank - under) / (_of(below, bucket) - under)
        value = np.where(bucket == len(bounds) - 1, highest, begin + (highest - begin) * part)
    return np.where(below[-1] > 0, value, np.nan)


def _add(histogram: dict[float, Values], bound: float, count: Values) -> None:
    histogram[bound] = histogram[bound] + count if bound in histogram else count


def _of(below: Values, bucket: Values) -> Values:
    found: Values = np.take_along_axis(below, np.maximum(bucket, 0)[None, :], axis=0)[0]
    return found


def _spread(histogram: Histogram, bound: float) -> Values:
    """Return how many observations are below a bound that lies between those of a histogram."""
    lower = max((one for one in histogram if one < bound), default=None)
    upper = min((one for one in histogram if one > bound), default=np.inf)
    under = np.zeros_like(next(iter(histogram.values()))) if lower is None else histogram[lower]
    begin = 0.0 if lower is None else lower
    if upper == np.inf or bound <= begin:
        return under
    return under + (histogram[upper] - under) * ((bound - begin) / (upper - begin))
