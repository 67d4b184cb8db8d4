"""What metrics say over HTTP: a query, or arithmetic between two."""

from __future__ import annotations

import time
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from collab import conf
from collab.api import errors, needs_account
from dashboards import questions, store
from dashboards.layout.model import Formula, Panel, PanelKind, Place, QuerySpec
from dashboards.readers import Text, matchers_of, read
from dashboards.series import tiers
from dashboards.series.answers import Answer, Line
from dashboards.series.points import Values
from dashboards.series.ranges import BadRange, Range, duration_ms
from dashboards.variables import plain

router = Router(tags=["metrics"])

_PIXELS = 800

Function = Literal[
    "avg", "sum", "min", "max", "last", "count", "rate", "increase", "p50", "p95", "p99"
]
Across = Literal["", "avg", "sum", "min", "max"]


class LineOut(Schema):
    """One line: a value for each time, null for none.

    `low` and `high` are what was reached in each point's window, for averages and last values.
    """

    name: str
    labels: dict[str, str]
    value: list[float | None]
    low: list[float | None] | None
    high: list[float | None] | None


class AnswerOut(Schema):
    """What a query says.

    `at` are Unix times in milliseconds, `step_ms` apart: where each point's step begins. `unit` is
    that of the values. `newest_ms` is the time of the newest sample behind them, or null.
    `problems` are sentences: why there is nothing, or not all.
    """

    at: list[int]
    step_ms: int
    unit: str
    newest_ms: int | None
    lines: list[LineOut]
    problems: list[str]


class Asked(Schema):
    """One query, or two with arithmetic between them.

    Times are `now`, `now-6h`, `now-1d/d`, ISO 8601 or Unix milliseconds; durations are `30s`, `5m`,
    `1h30m`, `1d`. A matcher is `label=value`, `label!=value`, `label=~regex` or `label!~regex`.
    """

    metric: Text = Field(description="The metric.")
    match: list[Text] = Field([], max_length=50, description="Matchers; all have to hold.")
    by: list[Text] | None = Field(
        None, max_length=20,
        description="Labels that remain, each its own or with commas between them: a line for each "
        "of their values. Empty: one line. Left out: a line for each series.",
    )  # fmt: skip
    function: Function = Field("avg", description="What is computed of each series' windows.")
    across: Across = Field(
        "", description="How series of one line are put together; empty: what fits the function."
    )
    window: Text = Field("", description="How long each point's window is; empty: one step.")
    legend: Text = Field("", description="Names of lines, with `{{label}}` for a label's value.")
    metric2: Text = Field("", description="The metric of a second query.")
    match2: list[Text] = Field([], max_length=50, description="As `match`.")
    by2: list[Text] | None = Field(None, max_length=20, description="As `by`.")
    function2: Function = Field("avg", description="As `function`.")
    across2: Across = Field("", description="As `across`.")
    window2: Text = Field("", description="As `window`.")
    op: Literal["", "+", "-", "*", "/"] = Field(
        "", description="Arithmetic between the first and the second query. Lines of the same"
        " labels go together, a line without labels with all. In an address + is written %2B.",
    )  # fmt: skip
    start: Text = Field("now-1h", alias="from", description="The time it begins.")
    end: Text = Field("now", alias="to", description="The time it ends.")
    tz: Text = Field("UTC", description="The time zone of times without one, and of days.")
    step: Text = Field("", description="Time between points; empty: what fits `pixels`.")
    pixels: int = Field(
        _PIXELS, ge=1, le=10_000,
        description="How wide a chart of it is: two points a pixel are answered at most.",
    )  # fmt: skip


@router.get("/query", response={200: AnswerOut, **errors()}, summary="Ask for numbers over time")
async def query(request: HttpRequest, asked: Query[Asked]) -> Any:
    """Answer a query with lines of points on one time axis.

    Of what a window holds, a point is its average, sum, least, greatest, last value, or number of
    samples; how fast a counter rose by the second, or by how much in the window, restarts counted;
    or a quantile of a histogram. Without `step` it is as fine as `pixels` allow.
    """
    needs_account(request)
    answer = await read(lambda: answer_to(asked))
    return HttpResponse(_encoded(answer), content_type="application/json; charset=utf-8")


def answer_to(asked: Asked) -> Answer:
    """Answer a query from the store. Blocks. Raises what `dashboards.readers.read` refuses."""
    panel = _panel(asked)
    numbers = store.current()
    now_ms = time.time_ns() // 1_000_000
    start_ms, end_ms = _range(asked).resolve(now_ms)
    step_ms = duration_ms(asked.step) if asked.step else None
    # A window that has not begun has no value; of one that is running, the rest is not there yet.
    end_ms = max(min(end_ms, now_ms + 1), start_ms + 1)
    plan = tiers.plan(
        start_ms, end_ms, asked.pixels, numbers.kept_since_ms, step_ms=step_ms,
        spacing_ms=0 if step_ms else questions.spacing_ms(panel, {}, numbers, start_ms, end_ms),
        now_ms=now_ms,
    )  # fmt: skip
    # Of a metric without any series nothing is read, but its axis would be answered.
    most = conf.get("QUERY_POINTS")
    if plan.points > most:
        raise questions.TooMuch(
            _("This would be %(points)d points, and more than %(most)d. Choose a shorter time or a "
              "longer step.") % {"points": plan.points, "most": most}
        )  # fmt: skip
    return questions.answer(panel, {}, plan, numbers, strict=True)


def _panel(asked: Asked) -> Panel:
    """Make the panel that asks the same."""
    if bool(asked.op) is not bool(asked.metric2):
        raise questions.BadQuestion(_("A second query and op come together."))
    first = QuerySpec(
        metric=plain(asked.metric), matchers=_matchers(asked.match), by=_by(asked.by),
        function=asked.function, across=asked.across, window=asked.window,
        legend=plain(asked.legend), hidden=bool(asked.op),
    )  # fmt: skip
    specs, formula = {"a": first}, None
    if asked.op:
        specs["b"] = QuerySpec(
            metric=plain(asked.metric2), matchers=_matchers(asked.match2), by=_by(asked.by2),
            function=asked.function2, across=asked.across2, window=asked.window2, hidden=True,
        )  # fmt: skip
        formula = Formula(asked.op, "a", "b")
    return Panel("", PanelKind.TIMESERIES, "", Place(0, 0, 1, 1), specs, formula)


def _range(asked: Asked) -> Range:
    try:
        zone = ZoneInfo(asked.tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRange(_("There is no time zone “%s”.") % asked.tz) from None
    return Range.parse(asked.start, asked.end, zone)


def _matchers(given: list[str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((plain(one.label), one.match, plain(one.value)) for one in matchers_of(given))


def _by(given: list[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(plain(name.strip()) for one in given for name in one.split(",") if name.strip())


def _encoded(answer: Answer) -> bytes:
    """Write an answer as JSON, its columns as they lie in memory."""
    shown = {
        "at": answer.at_ms,
        "step_ms": answer.step_ms,
        "unit": answer.unit,
        "newest_ms": answer.newest_ms,
        "lines": [_line(one) for one in answer.lines],
        "problems": answer.problems,
    }
    return orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)


def _line(one: Line) -> dict[str, Any]:
    return {
        "name": one.name,
        "labels": dict(one.labels),
        "value": _column(one.value),
        "low": _column(one.low),
        "high": _column(one.high),
    }


def _column(values: Values | None) -> Values | None:
    # orjson takes no slices of wider arrays.
    return None if values is None else np.ascontiguousarray(values)
