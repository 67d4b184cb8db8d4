"""Layouts that tests make: any at all, and small ones to change."""

from __future__ import annotations

from typing import Any

import pycrdt
from hypothesis import strategies as st

from dashboards.layout import change, model
from dashboards.layout.model import Layout
from dashboards.layout.read import by_order, in_order, layout_of, panel_of, variable_of
from dashboards.layout.values import of_panel

Doc = pycrdt.Doc[Any]

IDS = ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "d0d0d0d0d0"]
_words = st.text("abc $é\U0001f600\\{}", max_size=8)
_lists = st.lists(_words, max_size=3)
_numbers = st.none() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
_queries = st.fixed_dictionaries(
    {},
    optional={
        "metric": _words,
        "matchers": st.lists(st.tuples(_words, st.sampled_from(model.OPERATORS), _words)),
        "by": st.none() | _lists,
        "function": st.sampled_from(model.FUNCTIONS),
        "across": st.sampled_from(model.ACROSS),
        "window": _words,
        "legend": _words,
        "hidden": st.booleans(),
    },
)
_panels = st.fixed_dictionaries(
    {"kind": st.sampled_from(list(model.PanelKind))},
    optional={
        "title": _words, "x": st.integers(0, 12), "y": _numbers, "w": st.integers(1, 12),
        "h": st.integers(1, 24), "unit": _words, "decimals": st.none() | st.integers(0, 9),
        "min": _numbers, "max": _numbers, "legend": st.sampled_from(model.LEGENDS),
        "thresholds": st.lists(st.tuples(st.integers(0, 99), st.sampled_from(model.LEVELS))),
        "nulls": st.sampled_from(model.NULLS), "style": st.sampled_from(model.STYLES),
        "stacked": st.booleans(), "limit": st.integers(1, 100), "text": st.text(max_size=40),
        "queries": st.dictionaries(st.sampled_from(["a", "b", "c7k2p"]), _queries),
    },
)  # fmt: skip
_variables = st.fixed_dictionaries(
    {"kind": st.sampled_from(model.VARIABLE_KINDS), "order": st.integers(0, 3)},
    optional={"label": _words, "options": _lists, "default": _lists, "multi": st.booleans()},
)
LAYOUTS = st.builds(
    lambda title, panels, variables, shown: Layout(
        title=" ".join(title.split()),
        panels=in_order(panel_of(key, values) for key, values in panels.items()),
        variables=by_order(variable_of(name, values) for name, values in variables.items()),
        range=shown,
    ),
    _words,
    st.dictionaries(st.sampled_from(IDS), _panels),
    st.dictionaries(st.sampled_from(["host", "step", "_x9"]), _variables),
    st.sampled_from(["1h", "15m", "7d"]),
)


def layout(title: str = "A dashboard", **panels: dict[str, Any]) -> Layout:
    """Make a layout of panels, by ids."""
    made = in_order(panel_of(key, {"kind": "timeseries"} | v) for key, v in panels.items())
    return Layout(title, made)


def with_panel(before: Layout, key: str, **values: Any) -> Layout:
    """Return a layout with a panel changed, or added."""
    old = of_panel(before.panels[key]) if key in before.panels else {}
    panels = before.panels | {key: panel_of(key, old | values)}
    return Layout(before.title, in_order(panels.values()), before.variables, before.range)


def without_panel(before: Layout, key: str) -> Layout:
    panels = {k: panel for k, panel in before.panels.items() if k != key}
    return Layout(before.title, panels, before.variables, before.range)


def read(*updates: bytes | None) -> Layout:
    """Read the layout that updates give together."""
    doc: Doc = pycrdt.Doc()
    for update in updates:
        if update is not None:
            doc.apply_update(update)
    return layout_of(doc)


def edited(state: bytes, wanted: Layout) -> bytes | None:
    """Return the edit that makes a state a wanted one."""
    return change.edit(state, lambda _: wanted)
