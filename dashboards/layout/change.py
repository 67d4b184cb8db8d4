"""The smallest edit that makes of a room's layout a wanted one.

Of each panel, query and variable only the values that differ are written, of a text only the words:
so the edit merges with what others change meanwhile, like a person's. A panel's map of queries and
its text are made together with it, empty, so that two who fill them at once fill the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pycrdt

from collab.engine.replica import replica_of
from collab.texts import change_text
from collab.titles import TITLE
from dashboards.layout import values
from dashboards.layout.model import Layout, QuerySpec
from dashboards.layout.read import PANELS, SETTINGS, VARIABLES, layout_of, panel_of
from dashboards.layout.values import Values

Change = Callable[[Layout], Layout]
"""From the layout that is there to the one that is to be."""


def edit(state: bytes, change: Change) -> bytes | None:
    """Return the update that changes a layout; None if it is as wanted already.

    Args:
        state: The room as one Yjs V1 update; what is returned applies to it, and to everything that
            came after.
        change: Makes the wanted layout of the one in the state.

    Raises:
        UpdateRejected: the state cannot be read.
    """
    doc = replica_of(state).doc
    before = layout_of(doc, whole=True)
    return _write(doc, before, change(before))


def new_state(layout: Layout) -> bytes:
    """Return a first content."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    _write(doc, Layout("", {}), layout)
    return doc.get_update()


def _write(doc: pycrdt.Doc[Any], before: Layout, after: Layout) -> bytes | None:
    updates: list[bytes] = []
    title = doc.get(TITLE, type=pycrdt.Text)
    panels, variables, settings = (
        doc.get(root, type=pycrdt.Map) for root in (PANELS, VARIABLES, SETTINGS)
    )
    old, new = values.of_layout(before), values.of_layout(after)
    # The update of the transaction alone: an encoded difference carries the whole delete set.
    observer = doc.observe(lambda event: updates.append(event.update))
    try:
        with doc.transaction():
            if old["title"] != new["title"]:
                change_text(title, new["title"])
            if old["range"] != new["range"]:
                settings["range"] = new["range"]
            _write_each(panels, old["panels"], new["panels"], _new_panel, _change_panel)
            _write_each(variables, old["variables"], new["variables"], pycrdt.Map, _change_values)
    finally:
        doc.unobserve(observer)
    return updates[-1] if updates else None


def _write_each(
    parent: Any,
    old: Values,
    new: Values,
    make: Callable[[Values], Any],
    change: Callable[[Any, Values, Values], None],
) -> None:
    """Remove, make and change a map's maps."""
    for key in old.keys() - new.keys():
        del parent[key]
    for key, wanted in new.items():
        if key not in old:
            parent[key] = make(wanted)
        elif old[key] != wanted:
            change(parent[key], old[key], wanted)


def _change_values(found: Any, old: Values, new: Values) -> None:
    for key, value in new.items():
        if old[key] != value:
            found[key] = value


def _new_panel(panel: Values) -> Any:
    defaults = values.of_panel(panel_of("", {"kind": panel["kind"]}))
    # What nobody set is not written, but for where it is.
    set_here = values.without_defaults(panel, {k: v for k, v in defaults.items() if k not in _KEPT})
    return pycrdt.Map(
        set_here
        | {
            "queries": pycrdt.Map({k: _new_query(q) for k, q in panel["queries"].items()}),
            "text": pycrdt.Text(panel["text"]),
        }
    )


_KEPT = ("kind", "x", "y", "w", "h")
_QUERY_DEFAULTS = values.of_query(QuerySpec())


def _new_query(query: Values) -> Any:
    return pycrdt.Map(values.without_defaults(query, _QUERY_DEFAULTS))


def _change_panel(panel: Any, old: Values, new: Values) -> None:
    plain = [key for key in new if key not in ("queries", "text")]
    _change_values(panel, old, {key: new[key] for key in plain})
    if old["queries"] != new["queries"]:
        if not isinstance(panel.get("queries"), pycrdt.Map):
            panel["queries"] = pycrdt.Map()
        _write_each(panel["queries"], old["queries"], new["queries"], _new_query, _change_values)
    if old["text"] != new["text"]:
        text = panel.get("text")
        if isinstance(text, pycrdt.Text):
            change_text(text, new["text"])
        else:
            panel["text"] = pycrdt.Text(new["text"])
