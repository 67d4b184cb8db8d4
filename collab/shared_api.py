"""What the API has for every model of shared objects: lists of them, names, and the trash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status
from pydantic import BaseModel, ConfigDict

from collab import access, actions, paging
from collab.access import Abilities
from collab.api import ApiError, errors
from collab.models import Grant, Role
from collab.operations import Operations
from collab.request import require
from collab.shared import TITLE_LENGTH, SharedObject

T = TypeVar("T", bound=SharedObject)

Title = Annotated[str, Field(max_length=TITLE_LENGTH)]
View = Literal["all", "owned", "shared", "trash"]
PAGE = 50
_MOST_LISTED = 100
Limit = Annotated[int, Query(ge=1, le=_MOST_LISTED)]
Cursor = Annotated[str, Query(max_length=100)]


class SharedChange(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    trashed: bool | None = None


class SharedOut(Schema):
    """Something people share, and what the asker is to it; `socket` is its room's."""

    id: UUID
    title: str
    role: Literal["reader", "commenter", "editor", "owner"]
    url: str
    socket: str
    created_at: datetime
    updated_at: datetime
    trashed_at: datetime | None


def shown(request: HttpRequest, shared: SharedObject, role: Role | None) -> dict[str, Any]:
    """Return what `SharedOut` has of an object, but its socket, and the object itself."""
    return {
        "id": shared.pk,
        "title": shared.title,
        "role": role,
        "url": request.build_absolute_uri(shared.get_absolute_url()),
        "created_at": shared.created_at,
        "updated_at": shared.updated_at,
        "trashed_at": shared.trashed_at,
    }


def page(
    user: Any, model: type[T], view: View, limit: int, cursor: str
) -> tuple[list[tuple[T, Role]], str | None]:
    """Read a page of what somebody may see, latest edit first, each with their role: two queries.

    Returns:
        The page, and the cursor of the next one or None.
    """
    found = paging.page_of(_listed(user, model, view), "updated_at", limit, cursor)
    roles = _roles(user, found.rows)
    return [(one, roles[one.room_id]) for one in found.rows], found.after


def _listed(user: Any, model: type[SharedObject], view: View) -> Any:
    match view:
        case "owned":
            return model.objects.alive().owned_by(user)
        case "shared":
            return model.objects.alive().lent_to(user)
        case "trash":
            return model.objects.trashed().owned_by(user)
        case _:
            return model.objects.shared_with(user)


def _roles(user: Any, shared: Sequence[SharedObject]) -> dict[int, Role]:
    """Return the highest role in each object's room: one query."""
    rooms = [one.room_id for one in shared]
    found = Grant.objects.filter(access.grants_of(user), room_id__in=rooms)
    roles: dict[int, list[str]] = {}
    for room, role in found.values_list("room_id", "role"):
        roles.setdefault(room, []).append(role)
    # Between the two queries a grant may have gone.
    return {room: access.highest(roles.get(room, ())) or Role.READER for room in rooms}


Shown = Callable[[HttpRequest, Any, Role | None], dict[str, Any]]


def router_for(model: type[SharedObject], out: type[SharedOut], shown_as: Shown) -> Router:
    """Make the operations on one object of a model.

    Args:
        model: The model.
        out: What is answered.
        shown_as: Makes that of an object and the asker's role in it.
    """
    objects = Operations(model, model.PAGES)

    async def detail(request: HttpRequest, shared: SharedObject, can: Abilities) -> Any:
        """Return what is known beside the content."""
        return shown_as(request, shared, can.role)

    async def change(
        request: HttpRequest, shared: SharedObject, can: Abilities, wanted: SharedChange
    ) -> Any:
        """Rename it, move it to the trash, or restore it from there.

        A title takes an editor, the trash an owner. What lies in the trash is restored first, and
        what goes there is renamed before.
        """
        do = database_sync_to_async(_change)
        return shown_as(request, shared, await do(request, shared, can, wanted))

    objects.add(
        "GET", "", detail,
        response={200: out, **errors(404)}, summary=f"Look at a {model.KIND}",
    )  # fmt: skip
    objects.add(
        "PATCH", "", change,
        response={200: out, **errors(400, 404, 409, 413)},
        summary=f"Rename, trash or restore a {model.KIND}",
    )  # fmt: skip
    objects.add(
        "DELETE", "", delete,
        response={204: None, **errors(404, 409)}, summary=f"Delete a {model.KIND}",
    )  # fmt: skip
    return objects.router


async def delete(
    request: HttpRequest, shared: SharedObject, can: Abilities, forever: bool = False
) -> Any:
    """Move it to the trash, or delete what is there with `?forever=true`.

    That takes an owner; what is deleted for ever is gone with its history and its files.
    """
    require(can, "share")
    act = database_sync_to_async(actions.delete if forever else actions.trash)
    done = await act(actor=request.auth, shared=shared)  # type: ignore[attr-defined]
    if forever and not done:
        raise ApiError(409, "not_in_trash", _("Move it to the trash first."))
    return Status(204, None)


def _change(
    request: HttpRequest, shared: SharedObject, can: Abilities, wanted: SharedChange
) -> Role | None:
    """Make a change, and return the asker's role after it. Raises ApiError."""
    user = request.auth  # type: ignore[attr-defined]
    if wanted.trashed is not None:
        require(can, "share")
    if wanted.title is not None and wanted.trashed is not False:
        require(can, "write")
    if wanted.trashed is False:
        actions.restore(actor=user, shared=shared)
    if wanted.title is not None:
        actions.rename(actor=user, shared=shared, title=wanted.title)
    if wanted.trashed:
        actions.trash(actor=user, shared=shared)
    shared.refresh_from_db()
    return access.abilities(user, shared).role
