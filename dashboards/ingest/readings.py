"""A reading: one number of one series at one time, parsed and not stored yet."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted by name, no name twice, no empty value."""


class Kind(StrEnum):
    """What the numbers of a series mean, and so which functions fit it.

    A counter only rises, or starts again near zero. A bucket is a counter of a histogram whose
    label `le` holds its upper bound. A quantile was computed by its sender, its label `quantile`
    says which; it is never averaged.
    """

    GAUGE = "gauge"
    COUNTER = "counter"
    BUCKET = "bucket"
    QUANTILE = "quantile"


class Reading(NamedTuple):
    """One number.

    `at_ms` is Unix time in milliseconds. `value` is finite: what is NaN or infinite is no number
    to store, and its parser has counted it.
    """

    name: str
    labels: Labels
    value: float
    at_ms: int
    kind: Kind = Kind.GAUGE
    unit: str = ""
