"""A shared object's history over HTTP: for who may write in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from channels.db import database_sync_to_async
from django.http import Http404, HttpRequest
from ninja import Field, Query, Schema, Status
from pydantic import BaseModel, ConfigDict

from collab import history
from collab.access import Abilities
from collab.api import errors
from collab.models import Version
from collab.operations import Operations, in_thread
from collab.request import require
from collab.shared import SharedObject
from collab.versions import Shown, Versions, with_people

_MOST_LISTED = 100
# Databases' numbers end there.
_END = 2**63
ONE = "/versions/{int:seq}"
"""Where one version is, under the object's address."""
Seq = Annotated[int, Field(ge=1, lt=_END)]


class Author(Schema):
    """Somebody with an account."""

    id: str
    name: str


class VersionOut(Schema):
    """One author's edits without a long rest, named by the last of them.

    `author` is null for somebody without an account, `name` for a version without one. `edits` is 0
    where only the name is left: the edits were folded.
    """

    seq: int
    from_seq: int
    author: Author | None
    started_at: datetime
    ended_at: datetime
    edits: int
    name: str | None


class VersionPage(Schema):
    """Some versions, newest first; `next` is the `cursor` of those before, or null."""

    versions: list[VersionOut]
    next: int | None


class NewName(BaseModel):
    """A name for a version, or for the object as it is now."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=Version.NAME_LENGTH)]
    seq: Seq | None = None


class NamedVersion(Schema):
    """A version that is kept for ever. `created_at` is when the last of its edits was made."""

    seq: int
    name: str
    created_at: datetime


class RestoredVersion(Schema):
    """The seq of the edit that restored it, or of the last one if nothing had to change."""

    seq: int


def operations_of(model: type[SharedObject], kept: Versions) -> Operations:
    """Make the operations on a model's versions. Reading one, `GET`, is the model's own to add."""
    versions = Operations(model, "versions")
    versions.add(
        "GET", "/versions", index,
        response={200: VersionPage, **errors(404)}, summary="List versions",
    )  # fmt: skip
    versions.add(
        "POST", "/versions", name,
        response={201: NamedVersion, **errors(400, 404, 409, 413)}, summary="Name a version",
    )  # fmt: skip
    versions.add(
        "DELETE", ONE, unname,
        response={204: None, **errors(404)}, summary="Take a version's name away",
    )  # fmt: skip
    versions.add(
        "POST", f"{ONE}/restore", _restoring(kept),
        response={200: RestoredVersion, **errors(404, 409)}, summary="Restore a version",
    )  # fmt: skip
    return versions


async def index(
    request: HttpRequest,
    shared: SharedObject,
    can: Abilities,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = history.PAGE,
    cursor: Annotated[int | None, Query(ge=1, lt=_END)] = None,
) -> Any:
    """List who wrote when, newest first."""
    require(can, "write")

    def read() -> dict[str, Any]:
        page = history.timeline(shared.room, before=cursor, limit=limit)
        shown = with_people(page.entries)
        return {"versions": [_shown(version) for version in shown], "next": page.before}

    return await database_sync_to_async(read)()


async def name(request: HttpRequest, shared: SharedObject, can: Abilities, new: NewName) -> Any:
    """Give a version a name, or another one; without `seq`, the state as it is now.

    Names that others gave are for owners to change. There are 1000 names at most.
    """
    require(can, "write")
    give = in_thread(history.name_version)
    named = await give(
        actor=_account(request), room=shared.room, name=new.name, seq=new.seq, as_owner=can.share
    )
    return Status(201, named)


async def unname(request: HttpRequest, shared: SharedObject, can: Abilities, seq: int) -> Any:
    """Take a version's name away: for owners, and who gave it. Its edits stay as others do."""
    require(can, "write")
    take = database_sync_to_async(history.unname_version)
    await take(actor=_account(request), room=shared.room, seq=in_bounds(seq), as_owner=can.share)
    return Status(204, None)


def _restoring(kept: Versions) -> Callable[..., Awaitable[Any]]:
    async def restore(
        request: HttpRequest,
        shared: SharedObject,
        can: Abilities,
        seq: int,
        since: Annotated[int | None, Query(ge=1, lt=_END)] = None,
    ) -> Any:
        """Make it what it was after an edit, by an edit: what others do meanwhile stays.

        With `since`, only what changed from there to the edit `since` is taken back. So a restore
        that was answered with N is undone by restoring N - 1 since N: what came after it stays.
        """
        require(can, "write")
        bring_back = in_thread(kept.restore)
        user = request.auth  # type: ignore[attr-defined]
        restored = await bring_back(actor=user, shared=shared, seq=in_bounds(seq), since=since)
        return {"seq": restored.seq}

    return restore


def _account(request: HttpRequest) -> Any:
    """Return the asker if they have an account, else None."""
    user = request.auth  # type: ignore[attr-defined]
    return user if user.is_authenticated else None


def in_bounds(seq: int) -> int:
    """Return a seq of an address; one that no database holds is nowhere. Raises Http404."""
    if seq >= _END:
        raise Http404
    return seq


def _shown(version: Shown) -> dict[str, Any]:
    entry, person = version.entry, version.person
    return {
        "seq": entry.seq,
        "from_seq": entry.from_seq,
        "author": {"id": person["id"], "name": person["name"]} if person["id"] else None,
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "edits": entry.edits,
        "name": entry.name,
    }
