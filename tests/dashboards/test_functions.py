"""What queries compute, against the plainest way to compute it; and tails against wholes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.ingest.readings import Reading
from dashboards.series import windows
from dashboards.series.functions import ACROSS, FUNCTIONS, Curve, curves
from dashboards.series.memory import MemoryMetricStore
from dashboards.series.ports import TIERS_MS
from dashboards.series.tiers import Plan
from dashboards.series.windows import STEPS_AT_MOST, read

S, M, H = 1000, 60_000, 3_600_000
BEGIN = 1_790_000_000_000 // H * H
Samples = dict[int, float]

# Quarters add up without rounding: sums do not depend on their order.
VALUES = st.integers(-400, 400).map(lambda n: n / 4)


def stored(series: Sequence[Samples]) -> MemoryMetricStore:
    store = MemoryMetricStore()
    for number, samples in enumerate(series):
        labels = (("n", f"{number}"),)
        store.record(Reading("m", labels, value, at) for at, value in samples.items())
    return store


def rises(samples: Samples) -> Samples:
    """Return by how much each sample is more than the one before, a restart counting from zero."""
    found, before = {}, None
    for at, value in sorted(samples.items()):
        found[at] = 0.0 if before is None else value - before if value >= before else value
        before = value
    return found


def one_value(samples: Samples, function: str, begin: int, end: int) -> float | None:
    """Compute a function of one window: start <= at < end."""
    inside = [value for at, value in sorted(samples.items()) if begin <= at < end]
    rise = sum(value for at, value in rises(samples).items() if begin <= at < end)
    if not inside:
        return None
    match function:
        case "avg":
            return fmean(inside)
        case "sum":
            return sum(inside)
        case "min":
            return min(inside)
        case "max":
            return max(inside)
        case "last":
            return inside[-1]
        case "count":
            return len(inside)
        case "increase":
            return rise
    return rise / ((end - begin) / 1000)


def together(
    series: Sequence[Samples], function: str, across: str, window: tuple[int, int]
) -> float | None:
    """Compute a function of a group's window."""
    found = [one_value(samples, function, *window) for samples in series]
    there = [value for value in found if value is not None]
    if not there:
        return None
    if (function, across) == ("avg", "avg"):
        return fmean(v for s in series for at, v in s.items() if window[0] <= at < window[1])
    return {"avg": fmean, "sum": sum, "min": min, "max": max}[across](there)  # type: ignore[operator, no-any-return]


def check(curve: Sequence[float], wanted: Sequence[float | None]) -> None:
    want = [np.nan if value is None else value for value in wanted]
    np.testing.assert_allclose(curve, want, rtol=1e-9, atol=1e-9)


def several(most_ms: int) -> st.SearchStrategy[list[Samples]]:
    samples = st.dictionaries(st.integers(0, most_ms).map(lambda n: BEGIN + n), VALUES, max_size=25)
    return st.lists(samples, min_size=1, max_size=3)


GRIDS = st.sampled_from(
    [(0, S), (0, 7 * S), (10 * S, 10 * S), (10 * S, 30 * S), (M, M), (M, 5 * M)]
)


@given(
    several(10 * M), GRIDS, st.integers(1, 12), st.sampled_from(FUNCTIONS),
    st.sampled_from(("avg", "sum", "min", "max")),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_functions_say_what_the_plainest_code_says(
    series: list[Samples], grid: tuple[int, int], steps: int, function: str, across: str
) -> None:
    """Of sliding windows over samples and tiers, restarts and gaps in them, in groups."""
    width, step = grid
    start = BEGIN - BEGIN % step + 2 * M // step * step
    plan = Plan(width, step, start, start + 40 * step)
    store = stored(series)
    ids = [one.id for one in store.find("m", limit=9)]
    found = read(store, ids, plan, steps * step)
    own = [samples for samples in series if samples]
    ends = range(start + step, plan.end_ms + 1, step)
    spans = [(end - steps * step, end) for end in ends]
    if own:
        (curve,) = curves(found, function, across, [range(len(own))])
        check(curve.value, [together(own, function, across, span) for span in spans])
    for samples, curve in zip(
        own, curves(found, function, across, [[row] for row in range(len(own))]), strict=True
    ):
        check(curve.value, [one_value(samples, function, *span) for span in spans])
        if function in ("avg", "last"):
            assert curve.low is not None
            assert curve.high is not None
            check(curve.low, [one_value(samples, "min", *span) for span in spans])
            check(curve.high, [one_value(samples, "max", *span) for span in spans])
        else:
            assert curve.low is curve.high is None


@given(
    several(30 * M), GRIDS, st.integers(1, 2 * STEPS_AT_MOST), st.sampled_from(FUNCTIONS),
    st.integers(0, 59), st.one_of(st.none(), st.integers(0, 59)),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_a_tail_is_the_end_of_the_whole(
    series: list[Samples], grid: tuple[int, int], steps: int, function: str, cut: int,
    running: int | None,
) -> None:  # fmt: skip
    """To the last bit, wherever it begins, whether or not its last window is still running."""
    width, step = grid
    start = BEGIN - BEGIN % step + 5 * M // step * step
    now = None if running is None else start + 60 * step - 1 - running * step // 60
    whole = Plan(width, step, start, start + 60 * step, now)
    tail = whole.between(start + cut * step + step // 3, whole.end_ms, now_ms=now)
    store = stored(series)
    ids = [one.id for one in store.find("m", limit=9)]
    if not ids:
        return
    rows = [range(len(ids)), [0]]
    of = [
        curves(read(store, ids, plan, steps * step), function, ACROSS[function], rows)
        for plan in (whole, tail)
    ]
    for one, end in zip(*of, strict=True):
        for left, right in ((one.value, end.value), (one.low, end.low), (one.high, end.high)):
            assert (left is None) == (right is None)
            if left is not None and right is not None:
                assert left[cut:].tobytes() == right.tobytes()


@given(
    st.integers(0, 2**32), st.integers(S, 30 * S), st.integers(STEPS_AT_MOST + 1, 3000),
    st.sampled_from(FUNCTIONS),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_a_long_window_begins_a_hundredth_early_at_most(
    seed: int, every_ms: int, steps: int, function: str
) -> None:
    """And ends where its step ends; a rate is by its true length."""
    values = np.random.default_rng(seed).integers(-400, 400, 60 * M // every_ms) / 4
    samples = {BEGIN + n * every_ms: float(value) for n, value in enumerate(values)}
    plan = Plan(0, S, BEGIN + 55 * M, BEGIN + 55 * M + 25 * S)
    found = one_curve([samples], function, plan, window=steps * S)
    ends = range(plan.start_ms + S, plan.end_ms + 1, S)
    spans = [((end - steps * S) // (10 * S) * 10 * S, end) for end in ends]
    assert all((end - begin) <= steps * S * 1.01 for begin, end in spans)
    check(found.value, [one_value(samples, function, *span) for span in spans])


def one_curve(
    series: Sequence[Samples], function: str, plan: Plan, *, window: int = 0, across: str = ""
) -> Curve:
    store = stored(series)
    ids = [one.id for one in store.find("m", limit=9)]
    found = read(store, ids, plan, window)
    return curves(found, function, across or ACROSS[function], [range(len(ids))])[0]


def test_spikes_survive_in_wide_steps() -> None:
    """One second of a day is in the high of its hour, whichever tier is read."""
    samples = {BEGIN + n * 10 * S: 1.0 for n in range(6 * 360)} | {BEGIN + 5000 * S: 900.0}
    for width in TIERS_MS:
        curve = one_curve([samples], "avg", Plan(width, H, BEGIN, BEGIN + 6 * H))
        assert curve.high is not None
        assert curve.high.tolist() == [1, 900, 1, 1, 1, 1]
        assert curve.value[1] < 4


def test_averages_across_series_weigh_by_samples() -> None:
    """Three samples of 1 and one of 5 are 2 on average; their own averages are 3."""
    many, one = {BEGIN + n: 1.0 for n in range(3)}, {BEGIN: 5.0}
    plan = Plan(0, S, BEGIN, BEGIN + S)
    assert one_curve([many, one], "avg", plan).value.tolist() == [2]
    assert one_curve([many, one], "last", plan).value.tolist() == [3]


def test_rates_count_restarts() -> None:
    """10, 20, 5, 15 is a rise of 25: from zero after a fall."""
    samples = {BEGIN + n * S: value for n, value in enumerate((10.0, 20.0, 5.0, 15.0))}
    plan = Plan(10 * S, 10 * S, BEGIN, BEGIN + 10 * S)
    assert one_curve([samples], "increase", plan).value.tolist() == [25]
    assert one_curve([samples], "rate", plan).value.tolist() == [2.5]


class TestTheRunningWindow:
    """What is said of a window that is still running."""

    plan = Plan(10 * S, 10 * S, BEGIN, BEGIN + 30 * S, BEGIN + 26 * S)
    steady = {BEGIN + n * 2 * S: float(n) for n in range(13)}

    def test_who_has_not_reported_stands_at_the_window_before(self) -> None:
        """A sum over hosts does not fall when a window begins."""
        late = {BEGIN + n * 10 * S: 100.0 for n in range(2)}
        assert one_curve([self.steady, late], "last", self.plan, across="sum").value[-1] == 112
        assert one_curve([late], "avg", self.plan).value.tolist() == [100, 100, 100]
        past = Plan(10 * S, 10 * S, BEGIN, BEGIN + 30 * S)
        assert np.isnan(one_curve([late], "avg", past).value[-1])

    def test_only_the_window_before_is_stood_at(self) -> None:
        """Who is silent longer has no value."""
        gone = {BEGIN: 100.0}
        assert np.isnan(one_curve([gone], "avg", self.plan).value[-1])

    def test_rates_are_by_the_time_that_is_over(self) -> None:
        """Past half of the window; before that it is the rate before."""
        assert one_curve([self.steady], "rate", self.plan).value.tolist() == [0.4, 0.5, 0.5]
        early = Plan(10 * S, 10 * S, BEGIN, BEGIN + 30 * S, BEGIN + 24 * S)
        assert one_curve([self.steady], "rate", early).value.tolist() == [0.4, 0.5, 0.5]

    def test_what_adds_up_is_so_far(self) -> None:
        """A bar grows."""
        assert one_curve([self.steady], "count", self.plan).value.tolist() == [5, 5, 3]
        assert one_curve([self.steady], "increase", self.plan).value.tolist() == [4, 5, 3]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8, 64, 100])
def test_sliding_sums_are_of_as_many_cells(steps: int) -> None:
    """For every number of steps."""
    cells = windows.Cells.empty(1, 100)
    cells.count[:] = np.arange(100)
    slid = windows.slide(cells, steps).count[0]
    assert slid.tolist() == [sum(range(n, n + steps)) for n in range(100 - steps + 1)]
