"""Streams: one panel's answer for one selection, evaluated once for all who look.

A stream is what a panel shows as of a tick, and does not change: the next tick makes the next one
of it. It reads only the tail that may have changed, renders its fragment once and encodes what a
chart needs once. All here blocks and runs in any thread.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from django.utils.safestring import SafeString

from dashboards import frames, questions, values
from dashboards.charts import Chart
from dashboards.layout.model import Panel, PanelKind, Place
from dashboards.series import tiers
from dashboards.series.answers import Answer
from dashboards.series.ports import MetricStore
from dashboards.series.ranges import Range
from dashboards.series.tiers import Plan

CHARTS = frozenset({PanelKind.TIMESERIES, PanelKind.STAT})
"""Kinds of panels that are drawn in the browser."""
_PIXELS_PER_COLUMN = 100
_PIXELS_AT_LEAST = 200
# Senders are later than usual by this much without anything being wrong: points so young are read
# again with each tick, and may change without a new base.
_LATE_MS = 15_000
_USUALLY_LATE_AT_MOST_MS = 300_000
# What nobody told of, such as late data while an event was lost, is found by reading all again.
_WHOLE_EVERY_MS = 60_000

_bases = itertools.count(secrets.randbits(32))

Chosen = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a stream answers: a panel as far as its answer goes, variables, and a range."""

    panel: Panel
    chosen: Chosen
    range: Range

    @classmethod
    def by(cls, panel: Panel, chosen: Chosen, shown: Range) -> Asked:
        """Ask what a panel asks; its title and where it stands make no difference."""
        width = Place(0, 0.0, panel.place.w, 1)
        return cls(replace(panel, title="", place=width), chosen, shown)

    @property
    def pixels(self) -> int:
        return max(self.panel.place.w * _PIXELS_PER_COLUMN, _PIXELS_AT_LEAST)

    def depends_on(self, names: frozenset[str]) -> bool:
        """Tell whether new numbers of these names change the answer."""
        for query in self.panel.queries.values():
            metric = query.metric
            if "$" in metric or not names.isdisjoint(
                (metric, f"{metric}_bucket", f"{metric}_sum", f"{metric}_count")
            ):
                return True
        return False


@dataclass(slots=True, eq=False)
class Stream:
    """What one panel shows as of a tick. Nobody changes it but for what it encodes when asked.

    `fragment` is its values' HTML for a page, of the tick `fragment_tick`, and `inner` the element
    in it. `entry` is what changed of its chart since the tick before, None for nothing. `answer` is
    None while it could not be had yet; its lines are those of `chart`. `base` is that of
    `dashboards.frames`; of one base, points may change that are at most `overlap_ms` before the
    last: a window ends where its step ends, so that a new number changes no point before it.
    """

    asked: Asked
    plan: Plan
    answer: Answer | None
    chart: Chart
    base: int
    overlap_ms: int
    spacing_ms: int
    stale_after_ms: int
    whole_at_ms: int
    reading: values.Reading
    skeleton: values.Skeleton | None = None
    fragment: str = ""
    inner: SafeString = field(default_factory=SafeString)
    fragment_tick: int = 0
    entry: bytes | None = None
    _full: bytes | None = field(default=None, repr=False)

    @property
    def is_chart(self) -> bool:
        return self.asked.panel.kind in CHARTS and self.answer is not None

    @property
    def held(self) -> tuple[int, int]:
        """What who has all of its chart holds: the base, and the time of the last point."""
        return self.base, self.last_ms

    @property
    def last_ms(self) -> int:
        return int(self.chart.at_ms[-1]) if len(self.chart.at_ms) else 0

    @property
    def points(self) -> int:
        """How many points it holds: its lines, times the points of each."""
        return len(self.chart.keys) * len(self.chart.at_ms)

    @property
    def full(self) -> bytes:
        """The whole chart as an entry, encoded once."""
        if self._full is None and self.answer is not None:
            self._full = frames.full(
                self.asked.panel.id,
                self.base,
                self.chart,
                step_ms=self.answer.step_ms,
                unit=self.asked.panel.unit or self.answer.unit,
                span=(self.plan.start_ms, self.plan.end_ms),
            )
        return self._full or b""

    def since(self, held: tuple[int, int] | None) -> bytes:
        """Return an entry that brings up to date who holds something of this chart, or nothing.

        Points that are younger than `overlap_ms` may have changed since, so they are sent again.
        """
        base, last_ms = self.held
        if held is None or held[0] != base or held[1] > last_ms:
            return self.full
        return self.delta(held[1] - self.overlap_ms)

    def delta(self, from_ms: int) -> bytes:
        """Return an entry with the points from a time on."""
        return frames.delta(
            self.asked.panel.id,
            self.base,
            self.chart,
            drop_before_ms=self.plan.start_ms,
            from_ms=from_ms,
        )


def opened(
    asked: Asked,
    tick: int,
    now_ms: int,
    store: MetricStore,
    allowance: questions.Allowance | None = None,
) -> Stream:
    """Read a panel's answer for the first time. Raises StoreAway."""
    if not any(query.metric for query in asked.panel.queries.values()):
        nothing = Answer(np.zeros(0, np.int64), 1000, [])
        return _shown(_started(asked, Plan(0, 1000, 0, 0), nothing, now_ms), None, tick)
    spacing_ms = _spacing_ms(asked, now_ms, store)
    plan = _plan(asked, now_ms, store, spacing_ms)
    answer = questions.answer(asked.panel, asked.chosen, plan, store, allowance=allowance)
    return _shown(_started(asked, plan, answer, now_ms, spacing_ms), None, tick)


def without_answer(asked: Asked, tick: int) -> Stream:
    """Show that a panel's answer could not be had; the next tick asks for it."""
    return _shown(_started(asked, Plan(0, 1000, 0, 0), None, 0), None, tick)


def advanced(
    stream: Stream,
    tick: int,
    now_ms: int,
    store: MetricStore,
    *,
    changed_ms: int | None = None,
    whole: bool = False,
    allowance: questions.Allowance | None = None,
) -> Stream:
    """Read what may have changed. Raises StoreAway.

    Args:
        stream: As of an earlier tick.
        tick: The number of this one.
        now_ms: The time.
        store: Where numbers are.
        changed_ms: The time of the oldest number that is known to be new.
        whole: Read all points, also those that nothing is known to have changed.
        allowance: What may be read of all points; see `questions.answer`.
    """
    asked, old = stream.asked, stream.answer
    whole = whole or now_ms - stream.whole_at_ms >= _WHOLE_EVERY_MS
    spacing_ms = stream.spacing_ms
    if whole or old is None:
        found_ms = _spacing_ms(asked, now_ms, store)
        if not spacing_ms * 3 / 4 <= found_ms <= spacing_ms * 4 / 3:
            spacing_ms = found_ms
    plan = _plan(asked, now_ms, store, spacing_ms)
    alike = (plan.step_ms, plan.width_ms) == (stream.plan.step_ms, stream.plan.width_ms)
    if old is not None and alike and not whole and len(old.at_ms):
        tail_ms = stream.last_ms - stream.overlap_ms
        if changed_ms is not None:
            tail_ms = min(tail_ms, changed_ms)
        tail = plan.between(max(tail_ms, plan.start_ms), plan.end_ms, now_ms=plan.now_ms)
        answer = questions.answer(asked.panel, asked.chosen, tail, store)
        followed = _followed(stream, plan, answer, tick)
        if followed is not None:
            if allowance is not None:
                allowance.hold(followed.points)
            return followed
    answer = questions.answer(asked.panel, asked.chosen, plan, store, allowance=allowance)
    if alike and stream.chart.keys == Chart.of(answer).keys:
        followed = _followed(replace(stream, whole_at_ms=now_ms), plan, answer, tick)
        if followed is not None:
            return followed
    return _shown(_started(asked, plan, answer, now_ms, spacing_ms), stream, tick)


def _span(asked: Asked, now_ms: int) -> tuple[int, int]:
    """Return from when to when is asked: a window that has not begun has no value."""
    start_ms, end_ms = asked.range.resolve(now_ms)
    return start_ms, max(min(end_ms, now_ms + 1), start_ms + 1)


def _spacing_ms(asked: Asked, now_ms: int, store: MetricStore) -> int:
    return questions.spacing_ms(asked.panel, asked.chosen, store, *_span(asked, now_ms))


def _plan(asked: Asked, now_ms: int, store: MetricStore, spacing_ms: int) -> Plan:
    start_ms, end_ms = _span(asked, now_ms)
    return tiers.plan(
        start_ms,
        end_ms,
        asked.pixels,
        store.kept_since_ms,
        spacing_ms=spacing_ms,
        now_ms=now_ms,
    )


def _started(
    asked: Asked, plan: Plan, answer: Answer | None, now_ms: int, spacing_ms: int = 0
) -> Stream:
    """Begin a new base, of which nothing is rendered yet."""
    live = answer is not None and asked.range.is_live
    return Stream(
        asked=asked,
        plan=plan,
        answer=answer,
        chart=Chart.of(answer if answer is not None else Answer(np.zeros(0, np.int64), 1000, [])),
        base=next(_bases) % 2**32,
        overlap_ms=2 * plan.step_ms + _LATE_MS + _lateness_ms(answer),
        spacing_ms=spacing_ms,
        stale_after_ms=values.stale_after_ms(answer) if live and answer is not None else 0,
        whole_at_ms=now_ms,
        reading=values.reading_of(asked.panel, answer),
    )


def _followed(stream: Stream, plan: Plan, answer: Answer, tick: int) -> Stream | None:
    """Make the next stream of one, by an answer of its tail or of all.

    Returns:
        None if a new base has to begin: lines are others, or points changed that were settled.
    """
    before = stream.answer
    if before is None or not len(answer.at_ms) or answer.problems != before.problems:
        return None
    if answer.lines and before.lines and answer.unit != before.unit:
        return None
    chart = stream.chart.with_tail(plan.start_ms, answer)
    if chart is None:
        return None
    changed_ms = chart.first_change_ms(stream.chart, int(answer.at_ms[0]))
    if changed_ms is not None and changed_ms < stream.last_ms - stream.overlap_ms:
        return None
    newest = [ms for ms in (before.newest_ms, answer.newest_ms) if ms is not None]
    newest_ms = max(newest, default=None)
    slid = plan.start_ms != stream.plan.start_ms
    if changed_ms is None and not slid and newest_ms == before.newest_ms:
        return replace(stream, plan=plan, entry=None)
    whole = replace(before, at_ms=chart.at_ms, lines=chart.lines(), newest_ms=newest_ms)
    reading = values.reading_of(stream.asked.panel, whole)
    following = replace(
        stream, plan=plan, answer=whole, chart=chart, reading=reading, entry=None, _full=None
    )
    if following.is_chart and (changed_ms is not None or slid):
        following.entry = following.delta(plan.end_ms if changed_ms is None else changed_ms)
    return _shown(following, stream, tick)


def _shown(stream: Stream, before: Stream | None, tick: int) -> Stream:
    """Put into words what a stream says, as far as it says something else than before."""
    panel, answer = stream.asked.panel, stream.answer
    if (
        before is not None
        and before.skeleton is not None
        and before.asked.panel == panel
        and before.reading.shape == stream.reading.shape
    ):
        stream.skeleton = before.skeleton
    else:
        stream.skeleton = values.render(panel, stream.reading.shape)
    newest_ms = None if answer is None else answer.newest_ms
    inner = stream.skeleton.filled(stream.reading, newest_ms, stream.stale_after_ms)
    if before is not None and before.inner == inner:
        stream.inner, stream.fragment = before.inner, before.fragment
        stream.fragment_tick = before.fragment_tick
    else:
        target = f'<hx-partial hx-target="#values-{panel.id}" hx-swap="outerMorph">'
        stream.inner, stream.fragment = inner, f"{target}{inner}</hx-partial>"
        stream.fragment_tick = tick
    if stream.is_chart and (before is None or before.base != stream.base):
        stream.entry = stream.full
    return stream


def _lateness_ms(answer: Answer | None) -> int:
    """Return by how much the newest number is older than the last point."""
    if answer is None or answer.newest_ms is None or not len(answer.at_ms):
        return 0
    return min(max(int(answer.at_ms[-1]) - answer.newest_ms, 0), _USUALLY_LATE_AT_MOST_MS)
