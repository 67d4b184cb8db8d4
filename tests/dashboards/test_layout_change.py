"""Edits of a layout: as small as they can be, so that everybody's survive."""

from __future__ import annotations

from typing import Any

import pycrdt
from hypothesis import given, settings

from collab.engine.firewall import Limits
from collab.engine.replica import Replica
from dashboards.layout import change
from dashboards.layout.merge import merged
from dashboards.layout.model import PANELS_AT_MOST, Layout, Variable
from tests.dashboards.layouts import (
    LAYOUTS,
    edited,
    layout,
    read,
    with_panel,
    without_panel,
)

A, B = "aaaaaaaaaa", "bbbbbbbbbb"
few = settings(max_examples=60, deadline=None)


@few
@given(LAYOUTS, LAYOUTS)
def test_any_layout_becomes_any_other_by_one_edit(first: Layout, wanted: Layout) -> None:
    """The edit passes the firewall, and a second one has nothing to do."""
    state = change.new_state(first)
    assert read(state) == first
    update = edited(state, wanted)
    assert (update is None) == (first == wanted)
    assert read(state, update) == wanted
    room = Replica(Limits())
    room.load([state])
    if update is not None:
        room.apply(update)
    assert edited(room.encode(), wanted) is None


@few
@given(LAYOUTS, LAYOUTS, LAYOUTS)
def test_two_edits_at_once_end_equal_for_both(first: Layout, one: Layout, two: Layout) -> None:
    """Whoever's edit comes first."""
    state = change.new_state(first)
    updates = edited(state, one), edited(state, two)
    assert read(state, *updates) == read(state, *reversed(updates))


def test_changes_of_one_panel_by_two_people_both_stay() -> None:
    """Each writes only what they changed: a title, a place, a query, another query's field."""
    first = layout(aaaaaaaaaa={"queries": {"a": {"metric": "cpu"}, "b": {"metric": "disk"}}})
    state = change.new_state(first)
    queries: dict[str, Any] = {"a": {"metric": "cpu", "function": "max"}, "b": {"metric": "disk"}}
    one = with_panel(first, A, title="Load", queries=queries)
    two = with_panel(first, A, x=3, queries={"a": {"metric": "load"}, "c": {"metric": "net"}})
    found = read(state, edited(state, one), edited(state, two)).panels[A]
    assert (found.title, found.place.x) == ("Load", 3)
    assert {key: q.metric for key, q in found.queries.items()} == {"a": "load", "c": "net"}
    assert found.queries["a"].function == "max"


def test_first_queries_of_two_people_both_stay() -> None:
    """The map they are in was made with the panel, not by whoever comes first."""
    first = layout(aaaaaaaaaa={})
    state = change.new_state(first)
    one = with_panel(first, A, queries={"a": {"metric": "cpu"}})
    two = with_panel(first, A, queries={"b": {"metric": "disk"}})
    assert set(read(state, edited(state, one), edited(state, two)).panels[A].queries) == {"a", "b"}


def test_words_that_two_people_write_at_once_both_stay() -> None:
    """The text of a panel is a shared text, and so is the title."""
    first = layout("Our site", aaaaaaaaaa={"kind": "text", "text": "# Runbook\n\nCall Ada."})
    state = change.new_state(first)
    one = with_panel(first, A, text="# Runbook\n\nCall Ada or Bob.")
    two = with_panel(layout("Our new site"), A, kind="text", text="# The runbook\n\nCall Ada.")
    found = read(state, edited(state, one), edited(state, two))
    assert found.panels[A].text == "# The runbook\n\nCall Ada or Bob."
    assert found.title == "Our new site"
    other = edited(state, with_panel(first, A, title="x"))
    assert read(state, other, edited(state, two)).title == "Our new site"


def test_moving_a_panel_writes_no_other() -> None:
    """Those that it pushes are derived; the edit is a few bytes."""
    first = layout(**{f"{n:010}": {"y": n, "title": "x" * 50} for n in range(40)})
    state = change.new_state(first)
    update = edited(state, with_panel(first, f"{39:010}", y=0.5))
    assert update is not None
    assert len(update) < 60


def test_what_is_hidden_by_the_bound_goes_with_a_whole_new_layout() -> None:
    """Panels that others added beyond what is shown do not turn up later."""
    many = layout(**{f"{n:010}": {"y": n} for n in range(PANELS_AT_MOST + 3)})
    state = change.new_state(many)
    wanted = layout(aaaaaaaaaa={})
    assert read(state, edited(state, wanted)) == wanted


def test_malformed_panels_can_be_changed() -> None:
    """A program left a panel without a map of queries, its text as a plain word."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["panels"] = pycrdt.Map({A: pycrdt.Map({"text": "x", "queries": 3, "w": "wide"}), B: 5})
    state = doc.get_update()
    wanted = layout(
        "",
        aaaaaaaaaa={"text": "xy", "w": 2, "queries": {"a": {"metric": "cpu"}}},
        bbbbbbbbbb={"title": "B"},
    )
    assert read(state, edited(state, wanted)) == wanted


# Taking back


@few
@given(LAYOUTS, LAYOUTS)
def test_a_change_that_nobody_touched_is_taken_back_whole(one: Layout, two: Layout) -> None:
    """Undoing what was just done gives what was there before."""
    assert merged(one, two, one) == two
    assert merged(one, one, two) == two


def test_taking_a_change_back_keeps_what_came_after_it() -> None:
    """Values, panels and words that others wrote since."""
    before = layout(
        "Plan",
        aaaaaaaaaa={"title": "Old", "unit": "s", "x": 1, "text": "one two three"},
        bbbbbbbbbb={"title": "Removed"},
    )
    after = without_panel(
        with_panel(before, A, title="New", unit="bytes", x=2, text="one 2 three"), B
    )
    after = with_panel(after, "cccccccccc", title="Added")
    after = with_panel(after, "d0d0d0d0d0", title="Added, too")
    live = with_panel(after, A, unit="ratio", text="one 2 three four")
    live = with_panel(live, "cccccccccc", title="Mine now")
    live = with_panel(live, "eeeeeeeeee", title="Another")
    live = Layout("Plan B", live.panels, (Variable("host", "label"),))
    found = merged(after, before, live)
    a = found.panels[A]
    assert (a.title, a.unit, a.place.x, a.text) == ("Old", "ratio", 1, "one two three four")
    titles = {key: panel.title for key, panel in found.panels.items()}
    assert titles == {A: "Old", B: "Removed", "cccccccccc": "Mine now", "eeeeeeeeee": "Another"}
    assert found.title == "Plan B"
    assert found.variables == live.variables
