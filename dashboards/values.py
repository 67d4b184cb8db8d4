"""What a panel says in words and numbers: rows of an answer, and their fragment of the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import nh3
import numpy as np
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

from dashboards.ingest.readings import Labels
from dashboards.layout.model import Panel, PanelKind
from dashboards.series.answers import Answer, Line
from dashboards.series.points import Values
from dashboards.series.units import shown

# A number is stale after so many times its usual distance from the one before it, and no sooner.
_STALE_GAPS = 3
_STALE_AT_LEAST_MS = 15_000

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an answer as people read it. Texts are empty where there is nothing to say.

    `level` is `good`, `warn`, `bad` or empty, `level_name` its word. `share` is where the value is
    between the panel's bounds, 0 to 100.
    """

    name: str
    labels: Labels
    value: str
    level: str
    level_name: str
    share: str
    change: str
    trend: str
    low: str
    high: str
    mean: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a fragment is rendered from, so that an equal one need not be rendered again."""

    rows: tuple[Row, ...]
    more: int
    problems: tuple[str, ...]
    asks: bool


def reading_of(panel: Panel, answer: Answer | None) -> Reading:
    """Put an answer into words. None is one that could not be had."""
    asks = any(query.metric for query in panel.queries.values())
    if answer is None:
        return Reading((), 0, (_("The numbers cannot be read right now. They come back by "
                                 "themselves."),), asks)  # fmt: skip
    lines = _in_order(panel, [line for line in answer.lines if _last(line.value) is not None])
    kept = lines if panel.kind is PanelKind.TIMESERIES else lines[: panel.limit]
    bounds = _bounds(panel, kept)
    unit = panel.unit or answer.unit
    rows = tuple(_row(panel, line, unit, bounds) for line in kept)
    return Reading(rows, len(lines) - len(kept), answer.problems, asks)


def render(panel: Panel, reading: Reading) -> SafeString:
    """Render the inside of a panel's values."""
    if panel.kind is PanelKind.TEXT:
        return text_as_html(panel.text) or _body("text", panel, reading)
    return _body(panel.kind.value if reading.rows else "nothing", panel, reading)


def wrap(panel: Panel, body: SafeString, newest_ms: int | None, stale_after_ms: int) -> SafeString:
    """Put the inside of values into their element; a `stale_after_ms` of 0 is: never stale."""
    context = {
        "panel": panel,
        "body": body,
        "newest": "" if newest_ms is None else str(newest_ms),
        "stale_after": str(stale_after_ms or ""),
    }
    return _template("dashboards/_values.html").render(context)  # type: ignore[no-any-return]


def stale_after_ms(answer: Answer) -> int:
    """Tell how old the newest number may get before something is wrong, by the usual distance."""
    if not answer.lines:
        return 0
    seen = np.zeros(len(answer.at_ms), np.bool_)
    for line in answer.lines:
        seen |= ~np.isnan(line.value)
    gaps = np.diff(answer.at_ms[seen])
    usual = float(np.quantile(gaps, 0.9)) if len(gaps) else 0.0
    return int(max(_STALE_GAPS * max(usual, answer.step_ms), _STALE_AT_LEAST_MS))


@lru_cache(maxsize=256)
def text_as_html(text: str) -> SafeString:
    """Render Markdown, without what could run or load anything."""
    html = nh3.clean(
        _markdown().render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    # What nh3 has let through.
    return SafeString(html.strip())


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(
        "image"
    )  # fmt: skip


@cache
def _template(name: str) -> Any:
    return get_template(name)


def _body(kind: str, panel: Panel, reading: Reading) -> SafeString:
    context = {"panel": panel, "reading": reading, "rows": reading.rows}
    html: SafeString = _template(f"dashboards/_values_{kind}.html").render(context)
    return html


def _in_order(panel: Panel, lines: list[Line]) -> list[Line]:
    """Put the highest first where only the first are shown; otherwise keep the answer's order."""
    if panel.kind is not PanelKind.BARS:
        return lines
    return sorted(lines, key=lambda line: -(_last(line.value) or 0.0))


def _last(values: Values) -> float | None:
    """Return the newest value that is one."""
    if len(values) and not np.isnan(values[-1]):
        return float(values[-1])
    known = np.flatnonzero(~np.isnan(values))
    return float(values[known[-1]]) if len(known) else None


def _bounds(panel: Panel, lines: list[Line]) -> tuple[float, float]:
    """Return what an empty and a full gauge or bar stand for."""
    values = [_last(line.value) or 0.0 for line in lines]
    low = panel.min if panel.min is not None else min([0.0, *values])
    if panel.max is not None:
        return low, panel.max
    if panel.kind is PanelKind.BARS:
        return low, max([0.0, *values])
    known = {"percent": 100.0, "ratio": 1.0}.get(panel.unit)
    reached = [float(np.nanmax(line.value if line.high is None else line.high)) for line in lines]
    return low, known if known is not None else max([0.0, *reached])


def _row(panel: Panel, line: Line, unit: str, bounds: tuple[float, float]) -> Row:
    last = _last(line.value) or 0.0
    level = level_of(panel, last)
    low, high = bounds
    share = 0.0 if high <= low else min(max((last - low) / (high - low), 0.0), 1.0) * 100
    described = {"low": "", "high": "", "mean": "", "change": "", "trend": ""}
    if panel.kind in (PanelKind.TIMESERIES, PanelKind.TABLE):
        described |= _spread(panel, line, unit)
    elif panel.kind is PanelKind.STAT:
        described |= _change(panel, line, last, unit)
    return Row(
        name=line.name,
        labels=line.labels,
        value=shown(last, unit, panel.decimals),
        level=level,
        level_name=_level_name(level),
        share=f"{share:.1f}",
        **described,
    )


def level_of(panel: Panel, value: float) -> str:
    """Return the level of the highest threshold that a value reaches; empty for none."""
    level = ""
    for start, name in panel.thresholds:
        if value < start:
            break
        level = name
    return level


def _level_name(level: str) -> str:
    names = {"good": _("Good"), "warn": _("Warning"), "bad": _("Critical")}
    return names.get(level, "")


def _spread(panel: Panel, line: Line, unit: str) -> dict[str, str]:
    """Describe what a line reached in its time."""
    low = float(np.nanmin(line.value if line.low is None else line.low))
    high = float(np.nanmax(line.value if line.high is None else line.high))
    words = {
        "low": shown(low, unit, panel.decimals),
        "high": shown(high, unit, panel.decimals),
    }
    # The average of quantiles is no quantile, and means nothing.
    quantiles = any(query.function in ("p50", "p95", "p99") for query in panel.queries.values())
    if not quantiles and all(label != "quantile" for label, _value in line.labels):
        words["mean"] = shown(float(np.nanmean(line.value)), unit, panel.decimals)
    return words


def _change(panel: Panel, line: Line, last: float, unit: str) -> dict[str, str]:
    """Describe how a value changed since the begin of its time."""
    known = line.value[~np.isnan(line.value)]
    if len(known) < 2:
        return {}
    difference = last - float(known[0])
    if difference == 0:
        return {"change": _("unchanged"), "trend": "same"}
    sign = "+" if difference > 0 else "−"
    amount = sign + shown(abs(difference), unit, panel.decimals)
    return {"change": amount, "trend": "up" if difference > 0 else "down"}
