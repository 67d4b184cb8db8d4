"""Taking back one change of a layout while what came after it stays."""

from __future__ import annotations

from typing import Any

import pycrdt

from collab.texts import change_text
from dashboards.layout.model import Layout
from dashboards.layout.values import Values, layout_from, of_layout

_GONE: Any = object()


def merged(base: Layout, wanted: Layout, live: Layout) -> Layout:
    """Apply to a live layout what changes from `base` to `wanted`.

    What has been changed in the live one since `base` stays as it is there: a value, or all of a
    panel or variable that would go. Of texts both sides' words stay.
    """
    return layout_from(_merged(of_layout(base), of_layout(wanted), of_layout(live), "title"))


def _merged(base: Values, wanted: Values, live: Values, text: str = "text") -> Values:
    """Merge values, those under `text` as texts."""
    found = dict(live)
    for key in {**base, **wanted}:
        was, new, now = (side.get(key, _GONE) for side in (base, wanted, live))
        if was == new:
            continue
        if now == was:
            if new is _GONE:
                del found[key]
            else:
                found[key] = new
        elif key == text and _all(str, was, new, now):
            found[key] = _merged_text(was, new, now)
        elif key != "formula" and _all(dict, was, new, now):
            found[key] = _merged(was, new, now)
    return found


def _all(kind: type, *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _merged_text(base: str, wanted: str, live: str) -> str:
    """Merge two changes of a text as two who type at once do."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc["text"] = pycrdt.Text(base)
    state = doc.get_update()
    for changed in (wanted, live):
        copy: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        copy.apply_update(state)
        change_text(copy.get("text", type=pycrdt.Text), changed)
        doc.apply_update(copy.get_update())
    return str(doc["text"])
