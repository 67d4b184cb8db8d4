"""A person's objects as a page lists them: four views, latest first, page after page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from collab import access, paging, people
from collab.access import Abilities
from collab.models import Grant, Role
from collab.shared import SharedObject, SharedQuerySet

ROWS = 50
# Rows that one answer holds, also when a page that showed more of them is brought up to date.
_MOST_ROWS = 500


class View(TextChoices):
    """What is listed, and by which time it is in order."""

    RECENT = "recent", _("Recent")
    OWNED = "owned", _("Owned by me")
    SHARED = "shared", _("Shared with me")
    TRASH = "trash", _("Trash")


@dataclass(frozen=True, slots=True)
class Row:
    """An object as one person sees it in a list.

    `at` is the time that the view is in order by; `owner` names its oldest owner, a person or a
    group; `granted` says that the person has a grant of their own, which they can give up.
    """

    shared: Any
    at: datetime
    can: Abilities
    owner: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a view. `after` is where the next page begins, empty on the last one."""

    view: View
    rows: list[Row]
    after: str


def page_of(
    model: type[SharedObject], user: Any, view: View, after: str = "", rows: int = ROWS
) -> Page:
    """Read a page in three queries, however many objects there are.

    Args:
        model: What is listed.
        user: Whose list it is; from `access.visitor`, it holds what their browser's links open.
        view: Which list.
        after: `Page.after` of the page before; what is none begins at the top.
        rows: How many, at most 500.
    """
    rows = min(max(rows, ROWS), _MOST_ROWS)
    found = paging.page_of(_objects(model, user, view), "listed_at", rows, after)
    return Page(view, _rows(user, found.rows), found.after or "")


def _objects(model: type[SharedObject], user: Any, view: View) -> SharedQuerySet[Any]:
    objects: SharedQuerySet[Any] = model.objects.all()
    match view:
        case View.RECENT:
            return objects.visited_by(user)
        case View.OWNED:
            return objects.alive().owned_by(user).listed_by("updated_at")
        case View.SHARED:
            return objects.alive().lent_to(user).listed_by("updated_at")
        case View.TRASH:
            return objects.trashed().owned_by(user).listed_by("trashed_at")


def _rows(user: Any, objects: Sequence[Any]) -> list[Row]:
    """Find out what the person may do to objects, and who owns them: two queries."""
    rooms = [one.room_id for one in objects]
    named = Q(role=Role.OWNER) & Q(token__isnull=True)
    grants = Grant.objects.filter(named | access.grants_of(user), room_id__in=rooms)
    by_room: dict[int, list[Grant]] = {}
    for grant in grants.select_related("user", "group").order_by("pk"):
        by_room.setdefault(grant.room_id, []).append(grant)
    groups = frozenset(user.groups.values_list("pk", flat=True))
    return [_row(user, groups, one, by_room.get(one.room_id, ())) for one in objects]


def _row(user: Any, groups: frozenset[int], shared: Any, grants: Iterable[Grant]) -> Row:
    links = access.links_of(user)
    own = [
        grant
        for grant in grants
        if grant.user_id == user.pk or grant.group_id in groups or grant.pk in links
    ]
    owners = (grant for grant in grants if grant.role == Role.OWNER)
    return Row(
        shared=shared,
        at=shared.listed_at,
        can=access.of_role(access.highest(grant.role for grant in own) or Role.READER),
        owner=next((_name(grant) for grant in owners), ""),
        granted=any(grant.user_id == user.pk for grant in own),
    )


def _name(grant: Grant) -> str:
    if grant.user is not None:
        return people.person_of(grant.user).name
    return str(grant.group)
