"""A layout as a JSON file, to keep, to edit and to bring to another dashboard.

Values that nobody set are left out, panels stand in the order of the page.
"""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dashboards.layout.check import FORMAT, VERSION, LayoutFile, NewPanel, PanelChange
from dashboards.layout.model import Layout, Panel, QuerySpec, Variable
from dashboards.layout.read import by_order, in_order, panel_of, variable_of
from dashboards.layout.values import Values, of_panel, of_query, of_variable, without_defaults

_PROBLEMS_AT_MOST = 20
_ID_LETTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 10
_ALWAYS = ("kind", "title", "x", "y", "w", "h")
# From there on a float and the whole number of the same digits are no longer one.
_WHOLE_BELOW = 2**53


@dataclass(frozen=True, slots=True)
class Problem:
    """Where something is wrong in a file, as `panels[2].queries.a.function`, and what."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


class BadLayout(ValueError):
    """A file cannot be read as a layout: its `problems`, the first twenty of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def export(layout: Layout) -> Values:
    """Return a layout as the JSON values of a file."""
    found: Values = {
        "format": FORMAT,
        "version": VERSION,
        "title": layout.title,
        "range": layout.range,
        "variables": [_variable(variable) for variable in layout.variables],
        "panels": [_panel(panel) for panel in layout.panels.values()],
    }
    return {key: _tidy(value) for key, value in found.items()}


def written(layout: Layout) -> str:
    """Return a layout as the text of a file."""
    return json.dumps(export(layout), ensure_ascii=False, indent=2) + "\n"


def parse(text: str | bytes) -> Layout:
    """Read a file. Raises BadLayout."""
    try:
        return layout_of(LayoutFile.model_validate_json(text))
    except ValidationError as error:
        found = [_problem(one) for one in error.errors(include_url=False)[:_PROBLEMS_AT_MOST]]
        raise BadLayout(found) from error


def layout_of(file: LayoutFile) -> Layout:
    """Return what a file says as a layout; a panel without an id gets one."""
    panels: list[Panel] = []
    for one in file.panels:
        after = panels[-1].place.y + 1 if panels else 0.0
        panels.append(made(one, one.id or new_id(), after))
    variables = [
        variable_of(one.name, one.model_dump() | {"order": at})
        for at, one in enumerate(file.variables)
    ]
    return Layout(
        title=file.title, panels=in_order(panels), variables=by_order(variables), range=file.range
    )


def made(new: NewPanel, key: str, y: float) -> Panel:
    """Make a panel of an id; `y` is its place in the order if it has none of its own."""
    return panel_of(key, {"y": y} | new.model_dump(exclude_none=True))


def changed(panel: Panel, change: PanelChange) -> Panel:
    """Return a panel with those values changed that are given."""
    given = change.model_dump(exclude_unset=True)
    for key in ("kind", "x", "y", "w", "h"):
        if given.get(key, key) is None:
            del given[key]
    values = of_panel(panel)
    for key, query in given.pop("queries", {}).items():
        if query is None:
            values["queries"].pop(key, None)
        else:
            values["queries"][key] = values["queries"].get(key, {}) | query
    return panel_of(panel.id, values | given)


def new_id() -> str:
    """Return a new panel's id."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


def _panel(panel: Panel) -> Values:
    unset = of_panel(panel_of(panel.id, {"kind": panel.kind.value}))
    values = without_defaults(of_panel(panel), {k: unset[k] for k in unset if k not in _ALWAYS})
    if panel.queries:
        values["queries"] = {key: _query(query) for key, query in panel.queries.items()}
    return {"id": panel.id} | values


def _query(query: QuerySpec) -> Values:
    return without_defaults(of_query(query), of_query(QuerySpec()))


def _variable(variable: Variable) -> Values:
    values = without_defaults(of_variable(variable), of_variable(Variable(variable.name, "")))
    # That is where it stands in the file.
    values.pop("order", None)
    return {"name": variable.name} | values


def _tidy(value: Any) -> Any:
    """Write whole numbers without a decimal point."""
    match value:
        case dict():
            return {key: _tidy(one) for key, one in value.items()}
        case list():
            return [_tidy(one) for one in value]
        case float() if value.is_integer() and abs(value) < _WHOLE_BELOW:
            return int(value)
        case _:
            return value


def _problem(error: Any) -> Problem:
    place = ""
    for part in error["loc"]:
        if part != "[key]":
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    if error["type"] == "extra_forbidden":
        return Problem(place, "there is no field of this name")
    return Problem(place, error["msg"].removeprefix("Value error, "))
