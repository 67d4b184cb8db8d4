"""Summing points up: for one series and for many at once, in one go and in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboards.series import points
from dashboards.series.points import Buckets, Samples

WIDTH_MS = 10

values = st.floats(-1e4, 1e4, width=16)
runs = st.dictionaries(st.integers(0, 400), values, max_size=40)


def samples_of(run: dict[int, float]) -> Samples:
    at_ms = np.array(sorted(run), np.int64)
    return Samples(at_ms, np.array([run[at] for at in at_ms.tolist()], np.float64))


def rows(buckets: Buckets) -> list[tuple[float, ...]]:
    columns = (
        buckets.at_ms, buckets.count, buckets.sum, buckets.min, buckets.max, buckets.last,
        buckets.increase,
    )  # fmt: skip
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def close(left: Buckets, right: Buckets) -> None:
    np.testing.assert_allclose(np.array(rows(left)), np.array(rows(right)), atol=1e-6)


def test_a_bucket_says_what_its_samples_say() -> None:
    """A counter that falls began anew; its first sample rises by nothing."""
    samples = samples_of({1: 1, 5: 3, 9: 2, 12: 5, 25: 7})
    assert rows(points.sum_up(samples, WIDTH_MS)) == [
        (0, 3, 6, 1, 3, 2, 4), (10, 1, 5, 5, 5, 5, 3), (20, 1, 7, 7, 7, 7, 2),
    ]  # fmt: skip
    assert points.increases(samples).tolist() == [0, 2, 2, 3, 2]


@given(runs)
def test_samples_before_a_start_make_no_bucket(run: dict[int, float]) -> None:
    """They only tell by how much the first one rose."""
    samples = samples_of(run)
    whole = points.sum_up(samples, WIDTH_MS)
    close(points.sum_up(samples, WIDTH_MS, start_ms=200), points.clip(whole, 200, 1000))


@given(runs)
def test_wider_buckets_are_those_of_the_samples(run: dict[int, float]) -> None:
    """It makes no difference by which width they went."""
    samples = samples_of(run)
    fine = points.sum_up(samples, WIDTH_MS)
    close(points.rebucket(fine, 60), points.sum_up(samples, 60))
    shifted = points.rebucket(fine, 60, origin_ms=20)
    assert all((at_ms - 20) % 60 == 0 for at_ms in shifted.at_ms.tolist())
    assert shifted.count.sum() == len(run)


@given(runs, st.integers(0, 400))
def test_parts_of_a_run_are_merged_into_the_whole(run: dict[int, float], cut: int) -> None:
    """Also in the middle of a window."""
    samples = samples_of(run)
    singles = points.sum_up(samples, 1)
    parts = [points.clip(singles, 0, cut), points.clip(singles, cut, 1000)]
    merged = points.merge([points.rebucket(part, WIDTH_MS) for part in parts])
    close(merged, points.sum_up(samples, WIDTH_MS))


@given(st.lists(runs, max_size=5))
def test_many_series_are_summed_up_as_each_alone(series: Sequence[dict[int, float]]) -> None:
    """No series sees another's samples, and those without any are left out."""
    by_series = {number: samples_of(run) for number, run in enumerate(series)}
    table = points.sum_up_all(points.tabled(by_series), WIDTH_MS)
    found = points.split(table.series, table.buckets)
    assert list(found) == [number for number, run in enumerate(series) if run]
    for number, buckets in found.items():
        close(buckets, points.sum_up(by_series[number], WIDTH_MS))


def test_nothing_is_summed_up_to_nothing() -> None:
    """Empty columns go through everything."""
    empty = points.sum_up(points.no_samples(), WIDTH_MS)
    assert rows(points.merge([empty, points.no_buckets()])) == []
    assert rows(points.merge([])) == []
    assert points.split(np.zeros(0, np.int64), empty) == {}
