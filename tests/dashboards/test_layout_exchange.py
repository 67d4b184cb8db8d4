"""Layouts as files: nothing is lost on the way, and what is wrong is named with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from dashboards.layout import exchange
from dashboards.layout.check import LayoutFile, NewPanel, PanelChange
from dashboards.layout.compare import Of, What, compare
from dashboards.layout.model import PANELS_AT_MOST, Layout, Variable
from tests.dashboards.layouts import LAYOUTS, layout, with_panel, without_panel

A, B, C = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"


@settings(max_examples=80, deadline=None)
@given(LAYOUTS)
def test_an_exported_layout_imports_as_it_was(first: Layout) -> None:
    """As text, and as values that the API has parsed; export, import and export are equal."""
    text = exchange.written(first)
    found = exchange.parse(text)
    assert found.panels == first.panels
    assert list(found.panels) == list(first.panels)
    assert [replace(v, order=0) for v in found.variables] == [
        replace(v, order=0) for v in first.variables
    ]
    assert exchange.written(found) == text
    assert exchange.layout_of(LayoutFile.model_validate(json.loads(text))) == found


def test_a_file_says_no_more_than_it_must() -> None:
    """People read and write them: what nobody set is left out."""
    first = layout("Site", aaaaaaaaaa={"title": "Load", "queries": {"a": {"metric": "cpu"}}})
    assert exchange.export(first) == {
        "format": "collab-dashboard", "version": 1, "title": "Site", "range": "1h",
        "variables": [],
        "panels": [{
            "id": A, "kind": "timeseries", "title": "Load", "x": 0, "y": 0, "w": 6, "h": 4,
            "queries": {"a": {"metric": "cpu"}},
        }],
    }  # fmt: skip


def test_panels_of_a_file_without_places_come_in_its_order() -> None:
    """Whoever writes one by hand need not count rows."""
    found = exchange.parse('{"panels": [{"kind": "stat"}, {"kind": "text"}, {"kind": "bars"}]}')
    assert [panel.kind for panel in found.panels.values()] == ["stat", "text", "bars"]
    assert len({panel.place.y for panel in found.panels.values()}) == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("[" * 5000, "Invalid JSON: recursion limit exceeded at line 1 column 202"),
        ("[]", "Input should be an object"),
        ('{"version": 2}', "version: only version 1 of the format can be read here"),
        ('{"format": "grafana"}', "format: Input should be 'collab-dashboard'"),
        ('{"panel": []}', "panel: there is no field of this name"),
        ('{"panels": [{}]}', "panels[0].kind: Field required"),
        ('{"panels": [{"kind": "stat", "color": 1}]}',
         "panels[0].color: there is no field of this name"),
        ('{"panels": [{"kind": "stat", "w": 13}]}',
         "panels[0].w: Input should be less than or equal to 12"),
        ('{"panels": [{"kind": "stat", "w": "3"}]}',
         "panels[0].w: Input should be a valid integer"),
        ('{"panels": [{"kind": "stat", "w": true}]}',
         "panels[0].w: Input should be a valid integer"),
        ('{"panels": [{"kind": "stat", "x": 8, "w": 6}]}',
         "panels[0]: x and w together may be 12 at most"),
        ('{"panels": [{"kind": "stat", "min": 1e999}]}',
         "panels[0].min: Input should be a finite number"),
        ('{"panels": [{"kind": "stat", "id": "x"}]}',
         "panels[0].id: String should match pattern '^[a-z0-9]{10}$'"),
        ('{"panels": [{"kind": "stat", "queries": {"1": {}}}]}',
         "panels[0].queries.1: String should match pattern '^[a-z][a-z0-9]{0,9}$'"),
        (json.dumps({"panels": [{"kind": "stat", "queries": {f"q{n}": {} for n in range(13)}}]}),
         "panels[0].queries: Dictionary should have at most 12 items after validation, not more"),
        ('{"panels": [{"kind": "stat", "queries": {"a": {"matchers": [["host", "~", "a"]]}}}]}',
         "panels[0].queries.a.matchers[0][1]: Input should be '=', '!=', '=~' or '!~'"),
        ('{"panels": [{"kind": "stat", "formula": {"op": "/", "left": "a", "right": "b"}}]}',
         "panels[0]: formula.left: there is no query “a”"),
        (json.dumps({"panels": [{"kind": "stat", "id": A}] * 2}), f"panels: “{A}” is there twice"),
        ('{"variables": [{"name": "1x", "kind": "label"}]}',
         "variables[0].name: String should match pattern '^[A-Za-z_][A-Za-z0-9_]{0,39}$'"),
        ('{"range": "soon"}', "range: String should match pattern '^[1-9][0-9]{0,4}[smhdwMy]$'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    """Nothing that is not understood is taken for something else."""
    with pytest.raises(exchange.BadLayout) as caught:
        exchange.parse(text)
    assert str(caught.value) == problem


def test_all_that_is_wrong_is_told_at_once_within_reason() -> None:
    """Twenty problems of a file are enough to begin with."""
    panels = [{"kind": "stat", "w": 0}] * 30
    with pytest.raises(exchange.BadLayout) as caught:
        exchange.parse(json.dumps({"panels": panels}))
    assert len(caught.value.problems) == 20
    with pytest.raises(exchange.BadLayout, match="60 items"):
        exchange.parse(json.dumps({"panels": [{"kind": "stat"}] * (PANELS_AT_MOST + 1)}))


def test_a_change_of_a_panel_leaves_what_it_does_not_name() -> None:
    """Of queries, too; null takes a query or a bound away."""
    new = {"kind": "stat", "title": "Load", "min": 0, "queries": {"a": {"metric": "m", "by": []}}}
    panel = exchange.made(NewPanel.model_validate(new), A, 7)
    change: dict[str, Any] = {
        "w": 5, "min": None, "x": None, "queries": {"a": {"function": "max"}, "b": {"metric": "n"}},
    }  # fmt: skip
    found = exchange.changed(panel, PanelChange.model_validate(change))
    assert (found.title, found.min, found.place.y, found.place.w) == ("Load", None, 7, 5)
    assert (found.queries["a"].metric, found.queries["a"].function) == ("m", "max")
    assert found.queries["a"].by == ()
    assert found.queries["b"].metric == "n"
    gone = PanelChange.model_validate({"queries": {"a": None}})
    assert set(exchange.changed(found, gone).queries) == {"b"}


# What changed


def test_changes_between_two_layouts_are_told_one_by_one() -> None:
    """Each as a person would say it, from the top of the page."""
    old = layout("Plan", aaaaaaaaaa={"title": "Load", "y": 0}, bbbbbbbbbb={"title": "Disk", "y": 1})
    new = with_panel(old, A, title="CPU", x=2, w=3, unit="s", thresholds=[[1, "bad"]])
    new = with_panel(without_panel(new, B), C, kind="text", title="Notes", y=5)
    new = Layout("Site", new.panels, (Variable("host", "label"),), "6h")
    assert [(c.of, c.what, c.name, c.was, c.fields) for c in compare(old, new)] == [
        (Of.DASHBOARD, What.RENAMED, "Site", "Plan", ()),
        (Of.DASHBOARD, What.CHANGED, "Site", "", ("range",)),
        (Of.PANEL, What.RENAMED, "CPU", "Load", ()),
        (Of.PANEL, What.MOVED, "CPU", "", ()),
        (Of.PANEL, What.RESIZED, "CPU", "", ()),
        (Of.PANEL, What.CHANGED, "CPU", "", ("unit", "thresholds")),
        (Of.PANEL, What.ADDED, "Notes", "", ()),
        (Of.PANEL, What.REMOVED, "Disk", "", ()),
        (Of.VARIABLE, What.ADDED, "host", "", ()),
    ]


@settings(max_examples=60, deadline=None)
@given(LAYOUTS, LAYOUTS)
def test_something_is_told_exactly_if_something_changed(one: Layout, two: Layout) -> None:
    """No version is shown as a change of nothing, and none is hidden."""
    assert bool(compare(one, two)) == (one != two)
