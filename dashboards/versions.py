"""A dashboard's versions: what one holds, what changed to another, and restoring one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collab.versions import Restored, replica_at
from dashboards import actions
from dashboards.layout import exchange
from dashboards.layout.arrange import arrange
from dashboards.layout.compare import Change, Of, What
from dashboards.layout.compare import compare as changes_between
from dashboards.layout.model import Cells, Layout, Panel, PanelKind
from dashboards.layout.read import layout_of
from dashboards.models import Dashboard

FORMATS: tuple[str, ...] = ("json",)
KINDS: Mapping[str, Any] = {
    PanelKind.STAT: gettext_lazy("number"),
    PanelKind.TIMESERIES: gettext_lazy("chart"),
    PanelKind.GAUGE: gettext_lazy("gauge"),
    PanelKind.BARS: gettext_lazy("bar list"),
    PanelKind.TABLE: gettext_lazy("table"),
    PanelKind.STATUS: gettext_lazy("status grid"),
    PanelKind.TEXT: gettext_lazy("text"),
}
"""What people call the kinds of panels."""

_FIELDS: Mapping[str, Any] = {
    "kind": gettext_lazy("kind"),
    "queries": gettext_lazy("queries"),
    "formula": gettext_lazy("formula"),
    "unit": gettext_lazy("unit"),
    "decimals": gettext_lazy("decimals"),
    "min": gettext_lazy("minimum"),
    "max": gettext_lazy("maximum"),
    "thresholds": gettext_lazy("thresholds"),
    "legend": gettext_lazy("legend"),
    "nulls": gettext_lazy("gaps"),
    "style": gettext_lazy("style"),
    "stacked": gettext_lazy("stacking"),
    "limit": gettext_lazy("number of lines"),
    "text": gettext_lazy("text"),
    "label": gettext_lazy("label"),
    "metric": gettext_lazy("metric"),
    "options": gettext_lazy("options"),
    "default": gettext_lazy("default"),
    "multi": gettext_lazy("several at once"),
    "order": gettext_lazy("place"),
}
_OF_PANEL: Mapping[What, Any] = {
    What.ADDED: gettext_lazy("Added the panel %(name)s."),
    What.REMOVED: gettext_lazy("Removed the panel %(name)s."),
    What.RENAMED: gettext_lazy("Renamed the panel %(was)s to %(name)s."),
    What.MOVED: gettext_lazy("Moved the panel %(name)s."),
    What.RESIZED: gettext_lazy("Resized the panel %(name)s."),
    What.CHANGED: gettext_lazy("Changed the panel %(name)s: %(fields)s."),
}
_OF_VARIABLE: Mapping[What, Any] = {
    What.ADDED: gettext_lazy("Added the variable %(name)s."),
    What.REMOVED: gettext_lazy("Removed the variable %(name)s."),
    What.CHANGED: gettext_lazy("Changed the variable %(name)s: %(fields)s."),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel of a version: where it was shown, and what people call its kind."""

    panel: Panel
    cells: Cells
    kind: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A version: its title, and its panels in the order of the page."""

    title: str
    layout: Layout
    panels: list[Shown]


@dataclass(frozen=True, slots=True)
class Told:
    """A change, and the sentence that says it."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one version to another."""

    title: str
    changes: list[Told]


def read(shared: Dashboard, seq: int | None) -> Reading:
    """Return what a version holds. Raises as `collab.versions.replica_at`."""
    layout = layout_at(shared, seq)
    cells = arrange({key: panel.place for key, panel in layout.panels.items()})
    panels = [
        Shown(panel, cells[key], str(KINDS[panel.kind])) for key, panel in layout.panels.items()
    ]
    return Reading(layout.title, layout, panels)


def written(shared: Dashboard, seq: int | None, format: str) -> str:
    """Return a version as a file that can be imported. Raises as `read`."""
    return exchange.written(layout_at(shared, seq))


def compare(shared: Dashboard, old: int, new: int | None) -> Comparison:
    """Tell what changed between two versions; 0 is the empty dashboard. Raises as `read`."""
    was = layout_at(shared, old) if old else Layout("", {})
    now = layout_at(shared, new)
    return Comparison(now.title, describe(was, now))


def describe(old: Layout, new: Layout) -> list[Told]:
    """Say what changed from one layout to another, a sentence for each change."""
    return [Told(change, _sentence(change)) for change in changes_between(old, new)]


def restore(*, actor: Any, shared: Dashboard, seq: int, since: int | None = None) -> Restored:
    """Make the live layout what it was after a row, by the smallest edit, the actor's.

    What others change meanwhile stays, and what came after the version can be restored, too.

    Args:
        actor: A user, or the anonymous one whom a link let in.
        shared: Whose `room` is loaded.
        seq: The version.
        since: Take back only what changed from the version to this later row; what came after it
            stays. That undoes a restore.

    Raises:
        NoSuchVersion, NoSuchRoom, EpochChanged, UpdateRejected: nothing was changed.
    """
    wanted = layout_of(replica_at(shared, seq), whole=True)
    base = None if since is None else layout_of(replica_at(shared, since), whole=True)
    done = actions.set_layout(actor=actor, dashboard=shared, layout=wanted, base=base)
    return Restored(done.seq, done.seq - 1 if done.changed else None)


def layout_at(shared: Dashboard, seq: int | None) -> Layout:
    """Return a layout as it was after a row, or as it is now. Raises as `replica_at`."""
    return layout_of(replica_at(shared, seq))


def _sentence(change: Change) -> str:
    if change.of is Of.PANEL:
        words = {"name": _name(change.name, change.kind), "was": _name(change.was, change.kind)}
        said = _OF_PANEL[change.what]
    elif change.of is Of.VARIABLE:
        words = {"name": f"${change.name}"}
        said = _OF_VARIABLE[change.what]
    elif change.what is What.RENAMED:
        words = {"name": change.name or _("Untitled"), "was": change.was or _("Untitled")}
        said = _("Renamed the dashboard “%(was)s” to “%(name)s”.")
    else:
        words = {}
        said = _("Changed the time range that is shown at first.")
    fields = ", ".join(str(_FIELDS[field]) for field in change.fields if field in _FIELDS)
    return str(said) % (words | {"fields": fields})


def _name(title: str, kind: str) -> str:
    if title:
        return _("“%s”") % title
    return _("without a title (%s)") % str(KINDS[kind])
