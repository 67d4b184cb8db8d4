"""What changed from one layout to another, as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dashboards.layout.model import Layout, Panel, Variable
from dashboards.layout.values import of_panel, of_variable


class What(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    MOVED = "moved"
    RESIZED = "resized"
    CHANGED = "changed"


class Of(StrEnum):
    DASHBOARD = "dashboard"
    PANEL = "panel"
    VARIABLE = "variable"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    `name` is what the panel, variable or dashboard is called now, or was when it was removed, and
    `was` what it was called before, of a renamed one. A panel has its `id` and `kind`. `fields` are
    the names of the values that changed, of a changed one.
    """

    of: Of
    what: What
    name: str
    was: str = ""
    id: str = ""
    kind: str = ""
    fields: tuple[str, ...] = ()


def compare(old: Layout, new: Layout) -> list[Change]:
    """List what changed: of the dashboard, of its panels from the top, of its variables.

    Panels that others pushed did not move: only where people put them counts.
    """
    found = []
    if old.title != new.title:
        found.append(Change(Of.DASHBOARD, What.RENAMED, new.title, was=old.title))
    if old.range != new.range:
        found.append(Change(Of.DASHBOARD, What.CHANGED, new.title, fields=("range",)))
    for key, panel in new.panels.items():
        if key in old.panels:
            found += _of_panel(old.panels[key], panel)
        else:
            found.append(_about(panel, What.ADDED))
    found += [_about(p, What.REMOVED) for key, p in old.panels.items() if key not in new.panels]
    return found + _of_variables(old.variables, new.variables)


def _of_panel(old: Panel, new: Panel) -> list[Change]:
    found = []
    if old.title != new.title:
        found.append(_about(new, What.RENAMED, was=old.title))
    was, now = old.place, new.place
    if (was.x, was.y) != (now.x, now.y):
        found.append(_about(new, What.MOVED))
    if (was.w, was.h) != (now.w, now.h):
        found.append(_about(new, What.RESIZED))
    fields = _differing(of_panel(old), of_panel(new), "title", "x", "y", "w", "h")
    return [*found, _about(new, What.CHANGED, fields=fields)] if fields else found


def _about(panel: Panel, what: What, **more: Any) -> Change:
    return Change(Of.PANEL, what, panel.title, id=panel.id, kind=panel.kind.value, **more)


def _of_variables(old: tuple[Variable, ...], new: tuple[Variable, ...]) -> list[Change]:
    was, now = ({variable.name: variable for variable in side} for side in (old, new))
    found = []
    for name, variable in now.items():
        if name not in was:
            found.append(Change(Of.VARIABLE, What.ADDED, name))
        elif fields := _differing(of_variable(was[name]), of_variable(variable)):
            found.append(Change(Of.VARIABLE, What.CHANGED, name, fields=fields))
    gone = [Change(Of.VARIABLE, What.REMOVED, name) for name in was if name not in now]
    return found + gone


def _differing(old: dict[str, Any], new: dict[str, Any], *besides: str) -> tuple[str, ...]:
    return tuple(key for key in new if key not in besides and old[key] != new[key])
