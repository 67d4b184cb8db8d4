"""Who may do what to a shared object, over HTTP: for its owners."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from channels.db import database_sync_to_async
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema, Status
from pydantic import AwareDatetime, BaseModel, ConfigDict

from collab import directory, sharing
from collab.access import Abilities
from collab.api import ApiError, errors
from collab.models import Grant, Role, Room
from collab.operations import Operations
from collab.request import require
from collab.shared import SharedObject

RoleName = Literal["reader", "commenter", "editor", "owner"]
Name = Annotated[str, Field(min_length=1, max_length=directory.NAME_LENGTH)]


class NewGrant(BaseModel):
    """A role for one of: `user` (user name or e-mail), `group` (its name), `link` (true).

    `expires_at` is for links: without it one works until what it opens is deleted.
    """

    model_config = ConfigDict(extra="forbid")

    role: RoleName
    user: Name | None = None
    group: Name | None = None
    link: Literal[True] | None = None
    expires_at: AwareDatetime | None = None


class RoleChange(BaseModel):
    """Another role."""

    model_config = ConfigDict(extra="forbid")

    role: RoleName


class GrantOut(Schema):
    """A role of a user, a group, or whoever opens a link; `url` is a link's address."""

    id: int
    role: RoleName
    user: str | None
    group: str | None
    url: str | None
    expires_at: datetime | None
    created_at: datetime


class Grants(Schema):
    """All grants of an object, oldest first."""

    grants: list[GrantOut]


def router_for(model: type[SharedObject]) -> Router:
    """Make the operations on a model's grants."""
    grants = Operations(model, "grants")
    one = "/grants/{int:grant_id}"
    grants.add(
        "GET", "/grants", index, response={200: Grants, **errors(404)}, summary="List grants"
    )
    grants.add(
        "POST", "/grants", create,
        response={201: GrantOut, **errors(400, 404, 409, 413)}, summary="Grant a role",
    )  # fmt: skip
    grants.add(
        "PATCH", one, change,
        response={200: GrantOut, **errors(400, 404, 409, 413)}, summary="Change a role",
    )  # fmt: skip
    grants.add(
        "DELETE", one, delete,
        response={204: None, **errors(404, 409)}, summary="Withdraw a grant",
    )  # fmt: skip
    return grants.router


async def index(request: HttpRequest, shared: SharedObject, can: Abilities) -> Any:
    """List who has which role, links with their addresses."""
    require(can, "share")
    grants = Grant.objects.filter(room=shared.room_id).select_related("user", "group")
    return {"grants": [_shown(request, grant) async for grant in grants.order_by("pk")]}


async def create(request: HttpRequest, shared: SharedObject, can: Abilities, new: NewGrant) -> Any:
    """Give a role to a user, to a group that the asker is in, or to whoever opens a new link.

    A user or group that has a role already has the new one in its place. A link cannot make owners.
    """
    require(can, "share")
    asked = (new.user is not None) + (new.group is not None) + (new.link is not None)
    if asked != 1:
        raise ApiError(422, "invalid", _("Send one of “user”, “group” and “link”."))
    if new.expires_at is not None and new.link is None:
        raise ApiError(422, "invalid", _("Only a link can expire."))
    if new.expires_at is not None and new.expires_at <= timezone.now():
        raise ApiError(422, "invalid", _("“expires_at” is in the past."))
    if new.expires_at is not None and new.expires_at > timezone.now() + sharing.LINK_LASTS_AT_MOST:
        raise ApiError(422, "invalid", _("“expires_at” must be within ten years."))
    make = database_sync_to_async(_make)
    return Status(201, _shown(request, await make(request.auth, shared.room, new)))  # type: ignore[attr-defined]


async def change(
    request: HttpRequest, shared: SharedObject, can: Abilities, grant_id: int, new: RoleChange
) -> Any:
    """Give another role to whom a grant is for. Open pages of theirs follow at once."""
    grant = await _grant(shared, can, grant_id)
    await database_sync_to_async(sharing.change_role)(grant, Role(new.role))
    return _shown(request, grant)


async def delete(request: HttpRequest, shared: SharedObject, can: Abilities, grant_id: int) -> Any:
    """Take a role away, or make a link void. Open pages that have no other right are closed."""
    grant = await _grant(shared, can, grant_id)
    await database_sync_to_async(sharing.withdraw)(grant)
    return Status(204, None)


async def _grant(shared: SharedObject, can: Abilities, grant_id: int) -> Grant:
    """Find a grant of an object, and of no other, for its owners."""
    require(can, "share")
    # SQLite's and PostgreSQL's keys end there.
    if grant_id >= 2**63:
        raise Http404
    grants = Grant.objects.filter(room=shared.room_id).select_related("room", "user", "group")
    found = await grants.filter(pk=grant_id).afirst()
    if found is None:
        raise Http404
    return found


def _make(actor: Any, room: Room, new: NewGrant) -> Grant:
    role = Role(new.role)
    if new.user is not None:
        made = sharing.grant(room, directory.find_person(new.user), role)
    elif new.group is not None:
        made = sharing.grant_group(room, directory.find_group(actor, new.group), role)
    else:
        made = sharing.create_link(room, role, new.expires_at)
    # With whom it is for: what is read later, on the loop, may not ask the database.
    return Grant.objects.select_related("user", "group").get(pk=made.pk)


def _shown(request: HttpRequest, grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "role": grant.role,
        "user": grant.user.get_username() if grant.user is not None else None,
        "group": grant.group.name if grant.group is not None else None,
        "url": request.build_absolute_uri(grant.get_absolute_url()) if grant.token else None,
        "expires_at": grant.expires_at,
        "created_at": grant.created_at,
    }
