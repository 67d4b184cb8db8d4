"""Increases that were sent one by one, added up to counters that only rise.

A process remembers the series that it has seen. Where an increase does not begin where the one
before ended, another process took that one, or nobody did: the counter begins again, with a zero
just before, so that what it rises by is exactly the increase, whatever any process stored earlier.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from dashboards.ingest.errors import Unfit

# Forgetting a series costs one zero when it comes again.
SERIES = 20_000


class _Run(NamedTuple):
    """Increases without a gap: since when, up to when, and what they add up to."""

    shape: Hashable
    first_ns: int
    last_ns: int
    totals: tuple[float, ...]


class Sums(NamedTuple):
    """Increases added up; `begins` if their counters begin again with this point."""

    totals: tuple[float, ...]
    begins: bool


class Deltas:
    """What the increases of each series add up to. Safe from any thread."""

    def __init__(self, series: int = SERIES) -> None:
        self._series = series
        self._runs: dict[Hashable, _Run] = {}
        self._lock = threading.Lock()

    def add(
        self,
        key: Hashable,
        start_ns: int,
        at_ns: int,
        values: tuple[float, ...],
        shape: Hashable = None,
    ) -> Sums:
        """Add the increases of one point.

        Args:
            key: Of what they belong to: the name and the labels.
            start_ns: Where they begin; 0 if the sender does not say, then after the last ones.
            at_ns: Where they end. The same again is a repetition, and gives the same again.
            values: Increases, of one counter or of a histogram's.
            shape: Values with another one cannot be added, such as a histogram's bounds.

        Raises:
            Unfit: they are from before what was added last.
        """
        with self._lock:
            run = self._runs.pop(key, None)
            if run is None or run.shape != shape:
                run = _Run(shape, at_ns, at_ns, values)
            elif run.last_ns > at_ns:
                self._runs[key] = run
                raise Unfit("it is older than an increase that came before it")
            elif run.last_ns < at_ns:
                if start_ns in (0, run.last_ns):
                    totals = tuple(map(sum, zip(run.totals, values, strict=True)))
                    run = _Run(shape, run.first_ns, at_ns, totals)
                else:
                    run = _Run(shape, at_ns, at_ns, values)
            self._runs[key] = run
            if len(self._runs) > self._series:
                del self._runs[next(iter(self._runs))]
        return Sums(run.totals, run.first_ns == at_ns)

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Forget series, because what was added to them last was not stored."""
        with self._lock:
            for key in keys:
                self._runs.pop(key, None)
