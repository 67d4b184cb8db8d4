"""Quantiles of histograms, by Prometheus' rule."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.series.quantiles import bound_of, histogram_of, merged, quantile


def one(counts: dict[float, float]) -> dict[float, np.ndarray]:  # type: ignore[type-arg]
    return {bound: np.array([count], float) for bound, count in counts.items()}


@pytest.mark.parametrize(
    ("counts", "share", "wanted"),
    [
        # 10 in (0, 1], 10 in (1, 2]: the median is where they meet.
        ({1: 10, 2: 20, inf: 20}, 0.5, 1),
        ({1: 10, 2: 20, inf: 20}, 0.75, 1.5),
        ({1: 10, 2: 20, inf: 20}, 0.25, 0.5),
        # Of what is above all bounds, only the highest is known.
        ({1: 10, 2: 20, inf: 40}, 0.95, 2),
        # The lowest bucket begins at its bound where that is not positive.
        ({-1: 10, 1: 10, inf: 10}, 0.5, -1),
        ({-1: 0, 1: 10, inf: 10}, 0.5, 0),
        ({0: 5, 1: 10, inf: 10}, 0.4, 0),
        # A bucket that lags behind a lower one counts as much as that.
        ({1: 10, 2: 8, inf: 10}, 0.5, 0.5),
    ],
)
def test_quantiles_are_where_observations_spread_evenly_say(
    counts: dict[float, float], share: float, wanted: float
) -> None:
    """Linear in a bucket."""
    assert quantile(share, one(counts))[0] == pytest.approx(wanted)


@pytest.mark.parametrize("counts", [{}, {inf: 5}, {1: 5, 2: 10}, {1: 0, inf: 0}])
def test_there_is_none_without_observations_or_bounds(counts: dict[float, float]) -> None:
    """Nor without +Inf, of which nobody knows how many are above."""
    assert all(isnan(value) for value in quantile(0.5, one(counts)))


def prometheus(share: float, buckets: Sequence[tuple[float, float]]) -> float:
    """Do what `bucketQuantile` does, one histogram at a time."""
    rank = share * buckets[-1][1]
    b = next(n for n, (_, count) in enumerate(buckets) if count >= rank)
    if b == len(buckets) - 1:
        return buckets[-2][0]
    if b == 0 and buckets[0][0] <= 0:
        return buckets[0][0]
    start, under = buckets[b - 1] if b else (0.0, 0.0)
    return start + (buckets[b][0] - start) * (rank - under) / (buckets[b][1] - under)


OBSERVED = st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(any)


@given(OBSERVED, st.floats(0.01, 1), st.integers(-30, 30))
@settings(deadline=None)
def test_every_histogram_is_read_as_prometheus_does(
    observed: list[int], share: float, first: int
) -> None:
    """Whatever is in its buckets."""
    bounds = [*(first / 10 + n for n in range(len(observed) - 1)), inf]
    counts = np.cumsum(observed).astype(float)
    buckets = list(zip(bounds, counts.tolist(), strict=True))
    assert quantile(share, one(dict(buckets)))[0] == pytest.approx(prometheus(share, buckets))


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=40), st.sampled_from([0.5, 0.95]))
@settings(deadline=None)
def test_merged_histograms_are_near_what_was_observed(values: list[float], share: float) -> None:
    """Those of other bounds, too: no further off than the widest bucket that holds it."""
    coarse, fine = (2.0, 5.0, 11.0, inf), (1.0, 2.5, 4.0, 6.0, 8.0, 11.0, inf)
    parts = [
        one({bound: sum(value <= bound for value in half) for bound in bounds})
        for half, bounds in ((values[::2], coarse), (values[1::2], fine))
    ]
    found = quantile(share, merged(parts))[0]
    rank = sorted(values)[max(int(np.ceil(share * len(values))) - 1, 0)]
    assert abs(found - rank) <= 6


def test_histograms_of_other_bounds_are_spread_evenly() -> None:
    """10 in (0, 4] are 5 below 2; of what is above a histogram's bounds nothing moves."""
    found = merged([one({4: 10, inf: 12}), one({2: 3, 8: 6, inf: 6})])
    assert {bound: float(count[0]) for bound, count in found.items()} == {
        2: 5 + 3, 4: 10 + 4, 8: 10 + 6, inf: 18,
    }  # fmt: skip


def test_buckets_are_put_together_by_what_they_are_of() -> None:
    """Two hosts' buckets are two histograms; a bound that comes twice adds up."""
    counts = np.array([[1.0], [2.0], [3.0], [4.0], [1.0]])
    found = histogram_of([1, inf, 1, inf, 1], ["a", "a", "b", "b", "b"], counts)
    assert {bound: float(count[0]) for bound, count in found.items()} == {1: 5, inf: 6}


def test_bounds_are_numbers() -> None:
    """As senders write them."""
    bounds = {le: bound_of(le) for le in ("0.25", "+Inf", "Inf", "1e3", "", "x", "NaN", "-Inf")}
    assert bounds == {
        "0.25": 0.25, "+Inf": inf, "Inf": inf, "1e3": 1000, "": None, "x": None, "NaN": None,
        "-Inf": None,
    }  # fmt: skip
