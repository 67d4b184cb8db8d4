"""What a query computes: a function over each series' windows, and series put together.

In the window that is still running, a series that has not reported yet stands at what it had in the
window before: else a sum over many hosts would fall at the right edge each time a window begins. A
rate does so until half of the window is over, and is then by the time that is over. What adds up
(sum, count, increase) is so far, as a bar that grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from dashboards.series.points import Values
from dashboards.series.windows import Cells, Windows

FUNCTIONS = ("avg", "sum", "min", "max", "last", "count", "rate", "increase")
"""Those of samples; quantiles, which are of histograms, are in their own module."""
ACROSS = {
    "avg": "avg", "last": "avg", "min": "min", "max": "max",
    "sum": "sum", "count": "sum", "rate": "sum", "increase": "sum",
}  # fmt: skip
"""How series of a group are put together where nobody says it."""

_ADDING = ("sum", "count", "increase")


@dataclass(frozen=True, slots=True)
class Curve:
    """Values by point, NaN for none; `low` and `high` are what the windows reached.

    They are None for functions of which that says nothing more than the value.
    """

    value: Values
    low: Values | None = None
    high: Values | None = None


def curves(
    windows: Windows, function: str, across: str, groups: Sequence[Sequence[int]]
) -> list[Curve]:
    """Compute a function, and put series together.

    Args:
        windows: Of series.
        function: One of `FUNCTIONS`.
        across: `avg`, `sum`, `min` or `max`; an average of averages weighs by count.
        groups: Rows of `windows`, at least one in each.

    Returns:
        A curve for each group.
    """
    cells = windows.cells if function in _ADDING else _carried(windows, function)
    some = cells.count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(some, _values(windows, cells, function), np.nan)
        low = np.where(some, cells.min, np.nan)
        high = np.where(some, cells.max, np.nan)
        found = []
        for rows in groups:
            if function == "avg" and across == "avg" and len(rows) > 1:
                one = _total(cells.sum, rows) / _total(cells.count, rows)
            else:
                one = together(value, rows, across)
            if function not in ("avg", "last"):
                found.append(Curve(one))
            elif across == "avg":
                reached = together(low, rows, "min"), together(high, rows, "max")
                found.append(Curve(one, *reached))
            else:
                found.append(Curve(one, together(low, rows, across), together(high, rows, across)))
    return found


def together(values: Values, rows: Sequence[int], across: str) -> Values:
    """Put rows together point by point, those that have a value; NaN where none has."""
    first: Values = values[rows[0]]
    if len(rows) == 1:
        return first
    if across in ("min", "max"):
        least_or_most = np.fmin if across == "min" else np.fmax
        found: Values = reduce(least_or_most, (values[row] for row in rows))
        return found
    number, total = np.zeros_like(first), np.zeros_like(first)
    for row in rows:
        there = ~np.isnan(values[row])
        number += there
        total += np.where(there, values[row], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Values = total / number
    return mean if across == "avg" else np.where(number > 0, total, np.nan)


def _total(values: Values, rows: Sequence[int]) -> Values:
    """Add rows one after the other: numpy's own order depends on how many points there are."""
    total: Values = values[rows[0]].copy()
    for row in rows[1:]:
        total += values[row]
    return total


def _values(windows: Windows, cells: Cells, function: str) -> Values:
    match function:
        case "avg":
            mean: Values = cells.sum / cells.count
            return mean
        case "sum" | "min" | "max" | "last" | "count" | "increase":
            column: Values = getattr(cells, function)
            return column
        case "rate":
            return _rate(windows, cells)
        case _:
            raise ValueError(f"{function!r} is not a function of samples.")


def _rate(windows: Windows, cells: Cells) -> Values:
    rate = cells.increase / windows.seconds
    running = windows.running
    if running is not None and windows.steps == 1:
        late = _late(windows, running, "rate")
        rate[late, running] = cells.increase[late, running] / windows.whole_s
    return rate


def _carried(windows: Windows, function: str) -> Cells:
    """Return the cells; of who has not reported in the running window, as in the one before."""
    cells, running = windows.cells, windows.running
    if running is None or windows.steps > 1:
        return cells
    late = _late(windows, running, function)
    before = windows.before if running == 0 else cells.columns(running - 1, running)
    columns = []
    for column, source in zip(cells.all(), before.all(), strict=True):
        changed = column.copy()
        changed[late, running] = source[late, 0]
        columns.append(changed)
    return Cells(*columns)


def _late(windows: Windows, running: int, function: str) -> NDArray[np.bool_]:
    """Say which series stand at the window before."""
    early = function == "rate" and windows.seconds[running] < windows.whole_s / 2
    empty: NDArray[np.bool_] = windows.cells.count[:, running] == 0
    return empty | early
