"""Windows: what a store has of some series, on a grid of steps, summed up by sliding windows.

A window ends where its step ends, so that it never reaches into the future, and all depends on
where a point is on the clock, never on how much is read: a tail that is read alone is the end of
the whole, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dashboards.series.points import (
    Buckets,
    BucketTable,
    Samples,
    SampleTable,
    Times,
    Values,
    concatenate,
    no_buckets,
    no_samples,
    rebucket_all,
    sum_up_all,
)
from dashboards.series.ports import TIERS_MS, MetricStore
from dashboards.series.tiers import STEPS_MS, Plan

STEPS_AT_MOST = 1000
"""A longer window begins on a coarser grid."""
COARSE_CELLS_AT_LEAST = 100
"""Of a longer window: it begins at most a hundredth of it earlier."""

_At = TypeVar("_At", int, Times)
_Both = Callable[[Values, Values], Values]


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of `Buckets`, each an array of series x cells. An empty cell has count 0."""

    count: Values
    sum: Values
    min: Values
    max: Values
    last: Values
    increase: Values

    @classmethod
    def empty(cls, series: int, cells: int) -> Cells:
        """Make cells without a sample."""
        fills = (0.0, 0.0, np.inf, -np.inf, np.nan, 0.0)
        return cls(*(np.full((series, cells), fill) for fill in fills))

    def all(self) -> tuple[Values, ...]:
        """Return the columns in the order of the fields."""
        return self.count, self.sum, self.min, self.max, self.last, self.increase

    def columns(self, first: int, after: int | None = None) -> Cells:
        """Return some of the cells of every series, as views."""
        return Cells(*(column[:, first:after] for column in self.all()))


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a plan's points, for each series in the order asked for.

    `steps` is how many steps a window is long. `seconds` is how long each is, or, for one that is
    still running, has been. `before` is the window before the first. `running` is the point whose
    window is still running, if one is. `newest_ms` is the time of the newest sample of all, None
    without any.
    """

    cells: Cells
    before: Cells
    steps: int
    whole_s: float
    seconds: Values
    running: int | None
    newest_ms: int | None


def read(store: MetricStore, ids: Sequence[int], plan: Plan, window_ms: int = 0) -> Windows:
    """Read the windows of some series.

    Args:
        store: What to read.
        ids: Series; the rows are in their order.
        plan: Where the points are.
        window_ms: How long a window is: a step at least, and whole steps, rounded up.
    """
    steps, coarse_ms = _lengths(plan, window_ms)
    if coarse_ms is not None:
        return _long(store, ids, plan, steps, coarse_ms)
    start_ms = plan.start_ms - steps * plan.step_ms
    grid, newest_ms = _grid(store, ids, start_ms, plan.end_ms, plan.step_ms, plan.width_ms)
    slid = slide(grid, steps)
    lengths = np.full(plan.points, steps * plan.step_ms, np.float64)
    return _windows(slid, steps, lengths, plan, _newest(store, ids, plan, newest_ms))


def cells_read(plan: Plan, window_ms: int) -> int:
    """Return how many cells of each series `read` holds at a time."""
    steps, coarse_ms = _lengths(plan, window_ms)
    if coarse_ms is None:
        return plan.points + steps
    return 2 * plan.points + steps * plan.step_ms // coarse_ms + coarse_ms // plan.step_ms


def slide(cells: Cells, steps: int) -> Cells:
    """Sum up every run of `steps` cells; there are `steps - 1` fewer runs than cells."""
    return Cells(*(_slide(op, col, steps) for op, col in zip(_OPS, cells.all(), strict=True)))


def _slide(op: _Both, column: Values, steps: int) -> Values:
    """Combine by doubling: runs of 1, 2, 4, … cells, of which each run of `steps` is made.

    Running totals would be quicker, but a point would depend on all before it.
    """
    runs = column.shape[1] - steps + 1
    result: Values | None = None
    power, size, done = column, 1, 0
    while True:
        if steps & size:
            part = power[:, done : done + runs]
            result = part if result is None else op(result, part)
            done += size
        if 2 * size > steps:
            return column if result is None else result
        power = op(power[:, :-size], power[:, size:])
        size *= 2


def _long(
    store: MetricStore, ids: Sequence[int], plan: Plan, steps: int, coarse_ms: int
) -> Windows:
    """Read windows of many steps: whole cells of a coarser grid, and steps from the last to here.

    A window ends at its step and begins at the last coarse cell that is not after where it should.
    """
    ratio = coarse_ms // plan.step_ms
    fine_start = _floor(plan.start_ms - plan.step_ms, coarse_ms)
    blocks = -(-(plan.end_ms - fine_start) // coarse_ms)
    fine, newest_ms = _grid(
        store, ids, fine_start, plan.end_ms, plan.step_ms, plan.width_ms, cells=blocks * ratio
    )
    since = _since_coarse(fine, ratio)
    end_ms = np.arange(plan.start_ms, plan.end_ms + 1, plan.step_ms, dtype=np.int64)
    window_ms = steps * plan.step_ms
    begin_ms = _floor(end_ms - window_ms, coarse_ms)
    # The last step of a coarse cell is in a fine run yet: its end is the next cell's begin.
    coarse_end = _floor(end_ms - plan.step_ms, coarse_ms)
    width = next(width for width in reversed(TIERS_MS) if coarse_ms % width == 0)
    first = int(begin_ms[0])
    coarse, _ = _grid(store, ids, first, int(coarse_end[-1]), coarse_ms, width)
    runs = (coarse_end - begin_ms) // coarse_ms
    place = (end_ms - plan.step_ms - fine_start) // plan.step_ms
    columns = []
    tail = Cells(*(column[:, place] for column in since.all()))
    by_length = {int(run): slide(coarse, int(run)) for run in np.unique(runs)}
    starts = (begin_ms - first) // coarse_ms
    for number, (op, column) in enumerate(zip(_OPS, tail.all(), strict=True)):
        head = np.empty_like(column)
        for run, slid in by_length.items():
            here = runs == run
            head[:, here] = slid.all()[number][:, starts[here]]
        columns.append(op(head, column))
    lengths = (end_ms - begin_ms)[1:].astype(np.float64)
    newest_ms = _newest(store, ids, plan, newest_ms)
    return _windows(Cells(*columns), steps, lengths, plan, newest_ms)


def _since_coarse(fine: Cells, ratio: int) -> Cells:
    """Sum up, for each step, the steps from where its coarse cell begins to itself."""
    series, steps = fine.count.shape
    blocks = [column.reshape(series, steps // ratio, ratio) for column in fine.all()]
    count, total, low, high, last, increase = blocks
    place = np.where(np.isnan(last), -1, np.arange(ratio))
    latest = np.maximum.accumulate(place, axis=2)
    held = np.take_along_axis(last, np.maximum(latest, 0), axis=2)
    runs = (
        np.add.accumulate(count, axis=2), np.add.accumulate(total, axis=2),
        np.minimum.accumulate(low, axis=2), np.maximum.accumulate(high, axis=2),
        np.where(latest < 0, np.nan, held), np.add.accumulate(increase, axis=2),
    )  # fmt: skip
    return Cells(*(run.reshape(series, steps) for run in runs))


def _lengths(plan: Plan, window_ms: int) -> tuple[int, int | None]:
    """Return how many steps a window is long, and the width of its coarse cells, if it has some."""
    steps = max(-(-window_ms // plan.step_ms), 1)
    return steps, _coarse(steps, plan) if steps > STEPS_AT_MOST else None


def _coarse(steps: int, plan: Plan) -> int | None:
    """Return the width of a long window's coarse cells; None where none is narrow enough."""
    window_ms = steps * plan.step_ms
    least_ms, most_ms = window_ms // STEPS_AT_MOST, window_ms // COARSE_CELLS_AT_LEAST
    usual = (s for s in STEPS_MS if s % plan.step_ms == 0 and s % TIERS_MS[0] == 0)
    both_ms = math.lcm(plan.step_ms, TIERS_MS[0])
    for one in (*usual, -(-least_ms // both_ms) * both_ms):
        if least_ms <= one <= most_ms:
            return one
    return None


def _windows(
    slid: Cells, steps: int, lengths_ms: Values, plan: Plan, newest_ms: int | None
) -> Windows:
    """Part the window before the first from the others, and see which one is running."""
    running = None
    if plan.now_ms is not None and plan.start_ms <= plan.now_ms < plan.end_ms:
        running = (plan.now_ms - plan.start_ms) // plan.step_ms
        left_ms = plan.start_ms + (running + 1) * plan.step_ms - plan.now_ms
        lengths_ms = lengths_ms.copy()
        lengths_ms[running] -= left_ms
    return Windows(
        cells=slid.columns(1), before=slid.columns(0, 1), steps=steps,
        whole_s=steps * plan.step_ms / 1000, seconds=lengths_ms / 1000, running=running,
        newest_ms=newest_ms,
    )  # fmt: skip


def _newest(
    store: MetricStore, ids: Sequence[int], plan: Plan, newest_ms: int | None
) -> int | None:
    """Return the time of the newest sample; of a bucket only its begin is known."""
    if plan.width_ms == 0 or not ids:
        return newest_ms
    last = store.samples(ids, plan.end_ms - 1, plan.end_ms)
    found = [int(samples.at_ms[-1]) for samples in last.values() if len(samples.at_ms)]
    return max(found, default=newest_ms)


def _grid(
    store: MetricStore,
    ids: Sequence[int],
    start_ms: int,
    end_ms: int,
    step_ms: int,
    width_ms: int,
    *,
    cells: int | None = None,
) -> tuple[Cells, int | None]:
    """Read cells from start to end, and the time of the newest point that was read.

    Of more `cells` than are between the two, the last stay empty.
    """
    grid = Cells.empty(len(ids), (end_ms - start_ms) // step_ms if cells is None else cells)
    if not ids:
        return grid, None
    row = {one: number for number, one in enumerate(ids)}
    if width_ms == 0:
        samples = store.samples(ids, start_ms, end_ms)
        table, newest_ms = _summed(samples, row, start_ms, step_ms)
    else:
        buckets = store.buckets(ids, start_ms, end_ms, width_ms)
        table, newest_ms = _rebucketed(buckets, row, step_ms, width_ms)
    column = (table.buckets.at_ms - start_ms) // step_ms
    for field in fields(Cells):
        getattr(grid, field.name)[table.series, column] = getattr(table.buckets, field.name)
    return grid, newest_ms


def _summed(
    found: dict[int, Samples], row: dict[int, int], start_ms: int, step_ms: int
) -> tuple[BucketTable, int | None]:
    rows = _rows(found, row)
    points = concatenate([*found.values()] or [no_samples()])
    newest_ms = int(points.at_ms.max()) if len(rows) else None
    return sum_up_all(SampleTable(rows, points), step_ms, start_ms=start_ms), newest_ms


def _rebucketed(
    found: dict[int, Buckets], row: dict[int, int], step_ms: int, width_ms: int
) -> tuple[BucketTable, int | None]:
    rows = _rows(found, row)
    points = concatenate([*found.values()] or [no_buckets()])
    newest_ms = int(points.at_ms.max()) if len(rows) else None
    table = BucketTable(rows, points)
    return (table if step_ms == width_ms else rebucket_all(table, step_ms)), newest_ms


def _rows(found: dict[int, Samples] | dict[int, Buckets], row: dict[int, int]) -> NDArray[np.int64]:
    places = np.array([row[one] for one in found], np.int64)
    return np.repeat(places, [len(points.at_ms) for points in found.values()])


def _later(earlier: Values, later: Values) -> Values:
    return np.where(np.isnan(later), earlier, later)


_OPS: tuple[_Both, ...] = (np.add, np.add, np.minimum, np.maximum, _later, np.add)
"""How columns of one window and the next are put together, in the order of the fields."""


def _floor(at_ms: _At, width_ms: int) -> _At:
    return at_ms - at_ms % width_ms
