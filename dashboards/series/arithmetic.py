"""Arithmetic between the lines of two queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dashboards.series.answers import Line
from dashboards.series.points import Values

OPS: dict[str, Callable[[Values, Values], Values]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide,
}  # fmt: skip


def combine(op: str, left: Sequence[Line], right: Sequence[Line]) -> list[Line]:
    """Compute with each line of the left and the one of the right that has the same labels.

    One line alone that has no labels goes with all of the other side. What has no partner is left
    out. A result is named as the side that its labels are from; where a division by zero or a
    missing value makes none, it is NaN.
    """
    with np.errstate(all="ignore"):
        return [
            Line(named.name, named.labels, _finite(OPS[op](one.value, other.value)))
            for named, one, other in _pairs(left, right)
        ]


def _pairs(left: Sequence[Line], right: Sequence[Line]) -> list[tuple[Line, Line, Line]]:
    if len(right) == 1 and not right[0].labels:
        return [(one, one, right[0]) for one in left]
    if len(left) == 1 and not left[0].labels:
        return [(other, left[0], other) for other in right]
    partners = {line.labels: line for line in right}
    return [(one, one, partners[one.labels]) for one in left if one.labels in partners]


def _finite(value: Values) -> Values:
    return np.where(np.isfinite(value), value, np.nan)
