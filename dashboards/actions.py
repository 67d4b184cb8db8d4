"""Writes to dashboards: check, do, announce. Each is an edit of the room, as small as it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from collab import actions, edits
from collab.actions import delete, leave, rename, restore, trash
from collab.engine.errors import CollabError
from collab.engine.replica import replica_of
from collab.shared import clean_title
from dashboards.layout import change, exchange
from dashboards.layout.check import NewPanel, PanelChange
from dashboards.layout.merge import merged
from dashboards.layout.model import (
    PANELS_AT_MOST,
    QUERIES_AT_MOST,
    VARIABLES_AT_MOST,
    Layout,
    Panel,
)
from dashboards.layout.read import in_order, layout_of
from dashboards.models import Dashboard

__all__ = [
    "Edited", "NoSuchPanel", "TooMany", "add_panel", "add_panels", "change_panel",
    "create_dashboard", "delete", "duplicate", "edit", "leave", "remove_panel", "rename",
    "restore", "set_layout", "trash",
]  # fmt: skip


class NoSuchPanel(CollabError):
    """The dashboard has no panel of that id."""


class TooMany(CollabError):
    """More panels, queries or variables than are shown; the text says so, for a person."""


def create_dashboard(
    *, actor: AbstractBaseUser, title: str = "", layout: Layout | None = None
) -> Dashboard:
    """Create a dashboard that `actor` owns.

    Args:
        actor: Its owner, and the author of its first layout.
        title: Its title, one line; empty: the layout's.
        layout: What is in it; None: nothing.
    """
    if layout is None:
        return actions.create(Dashboard, actor=actor, title=title)
    title = clean_title(title) or layout.title
    content = change.new_state(replace(layout, title=title))
    return actions.create(Dashboard, actor=actor, title=title, content=content)


def duplicate(*, actor: AbstractBaseUser, shared: Dashboard) -> Dashboard:
    """Make a copy of a dashboard's present layout, without its past, which `actor` owns.

    Raises:
        NoSuchRoom, UpdateRejected: the original cannot be read.
    """
    layout = layout_of(replica_of(edits.state_of(shared.room_id)))
    return create_dashboard(actor=actor, title=_("Copy of %s") % shared, layout=layout)


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit made. `seq` is that of the last one if nothing had to change."""

    seq: int
    layout: Layout
    changed: bool


def edit(*, actor: AbstractBaseUser, dashboard: Dashboard, change_to: change.Change) -> Edited:
    """Change a layout, by an edit of its room that open pages see.

    What others change meanwhile stays: only what `change_to` changes is written.

    Args:
        actor: Whose edit it is.
        dashboard: What is changed.
        change_to: From the layout that is stored to the one that is to be.

    Raises:
        NoSuchRoom, EpochChanged, UpdateRejected: the room does not take it.
    """
    after: list[Layout] = []
    updates: list[bytes | None] = []

    def noted(before: Layout) -> Layout:
        after.append(change_to(before))
        return after[-1]

    def make(state: bytes) -> bytes | None:
        updates.append(change.edit(state, noted))
        return updates[-1]

    room_id = dashboard.room_id
    seq = edits.edit(room_id, actor.pk, make)
    changed = updates[-1] is not None
    if changed:
        actions.mirror_title(
            Dashboard, room_id=room_id, title=after[-1].title, edited_at=timezone.now()
        )
    return Edited(seq, after[-1], changed)


def add_panel(*, actor: AbstractBaseUser, dashboard: Dashboard, new: NewPanel) -> Panel:
    """Add a panel, below the others unless it says where.

    Raises:
        TooMany: it would not be shown.
        NoSuchRoom, EpochChanged, UpdateRejected: as `edit`.
    """
    key = exchange.new_id()

    def added(before: Layout) -> Layout:
        return _with_panels(before, [exchange.made(new, key, _below(before))])

    return edit(actor=actor, dashboard=dashboard, change_to=added).layout.panels[key]


def change_panel(
    *, actor: AbstractBaseUser, dashboard: Dashboard, key: str, wanted: PanelChange
) -> Panel:
    """Change those values of a panel that are given.

    Raises:
        NoSuchPanel: it is not there, or no more.
        TooMany: it would have more queries than are asked.
        NoSuchRoom, EpochChanged, UpdateRejected: as `edit`.
    """

    def changed(before: Layout) -> Layout:
        had = _panel_in(before, key)
        gone = {name for name, query in wanted.queries.items() if query is None}
        if len((had.queries.keys() | wanted.queries) - gone) > QUERIES_AT_MOST:
            raise TooMany(
                _("A panel may have %d queries at most. Remove one first.") % QUERIES_AT_MOST
            )
        panel = exchange.changed(had, wanted)
        return replace(before, panels=in_order((before.panels | {key: panel}).values()))

    return edit(actor=actor, dashboard=dashboard, change_to=changed).layout.panels[key]


def remove_panel(*, actor: AbstractBaseUser, dashboard: Dashboard, key: str) -> None:
    """Remove a panel. Raises as `change_panel`."""

    def without(before: Layout) -> Layout:
        _panel_in(before, key)
        return replace(before, panels={k: p for k, p in before.panels.items() if k != key})

    edit(actor=actor, dashboard=dashboard, change_to=without)


def set_layout(
    *,
    actor: AbstractBaseUser,
    dashboard: Dashboard,
    layout: Layout,
    keep_title: bool = False,
    base: Layout | None = None,
    check: Callable[[Layout], None] = lambda live: None,
) -> Edited:
    """Make a dashboard's layout a wanted one, by the smallest edit.

    Args:
        actor: Whose edit it is.
        dashboard: What is changed.
        layout: As it is to be.
        keep_title: Not its title.
        base: What `layout` was made of: only what is different from that is written, and what has
            been changed since stays.
        check: Looks at the layout that is there, and raises if it is not to be changed.

    Raises:
        NoSuchRoom, EpochChanged, UpdateRejected: as `edit`; and what `check` raises.
    """

    def wanted(live: Layout) -> Layout:
        check(live)
        made = replace(layout, title=(base or live).title) if keep_title else layout
        return made if base is None else merged(base, made, live)

    return edit(actor=actor, dashboard=dashboard, change_to=wanted)


def add_panels(*, actor: AbstractBaseUser, dashboard: Dashboard, layout: Layout) -> Edited:
    """Add the panels of another layout anew below those that are there, and its variables.

    A variable that is there already stays as it is.

    Raises:
        TooMany: not all of them would be shown.
        NoSuchRoom, EpochChanged, UpdateRejected: as `edit`.
    """
    keys = [exchange.new_id() for _ in layout.panels]

    def added(before: Layout) -> Layout:
        first = _below(before)
        panels = [
            replace(panel, id=key, place=replace(panel.place, y=first + at))
            for at, (key, panel) in enumerate(zip(keys, layout.panels.values(), strict=True))
        ]
        known = {variable.name for variable in before.variables}
        last = max((variable.order for variable in before.variables), default=0.0)
        new = [
            replace(variable, order=last + at)
            for at, variable in enumerate(layout.variables, 1)
            if variable.name not in known
        ]
        if len(known) + len(new) > VARIABLES_AT_MOST:
            raise TooMany(
                _("A dashboard may have %d variables at most. Remove one first.")
                % VARIABLES_AT_MOST
            )
        return replace(_with_panels(before, panels), variables=(*before.variables, *new))

    return edit(actor=actor, dashboard=dashboard, change_to=added)


def _below(layout: Layout) -> float:
    """Return the place in the order that is below all panels."""
    return max((panel.place.y + panel.place.h for panel in layout.panels.values()), default=0.0)


def _with_panels(before: Layout, panels: list[Panel]) -> Layout:
    """Return a layout with panels added. Raises TooMany."""
    if len(before.panels) + len(panels) > PANELS_AT_MOST:
        raise TooMany(
            _("A dashboard may have %d panels at most. Remove one first.") % PANELS_AT_MOST
        )
    return replace(before, panels=in_order([*before.panels.values(), *panels]))


def _panel_in(layout: Layout, key: str) -> Panel:
    """Return a panel of a layout. Raises NoSuchPanel."""
    if key not in layout.panels:
        raise NoSuchPanel(_("There is no such panel; somebody may have removed it."))
    return layout.panels[key]
