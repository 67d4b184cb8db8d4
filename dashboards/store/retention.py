"""How long numbers are kept: by settings, and by metric."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from collab import conf
from dashboards.series.ports import TIERS_MS
from dashboards.store.models import Retention
from dashboards.store.tables import DAY_MS

WIDTHS = (0, *TIERS_MS)
_FIELDS = ("raw_days", "ten_second_days", "minute_days", "hour_days")


@dataclass(frozen=True, slots=True)
class Days:
    """Days that each width is kept, raw samples first; a coarser one at least as long."""

    of: tuple[int, ...]

    def edge_ms(self, width_ms: int, now_ms: int) -> int:
        """Return from when on numbers are kept: a midnight (UTC), so that parts end there too."""
        days = self.of[WIDTHS.index(width_ms)]
        return now_ms - now_ms % DAY_MS - days * DAY_MS


class Policy:
    """The retention of every metric, as it was when this was made.

    Args:
        using: The database that holds the rows of single metrics.
    """

    def __init__(self, using: str) -> None:
        raw, ten_seconds = conf.get("RAW_DAYS"), conf.get("TEN_SECOND_DAYS")
        self.default = _rising([raw, ten_seconds, conf.get("MINUTE_DAYS"), conf.get("HOUR_DAYS")])
        rows = Retention.objects.using(using).values_list("pattern", *_FIELDS)
        ordered = sorted(rows, key=lambda row: (-len(row[0]), row[0]))
        self._patterns = [
            (_pattern(pattern), _rising(self._filled(days))) for pattern, *days in ordered
        ]

    def _filled(self, days: Sequence[int | None]) -> list[int]:
        return [
            default if own is None else own
            for own, default in zip(days, self.default.of, strict=True)
        ]

    def of(self, name: str) -> Days:
        """Return how long a metric is kept: as the longest pattern that fits it says."""
        for pattern, days in self._patterns:
            if pattern.match(name):
                return days
        return self.default

    def latest_raw_edge_ms(self, now_ms: int) -> int:
        """Return the edge of the shortest retention: nothing after it is too old."""
        every = [self.default, *(days for _, days in self._patterns)]
        return max(days.edge_ms(0, now_ms) for days in every)


def _rising(days: Sequence[int]) -> Days:
    rising: list[int] = []
    for one in days:
        rising.append(max([one, *rising[-1:]]))
    return Days(tuple(rising))


@lru_cache(1000)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(translate(text))
