"""Points of one series as columns: raw samples, and buckets that sum them up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Samples:
    """What was recorded: `at_ms` rises strictly (Unix time, ms); as many finite values."""

    at_ms: Times
    value: Values


@dataclass(frozen=True, slots=True)
class Buckets:
    """Samples summed up by windows of one width, those without a sample left out.

    `at_ms` is where each window begins, a multiple of the width; it rises strictly. `increase` is
    how much a counter rose in the window, from the sample before it (also of an earlier window), a
    restart counting from zero; the very first sample of a series adds nothing.
    """

    at_ms: Times
    count: Values
    sum: Values
    min: Values
    max: Values
    last: Values
    increase: Values
