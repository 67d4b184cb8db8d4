"""Ticks: what a whole dashboard shows for one selection as of a moment, ready to be sent.

What changed since the tick before is one text frame and one binary frame, the same objects for all
who have that tick. What others lack is put together from the same parts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from collab import conf
from collab.framing import framed
from dashboards import frames, questions, reads, streams, variables
from dashboards.layout.arrange import arrange
from dashboards.layout.model import Layout, PanelKind
from dashboards.news import NO_NEWS, News
from dashboards.selection import Selection
from dashboards.series.ports import MetricStore, StoreAway
from dashboards.streams import Asked, Chosen, Stream

logger = logging.getLogger(__name__)

# All panels of a dashboard may read as much as so many questions may: as numbers and as what is
# sent, a point takes up to 48 bytes.
_QUESTIONS_AT_MOST = 3

Held = Mapping[str, tuple[int, int]]
"""Of each chart that somebody has: its base, and the time of its last point."""
NOTHING_HELD: Held = {}
# A look at everything leaves alone what was read so short a time ago, because of news: asked again
# between two of its numbers, a panel has nothing new but the time.
_READ_LATELY_MS = 1000


@dataclass(slots=True, eq=False)
class Tick:
    """A dashboard as of a moment. `text` and `frame` are what changed since the tick `after`.

    Who had everything of that tick held `follows`, and holds `held` with this. `grid_number` is the
    tick that put its panels where they are. `points` are those that all its charts hold.
    """

    number: int
    at_ms: int
    dashboard: str
    layout: Layout
    selection: Selection
    chosen: Chosen
    choices: Mapping[str, list[str]]
    streams: dict[str, Stream]
    held: Held
    after: int
    follows: Held
    text: str
    frame: bytes | None
    grid_number: int
    points: int
    asked: dict[int, reads.Asked]
    cost_s: float  # Of the thread that made it; what it waited for costs nobody else.
    complete: bool
    _framed: tuple[str, bytes | None, bytes] | None = field(default=None, repr=False)
    _whole_text: str | None = field(default=None, repr=False)
    _whole_frame: bytes | None = field(default=None, repr=False)
    _grid: str | None = field(default=None, repr=False)

    @property
    def whole_text(self) -> str:
        """All fragments."""
        if self._whole_text is None:
            self._whole_text = "".join(stream.fragment for stream in self.streams.values())
        return self._whole_text

    @property
    def whole_frame(self) -> bytes | None:
        """All charts; None of none."""
        if self._whole_frame is None:
            self._whole_frame = self._frame(
                [stream.full for stream in self.streams.values() if stream.is_chart]
            )
        return self._whole_frame

    @property
    def grid(self) -> str:
        """The grid as a fragment, with the values in it."""
        if self._grid is None:
            with self.selection.in_language():
                html = render_to_string("dashboards/_grid.html", self.context())
            self._grid = f'<hx-partial hx-target="#grid" hx-swap="outerMorph">{html}</hx-partial>'
        return self._grid

    def text_since(self, number: int) -> str:
        """Return the fragments that changed after a tick; 0 for all."""
        if number == self.after:
            return self.text
        if not number:
            return self.whole_text
        newer = (s.fragment for s in self.streams.values() if s.fragment_tick > number)
        return "".join(newer)

    def frame_since(self, held: Held) -> bytes | None:
        """Return what brings up to date who holds something, None where nothing does."""
        if held is self.follows:
            return self.frame
        if held is self.held:
            return None
        if not held:
            return self.whole_frame
        charts = [(name, stream) for name, stream in self.streams.items() if stream.is_chart]
        return self._frame([stream.since(held.get(name)) for name, stream in charts])

    def framed(self, text: str, frame: bytes | None) -> bytes:
        """Encode both as they go over the wire; what is of this tick as a whole only once."""
        if self._framed is not None and self._framed[0] is text and self._framed[1] is frame:
            return self._framed[2]
        data = (framed(text) if text else b"") + (framed(frame) if frame is not None else b"")
        if text is self.text or frame is self._whole_frame:
            self._framed = text, frame, data
        return data

    def context(self) -> dict[str, Any]:
        """Return what the grid's templates are rendered with."""
        cells = arrange({key: panel.place for key, panel in self.layout.panels.items()})
        panels = [
            {
                "panel": self.layout.panels[key],
                "title": variables.put_in_if(self.layout.panels[key].title, self.chosen),
                "cells": cells[key],
                "values_html": self.streams[key].inner,
            }
            for key in cells
        ]
        return {
            "dashboard_id": self.dashboard,
            "layout": self.layout,
            "cells": cells,
            "panels": panels,
            "selection": self.selection,
        }

    def depends_on(self, names: frozenset[str]) -> bool:
        """Tell whether new numbers of these names change anything in it."""
        return any(stream.asked.depends_on(names) for stream in self.streams.values())

    def values_of(self, panel: str) -> SafeString:
        """Return the values of one panel as the page has them."""
        return self.streams[panel].inner

    def _frame(self, entries: list[bytes]) -> bytes | None:
        return frames.frame(self.at_ms, entries) if entries else None


def advance(
    before: Tick | None,
    dashboard: str,
    layout: Layout,
    selection: Selection,
    store: MetricStore,
    *,
    now_ms: int,
    news: News = NO_NEWS,
    every: bool = False,
    whole: bool = False,
    most: int | None = None,
) -> Tick:
    """Make the next tick of a dashboard, or the first. Blocks; runs in any thread.

    Args:
        before: The last one.
        dashboard: Its id.
        layout: As it is now.
        selection: What is shown.
        store: Where numbers are. Away, numbers stay as they are, and the tick is not `complete`.
        now_ms: The time.
        news: What is known to be new; panels that it concerns are asked again.
        every: Ask every panel again that was not read just now: something else may be new.
        whole: Read all points again: it is not known what is new.
        most: Points that all panels may have together; None: as many as a dashboard may.
    """
    begun = time.thread_time()
    asking = _Asking(before, store, now_ms, news, every=every, whole=whole, most=most)
    with selection.in_language():
        chosen, choices = asking.variables(layout, selection)
        found = {
            key: asking.stream(Asked.by(panel, chosen, selection.range))
            for key, panel in layout.panels.items()
        }
    changed = [stream for stream in found.values() if stream.fragment_tick == asking.number]
    entries = [stream.entry for stream in asking.moved if stream.entry is not None]
    held = {key: stream.held for key, stream in found.items() if stream.is_chart}
    same_grid = before is not None and (
        _grid_of(before.layout, before.chosen) == _grid_of(layout, chosen)
    )
    tick = Tick(
        number=asking.number,
        at_ms=now_ms,
        dashboard=dashboard,
        layout=layout,
        selection=selection,
        chosen=chosen,
        choices=choices,
        streams=found,
        held=held,
        after=0 if before is None else before.number,
        follows=NOTHING_HELD if before is None else before.held,
        text="".join(stream.fragment for stream in changed),
        frame=frames.frame(now_ms, entries) if entries else None,
        points=sum(stream.points for stream in found.values()),
        asked=asking.store.asked,
        grid_number=before.grid_number if before is not None and same_grid else asking.number,
        cost_s=0.0,
        complete=not asking.away,
    )
    tick.cost_s = time.thread_time() - begun
    return tick


def points_at_most() -> int:
    """Return how many points the panels of a dashboard may have together."""
    return _QUESTIONS_AT_MOST * int(conf.get("QUERY_POINTS"))


def now_ms() -> int:
    """Return the time, as Unix milliseconds."""
    return time.time_ns() // 1_000_000


class _Asking:
    """One round of questions, which ends with the first that the store is away for."""

    def __init__(
        self,
        before: Tick | None,
        store: MetricStore,
        now_ms: int,
        news: News,
        *,
        every: bool,
        whole: bool,
        most: int | None,
    ) -> None:
        self.number = 1 if before is None else before.number + 1
        self.away = False
        self.moved: list[Stream] = []
        self._before = before
        foreseen = {} if before is None else before.asked
        self.store = reads.Reads(store, now_ms, foreseen)
        self._now_ms = now_ms
        self._news = news
        self._every = every
        self._whole = whole
        self._allowance = questions.Allowance(points_at_most() if most is None else most)

    def variables(
        self, layout: Layout, selection: Selection
    ) -> tuple[Chosen, Mapping[str, list[str]]]:
        """Fill in variables, and list their choices; read again whenever every panel is."""
        before = self._before
        if not layout.variables:
            return {}, {}
        if before is not None and before.layout.variables == layout.variables and not self._every:
            return before.chosen, before.choices
        try:
            chosen = variables.chosen(layout, selection.wanted, self.store)
            choices = {
                variable.name: variables.choices(variable, self.store)
                for variable in layout.variables
            }
        except StoreAway:
            self.away = True
            return (selection.wanted, {}) if before is None else (before.chosen, before.choices)
        return chosen, choices

    def stream(self, asked: Asked) -> Stream:
        """Make the next stream of a panel."""
        before = None if self._before is None else self._before.streams.get(asked.panel.id)
        if before is not None and before.asked != asked:
            before = None
        if before is not None and not self._is_due(before):
            self._allowance.hold(before.points)
            return before
        following = self._asked(asked, before)
        if following is not before:
            self.moved.append(following)
        return following

    def _is_due(self, stream: Stream) -> bool:
        if stream.asked.panel.kind is PanelKind.TEXT:
            return False
        if self._whole or stream.answer is None:
            return True
        if self._is_news_to(stream):
            return True
        return self._every and self._now_ms - (stream.plan.now_ms or 0) >= _READ_LATELY_MS

    def _is_news_to(self, stream: Stream) -> bool:
        return self._news.names is None or stream.asked.depends_on(self._news.names)

    def _asked(self, asked: Asked, before: Stream | None) -> Stream:
        if not self.away:
            try:
                return self._read(asked, before)
            except StoreAway as error:
                logger.warning("The numbers cannot be read: %s", error)
                self.away = True
            except Exception:
                logger.exception("Panel %s cannot be answered", asked.panel.id)
        return before if before is not None else streams.without_answer(asked, self.number)

    def _read(self, asked: Asked, before: Stream | None) -> Stream:
        if before is None:
            return streams.opened(asked, self.number, self._now_ms, self.store, self._allowance)
        return streams.advanced(
            before,
            self.number,
            self._now_ms,
            self.store,
            changed_ms=self._news.from_ms if self._is_news_to(before) else None,
            whole=self._whole,
            allowance=self._allowance,
        )


def _grid_of(layout: Layout, chosen: Chosen) -> Collection[Any]:
    """Return what of a layout the grid shows beside values: all but what is asked and said."""
    panels = [
        (p.id, p.kind, variables.put_in_if(p.title, chosen), p.place, p.unit, p.decimals, p.min,
         p.max, p.thresholds, p.legend, p.nulls, p.style, p.stacked)
        for p in layout.panels.values()
    ]  # fmt: skip
    return layout.title, layout.range, layout.variables, panels
