"""Numbers that a project lets the site look at: its own models, or whatever a function returns."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from threading import Lock
from typing import Any

from django.db.models import QuerySet

from dashboards.ingest.readings import Labels, Reading
from dashboards.recording import Recorder, clean_name, labels_of
from dashboards.repeating import Repeating
from dashboards.store import leases
from dashboards.store.orm import away

logger = logging.getLogger(__name__)

_IDLE_S = 1.0

Measured = float | Mapping[Any, float] | Iterable[tuple[Mapping[str, object], float]]
"""What a function may return: a number; numbers by the label `value`; or by labels of its own."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A number that is looked at every so often, by one process of all."""

    name: str
    labels: Labels
    every_ms: int
    measure: Callable[[], Any]

    @property
    def lease(self) -> str:
        return f"watch {self.name} {dict(self.labels)}"[:255]

    def readings(self, at_ms: int) -> list[Reading]:
        """Measure it now."""
        return [
            Reading(
                self.name, tuple(sorted((dict(self.labels) | dict(labels)).items())), one, at_ms
            )
            for labels, one in _numbers(self.measure())
            if math.isfinite(one)
        ]


_watched: dict[tuple[str, Labels], Watched] = {}
_lock = Lock()


def watch(
    what: QuerySet[Any] | Callable[[], Measured],
    name: str,
    /,
    *,
    every: float | timedelta = 60,
    **labels: object,
) -> None:
    """Record a number again and again, once for the whole cluster. Call it in `AppConfig.ready`.

    Args:
        what: A queryset, whose rows are counted anew each time; or a function that returns a
            number, numbers by value (`{"open": 3}` gets the label `value`), or pairs of labels and
            number (`[({"state": "open"}, 3)]`).
        name: Of the metric. Watching it again with the same labels takes the first one's place.
        every: Seconds, or a timedelta; at least one second.
        labels: Of all its series.

    Raises:
        ValueError: the name cannot be one, or the pace is too fast.
        TypeError: it is neither a queryset nor a function.
    """
    seconds = every.total_seconds() if isinstance(every, timedelta) else float(every)
    if not 1 <= seconds < math.inf:
        raise ValueError("`every` must be at least one second.")
    if isinstance(what, QuerySet):
        measure: Callable[[], Any] = partial(_count, what)
    elif callable(what):
        measure = what
    else:
        raise TypeError(f"{what!r} is neither a queryset nor a function.")
    one = Watched(clean_name(name), labels_of(labels), int(seconds * 1000), measure)
    with _lock:
        _watched[one.name, one.labels] = one


def unwatch(name: str, /, **labels: object) -> None:
    """Stop looking at a number."""
    with _lock:
        _watched.pop((name, labels_of(labels)), None)


class Watching:
    """Looks at whatever is watched when it is due.

    Args:
        recorder: What takes the numbers.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._now = recorder.store.now
        self._order = count()
        self._due: list[tuple[int, int, Watched]] = []
        self._known: set[Watched] = set()
        self.thread = Repeating("collab-watching", self.look, first_s=_IDLE_S)

    def look(self) -> float:
        """Measure what is due. Returns when to be called next (s)."""
        self._learn()
        while self._due and self._due[0][0] <= self._now() and not self.thread.stopping.is_set():
            _, _, one = heapq.heappop(self._due)
            if one not in self._known:
                continue
            self._plan(one)
            self._measure(one)
        if not self._due:
            return _IDLE_S
        return min(_IDLE_S, max(0.0, (self._due[0][0] - self._now()) / 1000))

    def _learn(self) -> None:
        with _lock:
            current = set(_watched.values())
        for one in current - self._known:
            self._plan(one)
        self._known = current

    def _plan(self, one: Watched) -> None:
        """Plan the next look: all processes look at the same times, and one of them does."""
        at_ms = self._now() // one.every_ms * one.every_ms + one.every_ms
        heapq.heappush(self._due, (at_ms, next(self._order), one))

    def _measure(self, one: Watched) -> None:
        now = self._now()
        until = now // one.every_ms * one.every_ms + one.every_ms
        with away():
            if not leases.take(
                one.lease, until, now, renew=False, using=self._recorder.store.using
            ):
                return
        try:
            readings = one.readings(now)
        except Exception:
            logger.exception("%s could not be measured", one.name)
            return
        self._recorder.offer(readings)


def _count(queryset: QuerySet[Any]) -> int:
    return queryset.all().count()


def _numbers(measured: Any) -> list[tuple[Labels, float]]:
    if isinstance(measured, Mapping):
        return [(labels_of({"value": value}), float(one)) for value, one in measured.items()]
    if isinstance(measured, Iterable):
        return [(labels_of(dict(labels)), float(one)) for labels, one in measured]
    return [((), float(measured))]
