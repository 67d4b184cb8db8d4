"""What questions need of a store of numbers: the port that the database stands behind.

Calls block, and may come from any thread. A Prometheus-compatible server can take the place of the
database behind the same port.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from dashboards.ingest.readings import Kind, Labels

if TYPE_CHECKING:
    from dashboards.series.points import Buckets, Samples

TIERS_MS = (10_000, 60_000, 3_600_000)
"""Widths of the buckets that a store keeps, finest first: 10 s, 1 min, 1 h."""


class Match(StrEnum):
    """How a label is compared. Regular expressions match whole values."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label; a series without the label has the empty value."""

    label: str
    match: Match
    value: str


@dataclass(frozen=True, slots=True)
class Series:
    """One series that a store knows. `id` is the store's own."""

    id: int
    name: str
    labels: Labels
    kind: Kind
    unit: str


@dataclass(frozen=True, slots=True)
class Metric:
    """All series of one name: how many, their kind and unit, and which labels they have."""

    name: str
    kind: Kind
    unit: str
    series: int
    labels: tuple[str, ...]


class StoreAway(Exception):
    """The store cannot be read or written now; try again."""


class TooManySeries(Exception):
    """More series match than one question may read; the text says how many may."""


class TooManySamples(ValueError):
    """More raw samples than may be read at once; the text is a sentence for a person."""


class BadMatcher(ValueError):
    """A matcher's regular expression cannot be read; the text says why."""


class MetricStore(Protocol):
    """Reads numbers. Every method raises `StoreAway` while the store does not answer."""

    def metrics(self, search: str = "", *, after: str = "", limit: int = 100) -> list[Metric]:
        """List metrics by name whose name holds `search`, those after a name, at most `limit`."""

    def find(self, name: str, matchers: Sequence[Matcher] = (), *, limit: int) -> list[Series]:
        """Find the series of a metric, by labels.

        Raises:
            TooManySeries: more than `limit` match.
            BadMatcher: a regular expression (RE2's syntax) cannot be read.
        """

    def values(self, label: str, name: str = "", *, limit: int = 1000) -> list[str]:
        """List the values that a label has, sorted; in one metric's series, or in all."""

    def samples(self, ids: Collection[int], start_ms: int, end_ms: int) -> dict[int, Samples]:
        """Read raw samples with start <= at < end, and the last one before start of each series.

        The one before is there so that a counter's first increase is known; it may be missing. A
        series without any is left out.

        Raises:
            TooManySamples: more than may be read at once.
        """

    def buckets(
        self, ids: Collection[int], start_ms: int, end_ms: int, width_ms: int
    ) -> dict[int, Buckets]:
        """Read buckets of a tier with start <= at < end, up to the newest sample.

        What is not rolled up yet is summed up from raw samples on the way: callers never see a
        watermark. A series without any is left out.

        Args:
            ids: Series.
            start_ms: A multiple of the width.
            end_ms: A multiple of the width.
            width_ms: One of `TIERS_MS`.
        """

    def kept_since_ms(self, width_ms: int) -> int:
        """Return from when on a tier, or raw samples for 0, may be complete: retention's edge."""
