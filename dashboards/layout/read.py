"""A layout out of a room: whatever a program may have written there reads as plain, bounded values.

Roots of the room are `title` (a shared text) and the maps `panels`, `variables` and `settings`. A
panel's map has the fields of `Panel`, with `x`, `y`, `w`, `h` for its place, a map of maps for
`queries`, and a shared text for `text`; a variable's map has those of `Variable` and `order`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import pycrdt

from collab.engine.replica import Replica
from dashboards.layout import arrange
from dashboards.layout.model import (
    ACROSS,
    COLUMNS,
    DECIMALS_AT_MOST,
    DURATION,
    FUNCTIONS,
    HEIGHT_AT_MOST,
    LEGENDS,
    LEVELS,
    LINE_LENGTH,
    LISTED_AT_MOST,
    NULLS,
    OPERATORS,
    OPS,
    PANEL_ID,
    PANELS_AT_MOST,
    QUERIES_AT_MOST,
    QUERY_KEY,
    SIZES,
    STYLES,
    TEXT_LENGTH,
    VARIABLE_KINDS,
    VARIABLE_NAME,
    VARIABLES_AT_MOST,
    Formula,
    Layout,
    Panel,
    PanelKind,
    Place,
    QuerySpec,
    Variable,
)

TITLE, PANELS, VARIABLES, SETTINGS = "title", "panels", "variables", "settings"

_PANEL_KEYS = frozenset({
    "kind", "title", "x", "y", "w", "h", "queries", "formula", "unit", "decimals", "min", "max",
    "thresholds", "legend", "nulls", "style", "stacked", "limit", "text",
})  # fmt: skip
_QUERY_FIELDS = frozenset({
    "metric", "matchers", "by", "function", "across", "window", "legend", "hidden",
})  # fmt: skip
_VARIABLE_FIELDS = frozenset({"kind", "label", "metric", "options", "default", "multi", "order"})

# Panels, and variables, that are looked at of those that a program may have written: each takes
# 50 us, again after each edit.
_READ_AT_MOST = 500

Doc = pycrdt.Doc[Any]
Values = Mapping[str, Any]


def layout_of(source: Replica | Doc, *, whole: bool = False) -> Layout:
    """Read a room's whole layout. A value that is missing or malformed reads as its default.

    Args:
        source: The room's copy.
        whole: Of more than `PANELS_AT_MOST` panels or `VARIABLES_AT_MOST` variables, which people
            may have added at once, the last are left out, unless this is set; of more than 500,
            those whose ids or names come last.
    """
    doc = source.doc if isinstance(source, Replica) else source
    title = title_of(doc)
    maps = [doc.get(root, type=pycrdt.Map) for root in (PANELS, VARIABLES, SETTINGS)]
    with doc.transaction():
        panels, variables, settings = maps
        most = None if whole else _READ_AT_MOST
        found = in_order(
            panel_of(key, _panel_values(values))
            for key, values in islice(_maps_in(panels, PANEL_ID), most)
        )
        chosen = by_order(
            variable_of(name, _read(values, _VARIABLE_FIELDS))
            for name, values in islice(_maps_in(variables, VARIABLE_NAME), most)
        )
        shown = range_of(_read(settings, frozenset({"range"})).get("range"))
    if not whole:
        found = dict(islice(found.items(), PANELS_AT_MOST))
        chosen = chosen[:VARIABLES_AT_MOST]
    return Layout(title=title, panels=found, variables=chosen, range=shown)


def in_order(panels: Iterable[Panel]) -> dict[str, Panel]:
    """Return panels by id, in the order in which they are arranged."""
    found = {panel.id: panel for panel in panels}
    return {key: found[key] for key in arrange.in_order({k: p.place for k, p in found.items()})}


def by_order(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Return variables in their order."""
    return tuple(sorted(variables, key=lambda variable: (variable.order, variable.name)))


def title_of(source: Replica | Doc) -> str:
    """Return the title as one line of bounded length."""
    doc = source.doc if isinstance(source, Replica) else source
    return _line(str(doc.get(TITLE, type=pycrdt.Text)))


def panel_of(key: str, values: Values) -> Panel:
    """Read the panel of an id from plain values, `queries` a mapping of mappings."""
    kind = PanelKind(_one_of(values.get("kind"), tuple(PanelKind), PanelKind.TIMESERIES))
    queries = values.get("queries")
    queries = queries if isinstance(queries, Mapping) else {}
    keys = sorted(key for key in queries if QUERY_KEY.fullmatch(key) and _is_map(queries[key]))
    return Panel(
        id=key,
        kind=kind,
        title=_line(values.get("title")),
        place=_place(values, kind),
        queries={key: _query(queries[key]) for key in keys[:QUERIES_AT_MOST]},
        formula=_formula(values.get("formula")),
        unit=_line(values.get("unit")),
        decimals=_whole(values.get("decimals"), 0, DECIMALS_AT_MOST, None),
        min=_number(values.get("min")),
        max=_number(values.get("max")),
        thresholds=_thresholds(values.get("thresholds")),
        legend=_one_of(values.get("legend"), LEGENDS, LEGENDS[0]),
        nulls=_one_of(values.get("nulls"), NULLS, NULLS[0]),
        style=_one_of(values.get("style"), STYLES, STYLES[0]),
        stacked=values.get("stacked") is True,
        limit=_whole(values.get("limit"), 1, LISTED_AT_MOST, 10),
        text=_words(values.get("text"), TEXT_LENGTH),
    )


def variable_of(name: str, values: Values) -> Variable:
    """Read one variable from plain values."""
    return Variable(
        name=name,
        kind=_one_of(values.get("kind"), VARIABLE_KINDS, VARIABLE_KINDS[0]),
        label=_words(values.get("label")),
        metric=_words(values.get("metric")),
        options=_listed(values.get("options")),
        default=_listed(values.get("default")),
        multi=values.get("multi") is True,
        order=_number(values.get("order")) or 0.0,
    )


def range_of(value: Any) -> str:
    """Read a dashboard's first range."""
    return value if isinstance(value, str) and DURATION.fullmatch(value) else "1h"


# What is in the room


def _maps_in(parent: Any, names: re.Pattern[str]) -> Iterator[tuple[str, Any]]:
    """Yield the maps in a map whose keys are such names, in order of these."""
    for key in sorted(filter(names.fullmatch, parent.keys())):
        value = parent[key]
        if isinstance(value, pycrdt.Map):
            yield key, value


def _read(values: Any, keys: frozenset[str]) -> dict[str, Any]:
    """Read those keys of a map that are there, a shared text as its words."""
    found = {}
    for key in values.keys():  # noqa: SIM118 - a shared map, which is iterated by a call, too
        if key in keys:
            value = values[key]
            found[key] = str(value) if isinstance(value, pycrdt.Text) else value
    return found


def _panel_values(panel: Any) -> dict[str, Any]:
    values = _read(panel, _PANEL_KEYS)
    if isinstance(values.get("queries"), pycrdt.Map):
        values["queries"] = {
            key: _read(query, _QUERY_FIELDS)
            for key, query in islice(_maps_in(values["queries"], QUERY_KEY), QUERIES_AT_MOST)
        }
    return values


# What a value says


def _place(values: Values, kind: PanelKind) -> Place:
    width, height = SIZES[kind]
    w = _whole(values.get("w"), 1, COLUMNS, width)
    return Place(
        x=_whole(values.get("x"), 0, COLUMNS - w, 0),
        y=_number(values.get("y")) or 0.0,
        w=w,
        h=_whole(values.get("h"), 1, HEIGHT_AT_MOST, height),
    )


def _query(values: Values) -> QuerySpec:
    by = values.get("by")
    return QuerySpec(
        metric=_words(values.get("metric")),
        matchers=_matchers(values.get("matchers")),
        by=_listed(by) if isinstance(by, list | tuple) else None,
        function=_one_of(values.get("function"), FUNCTIONS, FUNCTIONS[0]),
        across=_one_of(values.get("across"), ACROSS, ACROSS[0]),
        window=_words(values.get("window")),
        legend=_line(values.get("legend")),
        hidden=values.get("hidden") is True,
    )


def _matchers(value: Any) -> tuple[tuple[str, str, str], ...]:
    found = []
    for one in _elements(value):
        if isinstance(one, list | tuple) and len(one) == 3 and all(isinstance(w, str) for w in one):
            label, operator, wanted = one
            if label and operator in OPERATORS:
                found.append((_words(label), operator, _words(wanted)))
    return tuple(found)


def _thresholds(value: Any) -> tuple[tuple[float, str], ...]:
    found = []
    for one in _elements(value):
        if isinstance(one, list | tuple) and len(one) == 2 and one[1] in LEVELS:
            start = _number(one[0])
            if start is not None:
                found.append((start, str(one[1])))
    return tuple(sorted(found, key=lambda threshold: threshold[0]))


def _formula(value: Any) -> Formula | None:
    if not isinstance(value, Mapping):
        return None
    op, left, right = (value.get(key) for key in ("op", "left", "right"))
    if op in OPS and _is_query_key(left) and _is_query_key(right):
        return Formula(str(op), str(left), str(right))
    return None


def _is_query_key(value: Any) -> bool:
    return isinstance(value, str) and QUERY_KEY.fullmatch(value) is not None


def _listed(value: Any) -> tuple[str, ...]:
    """Read a list of strings, none of them twice."""
    words = (_words(one) for one in _elements(value) if isinstance(one, str))
    return tuple(dict.fromkeys(filter(None, words)))


def _elements(value: Any) -> Iterable[Any]:
    return value[:LISTED_AT_MOST] if isinstance(value, list | tuple) else ()


def _words(value: Any, length: int = LINE_LENGTH) -> str:
    # PostgreSQL takes no NUL, where a question asks for a value that has one.
    return value.replace("\0", "")[:length] if isinstance(value, str) else ""


def _line(value: Any) -> str:
    return " ".join(_words(value, 2 * LINE_LENGTH).split())[:LINE_LENGTH]


def _one_of(value: Any, known: tuple[str, ...], default: str) -> str:
    return value if isinstance(value, str) and value in known else default


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _number(value: Any) -> float | None:
    """Read a finite number; -0 reads as 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number + 0.0 if math.isfinite(number) else None


def _whole(value: Any, low: int, high: int, default: Any) -> Any:
    """Read a whole number, cut off and brought within bounds."""
    number = _number(value)
    return default if number is None else int(min(max(number, low), high))
