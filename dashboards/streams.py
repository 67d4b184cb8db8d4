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
from dashboards.layout.model import Panel, PanelKind, Place
from dashboards.series import tiers
from dashboards.series.answers import Answer, Line
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

    `fragment` is its values' HTML for a page, of the tick `fragment_tick`. `entry` is what changed
    of its chart since the tick before, None for nothing. `answer` is None while it could not be had
    yet. `base` and `bands` are those of `dashboards.frames`; of one base, points may change that
    are at most `overlap_ms` before the last: a window ends where its step ends, so that a new
    number changes no point before it.
    """

    asked: Asked
    plan: Plan
    answer: Answer | None
    base: int
    bands: tuple[bool, ...]
    overlap_ms: int
    spacing_ms: int
    whole_at_ms: int
    reading: values.Reading
    body: SafeString
    inner: SafeString
    fragment: str
    fragment_tick: int
    entry: bytes | None
    _full: bytes | None = field(default=None, repr=False)

    @property
    def is_chart(self) -> bool:
        return self.asked.panel.kind in CHARTS and self.answer is not None

    @property
    def held(self) -> tuple[int, int]:
        """What who has all of its chart holds: the base, and the time of the last point."""
        if self.answer is None or not len(self.answer.at_ms):
            return self.base, 0
        return self.base, int(self.answer.at_ms[-1])

    @property
    def full(self) -> bytes:
        """The whole chart as an entry, encoded once."""
        if self._full is None:
            answer = self._answered()
            self._full = frames.full(
                self.asked.panel.id,
                self.base,
                answer.at_ms,
                answer.lines,
                bands=self.bands,
                step_ms=answer.step_ms,
                unit=self.asked.panel.unit or answer.unit,
                span=(self.plan.start_ms, self.plan.end_ms),
            )
        return self._full

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
        answer = self._answered()
        first = int(np.searchsorted(answer.at_ms, from_ms))
        return frames.delta(
            self.asked.panel.id,
            self.base,
            answer.at_ms[first:],
            [_cut(line, first) for line in answer.lines],
            bands=self.bands,
            drop_before_ms=self.plan.start_ms,
            from_ms=from_ms,
        )

    def _answered(self) -> Answer:
        if self.answer is None:
            raise ValueError("A stream without an answer has no chart")
        return self.answer


def opened(asked: Asked, tick: int, now_ms: int, store: MetricStore) -> Stream:
    """Read a panel's answer for the first time. Raises StoreAway."""
    if not any(query.metric for query in asked.panel.queries.values()):
        nothing = Answer(np.zeros(0, np.int64), 1000, [])
        return _shown(_started(asked, Plan(0, 1000, 0, 0), nothing, now_ms), None, tick)
    spacing_ms = _spacing_ms(asked, now_ms, store)
    plan = _plan(asked, now_ms, store, spacing_ms)
    answer = questions.answer(asked.panel, asked.chosen, plan, store)
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
) -> Stream:
    """Read what may have changed. Raises StoreAway.

    Args:
        stream: As of an earlier tick.
        tick: The number of this one.
        now_ms: The time.
        store: Where numbers are.
        changed_ms: The time of the oldest number that is known to be new.
        whole: Read all points, also those that nothing is known to have changed.
    """
    asked, old = stream.asked, stream.answer
    whole = whole or (asked.range.is_live and now_ms - stream.whole_at_ms >= _WHOLE_EVERY_MS)
    spacing_ms = stream.spacing_ms
    if whole or old is None:
        found_ms = _spacing_ms(asked, now_ms, store)
        if not spacing_ms * 3 / 4 <= found_ms <= spacing_ms * 4 / 3:
            spacing_ms = found_ms
    plan = _plan(asked, now_ms, store, spacing_ms)
    alike = (plan.step_ms, plan.width_ms) == (stream.plan.step_ms, stream.plan.width_ms)
    if old is not None and alike and not whole and len(old.at_ms):
        tail_ms = int(old.at_ms[-1]) - stream.overlap_ms
        if changed_ms is not None:
            tail_ms = min(tail_ms, changed_ms)
        tail = plan.between(max(tail_ms, plan.start_ms), plan.end_ms, now_ms=plan.now_ms)
        answer = _spliced(old, questions.answer(asked.panel, asked.chosen, tail, store), plan)
        if answer is not None:
            return _followed(stream, plan, answer, tick, stream.whole_at_ms)
    answer = questions.answer(asked.panel, asked.chosen, plan, store)
    if old is None or not alike or _keys(old) != _keys(answer):
        return _shown(_started(asked, plan, answer, now_ms, spacing_ms), stream, tick)
    return _followed(stream, plan, answer, tick, now_ms)


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
        now_ms=now_ms if end_ms > now_ms else None,
    )


def _started(
    asked: Asked, plan: Plan, answer: Answer | None, now_ms: int, spacing_ms: int = 0
) -> Stream:
    """Begin a new base, of which nothing is rendered yet."""
    return Stream(
        asked=asked,
        plan=plan,
        answer=answer,
        base=next(_bases) % 2**32,
        bands=() if answer is None else tuple(_has_band(line) for line in answer.lines),
        overlap_ms=2 * plan.step_ms + _LATE_MS + _lateness_ms(answer),
        spacing_ms=spacing_ms,
        whole_at_ms=now_ms,
        reading=values.reading_of(asked.panel, answer),
        body=SafeString(),
        inner=SafeString(),
        fragment="",
        fragment_tick=0,
        entry=None,
    )


def _followed(old: Stream, plan: Plan, answer: Answer, tick: int, whole_at_ms: int) -> Stream:
    """Make the next stream of one whose lines are the same; a new base if old points changed."""
    before = old.answer
    wider = any(
        _has_band(line) and not band for line, band in zip(answer.lines, old.bands, strict=True)
    )
    if before is None or wider or answer.unit != before.unit:
        return _shown(_started(old.asked, plan, answer, whole_at_ms, old.spacing_ms), old, tick)
    changed_ms = _first_change_ms(before, answer)
    if changed_ms is not None and len(before.at_ms):
        settled_ms = int(before.at_ms[-1]) - old.overlap_ms
        if changed_ms < settled_ms:
            return _shown(_started(old.asked, plan, answer, whole_at_ms, old.spacing_ms), old, tick)
    slid = plan.start_ms != old.plan.start_ms
    fresh = answer.newest_ms != before.newest_ms or answer.problems != before.problems
    if changed_ms is None and not slid and not fresh:
        return replace(old, plan=plan, whole_at_ms=whole_at_ms, entry=None, _full=old._full)
    following = replace(
        old,
        plan=plan,
        answer=answer,
        whole_at_ms=whole_at_ms,
        reading=values.reading_of(old.asked.panel, answer),
        entry=None,
        _full=None,
    )
    following = _shown(following, old, tick)
    if following.is_chart and (changed_ms is not None or slid):
        end_ms = plan.end_ms if changed_ms is None else changed_ms
        following.entry = following.delta(end_ms)
    return following


def _shown(stream: Stream, before: Stream | None, tick: int) -> Stream:
    """Render what a stream says, as far as it says something else than before."""
    panel, answer = stream.asked.panel, stream.answer
    alike = before is not None and before.reading == stream.reading
    if before is not None and alike and before.asked.panel == panel:
        stream.body = before.body
    else:
        stream.body = values.render(panel, stream.reading)
    newest_ms = None if answer is None else answer.newest_ms
    live = answer is not None and stream.asked.range.is_live
    stale_ms = values.stale_after_ms(answer) if live and answer is not None else 0
    stream.inner = values.wrap(panel, stream.body, newest_ms, stale_ms)
    if before is not None and before.inner == stream.inner:
        stream.fragment, stream.fragment_tick = before.fragment, before.fragment_tick
    else:
        target = f'<hx-partial hx-target="#values-{panel.id}" hx-swap="outerMorph">'
        stream.fragment = f"{target}{stream.inner}</hx-partial>"
        stream.fragment_tick = tick
    if stream.is_chart and (before is None or before.base != stream.base):
        stream.entry = stream.full
    return stream


def _lateness_ms(answer: Answer | None) -> int:
    """Return by how much the newest number is older than the last point."""
    if answer is None or answer.newest_ms is None or not len(answer.at_ms):
        return 0
    return min(max(int(answer.at_ms[-1]) - answer.newest_ms, 0), _USUALLY_LATE_AT_MOST_MS)


def _has_band(line: Line) -> bool:
    return line.low is not None or line.high is not None


def _keys(answer: Answer) -> list[tuple[object, ...]]:
    return [(line.name, line.labels) for line in answer.lines]


def _cut(line: Line, first: int, after: int | None = None) -> Line:
    rows = slice(first, after)
    return Line(
        line.name,
        line.labels,
        line.value[rows],
        None if line.low is None else line.low[rows],
        None if line.high is None else line.high[rows],
    )


def _spliced(old: Answer, tail: Answer, plan: Plan) -> Answer | None:
    """Put a tail in the place of what it is about. None: it has other lines, read the whole."""
    if not len(tail.at_ms) or tail.problems != old.problems:
        return None
    if tail.lines and tail.unit != old.unit:
        return None
    begin_ms = int(tail.at_ms[0])
    first, after = np.searchsorted(old.at_ms, (plan.start_ms, begin_ms)).tolist()
    lines = _matched(old, tail)
    if lines is None:
        return None
    newest = [ms for ms in (old.newest_ms, tail.newest_ms) if ms is not None]
    return Answer(
        at_ms=np.concatenate((old.at_ms[first:after], tail.at_ms)),
        step_ms=tail.step_ms,
        lines=[
            _joined(_cut(before, first, after), then)
            for before, then in zip(old.lines, lines, strict=True)
        ],
        unit=old.unit,
        newest_ms=max(newest, default=None),
        problems=tail.problems,
    )


def _matched(old: Answer, tail: Answer) -> list[Line] | None:
    """Return a tail's lines in the order of those before; one that went silent has no values."""
    known, found = _keys(old), _keys(tail)
    if known == found:
        return tail.lines
    by_key = dict(zip(found, tail.lines, strict=True))
    if len(by_key) < len(found) or len(set(known)) < len(known) or not set(known) >= set(found):
        return None
    silent = np.full(len(tail.at_ms), np.nan)
    return [
        by_key.get(key) or Line(line.name, line.labels, silent)
        for key, line in zip(known, old.lines, strict=True)
    ]


def _joined(before: Line, then: Line) -> Line:
    value = np.concatenate((before.value, then.value))
    if not _has_band(before) and not _has_band(then):
        return Line(then.name, then.labels, value)
    low, high = (
        np.concatenate([
            line.value if getattr(line, edge) is None else getattr(line, edge)
            for line in (before, then)
        ])
        for edge in ("low", "high")
    )  # fmt: skip
    return Line(then.name, then.labels, value, low, high)


def _first_change_ms(before: Answer, after: Answer) -> int | None:
    """Return the time of the first point that an answer has and one before it had not so."""
    skipped = 0
    if len(before.at_ms) and len(after.at_ms):
        skipped = int(np.searchsorted(before.at_ms, after.at_ms[0]))
    count = min(len(before.at_ms) - skipped, len(after.at_ms))
    differs = before.at_ms[skipped : skipped + count] != after.at_ms[:count]
    for old, new in zip(before.lines, after.lines, strict=True):
        for edge in ("value", "low", "high"):
            a, b = (
                line.value if getattr(line, edge) is None else getattr(line, edge)
                for line in (old, new)
            )
            if a is old.value and b is new.value and edge != "value":
                continue
            a, b = a[skipped : skipped + count], b[:count]
            differs |= (a != b) & ~(np.isnan(a) & np.isnan(b))
    first = int(np.argmax(differs)) if differs.any() else count
    return int(after.at_ms[first]) if first < len(after.at_ms) else None
