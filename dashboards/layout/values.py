"""A layout as plain JSON values, under the names that they have in the room."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dashboards.layout.model import Layout, Panel, QuerySpec, Variable
from dashboards.layout.read import by_order, in_order, panel_of, range_of, variable_of

Values = dict[str, Any]

_PLAIN = tuple(
    field.name for field in fields(Panel) if field.name not in ("id", "place", "queries", "formula")
)


def of_panel(panel: Panel) -> Values:
    """Return all values of a panel but its id; `queries` is a dict of dicts."""
    place, formula = panel.place, panel.formula
    values = {name: _json(getattr(panel, name)) for name in _PLAIN}
    return values | {
        "kind": panel.kind.value,
        "x": place.x, "y": place.y, "w": place.w, "h": place.h,
        "queries": {key: of_query(query) for key, query in panel.queries.items()},
        "formula": None if formula is None
        else {"op": formula.op, "left": formula.left, "right": formula.right},
    }  # fmt: skip


def of_query(query: QuerySpec) -> Values:
    """Return all values of a query."""
    return {field.name: _json(getattr(query, field.name)) for field in fields(query)}


def of_variable(variable: Variable) -> Values:
    """Return all values of a variable but its name."""
    return {f.name: _json(getattr(variable, f.name)) for f in fields(variable) if f.name != "name"}


def of_layout(layout: Layout) -> Values:
    """Return all of a layout: panels by id, variables by name."""
    return {
        "title": layout.title,
        "range": layout.range,
        "panels": {key: of_panel(panel) for key, panel in layout.panels.items()},
        "variables": {v.name: of_variable(v) for v in layout.variables},
    }


def layout_from(values: Values) -> Layout:
    """Make a layout of the values of one; `of_layout` gives them back."""
    return Layout(
        title=values["title"],
        panels=in_order(panel_of(key, panel) for key, panel in values["panels"].items()),
        variables=by_order(variable_of(name, v) for name, v in values["variables"].items()),
        range=range_of(values["range"]),
    )


def without_defaults(values: Values, defaults: Values) -> Values:
    """Leave out what is as it would be if nobody had set it."""
    return {k: v for k, v in values.items() if k not in defaults or defaults[k] != v}


def _json(value: Any) -> Any:
    return [_json(one) for one in value] if isinstance(value, tuple) else value
