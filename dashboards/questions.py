"""Questions: what a panel's queries ask, answered from the store.

All here blocks, and runs in any thread. A query that cannot be answered is a problem of the answer,
a sentence for who looks at the panel; the others are answered all the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _

from collab import conf
from dashboards.ingest.readings import Kind, Labels
from dashboards.layout.model import OPS, Formula, Panel, QuerySpec
from dashboards.series import arithmetic, functions, naming, quantiles, spacing, windows
from dashboards.series.answers import Answer, Line
from dashboards.series.ports import (
    BadMatcher,
    Matcher,
    MetricStore,
    Series,
    TooManySamples,
    TooManySeries,
)
from dashboards.series.ranges import BadDuration, duration_ms
from dashboards.series.tiers import Plan
from dashboards.variables import (
    AUTO,
    INTERVAL,
    BadReference,
    Chosen,
    matcher_of,
    put_in,
    put_in_each,
    put_in_one,
    with_step,
)

BUCKETS = "_bucket"
"""How the names of histograms' buckets end."""
BOUND = "le"
"""The label of a bucket that says its upper bound."""

_ACROSS = ("avg", "sum", "min", "max")
_MIXES = ("avg", "sum")


class BadQuestion(ValueError):
    """A question that has no answer; the text is a sentence for a person."""


class TooMuch(ValueError):
    """A question that would read more than one may; the text is a sentence for a person."""


REFUSALS = (
    BadQuestion, BadReference, BadMatcher, BadDuration, TooManySamples, TooManySeries, TooMuch,
)  # fmt: skip
"""What a question can be refused with; each text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query with its variables put in; `legend` may have `{{label}}` in it.

    `window_ms` is 0 for one step.
    """

    metric: str
    matchers: tuple[Matcher, ...]
    by: tuple[str, ...] | None
    function: str
    across: str
    window_ms: int
    legend: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one query says. `labelled` are the labels that tell its lines apart."""

    lines: list[Line]
    unit: str = ""
    newest_ms: int | None = None
    problems: tuple[str, ...] = ()


class Allowance:
    """Points that panels which are shown together may read, and so hold, together.

    Args:
        points: How many.
    """

    def __init__(self, points: int) -> None:
        self._left = points

    def spend(self, points: int) -> None:
        """Take points that are to be read. Raises TooMuch if there are not so many left."""
        if points > self._left:
            raise TooMuch(
                _("All panels together would read more points than can be shown at once. Choose "
                  "fewer series, by labels or by putting them together, or a shorter time.")
            )  # fmt: skip
        self._left -= points

    def hold(self, points: int) -> None:
        """Take points that are there already."""
        self._left -= points


def answer(
    panel: Panel,
    chosen: Chosen,
    plan: Plan,
    store: MetricStore,
    *,
    strict: bool = False,
    allowance: Allowance | None = None,
) -> Answer:
    """Answer a panel's queries and its formula.

    A line without any value in the plan's span is left out. Asked for a tail (see `Plan.between`),
    the values are those that the whole has there.

    Args:
        panel: What is asked.
        chosen: The values of the dashboard's variables; see `variables.chosen`.
        plan: Where the points are.
        store: What is read.
        strict: Raise what would be a problem of a query (`REFUSALS`).
        allowance: What may be read; None: as much as any question may.

    Raises:
        StoreAway: the store does not answer.
    """
    formula = panel.formula
    operands = () if formula is None else (formula.left, formula.right)
    wanted = {k: q for k, q in panel.queries.items() if not q.hidden or k in operands}
    values = with_step(chosen, plan.step_ms)
    parts, titles = {}, _titles(wanted)
    visible = sum(not query.hidden for query in wanted.values())
    for key, spec in wanted.items():
        try:
            titles[key] = put_in(titles[key], values)
            question = question_of(spec, values)
            parts[key] = ask(
                question, plan, store,
                title=titles[key], prefixed=visible > 1, allowance=allowance,
            )  # fmt: skip
        except REFUSALS as refusal:
            if strict:
                raise
            parts[key] = Part([], problems=(str(refusal),))
    shown = [parts[key] for key, query in wanted.items() if not query.hidden]
    if formula is not None:
        shown.append(_computed(formula, wanted, parts, titles))
    return _answer(panel, plan, shown, parts)


def spacing_ms(panel: Panel, chosen: Chosen, store: MetricStore, start_ms: int, end_ms: int) -> int:
    """Return how far apart the samples are that a panel asks for, for `tiers.plan`.

    Sums, counts and increases have nothing to say where no sample is, so for them it is 0.

    Raises:
        StoreAway: the store does not answer.
    """
    longest = 0
    for spec in panel.queries.values():
        try:
            question = question_of(spec, {**chosen, INTERVAL: ("1s",)})
            if question.function not in ("sum", "count", "increase"):
                ids = [one.id for one in _series_of(question, store)]
                longest = max(longest, spacing.spacing_ms(store, ids, start_ms, end_ms))
        except REFUSALS:
            continue  # Its answer says so.
    return longest


def question_of(spec: QuerySpec, values: Chosen) -> Question:
    """Put variables in a query.

    Raises:
        BadQuestion: it asks for something that there is not.
        BadReference: it refers to a variable that says nothing.
        BadDuration: its window is no time.
    """
    metric = put_in_one(spec.metric, values).strip()
    if not metric:
        raise BadQuestion(_("Choose a metric."))
    function = put_in_one(spec.function, values)
    if function not in functions.ACROSS and function not in quantiles.QUANTILES:
        raise BadQuestion(_("There is no function “%s”.") % function)
    across = put_in_one(spec.across, values) or functions.ACROSS.get(function, "sum")
    if across not in _ACROSS:
        raise BadQuestion(_("Series cannot be put together by “%s”.") % across)
    matchers = []
    for label, operator, value in spec.matchers:
        try:
            matchers.append(matcher_of(put_in_one(label, values), operator, value, values))
        except BadReference:
            raise
        except ValueError:
            raise BadQuestion(_("Labels cannot be compared by “%s”.") % operator) from None
    window = put_in_one(spec.window, values).strip()
    return Question(
        metric=metric,
        matchers=tuple(one for one in matchers if one is not None),
        by=None if spec.by is None else put_in_each(spec.by, values),
        function=function,
        across=across,
        window_ms=0 if window in ("", AUTO) else duration_ms(window),
        legend=put_in(spec.legend, values),
    )


def ask(
    question: Question,
    plan: Plan,
    store: MetricStore,
    *,
    title: str = "",
    prefixed: bool = False,
    allowance: Allowance | None = None,
) -> Part:
    """Answer one question.

    Args:
        question: What is asked.
        plan: Where the points are.
        store: What is read.
        title: What its line is called that has no labels to be told apart by.
        prefixed: Whether names of lines begin with the title.
        allowance: What may be read; None: as much as any question may.

    Raises:
        StoreAway: the store does not answer.
        BadQuestion, BadMatcher, TooManySeries, TooMuch: it cannot be answered.
    """
    found = _series_of(question, store)
    problems: list[str] = []
    if found and question.function not in quantiles.QUANTILES:
        found = _without_quantiles(found, question, problems)
    elif not found:
        problems.append(_nothing(question, store))
    if not found:
        return Part([], problems=tuple(problems))
    _check_size(len(found), plan, question, allowance)
    read = windows.read(store, [one.id for one in found], plan, question.window_ms)
    groups = _groups(found, question)
    if question.function in quantiles.QUANTILES:
        curves = [_quantile(read, found, rows, question, problems) for rows in groups.values()]
    else:
        rows = list(groups.values())
        curves = functions.curves(read, question.function, question.across, rows)
    names = naming.names(
        list(groups), title or question.metric, legend=question.legend,
        all_labels=question.by is not None, prefixed=prefixed,
    )  # fmt: skip
    lines = [
        Line(name, labels, curve.value, curve.low, curve.high)
        for name, labels, curve in zip(names, groups, curves, strict=True)
        if not np.isnan(curve.value).all()
    ]
    unit = naming.unit_of(question.function, found[0].unit)
    return Part(lines, unit, read.newest_ms, tuple(dict.fromkeys(problems)))


# Which series


def _find(name: str, question: Question, store: MetricStore) -> list[Series]:
    found = store.find(name, question.matchers, limit=conf.get("QUERY_SERIES"))
    return sorted(found, key=lambda one: one.labels)


def _series_of(question: Question, store: MetricStore) -> list[Series]:
    """Find what a question is about; of a histogram its buckets, which are series of their own."""
    found = _find(question.metric, question, store)
    if question.function not in quantiles.QUANTILES:
        return found
    return _buckets(found) or _buckets(_find(question.metric + BUCKETS, question, store))


def _buckets(found: Sequence[Series]) -> list[Series]:
    return [one for one in found if quantiles.bound_of(dict(one.labels).get(BOUND, "")) is not None]


def _nothing(question: Question, store: MetricStore) -> str:
    """Say why a question found no series."""
    metric = question.metric
    if question.function in quantiles.QUANTILES and _find(metric, question, store):
        return _("“%s” is no histogram with buckets, so it has no quantiles to compute.") % metric
    if _is_there(metric, store) or _is_there(metric + BUCKETS, store):
        return _("No series of “%s” has these labels.") % metric
    return _("There are no numbers of “%s” yet.") % metric


def _is_there(name: str, store: MetricStore) -> bool:
    try:
        return bool(store.find(name, (), limit=1))
    except TooManySeries:
        return True


def _without_quantiles(
    found: list[Series], question: Question, problems: list[str]
) -> list[Series]:
    """Leave out quantiles that senders computed, where they would be averaged or added up."""
    computed = [one for one in found if one.kind is Kind.QUANTILE]
    if not computed:
        return found
    over_time = question.function not in ("min", "max", "last", "count")
    mixed = question.across in _MIXES and any(
        len(rows) > 1 and any(found[row].kind is Kind.QUANTILE for row in rows)
        for rows in _groups(found, question).values()
    )
    if not over_time and not mixed:
        return found
    problems.append(
        _("“%s” has quantiles that its senders computed, which cannot be averaged or added up. "
          "Ask for last, min or max, of each series or with min or max across them.")
        % question.metric
    )  # fmt: skip
    return [one for one in found if one.kind is not Kind.QUANTILE]


def _check_size(series: int, plan: Plan, question: Question, allowance: Allowance | None) -> None:
    points, most = windows.cells_read(plan, question.window_ms), conf.get("QUERY_POINTS")
    if series * points > most:
        raise TooMuch(
            _("This would read %(points)d points of each of %(series)d series, and more than "
              "%(most)d together. Choose fewer series, a shorter time or a longer step.")
            % {"points": points, "series": series, "most": most}
        )  # fmt: skip
    if allowance is not None:
        allowance.spend(series * points)


def _groups(found: Sequence[Series], question: Question) -> dict[Labels, list[int]]:
    """Return the rows of each group, by the labels that remain."""
    groups: dict[Labels, list[int]] = {}
    hidden = (BOUND,) if question.function in quantiles.QUANTILES else ()
    for row, one in enumerate(found):
        by = question.by
        labels = tuple(
            pair for pair in one.labels if pair[0] not in hidden and (by is None or pair[0] in by)
        )
        groups.setdefault(labels, []).append(row)
    return groups


# What they say


def _quantile(
    read: windows.Windows,
    found: Sequence[Series],
    rows: Sequence[int],
    question: Question,
    problems: list[str],
) -> functions.Curve:
    bounds = [quantiles.bound_of(dict(found[row].labels)[BOUND]) or 0.0 for row in rows]
    sets = [tuple(pair for pair in found[row].labels if pair[0] != BOUND) for row in rows]
    histogram = quantiles.histogram_of(bounds, sets, read.cells.increase[list(rows)])
    if math.inf not in histogram:
        problems.append(_("“%s” lacks the bucket +Inf, which says how many there are of all.")
                        % question.metric)  # fmt: skip
    return functions.Curve(quantiles.quantile(quantiles.QUANTILES[question.function], histogram))


def _computed(
    formula: Formula, specs: dict[str, QuerySpec], parts: dict[str, Part], titles: dict[str, str]
) -> Part:
    missing = [key for key in (formula.left, formula.right) if key not in parts]
    if missing:
        return Part([], problems=(_("The formula needs the query “%s”.") % missing[0],))
    if formula.op not in OPS:
        return Part([], problems=(_("There is no arithmetic “%s”.") % formula.op,))
    left, right = parts[formula.left], parts[formula.right]
    lines = arithmetic.combine(formula.op, left.lines, right.lines)
    problems: tuple[str, ...] = ()
    if left.lines and right.lines and not lines:
        problems = (_("No lines of the formula’s two queries have the same labels."),)
    if not specs[formula.left].legend:
        whole = f"{titles[formula.left]} {formula.op} {titles[formula.right]}"
        lines = [line if line.labels else replace(line, name=whole) for line in lines]
    lines = [line for line in lines if not np.isnan(line.value).all()]
    return Part(lines, naming.unit_between(formula.op, left.unit, right.unit), problems=problems)


def _answer(panel: Panel, plan: Plan, shown: list[Part], parts: dict[str, Part]) -> Answer:
    times = [part.newest_ms for part in parts.values() if part.newest_ms is not None]
    problems = [problem for part in (*parts.values(), *shown) for problem in part.problems]
    return Answer(
        at_ms=np.arange(plan.start_ms, plan.end_ms, plan.step_ms, dtype=np.int64),
        step_ms=plan.step_ms,
        lines=[line for part in shown for line in part.lines],
        unit=panel.unit or next((part.unit for part in shown if part.lines), ""),
        newest_ms=max(times, default=None),
        problems=tuple(dict.fromkeys(problems)),
    )


# What it is called


def _titles(specs: dict[str, QuerySpec]) -> dict[str, str]:
    """Name queries by their metrics; those of the same metric by what they do with it, too."""
    metrics = [spec.metric for spec in specs.values()]
    return {
        key: spec.metric if metrics.count(spec.metric) == 1 else f"{spec.function}({spec.metric})"
        for key, spec in specs.items()
    }
